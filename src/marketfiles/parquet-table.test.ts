import { parquetMetadata, parquetReadObjects } from 'hyparquet';
import { describe, expect, it } from 'vitest';
import { epochMs } from '../core/index.ts';
import { parquetOf, type TableColumn } from './parquet-table.ts';

const fileOf = async (columns: readonly TableColumn[]): Promise<ArrayBuffer> => {
  const bytes = await parquetOf(columns);
  return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer;
};

describe('a Parquet table', () => {
  it('reads back to its rows, with nulls where there was nothing', async () => {
    const file = await fileOf([
      { name: 'symbol', kind: 'text', values: ['BTCUSDT', 'ÉTHUSDT', undefined] },
      { name: 'reduceOnly', kind: 'flag', values: [true, false, undefined] },
      { name: 'positions', kind: 'count', values: [3, undefined, 0] },
      { name: 'time', kind: 'time', values: [epochMs(1_750_000_000_000), undefined, epochMs(0)] },
      { name: 'price', kind: 'amount', values: ['107253.1', '-0.000000000001', undefined] },
    ]);
    expect(await parquetReadObjects({ file })).toEqual([
      {
        symbol: 'BTCUSDT',
        reduceOnly: true,
        positions: 3,
        time: new Date(1_750_000_000_000),
        price: expect.closeTo(107253.1, 9),
      },
      { symbol: 'ÉTHUSDT', reduceOnly: false, positions: null, time: null, price: -1e-12 },
      { symbol: null, reduceOnly: null, positions: 0, time: new Date(0), price: null },
    ]);
    expect(parquetMetadata(file).schema.find(({ name }) => name === 'price')).toMatchObject({
      converted_type: 'DECIMAL',
      precision: 38,
      scale: 12,
    });
  });

  it('has its columns without a row, and more rows than one group holds', async () => {
    const empty = await fileOf([{ name: 'fee', kind: 'amount', values: [] }]);
    expect(await parquetReadObjects({ file: empty })).toEqual([]);
    expect(parquetMetadata(empty).schema.map(({ name }) => name)).toEqual(['root', 'fee']);
    const values = Array.from({ length: 2_500 }, (_, index) => index);
    const rows = await parquetReadObjects({ file: await fileOf([{ name: 'n', kind: 'count', values }]) });
    expect(rows.map(({ n }) => n)).toEqual(values);
  });

  it('refuses what is no amount', async () => {
    await expect(parquetOf([{ name: 'fee', kind: 'amount', values: ['1e3'] }])).rejects.toThrow(RangeError);
  });
});
