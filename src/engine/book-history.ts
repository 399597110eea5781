import type { Config } from '../config/index.ts';
import {
  type BarColumns,
  type Clock,
  DAY_MS,
  durationOf,
  type EpochMs,
  epochMs,
  type FinalCandle,
  floorTo,
  HOUR_MS,
  type Journal,
  MINUTE_MS,
  type MinuteCandles,
  type SymbolId,
  type Timeframe,
} from '../core/index.ts';
import type { DataLoader } from '../data/index.ts';
import { type Database, readBars } from '../database/index.ts';
import { createFeatureEngineer, type FeatureEngineer, featureSet, requiredHistory } from '../features/index.ts';
import type { EngineEvent } from './engine-event.ts';
import type { FundingFeed } from './funding-feed.ts';
import { fitWindow } from './model-supply.ts';
import { canonicalOrigin, minutesOf, quickOrigin, replayMinutes, type WarmUpOrigin } from './warm-up.ts';

export interface BookHistoryParts {
  readonly book: string;
  readonly venue: string;
  /** Whether the model is fitted quickly, on less history. */
  readonly isQuickFit: boolean;
  readonly config: Config;
  readonly universe: readonly SymbolId[];
  readonly references: readonly SymbolId[];
  readonly database: Database;
  readonly loader: Pick<DataLoader, 'backfill'>;
  readonly funding: Pick<FundingFeed, 'fetch' | 'rates'>;
  readonly clock: Pick<Clock, 'now'>;
  readonly signal: AbortSignal;
  readonly onEvent: (event: EngineEvent) => void;
}

const BAR_MS = durationOf('15m');
/** History from which a first minute can be shown at once. */
const QUICK_MINUTES = 24 * 60;

/** A book's past: brings it into the store, and feature states out of it. */
export class BookHistory {
  readonly #parts: BookHistoryParts;
  #backfilled = 0;

  constructor(parts: BookHistoryParts) {
    this.#parts = parts;
  }

  /** Candles fetched so far. */
  get backfilled(): number {
    return this.#backfilled;
  }

  /** Candles of minutes that closed while nothing watched: fetched into the store, then read from there. */
  async *recover(from: EpochMs, to: EpochMs, signal: AbortSignal): AsyncGenerator<MinuteCandles> {
    await this.#backfill('1m', epochMs(from - MINUTE_MS), to);
    const columns = await this.#read('1m', epochMs(from - MINUTE_MS), to);
    const byMinute = minutesOf(columns, this.#parts.universe);
    let next = byMinute.next();
    for (let minute = from; minute <= to && !signal.aborted; minute = epochMs(minute + MINUTE_MS)) {
      let candles: FinalCandle[] = [];
      if (!next.done && next.value[0]?.openTime === minute - MINUTE_MS) {
        candles = next.value;
        next = byMinute.next();
      }
      const known = new Set(candles.map(({ symbol }) => symbol));
      const missing = this.#parts.universe
        .filter((symbol) => !known.has(symbol))
        .map((symbol) => ({ symbol, reason: 'CANDLE_MISSING' as const }));
      yield { minute, candles, missing, repaired: [] };
    }
  }

  /**
   * The feature state at the newest minute decided, or before the first minute to decide: from the stored snapshot and the candles
   * since, else from history.
   * @param complete waits for all history; otherwise a day is enough, and what is not warm stays masked
   * @param withTraining also fetches what a model is fitted on
   * @param onFetched told the minute as soon as what the features need is stored
   */
  async warmFeatures(
    journal: Journal,
    lastMinute: EpochMs | undefined,
    options: { complete: boolean; withTraining: boolean; onFetched: (minute: EpochMs) => void },
  ): Promise<{ features: FeatureEngineer; minute: EpochMs; restored: boolean }> {
    const { book } = this.#parts;
    const stored = lastMinute === undefined ? undefined : await journal.loadFeatureState(book, featureSet().hash);
    if (stored && lastMinute !== undefined && stored.minute <= lastMinute) {
      const features = this.#createEngineer();
      features.restore(stored.bytes);
      await this.advance(features, stored.minute, lastMinute);
      options.onFetched(lastMinute);
      if (options.withTraining) await this.fetchTraining(lastMinute);
      return { features, minute: lastMinute, restored: true };
    }
    const history = requiredHistory();
    const minute = lastMinute ?? this.#minuteBefore();
    const origin = options.complete ? canonicalOrigin(minute, history) : quickOrigin(minute, QUICK_MINUTES, history);
    await this.fetch(origin, minute);
    options.onFetched(minute);
    if (options.withTraining) await this.fetchTraining(minute);
    const features = await this.build(origin, minute);
    return { features, minute, restored: false };
  }

  /**
   * Brings a feature state that no minute was decided on yet up to the newest closed minute but one, as market time went on while it
   * was built: the first minute decided is the newest.
   */
  async followMarket(features: FeatureEngineer, minute: EpochMs): Promise<EpochMs> {
    let reached = minute;
    for (let now = this.#minuteBefore(); now > reached && !this.#parts.signal.aborted; now = this.#minuteBefore()) {
      await this.#backfill('1m', epochMs(reached - MINUTE_MS), now);
      await this.advance(features, reached, now);
      reached = now;
    }
    return reached;
  }

  /** Where a complete feature state at `minute` begins. */
  originOf(minute: EpochMs): WarmUpOrigin {
    return canonicalOrigin(minute, requiredHistory());
  }

  /** Brings the bars from `origin` to `minute` into the store. */
  async fetch(origin: WarmUpOrigin, minute: EpochMs): Promise<void> {
    await this.#backfill('1h', origin.hours, origin.minutes);
    await this.#backfill('1m', origin.minutes, minute);
  }

  /** Brings the bars a model is fitted on into the store. */
  async fetchTraining(minute: EpochMs): Promise<void> {
    const window = fitWindow(minute, this.#parts.config.ml_integration.model.training_days, this.#parts.isQuickFit);
    const warmUp = epochMs(window.from - requiredHistory().hours * HOUR_MS);
    await this.#parts.funding.fetch(epochMs(warmUp - DAY_MS));
    await this.#backfill('1h', warmUp, window.to);
    await this.#backfill('15m', window.from, window.to);
  }

  /** A feature state at `minute` from stored bars. */
  async build(origin: WarmUpOrigin, minute: EpochMs): Promise<FeatureEngineer> {
    const engineer = this.#createEngineer();
    for (const [symbol, bars] of await this.#read('1h', origin.hours, origin.minutes)) engineer.pushHours(symbol, bars);
    await this.advance(engineer, origin.minutes, minute);
    return engineer;
  }

  /** Pushes the stored minutes after `from`, up to `minute`, into a feature state, and the funding rates known. */
  advance(engineer: FeatureEngineer, from: EpochMs, minute: EpochMs): Promise<void> {
    for (const [symbol, rates] of this.#parts.funding.rates) engineer.pushFunding(symbol, rates);
    return replayMinutes({
      read: (start, end) => this.#read('1m', start, end),
      engineer,
      universe: this.#parts.universe,
      from,
      minute,
    });
  }

  save(journal: Journal, features: FeatureEngineer, minute: EpochMs): Promise<void> {
    return journal.saveFeatureState({
      book: this.#parts.book,
      minute,
      featureSetHash: features.featureSetHash,
      bytes: features.snapshot(),
    });
  }

  /**
   * What a new book looks back on at `minute`, oldest first: one-minute candles of the day before, and where `bars` of 15 minutes reach
   * further back, these before them.
   */
  async lookBack(minute: EpochMs, bars: number): Promise<FinalCandle[]> {
    const day = epochMs(minute - DAY_MS);
    const lastDay = await this.candles(day, minute);
    if (bars * BAR_MS <= DAY_MS) return lastDay;
    const until = floorTo(day, '15m');
    const from = epochMs(until - (bars + 1) * BAR_MS + DAY_MS);
    await this.#backfill('15m', from, until);
    return [...(await this.candles(from, until, '15m')), ...lastDay];
  }

  /** The stored candles that open in `[from, until)`, oldest first. */
  async candles(from: EpochMs, until: EpochMs, timeframe: Timeframe = '1m'): Promise<FinalCandle[]> {
    const columns = await this.#read(timeframe, from, until);
    return [...minutesOf(columns, this.#parts.universe, timeframe)].flat();
  }

  async #backfill(timeframe: Timeframe, from: EpochMs, to: EpochMs): Promise<void> {
    const { loader, universe, signal, onEvent } = this.#parts;
    if (to <= from || signal.aborted) return;
    const result = await loader.backfill({
      symbols: universe,
      timeframe,
      from,
      to,
      signal,
      onProgress: ({ settledBars, missingBars }) =>
        onEvent({ kind: 'progress', task: `history ${timeframe}`, done: settledBars, total: missingBars }),
    });
    this.#backfilled += result.inserted;
    for (const { symbol, reason } of result.failed) {
      onEvent({ kind: 'notice', text: `${timeframe} history of ${symbol} is incomplete: ${reason}` });
    }
  }

  #read(timeframe: Timeframe, from: EpochMs, until: EpochMs): Promise<Map<SymbolId, BarColumns>> {
    const { database, universe, venue } = this.#parts;
    return readBars(database, universe, { venue, timeframe, from, until });
  }

  #minuteBefore(): EpochMs {
    return epochMs(floorTo(this.#parts.clock.now(), '1m') - MINUTE_MS);
  }

  #createEngineer(): FeatureEngineer {
    return createFeatureEngineer({ symbols: this.#parts.universe, references: this.#parts.references });
  }
}
