import {
  type DecisionNote,
  durationOf,
  type EpochMs,
  epochMs,
  fraction,
  MINUTE_MS,
  type OrderIntent,
  type ReasonCode,
  type Signal,
  type SymbolId,
} from '../core/index.ts';
import { formatPrice, formatQuantity, priceFromNumber, tradingRulesOf } from '../matching/index.ts';
import { type Holding, type Strategy, type StrategyBook, StrategyManager, type Target } from '../strategies/index.ts';
import {
  clientOrderIdOf,
  decisiveLatch,
  type Exposure,
  enterIntents,
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
  withEntry,
  workingOrders,
} from '../trading/index.ts';
import type { BookState } from './book-state.ts';
import type { ForcedClosing } from './decide-protection.ts';
import type { DecideInput, DecideSettings } from './decide-types.ts';

export interface PlanInput extends Pick<DecideInput, 'minute' | 'instruments' | 'late'> {
  readonly signals: readonly Signal[];
  /** Cash units. */
  readonly equity: bigint;
  /** Closed first, whatever their strategies say. */
  readonly closings: readonly ForcedClosing[];
  /** Positions that a stop or a target closed this minute, by `positionKey`. */
  readonly closedByLegs: ReadonlySet<string>;
}

export interface PlannedOrders {
  readonly intents: readonly OrderIntent[];
  /** The intents in the ledger, as SUBMITTING; entries in the way of a closing are asked to end. */
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
    const manager = new StrategyManager(settings.strategies);
    const outcomes = manager.decide(input.minute, input.signals, (strategy) => plan.bookOf(strategy));
    for (const { strategy, targets, refusals } of outcomes) {
      for (const refusal of refusals) plan.note(strategy, refusal.symbol, refusal.reason, refusal.signalId);
      for (const target of targets) plan.follow(strategy, target);
    }
    plan.closeOrphans();
  }
  return plan.finish();
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
  readonly #pendingSides = new Map<string, Holding['side']>();
  #exposure: Exposure;

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
      if (intent.purpose === 'entry') this.#pendingSides.set(key, intent.side === 'buy' ? 'long' : 'short');
    }
    this.#exposure = exposureOf(state.ledger, state.markets);
  }

  bookOf(strategy: Strategy): StrategyBook {
    const holdings = new Map<SymbolId, Holding>();
    const cooldowns = new Map<SymbolId, EpochMs>();
    const prefix = positionKey(strategy.name, '');
    const hold = (key: string, side: Holding['side'], isPending: boolean): void => {
      const symbol = key.slice(prefix.length);
      const holdUntil = this.#holdUntil.get(key) ?? this.#input.minute;
      holdings.set(symbol, { symbol, side, holdUntil, isPending });
    };
    for (const [key, side] of this.#pendingSides) if (key.startsWith(prefix)) hold(key, side, true);
    for (const [key, position] of this.#state.ledger.positions) {
      if (position.strategy === strategy.name) hold(key, position.quantity > 0n ? 'long' : 'short', false);
    }
    for (const [key, until] of this.#cooldowns) {
      if (key.startsWith(prefix)) cooldowns.set(key.slice(prefix.length), until);
    }
    return { holdings, cooldowns };
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
    const entered = enterIntents(this.#state.ledger, this.#intents);
    const alive = new Set(entered.ledger.positions.keys());
    for (const { intent } of workingOrders(entered.ledger)) {
      if (intent.purpose === 'entry') alive.add(positionKey(intent.strategy, intent.symbol));
    }
    for (const key of this.#holdUntil.keys()) if (!alive.has(key)) this.#holdUntil.delete(key);
    return {
      intents: this.#intents,
      entered: { ...entered, ledger: requestCancels(entered.ledger, this.#cancels) },
      holdUntil: this.#holdUntil,
      cooldowns: this.#cooldowns,
      notes: this.#notes,
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

  #enter(strategy: Strategy, target: Extract<Target, { kind: 'enter' }>): void {
    const { symbol, signal } = target;
    const { minute, equity, instruments } = this.#input;
    const { risk, signals, sizing, costs, sectorOf } = this.#settings;
    const key = positionKey(strategy.name, symbol);
    if (this.#working.entry.has(key) || this.#working.exit.has(key) || this.#state.ledger.positions.has(key)) {
      this.note(strategy, symbol, 'STRATEGY_INTENT_PENDING', signal.id);
      return;
    }
    const validUntil = signal.expiresAt;
    if (validUntil === undefined || minute >= validUntil) {
      this.note(strategy, symbol, 'SIGNAL_EXPIRED', signal.id);
      return;
    }
    if (this.#state.drawdowns.get(strategy.name)?.isStopped) {
      this.note(strategy, symbol, 'RISK_STRATEGY_DRAWDOWN', signal.id);
      return;
    }
    const market = this.#state.markets.get(symbol);
    const instrument = instruments.get(symbol);
    const { side } = signal;
    const context: PreTradeContext = {
      minute,
      restriction: decisiveLatch(this.#state.risk)?.reason,
      equity,
      exposure: this.#exposure,
      markets: this.#state.markets,
      sectorOf,
      ordersOfMinute: this.#intents.length,
      ordersOfDay: this.#state.risk.ordersOfDay + this.#intents.length,
      lastEntryAt: () => this.#lastEntryAt(strategy.name, symbol, side === 'long' ? 'buy' : 'sell'),
    };
    const price = priceFromNumber(signal.referencePrice);
    const refusal = refuseEntry({ strategy: strategy.name, symbol, side, price }, context, risk);
    if (refusal !== undefined || market === undefined || instrument === undefined) {
      this.note(strategy, symbol, refusal ?? 'INSTRUMENT_NOT_TRADING', signal.id);
      return;
    }
    const rules = tradingRulesOf(instrument);
    const holdMinutes = durationOf(strategy.holdFor) / MINUTE_MS;
    const { stopDistance, targetDistance } = signal;
    const volatility = volatilityOf(market, holdMinutes, sizing);
    const planned = planProtection(
      { side: signal.side, price: market.lastPrice, rules, volatility, stopDistance, targetDistance },
      strategy.protection,
    );
    if (planned.refusal !== undefined) {
      this.note(strategy, symbol, planned.refusal, signal.id);
      return;
    }
    const sized = sizeEntry(
      {
        ...context,
        symbol,
        side,
        confidence: signal.confidence,
        confidenceThreshold: signals.confidenceThreshold,
        scale: signal.sizeScale ?? 1,
        holdMinutes,
        edge: fraction(signal.netEdge),
        edgeMinutes: durationOf(signal.horizon) / MINUTE_MS,
        market,
        rules,
      },
      { sizing, risk, costs },
    );
    for (const reason of sized.reductions) this.note(strategy, symbol, reason, signal.id);
    if (sized.refusal !== undefined) {
      this.note(strategy, symbol, sized.refusal, signal.id);
      return;
    }
    this.#exposure = withEntry(context.exposure, { symbol, side, notional: sized.notional });
    this.#holdUntil.set(key, target.holdUntil);
    const identity = this.#identity(strategy, symbol, 'entry');
    this.#working.entry.set(key, identity.clientOrderId);
    this.#intents.push({
      ...identity,
      side: side === 'long' ? 'buy' : 'sell',
      quantity: formatQuantity(sized.quantity),
      reduceOnly: false,
      validUntil,
      protection: planned.protection,
      signalId: signal.id,
    });
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
