import { at64 } from '../../core/index.ts';
import {
  bar,
  CLOSE,
  defineNode,
  derive1,
  derive2,
  derive3,
  HIGH,
  LOG_RETURN,
  LOW,
  type Node,
  ring,
  VOLUME,
} from '../program.ts';
import { barShape } from './position.ts';
import { atrUnit, quotient } from './recursive.ts';
import { balance } from './volatility.ts';
import { lagged, returnSum, windowMean, windowSum } from './windows.ts';

const ROUNDING = 2 ** -40;
const volume = bar('volume');

/** (a - b) / (a + b) of the mean volume over `short` and over `long` bars. */
export const volumeBalance = (short: number, long: number): Node =>
  balance(`volumeBalance(${short},${long})`, windowMean(volume, short), windowMean(volume, long));

/** The last `window` bars' volume against that of the same bars one `season` ago, as (a - b) / (a + b). Needs season + window bars. */
export const seasonalVolume = (window: number, season: number): Node => {
  const sum = windowSum(volume, window);
  return balance(`seasonalVolume(${window},${season})`, sum, lagged(sum, season));
};

/** (V - mean) / deviation over the window; 0 where volumes are equal. */
export const volumeScore = (window: number): Node =>
  derive3(
    `volumeScore(${window})`,
    volume,
    windowSum(volume, window),
    windowSum(volumeSquare, window),
    (v, sum, square) => {
      const mean = sum / window;
      const variance = square / window - mean * mean;
      return variance <= (square / window) * ROUNDING ? 0 : (v - mean) / Math.sqrt(variance);
    },
  );

/** Deviation of volume over its mean within the window. */
export const volumeVariation = (window: number): Node =>
  derive2(`volumeVariation(${window})`, windowSum(volume, window), windowSum(volumeSquare, window), (sum, square) =>
    sum === 0 ? 0 : Math.sqrt(Math.max(0, (window * square) / (sum * sum) - 1)),
  );

/** Σ sign(r)·V / ΣV: on-balance volume gained over the window as a share of what was traded. Needs window + 1 bars. */
export const signedVolumeShare = (window: number): Node =>
  derive2(`signedVolume(${window})`, windowSum(signedVolume, window), windowSum(volume, window), quotient);

/** Chaikin money flow: Σ place of close in bar · V / ΣV. */
export const chaikinMoneyFlow = (window: number): Node =>
  derive2(`moneyFlow(${window})`, windowSum(placedVolume, window), windowSum(volume, window), quotient);

/** (C - VWAP) / ATR, VWAP = ΣTP·V / ΣV of the window, TP = (H + L + C) / 3; 0 without volume or range. */
export const vwapDistance = (window: number, atrPeriod: number): Node =>
  defineNode(`vwapDistance(${window},${atrPeriod})`, (stage) => {
    const mean = stage.use(vwap(window));
    const unit = stage.use(atrUnit(atrPeriod));
    const out = stage.reserve(1);
    stage.onBar((s) => {
      s[out] = quotient(at64(s, CLOSE) - at64(s, mean), at64(s, unit));
    });
    return out;
  });

/** ΣTP·V / ΣV; the close where nothing was traded. */
export const vwap = (window: number): Node =>
  derive3(
    `vwap(${window})`,
    windowSum(typicalVolume, window),
    windowSum(volume, window),
    bar('close'),
    (value, traded, close) => (traded === 0 ? close : value / traded),
  );

/** Money flow index, scaled to [-1, 1]: (P - N) / (P + N) of TP·V of bars whose TP rose and fell. Needs window + 1 bars. */
export const moneyFlowIndex = (window: number): Node =>
  defineNode(`moneyFlowIndex(${window})`, (stage) => {
    const high = stage.use(ring(bar('high')));
    const low = stage.use(ring(bar('low')));
    const close = stage.use(ring(bar('close')));
    const volumes = stage.use(ring(volume));
    const { mask } = stage;
    const out = stage.reserve(1);
    const three = (s: Float64Array, at: number) => at64(s, high + at) + at64(s, low + at) + at64(s, close + at);
    stage.onBar((s, count) => {
      let up = 0;
      let down = 0;
      let price = three(s, count & mask);
      for (let k = 0; k < window; k++) {
        const before = three(s, (count - k - 1) & mask);
        const flow = price * at64(s, volumes + ((count - k) & mask));
        if (price > before) up += flow;
        else if (price < before) down += flow;
        price = before;
      }
      s[out] = quotient(up - down, up + down);
    });
    return out;
  });

/**
 * Amihud's illiquidity (2002), mean |r| / (C·V), over `short` against `long` bars, as (a - b) / (a + b); bars without volume count
 * as 0. Needs long + 1 bars.
 */
export const illiquidityBalance = (short: number, long: number): Node =>
  balance(`illiquidity(${short},${long})`, windowMean(illiquidity, short), windowMean(illiquidity, long));

/** Correlation of |r| and V over the window; 0 where one of them does not vary. Needs window + 1 bars. */
export const volumeMoveCorrelation = (window: number): Node =>
  defineNode(`volumeMove(${window})`, (stage) => {
    const sumX = stage.use(returnSum('absolute', window));
    const sumXx = stage.use(returnSum('square', window));
    const sumY = stage.use(windowSum(volume, window));
    const sumYy = stage.use(windowSum(volumeSquare, window));
    const sumXy = stage.use(windowSum(movedVolume, window));
    const out = stage.reserve(1);
    stage.onBar((s) => {
      const xx = window * at64(s, sumXx);
      const yy = window * at64(s, sumYy);
      const varianceX = xx - at64(s, sumX) * at64(s, sumX);
      const varianceY = yy - at64(s, sumY) * at64(s, sumY);
      const covariance = window * at64(s, sumXy) - at64(s, sumX) * at64(s, sumY);
      s[out] =
        varianceX <= xx * ROUNDING || varianceY <= yy * ROUNDING
          ? 0
          : covariance / (Math.sqrt(varianceX) * Math.sqrt(varianceY));
    });
    return out;
  });

const volumeSquare = derive1('volume²', volume, (v) => v * v);

const signedVolume = defineNode('sign(r)·volume', (stage) => {
  const out = stage.reserve(1);
  stage.onBar((s) => {
    s[out] = Math.sign(at64(s, LOG_RETURN)) * at64(s, VOLUME);
  });
  return out;
});

const placedVolume = derive2('place·volume', barShape('close'), volume, (place, v) => place * v);

const movedVolume = defineNode('|r|·volume', (stage) => {
  const out = stage.reserve(1);
  stage.onBar((s) => {
    s[out] = Math.abs(at64(s, LOG_RETURN)) * at64(s, VOLUME);
  });
  return out;
});

const typicalVolume = defineNode('typical·volume', (stage) => {
  const out = stage.reserve(1);
  stage.onBar((s) => {
    s[out] = ((at64(s, HIGH) + at64(s, LOW) + at64(s, CLOSE)) / 3) * at64(s, VOLUME);
  });
  return out;
});

const illiquidity = defineNode('illiquidity', (stage) => {
  const out = stage.reserve(1);
  stage.onBar((s) => {
    s[out] = quotient(Math.abs(at64(s, LOG_RETURN)), at64(s, CLOSE) * at64(s, VOLUME));
  });
  return out;
});
