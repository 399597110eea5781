import { statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { parse } from 'yaml';
import { type EpochMs, MinutehandError, messageOf, type SymbolId } from '../../core/index.ts';
import type { FeatureSet } from '../../features/index.ts';
import { openTraining, type SessionOptions } from '../../tensor/index.ts';
import { BAR_MS, type Dataset } from '../dataset.ts';
import { readDatasetFolder } from '../dataset-folder.ts';
import { type FitStage, fitBaseline } from '../fit-baseline.ts';
import { DEFAULT_FIT_SETTINGS } from '../fit-settings.ts';
import type { Manifest, MarketLabel } from '../manifest.ts';
import type { SplitMargins } from '../splits.ts';
import { RANK_BARS } from '../targets.ts';
import type { FitWindowRequests } from '../walk-forward-folds.ts';
import { createBuffers } from './batches.ts';
import { type FitNetworkOptions, fitNetwork, type NetworkFitStage, networkMargins } from './fit-network.ts';
import { type TrainingSettings, trainingSettingsSchema } from './settings.ts';
import { feedsOf, networkShapeOf, type TrainingProgress, trainingProgram } from './train-network.ts';

/** Where each window begins, and where the last ends. */
export interface WindowBounds {
  readonly train: EpochMs;
  readonly earlyStopping: EpochMs;
  readonly calibration: EpochMs;
  readonly test: EpochMs;
  readonly end: EpochMs;
}

export interface TrainModelRequest extends SessionOptions {
  readonly kind: Manifest['kind'];
  /** A folder of candle files of 15 minutes. */
  readonly data: string;
  readonly symbols: number | readonly SymbolId[];
  readonly references: readonly SymbolId[];
  /** By default 55, 10, 15 and 20 % of the time that the folder holds. */
  readonly windows?: WindowBounds;
  readonly settings: TrainingSettings;
  readonly seed: number;
  readonly market: MarketLabel;
  readonly codeVersion: string;
  readonly outputDirectory: string;
  readonly workDirectory: FitNetworkOptions['workDirectory'];
  readonly command?: string;
  readonly featureSet?: FeatureSet;
  readonly signal?: AbortSignal;
  readonly onStage?: (stage: 'dataset' | NetworkFitStage | FitStage) => void;
  readonly onProgress?: (progress: TrainingProgress) => void;
}

const DEFAULT_SHARES = {
  train: { share: 0.55 },
  earlyStopping: { share: 0.1 },
  calibration: { share: 0.15 },
  test: { share: 0.2 },
} as const;

/**
 * Trains a model on a folder of candles and writes its artefact.
 * @throws MinutehandError as readDatasetFolder, fitBaseline and fitNetwork
 */
export async function trainModel(
  request: TrainModelRequest,
): Promise<{ modelId: string; directory: string; manifest: Manifest }> {
  const { kind, windows, seed, market, codeVersion, outputDirectory } = request;
  request.onStage?.('dataset');
  const dataset = await readTrainingDataset(request);
  if (kind === 'unified-patchtst') {
    return fitNetwork({ ...request, dataset, windows: windows ? requestsOf(windows) : DEFAULT_SHARES });
  }
  return fitBaseline({
    dataset,
    outputDirectory,
    seed,
    market,
    codeVersion,
    ...(request.command === undefined ? {} : { command: request.command }),
    ...(windows
      ? {
          windows: {
            // A linear model stops by itself: the early-stopping window belongs to its training.
            train: { from: windows.train, to: windows.calibration },
            calibration: { from: windows.calibration, to: windows.test },
            test: { from: windows.test, to: windows.end },
          },
        }
      : {}),
    onProgress: ({ stage }) => request.onStage?.(stage),
  });
}

function readTrainingDataset(
  request: Pick<TrainModelRequest, 'data' | 'symbols' | 'references' | 'windows' | 'featureSet'>,
): Promise<Dataset> {
  const { data, symbols, references, windows, featureSet } = request;
  return readDatasetFolder({
    directory: data,
    symbols,
    references,
    ...(windows ? { from: windows.train, until: windows.end } : {}),
    ...(featureSet ? { featureSet } : {}),
  });
}

const requestsOf = ({ train, earlyStopping, calibration, test, end }: WindowBounds): FitWindowRequests => ({
  train: { from: train, to: earlyStopping },
  earlyStopping: { from: earlyStopping, to: calibration },
  calibration: { from: calibration, to: test },
  test: { from: test, to: end },
});

/** What a training will take. */
export interface TrainingPlan {
  readonly parameters: number;
  readonly batch: number;
  /** Measured, of a few steps on noise. */
  readonly secondsPerStep: number;
  readonly samplesPerSecond: number;
  readonly stepsPerEpoch: number;
  readonly epochs: number;
  /** All epochs, without the time that reading and judging take. */
  readonly hours: number;
  /** Panel on disk, MiB. */
  readonly panelMb: number;
  /** Features, step and optimiser in memory, MiB. */
  readonly memoryMb: number;
}

const MEBIBYTE = 2 ** 20;
const BARS_A_DAY = 96;
const MEASURED_STEPS = 3;

/** Estimates size, memory and time without reading candles: a few steps are run on noise. */
export async function planTraining(
  settings: TrainingSettings,
  market: { readonly features: number; readonly symbols: number; readonly days: number; readonly trainShare: number },
  session: SessionOptions,
): Promise<TrainingPlan> {
  const { features, symbols, days, trainShare } = market;
  const program = trainingProgram(settings, features, 0);
  const batch = settings.timesPerStep * settings.symbolsPerTime;
  const shape = networkShapeOf(settings, features);
  const buffers = createBuffers(batch, shape.context, features);
  const training = await openTraining(program, { ...session, seed: 0 });
  let secondsPerStep = Number.POSITIVE_INFINITY;
  try {
    for (let step = 0; step < MEASURED_STEPS; step++) {
      const started = performance.now();
      await training.train(feedsOf(buffers, batch, shape), 1e-6);
      secondsPerStep = Math.min(secondsPerStep, (performance.now() - started) / 1_000);
    }
  } finally {
    await training.close();
  }
  const steps = Math.floor((days * BARS_A_DAY * trainShare) / settings.sampleEvery / settings.timesPerStep);
  const stateFloats = program.state.reduce((total, { initial }) => total + initial.length, 0);
  const parameters = program.places.reduce((total, { size }) => total + size, 0);
  const panelFloats = symbols * days * BARS_A_DAY * features;
  // Activations: about forty numbers of the width per token and layer are alive at once.
  const activations = batch * 12 * shape.layers * shape.width * 40;
  return {
    parameters,
    batch,
    secondsPerStep,
    samplesPerSecond: batch / secondsPerStep,
    stepsPerEpoch: steps,
    epochs: settings.epochs,
    hours: (steps * settings.epochs * secondsPerStep) / 3_600,
    panelMb: Math.round((4 * panelFloats) / MEBIBYTE),
    memoryMb: Math.round((4 * (panelFloats + 2 * stateFloats + buffers.windows.length + activations)) / MEBIBYTE),
  };
}

/**
 * Settings of a YAML or JSON file over the defaults.
 * @throws MinutehandError TRAINING_SETTINGS (exit 2) naming the key
 */
export async function readTrainingSettings(
  file: string | undefined,
  overrides: Readonly<Record<string, unknown>> = {},
): Promise<TrainingSettings> {
  const refuse = (what: string) =>
    new MinutehandError('TRAINING_SETTINGS', what, 'See docs/model.md for the keys and their ranges.', { exitCode: 2 });
  let given: unknown = {};
  if (file !== undefined) {
    try {
      if (statSync(file).size > MEBIBYTE) throw new Error('larger than 1 MiB');
      given = parse(await readFile(file, 'utf8')) ?? {};
    } catch (error) {
      throw refuse(`the training settings ${file} cannot be read: ${messageOf(error)}`);
    }
  }
  if (typeof given !== 'object' || given === null) throw refuse(`the training settings ${file} are no keys and values`);
  const parsed = trainingSettingsSchema.safeParse({ ...given, ...overrides });
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw refuse(`training settings: ${issue?.path.join('.') || 'the whole'}: ${issue?.message}`);
}

/** What keeps the windows of a training apart. */
export const trainingMargins = (kind: Manifest['kind'], settings: TrainingSettings): SplitMargins =>
  kind === 'unified-patchtst'
    ? networkMargins(settings)
    : { horizonMs: RANK_BARS * BAR_MS, embargoMs: DEFAULT_FIT_SETTINGS.embargoBars * BAR_MS };

/** Threads that training takes by default: every core. */
export const trainingThreads = (): number => Math.max(1, cpus().length);
