import type { Command } from 'commander';
import type { CliContext } from '../context.ts';
import { addBacktestAudit } from './backtest-audit.ts';
import { addBacktestParity } from './backtest-parity.ts';
import { addBacktestReport } from './backtest-report.ts';
import { addBacktestRun } from './backtest-run.ts';
import { addWalkForward } from './backtest-walk-forward.ts';

export function addBacktest(program: Command, context: CliContext): void {
  const backtest = program
    .command('backtest')
    .description('What a strategy would have come to, and how far to believe it.');
  addBacktestRun(backtest, context);
  addWalkForward(backtest, context);
  addBacktestReport(backtest, context);
  addBacktestParity(backtest, context);
  addBacktestAudit(backtest, context);
}
