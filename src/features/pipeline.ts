import { at64, atInt32 } from '../core/index.ts';
import type { NamedIndicator } from './catalogue/indicator-table.ts';
import { type CrossFrame, type CrossProgram, compileCrossProgram, noHistory } from './cross-program.ts';
import type { CrossFeature, Feature, SeriesFeature } from './feature.ts';
import { COUNT, compileProgram, logReturn, type Program, type Ring, type Slot } from './program.ts';

/** 1-bar log returns of each stage that cross-sectional kernels look back on, the newest included. */
export const RETURNS_KEPT = 256;

/** Values of a state that go to consecutive columns, each from its warm-up on. */
export interface Outputs {
  readonly slots: Int32Array;
  readonly warmUps: Int32Array;
  /** The longest of the warm-ups. */
  readonly warmUp: number;
}

/** The three stages compiled for one set of features. Rows are fast, slow, cross in this order. */
export interface Pipeline {
  readonly width: number;
  readonly fast: Program;
  readonly slow: Program;
  /** Where each stage's last log returns lie. */
  readonly fastReturns: Ring;
  readonly slowReturns: Ring;
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
  const returns = [{ source: logReturn, bars: RETURNS_KEPT }];
  const fastProgram = compileProgram(fastNodes, returns);
  const slowProgram = compileProgram(
    slow.map((feature) => feature.kernel),
    returns,
  );
  const [fastReturns] = fastProgram.rings;
  const [slowReturns] = slowProgram.rings;
  if (!fastReturns || !slowReturns) throw new RangeError('a stage keeps no returns');
  const outputsOf = (slots: readonly Slot[], list: readonly { warmUp: number }[]): Outputs => {
    const warmUps = Int32Array.from(list, ({ warmUp }) => warmUp);
    return { slots: Int32Array.from(slots), warmUps, warmUp: Math.max(0, ...warmUps) };
  };
  return {
    width: features.length,
    seriesWidth: series.length,
    fast: fastProgram,
    slow: slowProgram,
    fastReturns,
    slowReturns,
    cross: compileCrossProgram(
      cross.map((feature) => ({ node: feature.kernel, column: columnOf.get(feature.name) ?? -1 })),
      new Map(series.map((feature) => [feature.name, columnOf.get(feature.name) ?? -1])),
    ),
    fastOutputs: outputsOf(fastProgram.outputs.slice(0, fast.length), fast),
    slowOutputs: outputsOf(slowProgram.outputs, slow),
    indicatorOutputs: outputsOf(fastProgram.outputs.slice(fast.length), indicators),
  };
}

/** Writes a state's values as float32 from `at` on; NaN before the warm-up and for anything not finite. */
export function writeOutputs(state: Float64Array, outputs: Outputs, values: Float32Array, at: number): void {
  const { slots, warmUps, warmUp } = outputs;
  const count = at64(state, COUNT);
  for (let i = 0; i < slots.length; i++) {
    const value = Math.fround(at64(state, atInt32(slots, i)));
    // An infinity less itself is not zero either.
    values[at + i] = value - value === 0 ? value : Number.NaN;
  }
  if (count >= warmUp) return;
  for (let i = 0; i < slots.length; i++) if (count < atInt32(warmUps, i)) values[at + i] = Number.NaN;
}

/** A frame for up to `rows` symbols and `references` references, without any bar yet. */
export function createFrame(rows: number, references: number): CrossFrame {
  const histories = (length: number) => Array.from({ length }, noHistory);
  return {
    rows: 0,
    time: 0,
    version: 0,
    blocks: Array.from({ length: rows }, () => NO_VALUES),
    offsets: new Int32Array(rows),
    sectors: new Int32Array(rows),
    fast: histories(rows),
    slow: histories(rows),
    referenceFast: histories(references),
    referenceSlow: histories(references),
  };
}

const NO_VALUES = new Float32Array(0);
