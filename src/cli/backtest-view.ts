import { type BacktestReport, daysOf, figuresOf } from '../backtest/index.ts';
import type { Estimate } from '../model/index.ts';
import type { JsonObject } from './output.ts';
import { formatTable } from './terminal.ts';

/** What `backtest run --json` prints. */
export function backtestResult(report: BacktestReport): JsonObject {
  const { id, run, performance, tradeStatistics, scaled, hashes, baselines, signals, orders, reasons } = report;
  const { assumptions, critiques, months, bootstrap, monteCarlo } = report;
  return {
    ok: true,
    id,
    ...figuresOf(report),
    hashes,
    baselines,
    isInSample: run.inSample.length > 0,
    run: { ...run, ...daysOf(run) },
    performance,
    tradeStatistics,
    scaled,
    months,
    bootstrap,
    monteCarlo,
    signals,
    orders,
    fills: report.record.fills.length,
    openPositions: report.open.length,
    reasons,
    assumptions,
    critiques,
  };
}

const percent = (value: number): string => `${(100 * value).toFixed(2)} %`;
const plain = (value: number): string => value.toFixed(2);
const amount = (value: number): string => value.toFixed(0);

function shown({ value, low, high }: Estimate, format: (value: number) => string): string {
  if (value === null) return 'n/a';
  return low === null || high === null ? format(value) : `${format(value)}  [${format(low)}, ${format(high)}]`;
}

/** What `backtest run` tells people. */
export function backtestLines(report: BacktestReport): string[] {
  const { run, performance, tradeStatistics: trades, evaluation, critiques, assumptions, hashes, baselines } = report;
  const { activity } = performance;
  const days = daysOf(run);
  const { costs } = activity;
  const funding = costs.fundingPaid.amount + costs.fundingReceived.amount;
  const figures: [string, string][] = [
    ['total return', shown(performance.totalReturn, percent)],
    ['CAGR', shown(performance.cagr, percent)],
    ['volatility', shown(performance.volatility, percent)],
    ['Sharpe ratio', shown(performance.sharpe, plain)],
    ['Sortino ratio', shown(performance.sortino, plain)],
    ['Calmar ratio', shown(performance.calmar, plain)],
    ['maximum drawdown', shown(performance.maximumDrawdown, percent)],
    ['round trips', `${trades.count}`],
    ['win rate', shown(trades.winRate, percent)],
    ['payoff ratio', shown(trades.payoffRatio, plain)],
    ['profit factor', shown(trades.profitFactor, plain)],
    ['expectancy', shown(trades.meanReturn, percent)],
    ['in the market', shown(activity.exposure.inMarket, percent)],
    ['gross exposure', shown(activity.exposure.gross, percent)],
    ['turnover a year', shown(activity.turnover.perYear, plain)],
    [
      'costs',
      `${amount(costs.total.amount)}: fees ${amount(costs.fees.amount)}, spread ${amount(costs.spread.amount)}, impact ${amount(costs.impact.amount)}, funding ${amount(funding)}${costs.fundingAssumed === null ? '' : ` (${percent(costs.fundingAssumed)} assumed)`}`,
    ],
    ['macro-F1', evaluation ? shown(evaluation.mean.macroF1, (value) => value.toFixed(3)) : 'n/a'],
    [
      'volatility only',
      evaluation?.baselines.volatilityOnly
        ? shown(evaluation.baselines.volatilityOnly.mean.macroF1, (value) => value.toFixed(3))
        : 'n/a',
    ],
    ['raw IC', evaluation ? shown(evaluation.mean.rawInformationCoefficient, (value) => value.toFixed(3)) : 'n/a'],
  ];
  const mark = run.inSample.length > 0 ? ['IN-SAMPLE: this says nothing of new days.', ''] : [];
  return [
    ...mark,
    `${report.id}: ${days.from} to ${days.to}, ${run.bars} bars of ${run.symbols.length} symbols, ${run.strategies.join(', ')}, ${run.modelId ?? run.modelKind ?? 'no model'}`,
    '',
    ...formatTable([{ title: 'figure' }, { title: 'value  [95 % interval]' }], figures),
    '',
    ...(baselines === null ? [] : baselineLines(report)),
    ...(critiques.length === 0 ? ['Nothing speaks against it at first sight.'] : critiques.map((text) => `- ${text}`)),
    '',
    ...assumptions.map((text) => `  ${text}`),
    '',
    `fills ${hashes.fills.slice(0, 12)}, decisions ${hashes.decisions.slice(0, 12)}, data ${hashes.data.slice(0, 12)}, config ${hashes.config.slice(0, 12)}`,
    ...mark.slice(0, 1),
  ];
}

function baselineLines({ baselines }: BacktestReport): string[] {
  if (baselines === null) return [];
  const { random, costs, differenceToMomentum14d: difference } = baselines;
  const rows = [
    ['buy and hold', baselines.buyAndHold],
    ['equal weight', baselines.equalWeight],
    ['14-day momentum', baselines.momentum14d],
    ['14-day momentum across symbols', baselines.crossSectionalMomentum14d],
    ...(costs === null ? [] : Object.entries(costs).map(([name, figures]) => [`costs ${name}`, figures] as const)),
  ] as const;
  return [
    ...formatTable(
      [
        { title: 'beside' },
        { title: 'return', align: 'right' },
        { title: 'Sharpe', align: 'right' },
        { title: 'drawdown', align: 'right' },
      ],
      rows.map(([name, { totalReturn, sharpe, maxDrawdown }]) => [
        name,
        percent(totalReturn),
        sharpe === null ? 'n/a' : plain(sharpe),
        percent(maxDrawdown),
      ]),
    ),
    ...(random === null
      ? []
      : [`${random.seeds} random books of the same turnover: ${percent(random.pValue)} did at least as well`]),
    ...(difference === null ? [] : [`less 14-day momentum, a year: ${shown(difference, percent)}`]),
    '',
  ];
}
