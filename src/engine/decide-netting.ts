import type { BrokerEvent, DecisionNote, EpochMs, Instrument, OrderIntent, SymbolId } from '../core/index.ts';
import { formatPrice, formatQuantity, notionalOf, parseQuantity, tradingRulesOf } from '../matching/index.ts';
import {
  applyBrokerEvents,
  clientOrderIdOf,
  enterIntents,
  type Ledger,
  type LedgerChange,
  legsAfterFill,
  type Markets,
  positionKey,
  requestCancels,
  unchanged,
  workingLegsOf,
} from '../trading/index.ts';

export interface NettedOrders {
  /** What is left to be sent, legs of what crossed included; in the ledger as SUBMITTING. */
  readonly intents: readonly OrderIntent[];
  /** The ledger after everything; orders and fills of what crossed: they are reported, and never sent. */
  readonly change: LedgerChange;
  readonly notes: readonly DecisionNote[];
}

/** An order with the part of it that crosses; quantity units. */
interface Crossing {
  readonly intent: OrderIntent;
  readonly crossed: bigint;
}

/**
 * Nets what strategies want of one symbol in one minute: opposite orders cross inside the book at the minute's last price, without fee
 * and spread, each strategy with a fill of its own; only the rest goes to the venue. Exits cross before entries, then in the order of the
 * plan. An entry that crosses has its stop, and in full its targets, as from any fill; an exit that crosses in full ends the position
 * and its legs. A symbol without a price of this very minute does not cross.
 */
export function netIntents(ledger: Ledger, intents: readonly OrderIntent[], input: NettingInput): NettedOrders {
  const { minute, markets } = input;
  if (intents.length === 0) return { intents, change: unchanged(ledger), notes: NONE };
  const crossings = new Map(crossingsOf(intents, input).map(({ intent, crossed }) => [intent, crossed]));
  if (crossings.size === 0) {
    const { ledger: entered, orderEvents } = enterIntents(ledger, intents);
    return { intents, change: { ...unchanged(entered), orderEvents }, notes: NONE };
  }
  const inside: OrderIntent[] = [];
  const outside: OrderIntent[] = [];
  const legs: OrderIntent[] = [];
  const notes: DecisionNote[] = [];
  for (const intent of intents) {
    const crossed = crossings.get(intent);
    const rest = parseQuantity(intent.quantity) - (crossed ?? 0n);
    if (crossed === undefined) outside.push(intent);
    else if (rest === 0n) inside.push({ ...intent, validUntil: minute });
    else if (intent.purpose === 'entry' && isBelowMinimum(intent, rest, input)) {
      const { strategy, symbol, signalId } = intent;
      notes.push({ strategy, symbol, reason: 'SIZE_BELOW_MINIMUM', ...(signalId === undefined ? {} : { signalId }) });
      inside.push({ ...intent, quantity: formatQuantity(crossed), validUntil: minute });
    } else {
      const { part, remainder } = split(intent, crossed, rest, minute);
      inside.push(part);
      outside.push(remainder);
      legs.push(...legsAfterFill(remainder, 0n, minute));
    }
  }
  const fills = inside.map((intent): BrokerEvent => {
    const price = formatPrice(markets.get(intent.symbol)?.lastPrice ?? 0n);
    const { clientOrderId, quantity } = intent;
    return { kind: 'fill', fillId: `${clientOrderId}/netted`, clientOrderId, quantity, price, fee: '0', time: minute };
  });
  const crossedOrders = enterIntents(ledger, inside);
  const filled = applyBrokerEvents(crossedOrders.ledger, fills);
  const ended = requestCancels(filled.ledger, legsWithoutPosition(filled.ledger, inside));
  const sent = enterIntents(ended, [...outside, ...legs]);
  return {
    intents: [...outside, ...filled.legs, ...legs],
    change: {
      ledger: sent.ledger,
      changed: filled.changed,
      orderEvents: [...crossedOrders.orderEvents, ...filled.orderEvents, ...sent.orderEvents],
      fills: filled.fills,
      cashFlows: [],
      legs: filled.legs,
      unknown: [],
    },
    notes,
  };
}

const NONE: readonly never[] = [];

interface NettingInput {
  readonly minute: EpochMs;
  readonly markets: Markets;
  readonly instruments: ReadonlyMap<SymbolId, Instrument>;
  /** Without netting everything goes to the venue. */
  readonly areStrategiesNetted: boolean;
  /** Where a symbol has a long and a short position of its own at the venue, only what is about one of them crosses. */
  readonly areLegsSeparate: boolean;
}

function crossingsOf(
  intents: readonly OrderIntent[],
  { minute, markets, areStrategiesNetted, areLegsSeparate }: NettingInput,
): Crossing[] {
  // Nothing crosses itself.
  if (!areStrategiesNetted || intents.length === 1) return [];
  const placeOf = (intent: OrderIntent) => `${intent.symbol}/${areLegsSeparate ? legOf(intent) : 'both'}`;
  return [...new Set(intents.map(placeOf))].flatMap((place) => {
    const here = intents.filter((intent) => placeOf(intent) === place);
    if (markets.get(here[0]?.symbol ?? '')?.lastMinute !== minute) return [];
    const sideOf = (side: OrderIntent['side']) =>
      here
        .filter((intent) => intent.side === side)
        .sort((a, b) => Number(a.purpose === 'entry') - Number(b.purpose === 'entry'));
    const [buys, sells] = [sideOf('buy'), sideOf('sell')];
    const [bought, sold] = [totalOf(buys), totalOf(sells)];
    const total = bought < sold ? bought : sold;
    return [...allot(buys, total), ...allot(sells, total)];
  });
}

/** The position it opens or closes. */
const legOf = ({ side, purpose }: OrderIntent) => ((side === 'buy') === (purpose === 'entry') ? 'long' : 'short');

const totalOf = (intents: readonly OrderIntent[]): bigint =>
  intents.reduce((sum, { quantity }) => sum + parseQuantity(quantity), 0n);

/** Gives a quantity to orders, the first first, each at most its own. */
function allot(intents: readonly OrderIntent[], total: bigint): Crossing[] {
  let left = total;
  const crossings: Crossing[] = [];
  for (const intent of intents) {
    const quantity = parseQuantity(intent.quantity);
    const crossed = quantity < left ? quantity : left;
    if (crossed > 0n) crossings.push({ intent, crossed });
    left -= crossed;
  }
  return crossings;
}

/** The part that crosses as an order of its own; what is left keeps the id, and of an entry the legs of both. */
function split(intent: OrderIntent, crossed: bigint, rest: bigint, minute: EpochMs) {
  const { book, strategy, symbol, clientOrderId, protection, ...common } = intent;
  const purpose = intent.purpose === 'entry' ? 'entry' : 'exit';
  const part: OrderIntent = {
    ...common,
    clientOrderId: clientOrderIdOf({ book, strategy, symbol, minute, purpose, isNetted: true }),
    book,
    strategy,
    symbol,
    quantity: formatQuantity(crossed),
    validUntil: minute,
    ...(purpose === 'entry' ? { parent: clientOrderId } : {}),
  };
  const remainder: OrderIntent = {
    ...intent,
    quantity: formatQuantity(rest),
    ...(protection === undefined ? {} : { protection: { ...protection, nettedQuantity: formatQuantity(crossed) } }),
  };
  return { part, remainder };
}

function isBelowMinimum({ symbol }: OrderIntent, quantity: bigint, { markets, instruments }: NettingInput): boolean {
  const instrument = instruments.get(symbol);
  const market = markets.get(symbol);
  if (instrument === undefined || market === undefined) return true;
  const { minQuantity, minNotional } = tradingRulesOf(instrument);
  return quantity < minQuantity || notionalOf(market.lastPrice, quantity) < minNotional;
}

/** Working legs of the positions that the orders closed. */
function legsWithoutPosition(ledger: Ledger, orders: readonly OrderIntent[]): string[] {
  const legsOf = workingLegsOf(ledger);
  return orders.flatMap(({ strategy, symbol }) => {
    const key = positionKey(strategy, symbol);
    if (ledger.positions.has(key)) return [];
    const { stops, targets } = legsOf(key);
    return [...stops, ...targets].map(({ intent }) => intent.clientOrderId);
  });
}
