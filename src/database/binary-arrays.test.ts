import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  float4Array,
  float8Array,
  int4Array,
  int8Array,
  nullableFloat8Array,
  nullableInt4Array,
  nullableInt8Array,
} from './binary-arrays.ts';
import { createTestDatabase, type TestDatabase } from './testing.ts';

describe('a binary array', () => {
  let test: TestDatabase;
  beforeAll(async () => {
    test = await createTestDatabase();
  });
  afterAll(() => test.drop());

  async function echo(type: string, values: Buffer): Promise<(string | null)[]> {
    const { rows } = await test.database.pool.query<{ value: string | null }>(
      `SELECT value::text FROM unnest($1::${type}[]) WITH ORDINALITY AS item (value, row) ORDER BY row`,
      [values],
    );
    return rows.map(({ value }) => value);
  }
  const numbers = (texts: (string | null)[]) => texts.map((text) => (text === null ? undefined : Number(text)));

  it('arrives as it was sent, whatever its numbers', async () => {
    const int8 = fc.array(fc.maxSafeInteger());
    const int4 = fc.array(fc.integer());
    const float8 = fc.array(fc.double());
    const float4 = fc.float32Array();
    await fc.assert(
      fc.asyncProperty(int8, int4, float8, float4, async (longs, ints, doubles, floats) => {
        expect(numbers(await echo('int8', int8Array(longs)))).toEqual(longs.map((value) => value + 0));
        expect(numbers(await echo('int4', int4Array(ints)))).toEqual(ints);
        expect(numbers(await echo('float8', float8Array(doubles)))).toEqual(doubles);
        expect(Float32Array.from((await echo('float4', float4Array(floats))).map(Number))).toEqual(floats);
      }),
      { numRuns: 25 },
    );
  });

  it('has nulls where a value is absent, or is not a number in an optional column', async () => {
    expect(numbers(await echo('float8', nullableFloat8Array([1.5, undefined, Number.NaN, -2])))).toEqual([
      1.5,
      undefined,
      undefined,
      -2,
    ]);
    expect(numbers(await echo('int4', nullableInt4Array([undefined, 7])))).toEqual([undefined, 7]);
    expect(numbers(await echo('int8', nullableInt8Array([1_750_000_000_000, undefined])))).toEqual([
      1_750_000_000_000,
      undefined,
    ]);
  });
});
