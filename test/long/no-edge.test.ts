import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
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
