import { join } from 'node:path';
import type { Config } from '../config/index.ts';
import {
  DAY_MS,
  type EpochMs,
  epochMs,
  floorTo,
  type Log,
  MINUTE_MS,
  MinutehandError,
  type SymbolId,
  systemClock,
} from '../core/index.ts';
import { appendAudit, type Database, listModels, saveModel, setModelStatus } from '../database/index.ts';
import { findServable, loadPredictor, type ServedPredictor } from '../model/index.ts';
import type { EngineEvent } from './engine-event.ts';
import type { FitRequest } from './fit-job.ts';
import { superviseProcess } from './supervised-process.ts';

export interface ModelSupplyParts {
  readonly config: Config;
  readonly featureSetHash: string;
  readonly universe: readonly SymbolId[];
  readonly modelsDirectory: string;
  readonly log: Log;
}

/**
 * The newest artefact that may serve: of `ml_integration.model.directory` where that is set, else of the data directory.
 * @throws MinutehandError MODEL_REFUSED when the configured directory holds none that may serve
 */
export async function findModel(parts: ModelSupplyParts): Promise<ServedPredictor | undefined> {
  const { config, log, universe, featureSetHash } = parts;
  const configured = config.ml_integration.model.directory;
  const { servable, refusals } = await findServable([configured ?? parts.modelsDirectory], {
    featureSetHash,
    universe,
  });
  for (const refusal of refusals)
    log.warn({ reason: 'MODEL_REFUSED', directory: refusal.directory, field: refusal.field }, refusal.message);
  if (servable) {
    return loadPredictor(servable.directory, {
      featureSetHash,
      universe,
      batchSize: config.ml_integration.scheduler.batch_size,
    });
  }
  if (configured === null) return undefined;
  throw (
    refusals[0] ??
    new MinutehandError(
      'MODEL_MISSING',
      `there is no model in ${configured}`,
      'Name a folder with a model in ml_integration.model.directory, or leave it out to fit the baseline.',
      { exitCode: 2 },
    )
  );
}

/** Days of a fit whose signals are waited for. */
const QUICK_DAYS = 40;

/** The rows a first model is fitted on: whole days up to the one that follows `minute`, so that two starts of a day fit the same model. */
export function fitWindow(minute: EpochMs, trainingDays: number, isQuick: boolean): { from: EpochMs; to: EpochMs } {
  const to = floorTo(epochMs(minute + MINUTE_MS), '1d');
  const days = isQuick ? Math.min(trainingDays, QUICK_DAYS) : trainingDays;
  return { from: epochMs(to - days * DAY_MS), to };
}

/** Fits the baseline in a process of its own at low priority. */
export async function fitModel(
  request: FitRequest,
  parts: { binary: string; log: Log; signal: AbortSignal; onEvent: (event: EngineEvent) => void },
): Promise<string> {
  let directory: string | undefined;
  let failure: MinutehandError | undefined;
  const child = superviseProcess({
    name: 'worker',
    binary: parts.binary,
    args: ['worker', 'fit'],
    start: request,
    outputFile: join(request.logDirectory, 'worker.out'),
    clock: systemClock,
    log: parts.log,
    onMessage: (message) => {
      if (message.type === 'report') parts.onEvent(message.report as EngineEvent);
      if (message.type === 'finished') directory = (message.result as { directory: string }).directory;
      if (message.type === 'failed') {
        failure = new MinutehandError(message.error.code, message.error.message, message.error.remedy);
      }
    },
  });
  const stop = () => void child.stop(500);
  parts.signal.addEventListener('abort', stop, { once: true });
  const { code, signal } = await child.exited;
  parts.signal.removeEventListener('abort', stop);
  if (directory !== undefined) return directory;
  throw (
    failure ??
    new MinutehandError(
      'MODEL_FIT_FAILED',
      `fitting the model ended early (${signal ?? `exit ${code}`})`,
      `See ${join(request.logDirectory, 'worker.out')}; the next start tries again.`,
    )
  );
}

/** Enters a model in the registry, and in the audit log that it serves from now on. */
export async function registerModel(database: Database, predictor: ServedPredictor, now: EpochMs): Promise<void> {
  const { manifest, modelId, directory } = predictor;
  const { kind, featureSetHash } = manifest;
  await saveModel(database, { modelId, kind, status: 'candidate', featureSetHash, manifest, createdAt: now });
  const known = await listModels(database);
  if (known.some((model) => model.modelId === modelId && model.status === 'champion')) return;
  await setModelStatus(database, modelId, 'champion');
  await appendAudit(database, {
    time: now,
    actor: 'engine',
    action: 'model.serve',
    subject: modelId,
    details: { directory },
  });
}
