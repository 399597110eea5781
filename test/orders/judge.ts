import { type Fill, isTerminal, type Order, type OrderStatus } from '../../src/core/index.ts';
import { formatCash, parseCash, parseQuantity } from '../../src/matching/index.ts';
import type { Ledger } from '../../src/trading/index.ts';

/** What a book has committed in the end. */
interface BookRecords {
  readonly ledger: Ledger;
  /** By client order id. */
  readonly orders: ReadonlyMap<string, Order>;
  readonly fills: readonly Pick<Fill, 'fillId' | 'quantity'>[];
}

/** What its account has come to at the venue. */
interface AccountRecords {
  /** How often an order of each client id was accepted: more than once is a doubled order. */
  readonly accepted: ReadonlyMap<string, number>;
  /** How the book's orders stand, by client order id; none where the venue knows none. */
  readonly statuses: ReadonlyMap<string, OrderStatus>;
  readonly fills: readonly Pick<Fill, 'fillId' | 'quantity'>[];
  /** Cash units, without unrealised profit. */
  readonly cash: bigint;
  /** Cash units, negative for shorts. */
  readonly positionsCost: bigint;
  /** Cash units by which the cost may be off where the venue tells an average price. */
  readonly tolerance?: bigint;
}

/** Orders that somebody placed at the venue's own screen. */
export const BY_HAND = 'web-';

/** What is wrong when all has come to rest: orders lost or doubled, fills unbooked or invented, money gone. */
export function violationsOf(book: BookRecords, venue: AccountRecords): string[] {
  return [...wrongOrders(book, venue), ...wrongFills(book, venue), ...wrongMoney(book, venue)];
}

function wrongOrders({ orders }: BookRecords, { accepted, statuses }: AccountRecords): string[] {
  const wrong: string[] = [];
  for (const [id, count] of accepted) {
    if (count > 1) wrong.push(`order ${id} was accepted ${count} times`);
    if (!id.startsWith(BY_HAND) && !orders.has(id)) wrong.push(`order ${id} was never committed`);
  }
  for (const [id, { status }] of orders) {
    const known = statuses.get(id);
    const isOpen = known !== undefined && !isTerminal(known);
    if (isOpen === isTerminal(status))
      wrong.push(`order ${id} is ${status} in the book and ${known ?? 'unknown'} at the venue`);
    if (status === 'UNKNOWN' || status === 'SUBMITTING') wrong.push(`order ${id} stays ${status}`);
  }
  return wrong;
}

function wrongFills(book: BookRecords, venue: AccountRecords): string[] {
  const wrong: string[] = [];
  const booked = new Map<string, bigint>();
  for (const { fillId, quantity } of book.fills) {
    const [id = fillId, part] = fillId.split('/');
    // Exchanged inside of the book: the two sides of each are one quantity at one price.
    if (id.startsWith('settled-') || part === 'netted') continue;
    booked.set(id, (booked.get(id) ?? 0n) + parseQuantity(quantity));
  }
  for (const { fillId, quantity } of venue.fills) {
    if (booked.get(fillId) !== parseQuantity(quantity)) wrong.push(`fill ${fillId} is not booked as it was`);
    booked.delete(fillId);
  }
  for (const fillId of booked.keys()) wrong.push(`fill ${fillId} never happened`);
  return wrong;
}

function wrongMoney({ ledger }: BookRecords, { cash, positionsCost, tolerance = 0n }: AccountRecords): string[] {
  const wrong: string[] = [];
  const bookCost = [...ledger.positions.values()].reduce((sum, { cost }) => sum + cost, 0n);
  const [atVenue, inBook] = [cash - positionsCost, ledger.cash - bookCost];
  const difference = atVenue > inBook ? atVenue - inBook : inBook - atVenue;
  if (difference > tolerance) wrong.push(`money: venue ${formatCash(atVenue)}, book ${formatCash(inBook)}`);
  const { realized, fees, funding, transfers } = ledger;
  if (ledger.cash !== parseCash('10000') + realized - fees + funding + transfers) wrong.push('the sums do not add up');
  return wrong;
}
