import { z } from 'zod';
import { ACTIVATIONS, type Activation } from '../network/blocks.ts';
import { DEFAULT_NETWORK } from '../network/unified-patchtst.ts';

const positive = z.number().positive();
const count = z.number().int().positive();
const share = z.number().min(0).max(1);

/** Weights of the parts of the loss; 0 leaves one out. */
const lossWeights = z.strictObject({
  /** Huber loss of returns less the market's, in standard deviations. */
  returns: z.number().min(0).default(1),
  /** 1 - correlation of forecast and realised returns across the symbols of a time. */
  correlation: z.number().min(0).default(0.5),
  directions: z.number().min(0).default(1),
  levels: z.number().min(0).default(1),
  risks: z.number().min(0).default(0.5),
  rank: z.number().min(0).default(0.5),
  volatility: z.number().min(0).default(0.25),
});

/** How a UnifiedPatchTST is trained. Every key has a default; unknown ones are refused. */
export const trainingSettingsSchema = z.strictObject({
  network: z
    .strictObject({
      context: count.default(DEFAULT_NETWORK.context),
      patch: count.default(DEFAULT_NETWORK.patch),
      stride: count.default(DEFAULT_NETWORK.stride),
      width: count.default(DEFAULT_NETWORK.width),
      heads: count.default(DEFAULT_NETWORK.heads),
      hidden: count.default(DEFAULT_NETWORK.hidden),
      layers: count.default(DEFAULT_NETWORK.layers),
      headWidth: count.default(DEFAULT_NETWORK.headWidth),
      dropout: z.number().min(0).max(0.9).default(DEFAULT_NETWORK.dropout),
      activation: z.enum(Object.keys(ACTIVATIONS) as [Activation, ...Activation[]]).default(DEFAULT_NETWORK.activation),
    })
    .refine(({ patch, stride }) => patch % stride === 0, { path: ['patch'], error: 'must be a multiple of the stride' })
    .refine(({ context, patch, stride }) => context >= patch && context % stride === 0, {
      path: ['context'],
      error: 'must be a multiple of the stride, and hold a patch at least',
    })
    .refine(({ width, heads }) => width % heads === 0, { path: ['width'], error: 'must be a multiple of the heads' })
    .prefault({}),
  loss: lossWeights.prefault({}),
  /** true: the weights of the parts are learned too (Kendall et al. 2018), starting from the given ones. */
  learnLossWeights: z.boolean().default(false),
  /** Samples of a step: as many symbols of as many times. */
  timesPerStep: count.default(8),
  symbolsPerTime: count.default(32),
  /** Of the bars every how manieth is a sample; each epoch begins with another. */
  sampleEvery: count.default(8),
  epochs: count.default(12),
  /** Epochs without a better loss on the early-stopping window after which training ends. */
  patience: count.default(3),
  learningRate: positive.default(3e-4),
  /** Share of all steps in which the learning rate rises to its height; then it falls by a cosine. */
  warmUpShare: share.default(0.05),
  weightDecay: z.number().min(0).default(0.05),
  clipNorm: positive.default(1),
  emaDecay: z.number().min(0).max(0.99999).default(0.995),
  /** Share of a direction's target spread over the three classes; calibration undoes it. */
  labelSmoothing: z.number().min(0).max(0.5).default(0),
  /** Weights of the classes up, down and flat; calibration undoes them. */
  classWeights: z.tuple([positive, positive, positive]).default([1, 1, 1]),
  /** Steps between two checkpoints; one is also written after each epoch. */
  checkpointEvery: count.default(100),
  /** Most rows that the scaler is fitted on, and that each later window is judged on. */
  maxScalerRows: count.default(40_000),
  maxEvaluationRows: count.default(60_000),
});

export type TrainingSettings = Readonly<z.infer<typeof trainingSettingsSchema>>;

/** The learning rate of step 0, 1, … of `steps`. */
export function learningRateAt(
  settings: Pick<TrainingSettings, 'learningRate' | 'warmUpShare'>,
  step: number,
  steps: number,
): number {
  const warmUp = Math.max(1, Math.round(steps * settings.warmUpShare));
  if (step < warmUp) return (settings.learningRate * (step + 1)) / warmUp;
  const progress = (step - warmUp) / Math.max(1, steps - warmUp);
  return settings.learningRate * 0.5 * (1 + Math.cos(Math.PI * Math.min(1, progress)));
}
