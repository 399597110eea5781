import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRandom, type Random } from './random.ts';

const take = (count: number, next: () => number) => Array.from({ length: count }, next);
const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

describe('createRandom', () => {
  it('gives the same numbers for the same seed on every machine', () => {
    const random = createRandom('minutehand');
    expect(take(3, random.uniform)).toEqual(KNOWN.uniform);
    expect(take(3, random.normal)).toEqual(KNOWN.normal);
    expect(take(3, createRandom('minutehand').uniform)).toEqual(KNOWN.uniform);
    expect(createRandom(7).uniform()).toBe(createRandom('7').uniform());
  });

  it('gives other numbers for other seeds', () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer(), (a, b) => {
        fc.pre(a !== b);
        expect(take(4, createRandom(a).uniform)).not.toEqual(take(4, createRandom(b).uniform));
      }),
    );
  });

  it('draws uniformly from [0, 1)', () => {
    const random = createRandom(1);
    const values = take(200_000, random.uniform);
    expect(Math.min(...values.slice(0, 100_000))).toBeGreaterThanOrEqual(0);
    expect(Math.max(...values.slice(0, 100_000))).toBeLessThan(1);
    const buckets = new Array<number>(20).fill(0);
    for (const value of values) buckets[Math.floor(value * 20)] = (buckets[Math.floor(value * 20)] ?? 0) + 1;
    const expected = values.length / 20;
    const chiSquare = buckets.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
    // 19 degrees of freedom: 43.8 is exceeded once in a thousand seeds.
    expect(chiSquare).toBeLessThan(43.8);
  });

  it('draws standard normals', () => {
    const random = createRandom(2);
    const values = take(100_000, random.normal);
    const average = mean(values);
    const variance = mean(values.map((value) => (value - average) ** 2));
    const kurtosis = mean(values.map((value) => ((value - average) / Math.sqrt(variance)) ** 4));
    expect(average).toBeCloseTo(0, 1);
    expect(variance).toBeCloseTo(1, 1);
    expect(kurtosis).toBeCloseTo(3, 0);
    expect(mean(values.slice(1).map((value, index) => value * (values[index] ?? 0)))).toBeCloseTo(0, 1);
  });

  it('draws integers below their bound, all of them', () => {
    const random = createRandom(3);
    const seen = new Set(take(500, () => random.integer(7)));
    expect([...seen].sort()).toEqual([0, 1, 2, 3, 4, 5, 6]);
  });

  it('forks generators that depend on nothing but the seed and the label', () => {
    const firstOf = (random: Random) => random.uniform();
    const parent = createRandom('p');
    const untouched = createRandom('p');
    const early = firstOf(parent.fork('child'));
    parent.uniform();
    parent.normal();
    expect(firstOf(parent.fork('child'))).toBe(early);
    expect(firstOf(parent.fork('other'))).not.toBe(early);
    untouched.fork('child');
    expect(take(3, untouched.uniform)).toEqual(take(3, createRandom('p').uniform));
  });

  it('does not confuse a label with two forks in a row', () => {
    const random = createRandom('a');
    const forks = [random.fork('b/c'), random.fork('b').fork('c'), random.fork('b~1c'), random.fork('b~0c')];
    expect(new Set(forks.map((fork) => fork.uniform())).size).toBe(forks.length);
  });

  it('forks generators that do not resemble each other or their parent', () => {
    const parent = createRandom(9);
    const columns = [parent, parent.fork(1), parent.fork(2), parent.fork('1/2')].map((random) =>
      take(20_000, random.normal),
    );
    columns.forEach((one, i) => {
      for (const other of columns.slice(i + 1)) {
        expect(Math.abs(mean(one.map((value, index) => value * (other[index] ?? 0))))).toBeLessThan(0.03);
      }
    });
  });
});

const KNOWN = {
  uniform: [0.14688993098538128, 0.2893134688652742, 0.967518103997148],
  normal: [-1.9177173637434748, -0.5171441791383352, -0.3650979307947078],
};
