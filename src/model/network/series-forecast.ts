import type { InferenceSession } from 'onnxruntime-node';
import type { NetworkSessions } from './network-sessions.ts';
import { type NetworkShape, patchCount } from './unified-patchtst.ts';

/**
 * Runs a network over consecutive bars of one symbol and phase, as backtests want it: each bar ends one patch, which is embedded once and lies
 * in the windows of all later bars that reach back to it.
 * @param rows [bars, features], scaled
 * @param batch rows per call of the runtime
 * @param onOutputs told the outputs of the windows that end with bars `first`, `first + 1`, …
 * @returns number of windows: bars less the context that precedes the first
 */
export async function forecastSeries(
  shape: NetworkShape,
  sessions: NetworkSessions,
  rows: Float32Array,
  options: {
    readonly batch: number;
    readonly outputs: readonly string[];
    readonly onOutputs: (first: number, count: number, outputs: InferenceSession.OnnxValueMapType) => void;
  },
): Promise<number> {
  const { context, patch, stride, features, width } = shape;
  const { batch, outputs, onOutputs } = options;
  const patches = patchCount(shape);
  const count = rows.length / features;
  const bars = new Float32Array(batch * patch * features);
  const contexts = new Float32Array(batch * patches * width);
  const embeddings = new Float32Array(count * width);
  for (let from = patch - 1; from < count; from += batch) {
    const own = Math.min(batch, count - from);
    for (let row = 0; row < own; row++) {
      const first = (from + row - patch + 1) * features;
      bars.set(rows.subarray(first, first + patch * features), row * patch * features);
    }
    embeddings.set((await sessions.embed(bars, own)).subarray(0, own * width), from * width);
  }
  for (let from = context - 1; from < count; from += batch) {
    const own = Math.min(batch, count - from);
    for (let row = 0; row < own; row++) {
      for (let place = 0; place < patches; place++) {
        const bar = from + row - (patches - 1 - place) * stride;
        contexts.set(embeddings.subarray(bar * width, (bar + 1) * width), (row * patches + place) * width);
      }
    }
    const last = rows.subarray(from * features, (from + own) * features);
    onOutputs(from, own, await sessions.forecast(contexts, last, own, outputs));
  }
  return Math.max(0, count - context + 1);
}
