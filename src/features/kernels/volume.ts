import { at64 } from '../../core/index.ts';
import {
  after,
  bar,
  CLOSE,
  defineNode,
  HIGH,
  LOW,
  logReturn,
  type Node,
  output,
  TAKER_BUY_VOLUME,
  VOLUME,
} from '../program.ts';
import { atrUnit, ema, gain, loss } from './averages.ts';
import { balance, distance, product, quotient, ratio } from './combine.ts';
import { typicalMoves } from './oscillators.ts';
import { barShape, typicalPrice } from './position.ts';
import { lagged, largest, lineSums, ROUNDING, returnSum, windowMean, windowSum } from './windows.ts';

const volume = bar('volume');

/** (a - b) / (a + b) of the mean volume over `short` and over `long` bars. */
export const volumeBalance = (short: number, long: number): Node =>
  balance(`volumeBalance(${short},${long})`, windowMean(volume, short), windowMean(volume, long));

/** The last `window` bars' volume against that of the same bars one `season` ago, as (a - b) / (a + b). Needs season + window bars. */
export const seasonalVolume = (window: number, season: number): Node => {
  const sum = windowSum(volume, window);
  return balance(`seasonalVolume(${window},${season})`, sum, lagged(sum, season));
};

const volumeSquare = product('volume²', volume, volume);

/** (V - mean) / deviation over the window; 0 where volumes are equal. */
export const volumeScore = (window: number): Node => {
  const sums = [windowSum(volume, window), windowSum(volumeSquare, window)] as const;
  return defineNode(`volumeScore(${window})`, after(sums), (stage) => {
    const first = stage.use(sums[0]);
    const second = stage.use(sums[1]);
    const out = stage.reserve(1);
    stage.onBar((s) => {
      const mean = at64(s, first) / window;
      const square = at64(s, second) / window;
      const variance = square - mean * mean;
      s[out] = variance <= square * ROUNDING ? 0 : (at64(s, VOLUME) - mean) / Math.sqrt(variance);
    });
    return out;
  });
};

/** Deviation of volume over its mean within the window. */
export const volumeVariation = (window: number): Node => {
  const sums = [windowSum(volume, window), windowSum(volumeSquare, window)] as const;
  return defineNode(`volumeVariation(${window})`, after(sums), (stage) => {
    const first = stage.use(sums[0]);
    const second = stage.use(sums[1]);
    const out = stage.reserve(1);
    stage.onBar((s) => {
      const sum = at64(s, first);
      s[out] = sum === 0 ? 0 : Math.sqrt(Math.max(0, (window * at64(s, second)) / (sum * sum) - 1));
    });
    return out;
  });
};

/** Share of the window's volume that its largest bar traded; 0 without volume. */
export const volumeConcentration = (window: number): Node =>
  ratio(`volumeConcentration(${window})`, largest(volume, window, 1), windowSum(volume, window));

/** Least-squares slope of the window's volumes per bar, in units of their mean, times the window; 0 without volume. */
export const volumeTrend = (window: number): Node => {
  const { sum, aged } = lineSums(volume, window);
  return defineNode(`volumeTrend(${window})`, after([sum]), (stage) => {
    const sums = stage.use(sum);
    const agedSums = stage.use(aged);
    const out = stage.reserve(1);
    const middle = (window - 1) / 2;
    const scale = (12 * window) / (window * window - 1);
    stage.onBar((s) => {
      const all = at64(s, sums);
      s[out] = quotient((middle * all - at64(s, agedSums)) * scale, all);
    });
    return out;
  });
};

const signedVolume = defineNode('sign(r)·volume', after([logReturn]), (stage) => {
  const move = stage.use(logReturn);
  const out = stage.reserve(1);
  stage.onBar((s) => {
    s[out] = Math.sign(at64(s, move)) * at64(s, VOLUME);
  });
  return out;
});

/** Σ sign(r)·V / ΣV: on-balance volume gained over the window as a share of what was traded. Needs window + 1 bars. */
export const signedVolumeShare = (window: number): Node =>
  ratio(`signedVolume(${window})`, windowSum(signedVolume, window), windowSum(volume, window));

const placedVolume = product('place·volume', barShape('close'), volume);

/** Chaikin money flow: Σ place of close in bar · V / ΣV. */
export const chaikinMoneyFlow = (window: number): Node =>
  ratio(`moneyFlow(${window})`, windowSum(placedVolume, window), windowSum(volume, window));

/** Chaikin's oscillator as a share of volume: EMA of place · V over `short` less over `long` bars, over the EMA of V; 0 without volume. */
export const chaikinOscillator = (short: number, long: number): Node =>
  distance(`chaikinOscillator(${short},${long})`, ema(placedVolume, short), ema(placedVolume, long), ema(volume, long));

const typicalVolume = product('typical·volume', typicalPrice, volume);

/** ΣTP·V / ΣV; the close where nothing was traded. */
export const vwap = (window: number): Node => {
  const sums = [windowSum(typicalVolume, window), windowSum(volume, window)] as const;
  return defineNode(`vwap(${window})`, after(sums), (stage) => {
    const value = stage.use(sums[0]);
    const traded = stage.use(sums[1]);
    const out = stage.reserve(1);
    stage.onBar((s) => {
      s[out] = at64(s, traded) === 0 ? at64(s, CLOSE) : at64(s, value) / at64(s, traded);
    });
    return out;
  });
};

/** (C - VWAP) / ATR, VWAP = ΣTP·V / ΣV of the window, TP = (H + L + C) / 3; 0 without volume or range. */
export const vwapDistance = (window: number, atrPeriod: number): Node =>
  distance(`vwapDistance(${window},${atrPeriod})`, bar('close'), vwap(window), atrUnit(atrPeriod));

/** (VWAP - mean TP) / ATR: on which side of the window's prices the volume was traded; 0 without volume or range. */
export const volumeSkew = (window: number, atrPeriod: number): Node => {
  const sources = [
    vwap(window),
    windowMean(typicalPrice, window),
    windowSum(volume, window),
    atrUnit(atrPeriod),
  ] as const;
  return defineNode(`volumeSkew(${window},${atrPeriod})`, after(sources), (stage) => {
    const mean = stage.use(sources[0]);
    const plain = stage.use(sources[1]);
    const traded = stage.use(sources[2]);
    const unit = stage.use(sources[3]);
    const out = stage.reserve(1);
    stage.onBar((s) => {
      s[out] = at64(s, traded) === 0 ? 0 : quotient(at64(s, mean) - at64(s, plain), at64(s, unit));
    });
    return out;
  });
};

/** Money flow index, scaled to [-1, 1]: (P - N) / (P + N) of TP·V of bars whose TP rose and fell. Needs window + 1 bars. */
export const moneyFlowIndex = (window: number): Node => {
  const flow = defineNode('typicalFlow', after([typicalMoves, typicalVolume]), (stage) => {
    const move = stage.use(typicalMoves);
    const value = stage.use(typicalVolume);
    const out = stage.reserve(2);
    stage.onBar((s) => {
      const change = at64(s, move);
      s[out] = change > 0 ? at64(s, value) : 0;
      s[out + 1] = change < 0 ? at64(s, value) : 0;
    });
    return out;
  });
  return balance(
    `moneyFlowIndex(${window})`,
    windowSum(output(flow, 0, 'up'), window),
    windowSum(output(flow, 1, 'down'), window),
  );
};

/** Elder's force index (1993) as a share of what moved: (EMA of G·V - EMA of L·V) / (their sum); 0 without movement or volume. */
export const forceBalance = (period: number): Node =>
  balance(
    `forceBalance(${period})`,
    ema(product('gain·volume', gain, volume), period),
    ema(product('loss·volume', loss, volume), period),
  );

/**
 * Arms's ease of movement in this window's own units: Σ (ΔM · range / V) over Σ (|ΔM| · range / V), M = (H + L) / 2; bars without
 * volume count as 0. -1 to 1. Needs window + 1 bars.
 */
export const easeOfMovement = (window: number): Node => {
  const ease = defineNode('ease', { warmUp: 2 }, (stage) => {
    const out = stage.reserve(3);
    stage.onBar((s, count) => {
      const middle = (at64(s, HIGH) + at64(s, LOW)) / 2;
      const move = count === 1 ? 0 : middle - at64(s, out + 2);
      s[out] = quotient(move * (at64(s, HIGH) - at64(s, LOW)), at64(s, VOLUME));
      s[out + 1] = Math.abs(at64(s, out));
      s[out + 2] = middle;
    });
    return out;
  });
  return ratio(
    `easeOfMovement(${window})`,
    windowSum(output(ease, 0, 'ease'), window),
    windowSum(output(ease, 1, 'size'), window),
  );
};

/** Correlation of r or |r| with V over the window; 0 where one of them does not vary. Needs window + 1 bars. */
export const volumeCorrelation = (kind: 'size' | 'direction', window: number): Node => {
  const moved =
    kind === 'size'
      ? defineNode('|r|·volume', after([logReturn]), (stage) => {
          const move = stage.use(logReturn);
          const out = stage.reserve(1);
          stage.onBar((s) => {
            s[out] = Math.abs(at64(s, move)) * at64(s, VOLUME);
          });
          return out;
        })
      : product('r·volume', logReturn, volume);
  const sums = [
    returnSum(kind === 'size' ? 'absolute' : 'return', window),
    returnSum('square', window),
    windowSum(volume, window),
    windowSum(volumeSquare, window),
    windowSum(moved, window),
  ];
  return defineNode(`volumeCorrelation(${kind},${window})`, after(sums), (stage) => {
    const [sumX = 0, sumXx = 0, sumY = 0, sumYy = 0, sumXy = 0] = sums.map((sum) => stage.use(sum));
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
};

/**
 * Share of volume bought less share sold, -1 to 1: taker flow, where the source tells it (NaN else); 0 without volume.
 */
export const takerImbalance = (window: number): Node => {
  const flow = defineNode('takerFlow', { warmUp: 1 }, (stage) => {
    const out = stage.reserve(1);
    stage.onBar((s) => {
      s[out] = 2 * at64(s, TAKER_BUY_VOLUME) - at64(s, VOLUME);
    });
    return out;
  });
  return defineNode(`takerImbalance(${window})`, { warmUp: window }, (stage) => {
    const signed = stage.use(windowSum(flow, window));
    const traded = stage.use(windowSum(volume, window));
    const out = stage.reserve(1);
    stage.onBar((s) => {
      const all = at64(s, traded);
      s[out] = Number.isNaN(at64(s, signed)) ? Number.NaN : quotient(at64(s, signed), all);
    });
    return out;
  });
};
