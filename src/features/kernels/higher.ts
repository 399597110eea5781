import { at64, HOUR_MS } from '../../core/index.ts';
import { after, bar, CLOSE, defineNode, FUNDING_RATE, HIGH, LOW, type Node, OPEN, TIME, VOLUME } from '../program.ts';
import { atrUnit } from './averages.ts';
import { quotient, root } from './combine.ts';
import { windowMean } from './windows.ts';

/*
 * Bars of 4 hours and of a day, made of clock-aligned 1h bars inside the slow stage, and only once they have closed. The bar in the making
 * is not looked at, save for its own open.
 */

/** Numbers of closed bars kept: a power of two above the longest window. */
const KEPT: Readonly<Record<Hours, number>> = { 4: 128, 24: 16 };
/** Hours a bar takes; its closes are multiples of that in UTC. */
export type Hours = 4 | 24;

/** Where the parts of the closed bars lie, from the node's slot on. */
const CLOSED = 0;
const PARTS = 1;
const FORMING = 2;
const RINGS = FORMING + 5;

/** Hours after which `bars` of the bars have closed, wherever the series began. */
const hoursFor = (hours: Hours, bars: number): number => hours * bars + hours - 1;

const closedBars = (hours: Hours): Node =>
  defineNode(`closedBars(${hours})`, { warmUp: hoursFor(hours, 1) }, (stage) => {
    const kept = KEPT[hours];
    const out = stage.reserveArray(RINGS + 5 * kept);
    const duration = hours * HOUR_MS;
    stage.onBar((s) => {
      const forming = out + FORMING;
      if ((at64(s, TIME) - HOUR_MS) % duration === 0) {
        s[out + PARTS] = 1;
        s[forming] = at64(s, OPEN);
        s[forming + 1] = at64(s, HIGH);
        s[forming + 2] = at64(s, LOW);
        s[forming + 4] = at64(s, VOLUME);
      } else if (at64(s, out + PARTS) > 0) {
        s[out + PARTS] = at64(s, out + PARTS) + 1;
        if (at64(s, HIGH) > at64(s, forming + 1)) s[forming + 1] = at64(s, HIGH);
        if (at64(s, LOW) < at64(s, forming + 2)) s[forming + 2] = at64(s, LOW);
        s[forming + 4] = at64(s, forming + 4) + at64(s, VOLUME);
      }
      s[forming + 3] = at64(s, CLOSE);
      if (at64(s, out + PARTS) !== hours) return;
      const closed = at64(s, out + CLOSED) + 1;
      s[out + CLOSED] = closed;
      s[out + PARTS] = 0;
      const at = out + RINGS + (closed & (kept - 1));
      for (let column = 0; column < 5; column++) s[at + column * kept] = at64(s, forming + column);
    });
    return out;
  });

/** How one closed bar is read: `k` bars before the newest closed one. */
type Column = 'open' | 'high' | 'low' | 'close' | 'volume';
const COLUMNS: readonly Column[] = ['open', 'high', 'low', 'close', 'volume'];

/**
 * A value of the last `bars` closed bars, computed anew when one closes. `compute` gets the state, the slots of each column's ring, its mask,
 * and the number of the newest closed bar.
 */
function ofClosed(
  name: string,
  hours: Hours,
  bars: number,
  compute: (s: Float64Array, base: (column: Column) => number, mask: number, closed: number) => number,
): Node {
  const source = closedBars(hours);
  return defineNode(`${name}(${hours}h,${bars})`, { warmUp: hoursFor(hours, bars) }, (stage) => {
    const slot = stage.use(source);
    const kept = KEPT[hours];
    if (bars > kept) throw new RangeError(`${bars} bars of ${hours} h where ${kept} are kept`);
    const out = stage.reserve(2);
    const base = (column: Column) => slot + RINGS + COLUMNS.indexOf(column) * kept;
    stage.onBar((s) => {
      const closed = at64(s, slot + CLOSED);
      if (closed === at64(s, out + 1)) return;
      s[out + 1] = closed;
      if (closed >= bars) s[out] = compute(s, base, kept - 1, closed);
    });
    return out;
  });
}

/** ln of the newest closed bar's close over that of `bars` closed bars before. */
export const closedChange = (hours: Hours, bars: number): Node =>
  ofClosed(`closedChange${bars}`, hours, bars + 1, (s, base, mask, closed) =>
    Math.log(at64(s, base('close') + (closed & mask)) / at64(s, base('close') + ((closed - bars) & mask))),
  );

/** Place of the newest closed bar's close in the range of the last `bars`, -1 to 1; 0 in a flat window. */
export const closedPosition = (hours: Hours, bars: number): Node =>
  ofClosed('closedPosition', hours, bars, (s, base, mask, closed) => {
    let high = Number.NEGATIVE_INFINITY;
    let low = Number.POSITIVE_INFINITY;
    for (let k = 0; k < bars; k++) {
      high = Math.max(high, at64(s, base('high') + ((closed - k) & mask)));
      low = Math.min(low, at64(s, base('low') + ((closed - k) & mask)));
    }
    const close = at64(s, base('close') + (closed & mask));
    return quotient(close - low - (high - close), high - low);
  });

/** Relative strength by plain sums (Cutler), (ΣG - ΣL)/(ΣG + ΣL) over `bars` closed bars, -1 to 1. */
export const closedStrength = (hours: Hours, bars: number): Node =>
  ofClosed('closedStrength', hours, bars + 1, (s, base, mask, closed) => {
    let move = 0;
    let size = 0;
    for (let k = 0; k < bars; k++) {
      const change =
        at64(s, base('close') + ((closed - k) & mask)) - at64(s, base('close') + ((closed - k - 1) & mask));
      move += change;
      size += Math.abs(change);
    }
    return quotient(move, size);
  });

/** (C - mean) / deviation of the last `bars` closes; 0 where they are equal. */
export const closedScore = (hours: Hours, bars: number): Node =>
  ofClosed('closedScore', hours, bars, (s, base, mask, closed) => {
    const close = at64(s, base('close') + (closed & mask));
    let sum = 0;
    let square = 0;
    for (let k = 1; k < bars; k++) {
      const d = at64(s, base('close') + ((closed - k) & mask)) - close;
      sum += d;
      square += d * d;
    }
    const mean = sum / bars;
    const variance = square / bars - mean * mean;
    return variance > (square / bars) * 2 ** -40 ? -mean / Math.sqrt(variance) : 0;
  });

/** Root of the mean squared log change of the last `bars` closed bars, per bar. */
export const closedVolatility = (hours: Hours, bars: number): Node =>
  root(
    `closedVolatility(${hours}h,${bars})`,
    ofClosed('closedSquares', hours, bars + 1, (s, base, mask, closed) => {
      let square = 0;
      for (let k = 0; k < bars; k++) {
        const change = Math.log(
          at64(s, base('close') + ((closed - k) & mask)) / at64(s, base('close') + ((closed - k - 1) & mask)),
        );
        square += change * change;
      }
      return square;
    }),
    1 / bars,
  );

/** Mean of the last `short` closes against that of the last `long`, ln of the quotient. */
export const closedCross = (hours: Hours, short: number, long: number): Node =>
  ofClosed(`closedCross${short}`, hours, long, (s, base, mask, closed) => {
    let near = 0;
    let all = 0;
    for (let k = 0; k < long; k++) {
      const close = at64(s, base('close') + ((closed - k) & mask));
      all += close;
      if (k < short) near += close;
    }
    return Math.log(near / short / (all / long));
  });

/** Volume of the newest closed bar against the mean of the last `bars`, as (a - b) / (a + b). */
export const closedVolume = (hours: Hours, bars: number): Node =>
  ofClosed('closedVolume', hours, bars, (s, base, mask, closed) => {
    let sum = 0;
    for (let k = 0; k < bars; k++) sum += at64(s, base('volume') + ((closed - k) & mask));
    const newest = at64(s, base('volume') + (closed & mask));
    return quotient(newest - sum / bars, newest + sum / bars);
  });

/** Range of the newest closed bar against the mean range of the last `bars`, as (a - b) / (a + b). */
export const closedRange = (hours: Hours, bars: number): Node =>
  ofClosed('closedRange', hours, bars, (s, base, mask, closed) => {
    const range = (k: number) => {
      const at = (closed - k) & mask;
      return Math.log(at64(s, base('high') + at) / at64(s, base('low') + at));
    };
    let sum = 0;
    for (let k = 0; k < bars; k++) sum += range(k);
    return quotient(range(0) - sum / bars, range(0) + sum / bars);
  });

/** Bars since the lowest low less since the highest high of the last `bars` closed bars, over bars - 1 (Aroon), -1 to 1. */
export const closedOrder = (hours: Hours, bars: number): Node =>
  ofClosed('closedOrder', hours, bars, (s, base, mask, closed) => {
    let high = Number.NEGATIVE_INFINITY;
    let low = Number.POSITIVE_INFINITY;
    let order = 0;
    let highAge = 0;
    let lowAge = 0;
    for (let k = 0; k < bars; k++) {
      const at = (closed - k) & mask;
      if (at64(s, base('high') + at) > high) {
        high = at64(s, base('high') + at);
        highAge = k;
      }
      if (at64(s, base('low') + at) < low) {
        low = at64(s, base('low') + at);
        lowAge = k;
      }
    }
    order = lowAge - highAge;
    return order / (bars - 1);
  });

/**
 * The newest 1h close against a level of the newest closed bar, in ATRs of 1h: its `high`, its `low`, or its `pivot` (H + L + C) / 3. 0
 * without range.
 */
export function levelDistance(kind: 'high' | 'low' | 'pivot', hours: Hours, atrPeriod: number): Node {
  const source = closedBars(hours);
  const unit = atrUnit(atrPeriod);
  return defineNode(
    `levelDistance(${kind},${hours}h,${atrPeriod})`,
    { warmUp: Math.max(source.warmUp, unit.warmUp), recursive: true },
    (stage) => {
      const slot = stage.use(source);
      const range = stage.use(unit);
      const kept = KEPT[hours];
      const out = stage.reserve(1);
      stage.onBar((s) => {
        const at = slot + RINGS + (at64(s, slot + CLOSED) & (kept - 1));
        const high = at64(s, at + kept);
        const low = at64(s, at + 2 * kept);
        const level = kind === 'high' ? high : kind === 'low' ? low : (high + low + at64(s, at + 3 * kept)) / 3;
        s[out] = quotient(at64(s, CLOSE) - level, at64(s, range));
      });
      return out;
    },
  );
}

/** ln of the newest 1h close over the open of the bar in the making; 0 where none has begun. Needs all hours a bar in the making may have. */
export const changeSinceOpen = (hours: Hours): Node => {
  const source = closedBars(hours);
  return defineNode(`changeSinceOpen(${hours}h)`, { warmUp: hours - 1 }, (stage) => {
    const slot = stage.use(source);
    const out = stage.reserve(1);
    stage.onBar((s) => {
      const begun = at64(s, slot + PARTS) > 0;
      s[out] = begun ? Math.log(at64(s, CLOSE) / at64(s, slot + FORMING)) : 0;
    });
    return out;
  });
};

/** The newest funding rate settled, in basis points; NaN where a source has none. */
export const fundingRate: Node = defineNode('fundingRateBp', { warmUp: 1 }, (stage) => {
  const out = stage.reserve(1);
  stage.onBar((s) => {
    s[out] = 1e4 * at64(s, FUNDING_RATE);
  });
  return out;
});

/** Mean funding rate in basis points over the last hours. */
export const meanFundingRate = (window: number): Node => windowMean(fundingRate, window);

/** The newest funding rate less the mean of the last hours, in basis points. */
export const fundingSurprise = (window: number): Node => {
  const mean = meanFundingRate(window);
  return defineNode(`fundingSurprise(${window})`, after([mean, bar('close')]), (stage) => {
    const rate = stage.use(fundingRate);
    const average = stage.use(mean);
    const out = stage.reserve(1);
    stage.onBar((s) => {
      s[out] = at64(s, rate) - at64(s, average);
    });
    return out;
  });
};
