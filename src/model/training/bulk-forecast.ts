import { MinutehandError } from '../../core/index.ts';
import { compileInference, concat, createSession, type SessionOptions } from '../../tensor/index.ts';
import { buildNetwork, HEAD_NAMES, HEADS, type NetworkShape } from '../network/unified-patchtst.ts';
import type { TrainingPanel } from '../panel.ts';
import { readWindows, type Sample } from './batches.ts';

/** Numbers of all heads together, in the order of HEADS. */
export const HEAD_WIDTH = Object.values(HEADS).reduce((total: number, width) => total + width, 0);

const BATCH = 64;

/** What the heads say of samples, [samples, HEAD_WIDTH], in the encoding that they were trained on. @throws the signal's reason */
export async function headOutputs(
  shape: NetworkShape,
  weights: ReadonlyMap<string, Float32Array>,
  panel: TrainingPanel,
  samples: readonly Sample[],
  options: SessionOptions & { readonly signal?: AbortSignal },
): Promise<Float32Array> {
  const { Tensor } = await import('onnxruntime-node');
  const { heads } = buildNetwork(shape, { batch: 'batch', training: false });
  const outputs = concat(
    HEAD_NAMES.map((name) => heads[name]),
    1,
  );
  const session = await createSession(compileInference({ name: 'heads', outputs: { outputs }, weights }), options);
  const result = new Float32Array(samples.length * HEAD_WIDTH);
  const windows = new Float32Array(BATCH * shape.context * shape.features);
  try {
    for (let from = 0; from < samples.length; from += BATCH) {
      options.signal?.throwIfAborted();
      const own = samples.slice(from, from + BATCH);
      readWindows(panel, own, shape.context, windows);
      const size = own.length * shape.context * shape.features;
      const input = new Tensor('float32', windows.subarray(0, size), [own.length, shape.context, shape.features]);
      const { outputs: values } = await session.run({ windows: input });
      if (!(values?.data instanceof Float32Array))
        throw new MinutehandError('MODEL_OUTPUT_INVALID', 'the network gave no outputs', 'Train it again.');
      result.set(values.data, from * HEAD_WIDTH);
    }
  } finally {
    await session.release();
  }
  return result;
}
