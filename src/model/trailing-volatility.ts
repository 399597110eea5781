import { at64 } from '../core/index.ts';

/**
 * Volatility per bar as it is known at each bar's close: the exponentially weighted root mean square of the log returns r up to it,
 *
 * σ_t² = Σ λ^i r²_{t-i} / Σ λ^i, i = 0, 1, …, λ = 2^(-1/halfLife), over the bars whose return is known.
 *
 * The mean is taken as 0 (RiskMetrics Technical Document 1996, section 5.3), and the division by the weights known replaces a seed. A hole takes
 * its own return and that of the bar behind it, and the bars before it weigh less for its length. NaN where the bar is missing, and until the
 * known returns weigh as much as those of one half-life without a hole do.
 * @param closes [bars] on a regular grid, NaN = no bar
 * @param halfLife in bars
 */
export function trailingVolatility(closes: Float64Array, halfLife: number): Float64Array {
  const decay = 2 ** (-1 / halfLife);
  // 1 + λ + … + λ^(halfLife - 1), less what rounding may take from the same sum below.
  const leastWeight = (0.5 / (1 - decay)) * (1 - 1e-9);
  const result = new Float64Array(closes.length).fill(Number.NaN);
  let squares = 0;
  let weight = 0;
  for (let t = 1; t < closes.length; t++) {
    squares *= decay;
    weight *= decay;
    const change = Math.log(at64(closes, t) / at64(closes, t - 1));
    if (Number.isFinite(change)) {
      squares += change * change;
      weight += 1;
    }
    if (at64(closes, t) > 0 && weight >= leastWeight) result[t] = Math.sqrt(squares / weight);
  }
  return result;
}
