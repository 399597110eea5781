import { expect } from 'vitest';
import {
  allocateBars,
  at64,
  type BarColumns,
  createRandom,
  type FundingRates,
  HOUR_MS,
  MINUTE_MS,
} from '../core/index.ts';
import { withoutBars } from './bars.fixture.ts';
import { FAST_FEATURES } from './catalogue/fast.ts';
import { SLOW_FEATURES } from './catalogue/slow.ts';
import { computeColumns } from './columns.ts';
import type { SeriesFeature } from './feature.ts';
import { generateSelfTestMarket } from './generated-market.ts';
import { type Formula, type Series, upTo } from './naive.fixture.ts';
import { hoursOf, quartersOf, seriesOf } from './naive-series.fixture.ts';

/* A market that is hard on features, and the comparison of computed columns with formulas. */

const QUARTER_MS = 15 * MINUTE_MS;
/** Thursday, 2024-02-01T01:00Z: the first hour is the second one of its day, so that the first day and four hours are not whole. */
const START = Date.UTC(2024, 1, 1, 1);
const BARS = 2_000;
/** A day and more without any movement or trade. */
const STILL = { from: 1_500, to: 1_610 };
/** Two missing bars that are carried; they leave an hour incomplete. */
const GAP = { from: 1_690, to: 1_692 };
/** Five missing bars: the fast series begins anew, the slow one carries two hours. */
const BREAK = { from: 1_780, to: 1_785 };

/** Prices on a coarse tick, so that closes, extremes and returns often repeat; jumps between bars; a still day; holes. */
function difficultBars(): BarColumns {
  const smooth = generateSelfTestMarket(['A', 'B'], { bars: BARS, barMs: QUARTER_MS, start: START, seed: 'naive' });
  const bars = smooth.get('B') ?? allocateBars(0);
  const random = createRandom('jumps');
  let level = 1;
  for (let i = 0; i < bars.length; i++) {
    if (random.uniform() < 0.08) level *= 1 + 0.006 * random.normal();
    for (const column of [bars.open, bars.high, bars.low, bars.close])
      column[i] = Math.round(at64(column, i) * level * 32) / 32;
    if (i >= STILL.from && i < STILL.to) {
      bars.open[i] = bars.high[i] = bars.low[i] = bars.close[i] = at64(bars.close, i - 1);
      bars.volume[i] = 0;
    }
    bars.takerBuyVolume[i] = Math.round(at64(bars.volume, i) * random.uniform());
  }
  const missing = [GAP, BREAK].flatMap(({ from, to }) => Array.from({ length: to - from }, (_, k) => from + k));
  return withoutBars(bars, new Set(missing));
}

/** One price, nothing traded: every denominator is 0. */
function stillBars(length: number): BarColumns {
  const bars = allocateBars(length);
  for (let i = 0; i < length; i++) bars.openTime[i] = START + i * QUARTER_MS;
  for (const column of [bars.open, bars.high, bars.low, bars.close]) column.fill(32);
  bars.volume.fill(0);
  bars.takerBuyVolume.fill(0);
  return bars;
}

/** Rates every eight hours, at the hour and, as venues do, some milliseconds after it. */
function fundingRates(): FundingRates {
  const random = createRandom('funding');
  const first = Math.floor(START / (8 * HOUR_MS)) * 8 * HOUR_MS;
  const times = Float64Array.from({ length: 64 }, (_, i) => first + i * 8 * HOUR_MS + (i % 3 === 0 ? 4 : 0));
  times[0] = first;
  return { times, rates: times.map(() => 1e-4 + 2e-4 * random.normal()) };
}

const bars15m = new Map([
  ['DIFFICULT', difficultBars()],
  ['STILL', stillBars(1_500)],
]);
const rates = fundingRates();
const funding = new Map([...bars15m.keys()].map((symbol) => [symbol, rates]));
const barsOf = (symbol: string): BarColumns => bars15m.get(symbol) ?? allocateBars(0);

/** Groups of features by the file that holds their formulas. */
export const TOPICS = {
  returns: ['returns', 'volatility', 'distribution', 'regime'],
  trend: ['trend', 'oscillators', 'range'],
  volume: ['volume', 'taker flow', 'microstructure'],
  higher: ['higher', 'funding'],
} as const satisfies Record<string, readonly string[]>;

/** Fast and slow features of a topic. */
export const featuresOf = (topic: keyof typeof TOPICS): SeriesFeature[] =>
  [...FAST_FEATURES, ...SLOW_FEATURES].filter(({ group }) => (TOPICS[topic] as readonly string[]).includes(group));

/** A series, and where it is looked at. */
interface Place {
  readonly stage: SeriesFeature['stage'];
  readonly series: Series;
  readonly length: number;
  /** Bars since it began, besides the first warm ones. */
  readonly lengths: readonly number[];
  /** The first n bars. */
  readonly until: (n: number) => Series;
}

function placesOf(symbol: string, stage: SeriesFeature['stage']): Place[] {
  const barMs = stage === 'slow' ? HOUR_MS : QUARTER_MS;
  const bars = barsOf(symbol);
  return seriesOf(stage === 'slow' ? hoursOf(bars, rates) : quartersOf(bars), barMs).map((series) => {
    const { length } = series.C;
    const start = (series.time[0] ?? 0) - barMs;
    const at = (quarter: number) => Math.floor((START + (quarter + 1) * QUARTER_MS - start) / barMs);
    const chosen = [STILL.from + 15, STILL.from + 43, STILL.to - 3, STILL.to + 9, GAP.to + 3, BREAK.to + 8].map(at);
    const prefixes = new Map<number, Series>();
    const until = (n: number): Series => {
      const prefix = prefixes.get(n) ?? upTo(series, n);
      prefixes.set(n, prefix);
      return prefix;
    };
    return { stage, series, length, lengths: [...chosen, length].filter((n) => n > 0 && n <= length), until };
  });
}

/**
 * Holds every feature of a topic against its formula: on the first bars its kernel knows, from its declared warm-up on, within a still
 * stretch, after holes, and where every denominator is 0. On the bar before the kernel's warm-up formula and column must both be unknown.
 */
export function expectFormulas(topic: keyof typeof TOPICS, formulas: Readonly<Record<string, Formula>>): void {
  const features = featuresOf(topic);
  // Without waiting until a recursive average has forgotten how it began: so its seed is seen.
  const unsettled = features.map((feature) => ({ ...feature, warmUp: feature.kernel.warmUp }));
  const { values, times, width } = computeColumns(unsettled, { bars15m, funding, references: [] });
  const wrong: string[] = [];
  for (const symbol of bars15m.keys()) {
    const column = values.get(symbol) ?? new Float32Array();
    for (const place of [...placesOf(symbol, 'fast'), ...placesOf(symbol, 'slow')]) {
      features.forEach((feature, index) => {
        const formula = formulas[feature.name];
        if (feature.stage !== place.stage || !formula) return;
        const valueAt = (n: number): number => {
          const row = ((place.series.time[n - 1] ?? Number.NaN) - at64(times, 0)) / QUARTER_MS;
          return column[row * width + index] ?? Number.NaN;
        };
        wrong.push(
          ...differences(feature, formula, place, valueAt).map((what) => `${feature.name} of ${symbol} ${what}`),
        );
      });
    }
  }
  expect(wrong).toEqual([]);
}

function differences(
  { warmUp, range: [low, high], kernel }: SeriesFeature,
  formula: Formula,
  { until, length, lengths }: Place,
  valueAt: (n: number) => number,
): string[] {
  const wrong: string[] = [];
  const first = kernel.warmUp;
  if (warmUp < first) wrong.push(`is said to be warm before the ${first} bars of its kernel`);
  if (first > length) return wrong;
  for (const n of new Set([first, first + 1, first + 17, warmUp, ...lengths])) {
    if (n < first || n > length) continue;
    const expected = known(formula, until(n));
    const actual = valueAt(n);
    const size = Math.abs(expected);
    // Half the distance of two float32, and what float64 sums may differ by.
    const tolerance = 2 ** -24 * size + 1e-9 * Math.max(size, high - low);
    if (!(Math.abs(actual - expected) <= tolerance)) wrong.push(`after ${n} bars: ${actual}, not ${expected}`);
  }
  if (first > 1 && !Number.isNaN(valueAt(first - 1))) wrong.push('before its warm-up');
  if (!Number.isNaN(known(formula, until(first - 1)))) wrong.push('is known before its warm-up');
  return wrong;
}

/** What a formula says of a series; NaN where it wants more bars. */
function known(formula: Formula, x: Series): number {
  try {
    return formula(x);
  } catch (error) {
    if (error instanceof RangeError) return Number.NaN;
    throw error;
  }
}
