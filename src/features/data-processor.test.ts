import { beforeAll, describe, expect, it } from 'vitest';
import {
  type BarColumns,
  DAY_MS,
  type EpochMs,
  epochMs,
  type FeatureRows,
  type FundingRates,
  HOUR_MS,
  MINUTE_MS,
  phaseOf,
  type SymbolId,
} from '../core/index.ts';
import type { StoredFeatureRow } from '../database/index.ts';
import { byMinute, joinBars, sameBits } from './bars.fixture.ts';
import { computeFeatures } from './batch.ts';
import { FAST_FEATURES } from './catalogue/fast.ts';
import { DataProcessor, type FeatureStore } from './data-processor.ts';
import { createFeatureEngineer } from './feature-engineer.ts';
import type { RawMarketData, RebuildPlan } from './feature-rebuild.ts';
import { rowsOfMinute } from './feature-rows.ts';
import { featureSet } from './feature-set.ts';
import { generateSelfTestMarket } from './generated-market.ts';

const QUARTER_MS = 15 * MINUTE_MS;
/** Thursday, 2024-02-01T00:00Z. */
const START = Date.UTC(2024, 1, 1);
const SYMBOLS = ['BTC', 'ETH', 'A'];
const DAYS = 5;
const minutes = generateSelfTestMarket(SYMBOLS, {
  bars: DAYS * 1_440,
  barMs: MINUTE_MS,
  start: START,
  seed: 'rebuild',
});
const hours = generateSelfTestMarket(SYMBOLS, {
  bars: 400,
  barMs: HOUR_MS,
  start: START - 400 * HOUR_MS,
  seed: 'rebuild-hours',
});
const at = (day: number, hour = 0, minute = 0): EpochMs =>
  epochMs(START + day * DAY_MS + hour * HOUR_MS + minute * MINUTE_MS);

const between = (bars: BarColumns, from: number, until: number): BarColumns => {
  const first = bars.openTime.filter((time) => time < from).length;
  const end = bars.openTime.filter((time) => time < until).length;
  const part = (column: Float64Array) => column.subarray(first, end);
  const { openTime, open, high, low, close, volume, quoteVolume, takerBuyVolume } = bars;
  return {
    length: end - first,
    openTime: part(openTime),
    open: part(open),
    high: part(high),
    low: part(low),
    close: part(close),
    volume: part(volume),
    quoteVolume: part(quoteVolume),
    takerBuyVolume: part(takerBuyVolume),
  };
};
/** Those of the minutes behind those before them. */
const allHours = new Map(
  [...hours].map(([symbol, before]) => {
    const during = joinBars(minutes.get(symbol) ?? before, MINUTE_MS, 60);
    const both = (name: 'openTime' | 'open' | 'high' | 'low' | 'close' | 'volume') =>
      Float64Array.from([...before[name], ...during[name]]);
    const none = new Float64Array(before.length + during.length).fill(Number.NaN);
    const prices = { open: both('open'), high: both('high'), low: both('low'), close: both('close') };
    const rest = { openTime: both('openTime'), volume: both('volume'), quoteVolume: none, takerBuyVolume: none };
    return [symbol, { length: none.length, ...prices, ...rest }] as const;
  }),
);
const quarters = new Map([...minutes].map(([symbol, bars]) => [symbol, joinBars(bars, MINUTE_MS, 15)]));

/** Settlements every eight hours, the same of all symbols. */
function settledBetween(from: number, until: number): Map<SymbolId, FundingRates> {
  const period = 8 * HOUR_MS;
  const times: number[] = [];
  for (let time = Math.ceil(from / period) * period; time < until; time += period) times.push(time);
  const rates = { times: Float64Array.from(times), rates: Float64Array.from(times, (time) => Math.sin(time) / 1e4) };
  return new Map(SYMBOLS.map((symbol) => [symbol, rates]));
}

/** The market as raw data; without a symbol where one is to be left out. */
function rawData(without?: SymbolId): RawMarketData {
  const kept = (market: ReadonlyMap<SymbolId, BarColumns>, from: number, until: number) =>
    new Map(
      [...market]
        .filter(([symbol]) => symbol !== without)
        .map(([symbol, bars]) => [symbol, between(bars, from, until)]),
    );
  return {
    async *minutes(from, until) {
      for (const candles of byMinute(kept(minutes, from, until)).values()) yield candles;
    },
    bars: async (timeframe, from, until) => kept(timeframe === '1h' ? allHours : quarters, from, until),
    funding: async (from, until) => settledBetween(from, until),
  };
}

class MemoryStore implements FeatureStore {
  readonly rows = new Map<string, StoredFeatureRow>();
  /** Minutes in the order in which they were written. */
  readonly written: EpochMs[] = [];

  async read({ symbols, minutes: asked }: { symbols: readonly SymbolId[]; minutes: readonly EpochMs[] }) {
    const [among, at] = [new Set(symbols), new Set(asked)];
    return [...this.rows.values()].filter(({ symbol, minute }) => among.has(symbol) && at.has(minute));
  }

  async insert(rows: FeatureRows) {
    this.written.push(rows.panel.minute);
    for (const row of split(rows)) this.rows.set(keyOf(row), { ...row, ...this.rows.get(keyOf(row)) });
  }

  async replace(rows: FeatureRows) {
    for (const row of split(rows)) this.rows.set(keyOf(row), row);
  }

  change(symbol: SymbolId, minute: EpochMs, change: (row: StoredFeatureRow) => StoredFeatureRow) {
    const row = this.rows.get(keyOf({ symbol, minute }));
    if (row) this.rows.set(keyOf(row), change({ ...row, ...(row.features ? { features: row.features.slice() } : {}) }));
  }
}

const keyOf = ({ symbol, minute }: { symbol: SymbolId; minute: EpochMs }) => `${symbol} ${minute}`;
const split = ({ panel, indicators }: FeatureRows): StoredFeatureRow[] =>
  panel.symbols.map((symbol, row) => ({
    symbol,
    minute: panel.minute,
    features: panel.values.slice(row * panel.width, (row + 1) * panel.width),
    indicators: indicators[row] ?? {},
  }));

/** From the third day's 06:00 on, every minute; the state begins with the candles unless told otherwise. */
const planOf = (changes: Partial<RebuildPlan> = {}, origin = at(0)): RebuildPlan => ({
  from: at(4, 6),
  to: at(4, 6, 20),
  everyMinuteFrom: at(2),
  minutes: { begin: at(0), end: at(5), origin: { minutes: origin, hours: epochMs(origin - 360 * HOUR_MS) } },
  ...changes,
});

const small = featureSet(FAST_FEATURES.slice(0, 6));

function processorOf(store: MemoryStore, options: { set?: typeof small; without?: SymbolId } = {}) {
  return new DataProcessor({
    universe: SYMBOLS,
    references: ['BTC', 'ETH'],
    raw: rawData(options.without),
    store,
    ...(options.set ? { featureSet: options.set } : {}),
  });
}

const NONE = { written: 0, equal: 0, identical: 0, different: 0, shorter: 0, unfounded: 0 };

describe('a rebuild from one-minute candles', () => {
  const live = new MemoryStore();
  beforeAll(async () => {
    const create = () => createFeatureEngineer({ symbols: SYMBOLS, references: ['BTC', 'ETH'] });
    const settle = (until: number) => {
      for (const [symbol, rates] of settledBetween(at(-16), until)) engineer.pushFunding(symbol, rates);
    };
    let engineer = create();
    for (const [symbol, bars] of hours) engineer.pushHours(symbol, between(bars, at(0) - 360 * HOUR_MS, at(0)));
    settle(at(0));
    for (const [minute, candles] of byMinute(minutes)) {
      engineer.push(candles);
      // A settlement is told some minutes later; the hour that closes with it is done by then.
      if ((minute - 7 * MINUTE_MS) % (8 * HOUR_MS) === 0) settle(minute);
      if (minute === at(4, 3, 30)) {
        const bytes = engineer.snapshot();
        engineer = create();
        engineer.restore(bytes);
        settle(minute);
      }
      if (minute < at(4, 6) || minute > at(4, 6, 20)) continue;
      await live.insert(rowsOfMinute(engineer, engineer.panel(epochMs(minute), SYMBOLS)));
    }
  });
  const rebuild = (plan: RebuildPlan) => processorOf(live).rebuild({ plan, symbols: SYMBOLS, isReplacing: false });

  it('has the bits of the live rows where the state begins at the same bar', async () => {
    const { rows } = await rebuild(planOf());
    expect(rows).toEqual({ ...NONE, equal: 21 * 3, identical: 21 * 3 });
  });

  it('agrees to 1e-6 where it begins at another', async () => {
    const { rows, differences } = await rebuild(planOf({}, at(1)));
    expect(differences).toEqual([]);
    expect(rows).toMatchObject({ equal: 21 * 3, different: 0 });
    expect(rows.identical).toBeLessThan(21 * 3);
  });

  it('tells where it begins too late to be warm', async () => {
    const { rows, differences } = await rebuild(planOf({}, at(3)));
    expect(rows.equal).toBe(0);
    expect(rows.different).toBeGreaterThan(0);
    expect(differences[0]?.rebuilt).toBeNaN();
  });
});

describe('a rebuild', () => {
  // A day and a half of candles is enough for the few features and indicators here.
  const plan = planOf({ from: at(3, 23), to: at(4, 1), everyMinuteFrom: at(4, 0, 20) }, at(2, 12));
  const rebuild = (
    store: MemoryStore,
    changes: { isReplacing?: boolean; symbols?: string[]; without?: SymbolId } = {},
  ) =>
    processorOf(store, { set: small, ...(changes.without ? { without: changes.without } : {}) }).rebuild({
      plan,
      symbols: changes.symbols ?? SYMBOLS,
      isReplacing: changes.isReplacing ?? false,
    });
  const original = new MemoryStore();
  beforeAll(() => rebuild(original));
  const filled = () => {
    const store = new MemoryStore();
    for (const [key, row] of original.rows) store.rows.set(key, row);
    return store;
  };

  it('makes every minute of the newest time and phase 0 before, each once and in order', async () => {
    const expected = Array.from({ length: 121 }, (_, index) => epochMs(plan.from + index * MINUTE_MS)).filter(
      (minute) => minute >= plan.everyMinuteFrom || phaseOf(minute) === 0,
    );
    expect(original.written).toEqual(expected);
    expect(original.rows.size).toBe(expected.length * 3);
  });

  it('changes nothing when it is repeated', async () => {
    const store = filled();
    const before = new Map(store.rows);
    const { rows } = await rebuild(store);
    expect(rows).toEqual({ ...NONE, equal: before.size, identical: before.size });
    expect(store.rows).toEqual(before);
  });

  it('tells the value that differs, keeps the row, and replaces that one alone when asked to', async () => {
    const store = filled();
    const minute = at(4, 0, 30);
    const unaltered = store.rows.get(keyOf({ symbol: 'ETH', minute }));
    store.change('ETH', minute, (row) => {
      if (row.features) row.features[1] = (row.features[1] ?? 0) + 1e-6;
      return row;
    });
    store.change('A', minute, (row) => ({ ...row, indicators: { ...row.indicators, rsi_14: 12.5 } }));
    const kept = await rebuild(store);
    expect(kept.rows).toMatchObject({ written: 0, different: 2, shorter: 0, equal: store.rows.size - 2 });
    expect(kept.differences.map(({ symbol, name }) => [symbol, name])).toEqual([
      ['ETH', small.names[1]],
      ['A', 'rsi_14'],
    ]);
    expect(store.rows.get(keyOf({ symbol: 'ETH', minute }))).not.toEqual(unaltered);
    expect((await rebuild(store, { isReplacing: true })).rows.different).toBe(2);
    expect(store.rows.get(keyOf({ symbol: 'ETH', minute }))).toEqual(unaltered);
    expect((await rebuild(store)).rows).toMatchObject({ different: 0 });
  });

  it('takes rounding for equal, and says so', async () => {
    const store = filled();
    store.change('ETH', at(4, 0, 30), (row) => {
      if (row.features) row.features[1] = (row.features[1] ?? 0) * (1 + 2e-7);
      return row;
    });
    store.change('A', at(4, 0, 30), (row) => ({
      ...row,
      indicators: { ...row.indicators, sma_20: (row.indicators?.sma_20 ?? 0) * (1 + 1e-9) },
    }));
    expect((await rebuild(store)).rows).toMatchObject({
      different: 0,
      equal: store.rows.size,
      identical: store.rows.size - 2,
    });
  });

  it('tells apart a row that was stored on less history', async () => {
    const store = filled();
    store.change('ETH', at(4, 0, 30), (row) => {
      row.features?.fill(Number.NaN, 2);
      const { sma_100: _, ...indicators } = row.indicators ?? {};
      return { ...row, indicators };
    });
    // The other way round it is a value that cannot be founded.
    store.change('A', at(4, 0, 30), (row) => ({ ...row, indicators: { ...row.indicators, invented: 1 } }));
    const { rows, differences } = await rebuild(store);
    expect(rows).toMatchObject({ different: 2, shorter: 1 });
    expect(differences.map(({ symbol, name }) => [symbol, name])).toEqual([
      ['ETH', small.names[2]],
      ['A', 'invented'],
    ]);
  });

  it('completes a row of which one table lost its part', async () => {
    const store = filled();
    const before = new Map(store.rows);
    store.change('ETH', at(4, 0, 30), ({ features: _, ...row }) => row);
    store.change('A', at(4, 0, 30), ({ indicators: _, ...row }) => row);
    expect((await rebuild(store)).rows).toMatchObject({ written: 2, different: 0, equal: before.size - 2 });
    expect(store.rows).toEqual(before);
  });

  it('writes the symbols asked for alone, on the panel of all', async () => {
    const store = filled();
    const all = new Map(store.rows);
    store.rows.clear();
    const { rows } = await rebuild(store, { symbols: ['A'] });
    expect(rows.written).toBe(all.size / 3);
    expect(store.rows).toEqual(new Map([...all].filter(([, { symbol }]) => symbol === 'A')));
  });

  it('tells of symbols without raw data, and of stored rows that nothing founds any more', async () => {
    const store = filled();
    const { rows, absent } = await rebuild(store, { without: 'A' });
    expect(absent).toEqual(['A']);
    expect(rows).toMatchObject({ unfounded: store.rows.size / 3, equal: (store.rows.size / 3) * 2 });
  });

  it('stops where it is told to', async () => {
    const stop = new AbortController();
    const store = new MemoryStore();
    const stopped = processorOf(store, { set: small }).rebuild({
      plan,
      symbols: SYMBOLS,
      isReplacing: false,
      signal: stop.signal,
      onMinute: (minute) => {
        if (minute === at(3)) stop.abort();
      },
    });
    await expect(stopped).rejects.toMatchObject({ code: 'FEATURE_BUILD_STOPPED' });
    expect(store.rows.size).toBe(0);
  });
});

describe('a rebuild from 15-minute bars', () => {
  it('stands in until the candles make every feature warm, without a gap', async () => {
    const store = new MemoryStore();
    // One-minute candles from the second day on: warm on the fifth.
    const plan = planOf({
      from: at(1, 12),
      to: at(4, 2),
      everyMinuteFrom: at(4, 1, 40),
      minutes: { begin: at(1), end: at(5), origin: { minutes: at(1), hours: epochMs(at(1) - 360 * HOUR_MS) } },
      quarters: { begin: at(0), end: at(5) },
    });
    const processor = processorOf(store, { set: small });
    await processor.rebuild({ plan, symbols: SYMBOLS, isReplacing: false });
    const phaseZero = Array.from({ length: (62 * HOUR_MS) / QUARTER_MS + 1 }, (_, index) =>
      epochMs(plan.from + index * QUARTER_MS),
    );
    expect(store.written.filter((minute) => phaseOf(minute) === 0)).toEqual(phaseZero);
    expect(store.written.filter((minute) => phaseOf(minute) !== 0)).toHaveLength(19);
    const columns = computeFeatures({
      featureSet: small,
      bars15m: quarters,
      bars1h: hours,
      funding: settledBetween(at(-16), at(DAYS)),
      references: ['BTC', 'ETH'],
    });
    phaseZero.forEach((minute) => {
      const row = columns.times.indexOf(minute) * small.width;
      const expected = columns.values.get('ETH')?.subarray(row, row + small.width) ?? new Float32Array();
      const found = store.rows.get(keyOf({ symbol: 'ETH', minute }))?.features ?? new Float32Array();
      if (minute < at(4)) expect(sameBits(found, expected), String(minute)).toBe(true);
    });
    const warm = store.rows.get(keyOf({ symbol: 'A', minute: at(3) }));
    expect(Object.keys(warm?.indicators ?? {})).toHaveLength(38);
    // Both sources say the same of a minute that either can make.
    const again = await processor.rebuild({
      plan: planOf({ from: at(3, 12), to: at(4, 2), everyMinuteFrom: at(5) }),
      symbols: SYMBOLS,
      isReplacing: false,
    });
    expect(again.rows).toMatchObject({ written: 0, different: 0, equal: 57 * 3 });
  });

  it('goes on where the candles end', async () => {
    const store = new MemoryStore();
    const { minutes: _, ...rest } = planOf({ from: at(3, 22), to: at(4, 4), quarters: { begin: at(0), end: at(5) } });
    const minutes = {
      begin: at(0),
      end: at(4, 1, 7),
      origin: { minutes: at(1), hours: epochMs(at(1) - 360 * HOUR_MS) },
    };
    const plan = { ...rest, minutes, everyMinuteFrom: at(4, 1) };
    await processorOf(store, { set: small }).rebuild({ plan, symbols: SYMBOLS, isReplacing: false });
    const quarterHours = Array.from({ length: 25 }, (_, index) => epochMs(plan.from + index * QUARTER_MS));
    expect(store.written.filter((minute) => phaseOf(minute) === 0)).toEqual(quarterHours);
    expect(Math.max(...store.written.filter((minute) => phaseOf(minute) !== 0))).toBe(at(4, 1, 7));
    const after = new MemoryStore();
    const beyond = { ...plan, from: at(4, 2) };
    await processorOf(after, { set: small }).rebuild({ plan: beyond, symbols: SYMBOLS, isReplacing: false });
    expect(after.written).toEqual(quarterHours.filter((minute) => minute >= at(4, 2)));
  });

  it('is all there is where no candles are stored, and ends with the bars', async () => {
    const store = new MemoryStore();
    const { minutes: _, ...rest } = planOf({ from: at(3), to: at(4), quarters: { begin: at(0), end: at(3, 6) } });
    const report = await processorOf(store, { set: small }).rebuild({
      plan: rest,
      symbols: SYMBOLS,
      isReplacing: false,
    });
    expect(report.rows.written).toBe(25 * 3);
    expect(Math.max(...store.written)).toBe(at(3, 6));
  });
});

describe('a report on stored features', () => {
  it('judges the rows of phase 0, and reads no more of them than bound its memory', async () => {
    const store = new MemoryStore();
    const { minutes: _, ...rest } = planOf({ from: at(2), to: at(5), quarters: { begin: at(0), end: at(5) } });
    const processor = processorOf(store, { set: small });
    await processor.rebuild({ plan: rest, symbols: SYMBOLS, isReplacing: false });
    const range = { from: at(2), to: at(5), symbols: SYMBOLS };
    const sound = await processor.report(range);
    expect(sound.filter(({ kind }) => kind === 'constant' || kind === 'outOfRange')).toEqual([]);
    for (const { symbol, minute } of [...store.rows.values()]) {
      store.change(symbol, minute, (row) => {
        if (row.features) row.features[2] = 0.5;
        return row;
      });
    }
    expect(await processor.report(range)).toContainEqual({
      feature: small.names[2],
      kind: 'constant',
      detail: `all ${289 * 3} known values are 0.5`,
    });
    let asked = 0;
    const counting: FeatureStore = {
      read: async ({ symbols, minutes: at }) => {
        asked += symbols.length * at.length;
        return [];
      },
      insert: (rows) => store.insert(rows),
      replace: (rows) => store.replace(rows),
    };
    const parts = { universe: SYMBOLS, references: [], raw: rawData(), store: counting, featureSet: small };
    await new DataProcessor(parts).report({ from: at(-900), to: at(5), symbols: SYMBOLS });
    expect(asked).toBeGreaterThan(39_000);
    expect(asked).toBeLessThanOrEqual(40_000);
  });
});
