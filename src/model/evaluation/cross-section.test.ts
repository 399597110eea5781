import { describe, expect, it } from 'vitest';
import { sectionCorrelations, sectionRanks } from './cross-section.ts';

const spearman = (first: number[], second: number[]) => {
  const sections = [[0, first.length]] as const;
  const ranks = (values: number[]) => sectionRanks(Float64Array.from(values), sections);
  return sectionCorrelations(ranks(first), ranks(second), sections)[0];
};

describe('the information coefficient of one time', () => {
  it('is the correlation of the ranks', () => {
    expect(spearman([1, 2, 3, 4, 5], [10, 20, 30, 40, 500])).toBeCloseTo(1, 12);
    expect(spearman([1, 2, 3, 4, 5], [5, 4, 3, 2, -1])).toBeCloseTo(-1, 12);
    expect(spearman([1, 2, 3, 4, 5], [2, 1, 4, 3, 5])).toBeCloseTo(0.8, 12);
  });

  it('is none of a constant, and none below five symbols', () => {
    expect(spearman([1, 1, 1, 1, 1], [1, 2, 3, 4, 5])).toBeNaN();
    expect(spearman([1, 2, 3, 4], [1, 2, 3, 4])).toBeNaN();
  });
});

describe('sectionRanks', () => {
  it('begins anew in each section, and gives equal values their mean rank', () => {
    const ranks = sectionRanks(Float64Array.from([3, 1, 1, 9, -2, 0]), [
      [0, 4],
      [4, 6],
    ]);
    expect([...ranks]).toEqual([2, 0.5, 0.5, 3, 0, 1]);
  });
});
