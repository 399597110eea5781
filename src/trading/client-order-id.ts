import { type EpochMs, MINUTE_MS, type OrderPurpose, type SymbolId } from '../core/index.ts';

/**
 * The id under which an order is known everywhere: the same decision gives the same id, so repeating a step cannot make a second
 * order. Form: `m<minute, base 36>-<e|x|n>-<symbol>-<hash>` (entry, exit, netted), at most 36 characters of [A-Za-z0-9_-], of which the symbol is
 * for the reader and the 64-bit hash (FNV-1a) over book, strategy, symbol, minute and purpose tells orders apart.
 */
export function clientOrderIdOf(order: {
  readonly book: string;
  readonly strategy: string;
  readonly symbol: SymbolId;
  readonly minute: EpochMs;
  readonly purpose: Extract<OrderPurpose, 'entry' | 'exit'>;
  /** Of an order that is tried again within its minute: the time of the attempt. */
  readonly attempt?: EpochMs;
  /** The part of the order that crosses inside the book, where the rest is sent. */
  readonly isNetted?: boolean;
}): string {
  const when = (order.minute / MINUTE_MS).toString(36);
  const readable = readableOf(order.symbol);
  const { book, strategy, symbol, minute, purpose, attempt, isNetted = false } = order;
  const parts = [...(isNetted ? ['netted'] : []), ...(attempt === undefined ? [] : [attempt])];
  const hash = hash64(JSON.stringify([book, strategy, symbol, minute, purpose, ...parts]));
  return `m${when}-${isNetted ? 'n' : purpose === 'entry' ? 'e' : 'x'}-${readable}-${hash.toString(36)}`;
}

/**
 * The id of a leg that protects a position: the same leg of the same entry gives the same id. Form: `<s|t>-<symbol>-<hash>`, the hash
 * over book, parent and leg.
 */
export function legOrderIdOf(order: {
  readonly book: string;
  /** Client order id of the entry. */
  readonly parent: string;
  readonly symbol: SymbolId;
  readonly purpose: Extract<OrderPurpose, 'stop' | 'target'>;
  /** Tells the legs of one entry apart. */
  readonly leg: string;
}): string {
  const hash = hash64(JSON.stringify([order.book, order.parent, order.leg]));
  return `${order.purpose === 'stop' ? 's' : 't'}-${readableOf(order.symbol)}-${hash.toString(36)}`;
}

/** The id under which an execution is booked that nobody here ordered: the same execution gives the same id. */
export function externalOrderIdOf(order: {
  readonly book: string;
  readonly strategy: string;
  readonly symbol: SymbolId;
  readonly fillId: string;
}): string {
  const hash = hash64(JSON.stringify([order.book, order.strategy, order.fillId]));
  return `v-${readableOf(order.symbol)}-${hash.toString(36)}`;
}

const readableOf = (symbol: SymbolId): string => symbol.replace(/[^A-Za-z0-9]/g, '').slice(0, 10);

/** FNV-1a, 64 bits, over UTF-16 code units (Fowler, Noll, Vo); in two halves, as the prime is 2^40 + 0x1b3. */
function hash64(text: string): bigint {
  let high = 0xcbf29ce4;
  let low = 0x84222325;
  for (let i = 0; i < text.length; i++) {
    const mixed = (low ^ text.charCodeAt(i)) >>> 0;
    const product = mixed * 0x1b3;
    const carry = Math.floor(product / 2 ** 32);
    high = (Math.imul(high, 0x1b3) + (mixed << 8) + carry) >>> 0;
    low = product >>> 0;
  }
  return (BigInt(high) << 32n) | BigInt(low);
}
