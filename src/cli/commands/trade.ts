import type { Command } from 'commander';
import { type BookCommandKind, MinutehandError } from '../../core/index.ts';
import { listPositions } from '../../database/index.ts';
import { BOOK } from '../../engine/index.ts';
import { type CliContext, type CommonOptions, commandLog, perform, readConfig, withCommonOptions } from '../context.ts';
import { withStore } from '../store.ts';
import { tellBook } from '../tell-book.ts';
import { addTradeArm } from './trade-arm.ts';
import { addTradeDryFire } from './trade-dry-fire.ts';
import { addTradeLedger } from './trade-ledger.ts';
import { addTradeReconcile } from './trade-reconcile.ts';

interface CommandOptions extends CommonOptions {
  readonly reason?: string;
  readonly yes?: boolean;
}

type PlainCommand = Exclude<BookCommandKind, 'arm'>;

const COMMANDS: readonly { command: PlainCommand; description: string; example: string }[] = [
  {
    command: 'halt',
    description: 'Stop all entries and cancel those that work; only closing passes until "trade resume".',
    example: 'minutehand trade halt --reason "exchange maintenance"',
  },
  {
    command: 'reduce',
    description: 'Let only orders pass that reduce positions, until "trade resume".',
    example: 'minutehand trade reduce',
  },
  {
    command: 'resume',
    description: 'Lift what stops entries, but for the loss of the day, which ends with the UTC day.',
    example: 'minutehand trade resume --reason "maintenance is over"',
  },
  {
    command: 'close-all',
    description: 'Close every position at market and halt.',
    example: 'minutehand trade close-all --yes',
  },
  {
    command: 'disarm',
    description: 'End the arming of live trading: only orders that reduce pass until "trade arm".',
    example: 'minutehand trade disarm',
  },
];

/** `trade halt`, `reduce`, `resume`, `close-all`, `arm`, `disarm`, `reconcile`, `dry-fire`, `positions`, `orders`, `fills`, `export`. */
export function addTrade(program: Command, context: CliContext): void {
  const trade = program
    .command('trade')
    .description('Stop, reduce, resume or close; arm live trading; positions, orders and fills.');
  for (const { command, description, example } of COMMANDS) {
    const told = withCommonOptions(trade.command(command))
      .description(description)
      .option('--reason <TEXT>', 'why, for the record')
      .addHelpText('after', `\nExample: ${example}`)
      .action((options: CommandOptions) => tell(context, command, options));
    if (command === 'close-all') told.option('--yes', 'do not ask');
  }
  addTradeArm(trade, context);
  addTradeReconcile(trade, context);
  addTradeDryFire(trade, context);
  addTradeLedger(trade, context);
}

function tell(context: CliContext, command: PlainCommand, options: CommandOptions): Promise<void> {
  return perform(context, options, async () => {
    const config = readConfig(context, options).values;
    return withStore(config, commandLog(config, options), { create: false, migrate: true }, async (database) => {
      if (command === 'close-all' && !options.yes) {
        await confirm(context, options, (await listPositions(database, BOOK)).length);
      }
      return tellBook(context, { config, database, reason: options.reason }, { command });
    });
  });
}

/** @throws MinutehandError CONFIRMATION_MISSING unless the person at the terminal types the command's name */
async function confirm({ terminal }: CliContext, options: CommonOptions, positions: number): Promise<void> {
  const question = `This closes ${positions} open positions at market and halts trading. Type close-all to go on: `;
  const answer = options.json ? undefined : await terminal.ask?.(question);
  if (answer?.trim() === 'close-all') return;
  throw new MinutehandError(
    'CONFIRMATION_MISSING',
    answer === undefined ? 'close-all asks for a confirmation, and nobody is there to give it' : 'it was not confirmed',
    'Type close-all when asked, or add --yes. Nothing was changed.',
    { exitCode: 3 },
  );
}
