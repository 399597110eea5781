import type { Command } from 'commander';
import { type BookCommandKind, MinutehandError, systemClock } from '../../core/index.ts';
import { listPositions } from '../../database/index.ts';
import { BOOK, commandBook, describeRisk, readBookOverview } from '../../engine/index.ts';
import {
  actorOf,
  type CliContext,
  type CommonOptions,
  commandLog,
  perform,
  readConfig,
  withCommonOptions,
} from '../context.ts';
import { withStore } from '../store.ts';
import { addTradeLedger } from './trade-ledger.ts';

interface CommandOptions extends CommonOptions {
  readonly reason?: string;
  readonly yes?: boolean;
}

/** How long a running engine is waited for. */
const WAIT_MS = 5_000;

const COMMANDS: readonly { command: BookCommandKind; description: string; example: string }[] = [
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
];

/** `trade halt`, `reduce`, `resume`, `close-all`, `positions`, `orders`, `fills`, `export`. */
export function addTrade(program: Command, context: CliContext): void {
  const trade = program.command('trade').description('Stop, reduce, resume or close; positions, orders and fills.');
  for (const { command, description, example } of COMMANDS) {
    const told = withCommonOptions(trade.command(command))
      .description(description)
      .option('--reason <TEXT>', 'why, for the record')
      .addHelpText('after', `\nExample: ${example}`)
      .action((options: CommandOptions) => tell(context, command, options));
    if (command === 'close-all') told.option('--yes', 'do not ask');
  }
  addTradeLedger(trade, context);
}

function tell(context: CliContext, command: BookCommandKind, options: CommandOptions): Promise<void> {
  return perform(context, options, async () => {
    const config = readConfig(context, options).values;
    return withStore(config, commandLog(config, options), { create: false, migrate: true }, async (database) => {
      if (command === 'close-all' && !options.yes) {
        await confirm(context, options, (await listPositions(database, BOOK)).length);
      }
      const { reason } = options;
      const { id, outcome, isEngineRunning } = await commandBook(
        database,
        {
          book: BOOK,
          command,
          actor: actorOf(context),
          time: systemClock.now(),
          ...(reason === undefined ? {} : { reason }),
        },
        { waitMs: WAIT_MS, clock: systemClock, signal: context.signal },
      );
      const overview = await readBookOverview(database, config, BOOK);
      const engine = isEngineRunning ? 'running' : 'stopped';
      const isLate = outcome === undefined && isEngineRunning;
      return {
        result: {
          ok: !isLate,
          id,
          command,
          state: outcome === undefined ? 'pending' : 'applied',
          engine,
          ...(outcome === undefined ? {} : { outcome }),
          risk: overview?.risk ?? null,
        },
        exitCode: isLate ? 1 : 0,
        lines: () => [
          outcome !== undefined
            ? `${command}: done${command === 'close-all' ? ', positions are closed from the next minute on' : ''}; ${overview ? describeRisk(overview.risk) : outcome}`
            : isEngineRunning
              ? `${command}: the engine has not answered within ${WAIT_MS / 1_000} s; it takes effect with its next minute (see "minutehand status")`
              : `${command}: no engine runs; it takes effect at the next start, before any order`,
        ],
      };
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
