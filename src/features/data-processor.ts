import {
  createRandom,
  type EpochMs,
  epochMs,
  type FeatureRows,
  MINUTE_MS,
  PHASES,
  type SymbolId,
} from '../core/index.ts';
import type { StoredFeatureRow } from '../database/index.ts';
import type { FeatureColumns } from './batch.ts';
import { type FeatureFault, featureQuality } from './feature-quality.ts';
import { type RawMarketData, type RebuildPlan, rebuildRows } from './feature-rebuild.ts';
import { selectRows } from './feature-rows.ts';
import { type FeatureSet, featureSet } from './feature-set.ts';
import { compareRow, type ValueDifference } from './row-comparison.ts';

/** Where rows of `processed_market_data` and `technical_indicators` are kept. */
export interface FeatureStore {
  /** What is stored of these symbols at these minutes under a feature-set hash. */
  read(query: {
    readonly symbols: readonly SymbolId[];
    readonly minutes: readonly EpochMs[];
    readonly featureSetHash: string;
  }): Promise<readonly StoredFeatureRow[]>;
  /** Stores rows; those stored already stay. */
  insert(rows: FeatureRows): Promise<void>;
  /** Stores rows in the place of those stored. */
  replace(rows: FeatureRows): Promise<void>;
}

export interface DataProcessorParts {
  /** By default that of the whole catalogue. */
  readonly featureSet?: FeatureSet;
  /** Canonical order: cross-sectional features are computed over all of them. */
  readonly universe: readonly SymbolId[];
  readonly references: readonly SymbolId[];
  readonly raw: RawMarketData;
  readonly store: FeatureStore;
}

export interface RebuildRequest {
  readonly plan: RebuildPlan;
  /** Whose rows are written and compared, of the universe. */
  readonly symbols: readonly SymbolId[];
  /** Puts the rebuilt row in the place of a stored one that differs. */
  readonly isReplacing: boolean;
  readonly signal?: AbortSignal;
  readonly onMinute?: (minute: EpochMs) => void;
}

/** A stored row that a rebuild found different, by the first value that differs. */
export interface RowDifference extends ValueDifference {
  readonly symbol: SymbolId;
  readonly minute: EpochMs;
}

export interface RebuildReport {
  /** Rows of one symbol at one minute. */
  readonly rows: {
    readonly written: number;
    /** The stored row is the rebuilt one, to 1e-6. */
    readonly equal: number;
    /** Of those: to the last bit. */
    readonly identical: number;
    /** Stored otherwise. They stay, or were replaced where that was asked for. */
    readonly different: number;
    /** Of those: equal but for values that were masked, as less history was at hand when they were stored. */
    readonly shorter: number;
    /** Stored at a rebuilt minute, but the raw data gives none: they stay. */
    readonly unfounded: number;
  };
  /** The first few. */
  readonly differences: readonly RowDifference[];
  /** Symbols asked for that have no rebuilt row at all. */
  readonly absent: readonly SymbolId[];
}

const SHOWN_DIFFERENCES = 5;
/** Minutes compared and written at once. */
const BATCH_MINUTES = 30;
/** Rows a quality report reads at most. */
const REPORT_ROWS = 40_000;

/**
 * Keeps `processed_market_data` and `technical_indicators`: they are written behind each minute's commit (see {@link rowsOfMinute}), and
 * here rebuilt from raw data and judged. A rebuilt row has the bits of the live one where both states began at the same bar, else it
 * agrees to 1e-6.
 */
export class DataProcessor {
  readonly #parts: DataProcessorParts;
  readonly #set: FeatureSet;

  constructor(parts: DataProcessorParts) {
    this.#parts = parts;
    this.#set = parts.featureSet ?? featureSet();
  }

  /**
   * Recomputes both tables and writes what is missing; stored rows stay, unless they differ and are to be replaced. Repeating it changes
   * nothing.
   * @throws MinutehandError FEATURE_BUILD_STOPPED when the signal aborts
   */
  async rebuild({ plan, symbols, isReplacing, signal, onMinute }: RebuildRequest): Promise<RebuildReport> {
    const { universe, references, raw } = this.#parts;
    const tally = new RebuildTally(symbols);
    let batch: FeatureRows[] = [];
    for await (const rows of rebuildRows(plan, { set: this.#set, universe, references, raw, signal, onMinute })) {
      batch.push(rows);
      if (batch.length < BATCH_MINUTES) continue;
      await this.#settle(batch, isReplacing, tally);
      batch = [];
    }
    await this.#settle(batch, isReplacing, tally);
    return tally.report();
  }

  /**
   * The faults of the stored features of `[from, to]`, judged on the rows of phase 0: of all times, or of so many of them, evenly drawn,
   * that 40,000 rows are read.
   */
  async report(range: {
    readonly from: EpochMs;
    readonly to: EpochMs;
    readonly symbols: readonly SymbolId[];
  }): Promise<FeatureFault[]> {
    return featureQuality(await this.#readColumns(range), this.#set);
  }

  async #settle(batch: readonly FeatureRows[], isReplacing: boolean, tally: RebuildTally): Promise<void> {
    if (batch.length === 0) return;
    const { store } = this.#parts;
    const found = await store.read({
      symbols: [...tally.symbols],
      minutes: batch.map(({ panel }) => panel.minute),
      featureSetHash: this.#set.hash,
    });
    const stored = new Map(found.map((row) => [keyOf(row.symbol, row.minute), row]));
    for (const rows of batch) {
      const { panel } = rows;
      const missing: number[] = [];
      const wrong: number[] = [];
      panel.symbols.forEach((symbol, position) => {
        if (!tally.symbols.has(symbol)) return;
        const key = keyOf(symbol, panel.minute);
        const verdict = this.#judge(rows, position, stored.get(key), tally);
        stored.delete(key);
        if (verdict === 'missing') missing.push(position);
        if (verdict === 'wrong') wrong.push(position);
      });
      if (missing.length > 0) await store.insert(selectRows(rows, missing));
      if (wrong.length > 0 && isReplacing) await store.replace(selectRows(rows, wrong));
    }
    tally.unfounded += stored.size;
  }

  #judge(
    rows: FeatureRows,
    position: number,
    stored: StoredFeatureRow | undefined,
    tally: RebuildTally,
  ): 'missing' | 'right' | 'wrong' {
    const { panel } = rows;
    const symbol = panel.symbols[position] ?? '';
    const rebuilt = {
      features: panel.values.subarray(position * panel.width, (position + 1) * panel.width),
      indicators: rows.indicators[position] ?? {},
    };
    tally.present.add(symbol);
    // Where one of the two tables lacks the row, the other's is held against itself: only what is stored can differ.
    const { verdict, difference } = compareRow(this.#set, rebuilt, {
      features: stored?.features ?? rebuilt.features,
      indicators: stored?.indicators ?? rebuilt.indicators,
    });
    if (difference) {
      tally.addDifference({ symbol, minute: panel.minute, ...difference }, verdict === 'shorter');
      return 'wrong';
    }
    if (stored?.features === undefined || stored.indicators === undefined) {
      tally.written++;
      return 'missing';
    }
    tally.equal++;
    if (verdict === 'identical') tally.identical++;
    return 'right';
  }

  /** Stored features of phase 0 as columns; NaN where none are stored. */
  async #readColumns({
    from,
    to,
    symbols,
  }: {
    readonly from: EpochMs;
    readonly to: EpochMs;
    readonly symbols: readonly SymbolId[];
  }): Promise<FeatureColumns> {
    const { width, names, hash } = this.#set;
    const minutes = drawMinutes(from, to, Math.floor(REPORT_ROWS / Math.max(1, symbols.length)));
    const values = new Map(
      symbols.map((symbol) => [symbol, new Float32Array(minutes.length * width).fill(Number.NaN)] as const),
    );
    for (let start = 0; start < minutes.length; start += BATCH_MINUTES) {
      const some = minutes.slice(start, start + BATCH_MINUTES);
      const rowOf = new Map(some.map((minute, index) => [minute, start + index]));
      for (const row of await this.#parts.store.read({ symbols, minutes: some, featureSetHash: hash })) {
        if (row.features?.length !== width) continue;
        values.get(row.symbol)?.set(row.features, (rowOf.get(row.minute) ?? 0) * width);
      }
    }
    return { width, names, featureSetHash: hash, symbols, values, times: Float64Array.from(minutes) };
  }
}

/** What a rebuild has found so far. */
class RebuildTally {
  readonly symbols: ReadonlySet<SymbolId>;
  readonly present = new Set<SymbolId>();
  written = 0;
  equal = 0;
  identical = 0;
  unfounded = 0;
  #different = 0;
  #shorter = 0;
  readonly #differences: RowDifference[] = [];

  constructor(symbols: readonly SymbolId[]) {
    this.symbols = new Set(symbols);
  }

  addDifference(difference: RowDifference, isShorter: boolean): void {
    this.#different++;
    if (isShorter) this.#shorter++;
    if (this.#differences.length < SHOWN_DIFFERENCES) this.#differences.push(difference);
  }

  report(): RebuildReport {
    const { written, equal, identical, unfounded } = this;
    return {
      rows: { written, equal, identical, different: this.#different, shorter: this.#shorter, unfounded },
      differences: this.#differences,
      absent: [...this.symbols].filter((symbol) => !this.present.has(symbol)),
    };
  }
}

const keyOf = (symbol: SymbolId, minute: EpochMs): string => `${symbol} ${minute}`;

/** The minutes of phase 0 in `[from, to]`, or `most` of them, one of each of as many equal stretches. */
function drawMinutes(from: EpochMs, to: EpochMs, most: number): EpochMs[] {
  const step = PHASES * MINUTE_MS;
  const first = Math.ceil(from / step) * step;
  const count = Math.max(0, Math.floor((to - first) / step) + 1);
  const kept = Math.min(count, most);
  const random = createRandom('feature-report');
  return Array.from({ length: kept }, (_, index) => {
    const drawn = kept === count ? index : Math.floor(((index + random.uniform()) * count) / kept);
    return epochMs(first + drawn * step);
  });
}
