import { at32, at64 } from '../../core/index.ts';
import { sectionCorrelations, sectionRanks } from '../evaluation/cross-section.ts';
import { softmax } from '../raw-outputs.ts';
import { HEAD_WIDTH } from './bulk-forecast.ts';
import { ENCODED } from './encoded-targets.ts';
import { HUBER_DELTA, LOSS_PARTS, type LossPart } from './network-loss.ts';
import type { TrainingSettings } from './settings.ts';

/** Where each head begins in a row of head outputs. */
const HEAD = { returns: 0, directions: 4, levels: 16, risks: 24, rank: 28, volatility: 29 } as const;

export interface ValidationScore {
  /** The training loss without smoothing and class weights, with the given part weights; correlations are of ranks. */
  readonly loss: number;
  readonly parts: Readonly<Record<LossPart, number>>;
  /** Mean rank correlation per time of the four returns and the 24 h rank. */
  readonly informationCoefficient: number;
  /** Nats, mean of the four horizons. */
  readonly directionLogLoss: number;
}

/** Scores head outputs [samples, HEAD_WIDTH] against encoded targets [samples, ENCODED.width]; `sections` are [from, to) of each time. */
export function scoreHeads(
  outputs: Float32Array,
  targets: Float32Array,
  sections: readonly (readonly [number, number])[],
  weights: TrainingSettings['loss'],
): ValidationScore {
  const count = targets.length / ENCODED.width;
  const sums = { returns: 0, directions: 0, levels: 0, risks: 0, rank: 0, volatility: 0 };
  for (let row = 0; row < count; row++) {
    const o = row * HEAD_WIDTH;
    const t = row * ENCODED.width;
    const error = (head: number, target: number) => at32(outputs, o + head) - at32(targets, t + target);
    for (let k = 0; k < 4; k++) {
      sums.returns += huber(error(HEAD.returns + k, ENCODED.returns + k)) / 4;
      sums.risks += huber(error(HEAD.risks + k, ENCODED.risks + k)) / 4;
      const logits = [0, 1, 2].map((c) => at32(outputs, o + HEAD.directions + 3 * k + c));
      const label = at32(targets, t + ENCODED.directions + k);
      sums.directions -= Math.log(Math.max(1e-12, softmax(logits)[label] ?? 0)) / 4;
    }
    for (let k = 0; k < 8; k++) {
      const z = at32(outputs, o + HEAD.levels + k);
      sums.levels +=
        (Math.max(z, 0) - z * at32(targets, t + ENCODED.levels + k) + Math.log1p(Math.exp(-Math.abs(z)))) / 8;
    }
    sums.rank += error(HEAD.rank, ENCODED.rank) ** 2;
    for (let k = 0; k < 3; k++) sums.volatility += huber(error(HEAD.volatility + k, ENCODED.volatility + k)) / 3;
  }
  const pairs = [0, 1, 2, 3].map((h) => [HEAD.returns + h, ENCODED.returns + h] as const);
  pairs.push([HEAD.rank, ENCODED.rank]);
  let coefficient = 0;
  for (const [head, target] of pairs) {
    const forecast = Float64Array.from({ length: count }, (_, row) => at32(outputs, row * HEAD_WIDTH + head));
    const realised = Float64Array.from({ length: count }, (_, row) => at32(targets, row * ENCODED.width + target));
    const ranks = [forecast, realised].map((values) => sectionRanks(values, sections)) as [Float64Array, Float64Array];
    coefficient += meanOf(sectionCorrelations(ranks[0], ranks[1], sections)) / pairs.length;
  }
  const parts: Record<LossPart, number> = {
    returns: sums.returns / count,
    correlation: 1 - coefficient,
    directions: sums.directions / count,
    levels: sums.levels / count,
    risks: sums.risks / count,
    rank: sums.rank / count,
    volatility: sums.volatility / count,
  };
  const loss = LOSS_PARTS.reduce((total, part) => total + weights[part] * parts[part], 0);
  return { loss, parts, informationCoefficient: coefficient, directionLogLoss: parts.directions };
}

const huber = (error: number): number => {
  const inner = Math.min(Math.abs(error), HUBER_DELTA);
  return 0.5 * inner * inner + HUBER_DELTA * (Math.abs(error) - inner);
};

/** Mean of the values that are known; 0 without any. */
function meanOf(values: Float64Array): number {
  let sum = 0;
  let count = 0;
  for (let i = 0; i < values.length; i++) {
    const value = at64(values, i);
    if (Number.isNaN(value)) continue;
    sum += value;
    count++;
  }
  return count > 0 ? sum / count : 0;
}
