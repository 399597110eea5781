import { readFileSync } from 'node:fs';
import { expect } from 'vitest';
import { at64, createRandom } from '../../core/index.ts';

/*
 * Values of TA-Lib (native, 64-bit) over one generated series, made by `npx tsx bench/peers/talib-fixtures.ts`. Of each output: the
 * first 40 values, 60 spread to the end, the last 5, and the means of 50 blocks that cover every value.
 */

export interface TalibSeries {
  readonly open: Float64Array;
  readonly high: Float64Array;
  readonly low: Float64Array;
  readonly close: Float64Array;
  readonly volume: Float64Array;
}

export interface TalibExpectation {
  /** Position of the first value: TA-Lib's look-back. */
  readonly begin: number;
  /** By TA-Lib's own names: values at `talibPositions(begin)`, means of the blocks of `talibBlocks(begin)`. */
  readonly outputs: Readonly<Record<string, { readonly values: readonly number[]; readonly means: readonly number[] }>>;
}

export interface TalibFixture {
  readonly source: string;
  /** Of the series the values were made from: sums of its columns. */
  readonly sums: Readonly<Record<keyof TalibSeries, number>>;
  readonly functions: Readonly<Record<string, TalibExpectation>>;
}

export const TALIB_BARS = 1_000_000;

/**
 * A geometric walk between 10 and 1,000 with clusters of volatility, jumps, stretches where nothing moves and bars without volume.
 * Prices are multiples of 1/128 and volumes whole numbers: sums and sums of squares of them are exact in doubles, so that TA-Lib's
 * running sums do not drift over the series and what is compared is the formula. Made once; not to be written into.
 */
export function talibSeries(): TalibSeries {
  generated ??= generate(TALIB_BARS);
  return generated;
}

let generated: TalibSeries | undefined;

function generate(bars: number): TalibSeries {
  const random = createRandom('talib');
  const [open, high, low, close, volume] = Array.from({ length: 5 }, () => new Float64Array(bars)) as [
    Float64Array,
    Float64Array,
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  const onTick = (price: number) => Math.round(price * 128) / 128;
  let price = 100;
  let heat = 0;
  let flat = 0;
  for (let i = 0; i < bars; i++) {
    heat = 0.99 * heat + 0.1 * random.normal();
    const quiet = flat > 0;
    if (quiet) flat--;
    else if (i > 200 && random.uniform() < 0.0005) flat = 5 + random.integer(90);
    const volatility = 0.002 * Math.exp(0.7 * heat);
    let move = Math.max(-0.1, Math.min(0.1, volatility * random.normal() + volatility ** 2 / 2));
    if (random.uniform() < 0.001) move = 0.16 * (random.uniform() - 0.5);
    if (price > 700) move = -Math.abs(move);
    if (price < 15) move = Math.abs(move);
    const reach = volatility * random.uniform();
    const fall = volatility * random.uniform();
    const traded = Math.floor(1_000 * Math.exp(0.5 * heat) * random.uniform());
    const last = quiet ? price : onTick(price * (1 + move));
    open[i] = price;
    close[i] = last;
    high[i] = quiet ? price : onTick(Math.max(price, last) * (1 + reach));
    low[i] = quiet ? price : onTick(Math.min(price, last) * (1 - fall));
    volume[i] = (quiet && flat % 3 > 0) || random.uniform() < 0.01 ? 0 : traded;
    price = last;
  }
  return { open, high, low, close, volume };
}

/** Where values of an output that begins at `begin` were kept. */
export function talibPositions(begin: number): number[] {
  const spread = (TALIB_BARS - 45 - begin) / 61;
  return [
    ...Array.from({ length: 40 }, (_, k) => begin + k),
    ...Array.from({ length: 60 }, (_, k) => begin + 40 + Math.floor((k + 1) * spread)),
    ...Array.from({ length: 5 }, (_, k) => TALIB_BARS - 5 + k),
  ];
}

/** First positions of the 50 blocks whose means were kept, and the end of the last. */
export function talibBlocks(begin: number): number[] {
  return Array.from({ length: 51 }, (_, k) => begin + Math.floor((k * (TALIB_BARS - begin)) / 50));
}

/**
 * Compares outputs over the whole `talibSeries` with TA-Lib's. Differences are relative to the value, or to what `scaleOf` gives for its
 * function where that is more: a value near zero is as exact as the prices it was taken from. Before TA-Lib's first value, outputs must
 * be NaN. `means: false` leaves the means of blocks out, for an indicator that differs from TA-Lib on purpose in rare cases; positions
 * where it does are in `except`.
 */
export function expectLikeTalib(
  key: string,
  outputs: Readonly<Record<string, Float64Array>>,
  relative = 1e-9,
  { means = true, except = () => false }: { means?: boolean; except?: (at: number) => boolean } = {},
): void {
  const expectation = fixture().functions[key];
  if (!expectation)
    throw new Error(`no such function: ${key}. There are ${Object.keys(fixture().functions).join(', ')}`);
  expect(Object.keys(outputs).sort(), `outputs of ${key}`).toEqual(Object.keys(expectation.outputs).sort());
  const { begin } = expectation;
  const scale = scaleOf(key);
  const positions = talibPositions(begin);
  const blocks = talibBlocks(begin);
  for (const [name, expected] of Object.entries(expectation.outputs)) {
    const actual = outputs[name] ?? new Float64Array();
    expect(actual.length, `${key} ${name}`).toBe(TALIB_BARS);
    expect(
      actual.findIndex((value) => !Number.isNaN(value)),
      `${key} ${name}: position of the first value`,
    ).toBe(begin);
    expectClose(
      `${key} ${name} at`,
      positions,
      positions.map((at, k) => (except(at) ? (expected.values[k] ?? Number.NaN) : at64(actual, at))),
      expected.values,
      positions.map((at) => relative * scale(at)),
      relative,
    );
    if (!means) continue;
    const actualMeans = talibMeans(actual, begin);
    const scales = expected.means.map((_, k) => relative * scale(blocks[k] ?? 0));
    expectClose(`${key} ${name}, mean of block from`, blocks, actualMeans, expected.means, scales, relative);
  }
}

export function talibMeans(values: Float64Array, begin: number): number[] {
  const blocks = talibBlocks(begin);
  return blocks.slice(1).map((end, k) => {
    const start = blocks[k] ?? 0;
    let sum = 0;
    for (let i = start; i < end; i++) sum += at64(values, i);
    return sum / (end - start);
  });
}

function expectClose(
  label: string,
  positions: readonly number[],
  actual: readonly number[],
  expected: readonly number[],
  tolerances: readonly number[],
  relative: number,
): void {
  expected.forEach((value, k) => {
    const is = actual[k] ?? Number.NaN;
    const tolerance = Math.max(relative * Math.abs(value), tolerances[k] ?? 0);
    // Not through `expect` each time: some thousand calls a function would take longer than the indicators do.
    if (!(Math.abs(is - value) <= tolerance)) {
      expect.fail(
        `${label} ${positions[k]}: ${is}, TA-Lib ${value}, difference ${Math.abs(is - value)} > ${tolerance}`,
      );
    }
  });
}

/** The least scale, by position, to which differences of a function's values are taken. */
function scaleOf(key: string): (at: number) => number {
  const name = key.slice(0, key.indexOf('('));
  const close = talibSeries().close;
  switch (name) {
    // Differences of prices: a thousandth of the price.
    case 'MACD':
    case 'APO':
    case 'MOM':
    case 'LINEARREG_SLOPE':
    case 'STDDEV':
      return (at) => 1e-3 * at64(close, at);
    // TA-Lib takes the variance as a difference of squares, which leaves it errors of some 1e-16 of the squared price.
    case 'VAR':
      return (at) => 1e-6 * at64(close, at) ** 2;
    case 'AD':
    case 'ADOSC':
    case 'OBV':
      return () => 1_000;
    // Fractions and percentages of a price.
    case 'ROCP':
    case 'TRIX':
      return () => 0.01;
    case 'ROC':
    case 'PPO':
    case 'BETA':
    case 'CORREL':
      return () => 1;
    // Bounded by 100, or of that size.
    case 'AROONOSC':
    case 'AROON':
    case 'CCI':
    case 'CMO':
    case 'DX':
    case 'MFI':
    case 'MINUS_DI':
    case 'PLUS_DI':
    case 'RSI':
    case 'STOCH':
    case 'STOCHF':
    case 'STOCHRSI':
    case 'ULTOSC':
    case 'WILLR':
      return () => 100;
    default:
      return () => 0;
  }
}

let loaded: TalibFixture | undefined;

function fixture(): TalibFixture {
  if (loaded) return loaded;
  const parsed = JSON.parse(readFileSync(new URL('./talib.fixture.json', import.meta.url), 'utf8')) as TalibFixture;
  expect(talibSums(talibSeries()), 'sums of the columns: the series the values were made from').toEqual(parsed.sums);
  loaded = parsed;
  return parsed;
}

export function talibSums(columns: TalibSeries): Record<keyof TalibSeries, number> {
  const sum = (column: Float64Array) => column.reduce((total, value) => total + value, 0);
  const { open, high, low, close, volume } = columns;
  return { open: sum(open), high: sum(high), low: sum(low), close: sum(close), volume: sum(volume) };
}
