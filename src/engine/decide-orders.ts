import {
  type DecisionNote,
  durationOf,
  type EpochMs,
  epochMs,
  fraction,
  MapDraft,
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
  type Ledger,
  type LedgerChange,
  LedgerOrders,
  magnitude,
  type PreTradeContext,
  planProtection,
  positionKey,
  refuseEntry,
  requestCancels,
  sizeEntry,
  unchanged,
  unclosedOf,
  volatilityOf,
  type WantedSize,
  withEntry,
  workingLegsOf,
  workingOrderOf,
  workingOrders,
} from '../trading/index.ts';
import type { BookState } from './book-state.ts';
import { balanceEntries } from './decide-balance.ts';
import { netIntents } from './decide-netting.ts';
import type { ForcedClosing } from './decide-protection.ts';
import type { DecideInput, DecideSettings } from './decide-types.ts';
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
  const asked = isNothingAtHand(state, input, settings) ? askStrategies(state, input, settings) : undefined;
  if (asked?.every(({ targets, refusals }) => targets.length === 0 && refusals.length === 0)) {
    const { holdUntil, cooldowns } = state;
    return { intents: NONE, entered: unchanged(state.ledger), holdUntil, cooldowns, notes: NONE };
  }
  const plan = new OrderPlan(state, input, settings);
  plan.restAfterLegs();
  if (input.late === undefined) {
    plan.closeForced();
    if (isClosingAll(state.risk)) plan.closeAll();
    for (const { strategy, targets, refusals } of asked ?? plan.askStrategies()) {
      for (const refusal of refusals) plan.note(strategy, refusal.symbol, refusal.reason, refusal.signalId);
      for (const target of targets) plan.follow(strategy, target);
      if (strategy.isNeutral) plan.balance(strategy);
    }
    plan.closeOrphans();
  }
  return plan.finish();
}

/** Whether strategies alone could want something, as in nearly every minute. */
function isNothingAtHand(state: BookState, input: PlanInput, { strategies }: DecideSettings): boolean {
  const { ledger, risk, cooldowns, holdUntil } = state;
  if (input.late !== undefined || input.closings.length > 0 || input.closedByLegs.size > 0) return false;
  if (isClosingAll(risk)) return false;
  if (cooldowns.size > 0) for (const until of cooldowns.values()) if (until <= input.minute) return false;
  if (holdUntil.size > 0) for (const key of holdUntil.keys()) if (!isAlive(ledger, key)) return false;
  if (ledger.positions.size === 0) return true;
  for (const { strategy } of ledger.positions.values()) {
    if (!strategies.some(({ name }) => name === strategy)) return false;
  }
  return true;
}

/** Whether there is a position, or an entry that works. */
const isAlive = (ledger: Ledger, key: string): boolean =>
  ledger.positions.has(key) || workingOrderOf(ledger, 'entry', key) !== undefined;

/** What the strategies want, from their accounts as they stand before any of them decides. */
function askStrategies(
  { ledger, markets, holdUntil, cooldowns }: Pick<BookState, 'ledger' | 'markets' | 'holdUntil' | 'cooldowns'>,
  { minute, members, signals, capital }: PlanInput,
  { book, strategies, sizing }: DecideSettings,
): StrategyOutcome[] {
  const { equity } = capital;
  const portfolios = new StrategyPortfolios({
    ledger,
    markets,
    holdUntil,
    cooldowns,
    minute,
    members,
    equity,
    sizing,
  });
  return managerOf(strategies).decide(
    { book, minute, signals },
    ({ name }) => portfolios.of(name),
    portfolios.isAnyOverdue,
  );
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
  #planned: { readonly entry: Map<string, string>; readonly exit: Map<string, string> } | undefined;
  readonly #cancels: string[] = [];
  #heldExposure: Exposure | undefined;
  #entries: PlannedEntry[] = [];

  constructor(state: BookState, input: PlanInput, settings: DecideSettings) {
    this.#state = state;
    this.#input = input;
    this.#settings = settings;
    this.#holdUntil = new MapDraft(state.holdUntil);
    this.#cooldowns = new MapDraft(state.cooldowns);
    if (state.cooldowns.size === 0) return;
    for (const [key, until] of state.cooldowns) if (until <= input.minute) this.#cooldowns.delete(key);
  }

  /** What the strategies want, after what is closed whatever they say. */
  askStrategies(): StrategyOutcome[] {
    const { ledger, markets } = this.#state;
    const standing = { ledger, markets, holdUntil: this.#holdUntil.map, cooldowns: this.#cooldowns.map };
    return askStrategies(standing, this.#input, this.#settings);
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
    const working = LedgerOrders.of(
      workingOrders(ledger).filter(({ intent }) => intent.strategy === name && intent.purpose === 'entry'),
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
    const { positions } = this.#state.ledger;
    for (const { strategy, symbol } of positions.size === 0 ? NONE : positions.values()) {
      if (this.#strategyOf(strategy) !== undefined) continue;
      this.#close({ name: strategy, cooldownMinutes: 0 }, { kind: 'close', symbol, reason: 'STRATEGY_REMOVED' });
    }
  }

  note(strategy: Pick<Strategy, 'name'>, symbol: SymbolId, reason: ReasonCode, signalId?: string): void {
    const note = { strategy: strategy.name, symbol, reason };
    this.#notes.push(signalId === undefined ? note : { ...note, signalId });
  }

  finish(): PlannedOrders {
    const { markets, ledger } = this.#state;
    const { areStrategiesNetted, areLegsSeparate } = this.#settings;
    const { minute, instruments } = this.#input;
    const input = { minute, instruments, markets, areStrategiesNetted, areLegsSeparate };
    const netted = netIntents(ledger, this.#intents, input);
    const entered = netted.change;
    const { map: held } = this.#holdUntil;
    for (const key of held.size === 0 ? NONE : held.keys()) {
      if (!isAlive(entered.ledger, key)) this.#holdUntil.delete(key);
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
    return this.#planned?.[purpose].get(key) ?? workingOrderOf(this.#state.ledger, purpose, key)?.intent.clientOrderId;
  }

  #plan(purpose: 'entry' | 'exit', key: string, clientOrderId: string): void {
    this.#planned ??= { entry: new Map(), exit: new Map() };
    this.#planned[purpose].set(key, clientOrderId);
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
    const unclosed = unclosedOf(position, workingLegsOf(this.#state.ledger)(key));
    if (unclosed === 0n) return;
    const identity = this.#identity(strategy, symbol, 'exit');
    this.#plan('exit', key, identity.clientOrderId);
    const intent: OrderIntent = {
      clientOrderId: identity.clientOrderId,
      book: identity.book,
      strategy: identity.strategy,
      symbol,
      side: position.quantity > 0n ? 'sell' : 'buy',
      purpose: 'exit',
      type: 'market',
      quantity: formatQuantity(unclosed),
      reduceOnly: true,
      decidedAt: minute,
      validUntil: epochMs(minute + this.#settings.risk.exitValidityMinutes * MINUTE_MS),
      referencePrice: identity.referencePrice,
      reason,
    };
    this.#intents.push(signalId === undefined ? intent : { ...intent, signalId });
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
      equity: capital.equity,
      grossCap: capital.grossCap,
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
    const { equity, grossCap } = capital;
    const { exposure, markets } = context;
    const wanted = wantedSize(target, signals);
    const sized = sizeEntry(
      { equity, grossCap, exposure, markets, sectorOf, symbol, side, wanted, holdMinutes, market, rules },
      { sizing, risk, costs },
    );
    for (const reason of sized.reductions) this.note(strategy, symbol, reason, signal?.id);
    if (sized.refusal !== undefined) return sized.refusal;
    this.#holdUntil.set(key, target.holdUntil);
    const identity = this.#identity(strategy, symbol, 'entry');
    this.#plan('entry', key, identity.clientOrderId);
    const unsigned: OrderIntent = {
      clientOrderId: identity.clientOrderId,
      book: identity.book,
      strategy: identity.strategy,
      symbol,
      side: side === 'long' ? 'buy' : 'sell',
      purpose: 'entry',
      type: 'market',
      quantity: formatQuantity(sized.quantity),
      reduceOnly: false,
      decidedAt: minute,
      validUntil,
      referencePrice: identity.referencePrice,
      protection: planned.protection,
    };
    const intent = signal === undefined ? unsigned : { ...unsigned, signalId: signal.id };
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
    this.#planned?.entry.delete(key);
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
    let last: EpochMs | undefined;
    this.#state.ledger.orders.each(({ intent }) => {
      if (intent.purpose !== 'entry' || intent.strategy !== strategy || intent.symbol !== symbol) return;
      if (intent.side === side && !(last !== undefined && last > intent.decidedAt)) last = intent.decidedAt;
    });
    return last;
  }

  #identity(strategy: Pick<Strategy, 'name'>, symbol: SymbolId, purpose: 'entry' | 'exit') {
    const { book } = this.#settings;
    const { minute } = this.#input;
    const market = this.#state.markets.get(symbol);
    return {
      clientOrderId: clientOrderIdOf({ book, strategy: strategy.name, symbol, minute, purpose }),
      book,
      strategy: strategy.name,
      referencePrice: formatPrice(market?.lastPrice ?? 0n),
    };
  }
}

const NONE: readonly never[] = [];

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
