import {
  cashToNumber,
  type Fill,
  milliseconds,
  type Order,
  type ReasonCode,
  type Signal,
  type SymbolId,
} from '../core/index.ts';
import { tradingRulesOf } from '../matching/index.ts';
import { MLSignalGenerator, type SignalSettings, type SymbolContext, updateRegimes } from '../signals/index.ts';
import {
  applyBrokerEvents,
  applyCommands,
  capitalOf,
  type DrawdownState,
  decisiveLatch,
  equityOf,
  equityPointOf,
  forgetEnded,
  haltFor,
  type LedgerChange,
  orderOf,
  pendingCancels,
  positionKey,
  positionsOf,
  shareOfEquity,
  unendedLegs,
  updateDrawdown,
  updateRisk,
  valueLedger,
  volatilityOf,
  withOrders,
} from '../trading/index.ts';
import { type BookState, entriesCancelled, observeCandles } from './book-state.ts';
import { settleEnded } from './decide-ended.ts';
import { planOrders } from './decide-orders.ts';
import { type ForcedClosing, protectPositions } from './decide-protection.ts';
import type { DecideInput, DecideSettings, Decision } from './decide-types.ts';

export type { DecideInput, DecideSettings, Decision } from './decide-types.ts';

/** How long ended orders are remembered, so that late and repeated events of them find their order. */
const ENDED_RETENTION = { orders: milliseconds(6 * 3_600_000), legs: milliseconds(2 * 3_600_000) };

/**
 * Decides one minute: books what the broker reported, marks the book, holds the protection of its positions against what it should
 * be, judges the forecasts, asks the strategies, sizes and risk-checks what they want, and says which orders to place and cancel. Pure and synchronous: the same state and input give the same decision,
 * and the given state stays as it is.
 * @throws RangeError if the minute is not after the state's.
 * @throws MinutehandError STRATEGY_NAME_TAKEN when two strategies share a name.
 */
export function decide(state: BookState, input: DecideInput, settings: DecideSettings): Decision {
  const { minute } = input;
  if (minute <= state.minute) {
    throw new RangeError(`minute ${minute} is not after the last one decided, ${state.minute}`);
  }
  const booked = applyBrokerEvents(state.ledger, input.brokerEvents);
  const markets = observeCandles(state.markets, input.candles.values(), settings.sizing);
  const settled = settleEnded(booked.ledger, input, markets, settings);
  const equity = equityOf(settled.ledger, markets);
  const { transfers } = settled.ledger;
  const fills = joined(state.unseenFills, booked.fills);
  const panel = panelReason(input, settings.signals);
  const measured = updateRisk(
    state.risk,
    {
      minute,
      equity,
      transfers,
      fills: joined(fills, settled.fills),
      isOpen: (key) => settled.ledger.positions.has(key),
      isDataSufficient: panel === undefined,
      model: input.modelEvidence,
    },
    settings.risk,
  );
  const { commands = NONE } = input;
  const commanded = applyCommands(measured.risk, commands, { at: minute, equity, transfers }, settings.risk);
  const moved = transfers - (state.risk.transfers ?? transfers);
  const isResumed = commands.length > 0 && commands.some(({ command }) => command === 'resume');
  const drawdowns = updateDrawdowns(isResumed ? NO_DRAWDOWNS : state.drawdowns, equity, moved, settings);
  const regimes = updateRegimes(state.regimes, markets, settings.signals.regimes);
  const guarded = protectPositions(
    { ledger: settled.ledger, markets, protections: state.protections, drawdowns },
    input,
    settings,
  );
  const unprotected = guarded.mustHalt
    ? haltFor(commanded.risk, minute, 'PROTECTION_UNCONFIRMED')
    : { risk: commanded.risk, events: NONE };
  const { risk } = unprotected;
  const { protections } = guarded;
  const marked: BookState = {
    minute,
    ledger: entriesCancelled(guarded.entered.ledger, risk),
    risk,
    markets,
    regimes,
    edges: state.edges,
    holdUntil: state.holdUntil,
    cooldowns: state.cooldowns,
    protections,
    drawdowns,
    unseenFills: state.unseenFills,
  };

  const capital = capitalOf(risk, equity, settings.risk);
  const blocked = input.late ?? decisiveLatch(risk)?.reason ?? input.entriesBlocked;
  const { signals, edges } =
    input.forecasts.length === 0
      ? { signals: NONE, edges: state.edges }
      : new MLSignalGenerator(settings.signals, settings.costs).generate({
          book: settings.book,
          minute,
          forecasts: input.forecasts,
          contexts: contextsOf(marked, input, settings),
          coverage: input.coverage,
          referencesPresent: input.referencesPresent,
          ...(regimes.market === undefined ? {} : { marketRegime: regimes.market.regime }),
          ...(blocked === undefined ? {} : { blocked }),
          typicalNotional: cashToNumber(shareOfEquity(capital.equity, settings.risk.maxPositionFraction)),
          edges: state.edges,
          edgeReference: input.edgeReference ?? {},
        });

  const reason = blocked ?? panel;
  const planned = planOrders(
    marked,
    {
      minute,
      members: input.members,
      instruments: input.instruments,
      incomplete: input.incomplete,
      late: input.late,
      signals,
      capital,
      blocked: reason,
      closings: joined(guarded.closings, stoppedOut(marked)),
      closedByLegs: closedByLegs(marked, fills),
    },
    settings,
  );
  const ledger = forgetEnded(planned.entered.ledger, minute, ENDED_RETENTION);
  const riskEvents = joined(joined(measured.events, commanded.events), unprotected.events);
  const { holdUntil, cooldowns, entered } = planned;
  const ordered = withOrders(risk, planned.intents.length);
  const isAsMarked =
    ledger === marked.ledger &&
    ordered === risk &&
    edges === marked.edges &&
    entered.fills.length === 0 &&
    holdUntil === marked.holdUntil &&
    cooldowns === marked.cooldowns &&
    marked.unseenFills.length === 0;
  return new MinuteDecision(settings.book, input, [booked, settled, planned.entered], {
    state: isAsMarked
      ? marked
      : {
          minute,
          ledger,
          risk: ordered,
          markets,
          regimes,
          edges,
          holdUntil,
          cooldowns,
          protections,
          drawdowns,
          // What crossed inside the book came after the minute was measured.
          unseenFills: entered.fills,
        },
    reason,
    signals,
    intents: joined(joined(unendedLegs(booked.legs, settled.ledger), guarded.intents), planned.intents),
    cancels: pendingCancels(ledger),
    netted: planned.entered.fills,
    orderEvents: joined(
      joined(booked.orderEvents, settled.orderEvents),
      joined(guarded.entered.orderEvents, planned.entered.orderEvents),
    ),
    fills: joined(joined(booked.fills, settled.fills), planned.entered.fills),
    cashFlows: booked.cashFlows,
    commands: commanded.applied,
    riskEvents,
    notes: joined(guarded.notes, planned.notes),
    unknownEvents: booked.unknown,
  });
}

/** What is decided at once. */
type DecidedNow = Omit<Decision, 'status' | 'reason' | 'orders' | 'positions' | 'equity' | 'reasonCounts'> & {
  readonly reason: ReasonCode | undefined;
};

/** Texts, orders and counts of a minute are made when somebody asks for them: a backtest reads few of half a million. */
class MinuteDecision implements Decision {
  readonly state: BookState;
  readonly reason?: ReasonCode;
  readonly signals: Decision['signals'];
  readonly intents: Decision['intents'];
  readonly cancels: Decision['cancels'];
  readonly netted: Decision['netted'];
  readonly orderEvents: Decision['orderEvents'];
  readonly fills: Decision['fills'];
  readonly cashFlows: Decision['cashFlows'];
  readonly commands: Decision['commands'];
  readonly riskEvents: Decision['riskEvents'];
  readonly notes: Decision['notes'];
  readonly unknownEvents: Decision['unknownEvents'];
  readonly #book: string;
  readonly #input: DecideInput;
  readonly #changes: readonly LedgerChange[];
  #orders: Decision['orders'] | undefined;
  #positions: Decision['positions'] | undefined;
  #equity: Decision['equity'] | undefined;
  #reasonCounts: Decision['reasonCounts'] | undefined;

  constructor(book: string, input: DecideInput, changes: readonly LedgerChange[], decided: DecidedNow) {
    this.#book = book;
    this.#input = input;
    this.#changes = changes;
    this.state = decided.state;
    if (decided.reason !== undefined) this.reason = decided.reason;
    this.signals = decided.signals;
    this.intents = decided.intents;
    this.cancels = decided.cancels;
    this.netted = decided.netted;
    this.orderEvents = decided.orderEvents;
    this.fills = decided.fills;
    this.cashFlows = decided.cashFlows;
    this.commands = decided.commands;
    this.riskEvents = decided.riskEvents;
    this.notes = decided.notes;
    this.unknownEvents = decided.unknownEvents;
  }

  get status(): Decision['status'] {
    return this.#input.late === undefined ? 'DECIDED' : 'MISSED';
  }

  get orders(): Decision['orders'] {
    this.#orders ??= changedOrders(this.#changes);
    return this.#orders;
  }

  get positions(): Decision['positions'] {
    this.#positions ??= positionsOf(this.#book, this.state.ledger, this.state.markets);
    return this.#positions;
  }

  get equity(): Decision['equity'] {
    const { minute, ledger, markets } = this.state;
    this.#equity ??= equityPointOf(minute, ledger, valueLedger(ledger, markets));
    return this.#equity;
  }

  get reasonCounts(): Decision['reasonCounts'] {
    const { excluded, modelReason, withheld } = this.#input;
    this.#reasonCounts ??= countReasons([
      ...excluded.map((exclusion) => exclusion.reason),
      ...(modelReason === undefined ? [] : [modelReason]),
      ...(withheld?.values() ?? []),
      ...reasonsOf(this.signals),
      ...this.notes.map((note) => note.reason),
      ...this.riskEvents.flatMap((event) => (event.action === 'risk.latch' ? event.reason : [])),
      ...this.orderEvents.flatMap((event) => event.reason ?? []),
      ...this.unknownEvents.map((): ReasonCode => 'ORDER_EVENT_UNKNOWN'),
    ]);
    return this.#reasonCounts;
  }
}

const NONE: readonly never[] = [];

const NO_DRAWDOWNS: BookState['drawdowns'] = new Map();
const NO_KEYS: ReadonlySet<string> = new Set();

/** One list after the other; where one is empty, the other itself. */
const joined = <T>(first: readonly T[], second: readonly T[]): readonly T[] =>
  second.length === 0 ? first : first.length === 0 ? second : [...first, ...second];

function updateDrawdowns(
  known: BookState['drawdowns'],
  equity: bigint,
  moved: bigint,
  settings: DecideSettings,
): BookState['drawdowns'] {
  let drawdowns: Map<string, DrawdownState> | undefined;
  for (const { name, protection } of settings.strategies) {
    if (protection.kind !== 'book') continue;
    drawdowns ??= new Map();
    drawdowns.set(name, updateDrawdown(known.get(name), equity, protection.maxDrawdownFraction, moved));
  }
  return drawdowns ?? NO_DRAWDOWNS;
}

/** The positions of strategies whose book stop was reached. */
function stoppedOut({ ledger, drawdowns }: BookState): readonly ForcedClosing[] {
  if (drawdowns.size === 0) return NONE;
  return [...ledger.positions.values()]
    .filter(({ strategy }) => drawdowns.get(strategy)?.isStopped)
    .map(({ strategy, symbol }) => ({ strategy, symbol, reason: 'RISK_STRATEGY_DRAWDOWN' }));
}

/** Keys of the positions that are gone and lost their last to a stop or a target. */
function closedByLegs({ ledger }: BookState, fills: readonly Fill[]): ReadonlySet<string> {
  if (fills.length === 0) return NO_KEYS;
  const closed = new Set<string>();
  for (const { clientOrderId, strategy, symbol } of fills) {
    const purpose = ledger.orders.get(clientOrderId)?.intent.purpose;
    const key = positionKey(strategy, symbol);
    if ((purpose === 'stop' || purpose === 'target') && !ledger.positions.has(key)) closed.add(key);
  }
  return closed;
}

function contextsOf(
  state: BookState,
  input: DecideInput,
  { sizing }: Pick<DecideSettings, 'sizing'>,
): Map<SymbolId, SymbolContext> {
  const contexts = new Map<SymbolId, SymbolContext>();
  for (const symbol of input.members) {
    const market = state.markets.get(symbol);
    if (market === undefined) continue;
    const instrument = input.instruments.get(symbol);
    const regime = state.regimes.bySymbol.get(symbol)?.regime;
    const fundingRate = input.fundingRates?.get(symbol);
    contexts.set(symbol, {
      price: market.lastPrice,
      ...(instrument ? { tick: tradingRulesOf(instrument).tick, status: instrument.status } : {}),
      minuteNotional: market.minuteNotional,
      volatility: volatilityOf(market, 15, sizing),
      ...(fundingRate === undefined ? {} : { fundingRate }),
      ...(regime === undefined ? {} : { regime }),
      isHistoryIncomplete: input.incomplete.has(symbol),
    });
  }
  return contexts;
}

/** Orders whose state changed, each once, as it stands after the last change. */
export function changedOrders(changes: readonly LedgerChange[]): readonly Order[] {
  if (changes.every(({ changed }) => changed.length === 0)) return NONE;
  const orders = new Map(
    changes.flatMap((change) => change.changed).map((order) => [order.intent.clientOrderId, order]),
  );
  return [...orders.values()].map(orderOf);
}

function panelReason(input: DecideInput, settings: SignalSettings): ReasonCode | undefined {
  if (!(input.coverage >= settings.minCoverage)) return 'PANEL_BELOW_COVERAGE';
  return input.referencesPresent ? undefined : 'PANEL_REFERENCE_MISSING';
}

const reasonsOf = (signals: readonly Signal[]): ReasonCode[] =>
  signals.flatMap((signal) => signal.verdicts.flatMap((verdict) => verdict.reason ?? []));

function countReasons(reasons: readonly ReasonCode[]): Partial<Record<ReasonCode, number>> {
  const counts: Partial<Record<ReasonCode, number>> = {};
  for (const reason of reasons) counts[reason] = (counts[reason] ?? 0) + 1;
  return counts;
}
