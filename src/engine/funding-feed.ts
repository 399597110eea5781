import {
  at64,
  type Clock,
  DAY_MS,
  type EpochMs,
  epochMs,
  type FundingRate,
  type FundingRates,
  firstAtOrAfter,
  floorTo,
  HOUR_MS,
  type Log,
  MINUTE_MS,
  messageOf,
  type SymbolId,
} from '../core/index.ts';
import { type ExchangeGateway, MAX_FUNDING_PAGE } from '../data/index.ts';
import { type Database, readBars, readFundingRates, saveFundingRates } from '../database/index.ts';
import { priceFromNumber } from '../matching/index.ts';
import type { FundingSource } from '../trading/index.ts';

export interface FundingFeedParts {
  readonly venue: string;
  readonly symbols: () => readonly SymbolId[];
  readonly gateway: Pick<ExchangeGateway, 'fundingRates'>;
  readonly database: Database;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
  /** Told of rates that were not at hand before. */
  readonly onRates: (rates: ReadonlyMap<SymbolId, FundingRates>) => void;
}

/** What signals count in: the share of the notional that a long pays a short in so long. */
const PERIOD_MS = 8 * HOUR_MS;
/** A symbol that has not settled for so long tells nothing of what it will cost. */
const STALE_MS = 3 * PERIOD_MS;
/** For so long after a full hour a settlement that is expected and not there yet is asked for, minute by minute. */
const PATIENCE_MS = 10 * MINUTE_MS;
/** A symbol that has not settled for so long is no longer asked for by itself. */
const GIVEN_UP_MS = 3 * DAY_MS;
/** Market time that a first settlement may lie behind the begin of what was asked for. */
const LONGEST_INTERVAL_MS = DAY_MS;

const NONE: FundingRates = { times: new Float64Array(), rates: new Float64Array() };

/**
 * The settled funding rates of a book's symbols: from the venue into the store, and kept at hand. A rate counts as known to what happens
 * after its settlement, never at it: minute by minute the venue tells it only then, and a restart must find nothing else.
 */
export class FundingFeed implements FundingSource {
  readonly #parts: FundingFeedParts;
  readonly #known = new Map<SymbolId, FundingRates>();
  #running: Promise<void> | undefined;

  constructor(parts: FundingFeedParts) {
    this.#parts = parts;
  }

  /** What is known of each symbol. */
  get rates(): ReadonlyMap<SymbolId, FundingRates> {
    return this.#known;
  }

  /** Brings the settlements since `from` to hand, from the store and what is missing from the venue. Failing leaves what is known. */
  async fetch(from: EpochMs): Promise<void> {
    const { database, venue, symbols, clock, log } = this.#parts;
    const now = clock.now();
    const range = { venue, from, until: epochMs(now + 1) };
    const stored = await readFundingRates(database, symbols(), range);
    this.#learn(stored);
    const outcomes = await Promise.allSettled(
      symbols().map(async (symbol) => {
        const { times } = stored.get(symbol) ?? NONE;
        const isWhole = times.length > 0 && at64(times, 0) <= from + LONGEST_INTERVAL_MS;
        if (!isWhole) await this.#fetchSince(symbol, from);
        else if ((this.#dueAt(symbol) ?? 0) <= now) await this.#fetchSince(symbol, this.#afterNewest(symbol) ?? from);
      }),
    );
    const failures = outcomes.filter(({ status }) => status === 'rejected');
    const [first] = failures;
    if (first?.status === 'rejected' && !this.#parts.signal.aborted) {
      log.warn({ symbols: failures.length, error: messageOf(first.reason) }, 'funding rates could not be read');
    }
  }

  /**
   * Looks for settlements of the hour where it has just become full, or where some are expected and were not there a minute ago.
   * @returns undefined where nothing is due, or a look is under way
   * @throws what the venue and the store throw
   */
  follow(minute: EpochMs): Promise<void> | undefined {
    if (this.#running || !this.#isDue(minute)) return undefined;
    this.#running = this.#follow(minute).finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  /** Settlements with `after < time <= until`, oldest first, those of one time by symbol. */
  settlements(after: EpochMs, until: EpochMs): FundingRate[] {
    const settled: FundingRate[] = [];
    for (const [symbol, { times, rates }] of this.#known) {
      for (let at = firstAtOrAfter(times, after + 1); at < times.length && at64(times, at) <= until; at++) {
        settled.push({ symbol, time: epochMs(at64(times, at)), rate: at64(rates, at) });
      }
    }
    return settled.sort((a, b) => a.time - b.time || (a.symbol < b.symbol ? -1 : 1));
  }

  priceAt(symbol: SymbolId, time: EpochMs): Promise<bigint | undefined> {
    return closeBefore(this.#parts.database, this.#parts.venue, symbol, time);
  }

  /** What a long last paid a short, per 8 hours, as settled before `minute`; symbols of which nobody knows are left out. */
  ratesPerPeriod(minute: EpochMs): Map<SymbolId, number> {
    const perPeriod = new Map<SymbolId, number>();
    for (const [symbol, { times, rates }] of this.#known) {
      const newest = firstAtOrAfter(times, minute) - 1;
      if (newest < 0 || minute - at64(times, newest) > STALE_MS) continue;
      perPeriod.set(symbol, (at64(rates, newest) * PERIOD_MS) / intervalAt(times, newest));
    }
    return perPeriod;
  }

  #isDue(minute: EpochMs): boolean {
    const hour = floorTo(minute, '1h');
    if (minute === hour) return true;
    if (minute - hour > PATIENCE_MS) return false;
    return this.#parts.symbols().some((symbol) => this.#dueAt(symbol) === hour);
  }

  async #follow(minute: EpochMs): Promise<void> {
    const { gateway, symbols } = this.#parts;
    const hour = floorTo(minute, '1h');
    // Those that missed one first: a later rate would hide the gap.
    for (const symbol of symbols()) {
      const due = this.#dueAt(symbol);
      if (due === undefined || due >= hour || hour - due > GIVEN_UP_MS) continue;
      await this.#fetchSince(symbol, this.#afterNewest(symbol) ?? hour);
    }
    await this.#take(await gateway.fundingRates({ from: hour }));
  }

  async #fetchSince(symbol: SymbolId, from: EpochMs): Promise<void> {
    const { gateway, signal } = this.#parts;
    for (let next: EpochMs | undefined = from; next !== undefined && !signal.aborted; ) {
      const page = await gateway.fundingRates({ symbol, from: next });
      await this.#take(page);
      const last = page.at(-1);
      next = page.length < MAX_FUNDING_PAGE || !last ? undefined : epochMs(last.time + MINUTE_MS);
    }
  }

  /** Into the store, then at hand. */
  async #take(page: readonly FundingRate[]): Promise<void> {
    const { database, venue, symbols } = this.#parts;
    const own = new Set(symbols());
    const rates = page.filter(({ symbol, rate }) => own.has(symbol) && Number.isFinite(rate));
    await saveFundingRates(database, venue, rates);
    const settled = new Set(rates.map(({ symbol }) => symbol));
    const columnsOf = (symbol: SymbolId) => columns(rates.filter((rate) => rate.symbol === symbol));
    this.#learn(new Map([...settled].map((symbol) => [symbol, columnsOf(symbol)])));
  }

  #learn(rates: ReadonlyMap<SymbolId, FundingRates>): void {
    for (const [symbol, some] of rates) this.#known.set(symbol, merge(this.#known.get(symbol) ?? NONE, some));
    if (rates.size > 0) this.#parts.onRates(rates);
  }

  /** When the next settlement is expected, if it keeps its interval. */
  #dueAt(symbol: SymbolId): number | undefined {
    const { times } = this.#known.get(symbol) ?? NONE;
    return times.length === 0 ? undefined : at64(times, times.length - 1) + intervalAt(times, times.length - 1);
  }

  #afterNewest(symbol: SymbolId): EpochMs | undefined {
    const { times } = this.#known.get(symbol) ?? NONE;
    return times.length === 0 ? undefined : epochMs(at64(times, times.length - 1) + MINUTE_MS);
  }
}

/** The close of the newest minute that had ended at `time`, price units; undefined where the hour before has none. */
export async function closeBefore(
  database: Database,
  venue: string,
  symbol: SymbolId,
  time: EpochMs,
): Promise<bigint | undefined> {
  const range = { venue, timeframe: '1m', from: epochMs(time - HOUR_MS), until: time } as const;
  const close = (await readBars(database, [symbol], range)).get(symbol)?.close.at(-1);
  return close === undefined ? undefined : priceFromNumber(close);
}

/** From the settlement before one to it; 8 hours where that is not known, as after a hole. */
function intervalAt(times: Float64Array, at: number): number {
  const interval = at === 0 ? PERIOD_MS : at64(times, at) - at64(times, at - 1);
  return interval > PERIOD_MS ? PERIOD_MS : interval;
}

const columns = (rates: readonly FundingRate[]): FundingRates => ({
  times: Float64Array.from(rates, ({ time }) => time),
  rates: Float64Array.from(rates, ({ rate }) => rate),
});

/** Both, by time; of two of one time that of `known`. */
function merge(known: FundingRates, more: FundingRates): FundingRates {
  const rateAt = new Map<number, number>();
  for (const { times, rates } of [known, more]) {
    for (let at = 0; at < times.length; at++) {
      if (!rateAt.has(at64(times, at))) rateAt.set(at64(times, at), at64(rates, at));
    }
  }
  const times = Float64Array.from(rateAt.keys()).sort();
  return { times, rates: times.map((time) => rateAt.get(time) ?? Number.NaN) };
}
