import { at32, at64, atByte } from '../core/index.ts';
import { choleskySolve } from './cholesky.ts';
import type { Standardisation } from './moments.ts';
import { factorise } from './ridge.ts';

/** One question with mutually exclusive answers: 2 classes are fitted with one column of weights, 3 and more with one each. */
export interface LogisticHead {
  readonly name: string;
  readonly classes: number;
  /** Class id per row; of two classes, 1 is the event. */
  readonly labels: Uint8Array;
  /** Ridge penalty in units of the least-squares problem; scaled by the curvature p (1 - p) of this head. */
  readonly penalty: number;
}

export interface LogisticSolution {
  /** [columns, width], for standardised features. */
  readonly weights: Float64Array;
  readonly bias: Float64Array;
  /** Mean negative log-likelihood in nats on the fitted rows, without the penalty. */
  readonly loss: number;
  readonly iterations: number;
}

const MAX_ITERATIONS = 60;
const TOLERANCE = 1e-6;
const BLOCK = 4;

/**
 * Ridge-penalised logistic regressions of several heads over the same standardised rows [rows, width].
 *
 * Each step solves with a fixed curvature times the correlation matrix instead of the Hessian (Boehning and Lindsay 1988: the Hessian of
 * a softmax lies below one half, of a sigmoid below one quarter, of the Gram matrix), so that one pass over the rows serves all heads and
 * a factorisation lasts many steps. It begins at the curvature of the base rates, which is far smaller for rare events, is doubled
 * up to that bound whenever a step makes things worse, and steps carry momentum (Nesterov) until then.
 */
export function fitLogistic(
  rows: Float32Array,
  width: number,
  standard: Standardisation,
  heads: readonly LogisticHead[],
): LogisticSolution[] {
  const count = Math.floor(rows.length / width);
  const states = heads.map((head) => new HeadState(head, count, width, standard));
  for (let iteration = 0; iteration < MAX_ITERATIONS; iteration++) {
    const active = states.filter((state) => !state.done);
    if (active.length === 0) break;
    evaluate(rows, count, width, active);
    for (const state of active) state.step(count);
  }
  return states.map((state) => state.solution());
}

/** Number of weight columns of a head. */
export const columnsOf = (classes: number): number => (classes === 2 ? 1 : classes);

class HeadState {
  readonly head: LogisticHead;
  readonly columns: number;
  readonly width: number;
  /** Where loss and gradient are evaluated next, [columns, width + 1], the bias last. */
  point: Float64Array;
  readonly gradient: Float64Array;
  loss = 0;
  done = false;

  readonly #standard: Standardisation;
  readonly #penalty: number;
  readonly #bound: number;
  #curvature: number;
  #factor: Float64Array;
  #best: { point: Float64Array; gradient: Float64Array; objective: number; loss: number } | undefined;
  #landed: Float64Array | undefined;
  #momentum = 1;
  #carried = false;
  #small = 0;
  #iterations = 0;

  constructor(head: LogisticHead, count: number, width: number, standard: Standardisation) {
    this.head = head;
    this.width = width;
    this.columns = columnsOf(head.classes);
    this.#standard = standard;
    this.point = new Float64Array(this.columns * (width + 1));
    this.gradient = new Float64Array(this.point.length);
    const rates = smoothedRates(head, count);
    if (this.columns === 1) this.point[width] = Math.log((rates[1] ?? 0.5) / (rates[0] ?? 0.5));
    else for (let k = 0; k < this.columns; k++) this.point[k * (width + 1) + width] = Math.log(rates[k] ?? 1);
    this.#bound = this.columns === 1 ? 0.25 : 0.5;
    const largest = this.columns === 1 ? (rates[0] ?? 0.5) * (rates[1] ?? 0.5) : Math.max(...rates);
    this.#curvature = Math.min(this.#bound, largest);
    this.#penalty = head.penalty * (this.columns === 1 ? this.#curvature : 1 / head.classes);
    this.#factor = factorise(standard, this.#penalty, this.#curvature);
  }

  /** Takes loss and gradient sums over `count` rows and chooses the next point. */
  step(count: number): void {
    this.#iterations++;
    const stride = this.width + 1;
    let objective = this.loss / count;
    for (let k = 0; k < this.columns; k++) {
      for (let j = 0; j < stride; j++) {
        const at = k * stride + j;
        const value = at64(this.gradient, at) / count;
        const weight = at64(this.point, at);
        this.gradient[at] = j < this.width ? value + this.#penalty * weight : value;
        if (j < this.width) objective += 0.5 * this.#penalty * weight * weight;
      }
    }
    const best = this.#best;
    if (best && objective > best.objective) {
      this.#momentum = 1;
      this.#landed = undefined;
      const overshot = this.#carried;
      this.#carried = false;
      // A step that momentum carried too far is taken again without it; else the curvature was too small.
      if (overshot) this.#small = 0;
      else if (this.#curvature < this.#bound) {
        this.#curvature = Math.min(this.#bound, this.#curvature * 2);
        this.#factor = factorise(this.#standard, this.#penalty, this.#curvature);
      } else if (++this.#small >= 2) this.done = true;
      this.point = this.#descend(best.point, best.gradient);
      return;
    }
    if (best && best.objective - objective < TOLERANCE * Math.abs(objective)) {
      if (++this.#small >= 2) this.done = true;
    } else this.#small = 0;
    this.#best = {
      point: this.point,
      gradient: Float64Array.from(this.gradient),
      objective,
      loss: this.loss / count,
    };
    const landing = this.#descend(this.point, this.gradient);
    const next = (1 + Math.sqrt(1 + 4 * this.#momentum ** 2)) / 2;
    const carry = this.#landed ? (this.#momentum - 1) / next : 0;
    const previous = this.#landed ?? landing;
    this.#carried = carry > 0;
    this.point = landing.map((value, index) => value + carry * (value - at64(previous, index)));
    this.#landed = landing;
    this.#momentum = next;
  }

  solution(): LogisticSolution {
    const point = this.#best?.point ?? this.point;
    const stride = this.width + 1;
    const weights = new Float64Array(this.columns * this.width);
    const bias = new Float64Array(this.columns);
    for (let k = 0; k < this.columns; k++) {
      weights.set(point.subarray(k * stride, k * stride + this.width), k * this.width);
      bias[k] = at64(point, k * stride + this.width);
    }
    return { weights, bias, loss: this.#best?.loss ?? Number.NaN, iterations: this.#iterations };
  }

  #descend(from: Float64Array, gradient: Float64Array): Float64Array {
    const to = Float64Array.from(from);
    const stride = this.width + 1;
    for (let k = 0; k < this.columns; k++) {
      const step = choleskySolve(this.#factor, this.width, gradient.subarray(k * stride, k * stride + this.width));
      for (let j = 0; j < this.width; j++) to[k * stride + j] = at64(to, k * stride + j) - at64(step, j);
      const at = k * stride + this.width;
      to[at] = at64(to, at) - at64(gradient, at) / this.#curvature;
    }
    return to;
  }
}

/** Class shares with one half of a row added to each, so that an absent class keeps a finite logit. */
function smoothedRates(head: LogisticHead, count: number): number[] {
  const rates = new Array<number>(head.classes).fill(0.5);
  for (let row = 0; row < count; row++) {
    const label = atByte(head.labels, row);
    rates[label] = (rates[label] ?? 0) + 1;
  }
  return rates.map((value) => value / (count + head.classes / 2));
}

/** Sums loss and gradient of the active heads in one pass, four rows at a time. */
function evaluate(rows: Float32Array, count: number, width: number, states: readonly HeadState[]): void {
  for (const state of states) {
    state.loss = 0;
    state.gradient.fill(0);
  }
  const x = new Float64Array(width * BLOCK);
  const widest = Math.max(...states.map(({ columns }) => columns));
  const logits = new Float64Array(BLOCK * widest);
  for (let row = 0; row < count; row += BLOCK) {
    const filled = Math.min(BLOCK, count - row);
    for (let j = 0; j < filled * width; j++) x[j] = at32(rows, row * width + j);
    x.fill(0, filled * width);
    for (const state of states) {
      computeLogits(x, width, state.point, state.columns, logits);
      for (let r = 0; r < BLOCK; r++) {
        if (r >= filled) logits.fill(0, r * state.columns, (r + 1) * state.columns);
        else state.loss += residuals(logits, r * state.columns, state.columns, atByte(state.head.labels, row + r));
      }
      addGradient(x, width, logits, state.columns, state.gradient);
    }
  }
}

function computeLogits(
  x: Float64Array,
  width: number,
  point: Float64Array,
  columns: number,
  logits: Float64Array,
): void {
  for (let k = 0; k < columns; k++) {
    const base = k * (width + 1);
    const bias = at64(point, base + width);
    let a = bias;
    let b = bias;
    let c = bias;
    let d = bias;
    for (let j = 0; j < width; j++) {
      const weight = at64(point, base + j);
      a += weight * at64(x, j);
      b += weight * at64(x, width + j);
      c += weight * at64(x, 2 * width + j);
      d += weight * at64(x, 3 * width + j);
    }
    logits[k] = a;
    logits[columns + k] = b;
    logits[2 * columns + k] = c;
    logits[3 * columns + k] = d;
  }
}

/** Replaces the logits of one row by probability minus label; returns its negative log-likelihood. */
function residuals(logits: Float64Array, at: number, columns: number, label: number): number {
  if (columns === 1) {
    const z = at64(logits, at);
    logits[at] = 1 / (1 + Math.exp(-z)) - label;
    return Math.max(z, 0) - z * label + Math.log1p(Math.exp(-Math.abs(z)));
  }
  let largest = Number.NEGATIVE_INFINITY;
  for (let k = 0; k < columns; k++) largest = Math.max(largest, at64(logits, at + k));
  let sum = 0;
  for (let k = 0; k < columns; k++) sum += Math.exp(at64(logits, at + k) - largest);
  const loss = largest + Math.log(sum) - at64(logits, at + label);
  for (let k = 0; k < columns; k++) {
    logits[at + k] = Math.exp(at64(logits, at + k) - largest) / sum - (k === label ? 1 : 0);
  }
  return loss;
}

function addGradient(
  x: Float64Array,
  width: number,
  residual: Float64Array,
  columns: number,
  gradient: Float64Array,
): void {
  for (let k = 0; k < columns; k++) {
    const base = k * (width + 1);
    const a = at64(residual, k);
    const b = at64(residual, columns + k);
    const c = at64(residual, 2 * columns + k);
    const d = at64(residual, 3 * columns + k);
    for (let j = 0; j < width; j++) {
      gradient[base + j] =
        at64(gradient, base + j) +
        a * at64(x, j) +
        b * at64(x, width + j) +
        c * at64(x, 2 * width + j) +
        d * at64(x, 3 * width + j);
    }
    gradient[base + width] = at64(gradient, base + width) + a + b + c + d;
  }
}
