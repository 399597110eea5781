import {
  type BarColumns,
  type EpochMs,
  type EquityPoint,
  epochMs,
  type FeaturePanel,
  type FinalCandle,
  type Forecast,
  firstAtOrAfter,
  HOUR_MS,
  MINUTE_MS,
  MinutehandError,
  type Order,
  type Signal,
  type SymbolId,
} from '../../core/index.ts';
import {
  type CycleSummary,
  type Database,
  listCycles,
  listEquity,
  listForecasts,
  listOrders,
  listReplayStates,
  listSignals,
  listSteps,
  readBars,
  readFeaturePanels,
  readRiskEvents,
  type StoredReplayState,
  type StoredStep,
} from '../../database/index.ts';
import { candleAt } from '../../engine/index.ts';

export interface PastOptions {
  readonly database: Database;
  readonly book: string;
  readonly venue: string;
  /** Canonical order. */
  readonly universe: readonly SymbolId[];
  readonly featureSetHash: string;
}

/** Candles that an earlier minute waited for, and orders whose leg was brought later, are looked for this far back. */
const LOOK_BACK_MS = 2 * HOUR_MS;

/** What is stored of some minutes of a book. */
export interface PastMinutes {
  readonly steps: readonly StoredStep[];
  readonly states: readonly StoredReplayState[];
  readonly cycles: ReadonlyMap<EpochMs, CycleSummary>;
  readonly equity: ReadonlyMap<EpochMs, EquityPoint>;
  readonly panels: ReadonlyMap<EpochMs, FeaturePanel>;
  readonly orders: ReadonlyMap<string, Order>;
  /** Changes in what the book may do: those that were met again are taken out. */
  readonly riskEvents: Readonly<Record<string, unknown>>[];
  signalsAt(minute: EpochMs): readonly Signal[];
  forecastsAt(minute: EpochMs, modelId: string): readonly Forecast[];
  /** @throws MinutehandError REPLAY_MISSING */
  candle(symbol: SymbolId, openTime: EpochMs): FinalCandle;
}

/** Reads what is stored of the minutes from `from` to `to`, both included. */
export async function readPast(options: PastOptions, from: EpochMs, to: EpochMs): Promise<PastMinutes> {
  const { database, book, venue, universe, featureSetHash } = options;
  const until = epochMs(to + MINUTE_MS);
  const back = epochMs(from - LOOK_BACK_MS);
  const range = { book, from, until };
  // One after the other: each is short, and the engine may be running on the same server.
  const steps = await listSteps(database, { book, from, to });
  const states = await listReplayStates(database, { book, from, to });
  const cycles = await listCycles(database, { ...range, limit: (until - from) / MINUTE_MS });
  const equity = await listEquity(database, range);
  const panels = await readFeaturePanels(database, { venue, symbols: universe, featureSetHash, from, to });
  const orders = await listOrders(database, { book, from: back, until });
  const riskEvents = await readRiskEvents(database, range);
  const signals = byMinute(await listSignals(database, range));
  const forecasts = byMinute(await listForecasts(database, range));
  const bars = await readBars(database, universe, { venue, timeframe: '1m', from: back, until });
  return {
    steps,
    states,
    cycles: new Map(cycles.map((cycle) => [cycle.minute, cycle])),
    equity: new Map(equity.map((point) => [point.minute, point])),
    panels: new Map(panels.map((panel) => [panel.minute, panel])),
    orders: new Map(orders.map((order) => [order.clientOrderId, order])),
    riskEvents,
    signalsAt: (minute) => signals.get(minute) ?? [],
    forecastsAt: (minute, modelId) => (forecasts.get(minute) ?? []).filter((each) => each.modelId === modelId),
    candle: (symbol, openTime) => candleOf(bars, symbol, openTime),
  };
}

function byMinute<Row extends { readonly minute: EpochMs }>(rows: readonly Row[]): Map<EpochMs, Row[]> {
  const groups = new Map<EpochMs, Row[]>();
  for (const row of rows) {
    const own = groups.get(row.minute);
    if (own) own.push(row);
    else groups.set(row.minute, [row]);
  }
  return groups;
}

function candleOf(bars: ReadonlyMap<SymbolId, BarColumns>, symbol: SymbolId, openTime: EpochMs): FinalCandle {
  const columns = bars.get(symbol);
  const index = columns === undefined ? 0 : firstAtOrAfter(columns.openTime, openTime);
  if (columns?.openTime[index] !== openTime) throw missing(`the candle of ${symbol} that opened at ${openTime}`);
  return candleAt(symbol, columns, index);
}

export const missing = (what: string): MinutehandError =>
  new MinutehandError(
    'REPLAY_MISSING',
    `${what} is not stored any more`,
    'See retention.* in the configuration; replay later minutes, with --from.',
  );
