import { at64 } from '../../core/index.ts';
import { bar, CLOSE, defineNode, derive1, derive2, HIGH, LOW, type Node, OPEN, ring } from '../program.ts';
import { logChange } from './position.ts';
import { atrUnit, quotient } from './recursive.ts';
import { returnSum, windowMean, windowSum } from './windows.ts';

/** Share of a variance below which it is rounding alone: 2^-40. */
const ROUNDING = 2 ** -40;

/** Realised volatility per bar: the root of the mean squared log return. Needs window + 1 bars. */
export const realisedVolatility = (window: number): Node =>
  derive1(`volatility(${window})`, returnSum('square', window), (sum) => Math.sqrt(sum / window));

/** Parkinson 1980: root of mean ln(H/L)² / (4 ln 2), per bar. */
export const parkinson = (window: number): Node =>
  derive1(`parkinson(${window})`, windowMean(squaredRange, window), (mean) => Math.sqrt(mean / (4 * Math.LN2)));

/** Garman and Klass 1980: root of mean of ln(H/L)²/2 - (2 ln 2 - 1) ln(C/O)², per bar, at least 0. */
export const garmanKlass = (window: number): Node =>
  derive1(`garmanKlass(${window})`, windowMean(garmanKlassTerm, window), (mean) => Math.sqrt(Math.max(mean, 0)));

/** ln(H/L)² of a bar. */
const squaredRange: Node = defineNode('squaredRange', (stage) => {
  const out = stage.reserve(1);
  stage.onBar((s) => {
    const range = Math.log(at64(s, HIGH) / at64(s, LOW));
    s[out] = range * range;
  });
  return out;
});

const garmanKlassTerm: Node = defineNode('garmanKlassTerm', (stage) => {
  const range = stage.use(squaredRange);
  const out = stage.reserve(1);
  stage.onBar((s) => {
    const body = Math.log(at64(s, CLOSE) / at64(s, OPEN));
    s[out] = 0.5 * at64(s, range) - (2 * Math.LN2 - 1) * body * body;
  });
  return out;
});

/** ATR / C. */
export const natr = (period: number): Node =>
  derive2(`natr(${period})`, atrUnit(period), bar('close'), (unit, close) => unit / close);

/** (a - b) / (a + b) of two positive measures: ln(a/b) squeezed into [-1, 1], defined when one is 0; 0 when both are. */
export const balance = (key: string, a: Node, b: Node): Node => derive2(key, a, b, (x, y) => quotient(x - y, x + y));

/** Log return over `lag` bars in units of its expected size: ret / (σ √lag), σ the realised volatility over `window`; 0 without. */
export const scaledReturn = (lag: number, window: number): Node =>
  derive2(`scaledReturn(${lag},${window})`, logChange(lag), realisedVolatility(window), (change, sigma) =>
    quotient(change, sigma * Math.sqrt(lag)),
  );

/** Σ r / Σ |r|: Kaufman's efficiency ratio with the direction's sign; 0 without movement. */
export const efficiency = (window: number): Node =>
  derive2(`efficiency(${window})`, returnSum('return', window), returnSum('absolute', window), quotient);

/** Standard deviation of |r| over mean |r|: how uneven the size of moves is. */
export const volatilityOfVolatility = (window: number): Node =>
  derive2(`volOfVol(${window})`, returnSum('square', window), returnSum('absolute', window), (square, absolute) =>
    absolute === 0 ? 0 : Math.sqrt(Math.max(0, (window * square) / (absolute * absolute) - 1)),
  );

/** (Σ r² of rises - Σ r² of falls) / Σ r². */
export const semivarianceBalance = (window: number): Node =>
  derive2(`semivariance(${window})`, returnSum('downSquare', window), returnSum('square', window), (down, square) =>
    square === 0 ? 0 : 1 - (2 * down) / square,
  );

/** Share of Σ r² that the largest single return contributes. */
export const largestShare = (window: number): Node =>
  derive2(`largestShare(${window})`, returnSum('largest', window), returnSum('square', window), (largest, square) =>
    quotient(largest * largest, square),
  );

/** Σ r·r₋₁ / Σ r²: first autocorrelation of log returns about 0. Needs window + 2 bars. */
export const autocorrelation = (window: number): Node =>
  derive2(`autocorrelation(${window})`, returnSum('product', window), returnSum('square', window), quotient);

/** Σ (r + … + r₋ₙ₊₁)² / (n Σ r²) - 1: variance ratio of n-bar to 1-bar returns (Lo and MacKinlay 1988), about 0. Needs window + n bars. */
export const varianceRatio = (n: number, window: number): Node => {
  const squared = derive1(`square(logChange(${n}))`, logChange(n), (change) => change * change);
  return derive2(
    `varianceRatio(${n},${window})`,
    windowSum(squared, window),
    returnSum('square', window),
    (long, short) => (short === 0 ? 0 : long / (n * short) - 1),
  );
};

/** Skewness of log returns, and the natural log of their kurtosis (0 at the least possible, ln 3 when normal); 0 without variance. */
export function returnShape(kind: 'skewness' | 'logKurtosis', window: number): Node {
  return defineNode(`${kind}(${window})`, (stage) => {
    const first = stage.use(returnSum('return', window));
    const second = stage.use(returnSum('square', window));
    const third = stage.use(returnSum('cube', window));
    const fourth = stage.use(returnSum('fourth', window));
    const out = stage.reserve(1);
    stage.onBar((s) => {
      const mean = at64(s, first) / window;
      const square = at64(s, second) / window;
      const variance = square - mean * mean;
      if (variance <= square * ROUNDING) s[out] = 0;
      else if (kind === 'skewness') {
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

/** Share of the last `window` bars whose realised volatility over `over` bars was below today's, ties counting half. Needs over + window bars. */
export function volatilityPercentile(over: number, window: number): Node {
  return defineNode(`volatilityPercentile(${over},${window})`, (stage) => {
    const sigma = realisedVolatility(over);
    const input = stage.use(sigma);
    const base = stage.use(ring(sigma));
    const { mask } = stage;
    const out = stage.reserve(1);
    stage.onBar((s, count) => {
      const now = at64(s, input);
      let below = 0;
      for (let k = 1; k < window; k++) {
        const value = at64(s, base + ((count - k) & mask));
        below += value < now ? 1 : value === now ? 0.5 : 0;
      }
      s[out] = below / (window - 1);
    });
    return out;
  });
}
