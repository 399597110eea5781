export {
  add,
  divide,
  expand,
  less,
  maximum,
  mean,
  minimum,
  multiply,
  negate,
  type Operand,
  subtract,
  sum,
} from './arithmetic.ts';
export { DROPOUT_INPUT, dropout, dropoutOffsets } from './dropout.ts';
export {
  abs,
  argMax,
  exp,
  gelu,
  geluFast,
  log,
  oneHot,
  relu,
  sigmoid,
  sign,
  silu,
  softplus,
  sqrt,
  square,
  stopGradient,
  tanh,
} from './elementwise.ts';
export { concat, gatherRows, pad, reshape, scatterRows, slice, transpose } from './layout.ts';
export {
  absoluteError,
  averageLoss,
  bceWithLogits,
  correlationLoss,
  crossEntropy,
  huber,
  pairwiseRankLoss,
  quantileLoss,
  smoothTargets,
  squaredError,
} from './losses.ts';
export { linear, type MatMulOptions, matMul } from './matmul.ts';
export { type BatchNormOptions, batchNorm, layerNorm, logSoftmax, softmax } from './normalization.ts';
