import { at32, at64, atInt32 } from '../core/index.ts';
import { applyScaler, type Scaler } from '../features/index.ts';
import { BAR_MS, type Dataset } from './dataset.ts';
import { TARGET_WIDTH } from './targets.ts';

/** Rows chosen from a dataset, time by time and in canonical order within a time. */
export interface DesignMatrix {
  readonly rows: number;
  readonly width: number;
  /** [rows, width], as in the dataset (NaN = masked) until scaled in place. */
  readonly features: Float32Array;
  /** [rows, TARGET_WIDTH], all finite. */
  readonly targets: Float32Array;
  /** Epoch milliseconds of each row's bar close. */
  readonly times: Float64Array;
  /** Position of each row's symbol in the dataset. */
  readonly symbolIndex: Int32Array;
}

/** Rows chosen from a dataset, without their features. */
export type ChosenRows = Pick<DesignMatrix, 'targets' | 'times' | 'symbolIndex'>;

/** A row with more of its features masked is not learned from. */
export const MAX_MASKED_SHARE = 0.5;

/**
 * The rows of [firstRow, endRow) whose targets are all known and whose features are at most half masked. Where there are more than
 * `maxRows`, whole times are left out evenly until about that many stay.
 */
export function gatherRows(
  dataset: Dataset,
  targets: ReadonlyMap<string, Float32Array>,
  window: { readonly firstRow: number; readonly endRow: number },
  maxRows: number,
): DesignMatrix {
  const { width } = dataset;
  const chosen = chooseRows(dataset, targets, window, maxRows);
  const rows = chosen.times.length;
  const features = new Float32Array(rows * width);
  for (let row = 0; row < rows; row++) {
    const from = dataset.features.get(dataset.symbols[atInt32(chosen.symbolIndex, row)] ?? '');
    const time = timeRow(dataset.times, at64(chosen.times, row));
    if (from) features.set(from.subarray(time * width, (time + 1) * width), row * width);
  }
  return { ...chosen, rows, width, features };
}

/** The same rows as {@link gatherRows} takes, without a copy of their features. */
export function chooseRows(
  dataset: Dataset,
  targets: ReadonlyMap<string, Float32Array>,
  window: { readonly firstRow: number; readonly endRow: number },
  maxRows: number,
): ChosenRows {
  const { width } = dataset;
  const sources = dataset.symbols.map((symbol) => {
    const features = dataset.features.get(symbol);
    const labels = targets.get(symbol);
    if (!features || !labels) throw new RangeError(`no features or targets of ${symbol}`);
    return { features, labels };
  });
  const chosen: { source: number; time: number }[] = [];
  for (let time = window.firstRow; time < window.endRow; time++) {
    sources.forEach(({ features, labels }, source) => {
      if (isComplete(labels, time) && isUnmasked(features, time, width)) chosen.push({ source, time });
    });
  }
  const share = maxRows / chosen.length;
  const kept = chosen.filter(({ time }) => staysInSample(time - window.firstRow, share));
  const result = {
    targets: new Float32Array(kept.length * TARGET_WIDTH),
    times: new Float64Array(kept.length),
    symbolIndex: new Int32Array(kept.length),
  };
  kept.forEach(({ source, time }, row) => {
    const labels = sources[source]?.labels;
    if (!labels) return;
    result.targets.set(labels.subarray(time * TARGET_WIDTH, (time + 1) * TARGET_WIDTH), row * TARGET_WIDTH);
    result.times[row] = at64(dataset.times, time);
    result.symbolIndex[row] = source;
  });
  return result;
}

/** Row of a time on a dataset's grid. */
export const timeRow = (times: Float64Array, time: number): number => (time - at64(times, 0)) / BAR_MS;

/** Leaves whole times out of a matrix, evenly, until about `maxRows` stay. */
export function thinRows(matrix: DesignMatrix, maxRows: number): DesignMatrix {
  const share = maxRows / matrix.rows;
  if (share >= 1) return matrix;
  const { width } = matrix;
  const kept: number[] = [];
  let group = -1;
  for (let row = 0; row < matrix.rows; row++) {
    if (row === 0 || at64(matrix.times, row) !== at64(matrix.times, row - 1)) group++;
    if (staysInSample(group, share)) kept.push(row);
  }
  const thinned = {
    rows: kept.length,
    width,
    features: new Float32Array(kept.length * width),
    targets: new Float32Array(kept.length * TARGET_WIDTH),
    times: new Float64Array(kept.length),
    symbolIndex: new Int32Array(kept.length),
  };
  kept.forEach((row, index) => {
    thinned.features.set(matrix.features.subarray(row * width, (row + 1) * width), index * width);
    thinned.targets.set(matrix.targets.subarray(row * TARGET_WIDTH, (row + 1) * TARGET_WIDTH), index * TARGET_WIDTH);
    thinned.times[index] = at64(matrix.times, row);
    thinned.symbolIndex[index] = atInt32(matrix.symbolIndex, row);
  });
  return thinned;
}

/** The same rows with only these columns of their features; the matrix itself where that is all of them in their order. */
export function selectColumns(matrix: DesignMatrix, columns: readonly number[]): DesignMatrix {
  const width = columns.length;
  if (width === matrix.width && columns.every((column, j) => column === j)) return matrix;
  const features = new Float32Array(matrix.rows * width);
  for (let row = 0; row < matrix.rows; row++) {
    columns.forEach((column, j) => {
      features[row * width + j] = at32(matrix.features, row * matrix.width + column);
    });
  }
  return { ...matrix, width, features };
}

/** Scales the features in place; masked ones become 0. */
export function scaleRows(matrix: DesignMatrix, scaler: Scaler): void {
  const masked = new Uint8Array(matrix.features.length);
  for (let at = 0; at < masked.length; at++) masked[at] = Number.isNaN(at32(matrix.features, at)) ? 1 : 0;
  applyScaler(matrix.features, masked, scaler, matrix.features);
}

/** One target of all rows. */
export const targetColumn = (matrix: DesignMatrix, column: number): Float64Array =>
  columnOf(matrix.targets, TARGET_WIDTH, column);

/** One column of row-major values [rows, width]. */
export function columnOf(values: Float32Array, width: number, column: number): Float64Array {
  const rows = values.length / width;
  const result = new Float64Array(rows);
  for (let row = 0; row < rows; row++) result[row] = at32(values, row * width + column);
  return result;
}

/** Fewer symbols than this at a time are no cross-section. */
export const SMALLEST_CROSS_SECTION = 5;

/** Rows [from, to) of each time. */
export function timeGroups(times: Float64Array): [number, number][] {
  const groups: [number, number][] = [];
  let from = 0;
  for (let row = 1; row <= times.length; row++) {
    if (row < times.length && at64(times, row) === at64(times, from)) continue;
    if (times.length > 0) groups.push([from, row]);
    from = row;
  }
  return groups;
}

/** Values less their mean over the symbols of the same time; as they are where there is no cross-section. */
export function lessMarket(values: Float64Array, groups: readonly (readonly [number, number])[]): Float64Array {
  const result = Float64Array.from(values);
  for (const [from, to] of groups) {
    if (to - from < SMALLEST_CROSS_SECTION) continue;
    let mean = 0;
    for (let row = from; row < to; row++) mean += at64(values, row) / (to - from);
    for (let row = from; row < to; row++) result[row] = at64(values, row) - mean;
  }
  return result;
}

const GOLDEN_RATIO = (Math.sqrt(5) - 1) / 2;
const STEP = (59 + GOLDEN_RATIO) / 96;

/**
 * Whether the time of this number stays when about `share` of all are to stay: multiples of an irrational step fill [0, 1) evenly. This
 * one is near the golden ratio, and so, from day to day, are its multiples for each of the day's 96 bars: no time of day drops out.
 */
const staysInSample = (time: number, share: number): boolean => share >= 1 || (time * STEP) % 1 < share;

function isComplete(labels: Float32Array, time: number): boolean {
  for (let column = 0; column < TARGET_WIDTH; column++) {
    if (!Number.isFinite(at32(labels, time * TARGET_WIDTH + column))) return false;
  }
  return true;
}

function isUnmasked(features: Float32Array, time: number, width: number): boolean {
  let masked = 0;
  for (let j = 0; j < width; j++) if (Number.isNaN(at32(features, time * width + j))) masked++;
  return masked <= width * MAX_MASKED_SHARE;
}
