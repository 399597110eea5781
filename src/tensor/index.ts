export type { AdamWOptions, ParameterGroup } from './adamw.ts';
export { type CompileOptions, compileInference } from './compile.ts';
export { evaluateReference } from './evaluate-reference.ts';
export { gradients } from './gradients.ts';
export { Graph, type Parameter, type ParameterOptions, type ReferenceTensor, type Value } from './graph.ts';
export { type Dimension, type OnnxAttribute, OnnxGraph } from './onnx/onnx-graph.ts';
export {
  type OnnxModelSummary,
  type OnnxTensorInfo,
  readOnnxModel,
  readOnnxWeights,
} from './onnx/onnx-model.ts';
export { inPrecision, PRECISIONS, type Precision } from './onnx/reduced-precision.ts';
export * from './ops/index.ts';
export { createSession, DEVICES, type Device, type SessionOptions } from './session.ts';
export { type Shape, ShapeError } from './shape.ts';
export { compileTraining, type StateTensor, type TrainingOptions, type TrainingProgram } from './training-program.ts';
export {
  type BatchInput,
  openTraining,
  type TrainingSession,
  type TrainingSessionOptions,
  type TrainingState,
} from './training-session.ts';
