import { at64 } from '../../core/index.ts';
import { after, bar, defineNode, logReturn, type Node, output } from '../program.ts';
import { linear, quotient, ratio, root } from './combine.ts';
import {
  lagged,
  largestReturn,
  percentile,
  ROUNDING,
  returnSum,
  sortedWindow,
  windowCounts,
  windowSum,
} from './windows.ts';

/** ln(C / C of `bars` bars ago), as the sum of the log returns since. Needs bars + 1 bars. */
export const logChange = (bars: number): Node => (bars === 1 ? logReturn : returnSum('return', bars));

/** Realised volatility per bar: the root of the mean squared log return. Needs window + 1 bars. */
export const realisedVolatility = (window: number): Node =>
  root(`volatility(${window})`, returnSum('square', window), 1 / window);

/** Log return over `bars` bars in units of its expected size: ret / (σ √bars), σ the realised volatility over `window`; 0 without. */
export const scaledReturn = (bars: number, window: number): Node =>
  scaled(`scaledReturn(${bars},${window})`, logChange(bars), bars, window);

/** Log return over `bars` bars less that over the `bars` before, in units of its expected size. */
export const acceleration = (bars: number, window: number): Node =>
  scaled(
    `acceleration(${bars},${window})`,
    defineNode(`returnChange(${bars})`, after([logChange(bars)], bars + 1), (stage) => {
      const now = stage.use(logChange(bars));
      const before = stage.use(lagged(logChange(bars), bars));
      const out = stage.reserve(1);
      stage.onBar((s) => {
        s[out] = at64(s, now) - at64(s, before);
      });
      return out;
    }),
    2 * bars,
    window,
  );

/** A log change in units of the expected size of one over `bars` bars; 0 without volatility. */
export function scaled(key: string, change: Node, bars: number, window: number): Node {
  const sigma = realisedVolatility(window);
  const scale = 1 / Math.sqrt(bars);
  return defineNode(key, after([change, sigma]), (stage) => {
    const slot = stage.use(change);
    const unit = stage.use(sigma);
    const out = stage.reserve(1);
    stage.onBar((s) => {
      s[out] = quotient(at64(s, slot) * scale, at64(s, unit));
    });
    return out;
  });
}

/** Σ r / Σ |r|: Kaufman's efficiency ratio with the direction's sign; 0 without movement. */
export const efficiency = (window: number): Node =>
  ratio(`efficiency(${window})`, returnSum('return', window), returnSum('absolute', window));

/** Longer streaks count as this long, so that a value depends on as many returns and no more. */
const STREAK_LIMIT = 24;

/**
 * Bars in a row whose close moved the same way, with that way's sign, as n / (n + 4) so that long streaks stay bounded; 0 when flat. Needs
 * a bar more than the longest streak: before, a streak may have begun unseen.
 */
export const streak: Node = defineNode('streak', after([logReturn], STREAK_LIMIT), (stage) => {
  const move = stage.use(logReturn);
  const out = stage.reserve(2);
  stage.onBar((s) => {
    const direction = Math.sign(at64(s, move));
    const before = at64(s, out + 1);
    const length = direction === 0 ? 0 : Math.sign(before) === direction ? before + direction : direction;
    s[out + 1] = Math.max(-STREAK_LIMIT, Math.min(STREAK_LIMIT, length));
    s[out] = at64(s, out + 1) / (Math.abs(at64(s, out + 1)) + 4);
  });
  return out;
});

/** Share of the last bars whose close rose, unchanged ones counting half. Needs window + 1 bars. */
export const riseShare = (window: number): Node =>
  linear(`riseShare(${window})`, windowSum(direction, window), 1 / (2 * window), 0.5);

const direction: Node = defineNode('direction', after([logReturn]), (stage) => {
  const move = stage.use(logReturn);
  const out = stage.reserve(1);
  stage.onBar((s) => {
    s[out] = Math.sign(at64(s, move));
  });
  return out;
});

/**
 * Skewness of log returns, and the natural log of their kurtosis (0 at the least possible, ln 3 when normal); 0 without variance.
 * Needs window + 1 bars.
 */
export function returnShape(kind: 'skewness' | 'logKurtosis', window: number): Node {
  const sums = (['return', 'square', 'cube', 'fourth'] as const).map((sum) => returnSum(sum, window));
  return defineNode(`${kind}(${window})`, after(sums), (stage) => {
    const [first = 0, second = 0, third = 0, fourth = 0] = sums.map((sum) => stage.use(sum));
    const out = stage.reserve(1);
    const skewness = kind === 'skewness';
    stage.onBar((s) => {
      const mean = at64(s, first) / window;
      const square = at64(s, second) / window;
      const variance = square - mean * mean;
      if (variance <= square * ROUNDING) s[out] = 0;
      else if (skewness) {
        const cube = at64(s, third) / window - 3 * mean * square + 2 * mean * mean * mean;
        s[out] = cube / (variance * Math.sqrt(variance));
      } else {
        const m4 =
          at64(s, fourth) / window -
          (4 * mean * at64(s, third)) / window +
          6 * mean * mean * square -
          3 * mean * mean * mean * mean;
        s[out] = Math.log(Math.max(1, m4 / (variance * variance)));
      }
    });
    return out;
  });
}

/** (Σ r² of rises - Σ r² of falls) / Σ r². */
export const semivarianceBalance = (window: number): Node => {
  const sums = [returnSum('downSquare', window), returnSum('square', window)] as const;
  return defineNode(`semivariance(${window})`, after(sums), (stage) => {
    const down = stage.use(sums[0]);
    const square = stage.use(sums[1]);
    const out = stage.reserve(1);
    stage.onBar((s) => {
      const all = at64(s, square);
      s[out] = all === 0 ? 0 : 1 - (2 * at64(s, down)) / all;
    });
    return out;
  });
};

/** Share of Σ r² that the largest single return contributes. */
export const largestShare = (window: number): Node => {
  const sums = [largestReturn(window), returnSum('square', window)] as const;
  return defineNode(`largestShare(${window})`, after(sums), (stage) => {
    const largest = stage.use(sums[0]);
    const square = stage.use(sums[1]);
    const out = stage.reserve(1);
    stage.onBar((s) => {
      s[out] = quotient(at64(s, largest) * at64(s, largest), at64(s, square));
    });
    return out;
  });
};

/** Σ r·r₋₁ / Σ r²: first autocorrelation of log returns about 0. Needs window + 2 bars. */
export const autocorrelation = (window: number): Node =>
  ratio(`autocorrelation(${window})`, returnSum('product', window), returnSum('square', window));

/** Σ r·r₋ₗ / Σ r²: autocorrelation of log returns about 0 at a lag. Needs window + lag + 1 bars. */
export const laggedAutocorrelation = (lag: number, window: number): Node =>
  ratio(
    `autocorrelation(${lag},${window})`,
    windowSum(output(lagProducts(lag), 0, 'product'), window),
    returnSum('square', window),
  );

/** Σ |r|·|r₋ₗ| / Σ r²: how far large moves follow large ones; 2/π where sizes are independent and normal. Needs window + lag + 1 bars. */
export const volatilityClustering = (lag: number, window: number): Node =>
  ratio(
    `clustering(${lag},${window})`,
    windowSum(output(lagProducts(lag), 1, 'size'), window),
    returnSum('square', window),
  );

/** r·r₋ₗ and its size. */
const lagProducts = (lag: number): Node =>
  defineNode(`lagProducts(${lag})`, after([logReturn], lag + 1), (stage) => {
    const { base, mask } = stage.ring(logReturn, lag + 1);
    const out = stage.reserve(2);
    stage.onBar((s, count) => {
      const product = at64(s, base + (count & mask)) * at64(s, base + ((count - lag) & mask));
      s[out] = product;
      s[out + 1] = Math.abs(product);
    });
    return out;
  });

/** Bipower variation over variance, (π/2) Σ |r||r₋₁| / Σ r² (Barndorff-Nielsen and Shephard 2004): near 1 without jumps, near 0 with. Needs window + 2 bars. */
export const bipowerRatio = (window: number): Node =>
  defineNode(`bipower(${window})`, after([volatilityClustering(1, window)]), (stage) => {
    const clustering = stage.use(volatilityClustering(1, window));
    const out = stage.reserve(1);
    stage.onBar((s) => {
      s[out] = at64(s, clustering) * (Math.PI / 2);
    });
    return out;
  });

const squaredChange = (bars: number): Node =>
  defineNode(`squaredChange(${bars})`, after([logChange(bars)]), (stage) => {
    const change = stage.use(logChange(bars));
    const out = stage.reserve(1);
    stage.onBar((s) => {
      s[out] = at64(s, change) * at64(s, change);
    });
    return out;
  });

/** Sum over `window` bars of the squared n-bar log change. Needs window + n bars. */
const squaredChanges = (bars: number, window: number): Node =>
  bars === 1 ? returnSum('square', window) : windowSum(squaredChange(bars), window);

/** Σ (r + … + r₋ₙ₊₁)² / (n Σ r²) - 1: variance ratio of n-bar to 1-bar returns (Lo and MacKinlay 1988), about 0. Needs window + n bars. */
export const varianceRatio = (bars: number, window: number): Node => {
  const sums = [squaredChanges(bars, window), squaredChanges(1, window)] as const;
  return defineNode(`varianceRatio(${bars},${window})`, after(sums), (stage) => {
    const long = stage.use(sums[0]);
    const short = stage.use(sums[1]);
    const out = stage.reserve(1);
    stage.onBar((s) => {
      const unit = bars * at64(s, short);
      s[out] = unit === 0 ? 0 : at64(s, long) / unit - 1;
    });
    return out;
  });
};

/**
 * Hurst exponent from how the size of moves grows with their length: least-squares slope of ½ ln Σ(ΔₙlnC)² over ln n, n = 1, 2, 4, 8,
 * 16 (Mandelbrot and van Ness 1968), held to [0, 1]; ½ for a random walk and where nothing moves. Needs window + 16 bars.
 */
export const hurst = (window: number): Node => {
  const lengths = [1, 2, 4, 8, 16];
  const sums = lengths.map((bars) => squaredChanges(bars, window));
  return defineNode(`hurst(${window})`, after(sums), (stage) => {
    const slots = sums.map((sum) => stage.use(sum));
    const out = stage.reserve(1);
    stage.onBar((s) => {
      // Abscissae are 0..4 times ln 2: the slope's weights are -2..2 over 10.
      let slope = 0;
      for (let i = 0; i < slots.length; i++) {
        const square = at64(s, slots[i] as number);
        if (square === 0) {
          s[out] = 0.5;
          return;
        }
        if (i !== 2) slope += (i - 2) * Math.log(square);
      }
      s[out] = Math.max(0, Math.min(1, slope / (20 * Math.LN2)));
    });
    return out;
  });
};

/**
 * Permutation entropy of order 3 (Bandt and Pompe 2002): how evenly the six orders of three successive returns occur within the
 * window, 0 to 1; equal returns count as ascending. Needs window + 3 bars.
 */
export const permutationEntropy = (window: number): Node => {
  const counts = windowCounts(ordinalPattern, 6, window);
  return defineNode(`permutationEntropy(${window})`, counts, (stage) => {
    const first = stage.use(counts);
    const out = stage.reserve(1);
    const parts = Float64Array.from({ length: window + 1 }, (_, n) =>
      n === 0 ? 0 : (-(n / window) * Math.log(n / window)) / Math.log(6),
    );
    stage.onBar((s) => {
      let entropy = 0;
      for (let kind = 0; kind < 6; kind++) entropy += at64(parts, at64(s, first + kind));
      s[out] = entropy;
    });
    return out;
  });
};

/** Which of six orders the last three returns have. */
const ordinalPattern: Node = defineNode('ordinalPattern', after([logReturn], 3), (stage) => {
  const { base, mask } = stage.ring(logReturn, 3);
  const out = stage.reserve(1);
  stage.onBar((s, count) => {
    const a = at64(s, base + ((count - 2) & mask));
    const b = at64(s, base + ((count - 1) & mask));
    const c = at64(s, base + (count & mask));
    s[out] = a <= b ? (b <= c ? 0 : a <= c ? 1 : 2) : a <= c ? 3 : b <= c ? 4 : 5;
  });
  return out;
});

/** Mean of the worst or of the best `kept` of the window's log returns, in units of their volatility; 0 without. Needs window + 1 bars. */
export const tailMean = (side: 'worst' | 'best', kept: number, window: number): Node => {
  const sources = [sortedWindow(logReturn, window), realisedVolatility(window)] as const;
  return defineNode(`tail(${side},${kept},${window})`, after(sources), (stage) => {
    const sorted = stage.use(sources[0]) + (side === 'worst' ? 0 : window - kept);
    const unit = stage.use(sources[1]);
    const out = stage.reserve(1);
    stage.onBar((s) => {
      let sum = 0;
      for (let i = 0; i < kept; i++) sum += at64(s, sorted + i);
      s[out] = quotient(sum / kept, at64(s, unit));
    });
    return out;
  });
};

/** Share of closes within the window below the newest: its place among them, 0 to 1, ties half. */
export const closePercentile = (window: number): Node => percentile(bar('close'), window);
