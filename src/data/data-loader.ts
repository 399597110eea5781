import PQueue from 'p-queue';
import {
  type CandleCorrection,
  type Clock,
  durationOf,
  type EpochMs,
  epochMs,
  type FinalCandle,
  floorTo,
  type Log,
  type Metrics,
  messageOf,
  type Random,
  type SymbolId,
  type Timeframe,
} from '../core/index.ts';
import { type Database, findGaps, type Gap, upsertCandles } from '../database/index.ts';
import { type ExchangeGateway, PRIORITY } from './exchange-gateway.ts';
import { withEmptyBars } from './kline.ts';
import { retry } from './retry.ts';

export interface RepairRequest {
  readonly symbols: readonly SymbolId[];
  readonly timeframe: Timeframe;
  onProgress?(progress: BackfillProgress): void;
  readonly signal?: AbortSignal;
}

export interface BackfillRequest extends RepairRequest {
  /** Open time of the first bar wanted. */
  readonly from: EpochMs;
  /** Open time behind the last bar wanted; bars not closed yet are left out anyway. */
  readonly to: EpochMs;
}

export interface BackfillProgress {
  readonly timeframe: Timeframe;
  /** Bars of what was missing that are settled: stored, or known not to exist. */
  readonly settledBars: number;
  readonly missingBars: number;
  readonly symbolsDone: number;
  readonly symbols: number;
  /** Real milliseconds until the end at the pace so far; undefined before there is one. */
  readonly remainingMs: number | undefined;
}

export interface BackfillResult {
  /** Bars the venue sent. */
  readonly fetched: number;
  /** Bars that were new to the store, minutes confirmed as empty included. */
  readonly inserted: number;
  /** Bars stored already with other values; the first stay. */
  readonly corrections: readonly CandleCorrection[];
  readonly failed: readonly { readonly symbol: SymbolId; readonly reason: string }[];
}

export interface DataLoaderOptions {
  readonly gateway: ExchangeGateway;
  readonly database: Database;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly metrics: Metrics;
  /** Symbols worked on at once. */
  readonly maxParallel: number;
}

/** Tries per page; with the growing waits between them a venue may be gone for about half a minute. */
const PAGE_ATTEMPTS = 8;
const PAGE_DEADLINE_MS = 120_000;

/** Brings history from the venue into the store. */
export class DataLoader {
  readonly #options: DataLoaderOptions;

  constructor(options: DataLoaderOptions) {
    this.#options = options;
  }

  /**
   * Fetches what the store lacks of the range: in front, behind and in between. Every page is committed by itself, so that a run that
   * was cut off goes on where it stopped. A symbol that fails is reported and does not stop the others. Of a symbol listed
   * later than `from`, history begins with its first bar.
   */
  async backfill(request: BackfillRequest): Promise<BackfillResult> {
    const { gateway, database, clock } = this.#options;
    const { symbols, timeframe, from } = request;
    const until = epochMs(Math.min(request.to, floorTo(clock.now(), timeframe)));
    const range = { venue: gateway.exchangeId, timeframe, from, until };
    return this.repairGaps(from < until ? await findGaps(database, symbols, range) : [], request);
  }

  /** Fetches exactly these gaps; what the venue confirms as empty becomes flat bars of zero volume. */
  async repairGaps(gaps: readonly Gap[], request: RepairRequest): Promise<BackfillResult> {
    const { clock, log } = this.#options;
    const { timeframe } = request;
    const gapsOf = groupBySymbol(gaps);
    const tally = new Tally(request, gaps, clock);
    const queue = new PQueue({ concurrency: this.#options.maxParallel });
    await queue.addAll(
      request.symbols.map((symbol) => async () => {
        try {
          for (const gap of gapsOf.get(symbol) ?? []) await this.#fill(gap, request, tally);
        } catch (error) {
          log.warn({ symbol, timeframe }, `the history of ${symbol} is incomplete: ${messageOf(error)}`);
          tally.failed.push({ symbol, reason: messageOf(error) });
        }
        tally.symbolDone();
      }),
    );
    return { fetched: tally.fetched, inserted: tally.inserted, corrections: tally.corrections, failed: tally.failed };
  }

  /** Fetches one gap page by page, from the bar before it (which tells what an empty minute carries on) to the one behind it. */
  async #fill(gap: Gap, request: RepairRequest, tally: Tally): Promise<void> {
    const { gateway, database, clock, random, metrics } = this.#options;
    const { timeframe, signal } = request;
    const duration = durationOf(timeframe);
    let cursor = gap.from as number;
    let settled = cursor;
    let previous: FinalCandle | undefined;
    while (cursor < gap.until && !signal?.aborted) {
      const needed = (gap.until - cursor) / duration + 2;
      const page = await retry(
        () =>
          gateway.fetchCandlePage(gap.symbol, timeframe, {
            from: epochMs(previous === undefined ? cursor - duration : cursor),
            to: epochMs(gap.until + duration),
            limit: Math.min(gateway.pageLimit, needed),
            priority: PRIORITY.backfill,
            settle: true,
          }),
        {
          clock,
          random,
          attempts: PAGE_ATTEMPTS,
          deadlineMs: PAGE_DEADLINE_MS,
          ...(signal === undefined ? {} : { signal }),
        },
      );
      const rows = withEmptyBars(page, previous);
      const wanted = rows.filter(({ openTime }) => openTime >= cursor && openTime < gap.until);
      const commit = await upsertCandles(database, gateway.exchangeId, wanted, clock.now());
      tally.fetched += wanted.filter(({ finality, volume }) => finality !== 'confirmed-empty' || volume > 0).length;
      tally.inserted += commit.inserted;
      tally.corrections.push(...commit.corrections);
      metrics.count('minutehand_backfill_candles_total', { timeframe }, commit.inserted);
      previous = page.candles.at(-1) ?? previous;
      // Nothing newer: the rest of the range does not exist at the venue.
      if (page.settledTo <= cursor) break;
      cursor = page.settledTo;
      tally.settle((Math.min(cursor, gap.until) - settled) / duration);
      settled = Math.min(cursor, gap.until);
    }
    if (!signal?.aborted) tally.settle((gap.until - settled) / duration);
  }
}

/** Counts of one back-fill, and its pace. */
class Tally {
  fetched = 0;
  inserted = 0;
  readonly corrections: CandleCorrection[] = [];
  readonly failed: { symbol: SymbolId; reason: string }[] = [];
  readonly #request: RepairRequest;
  readonly #missingBars: number;
  readonly #clock: Clock;
  readonly #started: number;
  #settledBars = 0;
  #symbolsDone = 0;

  constructor(request: RepairRequest, gaps: readonly Gap[], clock: Clock) {
    this.#request = request;
    this.#missingBars = gaps.reduce((sum, { bars }) => sum + bars, 0);
    this.#clock = clock;
    this.#started = clock.elapsed();
  }

  settle(bars: number): void {
    if (bars <= 0) return;
    this.#settledBars += bars;
    this.#report();
  }

  symbolDone(): void {
    this.#symbolsDone += 1;
    this.#report();
  }

  #report(): void {
    const passed = this.#clock.elapsed() - this.#started;
    const remaining = this.#missingBars - this.#settledBars;
    this.#request.onProgress?.({
      timeframe: this.#request.timeframe,
      settledBars: this.#settledBars,
      missingBars: this.#missingBars,
      symbolsDone: this.#symbolsDone,
      symbols: this.#request.symbols.length,
      remainingMs: this.#settledBars > 0 ? (passed / this.#settledBars) * remaining : undefined,
    });
  }
}

function groupBySymbol(gaps: readonly Gap[]): Map<SymbolId, Gap[]> {
  const groups = new Map<SymbolId, Gap[]>();
  for (const gap of gaps) groups.set(gap.symbol, [...(groups.get(gap.symbol) ?? []), gap]);
  return groups;
}
