import { createRandom, MinutehandError } from '../../core/index.ts';
import type { Graph, Operation, Value } from '../graph.ts';
import { sizeOf } from '../shape.ts';
import { multiply } from './arithmetic.ts';

/** The graph's input [sites] that says where each mask begins: from `dropoutOffsets(seed, step, sites)`. */
export const DROPOUT_INPUT = 'dropout_offsets';

/** Distinct places a mask can begin at; whole numbers that float32 holds exactly. */
const OFFSETS = 1 << 20;

/**
 * In training, sets a share of the elements to 0 and scales the others by 1 / (1 - rate) (Srivastava et al. 2014). The mask is a stretch
 * of one fixed random table that begins where {@link dropoutOffsets} says: a function of (seed, step) alone, so a resumed run draws the
 * same masks; the runtime's own dropout counts its calls and cannot go back.
 * @param sites the graph's dropout input, [number of dropouts]
 */
export function dropout(x: Value, rate: number, sites: Value | undefined): Value {
  if (!(rate >= 0 && rate < 1)) {
    throw new MinutehandError('TENSOR_RATE', `a dropout rate of ${rate}`, 'Give a rate from 0 to less than 1.', {
      exitCode: 2,
    });
  }
  if (rate === 0 || !sites) return x;
  const size = sizeOf(x.shape, 'dropout');
  const site = x.graph.claimDropout(size);
  const operation: Operation = {
    name: 'dropoutMask',
    gradient: () => [undefined],
    emit: ({ onnx, inputs: [offsets = ''], output, value }) => {
      const pool = `dropout_table_${rate}`;
      if (!onnx.has(pool)) {
        const table = tableOf(value.graph, rate);
        onnx.float32(pool, [table.length], table);
      }
      const at = onnx.node(
        'Slice',
        [offsets, onnx.int64(`${output}_site`, [1], [site]), onnx.int64(`${output}_next`, [1], [site + 1])],
        `${output}_at`,
      );
      const start = onnx.node('Cast', [at], `${output}_start`, { to: INT64 });
      const end = onnx.node('Add', [start, onnx.int64(`${output}_size`, [1], [size])], `${output}_end`);
      const stretch = onnx.node('Slice', [pool, start, end], `${output}_stretch`);
      return onnx.node(
        'Reshape',
        [stretch, onnx.int64(`${output}_shape`, [x.shape.length], x.shape.map(Number))],
        output,
      );
    },
    evaluate: ([offsets]) => {
      const start = offsets?.data[site] ?? 0;
      return Float64Array.from(tableOf(x.graph, rate).subarray(start, start + size));
    },
  };
  return multiply(x, x.graph.define(operation, [sites], x.shape));
}

/** Where the masks of a step begin: [sites], whole numbers. */
export function dropoutOffsets(seed: string | number, step: number, sites: number): Float32Array {
  const random = createRandom(`${seed}/dropout/${step}`);
  return Float32Array.from({ length: sites }, () => random.integer(OFFSETS));
}

const INT64 = 7;

/** Tables by graph and rate: a million draws are not repeated for each place of a dropout. */
const tables = new WeakMap<Graph, Map<number, Float32Array>>();

function tableOf(graph: Graph, rate: number): Float32Array {
  const size = graph.dropouts.largest + OFFSETS;
  const known = tables.get(graph) ?? new Map<number, Float32Array>();
  tables.set(graph, known);
  const table = known.get(rate);
  if (table?.length === size) return table;
  const made = makeTable(size, rate);
  known.set(rate, made);
  return made;
}

function makeTable(size: number, rate: number): Float32Array {
  const random = createRandom(`dropout table ${rate}`);
  const table = new Float32Array(size);
  const scale = 1 / (1 - rate);
  for (let i = 0; i < table.length; i++) table[i] = random.uniform() < rate ? 0 : scale;
  return table;
}
