import { HORIZON_NAMES } from '../../core/index.ts';
import {
  amountText,
  type HtmlCell,
  htmlTable,
  intervalCell,
  numberText,
  percentText,
  signedText,
} from '../../html/index.ts';
import type { Evaluation, MeanScore } from '../../model/index.ts';
import type { BacktestReport } from '../backtest-report.ts';
import type { BaselineFigures } from '../baseline-report.ts';
import type { OutcomeQuantiles } from '../statistics/index.ts';
import { NUMBER } from './performance-tables.ts';

/** How good the forecasts were that the book traded on, beside a model that sees volatility alone. */
export function forecastTables(evaluation: Evaluation): string {
  const other = evaluation.baselines.volatilityOnly;
  const cells = (score: MeanScore, beside: MeanScore | undefined): HtmlCell[] => [
    intervalCell(score.macroF1),
    intervalCell(beside?.macroF1),
    intervalCell(score.logLoss),
    intervalCell(beside?.logLoss),
    intervalCell(score.signAccuracy),
    intervalCell(score.informationCoefficient),
    intervalCell(score.rawInformationCoefficient),
  ];
  const horizons = HORIZON_NAMES.map((horizon) => {
    const score = evaluation.horizons[horizon];
    const beside = other?.horizons[horizon];
    return [
      horizon,
      ...cells(score, beside),
      intervalCell(beside?.difference.macroF1, signedText),
      intervalCell(score.calibrationError),
      ...score.classF1.map((value) => numberText(value, 3)),
    ];
  });
  return [
    `<p class="quiet">${evaluation.rows} forecasts of ${evaluation.symbols} symbols on ${evaluation.days} days. Most of macro-F1 is volatility: what a model adds is its distance from the volatility-only model.</p>`,
    htmlTable(
      [
        { title: 'horizon' },
        NUMBER('macro-F1'),
        NUMBER('volatility-only'),
        NUMBER('log-loss'),
        NUMBER('volatility-only'),
        NUMBER('sign accuracy'),
        NUMBER('information coefficient'),
        NUMBER('before calibration'),
        NUMBER('model − volatility-only: macro-F1'),
        NUMBER('ECE'),
        NUMBER('F1 of up'),
        NUMBER('of down'),
        NUMBER('of flat'),
      ],
      [
        [
          'mean',
          ...cells(evaluation.mean, other?.mean),
          intervalCell(other?.difference.macroF1, signedText),
          '',
          '',
          '',
          '',
        ],
        ...horizons,
      ],
    ),
    '<h3>Levels</h3>',
    htmlTable(
      [{ title: 'level' }, NUMBER('came'), NUMBER('log-loss'), NUMBER('of base rate'), NUMBER('ECE')],
      Object.entries(evaluation.levels).map(([name, level]) => [
        name,
        percentText(level.share),
        intervalCell(level.logLoss),
        numberText(level.logLossOfBaseRate),
        intervalCell(level.calibrationError),
      ]),
    ),
  ].join('');
}

/** The book beside what needs no model, and itself at other costs. */
export function baselineTables({ baselines, performance }: BacktestReport): string {
  if (baselines === null) return '<p class="quiet">n/a: no baselines were computed.</p>';
  const columns = [{ title: '' }, NUMBER('total return'), NUMBER('Sharpe'), NUMBER('maximum drawdown')];
  const row = (name: string, { totalReturn, sharpe, maxDrawdown }: BaselineFigures): HtmlCell[] => [
    name,
    percentText(totalReturn, 2),
    numberText(sharpe, 2),
    percentText(maxDrawdown, 2),
  ];
  const { random, costs, differenceToMomentum14d } = baselines;
  return [
    htmlTable(columns, [
      [
        'this book',
        intervalCell(performance.totalReturn, (value) => percentText(value, 2)),
        intervalCell(performance.sharpe, (value) => numberText(value, 2)),
        intervalCell(performance.maximumDrawdown, (value) => percentText(value, 2)),
      ],
      row('buy and hold', baselines.buyAndHold),
      row('equal weight', baselines.equalWeight),
      row('14-day momentum', baselines.momentum14d),
      row('14-day momentum across symbols', baselines.crossSectionalMomentum14d),
    ]),
    htmlTable(
      [{ title: 'difference' }, NUMBER('per year')],
      [
        [
          'mean daily return less that of 14-day momentum, both at 10 % volatility',
          intervalCell(differenceToMomentum14d, (value) => percentText(value, 2)),
        ],
      ],
    ),
    '<h3>The same book at other costs</h3>',
    costs === null
      ? '<p class="quiet">n/a</p>'
      : htmlTable(columns, [
          row('no costs of execution', costs.x0),
          row('costs as they are', costs.x1),
          row('twice the costs', costs.x2),
          row('three times the costs', costs.x3),
        ]),
    '<h3>Random books</h3>',
    random === null
      ? '<p class="quiet">n/a: nothing was traded.</p>'
      : `<p>Of ${random.seeds} books of random symbols and sides with the same turnover, holding times and sizes, ${percentText(random.pValue)} did at least as well (p-value). Their median: return ${percentText(random.medianReturn, 2)}, Sharpe ${numberText(random.medianSharpe, 2)}.</p>`,
  ].join('');
}

/** What luck of order and choice would have made of the same days and trades. */
export function simulationTable({ bootstrap, monteCarlo, performance }: BacktestReport): string {
  const methods = [
    ['days drawn in runs (bootstrap)', bootstrap],
    ['trades in another order', monteCarlo.shuffle],
    ['trades drawn with replacement', monteCarlo.resample],
  ] as const;
  const quantiles = ({ p5, p50, p95 }: OutcomeQuantiles, text: (value: number) => string) => [p5, p50, p95].map(text);
  const wealth = (growth: number) => amountText(performance.initialEquity * growth);
  return htmlTable(
    [
      { title: 'method' },
      NUMBER('histories'),
      NUMBER('equity at the end: 5 %'),
      NUMBER('median'),
      NUMBER('95 %'),
      NUMBER('maximum drawdown: 5 %'),
      NUMBER('median'),
      NUMBER('95 %'),
      NUMBER('end with a loss'),
      NUMBER('ruin: half is lost'),
    ],
    methods.map(([name, paths]) =>
      paths === null
        ? [name, ...Array.from({ length: 9 }, () => 'n/a')]
        : [
            name,
            String(paths.paths),
            ...quantiles(paths.terminalWealth, wealth),
            ...quantiles(paths.maximumDrawdown, (value) => percentText(value)),
            percentText(paths.probabilityOfLoss),
            percentText(paths.probabilityOfRuin),
          ],
    ),
  );
}
