import { at64 } from '../../../core/index.ts';
import { batchValues, checkParameter, checkPeriod, Indicator } from '../indicator.ts';

/**
 * Quantile of the last `period` values, 0 the least and 1 the greatest, linear between neighbours (Hyndman and Fan 1996, type 7: numpy's
 * and pandas' default); the median by default. A sorted window: two binary searches and one shift a value. No TA-Lib function.
 */
export class RollingQuantile extends Indicator {
  /** The window in the order of arrival, and sorted. */
  readonly #ring: Float64Array;
  readonly #sorted: Float64Array;
  readonly #below: number;
  readonly #fraction: number;
  #at = 0;

  constructor(period: number, quantile = 0.5) {
    super(checkPeriod(period));
    if (quantile !== 0) checkParameter(quantile, 'quantile', 0, 1);
    this.#ring = new Float64Array(period);
    this.#sorted = new Float64Array(period);
    const place = (period - 1) * quantile;
    this.#below = Math.floor(place);
    this.#fraction = place - this.#below;
  }

  update(value: number): number {
    const sorted = this.#sorted;
    const held = this.count++;
    if (held < this.warmup) {
      const to = firstNotBelow(sorted, held, value);
      sorted.copyWithin(to + 1, to, held);
      sorted[to] = value;
    } else {
      const from = firstNotBelow(sorted, sorted.length, at64(this.#ring, this.#at));
      let to = firstNotBelow(sorted, sorted.length, value);
      if (to > from) sorted.copyWithin(from, from + 1, to--);
      else sorted.copyWithin(to + 1, to, from);
      sorted[to] = value;
    }
    this.#ring[this.#at] = value;
    this.#at = this.#at + 1 === sorted.length ? 0 : this.#at + 1;
    if (this.count < this.warmup) return Number.NaN;
    const low = at64(sorted, this.#below);
    return this.#fraction === 0 ? low : low + this.#fraction * (at64(sorted, this.#below + 1) - low);
  }

  batch(values: Float64Array, out?: Float64Array): Float64Array {
    return batchValues(this, values, out);
  }
}

/** The first place among the first `count` sorted values whose value is not below `value`. */
function firstNotBelow(sorted: Float64Array, count: number, value: number): number {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (at64(sorted, middle) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
