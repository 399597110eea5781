import { appendFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  compileTraining,
  openTraining,
  type SessionOptions,
  type TrainingProgram,
  type TrainingSession,
} from '../../tensor/index.ts';
import { buildNetwork, type NetworkShape } from '../network/unified-patchtst.ts';
import type { TrainingPanel } from '../panel.ts';
import {
  type BatchBuffers,
  createBuffers,
  epochBatches,
  readBatch,
  type Sample,
  type Section,
  stepsPerEpoch,
} from './batches.ts';
import { headOutputs } from './bulk-forecast.ts';
import { type Checkpoint, type EpochRecord, readCheckpoint, type TrainingRun, writeCheckpoint } from './checkpoint.ts';
import { ENCODED } from './encoded-targets.ts';
import { networkLoss } from './network-loss.ts';
import { learningRateAt, type TrainingSettings } from './settings.ts';
import { scoreHeads, type ValidationScore } from './validation.ts';

export const HISTORY_FILE = 'history.jsonl';
export const CHECKPOINT_FILE = 'checkpoint.bin';

export interface TrainingData {
  readonly panel: TrainingPanel;
  /** [symbols, rows, ENCODED.width] */
  readonly encoded: Float32Array;
  readonly train: readonly Section[];
  readonly earlyStopping: readonly Section[];
}

export interface TrainingProgress {
  readonly epoch: number;
  readonly epochs: number;
  readonly step: number;
  readonly steps: number;
  /** Of the last step. */
  readonly loss: number;
  readonly finished?: EpochRecord;
}

export interface TrainNetworkOptions extends SessionOptions {
  readonly settings: TrainingSettings;
  readonly seed: string | number;
  /** Holds checkpoint and history. */
  readonly directory: string;
  readonly run: TrainingRun;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: TrainingProgress) => void;
}

export interface TrainedNetwork {
  readonly shape: NetworkShape;
  /** Of the best epoch, averaged over its steps (EMA). */
  readonly weights: ReadonlyMap<string, Float32Array>;
  readonly history: readonly EpochRecord[];
  readonly bestEpoch: number;
}

export const networkShapeOf = (settings: TrainingSettings, features: number): NetworkShape => ({
  ...settings.network,
  features,
});

/** The compiled step of a training. */
export function trainingProgram(settings: TrainingSettings, features: number, seed: string | number): TrainingProgram {
  const shape = networkShapeOf(settings, features);
  const network = buildNetwork(shape, {
    batch: settings.timesPerStep * settings.symbolsPerTime,
    training: shape.dropout > 0,
    seed,
  });
  const { loss, parts } = networkLoss(network, settings);
  return compileTraining({
    loss,
    metrics: Object.fromEntries(Object.entries(parts).map(([name, value]) => [`part_${name}`, value])),
    optimiser: {
      clipNorm: settings.clipNorm,
      emaDecay: settings.emaDecay,
      groups: { matrix: { weightDecay: settings.weightDecay } },
    },
  });
}

/**
 * Trains a network, from the checkpoint in its folder if there is one: stopped at any moment and started again, also by SIGKILL, the
 * result is the same to the bit. Stops early when the early-stopping window has not got better for `patience` epochs.
 * @throws MinutehandError CHECKPOINT_*, DATASET_TOO_SHORT, TENSOR_DEVICE; the signal's reason when it is aborted, after a checkpoint
 */
export async function trainNetwork(data: TrainingData, options: TrainNetworkOptions): Promise<TrainedNetwork> {
  const { settings, seed, directory } = options;
  const { panel } = data;
  const shape = networkShapeOf(settings, panel.width);
  const checkpointPath = join(directory, CHECKPOINT_FILE);
  const resumed = await readCheckpoint(checkpointPath, options.run);
  const program = trainingProgram(settings, panel.width, seed);
  const session = await openTraining(program, { ...options, ...(resumed ? { resume: resumed.state } : {}) });
  const plan = { ...settings, seed };
  const perEpoch = stepsPerEpoch(data.train, plan);
  const steps = perEpoch * settings.epochs;
  const history: EpochRecord[] = [...(resumed?.history ?? [])];
  let best: Checkpoint['best'] = resumed?.best;
  let epochLoss = resumed?.epochLoss ?? 0;
  await writeFile(join(directory, HISTORY_FILE), history.map((record) => `${JSON.stringify(record)}\n`).join(''));

  const save = () =>
    writeCheckpoint(checkpointPath, { run: options.run, state: session.state(), epochLoss, history, best });
  const batch = createBuffers(settings.timesPerStep * settings.symbolsPerTime, shape.context, panel.width);
  const feeds = feedsOf(batch, settings.timesPerStep * settings.symbolsPerTime, shape);
  try {
    // The epoch that has no record yet: a checkpoint may lie between its last step and its validation.
    for (let epoch = history.length; epoch < settings.epochs; epoch++) {
      if (history.length > 0 && history.length - 1 - (best?.epoch ?? 0) >= settings.patience) break;
      const batches = epochBatches(data.train, plan, epoch);
      for (let index = session.step - epoch * perEpoch; index < perEpoch; index++) {
        readBatch(panel, data.encoded, batches[index] ?? [], shape.context, batch);
        const { loss = Number.NaN } = await session.train(feeds, learningRateAt(settings, session.step, steps));
        epochLoss += loss;
        options.onProgress?.({ epoch, epochs: settings.epochs, step: session.step, steps, loss });
        if (options.signal?.aborted) {
          await save();
          throw options.signal.reason;
        }
        if (session.step % settings.checkpointEvery === 0 && index < perEpoch - 1) await save();
        await new Promise<void>((resolve) => setImmediate(resolve));
      }
      const weights = session.weights('average');
      const score = await validate(data, shape, weights, settings, options);
      const record: EpochRecord = {
        epoch,
        step: session.step,
        trainingLoss: epochLoss / perEpoch,
        loss: score.loss,
        informationCoefficient: score.informationCoefficient,
        directionLogLoss: score.directionLogLoss,
        parts: score.parts,
        learningRate: learningRateAt(settings, session.step - 1, steps),
      };
      history.push(record);
      epochLoss = 0;
      if (!best || score.loss < best.loss) best = { epoch, loss: score.loss, weights };
      await appendFile(join(directory, HISTORY_FILE), `${JSON.stringify(record)}\n`);
      await save();
      options.onProgress?.({
        epoch,
        epochs: settings.epochs,
        step: session.step,
        steps,
        loss: record.trainingLoss,
        finished: record,
      });
    }
  } finally {
    await session.close();
  }
  return { shape, weights: best?.weights ?? new Map(), history, bestEpoch: best?.epoch ?? 0 };
}

export type Feeds = Parameters<TrainingSession['train']>[0];

/** The feeds of a training step, by name of the graph input. */
export function feedsOf(batch: BatchBuffers, samples: number, shape: NetworkShape): Feeds {
  const of = (data: Float32Array, width: number) => ({ shape: [samples, width], data });
  return {
    windows: { shape: [samples, shape.context, shape.features], data: batch.windows },
    returns: of(batch.returns, 4),
    directions: of(batch.directions, 4),
    levels: of(batch.levels, 8),
    risks: of(batch.risks, 4),
    rank: of(batch.rank, 1),
    volatility: of(batch.volatility, 3),
  };
}

async function validate(
  { panel, encoded, earlyStopping }: TrainingData,
  shape: NetworkShape,
  weights: ReadonlyMap<string, Float32Array>,
  settings: TrainingSettings,
  session: SessionOptions & { readonly signal?: AbortSignal },
): Promise<ValidationScore> {
  const samples: Sample[] = [];
  const sections = earlyStopping.map((section): [number, number] => {
    samples.push(...section);
    return [samples.length - section.length, samples.length];
  });
  const outputs = await headOutputs(shape, weights, panel, samples, session);
  const targets = new Float32Array(samples.length * ENCODED.width);
  samples.forEach(({ symbol, row }, index) => {
    const at = (symbol * panel.rows + row) * ENCODED.width;
    targets.set(encoded.subarray(at, at + ENCODED.width), index * ENCODED.width);
  });
  return scoreHeads(outputs, targets, sections, settings.loss);
}

/** The epochs that the history of a training's folder holds; none where there is no history. */
export async function readTrainingHistory(directory: string): Promise<EpochRecord[]> {
  const text = await readFile(join(directory, HISTORY_FILE), 'utf8').catch(() => '');
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as EpochRecord);
}
