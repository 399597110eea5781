import { at32, epochMs, formatTime, type SymbolId } from '../../core/index.ts';
import type { FeatureColumns } from '../batch.ts';
import type { FeatureSet } from '../feature-set.ts';
import { QUARTER_MS } from './market.ts';

/** Whether two values of a column count as one. */
export type Agreement = (expected: number, actual: number, column: number) => boolean;

/** What was compared, feature by feature. */
export interface Comparison {
  /** Compares rows that end `stepMs` apart, the first one at `time`. Both blocks are [rows, width]. */
  rows(symbol: SymbolId, time: number, expected: Float32Array, actual: Float32Array): void;
  /** Compares the rows of all symbols whose times are in both, from `from` to `to` (close times, both included). */
  columns(expected: FeatureColumns, actual: FeatureColumns, from?: number, to?: number): void;
  /** Values compared. */
  readonly values: number;
  /** Features with a value in at least one row. */
  known(): number;
  /** Features of which more values differ than is tolerated, worst first. */
  differences(): readonly Difference[];
}

export interface Difference {
  readonly feature: string;
  /** Values that differ. */
  readonly count: number;
  /** The first of them: symbol, time and both values. */
  readonly first: string;
}

const sameBits: Agreement = () => false;

/**
 * @param agree by default only equal bits, and NaN with NaN
 * @param tolerated share of a feature's values that may differ, by default none
 */
export function createComparison({ names, width }: FeatureSet, agree: Agreement = sameBits, tolerated = 0): Comparison {
  const counts = new Float64Array(width);
  const knowns = new Float64Array(width);
  const firsts = new Map<number, string>();
  let values = 0;

  const differ = (symbol: SymbolId, time: number, expected: Float32Array, actual: Float32Array) => {
    const [expectedBits, actualBits] = [bitsOf(expected), bitsOf(actual)];
    for (let i = 0; i < expected.length; i++) {
      if (expectedBits[i] === actualBits[i]) continue;
      const [a, b] = [at32(expected, i), at32(actual, i)];
      const column = i % width;
      if ((Number.isNaN(a) && Number.isNaN(b)) || agree(a, b, column)) continue;
      counts[column] = (counts[column] ?? 0) + 1;
      if (firsts.has(column)) continue;
      const at = formatTime(epochMs(time + Math.floor(i / width) * QUARTER_MS));
      firsts.set(column, `${symbol} ${at}: ${text(a)} became ${text(b)}`);
    }
  };

  const rows: Comparison['rows'] = (symbol, time, expected, actual) => {
    values += expected.length;
    for (let at = 0; at < expected.length; at += width) {
      for (let column = 0; column < width; column++) {
        const known = !Number.isNaN(at32(expected, at + column)) || !Number.isNaN(at32(actual, at + column));
        if (known) knowns[column] = (knowns[column] ?? 0) + 1;
      }
    }
    if (!sameBytes(expected, actual)) differ(symbol, time, expected, actual);
  };

  return {
    rows,
    columns(expected, actual, from = Number.NEGATIVE_INFINITY, to = Number.POSITIVE_INFINITY) {
      const first = Math.max(expected.times[0] ?? Number.NaN, actual.times[0] ?? Number.NaN, from);
      const last = Math.min(expected.times.at(-1) ?? Number.NaN, actual.times.at(-1) ?? Number.NaN, to);
      for (const symbol of expected.symbols) {
        const a = block(expected, symbol, first, last);
        const b = block(actual, symbol, first, last);
        if (a && b && a.values.length > 0) rows(symbol, a.time, a.values, b.values);
      }
    },
    get values() {
      return values;
    },
    known: () => knowns.reduce((sum, count) => sum + Math.min(count, 1), 0),
    differences: () =>
      [...firsts]
        .filter(([column]) => (counts[column] ?? 0) > tolerated * (knowns[column] ?? 0))
        .map(([column, first]) => ({
          feature: names[column] ?? '',
          count: counts[column] ?? 0,
          first,
        }))
        .sort((a, b) => b.count - a.count),
  };
}

/** Rows of a symbol from `first` to `last`, and the time of the first of them. */
function block(columns: FeatureColumns, symbol: SymbolId, first: number, last: number) {
  const values = columns.values.get(symbol);
  const start = columns.times[0];
  if (!values || start === undefined || !(last >= first)) return undefined;
  const from = Math.ceil((first - start) / QUARTER_MS);
  const to = Math.floor((last - start) / QUARTER_MS) + 1;
  return {
    time: start + from * QUARTER_MS,
    values: values.subarray(from * columns.width, to * columns.width),
  };
}

const bitsOf = ({ buffer, byteOffset, length }: Float32Array) => new Uint32Array(buffer, byteOffset, length);

function sameBytes(a: Float32Array, b: Float32Array): boolean {
  const bytes = (view: Float32Array) => Buffer.from(view.buffer, view.byteOffset, view.byteLength);
  return bytes(a).equals(bytes(b));
}

const text = (value: number): string => (Number.isNaN(value) ? 'masked' : String(value));
