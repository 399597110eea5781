import { at64, type Random } from '../../core/index.ts';
import { WEEKDAY_VARIANCE, weekdayVariance } from './generated-instruments.ts';

export interface DailyPathSettings {
  /** Standard deviation of an average day's return, jumps aside. */
  readonly volatility: number;
  /** Probability of a jump on a day, and its standard deviation. */
  readonly jumpProbability: number;
  readonly jumpVolatility: number;
  /** How much of the market's log volatility this path takes over, 0 to 1. */
  readonly followsMarket: number;
  /** Share of the variance that lies in the mean-reverting part; 0 plants nothing. */
  readonly revertingShare: number;
  /** Rate of the reversion per day. */
  readonly reversionRate: number;
}

/** One day of a path, as far as days are concerned. Levels are logarithms; the reverting part is a deviation. */
export interface Day {
  readonly startLevel: number;
  readonly endLevel: number;
  /** Variance of the permanent part, jump included, and that of the jump alone. */
  readonly variance: number;
  readonly jumpVariance: number;
  readonly startDeviation: number;
  readonly endDeviation: number;
  /** Log volatility (0 on average) at the start and the end of the day: the slow component. */
  readonly startLogVolatility: number;
  readonly endLogVolatility: number;
  /** The fast component at midnight, the same value from both sides. */
  readonly startBurst: number;
  readonly endBurst: number;
}

/** Persistence per day and stationary standard deviation of the slow log volatility: weeks and days. */
const WEEKS = { persistence: 0.96, deviation: 0.3 };
const DAYS = { persistence: 0.6, deviation: 0.22 };
/**
 * The factor that the slow log volatility and the day of the week put on the variance of a day: its mean and the mean of its root. A day's log volatility is the
 * mean of those at its two midnights.
 */
export const DAILY_SCALE: { readonly mean: number; readonly meanRoot: number } = (() => {
  const spread = WEEKS.deviation ** 2 + DAYS.deviation ** 2;
  const ofDay = [WEEKS, DAYS].reduce(
    (sum, { deviation, persistence }) => sum + (deviation ** 2 * (1 + persistence)) / 2,
    0,
  );
  const overWeek = (of: (variance: number) => number) => WEEKDAY_VARIANCE.reduce((sum, each) => sum + of(each), 0) / 7;
  return {
    mean: overWeek((variance) => variance) * Math.exp(2 * ofDay - 2 * spread),
    meanRoot: overWeek(Math.sqrt) * Math.exp(ofDay / 2 - spread),
  };
})();

/** Standard deviation of the fast log volatility (it lasts for an hour or two). */
export const BURST_DEVIATION = 0.4;

/**
 * The day-to-day values of one path, drawn in sequence and kept, so that any later day costs microseconds and each minute
 * path between two midnights can be drawn by itself: given the variance of the minutes, a path is Gaussian, and one that
 * is pinned at both ends (a bridge) has the law of the free one.
 */
export class DailyPath {
  readonly #random: Random;
  readonly #settings: DailyPathSettings;
  readonly #firstEpochDay: number;
  readonly #market: DailyPath | undefined;
  readonly #days: Day[] = [];
  #weekly = 0;
  #daily = 0;

  constructor(random: Random, settings: DailyPathSettings, firstEpochDay: number, market?: DailyPath) {
    this.#random = random;
    this.#settings = settings;
    this.#firstEpochDay = firstEpochDay;
    this.#market = market;
  }

  /** The n-th day since the start of the market. */
  day(index: number): Day {
    while (this.#days.length <= index) this.#days.push(this.#next());
    const day = this.#days[index];
    if (day === undefined) throw new RangeError(`a generated market has no day ${index}`);
    return day;
  }

  #next(): Day {
    const random = this.#random;
    const { volatility, jumpProbability, jumpVolatility, followsMarket, revertingShare, reversionRate } =
      this.#settings;
    const index = this.#days.length;
    const before = this.#days[index - 1];
    this.#weekly = step(this.#weekly, WEEKS, random, before === undefined);
    this.#daily = step(this.#daily, DAYS, random, before === undefined);
    const marketDay = this.#market?.day(index);
    const endLogVolatility =
      Math.sqrt(1 - followsMarket ** 2) * (this.#weekly + this.#daily) +
      followsMarket * (marketDay?.endLogVolatility ?? 0);
    const startLogVolatility = before?.endLogVolatility ?? endLogVolatility;
    const mean = (startLogVolatility + endLogVolatility) / 2;
    const spread = WEEKS.deviation ** 2 + DAYS.deviation ** 2;
    // exp(2h) has mean exp(2 var h): divided out, so that `volatility` keeps its meaning.
    const diffusive = volatility ** 2 * weekdayVariance(this.#firstEpochDay + index) * Math.exp(2 * mean - 2 * spread);
    const jumps = random.uniform() < jumpProbability;
    const jumpVariance = jumps ? jumpVolatility ** 2 * (0.5 + random.uniform()) : 0;
    const variance = diffusive * (1 - revertingShare) + jumpVariance;
    const decay = Math.exp(-reversionRate);
    const innovation = diffusive * revertingShare * ornsteinVariance(reversionRate);
    // The deviation starts in its stationary state, the level such that both together start at 0.
    const stationary = revertingShare > 0 ? volatility * Math.sqrt(revertingShare / (2 * reversionRate)) : 0;
    const startDeviation = before?.endDeviation ?? (stationary > 0 ? stationary * random.normal() : 0);
    const startLevel = before?.endLevel ?? 0 - startDeviation;
    return {
      startLevel,
      endLevel: startLevel + Math.sqrt(variance) * random.normal(),
      variance,
      jumpVariance,
      startDeviation,
      endDeviation: revertingShare > 0 ? decay * startDeviation + Math.sqrt(innovation) * random.normal() : 0,
      startLogVolatility,
      endLogVolatility,
      startBurst: before?.endBurst ?? 0,
      endBurst: BURST_DEVIATION * random.normal(),
    };
  }
}

/** Variance after one day of an Ornstein-Uhlenbeck process with innovations of variance 1 a day. */
export const ornsteinVariance = (rate: number): number => (rate === 0 ? 1 : (1 - Math.exp(-2 * rate)) / (2 * rate));

function step(
  value: number,
  component: { persistence: number; deviation: number },
  random: Random,
  first: boolean,
): number {
  const { persistence, deviation } = component;
  if (first) return deviation * random.normal();
  return persistence * value + deviation * Math.sqrt(1 - persistence ** 2) * random.normal();
}

/** Persistence of the fast log volatility per step of {@link BURST_STEP} minutes: a half-life of about an hour. */
export const BURST_STEP = 5;
const BURST_PERSISTENCE = Math.exp(-BURST_STEP / 90);
const BURST_STEPS = 1_440 / BURST_STEP;

/**
 * The fast log volatility of a day in steps of five minutes, pinned at both midnights. `scratch` has 288 entries.
 */
export function drawBursts(day: Day, random: Random, scratch: Float64Array): void {
  const noise = BURST_DEVIATION * Math.sqrt(1 - BURST_PERSISTENCE ** 2);
  let burst = day.startBurst;
  for (let i = 0; i < BURST_STEPS; i++) {
    scratch[i] = burst;
    burst = BURST_PERSISTENCE * burst + noise * random.normal();
  }
  const miss = day.endBurst - burst;
  let weight = BURST_PERSISTENCE;
  for (let i = BURST_STEPS - 1; i >= 0; i--) {
    scratch[i] = at64(scratch, i) + miss * weight;
    weight *= BURST_PERSISTENCE;
  }
}
