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

/** The returns of every window of consecutive bars, by the series and by whole windows. */
async function returnsOf(bars: number, batch: number) {
  const random = createRandom('series');
  const rows = Float32Array.from({ length: bars * features }, () => random.normal());
  const sessions = await openNetworkSessions(SMALL_NETWORK, partGraphs(SMALL_NETWORK, readOnnxWeights(onnx)), {});
  const whole = await createSession(onnx);
  const bySeries: number[] = [];
  const byWindows: number[] = [];
  const count = await forecastSeries(SMALL_NETWORK, sessions, rows, {
    batch,
    outputs: ['future_return'],
    onOutputs: (first, own, { future_return }) => {
      expect(first).toBe(context - 1 + bySeries.length / 4);
      expect(future_return?.dims).toEqual([own, 4]);
      for (const value of future_return?.data ?? []) bySeries.push(Number(value));
    },
  });
  for (let first = 0; first + context <= bars; first++) {
    const window = rows.subarray(first * features, (first + context) * features);
    const { future_return } = await whole.run({ windows: new Tensor('float32', window, [1, context, features]) });
    for (const value of future_return?.data ?? []) byWindows.push(Number(value));
  }
  await sessions.close();
  await whole.release();
  return { count, bySeries, byWindows };
}

describe('a series of bars', () => {
  it.each([1, 7, 64])('gives what each of its windows gives, %i rows a call', async (batch) => {
    const { count, bySeries, byWindows } = await returnsOf(45, batch);
    expect(count).toBe(45 - context + 1);
    expect(bySeries).toHaveLength(4 * count);
    const difference = Math.max(...bySeries.map((value, at) => Math.abs(value - (byWindows[at] ?? Number.NaN))));
    expect(difference).toBeLessThan(1e-5);
  });

  it('has no window where it is shorter than a context', async () => {
    expect(await returnsOf(context - 1, 8)).toEqual({ count: 0, bySeries: [], byWindows: [] });
  });
});
