import type { Config } from '../config/index.ts';
import {
  type Clock,
  createRandom,
  epochMs,
  floorTo,
  type Instrument,
  type Log,
  messageOf,
  type SymbolId,
} from '../core/index.ts';
import { type ExchangeGateway, refreshInstruments, retry, selectUniverse } from '../data/index.ts';
import { type Database, saveUniverse, universeAt } from '../database/index.ts';

export interface BookUniverseParts {
  readonly book: string;
  readonly config: Config;
  readonly database: Database;
  readonly gateway: ExchangeGateway;
  readonly clock: Clock;
  readonly log: Log;
  readonly onNotice: (text: string) => void;
}

/** A start asks again for a while: a venue that stumbles is no reason to give up. */
const patiently = <T>(request: () => Promise<T>, { clock }: { clock: Clock }): Promise<T> =>
  retry(request, { clock, random: createRandom('universe'), attempts: 5 });

/** The symbols a book trades, chosen once and kept, and what the venue says of their instruments. */
export class BookUniverse {
  readonly #parts: BookUniverseParts;
  #symbols: readonly SymbolId[] = [];
  #instruments: ReadonlyMap<SymbolId, Instrument> = new Map();
  #ended: ReadonlySet<SymbolId> = new Set();

  constructor(parts: BookUniverseParts) {
    this.#parts = parts;
  }

  /** In canonical order. */
  get symbols(): readonly SymbolId[] {
    return this.#symbols;
  }

  get references(): SymbolId[] {
    return this.#parts.config.universe.references.filter((symbol) => this.#symbols.includes(symbol));
  }

  get instruments(): ReadonlyMap<SymbolId, Instrument> {
    return this.#instruments;
  }

  /** Symbols whose instrument is no longer listed. */
  get ended(): ReadonlySet<SymbolId> {
    return this.#ended;
  }

  /** Reads the venue's list, and takes the stored universe, or chooses one and stores it. */
  async open(): Promise<void> {
    const { book, config, database, gateway, clock } = this.#parts;
    await this.#read();
    const stored = await universeAt(database, book, epochMs(Number.MAX_SAFE_INTEGER));
    if (stored) {
      this.#symbols = stored;
    } else {
      const { size, symbols, references, quote } = config.universe;
      const { symbols: chosen, excluded } = selectUniverse({
        instruments: [...this.#instruments.values()].filter((instrument) => instrument.quote === quote),
        tickers: symbols.length > 0 ? [] : await patiently(() => gateway.tickers(), this.#parts),
        size,
        references,
        ...(symbols.length > 0 ? { symbols } : {}),
      });
      for (const { symbol, reason } of excluded)
        this.#parts.onNotice(`${symbol} is not part of the universe: ${reason}`);
      await saveUniverse(database, { book, fromMinute: floorTo(clock.now(), '1m'), symbols: chosen });
      this.#symbols = chosen;
    }
    this.#findEnded();
  }

  /** Looks at the venue's list again; when that fails the known one stays. */
  async refresh(): Promise<void> {
    try {
      await this.#read();
      this.#findEnded();
    } catch (error) {
      this.#parts.log.warn(
        { error: messageOf(error) },
        "the venue's instruments could not be read; the known ones stay",
      );
    }
  }

  async #read(): Promise<void> {
    const { instruments } = await patiently(() => refreshInstruments(this.#parts), this.#parts);
    const known = new Map(this.#instruments);
    for (const [symbol, instrument] of known) known.set(symbol, { ...instrument, status: 'delisted' });
    for (const instrument of instruments) known.set(instrument.symbol, instrument);
    this.#instruments = known;
  }

  #findEnded(): void {
    this.#ended = new Set(
      this.#symbols.filter((symbol) => (this.#instruments.get(symbol)?.status ?? 'delisted') === 'delisted'),
    );
  }
}
