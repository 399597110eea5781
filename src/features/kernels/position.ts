import { at64 } from '../../core/index.ts';
import { after, bar, CLOSE, defineNode, HIGH, LOW, type Node, OPEN, output } from '../program.ts';
import { atrUnit } from './averages.ts';
import { distance, product, quotient, ratio } from './combine.ts';
import { extreme, lagged, lineSums, ROUNDING, shortMean, windowMean, windowSum } from './windows.ts';

const close = bar('close');

/** Where the close stands between the lowest low and the highest high of the window, -1 to 1; 0 in a flat window. */
export const rangePosition = (window: number): Node => {
  const extremes = [extreme('lowest', window), extreme('highest', window)] as const;
  return defineNode(`rangePosition(${window})`, after(extremes), (stage) => {
    const lowest = stage.use(extremes[0]);
    const highest = stage.use(extremes[1]);
    const out = stage.reserve(1);
    stage.onBar((s) => {
      const c = at64(s, CLOSE);
      const low = at64(s, lowest);
      const high = at64(s, highest);
      s[out] = quotient(c - low - (high - c), high - low);
    });
    return out;
  });
};

/** Mean of the last `smoothing` range positions: the stochastic's %D. */
export const smoothedPosition = (window: number, smoothing: number): Node =>
  shortMean(rangePosition(window), smoothing);

/** Bars since the highest high less bars since the lowest low, over window - 1: the Aroon oscillator's idea, -1 to 1, newest where equal. */
export const extremeOrder = (window: number): Node => {
  const ages = [extreme('highestAge', window), extreme('lowestAge', window)] as const;
  return defineNode(`extremeOrder(${window})`, after(ages), (stage) => {
    const high = stage.use(ages[0]);
    const low = stage.use(ages[1]);
    const out = stage.reserve(1);
    stage.onBar((s) => {
      s[out] = (at64(s, low) - at64(s, high)) / (window - 1);
    });
    return out;
  });
};

/** Bars since the nearer of the window's extremes, over window - 1, 0 to 1: how long no new extreme came. */
export const extremeAge = (window: number): Node => {
  const ages = [extreme('highestAge', window), extreme('lowestAge', window)] as const;
  return defineNode(`extremeAge(${window})`, after(ages), (stage) => {
    const high = stage.use(ages[0]);
    const low = stage.use(ages[1]);
    const out = stage.reserve(1);
    stage.onBar((s) => {
      s[out] = Math.min(at64(s, low), at64(s, high)) / (window - 1);
    });
    return out;
  });
};

/** (C - highest H) / ATR, at most 0, and (C - lowest L) / ATR, at least 0. */
export const belowHigh = (window: number, atrPeriod: number): Node =>
  distance(`belowHigh(${window},${atrPeriod})`, close, extreme('highest', window), atrUnit(atrPeriod));
export const aboveLow = (window: number, atrPeriod: number): Node =>
  distance(`aboveLow(${window},${atrPeriod})`, close, extreme('lowest', window), atrUnit(atrPeriod));

/**
 * Donchian's breakout: how far the close lies above the highest high of the `window` bars before it, or below their lowest low
 * (negative), in ATRs; 0 inside. Needs window + 1 bars.
 */
export const breakout = (window: number, atrPeriod: number): Node => {
  const sources = [
    lagged(extreme('highest', window), 1),
    lagged(extreme('lowest', window), 1),
    atrUnit(atrPeriod),
  ] as const;
  return defineNode(`breakout(${window},${atrPeriod})`, after(sources), (stage) => {
    const high = stage.use(sources[0]);
    const low = stage.use(sources[1]);
    const unit = stage.use(sources[2]);
    const out = stage.reserve(1);
    stage.onBar((s) => {
      const c = at64(s, CLOSE);
      const outside = c > at64(s, high) ? c - at64(s, high) : c < at64(s, low) ? c - at64(s, low) : 0;
      s[out] = quotient(outside, at64(s, unit));
    });
    return out;
  });
};

/** Mean and population standard deviation of the last closes, as (mean - C) / C and deviation / C; less than a millionth is 0. */
export function closeSpread(kind: 'mean' | 'deviation', window: number): Node {
  const sums = [windowSum(close, window), windowSum(squaredClose, window)] as const;
  const base = defineNode(`closeSpread(${window})`, after(sums), (stage) => {
    const first = stage.use(sums[0]);
    const second = stage.use(sums[1]);
    const out = stage.reserve(2);
    stage.onBar((s) => {
      const c = at64(s, CLOSE);
      const mean = at64(s, first) / window;
      const square = at64(s, second) / window;
      const variance = square - mean * mean;
      s[out] = (mean - c) / c;
      s[out + 1] = variance > square * ROUNDING ? Math.sqrt(variance) / c : 0;
    });
    return out;
  });
  return kind === 'mean' ? base : output(base, 1, 'deviation');
}

const squaredClose = product('close²', close, close);

/** Bollinger's position: (C - mean) / deviation of the window's closes; 0 where they are equal. */
export const closeScore = (window: number): Node => {
  const spread = [closeSpread('mean', window), closeSpread('deviation', window)] as const;
  return defineNode(`closeScore(${window})`, after(spread), (stage) => {
    const mean = stage.use(spread[0]);
    const deviation = stage.use(spread[1]);
    const out = stage.reserve(1);
    stage.onBar((s) => {
      s[out] = quotient(-at64(s, mean), at64(s, deviation));
    });
    return out;
  });
};

/** (C - simple mean of the window's closes) / ATR; 0 without range. */
export const meanDistance = (window: number, atrPeriod: number): Node => {
  const sources = [closeSpread('mean', window), atrUnit(atrPeriod)] as const;
  return defineNode(`meanDistance(${window},${atrPeriod})`, after(sources), (stage) => {
    const mean = stage.use(sources[0]);
    const unit = stage.use(sources[1]);
    const out = stage.reserve(1);
    stage.onBar((s) => {
      s[out] = quotient(-at64(s, mean) * at64(s, CLOSE), at64(s, unit));
    });
    return out;
  });
};

/** (H + L + C) / 3. */
export const typicalPrice: Node = defineNode('typicalPrice', { warmUp: 1 }, (stage) => {
  const out = stage.reserve(1);
  stage.onBar((s) => {
    s[out] = (at64(s, HIGH) + at64(s, LOW) + at64(s, CLOSE)) / 3;
  });
  return out;
});

/** Commodity channel index / 100 (Lambert 1980): (TP - mean TP) / (1.5 · mean |TP - mean TP|); 0 in a flat window. */
export const cci = (window: number): Node =>
  defineNode(`cci(${window})`, { warmUp: window }, (stage) => {
    const { base, mask } = stage.ring(typicalPrice, window);
    const out = stage.reserve(1);
    stage.onBar((s, count) => {
      const now = at64(s, base + (count & mask));
      let sum = 0;
      for (let k = 1; k < window; k++) sum += at64(s, base + ((count - k) & mask)) - now;
      const mean = sum / window;
      let deviation = 0;
      for (let k = 0; k < window; k++) deviation += Math.abs(at64(s, base + ((count - k) & mask)) - now - mean);
      s[out] = deviation <= now * window * 2 ** -48 ? 0 : -mean / (1.5 * (deviation / window));
    });
    return out;
  });

/**
 * Least-squares line through the last closes: `slope` in ATRs per bar, `fit` the share of variance it explains with the sign of
 * the slope (signed R², -1 to 1), `rest` the newest close above it in ATRs. 0 in a flat window.
 */
export function regression(kind: 'slope' | 'fit' | 'rest', window: number, atrPeriod: number): Node {
  const { sum, aged } = lineSums(close, window);
  const square = windowSum(squaredClose, window);
  const line = defineNode(`regression(${window})`, after([sum, square]), (stage) => {
    const sums = stage.use(sum);
    const agedSums = stage.use(aged);
    const squares = stage.use(square);
    const out = stage.reserve(3);
    const middle = (window - 1) / 2;
    const spread = (window * (window * window - 1)) / 12;
    stage.onBar((s) => {
      const mean = at64(s, sums) / window;
      const meanSquare = at64(s, squares) / window;
      const product = middle * at64(s, sums) - at64(s, agedSums);
      const variance = (meanSquare - mean * mean) * window;
      const still = variance <= meanSquare * window * ROUNDING;
      const slope = still ? 0 : product / spread;
      s[out] = slope;
      s[out + 1] = still ? 0 : (slope * Math.abs(product)) / variance;
      // The line's newest point is the mean plus slope times half the window.
      s[out + 2] = still ? 0 : at64(s, CLOSE) - (mean + slope * middle);
    });
    return out;
  });
  if (kind === 'fit') return output(line, 1, 'fit');
  return ratio(
    `regression(${kind},${window},${atrPeriod})`,
    kind === 'slope' ? line : output(line, 2, 'rest'),
    atrUnit(atrPeriod),
  );
}

/**
 * Shape of the newest bar as shares of its range: `close` = place of the close (-1 to 1), `body` = (C - O) / range, `upper` and `lower` =
 * wicks; 0 in a flat bar.
 */
export const barShape = (kind: 'close' | 'body' | 'upper' | 'lower'): Node =>
  output(barShapes, ['close', 'body', 'upper', 'lower'].indexOf(kind), kind);

const barShapes: Node = defineNode('barShape', { warmUp: 1 }, (stage) => {
  const out = stage.reserve(4);
  stage.onBar((s) => {
    const open = at64(s, OPEN);
    const high = at64(s, HIGH);
    const low = at64(s, LOW);
    const last = at64(s, CLOSE);
    const range = high - low;
    s[out] = quotient(last - low - (high - last), range);
    s[out + 1] = quotient(last - open, range);
    s[out + 2] = quotient(high - (open > last ? open : last), range);
    s[out + 3] = quotient((open < last ? open : last) - low, range);
  });
  return out;
});

/** Share of the last bars whose range lies within the range of the bar before. Needs window + 1 bars. */
export const insideShare = (window: number): Node => windowMean(inside, window);

const inside: Node = defineNode('inside', { warmUp: 2 }, (stage) => {
  const out = stage.reserve(3);
  stage.onBar((s, count) => {
    const high = at64(s, HIGH);
    const low = at64(s, LOW);
    s[out] = count > 1 && high <= at64(s, out + 1) && low >= at64(s, out + 2) ? 1 : 0;
    s[out + 1] = high;
    s[out + 2] = low;
  });
  return out;
});
