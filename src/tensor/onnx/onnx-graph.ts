import { create, toBinary } from '@bufbuild/protobuf';
import {
  type AttributeProto,
  AttributeProto_AttributeType,
  AttributeProtoSchema,
  GraphProtoSchema,
  ModelProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  OperatorSetIdProtoSchema,
  StringStringEntryProtoSchema,
  type TensorProto,
  TensorProto_DataType,
  TensorProtoSchema,
  TensorShapeProto_DimensionSchema,
  TensorShapeProtoSchema,
  TypeProto_TensorSchema,
  TypeProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from './onnx_pb.ts';

/** ONNX IR 8 with opset 17: the newest that the pinned onnx.proto knows, and read by every runtime since 1.12. */
export const ONNX_IR_VERSION = 8n;
export const ONNX_OPSET = 17n;

/** A fixed size, or the name of a size known only at run time (`batch`). */
export type Dimension = number | string;

/** Integers become INT, fractions must be given as `{ float }`: a JavaScript number does not tell 1 from 1.0. */
export type OnnxAttribute = number | bigint | string | readonly number[] | { readonly float: number };

/**
 * Builds one ONNX graph. Each adder returns the name of the value it defines, so that calls nest; names are unique and inputs of a
 * node must exist already, so a graph is in topological order by construction. Equal calls give equal bytes.
 */
export class OnnxGraph {
  readonly #name: string;
  readonly #inputs: ValueInfoProto[] = [];
  readonly #outputs: ValueInfoProto[] = [];
  readonly #initializers: TensorProto[] = [];
  readonly #nodes: NodeProto[] = [];
  readonly #metadata = new Map<string, string>();
  readonly #values = new Set<string>();
  readonly #domains = new Set(['']);

  constructor(name: string) {
    this.#name = name;
  }

  /** A float32 input of the graph. */
  input(name: string, shape: readonly Dimension[]): string {
    this.#define(name);
    this.#inputs.push(valueInfo(name, shape));
    return name;
  }

  /** A float32 constant, row-major. @throws RangeError when the shape and the number of values differ. */
  float32(name: string, shape: readonly number[], values: Float32Array): string {
    return this.#initializer(name, TensorProto_DataType.FLOAT, shape, values.length, littleEndianFloats(values));
  }

  /** An int64 constant, for shapes and axes. */
  int64(name: string, shape: readonly number[], values: readonly number[]): string {
    const raw = new Uint8Array(values.length * 8);
    const view = new DataView(raw.buffer);
    values.forEach((value, index) => {
      view.setBigInt64(index * 8, BigInt(value), true);
    });
    return this.#initializer(name, TensorProto_DataType.INT64, shape, values.length, raw);
  }

  /** One operator with one result, named `output`. @throws RangeError on an input that does not exist. */
  node(
    operator: string,
    inputs: readonly string[],
    output: string,
    attributes: Readonly<Record<string, OnnxAttribute>> = {},
    domain = '',
  ): string {
    return this.nodeOf(operator, inputs, [output], attributes, domain);
  }

  /** One operator with several results; returns the name of the first. @throws RangeError on an input that does not exist. */
  nodeOf(
    operator: string,
    inputs: readonly string[],
    outputs: readonly [string, ...string[]],
    attributes: Readonly<Record<string, OnnxAttribute>> = {},
    domain = '',
  ): string {
    const [name] = outputs;
    for (const input of inputs) {
      if (!this.#values.has(input))
        throw new RangeError(`${operator} "${name}" reads "${input}", which does not exist`);
    }
    for (const output of outputs) this.#define(output);
    this.#domains.add(domain);
    this.#nodes.push(
      create(NodeProtoSchema, {
        opType: operator,
        name,
        domain,
        input: [...inputs],
        output: [...outputs],
        attribute: Object.entries(attributes).map(([key, value]) => attribute(key, value)),
      }),
    );
    return name;
  }

  /** Whether a value of that name exists. */
  has(name: string): boolean {
    return this.#values.has(name);
  }

  /** Declares a float32 value as an output of the graph. */
  output(name: string, shape: readonly Dimension[]): void {
    if (!this.#values.has(name)) throw new RangeError(`the output "${name}" does not exist`);
    this.#outputs.push(valueInfo(name, shape));
  }

  /** A key and value readable from the file without running it. */
  metadata(key: string, value: string): void {
    this.#metadata.set(key, value);
  }

  /** The model file. */
  toBytes(): Uint8Array {
    const model = create(ModelProtoSchema, {
      irVersion: ONNX_IR_VERSION,
      opsetImport: [...this.#domains].map((domain) =>
        create(OperatorSetIdProtoSchema, { domain, version: domain === '' ? ONNX_OPSET : 1n }),
      ),
      producerName: 'minutehand',
      graph: create(GraphProtoSchema, {
        name: this.#name,
        node: this.#nodes,
        initializer: this.#initializers,
        input: this.#inputs,
        output: this.#outputs,
      }),
      metadataProps: [...this.#metadata].map(([key, value]) => create(StringStringEntryProtoSchema, { key, value })),
    });
    return toBinary(ModelProtoSchema, model);
  }

  #define(name: string): void {
    if (this.#values.has(name)) throw new RangeError(`the value "${name}" exists already`);
    this.#values.add(name);
  }

  #initializer(name: string, dataType: number, shape: readonly number[], count: number, rawData: Uint8Array): string {
    const size = shape.reduce((product, dimension) => product * dimension, 1);
    if (size !== count) {
      throw new RangeError(`"${name}" has shape [${shape.join(', ')}] = ${size} values but ${count} were given`);
    }
    this.#define(name);
    this.#initializers.push(create(TensorProtoSchema, { name, dataType, dims: shape.map(BigInt), rawData }));
    return name;
  }
}

/** ONNX stores raw data little-endian, whatever the machine. */
export function littleEndianFloats(values: Float32Array): Uint8Array {
  const raw = new Uint8Array(values.length * 4);
  const view = new DataView(raw.buffer);
  for (let i = 0; i < values.length; i++) view.setFloat32(i * 4, values[i] ?? 0, true);
  return raw;
}

function valueInfo(name: string, shape: readonly Dimension[]): ValueInfoProto {
  const dim = shape.map((dimension) =>
    create(TensorShapeProto_DimensionSchema, {
      value:
        typeof dimension === 'number'
          ? { case: 'dimValue', value: BigInt(dimension) }
          : { case: 'dimParam', value: dimension },
    }),
  );
  const tensor = create(TypeProto_TensorSchema, {
    elemType: TensorProto_DataType.FLOAT,
    shape: create(TensorShapeProtoSchema, { dim }),
  });
  return create(ValueInfoProtoSchema, {
    name,
    type: create(TypeProtoSchema, { value: { case: 'tensorType', value: tensor } }),
  });
}

function attribute(name: string, value: OnnxAttribute): AttributeProto {
  if (typeof value === 'string') {
    return create(AttributeProtoSchema, {
      name,
      type: AttributeProto_AttributeType.STRING,
      s: new TextEncoder().encode(value),
    });
  }
  if (typeof value === 'number' || typeof value === 'bigint') {
    return create(AttributeProtoSchema, { name, type: AttributeProto_AttributeType.INT, i: BigInt(value) });
  }
  if ('float' in value) {
    return create(AttributeProtoSchema, { name, type: AttributeProto_AttributeType.FLOAT, f: value.float });
  }
  return create(AttributeProtoSchema, {
    name,
    type: AttributeProto_AttributeType.INTS,
    ints: value.map((element) => BigInt(element)),
  });
}
