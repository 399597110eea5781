import {
  at64,
  type BarColumns,
  type EpochMs,
  epochMs,
  type FundingRate,
  firstAtOrAfter,
  HOUR_MS,
  type SymbolId,
} from '../core/index.ts';
import { priceFromNumber } from '../matching/index.ts';
import type { FundingSource } from '../trading/index.ts';

/** Hours between two settlements, where nothing tells. */
const PERIOD_MS = 8 * HOUR_MS;
/** What whoever holds a position pays where the rate of a settlement is not known, a fraction of its value. */
export const ASSUMED_RATE = 0.0001;

/**
 * Funding of recorded symbols: the rates of their files, and where a period of 8 hours has none, an adverse {@link ASSUMED_RATE} at its end, on UTC
 * multiples of 8 hours.
 */
export class FundingHistory implements FundingSource {
  readonly #bars: ReadonlyMap<SymbolId, BarColumns>;
  readonly #rates: ReadonlyMap<SymbolId, readonly FundingRate[]>;
  /** Of all symbols, by time and symbol. */
  readonly #all: readonly FundingRate[];

  constructor(
    bars: ReadonlyMap<SymbolId, BarColumns>,
    ratesOf: (symbol: SymbolId) => readonly FundingRate[],
    range: { readonly from: EpochMs; readonly to: EpochMs },
  ) {
    this.#bars = bars;
    this.#rates = new Map([...bars.keys()].map((symbol) => [symbol, complete(symbol, ratesOf(symbol), range)]));
    this.#all = [...this.#rates.values()].flat().sort((a, b) => a.time - b.time || (a.symbol < b.symbol ? -1 : 1));
  }

  settlements(after: EpochMs, until: EpochMs): FundingRate[] {
    return this.#all.slice(firstAfter(this.#all, after), firstAfter(this.#all, until));
  }

  /** The close of the newest bar that had ended at `time`. */
  async priceAt(symbol: SymbolId, time: EpochMs): Promise<bigint | undefined> {
    const bars = this.#bars.get(symbol);
    if (bars === undefined) return undefined;
    const at = firstAtOrAfter(bars.openTime, time) - 1;
    return at < 0 ? undefined : priceFromNumber(at64(bars.close, at));
  }

  /** What a long last paid a short, per 8 hours, as settled before `minute`; symbols of which nobody knows are left out. */
  ratesPerPeriod(minute: EpochMs): Map<SymbolId, number> {
    const perPeriod = new Map<SymbolId, number>();
    for (const [symbol, rates] of this.#rates) {
      const at = firstAfter(rates, epochMs(minute - 1)) - 1;
      const newest = rates[at];
      if (newest === undefined || newest.isAssumed || minute - newest.time > 3 * PERIOD_MS) continue;
      const before = rates[at - 1];
      const interval = before === undefined || before.isAssumed ? PERIOD_MS : newest.time - before.time;
      perPeriod.set(symbol, (newest.rate * PERIOD_MS) / Math.min(interval, PERIOD_MS));
    }
    return perPeriod;
  }

  /** Whether the rate of a settlement is known. */
  isAssumed(symbol: SymbolId, time: EpochMs): boolean {
    const rates = this.#rates.get(symbol) ?? [];
    return rates[firstAfter(rates, epochMs(time - 1))]?.isAssumed === true;
  }
}

/** Known rates, and assumed ones where no settlement falls into a period. */
function complete(
  symbol: SymbolId,
  known: readonly FundingRate[],
  { from, to }: { readonly from: EpochMs; readonly to: EpochMs },
): FundingRate[] {
  const rates = known.filter(({ time }) => time > from - 2 * PERIOD_MS && time <= to);
  const assumed: FundingRate[] = [];
  let next = 0;
  for (let end = (Math.floor(from / PERIOD_MS) + 1) * PERIOD_MS; end <= to; end += PERIOD_MS) {
    while ((rates[next]?.time ?? Number.POSITIVE_INFINITY) <= end - PERIOD_MS / 2) next++;
    // Settlements are told some milliseconds after the full hour.
    const isKnown = (rates[next]?.time ?? Number.POSITIVE_INFINITY) <= end + PERIOD_MS / 2;
    if (!isKnown) assumed.push({ symbol, time: epochMs(end), rate: ASSUMED_RATE, isAssumed: true });
  }
  return [...rates, ...assumed].sort((a, b) => a.time - b.time);
}

/** Position of the first rate later than `time`. */
function firstAfter(rates: readonly FundingRate[], time: EpochMs): number {
  let low = 0;
  let high = rates.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((rates[middle]?.time ?? 0) <= time) low = middle + 1;
    else high = middle;
  }
  return low;
}
