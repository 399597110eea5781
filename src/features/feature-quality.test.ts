import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { at32, type BarColumns, createRandom, DAY_MS, MINUTE_MS, sliceBars } from '../core/index.ts';
import { openCandleFolder } from '../marketfiles/index.ts';
import { computeFeatures, type FeatureColumns } from './batch.ts';
import { FAST_FEATURES } from './catalogue/fast.ts';
import { type FeatureFaultKind, featureQuality } from './feature-quality.ts';
import { type FeatureSet, featureSet } from './feature-set.ts';
import { stabilityIndex } from './stability-index.ts';

const QUARTER_MS = 15 * MINUTE_MS;
const set = featureSet(FAST_FEATURES.slice(0, 12));
const [ONE = '', TWO = '', THREE = '', FOUR = ''] = set.names;
const SYMBOLS = Array.from({ length: 8 }, (_, index) => `S${index}`);
const TIMES = 900;

type Value = (values: Float32Array, time: number, row: number) => number;

/** Independent normal values well inside every range; a plan writes other values into a column. */
function columnsOf(plans: Readonly<Record<string, Value>> = {}, of: FeatureSet = set): FeatureColumns {
  const random = createRandom('quality');
  const { width, names, features } = of;
  const values = new Map(
    SYMBOLS.map((symbol, index) => {
      const block = new Float32Array(TIMES * width);
      for (let time = 0; time < TIMES; time++) {
        const row = block.subarray(time * width, (time + 1) * width);
        features.forEach(({ range: [low, high] }, column) => {
          row[column] = (low + high) / 2 + ((high - low) / 12) * random.normal();
        });
        for (const [name, plan] of Object.entries(plans)) {
          row[names.indexOf(name)] = plan(row, time, time * SYMBOLS.length + index);
        }
      }
      return [symbol, block] as const;
    }),
  );
  const times = Float64Array.from({ length: TIMES }, (_, time) => (time + 1) * QUARTER_MS);
  return { width, times, symbols: SYMBOLS, values, names, featureSetHash: of.hash };
}

const kindsOf = (columns: FeatureColumns, of = set): Partial<Record<string, FeatureFaultKind[]>> => {
  const kinds: Record<string, FeatureFaultKind[]> = {};
  for (const { feature, kind } of featureQuality(columns, of)) kinds[feature] = [...(kinds[feature] ?? []), kind];
  return kinds;
};

describe('a report on features', () => {
  it('finds nothing in independent columns inside their ranges', () => {
    expect(featureQuality(columnsOf(), set)).toEqual([]);
  });

  it('names a constant one with its value, and takes rounding for no change', () => {
    const noise = createRandom('rounding');
    const columns = columnsOf({ [TWO]: () => 0.05, [THREE]: () => 0.01 * (1 + 1e-7 * noise.normal()) });
    const faults = featureQuality(columns, set);
    expect(faults.map(({ feature, kind }) => [feature, kind])).toEqual([
      [TWO, 'constant'],
      [THREE, 'constant'],
    ]);
    expect(faults[0]?.detail).toBe('all 7200 known values are 0.05');
  });

  it('names one that is never known only where another shows that the history was long enough', () => {
    expect(kindsOf(columnsOf({ [TWO]: () => Number.NaN }))).toEqual({ [TWO]: ['unavailable'] });
    const isUnknown = (time: number) => (time > 8 ? 0 : 1);
    const short = columnsOf(Object.fromEntries(set.names.map((name) => [name, () => Number.NaN])));
    expect(featureQuality(short, set)).toEqual([]);
    // Nine quarters of history: enough for returns of eight, not for those of sixteen.
    const young = columnsOf(
      Object.fromEntries(
        set.features.map(({ name, warmUp }) => [
          name,
          (row, time) =>
            warmUp > 9 || name === ONE || isUnknown(time) ? Number.NaN : at32(row, set.names.indexOf(name)),
        ]),
      ),
    );
    const trimmed = {
      ...young,
      times: young.times.subarray(0, 12),
      values: new Map([...young.values].map(([symbol, block]) => [symbol, block.subarray(0, 12 * set.width)])),
    };
    expect(kindsOf(trimmed)).toEqual({ [ONE]: ['unavailable'] });
  });

  it('names the later of two equal ones, masks included', () => {
    const copy: Value = (row) => at32(row, 0);
    expect(
      kindsOf(columnsOf({ [ONE]: (row, time) => (time % 7 === 0 ? Number.NaN : at32(row, 0)), [FOUR]: copy })),
    ).toEqual({ [FOUR]: ['duplicate'] });
  });

  it('names one that is nearly a multiple of another, of either sign, over the rows in which both are known', () => {
    const almost: Value = (row, time) => {
      if (time % 3 === 0) return Number.NaN;
      return -0.7 * at32(row, 0) + 0.01 * at32(row, 5);
    };
    const [fault, ...others] = featureQuality(columnsOf({ [FOUR]: almost, [ONE]: (row) => at32(row, 0) }), set);
    expect(others).toEqual([]);
    expect(fault).toMatchObject({ feature: FOUR, kind: 'correlated' });
    expect(fault?.detail).toMatch(new RegExp(`^correlation -0\\.99\\d+ with ${ONE} over 4800 rows$`));
    // Where the first is unknown the second goes its own way: that is no matter.
    const apart: Value = (row, time) => (time % 3 === 0 ? 0.02 : 0.7 * at32(row, 0));
    const masked: Value = (row, time) => (time % 3 === 0 ? Number.NaN : at32(row, 0));
    expect(kindsOf(columnsOf({ [FOUR]: apart, [ONE]: masked }))).toEqual({ [FOUR]: ['correlated'] });
    const related: Value = (row) => 0.7 * at32(row, 0) + 0.04 * at32(row, 5);
    expect(kindsOf(columnsOf({ [FOUR]: related }))).toEqual({});
    expect(featureQuality(columnsOf({ [FOUR]: related }), set, { correlationLimit: 0.9 })).toHaveLength(1);
  });

  it('names one whose distribution moved between the first and the last third', () => {
    const moved: Value = (row, time) => at32(row, 1) + (time > 600 ? 0.012 : 0);
    const faults = featureQuality(columnsOf({ [TWO]: moved }), set);
    expect(faults.map(({ feature, kind }) => [feature, kind])).toEqual([[TWO, 'drifting']]);
    expect(kindsOf(columnsOf({ [TWO]: (row, time) => at32(row, 1) * (time < 300 ? 1 : 0.3) }))).toEqual({
      [TWO]: ['drifting'],
    });
  });

  it('names one of which more than two values in a thousand lie outside its range', () => {
    const outlier =
      (share: number): Value =>
      (row, _, index) =>
        index % share === 0 ? 0.9 : at32(row, 1);
    expect(kindsOf(columnsOf({ [TWO]: outlier(520) }))).toEqual({});
    expect(kindsOf(columnsOf({ [TWO]: outlier(480) }))).toEqual({ [TWO]: ['outOfRange'] });
  });

  it('judges many rows by a sample, evenly over time and symbols', () => {
    const plans = {
      [TWO]: (row: Float32Array) => at32(row, 0),
      [THREE]: (row: Float32Array, time: number) => at32(row, 2) + (time > 600 ? 0.02 : 0),
    };
    const faults = featureQuality(columnsOf(plans), set, { sampleRows: 1_000 });
    expect(faults.map(({ feature, kind }) => [feature, kind])).toEqual([
      [TWO, 'duplicate'],
      [THREE, 'drifting'],
    ]);
    expect(faults[0]?.detail).toContain('1000 sampled rows');
  });

  it('is empty for no rows', () => {
    const { width, names, hash } = set;
    const none = { width, names, featureSetHash: hash, times: new Float64Array(0), symbols: [], values: new Map() };
    expect(featureQuality(none, set)).toEqual([]);
  });
});

describe('the stability index', () => {
  const random = createRandom('stability');
  const normals = (length: number, shift = 0) => Float64Array.from({ length }, () => shift + random.normal());

  it('is near 0 for one distribution and grows with the shift', () => {
    const first = normals(5_000);
    expect(stabilityIndex(first, normals(5_000))).toBeLessThan(0.02);
    // Of normal distributions a deviation d apart it is about d².
    expect(stabilityIndex(first, normals(5_000, 0.5))).toBeGreaterThan(0.2);
    expect(stabilityIndex(first, normals(5_000, 0.5))).toBeLessThan(0.3);
    expect(stabilityIndex(first, normals(5_000, 3))).toBeGreaterThan(3);
  });

  it('takes values of few kinds as they are, and says nothing of few values', () => {
    const weekend = (share: number, length = 1_000) =>
      Float64Array.from({ length }, (_, i) => (i < share * length ? 1 : 0));
    expect(stabilityIndex(weekend(0.3), weekend(0.3, 500))).toBeCloseTo(0, 3);
    expect(stabilityIndex(weekend(0.3), weekend(0.6))).toBeCloseTo(
      0.3 * Math.log(0.6 / 0.3) - 0.3 * Math.log(0.4 / 0.7),
      6,
    );
    expect(stabilityIndex(weekend(0), weekend(1))).toBeGreaterThan(5);
    expect(stabilityIndex(normals(199), normals(500, 9))).toBeUndefined();
  });
});

describe('on real bars', () => {
  const folder = process.env.MINUTEHAND_MARKET_DATA;
  it.skipIf(!folder)(
    'no feature is constant, a duplicate or all but one, and those are unavailable whose source is not there',
    async () => {
      const source = await openCandleFolder(join(folder ?? '', 'binance-usdm/15m'));
      const [from, to] = [Date.UTC(2025, 0, 1), Date.UTC(2025, 1, 20)];
      const bars15m = new Map<string, BarColumns>();
      for (const symbol of ['BTCUSDT', 'ETHUSDT', 'SOLUSDT', 'DOGEUSDT', 'TRBUSDT']) {
        const bars = await source.read(symbol);
        const first = bars.openTime.findIndex((time) => time >= from);
        bars15m.set(symbol, sliceBars(bars, first, bars.openTime.filter((time) => time < to).length));
      }
      const columns = computeFeatures({
        bars15m,
        references: ['BTCUSDT', 'ETHUSDT'],
        from: from + 16 * DAY_MS,
      });
      const whole = featureSet();
      const faults = featureQuality(columns, whole, { sampleRows: 3_000 });
      // These bars tell neither what takers bought nor funding rates.
      const sourced = whole.features.filter(({ source }) => source !== undefined);
      expect(faults.filter(({ kind }) => kind !== 'drifting').map(({ feature, kind }) => [feature, kind])).toEqual(
        sourced.map(({ name }) => [name, 'unavailable']),
      );
    },
  );
});
