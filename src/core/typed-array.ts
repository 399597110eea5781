/**
 * Element access for loops whose index is inside the array by construction. `noUncheckedIndexedAccess` types each read as
 * possibly undefined; these state the bound once. One function per array type keeps each call site monomorphic.
 */
export const at64 = (values: Float64Array, index: number): number => values[index] as number;
export const at32 = (values: Float32Array, index: number): number => values[index] as number;
export const atInt32 = (values: Int32Array, index: number): number => values[index] as number;
export const atByte = (values: Uint8Array, index: number): number => values[index] as number;

/** Index of the first of ascending values that is not below `value`; their number when all are. */
export function firstAtOrAfter(values: Float64Array, value: number): number {
  let low = 0;
  let high = values.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (at64(values, middle) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** A column of several tables, one after the other. */
export function joinColumn<Table, Column extends Float64Array | Int32Array | Float32Array>(
  tables: readonly Table[],
  columnOf: (table: Table) => Column,
  Type: new (length: number) => Column,
): Column {
  const columns = tables.map(columnOf);
  const whole = new Type(columns.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const column of columns) {
    whole.set(column, at);
    at += column.length;
  }
  return whole;
}
