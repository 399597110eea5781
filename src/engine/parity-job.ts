import { join } from 'node:path';
import { z } from 'zod';
import {
  DAY_MS,
  type EpochMs,
  epochMs,
  floorTo,
  formatTime,
  type Log,
  type Metrics,
  MINUTE_MS,
  MinutehandError,
  messageOf,
  systemClock,
} from '../core/index.ts';
import { appendAudit, type Database, listAudit } from '../database/index.ts';
import { superviseProcess } from './supervised-process.ts';

/** Minutes of a book that are to be gone through once more. */
export interface ParityRequest {
  readonly databaseUrl: string;
  readonly book: string;
  readonly venue: string;
  readonly from: EpochMs;
  readonly to: EpochMs;
  readonly modelsFolder: string;
  readonly logDirectory: string;
}

const count = z.number().int();
const resultSchema = z.object({
  ok: z.boolean(),
  from: z.string(),
  to: z.string(),
  minutes: count,
  stages: z.record(z.string(), z.object({ compared: count, diverged: count })),
  firstDivergence: z.record(z.string(), z.unknown()).nullable(),
});

/** What a proof came to. */
export type ParityResult = z.infer<typeof resultSchema>;

export interface ParityJobParts {
  readonly book: string;
  readonly database: Database;
  readonly prove: (range: { readonly from: EpochMs; readonly to: EpochMs }) => Promise<ParityResult>;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly onNotice: (text: string) => void;
}

/** So long after midnight everything of the day before is stored. */
const AFTER_MIDNIGHT_MS = 10 * MINUTE_MS;
const ACTION = 'parity.prove';

/** Proves each UTC day of a book once, when it is over: behind the minutes, in a process of its own. */
export class ParityJob {
  readonly #parts: ParityJobParts;
  /** The midnight that was seen to. */
  #seenTo: EpochMs | undefined;

  constructor(parts: ParityJobParts) {
    this.#parts = parts;
  }

  /** Proves the day before where that is due; undefined otherwise. @throws what the proof and the store throw */
  step(minute: EpochMs): Promise<void> | undefined {
    const midnight = floorTo(minute, '1d');
    if (minute - midnight < AFTER_MIDNIGHT_MS || this.#seenTo === midnight) return undefined;
    this.#seenTo = midnight;
    return this.#prove(midnight, minute);
  }

  async #prove(to: EpochMs, now: EpochMs): Promise<void> {
    const { book, database, prove, log, metrics, onNotice } = this.#parts;
    const day = formatTime(epochMs(to - DAY_MS)).slice(0, 10);
    const before = await listAudit(database, { limit: 1, action: ACTION });
    if (before[0]?.subject === book && before[0].details.day === day) return;
    let result: ParityResult;
    try {
      result = await prove({ from: epochMs(to - DAY_MS + MINUTE_MS), to });
    } catch (error) {
      // The first day of a book, or one of before this was recorded.
      if (!(error instanceof MinutehandError && error.code === 'REPLAY_MISSING')) throw error;
      log.info({ day, error: messageOf(error) }, 'the day cannot be proved');
      return;
    }
    for (const [stage, { compared, diverged }] of Object.entries(result.stages)) {
      metrics.gauge('minutehand_parity_divergences', diverged, { stage });
      metrics.count('minutehand_parity_compared_total', { stage }, compared);
    }
    await appendAudit(database, {
      time: now,
      actor: 'engine',
      action: ACTION,
      subject: book,
      details: { day, ...result },
    });
    if (result.ok) {
      log.info({ day, ...result }, 'a replay of the day came to the same');
      return;
    }
    log.error({ day, ...result }, 'a replay of the day came to something else');
    onNotice(`a replay of ${day} came to something else than what happened: minutehand backtest parity --from ${day}`);
  }
}

/** Proves in a process of its own at low priority. */
export async function proveInProcess(
  request: ParityRequest,
  parts: { readonly binary: string; readonly log: Log; readonly signal: AbortSignal },
): Promise<ParityResult> {
  let result: unknown;
  let failure: MinutehandError | undefined;
  const child = superviseProcess({
    name: 'worker',
    binary: parts.binary,
    args: ['worker', 'parity'],
    start: request,
    outputFile: join(request.logDirectory, 'worker.out'),
    clock: systemClock,
    log: parts.log,
    onMessage: (message) => {
      if (message.type === 'finished') result = message.result;
      if (message.type === 'failed') {
        failure = new MinutehandError(message.error.code, message.error.message, message.error.remedy);
      }
    },
  });
  const stop = () => void child.stop(500);
  parts.signal.addEventListener('abort', stop, { once: true });
  const { code, signal } = await child.exited;
  parts.signal.removeEventListener('abort', stop);
  const parsed = resultSchema.safeParse(result);
  if (parsed.success) return parsed.data;
  throw (
    failure ??
    new MinutehandError(
      'PARITY_STOPPED',
      `the proof of the day ended early (${signal ?? `exit ${code}`})`,
      `See ${join(request.logDirectory, 'worker.out')}, or run "minutehand backtest parity".`,
    )
  );
}
