import { describe, expect, it } from 'vitest';
import { at64, createRandom } from '../core/index.ts';
import { strongestPartners } from './correlation.ts';

const ROWS = 1_300;
const random = createRandom('correlation');
const common = Float64Array.from({ length: ROWS }, () => random.normal());
/** Eleven columns of all degrees of kinship, each with a level of its own that moves with the rows its mask hides. */
const columns = Array.from({ length: 11 }, (_, column) =>
  Float64Array.from({ length: ROWS }, (__, row) => {
    if (row < 100 * (column % 4) || (column === 7 && row % 3 > 0) || (column % 5 === 0 && row > 900)) return Number.NaN;
    const drift = row < 400 ? 5 : 0;
    return 1e3 * column + drift + (column % 3) * at64(common, row) + random.normal();
  }),
);

function pairwise(a: Float64Array, b: Float64Array): { correlation: number; rows: number } {
  const rows = [...a.keys()].filter((row) => !Number.isNaN(at64(a, row)) && !Number.isNaN(at64(b, row)));
  const mean = (values: Float64Array) => rows.reduce((sum, row) => sum + at64(values, row), 0) / rows.length;
  const [meanA, meanB] = [mean(a), mean(b)];
  const sum = (f: (row: number) => number) => rows.reduce((total, row) => total + f(row), 0);
  const covariance = sum((row) => (at64(a, row) - meanA) * (at64(b, row) - meanB));
  const varianceA = sum((row) => (at64(a, row) - meanA) ** 2);
  const varianceB = sum((row) => (at64(b, row) - meanB) ** 2);
  return { correlation: covariance / Math.sqrt(varianceA * varianceB), rows: rows.length };
}

describe('the strongest partner', () => {
  it('has the correlation over the rows in which both are known', () => {
    const partners = strongestPartners(columns, 0);
    expect(partners[0]).toBeUndefined();
    partners.slice(1).forEach((partner, index) => {
      const b = columns[index + 1] ?? common;
      const all = columns.slice(0, index + 1).map((a) => pairwise(a, b));
      const expected = all[partner?.column ?? -1];
      expect(partner?.correlation).toBeCloseTo(expected?.correlation ?? Number.NaN, 9);
      expect(partner?.rows).toBe(expected?.rows);
      const strongest = Math.max(...all.map(({ correlation }) => Math.abs(correlation)));
      expect(Math.abs(partner?.correlation ?? 0)).toBeCloseTo(strongest, 9);
    });
  });

  it('is none below the limit, among fewer than thirty common rows, or for a column without spread', () => {
    expect(strongestPartners(columns, 0.999)).toEqual(columns.map(() => undefined));
    const few = common.map((value, row) => (row < 29 ? value : Number.NaN));
    expect(strongestPartners([common, few, undefined, common.map(() => 4)], 0.5)).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
    const enough = common.map((value, row) => (row < 30 ? value : Number.NaN));
    expect(strongestPartners([common, enough], 0.5)[1]).toMatchObject({ column: 0, rows: 30 });
  });
});
