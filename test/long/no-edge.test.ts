import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { tradeRandomBooks } from '../../bench/random-books.ts';
import { ROOT } from '../support/minutehand.ts';

interface Rates {
  readonly markets: Record<string, Record<'twoSided' | 'above', { readonly value: number; readonly high: number }>>;
}

describe('a book without an edge', () => {
  it('is called significant as seldom as a 95 % interval claims, whatever the shape of its returns', async () => {
    const run = await promisify(execFile)(process.execPath, ['--import', 'tsx', 'bench/no-edge.ts'], { cwd: ROOT });
    const { markets }: Rates = JSON.parse(run.stdout.trim().split('\n').at(-1) ?? '');
    expect(Object.keys(markets)).toHaveLength(4);
    for (const [name, { twoSided, above }] of Object.entries(markets)) {
      expect(twoSided.high, `${name}: ${JSON.stringify(twoSided)}`).toBeLessThanOrEqual(0.07);
      expect(above.high, `${name}: ${JSON.stringify(above)}`).toBeLessThanOrEqual(0.04);
    }
  }, 1_800_000);
});

describe('a random strategy that trades a market without an edge', () => {
  it('is called better than luck by its report as seldom as that claims', async () => {
    const rates = await tradeRandomBooks(1_000);
    const { intervalAboveZero, intervalLeavesOutZero, probabilisticSharpe, betterThanRandom } = rates;
    for (const rate of [intervalAboveZero, probabilisticSharpe, betterThanRandom]) {
      expect(rate.high, JSON.stringify(rates)).toBeLessThanOrEqual(0.07);
    }
    // Better or worse: 5 % must lie within what so many books tell.
    expect(intervalLeavesOutZero.low, JSON.stringify(rates)).toBeLessThanOrEqual(0.05);
    expect(Math.abs(rates.meanSharpe), JSON.stringify(rates)).toBeLessThan(3 * rates.meanSharpeError);
  }, 3_600_000);
});
