import {
  type CandleCorrection,
  type EpochMs,
  type Exclusion,
  epochMs,
  type FinalCandle,
  MINUTE_MS,
  type MinuteCandles,
  type SymbolId,
} from '../core/index.ts';
import { differs } from './kline.ts';

/** What became of a candle that arrived. */
export type Acceptance =
  /** The first of its minute, not delivered yet. */
  | { readonly kind: 'new'; readonly minute: EpochMs }
  /** A minute that had been reported missing is known now. */
  | { readonly kind: 'repaired'; readonly minute: EpochMs }
  | { readonly kind: 'duplicate' }
  /** Other values than the first; the first stays. */
  | { readonly kind: 'correction'; readonly correction: CandleCorrection }
  /** Before the feed's first minute, or too old to be judged. */
  | { readonly kind: 'outside' };

interface Entry {
  readonly candle: FinalCandle;
  /** The latest differing values, so that an audit reports them once. */
  corrected?: FinalCandle;
}

export interface MinuteLedgerOptions {
  readonly symbols: readonly SymbolId[];
  /** Close of the first minute of interest. */
  readonly firstMinute: EpochMs;
  /** Delivered minutes kept for comparison with later reports. */
  readonly keepMinutes?: number;
  /** Unknown minutes remembered per symbol; older ones are left to the gap repair of the store. */
  readonly unknownLimit?: number;
}

/** Minutes in a row without a candle after which a symbol (ended, suspended) no longer holds the others up. */
const ABSENT_AFTER = 3;

/**
 * Which one-minute candles are known, delivered, unknown or corrected. Holds no socket and no clock. Memory is bounded by
 * symbols × (keepMinutes + minutes not delivered yet).
 */
export class MinuteLedger {
  readonly symbols: readonly SymbolId[];
  readonly #members: ReadonlySet<SymbolId>;
  readonly #firstMinute: number;
  readonly #keepMs: number;
  readonly #unknownLimit: number;
  readonly #minutes = new Map<number, Map<SymbolId, Entry>>();
  readonly #unknown = new Map<SymbolId, Set<number>>();
  /** Minutes in a row that were handed out without the symbol. */
  readonly #absence = new Map<SymbolId, number>();
  #repaired: FinalCandle[] = [];
  #delivered: number;

  constructor(options: MinuteLedgerOptions) {
    this.symbols = options.symbols;
    this.#members = new Set(options.symbols);
    this.#firstMinute = options.firstMinute;
    this.#delivered = options.firstMinute - MINUTE_MS;
    this.#keepMs = (options.keepMinutes ?? 90) * MINUTE_MS;
    this.#unknownLimit = options.unknownLimit ?? 1_440;
  }

  /** Close of the last minute handed out; one before the first at the beginning. */
  get delivered(): EpochMs {
    return epochMs(this.#delivered);
  }

  accept(candle: FinalCandle): Acceptance {
    const minute = epochMs(candle.openTime + MINUTE_MS);
    if (!this.#members.has(candle.symbol)) return { kind: 'outside' };
    const known = this.#minutes.get(minute)?.get(candle.symbol);
    if (known !== undefined) return this.#compare(known, candle);
    if (minute >= this.#delivered) this.#absence.delete(candle.symbol);
    if (minute > this.#delivered) {
      this.#entriesOf(minute).set(candle.symbol, { candle });
      return { kind: 'new', minute };
    }
    if (this.#unknown.get(candle.symbol)?.delete(minute)) {
      if (minute > this.#delivered - this.#keepMs) this.#entriesOf(minute).set(candle.symbol, { candle });
      this.#repaired.push(candle);
      return { kind: 'repaired', minute };
    }
    return { kind: 'outside' };
  }

  knows(symbol: SymbolId, minute: EpochMs): boolean {
    return this.#minutes.get(minute)?.has(symbol) ?? false;
  }

  /** Every symbol has its candle, those aside that have been absent for {@link ABSENT_AFTER} minutes: nobody waits for them. */
  isComplete(minute: EpochMs): boolean {
    const known = this.#minutes.get(minute);
    if (known === undefined) return this.symbols.length === 0;
    return known.size === this.symbols.length || this.missingAt(minute).every((symbol) => this.#isAbsent(symbol));
  }

  /** Symbols without a candle of the minute, in canonical order. */
  missingAt(minute: EpochMs): SymbolId[] {
    const known = this.#minutes.get(minute);
    return this.symbols.filter((symbol) => !known?.has(symbol));
  }

  /** Minutes reported missing and not known since, oldest first. */
  unknownOf(symbol: SymbolId): EpochMs[] {
    return [...(this.#unknown.get(symbol) ?? [])].sort((a, b) => a - b).map(epochMs);
  }

  /** Symbols with at least one unknown minute, in canonical order. */
  incompleteSymbols(): SymbolId[] {
    return this.symbols.filter((symbol) => (this.#unknown.get(symbol)?.size ?? 0) > 0);
  }

  /** Hands a minute out: what is known, what is missing (unknown from now on), and what was repaired since the last call. */
  deliver(minute: EpochMs): MinuteCandles {
    const known = this.#minutes.get(minute);
    const candles: FinalCandle[] = [];
    const missing: Exclusion[] = [];
    for (const symbol of this.symbols) {
      const entry = known?.get(symbol);
      if (entry !== undefined) candles.push(entry.candle);
      else {
        missing.push({ symbol, reason: 'CANDLE_MISSING' });
        this.#absence.set(symbol, (this.#absence.get(symbol) ?? 0) + 1);
      }
    }
    // A minute that was skipped over is unknown wherever no candle of it was handed out.
    for (let at = this.#delivered + MINUTE_MS; at <= minute; at += MINUTE_MS) this.#noteMissing(at, at < minute);
    this.#delivered = Math.max(this.#delivered, minute);
    const repaired = this.#repaired.sort((a, b) => a.openTime - b.openTime);
    this.#repaired = [];
    this.#forget();
    return { minute, candles, missing, repaired };
  }

  #isAbsent(symbol: SymbolId): boolean {
    return (this.#absence.get(symbol) ?? 0) >= ABSENT_AFTER;
  }

  #noteMissing(minute: number, skipped: boolean): void {
    if (minute < this.#firstMinute) return;
    const known = this.#minutes.get(minute);
    for (const symbol of this.symbols) {
      const entry = known?.get(symbol);
      if (entry !== undefined) {
        if (skipped) this.#repaired.push(entry.candle);
        continue;
      }
      const unknown = this.#unknown.get(symbol) ?? new Set<number>();
      this.#unknown.set(symbol, unknown.add(minute));
      if (unknown.size > this.#unknownLimit) unknown.delete(Math.min(...unknown));
    }
  }

  #compare(known: Entry, candle: FinalCandle): Acceptance {
    if (!differs(known.candle, candle)) return { kind: 'duplicate' };
    if (known.corrected !== undefined && !differs(known.corrected, candle)) return { kind: 'duplicate' };
    known.corrected = candle;
    return { kind: 'correction', correction: { stored: known.candle, reported: candle } };
  }

  #entriesOf(minute: number): Map<SymbolId, Entry> {
    const entries = this.#minutes.get(minute) ?? new Map<SymbolId, Entry>();
    this.#minutes.set(minute, entries);
    return entries;
  }

  #forget(): void {
    for (const minute of this.#minutes.keys()) {
      if (minute <= this.#delivered - this.#keepMs) this.#minutes.delete(minute);
    }
  }
}
