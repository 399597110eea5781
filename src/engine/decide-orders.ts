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
  type StrategyOutcome,
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
  workingOrderOf,
} from '../trading/index.ts';
import type { BookState } from './book-state.ts';
import { balanceEntries } from './decide-balance.ts';
import { netIntents } from './decide-netting.ts';
import type { ForcedClosing } from './decide-protection.ts';
import type { DecideInput, DecideSettings } from './decide-types.ts';
import { MapDraft } from './map-draft.ts';
import { StrategyPortfolios } from './strategy-portfolio.ts';

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
    for (const { strategy, targets, refusals } of plan.askStrategies()) {
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
  readonly #holdUntil: MapDraft<EpochMs>;
  readonly #cooldowns: MapDraft<EpochMs>;
  /** The order of this minute of a key, by purpose: its client order id. */
  readonly #planned = { entry: new MapDraft<string>(NONE_PLANNED), exit: new MapDraft<string>(NONE_PLANNED) };
  readonly #cancels: string[] = [];
  #heldExposure: Exposure | undefined;
  #entries: PlannedEntry[] = [];

  constructor(state: BookState, input: PlanInput, settings: DecideSettings) {
    this.#state = state;
    this.#input = input;
    this.#settings = settings;
    this.#holdUntil = new MapDraft(state.holdUntil);
    this.#cooldowns = new MapDraft(state.cooldowns);
    for (const [key, until] of state.cooldowns) if (until <= input.minute) this.#cooldowns.delete(key);
  }

  /** What the strategies want, from their accounts as they stand before any of them decides. */
  askStrategies(): StrategyOutcome[] {
    const { ledger, markets } = this.#state;
    const { book, strategies, sizing } = this.#settings;
    const { minute, members, signals, capital } = this.#input;
    const { map: holdUntil } = this.#holdUntil;
    const portfolios = new StrategyPortfolios({
      ledger,
      markets,
      holdUntil,
      cooldowns: this.#cooldowns.map,
      minute,
      members,
      equity: capital.equity,
      sizing,
    });
    return managerOf(strategies).decide(
      { book, minute, signals },
      ({ name }) => portfolios.of(name),
      portfolios.isAnyOverdue,
    );
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
    if (this.#input.closedByLegs.size === 0) return;
    for (const strategy of this.#settings.strategies) {
      const prefix = positionKey(strategy.name, '');
      const until = epochMs(this.#input.minute + strategy.cooldownMinutes * MINUTE_MS);
      for (const key of this.#input.closedByLegs) if (key.startsWith(prefix)) this.#cooldowns.set(key, until);
    }
  }

  closeForced(): void {
    for (const { strategy: name, symbol, reason } of this.#input.closings) {
      this.#close(this.#strategyOf(name) ?? { name, cooldownMinutes: 0 }, { kind: 'close', symbol, reason });
    }
  }

  /** Closes every position; what strategies say of it afterwards changes nothing. */
  closeAll(): void {
    for (const { strategy, symbol } of this.#state.ledger.positions.values()) {
      const closer = this.#strategyOf(strategy) ?? { name: strategy, cooldownMinutes: 0 };
      this.#close(closer, { kind: 'close', symbol, reason: 'RISK_CLOSE_ALL' });
    }
  }

  /** Cuts the entries of a strategy on its heavier side, beside what it holds and does not close. */
  balance({ name }: Strategy): void {
    const { ledger, markets } = this.#state;
    const entries = this.#entries.filter(({ intent }) => intent.strategy === name);
    if (entries.length === 0) return;
    const staying = [...ledger.positions].filter(
      ([key, { strategy }]) => strategy === name && this.#workingIdOf('exit', key) === undefined,
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
    for (const { strategy, symbol } of this.#state.ledger.positions.values()) {
      if (this.#strategyOf(strategy) !== undefined) continue;
      this.#close({ name: strategy, cooldownMinutes: 0 }, { kind: 'close', symbol, reason: 'STRATEGY_REMOVED' });
    }
  }

  note(strategy: Pick<Strategy, 'name'>, symbol: SymbolId, reason: ReasonCode, signalId?: string): void {
    this.#notes.push({ strategy: strategy.name, symbol, reason, ...(signalId === undefined ? {} : { signalId }) });
  }

  finish(): PlannedOrders {
    const { markets, ledger } = this.#state;
    const { areStrategiesNetted, areLegsSeparate } = this.#settings;
    const { minute, instruments } = this.#input;
    const input = { minute, instruments, markets, areStrategiesNetted, areLegsSeparate };
    const netted = netIntents(ledger, this.#intents, input);
    const entered = netted.change;
    for (const key of this.#holdUntil.map.keys()) {
      const isAlive = entered.ledger.positions.has(key) || workingOrderOf(entered.ledger, 'entry', key) !== undefined;
      if (!isAlive) this.#holdUntil.delete(key);
    }
    return {
      intents: netted.intents,
      entered:
        this.#cancels.length === 0 ? entered : { ...entered, ledger: requestCancels(entered.ledger, this.#cancels) },
      holdUntil: this.#holdUntil.map,
      cooldowns: this.#cooldowns.map,
      notes: netted.notes.length === 0 ? this.#notes : [...this.#notes, ...netted.notes],
    };
  }

  #strategyOf(name: string): Strategy | undefined {
    for (const strategy of this.#settings.strategies) if (strategy.name === name) return strategy;
    return undefined;
  }

  /** Client order id of the order that works or was planned. */
  #workingIdOf(purpose: 'entry' | 'exit', key: string): string | undefined {
    return (
      this.#planned[purpose].map.get(key) ?? workingOrderOf(this.#state.ledger, purpose, key)?.intent.clientOrderId
    );
  }

  #close(strategy: Pick<Strategy, 'name' | 'cooldownMinutes'>, target: Extract<Target, { kind: 'close' }>): void {
    const { symbol, reason, signalId } = target;
    const { minute } = this.#input;
    const key = positionKey(strategy.name, symbol);
    // Due from now on: what cannot be closed at once, or only in part, is tried again in the next minute.
    this.#holdUntil.set(key, minute);
    if (this.#workingIdOf('exit', key) !== undefined) return;
    const entry = this.#workingIdOf('entry', key);
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
    this.#planned.exit.set(key, identity.clientOrderId);
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
    const isPending = this.#workingIdOf('entry', key) !== undefined || this.#workingIdOf('exit', key) !== undefined;
    if (isPending || this.#state.ledger.positions.has(key)) return 'STRATEGY_INTENT_PENDING';
    if (validUntil === undefined || minute >= validUntil) return 'SIGNAL_EXPIRED';
    if (this.#state.drawdowns.get(strategy.name)?.isStopped) return 'RISK_STRATEGY_DRAWDOWN';
    const market = this.#state.markets.get(symbol);
    const instrument = this.#input.instruments.get(symbol);
    const context: PreTradeContext = {
      minute,
      restriction: this.#restrictionOf(symbol),
      ...capital,
      exposure: this.#exposure(),
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
    this.#planned.entry.set(key, identity.clientOrderId);
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
    this.#planned.entry.delete(key);
    this.#holdUntil.delete(key);
  }

  /** With the entries of this minute. */
  #exposure(): Exposure {
    this.#heldExposure ??= exposureOf(this.#state.ledger, this.#state.markets);
    return this.#entries.reduce(withEntry, this.#heldExposure);
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

const NONE_PLANNED: ReadonlyMap<string, string> = new Map();

const managers = new WeakMap<DecideSettings['strategies'], StrategyManager>();

/** @throws MinutehandError STRATEGY_NAME_TAKEN when two strategies share a name. */
function managerOf(strategies: DecideSettings['strategies']): StrategyManager {
  const known = managers.get(strategies);
  if (known !== undefined) return known;
  const manager = new StrategyManager(strategies);
  managers.set(strategies, manager);
  return manager;
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
