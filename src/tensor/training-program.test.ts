import { beforeAll, describe, expect, it } from 'vitest';
import { at64, createRandom } from '../core/index.ts';
import type { AdamWOptions } from './adamw.ts';
import { evaluateReference } from './evaluate-reference.ts';
import { gradients } from './gradients.ts';
import { Graph, type ReferenceTensor } from './graph.ts';
import * as op from './ops/index.ts';
import { compileTraining, type TrainingProgram } from './training-program.ts';
import { openTraining, type TrainingSession } from './training-session.ts';

const ROWS = 4;
const LEARNING_RATE = 0.01;
const OPTIMISER: AdamWOptions = {
  beta1: 0.8,
  beta2: 0.95,
  epsilon: 1e-3,
  emaDecay: 0.9,
  groups: {
    matrix: { weightDecay: 0.5, learningRateScale: 0.3 },
    default: { weightDecay: 0.01 },
    free: {},
  },
};

/** A parameter beyond the size that shares a block, several that share one, one alone in its group, and one in a group without settings. */
function network() {
  const graph = new Graph();
  const random = createRandom('network');
  const normals = (count: number, scale: number) => Float32Array.from({ length: count }, () => random.normal() * scale);
  const parameter = (name: string, shape: readonly number[], group?: string) => {
    const values = normals(
      shape.reduce((product, size) => product * size, 1),
      0.1,
    );
    return graph.parameter(name, shape, { values, ...(group === undefined ? {} : { group }) });
  };
  const x = graph.input('x', [ROWS, 330]);
  const hidden = op.tanh(op.linear(x, parameter('large', [330, 100], 'matrix'), parameter('bias', [100])));
  const narrow = op.linear(hidden, parameter('small', [100, 6], 'matrix'), parameter('shift', [6], 'unnamed'));
  const output = op.matMul(narrow, parameter('last', [6, 2], 'matrix'));
  const loss = op.averageLoss(
    op.squaredError(op.multiply(output, parameter('scale', [2], 'free')), graph.input('y', [ROWS, 2])),
  );
  const data = {
    x: { shape: [ROWS, 330], data: normals(ROWS * 330, 1) },
    y: { shape: [ROWS, 2], data: normals(ROWS * 2, 3) },
  };
  return { graph, loss, data };
}

/** AdamW with clipping by global norm and an average of the weights, written from Algorithm 2 of Loshchilov and Hutter (2019). */
function reference(steps: number, options: AdamWOptions) {
  const { graph, loss, data } = network();
  const parameters = [...graph.parameters.values()];
  const derivatives = gradients(
    loss,
    parameters.map(({ value }) => value),
  ).map((value) => value ?? loss);
  const { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, clipNorm = Number.POSITIVE_INFINITY, emaDecay = 0 } = options;
  const weights = parameters.map(({ initial }) => Float64Array.from(initial));
  const averages = weights.map((own) => own.slice());
  const first = weights.map(({ length }) => new Float64Array(length));
  const second = weights.map(({ length }) => new Float64Array(length));
  const norms: number[] = [];
  const losses: number[] = [];
  for (let t = 1; t <= steps; t++) {
    const given: Record<string, ReferenceTensor> = {};
    for (const [name, { shape, data: values }] of Object.entries(data))
      given[name] = { shape, data: Float64Array.from(values) };
    parameters.forEach(({ name, value }, p) => {
      given[name] = { shape: value.shape.map(Number), data: weights[p] ?? new Float64Array(0) };
    });
    const [value, ...found] = evaluateReference([loss, ...derivatives], given);
    losses.push(value?.[0] ?? Number.NaN);
    const norm = Math.sqrt(found.reduce((total, own) => total + own.reduce((sum, g) => sum + g * g, 0), 0));
    norms.push(norm);
    const clip = Math.min(1, clipNorm / norm);
    parameters.forEach(({ group }, p) => {
      const { weightDecay = 0, learningRateScale = 1 } = options.groups?.[group] ?? options.groups?.default ?? {};
      const rate = LEARNING_RATE * learningRateScale;
      const [w, m, v, average] = [weights[p], first[p], second[p], averages[p]];
      if (!w || !m || !v || !average) return;
      for (let i = 0; i < w.length; i++) {
        const g = at64(found[p] ?? w, i) * clip;
        m[i] = beta1 * at64(m, i) + (1 - beta1) * g;
        v[i] = beta2 * at64(v, i) + (1 - beta2) * g * g;
        const corrected = at64(m, i) / (1 - beta1 ** t) / (Math.sqrt(at64(v, i) / (1 - beta2 ** t)) + epsilon);
        w[i] = at64(w, i) - rate * (corrected + weightDecay * at64(w, i));
        average[i] = emaDecay * at64(average, i) + (1 - emaDecay) * at64(w, i);
      }
    });
  }
  const byName = (values: readonly Float64Array[]) => new Map(parameters.map(({ name }, p) => [name, values[p]]));
  return { losses, norms, weights: byName(weights), averages: byName(averages) };
}

const program = (optimiser: AdamWOptions): TrainingProgram => compileTraining({ loss: network().loss, optimiser });

async function train(session: TrainingSession, steps: number) {
  const { data } = network();
  const norms: number[] = [];
  const losses: number[] = [];
  for (let step = 0; step < steps; step++) {
    const { loss = Number.NaN, gradient_norm = Number.NaN } = await session.train(data, LEARNING_RATE);
    losses.push(loss);
    norms.push(gradient_norm);
  }
  return { losses, norms };
}

describe('a compiled training step', () => {
  let unclippedNorm: number;
  beforeAll(() => {
    unclippedNorm = reference(1, OPTIMISER).norms[0] ?? Number.NaN;
  });

  it.each([
    ['clips nothing below the limit', 1e3],
    ['scales gradients down to the limit', 0.25],
    ['takes gradients as they are without a limit', undefined],
  ])('is AdamW as published, with decay and rate by group and averaged weights; %s', async (_, clip) => {
    const options = clip === undefined ? OPTIMISER : { ...OPTIMISER, clipNorm: clip * unclippedNorm };
    const expected = reference(3, options);
    const session = await openTraining(program(options), { seed: 1 });
    const { losses, norms } = await train(session, 3);
    expected.losses.forEach((loss, step) => {
      expect(losses[step]).toBeCloseTo(loss, 4);
      expect(norms[step] ?? Number.NaN).toBeCloseTo(expected.norms[step] ?? Number.NaN, 4);
    });
    for (const [kind, wanted] of [
      ['weight', expected.weights],
      ['average', expected.averages],
    ] as const) {
      const actual = session.weights(kind);
      expect([...actual.keys()].sort()).toEqual([...wanted.keys()].sort());
      for (const [name, values] of wanted) {
        const largest = values?.reduce(
          (most, value, i) => Math.max(most, Math.abs(value - (actual.get(name)?.[i] ?? Number.NaN))),
          0,
        );
        expect(largest, `${kind} ${name}`).toBeLessThan(2e-6);
      }
    }
    await session.close();
  });

  it('shares moments among small parameters of a group and keeps large ones apart', () => {
    const { state, places, groups } = program(OPTIMISER);
    expect(groups).toEqual(['default', 'free', 'matrix', 'unnamed']);
    const blocks = state.map(({ key }) => key).filter((key) => key.startsWith('first:'));
    expect(blocks.sort()).toEqual(['first:bias', 'first:large', 'first:scale', 'first:shift', 'first:small matrix']);
    expect(places.filter(({ block }) => block === 'small matrix')).toEqual([
      { name: 'small', block: 'small matrix', offset: 0, size: 600 },
      { name: 'last', block: 'small matrix', offset: 600, size: 12 },
    ]);
  });

  it('has the same bytes when it is compiled again', () => {
    expect(Buffer.compare(program(OPTIMISER).onnx, program(OPTIMISER).onnx)).toBe(0);
  });

  it('is refused when the loss depends on nothing that is trained', () => {
    const graph = new Graph();
    graph.parameter('unused', [2], { values: new Float32Array(2) });
    const fixed = graph.parameter('fixed', [2], { values: new Float32Array(2), trainable: false });
    const loss = op.sum(op.multiply(fixed, graph.input('x', [2])));
    expect(() => compileTraining({ loss })).toThrow('the loss depends on no trainable parameter');
  });
});
