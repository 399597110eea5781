import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  type BarColumns,
  epochMs,
  type FeaturePanel,
  type FinalCandle,
  HOUR_MS,
  MINUTE_MS,
  PHASES,
  sliceBars,
} from '../core/index.ts';
import { byMinute, candlesOf, joinBars, sameBits, withoutBars } from './bars.fixture.ts';
import { computeFeatures, type FeatureColumns } from './batch.ts';
import { createFeatureEngineer, type FeatureEngineer } from './feature-engineer.ts';
import { featureSet } from './feature-set.ts';
import { generateSelfTestMarket } from './generated-market.ts';

const QUARTER_MS = 15 * MINUTE_MS;
const START = 1_706_745_600_000;
const SYMBOLS = ['BTC', 'ETH', 'A', 'B'];
const REFERENCES = ['BTC', 'ETH'];
/** 60 hours of minutes after 350 hours of 1h bars. */
const MINUTES = 60 * 60;
const minutes = generateSelfTestMarket(SYMBOLS, { bars: MINUTES, barMs: MINUTE_MS, start: START, seed: 'engine' });
const hours = generateSelfTestMarket(SYMBOLS, {
  bars: 350,
  barMs: HOUR_MS,
  start: START - 350 * HOUR_MS,
  seed: 'engine-hours',
});
const END = START + MINUTES * MINUTE_MS;
const set = featureSet();

const engineer = (symbols = SYMBOLS) => createFeatureEngineer({ symbols, references: REFERENCES });
const barsOf = (market: ReadonlyMap<string, BarColumns>, symbol: string): BarColumns => {
  const bars = market.get(symbol);
  if (!bars) throw new RangeError(symbol);
  return bars;
};
const mapBars = (market: ReadonlyMap<string, BarColumns>, change: (bars: BarColumns) => BarColumns) =>
  new Map([...market].map(([symbol, bars]) => [symbol, change(bars)]));

/** Pushes minute by minute and calls back after each. */
function run(
  target: FeatureEngineer,
  market: ReadonlyMap<string, BarColumns>,
  each: (minute: number) => void = () => {},
) {
  for (const [minute, candles] of byMinute(market)) {
    target.push(candles);
    each(minute);
  }
}

function withHours(target: FeatureEngineer): FeatureEngineer {
  for (const [symbol, bars] of hours) target.pushHours(symbol, bars);
  return target;
}

/** Fails unless a panel holds the batch's rows at its minute, bit for bit. */
function expectEqualRows(panel: FeaturePanel, batch: FeatureColumns, where: string) {
  const row = batch.times.indexOf(panel.minute);
  for (const symbol of batch.symbols) {
    const expected =
      batch.values.get(symbol)?.subarray(row * batch.width, (row + 1) * batch.width) ?? new Float32Array();
    const at = panel.symbols.indexOf(symbol);
    const actual =
      at < 0
        ? new Float32Array(batch.width).fill(Number.NaN)
        : panel.values.subarray(at * panel.width, (at + 1) * panel.width);
    const differing = set.names.filter((_, i) => !Object.is(actual[i], expected[i]));
    expect(differing, `${symbol} ${where}`).toEqual([]);
  }
}

describe('a feature engineer fed minute by minute', () => {
  const stream = withHours(engineer());
  const panels = new Map<number, FeaturePanel>();
  beforeAll(() => {
    run(stream, minutes, (minute) => {
      if (minute > END - 60 * MINUTE_MS || minute % (7 * MINUTE_MS) === 0) {
        panels.set(minute, stream.panel(epochMs(minute), SYMBOLS));
      }
    });
  });

  it('says what the batch says of the same bars, bit for bit, on aligned bars and on shifted ones', () => {
    const hourly = mapBars(minutes, (bars) => joinBars(joinBars(bars, MINUTE_MS, 15), QUARTER_MS, 4));
    const bars1h = new Map(
      SYMBOLS.map((symbol) => [symbol, joinColumns(barsOf(hours, symbol), barsOf(hourly, symbol))]),
    );
    let compared = 0;
    for (const phase of [0, 1, 8, 14]) {
      const bars15m = mapBars(minutes, (bars) => joinBars(bars, MINUTE_MS, 15, phase * MINUTE_MS));
      const batch = computeFeatures({ bars15m, bars1h: phase === 0 ? hours : bars1h, references: REFERENCES });
      for (const [minute, panel] of panels) {
        if ((minute / MINUTE_MS) % PHASES !== phase || !batch.times.includes(minute)) continue;
        expectEqualRows(panel, batch, `phase ${phase}, minute ${minute}`);
        compared++;
      }
    }
    expect(compared).toBeGreaterThan(130);
    const newest = panels.get(END);
    const masked = set.features.filter((_, column) => newest?.masked[column] === 1);
    // BTC is alone in its sector here.
    expect(masked.filter(({ source, group }) => source === undefined && group !== 'sector')).toEqual([]);
  });

  it('shows masks exactly where values are NaN', () => {
    for (const { values, masked } of panels.values()) {
      expect(values.every((value, i) => Number.isNaN(value) === (masked[i] === 1))).toBe(true);
    }
  });

  it('names at least thirty indicators, price levels included', () => {
    const [btc] = stream.indicators(epochMs(END), SYMBOLS);
    const close = barsOf(minutes, 'BTC').close.at(-1) ?? 0;
    expect(Object.keys(btc ?? {}).length).toBeGreaterThanOrEqual(30);
    expect(btc?.sma_20).toBeGreaterThan(close * 0.8);
    expect(btc?.rsi_14).toBeGreaterThan(0);
    expect(btc?.rsi_14).toBeLessThan(100);
    expect((btc?.bb_upper ?? 0) + (btc?.bb_lower ?? 0)).toBeCloseTo(2 * (btc?.bb_middle ?? 0), 6);
    const quarters = joinBars(barsOf(minutes, 'BTC'), MINUTE_MS, 15).close.slice(-20);
    expect(btc?.sma_20).toBeCloseTo(quarters.reduce((a, b) => a + b, 0) / 20, 9);
  });

  it('has a row for members with a bar at the minute only, in canonical order', () => {
    const panel = stream.panel(epochMs(END), ['B', 'BTC', 'unknown']);
    expect(panel.symbols).toEqual(['BTC', 'B']);
    expect(panel.values.length).toBe(2 * set.width);
    expect(stream.panel(epochMs(END - MINUTE_MS), SYMBOLS).symbols).toEqual([]);
  });

  it('passes over candles it knows already, and those that are no bar', () => {
    const before = stream.snapshot();
    const [first] = candlesOf('A', sliceBars(barsOf(minutes, 'A'), MINUTES - 1, MINUTES));
    if (!first) throw new RangeError();
    const { ignored } = stream.warmUp();
    stream.push([first, { ...first, openTime: epochMs(END), close: Number.NaN }, { ...first, symbol: 'foreign' }]);
    expect(stream.warmUp().ignored).toBe(ignored + 3);
    expect(sameBits(stream.snapshot(), before)).toBe(true);
  });

  it('reports how warm it is', () => {
    const { ready, symbols, fastWarmUp, slowWarmUp } = stream.warmUp();
    expect([ready, fastWarmUp, slowWarmUp]).toEqual([4, set.fastWarmUp, set.slowWarmUp]);
    expect(symbols[0]).toMatchObject({ symbol: 'BTC', lastMinute: END, slowBars: 410, fastBars: 239, ready: true });
    expect(engineer().warmUp().symbols[0]).toMatchObject({ lastMinute: undefined, fastBars: 0, ready: false });
  });
});

describe('a restored feature engineer', () => {
  it('goes on with the same bits as an uninterrupted one, wherever the snapshot lies', () => {
    const market = mapBars(minutes, (bars) => sliceBars(bars, 0, 800));
    const feed = [...byMinute(market)];
    const whole = withHours(engineer());
    const expected = new Map<number, FeaturePanel>();
    feed.forEach(([minute, candles], i) => {
      whole.push(candles);
      if (i >= feed.length - 20) expected.set(minute, whole.panel(epochMs(minute), SYMBOLS));
    });
    const bytes = whole.snapshot();
    fc.assert(
      fc.property(fc.integer({ min: 0, max: feed.length - 1 }), (cut) => {
        const first = withHours(engineer());
        for (const [, candles] of feed.slice(0, cut)) first.push(candles);
        const second = engineer();
        // As a database driver hands bytes over: a Buffer that does not begin where its memory does.
        second.restore(Buffer.concat([Buffer.alloc(3), first.snapshot()]).subarray(3));
        feed.slice(cut).forEach(([minute, candles]) => {
          second.push(candles);
          const panel = expected.get(minute);
          if (panel) expect(sameBits(second.panel(epochMs(minute), SYMBOLS).values, panel.values)).toBe(true);
        });
        expect(sameBits(second.snapshot(), bytes)).toBe(true);
      }),
      { numRuns: 3, seed: 7 },
    );
  });

  it('refuses the state of another feature set, universe or program, and damaged bytes', () => {
    const bytes = engineer().snapshot();
    const refuses = (target: FeatureEngineer, state: Uint8Array, why: RegExp) => {
      const before = target.snapshot();
      expect(() => target.restore(state)).toThrow(why);
      expect(sameBits(target.snapshot(), before)).toBe(true);
    };
    refuses(engineer(['ETH', 'BTC', 'A', 'B']), bytes, /another universe/);
    const smaller = featureSet(set.features.filter(({ name }) => name !== 'weekend'));
    const other = createFeatureEngineer({ featureSet: smaller, symbols: SYMBOLS, references: REFERENCES });
    refuses(other, bytes, /another feature set/);
    refuses(createFeatureEngineer({ symbols: SYMBOLS, references: ['BTC'] }), bytes, /other reference/);
    refuses(engineer(), bytes.subarray(0, bytes.length - 8), /length/);
    refuses(engineer(), new Uint8Array([1, 2, 3]), /no snapshot/);
    refuses(engineer(), new Uint8Array(64), /no snapshot/);
    const version = Buffer.from(bytes);
    version.write('"version":9', version.indexOf('"version":2'));
    refuses(engineer(), version, /version 9/);
  });

  it('can be restored from bytes at any offset of a buffer', () => {
    const bytes = engineer().snapshot();
    const shifted = new Uint8Array(bytes.length + 3);
    shifted.set(bytes, 3);
    const target = engineer();
    target.restore(shifted.subarray(3));
    expect(sameBits(target.snapshot(), bytes)).toBe(true);
  });
});

describe('holes', () => {
  const only = new Map([
    ['BTC', sliceBars(barsOf(minutes, 'BTC'), 0, 1_200)],
    ['ETH', sliceBars(barsOf(minutes, 'ETH'), 0, 1_200)],
  ]);
  const gapped = (from: number, length: number) =>
    mapBars(only, (bars) => withoutBars(bars, new Set(Array.from({ length }, (_, i) => from + i))));
  const bars = (target: FeatureEngineer) => target.warmUp().symbols[0]?.fastBars;
  const pair = () => createFeatureEngineer({ symbols: ['BTC', 'ETH'], references: ['BTC', 'ETH'] });

  it('leave out rows until fifteen consecutive minutes are known again', () => {
    const target = pair();
    const rows: number[] = [];
    run(target, gapped(600, 1), (minute) => {
      if (target.panel(epochMs(minute), ['BTC']).symbols.length > 0) rows.push((minute - START) / MINUTE_MS);
    });
    expect(rows.includes(600)).toBe(true);
    expect(rows.find((minute) => minute > 600)).toBe(616);
  });

  it('of one to three bars are carried flat, so that returns across them stay whole', () => {
    const target = pair();
    run(target, gapped(600, 31));
    const whole = pair();
    run(whole, only);
    const end = epochMs(START + 1_200 * MINUTE_MS);
    expect(bars(target)).toBe(bars(whole));
    const column = set.names.indexOf('ret_48');
    const value = (from: FeatureEngineer) => from.panel(end, ['BTC']).values[column];
    expect(value(target)).toBe(value(whole));
  });

  it('of more than three bars begin the phase anew', () => {
    const target = pair();
    run(target, gapped(600, 61));
    expect(bars(target)).toBeLessThanOrEqual(36);
  });

  it('in the minutes of an hour are filled by a given 1h bar, else that hour is carried', () => {
    const market = gapped(640, 3);
    const hourly = mapBars(only, (all) => joinBars(joinBars(all, MINUTE_MS, 15), QUARTER_MS, 4));
    const given = pair();
    for (const [symbol, columns] of hourly) given.pushHours(symbol, columns);
    const without = pair();
    run(given, market);
    run(without, market);
    const whole = pair();
    run(whole, only);
    expect([given, without, whole].map((one) => one.warmUp().symbols[0]?.slowBars)).toEqual([20, 20, 20]);
  });

  it('in the newest hour mask slow features until an hour is known again', () => {
    const target = withHours(pair());
    const column = set.names.indexOf('ret_72h');
    const masked = new Map<number, boolean>();
    run(target, gapped(640, 3), (minute) => {
      const panel = target.panel(epochMs(minute), ['BTC']);
      if (panel.symbols.length > 0) masked.set((minute - START) / MINUTE_MS, panel.masked[column] === 1);
    });
    expect([masked.get(630), masked.get(659), masked.get(660), masked.get(719), masked.get(720)]).toEqual([
      false,
      false,
      true,
      true,
      false,
    ]);
  });

  it('are gone when a symbol is forgotten and its repaired candles are pushed', () => {
    const target = pair();
    run(target, gapped(600, 5));
    target.forget('BTC');
    expect(target.lastMinute('BTC')).toBeUndefined();
    const whole = pair();
    run(whole, only);
    target.push(candlesOf('BTC', only.get('BTC') ?? sliceBars(barsOf(minutes, 'BTC'), 0, 0)));
    expect(target.warmUp().symbols[0]).toEqual(whole.warmUp().symbols[0]);
  });
});

describe('given hours', () => {
  it('are not known before the minutes have reached their close', () => {
    const early = withHours(engineer());
    const late = withHours(engineer());
    const hourly = mapBars(minutes, (bars) => joinBars(joinBars(bars, MINUTE_MS, 15), QUARTER_MS, 4));
    for (const [symbol, bars] of hourly) early.pushHours(symbol, bars);
    run(
      early,
      mapBars(minutes, (bars) => sliceBars(bars, 0, 590)),
    );
    run(
      late,
      mapBars(minutes, (bars) => sliceBars(bars, 0, 590)),
    );
    const minute = epochMs(START + 590 * MINUTE_MS);
    expect(sameBits(early.panel(minute, SYMBOLS).values, late.panel(minute, SYMBOLS).values)).toBe(true);
    expect(early.warmUp()).toEqual(late.warmUp());
  });

  it('count once, however often they are given', () => {
    const target = withHours(withHours(engineer()));
    run(
      target,
      mapBars(minutes, (bars) => sliceBars(bars, 0, 130)),
    );
    withHours(target);
    run(
      target,
      mapBars(minutes, (bars) => sliceBars(bars, 130, 190)),
    );
    expect(target.warmUp().symbols[0]?.slowBars).toBe(353);
  });
});

describe('the order of candles', () => {
  it('of different symbols within a push does not matter', () => {
    const market = mapBars(minutes, (bars) => sliceBars(bars, 0, 900));
    const ordered = engineer();
    run(ordered, market);
    const bySymbol = engineer();
    const all: FinalCandle[] = [...market].reverse().flatMap(([symbol, bars]) => candlesOf(symbol, bars));
    bySymbol.push(all);
    expect(sameBits(bySymbol.snapshot(), ordered.snapshot())).toBe(true);
  });

  it('and a reference outside the universe is refused', () => {
    expect(() => createFeatureEngineer({ symbols: ['A'], references: ['BTC'] })).toThrow(/BTC is not in the universe/);
  });
});

function joinColumns(a: BarColumns, b: BarColumns): BarColumns {
  const join = (x: Float64Array, y: Float64Array) => Float64Array.from([...x, ...y]);
  return {
    length: a.length + b.length,
    openTime: join(a.openTime, b.openTime),
    open: join(a.open, b.open),
    high: join(a.high, b.high),
    low: join(a.low, b.low),
    close: join(a.close, b.close),
    volume: join(a.volume, b.volume),
    quoteVolume: join(a.quoteVolume, b.quoteVolume),
    takerBuyVolume: join(a.takerBuyVolume, b.takerBuyVolume),
  };
}
