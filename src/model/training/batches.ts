import { at32, at64, createRandom, MinutehandError } from '../../core/index.ts';
import { learnableRows, type TrainingPanel } from '../panel.ts';
import { ENCODED } from './encoded-targets.ts';

/** One sample: the symbol's position in the panel, and the row its window ends with. */
export interface Sample {
  readonly symbol: number;
  readonly row: number;
}

/** Samples of one time each, ascending; at a time in the panel's order. */
export type Section = readonly Sample[];

/** The times of [firstRow, endRow) with the samples whose window and targets are whole. `encoded` is [symbols, rows, ENCODED.width]. */
export function sectionsOf(
  panel: TrainingPanel,
  encoded: Float32Array,
  window: { readonly firstRow: number; readonly endRow: number },
  context: number,
): Section[] {
  const byRow = new Map<number, Sample[]>();
  panel.symbols.forEach((_, symbol) => {
    for (const row of learnableRows(panel, symbol, window, context)) {
      if (!Number.isFinite(at32(encoded, (symbol * panel.rows + row) * ENCODED.width))) continue;
      const section = byRow.get(row);
      if (section) section.push({ symbol, row });
      else byRow.set(row, [{ symbol, row }]);
    }
  });
  return [...byRow].sort((a, b) => a[0] - b[0]).map(([, section]) => section);
}

export interface BatchPlan {
  readonly timesPerStep: number;
  readonly symbolsPerTime: number;
  readonly sampleEvery: number;
  readonly seed: string | number;
}

/** Sections with fewer samples than a batch takes of a time are left out. */
export const usableSections = (sections: readonly Section[], plan: BatchPlan): Section[] =>
  sections.filter(({ length }) => length >= plan.symbolsPerTime);

/** Steps of every epoch: each has as many. @throws MinutehandError DATASET_TOO_SHORT when there is not one */
export function stepsPerEpoch(sections: readonly Section[], plan: BatchPlan): number {
  const steps = Math.floor(Math.floor(usableSections(sections, plan).length / plan.sampleEvery) / plan.timesPerStep);
  if (steps > 0) return steps;
  throw new MinutehandError(
    'DATASET_TOO_SHORT',
    `the training window has too few times with ${plan.symbolsPerTime} symbols for one step of ${plan.timesPerStep} times, every ${plan.sampleEvery}th bar`,
    'Give a longer training window, more symbols, or smaller steps (timesPerStep, symbolsPerTime, sampleEvery).',
  );
}

/**
 * The batches of an epoch, each [timesPerStep x symbolsPerTime] samples, time by time: a function of seed and epoch alone. Each time is
 * used at most once, with a random part of its symbols; from one epoch to the next the sampled bars move on by one.
 */
export function epochBatches(sections: readonly Section[], plan: BatchPlan, epoch: number): Sample[][] {
  const random = createRandom(`${plan.seed}/epoch/${epoch}`);
  const usable = usableSections(sections, plan);
  const steps = stepsPerEpoch(sections, plan);
  const offset = epoch % plan.sampleEvery;
  const chosen = shuffled(
    usable.filter((_, index) => index % plan.sampleEvery === offset),
    random.fork('times'),
  );
  return Array.from({ length: steps }, (_, step) => {
    const times = chosen.slice(step * plan.timesPerStep, (step + 1) * plan.timesPerStep);
    return times.flatMap((section) =>
      shuffled(section, random.fork(`${section[0]?.row}`)).slice(0, plan.symbolsPerTime),
    );
  });
}

function shuffled<T>(values: readonly T[], random: { integer(bound: number): number }): T[] {
  const result = [...values];
  for (let i = result.length - 1; i > 0; i--) {
    const j = random.integer(i + 1);
    const held = result[i] as T;
    result[i] = result[j] as T;
    result[j] = held;
  }
  return result;
}

/** Buffers that batches are read into: windows [samples, context, width] and encoded targets by head. */
export interface BatchBuffers {
  readonly windows: Float32Array;
  readonly returns: Float32Array;
  readonly directions: Float32Array;
  readonly levels: Float32Array;
  readonly risks: Float32Array;
  readonly rank: Float32Array;
  readonly volatility: Float32Array;
}

export const createBuffers = (samples: number, context: number, width: number): BatchBuffers => ({
  windows: new Float32Array(samples * context * width),
  returns: new Float32Array(samples * 4),
  directions: new Float32Array(samples * 4),
  levels: new Float32Array(samples * 8),
  risks: new Float32Array(samples * 4),
  rank: new Float32Array(samples),
  volatility: new Float32Array(samples * 3),
});

/** Reads the windows of samples, one copy each. */
export function readWindows(
  panel: TrainingPanel,
  samples: readonly Sample[],
  context: number,
  windows: Float32Array,
): void {
  samples.forEach(({ symbol, row }, index) => {
    panel.readWindow(symbol, row, context, windows, index * context * panel.width);
  });
}

/** Reads a whole batch. */
export function readBatch(
  panel: TrainingPanel,
  encoded: Float32Array,
  samples: readonly Sample[],
  context: number,
  buffers: BatchBuffers,
): void {
  readWindows(panel, samples, context, buffers.windows);
  samples.forEach(({ symbol, row }, index) => {
    const at = (symbol * panel.rows + row) * ENCODED.width;
    const copy = (target: Float32Array, from: number, size: number) =>
      target.set(encoded.subarray(at + from, at + from + size), index * size);
    copy(buffers.returns, ENCODED.returns, 4);
    copy(buffers.directions, ENCODED.directions, 4);
    copy(buffers.levels, ENCODED.levels, 8);
    copy(buffers.risks, ENCODED.risks, 4);
    copy(buffers.rank, ENCODED.rank, 1);
    copy(buffers.volatility, ENCODED.volatility, 3);
  });
}

/** Close times of samples, epoch milliseconds. */
export const timesOf = (panel: TrainingPanel, samples: readonly Sample[]): Float64Array =>
  Float64Array.from(samples, ({ row }) => at64(panel.times, row));
