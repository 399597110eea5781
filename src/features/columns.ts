import {
  at32,
  at64,
  atInt32,
  type BarColumns,
  durationOf,
  type FundingRates,
  HOUR_MS,
  MinutehandError,
  type SymbolId,
} from '../core/index.ts';
import type { CrossFrame } from './cross-program.ts';
import type { Feature } from './feature.ts';
import { FORMING_SLOTS, formHour, HourQueue, isHourCurrent } from './hours.ts';
import { compilePipeline, createFrame, type Pipeline, RETURNS_KEPT, writeOutputs } from './pipeline.ts';
import { advance, BAR_SLOTS, COUNT, type Ring } from './program.ts';
import { sectorOf } from './sectors.ts';
import { barAt, referencePositions } from './series-input.ts';

const QUARTER_MS = durationOf('15m');

export interface ColumnRequest {
  /**
   * Closed 15-minute bars per symbol, ascending; the map's order is the canonical one. All on one phase: clock-aligned for
   * training, where they also make the 1h bars.
   */
  readonly bars15m: ReadonlyMap<SymbolId, BarColumns>;
  /** Closed 1h bars, used where four clock-aligned quarters do not make one; may reach further back. */
  readonly bars1h?: ReadonlyMap<SymbolId, BarColumns>;
  /** Settled funding rates: each is known to the hours that close after its time. */
  readonly funding?: ReadonlyMap<SymbolId, FundingRates>;
  /** BTC, ETH: features against a reference that is not named are masked. */
  readonly references: readonly SymbolId[];
  /** Close times of the first and last row; by default all. Earlier bars warm up, later ones are not read. */
  readonly from?: number;
  readonly to?: number;
  readonly onProgress?: (done: number, total: number) => void;
}

/** Feature values on one 15-minute grid. */
export interface Columns {
  readonly width: number;
  /** Close times, each 15 minutes after the one before. */
  readonly times: Float64Array;
  readonly symbols: readonly SymbolId[];
  /** Per symbol, row-major [times, width]; NaN = masked: no bar, not warm, or no reference. */
  readonly values: ReadonlyMap<SymbolId, Float32Array>;
}

/**
 * Runs kernels over columns of bars: per symbol, then over the panel of each time.
 * @param features in the order of a row
 * @throws MinutehandError FEATURE_BARS_INVALID when bars are off their common grid or not ascending; FEATURE_REFERENCE_UNKNOWN
 */
export function computeColumns(features: readonly Feature[], request: ColumnRequest): Columns {
  const plan = planColumns(request);
  const { symbols, grid } = plan;
  const pipeline = compilePipeline(features);
  const total = symbols.length + 1;
  const series = symbols.map((symbol, index) => {
    request.onProgress?.(index, total);
    const one = allocateSeries(grid, pipeline.width, (bytes) => new ArrayBuffer(bytes));
    computeSeries(pipeline, grid, inputOf(request, symbol), one);
    return one;
  });
  request.onProgress?.(symbols.length, total);
  computeCross(pipeline, plan, series, 0, grid.rows);
  request.onProgress?.(total, total);
  return columnsOf(plan, pipeline.width, series);
}

/** What is to be computed of a request, before any feature is. */
export interface ColumnPlan {
  readonly symbols: readonly SymbolId[];
  readonly grid: Grid;
  /** Positions of the references among the symbols. */
  readonly references: readonly number[];
  /** Numbers of the symbols' sectors. */
  readonly sectors: readonly number[];
}

/** @throws MinutehandError as {@link computeColumns} */
export function planColumns(request: ColumnRequest): ColumnPlan {
  const symbols = [...request.bars15m.keys()];
  return {
    symbols,
    references: referencePositions(symbols, request.references),
    grid: commonGrid(request.bars15m, request),
    sectors: symbols.map(sectorOf),
  };
}

/** What one symbol's series is made of. */
export interface SeriesInput {
  readonly bars?: BarColumns | undefined;
  readonly hours?: BarColumns | undefined;
  readonly funding?: FundingRates | undefined;
}

export const inputOf = ({ bars15m, bars1h, funding }: ColumnRequest, symbol: SymbolId): SeriesInput => ({
  bars: bars15m.get(symbol),
  hours: bars1h?.get(symbol),
  funding: funding?.get(symbol),
});

export const columnsOf = ({ symbols, grid }: ColumnPlan, width: number, series: readonly Series[]): Columns => ({
  times: Float64Array.from({ length: grid.rows }, (_, row) => timeOf(grid, row)),
  symbols,
  width,
  values: new Map(symbols.map((symbol, index) => [symbol, (series[index] as Series).values])),
});

const timeOf = (grid: Grid, row: number): number => grid.first + (grid.skipped + row) * QUARTER_MS;

/** The grid of close times: `skipped` warm-up times, then `rows` times with output. */
export interface Grid {
  readonly first: number;
  readonly skipped: number;
  readonly rows: number;
  readonly firstHour: number;
  readonly hours: number;
}

/** What the per-symbol stages leave for the cross-sectional one. */
export interface Series {
  readonly values: Float32Array;
  /** On the grid: 1-bar log returns (0 where carried) and bars since the series began (0 = no bar). */
  readonly returns: Float64Array;
  readonly counts: Int32Array;
  /** The same on the grid of hours; the count is 0 where the hour is unknown. */
  readonly hourReturns: Float64Array;
  readonly hourCounts: Int32Array;
}

function commonGrid(bars15m: ColumnRequest['bars15m'], { from, to }: ColumnRequest): Grid {
  let first = Number.POSITIVE_INFINITY;
  let last = Number.NEGATIVE_INFINITY;
  for (const [symbol, bars] of bars15m) {
    for (let i = 0; i < bars.length; i++) {
      const time = at64(bars.openTime, i) + QUARTER_MS;
      if (i > 0 && time <= at64(bars.openTime, i - 1) + QUARTER_MS)
        throw barsInvalid(symbol, time, 'are not ascending');
      if (first === Number.POSITIVE_INFINITY) first = time;
      if ((time - first) % QUARTER_MS !== 0)
        throw barsInvalid(symbol, time, 'are off the 15-minute grid of the others');
    }
    if (bars.length === 0) continue;
    first = Math.min(first, at64(bars.openTime, 0) + QUARTER_MS);
    last = Math.max(last, at64(bars.openTime, bars.length - 1) + QUARTER_MS);
  }
  if (to !== undefined) last = Math.min(last, to);
  const steps = last >= first ? Math.floor((last - first) / QUARTER_MS) + 1 : 0;
  const skipped = from === undefined || steps === 0 ? 0 : Math.max(0, Math.ceil((from - first) / QUARTER_MS));
  const firstHour = Math.floor(first / HOUR_MS) * HOUR_MS;
  return {
    first,
    skipped,
    rows: Math.max(0, steps - skipped),
    firstHour,
    hours: steps === 0 ? 0 : Math.floor((last - firstHour) / HOUR_MS) + 1,
  };
}

/** Empty series of one symbol, in memory of the caller's. */
export function allocateSeries(grid: Grid, width: number, allocate: (bytes: number) => ArrayBufferLike): Series {
  const steps = grid.skipped + grid.rows;
  // Hours before the grid count too: comovement looks back beyond it.
  const hours = grid.hours + SLOW_HISTORY;
  return {
    values: new Float32Array(allocate(4 * grid.rows * width)),
    returns: new Float64Array(allocate(8 * steps)),
    counts: new Int32Array(allocate(4 * steps)),
    hourReturns: new Float64Array(allocate(8 * hours)),
    hourCounts: new Int32Array(allocate(4 * hours)),
  };
}

/** Fills in a symbol's fast and slow features, and what the cross-sectional stage reads of it. */
export function computeSeries(
  pipeline: Pipeline,
  grid: Grid,
  { bars, hours: given, funding }: SeriesInput,
  series: Series,
): void {
  const { fast, slow, width, seriesWidth } = pipeline;
  const steps = grid.skipped + grid.rows;
  const { values } = series;
  let written = 0;
  /** Rows without a bar. */
  const maskUpTo = (row: number) => {
    if (row > written) values.fill(Number.NaN, written * width, row * width);
    written = row;
  };
  if (!bars) {
    maskUpTo(grid.rows);
    return;
  }
  const fastState = new Float64Array(fast.size);
  const slowState = new Float64Array(slow.size);
  const forming = new Float64Array(FORMING_SLOTS);
  const queue = new HourQueue();
  if (given) queue.push(given);
  if (funding) queue.pushRates(funding);
  const bar = new Float64Array(BAR_SLOTS);
  const { base: returnBase, mask: returnMask } = pipeline.fastReturns;
  const slowRow = new Float32Array(pipeline.slowOutputs.slots.length);
  const slowAt = pipeline.fastOutputs.slots.length;
  let slowCount = -1;
  let slowTime = Number.NaN;
  let lastHour = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < bars.length; i++) {
    const time = at64(bars.openTime, i) + QUARTER_MS;
    const step = (time - grid.first) / QUARTER_MS;
    if (step >= steps) break;
    if (!barAt(bars, i, QUARTER_MS, bar)) continue;
    advance(fast, fastState, QUARTER_MS, bar);
    const formed = formHour(forming, 0, bar);
    queue.advance(slow, slowState, time, formed, forming, 0);
    const count = at64(fastState, COUNT);
    series.returns[step] = at64(fastState, returnBase + (count & returnMask));
    series.counts[step] = count;
    const current = isHourCurrent(slowState, time);
    const hour = Math.floor((time - grid.firstHour) / HOUR_MS) + SLOW_HISTORY;
    if (current) {
      if (hour > lastHour) copyHourReturns(pipeline.slowReturns, slowState, series, hour, lastHour);
      lastHour = hour;
      if (slowTime !== time - (time % HOUR_MS) || slowCount !== at64(slowState, COUNT)) {
        writeOutputs(slowState, pipeline.slowOutputs, slowRow, 0);
        slowTime = time - (time % HOUR_MS);
        slowCount = at64(slowState, COUNT);
      }
    }
    const row = step - grid.skipped;
    if (row < 0) continue;
    maskUpTo(row);
    written = row + 1;
    const at = row * width;
    writeOutputs(fastState, pipeline.fastOutputs, values, at);
    if (current) for (let k = 0; k < slowRow.length; k++) values[at + slowAt + k] = at32(slowRow, k);
    else values.fill(Number.NaN, at + slowAt, at + seriesWidth);
  }
  maskUpTo(grid.rows);
}

/** Hours before the first row whose returns are kept. */
const SLOW_HISTORY = RETURNS_KEPT;

/** Copies the returns of a slow state since `lastHour` to their places in the column that ends at `hour`. */
function copyHourReturns(
  { base, mask }: Ring,
  state: Float64Array,
  series: Series,
  hour: number,
  lastHour: number,
): void {
  const count = at64(state, COUNT);
  series.hourCounts[hour] = count;
  const length = Math.min(count, SLOW_HISTORY, hour - lastHour);
  for (let k = 0; k < length; k++) series.hourReturns[hour - k] = at64(state, base + ((count - k) & mask));
}

/** Fills in the cross-sectional features of rows `[from, to)`, once the series of all symbols are. */
export function computeCross(
  pipeline: Pipeline,
  { grid, sectors, references }: ColumnPlan,
  series: readonly Series[],
  from: number,
  to: number,
): void {
  const { width, seriesWidth } = pipeline;
  if (seriesWidth === width) return;
  const frame = createFrame(series.length, references.length);
  for (let row = from; row < to; row++) {
    const time = timeOf(grid, row);
    const step = grid.skipped + row;
    const hour = Math.floor((time - grid.firstHour) / HOUR_MS) + SLOW_HISTORY;
    let rows = 0;
    for (let i = 0; i < series.length; i++) {
      const one = series[i] as Series;
      if (atInt32(one.counts, step) === 0) continue;
      frame.blocks[rows] = one.values;
      frame.offsets[rows] = row * width;
      frame.sectors[rows] = sectors[i] as number;
      pointTo(frame.fast[rows], one.returns, one.counts, step);
      pointTo(frame.slow[rows], one.hourReturns, one.hourCounts, hour);
      rows++;
    }
    frame.rows = rows;
    frame.time = time;
    references.forEach((position, index) => {
      const one = series[position] as Series;
      const present = atInt32(one.counts, step) > 0;
      pointTo(frame.referenceFast[index], one.returns, one.counts, step);
      pointTo(frame.referenceSlow[index], one.hourReturns, one.hourCounts, present ? hour : 0);
    });
    pipeline.cross.compute(frame);
  }
}

function pointTo(
  history: CrossFrame['fast'][number] | undefined,
  values: Float64Array,
  counts: Int32Array,
  head: number,
): void {
  if (!history) return;
  history.values = values;
  history.mask = -1;
  history.head = head;
  history.count = atInt32(counts, head);
}

function barsInvalid(symbol: SymbolId, time: number, what: string): MinutehandError {
  return new MinutehandError(
    'FEATURE_BARS_INVALID',
    `the 15-minute bars of ${symbol} ${what} (bar that closes at ${time})`,
    'Check the source with "minutehand data verify".',
  );
}
