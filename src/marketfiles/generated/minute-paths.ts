import { at64, type Random } from '../../core/index.ts';
import { BURST_STEP, type Day, drawBursts } from './daily-path.ts';
import { MINUTE_SEASONALITY } from './generated-instruments.ts';

export const MINUTES_PER_DAY = 1_440;

/** Midpoint quantiles of the exponential distribution of mean 1: a look-up instead of a logarithm. */
export const EXPONENTIAL_QUANTILES: Float64Array = Float64Array.from(
  { length: 4_096 },
  (_, i) => -Math.log(1 - (i + 0.5) / 4_096),
);

/** How long the unrest after a jump takes to fall to 1/e, in minutes, and how large it is against the day's average. */
const AFTERSHOCK_MINUTES = 25;
const AFTERSHOCK_SIZE = 6;

/** One day of a factor or of an instrument's own part. */
export interface MinutePath {
  /** Log level at the close of each minute. */
  readonly level: Float64Array;
  /** Variance of each minute's return. */
  readonly variance: Float64Array;
}

export const allocatePath = (): MinutePath => ({
  level: new Float64Array(MINUTES_PER_DAY),
  variance: new Float64Array(MINUTES_PER_DAY),
});

const burstsScratch = new Float64Array(MINUTES_PER_DAY / BURST_STEP);
const weightScratch = new Float64Array(MINUTES_PER_DAY);
const deviationScratch = new Float64Array(MINUTES_PER_DAY);

/**
 * Draws the minutes of a day into `path`: variance follows the time of day, the slow and fast log volatility, an exponential
 * mixing per minute (which makes returns fat-tailed) and the aftershocks of a jump; then levels, pinned at both midnights.
 */
export function drawMinutePath(day: Day, random: Random, path: MinutePath, revertingVariance = 0, rate = 0): void {
  const jumpMinute = day.jumpVariance > 0 ? random.integer(MINUTES_PER_DAY) : -1;
  drawWeights(day, random, jumpMinute);
  const { level, variance } = path;
  const diffusive = day.variance - day.jumpVariance;
  for (let i = 0; i < MINUTES_PER_DAY; i++) variance[i] = diffusive * at64(weightScratch, i);
  if (jumpMinute >= 0) variance[jumpMinute] = at64(variance, jumpMinute) + day.jumpVariance;
  bridge(variance, random, day.startLevel, day.endLevel, level);
  if (revertingVariance > 0) addReversion(day, random, path, revertingVariance, rate);
}

/** Shares of the minutes in the day's diffusive variance, summing to 1. */
function drawWeights(day: Day, random: Random, jumpMinute: number): void {
  drawBursts(day, random, burstsScratch);
  let sum = 0;
  let burst = 0;
  const slope = (day.endLogVolatility - day.startLogVolatility) / MINUTES_PER_DAY;
  for (let i = 0; i < MINUTES_PER_DAY; i++) {
    if (i % BURST_STEP === 0) burst = Math.exp(2 * (at64(burstsScratch, i / BURST_STEP) + slope * i));
    let weight = burst * at64(MINUTE_SEASONALITY, i) * (0.25 + at64(EXPONENTIAL_QUANTILES, random.integer(4_096)));
    if (jumpMinute >= 0 && i > jumpMinute && i < jumpMinute + 8 * AFTERSHOCK_MINUTES) {
      weight *= 1 + AFTERSHOCK_SIZE * Math.exp((jumpMinute - i) / AFTERSHOCK_MINUTES);
    }
    weightScratch[i] = weight;
    sum += weight;
  }
  for (let i = 0; i < MINUTES_PER_DAY; i++) weightScratch[i] = at64(weightScratch, i) / sum;
}

/** A Gaussian walk with the given variances from `start` that ends at `end` exactly. */
function bridge(variance: Float64Array, random: Random, start: number, end: number, level: Float64Array): void {
  let total = 0;
  let walk = 0;
  for (let i = 0; i < MINUTES_PER_DAY; i++) {
    total += at64(variance, i);
    walk += Math.sqrt(at64(variance, i)) * random.normal();
    level[i] = walk;
  }
  const correction = (end - start - walk) / total;
  let passed = 0;
  for (let i = 0; i < MINUTES_PER_DAY; i++) {
    passed += at64(variance, i);
    level[i] = start + at64(level, i) + correction * passed;
  }
  level[MINUTES_PER_DAY - 1] = end;
}

/**
 * Adds an Ornstein-Uhlenbeck deviation: exp(rate t) times it is a Gaussian walk, so it is bridged as one. Its minute
 * variances follow the weights of the day; their sum is fixed by the day's innovation.
 */
function addReversion(day: Day, random: Random, path: MinutePath, innovation: number, rate: number): void {
  const growth = Math.exp(rate / MINUTES_PER_DAY);
  let sum = 0;
  let factor = 1;
  for (let i = 0; i < MINUTES_PER_DAY; i++) {
    factor *= growth;
    sum += at64(weightScratch, i) * factor * factor;
  }
  // In the growing scale the day's innovation has variance innovation exp(2 rate).
  const scale = (innovation * Math.exp(2 * rate)) / sum;
  factor = 1;
  for (let i = 0; i < MINUTES_PER_DAY; i++) {
    factor *= growth;
    const own = scale * at64(weightScratch, i);
    path.variance[i] = at64(path.variance, i) + own;
    weightScratch[i] = own * factor * factor;
  }
  bridge(weightScratch, random, day.startDeviation, day.endDeviation * Math.exp(rate), deviationScratch);
  factor = 1;
  for (let i = 0; i < MINUTES_PER_DAY; i++) {
    factor *= growth;
    path.level[i] = at64(path.level, i) + at64(deviationScratch, i) / factor;
  }
  path.level[MINUTES_PER_DAY - 1] = day.endLevel + day.endDeviation;
}
