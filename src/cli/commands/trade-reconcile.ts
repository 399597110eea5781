import type { Command } from 'commander';
import {
  type AccountSnapshot,
  type EpochMs,
  formatTime,
  isTerminal,
  MinutehandError,
  waitReal,
} from '../../core/index.ts';
import { type Database, loadBook } from '../../database/index.ts';
import { BOOK, decodeBookState } from '../../engine/index.ts';
import { type Difference, describeDifference, differencesOf, type Ledger, takeSnapshot } from '../../trading/index.ts';
import { type AccountOptions, accountFlags, withAccount } from '../account.ts';
import { type CliContext, type CommonOptions, commandLog, perform, readConfig, withCommonOptions } from '../context.ts';
import { withStore } from '../store.ts';

type ReconcileOptions = CommonOptions & AccountOptions;

/** While an engine runs, account and book change between the two looks: what is different this often is. */
const LOOKS = 3;
const PAUSE_MS = 2_000;

interface Book {
  readonly minute: EpochMs;
  readonly ledger: Ledger;
}

/** `trade reconcile`. */
export function addTradeReconcile(trade: Command, context: CliContext): void {
  withCommonOptions(trade.command('reconcile'))
    .description(
      'Hold the account at the exchange against the book; nothing is changed. Exits with 1 where they differ.',
    )
    .option('--exchange-url <URL>', 'a running exchange, such as one of "minutehand sim serve"')
    .option('--real', 'the exchange itself, with the keys of the environment')
    .addHelpText('after', '\nExample: minutehand trade reconcile --real')
    .action((options: ReconcileOptions) =>
      perform(context, options, async () => {
        const config = readConfig(context, options, accountFlags(options)).values;
        const log = commandLog(config, options);
        return withStore(config, log, { create: false, migrate: false }, (database) =>
          withAccount(context, config, log, async ({ client, venue }) => {
            const look = async () => {
              const book = await readBook(database);
              const isOwn = (id: string) => {
                const order = book.ledger.orders.get(id);
                return order !== undefined && !isTerminal(order.status);
              };
              const account = await takeSnapshot(client, { takenAt: venue.clock.now(), version: 0, isOwn });
              return { book, account, differences: differencesOf(account, book.ledger) };
            };
            let found = await look();
            for (let i = 1; i < LOOKS && found.differences.length > 0; i++) {
              await waitReal(PAUSE_MS);
              found = await look();
            }
            return reportOf(client.address, found);
          }),
        );
      }),
    );
}

/** @throws MinutehandError BOOK_MISSING where no minute was decided yet */
async function readBook(database: Database): Promise<Book> {
  const snapshot = await loadBook(database, BOOK);
  if (snapshot === undefined) {
    throw new MinutehandError(
      'BOOK_MISSING',
      'the store holds no book that an account could be held against',
      'Start "minutehand up" in mode live first, or name its store with --data-dir.',
    );
  }
  return { minute: snapshot.lastMinute, ledger: decodeBookState(snapshot.bookState).ledger };
}

function reportOf(
  address: string,
  { book, account, differences }: { book: Book; account: AccountSnapshot; differences: readonly Difference[] },
) {
  const agrees = differences.length === 0;
  return {
    result: {
      agrees,
      differences,
      minute: formatTime(book.minute),
      account: address,
      balance: account.balance,
      positions: Object.fromEntries(account.positions),
    },
    exitCode: agrees ? (0 as const) : (1 as const),
    lines: () =>
      agrees
        ? [`account and book agree: ${account.positions.size} symbols held, balance ${account.balance}`]
        : ['account and book differ:', ...differences.map((each) => `  ${describeDifference(each)}`)],
  };
}
