import { createRandom, MinutehandError, type SymbolId } from '../core/index.ts';
import { fitScaler, isModelInput, LEAST_KNOWN_SHARE } from '../features/index.ts';
import { writeArtefact } from './artefact.ts';
import { modelCard } from './card.ts';
import { BAR_MS, checkDataset, type Dataset, hashDataset } from './dataset.ts';
import { type DesignMatrix, gatherRows, scaleRows, thinRows } from './design-matrix.ts';
import { evaluateForecasts } from './evaluation/evaluate.ts';
import { fitFeatureBaseline, forecastMatrix } from './evaluation/feature-baseline.ts';
import { baseRates, majorityForecasts, persistenceForecasts } from './evaluation/simple-baselines.ts';
import { volatilityColumns } from './evaluation/volatility-columns.ts';
import { DEFAULT_FIT_SETTINGS, FEWEST_ROWS, type FitSettings } from './fit-settings.ts';
import { fitLinearBaseline } from './linear-baseline.ts';
import { calibrateLinearModel } from './linear-calibration.ts';
import { linearModelGraph, linearPart } from './linear-model.ts';
import {
  canonicalJson,
  hashUniverse,
  MANIFEST_VERSION,
  type Manifest,
  type MarketLabel,
  modelIdOf,
  sha256,
} from './manifest.ts';
import { applyLinks, OUTPUT_GROUPS, rankingHeads } from './raw-outputs.ts';
import { splitTimeBlocks, type TimeWindow } from './splits.ts';
import { computeTargets, RANK_BARS } from './targets.ts';

export type FitStage = 'targets' | 'rows' | 'fit' | 'calibration' | 'evaluation' | 'artefact';

export interface FitBaselineOptions {
  readonly dataset: Dataset;
  /** The artefact's own folder is made in this one. */
  readonly outputDirectory: string;
  /** Seeds the bootstrap of the intervals; the fit itself draws nothing. */
  readonly seed: string | number;
  readonly market: MarketLabel;
  /** `any` where no feature depends on which symbols there are; otherwise the dataset's symbols are the definition. */
  readonly universe?: 'any';
  readonly codeVersion: string;
  /** What made it, for the card. */
  readonly command?: string;
  readonly settings?: Partial<FitSettings>;
  /** The windows by times, instead of by the settings' shares. */
  readonly windows?: Readonly<Record<'train' | 'calibration' | 'test', { readonly from: number; readonly to: number }>>;
  readonly onProgress?: (progress: { readonly stage: FitStage; readonly step: number; readonly steps: number }) => void;
}

export interface FittedBaseline {
  readonly modelId: string;
  readonly directory: string;
  readonly metrics: Manifest['metrics'];
  readonly manifest: Manifest;
}

const STAGES: readonly FitStage[] = ['targets', 'rows', 'fit', 'calibration', 'evaluation', 'artefact'];

/**
 * Fits, calibrates and judges the linear baseline, and writes its artefact. Equal options give equal bytes; nothing is touched but the
 * output folder. The three windows follow each other in time: scaler and weights come from the first, calibration and the reference
 * of confidence from the second, the published figures from the third.
 * @throws MinutehandError DATASET_INVALID, DATASET_TOO_SHORT when a window would be empty or nearly so, or DATASET_WITHOUT_INPUTS when no
 * feature is known in 80 % of the training rows.
 */
export async function fitBaseline(options: FitBaselineOptions): Promise<FittedBaseline> {
  const { dataset } = options;
  const settings: FitSettings = { ...DEFAULT_FIT_SETTINGS, ...options.settings };
  const report = (stage: FitStage) =>
    options.onProgress?.({ stage, step: STAGES.indexOf(stage) + 1, steps: STAGES.length });

  report('targets');
  checkDataset(dataset);
  const targets = computeTargets(dataset);
  const horizonMs = RANK_BARS * BAR_MS;
  const embargoMs = settings.embargoBars * BAR_MS;
  const given = options.windows;
  const windows = splitTimeBlocks(dataset.times, {
    windows: given
      ? (['train', 'calibration', 'test'] as const).map((name) => ({ name, ...given[name] }))
      : [
          { name: 'train', share: settings.trainShare },
          { name: 'calibration', share: settings.calibrationShare },
          { name: 'test', share: 1 - settings.trainShare - settings.calibrationShare },
        ],
    horizonMs,
    embargoMs,
  });

  report('rows');
  const gather = (index: number, maxRows: number) => gatherWindow(dataset, targets, windows, index, maxRows);
  const train = gather(0, settings.maxTrainingRows);
  const calibration = gather(1, settings.maxEvaluationRows);
  const test = gather(2, settings.maxEvaluationRows);
  const scaler = fitScaler([thinRows(train.matrix, settings.maxScalerRows).features], {
    kind: 'robust',
    featureSetHash: dataset.featureSetHash,
    width: dataset.width,
  });
  if (!dataset.featureNames.some((_, column) => isModelInput(scaler, column))) {
    throw new MinutehandError(
      'DATASET_WITHOUT_INPUTS',
      `no feature is known in ${LEAST_KNOWN_SHARE * 100} % of the training rows`,
      'Back-fill more history before the training window (minutehand data backfill), or repair its gaps (minutehand data repair).',
    );
  }
  for (const { matrix } of [train, calibration, test]) scaleRows(matrix, scaler);

  report('fit');
  const fitOptions = { horizonMs, embargoMs, maxLogisticRows: settings.maxLogisticRows };
  const fit = fitLinearBaseline(train.matrix, fitOptions);

  report('calibration');
  const calibrated = calibrateLinearModel(fit.model, calibration.matrix, fit.winsorisedReturns);

  report('evaluation');
  const rates = baseRates(dataset, train.matrix);
  const volatility = volatilityColumns(dataset.featureNames);
  const metrics = evaluateForecasts(
    {
      rows: { ...test.matrix, symbols: dataset.symbols },
      model: {
        values: applyLinks(linearPart(calibrated.model, test.matrix.features)),
        raw: rankingHeads(linearPart(fit.model, test.matrix.features)),
      },
      baselines: {
        majority: majorityForecasts(rates, test.matrix.rows),
        persistence: persistenceForecasts(rates, dataset, test.matrix),
        ...(volatility.length === 0
          ? {}
          : {
              volatilityOnly: forecastMatrix(
                fitFeatureBaseline(train.matrix, calibration.matrix, volatility, fitOptions),
                test.matrix,
              ),
            }),
      },
    },
    { random: createRandom(`${options.seed}/evaluation`), resamples: settings.resamples },
  );

  report('artefact');
  const universe = options.universe ?? definitionOf(dataset.symbols);
  const onnx = linearModelGraph(calibrated.model, {
    kind: 'linear-baseline',
    feature_set_hash: dataset.featureSetHash,
    scaler_hash: scaler.hash,
    universe_hash: universe === 'any' ? 'any' : universe.hash,
  });
  const body: Omit<Manifest, 'modelId'> = {
    formatVersion: MANIFEST_VERSION,
    kind: 'linear-baseline',
    featureSetHash: dataset.featureSetHash,
    featureNames: dataset.featureNames,
    scaler,
    universe,
    weightsSha256: sha256(onnx),
    outputs: OUTPUT_GROUPS,
    windows: { train: train.summary, calibration: calibration.summary, test: test.summary },
    penalties: fit.penalties,
    calibration: calibrated.calibration,
    metrics,
    edgeReference: calibrated.edgeReference,
    market: options.market,
    provenance: {
      datasetHash: hashDataset(dataset),
      codeVersion: options.codeVersion,
      configHash: sha256(canonicalJson({ settings, windows: given, universe: options.universe ?? 'symbols' })),
      seed: options.seed,
      ...(options.command === undefined ? {} : { command: options.command }),
    },
  };
  const manifest: Manifest = { ...body, modelId: modelIdOf(body) };
  const directory = await writeArtefact(options.outputDirectory, { manifest, onnx, card: modelCard(manifest) });
  return { modelId: manifest.modelId, directory, metrics: manifest.metrics, manifest };
}

function gatherWindow(
  dataset: Dataset,
  targets: ReadonlyMap<SymbolId, Float32Array>,
  windows: readonly TimeWindow[],
  index: number,
  maxRows: number,
): { matrix: DesignMatrix; summary: { from: number; to: number; rows: number } } {
  const window = windows[index];
  const matrix = gatherRows(dataset, targets, window ?? { firstRow: 0, endRow: 0 }, maxRows);
  if (!window || matrix.rows < FEWEST_ROWS) {
    throw new MinutehandError(
      'DATASET_TOO_SHORT',
      `the ${window?.name} window has ${matrix.rows} usable rows, fewer than ${FEWEST_ROWS}`,
      'Back-fill more history (minutehand data backfill) or more symbols; rows without a full future or with half of their features masked do not count.',
    );
  }
  return { matrix, summary: { from: window.from, to: window.to, rows: matrix.rows } };
}

const definitionOf = (symbols: readonly SymbolId[]) => ({ symbols: [...symbols], hash: hashUniverse(symbols) });
