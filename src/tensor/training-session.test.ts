import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRandom } from '../core/index.ts';
import { Graph } from './graph.ts';
import * as op from './ops/index.ts';
import { compileTraining, type TrainingProgram } from './training-program.ts';
import { type BatchInput, openTraining, type TrainingSession, type TrainingState } from './training-session.ts';

const ROWS = 8;
const STEPS = 6;

/** A layer with dropout and running statistics before a dense one. */
function compile(): TrainingProgram {
  const graph = new Graph();
  const random = createRandom('weights');
  const parameter = (name: string, shape: readonly number[]) =>
    graph.parameter(name, shape, {
      values: Float32Array.from({ length: (shape[0] ?? 1) * (shape[1] ?? 1) }, () => random.normal()),
    });
  graph.parameter('running.mean', [6], { values: new Float32Array(6), trainable: false });
  graph.parameter('running.variance', [6], { values: new Float32Array(6).fill(1), trainable: false });
  const sites = graph.input(op.DROPOUT_INPUT, ['dropouts']);
  const hidden = op.linear(graph.input('x', [ROWS, 5]), parameter('w1', [5, 6]));
  const normal = op.batchNorm(hidden, {
    weight: parameter('scale', [6]),
    bias: parameter('shift', [6]),
    running: { mean: 'running.mean', variance: 'running.variance' },
    training: true,
  });
  const output = op.linear(op.dropout(op.gelu(normal), 0.4, sites), parameter('w2', [6, 1]));
  const loss = op.averageLoss(op.squaredError(output, graph.input('y', [ROWS, 1])));
  return compileTraining({ loss, optimiser: { emaDecay: 0.9, clipNorm: 1 } });
}

function batchAt(step: number): Record<string, BatchInput> {
  const random = createRandom(`batch ${step}`);
  const normals = (width: number) => ({
    shape: [ROWS, width],
    data: Float32Array.from({ length: ROWS * width }, () => random.normal()),
  });
  return { x: normals(5), y: normals(1) };
}

/** Losses of the steps from the session's own up to `until`. */
async function trainTo(session: TrainingSession, until: number): Promise<number[]> {
  const losses: number[] = [];
  while (session.step < until) losses.push((await session.train(batchAt(session.step), 0.01)).loss ?? Number.NaN);
  return losses;
}

const contents = ({ step, tensors }: TrainingState) => ({
  step,
  tensors: [...tensors].map(([key, own]) => [key, [...own]]),
});

describe('a training session', () => {
  const program = compile();
  let session: TrainingSession;
  let losses: number[];
  beforeAll(async () => {
    session = await openTraining(program, { seed: 3 });
    losses = await trainTo(session, STEPS);
  });
  afterAll(() => session.close());

  it('gives the same bits again with the same seed, and drops others with another', async () => {
    const again = await openTraining(compile(), { seed: 3 });
    expect(await trainTo(again, STEPS)).toEqual(losses);
    expect(contents(again.state())).toEqual(contents(session.state()));
    const other = await openTraining(program, { seed: 4 });
    expect((await trainTo(other, 1))[0]).not.toBe(losses[0]);
    await Promise.all([again.close(), other.close()]);
  });

  it('drops others in each step', async () => {
    const own = await openTraining(program, { seed: 3 });
    const still = [];
    for (let step = 0; step < 3; step++) still.push((await own.train(batchAt(0), 0)).loss);
    expect(new Set(still).size).toBe(3);
    await own.close();
  });

  it.each([1, 4])('goes on from the state after step %i as if it had never stopped', async (stopped) => {
    const before = await openTraining(program, { seed: 3 });
    const head = await trainTo(before, stopped);
    const state = before.state();
    await before.close();
    const after = await openTraining(compile(), { seed: 3, resume: state });
    expect(after.step).toBe(stopped);
    expect([...head, ...(await trainTo(after, STEPS))]).toEqual(losses);
    expect(contents(after.state())).toEqual(contents(session.state()));
    await after.close();
  });

  it('hands out copies: a state taken stays what it was while training goes on', async () => {
    const own = await openTraining(program, { seed: 3 });
    const state = own.state();
    const weights = own.weights();
    const [stateBefore, weightBefore] = [contents(state), [...(weights.get('w1') ?? [])]];
    await trainTo(own, 2);
    expect(contents(state)).toEqual(stateBefore);
    expect([...(weights.get('w1') ?? [])]).toEqual(weightBefore);
    expect([...(own.weights().get('w1') ?? [])]).not.toEqual(weightBefore);
    await own.close();
  });

  it('has the running statistics among its weights', () => {
    const names = ['running.mean', 'running.variance', 'scale', 'shift', 'w1', 'w2'];
    expect([...session.weights('average').keys()].sort()).toEqual(names);
    expect(
      session
        .weights()
        .get('running.mean')
        ?.some((value) => value !== 0),
    ).toBe(true);
  });

  it('refuses the state of another program', async () => {
    const { step, tensors } = session.state();
    const [[key = ''] = []] = tensors;
    const lacking = new Map([...tensors].filter(([name]) => name !== key));
    const shorter = new Map([...tensors, [key, new Float32Array(1)]]);
    for (const wrong of [lacking, shorter]) {
      await expect(openTraining(program, { seed: 3, resume: { step, tensors: wrong } })).rejects.toMatchObject({
        code: 'TENSOR_STATE',
        message: expect.stringContaining(key),
      });
    }
  });
});
