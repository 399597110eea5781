import { at64 } from '../../../core/index.ts';
import { checkPeriod, Indicator } from '../indicator.ts';
import { WindowShape } from '../window-shape.ts';

/**
 * Population skewness: m₃ / m₂^1.5 of the last `period` values, mₖ the k-th central moment; 0 where all are equal. Pearson 1895, Fisher's
 * g₁; without the correction for small samples that pandas makes. No TA-Lib function.
 */
export class RollingSkewness extends Indicator {
  readonly #window: WindowShape;

  constructor(period: number) {
    super(checkPeriod(period, 'period', 2));
    this.#window = new WindowShape(period);
  }

  update(value: number): number {
    const window = this.#window;
    window.update(value);
    if (++this.count < this.warmup) return Number.NaN;
    const variance = window.second / this.warmup;
    return variance === 0 ? 0 : window.third / this.warmup / (variance * Math.sqrt(variance));
  }

  batch(values: Float64Array, out: Float64Array = new Float64Array(values.length)): Float64Array {
    for (let i = 0; i < values.length; i++) out[i] = this.update(at64(values, i));
    return out;
  }
}

/**
 * Population excess kurtosis: m₄ / m₂² - 3, at least -2, 0 when normal and 0 where all values are equal. Pearson 1905, Fisher's g₂; without
 * the correction for small samples that pandas makes. No TA-Lib function.
 */
export class RollingKurtosis extends Indicator {
  readonly #window: WindowShape;

  constructor(period: number) {
    super(checkPeriod(period, 'period', 2));
    this.#window = new WindowShape(period);
  }

  update(value: number): number {
    const window = this.#window;
    window.update(value);
    if (++this.count < this.warmup) return Number.NaN;
    const variance = window.second / this.warmup;
    return variance === 0 ? 0 : window.fourth / this.warmup / (variance * variance) - 3;
  }

  batch(values: Float64Array, out: Float64Array = new Float64Array(values.length)): Float64Array {
    for (let i = 0; i < values.length; i++) out[i] = this.update(at64(values, i));
    return out;
  }
}
