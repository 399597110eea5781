import { createReadStream, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { createGunzip } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { allocateBars, at32, at64, type BarColumns, createRandom, MINUTE_MS, sliceBars } from '../core/index.ts';
import { sameBits, scaleBars, withoutBars } from './bars.fixture.ts';
import { computeFeatures, type FeatureColumns } from './batch.ts';
import { featureSet } from './feature-set.ts';
import { generateSelfTestMarket } from './generated-market.ts';

const QUARTER_MS = 15 * MINUTE_MS;
const START = 1_706_745_600_000;
const SYMBOLS = ['BTC', 'ETH', 'A', 'B', 'C'];
const references = ['BTC', 'ETH'];
const BARS = 1_500;
const market = generateSelfTestMarket(SYMBOLS, { bars: BARS, barMs: QUARTER_MS, start: START, seed: 'audits' });
const set = featureSet();
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

describe('no feature looks ahead', () => {
  const cut = 1_410;
  const past = (columns: FeatureColumns, symbol: string) => block(columns, symbol).subarray(0, cut * set.width);
  const random = createRandom('poison');
  const poison = (value: () => number) =>
    mapBars((bars) => {
      const copy = scaleBars(bars, 1, 1);
      for (const column of [copy.open, copy.high, copy.low, copy.close, copy.volume]) {
        for (let i = cut; i < copy.length; i++) column[i] = value();
      }
      return copy;
    });
  it.each([
    ['cut off', mapBars((bars) => sliceBars(bars, 0, cut))],
    ['NaN', poison(() => Number.NaN)],
    ['noise', poison(() => 1 + random.uniform())],
  ])('when what follows is %s', (_, bars15m) => {
    const changed = computeFeatures({ bars15m, references });
    for (const symbol of SYMBOLS) expect(differing(past(changed, symbol), past(whole, symbol)), symbol).toEqual([]);
  });
});

describe('features', () => {
  it('do not change by a bit when prices and volumes are multiplied by powers of two', () => {
    const scaled = computeFeatures({
      bars15m: mapBars((bars, symbol) => scaleBars(bars, symbol === 'A' ? 2 ** 17 : 2 ** -9, 2 ** 23)),
      references,
    });
    for (const symbol of SYMBOLS) expect(differing(block(scaled, symbol), block(whole, symbol)), symbol).toEqual([]);
  });

  it('agree after their warm-up with a series that began earlier', () => {
    const from = 120;
    const later = computeFeatures({ bars15m: mapBars((bars) => sliceBars(bars, from, BARS)), references });
    const wrong = new Set<string>();
    for (const symbol of SYMBOLS) {
      const a = block(later, symbol);
      const b = block(whole, symbol).subarray(from * set.width);
      for (let at = 0; at < a.length; at++) {
        const [x, y] = [at32(a, at), at32(b, at)];
        if (Number.isNaN(x)) continue;
        const feature = set.features[at % set.width];
        const least = feature ? 0.1 * (feature.range[1] - feature.range[0]) : 0;
        if (!(Math.abs(x - y) <= 1e-6 * Math.max(Math.abs(x), Math.abs(y), least))) wrong.add(feature?.name ?? '');
      }
    }
    expect([...wrong]).toEqual([]);
  });

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
        set.names.filter((_, i) => !Number.isFinite(values[i])),
        symbol,
      ).toEqual([]);
    }
  });

  it('stay inside their ranges', () => {
    expect(outOfRange(whole, SYMBOLS)).toEqual([]);
  });

  it('are neither constant nor copies of one another', () => {
    const long = generateSelfTestMarket(SYMBOLS, { bars: 2_400, barMs: QUARTER_MS, start: START, seed: 'long' });
    const columns = computeFeatures({ bars15m: long, references, from: START + 1_348 * QUARTER_MS });
    // A generated market has one kind of day: slow features of one window lie closer together than on a real one.
    expect(duplicates(columns, 0.9999)).toEqual([]);
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
  it.skipIf(!folder)('features are finite, in range, not constant and no copies of one another', async () => {
    const directory = join(folder ?? '', 'binance-usdm/15m');
    const names = ['BTCUSDT', 'ETHUSDT', 'SOLUSDT', 'DOGEUSDT', 'FILUSDT', 'OMUSDT', 'TRBUSDT', 'HBARUSDT'];
    const files = readdirSync(directory).filter((file) => names.includes(file.split('.')[0] ?? ''));
    const bars15m = new Map<string, BarColumns>();
    const to = Date.UTC(2025, 3, 20);
    for (const file of files) {
      const symbol = file.split('.')[0] ?? '';
      bars15m.set(symbol, await readBars(join(directory, file), Date.UTC(2025, 0, 15), to));
    }
    expect(bars15m.size).toBe(names.length);
    const columns = computeFeatures({ bars15m, references: ['BTCUSDT', 'ETHUSDT'], from: Date.UTC(2025, 0, 30) });
    expect(duplicates(columns, 0.995)).toEqual([]);
    // OM fell by nine tenths within an hour on 2025-04-13: finite, but far outside anything expected.
    expect(
      outOfRange(
        columns,
        names.filter((name) => name !== 'OMUSDT'),
      ),
    ).toEqual([]);
  });
});

/** Features of which more than two values in a thousand lie outside their range. */
function outOfRange(columns: FeatureColumns, symbols: readonly string[]): string[] {
  const outside = set.features.filter(({ range: [low, high] }, column) => {
    let count = 0;
    for (const symbol of symbols) {
      const values = block(columns, symbol);
      for (let at = column; at < values.length; at += set.width) {
        const value = at32(values, at);
        if (value < low - 1e-6 || value > high + 1e-6) count++;
      }
    }
    return count > 0.002 * columns.times.length * symbols.length;
  });
  return outside.map(({ name }) => name);
}

/** Constant features, and pairs correlated above the limit, over every row in which both are known. */
function duplicates(columns: FeatureColumns, limit: number): string[] {
  const { width } = columns;
  const rows: Float64Array[] = [];
  for (const values of columns.values.values()) {
    for (let at = 0; at < values.length; at += width) {
      const one = Float64Array.from(values.subarray(at, at + width));
      if (one.every((value) => !Number.isNaN(value))) rows.push(one);
    }
  }
  expect(rows.length).toBeGreaterThan(300);
  const kept = rows.filter((_, i) => i % Math.ceil(rows.length / 2_500) === 0);
  const scores = Array.from({ length: width }, (_, column) => {
    const values = Float64Array.from(kept, (one) => at64(one, column));
    const mean = values.reduce((a, b) => a + b, 0) / values.length;
    const deviation = Math.sqrt(values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length);
    return deviation <= 1e-9 * Math.max(1e-3, Math.abs(mean)) ? undefined : values.map((v) => (v - mean) / deviation);
  });
  const found: string[] = [];
  for (let i = 0; i < width; i++) {
    const a = scores[i];
    if (!a) found.push(`${columns.names[i]} is constant`);
    for (let j = 0; j < i && a; j++) {
      const b = scores[j];
      if (!b) continue;
      let product = 0;
      for (let k = 0; k < a.length; k++) product += (a[k] ?? 0) * (b[k] ?? 0);
      const correlation = product / a.length;
      if (Math.abs(correlation) > limit)
        found.push(`${columns.names[j]} ~ ${columns.names[i]}: ${correlation.toFixed(4)}`);
    }
  }
  return found;
}

async function readBars(file: string, from: number, to: number): Promise<BarColumns> {
  const rows: number[][] = [];
  const lines = createInterface({ input: createReadStream(file).pipe(createGunzip()) });
  for await (const line of lines) {
    const values = line.split(',').map(Number);
    const time = values[0] ?? Number.NaN;
    if (time >= from && time < to) rows.push(values);
  }
  const bars = allocateBars(rows.length);
  const columns = [bars.openTime, bars.open, bars.high, bars.low, bars.close, bars.volume];
  rows.forEach((values, i) => {
    columns.forEach((column, c) => {
      column[i] = values[c] ?? Number.NaN;
    });
  });
  return bars;
}
