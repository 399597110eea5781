import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadConfig } from '../../config/index.ts';
import { DAY_MS } from '../../core/index.ts';
import { BAR_MS } from '../../model/index.ts';
import { planWalkForward } from './plan-folds.ts';
import { runFold } from './run-fold.ts';
import { day, trendingMarket, withOtherPrices } from './trending-market.fixture.ts';
import { runWalkForward, type WalkForwardRequest } from './walk-forward.ts';

const ROOT = new URL('../../..', import.meta.url).pathname;
const FIRST = 8;
const LAST = 17;
const DAYS = 18;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'minutehand-walk-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const variant = (name: string, strategy: object) => ({
  name,
  config: loadConfig({
    workingDirectory: ROOT,
    invokedFrom: ROOT,
    env: {},
    flags: [{ key: 'strategies', value: JSON.stringify([{ name: 'm', ...strategy }]), flag: 'strategies' }],
  }).values,
});
const momentum = (name: string, look_back: string) =>
  variant(name, { kind: 'time-series-momentum', look_back, hold_for: '4h', decide_every: '1h' });
const VARIANTS = [variant('dice', { kind: 'random' }), momentum('half-a-day', '12h')];

const trending = trendingMarket({ seed: 'walk', symbols: 3, days: DAYS, trend: 0.3 });

function requestOf(name: string, changes: Partial<WalkForwardRequest> = {}): WalkForwardRequest {
  const market = changes.market ?? trending;
  return {
    market,
    data: 'none',
    window: 'rolling',
    folds: planWalkForward({
      window: 'rolling',
      data: { first: day(0), last: day(DAYS) },
      from: day(FIRST),
      to: day(LAST),
      length: { folds: 2 },
      trainDays: 0,
      earlyStoppingDays: 0,
      calibrationDays: 0,
      selectionDays: 5,
      embargoMs: 16 * BAR_MS,
    }),
    variants: VARIANTS,
    costFactor: 1,
    directory: join(folder, name),
    forecasts: join(folder, name, 'forecasts'),
    concurrency: 1,
    workers: 1,
    runFold: (job, onStage, signal) => runFold(job, market, { onStage, signal }),
    ...changes,
  };
}

const text = async (request: WalkForwardRequest) => JSON.stringify(await runWalkForward(request));

describe('runWalkForward', () => {
  it('trades every day once, from flat to flat, and counts what was tried', async () => {
    const report = await runWalkForward(requestOf('whole'));
    const { times, positions, equity } = report.record.equity;
    expect(times[0]).toBe(day(FIRST));
    expect(times.every((time, row) => row === 0 || time - (times[row - 1] ?? 0) === BAR_MS)).toBe(true);
    expect(times.at(-1)).toBe(day(LAST) + DAY_MS);
    for (const { test } of report.folds) expect(positions[times.indexOf(test.to + DAY_MS)]).toBe(0);
    expect(report.open).toEqual([]);
    const earned = report.trips.reduce((sum, { netPnl }) => sum + netPnl, 0);
    expect(earned).toBeCloseTo((equity.at(-1) ?? 0) - (equity[0] ?? 0), 3);
    expect(report.trials).toMatchObject({ count: 4, variants: 2, folds: 2 });
    expect(report.run).toMatchObject({ modelId: null, bars: 10 * 96 });
  });

  it('gives the same report again, from what it kept, from what a broken one kept, and with more at a time', async () => {
    const whole = await text(requestOf('whole'));
    const again = requestOf('whole', { runFold: () => Promise.reject(new Error('nothing is left to do')) });
    expect(await text(again)).toBe(whole);

    const broken = requestOf('broken', {
      runFold: (job, onStage) => {
        const stop = new AbortController();
        const seen = new Set<string>();
        return runFold(job, trending, {
          signal: stop.signal,
          onStage: (stage) => {
            onStage(stage);
            seen.add(stage.split(':')[0] ?? '');
            if (seen.size === 2) stop.abort(new Error('stopped'));
          },
        });
      },
    });
    await expect(runWalkForward(broken)).rejects.toThrow('stopped');
    const [work = ''] = await readdir(join(folder, 'broken'));
    const kept = (await readdir(join(folder, 'broken', work, 'fold-1'))).sort();
    expect(kept).toEqual(['variant-1-selection.json']);
    await writeFile(join(folder, 'broken', work, 'fold-1', 'variant-2-selection.json'), 'half a fi');
    expect(await text(requestOf('broken', { concurrency: 3 }))).toBe(whole);
  });

  it('finds a planted trend by choosing what follows it', async () => {
    const report = await runWalkForward(requestOf('whole'));
    expect(report.folds.map(({ chosen }) => chosen)).toEqual(['half-a-day', 'half-a-day']);
    expect(report.performance.totalReturn.value).toBeGreaterThan(0);
  });

  it('earns nothing where nothing was planted', async () => {
    const market = trendingMarket({ seed: 'nothing', symbols: 3, days: DAYS, trend: 0 });
    const report = await runWalkForward(requestOf('martingale', { market, variants: VARIANTS.slice(1) }));
    expect(report.performance.totalReturn.value).toBeLessThan(0);
  });

  it('chooses without a look at what is traded', async () => {
    const folds = requestOf('poison').folds.slice(0, 1);
    const until = folds[0]?.test.from ?? 0;
    const market = withOtherPrices(trending, until, (price) => price / 3);
    const [whole] = (await runWalkForward(requestOf('whole'))).folds;
    const [other] = (await runWalkForward(requestOf('poison', { market, folds }))).folds;
    expect(other?.chosen).toBe(whole?.chosen);
    const inTraining = (report: typeof whole) => report?.variants.map(({ sharpeInTraining }) => sharpeInTraining);
    expect(inTraining(other)).toEqual(inTraining(whole));
    expect(other?.sharpeOutOfSample).not.toBe(whole?.sharpeOutOfSample);
  });
});
