/**
 * Probability that a standard normal is below `x`. Inside six deviations by the series x + x^3/3 + x^5/(3·5) + … times the density
 * (Marsaglia 2004, Evaluating the Normal Distribution), beyond by the continued fraction of Mills' ratio; errors below 1e-14.
 */
export function normalProbability(x: number): number {
  if (Number.isNaN(x)) return Number.NaN;
  const density = Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI);
  if (Math.abs(x) > SERIES_ENDS) {
    let ratio = Math.abs(x);
    for (let term = FRACTION_TERMS; term > 0; term--) ratio = Math.abs(x) + term / ratio;
    const tail = density / ratio;
    return x > 0 ? 1 - tail : tail;
  }
  let term = x;
  let sum = x;
  for (let odd = 3; Math.abs(term) > 1e-17 * Math.abs(sum); odd += 2) {
    term *= (x * x) / odd;
    sum += term;
  }
  return 0.5 + sum * density;
}

const SERIES_ENDS = 6;
const FRACTION_TERMS = 40;

/** The value a standard normal is below with `probability`; infinite at 0 and 1, NaN outside. */
export function normalQuantile(probability: number): number {
  if (!(probability >= 0 && probability <= 1)) return Number.NaN;
  if (probability > 0.5) return -normalQuantile(1 - probability);
  if (probability === 0) return Number.NEGATIVE_INFINITY;
  let low = -40;
  let high = 0;
  while (high - low > 1e-13) {
    const middle = (low + high) / 2;
    if (normalProbability(middle) < probability) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}
