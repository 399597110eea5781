import { cashToNumber, type Fill, milliseconds, type ReasonCode, type Signal, type SymbolId } from '../core/index.ts';
import { tradingRulesOf } from '../matching/index.ts';
import { MLSignalGenerator, type SignalSettings, type SymbolContext, updateRegimes } from '../signals/index.ts';
import {
  applyBrokerEvents,
  applyCommands,
  capitalOf,
  type DrawdownState,
  decisiveLatch,
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
} from '../trading/index.ts';
import { type BookState, observeCandles, withEntriesCancelled } from './book-state.ts';
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
  const { equity } = valueLedger(settled.ledger, markets);
  const { transfers } = settled.ledger;
  const fills = [...state.unseenFills, ...booked.fills];
  const measured = updateRisk(
    state.risk,
    {
      minute,
      equity,
      transfers,
      fills: [...fills, ...settled.fills],
      isOpen: (key) => settled.ledger.positions.has(key),
      isDataSufficient: panelReason(input, settings.signals) === undefined,
      model: input.modelEvidence,
    },
    settings.risk,
  );
  const commands = input.commands ?? [];
  const commanded = applyCommands(measured.risk, commands, { at: minute, equity, transfers }, settings.risk);
  const moved = transfers - (state.risk.transfers ?? transfers);
  const isResumed = commands.some(({ command }) => command === 'resume');
  const drawdowns = updateDrawdowns(isResumed ? new Map() : state.drawdowns, equity, moved, settings);
  const regimes = updateRegimes(state.regimes, markets, settings.signals.regimes);
  const held: BookState = { ...state, minute, ledger: settled.ledger, markets, regimes, drawdowns };
  const guarded = protectPositions(held, input, settings);
  const unprotected = guarded.mustHalt
    ? haltFor(commanded.risk, minute, 'PROTECTION_UNCONFIRMED')
    : { risk: commanded.risk, events: [] };
  const { risk } = unprotected;
  const { protections } = guarded;
  const marked = withEntriesCancelled({ ...held, ledger: guarded.entered.ledger, risk, protections });

  const capital = capitalOf(risk, equity, settings.risk);
  const blocked = input.late ?? decisiveLatch(risk)?.reason ?? input.entriesBlocked;
  const { signals, edges } = new MLSignalGenerator(settings.signals, settings.costs).generate({
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

  const reason = blocked ?? panelReason(input, settings.signals);
  const planned = planOrders(
    marked,
    {
      ...input,
      signals,
      capital,
      blocked: reason,
      closings: [...guarded.closings, ...stoppedOut(marked)],
      closedByLegs: closedByLegs(marked, fills),
    },
    settings,
  );
  const ledger = forgetEnded(planned.entered.ledger, minute, ENDED_RETENTION);
  const changes = [booked, settled, guarded.entered, planned.entered];
  const notes = [...guarded.notes, ...planned.notes];
  const orderEvents = changes.flatMap((change) => change.orderEvents);
  const riskEvents = [...measured.events, ...commanded.events, ...unprotected.events];
  return {
    state: {
      ...marked,
      ledger,
      risk: {
        ...risk,
        ordersOfDay: risk.ordersOfDay + planned.intents.length,
      },
      edges,
      // What crossed inside the book came after the minute was measured.
      unseenFills: planned.entered.fills,
      holdUntil: planned.holdUntil,
      cooldowns: planned.cooldowns,
    },
    status: input.late === undefined ? 'DECIDED' : 'MISSED',
    ...(reason === undefined ? {} : { reason }),
    signals,
    intents: [...unendedLegs(booked.legs, settled.ledger), ...guarded.intents, ...planned.intents],
    cancels: pendingCancels(ledger),
    netted: planned.entered.fills,
    orders: changedOrders([booked, settled, planned.entered]),
    orderEvents,
    fills: changes.flatMap((change) => change.fills),
    cashFlows: changes.flatMap((change) => change.cashFlows),
    positions: positionsOf(settings.book, ledger, markets),
    equity: equityPointOf(minute, ledger, valueLedger(ledger, markets)),
    reasonCounts: countReasons([
      ...input.excluded.map((exclusion) => exclusion.reason),
      ...(input.modelReason === undefined ? [] : [input.modelReason]),
      ...(input.withheld?.values() ?? []),
      ...reasonsOf(signals),
      ...notes.map((note) => note.reason),
      ...riskEvents.flatMap((event) => (event.action === 'risk.latch' ? event.reason : [])),
      ...orderEvents.flatMap((event) => event.reason ?? []),
      ...booked.unknown.map((): ReasonCode => 'ORDER_EVENT_UNKNOWN'),
    ]),
    commands: commanded.applied,
    riskEvents,
    notes,
    unknownEvents: booked.unknown,
  };
}

function updateDrawdowns(
  known: BookState['drawdowns'],
  equity: bigint,
  moved: bigint,
  settings: DecideSettings,
): Map<string, DrawdownState> {
  const drawdowns = new Map<string, DrawdownState>();
  for (const { name, protection } of settings.strategies) {
    if (protection.kind !== 'book') continue;
    drawdowns.set(name, updateDrawdown(known.get(name), equity, protection.maxDrawdownFraction, moved));
  }
  return drawdowns;
}

/** The positions of strategies whose book stop was reached. */
function stoppedOut({ ledger, drawdowns }: BookState): ForcedClosing[] {
  return [...ledger.positions.values()]
    .filter(({ strategy }) => drawdowns.get(strategy)?.isStopped)
    .map(({ strategy, symbol }) => ({ strategy, symbol, reason: 'RISK_STRATEGY_DRAWDOWN' }));
}

/** Keys of the positions that are gone and lost their last to a stop or a target. */
function closedByLegs({ ledger }: BookState, fills: readonly Fill[]): Set<string> {
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
export function changedOrders(changes: readonly LedgerChange[]) {
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
