import {
  at32,
  at64,
  type BarColumns,
  DAY_MS,
  type EpochMs,
  epochMs,
  type FeatureRows,
  type FinalCandle,
  type FundingRates,
  HOUR_MS,
  MINUTE_MS,
  MinutehandError,
  phaseOf,
  type SymbolId,
} from '../core/index.ts';
import { computeFeatures } from './batch.ts';
import { createFeatureEngineer } from './feature-engineer.ts';
import { featureRowsOf, rowsOfMinute } from './feature-rows.ts';
import { type FeatureSet, requiredHistory } from './feature-set.ts';
import { computeIndicators } from './indicator-columns.ts';

/** Raw data as it is stored, of the panel's symbols. */
export interface RawMarketData {
  /** Closed one-minute candles that open in `[from, until)`, minute by minute, in canonical order within one. */
  minutes(from: EpochMs, until: EpochMs): AsyncIterable<readonly FinalCandle[]>;
  /** Closed bars that open in `[from, until)`. */
  bars(timeframe: '15m' | '1h', from: EpochMs, until: EpochMs): Promise<ReadonlyMap<SymbolId, BarColumns>>;
  /** Funding rates settled in `[from, until)`. */
  funding(from: EpochMs, until: EpochMs): Promise<ReadonlyMap<SymbolId, FundingRates>>;
}

/** Which minutes are rebuilt, and from what. Minutes are closes. */
export interface RebuildPlan {
  readonly from: EpochMs;
  readonly to: EpochMs;
  /** Every minute from here on, phase 0 alone before. */
  readonly everyMinuteFrom: EpochMs;
  /** Where one-minute candles are stored: the open of the first, the close of the last, and where the state begins. */
  readonly minutes?: {
    readonly begin: EpochMs;
    readonly end: EpochMs;
    readonly origin: { readonly minutes: EpochMs; readonly hours: EpochMs };
  };
  /** Where 15-minute bars are stored: the open of the first, the close of the last. */
  readonly quarters?: { readonly begin: EpochMs; readonly end: EpochMs };
}

export interface RebuildParts {
  readonly set: FeatureSet;
  /** Canonical order: the panel that cross-sectional features are computed over. */
  readonly universe: readonly SymbolId[];
  readonly references: readonly SymbolId[];
  readonly raw: RawMarketData;
  readonly signal?: AbortSignal | undefined;
  /** Told the minute that was reached, warm-up included. */
  readonly onMinute?: ((minute: EpochMs) => void) | undefined;
}

/**
 * The rows of features and indicators that the plan asks for, oldest first: from one-minute candles through the live engine; phase 0 from
 * 15-minute bars in batch for as long as the candles do not reach back far enough to make every feature warm, and where they have ended.
 * @throws MinutehandError FEATURE_BUILD_STOPPED when the signal aborts
 */
export async function* rebuildRows(plan: RebuildPlan, parts: RebuildParts): AsyncGenerator<FeatureRows, void> {
  const { minutes, quarters, from, to } = plan;
  let minutesTakeOver = from;
  if (quarters && quarters.begin < (minutes?.begin ?? Number.POSITIVE_INFINITY)) {
    const warm = minutes ? minutes.begin + requiredHistory().minutes * MINUTE_MS : Number.POSITIVE_INFINITY;
    minutesTakeOver = epochMs(Math.max(from, Math.min(warm, quarters.end + 1)));
    yield* rowsFromQuarters({ from, to: epochMs(Math.min(to, minutesTakeOver - 1)) }, parts);
  }
  if (!minutes) return;
  if (from <= minutes.end) yield* rowsFromMinutes(plan, minutes, minutesTakeOver, parts);
  const quartersTakeOver = epochMs(Math.max(minutesTakeOver, minutes.end + 1));
  if (quarters && quarters.end > minutes.end) yield* rowsFromQuarters({ from: quartersTakeOver, to }, parts);
}

async function* rowsFromMinutes(
  plan: RebuildPlan,
  { origin, end }: NonNullable<RebuildPlan['minutes']>,
  phaseZeroFrom: EpochMs,
  { set, universe, references, raw, signal, onMinute }: RebuildParts,
): AsyncGenerator<FeatureRows, void> {
  const engineer = createFeatureEngineer({ featureSet: set, symbols: universe, references });
  for (const [symbol, bars] of await raw.bars('1h', origin.hours, origin.minutes)) engineer.pushHours(symbol, bars);
  const settled = await raw.funding(epochMs(origin.hours - LONGEST_FUNDING_MS), plan.to);
  for (const [symbol, rates] of settled) engineer.pushFunding(symbol, rates);
  for await (const candles of raw.minutes(origin.minutes, epochMs(Math.min(plan.to, end)))) {
    throwIfStopped(signal);
    engineer.push(candles);
    const [candle] = candles;
    if (!candle) continue;
    const minute = epochMs(candle.openTime + MINUTE_MS);
    onMinute?.(minute);
    if (minute < plan.from || minute < (phaseOf(minute) === 0 ? phaseZeroFrom : plan.everyMinuteFrom)) continue;
    const members = universe.filter((symbol) => engineer.lastMinute(symbol) === minute);
    const rows = rowsOfMinute(engineer, engineer.panel(minute, members));
    if (rows.panel.symbols.length > 0) yield rows;
  }
}

/** Before the first hour lies a settlement within this time, if there are any. */
const LONGEST_FUNDING_MS = DAY_MS;

/** Stretches of time computed at once: some 100 MB for 50 symbols. Whole days, so that a row's state begins where it always did. */
const STRETCH_MS = 30 * DAY_MS;

async function* rowsFromQuarters(
  { from, to }: { readonly from: EpochMs; readonly to: EpochMs },
  { set, universe, references, raw, signal, onMinute }: RebuildParts,
): AsyncGenerator<FeatureRows, void> {
  const warmUpMs = requiredHistory().hours * HOUR_MS;
  for (let start = Math.floor(from / STRETCH_MS) * STRETCH_MS; start <= to; start += STRETCH_MS) {
    throwIfStopped(signal);
    const begin = epochMs(start - warmUpMs);
    const end = epochMs(Math.min(start + STRETCH_MS - 1, to));
    const stored = await raw.bars('15m', begin, end);
    const bars15m = new Map(
      universe.flatMap((symbol) => {
        const bars = stored.get(symbol);
        return bars && bars.length > 0 ? [[symbol, bars] as const] : [];
      }),
    );
    const columns = computeFeatures({
      featureSet: set,
      bars15m,
      bars1h: await raw.bars('1h', begin, end),
      funding: await raw.funding(epochMs(begin - LONGEST_FUNDING_MS), end),
      references: references.filter((symbol) => bars15m.has(symbol)),
      from: Math.max(from, start),
      to: end,
    });
    if (columns.times.length === 0) continue;
    const indicators = computeIndicators(bars15m, columns.times);
    for (let row = 0; row < columns.times.length; row++) {
      throwIfStopped(signal);
      const minute = epochMs(at64(columns.times, row));
      onMinute?.(minute);
      const rows = rowAt(columns, row, set, (symbol) => indicators.at(symbol, row));
      if (rows.panel.symbols.length > 0) yield rows;
    }
  }
}

/** One time of a batch as the panel of that minute: the symbols that have a bar there. */
function rowAt(
  columns: ReturnType<typeof computeFeatures>,
  row: number,
  set: FeatureSet,
  indicatorsOf: (symbol: SymbolId) => Readonly<Record<string, number>>,
): FeatureRows {
  const { width } = set;
  const members = columns.symbols.flatMap((symbol) => {
    const values = columns.values.get(symbol)?.subarray(row * width, (row + 1) * width);
    return values && !values.every(Number.isNaN) ? [{ symbol, values }] : [];
  });
  const panel = {
    minute: epochMs(at64(columns.times, row)),
    symbols: members.map(({ symbol }) => symbol),
    width,
    featureSetHash: set.hash,
    values: new Float32Array(members.length * width),
    masked: new Uint8Array(members.length * width),
  };
  members.forEach(({ values }, index) => {
    panel.values.set(values, index * width);
  });
  for (let at = 0; at < panel.values.length; at++) panel.masked[at] = Number.isNaN(at32(panel.values, at)) ? 1 : 0;
  return featureRowsOf(panel, panel.symbols.map(indicatorsOf), set.names);
}

function throwIfStopped(signal: AbortSignal | undefined): void {
  if (!signal?.aborted) return;
  throw new MinutehandError(
    'FEATURE_BUILD_STOPPED',
    'the rebuild of the features was stopped',
    'Run it again: rows that are written stay, and are only compared.',
  );
}
