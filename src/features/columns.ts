import {
  at32,
  at64,
  atInt32,
  type BarColumns,
  durationOf,
  HOUR_MS,
  MinutehandError,
  type SymbolId,
} from '../core/index.ts';
import type { CrossFrame } from './cross-program.ts';
import type { Feature } from './feature.ts';
import { FORMING_SLOTS, formHour, HourQueue, isHourCurrent } from './hours.ts';
import { compilePipeline, createFrame, type Pipeline, writeOutputs } from './pipeline.ts';
import { COUNT, LOG_RETURN } from './program.ts';
import { isUsable, referencePositions } from './series-input.ts';

const QUARTER_MS = durationOf('15m');

export interface ColumnRequest {
  /**
   * Closed 15-minute bars per symbol, ascending; the map's order is the canonical one. All on one phase: clock-aligned for
   * training, where they also make the 1h bars.
   */
  readonly bars15m: ReadonlyMap<SymbolId, BarColumns>;
  /** Closed 1h bars, used where four clock-aligned quarters do not make one; may reach further back. */
  readonly bars1h?: ReadonlyMap<SymbolId, BarColumns>;
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
  const { bars15m } = request;
  const symbols = [...bars15m.keys()];
  const references = referencePositions(symbols, request.references);
  const grid = commonGrid(bars15m, request);
  const times = Float64Array.from({ length: grid.rows }, (_, row) => grid.first + (grid.skipped + row) * QUARTER_MS);
  const pipeline = compilePipeline(features);
  const total = symbols.length + 1;
  const series = symbols.map((symbol, index) => {
    request.onProgress?.(index, total);
    const bars = bars15m.get(symbol);
    return computeSeries(pipeline, grid, bars, request.bars1h?.get(symbol));
  });
  request.onProgress?.(symbols.length, total);
  computeCross(pipeline, grid, times, series, references);
  request.onProgress?.(total, total);
  return {
    times,
    symbols,
    width: pipeline.width,
    values: new Map(symbols.map((symbol, index) => [symbol, (series[index] as Series).values])),
  };
}

/** The grid of close times: `skipped` warm-up times, then `rows` times with output. */
interface Grid {
  readonly first: number;
  readonly skipped: number;
  readonly rows: number;
  readonly firstHour: number;
  readonly hours: number;
}

/** What the per-symbol stages leave for the cross-sectional one. */
interface Series {
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

function computeSeries(
  pipeline: Pipeline,
  grid: Grid,
  bars: BarColumns | undefined,
  given: BarColumns | undefined,
): Series {
  const { fast, slow, width } = pipeline;
  const steps = grid.skipped + grid.rows;
  const series: Series = {
    values: new Float32Array(grid.rows * width).fill(Number.NaN),
    returns: new Float64Array(steps),
    counts: new Int32Array(steps),
    // Hours before the grid count too: comovement looks back beyond it.
    hourReturns: new Float64Array(grid.hours + SLOW_HISTORY),
    hourCounts: new Int32Array(grid.hours + SLOW_HISTORY),
  };
  if (!bars) return series;
  const fastState = new Float64Array(fast.size);
  const slowState = new Float64Array(slow.size);
  const forming = new Float64Array(FORMING_SLOTS);
  const queue = new HourQueue();
  if (given) queue.push(given);
  const slowRow = new Float32Array(pipeline.slowOutputs.slots.length);
  const slowAt = pipeline.fastOutputs.slots.length;
  let slowCount = -1;
  let slowTime = Number.NaN;
  let lastHour = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < bars.length; i++) {
    const time = at64(bars.openTime, i) + QUARTER_MS;
    const step = (time - grid.first) / QUARTER_MS;
    if (step >= steps) break;
    const open = at64(bars.open, i);
    const high = at64(bars.high, i);
    const low = at64(bars.low, i);
    const close = at64(bars.close, i);
    const volume = at64(bars.volume, i);
    if (!isUsable(open, high, low, close, volume)) continue;
    fast.advance(fastState, time, open, high, low, close, volume);
    const formed = formHour(forming, 0, time, open, high, low, close, volume);
    queue.advance(slow, slowState, time, formed, forming, 0);
    series.returns[step] = at64(fastState, LOG_RETURN);
    series.counts[step] = at64(fastState, COUNT);
    const current = isHourCurrent(slowState, time);
    const hour = Math.floor((time - grid.firstHour) / HOUR_MS) + SLOW_HISTORY;
    if (current) {
      if (hour > lastHour) copyHourReturns(slow, slowState, series, hour, lastHour);
      lastHour = hour;
      if (slowTime !== time - (time % HOUR_MS) || slowCount !== at64(slowState, COUNT)) {
        writeOutputs(slowState, pipeline.slowOutputs, slowRow, 0);
        slowTime = time - (time % HOUR_MS);
        slowCount = at64(slowState, COUNT);
      }
    }
    const row = step - grid.skipped;
    if (row < 0) continue;
    writeOutputs(fastState, pipeline.fastOutputs, series.values, row * width);
    if (current) series.values.set(slowRow, row * width + slowAt);
  }
  return series;
}

/** Hours before the first row whose returns are kept. */
const SLOW_HISTORY = 512;

/** Copies the returns of a slow state since `lastHour` to their places in the column that ends at `hour`. */
function copyHourReturns(
  program: Pipeline['slow'],
  state: Float64Array,
  series: Series,
  hour: number,
  lastHour: number,
): void {
  const count = at64(state, COUNT);
  series.hourCounts[hour] = count;
  const length = Math.min(count, program.mask + 1, SLOW_HISTORY, hour - lastHour);
  for (let k = 0; k < length; k++) {
    series.hourReturns[hour - k] = at64(state, program.returnRing + ((count - k) & program.mask));
  }
}

function computeCross(
  pipeline: Pipeline,
  grid: Grid,
  times: Float64Array,
  series: readonly Series[],
  references: readonly number[],
): void {
  const { width, seriesWidth } = pipeline;
  if (seriesWidth === width) return;
  const frame = createFrame(width, series.length, references.length);
  const members = new Int32Array(series.length);
  for (let row = 0; row < grid.rows; row++) {
    const step = grid.skipped + row;
    const hour = Math.floor((at64(times, row) - grid.firstHour) / HOUR_MS) + SLOW_HISTORY;
    frame.rows = 0;
    for (let i = 0; i < series.length; i++) {
      const one = series[i] as Series;
      if (atInt32(one.counts, step) === 0) continue;
      const from = row * width;
      const to = frame.rows * width;
      for (let column = 0; column < seriesWidth; column++) frame.values[to + column] = at32(one.values, from + column);
      pointTo(frame.fast[frame.rows], one.returns, one.counts, step);
      pointTo(frame.slow[frame.rows], one.hourReturns, one.hourCounts, hour);
      members[frame.rows++] = i;
    }
    references.forEach((position, index) => {
      const one = series[position] as Series;
      const present = atInt32(one.counts, step) > 0;
      pointTo(frame.referenceFast[index], one.returns, one.counts, step);
      pointTo(frame.referenceSlow[index], one.hourReturns, one.hourCounts, present ? hour : 0);
    });
    pipeline.cross.compute(frame);
    for (let member = 0; member < frame.rows; member++) {
      const { values } = series[atInt32(members, member)] as Series;
      const from = member * width;
      const to = row * width;
      for (let column = seriesWidth; column < width; column++) values[to + column] = at32(frame.values, from + column);
    }
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
