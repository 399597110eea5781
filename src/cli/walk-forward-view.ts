import { dayText, type WalkForwardReport } from '../backtest/index.ts';
import { backtestLines, backtestResult } from './backtest-view.ts';
import type { JsonObject } from './output.ts';
import { formatTable } from './terminal.ts';

type Span = WalkForwardReport['folds'][number]['test'];

/** What `backtest walk-forward --json` prints: what `backtest run` does of the traded days, and what became of each fold. */
export function walkForwardResult(report: WalkForwardReport): JsonObject {
  const { walkForward, folds, trials, deflatedSharpe, pbo } = report;
  const days = ({ from, to }: Span) => ({ from: dayText(from), to: dayText(to) });
  return {
    ...backtestResult(report),
    walkForward,
    folds: folds.map(({ train, selection, test, ...fold }) => ({
      ...fold,
      train: days(train),
      selection: days(selection),
      test: days(test),
    })),
    trials,
    deflatedSharpe,
    pbo,
  };
}

/** What `backtest walk-forward` tells people. */
export function walkForwardLines(report: WalkForwardReport): string[] {
  const { folds, trials, deflatedSharpe, pbo } = report;
  const days = ({ from, to }: Span) => `${dayText(from)} to ${dayText(to)}`;
  const ratio = (value: number | null) => value?.toFixed(2) ?? 'n/a';
  const share = (value: number | undefined) => (value === undefined ? 'n/a' : `${(100 * value).toFixed(1)} %`);
  return [
    ...backtestLines(report),
    '',
    ...formatTable(
      [
        { title: 'fold' },
        { title: 'trained' },
        { title: 'traded' },
        { title: 'variant' },
        { title: 'Sharpe in training', align: 'right' },
        { title: 'traded', align: 'right' },
        { title: 'model' },
      ],
      folds.map((fold) => [
        String(fold.fold),
        days(fold.train),
        days(fold.test),
        fold.chosen,
        ratio(fold.sharpeInTraining),
        ratio(fold.sharpeOutOfSample),
        fold.modelId ?? 'none',
      ]),
    ),
    '',
    `${trials.count} trials: ${trials.variants} variants in ${trials.folds} folds, and what was tried by hand before`,
    `probability that the Sharpe ratio is more than the best of them by luck (deflated): ${share(deflatedSharpe?.probability)}`,
    `probability of backtest overfitting: ${share(pbo?.probability)}`,
  ];
}
