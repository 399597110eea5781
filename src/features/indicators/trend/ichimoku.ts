import { at64 } from '../../../core/index.ts';
import { checkPeriod, type HighLowClose, type HighLowCloseColumns, Indicator } from '../indicator.ts';
import { WindowExtremes } from '../window-extremes.ts';

export interface IchimokuValue {
  readonly conversion: number;
  readonly base: number;
  readonly spanA: number;
  readonly spanB: number;
}

export interface IchimokuColumns {
  readonly conversion: Float64Array;
  readonly base: Float64Array;
  readonly spanA: Float64Array;
  readonly spanB: Float64Array;
}

/**
 * Ichimoku: conversion, base and span B are the middles (highest high + lowest low) / 2 of three windows, span A the middle of conversion and
 * base (Hosoda 1969). In units of the price. Nothing is shifted: a chart draws both spans `base` bars ahead, so that today's cloud is the
 * spans of `base` bars ago; its lagging span is the close, drawn that far back. All begin with the longest window. Not in TA-Lib.
 */
export class Ichimoku extends Indicator {
  readonly #conversionWindow: WindowExtremes;
  readonly #baseWindow: WindowExtremes;
  readonly #spanWindow: WindowExtremes;
  #conversion = 0;
  #base = 0;
  #spanA = 0;
  #spanB = 0;

  constructor(conversion = 9, base = 26, spanB = 52) {
    super(Math.max(checkPeriod(conversion, 'conversion'), checkPeriod(base, 'base'), checkPeriod(spanB, 'spanB')));
    this.#conversionWindow = new WindowExtremes(conversion);
    this.#baseWindow = new WindowExtremes(base);
    this.#spanWindow = new WindowExtremes(spanB);
  }

  update({ high, low }: Pick<HighLowClose, 'high' | 'low'>): IchimokuValue {
    this.#next(high, low);
    return { conversion: this.#conversion, base: this.#base, spanA: this.#spanA, spanB: this.#spanB };
  }

  batch(
    { high, low }: Pick<HighLowCloseColumns, 'high' | 'low'>,
    out: IchimokuColumns = {
      conversion: new Float64Array(high.length),
      base: new Float64Array(high.length),
      spanA: new Float64Array(high.length),
      spanB: new Float64Array(high.length),
    },
  ): IchimokuColumns {
    for (let i = 0; i < high.length; i++) {
      this.#next(at64(high, i), at64(low, i));
      out.conversion[i] = this.#conversion;
      out.base[i] = this.#base;
      out.spanA[i] = this.#spanA;
      out.spanB[i] = this.#spanB;
    }
    return out;
  }

  #next(high: number, low: number): void {
    this.#conversionWindow.update(high, low);
    this.#baseWindow.update(high, low);
    this.#spanWindow.update(high, low);
    const isStable = ++this.count >= this.warmup;
    this.#conversion = isStable ? middle(this.#conversionWindow) : Number.NaN;
    this.#base = isStable ? middle(this.#baseWindow) : Number.NaN;
    this.#spanA = (this.#conversion + this.#base) / 2;
    this.#spanB = isStable ? middle(this.#spanWindow) : Number.NaN;
  }
}

const middle = ({ highest, lowest }: WindowExtremes): number => (highest + lowest) / 2;
