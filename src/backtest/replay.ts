import { createHash } from 'node:crypto';
import {
  at64,
  type BarColumns,
  type BrokerEvent,
  cashToNumber,
  durationOf,
  type EpochMs,
  type Exclusion,
  epochMs,
  type FinalCandle,
  type Forecast,
  firstAtOrAfter,
  type Horizon,
  type Instrument,
  MINUTE_MS,
  type OrderPurpose,
  outputOf,
  type Position,
  type ReasonCode,
  type Signal,
  type SymbolId,
  type Timeframe,
  waitReal,
} from '../core/index.ts';
import { panelAt } from '../data/index.ts';
import {
  type BookState,
  type CycleSettings,
  type Decision,
  decide,
  type EntryConditionSettings,
  entriesBlockedBy,
  initialBookState,
  warmBookState,
} from '../engine/index.ts';
import { type MarketFill, notionalOf } from '../matching/index.ts';
import { magnitude, PaperBroker } from '../trading/index.ts';
import type { FundingHistory } from './funding-history.ts';
import type { BacktestRecord, FundingFlow, TradeFill } from './record.ts';
import { type EvidenceOptions, RollingEvidence } from './rolling-evidence.ts';

/** Bars are 15 minutes long. */
const BAR: Timeframe = '15m';
const BAR_MS = durationOf(BAR);
const BAR_MINUTES = BAR_MS / MINUTE_MS;
/** Bars between two looks at whether to stop. */
const PAUSE_EVERY = 256;

/** What speaks of the bars' future. */
export interface ForecastSource {
  readonly modelId: string;
  readonly edgeReference: Readonly<Partial<Record<Horizon, readonly number[]>>>;
  /** End of the newest data that the model was fitted or judged on. */
  readonly dataUntil: EpochMs;
  at(minute: EpochMs): readonly Forecast[];
}

export interface ReplayRequest {
  /** In canonical order; as far back as there are any. */
  readonly bars: ReadonlyMap<SymbolId, BarColumns>;
  /** One-minute bars of the same symbols: where they are whole, orders are worked on them. */
  readonly minutes?: ReadonlyMap<SymbolId, BarColumns> | undefined;
  readonly references: readonly SymbolId[];
  readonly instruments: ReadonlyMap<SymbolId, Instrument>;
  /** Closes of the first and the last bar that is decided. */
  readonly from: EpochMs;
  readonly to: EpochMs;
  readonly forecasts?: ForecastSource | undefined;
  readonly funding?: FundingHistory | undefined;
  readonly settings: CycleSettings;
  readonly conditions: EntryConditionSettings;
  readonly evidence: EvidenceOptions | null;
  /** Told of every bar's decision; `isOnMinutes`: what filled before it did so on one-minute bars. */
  readonly onDecision?: (minute: EpochMs, decision: Decision, isOnMinutes: boolean) => void;
  readonly onProgress?: (done: number, total: number) => void;
  readonly signal?: AbortSignal;
}

export interface ReplayResult extends BacktestRecord {
  readonly bars: number;
  /** Orders that were sent. */
  readonly orders: number;
  /** Signals that passed every gate, and all candidates. */
  readonly signals: { readonly accepted: number; readonly candidates: number };
  /** How often each reason occurred. */
  readonly reasons: Readonly<Partial<Record<ReasonCode, number>>>;
  /** What is still held at the end. */
  readonly open: readonly Position[];
  /** Bars whose orders were worked on one-minute bars. */
  readonly minuteBars: number;
  /** sha256 (hex) over every execution: id, quantity, price, fee and time. */
  readonly fillsHash: string;
  /** sha256 (hex) over every decision: intents, notes, equity. */
  readonly decisionsHash: string;
  readonly state: BookState;
}

/**
 * Drives `decide` over recorded bars, as the minute's cycle drives it over live ones: the same panel, signals, sizing, risk, ledger and matching. Orders
 * fill from the next bar's open on. A symbol is of the universe from its first bar to its last; what is held of it then is closed there. Equal
 * requests give equal results.
 */
export async function replay(request: ReplayRequest): Promise<ReplayResult> {
  const { bars, references, from, to, forecasts, funding, settings, conditions, signal } = request;
  const series = [...bars].map(([symbol, columns]) => new BarSeries(symbol, columns, BAR));
  const lastClose = Math.max(...series.map((one) => one.lastClose));
  const minutes = new Map(
    [...(request.minutes ?? [])].map(([symbol, one]) => [symbol, new BarSeries(symbol, one, '1m')]),
  );
  const instrumentOf = (symbol: SymbolId) => request.instruments.get(symbol);
  const costs = new Map<string, MarketFill>();
  const broker = new PaperBroker({
    instrumentOf,
    costs: settings.decide.costs,
    barMs: BAR_MS,
    ...(funding ? { funding } : {}),
    onMatched: (fillId, fill) => costs.set(fillId, fill),
  });
  await broker.restore({ openOrders: [], positions: [] });
  const evidence =
    request.evidence && forecasts
      ? new RollingEvidence(request.evidence, forecasts.modelId, closesOf(bars))
      : undefined;
  let state = warmBookState(
    initialBookState(settings.decide.risk),
    candlesBefore(series, from, settings.decide.sizing.returnSamples),
    settings.decide.sizing,
    settings.decide.signals.regimes,
  );
  const book = new BookRecorder(epochMs(from - BAR_MS), cashToNumber(state.ledger.cash), costs, funding);
  const total = Math.floor((to - from) / BAR_MS) + 1;
  let minuteBars = 0;
  for (let bar = 0; bar < total; bar++) {
    const minute = epochMs(from + bar * BAR_MS);
    const candles = new Map<SymbolId, FinalCandle>();
    const listed: SymbolId[] = [];
    const ended = new Set<SymbolId>();
    for (const one of series) {
      if (one.lastClose < lastClose && one.lastClose <= minute) ended.add(one.symbol);
      else if (one.hasBegun(minute)) listed.push(one.symbol);
      const candle = one.at(minute);
      if (candle !== undefined) candles.set(one.symbol, candle);
    }
    const panel = panelAt({
      minute,
      universe: listed,
      references: references.filter((symbol) => bars.has(symbol)),
      present: new Set(candles.keys()),
      exclusions: [...ended].map((symbol): Exclusion => ({ symbol, reason: 'INSTRUMENT_DELISTED' })),
      minimumCoverage: settings.minimumCoverage,
    });
    const detailed = minutesOf(candles, minutes, minute);
    const brokerEvents: BrokerEvent[] = [];
    if (detailed === undefined) {
      const events = broker.events(minute, candles);
      brokerEvents.push(...(events instanceof Promise ? await events : events));
    } else {
      minuteBars++;
      for (const [close, own] of detailed) brokerEvents.push(...(await broker.events(close, own)));
    }
    const isDue = settings.enabled && forecasts !== undefined && minute % settings.intervalMs === 0;
    const said = isDue ? forecasts.at(minute).filter(({ symbol }) => !ended.has(symbol)) : [];
    if (request.evidence && evidence) {
      const output = `future_return_${request.evidence.horizon}` as const;
      evidence.step(
        minute,
        said.map((forecast) => ({ symbol: forecast.symbol, value: outputOf(forecast, output) })),
      );
    }
    const decision = decide(
      state,
      {
        minute,
        members: panel.members,
        excluded: panel.excluded,
        candles,
        coverage: panel.coverage,
        referencesPresent: panel.referencesPresent,
        forecasts: said,
        edgeReference: forecasts?.edgeReference,
        ...(forecasts ? {} : { modelReason: 'MODEL_DISABLED' as const }),
        ...(funding ? { fundingRates: funding.ratesPerPeriod(minute) } : {}),
        brokerEvents,
        instruments: request.instruments,
        incomplete: NONE,
        ended,
        entriesBlocked: entriesBlockedBy(
          {
            minute,
            clockSkewMs: 0,
            requests: { all: 0, failed: 0 },
            modelDataUntil: forecasts?.dataUntil,
          },
          conditions,
        ),
        modelEvidence: evidence?.evidence,
      },
      settings.decide,
    );
    state = decision.state;
    book.take(minute, decision);
    request.onDecision?.(minute, decision, detailed !== undefined);
    if (decision.netted.length > 0) await broker.settle(decision.netted);
    if (decision.intents.length > 0) await broker.submit(decision.intents);
    if (decision.cancels.length > 0) await broker.cancel(decision.cancels);
    if (bar % PAUSE_EVERY === 0) {
      request.onProgress?.(bar, total);
      await waitReal(1);
      signal?.throwIfAborted();
    }
  }
  request.onProgress?.(total, total);
  return { ...book.result(), bars: total, minuteBars, state };
}

const NONE: ReadonlySet<SymbolId> = new Set();

/** Keeps of every decision what statistics and hashes are made of. */
class BookRecorder {
  readonly #costs: Map<string, MarketFill>;
  readonly #funding: FundingHistory | undefined;
  readonly #times: number[];
  readonly #equity: number[];
  readonly #long = [0];
  readonly #short = [0];
  readonly #held = [0];
  readonly #fills: TradeFill[] = [];
  readonly #flows: FundingFlow[] = [];
  /** Of entries that follow from a signal, by client order id. */
  readonly #entries = new Map<string, { confidence: number; regime?: string }>();
  readonly #reasons: Partial<Record<ReasonCode, number>> = {};
  readonly #fillsHash = createHash('sha256');
  readonly #decisionsHash = createHash('sha256');
  readonly #signals = { accepted: 0, candidates: 0 };
  #orders = 0;
  #last: Decision | undefined;

  constructor(start: EpochMs, equity: number, costs: Map<string, MarketFill>, funding: FundingHistory | undefined) {
    this.#times = [start];
    this.#equity = [equity];
    this.#costs = costs;
    this.#funding = funding;
  }

  take(minute: EpochMs, decision: Decision): void {
    const { state, signals, intents, fills, cashFlows, equity, notes, reasonCounts } = decision;
    let [long, short] = [0n, 0n];
    for (const { symbol, quantity } of state.ledger.positions.values()) {
      const value = notionalOf(state.markets.get(symbol)?.lastPrice ?? 0n, magnitude(quantity));
      if (quantity > 0n) long += value;
      else short += value;
    }
    this.#times.push(minute);
    this.#equity.push(Number(equity.equity));
    this.#long.push(cashToNumber(long));
    this.#short.push(cashToNumber(short));
    this.#held.push(state.ledger.positions.size);
    this.#last = decision;
    this.#orders += intents.length;
    this.#signals.candidates += signals.length;
    for (const one of signals) if (one.accepted) this.#signals.accepted++;
    for (const [reason, count] of Object.entries(reasonCounts)) {
      const code = reason as ReasonCode;
      this.#reasons[code] = (this.#reasons[code] ?? 0) + count;
    }
    this.#remember(signals, intents, state.regimes.market?.regime);
    for (const fill of fills) this.#fill(fill, state);
    for (const { cause, symbol, amount, time } of cashFlows) {
      if (cause !== 'funding' || symbol === undefined) continue;
      const isAssumed = this.#funding?.isAssumed(symbol, time) ?? false;
      this.#flows.push({ time, symbol, amount: Number(amount), isAssumed });
    }
    if (intents.length > 0 || notes.length > 0 || fills.length > 0) {
      this.#decisionsHash.update(JSON.stringify([minute, intents, notes, equity]));
    }
  }

  #remember(signals: readonly Signal[], intents: Decision['intents'], market: string | undefined): void {
    for (const { purpose, signalId, clientOrderId } of intents) {
      if (purpose !== 'entry' || signalId === undefined) continue;
      const signal = signals.find(({ id }) => id === signalId);
      if (signal === undefined) continue;
      const regime = signal.marketRegime ?? market;
      this.#entries.set(clientOrderId, {
        confidence: signal.confidence,
        ...(regime === undefined ? {} : { regime }),
      });
    }
  }

  #fill(fill: Decision['fills'][number], { ledger }: BookState): void {
    const { fillId, clientOrderId, quantity, price, fee, time } = fill;
    const cost = this.#costs.get(fillId);
    this.#costs.delete(fillId);
    const purpose: OrderPurpose = ledger.orders.get(clientOrderId)?.intent.purpose ?? 'exit';
    this.#fillsHash.update(`${fillId} ${quantity} ${price} ${fee} ${time}\n`);
    this.#fills.push({
      time,
      strategy: fill.strategy,
      symbol: fill.symbol,
      side: fill.side,
      purpose,
      quantity: Number(quantity),
      price: Number(price),
      realizedPnl: Number(fill.realizedPnl),
      fee: Number(fee),
      spread: cost === undefined ? 0 : cashToNumber(cost.spread),
      impact: cost === undefined ? 0 : cashToNumber(cost.impact),
      ...this.#entries.get(clientOrderId),
    });
  }

  result(): Omit<ReplayResult, 'bars' | 'minuteBars' | 'state'> {
    return {
      equity: {
        times: Float64Array.from(this.#times),
        equity: Float64Array.from(this.#equity),
        long: Float64Array.from(this.#long),
        short: Float64Array.from(this.#short),
        positions: Int32Array.from(this.#held),
      },
      fills: this.#fills,
      funding: this.#flows,
      orders: this.#orders,
      signals: this.#signals,
      reasons: this.#reasons,
      open: this.#last?.positions ?? [],
      fillsHash: this.#fillsHash.digest('hex'),
      decisionsHash: this.#decisionsHash.digest('hex'),
    };
  }
}

/** Columns of one symbol that are read bar by bar, by the time they close. */
class BarSeries {
  readonly symbol: SymbolId;
  readonly #bars: BarColumns;
  readonly #timeframe: Timeframe;
  readonly #barMs: number;
  #next = 0;

  constructor(symbol: SymbolId, bars: BarColumns, timeframe: Timeframe) {
    this.symbol = symbol;
    this.#bars = bars;
    this.#timeframe = timeframe;
    this.#barMs = durationOf(timeframe);
  }

  hasBegun(minute: EpochMs): boolean {
    return this.#bars.length > 0 && at64(this.#bars.openTime, 0) + this.#barMs <= minute;
  }

  /** Close time of its last bar. */
  get lastClose(): number {
    const { openTime, length } = this.#bars;
    return length === 0 ? Number.NEGATIVE_INFINITY : at64(openTime, length - 1) + this.#barMs;
  }

  /** The bar that closes at `minute`; times ascend. */
  at(minute: EpochMs): FinalCandle | undefined {
    const { openTime, length } = this.#bars;
    const open = minute - this.#barMs;
    // Far from where it was last looked for: once, at the begin.
    if (this.#next === 0) this.#next = firstAtOrAfter(openTime, open);
    while (this.#next < length && at64(openTime, this.#next) < open) this.#next++;
    return this.#next < length && at64(openTime, this.#next) === open ? this.#candle(this.#next) : undefined;
  }

  #candle(at: number): FinalCandle {
    const { openTime, open, high, low, close, volume, quoteVolume } = this.#bars;
    const quote = at64(quoteVolume, at);
    return {
      state: 'final',
      finality: 'archive',
      symbol: this.symbol,
      timeframe: this.#timeframe,
      openTime: epochMs(at64(openTime, at)),
      open: at64(open, at),
      high: at64(high, at),
      low: at64(low, at),
      close: at64(close, at),
      volume: at64(volume, at),
      ...(Number.isNaN(quote) ? {} : { quoteVolume: quote }),
    };
  }
}

/** Bars before the first decision, oldest first: they give a new book its volatilities, volumes and past returns, as live. */
function candlesBefore(series: readonly BarSeries[], from: EpochMs, bars: number): FinalCandle[] {
  const candles: FinalCandle[] = [];
  for (let back = bars; back > 0; back--) {
    for (const one of series) {
      const candle = one.at(epochMs(from - back * BAR_MS));
      if (candle !== undefined) candles.push(candle);
    }
  }
  return candles;
}

/** One-minute candles by their close, where each symbol of the bar has all of its minutes. */
function minutesOf(
  candles: ReadonlyMap<SymbolId, FinalCandle>,
  minutes: ReadonlyMap<SymbolId, BarSeries>,
  bar: EpochMs,
): [EpochMs, Map<SymbolId, FinalCandle>][] | undefined {
  if (minutes.size === 0) return undefined;
  const detailed: [EpochMs, Map<SymbolId, FinalCandle>][] = [];
  for (let minute = 1; minute <= BAR_MINUTES; minute++) {
    const close = epochMs(bar - BAR_MS + minute * MINUTE_MS);
    const own = new Map<SymbolId, FinalCandle>();
    for (const symbol of candles.keys()) {
      const candle = minutes.get(symbol)?.at(close);
      if (candle === undefined) return undefined;
      own.set(symbol, candle);
    }
    detailed.push([close, own]);
  }
  return detailed;
}

/** Close of the bar that ends at a time; NaN where there is none. */
function closesOf(bars: ReadonlyMap<SymbolId, BarColumns>): (symbol: SymbolId, minute: EpochMs) => number {
  return (symbol, minute) => {
    const columns = bars.get(symbol);
    if (columns === undefined) return Number.NaN;
    const at = firstAtOrAfter(columns.openTime, minute - BAR_MS);
    return at < columns.length && at64(columns.openTime, at) === minute - BAR_MS ? at64(columns.close, at) : Number.NaN;
  };
}
