import { at64 } from '../../core/index.ts';
import { bar, CLOSE, defineNode, derive3, HIGH, LOW, type Node, OPEN, ring } from '../program.ts';
import { atrUnit, ema, quotient } from './recursive.ts';
import { extreme, shortMean } from './windows.ts';

const close = bar('close');

/** ln(C / C of `lag` bars ago). Needs lag + 1 bars. */
export const logChange = (lag: number): Node =>
  defineNode(`logChange(${lag})`, (stage) => {
    const base = stage.use(ring(close));
    const { mask } = stage;
    const out = stage.reserve(1);
    stage.onBar((s, count) => {
      s[out] = count > lag ? Math.log(at64(s, CLOSE) / at64(s, base + ((count - lag) & mask))) : 0;
    });
    return out;
  });

/** Where the close stands between the lowest low and the highest high of the window, -1 to 1; 0 in a flat window. */
export const rangePosition = (window: number): Node =>
  derive3(`rangePosition(${window})`, close, extreme('lowest', window), extreme('highest', window), (c, low, high) =>
    quotient(c - low - (high - c), high - low),
  );

/** Mean of the last `smoothing` range positions: the stochastic's %D. */
export const smoothedPosition = (window: number, smoothing: number): Node =>
  shortMean(rangePosition(window), smoothing);

/** Bars since the highest high less bars since the lowest low, over window - 1: the Aroon oscillator's idea, -1 to 1, newest where equal. */
export const extremeOrder = (window: number): Node =>
  derive3(
    `extremeOrder(${window})`,
    extreme('highestAge', window),
    extreme('lowestAge', window),
    close,
    (high, low) => (low - high) / (window - 1),
  );

/** (C - EMA) / ATR; 0 without range. */
export const averageDistance = (period: number, atrPeriod: number): Node =>
  derive3(`averageDistance(${period},${atrPeriod})`, close, ema(close, period), atrUnit(atrPeriod), (c, mean, unit) =>
    quotient(c - mean, unit),
  );

/**
 * Mean and population standard deviation of the last closes, as (mean - C) / C and deviation / C. Taken from differences to
 * the newest close, so that a flat window gives exactly 0.
 */
export function closeSpread(kind: 'mean' | 'deviation', window: number): Node {
  const base = defineNode(`closeSpread(${window})`, (stage) => {
    const closes = stage.use(ring(close));
    const { mask } = stage;
    const out = stage.reserve(2);
    stage.onBar((s, count) => {
      const c = at64(s, CLOSE);
      let sum = 0;
      let square = 0;
      for (let k = 1; k < window; k++) sum += at64(s, closes + ((count - k) & mask)) - c;
      const mean = sum / window;
      for (let k = 0; k < window; k++) {
        const d = at64(s, closes + ((count - k) & mask)) - c - mean;
        square += d * d;
      }
      s[out] = mean / c;
      s[out + 1] = Math.sqrt(square / window) / c;
    });
    return out;
  });
  return kind === 'mean' ? base : defineNode(`closeDeviation(${window})`, (stage) => stage.use(base) + 1);
}

/** Bollinger's position: (C - mean) / deviation of the window's closes; 0 where they are equal. */
export const closeScore = (window: number): Node =>
  derive3(
    `closeScore(${window})`,
    closeSpread('mean', window),
    closeSpread('deviation', window),
    close,
    (mean, deviation) => quotient(-mean, deviation),
  );

/** Commodity channel index / 100 (Lambert 1980): (TP - mean TP) / (0.015 · mean |TP - mean TP|), TP = (H + L + C) / 3; 0 in a flat window. */
export const cci = (window: number): Node =>
  defineNode(`cci(${window})`, (stage) => {
    const high = stage.use(ring(bar('high')));
    const low = stage.use(ring(bar('low')));
    const closes = stage.use(ring(close));
    const { mask } = stage;
    const out = stage.reserve(1);
    const three = (s: Float64Array, at: number) => at64(s, high + at) + at64(s, low + at) + at64(s, closes + at);
    stage.onBar((s, count) => {
      const now = three(s, count & mask);
      let sum = 0;
      let deviation = 0;
      for (let k = 1; k < window; k++) sum += three(s, (count - k) & mask) - now;
      const mean = sum / window;
      for (let k = 0; k < window; k++) deviation += Math.abs(three(s, (count - k) & mask) - now - mean);
      s[out] = quotient(-mean, 1.5 * (deviation / window));
    });
    return out;
  });

/**
 * Least-squares line through the last closes: `slope` in ATRs per bar, `fit` the share of variance it explains with the sign of
 * the slope (signed R², -1 to 1). 0 in a flat window.
 */
export function regression(kind: 'slope' | 'fit', window: number, atrPeriod: number): Node {
  const base = defineNode(`regression(${window},${atrPeriod})`, (stage) => {
    const closes = stage.use(ring(close));
    const unit = stage.use(atrUnit(atrPeriod));
    const { mask } = stage;
    const out = stage.reserve(2);
    const middle = (window - 1) / 2;
    const spread = (window * (window * window - 1)) / 12;
    stage.onBar((s, count) => {
      const c = at64(s, CLOSE);
      let sum = 0;
      let square = 0;
      let product = 0;
      for (let k = 1; k < window; k++) {
        const d = at64(s, closes + ((count - k) & mask)) - c;
        sum += d;
        square += d * d;
        product += (middle - k) * d;
      }
      const slope = product / spread;
      const variance = square - (sum * sum) / window;
      const range = at64(s, unit);
      const still = range === 0 || variance <= square * 2 ** -40;
      s[out] = still ? 0 : slope / range;
      s[out + 1] = still ? 0 : (Math.sign(product) * product * product) / spread / variance;
    });
    return out;
  });
  return kind === 'slope' ? base : defineNode(`regressionFit(${window},${atrPeriod})`, (stage) => stage.use(base) + 1);
}

/** Shape of the newest bar as shares of its range: `close` = place of the close (-1 to 1), `upper` and `lower` = wicks; 0 in a flat bar. */
export const barShape = (kind: 'close' | 'upper' | 'lower'): Node =>
  defineNode(`barShape(${kind})`, (stage) => {
    const out = stage.reserve(1);
    stage.onBar((s) => {
      const open = at64(s, OPEN);
      const high = at64(s, HIGH);
      const low = at64(s, LOW);
      const last = at64(s, CLOSE);
      const part =
        kind === 'close'
          ? last - low - (high - last)
          : kind === 'upper'
            ? high - Math.max(open, last)
            : Math.min(open, last) - low;
      s[out] = quotient(part, high - low);
    });
    return out;
  });
