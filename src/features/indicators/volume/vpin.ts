import {
  batchBars,
  type CloseVolume,
  type CloseVolumeColumns,
  checkParameter,
  checkPeriod,
  Indicator,
} from '../indicator.ts';
import { normalProbability } from '../statistics/normal-distribution.ts';
import { WindowMoments } from '../window-moments.ts';
import { WindowSum } from '../window-sum.ts';

/**
 * Volume-synchronised probability of informed trading: Σ |V buy - V sell| / (buckets · bucketVolume) over the last `buckets` buckets of
 * equal volume, in [0, 1]. Easley, López de Prado and O'Hara 2012, "Flow toxicity and liquidity in a high-frequency world". Of a bar's
 * volume the share Φ(ΔC / σ) was bought (bulk classification), σ the deviation of the last `deviationPeriod` changes ΔC of the close, the
 * newest included; ½ where nothing moved. A bar that a bucket has no room for fills the next ones with the same share. A value changes when
 * a bucket fills. The authors take a fiftieth of a day's mean volume as `bucketVolume`, and 50 buckets.
 *
 * Its clock is volume: the buckets begin at bar `warmup`, the first whose σ is known, and the first value comes when `buckets` of them are
 * full. `isStable` says when; `warmup` is the least it can take. Where buckets begin depends on where the series does. No TA-Lib function.
 */
export class Vpin extends Indicator {
  readonly #bucketVolume: number;
  readonly #buckets: number;
  readonly #changes: WindowMoments;
  readonly #imbalances: WindowSum;
  #close = 0;
  /** Of the bucket in the making: the volume that is missing, and bought less sold. */
  #room: number;
  #imbalance = 0;
  #full = 0;
  #value = Number.NaN;

  constructor(bucketVolume: number, buckets = 50, deviationPeriod = 100) {
    super(checkPeriod(deviationPeriod, 'deviationPeriod', 2) + 1);
    this.#bucketVolume = checkParameter(bucketVolume, 'bucketVolume');
    this.#buckets = checkPeriod(buckets, 'buckets');
    this.#changes = new WindowMoments(deviationPeriod);
    this.#imbalances = new WindowSum(buckets);
    this.#room = bucketVolume;
  }

  override get isStable(): boolean {
    return this.#full >= this.#buckets;
  }

  update({ close, volume }: CloseVolume): number {
    const change = close - this.#close;
    this.#close = close;
    if (++this.count === 1) return Number.NaN;
    this.#changes.update(change);
    if (this.count >= this.warmup) this.#pour(volume, 2 * this.#boughtShare(change) - 1);
    return this.#value;
  }

  batch(columns: CloseVolumeColumns, out?: Float64Array): Float64Array {
    return batchBars(this, columns, out);
  }

  #boughtShare(change: number): number {
    if (change === 0) return 0.5;
    return normalProbability(change / Math.sqrt(this.#changes.variance));
  }

  /** Pours a bar's volume into buckets; `balance` of it is bought less sold. */
  #pour(volume: number, balance: number): void {
    const size = this.#bucketVolume;
    if (volume < this.#room) {
      this.#room -= volume;
      this.#imbalance += balance * volume;
      return;
    }
    this.#fill(this.#imbalance + balance * this.#room);
    const left = volume - this.#room;
    const rest = left % size;
    // Of more buckets than the value is taken over, only the last count.
    for (let k = Math.min(Math.round((left - rest) / size), this.#buckets); k > 0; k--) this.#fill(balance * size);
    this.#room = size - rest;
    this.#imbalance = balance * rest;
  }

  #fill(imbalance: number): void {
    const sum = this.#imbalances.update(Math.abs(imbalance));
    if (++this.#full >= this.#buckets) this.#value = Math.min(1, sum / (this.#buckets * this.#bucketVolume));
  }
}
