export { type Dimension, type OnnxAttribute, OnnxGraph } from './onnx/onnx-graph.ts';
export { type OnnxModelSummary, type OnnxTensorInfo, readOnnxModel } from './onnx/onnx-model.ts';
