import { DAY_MS, epochMs, type ReasonCode } from '../../core/index.ts';
import { cycleSettings } from '../../engine/index.ts';
import { featureSet } from '../../features/index.ts';
import { BAR_MS, type Evaluation, sha256 } from '../../model/index.ts';
import { type BacktestReport, reportOf } from '../backtest-report.ts';
import type { BacktestMarket } from '../run-backtest.ts';
import {
  type BacktestOverfitting,
  backtestOverfitting,
  type DeflatedSharpe,
  dailyReturnsOf,
  deflatedSharpe,
  MINIMUM_SAMPLES,
  type SharpeTrials,
  shapeOf,
  trialsOf,
} from '../statistics/index.ts';
import { chooseVariant, stretchSharpe } from './choose-variant.ts';
import type { DaySpan, WalkForwardFold, WalkForwardWindow } from './plan-folds.ts';
import type { FoldRuns, FoldTraining, Variant, VariantRun } from './run-fold.ts';
import { stitchRecords } from './stitch.ts';

/** What became of one fold. Sharpe ratios are annual and net of costs; null: too little to say. */
export interface FoldReport {
  readonly fold: number;
  /** The whole training window: fit, calibration and the days of the choice. */
  readonly train: DaySpan;
  /** Days within it on which the variants were compared. */
  readonly selection: DaySpan;
  readonly test: DaySpan;
  readonly modelId: string | null;
  /** Name of the variant that was traded. */
  readonly chosen: string;
  readonly sharpeInTraining: number | null;
  readonly sharpeOutOfSample: number | null;
  /** The same of all variants. */
  readonly variants: readonly {
    readonly name: string;
    readonly sharpeInTraining: number | null;
    readonly sharpeOutOfSample: number | null;
  }[];
}

export interface WalkForwardReport extends BacktestReport {
  readonly walkForward: {
    readonly window: WalkForwardWindow;
    readonly variants: readonly string[];
  };
  readonly folds: readonly FoldReport[];
  /** Count: variants times folds. What was tried by hand before is not in it. */
  readonly trials: SharpeTrials & { readonly variants: number; readonly folds: number };
  /** Of the stitched record, by these trials; null of too few days. */
  readonly deflatedSharpe: DeflatedSharpe | null;
  /** Over the variants' days out of sample; null of one variant, or of too few days. */
  readonly pbo: Omit<BacktestOverfitting, 'logits'> | null;
}

/** Chooses per fold, puts the traded days in line, and judges them by all that was tried. */
export function walkForwardReport(finished: {
  readonly id: string;
  readonly dataHash: string;
  readonly configHash: string;
  readonly market: BacktestMarket;
  readonly window: WalkForwardWindow;
  readonly folds: readonly WalkForwardFold[];
  readonly variants: readonly Variant[];
  readonly training?: FoldTraining | undefined;
  readonly costFactor: number;
  /** In the order of the folds. */
  readonly runs: readonly FoldRuns[];
  /** Of the forecasts of all folds on the days that were traded. */
  readonly evaluation?: Evaluation | undefined;
}): WalkForwardReport {
  const { id, market, folds, variants, training, costFactor, runs } = finished;
  const [first, last] = [folds[0], folds[folds.length - 1]];
  const [base] = variants;
  if (!first || !last || !base) throw new RangeError('a walk forward has a fold and a variant');
  const judged = folds.flatMap((fold, index) => {
    const own = runs[index];
    return own ? [foldReport(fold, own, variants)] : [];
  });
  const traded = judged.flatMap(({ chosenIndex }, fold) => runs[fold]?.test[chosenIndex] ?? []);
  const record = stitchRecords(traded.map((run) => run.record));
  const settings = variants.map(({ config }) => cycleSettings(config, 'main'));
  const [baseSettings] = settings;
  if (!baseSettings) throw new RangeError('a walk forward has a variant');
  const chain = (hashOf: (run: VariantRun) => string | null): string =>
    sha256(traded.map((run) => hashOf(run) ?? '').join('\n'));
  const sum = (amount: (run: VariantRun) => number): number => traded.reduce((total, run) => total + amount(run), 0);
  const report = reportOf(
    {
      window: {
        from: epochMs(first.test.from + BAR_MS),
        to: epochMs(last.test.to + DAY_MS),
        overlaps: [],
        isOnTestWindow: false,
      },
      market,
      manifest: undefined,
      settings: baseSettings,
      costFactor,
      result: {
        ...record,
        bars: sum(({ bars }) => bars),
        minuteBars: sum(({ minuteBars }) => minuteBars),
        orders: sum(({ orders }) => orders),
        signals: {
          accepted: sum(({ signals }) => signals.accepted),
          candidates: sum(({ signals }) => signals.candidates),
        },
        reasons: summed(traded),
        open: [],
      },
      hashes: {
        data: finished.dataHash,
        config: finished.configHash,
        featureSet: featureSet().hash,
        model: training ? chain(({ hashes }) => hashes.model) : null,
        fills: chain(({ hashes }) => hashes.fills),
        decisions: chain(({ hashes }) => hashes.decisions),
      },
    },
    { id, evaluation: finished.evaluation },
  );
  const daily = variants.map(
    (_, variant) =>
      dailyReturnsOf(stitchRecords(runs.flatMap(({ test }) => test[variant]?.record ?? [])).equity).returns,
  );
  const { trials, deflated } = judgeTrials(dailyReturnsOf(record.equity).returns, daily, folds.length);
  const pbo = overfitting(daily);
  const strategies = settings.flatMap(({ decide }) => decide.strategies.map(({ name }) => name));
  return {
    ...report,
    run: { ...report.run, strategies: [...new Set(strategies)], modelKind: training?.kind ?? null },
    assumptions: [...report.assumptions, ...assumptionsOf(training !== undefined)],
    critiques: [...report.critiques, ...critiquesOf({ deflated, trials, pbo })],
    walkForward: { window: finished.window, variants: variants.map(({ name }) => name) },
    folds: judged.map(({ report: own }) => own),
    trials,
    deflatedSharpe: deflated,
    pbo,
  };
}

function foldReport(
  { fold, bounds, selection, test }: WalkForwardFold,
  runs: FoldRuns,
  variants: readonly Variant[],
): { readonly report: FoldReport; readonly chosenIndex: number } {
  const inTraining = runs.selection.map(({ record }) => stretchSharpe(record.equity));
  const outOfSample = runs.test.map(({ record }) => stretchSharpe(record.equity));
  const chosenIndex = chooseVariant(inTraining);
  const figures = variants.map(({ name }, index) => ({
    name,
    sharpeInTraining: inTraining[index] ?? null,
    sharpeOutOfSample: outOfSample[index] ?? null,
  }));
  const { name, ...chosen } = figures[chosenIndex] ?? { name: '', sharpeInTraining: null, sharpeOutOfSample: null };
  return {
    chosenIndex,
    report: {
      fold,
      train: { from: bounds.train, to: epochMs(bounds.end - DAY_MS) },
      selection,
      test,
      modelId: runs.modelId,
      chosen: name,
      ...chosen,
      variants: figures,
    },
  };
}

/**
 * Every variant in every fold is a trial. Their variance is that of the variants over all folds: within a fold, luck of the few days would be taken for
 * a difference of the variants.
 */
function judgeTrials(stitched: Float64Array, daily: readonly Float64Array[], folds: number) {
  const { variance, count, effectiveCount } = trialsOf(daily);
  const trials = {
    variance,
    count: count * folds,
    effectiveCount: effectiveCount * folds,
    variants: count,
    folds,
  };
  const shape = shapeOf(stitched);
  const isEnough = stitched.length >= MINIMUM_SAMPLES.days && shape.deviation > 0;
  return { trials, deflated: isEnough ? deflatedSharpe(shape.mean / shape.deviation, shape, trials) : null };
}

/** @param daily [variants][days] */
function overfitting(daily: readonly Float64Array[]): WalkForwardReport['pbo'] {
  const days = daily[0]?.length ?? 0;
  if (daily.length < 2 || days < MINIMUM_SAMPLES.days) return null;
  const table = new Float64Array(days * daily.length);
  daily.forEach((returns, variant) => {
    for (let day = 0; day < days; day++) table[day * daily.length + variant] = returns[day] ?? 0;
  });
  const found = backtestOverfitting(table, daily.length);
  if (found === undefined) return null;
  const { logits: _, ...rest } = found;
  return rest;
}

function summed(runs: readonly VariantRun[]): Partial<Record<ReasonCode, number>> {
  const reasons: Partial<Record<ReasonCode, number>> = {};
  for (const run of runs) {
    for (const [reason, count] of Object.entries(run.reasons)) {
      const code = reason as ReasonCode;
      reasons[code] = (reasons[code] ?? 0) + count;
    }
  }
  return reasons;
}

const assumptionsOf = (isTrained: boolean): string[] => [
  'Each fold begins with the initial equity and nothing held, and is closed at its last close, with fee, spread and impact; in the record its quantities and amounts are in proportion to what the folds before had come to.',
  `In each fold the variant is traded whose Sharpe ratio, net of costs, was highest on days within the training window${isTrained ? ' that neither weights nor calibration had seen' : ''}; of equal ones the first, and the first where none has any.`,
  'Trials are the variants of all folds; what was tried by hand before, on these days or others, nobody has counted.',
];

/** A deflated Sharpe ratio below this, or a probability of overfitting above the other, speaks against the result. */
const CONVINCING = 0.95;
const LIKELY_OVERFITTED = 0.5;

function critiquesOf(judged: {
  readonly deflated: DeflatedSharpe | null;
  readonly trials: WalkForwardReport['trials'];
  readonly pbo: WalkForwardReport['pbo'];
}): string[] {
  const { deflated, trials, pbo } = judged;
  const share = (value: number) => `${(100 * value).toFixed(0)} %`;
  return [
    ...(deflated && deflated.probability < CONVINCING
      ? [
          `Not more than ${trials.count} trials explain: the probability that the Sharpe ratio exceeds what the best of them shows without skill is ${share(deflated.probability)}.`,
        ]
      : []),
    ...(pbo && pbo.probability > LIKELY_OVERFITTED
      ? [
          `The choice does not hold: in ${share(pbo.probability)} of the ways to halve these days, the best variant of the one half is no better than the median in the other.`,
        ]
      : []),
  ];
}
