import { Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { at64 } from '../../core/index.ts';
import {
  averageLoss,
  compileInference,
  compileTraining,
  createSession,
  DROPOUT_INPUT,
  dropoutOffsets,
  evaluateReference,
  openTraining,
  squaredError,
} from '../../tensor/index.ts';
import { directionalSlopes, normals } from './network-derivatives.fixture.ts';
import { buildPatchTst, type PatchTstShape } from './patchtst.ts';

const shape: PatchTstShape = {
  context: 12,
  horizon: 3,
  patch: 4,
  stride: 2,
  width: 4,
  heads: 2,
  hidden: 6,
  layers: 2,
  dropout: 0.2,
  activation: 'gelu',
};
const SERIES = 3;
const windows = normals('windows', [SERIES, shape.context]);
const wanted = normals('wanted', [SERIES, shape.horizon]);

function training() {
  const { graph, forecast } = buildPatchTst(shape, { series: SERIES, training: true, seed: 1 });
  const loss = averageLoss(squaredError(forecast, graph.input('wanted', [SERIES, shape.horizon])));
  const offsets = Float64Array.from(dropoutOffsets(1, 0, graph.dropouts.sites));
  return { graph, loss, given: { windows, wanted, [DROPOUT_INPUT]: { shape: [offsets.length], data: offsets } } };
}

describe('PatchTST', () => {
  it('has derivatives that central differences confirm, through batch norms and handed-on attention scores', () => {
    const { graph, loss, given } = training();
    const slopes = directionalSlopes(graph, loss, given);
    expect(slopes.length).toBeGreaterThan(25);
    for (const { name, derived, measured } of slopes) expect(derived, name).toBeCloseTo(measured, 6);
  });

  it('learns running statistics in training, by which a series forecasts the same alone and among others', async () => {
    const { loss } = training();
    const session = await openTraining(compileTraining({ loss }), { seed: 1 });
    const feeds = Object.fromEntries(
      Object.entries({ windows, wanted }).map(([name, own]) => [name, { ...own, data: Float32Array.from(own.data) }]),
    );
    await session.train(feeds, 0);
    const weights = session.weights();
    await session.close();
    const { graph, forecast } = buildPatchTst(shape, { series: 'series', training: false, seed: 1 });
    const statistics = [...graph.parameters.values()].filter(({ trainable }) => !trainable);
    expect(statistics.length).toBe(4 * shape.layers);
    for (const { name, initial } of statistics)
      expect([...(weights.get(name) ?? initial)], name).not.toEqual([...initial]);
    const runtime = await createSession(compileInference({ name: 'patchtst', outputs: { forecast }, weights }));
    const run = async (from: number, to: number): Promise<number[]> => {
      const data = Float32Array.from(windows.data.subarray(from * shape.context, to * shape.context));
      const results = await runtime.run({ windows: new Tensor('float32', data, [to - from, shape.context]) });
      return Array.from(results.forecast?.data as Float32Array);
    };
    const all = await run(0, SERIES);
    for (let series = 0; series < SERIES; series++) {
      const alone = await run(series, series + 1);
      alone.forEach((value, i) => {
        expect(value).toBeCloseTo(all[series * shape.horizon + i] ?? Number.NaN, 5);
      });
    }
    await runtime.release();
  });

  it('forecasts in the unit of its window: a window scaled and moved gives its forecast scaled and moved', () => {
    const { forecast } = buildPatchTst(shape, { series: 'series', training: false, seed: 1 });
    const at = (scale: number, move: number) =>
      evaluateReference([forecast], {
        windows: { shape: windows.shape, data: windows.data.map((value) => scale * value + move) },
      })[0] ?? new Float64Array(0);
    const plain = at(1, 0);
    expect(plain.length).toBe(SERIES * shape.horizon);
    at(50, 1_000).forEach((value, i) => {
      expect(value).toBeCloseTo(50 * at64(plain, i) + 1_000, 2);
    });
  });
});
