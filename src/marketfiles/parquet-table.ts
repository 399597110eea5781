import type { SchemaElement } from 'hyparquet-writer';
import { type EpochMs, parseDecimal } from '../core/index.ts';

/** A column of a table; all of a table are equally long, and what is undefined becomes null. */
export type TableColumn = { readonly name: string } & (
  | { readonly kind: 'text'; readonly values: readonly (string | undefined)[] }
  | { readonly kind: 'flag'; readonly values: readonly (boolean | undefined)[] }
  | { readonly kind: 'count'; readonly values: readonly (number | undefined)[] }
  | { readonly kind: 'time'; readonly values: readonly (EpochMs | undefined)[] }
  /** Decimal strings with at most 12 places. */
  | { readonly kind: 'amount'; readonly values: readonly (string | undefined)[] }
);

/** Decimal places of amounts: those of the finest prices. */
const SCALE = 12;

const TYPES: Record<TableColumn['kind'], Omit<SchemaElement, 'name'>> = {
  text: { type: 'BYTE_ARRAY', converted_type: 'UTF8' },
  flag: { type: 'BOOLEAN' },
  count: { type: 'INT32' },
  time: { type: 'INT64', converted_type: 'TIMESTAMP_MILLIS' },
  // 38 digits, the most that readers take.
  amount: { type: 'FIXED_LEN_BYTE_ARRAY', type_length: 16, converted_type: 'DECIMAL', precision: 38, scale: SCALE },
};

/**
 * A table as a Parquet file: texts as UTF-8, times as UTC timestamps in milliseconds, amounts as exact DECIMAL(38, 12).
 * @throws RangeError if an amount is no decimal of at most 12 places.
 */
export async function parquetOf(columns: readonly TableColumn[]): Promise<Uint8Array> {
  const { parquetWriteBuffer } = await import('hyparquet-writer');
  const bytes = parquetWriteBuffer({
    columnData: columns.map((column) => ({ name: column.name, data: stored(column) })),
    schema: [
      { name: 'root', num_children: columns.length },
      ...columns.map(({ name, kind }): SchemaElement => ({ name, ...TYPES[kind], repetition_type: 'OPTIONAL' })),
    ],
    createdBy: 'minutehand',
  });
  return new Uint8Array(bytes);
}

function stored(column: TableColumn): unknown[] {
  if (column.kind === 'amount')
    return column.values.map((text) => (text === undefined ? text : parseDecimal(text, SCALE)));
  return [...column.values];
}
