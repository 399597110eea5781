import {
  add,
  averageLoss,
  bceWithLogits,
  correlationLoss,
  crossEntropy,
  exp,
  huber,
  multiply,
  negate,
  oneHot,
  reshape,
  slice,
  smoothTargets,
  squaredError,
  sum,
  type Value,
} from '../../tensor/index.ts';
import type { BuiltNetwork } from '../network/unified-patchtst.ts';
import type { TrainingSettings } from './settings.ts';

export const LOSS_PARTS = ['returns', 'correlation', 'directions', 'levels', 'risks', 'rank', 'volatility'] as const;
export type LossPart = (typeof LOSS_PARTS)[number];

/** Standard deviations from which an error counts linearly. */
export const HUBER_DELTA = 1;

/**
 * The multi-task loss of a batch [times x symbols] and its parts, and the graph's inputs for targets: `returns` [batch, 4] and so on as in
 * BatchBuffers.
 */
export function networkLoss(
  { graph, heads }: BuiltNetwork,
  settings: TrainingSettings,
): { readonly loss: Value; readonly parts: Readonly<Record<LossPart, Value>> } {
  const { timesPerStep: times, symbolsPerTime: symbols } = settings;
  const batch = times * symbols;
  const target = (name: string, width: number) => graph.input(name, [batch, width]);
  const returns = target('returns', 4);
  const rank = target('rank', 1);
  const section = (value: Value, column: number) => reshape(slice(value, 1, column, column + 1), [times, symbols]);
  const correlations = [0, 1, 2, 3].map((h) =>
    averageLoss(correlationLoss(section(heads.future_return, h), section(returns, h))),
  );
  correlations.push(averageLoss(correlationLoss(section(heads.rank24h, 0), section(rank, 0))));
  const classes = smoothTargets(oneHot(target('directions', 4), 3), settings.labelSmoothing);
  const weighted = multiply(classes, graph.constant([3], settings.classWeights));
  const parts: Record<LossPart, Value> = {
    returns: averageLoss(huber(heads.future_return, returns, HUBER_DELTA)),
    correlation: multiply(
      correlations.slice(1).reduce((total, next) => add(total, next), correlations[0] as Value),
      1 / correlations.length,
    ),
    directions: averageLoss(crossEntropy(reshape(heads.direction, [batch, 4, 3]), weighted)),
    levels: averageLoss(bceWithLogits(heads.level, target('levels', 8))),
    risks: averageLoss(huber(heads.risk, target('risks', 4), HUBER_DELTA)),
    rank: averageLoss(squaredError(heads.rank24h, rank)),
    volatility: averageLoss(huber(heads.volatility, target('volatility', 3), HUBER_DELTA)),
  };
  const used = LOSS_PARTS.filter((part) => settings.loss[part] > 0);
  const terms = used.map((part) => {
    const term = multiply(parts[part], settings.loss[part]);
    if (!settings.learnLossWeights) return term;
    // exp(-s) L + s: the weight that suits the part's own noise (Kendall et al. 2018).
    const logVariance = graph.parameter(`loss.${part}`, [1], { values: new Float32Array(1) });
    return add(multiply(term, sum(exp(negate(logVariance)))), sum(logVariance));
  });
  return { loss: terms.slice(1).reduce((total, next) => add(total, next), terms[0] as Value), parts };
}
