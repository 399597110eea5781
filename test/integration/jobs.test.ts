import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { allocateBars, silentLog } from '../../src/core/index.ts';
import { createTestDatabase, holdAdvisoryLock, type TestDatabase } from '../../src/database/index.ts';
import { type JobQueue, openJobQueue, TRAIN_JOBS, type TrainJob, workOnTraining } from '../../src/engine/index.ts';
import { featureSet } from '../../src/features/index.ts';
import { candleFolderFingerprint, writeCandleFile } from '../../src/marketfiles/index.ts';
import { trainingSettingsSchema } from '../../src/model/index.ts';
import { ROOT } from '../support/minutehand.ts';

let folder: string;
let test: TestDatabase;
let queue: JobQueue;
let job: TrainJob;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'minutehand-jobs-'));
  const data = join(folder, 'candles');
  mkdirSync(data);
  const bars = allocateBars(4);
  for (let row = 0; row < bars.length; row++) {
    bars.openTime[row] = Date.UTC(2025, 0, 1) + row * 900_000;
    for (const column of [bars.open, bars.high, bars.low, bars.close, bars.volume]) column[row] = 1;
  }
  await writeCandleFile(join(data, 'BTCUSDT.csv'), bars);
  job = {
    fold: 1,
    seed: 1,
    kind: 'linear-baseline',
    data,
    dataFingerprint: await candleFolderFingerprint(data),
    symbols: ['BTCUSDT'],
    references: [],
    settings: trainingSettingsSchema.parse({}),
    market: { source: 'generated', plantedEdge: false },
    codeVersion: 'test',
    featureSetHash: featureSet().hash,
    outputDirectory: join(folder, 'models'),
    workDirectory: join(folder, 'work'),
    command: 'minutehand model train',
    device: 'cpu',
    threads: 1,
  };
  test = await createTestDatabase();
  queue = await openJobQueue({ database: test.database, log: silentLog });
});
afterAll(async () => {
  await queue.close();
  await test.drop();
  rmSync(folder, { recursive: true, force: true });
});

const work = (onStage: (stage: string) => void = () => undefined) =>
  workOnTraining({
    queue,
    databaseUrl: test.url,
    binary: join(ROOT, 'bin', 'minutehand.js'),
    logDirectory: join(folder, 'logs'),
    log: silentLog,
    concurrency: 2,
    untilEmpty: true,
    signal: new AbortController().signal,
    onEvent: (event) => event.kind === 'stage' && onStage(event.stage),
  });

describe('a worker', () => {
  it('fails a job that it cannot do, at once and saying why', async () => {
    const missing = await queue.submit(TRAIN_JOBS, { ...job, data: join(folder, 'elsewhere') });
    const changed = await queue.submit(TRAIN_JOBS, { ...job, dataFingerprint: 'of other files' });
    await work();
    expect(await queue.stateOf(TRAIN_JOBS, missing)).toMatchObject({
      state: 'failed',
      failure: { code: 'JOB_DATA_MISSING', message: expect.stringContaining(join(folder, 'elsewhere')) },
    });
    expect(await queue.stateOf(TRAIN_JOBS, changed)).toMatchObject({ failure: { code: 'JOB_DATA_DIFFERENT' } });
  });

  it('waits while another process still works on the same job', async () => {
    const id = await queue.submit(TRAIN_JOBS, job);
    const { signal } = new AbortController();
    const paused = await holdAdvisoryLock(test.database, `minutehand job ${id}`, { signal });
    const stages: string[] = [];
    await work((stage) => {
      stages.push(stage);
      paused.release();
    });
    expect(stages).toEqual(['waiting for another process that still works on it', 'dataset', 'targets']);
    expect(await queue.stateOf(TRAIN_JOBS, id)).toMatchObject({ failure: { code: 'DATASET_TOO_SHORT' } });
  });
});
