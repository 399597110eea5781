import type { InferenceSession } from 'onnxruntime-node';
import { MinutehandError } from '../../core/index.ts';
import { createSession, type SessionOptions } from '../../tensor/index.ts';
import type { PartGraphs } from './serving-graph.ts';
import { type NetworkShape, patchCount } from './unified-patchtst.ts';

/** The two parts of a network, ready to run. Inputs are read while a call runs, not afterwards. */
export interface NetworkSessions {
  /** Embeddings [rows, width] of patches [rows, patch, features]. */
  embed(bars: Float32Array, rows: number): Promise<Float32Array>;
  /** Named outputs of windows: `embeddings` [rows, patches, width] and `last` [rows, features]. */
  forecast(
    embeddings: Float32Array,
    last: Float32Array,
    rows: number,
    names: readonly string[],
  ): Promise<InferenceSession.OnnxValueMapType>;
  close(): Promise<void>;
}

/** @throws MinutehandError TENSOR_MODEL when the runtime refuses a graph */
export async function openNetworkSessions(
  shape: NetworkShape,
  graphs: PartGraphs,
  options: SessionOptions,
): Promise<NetworkSessions> {
  const { patch, features, width } = shape;
  const patches = patchCount(shape);
  // Loaded only where a model is served: the runtime's library is large.
  const { Tensor } = await import('onnxruntime-node');
  const embedding = await createSession(graphs.embedding, options);
  let forecast: InferenceSession;
  try {
    forecast = await createSession(graphs.forecast, options);
  } catch (error) {
    await embedding.release();
    throw error;
  }
  const tensor = (values: Float32Array, dimensions: readonly number[]) =>
    new Tensor(
      'float32',
      values.subarray(
        0,
        dimensions.reduce((product, size) => product * size, 1),
      ),
      dimensions,
    );
  return {
    async embed(bars, rows) {
      const { embedding: result } = await embedding.run({ bars: tensor(bars, [rows, patch, features]) });
      if (result?.data instanceof Float32Array && result.data.length === rows * width) return result.data;
      throw new MinutehandError('MODEL_OUTPUT_INVALID', 'the network gave no embeddings', 'Train it again.');
    },
    forecast: (embeddings, last, rows, names) =>
      forecast.run(
        { embeddings: tensor(embeddings, [rows, patches, width]), last: tensor(last, [rows, features]) },
        names,
      ),
    async close() {
      await embedding.release();
      await forecast.release();
    },
  };
}
