import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRandom, DAY_MS, epochMs } from '../../src/core/index.ts';
import { aggregateBars, createGeneratedMarket, writeCandleFile } from '../../src/marketfiles/index.ts';
import { lastLine, type Running, startMinutehand, temporaryDirectory, until } from '../support/minutehand.ts';

const START = epochMs(Date.UTC(2025, 0, 6));
const SETTINGS = {
  network: { context: 16, patch: 8, stride: 4, width: 32, heads: 2, hidden: 64, layers: 2, headWidth: 8, dropout: 0.1 },
  timesPerStep: 4,
  symbolsPerTime: 6,
  sampleEvery: 2,
  epochs: 3,
  patience: 3,
  checkpointEvery: 10,
};
const KILLS = 6;

let folder: ReturnType<typeof temporaryDirectory>;
const started: Running[] = [];
beforeAll(async () => {
  folder = temporaryDirectory();
  mkdirSync(join(folder.path, 'candles'));
  const market = createGeneratedMarket({ seed: 3, symbols: 6, start: START });
  for (const { symbol } of market.instruments) {
    const minutes = market.bars(symbol, START, epochMs(START + 36 * DAY_MS));
    await writeCandleFile(join(folder.path, 'candles', `${symbol}.csv`), aggregateBars(minutes, '1m', '15m'));
  }
  writeFileSync(join(folder.path, 'settings.json'), JSON.stringify(SETTINGS));
}, 120_000);
afterAll(() => {
  for (const { process } of started) process.kill('SIGKILL');
  folder?.remove();
});

const date = (day: number): string => new Date(START + day * DAY_MS).toISOString();
const WINDOWS = ['--from', date(16), '--early-stopping', date(24), '--calibration', date(27), '--test', date(30)];

/** Trains into a data directory of its own. */
function train(dataDir: string, ...more: string[]): Running {
  const args = [
    'model',
    'train',
    '--data',
    'candles',
    '--symbols',
    '6',
    '--settings',
    'settings.json',
    '--threads',
    '1',
  ];
  const running = startMinutehand(
    [...args, ...WINDOWS, '--until', date(36), '--data-dir', dataDir, '--json', ...more],
    { cwd: folder.path },
  );
  started.push(running);
  return running;
}

/** The folder of the only training of a data directory. */
function workOf(dataDir: string): string | undefined {
  const parent = join(folder.path, dataDir, 'models', '.training');
  const [own, ...others] = existsSync(parent) ? readdirSync(parent) : [];
  expect(others).toEqual([]);
  return own === undefined ? undefined : join(parent, own);
}

/** When its checkpoint was written. */
function checkpointTime(dataDir: string): number {
  const work = workOf(dataDir);
  return statSync(join(work ?? '', 'checkpoint.bin'), { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

/** Waits for a checkpoint of this very run. */
async function untilTraining(running: Running, dataDir: string): Promise<void> {
  const before = checkpointTime(dataDir);
  const hasEnded = () => running.process.exitCode !== null;
  await until(() => hasEnded() || checkpointTime(dataDir) > before, 'a further checkpoint', 120_000);
  expect(running.process.exitCode, running.stderr()).toBeNull();
}

const bytesOf = (directory: unknown) =>
  ['model.onnx', 'manifest.json'].map((name) => readFileSync(join(String(directory), name)).toString('base64'));

describe('model train as a process', () => {
  let unbroken: Record<string, unknown>;
  let told: string;
  beforeAll(async () => {
    const finished = await train('unbroken').finished;
    expect(finished.code, finished.stderr).toBe(0);
    unbroken = lastLine(finished);
    told = finished.stderr;
  }, 300_000);

  it('says where it is in a few plain lines, each epoch among them', () => {
    for (const epoch of [1, 2, 3]) expect(told).toMatch(new RegExp(`^epoch ${epoch} of 3: loss .* log-loss`, 'm'));
    expect(told.trimEnd().split('\n').length).toBeLessThan(30);
  });

  it('gives the same bytes when it is killed in the middle of epochs and started again', async () => {
    const random = createRandom('kills');
    let running = train('killed');
    for (let kill = 0; kill < KILLS; kill++) {
      await untilTraining(running, 'killed');
      await new Promise((resolve) => setTimeout(resolve, random.uniform() * 60));
      running.process.kill('SIGKILL');
      expect((await running.finished).signal).toBe('SIGKILL');
      running = train('killed');
    }
    const finished = await running.finished;
    expect(finished.code, finished.stderr).toBe(0);
    const { modelId, directory } = lastLine(finished);
    expect(modelId).toBe(unbroken.modelId);
    expect(bytesOf(directory)).toEqual(bytesOf(unbroken.directory));
    // Of the work folder what is small is kept.
    expect(readdirSync(workOf('killed') ?? '').sort()).toEqual(['checkpoint.bin', 'curves.html', 'history.jsonl']);
  }, 600_000);

  it.each(['SIGINT', 'SIGTERM'] as const)(
    'is stopped by %s: it says so, and the command that it names goes on',
    async (signal) => {
      const dataDir = `stopped-by-${signal}`;
      const running = train(dataDir);
      await untilTraining(running, dataDir);
      running.process.kill(signal);
      const stopped = await running.finished;
      expect(stopped.code, stopped.stderr).toBe(1);
      const { error } = lastLine(stopped) as { error: { code: string; message: string; remedy: string } };
      expect(error.code).toBe('TRAINING_INTERRUPTED');
      expect(error.message).toBe(`the training was stopped; its checkpoint is kept in ${workOf(dataDir)}`);
      const [, command = ''] = error.remedy.split('Go on from there: minutehand ');
      const again = startMinutehand([...command.split(' '), '--json'], { cwd: folder.path });
      started.push(again);
      const finished = await again.finished;
      expect(lastLine(finished).modelId, finished.stderr).toBe(unbroken.modelId);
    },
    300_000,
  );

  it('begins anew with other settings, and refuses them in a folder that is named', async () => {
    const other = await train('unbroken', '--epochs', '1', '--work', 'named').finished;
    expect(other.code, other.stderr).toBe(0);
    expect(lastLine(other).modelId).not.toBe(unbroken.modelId);
    const mixed = await train('unbroken', '--epochs', '2', '--work', 'named').finished;
    expect(mixed.code).toBe(2);
    expect(lastLine(mixed)).toMatchObject({
      error: { code: 'CHECKPOINT_MISMATCH', message: expect.stringMatching(/: settings\.epochs is 2, was 1$/) },
    });
  }, 300_000);
});
