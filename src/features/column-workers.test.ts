import { describe, expect, it } from 'vitest';
import { type BarColumns, HOUR_MS, MINUTE_MS } from '../core/index.ts';
import { sameBits, withoutBars } from './bars.fixture.ts';
import { computeFeatures, computeFeaturesInParallel } from './batch.ts';
import { featureSet } from './feature-set.ts';
import { generateSelfTestMarket } from './generated-market.ts';

const START = 1_706_745_600_000;
const SYMBOLS = ['BTCUSDT', 'ETHUSDT', 'DOGEUSDT', 'PEPEUSDT', 'AAVEUSDT'];
const references = ['BTCUSDT', 'ETHUSDT'];
const bars15m = new Map<string, BarColumns>(
  generateSelfTestMarket(SYMBOLS, { bars: 700, barMs: 15 * MINUTE_MS, start: START, seed: 'workers' }),
);
bars15m.set('DOGEUSDT', withoutBars(bars15m.get('DOGEUSDT') as BarColumns, new Set([300, 301, 302, 303, 304, 640])));
const bars1h = generateSelfTestMarket(SYMBOLS, {
  bars: 340,
  barMs: HOUR_MS,
  start: START - 340 * HOUR_MS,
  seed: 'workers-hours',
});

describe('columns computed by worker threads', () => {
  it('have the bits of those computed by one', async () => {
    const request = { bars15m, bars1h, references, from: START + 100 * 15 * MINUTE_MS };
    const one = computeFeatures(request);
    const progress: number[] = [];
    const onProgress = (done: number) => void progress.push(done);
    const many = await computeFeaturesInParallel({ ...request, onProgress }, 3);
    expect({ ...many, values: undefined }).toEqual({ ...one, values: undefined });
    for (const symbol of SYMBOLS) {
      const [a, b] = [one.values.get(symbol), many.values.get(symbol)];
      expect(a && b && sameBits(a, b), symbol).toBe(true);
    }
    expect(progress.at(-1)).toBe(SYMBOLS.length + 2);
  });

  it('are computed without workers where a feature is not of the catalogue', async () => {
    const [first] = featureSet().features;
    if (!first) throw new RangeError();
    const own = featureSet([{ ...first, name: 'own' } as typeof first]);
    const columns = await computeFeaturesInParallel({ bars15m, references, featureSet: own }, 2);
    expect(columns.names).toEqual(['own']);
  });

  it('refuse what the others refuse', async () => {
    await expect(computeFeaturesInParallel({ bars15m, references: ['NONE'] }, 2)).rejects.toThrow(/NONE/);
  });
});
