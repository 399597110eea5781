import {
  type DecisionNote,
  epochMs,
  FORECAST_OUTPUTS,
  type ForecastOutput,
  type GateVerdict,
  type Horizon,
  MINUTE_MS,
  MinutehandError,
  type Order,
  outputOf,
  type Signal,
  type TargetName,
} from '../core/index.ts';
import {
  type Database,
  listCycles,
  listForecasts,
  listOrders,
  listSignals,
  readFeatureRows,
  readOutcomes,
} from '../database/index.ts';
import { type ExplainedInputs, explainInputs, ModelRefusedError } from '../model/index.ts';
import { realizedTargets } from './outcomes.ts';

/** A candidate that gates stopped. */
export interface RejectedAlternative {
  readonly signal: Signal;
  readonly failed: readonly GateVerdict[];
}

/** Everything that is stored of how one candidate came about and what followed from it. */
export interface SignalExplanation {
  readonly signal: Signal;
  /** What the model read; null with the reason where that cannot be told any more. */
  readonly inputs: ExplainedInputs | null;
  readonly inputsMissing?: string;
  /** Every output of the forecast by name; null where it is no longer stored. */
  readonly outputs: Readonly<Record<ForecastOutput, number>> | null;
  /** Orders that came of it. */
  readonly orders: readonly Order[];
  /** What strategies, sizing and limits said of it; null where the minute's notes are not stored. */
  readonly notes: readonly DecisionNote[] | null;
  /** Realised returns of the horizons that have ended. */
  readonly outcomes: Readonly<Partial<Record<Horizon, number>>>;
  /** The targets of the forecast that are known by now, as far as a candle of their horizon is not missing. */
  readonly realized: Readonly<Partial<Record<TargetName, number>>>;
  /** Rejected candidates of the same minute, the nearest to passing first. */
  readonly alternatives: readonly RejectedAlternative[];
}

export interface ExplainRequest {
  readonly book: string;
  readonly venue: string;
  readonly id: string;
  readonly featureSetHash: string;
  /** Where the artefacts of models lie. */
  readonly modelsFolder: string;
  readonly alternatives?: number;
}

/** @throws MinutehandError SIGNAL_UNKNOWN when the book has no such candidate */
export async function explainSignal(database: Database, request: ExplainRequest): Promise<SignalExplanation> {
  const { book, venue, id } = request;
  const minute = minuteOf(id);
  const range = { book, from: minute, until: epochMs(minute + MINUTE_MS) };
  const candidates = await listSignals(database, range);
  const signal = candidates.find((candidate) => candidate.id === id);
  if (!signal) throw unknownSignal(id);
  const { symbol, modelId } = signal;
  const [forecasts, orders, [cycle], outcomes, inputs] = await Promise.all([
    listForecasts(database, { ...range, symbol }),
    listOrders(database, { ...range, symbol }),
    listCycles(database, { ...range, limit: 1 }),
    readOutcomes(database, { venue, symbol, minute }),
    inputsOf(database, request, signal),
  ]);
  const forecast = forecasts.find((each) => each.modelId === modelId);
  const outputs = forecast
    ? (Object.fromEntries(FORECAST_OUTPUTS.map((name) => [name, outputOf(forecast, name)])) as Record<
        ForecastOutput,
        number
      >)
    : null;
  return {
    signal,
    ...(typeof inputs === 'string' ? { inputs: null, inputsMissing: inputs } : { inputs }),
    outputs,
    orders: orders.filter(({ signalId }) => signalId === id),
    notes: cycle?.notes?.filter(({ signalId }) => signalId === id) ?? null,
    outcomes: Object.fromEntries(
      outcomes.flatMap(({ horizon, realizedReturn }) => (realizedReturn === null ? [] : [[horizon, realizedReturn]])),
    ),
    realized: realizedTargets(outcomes),
    alternatives: nearestRejected(
      candidates.filter((candidate) => candidate !== signal),
      request.alternatives ?? 5,
    ),
  };
}

/** The rejected candidates that failed the fewest gates; of those with as many, the ones that missed them by the least. */
export function nearestRejected(candidates: readonly Signal[], count: number): RejectedAlternative[] {
  return candidates
    .filter(({ accepted }) => !accepted)
    .map((signal) => ({ signal, failed: signal.verdicts.filter(({ passed }) => !passed) }))
    .sort(
      (a, b) =>
        a.failed.length - b.failed.length ||
        missOf(a.failed) - missOf(b.failed) ||
        (a.signal.id < b.signal.id ? -1 : 1),
    )
    .slice(0, count);
}

/** By how much gates were missed: the sum of distances from the thresholds, each a share of the larger of the two; 1 where nothing is compared. */
function missOf(failed: readonly GateVerdict[]): number {
  return failed.reduce((sum, { value, threshold }) => {
    if (value === undefined || threshold === undefined || !Number.isFinite(value)) return sum + 1;
    return sum + Math.abs(value - threshold) / Math.max(Math.abs(value), Math.abs(threshold), Number.MIN_VALUE);
  }, 0);
}

/** The inputs of a candidate's model, or why they cannot be told. */
async function inputsOf(
  database: Database,
  { venue, featureSetHash, modelsFolder }: ExplainRequest,
  { symbol, minute, modelId, horizon }: Signal,
): Promise<ExplainedInputs | string> {
  const [row] = await readFeatureRows(database, { venue, symbols: [symbol], featureSetHash, minutes: [minute] });
  if (!row?.features) {
    return 'the features of the minute are not stored (after 48 hours those of every 15th minute remain)';
  }
  try {
    return await explainInputs(modelsFolder, modelId, horizon, row.features);
  } catch (error) {
    if (error instanceof ModelRefusedError) return error.message;
    throw error;
  }
}

/** The minute in `book/minute/symbol`. */
function minuteOf(id: string) {
  const minute = Number(id.split('/')[1]);
  if (!Number.isSafeInteger(minute)) throw unknownSignal(id);
  return epochMs(minute);
}

const unknownSignal = (id: string): MinutehandError =>
  new MinutehandError(
    'SIGNAL_UNKNOWN',
    `there is no candidate ${id}`,
    'Take the id from "minutehand signals list --json"; it reads main/MINUTE/SYMBOL.',
    { exitCode: 2 },
  );
