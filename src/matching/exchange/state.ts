import { epochMs, type Instrument, type SymbolId } from '../../core/index.ts';
import { type TradingRules, tradingRulesOf } from '../exact.ts';
import { Ledger } from './ledger.ts';
import type { MarginInputs, SymbolMargin } from './margin.ts';
import { type ConditionalOrder, type ExchangeOrder, isOpen, type PositionSide } from './order.ts';
import { OrderStore } from './order-store.ts';
import type { ExchangePosition } from './position.ts';
import { Refusal } from './refusal.ts';
import type { ExchangeSettings } from './settings.ts';

/** A symbol's price as it stands and what may still be taken of its minute. */
export interface MarketState {
  /** Price units. */
  price: bigint;
  /** Base units that trade in the whole minute. */
  readonly volume: number;
  /** Quantity that the account may still fill in this minute. */
  available: bigint;
}

/** Far from zero, so that no order's id is taken for an execution's. */
const FIRST_ORDER_ID = 1_000_000;

/** Everything an account is at one moment. */
export class AccountState {
  readonly settings: ExchangeSettings;
  readonly ledger: Ledger;
  readonly orders: OrderStore<ExchangeOrder>;
  readonly conditionals: OrderStore<ConditionalOrder>;
  readonly markets = new Map<SymbolId, MarketState>();
  isHedgeMode = false;
  readonly #instrumentOf: (symbol: SymbolId) => Instrument | undefined;
  readonly #positions = new Map<string, ExchangePosition>();
  readonly #margins = new Map<SymbolId, SymbolMargin>();
  #lastOrderId = FIRST_ORDER_ID;

  constructor(settings: ExchangeSettings, balance: bigint, instrumentOf: (symbol: SymbolId) => Instrument | undefined) {
    this.settings = settings;
    this.ledger = new Ledger(balance, settings.historyLimit);
    this.orders = new OrderStore(settings.historyLimit, isOpen);
    this.conditionals = new OrderStore(settings.historyLimit, ({ status }) => status === 'new');
    this.#instrumentOf = instrumentOf;
  }

  nextOrderId(): number {
    return ++this.#lastOrderId;
  }

  /** Every position there ever was, flat ones too. */
  positions(): ExchangePosition[] {
    return [...this.#positions.values()];
  }

  held(symbol?: SymbolId): ExchangePosition[] {
    return this.positions().filter(
      (position) => position.quantity !== 0n && (symbol === undefined || position.symbol === symbol),
    );
  }

  positionOf(symbol: SymbolId, side: PositionSide): ExchangePosition {
    const key = `${symbol}/${side}`;
    let position = this.#positions.get(key);
    if (!position) {
      const flat = { quantity: 0n, cost: 0n, isolatedWallet: 0n, realizedPnl: 0n, updatedAt: epochMs(0) };
      position = { symbol, side, ...flat };
      this.#positions.set(key, position);
    }
    return position;
  }

  forgetPositions(): void {
    this.#positions.clear();
  }

  marginOf(symbol: SymbolId): SymbolMargin {
    let margin = this.#margins.get(symbol);
    if (!margin) {
      margin = { leverage: this.settings.defaultLeverage, isIsolated: false };
      this.#margins.set(symbol, margin);
    }
    return margin;
  }

  /** @throws Refusal NO_PRICE for a symbol that is unknown here. */
  rulesOf(symbol: SymbolId): TradingRules {
    const instrument = this.#instrumentOf(symbol);
    if (!instrument) throw new Refusal('NO_PRICE');
    return tradingRulesOf(instrument);
  }

  /** @throws Refusal NO_PRICE before the first price. */
  marketOf(symbol: SymbolId): MarketState {
    const market = this.markets.get(symbol);
    if (!market || market.price <= 0n) throw new Refusal('NO_PRICE');
    return market;
  }

  marginInputs(): MarginInputs {
    return {
      wallet: this.ledger.wallet,
      positions: this.positions(),
      openOrders: this.orders.open(),
      maintenanceMarginRate: this.settings.maintenanceMarginRate,
      marginOf: (symbol) => this.marginOf(symbol),
      priceOf: (symbol) => this.markets.get(symbol)?.price ?? 0n,
    };
  }
}
