import { type EpochMs, epochMs, type FundingRate, type SymbolId } from '../../core/index.ts';
import type { Database } from '../../database/index.ts';
import { closeBefore, type KnownRate } from '../../engine/index.ts';
import type { FundingSource } from '../../trading/index.ts';

/** The funding rates that were at hand, as they were recorded minute by minute. */
export class RecordedFunding implements FundingSource {
  readonly #database: Database;
  readonly #venue: string;
  readonly #rates = new Map<string, FundingRate>();

  constructor(database: Database, venue: string) {
    this.#database = database;
    this.#venue = venue;
  }

  learn(rates: readonly KnownRate[]): void {
    for (const [symbol, time, rate] of rates) this.#rates.set(`${symbol}/${time}`, { symbol, time, rate });
  }

  settlements(after: EpochMs, until: EpochMs): FundingRate[] {
    return [...this.#rates.values()]
      .filter(({ time }) => time > after && time <= until)
      .sort((a, b) => a.time - b.time || (a.symbol < b.symbol ? -1 : 1));
  }

  priceAt(symbol: SymbolId, time: EpochMs): Promise<bigint | undefined> {
    return closeBefore(this.#database, this.#venue, symbol, epochMs(time));
  }
}
