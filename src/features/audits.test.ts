import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { allocateBars, at64, type BarColumns, barsBetween, MINUTE_MS, sliceBars } from '../core/index.ts';
import { openCandleFolder } from '../marketfiles/index.ts';
import { auditFeatures } from './audit/index.ts';
import { sameBits, scaleBars, withoutBars, withTakerFlow } from './bars.fixture.ts';
import { computeFeatures, type FeatureColumns } from './batch.ts';
import { type FeatureFaultKind, type FeatureQualityOptions, featureQuality } from './feature-quality.ts';
import { featureSet } from './feature-set.ts';
import { generateSelfTestMarket } from './generated-market.ts';

const QUARTER_MS = 15 * MINUTE_MS;
const START = 1_706_745_600_000;
const SYMBOLS = ['BTC', 'ETH', 'A', 'B', 'C'];
const references = ['BTC', 'ETH'];
const BARS = 1_500;
const market = generateSelfTestMarket(SYMBOLS, { bars: BARS, barMs: QUARTER_MS, start: START, seed: 'audits' });
const set = featureSet();
/** Features whose source is there, in a market whose BTC and ETH are alone in their sectors. */
const EXPECTED = set.features.map(({ source, group }) => source === undefined && group !== 'sector');
const whole = computeFeatures({ bars15m: market, references });

const mapBars = (change: (bars: BarColumns, symbol: string) => BarColumns) =>
  new Map([...market].map(([symbol, bars]) => [symbol, change(bars, symbol)]));
const block = (columns: FeatureColumns, symbol: string): Float32Array =>
  columns.values.get(symbol) ?? new Float32Array();
const row = (columns: FeatureColumns, symbol: string, time: number): Float32Array => {
  const at = columns.times.indexOf(time) * columns.width;
  return block(columns, symbol).subarray(at, at + columns.width);
};

/** Names of features whose values differ between two blocks of rows. */
function differing(a: Float32Array, b: Float32Array): string[] {
  if (sameBits(a, b)) return [];
  return set.names.filter((_, column) => {
    for (let at = column; at < a.length; at += set.width) if (!Object.is(a[at], b[at])) return true;
    return false;
  });
}

describe('the catalogue on a generated market', () => {
  it('does not look ahead, is warm when it says so, and knows no level of prices or volumes', async () => {
    const bars = withTakerFlow(
      generateSelfTestMarket(SYMBOLS.slice(0, 4), { bars: 1_700, barMs: QUARTER_MS, start: START, seed: 'audits' }),
    );
    const { audits } = await auditFeatures({
      market: { timeframe: '15m', bars, references },
      only: ['lookAhead', 'warmUp', 'scale'],
    });
    expect(audits.filter(({ ok }) => !ok)).toEqual([]);
    for (const { detail } of audits)
      expect(detail).toContain(
        `${set.features.filter(({ source }) => source !== 'funding').length} of ${set.width} features known`,
      );
  }, 300_000);
});

describe('features', () => {
  it('are finite from their warm-up on, in flat bars without volume too', () => {
    const flat = computeFeatures({
      bars15m: mapBars((bars, symbol) => {
        if (symbol !== 'A' && symbol !== 'BTC') return bars;
        const copy = scaleBars(bars, 1, 1);
        const still = at64(copy.close, 399);
        for (let i = 400; i < BARS; i++) {
          copy.open[i] = copy.high[i] = copy.low[i] = copy.close[i] = still;
          copy.volume[i] = 0;
        }
        return copy;
      }),
      references,
    });
    const end = at64(flat.times, BARS - 1);
    for (const symbol of SYMBOLS) {
      const values = row(flat, symbol, end);
      expect(
        set.names.filter((_, i) => !Number.isFinite(values[i]) && EXPECTED[i]),
        symbol,
      ).toEqual([]);
    }
  });

  it('stay inside their ranges', () => {
    expect(faultsOf(whole, ['outOfRange'], EVERY_VALUE)).toEqual([]);
  });

  it('are neither constant nor copies of one another', () => {
    const long = generateSelfTestMarket(SYMBOLS, { bars: 2_000, barMs: QUARTER_MS, start: START, seed: 'long' });
    const columns = computeFeatures({ bars15m: long, references, from: START + 1_348 * QUARTER_MS });
    // A generated market has one kind of day: slow features of one window lie closer together than on a real one.
    expect(faultsOf(columns, REDUNDANT, { correlationLimit: 0.9999, sampleRows: 3_000 })).toEqual([]);
  });

  it('mask the rows of missing bars, and go on over three of them but not over four', () => {
    const at = (length: number) =>
      computeFeatures({
        bars15m: mapBars((bars, symbol) =>
          symbol === 'A' ? withoutBars(bars, new Set(Array.from({ length }, (_, i) => 700 + i))) : bars,
        ),
        references,
      });
    const time = at64(whole.times, 704);
    const column = set.names.indexOf('ret_96');
    expect(row(at(3), 'A', at64(whole.times, 701)).every(Number.isNaN)).toBe(true);
    expect(row(at(3), 'A', time)[column]).toBe(row(whole, 'A', time)[column]);
    expect(row(at(4), 'A', time)[column]).toBeNaN();
  });

  it('of a part of the time are those of the whole', () => {
    const [from, to] = [at64(whole.times, 900), at64(whole.times, 950)];
    const part = computeFeatures({ bars15m: market, references, from, to });
    expect([part.times[0], part.times.at(-1), part.times.length]).toEqual([from, to, 51]);
    for (const symbol of SYMBOLS) {
      const expected = block(whole, symbol).subarray(900 * set.width, 951 * set.width);
      expect(differing(block(part, symbol), expected)).toEqual([]);
    }
  });

  it('are refused for bars off the grid or out of order, and empty for none', () => {
    const bars = sliceBars(market.get('A') ?? allocateBars(0), 0, 4);
    const shifted = { ...bars, openTime: bars.openTime.map((time) => time + MINUTE_MS) };
    const request = (...list: BarColumns[]) => ({
      bars15m: new Map(list.map((columns, i) => [`S${i}`, columns])),
      references: [],
    });
    expect(() => computeFeatures(request(bars, shifted))).toThrow(/off the 15-minute grid/);
    expect(() => computeFeatures(request({ ...bars, openTime: bars.openTime.slice().reverse() }))).toThrow(/ascending/);
    expect(computeFeatures(request(allocateBars(0))).times.length).toBe(0);
  });
});

describe('on real bars', () => {
  const folder = process.env.MINUTEHAND_MARKET_DATA;
  it.skipIf(!folder)('features stay inside their ranges', async () => {
    const source = await openCandleFolder(join(folder ?? '', 'binance-usdm/15m'));
    const bars15m = new Map<string, BarColumns>();
    for (const name of ['BTCUSDT', 'ETHUSDT', 'SOLUSDT', 'DOGEUSDT', 'FILUSDT', 'HBARUSDT']) {
      bars15m.set(name, barsBetween(await source.read(name), Date.UTC(2025, 4, 1), Date.UTC(2025, 5, 10)));
    }
    const columns = computeFeatures({ bars15m, references: ['BTCUSDT', 'ETHUSDT'], from: Date.UTC(2025, 4, 16) });
    expect(faultsOf(columns, ['outOfRange'], EVERY_VALUE)).toEqual([]);
  });
});

const REDUNDANT = ['constant', 'unavailable', 'duplicate', 'correlated'] as const;
/** Ranges are judged by every value, whatever the sample for the rest. */
const EVERY_VALUE = { sampleRows: 100 };

/** Faults of some kinds, without features whose source is not there. */
const faultsOf = (columns: FeatureColumns, kinds: readonly FeatureFaultKind[], options?: FeatureQualityOptions) =>
  featureQuality(columns, set, options).filter(
    ({ feature, kind }) => kinds.includes(kind) && EXPECTED[set.names.indexOf(feature)],
  );
