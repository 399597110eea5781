import {
  at32,
  at64,
  atInt32,
  type BarColumns,
  barsBetween,
  FORECAST_WIDTH,
  HOUR_MS,
  joinColumn,
  MinutehandError,
  type Random,
  type SymbolId,
} from '../../core/index.ts';
import { computeFeaturesInParallel, featureSet, requiredHistory, type Scaler } from '../../features/index.ts';
import { BAR_MS, type Dataset } from '../dataset.ts';
import { type ChosenRows, timeRow } from '../design-matrix.ts';
import type { Manifest } from '../manifest.ts';
import { RANKING_HEADS } from '../raw-outputs.ts';
import { computeTargets, TARGET_WIDTH } from '../targets.ts';
import { evaluateForecasts } from './evaluate.ts';
import type { Evaluation } from './evaluation.ts';
import type { FeatureBaseline } from './feature-baseline.ts';
import type { RowForecasts } from './forecast-rows.ts';
import type { EvaluationInput } from './judged.ts';
import { baselineForecaster, forecastRows } from './row-forecaster.ts';
import { type BaseRates, baseRates, majorityForecasts } from './simple-baselines.ts';
import { fitTrainingBaselines } from './training-baselines.ts';
import { volatilityColumns } from './volatility-columns.ts';

export interface MadeForecasts {
  /** Ascending in time. Epoch milliseconds of each row's bar close. */
  readonly times: Float64Array;
  /** Position of each row's symbol among those of the bars. */
  readonly symbolIndex: Int32Array;
  /** [rows, FORECAST_WIDTH] */
  readonly values: Float32Array;
  /** [rows, RANKING_HEADS] Before calibration. */
  readonly raw: Float32Array;
}

/** What one model said. */
export interface JudgedPart {
  readonly manifest: Manifest;
  readonly forecasts: MadeForecasts;
}

export interface JudgeRequest {
  /** Of several models, each after the one before: they are judged as one. */
  readonly parts: readonly JudgedPart[];
  /** In canonical order, as far back as there are: the baselines are fitted on a model's own training window where they reach it. */
  readonly bars: ReadonlyMap<SymbolId, BarColumns>;
  readonly references: readonly SymbolId[];
  readonly workers: number;
  readonly random: Random;
  readonly resamples?: number;
  readonly inSample?: boolean;
  readonly onProgress?: (text: string) => void;
}

/** Rows of the volatility-only baseline in memory at once. */
const STRETCH_MS = 56 * 24 * HOUR_MS;

/**
 * Judges forecasts that were made already by what became of them, as `evaluateArtefact` does: those whose targets are all known. The volatility-only
 * model stands beside them where the bars reach back to the training window of each model.
 * @returns undefined where no target is known
 */
export async function judgeForecasts(request: JudgeRequest): Promise<Evaluation | undefined> {
  const { parts, random, resamples, inSample = false, onProgress } = request;
  const inputs: EvaluationInput[] = [];
  for (const part of parts) inputs.push(...(await inputOf(request, part)));
  const [first, ...others] = inputs;
  if (first === undefined) return undefined;
  onProgress?.('forecasts: figures');
  const input = others.length === 0 ? first : pooled(inputs);
  return evaluateForecasts(input, { random, ...(resamples === undefined ? {} : { resamples }), inSample });
}

/** Of one model; none where no target is known. */
async function inputOf(request: JudgeRequest, part: JudgedPart): Promise<readonly EvaluationInput[]> {
  const { bars, onProgress } = request;
  const { manifest, forecasts } = part;
  const { rows, kept } = rowsWithTargets(bars, forecasts);
  if (kept.length === 0) return [];
  onProgress?.('forecasts: fitting the volatility-only baseline');
  const { rates, baseline } = await trainingBaselines(request, manifest, rows);
  const volatilityOnly = baseline && (await forecastBaseline(request, manifest, baseline, rows));
  return [
    {
      rows: { ...rows, symbols: [...bars.keys()] },
      model: { values: pick(forecasts.values, FORECAST_WIDTH, kept), raw: pick(forecasts.raw, RANKING_HEADS, kept) },
      baselines: {
        majority: majorityForecasts(rates, kept.length),
        ...(volatilityOnly ? { volatilityOnly } : {}),
      },
    },
  ];
}

/** One after the other, with the baselines that all of them have. */
function pooled(inputs: readonly EvaluationInput[]): EvaluationInput {
  const [first] = inputs;
  if (first === undefined) throw new RangeError('there is nothing to judge');
  const joinedOf = (forecastsOf: (input: EvaluationInput) => RowForecasts | undefined): RowForecasts | undefined => {
    const all = inputs.flatMap((input) => forecastsOf(input) ?? []);
    if (all.length < inputs.length) return undefined;
    const raw = all.flatMap((one) => one.raw ?? []);
    return {
      values: joinColumn(all, ({ values }) => values, Float32Array),
      ...(raw.length < all.length ? {} : { raw: joinColumn(raw, (values) => values, Float32Array) }),
    };
  };
  const [model, majority, volatilityOnly] = [
    joinedOf((input) => input.model),
    joinedOf(({ baselines }) => baselines.majority),
    joinedOf(({ baselines }) => baselines.volatilityOnly),
  ];
  if (model === undefined || majority === undefined) throw new RangeError('every part has forecasts and base rates');
  const rows = inputs.map((input) => input.rows);
  return {
    rows: {
      symbols: first.rows.symbols,
      times: joinColumn(rows, ({ times }) => times, Float64Array),
      symbolIndex: joinColumn(rows, ({ symbolIndex }) => symbolIndex, Int32Array),
      targets: joinColumn(rows, ({ targets }) => targets, Float32Array),
    },
    model,
    baselines: { majority, ...(volatilityOnly ? { volatilityOnly } : {}) },
  };
}

function rowsWithTargets(
  bars: JudgeRequest['bars'],
  { times, symbolIndex }: MadeForecasts,
): { rows: ChosenRows; kept: number[] } {
  const symbols = [...bars.keys()];
  const first = at64(times, 0);
  const steps = times.length === 0 ? 0 : (at64(times, times.length - 1) - first) / BAR_MS + 1;
  // Targets look a day ahead.
  const grid = Float64Array.from({ length: steps + 24 * 4 }, (_, step) => first + step * BAR_MS);
  const targets = computeTargets({ times: grid, symbols, bars });
  const kept: number[] = [];
  const rowOf = (row: number) => {
    const at = timeRow(grid, at64(times, row)) * TARGET_WIDTH;
    return targets.get(symbols[atInt32(symbolIndex, row)] ?? '')?.subarray(at, at + TARGET_WIDTH);
  };
  for (let row = 0; row < times.length; row++) {
    if (rowOf(row)?.every((value) => !Number.isNaN(value))) kept.push(row);
  }
  const known = new Float32Array(kept.length * TARGET_WIDTH);
  kept.forEach((row, index) => {
    known.set(rowOf(row) ?? [], index * TARGET_WIDTH);
  });
  return {
    kept,
    rows: {
      targets: known,
      times: Float64Array.from(kept, (row) => at64(times, row)),
      symbolIndex: Int32Array.from(kept, (row) => atInt32(symbolIndex, row)),
    },
  };
}

/** Base rates and the volatility-only baseline of the model's own windows; base rates of the judged rows where the bars do not reach those. */
async function trainingBaselines(
  request: JudgeRequest,
  manifest: Manifest,
  rows: ChosenRows,
): Promise<{ rates: BaseRates; baseline: FeatureBaseline | null }> {
  const { bars } = request;
  const { train, calibration } = manifest.windows;
  try {
    const dataset = await volatilityDataset(request, train.from, Math.max(train.to, calibration.to));
    if (dataset !== undefined) {
      const { rates, volatilityOnly } = fitTrainingBaselines(
        dataset,
        { windows: manifest.windows, scaler: scalerOf(manifest, dataset.featureNames) },
        { linear: false },
      );
      return { rates, baseline: volatilityOnly };
    }
  } catch (error) {
    if (!(error instanceof MinutehandError && error.code === 'DATASET_TOO_SHORT')) throw error;
  }
  const grid = Float64Array.from(new Set(rows.times));
  return { rates: baseRates({ times: grid, symbols: [...bars.keys()], bars }, rows), baseline: null };
}

/** Features that tell how much moves, of the bars that close in `[from, to]`; undefined where there are none. */
async function volatilityDataset(
  { bars, references, workers }: JudgeRequest,
  from: number,
  to: number,
): Promise<Dataset | undefined> {
  const all = featureSet();
  const set = featureSet(volatilityColumns(all.names).flatMap((column) => all.features[column] ?? []));
  const begin = from - requiredHistory().hours * HOUR_MS;
  const own = new Map([...bars].map(([symbol, one]) => [symbol, barsBetween(one, begin, to - BAR_MS + 1)]));
  if ([...own.values()].every(({ length }) => length === 0)) return undefined;
  // Symbols keep their places: one without a bar yet has masked rows.
  const columns = await computeFeaturesInParallel(
    {
      bars15m: own,
      references: references.filter((symbol) => own.has(symbol)),
      from,
      to,
      featureSet: set,
    },
    workers,
  );
  if (columns.times.length === 0) return undefined;
  return {
    featureSetHash: columns.featureSetHash,
    featureNames: columns.names,
    symbols: columns.symbols,
    times: columns.times,
    width: columns.width,
    features: columns.values,
    bars: own,
  };
}

async function forecastBaseline(
  request: JudgeRequest,
  manifest: Manifest,
  baseline: FeatureBaseline,
  rows: ChosenRows,
): Promise<RowForecasts> {
  const { onProgress } = request;
  const count = rows.times.length;
  const values = new Float32Array(count * FORECAST_WIDTH);
  const raw = new Float32Array(count * RANKING_HEADS);
  const last = at64(rows.times, count - 1);
  for (let from = 0; from < count; ) {
    const start = at64(rows.times, from);
    let end = from;
    while (end < count && at64(rows.times, end) < start + STRETCH_MS) end++;
    onProgress?.(`forecasts of the volatility-only baseline: ${from} of ${count} rows`);
    const dataset = await volatilityDataset(request, start, Math.min(last, start + STRETCH_MS));
    if (dataset === undefined) break;
    const forecaster = baselineForecaster(baseline, scalerOf(manifest, dataset.featureNames), dataset);
    const part = await forecastRows(forecaster, dataset, {
      times: rows.times.subarray(from, end),
      symbolIndex: rows.symbolIndex.subarray(from, end),
    });
    values.set(part.values, from * FORECAST_WIDTH);
    raw.set(part.raw, from * RANKING_HEADS);
    from = end;
  }
  return { values, raw };
}

/** The model's scaler for some of its features. */
function scalerOf({ featureNames, scaler }: Manifest, names: readonly string[]): Scaler {
  const columns = names.map((name) => featureNames.indexOf(name));
  const of = (values: readonly number[]) => columns.map((column) => values[column] ?? 0);
  return { ...scaler, center: of(scaler.center), scale: of(scaler.scale), knownShare: of(scaler.knownShare) };
}

function pick(values: Float32Array, width: number, rows: readonly number[]): Float32Array {
  const picked = new Float32Array(rows.length * width);
  rows.forEach((row, index) => {
    for (let k = 0; k < width; k++) picked[index * width + k] = at32(values, row * width + k);
  });
  return picked;
}
