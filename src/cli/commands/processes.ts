import { setPriority } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import { type FoldJob, openFolderMarket, proveParity, runFold } from '../../backtest/index.ts';
import { MinutehandError, noMetrics } from '../../core/index.ts';
import { openDatabase } from '../../database/index.ts';
import {
  type EngineEvent,
  type EngineOptions,
  type FitRequest,
  type ParityRequest,
  runBookEngine,
  runFitJob,
  runTrainJob,
  type TrainProcessReport,
  type TrainProcessRequest,
} from '../../engine/index.ts';
import { createLog, createMetrics, PunctualityWatch } from '../../monitoring/index.ts';
import { accountKeys } from '../exchange-account.ts';
import { asMinutehandError } from '../output.ts';
import { runSupervised, type Supervisor } from '../supervised.ts';

/** The commands that `up` and workers start as processes of their own; not for people. */
export function addProcesses(program: Command, worker: Command): void {
  program.command('engine', { hidden: true }).action(() => runSupervised<EngineOptions>(runEngineProcess));
  worker.command('fit', { hidden: true }).action(() => runSupervised<FitRequest>(runFitProcess));
  worker.command('parity', { hidden: true }).action(() => runSupervised<ParityRequest>(runParityProcess));
  worker.command('train', { hidden: true }).action(() => runSupervised<TrainProcessRequest>(runTrainProcess));
  worker.command('walk-forward', { hidden: true }).action(() => runSupervised<FoldJob>(runFoldProcess));
}

async function runEngineProcess(supervisor: Supervisor<EngineOptions>) {
  const options = await supervisor.options;
  const { config } = options;
  const log = createLog({
    level: config.log.level,
    format: config.log.format,
    destination: { file: join(options.logDirectory, 'engine.log') },
    fields: { process: 'engine' },
  });
  const { metrics_enabled, alert_threshold } = config.ml_integration.monitoring;
  const metrics = metrics_enabled ? createMetrics() : noMetrics;
  const punctuality = new PunctualityWatch(alert_threshold, metrics);
  const show = (event: EngineEvent) => {
    supervisor.report(event);
    if (event.kind !== 'cycle') return;
    const { share, changed, isAlert } = punctuality.record(event.summary.status === 'DECIDED');
    if (!changed) return;
    const text = `${Math.round(share * 100)} % of the last hour's minutes were in time`;
    log.warn({ share, isAlert }, text);
    supervisor.report({ kind: 'notice', text: isAlert ? `${text}, fewer than alert_threshold asks for` : text });
  };
  supervisor.ready({});
  return runBookEngine(options, {
    log,
    metrics,
    signal: supervisor.signal,
    onEvent: show,
    accountKeys: (url) => accountKeys({ env: process.env, invokedFrom: process.cwd() }, url),
  });
}

async function runFitProcess(supervisor: Supervisor<FitRequest>) {
  // The minute comes first.
  setPriority(10);
  supervisor.signal.addEventListener('abort', () => process.exit(0), { once: true });
  const request = await supervisor.options;
  const log = createLog({
    level: 'info',
    format: 'json',
    destination: { file: join(request.logDirectory, 'worker.log') },
    fields: { process: 'worker' },
  });
  return runFitJob(request, {
    log,
    onProgress: (stage, done, total) =>
      supervisor.report({ kind: 'progress', task: `fitting the model (${stage})`, done, total }),
  });
}

async function runParityProcess(supervisor: Supervisor<ParityRequest>) {
  // The minute comes first.
  setPriority(10);
  const { databaseUrl, logDirectory, ...request } = await supervisor.options;
  const log = createLog({
    level: 'info',
    format: 'json',
    destination: { file: join(logDirectory, 'worker.log') },
    fields: { process: 'worker' },
  });
  const database = await openDatabase({
    url: databaseUrl,
    applicationName: 'minutehand-parity',
    log,
    maxConnections: 2,
  });
  try {
    return await proveParity({ ...request, database, log, signal: supervisor.signal });
  } finally {
    await database.close();
  }
}

async function runTrainProcess(supervisor: Supervisor<TrainProcessRequest>) {
  // The minute comes first.
  setPriority(10);
  const report = (event: TrainProcessReport) => supervisor.report(event);
  let isTraining = false;
  // Only a step of training has something to save; everything before and after it is done again.
  supervisor.signal.addEventListener('abort', () => isTraining || process.exit(0), { once: true });
  const { job, ...request } = await supervisor.options;
  try {
    return await runTrainJob(job, {
      ...request,
      log: createLog({ level: 'warn', destination: 'stderr', format: 'text' }),
      signal: supervisor.signal,
      onLost: () => process.exit(1),
      onStage: (stage) => {
        isTraining = stage === 'training';
        report({ kind: 'stage', stage });
      },
      onProgress: (progress) => report({ kind: 'progress', progress }),
    });
  } catch (error) {
    if (!supervisor.signal.aborted && !(error instanceof MinutehandError)) console.error(error);
    throw asMinutehandError(error);
  }
}

async function runFoldProcess(supervisor: Supervisor<FoldJob>) {
  setPriority(10);
  let isTraining = false;
  // Only a step of training has something to save; what else is begun is done again.
  supervisor.signal.addEventListener('abort', () => isTraining || process.exit(0), { once: true });
  const job = await supervisor.options;
  try {
    supervisor.report('reading candles');
    const market = await openFolderMarket({ directory: job.data, minutes: job.minutes, symbols: job.symbols });
    await runFold(job, market, {
      signal: supervisor.signal,
      onStage: (stage) => {
        isTraining = stage === 'model: training';
        supervisor.report(stage);
      },
    });
  } catch (error) {
    if (!supervisor.signal.aborted && !(error instanceof MinutehandError)) console.error(error);
    throw asMinutehandError(error);
  }
}
