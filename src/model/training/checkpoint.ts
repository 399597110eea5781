import { open, readFile, rename } from 'node:fs/promises';
import { MinutehandError, messageOf } from '../../core/index.ts';
import type { TrainingState } from '../../tensor/index.ts';
import { canonicalJson, sha256 } from '../manifest.ts';

/** One epoch, as the history keeps it. */
export interface EpochRecord {
  readonly epoch: number;
  readonly step: number;
  readonly trainingLoss: number;
  readonly loss: number;
  readonly informationCoefficient: number;
  readonly directionLogLoss: number;
  readonly parts: Readonly<Record<string, number>>;
  readonly learningRate: number;
}

/** Everything that the result of a training depends on: hashes of the data, settings, windows, seed, threads, device. JSON values. */
export type TrainingRun = Readonly<Record<string, unknown>>;

export const hashRun = (run: TrainingRun): string => sha256(canonicalJson(run));

/** Everything an interrupted training goes on from. */
export interface Checkpoint {
  /** Another training is not resumed. */
  readonly run: TrainingRun;
  readonly state: TrainingState;
  /** Sum of the training losses of the epoch so far. */
  readonly epochLoss: number;
  readonly history: readonly EpochRecord[];
  /** Weights with the best loss on the early-stopping window so far. */
  readonly best:
    | { readonly epoch: number; readonly loss: number; readonly weights: ReadonlyMap<string, Float32Array> }
    | undefined;
}

const MAGIC = 'MINUTEHAND-CHECKPOINT-2';

/** Writes a checkpoint: whole or not at all, on disk when this resolves. */
export async function writeCheckpoint(path: string, checkpoint: Checkpoint): Promise<void> {
  const tensors = [...checkpoint.state.tensors].map(([key, values]) => ({ key: `state ${key}`, values }));
  for (const [key, values] of checkpoint.best?.weights ?? []) tensors.push({ key: `best ${key}`, values });
  const { run, state, epochLoss, history, best } = checkpoint;
  const body = Buffer.concat(
    tensors.map(({ values }) => new Uint8Array(values.buffer, values.byteOffset, values.byteLength)),
  );
  const header = JSON.stringify({
    run,
    step: state.step,
    epochLoss,
    history,
    best: best && { epoch: best.epoch, loss: best.loss },
    tensors: tensors.map(({ key, values }) => ({ key, length: values.length })),
    sha256: sha256(body),
  });
  const temporary = `${path}.writing`;
  const file = await open(temporary, 'w');
  try {
    await file.writeFile(`${MAGIC}\n${header}\n`);
    await file.writeFile(body);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
}

/**
 * The checkpoint at `path`, or undefined where there is none.
 * @throws MinutehandError CHECKPOINT_INVALID when it is damaged; CHECKPOINT_MISMATCH when it belongs to another training
 */
export async function readCheckpoint(path: string, run: TrainingRun): Promise<Checkpoint | undefined> {
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw invalid(path, messageOf(error));
  }
  const first = bytes.indexOf('\n');
  const second = bytes.indexOf('\n', first + 1);
  if (first < 0 || second < 0 || bytes.toString('utf8', 0, first) !== MAGIC)
    throw invalid(path, 'it is none of this version');
  let header: {
    run: TrainingRun;
    step: number;
    epochLoss: number;
    history: EpochRecord[];
    best?: { epoch: number; loss: number };
    tensors: { key: string; length: number }[];
    sha256: string;
  };
  try {
    header = JSON.parse(bytes.toString('utf8', first + 1, second));
  } catch (error) {
    throw invalid(path, messageOf(error));
  }
  const body = bytes.subarray(second + 1);
  if (sha256(body) !== header.sha256) throw invalid(path, 'its content does not have its hash');
  if (hashRun(header.run) !== hashRun(run)) {
    throw new MinutehandError(
      'CHECKPOINT_MISMATCH',
      `${path} belongs to another training: ${differences(header.run, run).join(', ')}`,
      'Resume with what it was started with, or name another folder with --work; without --work each training has its own.',
      { exitCode: 2 },
    );
  }
  const state = new Map<string, Float32Array>();
  const weights = new Map<string, Float32Array>();
  let offset = 0;
  for (const { key, length } of header.tensors) {
    const values = new Float32Array(body.buffer.slice(body.byteOffset + offset, body.byteOffset + offset + 4 * length));
    offset += 4 * length;
    const at = key.indexOf(' ');
    (key.startsWith('state') ? state : weights).set(key.slice(at + 1), values);
  }
  return {
    run,
    state: { step: header.step, tensors: state },
    epochLoss: header.epochLoss,
    history: header.history,
    best: header.best && { ...header.best, weights },
  };
}

const MOST_DIFFERENCES = 5;

/** "seed is 2, was 1": the values that differ, by their path. */
function differences(before: unknown, now: unknown): string[] {
  const [old, own] = [leavesOf(before), leavesOf(now)];
  const keys = [...new Set([...old.keys(), ...own.keys()])].filter((key) => old.get(key) !== own.get(key));
  const named = keys.slice(0, MOST_DIFFERENCES).map((key) => `${key} is ${own.get(key)}, was ${old.get(key)}`);
  return keys.length > MOST_DIFFERENCES ? [...named, `and ${keys.length - MOST_DIFFERENCES} more`] : named;
}

function leavesOf(value: unknown, path = ''): Map<string, string> {
  if (typeof value !== 'object' || value === null) return new Map([[path, JSON.stringify(value)]]);
  const below = (key: string) => (path === '' ? key : `${path}.${key}`);
  return new Map(Object.entries(value).flatMap(([key, part]) => [...leavesOf(part, below(key))]));
}

const invalid = (path: string, what: string) =>
  new MinutehandError(
    'CHECKPOINT_INVALID',
    `the checkpoint ${path} cannot be read: ${what}`,
    'Remove it to begin the training anew.',
  );
