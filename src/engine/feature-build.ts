import type { Config } from '../config/index.ts';
import {
  type BarColumns,
  type EpochMs,
  epochMs,
  type FeaturePanel,
  type FinalCandle,
  floorTo,
  formatTime,
  HOUR_MS,
  MINUTE_MS,
  MinutehandError,
  PHASES,
  type SymbolId,
  type Timeframe,
} from '../core/index.ts';
import {
  type Database,
  EVERY_MINUTE_MS,
  insertFeatures,
  readBars,
  readFeatureRows,
  readFundingRates,
  replaceFeatures,
  type StoredSpan,
  storedSpans,
  universeAt,
} from '../database/index.ts';
import {
  DataProcessor,
  type FeatureFault,
  type FeatureStore,
  featureSet,
  type RawMarketData,
  type RebuildPlan,
  type RebuildReport,
  rebuildRows,
  requiredHistory,
} from '../features/index.ts';
import { readHours } from './stored-hours.ts';
import { canonicalOrigin, minutesOf } from './warm-up.ts';

export interface FeatureBuildOptions {
  readonly database: Database;
  readonly config: Config;
  /** The book whose universe is the panel. */
  readonly book: string;
  /** First and last minute (closes); by default the last 48 hours of the data. */
  readonly from?: EpochMs;
  readonly to?: EpochMs;
  /** Whose rows are built: the first so many of the panel, or these; by default all. */
  readonly symbols?: number | readonly SymbolId[];
  /** Puts rebuilt rows in the place of stored ones that differ. */
  readonly isReplacing?: boolean;
  readonly signal?: AbortSignal;
  /** Minutes that were replayed, warm-up included, of those that are to be. */
  readonly onProgress?: (done: number, total: number) => void;
}

export interface FeatureBuildReport extends RebuildReport {
  /** No stored row differs any more, and every symbol has raw data. */
  readonly ok: boolean;
  /** Of the feature set. */
  readonly hash: string;
  readonly from: string;
  readonly to: string;
  readonly symbols: number;
  readonly faults: readonly FeatureFault[];
}

/**
 * Rebuilds the stored features and indicators of a range from stored candles, compares what is stored already, and judges the features.
 *
 * The panel is the book's universe, else the configured symbols, else all that have bars. Inside the last 48 hours of the
 * one-minute candles every minute is built, elsewhere phase 0 alone, as retention keeps them.
 * @throws MinutehandError FEATURE_DATA_MISSING when no bars of the panel are stored in the range; FEATURE_RANGE_EMPTY, FEATURE_SYMBOL_UNKNOWN
 * (exit 2); FEATURE_BUILD_STOPPED
 */
export async function buildFeatures(options: FeatureBuildOptions): Promise<FeatureBuildReport> {
  const { database, config, isReplacing = false, signal, onProgress } = options;
  const venue = config.exchange.id;
  const spans = { '1m': await storedSpans(database, venue, '1m'), '15m': await storedSpans(database, venue, '15m') };
  const universe = await panelOf(options, spans);
  const symbols = chooseSymbols(universe, options.symbols);
  const plan = planBuild(options, universe, spans);
  const processor = new DataProcessor({
    universe,
    references: config.universe.references.filter((symbol) => universe.includes(symbol)),
    raw: storedBars(database, venue, universe),
    store: storedRows(database, venue),
  });
  const start = Math.min(plan.from, plan.minutes?.origin.minutes ?? plan.from);
  const rebuilt = await processor.rebuild({
    plan,
    symbols,
    isReplacing,
    ...(signal ? { signal } : {}),
    onMinute: (minute) => onProgress?.((minute - start) / MINUTE_MS, (plan.to - start) / MINUTE_MS),
  });
  const { different, unfounded } = rebuilt.rows;
  return {
    ok: (different === 0 || isReplacing) && unfounded === 0 && rebuilt.absent.length === 0,
    hash: featureSet().hash,
    from: formatTime(plan.from),
    to: formatTime(plan.to),
    symbols: symbols.length,
    ...rebuilt,
    faults: await processor.report({ from: plan.from, to: plan.to, symbols }),
  };
}

/**
 * Gives the rows of every minute of a range to `take`, oldest first, computed from stored candles as `buildFeatures` would have at its end;
 * nothing is stored.
 * @throws MinutehandError as `buildFeatures` does
 */
export async function recomputePanels(
  options: Pick<FeatureBuildOptions, 'database' | 'config' | 'book' | 'signal'> & {
    readonly from: EpochMs;
    readonly to: EpochMs;
  },
  take: (panel: FeaturePanel) => Promise<void>,
): Promise<void> {
  const { database, config, from, signal } = options;
  const venue = config.exchange.id;
  const spans = { '1m': await storedSpans(database, venue, '1m'), '15m': await storedSpans(database, venue, '15m') };
  const universe = await panelOf(options, spans);
  const plan = { ...planBuild(options, universe, spans), everyMinuteFrom: from };
  const references = config.universe.references.filter((symbol) => universe.includes(symbol));
  const raw = storedBars(database, venue, universe);
  for await (const { panel } of rebuildRows(plan, { set: featureSet(), universe, references, raw, signal })) {
    await take(panel);
  }
}

type Spans = Readonly<Record<'1m' | '15m', ReadonlyMap<SymbolId, StoredSpan>>>;

async function panelOf({ database, config, book }: FeatureBuildOptions, spans: Spans): Promise<readonly SymbolId[]> {
  const chosen = await universeAt(database, book, epochMs(Number.MAX_SAFE_INTEGER));
  if (chosen) return chosen;
  const { symbols, references } = config.universe;
  if (symbols.length > 0) return symbols;
  const stored = [...new Set([...spans['1m'].keys(), ...spans['15m'].keys()])].sort();
  // As a universe is chosen: the references first.
  const first = references.filter((symbol) => stored.includes(symbol));
  return [...first, ...stored.filter((symbol) => !first.includes(symbol))];
}

function chooseSymbols(universe: readonly SymbolId[], asked: FeatureBuildOptions['symbols']): readonly SymbolId[] {
  if (asked === undefined) return universe;
  if (typeof asked === 'number') return universe.slice(0, asked);
  const unknown = asked.filter((symbol) => !universe.includes(symbol));
  if (unknown.length === 0) return asked;
  throw new MinutehandError(
    'FEATURE_SYMBOL_UNKNOWN',
    `${unknown.join(', ')} ${unknown.length === 1 ? 'is' : 'are'} not among the ${universe.length} symbols that features are computed over`,
    'Name symbols of the universe, or back-fill their candles (minutehand data backfill).',
    { exitCode: 2 },
  );
}

function planBuild(options: FeatureBuildOptions, universe: readonly SymbolId[], spans: Spans): RebuildPlan {
  const ofPanel = (timeframe: keyof Spans) => universe.flatMap((symbol) => spans[timeframe].get(symbol) ?? []);
  const [candles, quarters] = [ofPanel('1m'), ofPanel('15m')];
  const minutesEnd = endOf(candles, MINUTE_MS);
  const end = Math.max(minutesEnd, endOf(quarters, PHASES * MINUTE_MS));
  const to = floorTo(epochMs(Math.min(options.to ?? end, end)), '1m');
  const from = epochMs(Math.ceil((options.from ?? to - EVERY_MINUTE_MS) / MINUTE_MS) * MINUTE_MS);
  if (options.from !== undefined && options.to !== undefined && options.from > options.to) {
    throw new MinutehandError(
      'FEATURE_RANGE_EMPTY',
      `${formatTime(options.from)} is after ${formatTime(options.to)}`,
      'Give --from a time before that of --to.',
      { exitCode: 2 },
    );
  }
  const begin = Math.min(...[...candles, ...quarters].map(({ earliest }) => earliest));
  if (!(end > 0 && from <= to && begin < to)) {
    throw new MinutehandError(
      'FEATURE_DATA_MISSING',
      end > 0
        ? `the stored candles reach from ${formatTime(epochMs(begin))} to ${formatTime(epochMs(end))}: none lie in the range`
        : 'there are no one-minute or 15-minute candles in the store',
      'Fetch or import them first: minutehand data backfill --timeframe 1m,1h, or minutehand data import.',
    );
  }
  const minutesBegin = beginOf(candles, universe.length, options.config.universe.minimum_coverage);
  return {
    from,
    to,
    everyMinuteFrom: epochMs(minutesEnd - EVERY_MINUTE_MS),
    ...(minutesBegin === undefined
      ? {}
      : { minutes: { begin: minutesBegin, end: epochMs(minutesEnd), origin: originOf(from, minutesBegin) } }),
    ...(quarters.length === 0
      ? {}
      : {
          quarters: {
            begin: epochMs(Math.min(...quarters.map(({ earliest }) => earliest))),
            end: epochMs(Math.max(...quarters.map(({ latest }) => latest)) + PHASES * MINUTE_MS),
          },
        }),
  };
}

/**
 * The newest minute that is whole: of the symbols that are still fed, the one that is furthest behind. A minute whose candles are just
 * being stored would be built on half a panel, and stay so.
 */
function endOf(spans: readonly StoredSpan[], barMs: number): number {
  const newest = Math.max(...spans.map(({ latest }) => latest));
  const fed = spans.filter(({ latest }) => latest > newest - FED_WITHIN_BARS * barMs);
  return fed.length === 0 ? 0 : Math.min(...fed.map(({ latest }) => latest)) + barMs;
}

const FED_WITHIN_BARS = 15;

/** When the bars of so many symbols have begun that a panel of them counts; undefined where they never do. */
function beginOf(spans: readonly StoredSpan[], universe: number, coverage: number): EpochMs | undefined {
  const begins = spans.map(({ earliest }) => earliest).sort((a, b) => a - b);
  return begins[Math.max(1, Math.ceil(coverage * universe)) - 1];
}

/** Where a live start at the first minute would begin, as far as candles are stored. */
function originOf(from: EpochMs, begin: EpochMs): { minutes: EpochMs; hours: EpochMs } {
  const first = epochMs(Math.max(from, begin + PHASES * MINUTE_MS));
  const history = requiredHistory();
  const canonical = canonicalOrigin(epochMs(first - MINUTE_MS), history);
  if (canonical.minutes >= begin) return canonical;
  return { minutes: begin, hours: epochMs(begin - history.hours * HOUR_MS) };
}

/** Minutes read at once. */
const CHUNK_MS = 12 * HOUR_MS;

function storedBars(database: Database, venue: string, universe: readonly SymbolId[]): RawMarketData {
  const read = (timeframe: Timeframe, from: EpochMs, until: EpochMs) =>
    readBars(database, universe, { venue, timeframe, from, until });
  return {
    bars: async (timeframe, from, until) => {
      if (timeframe === '15m') return read(timeframe, from, until);
      const hours = new Map<SymbolId, BarColumns>();
      for (const symbol of universe) hours.set(symbol, await readHours(database, venue, symbol, { from, until }));
      return hours;
    },
    funding: (from, until) => readFundingRates(database, universe, { venue, from, until }),
    async *minutes(from, until): AsyncGenerator<FinalCandle[], void> {
      for (let start: number = from; start < until; start += CHUNK_MS) {
        yield* minutesOf(await read('1m', epochMs(start), epochMs(Math.min(start + CHUNK_MS, until))), universe);
      }
    },
  };
}

const storedRows = (database: Database, venue: string): FeatureStore => ({
  read: (query) => readFeatureRows(database, { venue, ...query }),
  insert: (rows) => insertFeatures(database, venue, rows),
  replace: (rows) => replaceFeatures(database, venue, rows),
});
