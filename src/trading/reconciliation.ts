import type { AccountSnapshot, SymbolId } from '../core/index.ts';
import { formatCash, formatQuantity, notionalOf, parseCash, parsePrice, parseQuantity } from '../matching/index.ts';
import { magnitude } from './ledger/account.ts';
import type { Ledger } from './ledger/ledger.ts';

/** Something in which an account and its book disagree. */
export interface Difference {
  readonly kind: 'position' | 'balance' | 'order';
  /** The symbol and leg, the currency's account, or the order. */
  readonly subject: string;
  /** As the book has it, and as the venue says; decimal strings. */
  readonly book: string;
  readonly venue: string;
  readonly symbol?: SymbolId;
}

/** Venues round each fill's profit by itself, and tell average prices to eight decimals: money that differs by less agrees. */
const BALANCE_TOLERANCE = parseCash('0.01');
const PRICE_TOLERANCE = parsePrice('0.00000001');

/**
 * In what a snapshot of the account disagrees with the book: positions to the last unit, by leg (in one-way mode their sum), the wallet's
 * balance, and open orders of somebody else. The snapshot must be current.
 */
export function differencesOf(snapshot: AccountSnapshot, ledger: Ledger): Difference[] {
  return [...positionDifferences(snapshot, ledger), ...balanceDifference(snapshot, ledger), ...foreign(snapshot)];
}

export const describeDifference = ({ kind, subject, book, venue }: Difference): string =>
  kind === 'order' ? `open order not of this book: ${subject}` : `${subject}: book ${book}, venue ${venue}`;

function positionDifferences({ positions, isHedgeMode }: AccountSnapshot, ledger: Ledger): Difference[] {
  const expected = new Map<SymbolId, { long: bigint; short: bigint }>();
  for (const { symbol, quantity } of ledger.positions.values()) {
    const legs = expected.get(symbol) ?? { long: 0n, short: 0n };
    expected.set(
      symbol,
      quantity > 0n ? { ...legs, long: legs.long + quantity } : { ...legs, short: legs.short + quantity },
    );
  }
  const symbols = [...new Set([...expected.keys(), ...positions.keys()])].sort();
  return symbols.flatMap((symbol) => {
    const book = expected.get(symbol) ?? { long: 0n, short: 0n };
    const held = positions.get(symbol);
    const venue = { long: parseQuantity(held?.long ?? '0'), short: parseQuantity(held?.short ?? '0') };
    const difference = (name: string, ours: bigint, theirs: bigint): Difference[] =>
      ours === theirs
        ? []
        : [{ kind: 'position', subject: name, symbol, book: formatQuantity(ours), venue: formatQuantity(theirs) }];
    return isHedgeMode
      ? [
          ...difference(`${symbol} long`, book.long, venue.long),
          ...difference(`${symbol} short`, book.short, venue.short),
        ]
      : difference(symbol, book.long + book.short, venue.long + venue.short);
  });
}

/** Who realises how much of a leg that several share depends on whose cost counts: what was paid and received in all does not. */
function balanceDifference({ balance, positionsCost }: AccountSnapshot, ledger: Ledger): Difference[] {
  let book = ledger.cash;
  let tolerance = BALANCE_TOLERANCE;
  for (const { cost, quantity } of ledger.positions.values()) {
    book -= cost;
    tolerance += notionalOf(PRICE_TOLERANCE, magnitude(quantity));
  }
  const venue = parseCash(balance) - parseCash(positionsCost);
  if (magnitude(venue - book) <= tolerance) return [];
  return [{ kind: 'balance', subject: 'balance', book: formatCash(book), venue: formatCash(venue) }];
}

const foreign = ({ foreignOrders }: AccountSnapshot): Difference[] =>
  foreignOrders.map((order) => ({ kind: 'order', subject: order, book: 'none', venue: 'open' }));
