import { existsSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { HORIZON_NAMES, MinutehandError, systemClock, waitReal } from '../../core/index.ts';
import { featureSet } from '../../features/index.ts';
import {
  CHECKPOINT_FILE,
  type Manifest,
  MODEL_KINDS,
  PANEL_FOLDER,
  planTraining,
  readTrainingHistory,
  readTrainingSettings,
  trainingCurves,
  trainingThreads,
  trainModel,
  type WindowBounds,
} from '../../model/index.ts';
import { DEVICES, type Device } from '../../tensor/index.ts';
import { type CliContext, perform, readConfig, VERSION, withCommonOptions } from '../context.ts';
import { usageError } from '../output.ts';
import { createProgress } from '../terminal.ts';
import { symbolsOf } from './features.ts';
import { modelsFolder } from './model-registry.ts';
import { refuseJobOptions, trainFolds } from './model-train-folds.ts';
import { boundsOf, DEFAULT_SEED, resumeCommand, type TrainOptions, trainingCommand } from './training-options.ts';
import { progressText } from './training-progress.ts';
import { wholeNumber } from './up.ts';

/** `model train`. */
export function addModelTrain(model: Command, context: CliContext): void {
  withCommonOptions(model.command('train'))
    .description(
      'Train a model on recorded candles: windows for training, early stopping, calibration and test follow each other.',
    )
    .requiredOption('--data <DIR>', 'a folder of candle files of 15m')
    .option('--kind <KIND>', MODEL_KINDS.join(' or '), 'unified-patchtst')
    .option(
      '--symbols <N|LIST>',
      "the N largest by dollar volume of the folder's first 30 days, or BTCUSDT,ETHUSDT,…",
      '50',
    )
    .option(
      '--from <TIME>',
      'where training begins; with it the four times below; by default 55, 10, 15, 20 % of the time',
    )
    .option('--early-stopping <TIME>', 'where the early-stopping window begins')
    .option('--calibration <TIME>', 'where the calibration window begins')
    .option('--test <TIME>', 'where the test window begins')
    .option('--until <TIME>', 'where the test window ends')
    .option('--settings <FILE>', 'training settings, YAML or JSON')
    .option('--epochs <N>', 'most epochs')
    .option('--seed <N>', 'of weights, order and dropout; by default 1')
    .option('--seeds <LIST>', 'a model for each of several seeds, such as 1,2,3, as jobs')
    .option(
      '--folds <N>',
      'as many walk-forward folds, as jobs; they end with the data, or with --until, and begin with --from',
    )
    .option('--train-days <N>', 'length of the training window of each fold, or expanding; by default expanding')
    .option('--early-stopping-days <N>', 'by default 20')
    .option('--calibration-days <N>', 'by default 30')
    .option('--test-days <N>', 'by default 30')
    .option('--workers <N>', 'jobs at a time on this machine; 0 leaves them to "minutehand worker"; by default 1')
    .option('--device <DEVICE>', DEVICES.join(', '), 'cpu')
    .option('--threads <N>', 'by default one per core')
    .option('--output <DIR>', "where the artefact's folder is made; by default among the data directory's models")
    .option(
      '--work <DIR>',
      'panel, checkpoint, history and curves; a training that was interrupted goes on from there; by default a folder for each training',
    )
    .option('--description <TEXT>', 'of the market, for the card')
    .option('--dry-run', 'say how large it is, what memory and how long it takes, and train nothing')
    .addHelpText(
      'after',
      '\nExample: minutehand model train --data DIR --symbols 50 --epochs 6 --dry-run\nExample: minutehand model train --data DIR --folds 4 --seeds 1,2,3',
    )
    .action((options: TrainOptions) => perform(context, options, () => train(context, options)));
}

async function train(context: CliContext, options: TrainOptions) {
  const config = readConfig(context, options).values;
  const pathOf = (path: string) => resolve(context.invokedFrom, path);
  const kind = oneOf('--kind', options.kind, MODEL_KINDS);
  const device = oneOf('--device', options.device, DEVICES);
  const threads = options.threads === undefined ? trainingThreads() : wholeNumber('--threads', options.threads, 1);
  const settings = await readTrainingSettings(
    options.settings === undefined ? undefined : pathOf(options.settings),
    options.epochs === undefined ? {} : { epochs: wholeNumber('--epochs', options.epochs, 1) },
  );
  const symbols = symbolsOf(options.symbols);
  const outputDirectory = options.output === undefined ? modelsFolder(config) : pathOf(options.output);
  const folders = options.work === undefined ? join(modelsFolder(config), '.training') : pathOf(options.work);
  if (options.folds !== undefined || options.seeds !== undefined) {
    const data = pathOf(options.data);
    const shared = { kind, device, threads, settings, symbols, data, outputDirectory, workDirectory: folders };
    return trainFolds(context, options, config, shared);
  }
  refuseJobOptions(options);
  const windows = boundsOf(options);
  if (options.dryRun) return dryRun({ settings, symbols, windows, device, threads });

  const progress = createProgress(context.terminal.stderr, systemClock);
  let work: string | undefined;
  const describe = progressText();
  const training = trainModel({
    kind,
    data: pathOf(options.data),
    symbols,
    references: config.universe.references,
    ...(windows ? { windows } : {}),
    settings,
    seed: wholeNumber('--seed', options.seed ?? DEFAULT_SEED, 0),
    market: {
      source: 'real',
      plantedEdge: false,
      ...(options.description === undefined ? {} : { description: options.description }),
    },
    codeVersion: VERSION,
    outputDirectory,
    workDirectory: (runHash) => {
      work = options.work === undefined ? join(folders, runHash.slice(0, 12)) : folders;
      return work;
    },
    command: trainingCommand(options),
    device,
    threads,
    spin: true,
    signal: context.signal,
    onStage: (stage) => progress.update(stage),
    onProgress: (now) => (now.finished ? progress.finish(describe(now)) : progress.update(describe(now))),
  });
  const trained = await Promise.race([training, interruption(context.signal)])
    .catch((error: unknown) => {
      throw context.signal.aborted ? interrupted(work, resumeCommand(options)) : error;
    })
    .finally(() => progress.finish());
  const { manifest, modelId, directory } = trained;
  if (work !== undefined) {
    await writeFile(join(work, 'curves.html'), trainingCurves(modelId, await readTrainingHistory(work)));
    // It is as large as the data, and made again in seconds; with --work it stays for the next training on them.
    if (options.work === undefined) await rm(join(work, PANEL_FOLDER), { recursive: true, force: true });
  }
  return {
    result: { modelId, kind, directory, workDirectory: work ?? null, ...figuresOf(manifest) },
    lines: () => linesOf(modelId, directory, manifest),
  };
}

/** A step, and writing a checkpoint, take seconds; what takes longer than this, such as reading candles, is left where it is. */
const INTERRUPTION_GRACE_MS = 10_000;

/** Rejects some time after the signal: a training ends by itself before that, where it can. */
async function interruption(signal: AbortSignal): Promise<never> {
  if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
  await waitReal(INTERRUPTION_GRACE_MS);
  throw signal.reason;
}

function interrupted(work: string | undefined, command: string): MinutehandError {
  const isBegun = work !== undefined && existsSync(join(work, CHECKPOINT_FILE));
  return new MinutehandError(
    'TRAINING_INTERRUPTED',
    isBegun
      ? `the training was stopped; its checkpoint is kept in ${work}`
      : 'the training was stopped before its first step',
    `${isBegun ? 'Go on from there' : 'Begin again'}: ${command}`,
  );
}

async function dryRun(asked: {
  readonly settings: Awaited<ReturnType<typeof readTrainingSettings>>;
  readonly symbols: number | readonly string[];
  readonly windows: WindowBounds | undefined;
  readonly device: Device;
  readonly threads: number;
}) {
  const { settings, windows, device, threads } = asked;
  const symbols = typeof asked.symbols === 'number' ? asked.symbols : asked.symbols.length;
  const dayMs = 86_400_000;
  const days = windows ? (windows.end - windows.train) / dayMs : ASSUMED_DAYS;
  const trainShare = windows ? (windows.earlyStopping - windows.train) / (windows.end - windows.train) : 0.55;
  const plan = await planTraining(
    settings,
    { features: featureSet().features.length, symbols, days, trainShare },
    { device, threads, spin: true },
  );
  return {
    result: { dryRun: true, ...plan },
    lines: () => [
      `${plan.parameters} parameters, ${plan.batch} samples a step, ${plan.secondsPerStep.toFixed(2)} s a step (${plan.samplesPerSecond.toFixed(0)} samples/s)`,
      `${plan.stepsPerEpoch} steps an epoch, ${plan.epochs} epochs: ${plan.hours.toFixed(1)} h, for ${days.toFixed(0)} days of ${symbols} symbols${windows ? '' : ' (assumed; give --from to --until)'}`,
      `panel ${plan.panelMb} MiB on disk, about ${plan.memoryMb} MiB of memory`,
    ],
  };
}

const ASSUMED_DAYS = 180;

function oneOf<Value extends string>(flag: string, text: string, values: readonly Value[]): Value {
  const found = values.find((value) => value === text);
  if (found !== undefined) return found;
  throw usageError(`${flag} ${text} is unknown`, `Give one of ${values.join(', ')}.`);
}

function figuresOf({ metrics, network }: Manifest) {
  return {
    macroF1: metrics.mean.macroF1.value,
    logLoss: metrics.mean.logLoss.value,
    informationCoefficient: metrics.mean.informationCoefficient.value,
    rawInformationCoefficient: metrics.mean.rawInformationCoefficient?.value ?? null,
    ...(network ? { epochs: network.epochs, parameters: network.weights } : {}),
  };
}

function linesOf(modelId: string, directory: string, { metrics }: Manifest): string[] {
  const number = (value: number | null) => (value === null ? 'n/a' : value.toFixed(4));
  return [
    `${modelId} in ${directory}`,
    `test window: macro-F1 ${number(metrics.mean.macroF1.value)}, log-loss ${number(metrics.mean.logLoss.value)}, IC ${number(metrics.mean.informationCoefficient.value)}, before calibration ${number(metrics.mean.rawInformationCoefficient?.value ?? null)}`,
    ...HORIZON_NAMES.map((horizon) => {
      const { macroF1, logLoss, informationCoefficient, rawInformationCoefficient } = metrics.horizons[horizon];
      const raw = number(rawInformationCoefficient?.value ?? null);
      return `  ${horizon.padEnd(3)} macro-F1 ${number(macroF1.value)}, log-loss ${number(logLoss.value)}, IC ${number(informationCoefficient.value)}, before calibration ${raw}`;
    }),
  ];
}
