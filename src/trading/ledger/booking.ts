import {
  type BrokerEvent,
  type CashFlow,
  divideRound,
  type EpochMs,
  type Fill,
  isTerminal,
  MapDraft,
  type OrderEvent,
  type OrderIntent,
  type OrderStatus,
  type ReasonCode,
  type SymbolId,
} from '../../core/index.ts';
import {
  formatCash,
  formatPrice,
  formatQuantity,
  notionalOf,
  parseCash,
  parsePrice,
  parseQuantity,
  priceOf,
} from '../../matching/index.ts';
import { externalOrderIdOf } from '../client-order-id.ts';
import { legsAfterFill } from '../protection.ts';
import { bookExecution, type LedgerPosition, magnitude } from './account.ts';
import { type Ledger, type LedgerChange, unchanged, withOrders } from './ledger.ts';
import { exactOf, type LedgerOrder, positionKey } from './ledger-order.ts';
import { LedgerOrders } from './ledger-orders.ts';

/** Enters intents as SUBMITTING orders, each with its first event. An intent already known changes nothing. */
export function enterIntents(ledger: Ledger, intents: readonly OrderIntent[]): LedgerChange {
  if (intents.length === 0) return unchanged(ledger);
  const orders = new LedgerOrders(ledger.orders);
  const orderEvents: OrderEvent[] = [];
  const changed: LedgerOrder[] = [];
  for (const intent of intents) {
    if (orders.has(intent.clientOrderId)) continue;
    const order = newOrder(intent);
    orders.put(order);
    changed.push(order);
    orderEvents.push(eventOf(order, intent.decidedAt, intent.reason));
  }
  return {
    ledger: withOrders(ledger, orders),
    changed,
    orderEvents,
    fills: NONE,
    cashFlows: NONE,
    legs: NONE,
    unknown: NONE,
  };
}

/**
 * Books what a broker reported. Repeated events and fills change nothing; a status never goes back; fills count whenever they
 * come, also before the acceptance, after the end, or beyond the ordered quantity. FILLED follows from the fills alone. A fill of
 * an entry enters the legs that protect it before the next event is looked at, so that a broker's report of them finds them.
 */
export function applyBrokerEvents(ledger: Ledger, events: readonly BrokerEvent[]): LedgerChange {
  if (events.length === 0) return unchanged(ledger);
  const booking = new Booking(ledger);
  for (const event of events) booking.take(event);
  return booking.finish();
}

/** Lives for one call of {@link applyBrokerEvents}. */
class Booking {
  readonly #orders: LedgerOrders;
  readonly #positions: MapDraft<LedgerPosition>;
  readonly #flows: MapDraft<EpochMs>;
  readonly #changed = new Map<string, LedgerOrder>();
  readonly #orderEvents: OrderEvent[] = [];
  readonly #fills: Fill[] = [];
  readonly #cashFlows: CashFlow[] = [];
  readonly #legs: OrderIntent[] = [];
  readonly #unknown: BrokerEvent[] = [];
  #money: Pick<Ledger, 'cash' | 'realized' | 'fees' | 'funding' | 'transfers'>;

  constructor({ orders, positions, flows, cash, realized, fees, funding, transfers }: Ledger) {
    this.#orders = new LedgerOrders(orders);
    this.#positions = new MapDraft(positions);
    this.#flows = new MapDraft(flows);
    this.#money = { cash, realized, fees, funding, transfers };
  }

  take(event: BrokerEvent): void {
    if (event.kind === 'cash') this.#move(event);
    else if (event.kind === 'external') this.#reduce(event);
    else this.#report(event);
  }

  #report(event: Extract<BrokerEvent, { kind: 'status' | 'fill' }>): void {
    const order = this.#orders.get(event.clientOrderId);
    if (order === undefined) this.#unknown.push(event);
    else if (event.kind === 'fill') this.#fill(order, event);
    else if (advances(order.status, event.status)) {
      const { intent, filled, filledNotional, sequence, fillIds, endedAt, isCancelRequested } = order;
      const after: LedgerOrder = {
        intent,
        status: event.status,
        filled,
        filledNotional,
        sequence: sequence + 1,
        fillIds,
        endedAt: isTerminal(event.status) ? event.time : endedAt,
        isCancelRequested,
      };
      this.#record(after, event.time, event.reason);
    }
  }

  finish(): LedgerChange {
    this.#settleAll();
    return {
      ledger: {
        cash: this.#money.cash,
        realized: this.#money.realized,
        fees: this.#money.fees,
        funding: this.#money.funding,
        transfers: this.#money.transfers,
        orders: this.#orders,
        positions: this.#positions.map,
        flows: this.#flows.map,
      },
      changed: [...this.#changed.values()],
      orderEvents: this.#orderEvents,
      fills: this.#fills,
      cashFlows: this.#cashFlows,
      legs: this.#legs,
      unknown: this.#unknown,
    };
  }

  #record(order: LedgerOrder, time: EpochMs, reason?: ReasonCode): void {
    this.#orders.put(order);
    this.#changed.set(order.intent.clientOrderId, order);
    this.#orderEvents.push(eventOf(order, time, reason));
  }

  /**
   * An account has one leg for all strategies: what an order reduces beyond its own strategy's position, such as a target that was
   * reached before its end was known, has reduced what others hold there.
   */
  #fill(order: LedgerOrder, event: FillEvent): void {
    if (order.fillIds.includes(event.fillId)) return;
    const { intent } = order;
    const total = parseQuantity(event.quantity);
    const own = this.#positions.map.get(positionKey(intent.strategy, intent.symbol));
    const isOwn = own !== undefined && own.quantity > 0n === (intent.side === 'sell');
    const reducible = isOwn ? magnitude(own.quantity) : 0n;
    const others = intent.reduceOnly && total > reducible ? this.#heldBeside(intent) : 0n;
    if (others === 0n) {
      this.#execute(order, event, total);
      return;
    }
    const excess = minimum(total - reducible, others);
    const kept = total - excess;
    const fee = parseCash(event.fee);
    const keptFee = divideRound(fee * kept, total);
    this.#execute(order, { ...event, quantity: formatQuantity(kept), fee: formatCash(keptFee) }, total);
    const { book, symbol, side } = intent;
    this.#reduce(
      {
        kind: 'external',
        book,
        fillId: `${event.fillId}/beside`,
        symbol,
        side,
        quantity: formatQuantity(excess),
        price: event.price,
        fee: formatCash(fee - keptFee),
        time: event.time,
        reason: 'ORDER_REDUCED_BESIDE',
      },
      intent.strategy,
    );
  }

  /** What other strategies hold that an order of this side reduces, quantity units. */
  #heldBeside({ strategy, symbol, side }: OrderIntent): bigint {
    return [...this.#positions.map.values()]
      .filter((position) => position.symbol === symbol && position.strategy !== strategy)
      .filter(({ quantity }) => quantity > 0n === (side === 'sell'))
      .reduce((sum, { quantity }) => sum + magnitude(quantity), 0n);
  }

  /** @param counted of the order, quantity units: what is booked of it may be less */
  #execute(order: LedgerOrder, event: FillEvent, counted: bigint): void {
    const { intent } = order;
    const sign = intent.side === 'buy' ? 1n : -1n;
    const quantity = parseQuantity(event.quantity);
    const notional = notionalOf(parsePrice(event.price), quantity);
    const fee = parseCash(event.fee);
    const key = positionKey(intent.strategy, intent.symbol);
    if (quantity > 0n) this.#book(intent, event, { key, sign, quantity, notional, fee });
    const whole = counted === quantity ? notional : notionalOf(parsePrice(event.price), counted);
    const after = withFill(order, event.fillId, counted, whole, event.time);
    this.#record(after, event.time);
    if (intent.purpose !== 'entry') return;
    for (const leg of legsAfterFill(intent, after.filled, event.time)) {
      if (this.#orders.has(leg.clientOrderId)) continue;
      this.#record(newOrder(leg), leg.decidedAt);
      this.#legs.push(leg);
    }
  }

  #book(
    intent: OrderIntent,
    event: FillEvent,
    {
      key,
      sign,
      quantity,
      notional,
      fee,
    }: { key: string; sign: bigint; quantity: bigint; notional: bigint; fee: bigint },
  ): void {
    const booked = bookExecution(this.#positions.map.get(key), {
      strategy: intent.strategy,
      symbol: intent.symbol,
      quantity: sign * quantity,
      notional: sign * notional,
      time: event.time,
    });
    const before = this.#positions.map.get(key);
    if (booked.position === undefined) this.#positions.delete(key);
    else {
      // What reduces only has opened nothing at the venue.
      const isTurned = before === undefined || before.quantity > 0n !== booked.position.quantity > 0n;
      const isOvershoot = intent.reduceOnly && (isTurned || before.isOvershoot);
      this.#positions.set(key, { ...withoutMark(booked.position), ...(isOvershoot ? { isOvershoot } : {}) });
    }
    const { cash, realized, fees, funding, transfers } = this.#money;
    this.#money = {
      cash: cash + booked.realized - fee,
      realized: realized + booked.realized,
      fees: fees + fee,
      funding,
      transfers,
    };
    this.#fills.push({
      fillId: event.fillId,
      clientOrderId: intent.clientOrderId,
      book: intent.book,
      strategy: intent.strategy,
      symbol: intent.symbol,
      side: intent.side,
      quantity: event.quantity,
      price: event.price,
      fee: event.fee,
      realizedPnl: formatCash(booked.realized),
      time: event.time,
    });
  }

  #move({ kind: _, ...flow }: Extract<BrokerEvent, { kind: 'cash' }>): void {
    if (this.#flows.map.has(flow.flowId)) return;
    const amount = parseCash(flow.amount);
    const { cash, fees, funding, transfers } = this.#money;
    const sums = {
      funding: { funding: funding + amount },
      transfer: { transfers: transfers + amount },
      // Such as the clearance fee of a liquidation, or a rebate: a loss or profit that limits must see.
      other: { fees: fees - amount },
    };
    this.#money = { ...this.#money, cash: cash + amount, ...sums[flow.cause] };
    this.#flows.set(flow.flowId, flow.time);
    this.#cashFlows.push(flow);
  }

  /** Takes what the venue closed by itself from the positions on that side, the oldest first, each by an order born filled. */
  #reduce(event: Extract<BrokerEvent, { kind: 'external' }>, except?: string): void {
    const { book, symbol, side } = event;
    const held = [...this.#positions.map.values()].filter(
      (position) =>
        position.symbol === symbol && position.strategy !== except && position.quantity > 0n === (side === 'sell'),
    );
    const idOf = (strategy: string) => externalOrderIdOf({ book, strategy, symbol, fillId: event.fillId });
    const isBooked = [...this.#orders.values()].some(
      ({ intent, fillIds }) => fillIds.includes(event.fillId) || intent.clientOrderId === idOf(intent.strategy),
    );
    if (isBooked) return;
    const total = parseQuantity(event.quantity);
    const fee = parseCash(event.fee);
    let left = total;
    let feeLeft = fee;
    for (const { strategy, quantity } of held) {
      if (left === 0n) break;
      const clientOrderId = idOf(strategy);
      const taken = minimum(left, magnitude(quantity));
      left -= taken;
      const share = left === 0n ? feeLeft : divideRound(fee * taken, total);
      feeLeft -= share;
      this.#bookBornFilled({
        clientOrderId,
        fillId: `${event.fillId}/${strategy}`,
        strategy,
        side,
        taken,
        fee: share,
        event,
      });
    }
    if (left === total) this.#unknown.push(event);
  }

  /** An execution without an order of its own: one that ends at once stands for it. */
  #bookBornFilled(execution: {
    clientOrderId: string;
    fillId: string;
    strategy: string;
    side: OrderIntent['side'];
    /** Quantity units. */
    taken: bigint;
    /** Cash units. */
    fee: bigint;
    event: Pick<Extract<BrokerEvent, { kind: 'external' }>, 'book' | 'symbol' | 'price' | 'time' | 'reason'>;
  }): void {
    const { clientOrderId, fillId, strategy, side, taken, fee, event } = execution;
    const { book, symbol, price, time, reason } = event;
    const quantity = formatQuantity(taken);
    const order = newOrder({
      clientOrderId,
      book,
      strategy,
      symbol,
      side,
      purpose: 'exit',
      type: 'market',
      quantity,
      reduceOnly: true,
      decidedAt: time,
      validUntil: time,
      reason,
      referencePrice: price,
    });
    this.#record(order, time, reason);
    this.#execute(order, { kind: 'fill', fillId, clientOrderId, quantity, price, fee: formatCash(fee), time }, taken);
  }

  #settleAll(): void {
    for (const { symbol, isOvershoot } of [...this.#positions.map.values()]) {
      const last = this.#fills.at(-1);
      if (isOvershoot && last !== undefined) this.#settleOvershoots(last.book, symbol, last.time);
    }
  }

  /**
   * Executions come in any order: one that reduced what another strategy holds may be known before that strategy's own entry is. What
   * it overshot by is settled with it as soon as there is something to settle with, at the price of the overshooting execution.
   */
  #settleOvershoots(book: string, symbol: SymbolId, time: EpochMs): void {
    const ofSymbol = () => [...this.#positions.map.values()].filter((position) => position.symbol === symbol);
    for (const over of ofSymbol().filter(({ isOvershoot }) => isOvershoot)) {
      const other = ofSymbol().find(
        ({ isOvershoot, quantity }) => !isOvershoot && quantity > 0n !== over.quantity > 0n,
      );
      if (other === undefined) continue;
      const taken = minimum(magnitude(over.quantity), magnitude(other.quantity));
      const price = formatPrice(priceOf(magnitude(over.cost), magnitude(over.quantity)));
      const fillId = `settled-${over.strategy}-${other.strategy}-${symbol}-${over.openedAt}-${taken}`;
      const event = { book, symbol, price, time, reason: 'ORDER_REDUCED_BESIDE' as const };
      for (const { strategy, quantity } of [over, other]) {
        const clientOrderId = externalOrderIdOf({ book, strategy, symbol, fillId });
        if (this.#orders.has(clientOrderId)) continue;
        const side = quantity > 0n ? 'sell' : 'buy';
        this.#bookBornFilled({ clientOrderId, fillId: `${fillId}/${strategy}`, strategy, side, taken, fee: 0n, event });
      }
    }
  }
}

type FillEvent = Extract<BrokerEvent, { kind: 'fill' }>;

const withoutMark = ({ isOvershoot: _, ...position }: LedgerPosition): LedgerPosition => position;

const minimum = (a: bigint, b: bigint): bigint => (a < b ? a : b);

const newOrder = (intent: OrderIntent): LedgerOrder => ({
  intent,
  status: 'SUBMITTING',
  filled: 0n,
  filledNotional: 0n,
  sequence: 1,
  fillIds: NONE,
  endedAt: undefined,
  isCancelRequested: undefined,
});

const NONE: readonly never[] = [];

function eventOf(order: LedgerOrder, time: EpochMs, reason?: ReasonCode): OrderEvent {
  const { sequence, status } = order;
  const { clientOrderId } = order.intent;
  return reason === undefined
    ? { clientOrderId, sequence, time, status }
    : { clientOrderId, sequence, time, status, reason };
}

function withFill(order: LedgerOrder, fillId: string, quantity: bigint, notional: bigint, time: EpochMs): LedgerOrder {
  const filled = order.filled + quantity;
  const isFull = filled >= exactOf(order.intent).quantity;
  // An order that ended short keeps its end when a late fill arrives, unless that completes it.
  const status = isFull ? 'FILLED' : isTerminal(order.status) ? order.status : 'PARTIALLY_FILLED';
  return {
    intent: order.intent,
    status,
    filled,
    filledNotional: order.filledNotional + notional,
    sequence: order.sequence + 1,
    fillIds: order.fillIds.length === 0 ? [fillId] : [...order.fillIds, fillId],
    endedAt: isFull ? (order.endedAt ?? time) : order.endedAt,
    isCancelRequested: order.isCancelRequested,
  };
}

/** Whether a reported status says more than the known one. */
function advances(known: OrderStatus, reported: OrderStatus): boolean {
  if (isTerminal(known)) return false;
  switch (reported) {
    case 'SUBMITTING':
    case 'PARTIALLY_FILLED':
    case 'FILLED':
      return false; // ours to say, or the fills'
    case 'UNKNOWN':
      return known === 'SUBMITTING';
    case 'ACCEPTED':
      return known === 'SUBMITTING' || known === 'UNKNOWN';
    case 'TRIGGERED':
      return known === 'SUBMITTING' || known === 'UNKNOWN' || known === 'ACCEPTED';
    case 'CANCELLED':
    case 'REJECTED':
    case 'EXPIRED':
      return true;
  }
}
