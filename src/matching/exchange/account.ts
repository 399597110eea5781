import type { EpochMs, Instrument, SymbolId } from '../../core/index.ts';
import { priceOf } from '../exact.ts';
import { fillableVolume } from '../market-order.ts';
import { admitConditional, admitOrder } from './admission.ts';
import type { AccountEvent } from './events.ts';
import { Execution } from './execution.ts';
import type { Ledger } from './ledger.ts';
import { type AccountMargin, accountMargin, type MarginInputs, type SymbolMargin } from './margin.ts';
import { Movement } from './movement.ts';
import {
  type ConditionalOrder,
  type ConditionalRequest,
  type ExchangeOrder,
  isOpen,
  type OrderRequest,
} from './order.ts';
import type { OrderStore } from './order-store.ts';
import { type ExchangePosition, fundingOf } from './position.ts';
import { Refusal } from './refusal.ts';
import type { ExchangeSettings } from './settings.ts';
import { AccountState } from './state.ts';
import { nextStep } from './walk.ts';

/**
 * One account at a venue: its orders, positions, margin and money, without input or output. Time and prices come from outside:
 * {@link openMinute} and {@link walk} move a symbol's price, commands act at the price that stands. A run is a function of
 * those calls. All amounts are exact units.
 */
export class ExchangeAccount {
  readonly settings: ExchangeSettings;
  readonly #state: AccountState;
  readonly #execution: Execution;
  readonly #movement: Movement;
  readonly #emit: (event: AccountEvent) => void;

  constructor(options: {
    readonly settings: ExchangeSettings;
    /** Cash units. */
    readonly balance: bigint;
    readonly instrumentOf: (symbol: SymbolId) => Instrument | undefined;
    readonly emit?: (event: AccountEvent) => void;
    /** Into how many executions a fill is cut; by default one. */
    readonly slicesOf?: (symbol: SymbolId) => number;
  }) {
    this.settings = options.settings;
    this.#emit = options.emit ?? (() => {});
    this.#state = new AccountState(options.settings, options.balance, options.instrumentOf);
    this.#execution = new Execution({
      state: this.#state,
      emit: this.#emit,
      slicesOf: options.slicesOf ?? (() => 1),
    });
    this.#movement = new Movement(this.#state, this.#execution);
  }

  get ledger(): Ledger {
    return this.#state.ledger;
  }

  get orders(): Pick<OrderStore<ExchangeOrder>, 'find' | 'open' | 'all'> {
    return this.#state.orders;
  }

  get conditionals(): Pick<OrderStore<ConditionalOrder>, 'find' | 'open' | 'all'> {
    return this.#state.conditionals;
  }

  get isHedgeMode(): boolean {
    return this.#state.isHedgeMode;
  }

  /** Every position it ever had, flat ones too. */
  get positions(): readonly ExchangePosition[] {
    return this.#state.positions();
  }

  /** Symbols whose price matters to it. */
  symbolsInUse(): Set<SymbolId> {
    const used = [...this.#state.held(), ...this.#state.orders.open(), ...this.#state.conditionals.open()];
    return new Set(used.map(({ symbol }) => symbol));
  }

  /** The price of `symbol` as last told; 0 if never. */
  priceOf(symbol: SymbolId): bigint {
    return this.#state.markets.get(symbol)?.price ?? 0n;
  }

  marginOf(symbol: SymbolId): Readonly<SymbolMargin> {
    return this.#state.marginOf(symbol);
  }

  margin(): AccountMargin {
    return accountMargin(this.#state.marginInputs());
  }

  marginInputs(): MarginInputs {
    return this.#state.marginInputs();
  }

  /**
   * Takes an order and does at once what can be done: a market order fills as far as the minute's volume goes and works on, a limit
   * order that crosses takes up to its limit, then rests.
   * @throws Refusal
   */
  place(request: OrderRequest, time: EpochMs): ExchangeOrder {
    admitOrder(this.#state, request);
    return this.#execution.accept(request, time);
  }

  /** @throws Refusal */
  placeConditional(request: ConditionalRequest, time: EpochMs): ConditionalOrder {
    admitConditional(this.#state, request);
    const { price } = this.#state.marketOf(request.symbol);
    const order: ConditionalOrder = {
      ...request,
      id: this.#state.nextOrderId(),
      createdAt: time,
      status: 'new',
      updatedAt: time,
      triggeredAt: undefined,
      order: undefined,
      extreme: request.type === 'trailing-stop' && request.triggerPrice === 0n ? price : undefined,
    };
    if (nextStep(price, price, [], [order], []) !== undefined) throw new Refusal('WOULD_TRIGGER_AT_ONCE');
    this.#state.conditionals.add(order);
    this.#execution.changeConditional(order, 'new', time);
    return order;
  }

  /** Takes an open order back. @throws Refusal ORDER_UNKNOWN if it has ended. */
  cancel(order: ExchangeOrder, time: EpochMs): void {
    if (!isOpen(order)) throw new Refusal('ORDER_UNKNOWN');
    this.#execution.end(order, 'cancelled', time);
  }

  /** @throws Refusal ORDER_UNKNOWN if it has ended or triggered. */
  cancelConditional(order: ConditionalOrder, time: EpochMs): void {
    if (order.status !== 'new') throw new Refusal('ORDER_UNKNOWN');
    this.#execution.changeConditional(order, 'cancelled', time);
  }

  /** @throws Refusal */
  setLeverage(symbol: SymbolId, leverage: number, time: EpochMs): void {
    if (!Number.isInteger(leverage) || leverage < 1 || leverage > this.settings.maxLeverage) {
      throw new Refusal('LEVERAGE_OUT_OF_RANGE');
    }
    const margin = this.#state.marginOf(symbol);
    const before = margin.leverage;
    if (leverage < before && margin.isIsolated && this.#state.held(symbol).length > 0) {
      throw new Refusal('LEVERAGE_REDUCED_WHILE_ISOLATED');
    }
    margin.leverage = leverage;
    if (leverage < before && this.margin().available < 0n) {
      margin.leverage = before;
      throw new Refusal('LEVERAGE_NEEDS_MARGIN');
    }
    if (leverage !== before) this.#emit({ kind: 'leverage', symbol, leverage, time });
  }

  /** @throws Refusal */
  setMarginMode(symbol: SymbolId, isIsolated: boolean): void {
    const margin = this.#state.marginOf(symbol);
    if (margin.isIsolated === isIsolated) throw new Refusal('MARGIN_MODE_UNCHANGED');
    if (this.#state.orders.open(symbol).length > 0) throw new Refusal('MARGIN_MODE_WITH_ORDERS');
    if (this.#state.held(symbol).length > 0) throw new Refusal('MARGIN_MODE_WITH_POSITION');
    margin.isIsolated = isIsolated;
  }

  /** @throws Refusal */
  setHedgeMode(isHedgeMode: boolean): void {
    const state = this.#state;
    if (state.isHedgeMode === isHedgeMode) throw new Refusal('POSITION_MODE_UNCHANGED');
    if (state.orders.openCount + state.conditionals.openCount > 0) throw new Refusal('POSITION_MODE_WITH_ORDERS');
    if (state.held().length > 0) throw new Refusal('POSITION_MODE_WITH_POSITIONS');
    state.isHedgeMode = isHedgeMode;
    state.forgetPositions();
  }

  /** Ends market orders that have worked long enough. To be called at each minute's beginning, before prices. */
  expireOrders(time: EpochMs): void {
    for (const order of this.#state.orders.open())
      if (time >= order.validUntil) this.#execution.end(order, 'expired', time);
  }

  /**
   * A minute begins: the price jumps to its open (price units), its volume (base units, of the whole minute) may be taken, market
   * orders go on.
   */
  openMinute(symbol: SymbolId, { price, volume }: { price: bigint; volume: number }, time: EpochMs): void {
    this.#state.markets.set(symbol, { price, volume, available: fillableVolume({ volume }, this.settings.costs) });
    this.#movement.to(symbol, price, time);
    for (const order of this.#state.orders.open(symbol)) if (order.type === 'market') this.#execution.take(order, time);
  }

  /** The price goes straight from where it stands to `price`; what it passes on the way fills or triggers in order. */
  walk(symbol: SymbolId, price: bigint, time: EpochMs): void {
    if (this.#state.markets.has(symbol)) this.#movement.to(symbol, price, time);
  }

  /** Longs pay shorts `rate` of their value at the present price; a negative rate the other way. */
  settleFunding(symbol: SymbolId, rate: number, time: EpochMs): void {
    const held = this.#state.held(symbol);
    for (const position of held) {
      const amount = fundingOf(position, this.priceOf(symbol), rate);
      this.ledger.book({ kind: 'funding', symbol, amount, time, fillId: 0 });
    }
    if (held.length > 0) this.#execution.report(held, time, 'funding');
  }

  /** The instrument ends: its orders expire, its positions are closed at the last price with the taker fee. */
  settleInstrument(symbol: SymbolId, time: EpochMs): void {
    this.#movement.clear(symbol, time);
    for (const position of this.#state.held(symbol)) {
      this.#execution.force(position, this.priceOf(symbol), `settlement_autoclose-${time}`, time);
    }
  }
}

/** Volume-weighted price of what has filled, price units; 0 before. */
export const averagePriceOf = ({ filled, filledNotional }: ExchangeOrder): bigint =>
  filled === 0n ? 0n : priceOf(filledNotional, filled);
