import {
  atByte,
  atInt32,
  type EpochMs,
  MINUTE_MS,
  MinutehandError,
  PHASES,
  phaseOf,
  type SymbolId,
} from '../../core/index.ts';
import type { NetworkShape } from './unified-patchtst.ts';

/** Most bars of a context that may be missing; they are carried with all inputs 0. */
export const MOST_MISSING_BARS = 3;

/** The bars of one symbol and phase that are kept. Bars are counted from 1970, one each 15 minutes. */
export interface BarSeries {
  /** Begins anew behind a hole that is too long. */
  first: number;
  newest: number;
  /** [patch + MOST_MISSING_BARS, features], by bar modulo their number. */
  readonly rows: Float32Array;
  /** [context]: 1 where there was no bar. */
  readonly missing: Uint8Array;
  /** [context - patch + 1, width]: of the patches that end with a bar. */
  readonly embeddings: Float32Array;
  /** [context - patch + 1]: which bar's embedding stands there. */
  readonly embedded: Int32Array;
}

/**
 * The newest bars of every symbol and the embeddings of its patches, by phase: minute m's window are the rows of minutes m, m - 15, m - 30, …,
 * so the fifteen phases are fifteen series. A patch that ends with a bar lies in the windows of eleven bars of its phase (context 96, patch 16,
 * stride 8); embedded once, it is kept until the last of them. Bounded: a symbol costs 15 x ((patch + 3) x features + (context - patch + 1)
 * x width) floats from the first row of each phase on, and nothing once all it has is too old for any context.
 */
export class PatchCache {
  readonly #shape: NetworkShape;
  readonly #symbols = new Map<SymbolId, { lastMinute: number; readonly phases: (BarSeries | undefined)[] }>();
  readonly #heldRows: number;
  readonly #heldEmbeddings: number;

  constructor(shape: NetworkShape) {
    this.#shape = shape;
    this.#heldRows = shape.patch + MOST_MISSING_BARS;
    this.#heldEmbeddings = shape.context - shape.patch + 1;
  }

  /** Number of symbols that something is kept of. */
  get symbols(): number {
    return this.#symbols.size;
  }

  /** Numbers that are kept, in bytes. */
  get bytes(): number {
    let total = 0;
    for (const { phases } of this.#symbols.values()) {
      for (const series of phases) {
        if (!series) continue;
        const { rows, missing, embeddings, embedded } = series;
        total += rows.byteLength + missing.byteLength + embeddings.byteLength + embedded.byteLength;
      }
    }
    return total;
  }

  /**
   * Takes in the row of `features` inputs at `offset`: the bar of `symbol` that closes at `minute`. Bars that are missing before it are carried
   * as zeros; behind more than MOST_MISSING_BARS of them the series begins anew. The newest bar may be given again.
   * @param isMissing whether the row itself says nothing
   * @returns the series, and the first of its bars, up to the newest, whose patch is to be embedded; past the newest where none is
   * @throws MinutehandError MODEL_MINUTE_PAST when a later minute of the phase was taken in before
   */
  push(
    symbol: SymbolId,
    minute: EpochMs,
    inputs: Float32Array,
    offset: number,
    isMissing: boolean,
  ): { readonly series: BarSeries; readonly from: number } {
    const bar = barOf(minute);
    const series = this.#seriesOf(symbol, minute, bar);
    if (bar < series.newest) throw minutePast(symbol, minute);
    if (bar - series.newest > MOST_MISSING_BARS + 1) {
      series.first = bar;
      series.newest = bar;
      series.embedded.fill(NO_BAR);
      series.missing.fill(0);
    }
    const { features, patch } = this.#shape;
    const begin = Math.min(series.newest + 1, bar);
    for (let own = begin; own <= bar; own++) {
      const at = (own % this.#heldRows) * features;
      if (own < bar) series.rows.fill(0, at, at + features);
      else series.rows.set(inputs.subarray(offset, offset + features), at);
      series.missing[own % this.#shape.context] = own < bar || isMissing ? 1 : 0;
      series.embedded[own % this.#heldEmbeddings] = NO_BAR;
    }
    series.newest = bar;
    return { series, from: Math.max(begin, series.first + patch - 1) };
  }

  /** The series of a symbol that has the bar closing at `minute` as its newest. */
  at(symbol: SymbolId, minute: EpochMs): BarSeries | undefined {
    const series = this.#symbols.get(symbol)?.phases[phaseOf(minute)];
    return series?.newest === barOf(minute) ? series : undefined;
  }

  /** Copies the bars of the patch that ends with `bar`, oldest first: [patch, features] from `offset` on. */
  copyBars(series: BarSeries, bar: number, target: Float32Array, offset: number): void {
    const { patch, features } = this.#shape;
    for (let i = 0; i < patch; i++) {
      const at = ((bar - patch + 1 + i) % this.#heldRows) * features;
      target.set(series.rows.subarray(at, at + features), offset + i * features);
    }
  }

  /** Copies the newest bar, [features] from `offset` on. */
  copyNewest(series: BarSeries, target: Float32Array, offset: number): void {
    const { features } = this.#shape;
    const at = (series.newest % this.#heldRows) * features;
    target.set(series.rows.subarray(at, at + features), offset);
  }

  /** Keeps the embedding [width] at `offset` of the patch that ends with `bar`. */
  keep(series: BarSeries, bar: number, embeddings: Float32Array, offset: number): void {
    const { width } = this.#shape;
    const slot = bar % this.#heldEmbeddings;
    series.embeddings.set(embeddings.subarray(offset, offset + width), slot * width);
    series.embedded[slot] = bar;
  }

  /** Whether every patch of the newest bar's window is embedded and at most MOST_MISSING_BARS of its bars are missing. */
  isWhole(series: BarSeries): boolean {
    const { context, patch, stride } = this.#shape;
    for (let back = 0; back <= context - patch; back += stride) {
      const bar = series.newest - back;
      if (atInt32(series.embedded, bar % this.#heldEmbeddings) !== bar) return false;
    }
    let missing = 0;
    for (let i = 0; i < context; i++) missing += atByte(series.missing, i);
    return missing <= MOST_MISSING_BARS;
  }

  /** Copies the embeddings of the newest bar's window, oldest first: [patches, width] from `offset` on. */
  copyEmbeddings(series: BarSeries, target: Float32Array, offset: number): void {
    const { context, patch, stride, width } = this.#shape;
    let to = offset;
    for (let back = context - patch; back >= 0; back -= stride, to += width) {
      const at = ((series.newest - back) % this.#heldEmbeddings) * width;
      target.set(series.embeddings.subarray(at, at + width), to);
    }
  }

  /** Gives up symbols whose every phase would begin anew with its next bar. */
  forgetBefore(minute: EpochMs): void {
    const oldest = minute - (MOST_MISSING_BARS + 2) * PHASES * MINUTE_MS;
    for (const [symbol, { lastMinute }] of this.#symbols) if (lastMinute < oldest) this.#symbols.delete(symbol);
  }

  /** Gives up everything. */
  clear(): void {
    this.#symbols.clear();
  }

  #seriesOf(symbol: SymbolId, minute: EpochMs, bar: number): BarSeries {
    let own = this.#symbols.get(symbol);
    if (!own) {
      own = { lastMinute: minute, phases: new Array<BarSeries | undefined>(PHASES).fill(undefined) };
      this.#symbols.set(symbol, own);
    }
    own.lastMinute = Math.max(own.lastMinute, minute);
    const phase = phaseOf(minute);
    const { features, width, context } = this.#shape;
    const series = own.phases[phase] ?? {
      first: bar,
      newest: bar,
      rows: new Float32Array(this.#heldRows * features),
      missing: new Uint8Array(context),
      embeddings: new Float32Array(this.#heldEmbeddings * width),
      embedded: new Int32Array(this.#heldEmbeddings).fill(NO_BAR),
    };
    own.phases[phase] = series;
    return series;
  }
}

const NO_BAR = -1;

const barOf = (minute: EpochMs): number => Math.floor(minute / (PHASES * MINUTE_MS));

const minutePast = (symbol: SymbolId, minute: EpochMs): MinutehandError =>
  new MinutehandError(
    'MODEL_MINUTE_PAST',
    `${symbol} at ${minute} came after a later minute of its phase`,
    'Give the minutes in ascending order, or load the model again to begin with an earlier one.',
  );
