import { Command, CommanderError } from 'commander';
import { addBacktest } from './commands/backtest.ts';
import { addConfig } from './commands/config.ts';
import { addData } from './commands/data.ts';
import { addDb } from './commands/db.ts';
import { addDoctor } from './commands/doctor.ts';
import { addFeatures } from './commands/features.ts';
import { addModel } from './commands/model.ts';
import { addProcesses } from './commands/processes.ts';
import { addSignals } from './commands/signals.ts';
import { addSim } from './commands/sim.ts';
import { addStatus } from './commands/status.ts';
import { addTrade } from './commands/trade.ts';
import { addUp } from './commands/up.ts';
import { addWorker } from './commands/worker.ts';
import { type CliContext, VERSION } from './context.ts';
import { reportFailure, usageError } from './output.ts';

/**
 * Runs one command line.
 * @param args without the interpreter and the script
 * @returns the exit code: 0 done, 1 failed or found wanting, 2 wrong usage or configuration, 3 refused for safety
 */
export async function runCli(args: readonly string[], context: CliContext): Promise<number> {
  const program = createProgram(context);
  const { stdout } = context.terminal;
  for (const command of everyCommand(program)) {
    command.exitOverride().configureOutput({ writeOut: (text) => void stdout.write(text), writeErr: () => undefined });
  }
  try {
    await program.parseAsync(args, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return 0;
    const message = error.code === 'commander.help' ? 'no command is given' : error.message.replace(/^error: /, '');
    return reportFailure(
      context.terminal,
      { json: args.includes('--json') },
      usageError(message, 'See "minutehand --help", or "minutehand COMMAND --help".'),
    );
  }
  return context.exitCode;
}

/** Every command with its options. */
export function createProgram(context: CliContext): Command {
  const program = new Command('minutehand')
    .description('Forecasts, signals and risk-checked orders for 50 and more symbols, every minute.')
    .version(VERSION)
    .showHelpAfterError(false);
  addUp(program, context);
  addStatus(program, context);
  addDoctor(program, context);
  addData(program, context);
  addFeatures(program, context);
  addModel(program, context);
  addSignals(program, context);
  addBacktest(program, context);
  addTrade(program, context);
  addSim(program, context);
  addConfig(program, context);
  addDb(program, context);
  addProcesses(program, addWorker(program, context));
  return program;
}

function* everyCommand(command: Command): Generator<Command> {
  yield command;
  for (const child of command.commands) yield* everyCommand(child);
}
