import { join } from 'node:path';
import type { Command } from 'commander';
import { systemClock } from '../../core/index.ts';
import { type JobFailure, openJobQueue, type TrainWorkerEvent, workOnTraining } from '../../engine/index.ts';
import {
  binaryOf,
  type CliContext,
  type CommonOptions,
  commandLog,
  perform,
  type Report,
  readConfig,
  withCommonOptions,
} from '../context.ts';
import { usageError } from '../output.ts';
import { withStore } from '../store.ts';
import { createProgress } from '../terminal.ts';
import { jobName, trainingProgressText } from './training-progress.ts';
import { wholeNumber } from './up.ts';

interface WorkerOptions extends CommonOptions {
  readonly queues: string;
  readonly concurrency: string;
  readonly once?: boolean;
}

const QUEUES = ['train'];

/** `worker`: takes jobs from the queues. */
export function addWorker(program: Command, context: CliContext): Command {
  return withCommonOptions(program.command('worker'))
    .description('Take queued jobs, such as the folds of "model train --folds", until stopped; on any machine.')
    .option('--queues <LIST>', QUEUES.join(','), QUEUES.join(','))
    .option('--concurrency <N>', 'jobs at a time, each in a process of its own at low priority', '1')
    .option('--once', 'end when the queues are empty')
    .addHelpText('after', '\nExample: DATABASE_URL=postgresql://… minutehand worker --concurrency 2')
    .action((options: WorkerOptions) => perform(context, options, () => work(context, options)));
}

async function work(context: CliContext, options: WorkerOptions): Promise<Report> {
  const unknown = options.queues.split(',').find((queue) => !QUEUES.includes(queue.trim()));
  if (unknown !== undefined) throw usageError(`--queues ${unknown} is unknown`, `Give one of ${QUEUES.join(', ')}.`);
  const concurrency = wholeNumber('--concurrency', options.concurrency, 1);
  const config = readConfig(context, options).values;
  const log = commandLog(config, options);
  const progress = createProgress(context.terminal.stderr, systemClock);
  const describe = trainingProgressText();
  const counts = { done: 0, refused: 0, crashed: 0, returned: 0 };
  const failures: { readonly job: string; readonly error: JobFailure }[] = [];
  const onEvent = (event: TrainWorkerEvent) => {
    progress.update(describe(event));
    if (event.kind !== 'ended') return;
    counts[event.outcome.kind]++;
    if (event.outcome.kind === 'refused') failures.push({ job: jobName(event.job), error: event.outcome.failure });
  };
  await withStore(config, log, { create: true, migrate: true }, async (database, databaseUrl) => {
    const queue = await openJobQueue({ database, log });
    try {
      await workOnTraining({
        queue,
        databaseUrl,
        binary: binaryOf(context),
        logDirectory: join(config.data_dir, 'logs'),
        log,
        concurrency,
        untilEmpty: options.once === true,
        signal: context.signal,
        onEvent,
      });
    } finally {
      await queue.close();
    }
  }).finally(() => progress.finish());
  const { done, refused: failed, crashed, returned } = counts;
  return {
    result: { ok: failed === 0, done, failed, crashed, returned, failures },
    exitCode: failed === 0 ? 0 : 1,
    lines: () => [
      `${done} jobs done, ${failed} failed, ${crashed} crashed, ${returned} given back unfinished`,
      ...failures.map(({ job, error }) => `${job}: ${error.message} (${error.code}). ${error.remedy}`),
    ],
  };
}
