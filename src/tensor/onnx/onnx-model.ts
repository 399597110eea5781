import { fromBinary } from '@bufbuild/protobuf';
import { ModelProtoSchema, type TensorProto, TensorProto_DataType, type ValueInfoProto } from './onnx_pb.ts';

export interface OnnxTensorInfo {
  readonly name: string;
  /** Sizes, and names of those known only at run time. */
  readonly shape: readonly (number | string)[];
}

export interface OnnxModelSummary {
  readonly inputs: readonly OnnxTensorInfo[];
  readonly outputs: readonly OnnxTensorInfo[];
  readonly metadata: ReadonlyMap<string, string>;
  /** Number of float32 weights. */
  readonly weightCount: number;
  /** Names of constants that hold a value that is not finite. */
  readonly nonFinite: readonly string[];
}

/**
 * What an ONNX file declares, without running it.
 * @throws Error when the bytes are no ONNX model (truncated, no graph, weights shorter than their shape).
 */
export function readOnnxModel(bytes: Uint8Array): OnnxModelSummary {
  const model = fromBinary(ModelProtoSchema, bytes);
  if (!model.graph) throw new Error('no graph in the file');
  let weightCount = 0;
  const nonFinite: string[] = [];
  for (const tensor of model.graph.initializer) {
    if (tensor.dataType !== TensorProto_DataType.FLOAT) continue;
    weightCount += sizeOf(tensor);
    if (!isFiniteTensor(tensor)) nonFinite.push(tensor.name);
  }
  return {
    inputs: model.graph.input.map(tensorInfo),
    outputs: model.graph.output.map(tensorInfo),
    metadata: new Map(model.metadataProps.map(({ key, value }) => [key, value])),
    weightCount,
    nonFinite,
  };
}

const sizeOf = (tensor: TensorProto): number => tensor.dims.reduce((product, dim) => product * Number(dim), 1);

function isFiniteTensor(tensor: TensorProto): boolean {
  if (tensor.floatData.length > 0) return tensor.floatData.every(Number.isFinite);
  const raw = tensor.rawData;
  if (raw.byteLength !== sizeOf(tensor) * 4) throw new Error(`the weights "${tensor.name}" do not fill their shape`);
  const view = viewOf(raw);
  for (let offset = 0; offset < raw.byteLength; offset += 4) {
    if (!Number.isFinite(view.getFloat32(offset, true))) return false;
  }
  return true;
}

function tensorInfo(value: ValueInfoProto): OnnxTensorInfo {
  const type = value.type?.value;
  const dimensions = type?.case === 'tensorType' ? (type.value.shape?.dim ?? []) : [];
  return {
    name: value.name,
    shape: dimensions.map(({ value: dimension }) =>
      dimension.case === 'dimValue' ? Number(dimension.value) : (dimension.value ?? '?'),
    ),
  };
}

/**
 * The float32 constants of an ONNX file by name.
 * @throws Error when the bytes are no ONNX model
 */
export function readOnnxWeights(bytes: Uint8Array): Map<string, Float32Array> {
  const model = fromBinary(ModelProtoSchema, bytes);
  const weights = new Map<string, Float32Array>();
  for (const tensor of model.graph?.initializer ?? []) {
    if (tensor.dataType !== TensorProto_DataType.FLOAT) continue;
    weights.set(tensor.name, floatsOf(tensor));
  }
  return weights;
}

/** The values of a float32 constant. */
export function floatsOf({ rawData, floatData }: TensorProto): Float32Array {
  if (floatData.length > 0) return Float32Array.from(floatData);
  const view = viewOf(rawData);
  return Float32Array.from({ length: rawData.byteLength / 4 }, (_, i) => view.getFloat32(4 * i, true));
}

export const viewOf = (raw: Uint8Array): DataView => new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
