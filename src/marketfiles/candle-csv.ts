import { allocateBars, at64, type BarColumns, MinutehandError, sliceBars } from '../core/index.ts';
import { type CandleField, type CandleLayout, REQUIRED_FIELDS, recogniseLayout } from './candle-columns.ts';

export type TimeUnit = 'seconds' | 'milliseconds' | 'microseconds' | 'nanoseconds';

/** A parsed candle file. Open times are milliseconds whatever the file's unit was. */
export interface CandleTable {
  readonly bars: BarColumns;
  /** Number of trades per bar; NaN where the file has none. */
  readonly trades: Float64Array;
  /** Which fields the file holds. */
  readonly fields: readonly CandleField[];
  readonly hasHeader: boolean;
  /** The unit of most open times, and whether the header names another. */
  readonly timeUnit: TimeUnit;
  readonly contradictsHeader: boolean;
  /** Rows whose unit differs from `timeUnit`. */
  readonly rowsOfOtherUnit: number;
}

/** `strict`: ascending, unique, every number readable. `raw`: order and duplicates kept, an unreadable number becomes NaN. */
export type ReadingMode = 'strict' | 'raw';

const COMMA = 44;
const NEWLINE = 10;
const CARRIAGE_RETURN = 13;
const POINT = 46;
const ZERO = 48;
const MINUS = 45;

/** Powers of ten that a double holds exactly, so that mantissa / power is rounded once: the nearest double to the text. */
const POWERS_OF_TEN = Float64Array.from({ length: 23 }, (_, exponent) => 10 ** exponent);

/**
 * Parses the text of a candle file.
 * @param file What messages call it.
 * @throws MinutehandError naming file, line and column.
 */
export function parseCandleCsv(text: Uint8Array, file: string, mode: ReadingMode = 'strict'): CandleTable {
  const start = text[0] === 0xef && text[1] === 0xbb && text[2] === 0xbf ? 3 : 0;
  const firstLineEnd = lineEnd(text, start);
  const layout = recogniseOrRefuse(text, start, firstLineEnd, file);
  const parser = new RowParser(text, layout.hasHeader ? firstLineEnd + 1 : start, layout, file, mode);
  const rows = parser.parse(layout.hasHeader ? 2 : 1);
  if (rows === 0) {
    throw new MinutehandError('CANDLE_FILE_EMPTY', `${file} holds no candle`, 'Download or export the file again.');
  }
  const bars = sliceBars(parser.bars, 0, rows);
  const units = normaliseTimes(bars.openTime);
  const contradictsHeader = layout.declaresMilliseconds && units.timeUnit !== 'milliseconds';
  const fields = layout.columns.flatMap((column) => (column === undefined ? [] : [column.field]));
  const table: CandleTable = {
    bars,
    trades: parser.trades.subarray(0, rows),
    fields,
    hasHeader: layout.hasHeader,
    contradictsHeader,
    ...units,
  };
  if (mode === 'strict') requireOrder(table, file, layout.hasHeader ? 2 : 1);
  return table;
}

function recogniseOrRefuse(text: Uint8Array, start: number, end: number, file: string): CandleLayout {
  const firstLine = new TextDecoder().decode(text.subarray(start, Math.min(end, start + 2_000))).trim();
  if (firstLine === '') {
    throw new MinutehandError('CANDLE_FILE_EMPTY', `${file} is empty`, 'Download or export the file again.');
  }
  return recogniseLayout(firstLine, file);
}

function lineEnd(text: Uint8Array, from: number): number {
  const at = text.indexOf(NEWLINE, from);
  return at < 0 ? text.length : at;
}

class RowParser {
  readonly bars: BarColumns;
  readonly trades: Float64Array;
  readonly #text: Uint8Array;
  readonly #layout: CandleLayout;
  readonly #file: string;
  readonly #strict: boolean;
  readonly #targets: readonly (Float64Array | undefined)[];
  #position: number;

  constructor(text: Uint8Array, from: number, layout: CandleLayout, file: string, mode: ReadingMode) {
    this.#text = text;
    this.#position = from;
    this.#layout = layout;
    this.#file = file;
    this.#strict = mode === 'strict';
    let lines = 1;
    for (let at = text.indexOf(NEWLINE, from); at >= 0; at = text.indexOf(NEWLINE, at + 1)) lines++;
    const bars = allocateBars(lines);
    const trades = new Float64Array(lines).fill(Number.NaN);
    this.bars = bars;
    this.trades = trades;
    this.#targets = layout.columns.map((column) => {
      if (column === undefined) return undefined;
      return column.field === 'trades' ? trades : bars[column.field];
    });
  }

  /** Fills the columns and returns the number of rows. */
  parse(firstLine: number): number {
    const text = this.#text;
    const width = this.#targets.length;
    let row = 0;
    let line = firstLine;
    while (this.#position < text.length) {
      const first = text[this.#position];
      if (first === NEWLINE || first === CARRIAGE_RETURN) {
        this.#position++;
        if (first === NEWLINE) line++;
        continue;
      }
      const lineStart = this.#position;
      let column = 0;
      for (;;) {
        const target = column < width ? this.#targets[column] : undefined;
        const fieldStart = this.#position;
        if (target === undefined) this.#skipField();
        else target[row] = this.#number();
        if (target !== undefined && this.#strict) this.#requireNumber(target, row, column, line, fieldStart);
        column++;
        if (text[this.#position] !== COMMA) break;
        this.#position++;
      }
      this.#position++;
      if (column !== width) this.#wrongWidth(row, column, line, lineStart);
      row++;
      line++;
    }
    return row;
  }

  #skipField(): void {
    const text = this.#text;
    let position = this.#position;
    while (position < text.length && text[position] !== COMMA && text[position] !== NEWLINE) position++;
    this.#position = position;
  }

  /** The number at the position, NaN if there is none; stops at the comma or line feed after it. */
  #number(): number {
    const text = this.#text;
    const start = this.#position;
    let position = start;
    let negative = false;
    if (text[position] === MINUS) {
      negative = true;
      position++;
    }
    let mantissa = 0;
    let digits = 0;
    let decimals = 0;
    let afterPoint = false;
    for (; position < text.length; position++) {
      const byte = text[position] as number;
      const digit = byte - ZERO;
      if (digit >= 0 && digit <= 9) {
        mantissa = mantissa * 10 + digit;
        if (mantissa > 0) digits++;
        if (afterPoint) decimals++;
      } else if (byte === POINT && !afterPoint) afterPoint = true;
      else break;
    }
    const hasDigits = position > start + (negative ? 1 : 0) + (afterPoint ? 1 : 0);
    if (text[position] === CARRIAGE_RETURN && text[position + 1] === NEWLINE) position++;
    const ended = position >= text.length || text[position] === COMMA || text[position] === NEWLINE;
    if (!ended || !hasDigits || digits > 15 || decimals > 22) return this.#slowNumber();
    this.#position = position;
    const value = decimals === 0 ? mantissa : mantissa / at64(POWERS_OF_TEN, decimals);
    return negative ? -value : value;
  }

  /** Long mantissas, exponents, quotes and blanks, and what is no number. */
  #slowNumber(): number {
    const start = this.#position;
    this.#skipField();
    const cell = textOf(this.#text, start, this.#position).replace(/^"(.*)"$/, '$1');
    const value = /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(cell) ? Number(cell) : Number.NaN;
    return Number.isFinite(value) ? value : Number.NaN;
  }

  #requireNumber(target: Float64Array, row: number, column: number, line: number, fieldStart: number): void {
    if (!Number.isNaN(at64(target, row))) return;
    const named = this.#layout.columns[column];
    const cell = textOf(this.#text, fieldStart, this.#position);
    if (named === undefined || (cell === '' && !REQUIRED_FIELDS.includes(named.field))) return;
    throw new MinutehandError(
      'CANDLE_FILE_NUMBER',
      `${this.#file}, line ${line}, column ${column + 1} (${named.name}): "${cell.slice(0, 40)}" is not a number`,
      'Correct the line or download the file again; `minutehand data verify --file` lists every fault.',
    );
  }

  #wrongWidth(row: number, columns: number, line: number, lineStart: number): void {
    if (!this.#strict) {
      // A row with too few or too many cells cannot be trusted in any of them.
      for (const target of this.#targets) if (target !== undefined) target[row] = Number.NaN;
      return;
    }
    const shown = textOf(this.#text, lineStart, Math.min(this.#position, lineStart + 60));
    throw new MinutehandError(
      'CANDLE_FILE_COLUMNS',
      `${this.#file}, line ${line}: ${columns} columns instead of ${this.#targets.length} ("${shown}")`,
      'The file was probably cut off or joined with another; download it again.',
    );
  }
}

const textOf = (text: Uint8Array, from: number, to: number): string =>
  new TextDecoder().decode(text.subarray(from, to)).trim();

/** By magnitude: any date after 1973 in one unit lies after the year 5000 in the next coarser one. */
function unitOf(time: number): TimeUnit {
  if (time < 1e11) return 'seconds';
  if (time < 1e14) return 'milliseconds';
  return time < 1e17 ? 'microseconds' : 'nanoseconds';
}

const MILLISECONDS_PER: Record<TimeUnit, number> = {
  seconds: 1_000,
  milliseconds: 1,
  microseconds: 1e-3,
  nanoseconds: 1e-6,
};

function normaliseTimes(times: Float64Array): { timeUnit: TimeUnit; rowsOfOtherUnit: number } {
  const rowsOf: Record<TimeUnit, number> = { seconds: 0, milliseconds: 0, microseconds: 0, nanoseconds: 0 };
  for (let i = 0; i < times.length; i++) {
    const time = at64(times, i);
    if (Number.isNaN(time)) continue;
    const unit = unitOf(time);
    rowsOf[unit]++;
    if (unit === 'seconds') times[i] = time * 1_000;
    else if (unit !== 'milliseconds') times[i] = Math.floor(time * MILLISECONDS_PER[unit]);
  }
  const units = Object.keys(rowsOf) as TimeUnit[];
  const timeUnit = units.reduce((best, unit) => (rowsOf[unit] > rowsOf[best] ? unit : best), 'milliseconds');
  const known = units.reduce((sum, unit) => sum + rowsOf[unit], 0);
  return { timeUnit, rowsOfOtherUnit: known - rowsOf[timeUnit] };
}

function requireOrder(table: CandleTable, file: string, firstLine: number): void {
  if (table.contradictsHeader || table.rowsOfOtherUnit > 0) {
    throw new MinutehandError(
      'CANDLE_FILE_TIME_UNIT',
      table.rowsOfOtherUnit > 0
        ? `${file} mixes units of time: ${table.rowsOfOtherUnit} rows are not in ${table.timeUnit}`
        : `${file}: the header says open_time_ms, but the times are in ${table.timeUnit}`,
      'Correct the times or the header; `minutehand data verify --file` lists every fault.',
    );
  }
  const { openTime, length } = table.bars;
  for (let i = 1; i < length; i++) {
    if (at64(openTime, i) > at64(openTime, i - 1)) continue;
    const same = at64(openTime, i) === at64(openTime, i - 1);
    throw new MinutehandError(
      'CANDLE_FILE_ORDER',
      `${file}, near line ${firstLine + i}, column open time: ${same ? 'the time of the row before is repeated' : 'the time is earlier than that of the row before'}`,
      '`minutehand data verify --file` lists every fault; sort the file and remove repeated rows.',
    );
  }
}
