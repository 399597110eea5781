import type { Operation, Value } from '../graph.ts';
import { mapElements } from '../reference.ts';
import { dimensionAt } from '../shape.ts';
import { add, divide, multiply, subtract } from './arithmetic.ts';

/** e^x. */
export const exp = (x: Value): Value => unary('exp', 'Exp', x, Math.exp, (upstream, y) => multiply(upstream, y));

/** The natural logarithm. */
export const log = (x: Value): Value => unary('log', 'Log', x, Math.log, (upstream) => divide(upstream, x));

/** The square root. */
export const sqrt = (x: Value): Value =>
  unary('sqrt', 'Sqrt', x, Math.sqrt, (upstream, y) => divide(multiply(upstream, 0.5), y));

/** |x|; the derivative at 0 is 0. */
export const abs = (x: Value): Value => unary('abs', 'Abs', x, Math.abs, (upstream) => multiply(upstream, sign(x)));

/** -1, 0 or 1; no derivative. */
export const sign = (x: Value): Value => unary('sign', 'Sign', x, Math.sign, () => undefined);

/** x * x. */
export const square = (x: Value): Value => multiply(x, x);

/** The hyperbolic tangent. */
export const tanh = (x: Value): Value =>
  unary('tanh', 'Tanh', x, Math.tanh, (upstream, y) => multiply(upstream, subtract(onesLike(x), multiply(y, y))));

/** 1 / (1 + e^-x). */
export const sigmoid = (x: Value): Value =>
  unary('sigmoid', 'Sigmoid', x, logistic, (upstream, y) => multiply(upstream, subtract(y, multiply(y, y))));

/** max(x, 0); the derivative at 0 is 0. */
export const relu = (x: Value): Value =>
  unary(
    'relu',
    'Relu',
    x,
    (a) => Math.max(a, 0),
    (upstream, y) => multiply(upstream, sign(y)),
  );

/** log(1 + e^x), without overflow. */
export const softplus = (x: Value): Value =>
  unary(
    'softplus',
    'Softplus',
    x,
    (a) => Math.max(a, 0) + Math.log1p(Math.exp(-Math.abs(a))),
    (upstream) => multiply(upstream, sigmoid(x)),
  );

/** x * sigmoid(x) (Elfwing et al. 2017). */
export const silu = (x: Value): Value => multiply(x, sigmoid(x));

/** x * Phi(x), Phi the normal distribution (Hendrycks and Gimpel 2016). */
export const gelu = (x: Value): Value =>
  contributed(
    'gelu',
    'Gelu',
    x,
    (a) => a * normalDistribution(a),
    (upstream) => multiply(upstream, geluSlope(x)),
  );

const FAST_SLOPE = Math.sqrt(2 / Math.PI);
const FAST_CUBE = 0.044715;

/** GELU by tanh: 0.5 x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))); differs from {@link gelu} by less than 0.001. */
export function geluFast(x: Value): Value {
  const compute = (a: number) => 0.5 * a * (1 + Math.tanh(FAST_SLOPE * (a + FAST_CUBE * a ** 3)));
  return contributed('geluFast', 'FastGelu', x, compute, (upstream) => {
    const xx = square(x);
    const t = tanh(multiply(x, add(multiply(xx, FAST_SLOPE * FAST_CUBE), FAST_SLOPE)));
    const inner = add(multiply(xx, 3 * FAST_SLOPE * FAST_CUBE), FAST_SLOPE);
    const curve = multiply(multiply(x, inner), subtract(onesLike(x), square(t)));
    return multiply(upstream, multiply(add(add(t, curve), 1), 0.5));
  });
}

/** x itself, through which no derivative passes. */
export const stopGradient = (x: Value): Value =>
  unary(
    'stopGradient',
    'Identity',
    x,
    (a) => a,
    () => undefined,
  );

/** One row of `classes` per id ([...] whole numbers as float32): 1 at the id, else 0; no derivative. */
export function oneHot(ids: Value, classes: number): Value {
  const operation: Operation = {
    name: 'oneHot',
    gradient: () => [undefined],
    emit: ({ onnx, inputs: [id = ''], output }) =>
      onnx.node(
        'OneHot',
        [
          onnx.node('Cast', [id], `${output}_ids`, { to: INT64 }),
          onnx.int64(`${output}_classes`, [1], [classes]),
          onnx.float32(`${output}_values`, [2], Float32Array.of(0, 1)),
        ],
        output,
      ),
    evaluate: ([id]) => {
      const result = new Float64Array((id?.data.length ?? 0) * classes);
      id?.data.forEach((own, row) => {
        if (own >= 0 && own < classes) result[row * classes + own] = 1;
      });
      return result;
    },
  };
  return ids.graph.define(operation, [ids], [...ids.shape, classes]);
}

/** Place of the largest value along the last axis, the first of equals; no derivative. [..., n] -> [...] as float32. */
export function argMax(x: Value): Value {
  dimensionAt(x.shape, -1, 'argMax');
  const operation: Operation = {
    name: 'argMax',
    gradient: () => [undefined],
    emit: ({ onnx, inputs, output }) =>
      onnx.node('Cast', [onnx.node('ArgMax', inputs, `${output}_index`, { axis: -1, keepdims: 0 })], output, {
        to: FLOAT,
      }),
    evaluate: ([a], shape) => {
      const width = a?.shape[a.shape.length - 1] ?? 1;
      return new Float64Array(shape.reduce((product, size) => product * size, 1)).map((_, row) => {
        const own = Array.from(a?.data.subarray(row * width, (row + 1) * width) ?? []);
        return own.indexOf(Math.max(...own));
      });
    },
  };
  return x.graph.define(operation, [x], x.shape.slice(0, -1));
}

/** Phi(x) + x phi(x), the derivative of {@link gelu}; itself without derivative. */
function geluSlope(x: Value): Value {
  const operation: Operation = {
    name: 'geluSlope',
    emit: ({ onnx, inputs: [a = ''], output }) => {
      const constant = (name: string, value: number) => onnx.float32(`${output}_${name}`, [], Float32Array.of(value));
      const scaled = onnx.node('Mul', [a, constant('c1', Math.SQRT1_2)], `${output}_scaled`);
      const erf = onnx.node('Erf', [scaled], `${output}_erf`);
      const half = onnx.node('Mul', [erf, constant('c2', 0.5)], `${output}_half`);
      const squared = onnx.node('Mul', [scaled, scaled], `${output}_squared`);
      const density = onnx.node('Exp', [onnx.node('Neg', [squared], `${output}_negative`)], `${output}_density`);
      const weighted = onnx.node(
        'Mul',
        [onnx.node('Mul', [a, density], `${output}_product`), constant('c3', 1 / Math.sqrt(2 * Math.PI))],
        `${output}_weighted`,
      );
      return onnx.node('Add', [onnx.node('Add', [half, constant('c2b', 0.5)], `${output}_phi`), weighted], output);
    },
    evaluate: (inputs, shape) =>
      mapElements(
        inputs,
        shape,
        (a = 0) => normalDistribution(a) + (a * Math.exp(-0.5 * a * a)) / Math.sqrt(2 * Math.PI),
      ),
  };
  return x.graph.define(operation, [x], x.shape);
}

const FLOAT = 1;
const INT64 = 7;

const onesLike = (x: Value): Value => x.graph.constant([], [1]);

const logistic = (a: number): number => (a >= 0 ? 1 / (1 + Math.exp(-a)) : Math.exp(a) / (1 + Math.exp(a)));

/** Phi by the power series where that converges quickly, else by the continued fraction of the tail; 1e-15 (Abramowitz and Stegun 26.2.10, 26.2.14). */
function normalDistribution(x: number): number {
  const density = Math.exp(-0.5 * x * x) / Math.sqrt(2 * Math.PI);
  if (Math.abs(x) < 4) {
    let term = x;
    let total = x;
    for (let k = 1; Math.abs(term) > 1e-18 * Math.abs(total) && k < 200; k++) {
      term *= (x * x) / (2 * k + 1);
      total += term;
    }
    return 0.5 + density * total;
  }
  let tail = 0;
  for (let k = 60; k >= 1; k--) tail = k / (Math.abs(x) + tail);
  const upper = density / (Math.abs(x) + tail);
  return x > 0 ? 1 - upper : upper;
}

function unary(
  name: string,
  onnxName: string,
  x: Value,
  compute: (a: number) => number,
  gradient: (upstream: Value, y: Value) => Value | undefined,
  domain?: string,
): Value {
  const operation: Operation = {
    name,
    gradient: (value, upstream) => [gradient(upstream, value)],
    emit: ({ onnx, inputs, output }) => onnx.node(onnxName, inputs, output, {}, domain),
    evaluate: (inputs, shape) => mapElements(inputs, shape, (a) => compute(a ?? Number.NaN)),
  };
  return x.graph.define(operation, [x], x.shape);
}

/** One of the runtime's own operators beside the standard. */
const contributed = (
  name: string,
  onnxName: string,
  x: Value,
  compute: (a: number) => number,
  gradient: (upstream: Value, y: Value) => Value | undefined,
): Value => unary(name, onnxName, x, compute, gradient, 'com.microsoft');
