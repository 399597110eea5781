import type { InferenceSession } from 'onnxruntime-node';
import { atInt32 } from '../../core/index.ts';
import type { NetworkSessions } from './network-sessions.ts';
import { type NetworkShape, patchCount } from './unified-patchtst.ts';

/**
 * Runs a network over windows of one series of bars, as evaluations want it: a patch is embedded once, for all the windows that it lies in.
 * @param rows [bars, features], scaled
 * @param ends ascending bars that windows end with, each from `context - 1` on
 * @param onOutputs told the outputs of the windows that end with `ends[first]`, …, `ends[first + count - 1]`
 */
export async function forecastSeries(
  shape: NetworkShape,
  sessions: NetworkSessions,
  rows: Float32Array,
  ends: Int32Array,
  options: {
    /** Rows per call of the runtime. */
    readonly batch: number;
    readonly outputs: readonly string[];
    readonly onOutputs: (first: number, count: number, outputs: InferenceSession.OnnxValueMapType) => void;
  },
): Promise<void> {
  const { patch, stride, features, width } = shape;
  const { batch, outputs, onOutputs } = options;
  const patches = patchCount(shape);
  /** The bar that ends the patch at a place of the window that ends with `end`. */
  const patchEnd = (end: number, place: number): number => end - (patches - 1 - place) * stride;
  const isRead = new Uint8Array(rows.length / features);
  for (const end of ends) for (let place = 0; place < patches; place++) isRead[patchEnd(end, place)] = 1;
  const read = Int32Array.from(isRead.keys()).filter((bar) => isRead[bar] === 1);

  const bars = new Float32Array(batch * patch * features);
  const embeddings = new Float32Array(isRead.length * width);
  for (let from = 0; from < read.length; from += batch) {
    const part = read.subarray(from, from + batch);
    part.forEach((bar, row) => {
      const first = (bar - patch + 1) * features;
      bars.set(rows.subarray(first, first + patch * features), row * patch * features);
    });
    const embedded = await sessions.embed(bars, part.length);
    part.forEach((bar, row) => {
      embeddings.set(embedded.subarray(row * width, (row + 1) * width), bar * width);
    });
  }

  const contexts = new Float32Array(batch * patches * width);
  const last = new Float32Array(batch * features);
  for (let from = 0; from < ends.length; from += batch) {
    const count = Math.min(batch, ends.length - from);
    for (let row = 0; row < count; row++) {
      const end = atInt32(ends, from + row);
      for (let place = 0; place < patches; place++) {
        const bar = patchEnd(end, place);
        contexts.set(embeddings.subarray(bar * width, (bar + 1) * width), (row * patches + place) * width);
      }
      last.set(rows.subarray(end * features, (end + 1) * features), row * features);
    }
    onOutputs(from, count, await sessions.forecast(contexts, last, count, outputs));
  }
}
