import { beforeAll, describe, expect, it } from 'vitest';
import { at64, createRandom } from '../../core/index.ts';
import { evaluateReference } from '../evaluate-reference.ts';
import { Graph } from '../graph.ts';
import { compileTraining } from '../training-program.ts';
import { openTraining } from '../training-session.ts';
import { multiply, sum } from './arithmetic.ts';
import { batchNorm } from './normalization.ts';

const [ROWS, CHANNELS] = [6, 2];
const random = createRandom('batch norm');
const x = Float32Array.from({ length: ROWS * CHANNELS }, (_, i) => 3 * (i % CHANNELS) + random.normal());
const MEAN = Float32Array.of(5, -5);
const VARIANCE = Float32Array.of(2, 0.5);

function build(training: boolean) {
  const graph = new Graph();
  const input = graph.input('x', [ROWS, CHANNELS]);
  graph.parameter('mean', [CHANNELS], { values: MEAN, trainable: false });
  graph.parameter('variance', [CHANNELS], { values: VARIANCE, trainable: false });
  const output = batchNorm(input, {
    weight: graph.parameter('weight', [CHANNELS], { values: Float32Array.of(1, 2) }),
    bias: graph.parameter('bias', [CHANNELS], { values: Float32Array.of(0, 1) }),
    running: { mean: 'mean', variance: 'variance' },
    training,
    momentum: 0.25,
  });
  return { output, loss: sum(multiply(output, input)) };
}

describe('batchNorm', () => {
  const column = (channel: number) => Array.from(x).filter((_, i) => i % CHANNELS === channel);
  let kept: Map<string, Float32Array>;
  beforeAll(async () => {
    const session = await openTraining(compileTraining({ loss: build(true).loss }), { seed: 1 });
    await session.train({ x: { shape: [ROWS, CHANNELS], data: x } }, 0.1);
    kept = session.weights();
    await session.close();
  });

  it('moves the running mean, and the running variance by the unbiased one, by the momentum in each training step', () => {
    for (const channel of [0, 1]) {
      const mean = column(channel).reduce((total, value) => total + value, 0) / ROWS;
      const variance = column(channel).reduce((total, value) => total + (value - mean) ** 2, 0) / (ROWS - 1);
      expect(kept.get('mean')?.[channel]).toBeCloseTo(0.75 * (MEAN[channel] ?? 0) + 0.25 * mean, 5);
      expect(kept.get('variance')?.[channel]).toBeCloseTo(0.75 * (VARIANCE[channel] ?? 0) + 0.25 * variance, 5);
    }
  });

  it('normalises by the running statistics outside training', () => {
    const [output] = evaluateReference([build(false).output], {
      x: { shape: [ROWS, CHANNELS], data: Float64Array.from(x) },
    });
    x.forEach((value, i) => {
      const channel = i % CHANNELS;
      const normal = (value - (MEAN[channel] ?? 0)) / Math.sqrt((VARIANCE[channel] ?? 0) + 1e-5);
      expect(at64(output ?? new Float64Array(0), i)).toBeCloseTo((channel + 1) * normal + channel, 10);
    });
  });
});
