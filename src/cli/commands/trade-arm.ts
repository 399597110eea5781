import type { Command } from 'commander';
import { type Config, durationMs } from '../../config/index.ts';
import { type ArmingTerms, type EpochMs, epochMs, formatTime, MinutehandError, systemClock } from '../../core/index.ts';
import { type Database, lastCycleMinute, listEquity, listRuns } from '../../database/index.ts';
import { BOOK, readBookOverview } from '../../engine/index.ts';
import { LONGEST_ARMING_MS } from '../../trading/index.ts';
import { type CliContext, type CommonOptions, commandLog, perform, readConfig, withCommonOptions } from '../context.ts';
import { usageError } from '../output.ts';
import { withStore } from '../store.ts';
import { tellBook } from '../tell-book.ts';
import { formatTable } from '../terminal.ts';

interface ArmOptions extends CommonOptions {
  readonly capital: string;
  readonly for: string;
  readonly confirm?: string;
  readonly reason?: string;
}

/** `trade arm`. */
export function addTradeArm(trade: Command, context: CliContext): void {
  withCommonOptions(trade.command('arm'))
    .description('Let the book trade at the exchange up to a cap, for a time; asks for a typed confirmation.')
    .requiredOption('--capital <AMOUNT>', 'how much it may trade with, in quote currency')
    .requiredOption('--for <DURATION>', 'how long, such as 12h or 7d; 31d at most')
    .option('--confirm <PHRASE>', 'the phrase that is asked for, such as "arm main for 500 USDT"')
    .option('--reason <TEXT>', 'why, for the record')
    .addHelpText('after', '\nExample: minutehand trade arm --capital 500 --for 7d')
    .action((options: ArmOptions) =>
      perform(context, options, async () => {
        const config = readConfig(context, options).values;
        const cap = capOf(options.capital);
        const validMs = validityOf(options.for);
        if (config.mode !== 'live') {
          throw new MinutehandError(
            'ARMING_NOT_NEEDED',
            'mode is paper: nothing is sent to an exchange, so there is nothing to arm',
            'Set mode: live to trade at an exchange.',
            { exitCode: 2 },
          );
        }
        return withStore(config, commandLog(config, options), { create: false, migrate: true }, async (database) => {
          const standing = await standingOf(database, config);
          const terms: ArmingTerms = { cap, expiresAt: epochMs(standing.now + validMs) };
          const phrase = `arm ${BOOK} for ${cap} ${config.universe.quote}`;
          await confirm(context, options, phrase, allowance(config, terms, standing));
          const report = await tellBook(
            context,
            { config, database, reason: options.reason },
            { command: 'arm', terms },
          );
          return { ...report, result: { ...report.result, terms: { ...terms, rehearsal: standing.isRehearsal } } };
        });
      }),
    );
}

function capOf(text: string): string {
  if (/^\d{1,12}(\.\d{1,8})?$/.test(text) && Number(text) > 0) return text.replace(/^0+(?=\d)/, '');
  throw usageError(
    `--capital ${text} is not an amount above 0 with at most 8 decimal places`,
    'Write --capital 500, the smallest amount that serves.',
  );
}

function validityOf(text: string): number {
  const remedy = 'Write --for 12h or --for 7d; 31d at most.';
  try {
    const length = durationMs(text);
    if (length <= LONGEST_ARMING_MS) return length;
  } catch {
    throw usageError(`--for ${text} is not a duration`, remedy);
  }
  throw usageError(`--for ${text} is longer than an arming lasts`, remedy);
}

interface Standing {
  readonly isRehearsal: boolean;
  /** Market time: at a simulated exchange that of the last minute, as it may run faster than the clock on the wall. */
  readonly now: EpochMs;
  readonly equity: string | undefined;
  /** Share of the cap that the stage of the ramp lets be held. */
  readonly stageFraction: number;
}

async function standingOf(database: Database, config: Config): Promise<Standing> {
  const { exchange, risk } = config;
  const [run] = await listRuns(database, BOOK, 1);
  if (run !== undefined && run.market.mode !== 'live') {
    throw new MinutehandError(
      'MODE_DIFFERS',
      'the store holds a book that trades on paper, which nothing can be armed for',
      'Name the store of the live book with --data-dir (or its database).',
      { exitCode: 2 },
    );
  }
  const isRehearsal = run === undefined ? !exchange.real : run.market.kind !== 'real';
  const lastMinute = await lastCycleMinute(database, BOOK);
  const [point] = (await listEquity(database, { book: BOOK, limit: 1 })).slice(-1);
  const overview = await readBookOverview(database, config, BOOK);
  const firstFraction = risk.ramp.applies === 'never' ? 1 : (risk.ramp.stage_fractions[0] ?? 1);
  const standing = {
    isRehearsal,
    equity: point?.equity,
    stageFraction: overview?.risk.ramp?.fraction ?? firstFraction,
  };
  if (!isRehearsal) return { ...standing, now: systemClock.now() };
  if (lastMinute !== undefined) return { ...standing, now: lastMinute };
  throw new MinutehandError(
    'ARMING_TOO_EARLY',
    'no minute has been decided yet, so it is not known what time it is at the simulated exchange',
    'Start "minutehand up" first: it only reduces until it is armed.',
    { exitCode: 3 },
  );
}

/** What an arming lets the book do, as the person who confirms it reads it. */
function allowance(
  { exchange, risk, universe: { quote } }: Config,
  { cap, expiresAt }: ArmingTerms,
  { isRehearsal, equity, stageFraction }: Standing,
): string[] {
  const { position_mode, margin_mode, leverage } = exchange.account;
  const amount = (share: number) => `${Number((Number(cap) * share).toFixed(2))} ${quote}`;
  return formatTable(
    [{ title: 'arming' }, { title: `of book ${BOOK}` }],
    [
      ['mode', isRehearsal ? 'rehearsal at a simulated exchange: no real money' : 'LIVE: orders cost real money'],
      ['exchange', exchange.url === null ? exchange.id : `${exchange.id} at ${exchange.url}`],
      ['account', `${position_mode} mode, ${margin_mode} margin, leverage ${leverage}`],
      ['equity', equity === undefined ? 'not known yet' : `${equity} ${quote}`],
      ['cap', `${cap} ${quote}: sizes and limits are shares of it where the equity is larger`],
      [
        'gross exposure',
        `${amount(Math.min(stageFraction, risk.max_gross_exposure))} at most in this stage of the ramp`,
      ],
      ['one position', `${amount(risk.max_position_fraction)} at most`],
      ['loss of a day', `after ${amount(risk.max_daily_loss)} only reducing`],
      ['drawdown', `after ${amount(risk.max_drawdown)} trading is halted`],
      ['until', `${formatTime(expiresAt)}, then only reducing`],
    ],
  );
}

/** @throws MinutehandError CONFIRMATION_MISSING unless the phrase is typed or given */
async function confirm(
  { terminal }: CliContext,
  options: ArmOptions,
  phrase: string,
  lines: readonly string[],
): Promise<void> {
  const question = [...lines, `Type "${phrase}" to go on: `].join('\n');
  const answer = options.confirm ?? (options.json ? undefined : await terminal.ask?.(question));
  if (answer?.trim() === phrase) return;
  throw new MinutehandError(
    'CONFIRMATION_MISSING',
    answer === undefined ? 'arming asks for a confirmation, and nobody is there to give it' : 'it was not confirmed',
    `Type "${phrase}" when asked, or give it with --confirm. Nothing was changed.`,
    { exitCode: 3 },
  );
}
