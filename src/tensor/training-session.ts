import type { InferenceSession, Tensor } from 'onnxruntime-node';
import { MinutehandError } from '../core/index.ts';
import { OPTIMISER_INPUT, optimiserInput } from './adamw.ts';
import { DROPOUT_INPUT, dropoutOffsets } from './ops/dropout.ts';
import { createSession, type SessionOptions } from './session.ts';
import type { TrainingProgram } from './training-program.ts';

export interface TrainingSessionOptions extends SessionOptions {
  readonly seed: string | number;
  /** State of an earlier session, to go on from. */
  readonly resume?: TrainingState;
}

/** Everything that a step depends on beside its data. */
export interface TrainingState {
  readonly step: number;
  /** By key of the program's state tensors. */
  readonly tensors: ReadonlyMap<string, Float32Array>;
}

export interface BatchInput {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

export interface TrainingSession {
  /** Steps done so far. */
  readonly step: number;
  /** One step; resolves to the program's scalars, computed before the weights moved. */
  train(batch: Readonly<Record<string, BatchInput>>, learningRate: number): Promise<Readonly<Record<string, number>>>;
  /** A copy of the state. */
  state(): TrainingState;
  /** Copies of the current weights, or of their moving averages, by parameter name; kept parameters too. */
  weights(kind?: 'weight' | 'average'): Map<string, Float32Array>;
  close(): Promise<void>;
}

/**
 * Opens a training program. Weights and moments stay in two sets of buffers that the runtime reads from and writes to in turn, so a step
 * copies none of them.
 * @throws MinutehandError TENSOR_STATE when the state to resume does not belong to the program; see {@link createSession}
 */
export async function openTraining(
  program: TrainingProgram,
  options: TrainingSessionOptions,
): Promise<TrainingSession> {
  const { Tensor } = await import('onnxruntime-node');
  const session: InferenceSession = await createSession(program.onnx, options);
  let step = options.resume?.step ?? 0;
  const make = (values: Float32Array, shape: readonly number[]): Tensor => new Tensor('float32', values, shape);
  let current = new Map<string, Tensor>();
  let next = new Map<string, Tensor>();
  for (const { key, shape, initial } of program.state) {
    const values = options.resume ? options.resume.tensors.get(key) : initial;
    if (values?.length !== initial.length) {
      throw new MinutehandError(
        'TENSOR_STATE',
        `the state to resume has no ${key} of ${initial.length} values`,
        'Resume with the settings the training was started with.',
      );
    }
    current.set(key, make(values.slice(), shape));
    next.set(key, make(new Float32Array(initial.length), shape));
  }
  const values = (key: string): Float32Array =>
    (current.get(key)?.data as Float32Array | undefined) ?? new Float32Array(0);

  return {
    get step() {
      return step;
    },
    async train(batch, learningRate) {
      const feeds: Record<string, Tensor> = {};
      for (const [name, { data, shape }] of Object.entries(batch)) feeds[name] = make(data, shape);
      for (const { key, input } of program.state) feeds[input] = current.get(key) ?? make(values(key), []);
      const settings = optimiserInput(program.optimiser, program.groups, learningRate, step + 1);
      feeds[OPTIMISER_INPUT] = make(settings, [settings.length]);
      if (program.dropouts > 0) {
        const offsets = dropoutOffsets(options.seed, step, program.dropouts);
        feeds[DROPOUT_INPUT] = make(offsets, [offsets.length]);
      }
      const fetches: Record<string, Tensor | null> = {};
      for (const name of program.scalars) fetches[name] = null;
      for (const { key, output } of program.state) fetches[output] = next.get(key) ?? null;
      const results = await session.run(feeds, fetches);
      [current, next] = [next, current];
      step++;
      return Object.fromEntries(program.scalars.map((name) => [name, Number(results[name]?.data[0])]));
    },
    state: () => ({ step, tensors: new Map(program.state.map(({ key }) => [key, values(key).slice()])) }),
    weights(kind = 'weight') {
      const result = new Map<string, Float32Array>();
      for (const { name, block, offset, size } of program.places) {
        result.set(name, values(`${kind}:${block}`).slice(offset, offset + size));
      }
      for (const { key } of program.state) if (key.startsWith('kept:')) result.set(key.slice(5), values(key).slice());
      return result;
    },
    close: () => session.release(),
  };
}
