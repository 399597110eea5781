import { at64 } from '../../core/index.ts';
import { after, bar, CLOSE, defineNode, HIGH, LOW, logReturn, type Node, VOLUME } from '../program.ts';
import { balance, quotient, ratio } from './combine.ts';
import { barShape } from './position.ts';
import { realisedVolatility } from './returns.ts';
import { returnSum, windowMean, windowSum } from './windows.ts';

/*
 * What bars say of trading costs and of who trades. Spreads are given in units of the window's volatility per bar.
 */

/** Roll's effective spread (1984), 2√(-cov(r, r₋₁)), in units of σ of the window; 0 where the covariance is positive. Needs window + 2 bars. */
export const rollSpread = (window: number): Node => {
  const sums = [returnSum('product', window), returnSum('square', window)] as const;
  return defineNode(`rollSpread(${window})`, after(sums), (stage) => {
    const products = stage.use(sums[0]);
    const squares = stage.use(sums[1]);
    const out = stage.reserve(1);
    stage.onBar((s) => {
      const covariance = at64(s, products);
      const square = at64(s, squares);
      s[out] = covariance < 0 && square > 0 ? 2 * Math.sqrt(-covariance / square) : 0;
    });
    return out;
  });
};

/**
 * Corwin and Schultz's spread (2012) from the highs and lows of pairs of bars, mean over the window, pairs below 0 as 0, in units of the
 * window's σ. Needs window + 1 bars.
 */
export const corwinSchultzSpread = (window: number): Node => {
  const pair = defineNode('corwinSchultz', { warmUp: 2 }, (stage) => {
    const out = stage.reserve(4);
    const k = 3 - 2 * Math.SQRT2;
    stage.onBar((s, count) => {
      const high = at64(s, HIGH);
      const low = at64(s, LOW);
      const single = Math.log(high / low) ** 2;
      if (count > 1) {
        const beta = single + at64(s, out + 1);
        const gamma = Math.log(Math.max(high, at64(s, out + 2)) / Math.min(low, at64(s, out + 3))) ** 2;
        const alpha = (Math.sqrt(2 * beta) - Math.sqrt(beta)) / k - Math.sqrt(gamma / k);
        const e = Math.exp(alpha);
        s[out] = alpha > 0 ? (2 * (e - 1)) / (1 + e) : 0;
      }
      s[out + 1] = single;
      s[out + 2] = high;
      s[out + 3] = low;
    });
    return out;
  });
  return ratio(`corwinSchultz(${window})`, windowMean(pair, window), realisedVolatility(window));
};

/** Kyle's lambda (1985) from bars: Σ r·q / Σ q², q = sign(r)·C·V, over `short` against `long` bars, as (a - b) / (a + b). Needs long + 1 bars. */
export const impactBalance = (short: number, long: number): Node => {
  const parts = defineNode('impactParts', after([logReturn]), (stage) => {
    const move = stage.use(logReturn);
    const out = stage.reserve(2);
    stage.onBar((s) => {
      const value = at64(s, CLOSE) * at64(s, VOLUME);
      s[out] = Math.abs(at64(s, move)) * value;
      s[out + 1] = value * value;
    });
    return out;
  });
  const moved = defineNode('impactParts.moved', parts, (stage) => stage.use(parts));
  const traded = defineNode('impactParts.traded', parts, (stage) => stage.use(parts) + 1);
  const lambda = (window: number): Node => {
    return ratio(`impact(${window})`, windowSum(moved, window), windowSum(traded, window));
  };
  return balance(`impactBalance(${short},${long})`, lambda(short), lambda(long));
};

const illiquidity = defineNode('illiquidity', after([logReturn]), (stage) => {
  const move = stage.use(logReturn);
  const out = stage.reserve(1);
  stage.onBar((s) => {
    s[out] = quotient(Math.abs(at64(s, move)), at64(s, CLOSE) * at64(s, VOLUME));
  });
  return out;
});

/**
 * Amihud's illiquidity (2002), mean |r| / (C·V), over `short` against `long` bars, as (a - b) / (a + b); bars without volume count
 * as 0. Needs long + 1 bars.
 */
export const illiquidityBalance = (short: number, long: number): Node =>
  balance(`illiquidity(${short},${long})`, windowMean(illiquidity, short), windowMean(illiquidity, long));

/** Share of the last bars that moved less than a quarter of the volatility over `over` bars at their time; 1 in still ones. Needs over + window bars. */
export const quietShare = (window: number, over: number): Node => windowMean(quiet(over), window);

const quiet = (over: number): Node => {
  const sigma = realisedVolatility(over);
  return defineNode(`quiet(${over})`, after([logReturn, sigma]), (stage) => {
    const move = stage.use(logReturn);
    const unit = stage.use(sigma);
    const out = stage.reserve(1);
    stage.onBar((s) => {
      s[out] = Math.abs(at64(s, move)) <= 0.25 * at64(s, unit) ? 1 : 0;
    });
    return out;
  });
};

/**
 * Volume-synchronised probability of informed trading from bars: Σ V·|2Φ - 1| / ΣV, the share Φ of a bar's volume that was bought judged by its
 * return over the σ of the window that ends there, through the logistic approximation of the normal (bulk classification: Easley, López de
 * Prado, O'Hara 2012). 0 to 1; 0 without volume. Needs 2 · window bars.
 */
export const informedTrading = (window: number): Node => {
  const sigma = realisedVolatility(window);
  const imbalance = defineNode(`bulkImbalance(${window})`, after([logReturn, sigma]), (stage) => {
    const move = stage.use(logReturn);
    const unit = stage.use(sigma);
    const out = stage.reserve(1);
    stage.onBar((s) => {
      const z = quotient(at64(s, move), at64(s, unit));
      // Φ(z) ≈ 1 / (1 + exp(-1.702 z)), so 2Φ - 1 ≈ tanh(0.851 z).
      s[out] = Math.abs(Math.tanh(0.851 * z)) * at64(s, VOLUME);
    });
    return out;
  });
  return ratio(`informedTrading(${window})`, windowSum(imbalance, window), windowSum(bar('volume'), window));
};

/** Mean place of the close in its bar over the window, -1 to 1: who had the last word. */
export const closePressure = (window: number): Node => windowMean(barShape('close'), window);

/** Mean share of a bar's range that its body covers, signed, over the window. */
export const bodyPressure = (window: number): Node => windowMean(barShape('body'), window);

/** Mean share of a bar's range that its wicks cover, the lower less the upper, over the window: rejected falls less rejected rises. */
export const wickBalance = (window: number): Node => {
  const wicks = defineNode('wicks', { warmUp: 1 }, (stage) => {
    const upper = stage.use(barShape('upper'));
    const lower = stage.use(barShape('lower'));
    const out = stage.reserve(1);
    stage.onBar((s) => {
      s[out] = at64(s, lower) - at64(s, upper);
    });
    return out;
  });
  return windowMean(wicks, window);
};

/** Range per volume traded, Σ (H-L)/C over ΣV, of `short` against `long` bars, as (a - b) / (a + b): how thin the market is. */
export const rangePerVolume = (short: number, long: number): Node => {
  const range = defineNode('barRange', { warmUp: 1 }, (stage) => {
    const out = stage.reserve(1);
    stage.onBar((s) => {
      s[out] = (at64(s, HIGH) - at64(s, LOW)) / at64(s, CLOSE);
    });
    return out;
  });
  const per = (window: number): Node => {
    return ratio(`rangePerVolume(${window})`, windowSum(range, window), windowSum(bar('volume'), window));
  };
  return balance(`rangePerVolume(${short},${long})`, per(short), per(long));
};
