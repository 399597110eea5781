import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { at32, at64, atInt32, createRandom, MinutehandError, type SymbolId } from '../../core/index.ts';
import { fitScaler, isModelInput, type Scaler } from '../../features/index.ts';
import type { SessionOptions } from '../../tensor/index.ts';
import { writeArtefact } from '../artefact.ts';
import { modelCard } from '../card.ts';
import { BAR_MS, checkDataset, type Dataset, hashDataset } from '../dataset.ts';
import { type ChosenRows, type DesignMatrix, gatherRows, timeRow } from '../design-matrix.ts';
import { evaluateForecasts } from '../evaluation/evaluate.ts';
import { fitFeatureBaseline, forecastMatrix } from '../evaluation/feature-baseline.ts';
import { baseRates, majorityForecasts, persistenceForecasts } from '../evaluation/simple-baselines.ts';
import { volatilityColumns } from '../evaluation/volatility-columns.ts';

import {
  canonicalJson,
  hashUniverse,
  MANIFEST_VERSION,
  type Manifest,
  type MarketLabel,
  modelIdOf,
  sha256,
} from '../manifest.ts';
import { windowGraph, withAdjustment } from '../network/serving-graph.ts';
import { calibrateOutputs, type OutputAdjustment } from '../output-calibration.ts';
import { openPanel, type PanelExpectation, type TrainingPanel, writePanel } from '../panel.ts';
import { applyLinks, OUTPUT_GROUPS, RAW_COLUMNS, rankingHeads } from '../raw-outputs.ts';
import type { SplitMargins } from '../splits.ts';
import { computeTargets, RANK_BARS, TARGET_WIDTH } from '../targets.ts';
import { computeScaledTargets, SCALED_TARGET_WIDTH } from '../targets-scaled.ts';
import { type FitWindowName, type FitWindowRequests, splitFitWindows } from '../walk-forward-folds.ts';
import { type Sample, type Section, sectionsOf, timesOf } from './batches.ts';
import { HEAD_WIDTH, headOutputs } from './bulk-forecast.ts';
import { hashRun } from './checkpoint.ts';
import { decoding, encodeTargets, fitEncoding } from './encoded-targets.ts';
import type { TrainingSettings } from './settings.ts';
import { type TrainingProgress, trainNetwork } from './train-network.ts';

export type NetworkFitStage =
  | 'targets'
  | 'scaler'
  | 'panel'
  | 'baselines'
  | 'training'
  | 'calibration'
  | 'evaluation'
  | 'artefact';

export interface FitNetworkOptions extends SessionOptions {
  readonly dataset: Dataset;
  readonly windows: FitWindowRequests;
  readonly settings: TrainingSettings;
  readonly seed: string | number;
  readonly market: MarketLabel;
  readonly codeVersion: string;
  /** The artefact's own folder is made in this one. */
  readonly outputDirectory: string;
  /**
   * Holds the panel, checkpoint and history of this training; an interrupted one goes on from there. A function gets the hash of everything
   * that the result depends on, so that each training may have its own.
   */
  readonly workDirectory: string | ((runHash: string) => string);
  /** What made it, for the card. */
  readonly command?: string;
  readonly signal?: AbortSignal;
  readonly onStage?: (stage: NetworkFitStage) => void;
  readonly onProgress?: (progress: TrainingProgress) => void;
}

/** What keeps the windows of a network's training apart: the longest label, and the context it looks back on. */
export const networkMargins = ({ network }: TrainingSettings): SplitMargins => ({
  horizonMs: RANK_BARS * BAR_MS,
  embargoMs: network.context * BAR_MS,
});

export interface FittedNetwork {
  readonly modelId: string;
  readonly directory: string;
  readonly manifest: Manifest;
}

/** Of a training's folder. */
export const PANEL_FOLDER = 'panel';

/** Rows that baselines are fitted on and figures come from; whole times are left out evenly beyond that. */
const MAX_BASELINE_ROWS = 150_000;
const MAX_LOGISTIC_ROWS = 30_000;

/**
 * Trains, calibrates and judges a UnifiedPatchTST, and writes its artefact. Four windows follow each other in time: scaler and weights come
 * from the first, when to stop from the second, calibration and the reference of confidence from the third, the published figures from
 * the fourth. Equal options on equal threads give equal bytes, interrupted or not.
 * @throws MinutehandError DATASET_INVALID, DATASET_TOO_SHORT, DATASET_WITHOUT_INPUTS, WINDOWS_INVALID, PANEL_*, CHECKPOINT_*, TENSOR_DEVICE; the signal's reason
 */
export async function fitNetwork(options: FitNetworkOptions): Promise<FittedNetwork> {
  const { dataset, settings, seed, signal } = options;
  const onStage = (stage: NetworkFitStage) => {
    signal?.throwIfAborted();
    options.onStage?.(stage);
  };
  onStage('targets');
  checkDataset(dataset);
  const margins = networkMargins(settings);
  const windows = splitFitWindows(dataset.times, options.windows, margins);
  const targets = computeTargets(dataset);
  const scaled = computeScaledTargets(dataset);

  onStage('scaler');
  const { width, featureSetHash } = dataset;
  const trainRows = gatherRows(dataset, targets, windows.train, settings.maxScalerRows);
  const scaler = fitScaler([trainRows.features], { kind: 'robust', featureSetHash, width });

  onStage('panel');
  const expected = { featureSetHash, scalerHash: scaler.hash, datasetHash: hashDataset(dataset) };
  const run = {
    dataset: expected.datasetHash,
    scaler: expected.scalerHash,
    settings,
    windows: options.windows,
    seed,
    threads: options.threads ?? 1,
    device: options.device ?? 'cpu',
  };
  const workDirectory =
    typeof options.workDirectory === 'string' ? options.workDirectory : options.workDirectory(hashRun(run));
  await mkdir(workDirectory, { recursive: true });
  const panel = await panelOf(join(workDirectory, PANEL_FOLDER), dataset, scaler, expected);
  try {
    const { context } = settings.network;
    const encoding = fitEncoding({ ...trainRows, scaled: scaledOf(dataset, scaled, trainRows) });
    const encoded = encodeTargets(dataset.symbols, panel.rows, targets, scaled, encoding);
    const sections = (name: FitWindowName): Section[] => sectionsOf(panel, encoded, windows[name], context);
    const thinned = (name: FitWindowName) => thinSections(sections(name), settings.maxEvaluationRows);
    const rowsOf = (samples: readonly Sample[]) => matrixOf(dataset, panel, scaler, targets, samples);
    const train = sections('train');
    const earlyStopping = thinned('earlyStopping');

    onStage('training');
    const configHash = sha256(canonicalJson({ settings, windows: options.windows }));
    const trained = await trainNetwork(
      { panel, encoded, train, earlyStopping },
      { ...options, directory: workDirectory, run },
    );

    onStage('calibration');
    const decoded = async (samples: readonly Sample[]) =>
      adjust(
        await headOutputs(trained.shape, trained.weights, panel, samples, options),
        HEAD_WIDTH,
        decoding(encoding),
      );
    const calibrationSamples = thinned('calibration').flat();
    const calibrationRows = rowsOf(calibrationSamples);
    const { adjustment, calibration, edgeReference } = calibrateOutputs(
      { ...calibrationRows, raw: await decoded(calibrationSamples) },
      encoding.winsorisedReturns,
    );

    onStage('baselines');
    const fitted = rowsOf(thinSections(train, MAX_BASELINE_ROWS).flat());
    const baselineOf = (columns: readonly number[]) =>
      fitFeatureBaseline(fitted, calibrationRows, columns, { ...margins, maxLogisticRows: MAX_LOGISTIC_ROWS });
    const volatility = volatilityColumns(dataset.featureNames);
    const volatilityOnly = volatility.length > 0 ? baselineOf(volatility) : undefined;
    const linear = baselineOf(dataset.featureNames.map((_, column) => column));
    const rates = baseRates(dataset, fitted);

    onStage('evaluation');
    const testSamples = thinned('test').flat();
    const test = rowsOf(testSamples);
    const raw = await decoded(testSamples);
    const values = applyLinks(adjust(raw, RAW_COLUMNS.count, adjustment));
    const metrics = evaluateForecasts(
      {
        rows: { ...test, symbols: dataset.symbols },
        model: { values, raw: rankingHeads(raw) },
        baselines: {
          majority: majorityForecasts(rates, test.rows),
          persistence: persistenceForecasts(rates, dataset, test),
          linear: forecastMatrix(linear, test),
          ...(volatilityOnly ? { volatilityOnly: forecastMatrix(volatilityOnly, test) } : {}),
        },
      },
      { random: createRandom(`${seed}/evaluation`) },
    );

    onStage('artefact');
    const universe = { symbols: [...dataset.symbols], hash: hashUniverse(dataset.symbols) };
    const weights = withAdjustment(trained.weights, combine(decoding(encoding), adjustment));
    const onnx = windowGraph(trained.shape, weights, {
      kind: 'unified-patchtst',
      feature_set_hash: featureSetHash,
      scaler_hash: scaler.hash,
      universe_hash: universe.hash,
    });
    const summary = (name: FitWindowName, rows: number) => ({ from: windows[name].from, to: windows[name].to, rows });
    const body: Omit<Manifest, 'modelId'> = {
      formatVersion: MANIFEST_VERSION,
      kind: 'unified-patchtst',
      featureSetHash,
      featureNames: dataset.featureNames,
      scaler,
      universe,
      weightsSha256: sha256(onnx),
      outputs: OUTPUT_GROUPS,
      windows: {
        train: summary('train', train.flat().length),
        earlyStopping: summary('earlyStopping', earlyStopping.flat().length),
        calibration: summary('calibration', calibrationSamples.length),
        test: summary('test', testSamples.length),
      },
      network: {
        shape: trained.shape,
        weights: [...trained.weights.values()].reduce((total, own) => total + own.length, 0),
        settings,
        epochs: trained.history.length,
        bestEpoch: trained.bestEpoch,
      },
      calibration,
      metrics,
      edgeReference,
      market: options.market,
      provenance: {
        datasetHash: expected.datasetHash,
        codeVersion: options.codeVersion,
        configHash,
        seed,
        ...(options.command === undefined ? {} : { command: options.command }),
      },
    };
    const manifest: Manifest = { ...body, modelId: modelIdOf(body) };
    const directory = await writeArtefact(options.outputDirectory, { manifest, onnx, card: modelCard(manifest) });
    return { modelId: manifest.modelId, directory, manifest };
  } finally {
    panel.close();
  }
}

/** The panel of an earlier run of the same training, or a new one. */
async function panelOf(
  directory: string,
  dataset: Dataset,
  scaler: Scaler,
  expected: PanelExpectation,
): Promise<TrainingPanel> {
  try {
    return await openPanel(directory, { expected });
  } catch (error) {
    if (!(error instanceof MinutehandError && error.code.startsWith('PANEL_'))) throw error;
    await writePanel(directory, dataset, scaler);
    return openPanel(directory, { expected, verify: false });
  }
}

/** Whole times left out evenly until about `most` samples stay. */
function thinSections(sections: readonly Section[], most: number): Section[] {
  const total = sections.reduce((sum, { length }) => sum + length, 0);
  const every = Math.max(1, Math.ceil(total / most));
  return sections.filter((_, index) => index % every === 0);
}

/** Scaled targets of chosen rows, [rows, SCALED_TARGET_WIDTH]. */
function scaledOf(dataset: Dataset, scaled: ReadonlyMap<SymbolId, Float32Array>, rows: ChosenRows): Float32Array {
  const count = rows.times.length;
  const result = new Float32Array(count * SCALED_TARGET_WIDTH);
  for (let row = 0; row < count; row++) {
    const own = scaled.get(dataset.symbols[atInt32(rows.symbolIndex, row)] ?? '');
    const at = timeRow(dataset.times, at64(rows.times, row)) * SCALED_TARGET_WIDTH;
    if (own) result.set(own.subarray(at, at + SCALED_TARGET_WIDTH), row * SCALED_TARGET_WIDTH);
  }
  return result;
}

/** Samples as rows that baselines are fitted on and figures computed from: their newest bar's scaled inputs, in the place of each feature. */
function matrixOf(
  dataset: Dataset,
  panel: TrainingPanel,
  scaler: Scaler,
  targets: ReadonlyMap<SymbolId, Float32Array>,
  samples: readonly Sample[],
): DesignMatrix {
  const rows = samples.length;
  const { width } = dataset;
  const kept = dataset.featureNames.flatMap((_, column) => (isModelInput(scaler, column) ? [column] : []));
  const inputs = new Float32Array(panel.width);
  const matrix = {
    rows,
    width,
    features: new Float32Array(rows * width),
    targets: new Float32Array(rows * TARGET_WIDTH),
    times: timesOf(panel, samples),
    symbolIndex: Int32Array.from(samples, ({ symbol }) => symbol),
  };
  samples.forEach(({ symbol, row }, index) => {
    panel.readWindow(symbol, row, 1, inputs, 0);
    kept.forEach((column, k) => {
      matrix.features[index * width + column] = at32(inputs, k);
    });
    const own = targets.get(dataset.symbols[symbol] ?? '');
    if (own) matrix.targets.set(own.subarray(row * TARGET_WIDTH, (row + 1) * TARGET_WIDTH), index * TARGET_WIDTH);
  });
  return matrix;
}

/** slope x head + intercept of the columns that are forecasts: [rows, HEAD_WIDTH] -> [rows, RAW_COLUMNS.count]. */
function adjust(outputs: Float32Array, width: number, { slope, intercept }: OutputAdjustment): Float32Array {
  const rows = outputs.length / width;
  const raw = new Float32Array(rows * RAW_COLUMNS.count);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < RAW_COLUMNS.count; column++) {
      raw[row * RAW_COLUMNS.count + column] =
        at32(outputs, row * width + column) * at64(slope, column) + at64(intercept, column);
    }
  }
  return raw;
}

/** First one adjustment, then the other. */
const combine = (first: OutputAdjustment, second: OutputAdjustment): OutputAdjustment => ({
  slope: first.slope.map((value, k) => value * at64(second.slope, k)),
  intercept: first.intercept.map((value, k) => value * at64(second.slope, k) + at64(second.intercept, k)),
});
