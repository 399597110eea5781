import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import type { Command } from 'commander';
import {
  type BacktestReport,
  backtestHtml,
  backtestsFolder,
  compareBacktests,
  daysOf,
  figuresOf,
  listBacktests,
  loadBacktest,
  REPORT_HTML,
} from '../../backtest/index.ts';
import { createRandom, epochMs, formatTime } from '../../core/index.ts';
import { numberText, percentText } from '../../html/index.ts';
import { comparisonLines } from '../backtest-comparison-view.ts';
import { type CliContext, type CommonOptions, perform, readConfig, withCommonOptions } from '../context.ts';
import { usageError } from '../output.ts';
import { formatTable } from '../terminal.ts';

interface ReportOptions extends CommonOptions {
  readonly output?: string;
}

/** `backtest list`, `report`, `compare`: what was saved of backtests. */
export function addBacktestReport(backtest: Command, context: CliContext): void {
  const folderOf = (options: CommonOptions) => backtestsFolder(readConfig(context, options).values.data_dir);
  /** The folder of a saved backtest: named by its id, or a path. */
  const directoryOf = (named: string, options: CommonOptions) => {
    const saved = join(folderOf(options), basename(named));
    return basename(named) === named && existsSync(saved) ? saved : resolve(context.invokedFrom, named);
  };

  withCommonOptions(backtest.command('list'))
    .description('Every saved backtest, the latest first.')
    .addHelpText('after', '\nExample: minutehand backtest list --json')
    .action((options: CommonOptions) =>
      perform(context, options, async () => {
        const { backtests, unreadable } = await listBacktests(folderOf(options));
        return {
          result: {
            ok: true,
            backtests: backtests.map(({ directory, savedAt, report }) => ({
              id: report.id,
              directory,
              savedAt: formatTime(epochMs(savedAt)),
              ...runOf(report),
              totalReturn: report.performance.totalReturn.value,
              ...figuresOf(report),
            })),
            unreadable: unreadable.map(({ message }) => message),
          },
          lines: () => [
            ...(backtests.length === 0
              ? ['there is no saved backtest yet']
              : listTable(backtests.map(({ report }) => report))),
            ...unreadable.map(({ message }) => message),
          ],
        };
      }),
    );

  withCommonOptions(backtest.command('report'))
    .description('Write the report of a saved backtest again: one HTML file.')
    .argument('<ID|DIR>', 'a saved backtest, or its folder')
    .option('--output <FILE>', `instead of ${REPORT_HTML} in its folder`)
    .addHelpText('after', '\nExample: minutehand backtest report 0123456789ab --output report.html')
    .action((named: string, options: ReportOptions) =>
      perform(context, options, async () => {
        const directory = directoryOf(named, options);
        const { report, charts } = await loadBacktest(directory);
        const path =
          options.output === undefined ? join(directory, REPORT_HTML) : resolve(context.invokedFrom, options.output);
        await mkdir(dirname(path), { recursive: true });
        await writeFile(path, backtestHtml(report, charts));
        return {
          result: { ok: true, id: report.id, report: path, inSample: report.run.inSample, critiques: report.critiques },
          lines: () => [`report: ${path}`],
        };
      }),
    );

  withCommonOptions(backtest.command('compare'))
    .description('Saved backtests side by side: figures, how far daily returns differ, and where the trades part.')
    .argument('<ID|DIR...>', 'saved backtests, each compared with the first')
    .addHelpText('after', '\nExample: minutehand backtest compare 0123456789ab ba9876543210')
    .action((named: string[], options: CommonOptions) =>
      perform(context, options, async () => {
        if (named.length < 2) {
          throw usageError(
            'one backtest alone is nothing to compare',
            'Name two, or more: see "minutehand backtest list".',
          );
        }
        const reports: BacktestReport[] = [];
        for (const one of named) reports.push((await loadBacktest(directoryOf(one, options))).report);
        const compared = compareBacktests(reports, createRandom('backtest compare'));
        return {
          result: {
            ok: true,
            backtests: compared.map(({ run, ...rest }, index) => ({
              ...rest,
              ...runOf({ run }),
              directory: named[index],
            })),
          },
          lines: () => comparisonLines(compared),
        };
      }),
    );
}

/** As `--json` has it: first and last day. */
const runOf = ({ run }: Pick<BacktestReport, 'run'>) => ({ ...run, ...daysOf(run) });

const listTable = (reports: readonly BacktestReport[]): string[] => {
  const right = (title: string) => ({ title, align: 'right' as const });
  return formatTable(
    [
      { title: 'id' },
      { title: 'days' },
      { title: 'model' },
      { title: 'strategies' },
      right('symbols'),
      right('return'),
      right('Sharpe'),
      right('drawdown'),
      right('trades'),
      { title: '' },
    ],
    reports.map((report) => {
      const { run, performance } = report;
      const days = daysOf(run);
      const { sharpe, maxDrawdown, trades } = figuresOf(report);
      return [
        report.id,
        `${days.from} to ${days.to}`,
        run.modelId ?? 'none',
        run.strategies.join(', '),
        String(run.symbols.length),
        percentText(performance.totalReturn.value, 2),
        numberText(sharpe, 2),
        percentText(maxDrawdown, 2),
        String(trades),
        run.inSample.length > 0 ? 'IN-SAMPLE' : '',
      ];
    }),
  );
};
