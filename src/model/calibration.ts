import { at64, atByte } from '../core/index.ts';

export interface PlattScaling {
  /** The calibrated logit is slope x logit + intercept. */
  readonly slope: number;
  readonly intercept: number;
  readonly logLossBefore: number;
  readonly logLossAfter: number;
}

/**
 * Platt scaling of one event's logits: slope >= 0 and intercept by Newton's method, with a weak pull towards the identity (as if
 * {@link PRIOR_ROWS} rows had agreed with it), so that a window with hardly an event cannot throw the logits away.
 */
export function fitPlatt(logits: Float64Array, labels: Uint8Array): PlattScaling {
  const before = sigmoidLoss(logits, labels, 1, 0);
  const identity = { slope: 1, intercept: 0, logLossBefore: before, logLossAfter: before };
  let slope = 1;
  let intercept = 0;
  for (let iteration = 0; iteration < 50; iteration++) {
    let gs = PRIOR_ROWS * (slope - 1);
    let gi = PRIOR_ROWS * intercept * 0.1;
    let hss = PRIOR_ROWS;
    let hsi = 0;
    let hii = PRIOR_ROWS * 0.1;
    for (let row = 0; row < logits.length; row++) {
      const z = at64(logits, row);
      const p = 1 / (1 + Math.exp(-(slope * z + intercept)));
      const error = p - atByte(labels, row);
      const weight = p * (1 - p);
      gs += error * z;
      gi += error;
      hss += weight * z * z;
      hsi += weight * z;
      hii += weight;
    }
    const determinant = hss * hii - hsi * hsi;
    if (!(determinant > 0)) return identity;
    // Damped to one unit of slope and two of intercept: far from the optimum a full Newton step overshoots.
    const stepSlope = clamp((hii * gs - hsi * gi) / determinant, 1);
    const stepIntercept = clamp((hss * gi - hsi * gs) / determinant, 2);
    slope = Math.max(0, slope - stepSlope);
    intercept -= stepIntercept;
    if (Math.abs(stepSlope) + Math.abs(stepIntercept) < 1e-9) break;
  }
  const after = sigmoidLoss(logits, labels, slope, intercept);
  return after < before ? { slope, intercept, logLossBefore: before, logLossAfter: after } : identity;
}

const PRIOR_ROWS = 10;

/**
 * By what factor forecasts must shrink to be of honest size: the regression slope through the origin of realised on forecast, held in
 * [0, 1]. 0 says that the forecasts pointed nowhere, or the wrong way: they are then worth nothing, never turned round.
 */
export function fitShrinkage(forecast: Float64Array, realised: Float64Array): number {
  let product = 0;
  let square = 0;
  for (let row = 0; row < forecast.length; row++) {
    product += at64(forecast, row) * at64(realised, row);
    square += at64(forecast, row) ** 2;
  }
  return square > 0 ? Math.min(1, Math.max(0, product / square)) : 0;
}

/** realised = slope x forecast + intercept by least squares, slope in [0, 2]. */
export function fitAffine(forecast: Float64Array, realised: Float64Array): { slope: number; intercept: number } {
  const rows = forecast.length;
  let meanForecast = 0;
  let meanRealised = 0;
  for (let row = 0; row < rows; row++) {
    meanForecast += at64(forecast, row) / rows;
    meanRealised += at64(realised, row) / rows;
  }
  let product = 0;
  let square = 0;
  for (let row = 0; row < rows; row++) {
    const deviation = at64(forecast, row) - meanForecast;
    product += deviation * (at64(realised, row) - meanRealised);
    square += deviation * deviation;
  }
  const slope = square > 0 ? Math.min(2, Math.max(0, product / square)) : 0;
  return { slope, intercept: meanRealised - slope * meanForecast };
}

const clamp = (value: number, limit: number): number => Math.min(limit, Math.max(-limit, value));

function sigmoidLoss(logits: Float64Array, labels: Uint8Array, slope: number, intercept: number): number {
  let loss = 0;
  for (let row = 0; row < logits.length; row++) {
    const z = slope * at64(logits, row) + intercept;
    loss += Math.max(z, 0) - z * atByte(labels, row) + Math.log1p(Math.exp(-Math.abs(z)));
  }
  return loss / logits.length;
}
