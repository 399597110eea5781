import { epochMs, formatTime, HORIZON_NAMES } from '../core/index.ts';
import { differenceText, intervalText } from '../html/index.ts';
import {
  type ArtefactEvaluation,
  BASELINE_NAMES,
  type BaselineName,
  type MeanScore,
  marketText,
} from '../model/index.ts';
import type { JsonObject } from './output.ts';
import { formatTable } from './terminal.ts';

/** What `model evaluate --json` says: the roadmap's macro-F1 first, then every figure with its interval. */
export function evaluationResult(
  { manifest, evaluation, symbols }: ArtefactEvaluation,
  report: string | null,
): JsonObject {
  const { mean, horizons, levels, risks, rank24h, baselines } = evaluation;
  const macroF1Of = (name: BaselineName) => baselines[name]?.mean.macroF1.value ?? null;
  return {
    ok: true,
    modelId: manifest.modelId,
    macroF1: mean.macroF1.value,
    macroF1VolatilityOnly: macroF1Of('volatilityOnly'),
    macroF1Majority: macroF1Of('majority'),
    macroF1Persistence: macroF1Of('persistence'),
    macroF1Linear: manifest.kind === 'linear-baseline' ? mean.macroF1.value : macroF1Of('linear'),
    logLoss: mean.logLoss.value,
    brier: mean.brier.value,
    balancedAccuracy: mean.balancedAccuracy.value,
    signAccuracy: mean.signAccuracy.value,
    informationCoefficient: mean.informationCoefficient.value,
    rawInformationCoefficient: mean.rawInformationCoefficient.value,
    intervals: mean,
    horizons,
    levels,
    risks,
    rank24h,
    baselines,
    market: manifest.market,
    inSample: evaluation.inSample,
    rows: evaluation.rows,
    times: evaluation.times,
    days: evaluation.days,
    runLengthDays: evaluation.runLengthDays,
    symbols,
    from: formatTime(epochMs(evaluation.from)),
    to: formatTime(epochMs(evaluation.to)),
    report,
  };
}

const BASELINE_LABELS: Readonly<Record<BaselineName, string>> = {
  majority: 'majority',
  persistence: 'persistence',
  volatilityOnly: 'volatility-only',
  linear: 'linear baseline',
};

/** The same for people: a table of the model beside the baselines, and one by horizon. */
export function evaluationLines(
  { manifest, evaluation, symbols }: ArtefactEvaluation,
  report: string | null,
): string[] {
  const { mean, horizons, baselines } = evaluation;
  const right = (title: string) => ({ title, align: 'right' as const });
  const titles = [
    'macro-F1',
    'log-loss',
    'Brier',
    'sign accuracy',
    'information coefficient',
    'before calibration',
  ].map(right);
  const cells = (score: MeanScore) =>
    [
      score.macroF1,
      score.logLoss,
      score.brier,
      score.signAccuracy,
      score.informationCoefficient,
      score.rawInformationCoefficient,
    ].map((estimate) => intervalText(estimate));
  return [
    `${manifest.modelId}: ${evaluation.rows} forecasts of ${symbols.length} symbols, ${formatTime(epochMs(evaluation.from))} to ${formatTime(epochMs(evaluation.to))}`,
    `fitted on: ${marketText(manifest.market)}`,
    ...(evaluation.inSample
      ? ['IN-SAMPLE: the model was fitted or calibrated on some of these rows; the figures say nothing of new ones.']
      : []),
    '',
    'mean of the four horizons',
    ...formatTable(
      [{ title: '' }, ...titles, right('model − it: macro-F1')],
      [
        ['model', ...cells(mean), ''],
        ...BASELINE_NAMES.flatMap((name) => {
          const score = baselines[name];
          return score ? [[BASELINE_LABELS[name], ...cells(score.mean), differenceText(score.difference.macroF1)]] : [];
        }),
      ],
    ),
    '',
    ...formatTable(
      [{ title: 'horizon' }, ...titles, right('ECE'), right('volatility-only macro-F1')],
      HORIZON_NAMES.map((horizon) => [
        horizon,
        ...cells(horizons[horizon]),
        intervalText(horizons[horizon].calibrationError),
        intervalText(baselines.volatilityOnly?.horizons[horizon].macroF1),
      ]),
    ),
    '',
    `brackets: 95 % of ${evaluation.days} days resampled ${evaluation.runLengthDays} in a row; labels know no costs`,
    ...(report === null ? [] : [`report: ${report}`]),
  ];
}
