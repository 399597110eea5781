import { type EpochMs, epochMs, type FinalCandle, MINUTE_MS, type SymbolId } from '../core/index.ts';

/**
 * Hands each symbol's minutes on in order and without holes: a candle that follows an unknown minute waits until that minute is
 * repaired, or until it has been unknown for `patienceMinutes`; then the symbol goes on with the hole in its series.
 */
export class MinuteQueue {
  readonly #order: ReadonlyMap<SymbolId, number>;
  readonly #patienceMs: number;
  readonly #waiting = new Map<SymbolId, Map<number, FinalCandle>>();

  constructor(universe: readonly SymbolId[], patienceMinutes: number) {
    this.#order = new Map(universe.map((symbol, index) => [symbol, index]));
    this.#patienceMs = patienceMinutes * MINUTE_MS;
  }

  /**
   * @param arrived candles in any order; known and foreign ones are dropped
   * @param minute the minute being decided
   * @param lastMinute the newest minute (close) of a symbol that was handed on, if any
   * @returns candles to hand on, oldest first and in canonical order within a minute; symbols that wait for an unknown minute
   */
  take(
    arrived: readonly FinalCandle[],
    minute: EpochMs,
    lastMinute: (symbol: SymbolId) => EpochMs | undefined,
  ): { candles: FinalCandle[]; waiting: ReadonlySet<SymbolId> } {
    for (const candle of arrived) {
      if (!this.#order.has(candle.symbol)) continue;
      const held = this.#waiting.get(candle.symbol) ?? new Map<number, FinalCandle>();
      if (!held.has(candle.openTime)) held.set(candle.openTime, candle);
      this.#waiting.set(candle.symbol, held);
    }
    const candles: FinalCandle[] = [];
    const waiting = new Set<SymbolId>();
    for (const symbol of this.#order.keys()) {
      const last = lastMinute(symbol);
      const rest = this.#release(symbol, last, minute, candles);
      if (rest || (last !== undefined && last < minute - MINUTE_MS && !candlesReach(candles, symbol, minute)))
        waiting.add(symbol);
    }
    candles.sort(
      (a, b) => a.openTime - b.openTime || (this.#order.get(a.symbol) ?? 0) - (this.#order.get(b.symbol) ?? 0),
    );
    return { candles, waiting };
  }

  /** Moves what may go to `out`; true when candles of the symbol still wait. */
  #release(symbol: SymbolId, last: EpochMs | undefined, minute: EpochMs, out: FinalCandle[]): boolean {
    const held = this.#waiting.get(symbol);
    if (!held) return false;
    let next = last;
    for (const openTime of [...held.keys()].sort((a, b) => a - b)) {
      const candle = held.get(openTime);
      if (!candle) continue;
      const known = next !== undefined && openTime < next;
      const inOrder = next === undefined || openTime === next || minute - openTime > this.#patienceMs;
      if (known || inOrder) held.delete(openTime);
      if (known) continue;
      if (!inOrder) break;
      out.push(candle);
      next = epochMs(openTime + MINUTE_MS);
    }
    if (held.size === 0) this.#waiting.delete(symbol);
    return held.size > 0;
  }
}

const candlesReach = (candles: readonly FinalCandle[], symbol: SymbolId, minute: EpochMs): boolean =>
  candles.some((candle) => candle.symbol === symbol && candle.openTime + MINUTE_MS === minute);
