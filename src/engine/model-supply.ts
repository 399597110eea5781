import { join } from 'node:path';
import {
  DAY_MS,
  type EpochMs,
  epochMs,
  floorTo,
  type Log,
  MINUTE_MS,
  MinutehandError,
  systemClock,
} from '../core/index.ts';
import type { EngineEvent } from './engine-event.ts';
import type { FitRequest } from './fit-job.ts';
import { superviseProcess } from './supervised-process.ts';

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
