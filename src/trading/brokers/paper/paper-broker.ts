import {
  type Awaitable,
  type Broker,
  type BrokerEvent,
  type BrokerStart,
  DAY_MS,
  type EpochMs,
  epochMs,
  type Fill,
  type FinalCandle,
  type FundingRate,
  type Instrument,
  isTerminal,
  MINUTE_MS,
  type OrderIntent,
  type OrderSide,
  type OrderStatus,
  type ReasonCode,
  type SymbolId,
} from '../../../core/index.ts';
import {
  type CostSettings,
  fillableVolume,
  formatCash,
  formatPrice,
  formatQuantity,
  fundingOf,
  isOutOfReach,
  type MarketFill,
  matchMarketOrder,
  parseQuantity,
  priceFromNumber,
  priceToNumber,
  tradingRulesOf,
  triggerIn,
} from '../../../matching/index.ts';
import { magnitude } from '../../ledger/account.ts';
import { exactOf, positionKey } from '../../ledger/ledger-order.ts';
import { legsAfterFill } from '../../protection.ts';

interface WorkingOrder {
  readonly intent: OrderIntent;
  /** Of the position, as `positionKey`. */
  readonly key: string;
  /** Quantity units. */
  readonly quantity: bigint;
  /** Price units; 0 where it has none. */
  readonly trigger: bigint;
  /** Of a conditional order, the trigger as a float. */
  readonly conditional: { readonly side: OrderSide; readonly type: ConditionalType; readonly near: number } | undefined;
  /** Quantity units. */
  filled: bigint;
  isAcceptanceReported: boolean;
  /** A conditional order whose price was reached: it works at market. */
  isTriggered: boolean;
  isCancelled: boolean;
}

type ConditionalType = 'stopMarket' | 'takeProfitMarket';

/** A conditional order with the place of its trigger in one candle. */
interface Triggering {
  readonly order: WorkingOrder;
  readonly candle: FinalCandle;
  /** Price units. */
  readonly price: bigint;
  readonly isAtOpen: boolean;
  /** Price units from the open. */
  readonly distance: bigint;
}

/** Where a paper broker hears of funding. */
export interface FundingSource {
  /** Settlements with `after < time <= until` as far as they are known, oldest first. */
  settlements(after: EpochMs, until: EpochMs): readonly FundingRate[];
  /** The price that stood at a time, price units; undefined where nobody knows. */
  priceAt(symbol: SymbolId, time: EpochMs): Awaitable<bigint | undefined>;
}

/** A change of what is held of a symbol, signed quantity units. */
interface Move {
  readonly symbol: SymbolId;
  readonly quantity: bigint;
  readonly time: EpochMs;
}

/** A rate that becomes known later than this after its settlement is not paid. */
const FUNDING_WITHIN_MS = DAY_MS;

/**
 * A broker that works orders on closed candles, of a minute as a rule, through `matching/`. What it reports is a function of the working orders,
 * the positions and the candles alone: an order decided at minute m works from the candle that opens at m on. In a candle first come
 * market orders at its open, what reduces before what enters; then stops and targets whose price the candle reached: those beyond
 * their trigger at the open, then stops, then targets, the nearest first. The legs of an entry work from its fill on. Reduce-only
 * orders never open or turn a position; when it is gone they end. Funding is paid and received on what was held when it was settled,
 * as soon as its rate is known. Everything it holds is in the ledger's working orders and
 * positions, so a restart at any point, also between the commit of an intent and its submission, reports the same events with the
 * same fill ids.
 */
export class PaperBroker implements Broker {
  readonly #instrumentOf: (symbol: SymbolId) => Instrument | undefined;
  readonly #costs: CostSettings;
  readonly #working = new Map<string, WorkingOrder>();
  /** The working orders by age; undefined once they have changed. */
  #byAge: readonly WorkingOrder[] | undefined;
  /** Whether all of them wait for a price, and nothing has changed since that they depend on. */
  #isWaiting = false;
  /** Signed quantity units by `positionKey`; none where flat. */
  readonly #positions = new Map<string, bigint>();
  readonly #funding: FundingSource | undefined;
  readonly #barMs: number;
  readonly #onMatched: ((fillId: string, fill: MarketFill) => void) | undefined;
  /** Since `#settledFrom`, in any order. */
  #moves: Move[] = [];
  /** Funding is due of settlements after this; undefined before the first minute of a new book. */
  #settledFrom: EpochMs | undefined;
  /** Times of the settlements seen to, by flow id. */
  readonly #settled = new Map<string, EpochMs>();
  /** The rates among them that came as these very objects. */
  #seen = new WeakSet<FundingRate>();

  constructor(options: {
    readonly instrumentOf: (symbol: SymbolId) => Instrument | undefined;
    readonly costs: CostSettings;
    /** Without it no funding is paid. */
    readonly funding?: FundingSource;
    /** Length of the candles that it is given; a minute by default. */
    readonly barMs?: number;
    /** Told of each execution, before it is reported, what of its price was cost. */
    readonly onMatched?: (fillId: string, fill: MarketFill) => void;
  }) {
    this.#instrumentOf = options.instrumentOf;
    this.#costs = options.costs;
    this.#funding = options.funding;
    this.#barMs = options.barMs ?? MINUTE_MS;
    this.#onMatched = options.onMatched;
  }

  /** Takes over the positions, and the orders of the ledger that have not ended; SUBMITTING ones count as submitted. */
  async restore({
    openOrders,
    positions,
    minute,
    recentFills = [],
  }: Pick<BrokerStart, 'openOrders' | 'positions' | 'minute' | 'recentFills'>): Promise<void> {
    this.#working.clear();
    this.#byAge = undefined;
    this.#positions.clear();
    this.#settled.clear();
    this.#seen = new WeakSet();
    this.#settledFrom = minute === undefined ? undefined : epochMs(minute - FUNDING_WITHIN_MS);
    this.#moves = recentFills.map(({ symbol, time, ...fill }) => ({ symbol, time, quantity: signedQuantity(fill) }));
    for (const { strategy, symbol, quantity } of positions) {
      this.#positions.set(positionKey(strategy, symbol), parseQuantity(quantity));
    }
    for (const order of openOrders) {
      if (isTerminal(order.status)) continue;
      const { status, filledQuantity, averagePrice: _, ...intent } = order;
      const filled = parseQuantity(filledQuantity);
      const restored = this.#enter(intent);
      restored.filled = filled;
      restored.isAcceptanceReported = status === 'ACCEPTED' || status === 'TRIGGERED' || status === 'PARTIALLY_FILLED';
      restored.isTriggered = status === 'TRIGGERED' || filled > 0n;
    }
  }

  /** Repeating an intent changes nothing. */
  submit(intents: readonly OrderIntent[]): void {
    for (const intent of intents) this.#enter(intent);
  }

  /** The end is reported with the next minute; until then the order works no more. */
  cancel(clientOrderIds: readonly string[]): void {
    for (const id of clientOrderIds) {
      const order = this.#working.get(id);
      if (order === undefined) continue;
      order.isCancelled = true;
      this.#isWaiting = false;
    }
  }

  /** What strategies exchanged inside the book, so that reduce-only orders know what there is to reduce. */
  settle(fills: readonly Fill[]): void {
    for (const { strategy, symbol, time, ...fill } of fills) {
      this.#move(positionKey(strategy, symbol), { symbol, time, quantity: signedQuantity(fill) });
    }
  }

  /** At once, but for a minute in which funding is due: a price may have to be read for it. */
  events(minute: EpochMs, candles: ReadonlyMap<SymbolId, FinalCandle>): Awaitable<BrokerEvent[]> {
    const funding = this.#settleFunding(epochMs(minute - this.#barMs));
    if (funding instanceof Promise) return funding.then((flows) => this.#work(minute, candles, flows));
    return this.#work(minute, candles, funding);
  }

  #work(minute: EpochMs, candles: ReadonlyMap<SymbolId, FinalCandle>, events: BrokerEvent[]): BrokerEvent[] {
    if (this.#working.size === 0 || (this.#isWaiting && this.#isNothingReached(minute, candles))) return events;
    const turn: Turn = { minute, candles, volumeLeft: new Map(), events };
    for (const order of this.#queue()) {
      if (order.isCancelled) this.#end(order, 'CANCELLED', epochMs(minute - this.#barMs), turn);
      else if (minute > order.intent.decidedAt) this.#accept(order, turn);
    }
    const queue = this.#queue();
    for (const order of queue) if (isAtMarket(order) && order.intent.reduceOnly) this.#fillAtOpen(order, turn);
    for (const order of queue) if (isAtMarket(order) && !order.intent.reduceOnly) this.#fillAtOpen(order, turn);
    this.#trigger(turn);
    for (const order of this.#queue()) {
      const { intent } = order;
      if (minute <= intent.decidedAt) continue;
      if (intent.reduceOnly && this.#reducible(order) === 0n) {
        this.#end(order, 'CANCELLED', minute, turn, 'ORDER_POSITION_CLOSED');
      } else if (minute >= intent.validUntil) this.#end(order, 'EXPIRED', minute, turn, 'ORDER_NO_LIQUIDITY');
    }
    this.#isWaiting = this.#queue().every((order) => this.#waits(order));
    return turn.events;
  }

  /** Whether an order will do nothing before a candle reaches its price. */
  #waits(order: WorkingOrder): boolean {
    const { conditional, isTriggered, isAcceptanceReported, isCancelled } = order;
    if (conditional === undefined || isTriggered || isCancelled || !isAcceptanceReported) return false;
    return !order.intent.reduceOnly || this.#reducible(order) > 0n;
  }

  /** Whether a minute leaves all orders as they are that wait for a candle to reach their price. */
  #isNothingReached(minute: EpochMs, candles: ReadonlyMap<SymbolId, FinalCandle>): boolean {
    for (const { intent, conditional } of this.#queue()) {
      const instrument = this.#instrumentOf(intent.symbol);
      if (instrument === undefined || instrument.status === 'delisted' || minute >= intent.validUntil) return false;
      const candle = candleFor(intent, candles);
      if (candle !== undefined && conditional !== undefined && !isOutOfReach(candle, conditional)) return false;
    }
    return true;
  }

  /** What settlements up to `until` brought that were not seen to before: up to then everything that was held and filled is known. */
  #settleFunding(until: EpochMs): Awaitable<BrokerEvent[]> {
    if (this.#funding === undefined) return [];
    const after = this.#settledFrom ?? until;
    const due = this.#funding.settlements(after, until).filter((rate) => !this.#isSettled(rate));
    if (due.length > 0) return this.#payFunding(this.#funding, due, after, until);
    this.#forgetFunding(after, until);
    return [];
  }

  async #payFunding(
    source: FundingSource,
    due: readonly FundingRate[],
    after: EpochMs,
    until: EpochMs,
  ): Promise<BrokerEvent[]> {
    const flows: BrokerEvent[] = [];
    for (const settlement of due) {
      const { symbol, time, rate, isAssumed = false } = settlement;
      const flowId = flowIdOf(settlement);
      const quantity = this.#heldAt(symbol, time);
      const price = quantity === 0n ? 0n : await source.priceAt(symbol, time);
      if (price === undefined) continue;
      this.#settled.set(flowId, time);
      this.#seen.add(settlement);
      const amount = fundingOf({ quantity }, price, isAssumed && quantity < 0n ? -rate : rate);
      if (amount !== 0n) {
        flows.push({ kind: 'cash', flowId, cause: 'funding', symbol, amount: formatCash(amount), time });
      }
    }
    this.#forgetFunding(after, until);
    return flows;
  }

  #isSettled(rate: FundingRate): boolean {
    return this.#seen.has(rate) || this.#settled.has(flowIdOf(rate));
  }

  #forgetFunding(after: EpochMs, until: EpochMs): void {
    const kept = epochMs(Math.max(after, until - FUNDING_WITHIN_MS));
    this.#settledFrom = kept;
    this.#moves = this.#moves.filter(({ time }) => time > kept);
    for (const [flowId, time] of this.#settled) if (time <= kept) this.#settled.delete(flowId);
  }

  /** What all strategies together held of a symbol when it settled, signed quantity units: what came at that time came after. */
  #heldAt(symbol: SymbolId, time: EpochMs): bigint {
    let held = 0n;
    for (const [key, quantity] of this.#positions) if (key.endsWith(positionKey('', symbol))) held += quantity;
    for (const move of this.#moves) if (move.symbol === symbol && move.time >= time) held -= move.quantity;
    return held;
  }

  #move(key: string, move: Move): void {
    this.#isWaiting = false;
    this.#positions.set(key, (this.#positions.get(key) ?? 0n) + move.quantity);
    if (this.#funding !== undefined) this.#moves.push(move);
  }

  /** Restored orders come in the database's order: the queue must not depend on it. */
  #queue(): readonly WorkingOrder[] {
    this.#byAge ??= [...this.#working.values()].sort(byAge);
    return this.#byAge;
  }

  #enter(intent: OrderIntent): WorkingOrder {
    const known = this.#working.get(intent.clientOrderId);
    if (known !== undefined) return known;
    const { side, type } = intent;
    const { quantity, trigger, key } = exactOf(intent);
    const isConditional = intent.triggerPrice !== undefined && type !== 'limit' && type !== 'market';
    const order: WorkingOrder = {
      intent,
      key,
      quantity,
      trigger,
      conditional: isConditional ? { side, type, near: priceToNumber(trigger) } : undefined,
      filled: 0n,
      isAcceptanceReported: false,
      isTriggered: false,
      isCancelled: false,
    };
    this.#working.set(intent.clientOrderId, order);
    this.#byAge = undefined;
    this.#isWaiting = false;
    return order;
  }

  #end(order: WorkingOrder, status: OrderStatus, time: EpochMs, { events }: Turn, reason?: ReasonCode): void {
    const { clientOrderId } = order.intent;
    const event = { kind: 'status', clientOrderId, status, time } as const;
    events.push(reason === undefined ? event : { kind: 'status', clientOrderId, status, time, reason });
    this.#leave(clientOrderId);
  }

  #leave(clientOrderId: string): void {
    this.#working.delete(clientOrderId);
    this.#byAge = undefined;
  }

  #accept(order: WorkingOrder, turn: Turn): void {
    const { clientOrderId, symbol, type, decidedAt } = order.intent;
    const instrument = this.#instrumentOf(symbol);
    if (instrument === undefined || instrument.status === 'delisted') {
      // The book settles what is held of it by itself.
      const held = this.#positions.get(order.key) ?? 0n;
      this.#move(order.key, { symbol, quantity: -held, time: turn.minute });
      const reason = instrument === undefined ? 'INSTRUMENT_NOT_TRADING' : 'INSTRUMENT_DELISTED';
      this.#end(order, 'REJECTED', turn.minute, turn, reason);
    } else if (type === 'limit') this.#end(order, 'REJECTED', turn.minute, turn, 'ORDER_TYPE_UNSUPPORTED');
    else if (!order.isAcceptanceReported) {
      turn.events.push({ kind: 'status', clientOrderId, status: 'ACCEPTED', time: decidedAt });
      order.isAcceptanceReported = true;
    }
  }

  #fillAtOpen(order: WorkingOrder, turn: Turn): void {
    const candle = candleFor(order.intent, turn.candles);
    if (candle !== undefined) this.#fill(order, candle, turn);
  }

  /** Works stops and targets whose price the candles reached, in the order it is assumed to have happened. */
  #trigger(turn: Turn): void {
    const reached: Triggering[] = [];
    for (const order of this.#queue()) {
      const { conditional, trigger, isTriggered } = order;
      if (isTriggered || conditional === undefined) continue;
      const candle = candleFor(order.intent, turn.candles);
      if (candle === undefined || isOutOfReach(candle, conditional)) continue;
      const place = triggerIn(candle, { side: conditional.side, type: conditional.type, trigger });
      if (place === undefined) continue;
      const { price, isAtOpen } = place;
      const distance = magnitude(priceFromNumber(candle.open) - price);
      reached.push({ order, candle, price, isAtOpen, distance });
    }
    for (const { order, candle, price } of reached.sort(byCourse)) {
      if (this.#reducible(order) === 0n) continue;
      order.isTriggered = true;
      const { clientOrderId } = order.intent;
      turn.events.push({ kind: 'status', clientOrderId, status: 'TRIGGERED', time: candle.openTime });
      this.#fill(order, candle, turn, price);
    }
  }

  #fill(order: WorkingOrder, candle: FinalCandle, turn: Turn, triggeredAt?: bigint): void {
    const { intent } = order;
    const { clientOrderId, symbol } = intent;
    const instrument = this.#instrumentOf(symbol);
    if (instrument === undefined) return;
    const available = turn.volumeLeft.get(symbol) ?? fillableVolume(candle, this.#costs);
    const open = order.quantity - order.filled;
    const reducible = intent.reduceOnly ? this.#reducible(order) : open;
    const fill = matchMarketOrder({
      side: intent.side,
      remaining: open < reducible ? open : reducible,
      candle,
      rules: tradingRulesOf(instrument),
      costs: this.#costs,
      available,
      triggeredAt,
    });
    if (fill === undefined) return;
    turn.volumeLeft.set(symbol, available - fill.quantity);
    order.filled += fill.quantity;
    const quantity = intent.side === 'buy' ? fill.quantity : -fill.quantity;
    this.#move(order.key, { symbol, quantity, time: candle.openTime });
    const fillId = `${clientOrderId}/${candle.openTime}`;
    this.#onMatched?.(fillId, fill);
    turn.events.push({
      kind: 'fill',
      fillId,
      clientOrderId,
      quantity: formatQuantity(fill.quantity),
      price: formatPrice(fill.price),
      fee: formatCash(fill.fee),
      time: candle.openTime,
    });
    if (fill.quantity >= open) this.#leave(clientOrderId);
    if (intent.purpose !== 'entry') return;
    for (const leg of legsAfterFill(intent, order.filled, candle.openTime)) this.#accept(this.#enter(leg), turn);
  }

  /** How much of its position a reduce-only order can take, quantity units. */
  #reducible({ key, intent }: WorkingOrder): bigint {
    const position = this.#positions.get(key) ?? 0n;
    return position < 0n === (intent.side === 'buy') ? magnitude(position) : 0n;
  }
}

/** One minute as it is worked. */
interface Turn {
  readonly minute: EpochMs;
  readonly candles: ReadonlyMap<SymbolId, FinalCandle>;
  /** Quantity units that the book's orders may still take of a candle. */
  readonly volumeLeft: Map<SymbolId, bigint>;
  readonly events: BrokerEvent[];
}

const flowIdOf = ({ symbol, time }: FundingRate): string => `funding/${symbol}/${time}`;

const signedQuantity = ({ side, quantity }: Pick<Fill, 'side' | 'quantity'>): bigint =>
  side === 'buy' ? parseQuantity(quantity) : -parseQuantity(quantity);

const isAtMarket = ({ intent, isTriggered }: WorkingOrder): boolean => intent.type === 'market' || isTriggered;

/** The candle an order works in: one that opened at its decision or later, within its validity. */
function candleFor(intent: OrderIntent, candles: ReadonlyMap<SymbolId, FinalCandle>): FinalCandle | undefined {
  const candle = candles.get(intent.symbol);
  const isIts = candle !== undefined && candle.openTime >= intent.decidedAt && candle.openTime < intent.validUntil;
  return isIts ? candle : undefined;
}

const byAge = (a: WorkingOrder, b: WorkingOrder): number =>
  a.intent.decidedAt - b.intent.decidedAt || compareText(a.intent.clientOrderId, b.intent.clientOrderId);

/** Where a candle reached both a stop and a target, nobody knows which came first: the stop is taken. */
function byCourse(a: Triggering, b: Triggering): number {
  const rank = ({ isAtOpen, order }: Triggering) => (isAtOpen ? 0 : order.intent.type === 'stopMarket' ? 1 : 2);
  const nearer = a.distance < b.distance ? -1 : a.distance > b.distance ? 1 : 0;
  return rank(a) - rank(b) || nearer || byAge(a.order, b.order);
}

const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
