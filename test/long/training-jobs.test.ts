import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DAY_MS, epochMs } from '../../src/core/index.ts';
import { aggregateBars, createGeneratedMarket, writeCandleFile } from '../../src/marketfiles/index.ts';
import { lastLine, runMinutehand, startMinutehand, temporaryDirectory, until } from '../support/minutehand.ts';

const START = epochMs(Date.UTC(2025, 0, 6));
const SETTINGS = {
  network: { context: 16, patch: 8, stride: 4, width: 8, heads: 2, hidden: 16, layers: 1, headWidth: 8, dropout: 0.1 },
  timesPerStep: 2,
  symbolsPerTime: 5,
  sampleEvery: 2,
  epochs: 2,
  checkpointEvery: 5,
};

const directory = temporaryDirectory();
let args: string[];
beforeAll(async () => {
  const candles = join(directory.path, 'candles');
  mkdirSync(candles);
  const market = createGeneratedMarket({ seed: 3, symbols: 5, start: START });
  for (const { symbol } of market.instruments) {
    const minutes = market.bars(symbol, START, epochMs(START + 20 * DAY_MS));
    await writeCandleFile(join(candles, `${symbol}.csv`), aggregateBars(minutes, '1m', '15m'));
  }
  const settings = join(directory.path, 'settings.json');
  writeFileSync(settings, JSON.stringify(SETTINGS));
  const symbols = market.instruments.map(({ symbol }) => symbol).join(',');
  args = ['model', 'train', '--json', '--data', candles, '--symbols', symbols, '--settings', settings];
  args.push('--threads', '1', '--folds', '2', '--seeds', '1,2');
  args.push('--early-stopping-days', '3', '--calibration-days', '3', '--test-days', '3');
});
afterAll(() => directory.remove());

const modelIds = (result: Record<string, unknown>): string[] =>
  (result.jobs as { modelId: string }[]).map(({ modelId }) => modelId);

describe('folds and seeds as jobs', () => {
  it('end in the same models on one worker as on two of which one is killed, and are not done twice', async () => {
    const one = await runMinutehand([...args, '--data-dir', join(directory.path, 'one')]);
    expect(one.code, one.stderr).toBe(0);
    const expected = lastLine(one);
    expect(expected).toMatchObject({ ok: true, folds: 2, seeds: [1, 2], spread: { macroF1: expect.any(Number) } });

    const two = ['--data-dir', join(directory.path, 'two')];
    const queued = startMinutehand([...args, ...two, '--workers', '0']);
    await until(() => queued.stderr().includes('4 waiting'), 'the jobs to be queued');
    const workers = [startMinutehand(['worker', ...two]), startMinutehand(['worker', ...two])];
    const [killed, other] = workers;
    await until(() => /step \d+ of/.test(killed?.stderr() ?? ''), 'a training to have begun', 300_000);
    killed?.process.kill('SIGKILL');
    const finished = await queued.finished;
    other?.process.kill('SIGTERM');
    expect(finished.code, finished.stderr).toBe(0);
    expect(modelIds(lastLine(finished))).toEqual(modelIds(expected));
    expect((await other?.finished)?.code).toBe(0);

    const again = await runMinutehand([...args, ...two, '--workers', '0']);
    expect(modelIds(lastLine(again))).toEqual(modelIds(expected));
  }, 900_000);

  it('remain queued when they are interrupted, and go on with the same command', async () => {
    const place = ['--data-dir', join(directory.path, 'three')];
    const running = startMinutehand([...args, ...place]);
    await until(() => /step \d+ of/.test(running.stderr()), 'a training to have begun', 300_000);
    running.process.kill('SIGINT');
    const stopped = await running.finished;
    expect(stopped.code).toBe(1);
    expect(lastLine(stopped)).toMatchObject({
      ok: false,
      error: { code: 'JOBS_UNFINISHED', message: expect.stringContaining('remain queued') },
    });
    const resumed = await runMinutehand([...args, ...place, '--workers', '2']);
    expect(lastLine(resumed)).toMatchObject({ ok: true, failed: [] });
  }, 900_000);
});
