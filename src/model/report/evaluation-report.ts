import { epochMs, formatTime, HORIZON_NAMES } from '../../core/index.ts';
import {
  escapeHtml,
  type HtmlCell,
  type HtmlColumn,
  htmlDocument,
  htmlTable,
  intervalCell as interval,
  intervalText,
  numberText,
  percentText,
  signedText,
} from '../../html/index.ts';
import { marketText } from '../card.ts';
import type { BreakdownRow } from '../evaluation/breakdown.ts';
import type { Estimate } from '../evaluation/day-resampling.ts';
import type { ArtefactEvaluation } from '../evaluation/evaluate-artefact.ts';
import { BASELINE_NAMES, type BaselineName, type HorizonScore, type MeanScore } from '../evaluation/evaluation.ts';
import { namedWindows } from '../evaluation/evaluation-window.ts';
import { FEWEST_ROWS_JUDGED } from '../evaluation/score-sums.ts';
import { classLegend, coefficientChart, confidenceChart, confusionChart, reliabilityChart } from './charts.ts';

const BASELINE_TEXT: Readonly<Record<BaselineName, string>> = {
  majority: 'majority',
  persistence: 'persistence',
  volatilityOnly: 'volatility-only',
  linear: 'linear baseline',
};

/** The report of an evaluation: one HTML file that needs nothing from outside. */
export function evaluationReport(judged: ArtefactEvaluation): string {
  const { manifest, evaluation } = judged;
  return htmlDocument(`Evaluation of ${manifest.modelId}`, [
    ...heading(judged),
    '<h2>Beside what knows less</h2>',
    `<p class="quiet">Means of the four horizons. Most of macro-F1 is volatility: what a model adds is its distance from the volatility-only model, which sees volatility and the calendar alone. Differences are model less baseline on the same days: a macro-F1 above 0 and a log-loss below 0 speak for the model.</p>`,
    baselineTable(judged),
    '<h2>By horizon</h2>',
    horizonTable(judged),
    furtherTable(judged),
    '<h3>Macro-F1 and log-loss beside the baselines</h3>',
    horizonBaselineTable(judged),
    '<h2>Calibration of the classes</h2>',
    `<p class="quiet">How often a class came, over the probability forecast for it; on the broken line both agree. Larger points hold more rows; those of fewer than ${FEWEST_ROWS_JUDGED} are left out.</p>`,
    classLegend(),
    grid(HORIZON_NAMES.map((horizon) => reliabilityChart(horizon, judged.detail.reliability[horizon]))),
    '<h2>Classes named</h2>',
    '<p class="quiet">Realised class down the side, named class across; shares are of the realised class.</p>',
    grid(HORIZON_NAMES.map((horizon) => confusionChart(horizon, evaluation.horizons[horizon].confusion))),
    '<h2>Information coefficient by day</h2>',
    '<p class="quiet">Bars: mean over the day of the rank correlation across symbols (left scale). Line: their running sum (right scale).</p>',
    grid(
      HORIZON_NAMES.map((horizon) =>
        coefficientChart(
          `${horizon}: ${intervalText(evaluation.horizons[horizon].informationCoefficient)}`,
          judged.detail.dailyCoefficients[horizon],
        ),
      ),
      'grid wide',
    ),
    '<h2>Hit rate by confidence</h2>',
    '<p class="quiet">Share of rows beyond the direction threshold whose sign was forecast, by tenth of |expected return| among the rows judged, the least confident first. Equal expectations stand in one tenth; a tenth without rows has no point.</p>',
    grid(HORIZON_NAMES.map((horizon) => confidenceChart(horizon, judged.detail.confidence[horizon]))),
    '<h3>Return in the direction forecast, before costs</h3>',
    confidenceTable(judged),
    '<h2>Levels, drawdown, rally, rank</h2>',
    levelTable(judged),
    squaredTable(judged),
    '<h2>By month</h2>',
    breakdownTable('month', judged.detail.breakdowns.months),
    '<h2>By regime</h2>',
    '<p class="quiet">The market is the mean over the symbols. Thirds: root mean square of its returns over the last day, among the rows judged. Up and down: its return over the last day. Both are known at the time of the forecast.</p>',
    breakdownTable('regime', judged.detail.breakdowns.regimes),
    '<h2>By symbol</h2>',
    breakdownTable('symbol', judged.detail.breakdowns.symbols),
    ...notes(judged),
  ]);
}

function heading({ manifest, evaluation, symbols }: ArtefactEvaluation): string[] {
  const { from, to, rows, days, inSample } = evaluation;
  const windows = namedWindows(manifest.windows)
    .map(([name, window]) => `${name} ${timeText(window.from)} to ${timeText(window.to)}`)
    .join('; ');
  return [
    `<h1>${escapeHtml(manifest.modelId)}</h1>`,
    `<p class="quiet">Evaluation on ${rows} forecasts of ${symbols.length} symbols over ${days} days, ${timeText(from)} to ${timeText(to)} UTC.</p>`,
    `<div class="market">The model was fitted on: ${escapeHtml(marketText(manifest.market))}<br><span class="quiet">Its windows: ${escapeHtml(windows)}.</span></div>`,
    ...(manifest.market.plantedEdge
      ? [
          '<div class="warning">Planted edge: the market holds an edge that its generator put there. These figures say nothing of a real market.</div>',
        ]
      : []),
    ...(inSample
      ? [
          '<div class="warning">In-sample: the model was fitted or calibrated on some of these rows. These figures say nothing of new ones.</div>',
        ]
      : []),
  ];
}

const NUMBER = (title: string): HtmlColumn => ({ title, numeric: true });

const MEAN_COLUMNS = [
  NUMBER('macro-F1'),
  NUMBER('log-loss'),
  NUMBER('Brier'),
  NUMBER('balanced accuracy'),
  NUMBER('sign accuracy'),
  NUMBER('information coefficient'),
  NUMBER('before calibration'),
];
const meanCells = (score: MeanScore): HtmlCell[] => [
  interval(score.macroF1),
  interval(score.logLoss),
  interval(score.brier),
  interval(score.balancedAccuracy),
  interval(score.signAccuracy),
  interval(score.informationCoefficient),
  interval(score.rawInformationCoefficient),
];

function baselineTable({ evaluation, manifest }: ArtefactEvaluation): string {
  const rows = BASELINE_NAMES.map((name) => {
    const score = evaluation.baselines[name];
    if (score) {
      return [
        BASELINE_TEXT[name],
        ...meanCells(score.mean),
        difference(score.difference.macroF1),
        difference(score.difference.logLoss),
      ];
    }
    const why = name === 'linear' && manifest.kind === 'linear-baseline' ? 'the model itself' : 'n/a';
    return [BASELINE_TEXT[name], why, ...Array.from({ length: 8 }, () => '')];
  });
  return htmlTable(
    [{ title: '' }, ...MEAN_COLUMNS, NUMBER('model − it: macro-F1'), NUMBER('model − it: log-loss')],
    [['model', ...meanCells(evaluation.mean), '', ''], ...rows],
  );
}

function horizonTable({ evaluation }: ArtefactEvaluation): string {
  return htmlTable(
    [{ title: 'horizon' }, ...MEAN_COLUMNS],
    HORIZON_NAMES.map((horizon) => [horizon, ...meanCells(evaluation.horizons[horizon])]),
  );
}

function furtherTable({ evaluation }: ArtefactEvaluation): string {
  const cells = ({ accuracy, calibrationError, classF1, ...score }: HorizonScore) => [
    interval(accuracy),
    interval(calibrationError),
    ...classF1.map((value) => numberText(value)),
    numberText(score.meanSquaredError / score.meanSquaredErrorOfZero),
    numberText(score.meanAbsoluteForecast * 10_000, 2),
  ];
  return htmlTable(
    [
      { title: 'horizon' },
      NUMBER('accuracy'),
      NUMBER('ECE'),
      NUMBER('F1 of up'),
      NUMBER('of down'),
      NUMBER('of flat'),
      NUMBER('MSE / MSE of zero'),
      NUMBER('mean |expected return|, basis points'),
    ],
    HORIZON_NAMES.map((horizon) => [horizon, ...cells(evaluation.horizons[horizon])]),
  );
}

function horizonBaselineTable({ evaluation }: ArtefactEvaluation): string {
  const given = BASELINE_NAMES.flatMap((name) => {
    const score = evaluation.baselines[name];
    return score ? [{ name: BASELINE_TEXT[name], score }] : [];
  });
  return htmlTable(
    [
      { title: 'horizon' },
      { title: 'baseline' },
      NUMBER('macro-F1'),
      NUMBER('model − it'),
      NUMBER('log-loss'),
      NUMBER('model − it'),
      NUMBER('sign accuracy'),
    ],
    HORIZON_NAMES.flatMap((horizon) =>
      given.map(({ name, score }) => {
        const own = score.horizons[horizon];
        return [
          horizon,
          name,
          interval(own.macroF1),
          difference(own.difference.macroF1),
          interval(own.logLoss),
          difference(own.difference.logLoss),
          interval(own.signAccuracy),
        ];
      }),
    ),
  );
}

function confidenceTable({ detail }: ArtefactEvaluation): string {
  const basisPoints = (value: number | null) => numberText(value === null ? null : value * 10_000, 2);
  return htmlTable(
    [
      { title: 'tenth' },
      ...HORIZON_NAMES.flatMap((horizon) => [NUMBER(`${horizon}: basis points`), NUMBER('expected')]),
    ],
    Array.from({ length: 10 }, (_, tenth) => [
      String(tenth + 1),
      ...HORIZON_NAMES.flatMap((horizon) => {
        const decile = detail.confidence[horizon][tenth];
        return [
          interval(decile?.signedReturn, (value) => basisPoints(value)),
          basisPoints(decile?.expectedReturn ?? null),
        ];
      }),
    ]),
  );
}

function levelTable({ evaluation }: ArtefactEvaluation): string {
  return htmlTable(
    [
      { title: 'level' },
      NUMBER('came'),
      NUMBER('log-loss'),
      NUMBER('of base rate'),
      NUMBER('Brier'),
      NUMBER('of base rate'),
      NUMBER('ECE'),
    ],
    Object.entries(evaluation.levels).map(([name, score]) => [
      name,
      percentText(score.share),
      interval(score.logLoss),
      numberText(score.logLossOfBaseRate),
      interval(score.brier),
      numberText(score.brierOfBaseRate),
      interval(score.calibrationError),
    ]),
  );
}

function squaredTable({ evaluation }: ArtefactEvaluation): string {
  const { risks, rank24h } = evaluation;
  return htmlTable(
    [
      { title: 'head' },
      NUMBER('MSE / MSE of the training mean'),
      NUMBER('information coefficient'),
      NUMBER('before calibration'),
    ],
    [...Object.entries(risks), ['rank24h', rank24h] as const].map(([name, score]) => [
      name,
      numberText(score.meanSquaredError / score.meanSquaredErrorOfBaseline),
      name === 'rank24h' ? interval(rank24h.informationCoefficient) : '',
      name === 'rank24h' ? interval(rank24h.rawInformationCoefficient) : '',
    ]),
  );
}

function breakdownTable(title: string, rows: readonly BreakdownRow[]): string {
  if (rows.length === 0) return '<p class="quiet">n/a</p>';
  return htmlTable(
    [
      { title },
      NUMBER('rows'),
      NUMBER('macro-F1'),
      NUMBER('volatility-only'),
      NUMBER('log-loss'),
      NUMBER('model − volatility-only'),
      NUMBER('sign accuracy'),
      NUMBER('information coefficient'),
    ],
    rows.map((row) => [
      row.name,
      String(row.rows),
      interval(row.macroF1),
      interval(row.macroF1VolatilityOnly),
      interval(row.logLoss),
      difference(row.logLossDifference),
      interval(row.signAccuracy),
      row.informationCoefficient ? interval(row.informationCoefficient) : '',
    ]),
  );
}

function notes({ evaluation, manifest }: ArtefactEvaluation): string[] {
  const { provenance } = manifest;
  return [
    '<h2>How to read it</h2>',
    `<p>Brackets are 95 % intervals from ${evaluation.days} UTC days, drawn ${evaluation.runLengthDays} in a row with all symbols together; below five days, or of too few rows, there is none (n/a). Labels know no costs. Calibration errors of drawn days are larger than that of the days themselves: an interval may lie above its figure.</p>`,
    `<p class="quiet">Features ${escapeHtml(manifest.featureSetHash)}, fitted on dataset ${escapeHtml(provenance.datasetHash)}, code ${escapeHtml(provenance.codeVersion)}.</p>`,
  ];
}

const grid = (figures: readonly string[], kind = 'grid'): string => `<div class="${kind}">${figures.join('\n')}</div>`;
const timeText = (time: number): string => formatTime(epochMs(time)).replace('T', ' ').replace(':00Z', '');

const difference = (estimate: Estimate | null | undefined): HtmlCell => interval(estimate, signedText);
