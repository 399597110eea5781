import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { day, trendingMarket, withOtherPrices } from '../../src/backtest/walk-forward/trending-market.fixture.ts';
import { writeCandleFile } from '../../src/marketfiles/index.ts';
import { lastLine, runMinutehand } from '../support/minutehand.ts';

const DAYS = 60;
/** The second fold is traded from here on. */
const SECOND = 50;
const VARIANTS = [0.3, 0.6].map((threshold) => ({ 'ml_integration.signals.confidence_threshold': threshold }));

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'minutehand-walk-'));
  await writeFile(join(folder, 'variants.json'), JSON.stringify(VARIANTS));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

interface Walked {
  readonly macroF1: number;
  readonly macroF1VolatilityOnly: number;
  readonly performance: { readonly totalReturn: { readonly value: number } };
  readonly folds: readonly {
    readonly modelId: string;
    readonly chosen: string;
    readonly sharpeInTraining: number;
    readonly sharpeOutOfSample: number;
  }[];
}

async function walk(name: string, market: ReturnType<typeof trendingMarket>): Promise<Walked> {
  const data = join(folder, name, 'candles');
  await mkdir(data, { recursive: true });
  for (const [symbol, bars] of market.bars) await writeCandleFile(join(data, `${symbol}.csv`), bars);
  const text = `backtest walk-forward --from 2025-02-15 --to 2025-03-06 --folds 2 --universe ${[...market.bars.keys()].join(',')} --train-days 12 --early-stopping-days 3 --calibration-days 6 --selection-days 6 --workers 2 --json`;
  const paths = ['--data', data, '--data-dir', join(folder, name), '--variants', join(folder, 'variants.json')];
  const finished = await runMinutehand([...text.split(' '), ...paths]);
  expect(finished.code, finished.stderr).toBe(0);
  return lastLine(finished) as unknown as Walked;
}

const trending = trendingMarket({ seed: 'cli', symbols: 5, days: DAYS, trend: 0.3 });

describe('backtest walk-forward', () => {
  it('earns on a market with a planted trend, and fits and chooses without a look at the days it trades', async () => {
    const { folds, performance, macroF1, macroF1VolatilityOnly } = await walk('trend', trending);
    expect(performance.totalReturn.value).toBeGreaterThan(0.1);
    expect(macroF1).toBeGreaterThan(macroF1VolatilityOnly);
    for (const { sharpeOutOfSample } of folds) expect(sharpeOutOfSample).toBeGreaterThan(0);

    const poisoned = await walk(
      'poisoned',
      withOtherPrices(trending, day(SECOND), (price) => price / 3),
    );
    const fitted = ({ modelId, chosen, sharpeInTraining }: Walked['folds'][number]) => ({
      modelId,
      chosen,
      sharpeInTraining,
    });
    expect(poisoned.folds.map(fitted)).toEqual(folds.map(fitted));
    expect(poisoned.folds[1]?.sharpeOutOfSample).not.toBe(folds[1]?.sharpeOutOfSample);
  }, 900_000);

  it('earns next to nothing on a martingale', async () => {
    const { performance } = await walk(
      'martingale',
      trendingMarket({ seed: 'nothing', symbols: 5, days: DAYS, trend: 0 }),
    );
    expect(performance.totalReturn.value).toBeLessThan(0.02);
  }, 900_000);
});
