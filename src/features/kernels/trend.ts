import { at64 } from '../../core/index.ts';
import { after, bar, CLOSE, defineNode, HIGH, LOW, type Node, output } from '../program.ts';
import { atr, atrUnit, ema, trueRange } from './averages.ts';
import { difference, distance, linear, quotient } from './combine.ts';
import { extreme, lagged, shortMean, windowSum } from './windows.ts';

const close = bar('close');

/** Triple exponential average's rate of change, TRIX (Hutson 1983), as a fraction per bar; of the close by default. */
export const trix = (period: number): Node => {
  const smooth = ema(ema(ema(close, period), period), period);
  const before = lagged(smooth, 1);
  return distance(`trix(${period})`, smooth, before, before);
};

/** Linearly weighted mean of the last values, the newest heaviest. */
export const weightedMean = (source: Node, window: number): Node =>
  defineNode(`weightedMean(${source.key},${window})`, after([source], window), (stage) => {
    const { base, mask } = stage.ring(source, window);
    const out = stage.reserve(1);
    const weights = (window * (window + 1)) / 2;
    stage.onBar((s, count) => {
      let sum = 0;
      for (let k = 0; k < window; k++) sum += (window - k) * at64(s, base + ((count - k) & mask));
      s[out] = sum / weights;
    });
    return out;
  });

/** Hull's moving average (2005): WMA_√n(2·WMA_n/2 - WMA_n). */
export const hma = (period: number): Node => {
  const half = weightedMean(close, Math.floor(period / 2));
  const ahead = difference(`hullInner(${period})`, linear(`2·${half.key}`, half, 2), weightedMean(close, period));
  return weightedMean(ahead, Math.floor(Math.sqrt(period)));
};

/** Middle of the window's range: (highest H + lowest L) / 2. */
export const midRange = (window: number): Node => {
  const extremes = [extreme('highest', window), extreme('lowest', window)] as const;
  return defineNode(`midRange(${window})`, after(extremes), (stage) => {
    const high = stage.use(extremes[0]);
    const low = stage.use(extremes[1]);
    const out = stage.reserve(1);
    stage.onBar((s) => {
      s[out] = (at64(s, high) + at64(s, low)) / 2;
    });
    return out;
  });
};

/**
 * Ichimoku (Hosoda 1969), unshifted: `cross` (conversion - base), `cloud` (C - middle of the spans), `thickness` (span A - span B), in
 * ATRs; conversion, base and span B are the middles of `short`, `middle` and `long` bars, span A the mean of the first two.
 */
export function ichimoku(
  kind: 'cross' | 'cloud' | 'thickness',
  [short, middle, long]: readonly [number, number, number],
  atrPeriod: number,
): Node {
  const parts = [midRange(short), midRange(middle), midRange(long), atrUnit(atrPeriod)] as const;
  const base = defineNode(`ichimoku(${short},${middle},${long},${atrPeriod})`, after(parts), (stage) => {
    const conversion = stage.use(parts[0]);
    const baseLine = stage.use(parts[1]);
    const spanB = stage.use(parts[2]);
    const unit = stage.use(parts[3]);
    const out = stage.reserve(3);
    stage.onBar((s) => {
      const a = (at64(s, conversion) + at64(s, baseLine)) / 2;
      const b = at64(s, spanB);
      const range = at64(s, unit);
      s[out] = quotient(at64(s, conversion) - at64(s, baseLine), range);
      s[out + 1] = quotient(at64(s, CLOSE) - (a + b) / 2, range);
      s[out + 2] = quotient(a - b, range);
    });
    return out;
  });
  const value = output(base, ['cross', 'cloud', 'thickness'].indexOf(kind), kind);
  // The cross does not read span B.
  return kind === 'cross' ? { ...value, ...after([parts[0], parts[1], parts[3]]) } : value;
}

/** Vortex (Botes and Siepman 2010): (VI+ - VI-) / (VI+ + VI-), VI± = Σ|H - L₋₁|, Σ|L - H₋₁|; 0 without movement. Needs window + 1 bars. */
export const vortex = (window: number): Node => {
  const paths = defineNode('vortexPaths', { warmUp: 2 }, (stage) => {
    const out = stage.reserve(4);
    stage.onBar((s, count) => {
      s[out] = count === 1 ? 0 : Math.abs(at64(s, HIGH) - at64(s, out + 3));
      s[out + 1] = count === 1 ? 0 : Math.abs(at64(s, LOW) - at64(s, out + 2));
      s[out + 2] = at64(s, HIGH);
      s[out + 3] = at64(s, LOW);
    });
    return out;
  });
  const sums = [windowSum(output(paths, 0, 'up'), window), windowSum(output(paths, 1, 'down'), window)] as const;
  return defineNode(`vortex(${window})`, after(sums), (stage) => {
    const up = stage.use(sums[0]);
    const down = stage.use(sums[1]);
    const out = stage.reserve(1);
    stage.onBar((s) => {
      s[out] = quotient(at64(s, up) - at64(s, down), at64(s, up) + at64(s, down));
    });
    return out;
  });
};

/**
 * Wilder's parabolic stop and reverse (1978), acceleration 0.02 to 0.2, traced anew through the window's bars on each bar, so that it depends
 * on them alone; (C - stop) / ATR. The stop never goes beyond the two bars before; one that is touched is put at the best price of the trade
 * that ends there, beyond this bar and the one before. Begun long where the window's second high is not below its first. 0 without range.
 */
export const parabolicDistance = (window: number, atrPeriod: number): Node => {
  const unit = atrUnit(atrPeriod);
  return defineNode(
    `parabolicDistance(${window},${atrPeriod})`,
    { warmUp: Math.max(window, unit.warmUp), recursive: true },
    (stage) => {
      const { base: highs, mask } = stage.ring(bar('high'), window);
      const { base: lows, mask: lowMask } = stage.ring(bar('low'), window);
      const range = stage.use(unit);
      const out = stage.reserve(1);
      stage.onBar((s, count) => {
        // The bar before, and the one before that.
        let lastHigh = at64(s, highs + ((count - window + 1) & mask));
        let lastLow = at64(s, lows + ((count - window + 1) & lowMask));
        let earlierHigh = lastHigh;
        let earlierLow = lastLow;
        let long = at64(s, highs + ((count - window + 2) & mask)) >= lastHigh;
        let stop = long ? lastLow : lastHigh;
        let best = long ? lastHigh : lastLow;
        let acceleration = 0.02;
        for (let k = window - 2; k >= 0; k--) {
          const high = at64(s, highs + ((count - k) & mask));
          const low = at64(s, lows + ((count - k) & lowMask));
          stop += acceleration * (best - stop);
          stop = long ? Math.min(stop, lastLow, earlierLow) : Math.max(stop, lastHigh, earlierHigh);
          if (long ? low <= stop : high >= stop) {
            long = !long;
            stop = long ? Math.min(best, low, lastLow) : Math.max(best, high, lastHigh);
            best = long ? high : low;
            acceleration = 0.02;
          } else if (long ? high > best : low < best) {
            best = long ? high : low;
            acceleration = Math.min(0.2, acceleration + 0.02);
          }
          earlierHigh = lastHigh;
          earlierLow = lastLow;
          lastHigh = high;
          lastLow = low;
        }
        s[out] = quotient(at64(s, CLOSE) - stop, at64(s, range));
      });
      return out;
    },
  );
};

/**
 * SuperTrend (Seban): the side and distance of a band of `factor` ATRs round the middle of the bar, traced through the window's bars; (C - band)
 * / ATR, positive in a rise. The band moves towards the price only, until the close crosses it. Begun in a rise. 0 without range.
 */
export const superTrendDistance = (window: number, atrPeriod: number, factor: number): Node => {
  const range = shortMean(trueRange, atrPeriod);
  return defineNode(`superTrendDistance(${window},${atrPeriod},${factor})`, after([range], window), (stage) => {
    const { base: highs, mask } = stage.ring(bar('high'), window);
    const { base: lows, mask: lowMask } = stage.ring(bar('low'), window);
    const { base: closes, mask: closeMask } = stage.ring(close, window);
    const { base: ranges, mask: rangeMask } = stage.ring(range, window);
    const out = stage.reserve(1);
    stage.onBar((s, count) => {
      let upper = Number.POSITIVE_INFINITY;
      let lower = Number.NEGATIVE_INFINITY;
      let rising = true;
      for (let k = window - 1; k >= 0; k--) {
        const high = at64(s, highs + ((count - k) & mask));
        const middle = (high + at64(s, lows + ((count - k) & lowMask))) / 2;
        const reach = factor * at64(s, ranges + ((count - k) & rangeMask));
        const c = at64(s, closes + ((count - k) & closeMask));
        const newUpper = middle + reach;
        const newLower = middle - reach;
        const before = k === window - 1 ? c : at64(s, closes + ((count - k - 1) & closeMask));
        upper = newUpper < upper || before > upper ? newUpper : upper;
        lower = newLower > lower || before < lower ? newLower : lower;
        if (rising ? c < lower : c > upper) rising = !rising;
      }
      const c = at64(s, CLOSE);
      const unit = at64(s, ranges + (count & rangeMask));
      s[out] = unit > c * 2 ** -40 ? (c - (rising ? lower : upper)) / unit : 0;
    });
    return out;
  });
};

/** Keltner's channel against Bollinger's: 2 deviations of the closes over `factor` ATRs, as (a - b) / (a + b): low in a squeeze. */
export const squeeze = (deviation: Node, period: number, factor: number): Node => {
  const range = atr(period);
  return defineNode(`squeeze(${deviation.key},${period},${factor})`, after([deviation, range]), (stage) => {
    const share = stage.use(deviation);
    const unit = stage.use(range);
    const out = stage.reserve(1);
    stage.onBar((s) => {
      const wide = 2 * at64(s, share) * at64(s, CLOSE);
      const narrow = factor * at64(s, unit);
      s[out] = quotient(wide - narrow, wide + narrow);
    });
    return out;
  });
};
