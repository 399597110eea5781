import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import {
  AttributeProto_AttributeType,
  AttributeProtoSchema,
  type GraphProto,
  type ModelProto,
  ModelProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  OperatorSetIdProtoSchema,
  type TensorProto,
  TensorProto_DataType,
  TensorProtoSchema,
} from './onnx_pb.ts';
import { littleEndianFloats } from './onnx-graph.ts';
import { floatsOf, viewOf } from './onnx-model.ts';

const { FLOAT, FLOAT16, INT64, UINT8 } = TensorProto_DataType;
const CONTRIBUTED = 'com.microsoft';

/** What a graph computes with: single precision, constant matrices kept in half precision, products in 8-bit integers. */
export const PRECISIONS = ['fp32', 'fp16', 'int8'] as const;
export type Precision = (typeof PRECISIONS)[number];

/** A graph of single precision in another one. @throws Error when the bytes are no ONNX model */
export function inPrecision(onnx: Uint8Array, precision: Precision): Uint8Array {
  if (precision === 'fp32') return onnx;
  return precision === 'fp16' ? halveWeights(onnx) : quantizeProducts(onnx);
}

/**
 * The same graph with products in 8-bit integers: every `Gemm` and `MatMul` of float32 by a constant matrix becomes one
 * `DynamicQuantizeMatMul`. Weights are unsigned around 128 with one scale a column; what is multiplied by them is cut into 255 steps anew in each
 * call, over the whole tensor: so a row's result depends on the other rows of its batch. Anything else is left as it is.
 *
 * Both factors are unsigned because, without the VNNI instructions, the runtime adds two products of unsigned by signed in 16 bits, which is too
 * few for full ranges; unsigned by unsigned it adds in 32.
 * @throws Error when the bytes are no ONNX model
 */
export function quantizeProducts(onnx: Uint8Array): Uint8Array {
  const { model, graph } = readGraph(onnx);
  foldConstantLayouts(graph);
  const constants = new Map(graph.initializer.map((tensor) => [tensor.name, tensor]));
  const quantized = new Map<string, readonly [TensorProto, TensorProto, TensorProto]>();
  const replaced = new Set<string>();
  graph.node = graph.node.map((node) => {
    const [x = '', weightName = '', bias = ''] = node.input;
    const weight = constants.get(weightName);
    if (!isPlainProduct(node) || !weight || weight.dataType !== FLOAT || weight.dims.length !== 2) return node;
    if (bias !== '' && constants.get(bias)?.dims.length !== 1) return node;
    const isTurned = node.attribute.some(({ name, i }) => name === 'transB' && i !== 0n);
    const name = isTurned ? `${weightName}.transposed` : weightName;
    const parts = quantized.get(name) ?? quantizeColumns(isTurned ? transposed(name, weight, [1, 0]) : weight);
    quantized.set(name, parts);
    replaced.add(weightName);
    return create(NodeProtoSchema, {
      opType: 'DynamicQuantizeMatMul',
      domain: CONTRIBUTED,
      name: node.name,
      input: [x, ...parts.map((part) => part.name), ...(bias === '' ? [] : [bias])],
      output: node.output,
    });
  });
  graph.initializer.push(...[...quantized.values()].flat());
  dropUnread(graph, replaced);
  if (quantized.size > 0 && model.opsetImport.every(({ domain }) => domain !== CONTRIBUTED))
    model.opsetImport.push(create(OperatorSetIdProtoSchema, { domain: CONTRIBUTED, version: 1n }));
  return toBinary(ModelProtoSchema, model);
}

/**
 * The same graph with its constant matrices in half precision: each is followed by a cast to float32, and all is still computed in float32. A
 * matrix with an element that half precision cannot hold (beyond ±65,504) is left as it is.
 * @throws Error when the bytes are no ONNX model
 */
export function halveWeights(onnx: Uint8Array): Uint8Array {
  const { model, graph } = readGraph(onnx);
  const casts: NodeProto[] = [];
  graph.initializer = graph.initializer.map((tensor) => {
    if (tensor.dataType !== FLOAT || tensor.dims.length < 2) return tensor;
    const values = floatsOf(tensor);
    if (values.some((value) => Math.abs(value) > LARGEST_HALF)) return tensor;
    const name = `${tensor.name}.half`;
    const to = create(AttributeProtoSchema, { name: 'to', type: AttributeProto_AttributeType.INT, i: BigInt(FLOAT) });
    casts.push(
      create(NodeProtoSchema, { opType: 'Cast', name, input: [name], output: [tensor.name], attribute: [to] }),
    );
    const raw = new Uint8Array(2 * values.length);
    const view = new DataView(raw.buffer);
    values.forEach((value, i) => {
      view.setUint16(2 * i, halfBits(value), true);
    });
    return create(TensorProtoSchema, { name, dataType: FLOAT16, dims: tensor.dims, rawData: raw });
  });
  graph.node.unshift(...casts);
  return toBinary(ModelProtoSchema, model);
}

interface OpenedModel {
  readonly model: ModelProto;
  readonly graph: GraphProto;
}

function readGraph(onnx: Uint8Array): OpenedModel {
  const model = fromBinary(ModelProtoSchema, onnx);
  if (!model.graph) throw new Error('no graph in the file');
  return { model, graph: model.graph };
}

/** Whether a node is x W or x W + b; W may be stored transposed. */
function isPlainProduct({ opType, domain, attribute }: NodeProto): boolean {
  if (domain !== '' || (opType !== 'Gemm' && opType !== 'MatMul')) return false;
  return attribute.every(({ name, i, f }) => name === 'transB' || (name === 'transA' ? i === 0n : f === 1));
}

/** The middle of the unsigned range, and how far weights reach to either side of it. */
const ZERO_POINT = 128;
const REACH = 127;

/** Weights [k, n] as integers, the scale of each column and the zero point of each. */
function quantizeColumns(weight: TensorProto): readonly [TensorProto, TensorProto, TensorProto] {
  const { name } = weight;
  const values = floatsOf(weight);
  const columns = Number(weight.dims[1]);
  const scales = new Float32Array(columns);
  values.forEach((value, i) => {
    scales[i % columns] = Math.max(scales[i % columns] ?? 0, Math.abs(value) / REACH);
  });
  const integers = Uint8Array.from(values, (value, i) => ZERO_POINT + Math.round(value / (scales[i % columns] || 1)));
  const dims = [BigInt(columns)];
  return [
    create(TensorProtoSchema, { name: `${name}.integers`, dataType: UINT8, dims: weight.dims, rawData: integers }),
    floatTensor(`${name}.scales`, dims, scales),
    create(TensorProtoSchema, {
      name: `${name}.zeros`,
      dataType: UINT8,
      dims,
      rawData: new Uint8Array(columns).fill(ZERO_POINT),
    }),
  ];
}

/** Computes `Reshape` and `Transpose` of constants, so that a matrix that only changes its layout is a constant again. */
function foldConstantLayouts(graph: GraphProto): void {
  const constants = new Map(graph.initializer.map((tensor) => [tensor.name, tensor]));
  const sources = new Set<string>();
  graph.node = graph.node.filter((node) => {
    const [from = '', shape = ''] = node.input;
    const [name = ''] = node.output;
    const tensor = constants.get(from);
    if (!tensor || tensor.dataType !== FLOAT || node.domain !== '') return true;
    const folded =
      node.opType === 'Reshape'
        ? reshaped(name, tensor, constants.get(shape))
        : node.opType === 'Transpose'
          ? transposed(name, tensor, orderOf(node, tensor))
          : undefined;
    if (!folded) return true;
    constants.set(name, folded);
    graph.initializer.push(folded);
    for (const input of node.input) sources.add(input);
    return false;
  });
  dropUnread(graph, sources);
}

function reshaped(name: string, tensor: TensorProto, shape: TensorProto | undefined): TensorProto | undefined {
  if (shape?.dataType !== INT64 || shape.rawData.length === 0) return undefined;
  const view = viewOf(shape.rawData);
  const sizes = Array.from({ length: shape.rawData.length / 8 }, (_, i) => view.getBigInt64(8 * i, true));
  return sizes.every((size) => size > 0n) ? floatTensor(name, sizes, floatsOf(tensor)) : undefined;
}

function transposed(name: string, tensor: TensorProto, order: readonly number[]): TensorProto {
  const from = tensor.dims.map(Number);
  const to = order.map((axis) => from[axis] ?? 1);
  const strides = order.map((axis) => from.slice(axis + 1).reduce((product, size) => product * size, 1));
  const values = floatsOf(tensor);
  const result = new Float32Array(values.length);
  for (let i = 0; i < result.length; i++) {
    let rest = i;
    let at = 0;
    for (let axis = to.length - 1; axis >= 0; axis--) {
      const size = to[axis] ?? 1;
      at += (rest % size) * (strides[axis] ?? 0);
      rest = Math.floor(rest / size);
    }
    result[i] = values[at] ?? Number.NaN;
  }
  return floatTensor(name, to.map(BigInt), result);
}

/** The order of a `Transpose`: its own, or the axes backwards. */
function orderOf({ attribute }: NodeProto, { dims }: TensorProto): number[] {
  return (
    attribute.find(({ name }) => name === 'perm')?.ints.map(Number) ?? dims.map((_, axis) => dims.length - 1 - axis)
  );
}

/** Drops those of the named constants that nothing reads any more. */
function dropUnread(graph: GraphProto, candidates: ReadonlySet<string>): void {
  const read = new Set([...graph.node.flatMap(({ input }) => input), ...graph.output.map(({ name }) => name)]);
  graph.initializer = graph.initializer.filter(({ name }) => !candidates.has(name) || read.has(name));
}

function floatTensor(name: string, dims: bigint[], values: Float32Array): TensorProto {
  return create(TensorProtoSchema, { name, dataType: FLOAT, dims, rawData: littleEndianFloats(values) });
}

const LARGEST_HALF = 65_504;
const SMALLEST_NORMAL_HALF = 2 ** -14;
const scratch = new DataView(new ArrayBuffer(4));

/** The bits of the nearest half-precision number, of two equally near ones the even (IEEE 754 binary16), of |value| <= 65,504. */
function halfBits(value: number): number {
  scratch.setFloat32(0, value);
  const bits = scratch.getUint32(0);
  const sign = (bits >>> 16) & 0x8000;
  if (Math.abs(value) < SMALLEST_NORMAL_HALF) return sign | roundToEven(Math.abs(value) * 2 ** 24);
  // The exponent's bias goes from 127 to 15; thirteen bits of the fraction are rounded away.
  return sign | (((bits & 0x7fffffff) - 0x38000000 + 0xfff + ((bits >>> 13) & 1)) >>> 13);
}

/** Adding 2^52 leaves no bits for a fraction. */
const roundToEven = (value: number): number => value + 2 ** 52 - 2 ** 52;
