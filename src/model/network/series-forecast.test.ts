import { Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { createRandom } from '../../core/index.ts';
import { createSession, readOnnxWeights } from '../../tensor/index.ts';
import { randomNetwork, SMALL_NETWORK } from '../random-network.fixture.ts';
import { openNetworkSessions } from './network-sessions.ts';
import { forecastSeries } from './series-forecast.ts';
import { partGraphs } from './serving-graph.ts';

const { context, features } = SMALL_NETWORK;
const { onnx } = randomNetwork(SMALL_NETWORK);

/** The returns of windows of a series of bars, by the series and by whole windows. */
async function returnsOf(bars: number, ends: readonly number[], batch: number) {
  const random = createRandom('series');
  const rows = Float32Array.from({ length: bars * features }, () => random.normal());
  const sessions = await openNetworkSessions(SMALL_NETWORK, partGraphs(SMALL_NETWORK, readOnnxWeights(onnx)), {});
  const whole = await createSession(onnx);
  const bySeries: number[] = [];
  const byWindows: number[] = [];
  await forecastSeries(SMALL_NETWORK, sessions, rows, Int32Array.from(ends), {
    batch,
    outputs: ['future_return'],
    onOutputs: (first, count, { future_return }) => {
      expect(first).toBe(bySeries.length / 4);
      expect(future_return?.dims).toEqual([count, 4]);
      for (const value of future_return?.data ?? []) bySeries.push(Number(value));
    },
  });
  for (const end of ends) {
    const window = rows.subarray((end - context + 1) * features, (end + 1) * features);
    const { future_return } = await whole.run({ windows: new Tensor('float32', window, [1, context, features]) });
    for (const value of future_return?.data ?? []) byWindows.push(Number(value));
  }
  await sessions.close();
  await whole.release();
  return { bySeries, byWindows };
}

const BARS = 45;
const EVERY_END = Array.from({ length: BARS - context + 1 }, (_, index) => context - 1 + index);

describe('a series of bars', () => {
  it.each([1, 7, 64])('gives what each of its windows gives, %i rows a call', async (batch) => {
    const { bySeries, byWindows } = await returnsOf(BARS, EVERY_END, batch);
    expect(bySeries).toHaveLength(4 * EVERY_END.length);
    const difference = Math.max(...bySeries.map((value, at) => Math.abs(value - (byWindows[at] ?? Number.NaN))));
    expect(difference).toBeLessThan(1e-5);
  });

  it('gives only the windows asked for', async () => {
    const every = await returnsOf(BARS, EVERY_END, 64);
    const some = EVERY_END.filter((_, index) => [0, 3, 4, 17, 29].includes(index));
    const { bySeries } = await returnsOf(BARS, some, 64);
    const expected = some.flatMap((end) => {
      const at = 4 * (end - context + 1);
      return every.bySeries.slice(at, at + 4);
    });
    expect(bySeries).toHaveLength(expected.length);
    for (const [at, value] of bySeries.entries()) expect(value).toBeCloseTo(expected[at] ?? Number.NaN, 5);
  });

  it('has nothing to give where no window is asked for', async () => {
    expect(await returnsOf(context - 1, [], 8)).toEqual({ bySeries: [], byWindows: [] });
  });
});
