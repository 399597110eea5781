import { at64, FORECAST_WIDTH, HORIZON_NAMES, outputIndex, TARGET_NAMES } from '../../core/index.ts';
import { columnOf } from '../design-matrix.ts';
import { RANKING_HEADS } from '../raw-outputs.ts';
import { TARGET_WIDTH } from '../targets.ts';
import { sectionCorrelations, sectionRanks } from './cross-section.ts';
import { type Estimate, estimate, resampledSums, sumByDay } from './day-resampling.ts';
import type {
  BaselineName,
  BaselineScore,
  Evaluation,
  HorizonScore,
  LevelScore,
  MeanScore,
  SquaredScore,
} from './evaluation.ts';
import {
  accuracy,
  balancedAccuracy,
  calibrationError,
  classF1,
  type Figure,
  informationCoefficient,
  macroF1,
  meanBrier,
  meanLogLoss,
  meanOfTable,
  perRow,
  signAccuracy,
} from './figures.ts';
import { DIRECTIONS, type JudgedRows, type RowForecasts } from './forecast-rows.ts';
import {
  byHorizon,
  type EvaluationInput,
  type Frame,
  frameOf,
  horizonJudge,
  meanFigure,
  meanOf,
  type ResamplingOptions,
  sectionDays,
} from './judged.ts';
import { calibrationWidth, SUMS, sumCalibration, sumProbabilities, sumScores } from './score-sums.ts';

export interface EvaluationOptions extends ResamplingOptions {
  /** The model was fitted or calibrated on some of the rows. */
  readonly inSample?: boolean;
}

const RISKS = 16;
const LEVELS = 8;
const RANK = 20;
const RANK_OUTPUT = outputIndex('rank24h');

/** Judges a model's forecasts beside baselines on the same rows. One evaluation for every kind of model. */
export function evaluateForecasts(input: EvaluationInput, options: EvaluationOptions): Evaluation {
  const { rows, model, baselines } = input;
  const frame = frameOf(rows, options);
  const judge = horizonJudge(rows, frame);
  const scoresOf = (forecasts: RowForecasts) =>
    HORIZON_NAMES.map((_, horizon) => {
      const rawSums = coefficientSums(rawHead(forecasts, horizon, horizon), horizon, rows, frame);
      return scoreHorizon(judge(forecasts, horizon), rawSums, rows, frame);
    });
  const own = scoresOf(model);
  const compared = (name: BaselineName): BaselineScore | null => {
    const forecasts = baselines[name];
    return forecasts === undefined ? null : compare(own, scoresOf(forecasts), frame);
  };
  const rankCoefficient = (forecast: Float64Array) =>
    meanCoefficient(coefficientSums(forecast, RANK, rows, frame), frame);
  return {
    rows: rows.times.length,
    times: frame.sections.length,
    days: frame.blocks.days.length,
    symbols: new Set(rows.symbolIndex).size,
    from: at64(rows.times, 0),
    to: at64(rows.times, rows.times.length - 1),
    runLengthDays: frame.resampling.runLength,
    inSample: options.inSample ?? false,
    mean: meanScore(own, frame),
    horizons: byHorizon((horizon) => scoreAt(own, horizon).score),
    levels: levelScores(input, frame),
    risks: Object.fromEntries(
      [0, 1, 2, 3].map((k) => [TARGET_NAMES[RISKS + k] ?? '', squaredScore(input, RISKS + k, RISKS + k)]),
    ),
    rank24h: {
      ...squaredScore(input, RANK_OUTPUT, RANK),
      informationCoefficient: rankCoefficient(columnOf(model.values, FORECAST_WIDTH, RANK_OUTPUT)),
      rawInformationCoefficient: rankCoefficient(rawHead(model, RANKING_HEADS - 1, RANK_OUTPUT)),
    },
    baselines: {
      majority: compared('majority'),
      persistence: compared('persistence'),
      volatilityOnly: compared('volatilityOnly'),
      linear: compared('linear'),
    },
  };
}

/** The scores of one horizon with the sums they follow from, per draw. */
interface ScoredHorizon {
  readonly score: HorizonScore;
  readonly sums: Float64Array;
  /** [draws, 2] Sum and number of the coefficients of the head before calibration. */
  readonly rawSums: Float64Array;
}

function scoreHorizon(
  { columns, coefficients }: ReturnType<ReturnType<typeof horizonJudge>>,
  rawSums: Float64Array,
  rows: JudgedRows,
  frame: Frame,
): ScoredHorizon {
  const { blocks, resampling } = frame;
  const everything = { groups: 1, groupOf: new Int32Array(rows.times.length) };
  const [table = new Float64Array(0)] = sumScores(columns, everything, blocks, coefficients);
  const sums = resampledSums(table, SUMS.width, resampling);
  const of = (figure: Figure) => estimate(resampling, (draw) => figure(sums, draw * SUMS.width));
  const width = calibrationWidth(DIRECTIONS);
  const bins = resampledSums(
    sumCalibration(columns.probabilities, DIRECTIONS, columns.truth, blocks),
    width,
    resampling,
  );
  return {
    sums,
    rawSums,
    score: {
      macroF1: of(macroF1),
      balancedAccuracy: of(balancedAccuracy),
      logLoss: of(meanLogLoss),
      brier: of(meanBrier),
      signAccuracy: of(signAccuracy),
      informationCoefficient: of(informationCoefficient),
      rawInformationCoefficient: meanCoefficient(rawSums, frame),
      accuracy: of(accuracy),
      calibrationError: estimate(resampling, (draw) => calibrationError(bins, draw * width, DIRECTIONS), { least: 0 }),
      classF1: [0, 1, 2].map((label) => finiteOrNull(classF1(sums, 0, label))),
      confusion: [0, 1, 2].map((label) => Array.from(sums.subarray(label * DIRECTIONS, (label + 1) * DIRECTIONS))),
      meanSquaredError: perRow(sums, 0, SUMS.squaredError),
      meanSquaredErrorOfZero: perRow(sums, 0, SUMS.squaredReturn),
      meanAbsoluteForecast: perRow(sums, 0, SUMS.absoluteForecast),
    },
  };
}

function meanScore(scored: readonly ScoredHorizon[], { resampling }: Frame): MeanScore {
  const sums = scored.map((one) => one.sums);
  const of = (figure: Figure) => estimate(resampling, (draw) => meanFigure(figure, sums, draw * SUMS.width));
  return {
    macroF1: of(macroF1),
    balancedAccuracy: of(balancedAccuracy),
    logLoss: of(meanLogLoss),
    brier: of(meanBrier),
    signAccuracy: of(signAccuracy),
    informationCoefficient: of(informationCoefficient),
    rawInformationCoefficient: estimate(
      resampling,
      (draw) => scored.reduce((total, { rawSums }) => total + coefficientAt(rawSums, draw), 0) / scored.length,
    ),
  };
}

function compare(own: readonly ScoredHorizon[], other: readonly ScoredHorizon[], frame: Frame): BaselineScore {
  const { resampling } = frame;
  const difference = (figure: Figure, horizons: readonly number[]): Estimate => {
    const first = horizons.map((horizon) => scoreAt(own, horizon).sums);
    const second = horizons.map((horizon) => scoreAt(other, horizon).sums);
    const mean = (sums: readonly Float64Array[], draw: number) =>
      sums.reduce((total, one) => total + figure(one, draw * SUMS.width), 0) / sums.length;
    return estimate(resampling, (draw) => mean(first, draw) - mean(second, draw));
  };
  const differences = (horizons: readonly number[]) => ({
    macroF1: difference(macroF1, horizons),
    logLoss: difference(meanLogLoss, horizons),
  });
  return {
    mean: meanScore(other, frame),
    difference: differences([0, 1, 2, 3]),
    horizons: byHorizon((horizon) => ({ ...scoreAt(other, horizon).score, difference: differences([horizon]) })),
  };
}

function levelScores(
  { rows, model, baselines }: EvaluationInput,
  { blocks, resampling }: Frame,
): Record<string, LevelScore> {
  const scores: Record<string, LevelScore> = {};
  for (let k = LEVELS; k < RISKS; k++) {
    const truth = Uint8Array.from(columnOf(rows.targets, TARGET_WIDTH, k));
    const probabilities = binary(columnOf(model.values, FORECAST_WIDTH, k));
    const sums = resampledSums(sumProbabilities(probabilities, 2, truth, blocks), 3, resampling);
    const width = calibrationWidth(2);
    const bins = resampledSums(sumCalibration(probabilities, 2, truth, blocks), width, resampling);
    const base = binary(columnOf(baselines.majority.values, FORECAST_WIDTH, k));
    const baseSums = sumProbabilities(base, 2, truth, { days: [0], dayOf: new Int32Array(truth.length) });
    scores[TARGET_NAMES[k] ?? ''] = {
      logLoss: estimate(resampling, (draw) => meanOfTable(sums, draw * 3, 0)),
      brier: estimate(resampling, (draw) => meanOfTable(sums, draw * 3, 1)),
      calibrationError: estimate(resampling, (draw) => calibrationError(bins, draw * width, 2), { least: 0 }),
      logLossOfBaseRate: finiteOrNull(meanOfTable(baseSums, 0, 0)),
      brierOfBaseRate: finiteOrNull(meanOfTable(baseSums, 0, 1)),
      share: truth.reduce((sum, label) => sum + label, 0) / truth.length,
    };
  }
  return scores;
}

/** Probabilities [rows, 2] of an event's. */
function binary(event: Float64Array): Float64Array {
  const probabilities = new Float64Array(event.length * 2);
  event.forEach((p, row) => {
    probabilities[row * 2] = 1 - p;
    probabilities[row * 2 + 1] = p;
  });
  return probabilities;
}

function squaredScore({ rows, model, baselines }: EvaluationInput, output: number, target: number): SquaredScore {
  const realised = columnOf(rows.targets, TARGET_WIDTH, target);
  const error = (forecasts: RowForecasts) =>
    meanOf(columnOf(forecasts.values, FORECAST_WIDTH, output).map((value, row) => (value - at64(realised, row)) ** 2));
  return { meanSquaredError: error(model), meanSquaredErrorOfBaseline: error(baselines.majority) };
}

/** A ranking head before calibration, or the output itself where nothing was calibrated. */
const rawHead = ({ raw, values }: RowForecasts, head: number, output: number): Float64Array =>
  raw ? columnOf(raw, RANKING_HEADS, head) : columnOf(values, FORECAST_WIDTH, output);

/** [draws, 2] Sum and number of the rank correlations per time of a forecast with a target. */
function coefficientSums(forecast: Float64Array, target: number, rows: JudgedRows, frame: Frame): Float64Array {
  const { sections, resampling } = frame;
  const coefficients = sectionCorrelations(
    sectionRanks(forecast, sections),
    sectionRanks(columnOf(rows.targets, TARGET_WIDTH, target), sections),
    sections,
  ).map((coefficient, index) => {
    const [from, to] = sections[index] ?? [0, 0];
    return forecast.subarray(from, to).some(Number.isNaN) ? Number.NaN : coefficient;
  });
  return resampledSums(sumByDay(coefficients, sectionDays(frame), resampling.days), 2, resampling);
}

const coefficientAt = (sums: Float64Array, draw: number): number => at64(sums, draw * 2) / at64(sums, draw * 2 + 1);

const meanCoefficient = (sums: Float64Array, { resampling }: Frame): Estimate =>
  estimate(resampling, (draw) => coefficientAt(sums, draw));

function scoreAt(scored: readonly ScoredHorizon[], horizon: number): ScoredHorizon {
  const one = scored[horizon];
  if (!one) throw new RangeError(`no horizon ${horizon}`);
  return one;
}

const finiteOrNull = (value: number): number | null => (Number.isFinite(value) ? value : null);
