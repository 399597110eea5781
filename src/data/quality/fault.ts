import { at64, type BarColumns } from '../../core/index.ts';

/** What can be wrong with candles; `docs/data-quality.md` says how each is told. */
export const FAULT_CODES = {
  NOT_A_NUMBER: 'A value is missing or not a number.',
  MISALIGNED: 'Open times are off the grid of the timeframe, or in another unit than the header says.',
  DUPLICATE: 'An open time occurs again.',
  UNSORTED: 'Bars are out of the order of time.',
  FUTURE_TIME: 'A bar ends after the present: it is not closed, or its time is wrong.',
  PERIODIC_GAP: 'Bars are missing at regular distances, as after a fault in reading page by page.',
  GAP: 'A run of bars is missing.',
  SPARSE: 'Many short, irregular holes: the source writes no bar where nothing traded, or loses some at random.',
  NON_POSITIVE: 'A price is zero or negative, or a volume negative.',
  OHLC_VIOLATION: 'The high is below, or the low above, another price of its bar.',
  ZERO_VOLUME_FLAT: 'A run of flat bars without volume: the exchange did not trade, or the source filled in.',
  IMPLAUSIBLE: 'Prices or volumes that no market makes: a level that jumps between two bars, repeated bars, noise.',
  PRICE_DISAGREES: 'Other bars of the same market show other prices, or the bars are those of another market.',
} as const;

export type FaultCode = keyof typeof FAULT_CODES;

export interface Fault {
  readonly code: FaultCode;
  /** Open of the first bar concerned, epoch milliseconds. */
  readonly from: number;
  /** Close of the last bar concerned, epoch milliseconds. */
  readonly to: number;
  /** Number of bars concerned (of a hole: missing). */
  readonly bars: number;
  readonly detail: string;
}

/** A run of bars by index, `end` exclusive. */
export interface Run {
  readonly start: number;
  readonly end: number;
}

/** More runs of one kind than this are reported as one fault that spans them. */
const MOST_RUNS = 10;

/** Runs of marked bars; marks at most `bridging` bars apart count as one run. */
export function runsOf(marked: ArrayLike<number>, bridging = 0): Run[] {
  const runs: Run[] = [];
  let start = -1;
  let last = -1;
  for (let i = 0; i < marked.length; i++) {
    if (marked[i] !== 1) continue;
    if (start >= 0 && i - last > bridging + 1) {
      runs.push({ start, end: last + 1 });
      start = i;
    }
    if (start < 0) start = i;
    last = i;
  }
  if (start >= 0) runs.push({ start, end: last + 1 });
  return runs;
}

/** One fault per run, or one for all when there are many. */
export function faultsOfRuns(
  code: FaultCode,
  runs: readonly Run[],
  bars: BarColumns,
  duration: number,
  describe: (run: Run) => string,
): Fault[] {
  // Rows may still be out of order here: the span is that of the earliest and the latest bar.
  const spanOf = (some: readonly Run[]) => {
    let from = Number.POSITIVE_INFINITY;
    let last = Number.NEGATIVE_INFINITY;
    for (const { start, end } of some) {
      for (let i = start; i < end; i++) {
        from = Math.min(from, at64(bars.openTime, i));
        last = Math.max(last, at64(bars.openTime, i));
      }
    }
    return { from, to: last + duration };
  };
  const first = runs[0];
  if (first === undefined) return [];
  if (runs.length > MOST_RUNS) {
    const concerned = runs.reduce((sum, run) => sum + run.end - run.start, 0);
    const detail = `${runs.length} places, the first: ${describe(first)}`;
    return [{ code, ...spanOf(runs), bars: concerned, detail }];
  }
  return runs.map((run) => ({ code, ...spanOf([run]), bars: run.end - run.start, detail: describe(run) }));
}

/** The bars at `indices`, in that order. */
export function selectBars(bars: BarColumns, indices: ArrayLike<number>): BarColumns {
  const pick = (column: Float64Array) => {
    const picked = new Float64Array(indices.length);
    for (let i = 0; i < picked.length; i++) picked[i] = at64(column, indices[i] as number);
    return picked;
  };
  return {
    length: indices.length,
    openTime: pick(bars.openTime),
    open: pick(bars.open),
    high: pick(bars.high),
    low: pick(bars.low),
    close: pick(bars.close),
    volume: pick(bars.volume),
    quoteVolume: pick(bars.quoteVolume),
    takerBuyVolume: pick(bars.takerBuyVolume),
  };
}

/** The value at `share` (0 to 1) of the sorted values; NaN for none. */
export function quantileOf(values: Float64Array, share: number): number {
  if (values.length === 0) return Number.NaN;
  const sorted = Float64Array.from(values).sort();
  return at64(sorted, Math.min(sorted.length - 1, Math.floor(share * sorted.length)));
}
