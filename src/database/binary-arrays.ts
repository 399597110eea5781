/**
 * Arrays as PostgreSQL's binary array format: what `unnest($1::float8[])` reads without parsing text. pg sends a Buffer parameter
 * as binary. Layout (array_recv, src/backend/utils/adt/arrayfuncs.c): dimensions, has-null flag, element type, then per dimension
 * its length and lower bound, then each element as its length (-1 = null) and its bytes, big-endian.
 */

const HEADER = 20;
const OID_INT8 = 20;
const OID_INT4 = 23;
const OID_FLOAT4 = 700;
const OID_FLOAT8 = 701;

/** int8[] from safe integers, such as epoch milliseconds. */
export function int8Array(values: ArrayLike<number>): Buffer {
  return encode(values, OID_INT8, 8, writeInt8);
}

export function int4Array(values: ArrayLike<number>): Buffer {
  return encode(values, OID_INT4, 4, writeInt4);
}

/** float8[]; NaN stays NaN. */
export function float8Array(values: ArrayLike<number>): Buffer {
  return encode(values, OID_FLOAT8, 8, writeFloat8);
}

/** real[] from float32 values; NaN stays NaN. */
export function float4Array(values: ArrayLike<number>): Buffer {
  return encode(values, OID_FLOAT4, 4, writeFloat4);
}

/** float8[] in which `undefined` and NaN are null. */
export function nullableFloat8Array(values: readonly (number | undefined)[]): Buffer {
  return encodeNullable(values, OID_FLOAT8, 8, writeFloat8);
}

/** int4[] in which `undefined` is null. */
export function nullableInt4Array(values: readonly (number | undefined)[]): Buffer {
  return encodeNullable(values, OID_INT4, 4, writeInt4);
}

/** int8[] in which `undefined` is null. */
export function nullableInt8Array(values: readonly (number | undefined)[]): Buffer {
  return encodeNullable(values, OID_INT8, 8, writeInt8);
}

type Write = (view: DataView, offset: number, value: number) => void;

const writeInt4: Write = (view, offset, value) => view.setInt32(offset, value);
const writeFloat4: Write = (view, offset, value) => view.setFloat32(offset, value);
const writeFloat8: Write = (view, offset, value) => view.setFloat64(offset, value);
const writeInt8: Write = (view, offset, value) => {
  const high = Math.floor(value / 2 ** 32);
  view.setInt32(offset, high);
  view.setUint32(offset + 4, value - high * 2 ** 32);
};

function encode(values: ArrayLike<number>, oid: number, size: number, write: Write): Buffer {
  const count = values.length;
  const { buffer, view } = allocate(count, oid, 0, HEADER + count * (4 + size));
  let offset = HEADER;
  for (let i = 0; i < count; i++) {
    view.setInt32(offset, size);
    write(view, offset + 4, values[i] ?? 0);
    offset += 4 + size;
  }
  return buffer;
}

function encodeNullable(values: readonly (number | undefined)[], oid: number, size: number, write: Write): Buffer {
  let present = 0;
  for (const value of values) if (isPresent(value)) present++;
  const { buffer, view } = allocate(values.length, oid, 1, HEADER + values.length * 4 + present * size);
  let offset = HEADER;
  for (const value of values) {
    const written = isPresent(value);
    view.setInt32(offset, written ? size : -1);
    offset += 4;
    if (!written) continue;
    write(view, offset, value);
    offset += size;
  }
  return buffer;
}

const isPresent = (value: number | undefined): value is number => value !== undefined && !Number.isNaN(value);

function allocate(count: number, oid: number, hasNull: number, size: number): { buffer: Buffer; view: DataView } {
  // An empty array has no dimension.
  const buffer = Buffer.allocUnsafe(count === 0 ? 12 : size);
  const view = new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength);
  view.setInt32(0, count === 0 ? 0 : 1);
  view.setInt32(4, hasNull);
  view.setInt32(8, oid);
  if (count > 0) {
    view.setInt32(12, count);
    view.setInt32(16, 1);
  }
  return { buffer, view };
}
