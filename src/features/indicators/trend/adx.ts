import { at64 } from '../../../core/index.ts';
import { checkPeriod, type HighLowClose, type HighLowCloseColumns, Indicator, unwrittenColumn } from '../indicator.ts';
import { DirectionalMovement } from './directional-movement.ts';
import { WilderAverage } from './wilder-average.ts';

export interface DxValue {
  readonly dx: number;
  readonly plusDi: number;
  readonly minusDi: number;
}

export interface DxColumns {
  readonly dx: Float64Array;
  readonly plusDi: Float64Array;
  readonly minusDi: Float64Array;
}

/**
 * Directional movement index (Wilder 1978): 100 · |+DI − −DI| / (+DI + −DI), with the directional indices it is made from; each 0 to 100.
 * TA-Lib DX, PLUS_DI, MINUS_DI.
 */
export class Dx extends Indicator {
  readonly #movement: DirectionalMovement;

  constructor(period = 14) {
    super(checkPeriod(period) + 1);
    this.#movement = new DirectionalMovement(period);
  }

  update({ high, low, close }: HighLowClose): DxValue {
    const movement = this.#movement;
    movement.update(high, low, close);
    if (++this.count < this.warmup) return { dx: Number.NaN, plusDi: Number.NaN, minusDi: Number.NaN };
    return { dx: movement.dx, plusDi: movement.plusDi, minusDi: movement.minusDi };
  }

  batch(
    columns: HighLowCloseColumns,
    out: DxColumns = {
      dx: unwrittenColumn(columns.close.length),
      plusDi: unwrittenColumn(columns.close.length),
      minusDi: unwrittenColumn(columns.close.length),
    },
  ): DxColumns {
    const { dx, plusDi, minusDi } = out;
    this.#movement.batch(columns, dx, plusDi, minusDi);
    const unstable = Math.min(dx.length, Math.max(0, this.warmup - 1 - this.count));
    dx.fill(Number.NaN, 0, unstable);
    plusDi.fill(Number.NaN, 0, unstable);
    minusDi.fill(Number.NaN, 0, unstable);
    this.count += dx.length;
    return out;
  }
}

export interface AdxValue {
  readonly adx: number;
  readonly plusDi: number;
  readonly minusDi: number;
}

export interface AdxColumns {
  readonly adx: Float64Array;
  readonly plusDi: Float64Array;
  readonly minusDi: Float64Array;
}

/**
 * Average directional movement index (Wilder 1978): Wilder's average of DX, with the directional indices; each 0 to 100, all from the first
 * ADX on. TA-Lib ADX.
 */
export class Adx extends Indicator {
  readonly #movement: DirectionalMovement;
  readonly #average: WilderAverage;
  readonly #lead: number;

  constructor(period = 14) {
    super(2 * checkPeriod(period));
    this.#movement = new DirectionalMovement(period);
    this.#average = new WilderAverage(period);
    this.#lead = period;
  }

  update({ high, low, close }: HighLowClose): AdxValue {
    const movement = this.#movement;
    movement.update(high, low, close);
    const count = ++this.count;
    const adx = count > this.#lead ? this.#average.update(movement.dx) : Number.NaN;
    if (count < this.warmup) return { adx: Number.NaN, plusDi: Number.NaN, minusDi: Number.NaN };
    return { adx, plusDi: movement.plusDi, minusDi: movement.minusDi };
  }

  batch(
    columns: HighLowCloseColumns,
    out: AdxColumns = {
      adx: unwrittenColumn(columns.close.length),
      plusDi: unwrittenColumn(columns.close.length),
      minusDi: unwrittenColumn(columns.close.length),
    },
  ): AdxColumns {
    const { adx, plusDi, minusDi } = out;
    this.#movement.batch(columns, adx, plusDi, minusDi);
    const withoutDx = Math.min(adx.length, Math.max(0, this.#lead - this.count));
    adx.fill(Number.NaN, 0, withoutDx);
    const averaged = withoutDx === 0 ? adx : adx.subarray(withoutDx);
    this.#average.batch(averaged, averaged);
    const unstable = Math.min(adx.length, Math.max(0, this.warmup - 1 - this.count));
    plusDi.fill(Number.NaN, 0, unstable);
    minusDi.fill(Number.NaN, 0, unstable);
    this.count += adx.length;
    return out;
  }
}

/** Average directional movement rating (Wilder 1978): the mean of the newest ADX and that of period − 1 bars before; 0 to 100. TA-Lib ADXR. */
export class Adxr extends Indicator {
  readonly #adx: Adx;
  /** The last period − 1 values of ADX. */
  readonly #past: Float64Array;
  #at = 0;

  constructor(period = 14) {
    const adx = new Adx(period);
    super(adx.warmup + period - 1);
    this.#adx = adx;
    this.#past = new Float64Array(period - 1);
  }

  update(bar: HighLowClose): number {
    return this.#rate(this.#adx.update(bar).adx);
  }

  batch(columns: HighLowCloseColumns, out: Float64Array = unwrittenColumn(columns.close.length)): Float64Array {
    const { adx } = this.#adx.batch(columns);
    for (let i = 0; i < adx.length; i++) out[i] = this.#rate(at64(adx, i));
    return out;
  }

  #rate(adx: number): number {
    const past = this.#past;
    const at = this.#at;
    const before = past.length === 0 ? adx : at64(past, at);
    past[at] = adx;
    this.#at = at + 1 < past.length ? at + 1 : 0;
    return ++this.count >= this.warmup ? (adx + before) / 2 : Number.NaN;
  }
}
