import { at64, atInt32, type BarColumns, durationOf, type SymbolId, type Timeframe } from '../../core/index.ts';
import { aggregateBars, spacingOf } from '../../marketfiles/index.ts';
import { type Fault, faultsOfRuns, quantileOf, runsOf } from './fault.ts';

/** Prices of the same market on the same venue agree to the tick; on another venue or contract, to some tenths of a per cent. */
const SAME_VENUE_TOLERANCE = 0.001;
const WIDEST_TOLERANCE = 0.005;
const LARGEST_SHIFT_BARS = 96;

/**
 * Compares with other bars of the same market, of the same or another timeframe (the finer ones are aggregated; bars with a
 * part missing are left out). `ignored` marks bars that are reported already.
 */
export function compareWithOwn(bars: BarColumns, timeframe: Timeframe, own: BarColumns, ignored: Uint8Array): Fault[] {
  const ownTimeframe = spacingOf(own);
  if (ownTimeframe === undefined) return [];
  const common = durationOf(ownTimeframe) > durationOf(timeframe) ? ownTimeframe : timeframe;
  const left = completeBars(withoutIgnored(bars, ignored), timeframe, common);
  const right = completeBars(own, ownTimeframe, common);
  if (left === undefined || right === undefined) return [];
  const pairs = pairUp(left, right);
  if (pairs.length < 10) return [];
  const distance = Float64Array.from(pairs, ([i, k]) => closenessOf(left, i, right, k));
  const usual = quantileOf(distance, 0.5);
  const whole = (detail: string) =>
    faultsOfRuns('PRICE_DISAGREES', [{ start: 0, end: left.length }], left, durationOf(common), () => detail);
  if (usual > SAME_VENUE_TOLERANCE / 2) {
    const shift = findShift(left, right, durationOf(common), 0.5);
    if (shift !== undefined) {
      return whole(`the bars agree with other bars of the market only when moved by ${shift} bars of ${common}`);
    }
  }
  const tolerance = Math.min(WIDEST_TOLERANCE, Math.max(SAME_VENUE_TOLERANCE, 8 * usual));
  const disagrees = new Uint8Array(left.length);
  const partner = new Int32Array(left.length);
  let count = 0;
  const tick = Math.max(tickOf(left), tickOf(right));
  pairs.forEach(([i, k], position) => {
    partner[i] = k;
    if (at64(distance, position) <= tolerance + allowance(left, i, right, k, tick, usual)) return;
    disagrees[i] = 1;
    count++;
  });
  const runs = runsOf(disagrees, 4);
  if (runs.length > 10 && count > 0.5 * pairs.length) {
    const ratio = quantileOf(
      Float64Array.from(pairs, ([i, k]) => at64(left.close, i) / at64(right.close, k)),
      0.5,
    );
    const percent = Math.round((100 * count) / pairs.length);
    return whole(
      `${percent} % of the bars disagree with other bars of the market; the median ratio is ${ratio.toPrecision(4)}`,
    );
  }
  return faultsOfRuns('PRICE_DISAGREES', runs, left, durationOf(common), ({ start }) => {
    const k = atInt32(partner, start);
    const prices = (bars: BarColumns, i: number) =>
      (['open', 'high', 'low', 'close'] as const).map((name) => at64(bars[name], i)).join(' ');
    return `open, high, low, close ${prices(left, start)}; other ${ownTimeframe} bars of the market say ${prices(right, k)}`;
  });
}

/** Compares with other markets of the same time: are these the bars of one of them, or of none of this world? */
export function compareWithNeighbours(
  bars: BarColumns,
  timeframe: Timeframe,
  neighbours: ReadonlyMap<SymbolId, BarColumns>,
): Fault[] {
  const whole = (code: Fault['code'], detail: string): Fault[] =>
    faultsOfRuns(code, [{ start: 0, end: bars.length }], bars, durationOf(timeframe), () => detail);
  let joint: Map<number, number> | undefined;
  let counted = 0;
  let common: Timeframe | undefined;
  for (const [symbol, neighbour] of neighbours) {
    const spacing = spacingOf(neighbour);
    if (spacing === undefined) continue;
    common ??= durationOf(spacing) > durationOf(timeframe) ? spacing : timeframe;
    const left = completeBars(bars, timeframe, common);
    const right = completeBars(neighbour, spacing, common);
    if (left === undefined || right === undefined) continue;
    const pairs = pairUp(left, right);
    const equal = pairs.filter(([i, k]) => at64(left.close, i) === at64(right.close, k)).length;
    if (pairs.length >= 50 && equal > 0.5 * pairs.length) {
      return whole('PRICE_DISAGREES', `these are the bars of ${symbol}: ${equal} of ${pairs.length} closes are equal`);
    }
    if (pairs.length < MARKET_BARS) continue;
    joint ??= new Map();
    counted++;
    for (const [time, size] of returnsOf(right, durationOf(common))) joint.set(time, (joint.get(time) ?? 0) + size);
  }
  if (joint === undefined || common === undefined || counted < 3) return [];
  const own = completeBars(bars, timeframe, common);
  if (own === undefined) return [];
  const duration = durationOf(common);
  const returns = returnsOf(own, duration);
  const atOnce = correlation(returns, joint, 0);
  if (!(atOnce < 0.06)) return [];
  for (let shift = 1; shift <= LARGEST_SHIFT_BARS; shift++) {
    for (const signed of [shift, -shift]) {
      if (correlation(returns, joint, signed * duration) > 0.2) {
        return whole(
          'IMPLAUSIBLE',
          `the market moves with its neighbours only when moved by ${signed} bars of ${common}`,
        );
      }
    }
  }
  return whole(
    'IMPLAUSIBLE',
    `the returns have nothing in common with those of ${counted} neighbours (correlation ${atOnce.toFixed(2)})`,
  );
}

/** Common bars below which nothing is said about how a market moves with others. */
const MARKET_BARS = 500;

/** Bars of `to`, each from all its parts; undefined where that cannot be made. */
function completeBars(bars: BarColumns, from: Timeframe, to: Timeframe): BarColumns | undefined {
  if (from === to) return bars;
  const ratio = durationOf(to) / durationOf(from);
  if (!Number.isInteger(ratio)) return undefined;
  // Ones in a column that is summed count the parts.
  const counted = aggregateBars({ ...bars, quoteVolume: new Float64Array(bars.length).fill(1) }, from, to);
  const kept = new Uint8Array(counted.length);
  for (let i = 0; i < counted.length; i++) kept[i] = at64(counted.quoteVolume, i) === ratio ? 1 : 0;
  return withoutIgnored(
    counted,
    kept.map((mark) => 1 - mark),
  );
}

function withoutIgnored(bars: BarColumns, ignored: Uint8Array): BarColumns {
  if (!ignored.includes(1)) return bars;
  const keep = (column: Float64Array) => column.filter((_, i) => ignored[i] !== 1);
  const openTime = keep(bars.openTime);
  return {
    length: openTime.length,
    openTime,
    open: keep(bars.open),
    high: keep(bars.high),
    low: keep(bars.low),
    close: keep(bars.close),
    volume: keep(bars.volume),
    quoteVolume: keep(bars.quoteVolume),
    takerBuyVolume: keep(bars.takerBuyVolume),
  };
}

/** Indices of bars with the same open time. */
function pairUp(left: BarColumns, right: BarColumns, offset = 0): [number, number][] {
  const pairs: [number, number][] = [];
  let k = 0;
  for (let i = 0; i < left.length; i++) {
    const time = at64(left.openTime, i) + offset;
    while (k < right.length && at64(right.openTime, k) < time) k++;
    if (k < right.length && at64(right.openTime, k) === time) pairs.push([i, k]);
  }
  return pairs;
}

/** Largest log distance of the four prices; wicks differ more between venues and count a third. */
function closenessOf(left: BarColumns, i: number, right: BarColumns, k: number): number {
  const apart = (name: 'open' | 'high' | 'low' | 'close') =>
    Math.abs(Math.log(at64(left[name], i) / at64(right[name], k)));
  const distance = Math.max(apart('open'), apart('close'), apart('high') / 3, apart('low') / 3);
  return Number.isFinite(distance) ? distance : 1;
}

/** A tick either way; between venues also a part of the bar's range, as the ends of a rush differ from book to book. */
function allowance(left: BarColumns, i: number, right: BarColumns, k: number, tick: number, usual: number): number {
  const price = at64(right.close, k);
  if (usual < SAME_VENUE_TOLERANCE / 5) return tick / price;
  const range = Math.min(at64(left.high, i) - at64(left.low, i), at64(right.high, k) - at64(right.low, k));
  return (tick + 0.15 * Math.max(0, range)) / price;
}

/** One unit of the last decimal place in use, at least 1e-10. */
function tickOf(bars: BarColumns): number {
  let places = 0;
  const stride = Math.max(1, Math.floor(bars.length / 200));
  for (let i = 0; i < bars.length; i += stride) {
    const decimals = String(at64(bars.close, i)).split('.')[1]?.length ?? 0;
    places = Math.max(places, Math.min(10, decimals));
  }
  return 10 ** -places;
}

/** The number of bars by which `left` must be moved for most closes to be equal. */
function findShift(left: BarColumns, right: BarColumns, duration: number, share: number): number | undefined {
  for (let shift = 1; shift <= LARGEST_SHIFT_BARS; shift++) {
    for (const signed of [shift, -shift]) {
      const pairs = pairUp(left, right, signed * duration).slice(0, 500);
      const equal = pairs.filter(([i, k]) => at64(left.close, i) === at64(right.close, k)).length;
      if (pairs.length >= 10 && equal > share * pairs.length) return signed;
    }
  }
  return undefined;
}

function returnsOf(bars: BarColumns, duration: number): Map<number, number> {
  const returns = new Map<number, number>();
  for (let i = 1; i < bars.length; i++) {
    const time = at64(bars.openTime, i);
    if (time - at64(bars.openTime, i - 1) !== duration) continue;
    const size = Math.log(at64(bars.close, i) / at64(bars.close, i - 1));
    // A single crash or a bad bar must not decide about a year: returns are clipped.
    if (Number.isFinite(size)) returns.set(time, Math.max(-0.03, Math.min(0.03, size)));
  }
  return returns;
}

function correlation(left: ReadonlyMap<number, number>, right: ReadonlyMap<number, number>, offset: number): number {
  let together = 0;
  let ofLeft = 0;
  let ofRight = 0;
  let count = 0;
  for (const [time, a] of left) {
    const b = right.get(time + offset);
    if (b === undefined) continue;
    together += a * b;
    ofLeft += a * a;
    ofRight += b * b;
    count++;
  }
  return count < MARKET_BARS ? Number.NaN : together / Math.sqrt(ofLeft * ofRight);
}
