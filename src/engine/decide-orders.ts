import {
  type DecisionNote,
  durationOf,
  type EpochMs,
  epochMs,
  fraction,
  MINUTE_MS,
  type Notional,
  notionalAmount,
  type OrderIntent,
  type ReasonCode,
  type Signal,
  type SignalSide,
  type SymbolId,
} from '../core/index.ts';
import {
  formatPrice,
  formatQuantity,
  notionalOf,
  parseQuantity,
  priceFromNumber,
  type TradingRules,
  tradingRulesOf,
} from '../matching/index.ts';
import type { SignalSettings } from '../signals/index.ts';
import {
  type EnterTarget,
  type Strategy,
  StrategyManager,
  type StrategyPortfolio,
  type Target,
} from '../strategies/index.ts';
import {
  type Capital,
  clientOrderIdOf,
  type Exposure,
  exposureOf,
  isClosingAll,
  type LedgerChange,
  magnitude,
  type PreTradeContext,
  planProtection,
  positionKey,
  refuseEntry,
  requestCancels,
  sizeEntry,
  volatilityOf,
  type WantedSize,
  withEntry,
  workingOrders,
} from '../trading/index.ts';
import type { BookState } from './book-state.ts';
import { balanceEntries } from './decide-balance.ts';
import { netIntents } from './decide-netting.ts';
import type { ForcedClosing } from './decide-protection.ts';
import type { DecideInput, DecideSettings } from './decide-types.ts';
import { strategyPortfolios } from './strategy-portfolio.ts';

export interface PlanInput extends Pick<DecideInput, 'minute' | 'members' | 'instruments' | 'incomplete' | 'late'> {
  /** Why there are no new entries in this minute; undefined where there may be. */
  readonly blocked?: ReasonCode | undefined;
  readonly signals: readonly Signal[];
  readonly capital: Capital;
  /** Closed first, whatever their strategies say. */
  readonly closings: readonly ForcedClosing[];
  /** Positions that a stop or a target closed this minute, by `positionKey`. */
  readonly closedByLegs: ReadonlySet<string>;
}

export interface PlannedOrders {
  readonly intents: readonly OrderIntent[];
  /** The intents in the ledger, as SUBMITTING, after what crossed inside the book; entries in the way of a closing are asked to end. */
  readonly entered: LedgerChange;
  readonly holdUntil: ReadonlyMap<string, EpochMs>;
  readonly cooldowns: ReadonlyMap<string, EpochMs>;
  readonly notes: readonly DecisionNote[];
}

/**
 * Makes order intents of forced closings and of the targets that the strategies want: closings of exactly the position's quantity, reduce-only, which
 * always pass; then entries, each checked and sized against the exposure that includes all before it.
 */
export function planOrders(state: BookState, input: PlanInput, settings: DecideSettings): PlannedOrders {
  const plan = new OrderPlan(state, input, settings);
  plan.restAfterLegs();
  if (input.late === undefined) {
    plan.closeForced();
    if (isClosingAll(state.risk)) plan.closeAll();
    const outcomes = new StrategyManager(settings.strategies).decide(
      { book: settings.book, minute: input.minute, signals: input.signals },
      plan.portfolios(),
    );
    for (const { strategy, targets, refusals } of outcomes) {
      for (const refusal of refusals) plan.note(strategy, refusal.symbol, refusal.reason, refusal.signalId);
      for (const target of targets) plan.follow(strategy, target);
      if (strategy.isNeutral) plan.balance(strategy);
    }
    plan.closeOrphans();
  }
  return plan.finish();
}

/** An entry of this minute. */
interface PlannedEntry {
  readonly key: string;
  readonly intent: OrderIntent;
  readonly symbol: SymbolId;
  readonly side: SignalSide;
  /** Value at the last price. */
  readonly notional: Notional;
  /** The last price, price units. */
  readonly price: bigint;
  readonly rules: TradingRules;
}

/** The plan of one minute as it grows; lives for one call of {@link planOrders}. */
class OrderPlan {
  readonly #state: BookState;
  readonly #input: PlanInput;
  readonly #settings: DecideSettings;
  readonly #intents: OrderIntent[] = [];
  readonly #notes: DecisionNote[] = [];
  readonly #holdUntil: Map<string, EpochMs>;
  readonly #cooldowns: Map<string, EpochMs>;
  /** The working order of a key, by purpose: its client order id. */
  readonly #working = { entry: new Map<string, string>(), exit: new Map<string, string>() };
  readonly #cancels: string[] = [];
  /** Before the entries of this minute. */
  readonly #held: Exposure;
  #entries: PlannedEntry[] = [];

  constructor(state: BookState, input: PlanInput, settings: DecideSettings) {
    this.#state = state;
    this.#input = input;
    this.#settings = settings;
    this.#holdUntil = new Map(state.holdUntil);
    this.#cooldowns = new Map([...state.cooldowns].filter(([, until]) => until > input.minute));
    for (const { intent } of workingOrders(state.ledger)) {
      const key = positionKey(intent.strategy, intent.symbol);
      if (intent.purpose === 'entry' || intent.purpose === 'exit')
        this.#working[intent.purpose].set(key, intent.clientOrderId);
    }
    this.#held = exposureOf(state.ledger, state.markets);
  }

  /** The accounts of the strategies as they stand before any of them decides. */
  portfolios(): (strategy: Strategy) => StrategyPortfolio {
    const { ledger, markets } = this.#state;
    const standing = { ledger, markets, holdUntil: this.#holdUntil, cooldowns: this.#cooldowns };
    const { minute, members, capital } = this.#input;
    const portfolioOf = strategyPortfolios(standing, { minute, members, equity: capital.equity }, this.#settings);
    return ({ name }) => portfolioOf(name);
  }

  follow(strategy: Strategy, target: Target): void {
    switch (target.kind) {
      case 'hold':
        this.#holdUntil.set(positionKey(strategy.name, target.symbol), target.holdUntil);
        return;
      case 'close':
        this.#close(strategy, target);
        return;
      case 'enter':
        this.#enter(strategy, target);
    }
  }

  /** A symbol rests after a stop or a target as after an exit. */
  restAfterLegs(): void {
    for (const strategy of this.#settings.strategies) {
      const prefix = positionKey(strategy.name, '');
      const until = epochMs(this.#input.minute + strategy.cooldownMinutes * MINUTE_MS);
      for (const key of this.#input.closedByLegs) if (key.startsWith(prefix)) this.#cooldowns.set(key, until);
    }
  }

  closeForced(): void {
    for (const { strategy: name, symbol, reason } of this.#input.closings) {
      const strategy = this.#settings.strategies.find((each) => each.name === name);
      this.#close(strategy ?? { name, cooldownMinutes: 0 }, { kind: 'close', symbol, reason });
    }
  }

  /** Closes every position; what strategies say of it afterwards changes nothing. */
  closeAll(): void {
    const configured = new Map(this.#settings.strategies.map((strategy) => [strategy.name, strategy]));
    for (const { strategy, symbol } of this.#state.ledger.positions.values()) {
      const closer = configured.get(strategy) ?? { name: strategy, cooldownMinutes: 0 };
      this.#close(closer, { kind: 'close', symbol, reason: 'RISK_CLOSE_ALL' });
    }
  }

  /** Cuts the entries of a strategy on its heavier side, beside what it holds and does not close. */
  balance({ name }: Strategy): void {
    const { ledger, markets } = this.#state;
    const entries = this.#entries.filter(({ intent }) => intent.strategy === name);
    if (entries.length === 0) return;
    const staying = [...ledger.positions].filter(
      ([key, { strategy }]) => strategy === name && !this.#working.exit.has(key),
    );
    const working = new Map(
      [...ledger.orders].filter(([, { intent }]) => intent.strategy === name && intent.purpose === 'entry'),
    );
    const { long, short } = exposureOf({ ...ledger, positions: new Map(staying), orders: working }, markets);
    const signed = entries.map(({ side, intent, ...entry }) => {
      const quantity = parseQuantity(intent.quantity);
      return { ...entry, quantity: side === 'long' ? quantity : -quantity };
    });
    for (const [index, balanced] of balanceEntries(signed, long - short).entries()) {
      const entry = entries[index];
      const quantity = magnitude(balanced);
      if (entry === undefined || quantity === magnitude(signed[index]?.quantity ?? 0n)) continue;
      this.#replace(entry, quantity);
    }
  }

  /** Closes positions of strategies that are no longer configured: nobody else would. */
  closeOrphans(): void {
    const names = new Set(this.#settings.strategies.map((strategy) => strategy.name));
    for (const { strategy, symbol } of this.#state.ledger.positions.values()) {
      if (names.has(strategy)) continue;
      this.#close({ name: strategy, cooldownMinutes: 0 }, { kind: 'close', symbol, reason: 'STRATEGY_REMOVED' });
    }
  }

  note(strategy: Pick<Strategy, 'name'>, symbol: SymbolId, reason: ReasonCode, signalId?: string): void {
    this.#notes.push({ strategy: strategy.name, symbol, reason, ...(signalId === undefined ? {} : { signalId }) });
  }

  finish(): PlannedOrders {
    const { markets, ledger } = this.#state;
    const { areStrategiesNetted, areLegsSeparate } = this.#settings;
    const input = { ...this.#input, markets, areStrategiesNetted, areLegsSeparate };
    const netted = netIntents(ledger, this.#intents, input);
    const entered = netted.change;
    const alive = new Set(entered.ledger.positions.keys());
    for (const { intent } of workingOrders(entered.ledger)) {
      if (intent.purpose === 'entry') alive.add(positionKey(intent.strategy, intent.symbol));
    }
    for (const key of this.#holdUntil.keys()) if (!alive.has(key)) this.#holdUntil.delete(key);
    return {
      intents: netted.intents,
      entered: { ...entered, ledger: requestCancels(entered.ledger, this.#cancels) },
      holdUntil: this.#holdUntil,
      cooldowns: this.#cooldowns,
      notes: [...this.#notes, ...netted.notes],
    };
  }

  #close(strategy: Pick<Strategy, 'name' | 'cooldownMinutes'>, target: Extract<Target, { kind: 'close' }>): void {
    const { symbol, reason, signalId } = target;
    const { minute } = this.#input;
    const key = positionKey(strategy.name, symbol);
    // Due from now on: what cannot be closed at once, or only in part, is tried again in the next minute.
    this.#holdUntil.set(key, minute);
    if (this.#working.exit.has(key)) return;
    const entry = this.#working.entry.get(key);
    if (entry !== undefined) {
      // What it still fills would have to be closed too.
      this.#cancels.push(entry);
      this.note(strategy, symbol, 'STRATEGY_INTENT_PENDING', signalId);
      return;
    }
    const position = this.#state.ledger.positions.get(key);
    if (position === undefined) return;
    this.#cooldowns.set(key, epochMs(minute + strategy.cooldownMinutes * MINUTE_MS));
    const identity = this.#identity(strategy, symbol, 'exit');
    this.#working.exit.set(key, identity.clientOrderId);
    this.#intents.push({
      ...identity,
      side: position.quantity > 0n ? 'sell' : 'buy',
      quantity: formatQuantity(magnitude(position.quantity)),
      reduceOnly: true,
      validUntil: epochMs(minute + this.#settings.risk.exitValidityMinutes * MINUTE_MS),
      ...(signalId === undefined ? {} : { signalId }),
      reason,
    });
  }

  #enter(strategy: Strategy, target: EnterTarget): void {
    const refusal = this.#planEntry(strategy, target);
    if (refusal !== undefined) this.note(strategy, target.symbol, refusal, target.signal?.id);
  }

  /** Plans the entry, or says why there is none. */
  #planEntry(strategy: Strategy, target: EnterTarget): ReasonCode | undefined {
    const { symbol, side, signal } = target;
    const { minute, capital } = this.#input;
    const { risk, signals, sizing, costs, sectorOf } = this.#settings;
    const key = positionKey(strategy.name, symbol);
    const validUntil = signal ? signal.expiresAt : epochMs(minute + signals.validityMinutes * MINUTE_MS);
    if (this.#working.entry.has(key) || this.#working.exit.has(key) || this.#state.ledger.positions.has(key)) {
      return 'STRATEGY_INTENT_PENDING';
    }
    if (validUntil === undefined || minute >= validUntil) return 'SIGNAL_EXPIRED';
    if (this.#state.drawdowns.get(strategy.name)?.isStopped) return 'RISK_STRATEGY_DRAWDOWN';
    const market = this.#state.markets.get(symbol);
    const instrument = this.#input.instruments.get(symbol);
    const context: PreTradeContext = {
      minute,
      restriction: this.#restrictionOf(symbol),
      ...capital,
      exposure: this.#entries.reduce(withEntry, this.#held),
      markets: this.#state.markets,
      sectorOf,
      ordersOfMinute: this.#intents.length,
      ordersOfDay: this.#state.risk.ordersOfDay + this.#intents.length,
      lastEntryAt: () => this.#lastEntryAt(strategy.name, symbol, side === 'long' ? 'buy' : 'sell'),
    };
    const price = signal ? priceFromNumber(signal.referencePrice) : (market?.lastPrice ?? 0n);
    const refusal = refuseEntry({ strategy: strategy.name, symbol, side, price }, context, risk);
    if (refusal !== undefined || market === undefined || instrument === undefined) {
      return refusal ?? 'INSTRUMENT_NOT_TRADING';
    }
    const rules = tradingRulesOf(instrument);
    const holdMinutes = durationOf(strategy.holdFor) / MINUTE_MS;
    // A forecast for the other side says nothing of where this one would be wrong.
    const { stopDistance, targetDistance } = signal?.side === side ? signal : NO_DISTANCES;
    const volatility = volatilityOf(market, holdMinutes, sizing);
    const planned = planProtection(
      { side, price: market.lastPrice, rules, volatility, stopDistance, targetDistance },
      strategy.protection,
    );
    if (planned.refusal !== undefined) return planned.refusal;
    const sized = sizeEntry(
      { ...context, symbol, side, wanted: wantedSize(target, signals), holdMinutes, market, rules },
      { sizing, risk, costs },
    );
    for (const reason of sized.reductions) this.note(strategy, symbol, reason, signal?.id);
    if (sized.refusal !== undefined) return sized.refusal;
    this.#holdUntil.set(key, target.holdUntil);
    const identity = this.#identity(strategy, symbol, 'entry');
    this.#working.entry.set(key, identity.clientOrderId);
    const intent: OrderIntent = {
      ...identity,
      side: side === 'long' ? 'buy' : 'sell',
      quantity: formatQuantity(sized.quantity),
      reduceOnly: false,
      validUntil,
      protection: planned.protection,
      ...(signal === undefined ? {} : { signalId: signal.id }),
    };
    this.#intents.push(intent);
    this.#entries.push({ key, intent, symbol, side, notional: sized.notional, price: market.lastPrice, rules });
    return undefined;
  }

  /** The entry with another quantity, or without any, none. */
  #replace(entry: PlannedEntry, quantity: bigint): void {
    const { key, intent, symbol, price } = entry;
    const strategy = { name: intent.strategy };
    this.note(strategy, symbol, 'SIZE_REDUCED_NEUTRAL', intent.signalId);
    const replaced = { ...intent, quantity: formatQuantity(quantity) };
    const at = this.#intents.indexOf(intent);
    if (quantity > 0n) {
      this.#intents[at] = replaced;
      const smaller = { ...entry, intent: replaced, notional: notionalAmount(notionalOf(price, quantity)) };
      this.#entries = this.#entries.map((each) => (each === entry ? smaller : each));
      return;
    }
    this.note(strategy, symbol, 'SIZE_BELOW_MINIMUM', intent.signalId);
    this.#intents.splice(at, 1);
    this.#entries = this.#entries.filter((each) => each !== entry);
    this.#working.entry.delete(key);
    this.#holdUntil.delete(key);
  }

  /** Why nothing may be entered, or not this symbol: accepted signals have passed these as gates. */
  #restrictionOf(symbol: SymbolId): ReasonCode | undefined {
    const { blocked, incomplete, instruments } = this.#input;
    if (blocked !== undefined) return blocked;
    if (incomplete.has(symbol)) return 'HISTORY_INCOMPLETE';
    return instruments.get(symbol)?.status === 'trading' ? undefined : 'INSTRUMENT_NOT_TRADING';
  }

  #lastEntryAt(strategy: string, symbol: SymbolId, side: OrderIntent['side']): EpochMs | undefined {
    const entries = [...this.#state.ledger.orders.values()].filter(
      ({ intent }) =>
        intent.purpose === 'entry' && intent.strategy === strategy && intent.symbol === symbol && intent.side === side,
    );
    return entries.length === 0 ? undefined : epochMs(Math.max(...entries.map(({ intent }) => intent.decidedAt)));
  }

  #identity(strategy: Pick<Strategy, 'name'>, symbol: SymbolId, purpose: 'entry' | 'exit') {
    const { book } = this.#settings;
    const { minute } = this.#input;
    const market = this.#state.markets.get(symbol);
    return {
      clientOrderId: clientOrderIdOf({ book, strategy: strategy.name, symbol, minute, purpose }),
      book,
      strategy: strategy.name,
      symbol,
      purpose,
      type: 'market' as const,
      decidedAt: minute,
      referencePrice: formatPrice(market?.lastPrice ?? 0n),
    };
  }
}

const NO_DISTANCES = { stopDistance: undefined, targetDistance: undefined };

/** What a target asks of sizing: a weight where it names one, else what volatility and confidence give. */
function wantedSize({ signal, weight }: EnterTarget, { confidenceThreshold }: SignalSettings): WantedSize {
  const scale = signal?.sizeScale ?? 1;
  if (weight !== undefined) return { kind: 'weight', weight, scale };
  if (signal === undefined) return { kind: 'volatility', scale };
  return {
    kind: 'confidence',
    confidence: signal.confidence,
    confidenceThreshold,
    edge: fraction(signal.netEdge),
    edgeMinutes: durationOf(signal.horizon) / MINUTE_MS,
    scale,
  };
}
