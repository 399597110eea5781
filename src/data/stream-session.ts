import { type Candle, type EpochMs, epochMs, type FinalCandle, MINUTE_MS, type SymbolId } from '../core/index.ts';

/** Minutes in a row that REST knew and the stream did not bring before a symbol's subscription counts as gone. */
export const DEAF_MINUTES = 3;

/** What one uninterrupted stream session has shown: forming bars, what closed them, and whom it does not bring. */
export class StreamSession {
  readonly #forming = new Map<SymbolId, Candle>();
  readonly #unheard = new Map<SymbolId, number>();
  #latestMinute = 0;

  /** Close of the newest minute of which the stream has brought anything that proves it over. */
  get latestMinute(): number {
    return this.#latestMinute;
  }

  /** Takes a bar in. @returns the bar before it if that was still forming: closed by its successor, the flag having been lost. */
  observe(candle: Candle): FinalCandle | undefined {
    const { symbol, openTime } = candle;
    const before = this.#forming.get(symbol);
    const closed = before !== undefined && before.openTime < openTime ? before : undefined;
    if (candle.state === 'final') {
      this.#latestMinute = Math.max(this.#latestMinute, openTime + MINUTE_MS);
      this.#unheard.delete(symbol);
      if (before !== undefined && before.openTime <= openTime) this.#forming.delete(symbol);
    } else if (before === undefined || before.openTime <= openTime) {
      this.#latestMinute = Math.max(this.#latestMinute, openTime);
      this.#forming.set(symbol, candle);
    }
    return closed && { ...closed, state: 'final', finality: 'successor' };
  }

  /** Notes that REST had to bring these symbols' minute. @returns how many have not been heard for {@link DEAF_MINUTES} minutes. */
  noteUnheard(symbols: readonly SymbolId[]): number {
    let deaf = 0;
    for (const symbol of symbols) {
      const minutes = (this.#unheard.get(symbol) ?? 0) + 1;
      this.#unheard.set(symbol, minutes);
      if (minutes >= DEAF_MINUTES) deaf += 1;
    }
    return deaf;
  }
}

/** Bars closed by a successor only, kept until their minute is decided: used where REST has no answer. */
export class SuccessorBars {
  readonly #bars = new Map<string, FinalCandle>();

  keep(candle: FinalCandle): void {
    this.#bars.set(keyOf(candle.symbol, epochMs(candle.openTime + MINUTE_MS)), candle);
  }

  get(symbol: SymbolId, minute: EpochMs): FinalCandle | undefined {
    return this.#bars.get(keyOf(symbol, minute));
  }

  forgetUpTo(minute: EpochMs): void {
    for (const [key, candle] of this.#bars) {
      if (candle.openTime + MINUTE_MS <= minute) this.#bars.delete(key);
    }
  }
}

const keyOf = (symbol: SymbolId, minute: EpochMs): string => `${symbol}/${minute}`;
