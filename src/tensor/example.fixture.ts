import { Tensor } from 'onnxruntime-node';
import { createRandom } from '../core/index.ts';
import {
  averageLoss,
  compileInference,
  compileTraining,
  createSession,
  Graph,
  linear,
  openTraining,
  squaredError,
  tanh,
  type Value,
} from './index.ts';

const HIDDEN = 16;

/** One hidden layer: x [rows, 1] -> [rows, 1]. */
function network(graph: Graph, x: Value): Value {
  const random = createRandom('weights');
  const normals = (count: number) => Float32Array.from({ length: count }, () => random.normal());
  const w1 = graph.parameter('w1', [1, HIDDEN], { values: normals(HIDDEN), group: 'matrix' });
  const b1 = graph.parameter('b1', [HIDDEN], { values: normals(HIDDEN) });
  const w2 = graph.parameter('w2', [HIDDEN, 1], { values: normals(HIDDEN), group: 'matrix' });
  const b2 = graph.parameter('b2', [1], { values: new Float32Array(1) });
  return linear(tanh(linear(x, w1, b1)), w2, b2);
}

/** Learns sin(x) between -3 and 3, and gives what the network says at the given places. */
export async function learnSine(at: readonly number[], steps: number): Promise<Float32Array> {
  // 1. A graph with fixed sizes and a scalar loss; every shape is checked here.
  const rows = 64;
  const graph = new Graph();
  const output = network(graph, graph.input('x', [rows, 1]));
  const loss = averageLoss(squaredError(output, graph.input('y', [rows, 1])));

  // 2. One ONNX graph of a whole step: forwards, backwards, clipping, AdamW.
  const program = compileTraining({ loss, optimiser: { clipNorm: 1, groups: { matrix: { weightDecay: 0.001 } } } });

  // 3. Steps. The state stays in the session.
  const session = await openTraining(program, { seed: 1 });
  const random = createRandom('data');
  while (session.step < steps) {
    const x = Float32Array.from({ length: rows }, () => 6 * random.uniform() - 3);
    await session.train({ x: { shape: [rows, 1], data: x }, y: { shape: [rows, 1], data: x.map(Math.sin) } }, 0.02);
  }
  const weights = session.weights();
  await session.close();

  // 4. The same network for any number of rows, with the weights in the file.
  const open = new Graph();
  const y = network(open, open.input('x', ['batch', 1]));
  const file = compileInference({ name: 'sine', outputs: { y }, weights });
  const runtime = await createSession(file);
  const results = await runtime.run({ x: new Tensor('float32', Float32Array.from(at), [at.length, 1]) });
  await runtime.release();
  return results.y?.data as Float32Array;
}
