import { Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { at64 } from '../../core/index.ts';
import {
  compileInference,
  createSession,
  DROPOUT_INPUT,
  dropoutOffsets,
  evaluateReference,
} from '../../tensor/index.ts';
import { networkLoss } from '../training/network-loss.ts';
import { trainingSettingsSchema } from '../training/settings.ts';
import { directionalSlopes, normals } from './network-derivatives.fixture.ts';
import {
  buildNetwork,
  buildNetworkParts,
  HEAD_NAMES,
  HEADS,
  type NetworkShape,
  patchCount,
} from './unified-patchtst.ts';

const shape: NetworkShape = {
  context: 10,
  features: 3,
  patch: 4,
  stride: 2,
  width: 4,
  heads: 2,
  hidden: 6,
  layers: 2,
  headWidth: 3,
  dropout: 0.2,
  activation: 'gelu',
};
const BATCH = 4;
const windows = normals('windows', [BATCH, shape.context, shape.features]);

/** Rows [from, to) of the windows, and bars [first, last) of them, as the runtime takes them. */
function part([from, to]: readonly [number, number], [first, last] = [0, shape.context]): Tensor {
  const { context, features } = shape;
  const rows = Array.from({ length: to - from }, (_, i) => (from + i) * context);
  const data = rows.flatMap((row) => [...windows.data.subarray((row + first) * features, (row + last) * features)]);
  return new Tensor('float32', Float32Array.from(data), [to - from, last - first, features]);
}

const close = (actual: Float32Array, expected: ArrayLike<number>) => {
  expect(actual.length).toBe(expected.length);
  actual.forEach((value, i) => {
    expect(value).toBeCloseTo(expected[i] ?? Number.NaN, 5);
  });
};

describe('UnifiedPatchTST', () => {
  it('has derivatives that central differences confirm, for the whole loss of a training step with dropout', () => {
    const network = buildNetwork(shape, { batch: BATCH, training: true, seed: 1 });
    const settings = trainingSettingsSchema.parse({
      timesPerStep: 2,
      symbolsPerTime: 2,
      learnLossWeights: true,
      labelSmoothing: 0.1,
    });
    const { loss } = networkLoss(network, settings);
    const offsets = Float64Array.from(dropoutOffsets(1, 0, network.graph.dropouts.sites));
    const ids = { shape: [BATCH, 4], data: Float64Array.from({ length: BATCH * 4 }, (_, i) => i % 3) };
    const levels = { shape: [BATCH, 8], data: Float64Array.from({ length: BATCH * 8 }, (_, i) => i % 2) };
    const slopes = directionalSlopes(network.graph, loss, {
      windows,
      [DROPOUT_INPUT]: { shape: [offsets.length], data: offsets },
      returns: normals('returns', [BATCH, 4]),
      directions: ids,
      levels,
      risks: normals('risks', [BATCH, 4]),
      rank: normals('rank', [BATCH, 1]),
      volatility: normals('volatility', [BATCH, 3]),
    });
    expect(slopes.length).toBeGreaterThan(40);
    for (const { name, derived, measured } of slopes) expect(derived, name).toBeCloseTo(measured, 6);
    expect(slopes.filter(({ measured }) => Math.abs(measured) < 1e-9).map(({ name }) => name)).toEqual([]);
  });

  it('gives the forecasts of its definition in the runtime, for batches of any size', async () => {
    const { heads } = buildNetwork(shape, { batch: BATCH, training: false, seed: 1 });
    const expected = evaluateReference(Object.values(heads), { windows });
    const open = buildNetwork(shape, { batch: 'batch', training: false, seed: 1 });
    const session = await createSession(compileInference({ name: 'open', outputs: open.heads }));
    for (const rows of [
      [0, 1],
      [1, 4],
      [0, 4],
    ] as const) {
      const results = await session.run({ windows: part(rows) });
      HEAD_NAMES.forEach((head, index) => {
        expect(results[head]?.dims).toEqual([rows[1] - rows[0], HEADS[head]]);
        const own = expected[index]?.subarray(rows[0] * HEADS[head], rows[1] * HEADS[head]) ?? [];
        close(results[head]?.data as Float32Array, own);
      });
    }
    await session.release();
  });

  it('embeds a patch as one product of its bars with the weights', () => {
    const { graph, embedding } = buildNetworkParts(shape, 1).embedding;
    const bars = normals('bars', [1, shape.patch, shape.features]);
    const [computed] = evaluateReference([embedding], { bars });
    const [weight, bias] = ['patch.weight', 'patch.bias'].map((name) => graph.parameters.get(name)?.initial ?? []);
    for (let column = 0; column < shape.width; column++) {
      const expected = bars.data.reduce(
        (total, value, i) => total + value * (weight?.[i * shape.width + column] ?? Number.NaN),
        bias?.[column] ?? Number.NaN,
      );
      expect(at64(computed ?? bars.data, column)).toBeCloseTo(expected, 12);
    }
  });

  it('forecasts the same from the embeddings of its patches as from the whole window', () => {
    const whole = buildNetwork(shape, { batch: 'batch', training: false, seed: 1 });
    const { embedding, forecast } = buildNetworkParts(shape, 1);
    const patches = patchCount(shape);
    const { context, features, patch, stride, width } = shape;
    const bars = new Float64Array(BATCH * patches * patch * features);
    for (let row = 0; row < BATCH; row++) {
      for (let place = 0; place < patches; place++) {
        const first = (row * context + place * stride) * features;
        bars.set(windows.data.subarray(first, first + patch * features), (row * patches + place) * patch * features);
      }
    }
    const last = Float64Array.from({ length: BATCH * features }, (_, i) =>
      at64(windows.data, (Math.floor(i / features) * context + context - 1) * features + (i % features)),
    );
    const [embeddings = new Float64Array(0)] = evaluateReference([embedding.embedding], {
      bars: { shape: [BATCH * patches, patch, features], data: bars },
    });
    const inParts = evaluateReference(
      HEAD_NAMES.map((head) => forecast.heads[head]),
      {
        embeddings: { shape: [BATCH, patches, width], data: embeddings },
        last: { shape: [BATCH, features], data: last },
      },
    );
    const atOnce = evaluateReference(
      HEAD_NAMES.map((head) => whole.heads[head]),
      { windows },
    );
    inParts.forEach((values, head) => {
      values.forEach((value, i) => {
        expect(value).toBeCloseTo(at64(atOnce[head] ?? values, i), 10);
      });
    });
  });
});
