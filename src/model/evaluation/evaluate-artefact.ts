import {
  at64,
  createRandom,
  type EpochMs,
  epochMs,
  firstAtOrAfter,
  MinutehandError,
  type SymbolId,
} from '../../core/index.ts';
import { type FeatureSet, featureSet } from '../../features/index.ts';
import { checkArtefact, ModelRefusedError, readManifest } from '../artefact.ts';
import { BAR_MS, type Dataset } from '../dataset.ts';
import { type DatasetFolderRequest, readDatasetFolder } from '../dataset-folder.ts';
import { type ChosenRows, chooseRows, timeRow } from '../design-matrix.ts';
import { FEWEST_ROWS, type FitSettings } from '../fit-settings.ts';
import type { Manifest } from '../manifest.ts';
import { computeTargets } from '../targets.ts';
import { RESAMPLES } from './day-resampling.ts';
import { detailForecasts, type EvaluationDetail } from './detail.ts';
import { evaluateForecasts } from './evaluate.ts';
import type { Evaluation } from './evaluation.ts';
import { evaluationWindow } from './evaluation-window.ts';
import type { FeatureBaseline } from './feature-baseline.ts';
import { forecastArtefactRows } from './forecast-artefact.ts';
import type { EvaluationInput } from './judged.ts';
import { type MarketState, marketState } from './regimes.ts';
import { baselineForecaster, forecastRows } from './row-forecaster.ts';
import { majorityForecasts, persistenceForecasts } from './simple-baselines.ts';
import { fitTrainingBaselines, type TrainingBaselines } from './training-baselines.ts';

export interface ArtefactEvaluationRequest {
  /** The folder of a model artefact. */
  readonly directory: string;
  /** A folder of candle files of 15 minutes that reaches back to where the model was fitted. */
  readonly data: string;
  /** By default those of the model's universe; 50 for a model of any. */
  readonly symbols?: number | readonly SymbolId[];
  readonly references: readonly SymbolId[];
  /** By default what follows the windows that the model was fitted and calibrated on, as far as there are bars. */
  readonly from?: EpochMs | undefined;
  readonly to?: EpochMs | undefined;
  /** Judge rows that the model was fitted on, too; the evaluation is then marked so. */
  readonly inSample?: boolean;
  /** By default the whole catalogue. */
  readonly featureSet?: FeatureSet;
  readonly workers?: number;
  /** How much the baselines are fitted on, and how often days are resampled; by default as for the linear baseline. */
  readonly settings?: Partial<FitSettings>;
  readonly onProgress?: (text: string) => void;
}

export interface ArtefactEvaluation {
  readonly manifest: Manifest;
  readonly symbols: readonly SymbolId[];
  readonly evaluation: Evaluation;
  readonly detail: EvaluationDetail;
}

const SYMBOLS_OF_ANY = 50;
const SEED = 'evaluation';

/**
 * Judges a model artefact on recorded candles, beside baselines that are fitted on its own training window.
 * Equal files and options give equal figures. Memory: the features of the longer of the two stretches, once.
 * @throws ModelRefusedError (MODEL_REFUSED, exit 3) naming what does not match; MinutehandError EVALUATION_WINDOW_INVALID, EVALUATION_IN_SAMPLE,
 * DATASET_TOO_SHORT (exit 2), and as readDatasetFolder
 */
export async function evaluateArtefact(request: ArtefactEvaluationRequest): Promise<ArtefactEvaluation> {
  const { directory, inSample = false, onProgress = () => undefined } = request;
  const manifest = await readManifest(directory);
  const window = evaluationWindow(manifest, { from: request.from, to: request.to, inSample });
  const { hash } = request.featureSet ?? featureSet();
  if (manifest.featureSetHash !== hash) {
    throw new ModelRefusedError(
      directory,
      'featureSetHash',
      `trained on ${manifest.featureSetHash}, served are ${hash}`,
    );
  }
  const { universe, windows } = manifest;
  const symbols = request.symbols ?? (universe === 'any' ? SYMBOLS_OF_ANY : universe.symbols);
  const read = (what: string, from: EpochMs, until: EpochMs | undefined) =>
    readDatasetFolder({
      directory: request.data,
      symbols,
      references: request.references,
      from,
      ...(until === undefined ? {} : { until }),
      ...(request.featureSet === undefined ? {} : { featureSet: request.featureSet }),
      ...(request.workers === undefined ? {} : { workers: request.workers }),
      onProgress: progressOf(what, onProgress),
    });

  const baselines = await read(
    'training window',
    epochMs(windows.train.from),
    epochMs(Math.max(windows.train.to, windows.calibration.to)),
  ).then((dataset) => {
    onProgress('baselines: fitting');
    const linear = manifest.kind !== 'linear-baseline';
    return fitTrainingBaselines(dataset, manifest, {
      linear,
      ...(request.settings ? { settings: request.settings } : {}),
    });
  });

  // A network's first window reaches back before the first row that is judged.
  const lead = (manifest.network?.shape.context ?? 1) - 1;
  const dataset = await read('evaluation window', epochMs(window.from - lead * BAR_MS), window.to);
  const chosen = rowsToJudge(dataset, request.data, firstAtOrAfter(dataset.times, window.from));
  const input = await forecastAll(directory, manifest, dataset, chosen, baselines, onProgress);
  onProgress('figures');
  const resampling = { random: createRandom(SEED), resamples: request.settings?.resamples ?? RESAMPLES };
  return {
    manifest,
    symbols: dataset.symbols,
    evaluation: evaluateForecasts(input, { ...resampling, inSample: window.overlaps.length > 0 }),
    detail: detailForecasts(input, { ...resampling, market: stateOfRows(dataset, chosen) }),
  };
}

/** @throws MinutehandError DATASET_TOO_SHORT */
function rowsToJudge(dataset: Dataset, data: string, firstRow: number): ChosenRows {
  const rows = { firstRow, endRow: dataset.times.length };
  const chosen = chooseRows(dataset, computeTargets(dataset), rows, Number.POSITIVE_INFINITY);
  if (chosen.times.length >= FEWEST_ROWS) return chosen;
  throw new MinutehandError(
    'DATASET_TOO_SHORT',
    `${data} gives ${chosen.times.length} rows to judge, fewer than ${FEWEST_ROWS}; a row needs the 24 hours after it, and half of its features`,
    'Name an earlier --from, a later --to or more symbols.',
    { exitCode: 2 },
  );
}

async function forecastAll(
  directory: string,
  manifest: Manifest,
  dataset: Dataset,
  chosen: ChosenRows,
  { rates, volatilityOnly, linear }: TrainingBaselines,
  onProgress: (text: string) => void,
): Promise<EvaluationInput> {
  const reporting = (what: string) => (done: number, total: number) =>
    onProgress(`forecasts of ${what}: ${done} of ${total} rows`);
  const expected = { featureSetHash: dataset.featureSetHash, universe: dataset.symbols };
  const artefact = await checkArtefact(directory, expected);
  const model = await forecastArtefactRows(artefact, dataset, chosen, reporting('the model'));
  const fitted = (what: string, baseline: FeatureBaseline) =>
    forecastRows(
      baselineForecaster(baseline, manifest.scaler, dataset),
      dataset,
      chosen,
      reporting(`the ${what} baseline`),
    );
  return {
    rows: { ...chosen, symbols: dataset.symbols },
    model,
    baselines: {
      majority: majorityForecasts(rates, chosen.times.length),
      persistence: persistenceForecasts(rates, dataset, chosen),
      ...(volatilityOnly ? { volatilityOnly: await fitted('volatility-only', volatilityOnly) } : {}),
      ...(linear ? { linear: await fitted('linear', linear) } : {}),
    },
  };
}

/** The market's state at each row. */
function stateOfRows(dataset: Dataset, { times }: ChosenRows): MarketState {
  const state = marketState(dataset);
  const at = (values: Float64Array) => times.map((time) => at64(values, timeRow(dataset.times, time)));
  return { volatility: at(state.volatility), dayReturn: at(state.dayReturn) };
}

const progressOf =
  (what: string, onProgress: (text: string) => void): NonNullable<DatasetFolderRequest['onProgress']> =>
  ({ stage, done, total }) =>
    onProgress(stage === 'bars' ? `${what}: reading bars` : `${what}: features ${done} of ${total}`);
