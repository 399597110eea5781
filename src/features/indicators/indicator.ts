import { at64, MinutehandError } from '../../core/index.ts';

/**
 * A streaming indicator: `update` takes one input and returns the newest value, in a time that does not grow with what came before; `batch`
 * takes columns of them, goes on with the same state and gives the same bits, into columns given as its last argument if there are any. A
 * library of its own: it knows neither features nor models. Inputs must be finite numbers; one that is not stays in the state.
 */
export abstract class Indicator {
  /** Inputs, the newest included, until the first value: TA-Lib's look-back and one. Before, values are NaN. */
  readonly warmup: number;
  /** Inputs taken so far. */
  protected count = 0;

  protected constructor(warmup: number) {
    this.warmup = warmup;
  }

  /** Whether the newest value is one. */
  get isStable(): boolean {
    return this.count >= this.warmup;
  }

  /** How many of the next `inputs` belong to the warm-up, that of the first value included. */
  protected seedingOf(inputs: number): number {
    return Math.min(inputs, Math.max(0, this.warmup - this.count));
  }
}

/** A closed bar, as far as an indicator reads it. */
export interface HighLowClose {
  readonly high: number;
  readonly low: number;
  readonly close: number;
}

/** A closed bar with its open. */
export interface OpenHighLowClose extends HighLowClose {
  readonly open: number;
}

/** What was traded of a closed bar, and where it ended. */
export interface CloseVolume {
  readonly close: number;
  readonly volume: number;
}

/** A closed bar with its volume; the open is not read. */
export interface PriceVolume extends HighLowClose, CloseVolume {}

/** Columns of closed bars, oldest first, of one length; so are those that follow. */
export interface HighLowCloseColumns {
  readonly high: Float64Array;
  readonly low: Float64Array;
  readonly close: Float64Array;
}

/** Columns of {@link OpenHighLowClose}. */
export interface OpenHighLowCloseColumns extends HighLowCloseColumns {
  readonly open: Float64Array;
}

/** Columns of {@link CloseVolume}. */
export interface CloseVolumeColumns {
  readonly close: Float64Array;
  readonly volume: Float64Array;
}

/** Columns of {@link PriceVolume}. */
export interface PriceVolumeColumns extends HighLowCloseColumns, CloseVolumeColumns {}

/** A column for results that is not cleared first, which takes as long as many an indicator: whoever asks for it writes every value. */
export function unwrittenColumn(length: number): Float64Array {
  return new Float64Array(Buffer.allocUnsafeSlow(length * Float64Array.BYTES_PER_ELEMENT).buffer);
}

/**
 * Runs `update` over a column; for indicators whose update takes long beside a call. Others have a loop of their own, in which the engine
 * knows what it calls and takes it in.
 * @returns `out`, which may be `values` itself
 */
export function batchValues(
  indicator: { update(value: number): number },
  values: Float64Array,
  out: Float64Array = unwrittenColumn(values.length),
): Float64Array {
  for (let i = 0; i < values.length; i++) out[i] = indicator.update(at64(values, i));
  return out;
}

/**
 * Runs `update` over columns of bars, as {@link batchValues} does over one; a column that the indicator does not read may be left out: it
 * reads 0. The bar is one object that changes: no indicator may keep it.
 */
export function batchBars(
  indicator: { update(bar: OpenHighLowClose & PriceVolume): number },
  { open, high, low, close, volume }: Partial<OpenHighLowCloseColumns & PriceVolumeColumns> & { close: Float64Array },
  out: Float64Array = unwrittenColumn(close.length),
): Float64Array {
  const bar = { open: 0, high: 0, low: 0, close: 0, volume: 0 };
  for (let i = 0; i < close.length; i++) {
    bar.close = at64(close, i);
    if (open) bar.open = at64(open, i);
    if (high) bar.high = at64(high, i);
    if (low) bar.low = at64(low, i);
    if (volume) bar.volume = at64(volume, i);
    out[i] = indicator.update(bar);
  }
  return out;
}

/** @returns the period. @throws MinutehandError INDICATOR_PERIOD_INVALID unless it is a whole number of at least `least` */
export function checkPeriod(period: number, name = 'period', least = 1): number {
  if (Number.isInteger(period) && period >= least) return period;
  throw new MinutehandError(
    'INDICATOR_PERIOD_INVALID',
    `${name} is ${period}`,
    `Give a whole number of at least ${least}.`,
    { exitCode: 2 },
  );
}

/** @returns the value. @throws MinutehandError INDICATOR_PARAMETER_INVALID unless it is a number above `above` and at most `most` */
export function checkParameter(value: number, name: string, above = 0, most = Number.MAX_VALUE): number {
  if (value > above && value <= most) return value;
  throw new MinutehandError(
    'INDICATOR_PARAMETER_INVALID',
    `${name} is ${value}`,
    `Give a number above ${above}${most < Number.MAX_VALUE ? ` and at most ${most}` : ''}.`,
    { exitCode: 2 },
  );
}
