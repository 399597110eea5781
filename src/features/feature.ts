import type { CrossNode } from './cross-program.ts';
import type { Node } from './program.ts';

/**
 * `fast`: on the fifteen series of 15-minute bars. `slow`: on closed, clock-aligned 1h bars, shared by all phases. `cross`: over the
 * panel of one minute, after the other two.
 */
export type FeatureStage = 'fast' | 'slow' | 'cross';

/** What a feature needs beside open, high, low, close and volume. Where the source does not tell, it is masked. */
export type FeatureSource = 'takerFlow' | 'funding';

interface FeatureText {
  /** Lower case, unique in its set. */
  readonly name: string;
  readonly group: string;
  /** One line. r = ln(C/C₋₁); Σₙ, meanₙ over the last n bars of the stage. */
  readonly formula: string;
  /** Bars of its own stage, the newest included, from which on the value holds (for cross: of fast bars). Masked before. */
  readonly warmUp: number;
  /** For cross-sectional ones that read 1h bars: how many. */
  readonly slowWarmUp?: number;
  /** Where values are expected, hard where the formula bounds them, else all but about one in a thousand. */
  readonly range: readonly [low: number, high: number];
  readonly source?: FeatureSource;
}

export interface SeriesFeature extends FeatureText {
  readonly stage: 'fast' | 'slow';
  readonly kernel: Node;
}

export interface CrossFeature extends FeatureText {
  readonly stage: 'cross';
  readonly kernel: CrossNode;
}

/** One number per symbol and minute, free of any price or volume level. Stored as float32. */
export type Feature = SeriesFeature | CrossFeature;

/** Fast features hold from at most this bar on. */
export const MAX_FAST_WARM_UP = 192;
/** Slow features hold from at most this hour on: 14 days of 1h returns. */
export const MAX_SLOW_WARM_UP = 337;
