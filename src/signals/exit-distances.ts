import { type Forecast, HORIZONS, type Horizon, outputOf, type SignalSide } from '../core/index.ts';
import type { SignalSettings } from './settings.ts';

/** Positive fractions of the price; NaN where the forecast has no number. */
export interface ExitDistances {
  readonly stopDistance: number;
  readonly targetDistance: number;
  readonly rewardToRisk: number;
}

/**
 * How far a position may go against its side, and with it, over a horizon. The stop is the forecast drawdown of a long or rally of a short, yet at
 * least `stopVolatilityFloor` standard deviations of the return over the horizon: nearer ones are hit by noise. The target is the forecast
 * movement with the side, yet at least the expected return. Drawdown and rally are forecast over 1 h and 4 h; other horizons take the nearest,
 * scaled by the root of time.
 * @param volatility standard deviation of a return over 15 minutes
 */
export function exitDistances(
  forecast: Forecast,
  horizon: Horizon,
  side: SignalSide,
  volatility: number,
  settings: Pick<SignalSettings, 'stopVolatilityFloor'>,
): ExitDistances {
  const bars = HORIZONS[horizon];
  const source = bars > HORIZONS['1h'] ? '4h' : '1h';
  const scale = Math.sqrt(bars / HORIZONS[source]);
  // The drawdown is C / L - 1: as a share of the price it is 1 - L / C.
  const drawdown = scale * outputOf(forecast, `max_drawdown_${source}`);
  const down = drawdown / (1 + drawdown);
  const up = scale * outputOf(forecast, `max_rally_${source}`);
  const [against, along] = side === 'long' ? [down, up] : [up, down];
  const expectedReturn = Math.abs(outputOf(forecast, `future_return_${horizon}`));
  const stopDistance = Math.max(against, settings.stopVolatilityFloor * volatility * Math.sqrt(bars));
  const targetDistance = Math.max(along, expectedReturn);
  return { stopDistance, targetDistance, rewardToRisk: targetDistance / stopDistance };
}
