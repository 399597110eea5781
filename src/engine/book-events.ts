import {
  type BookCommand,
  type BrokerEvent,
  type CommandRecord,
  type EpochMs,
  type EventRecord,
  epochMs,
  type Fill,
  type Instrument,
  MINUTE_MS,
  type OrderIntent,
  type ReasonCode,
  type SymbolId,
} from '../core/index.ts';
import { formatPrice, formatQuantity } from '../matching/index.ts';
import {
  applyBrokerEvents,
  applyCommands,
  clientOrderIdOf,
  coverOf,
  DEFAULT_PROTECTION_SETTINGS,
  enterIntents,
  haltFor,
  isConfirmed,
  type Ledger,
  type LedgerChange,
  type LedgerOrder,
  magnitude,
  pendingCancels,
  positionKey,
  positionsOf,
  unchanged,
  unclosedOf,
  unendedLegs,
  valueLedger,
  workingLegsOf,
  workingOrders,
} from '../trading/index.ts';
import { type BookState, withEntriesCancelled } from './book-state.ts';
import { encodeBookState } from './book-state-text.ts';
import { changedOrders, type DecideSettings } from './decide.ts';
import { protectPositions } from './decide-protection.ts';

/** What comes of something that happened between two minutes: to be committed, then sent. */
export interface BetweenMinutes {
  readonly state: BookState;
  readonly record: Omit<EventRecord, 'step'>;
  readonly unknownEvents: readonly BrokerEvent[];
  /** Client order ids of orders whose end is asked for. */
  readonly cancels: readonly string[];
}

type Settings = Pick<DecideSettings, 'book' | 'risk' | 'strategies'>;

/**
 * Books what a broker reported since the last minute. Fills of entries bring the legs that protect them; stops are fitted to what is
 * held now, as venues refuse one of more when it triggers; legs of what is gone end.
 */
export function bookEvents(
  state: BookState,
  events: readonly BrokerEvent[],
  instruments: ReadonlyMap<SymbolId, Instrument>,
  settings: DecideSettings,
): BetweenMinutes {
  const booked = applyBrokerEvents(state.ledger, events);
  const idle = new Set(legsOfNothing(booked.ledger, booked.fills));
  const isSent = (id: string) => state.ledger.orders.has(id);
  const unsent = [...idle].filter((id) => !isSent(id));
  const dropped = applyBrokerEvents(
    booked.ledger,
    unsent.map((clientOrderId) => ({
      kind: 'status',
      clientOrderId,
      status: 'CANCELLED',
      time: events.at(-1)?.time ?? state.minute,
      reason: 'ORDER_POSITION_CLOSED',
    })),
  );
  const unseenFills = [...state.unseenFills, ...booked.fills];
  const held: BookState = { ...state, ledger: dropped.ledger, unseenFills };
  // As in a missed minute: stops are placed and replaced, not moved.
  const guarded = protectPositions(held, { minute: state.minute, instruments, late: 'CYCLE_PAST_DEADLINE' }, settings);
  const { ledger } = guarded.entered;
  const change: LedgerChange = {
    ...booked,
    changed: [...booked.changed, ...dropped.changed],
    orderEvents: [...booked.orderEvents, ...dropped.orderEvents, ...guarded.entered.orderEvents],
  };
  const intents = [...unendedLegs(booked.legs, ledger), ...guarded.intents];
  const asked = new Set(pendingCancels(state.ledger));
  const cancels = pendingCancels(ledger).filter((id) => !asked.has(id));
  const next: BookState = { ...held, ledger, protections: guarded.protections };
  return { ...between(next, change, intents, [], settings), cancels };
}

/** Legs of positions that fills closed: the account's leg may hold what others own, which they must not reduce. */
function legsOfNothing(ledger: Ledger, fills: readonly Fill[]): string[] {
  const closed = new Set(fills.map(({ strategy, symbol }) => positionKey(strategy, symbol)));
  for (const key of ledger.positions.keys()) closed.delete(key);
  if (closed.size === 0) return [];
  return workingOrders(ledger)
    .filter(({ intent }) => intent.parent !== undefined && closed.has(positionKey(intent.strategy, intent.symbol)))
    .map(({ intent }) => intent.clientOrderId);
}

/** Lets commands take effect. */
export function bookCommands(
  state: BookState,
  commands: readonly BookCommand[],
  at: EpochMs,
  settings: Pick<DecideSettings, 'risk'>,
): { readonly state: BookState } & Pick<CommandRecord, 'commands' | 'riskEvents'> {
  const { ledger, markets } = state;
  const standing = { at, equity: valueLedger(ledger, markets).equity, transfers: ledger.transfers };
  const changed = applyCommands(state.risk, commands, standing, settings.risk);
  const isResumed = commands.some(({ command }) => command === 'resume');
  const drawdowns = isResumed ? new Map() : state.drawdowns;
  return {
    state: withEntriesCancelled({ ...state, risk: changed.risk, drawdowns }),
    commands: changed.applied,
    riskEvents: changed.events,
  };
}

/** Halts trading because the account and the book disagree. */
export function haltUnreconciled(state: BookState, at: EpochMs, text: string, settings: Settings): BetweenMinutes {
  const { risk, events } = haltFor(state.risk, at, 'RISK_UNRECONCILED', text);
  return between(withEntriesCancelled({ ...state, risk }), unchanged(state.ledger), [], events, settings);
}

/** Positions, by `positionKey`, of which less than all is under stops that the venue is known to hold, or that work already. */
export function positionsWithoutStop({ ledger }: BookState): string[] {
  const legsOf = workingLegsOf(ledger);
  return uncovered(ledger, (key) => legsOf(key).stops.filter(isConfirmed));
}

/** Those of {@link positionsWithoutStop} that no exit closes either. */
export function unprotectedPositions({ ledger }: BookState): string[] {
  const legsOf = workingLegsOf(ledger);
  return uncovered(ledger, (key) => [...legsOf(key).stops.filter(isConfirmed), ...exitsOf(ledger, key)]);
}

const uncovered = (ledger: Ledger, closingOf: (key: string) => LedgerOrder[]): string[] =>
  [...ledger.positions].flatMap(([key, { quantity, isOvershoot }]) =>
    isOvershoot || coverOf(closingOf(key)) >= magnitude(quantity) ? [] : [key],
  );

/** Closes positions whose stop was not confirmed in time, or halts trading, as their strategies say. */
export function closeUnprotected(
  state: BookState,
  keys: readonly string[],
  at: EpochMs,
  settings: Settings,
): BetweenMinutes {
  const closed = keys.filter((key) => policyOf(state, key, settings) === 'close');
  const mustHalt = closed.length < keys.length;
  const halted = mustHalt ? haltFor(state.risk, at, 'PROTECTION_UNCONFIRMED') : { risk: state.risk, events: [] };
  const held = { ...state, risk: halted.risk };
  return closePositions(held, closed, at, 'PROTECTION_UNCONFIRMED', settings, halted.events);
}

/** Whether trading is halted already where that is all that its strategy wants of a position without a confirmed stop. */
export const isHaltedFor = (state: BookState, key: string, settings: Settings): boolean =>
  policyOf(state, key, settings) === 'halt' &&
  state.risk.latches.some(({ reason }) => reason === 'PROTECTION_UNCONFIRMED');

function policyOf({ ledger }: BookState, key: string, { strategies }: Settings) {
  const strategy = ledger.positions.get(key)?.strategy;
  const { protection } = strategies.find(({ name }) => name === strategy) ?? {};
  return (protection ?? DEFAULT_PROTECTION_SETTINGS).whenUnconfirmed;
}

/** Closes positions at market, each by an order of this very moment. */
export function closePositions(
  state: BookState,
  keys: readonly string[],
  at: EpochMs,
  reason: ReasonCode,
  settings: Settings,
  riskEvents: EventRecord['riskEvents'] = [],
): BetweenMinutes {
  const legsOf = workingLegsOf(state.ledger);
  const intents = keys.flatMap((key): OrderIntent[] => {
    const position = state.ledger.positions.get(key);
    if (position === undefined) return [];
    const unclosed = unclosedOf(position, legsOf(key));
    if (unclosed === 0n) return [];
    const { strategy, symbol, quantity } = position;
    const identity = { book: settings.book, strategy, symbol, minute: state.minute, purpose: 'exit' } as const;
    return [
      {
        clientOrderId: clientOrderIdOf({ ...identity, attempt: at }),
        book: settings.book,
        strategy,
        symbol,
        side: quantity > 0n ? 'sell' : 'buy',
        purpose: 'exit',
        type: 'market',
        quantity: formatQuantity(unclosed),
        reduceOnly: true,
        decidedAt: at,
        validUntil: epochMs(at + settings.risk.exitValidityMinutes * MINUTE_MS),
        reason,
        referencePrice: formatPrice(state.markets.get(symbol)?.lastPrice ?? 0n),
      },
    ];
  });
  const entered = enterIntents(state.ledger, intents);
  const fresh = intents.filter(({ clientOrderId }) => !state.ledger.orders.has(clientOrderId));
  const next = withEntriesCancelled({ ...state, ledger: entered.ledger });
  return between(next, entered, fresh, riskEvents, settings);
}

/** Open positions, by `positionKey`, that neither an exit nor a leg is closing. */
export function positionsWithoutExit({ ledger }: BookState): string[] {
  const legsOf = workingLegsOf(ledger);
  return [...ledger.positions].flatMap(([key, position]) =>
    position.isOvershoot || exitsOf(ledger, key).length > 0 || unclosedOf(position, legsOf(key)) === 0n ? [] : [key],
  );
}

const exitsOf = (ledger: Ledger, key: string): LedgerOrder[] =>
  workingOrders(ledger).filter(
    ({ intent }) => intent.purpose === 'exit' && positionKey(intent.strategy, intent.symbol) === key,
  );

function between(
  state: BookState,
  change: LedgerChange,
  intents: readonly OrderIntent[],
  riskEvents: EventRecord['riskEvents'],
  { book }: Settings,
): BetweenMinutes {
  return {
    state,
    record: {
      book,
      minute: state.minute,
      intents,
      orders: changedOrders([change]),
      orderEvents: change.orderEvents,
      fills: change.fills,
      cashFlows: change.cashFlows,
      positions: positionsOf(book, state.ledger, state.markets),
      riskEvents,
      bookState: encodeBookState(state),
    },
    unknownEvents: change.unknown,
    cancels: riskEvents.length > 0 ? pendingCancels(state.ledger) : [],
  };
}
