import { at64, durationOf } from '../core/index.ts';
import type { NamedIndicator } from './catalogue/indicator-table.ts';
import { type CrossFrame, type CrossProgram, compileCrossProgram, noHistory } from './cross-program.ts';
import type { CrossFeature, Feature, SeriesFeature } from './feature.ts';
import { COUNT, compileProgram, type Program, type Slot } from './program.ts';

/** Rings hold a power of two above the longest window: 192 fast bars, 336 hours. */
const FAST_CAPACITY = 256;
const SLOW_CAPACITY = 512;

/** Values of a state that go to consecutive columns, each from its warm-up on. */
export interface Outputs {
  readonly slots: readonly Slot[];
  readonly warmUps: readonly number[];
}

/** The three stages compiled for one set of features. Rows are fast, slow, cross in this order. */
export interface Pipeline {
  readonly width: number;
  readonly fast: Program;
  readonly slow: Program;
  readonly cross: CrossProgram;
  readonly fastOutputs: Outputs;
  readonly slowOutputs: Outputs;
  readonly indicatorOutputs: Outputs;
  /** Columns before the cross-sectional ones. */
  readonly seriesWidth: number;
}

/** Puts features in the order of a row: fast, slow, cross, each as given. */
export function inRowOrder(features: readonly Feature[]): Feature[] {
  const of = (stage: Feature['stage']) => features.filter((feature) => feature.stage === stage);
  return [...of('fast'), ...of('slow'), ...of('cross')];
}

/** @param features in the order of a row */
export function compilePipeline(features: readonly Feature[], indicators: readonly NamedIndicator[] = []): Pipeline {
  const series = features.filter((feature): feature is SeriesFeature => feature.stage !== 'cross');
  const fast = series.filter((feature) => feature.stage === 'fast');
  const slow = series.filter((feature) => feature.stage === 'slow');
  const cross = features.filter((feature): feature is CrossFeature => feature.stage === 'cross');
  const columnOf = new Map(features.map((feature, column) => [feature.name, column]));
  const fastNodes = [...fast, ...indicators].map((feature) => feature.kernel);
  const fastProgram = compileProgram(fastNodes, { capacity: FAST_CAPACITY, barMs: durationOf('15m') });
  const slowProgram = compileProgram(
    slow.map((feature) => feature.kernel),
    { capacity: SLOW_CAPACITY, barMs: durationOf('1h') },
  );
  const warmUps = (list: readonly { warmUp: number }[]) => list.map(({ warmUp }) => warmUp);
  return {
    width: features.length,
    seriesWidth: series.length,
    fast: fastProgram,
    slow: slowProgram,
    cross: compileCrossProgram(
      cross.map((feature) => ({ node: feature.kernel, column: columnOf.get(feature.name) ?? -1 })),
      new Map(series.map((feature) => [feature.name, columnOf.get(feature.name) ?? -1])),
    ),
    fastOutputs: { slots: fastProgram.outputs.slice(0, fast.length), warmUps: warmUps(fast) },
    slowOutputs: { slots: slowProgram.outputs, warmUps: warmUps(slow) },
    indicatorOutputs: { slots: fastProgram.outputs.slice(fast.length), warmUps: warmUps(indicators) },
  };
}

/** Writes a state's values as float32 from `at` on; NaN before the warm-up and for anything not finite. */
export function writeOutputs(state: Float64Array, { slots, warmUps }: Outputs, values: Float32Array, at: number): void {
  const count = at64(state, COUNT);
  for (let i = 0; i < slots.length; i++) {
    const value = count >= (warmUps[i] as number) ? Math.fround(at64(state, slots[i] as number)) : Number.NaN;
    values[at + i] = Number.isFinite(value) ? value : Number.NaN;
  }
}

/** A frame for up to `rows` symbols and `references` references, without any bar yet. */
export function createFrame(width: number, rows: number, references: number): CrossFrame {
  const histories = (length: number) => Array.from({ length }, noHistory);
  return {
    rows: 0,
    width,
    values: new Float32Array(rows * width),
    fast: histories(rows),
    slow: histories(rows),
    referenceFast: histories(references),
    referenceSlow: histories(references),
  };
}
