import { type EpochMs, MINUTE_MS, type OrderPurpose, type SymbolId } from '../core/index.ts';

/**
 * The id under which an order is known everywhere: the same decision gives the same id, so repeating a step cannot make a second
 * order. Form: `m<minute, base 36>-<e|x>-<symbol>-<hash>`, at most 36 characters of [A-Za-z0-9_-], of which the symbol is
 * for the reader and the 64-bit hash (FNV-1a) over book, strategy, symbol, minute and purpose tells orders apart.
 */
export function clientOrderIdOf(order: {
  readonly book: string;
  readonly strategy: string;
  readonly symbol: SymbolId;
  readonly minute: EpochMs;
  readonly purpose: OrderPurpose;
}): string {
  const when = (order.minute / MINUTE_MS).toString(36);
  const readable = order.symbol.replace(/[^A-Za-z0-9]/g, '').slice(0, 10);
  const hash = hash64(JSON.stringify([order.book, order.strategy, order.symbol, order.minute, order.purpose]));
  return `m${when}-${order.purpose === 'entry' ? 'e' : 'x'}-${readable}-${hash.toString(36)}`;
}

/** FNV-1a, 64 bits, over UTF-16 code units (Fowler, Noll, Vo). */
function hash64(text: string): bigint {
  let hash = 0xcbf29ce484222325n;
  for (let i = 0; i < text.length; i++) {
    hash = BigInt.asUintN(64, (hash ^ BigInt(text.charCodeAt(i))) * 0x100000001b3n);
  }
  return hash;
}
