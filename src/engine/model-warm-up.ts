import type { Config } from '../config/index.ts';
import {
  type EpochMs,
  epochMs,
  type Log,
  MINUTE_MS,
  messageOf,
  PHASES,
  type Predictor,
  type SymbolId,
  yieldToEventLoop,
} from '../core/index.ts';
import { type Database, readFeaturePanels, storedFeatureMinutes } from '../database/index.ts';
import { buildFeatures } from './feature-build.ts';

export interface ModelWarmUpParts {
  readonly book: string;
  readonly config: Config;
  readonly database: Database;
  readonly featureSetHash: string;
  readonly universe: () => readonly SymbolId[];
  readonly log: Log;
  readonly signal?: AbortSignal | undefined;
}

/** Rows are read in pieces of so many minutes; between two of them, and between two minutes, other work runs. */
const PIECE_MINUTES = 20;
/** A minute's rows are stored with the minute that follows it; they are looked for once more until then. Given twice, they change nothing. */
const STORED_WITHIN_MS = 2 * MINUTE_MS;
/** Where more of the context's minutes than this share have no stored rows, they are computed from the stored candles. */
const SHARE_LEFT_OUT = 0.01;

/**
 * Gives a predictor that reads more than the newest bar the rows of its context: those stored, after rebuilding them from stored candles where
 * too many are missing.
 * @param now the newest minute there is; asked again after each pass, as minutes go by meanwhile
 * @returns the minute from which on rows may not have been stored yet when they were read; undefined where one bar is enough
 */
export async function warmUpModel(
  parts: ModelWarmUpParts,
  predictor: Predictor,
  now: () => EpochMs,
): Promise<EpochMs | undefined> {
  if (predictor.contextBars === 1) return undefined;
  const from = epochMs(now() - (predictor.contextBars - 1) * PHASES * MINUTE_MS);
  await completeRows(parts, from, now());
  let begin = from;
  let reached: EpochMs | undefined;
  for (let to = now(); (reached ?? 0) < to && !parts.signal?.aborted; to = now()) {
    await observeStored(parts, predictor, begin, to);
    reached = to;
    begin = epochMs(Math.max(from, to - STORED_WITHIN_MS));
  }
  return begin;
}

/** Gives a predictor the stored rows of minutes `from` to `to`, both included. */
export async function observeStored(
  { config, database, featureSetHash, universe, signal }: ModelWarmUpParts,
  predictor: Predictor,
  from: EpochMs,
  to: EpochMs,
): Promise<void> {
  for (let begin: number = from; begin <= to && !signal?.aborted; begin += PIECE_MINUTES * MINUTE_MS) {
    const panels = await readFeaturePanels(database, {
      venue: config.exchange.id,
      symbols: universe(),
      featureSetHash,
      from: epochMs(begin),
      to: epochMs(Math.min(to, begin + (PIECE_MINUTES - 1) * MINUTE_MS)),
    });
    for (const panel of panels) {
      await predictor.observe(panel);
      await yieldToEventLoop();
    }
  }
}

/** Whether next to all of the rows that models of a book read are stored of a range. */
export async function isContextStored(
  { config, database, featureSetHash, log }: Pick<ModelWarmUpParts, 'config' | 'database' | 'featureSetHash' | 'log'>,
  from: EpochMs,
  to: EpochMs,
): Promise<boolean> {
  const interval = config.ml_integration.scheduler.interval_seconds * 1_000;
  const isPhaseZeroAlone = interval % (PHASES * MINUTE_MS) === 0;
  const step = isPhaseZeroAlone ? PHASES * MINUTE_MS : MINUTE_MS;
  const wanted = Math.floor(to / step) - Math.ceil(from / step) + 1;
  const stored = await storedFeatureMinutes(database, { venue: config.exchange.id, featureSetHash, from, to });
  const found = stored.filter((minute) => minute % step === 0).length;
  if (wanted - found <= SHARE_LEFT_OUT * wanted) return true;
  log.info({ found, wanted }, 'the rows of the model context are computed from stored candles');
  return false;
}

/** Rebuilds what is missing of the stored rows, as far as there are candles. */
async function completeRows(parts: ModelWarmUpParts, from: EpochMs, to: EpochMs): Promise<void> {
  if (await isContextStored(parts, from, to)) return;
  const { config, database, book, log, signal } = parts;
  try {
    await buildFeatures({ database, config, book, from, to, ...(signal ? { signal } : {}) });
  } catch (error) {
    // What is stored is given all the same; symbols without a whole context are withheld, and counted.
    log.warn({ error: messageOf(error) }, 'the rows of the model context could not be completed');
  }
}
