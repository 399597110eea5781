import type { Command } from 'commander';
import { AUDITED_DAYS, auditBacktest, daysOf } from '../../backtest/index.ts';
import { systemClock } from '../../core/index.ts';
import { type CliContext, perform, withCommonOptions } from '../context.ts';
import { createProgress } from '../terminal.ts';
import { backtestRequestOf, type RunOptions, tradedConfig, withMarketOptions } from './backtest-run.ts';
import { wholeNumber } from './up.ts';

interface AuditOptions extends RunOptions {
  readonly days: string;
  readonly seed: string;
}

/** `backtest audit`. */
export function addBacktestAudit(backtest: Command, context: CliContext): void {
  withMarketOptions(withCommonOptions(backtest.command('audit')))
    .description(
      'Look for what makes a backtest lie: a future that is known, results of the start or of chance, impossible fills.',
    )
    .option('--days <N>', 'how many of the last days of the range are audited', String(AUDITED_DAYS))
    .option('--seed <SEED>', 'seed of the poisoned bars and of the permutations', '1')
    .option('--in-sample', 'audit days that the model was fitted on, too')
    .option('--workers <N>', 'threads that compute features; by default one per core')
    .addHelpText('after', '\nExample: minutehand backtest audit --data DIR --universe 20 --days 7 --json')
    .action((options: AuditOptions) =>
      perform(context, options, async () => {
        const config = tradedConfig(context, options);
        const days = wholeNumber('--days', options.days, 1);
        const progress = createProgress(context.terminal.stderr, systemClock);
        const work = async () => {
          const request = await backtestRequestOf(context, config, options, progress.update);
          return auditBacktest(request, { days, seed: options.seed });
        };
        const report = await work().finally(() => progress.finish());
        const { ok, audits, critiques, bars, symbols } = report;
        const range = daysOf(report);
        const found = ok
          ? 'no fault found'
          : `${audits.filter((audit) => !audit.ok).length} of ${audits.length} audits failed`;
        return {
          result: { ok, ...range, bars, symbols, audits, critiques },
          exitCode: ok ? 0 : 1,
          lines: () => [
            `${bars} bars of ${symbols.length} symbols, ${range.from} to ${range.to}: ${found}`,
            ...audits.map((audit) => `${audit.ok ? 'ok   ' : 'FAULT'}  ${audit.name.padEnd(12)}  ${audit.detail}`),
            ...(critiques.length === 0 ? [] : ['', 'What speaks against the result:']),
            ...critiques.map((critique) => `- ${critique}`),
          ],
        };
      }),
    );
}
