import { at64, type BarColumns, MINUTE_MS, type Random } from '../../core/index.ts';
import type { InstrumentProfile } from './generated-instruments.ts';
import { EXPONENTIAL_QUANTILES, MINUTES_PER_DAY, type MinutePath } from './minute-paths.ts';

/** Bars of a generated market also carry the number of trades. */
export interface GeneratedBars extends BarColumns {
  readonly trades: Float64Array;
}

export interface DayInputs {
  readonly profile: InstrumentProfile;
  readonly random: Random;
  readonly firstOpenTime: number;
  /** Log level (relative to the start price) at the last close of the day before. */
  readonly startLevel: number;
  readonly own: MinutePath;
  readonly market: MinutePath;
  readonly sector: MinutePath;
  /** Variance of an average minute of the instrument. */
  readonly averageVariance: number;
}

/**
 * The 1,440 bars of a day. Closes are the level on the tick grid; opens the close before, at times one tick off; highs and lows
 * are drawn from the law of the extremes of a Brownian bridge between open and close. Volume goes with the minute's
 * volatility and with the size of its move, the share of taker buys with its sign.
 */
export function drawDayBars(inputs: DayInputs): GeneratedBars {
  const { profile, random, own, market, sector } = inputs;
  const { beta, sectorBeta, minuteTurnover, stepsPerUnit, tradeValue } = profile;
  const bars = emptyDay();
  const ticksPerUnit = 10 ** profile.priceDecimals;
  const startTicks = profile.startPrice * ticksPerUnit;
  const betaSquared = beta * beta;
  const sectorSquared = sectorBeta * sectorBeta;
  let before = inputs.startLevel;
  let closeTicks = Math.max(2, Math.round(startTicks * Math.exp(before)));
  for (let i = 0; i < MINUTES_PER_DAY; i++) {
    const level = at64(own.level, i) + beta * at64(market.level, i) + sectorBeta * at64(sector.level, i);
    const variance =
      at64(own.variance, i) + betaSquared * at64(market.variance, i) + sectorSquared * at64(sector.variance, i);
    const change = level - before;
    before = level;
    const exact = startTicks * Math.exp(level);
    // Two uniforms of 53 bits are cut into the six that a bar needs.
    const forExtremes = random.uniform() * QUANTILES;
    const upper = Math.floor(forExtremes);
    const forLower = (forExtremes - upper) * QUANTILES;
    const lower = Math.floor(forLower);
    const forOpen = forLower - lower;
    const forVolume = random.uniform() * 1_024;
    const volumeNoise = Math.floor(forVolume) / 1_024;
    const forBuying = (forVolume % 1) * 1_024;
    const buyingNoise = Math.floor(forBuying) / 1_024;
    const openTicks = closeTicks + (forOpen < 0.125 ? 1 : forOpen < 0.25 ? -1 : 0);
    closeTicks = Math.max(2, Math.round(exact));

    const reach = change * change;
    const above = (Math.sqrt(reach + 2 * variance * at64(EXPONENTIAL_QUANTILES, upper)) - change) / 2;
    const below = (Math.sqrt(reach + 2 * variance * at64(EXPONENTIAL_QUANTILES, lower)) + change) / 2;
    const highTicks = Math.max(openTicks, closeTicks, Math.round(exact * (1 + above)));
    const lowTicks = Math.max(1, Math.min(openTicks, closeTicks, Math.round(exact * (1 - below))));

    const deviation = Math.sqrt(variance);
    const unrest = Math.sqrt(variance / inputs.averageVariance);
    const surprise = change / deviation;
    const turnover =
      minuteTurnover *
      (0.3 + 0.7 * unrest) *
      (0.5 + 0.6 * Math.abs(surprise)) *
      (0.4 + 1.8 * volumeNoise * volumeNoise);
    const typical = (openTicks + highTicks + lowTicks + closeTicks) / (4 * ticksPerUnit);
    const steps = Math.max(1, Math.round((turnover / typical) * stepsPerUnit));
    const buying = 0.5 + 0.1 * Math.max(-2.5, Math.min(2.5, surprise)) + 0.24 * (buyingNoise - 0.5);

    bars.openTime[i] = inputs.firstOpenTime + i * MINUTE_MS;
    bars.open[i] = openTicks / ticksPerUnit;
    bars.high[i] = highTicks / ticksPerUnit;
    bars.low[i] = lowTicks / ticksPerUnit;
    bars.close[i] = closeTicks / ticksPerUnit;
    bars.volume[i] = steps / stepsPerUnit;
    bars.quoteVolume[i] = Math.round((steps / stepsPerUnit) * typical * 1e6) / 1e6;
    bars.takerBuyVolume[i] = Math.round(steps * Math.max(0.02, Math.min(0.98, buying))) / stepsPerUnit;
    bars.trades[i] = Math.max(1, Math.round((turnover / tradeValue) * (0.8 + 0.4 * (forBuying % 1))));
  }
  return bars;
}

const QUANTILES = EXPONENTIAL_QUANTILES.length;

/** Not filled with NaN: every value is written. */
function emptyDay(): GeneratedBars {
  const column = () => new Float64Array(MINUTES_PER_DAY);
  return {
    length: MINUTES_PER_DAY,
    openTime: column(),
    open: column(),
    high: column(),
    low: column(),
    close: column(),
    volume: column(),
    quoteVolume: column(),
    takerBuyVolume: column(),
    trades: column(),
  };
}
