import { z } from 'zod';
import {
  type BoundedHistory,
  DAY_MS,
  type EntryProtection,
  type EpochMs,
  epochMs,
  type Fill,
  isReasonCode,
  MinutehandError,
  messageOf,
  ORDER_PURPOSES,
  ORDER_STATUSES,
  ORDER_TYPES,
  type OrderIntent,
  REGIMES,
  type ReasonCode,
} from '../core/index.ts';
import { noRegimes, type RegimeState, type Regimes } from '../signals/index.ts';
import {
  type Arming,
  type DrawdownState,
  initialRiskState,
  type Ledger,
  type LedgerOrder,
  LedgerOrders,
  type LedgerPosition,
  MarketStates,
  type PositionProtection,
  type RampState,
  type RiskLatch,
  type RiskState,
  WatchedMarket,
} from '../trading/index.ts';
import type { BookState } from './book-state.ts';

const VERSION = 3;

/**
 * The state as JSON text: amounts as integers in their exact units, histories as base64 of little-endian 16-bit values, other
 * numbers so that they read back to the same bits. About 60 KB for 50 symbols with full histories.
 */
export function encodeBookState(state: BookState): string {
  const { ledger, risk, edges } = state;
  return objectText({
    version: String(VERSION),
    minute: String(state.minute),
    ledger: objectText({
      cash: JSON.stringify(String(ledger.cash)),
      realized: JSON.stringify(String(ledger.realized)),
      fees: JSON.stringify(String(ledger.fees)),
      funding: JSON.stringify(String(ledger.funding)),
      transfers: JSON.stringify(String(ledger.transfers)),
      orders: listText(ledger.orders.values(), orderText),
      positions: JSON.stringify([...ledger.positions].map(([key, position]) => [key, storedPosition(position)])),
      flows: JSON.stringify([...ledger.flows]),
    }),
    risk: riskText(risk),
    markets: marketsText(state.markets),
    regimes: regimesText(state.regimes),
    edges: objectText({
      modelId: JSON.stringify(edges.modelId),
      bySymbol: listText(edges.bySymbol, ([key, history]) => `[${JSON.stringify(key)},${historyText(history)}]`),
    }),
    holdUntil: JSON.stringify([...state.holdUntil]),
    cooldowns: JSON.stringify([...state.cooldowns]),
    protections: JSON.stringify([...state.protections].map(([key, each]) => [key, storedProtection(each)])),
    drawdowns: JSON.stringify(
      [...state.drawdowns].map(([name, { peak, isStopped }]) => [name, { peak: String(peak), isStopped }]),
    ),
    unseenFills: JSON.stringify(state.unseenFills.map(storedFill)),
  });
}

/** @throws MinutehandError BOOK_STATE_INVALID if the text is not a state of this version or one before. */
export function decodeBookState(text: string): BookState {
  try {
    return SCHEMA.parse(JSON.parse(text));
  } catch (error) {
    const detail = error instanceof z.ZodError ? describe(error) : messageOf(error);
    throw new MinutehandError(
      'BOOK_STATE_INVALID',
      `the stored state of the book cannot be read: ${detail}`,
      'start with the version that wrote it, or restore the database from a backup',
      { cause: error },
    );
  }
}

const integer = z
  .string()
  .regex(/^-?\d+$/)
  .transform((text) => BigInt(text));
const time = z.number().int().transform(epochMs);
const history = z.base64().transform(decodeHistory);
const times = z.array(z.tuple([z.string(), time])).transform((entries) => new Map<string, EpochMs>(entries));
const reason = z.custom<ReasonCode>((value) => typeof value === 'string' && isReasonCode(value), 'unknown reason code');

const entryProtection: z.ZodType<EntryProtection> = z.strictObject({
  stopPrice: z.string(),
  targets: z.array(z.strictObject({ price: z.string(), share: z.number() })),
  quantityStep: z.string(),
  nettedQuantity: z.string().exactOptional(),
});

const intent: z.ZodType<OrderIntent> = z.strictObject({
  clientOrderId: z.string(),
  book: z.string(),
  strategy: z.string(),
  symbol: z.string(),
  side: z.enum(['buy', 'sell']),
  purpose: z.enum(ORDER_PURPOSES),
  type: z.enum(ORDER_TYPES),
  triggerPrice: z.string().exactOptional(),
  limitPrice: z.string().exactOptional(),
  parent: z.string().exactOptional(),
  protection: entryProtection.exactOptional(),
  quantity: z.string(),
  reduceOnly: z.boolean(),
  decidedAt: time,
  validUntil: time,
  signalId: z.string().exactOptional(),
  reason: reason.exactOptional(),
  referencePrice: z.string(),
});

const order: z.ZodType<LedgerOrder> = z.strictObject({
  intent,
  status: z.enum(ORDER_STATUSES),
  filled: integer,
  filledNotional: integer,
  sequence: z.number().int(),
  fillIds: z.array(z.string()),
  endedAt: time.exactOptional(),
  isCancelRequested: z.literal(true).exactOptional(),
});

const position: z.ZodType<LedgerPosition> = z.strictObject({
  strategy: z.string(),
  symbol: z.string(),
  quantity: integer,
  cost: integer,
  openedAt: time,
  isOvershoot: z.literal(true).exactOptional(),
});

const ledger: z.ZodType<Ledger> = z.strictObject({
  cash: integer,
  realized: integer,
  fees: integer,
  // Before version 3 money came and went by trading only.
  funding: integer.prefault('0'),
  transfers: integer.prefault('0'),
  orders: z.array(order).transform(LedgerOrders.of),
  positions: z.array(z.tuple([z.string(), position])).transform((entries) => new Map(entries)),
  flows: times.prefault([]),
});

const market = z
  .tuple([z.string(), integer, time, z.number(), time, z.number(), history])
  .transform(([symbol, lastPrice, lastMinute, sampledPrice, sampledMinute, minuteNotional, returns]) => {
    const remembered = { lastMinute, sampledPrice, sampledMinute, returns, minuteNotional };
    return [symbol, new WatchedMarket(lastPrice, remembered)] as const;
  });

const protection: z.ZodType<PositionProtection> = z.strictObject({
  parent: z.string(),
  openedAt: time,
  stop: integer,
  best: integer,
  areTargetsPlaced: z.boolean(),
  quantity: integer,
});

const drawdown: z.ZodType<DrawdownState> = z.strictObject({ peak: integer, isStopped: z.boolean() });

const fill: z.ZodType<Fill> = z.strictObject({
  fillId: z.string(),
  clientOrderId: z.string(),
  book: z.string(),
  strategy: z.string(),
  symbol: z.string(),
  side: z.enum(['buy', 'sell']),
  quantity: z.string(),
  price: z.string(),
  fee: z.string(),
  realizedPnl: z.string(),
  time,
});

const mapOf = <T>(value: z.ZodType<T>) =>
  z.array(z.tuple([z.string(), value])).transform((entries) => new Map<string, T>(entries));
const latch: z.ZodType<RiskLatch> = z.strictObject({
  mode: z.enum(['REDUCING', 'HALTED']),
  reason,
  actor: z.string(),
  since: time,
  until: time.exactOptional(),
  text: z.string().exactOptional(),
});

const arming: z.ZodType<Arming> = z.strictObject({ cap: integer, since: time, expiresAt: time, actor: z.string() });

const ramp: z.ZodType<RampState> = z.strictObject({
  stage: z.number().int(),
  since: time,
  cap: integer,
  trades: z.number().int(),
  result: integer,
  peak: integer,
  day: z.number().int(),
  dayResult: integer,
  dayTrades: z.number().int(),
  days: z.number().int(),
  mean: z.number(),
  squares: z.number(),
});

const risk: z.ZodType<RiskState> = z.strictObject({
  day: z.number().int(),
  dayStartEquity: integer,
  ordersOfDay: z.number().int(),
  peakEquity: integer,
  transfers: integer.exactOptional(),
  losingStreak: z.number().int(),
  openResults: z.array(z.tuple([z.string(), integer])).transform((entries) => new Map(entries)),
  staleMinutes: z.number().int(),
  resumedAt: time.exactOptional(),
  latches: z.array(latch),
  arming: arming.exactOptional(),
  ramp: ramp.exactOptional(),
});

/** What states held before there were latches: the loss of a day is seen anew in the next minute, a halt is taken over. */
const riskOfFlags = z
  .strictObject({ day: z.number().int(), dayStartEquity: integer, dailyLossReached: z.boolean(), halted: z.boolean() })
  .transform(({ day, dayStartEquity, halted }): RiskState => {
    const since = epochMs(Math.max(0, day) * DAY_MS);
    const held: RiskLatch = { mode: 'HALTED', reason: 'RISK_HALTED', actor: 'engine', since };
    return { ...initialRiskState(dayStartEquity), day, latches: halted ? [held] : [] };
  });

const regime = z
  .tuple([z.enum(REGIMES), time, time])
  .transform(([name, since, bar]): RegimeState => ({ regime: name, since, bar }));

const SCHEMA: z.ZodType<BookState> = z
  .strictObject({
    // Version 1 knew no protection: its positions are adopted in the next minute.
    version: z.literal([1, 2, VERSION]),
    minute: time,
    ledger,
    risk: z.union([risk, riskOfFlags]),
    markets: z.array(market).transform(MarketStates.of),
    // States of before there were regimes have none: the next bar gives them.
    regimes: z
      .strictObject({
        market: regime.optional(),
        bySymbol: z.array(z.tuple([z.string(), regime])).transform((entries) => new Map(entries)),
      })
      .transform(({ market, bySymbol }): Regimes => ({ market, bySymbol }))
      .default(noRegimes),
    edges: z.strictObject({
      modelId: z.string(),
      bySymbol: z.array(z.tuple([z.string(), history])).transform((entries) => new Map(entries)),
    }),
    holdUntil: times,
    cooldowns: times,
    protections: mapOf(protection).prefault([]),
    drawdowns: mapOf(drawdown).prefault([]),
    unseenFills: z.array(fill).prefault([]),
  })
  .transform(({ version: _, ...state }) => state);

// Fields are named one by one, in the schema's order: equal states give equal texts, however their objects were built.

const orderText = madeOnce(({ intent, ...order }: LedgerOrder) =>
  JSON.stringify({
    intent: {
      clientOrderId: intent.clientOrderId,
      book: intent.book,
      strategy: intent.strategy,
      symbol: intent.symbol,
      side: intent.side,
      purpose: intent.purpose,
      type: intent.type,
      triggerPrice: intent.triggerPrice,
      limitPrice: intent.limitPrice,
      parent: intent.parent,
      protection: intent.protection && {
        stopPrice: intent.protection.stopPrice,
        targets: intent.protection.targets.map(({ price, share }) => ({ price, share })),
        quantityStep: intent.protection.quantityStep,
        nettedQuantity: intent.protection.nettedQuantity,
      },
      quantity: intent.quantity,
      reduceOnly: intent.reduceOnly,
      decidedAt: intent.decidedAt,
      validUntil: intent.validUntil,
      signalId: intent.signalId,
      reason: intent.reason,
      referencePrice: intent.referencePrice,
    },
    status: order.status,
    filled: String(order.filled),
    filledNotional: String(order.filledNotional),
    sequence: order.sequence,
    fillIds: order.fillIds,
    endedAt: order.endedAt,
    isCancelRequested: order.isCancelRequested,
  }),
);

const storedFill = (fill: Fill): Fill => ({
  fillId: fill.fillId,
  clientOrderId: fill.clientOrderId,
  book: fill.book,
  strategy: fill.strategy,
  symbol: fill.symbol,
  side: fill.side,
  quantity: fill.quantity,
  price: fill.price,
  fee: fill.fee,
  realizedPnl: fill.realizedPnl,
  time: fill.time,
});

const riskText = madeOnce((risk: RiskState) =>
  JSON.stringify({
    day: risk.day,
    dayStartEquity: String(risk.dayStartEquity),
    ordersOfDay: risk.ordersOfDay,
    peakEquity: String(risk.peakEquity),
    transfers: risk.transfers === undefined ? undefined : String(risk.transfers),
    losingStreak: risk.losingStreak,
    openResults: [...risk.openResults].map(([key, result]) => [key, String(result)]),
    staleMinutes: risk.staleMinutes,
    resumedAt: risk.resumedAt,
    latches: risk.latches.map(storedLatch),
    arming: risk.arming && storedArming(risk.arming),
    ramp: risk.ramp && storedRamp(risk.ramp),
  }),
);

const storedLatch = ({ mode, reason, actor, since, until, text }: RiskLatch) => ({
  mode,
  reason,
  actor,
  since,
  until,
  text,
});

const storedArming = ({ cap, since, expiresAt, actor }: Arming) => ({ cap: String(cap), since, expiresAt, actor });

function storedRamp(ramp: RampState) {
  return {
    stage: ramp.stage,
    since: ramp.since,
    cap: String(ramp.cap),
    trades: ramp.trades,
    result: String(ramp.result),
    peak: String(ramp.peak),
    day: ramp.day,
    dayResult: String(ramp.dayResult),
    dayTrades: ramp.dayTrades,
    days: ramp.days,
    mean: ramp.mean,
    squares: ramp.squares,
  };
}

const storedRegime = ({ regime, since, bar }: RegimeState) => [regime, since, bar] as const;

const regimesText = madeOnce(({ market, bySymbol }: Regimes) =>
  JSON.stringify({
    market: market && storedRegime(market),
    bySymbol: [...bySymbol].map(([symbol, each]) => [symbol, storedRegime(each)]),
  }),
);

function storedPosition(position: LedgerPosition) {
  return {
    strategy: position.strategy,
    symbol: position.symbol,
    quantity: String(position.quantity),
    cost: String(position.cost),
    openedAt: position.openedAt,
    isOvershoot: position.isOvershoot,
  };
}

function storedProtection(protection: PositionProtection) {
  return {
    parent: protection.parent,
    openedAt: protection.openedAt,
    stop: String(protection.stop),
    best: String(protection.best),
    areTargetsPlaced: protection.areTargetsPlaced,
    quantity: String(protection.quantity),
  };
}

const historyText = madeOnce(
  (values: BoundedHistory) =>
    `"${Buffer.from(values.buffer, values.byteOffset, values.byteLength).toString('base64')}"`,
);

const marketsText = madeOnce((markets: MarketStates) =>
  listText(markets, ([symbol, market]) => {
    const { lastMinute, sampledPrice, sampledMinute, minuteNotional } = market;
    const known = [symbol, String(market.lastPrice), lastMinute, sampledPrice, sampledMinute, minuteNotional];
    return `[${known.map((value) => JSON.stringify(value)).join()},${historyText(market.returns)}]`;
  }),
);

function decodeHistory(text: string): BoundedHistory {
  const bytes = Buffer.from(text, 'base64');
  const values = new Int16Array(bytes.length >> 1);
  for (let i = 0; i < values.length; i++) values[i] = bytes.readInt16LE(2 * i);
  return values;
}

function describe(error: z.ZodError): string {
  const first = error.issues[0];
  return first === undefined ? 'unknown fault' : `${first.path.join('.') || 'top level'}: ${first.message}`;
}

/** The text of what does not change once it is there: most of a state is the same as a moment before. */
function madeOnce<Part extends object>(encode: (part: Part) => string): (part: Part) => string {
  const texts = new WeakMap<Part, string>();
  return (part) => {
    const known = texts.get(part);
    if (known !== undefined) return known;
    const text = encode(part);
    texts.set(part, text);
    return text;
  };
}

const objectText = (fields: Readonly<Record<string, string>>): string =>
  `{${Object.entries(fields)
    .map(([name, text]) => `"${name}":${text}`)
    .join()}}`;

const listText = <Item>(items: Iterable<Item>, encode: (item: Item) => string): string =>
  `[${Array.from(items, encode).join()}]`;
