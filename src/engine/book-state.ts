import { z } from 'zod';
import {
  type BoundedHistory,
  DAY_MS,
  type EntryProtection,
  type EpochMs,
  epochMs,
  type Fill,
  type FinalCandle,
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
import { parseCash } from '../matching/index.ts';
import {
  type EdgeHistories,
  noEdgeHistories,
  noRegimes,
  type RegimeSettings,
  type RegimeState,
  type Regimes,
  updateRegimes,
} from '../signals/index.ts';
import {
  type Arming,
  type DrawdownState,
  initialRiskState,
  isUnarmed,
  type Ledger,
  type LedgerOrder,
  LedgerOrders,
  type LedgerPosition,
  MarketStates,
  openLedger,
  type PositionProtection,
  type RampState,
  type RiskLatch,
  type RiskSettings,
  type RiskState,
  requestCancels,
  riskModeOf,
  type SizingSettings,
  WatchedMarket,
  workingOrders,
} from '../trading/index.ts';

/**
 * Everything a book must remember from one minute to the next. Immutable; stored as text each minute, and the stored text is the
 * whole of it: going on from it gives the same bits as not having stopped.
 */
export interface BookState {
  /** The last minute decided; 0 before the first. */
  readonly minute: EpochMs;
  readonly ledger: Ledger;
  readonly risk: RiskState;
  readonly markets: MarketStates;
  readonly regimes: Regimes;
  readonly edges: EdgeHistories;
  /** When a strategy gives a position up, by `positionKey`. */
  readonly holdUntil: ReadonlyMap<string, EpochMs>;
  /** Until when a strategy does not enter a symbol again, by `positionKey`. */
  readonly cooldowns: ReadonlyMap<string, EpochMs>;
  /** Of every open position, by `positionKey`. */
  readonly protections: ReadonlyMap<string, PositionProtection>;
  /** Of the strategies with a book stop, by name. */
  readonly drawdowns: ReadonlyMap<string, DrawdownState>;
  /** Booked since the last minute: the next one looks at them. */
  readonly unseenFills: readonly Fill[];
}

/** @throws RangeError if the initial equity is not a decimal of at most 8 places. */
export function initialBookState(risk: RiskSettings): BookState {
  const cash = parseCash(risk.initialEquity);
  return {
    minute: epochMs(0),
    ledger: openLedger(cash),
    risk: initialRiskState(cash),
    markets: new MarketStates(),
    regimes: noRegimes,
    edges: noEdgeHistories,
    holdUntil: new Map(),
    cooldowns: new Map(),
    protections: new Map(),
    drawdowns: new Map(),
    unseenFills: [],
  };
}

/**
 * The state after looking at candles of minutes that were not decided on, oldest first: gives a new book its volatilities, volumes and
 * regimes. A day of one-minute candles fills what is asked for.
 */
export function warmBookState(
  state: BookState,
  candles: Iterable<FinalCandle>,
  sizing: SizingSettings,
  regimeSettings: RegimeSettings,
): BookState {
  let { markets, regimes } = state;
  let minute: FinalCandle[] = [];
  const take = () => {
    markets = observeCandles(markets, minute, sizing);
    regimes = updateRegimes(regimes, markets, regimeSettings);
    minute = [];
  };
  for (const candle of candles) {
    if (minute[0] !== undefined && candle.openTime !== minute[0].openTime) take();
    minute.push(candle);
  }
  take();
  return { ...state, markets, regimes };
}

export function observeCandles(
  markets: BookState['markets'],
  candles: Iterable<FinalCandle>,
  sizing: SizingSettings,
): BookState['markets'] {
  const next = new MarketStates(markets);
  for (const candle of candles) next.observe(candle, sizing);
  return next;
}

/** Where trading is halted or not armed, the end of entries asked for that still work. */
export function withEntriesCancelled(state: BookState): BookState {
  const ledger = entriesCancelled(state.ledger, state.risk);
  return ledger === state.ledger ? state : { ...state, ledger };
}

export function entriesCancelled(ledger: Ledger, risk: RiskState): Ledger {
  if (risk.latches.length === 0 || (riskModeOf(risk) !== 'HALTED' && !isUnarmed(risk))) return ledger;
  const entries = workingOrders(ledger).filter(({ intent }) => intent.purpose === 'entry');
  return requestCancels(
    ledger,
    entries.map(({ intent }) => intent.clientOrderId),
  );
}

const VERSION = 3;

/**
 * The state as JSON text: amounts as integers in their exact units, histories as base64 of little-endian 16-bit values, other
 * numbers so that they read back to the same bits. About 60 KB for 50 symbols with full histories.
 */
export function encodeBookState(state: BookState): string {
  const { ledger, risk, regimes, edges } = state;
  return JSON.stringify({
    version: VERSION,
    minute: state.minute,
    ledger: {
      cash: String(ledger.cash),
      realized: String(ledger.realized),
      fees: String(ledger.fees),
      funding: String(ledger.funding),
      transfers: String(ledger.transfers),
      orders: [...ledger.orders.values()].map(storedOrder),
      positions: [...ledger.positions].map(([key, position]) => [key, storedPosition(position)]),
      flows: [...ledger.flows],
    },
    risk: {
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
    },
    markets: [...state.markets].map(([symbol, market]) => [
      symbol,
      String(market.lastPrice),
      market.lastMinute,
      market.sampledPrice,
      market.sampledMinute,
      market.minuteNotional,
      encodeHistory(market.returns),
    ]),
    regimes: {
      market: regimes.market && storedRegime(regimes.market),
      bySymbol: [...regimes.bySymbol].map(([symbol, each]) => [symbol, storedRegime(each)]),
    },
    edges: {
      modelId: edges.modelId,
      bySymbol: [...edges.bySymbol].map(([key, history]) => [key, encodeHistory(history)]),
    },
    holdUntil: [...state.holdUntil],
    cooldowns: [...state.cooldowns],
    protections: [...state.protections].map(([key, protection]) => [key, storedProtection(protection)]),
    drawdowns: [...state.drawdowns].map(([name, { peak, isStopped }]) => [name, { peak: String(peak), isStopped }]),
    unseenFills: state.unseenFills.map(storedFill),
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

function storedOrder({ intent, ...order }: LedgerOrder) {
  return {
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
  };
}

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

function encodeHistory(values: BoundedHistory): string {
  return Buffer.from(values.buffer, values.byteOffset, values.byteLength).toString('base64');
}

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
