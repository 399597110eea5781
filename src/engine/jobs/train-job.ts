import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { type EpochMs, epochMs, type Log, MinutehandError } from '../../core/index.ts';
import { holdAdvisoryLock, openDatabase } from '../../database/index.ts';
import { featureSet } from '../../features/index.ts';
import { candleFolderFingerprint } from '../../marketfiles/index.ts';
import {
  type Manifest,
  MODEL_KINDS,
  marketLabelSchema,
  readTrainingHistory,
  type TrainingProgress,
  trainingCurves,
  trainingSettingsSchema,
  trainModel,
} from '../../model/index.ts';
import { DEVICES } from '../../tensor/index.ts';
import type { JobType } from './job-queue.ts';

const path = z.string().min(1).max(4_096);
const symbol = z.string().min(1).max(64);
const time = z
  .number()
  .int()
  .min(0)
  .max(8.64e15)
  .transform((value): EpochMs => epochMs(value));
const index = z.number().int().min(1).max(10_000);
const hash = z.string().min(1).max(128);

/** Everything that training one fold with one seed depends on. */
export const trainJobSchema = z.strictObject({
  fold: index,
  seed: z.number().int().min(0).max(Number.MAX_SAFE_INTEGER),
  kind: z.enum(MODEL_KINDS),
  /** A folder of candle files, and what it held when the job was queued. */
  data: path,
  dataFingerprint: hash,
  symbols: z.union([index, z.array(symbol).min(1).max(10_000)]),
  references: z.array(symbol).max(100),
  /** Absent: shares of the folder's time. */
  windows: z.strictObject({ train: time, earlyStopping: time, calibration: time, test: time, end: time }).optional(),
  settings: trainingSettingsSchema,
  market: marketLabelSchema,
  codeVersion: z.string().max(64),
  featureSetHash: hash,
  outputDirectory: path,
  workDirectory: path,
  command: z.string().max(10_000),
  device: z.enum(DEVICES),
  threads: z.number().int().min(1).max(1_024),
});
export type TrainJob = z.infer<typeof trainJobSchema>;

const window = z.object({ from: z.number(), to: z.number(), rows: z.number() });
const figure = z.number().nullable();
const trainResultSchema = z.object({
  modelId: z.string(),
  /** The artefact's folder. */
  directory: z.string(),
  /** Epoch milliseconds; as the manifest has them. */
  windows: z.object({ train: window, earlyStopping: window.optional(), calibration: window, test: window }),
  /** Of the test window, means of the four horizons. */
  macroF1: figure,
  logLoss: figure,
  informationCoefficient: figure,
  /** Of the heads before calibration. */
  rawInformationCoefficient: figure,
});
/** A trained model with its figures of the test window. */
export type TrainResult = z.infer<typeof trainResultSchema>;

export const TRAIN_JOBS: JobType<TrainJob, TrainResult> = {
  queue: 'train',
  payload: trainJobSchema,
  result: trainResultSchema,
};

export interface TrainJobPorts {
  readonly id: string;
  readonly databaseUrl: string;
  readonly log: Log;
  /** Threads wait for their next piece of work without sleeping: quicker, where nothing else wants the cores. */
  readonly spin: boolean;
  readonly signal: AbortSignal;
  /** Called when the right to the work folder is gone: nothing may be written any more. */
  readonly onLost: () => void;
  readonly onStage: (stage: string) => void;
  readonly onProgress: (progress: TrainingProgress) => void;
}

/**
 * Trains the model of a job while holding the job's lock in the database, so that two processes are never at work in one folder,
 * whatever the queue believes about either.
 * @throws MinutehandError JOB_VERSION, JOB_DATA_MISSING, JOB_DATA_DIFFERENT; as trainModel; the signal's reason when it aborts
 */
export async function runTrainJob(job: TrainJob, ports: TrainJobPorts): Promise<TrainResult> {
  const { id, databaseUrl, log, signal, onStage } = ports;
  await checkJob(job);
  const database = await openDatabase({ url: databaseUrl, applicationName: 'minutehand-job', log, maxConnections: 1 });
  try {
    const lock = await holdAdvisoryLock(database, `minutehand job ${id}`, {
      signal,
      onWait: () => onStage('waiting for another process that still works on it'),
    });
    lock.lost.addEventListener('abort', ports.onLost, { once: true });
    try {
      return await train(job, ports);
    } finally {
      lock.release();
    }
  } finally {
    await database.close();
  }
}

async function train(job: TrainJob, { spin, signal, onStage, onProgress }: TrainJobPorts): Promise<TrainResult> {
  const { windows, market, ...rest } = job;
  const { description, ...label } = market;
  const { modelId, directory, manifest } = await trainModel({
    ...rest,
    ...(windows ? { windows } : {}),
    market: { ...label, ...(description === undefined ? {} : { description }) },
    spin,
    signal,
    onStage,
    onProgress,
  });
  if (job.kind === 'unified-patchtst') {
    const curves = trainingCurves(modelId, await readTrainingHistory(job.workDirectory));
    await writeFile(join(job.workDirectory, 'curves.html'), curves);
  }
  return { modelId, directory, ...figuresOf(manifest) };
}

function figuresOf({ windows, metrics }: Manifest): Omit<TrainResult, 'modelId' | 'directory'> {
  const { macroF1, logLoss, informationCoefficient, rawInformationCoefficient } = metrics.mean;
  return {
    windows,
    macroF1: macroF1.value,
    logLoss: logLoss.value,
    informationCoefficient: informationCoefficient.value,
    rawInformationCoefficient: rawInformationCoefficient?.value ?? null,
  };
}

async function checkJob({ data, dataFingerprint, featureSetHash }: TrainJob): Promise<void> {
  if (featureSetHash !== featureSet().hash) {
    throw new MinutehandError(
      'JOB_VERSION',
      `the job was queued for the feature set ${featureSetHash}, this worker has ${featureSet().hash}`,
      'Run the workers with the version of Minutehand that queued the job.',
    );
  }
  if (!existsSync(data)) {
    throw new MinutehandError(
      'JOB_DATA_MISSING',
      `the candle folder ${data} of the job is not on this machine`,
      'Put candles, models and work folder on storage that all workers mount at the same path.',
    );
  }
  if (dataFingerprint !== (await candleFolderFingerprint(data))) {
    throw new MinutehandError(
      'JOB_DATA_DIFFERENT',
      `the candle folder ${data} holds other files than when the job was queued`,
      'Give all workers the same folder; after a change of candles, run the command that queued the job again.',
    );
  }
}
