import type { ComparedBacktest } from '../backtest/index.ts';
import { formatTime } from '../core/index.ts';
import { amountText, intervalText, numberText, percentText } from '../html/index.ts';
import { formatTable } from './terminal.ts';

type Fill = NonNullable<NonNullable<NonNullable<ComparedBacktest['comparison']>['firstDifferingTrade']>['first']>;

/** Backtests side by side for people: figures, then each beside the first. */
export function comparisonLines(compared: readonly ComparedBacktest[]): string[] {
  const row = (name: string, of: (backtest: ComparedBacktest) => string) => [name, ...compared.map(of)];
  const percent = (value: number | null) => percentText(value, 2);
  const ratio = (value: number | null) => numberText(value, 2);
  return [
    ...formatTable(
      [{ title: '' }, ...compared.map(({ id }) => ({ title: id, align: 'right' as const }))],
      [
        row('model', ({ run }) => run.modelId ?? 'none'),
        row('strategies', ({ run }) => run.strategies.join(', ')),
        row('symbols', ({ run }) => String(run.symbols.length)),
        row('total return', ({ totalReturn }) => percent(totalReturn)),
        row('CAGR', ({ figures }) => percent(figures.cagr)),
        row('Sharpe', ({ figures }) => ratio(figures.sharpe)),
        row('Sortino', ({ figures }) => ratio(figures.sortino)),
        row('maximum drawdown', ({ figures }) => percent(figures.maxDrawdown)),
        row('trades', ({ figures }) => String(figures.trades)),
        row('win rate', ({ figures }) => percent(figures.winRate)),
        row('payoff ratio', ({ figures }) => ratio(figures.payoffRatio)),
        row('profit factor', ({ figures }) => ratio(figures.profitFactor)),
        row('turnover per year', ({ figures }) => numberText(figures.turnover, 1)),
        row('fees', ({ figures }) => amountText(figures.costs.fees)),
        row('costs, all', ({ figures }) => amountText(figures.costs.total)),
        row('macro-F1', ({ figures }) => numberText(figures.macroF1)),
        row('information coefficient', ({ figures }) => numberText(figures.informationCoefficient)),
      ],
    ),
    ...compared.flatMap((backtest) => linesBesideFirst(backtest, compared[0]?.id ?? '')),
  ];
}

function linesBesideFirst({ id, comparison }: ComparedBacktest, first: string): string[] {
  if (comparison === undefined) return [];
  const { difference, isEqual, firstDifferingTrade, warnings } = comparison;
  const named = (equal: boolean) =>
    Object.entries(isEqual).flatMap(([name, isSame]) => (isSame === equal ? [HASH_NAMES[name] ?? name] : []));
  const list = (names: readonly string[]) => (names.length === 0 ? 'nothing' : names.join(', '));
  return [
    '',
    `${id} less ${first}, ${difference.days} days`,
    `  return per year ${intervalText(difference.annualReturn, (value) => percentText(value, 2))}`,
    `  Sharpe ${intervalText(difference.sharpe, (value) => numberText(value, 2))}`,
    `  equal: ${list(named(true))}; not equal: ${list(named(false))}`,
    ...(firstDifferingTrade === null
      ? ['  the same trades']
      : [
          `  first trade that differs: ${fillText(firstDifferingTrade.other)}`,
          `  where ${first} has: ${fillText(firstDifferingTrade.first)}`,
        ]),
    ...warnings.map((text) => `  warning: ${text}`),
  ];
}

const HASH_NAMES: Readonly<Record<string, string>> = {
  data: 'candles',
  config: 'configuration',
  featureSet: 'features',
  model: 'model',
  fills: 'executions',
  decisions: 'decisions',
};

const fillText = (fill: Fill | null): string =>
  fill === null
    ? 'no further one'
    : `${formatTime(fill.time)} ${fill.strategy} ${fill.side} ${fill.quantity} ${fill.symbol} at ${fill.price} (${fill.purpose})`;
