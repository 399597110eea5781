import {
  at64,
  type BarColumns,
  durationOf,
  epochMs,
  formatTime,
  TIMEFRAMES,
  type Timeframe,
} from '../../core/index.ts';
import { spacingOf } from '../../marketfiles/index.ts';
import { type Fault, faultsOfRuns, runsOf, selectBars } from './fault.ts';

export interface TimeAxis {
  /** The bars with readable numbers, on the grid, sorted and unique: what the further checks look at. */
  readonly bars: BarColumns;
  /** The one asked for, unless the bars plainly have a shorter one. */
  readonly timeframe: Timeframe;
  /** Open times on the grid of rows that hold no usable numbers: their bars are not missing as well. */
  readonly unreadable: ReadonlySet<number>;
  readonly faults: readonly Fault[];
}

/** Checks what the open times say and repairs them for the further checks, so that one fault is not reported as several. */
export function checkTimeAxis(raw: BarColumns, timeframe: Timeframe): TimeAxis {
  const faults: Fault[] = [];
  const { readable, lost } = dropUnreadable(raw, durationOf(timeframe), faults);
  const actual = finerSpacing(readable, timeframe) ?? timeframe;
  const duration = durationOf(actual);
  const aligned = alignTimes(readable, timeframe, actual, faults);
  const unique = dropDuplicates(aligned, duration, faults);
  const unreadable = new Set(lost.map((time) => Math.round(time / duration) * duration));
  return { bars: sortBars(unique, duration, faults), timeframe: actual, unreadable, faults };
}

/** `lost`: the open times of the rows left out; an unknown one is taken to follow on the row before. */
function dropUnreadable(raw: BarColumns, duration: number, faults: Fault[]): { readable: BarColumns; lost: number[] } {
  const kept: number[] = [];
  const unreadable = new Uint8Array(raw.length);
  const lost: number[] = [];
  let knownTime = Number.NaN;
  const times = Float64Array.from(raw.openTime);
  for (let i = 0; i < raw.length; i++) {
    const sum =
      at64(raw.openTime, i) +
      at64(raw.open, i) +
      at64(raw.high, i) +
      at64(raw.low, i) +
      at64(raw.close, i) +
      at64(raw.volume, i);
    if (!Number.isFinite(at64(times, i))) times[i] = Number.isNaN(knownTime) ? 0 : knownTime + duration;
    knownTime = at64(times, i);
    if (Number.isFinite(sum)) kept.push(i);
    else {
      unreadable[i] = 1;
      lost.push(knownTime);
    }
  }
  if (kept.length === raw.length) return { readable: raw, lost };
  faults.push(
    ...faultsOfRuns('NOT_A_NUMBER', runsOf(unreadable), { ...raw, openTime: times }, duration, (run) =>
      run.end - run.start === 1
        ? `row ${run.start + 1} has a value that is missing or not a number`
        : `rows ${run.start + 1} to ${run.end} have values that are missing or not numbers`,
    ),
  );
  return { readable: selectBars(raw, kept), lost };
}

/** A timeframe shorter than the one asked for, if most bars lie that close together. */
function finerSpacing(bars: BarColumns, timeframe: Timeframe): Timeframe | undefined {
  const spacing = spacingOf(bars);
  if (spacing === undefined || TIMEFRAMES.indexOf(spacing) >= TIMEFRAMES.indexOf(timeframe)) return undefined;
  return spacing;
}

function alignTimes(bars: BarColumns, asked: Timeframe, actual: Timeframe, faults: Fault[]): BarColumns {
  const duration = durationOf(actual);
  const off = new Uint8Array(bars.length);
  const openTime = Float64Array.from(bars.openTime);
  for (let i = 0; i < bars.length; i++) {
    const time = at64(bars.openTime, i);
    const nearest = Math.round(time / duration) * duration;
    if (nearest === time) continue;
    off[i] = 1;
    openTime[i] = nearest;
  }
  if (asked !== actual && bars.length > 0) {
    const span = { start: 0, end: bars.length };
    faults.push(
      ...faultsOfRuns('MISALIGNED', [span], bars, duration, () => `the bars are ${actual} apart, not ${asked}`),
    );
  } else {
    faults.push(
      ...faultsOfRuns('MISALIGNED', runsOf(off, 3), bars, duration, (run) => {
        const first = at64(bars.openTime, run.start);
        const seconds = (first - at64(openTime, run.start)) / 1_000;
        return `opens ${Math.abs(seconds)} s ${seconds > 0 ? 'after' : 'before'} the ${actual} grid at ${formatTime(epochMs(at64(openTime, run.start)))}`;
      }),
    );
  }
  return { ...bars, openTime };
}

function dropDuplicates(bars: BarColumns, duration: number, faults: Fault[]): BarColumns {
  const rowOf = new Map<number, number>();
  const kept: number[] = [];
  const repeated = new Uint8Array(bars.length);
  let differing = 0;
  for (let i = 0; i < bars.length; i++) {
    const time = at64(bars.openTime, i);
    const first = rowOf.get(time);
    if (first === undefined) {
      rowOf.set(time, i);
      kept.push(i);
      continue;
    }
    repeated[i] = 1;
    if (at64(bars.close, first) !== at64(bars.close, i) || at64(bars.volume, first) !== at64(bars.volume, i)) {
      differing++;
    }
  }
  if (kept.length === bars.length) return bars;
  const values = differing === 0 ? 'with the same values' : `${differing} of them with other values`;
  faults.push(
    ...faultsOfRuns(
      'DUPLICATE',
      runsOf(repeated, 1),
      bars,
      duration,
      (run) =>
        `the open time of row ${run.start + 1} occurred before (${bars.length - kept.length} rows in all, ${values})`,
    ),
  );
  return selectBars(bars, kept);
}

function sortBars(bars: BarColumns, duration: number, faults: Fault[]): BarColumns {
  const times = bars.openTime;
  let ascending = true;
  for (let i = 1; i < bars.length && ascending; i++) ascending = at64(times, i) > at64(times, i - 1);
  if (ascending) return bars;
  const order = Array.from({ length: bars.length }, (_, i) => i).sort((a, b) => at64(times, a) - at64(times, b));
  const displaced = order.filter((row, position) => row !== position);
  const concerned = displaced.map((row) => at64(times, row));
  let earliest = Number.POSITIVE_INFINITY;
  let latest = Number.NEGATIVE_INFINITY;
  for (const time of concerned) {
    if (time < earliest) earliest = time;
    if (time > latest) latest = time;
  }
  const firstRow = displaced.reduce((least, row) => Math.min(least, row), bars.length);
  const reversed = order.every((row, position) => row === bars.length - 1 - position);
  faults.push({
    code: 'UNSORTED',
    from: earliest,
    to: latest + duration,
    bars: displaced.length,
    detail: reversed
      ? 'the newest bar comes first'
      : `${displaced.length} rows are out of order, the first is row ${firstRow + 1}`,
  });
  return selectBars(bars, order);
}
