import { writeFileSync } from 'node:fs';
import { isAbsolute, resolve } from 'node:path';
import type { Command } from 'commander';
import { type EpochMs, epochMs, formatTime } from '../../core/index.ts';
import {
  type Database,
  listEquity,
  listFills,
  listOrders,
  listPositions,
  listStrategyResults,
} from '../../database/index.ts';
import { BOOK } from '../../engine/index.ts';
import { parquetOf, type TableColumn } from '../../marketfiles/index.ts';
import {
  type CliContext,
  type CommonOptions,
  commandLog,
  perform,
  type Report,
  readConfig,
  withCommonOptions,
} from '../context.ts';
import { usageError } from '../output.ts';
import { withStore } from '../store.ts';
import { type Column, formatTable } from '../terminal.ts';
import { timeOf } from './sim.ts';
import { wholeNumber } from './up.ts';

interface ListOptions extends CommonOptions {
  readonly symbol?: string;
  readonly limit: string;
  readonly open?: boolean;
}

interface ExportOptions extends CommonOptions {
  readonly kind: string;
  readonly format?: string;
  readonly output?: string;
  readonly symbol?: string;
  readonly from?: string;
  readonly until?: string;
}

/** `trade positions`, `orders`, `fills`, `export`. */
export function addTradeLedger(trade: Command, context: CliContext): void {
  /** @param plan reads the options: what is wrong with them is told whether or not there is a store */
  const onStore = (options: CommonOptions, plan: () => (database: Database) => Promise<Report>) =>
    perform(context, options, async () => {
      const config = readConfig(context, options).values;
      return withStore(config, commandLog(config, options), { create: false, migrate: true }, plan());
    });
  const withList = (command: Command) =>
    withCommonOptions(command)
      .option('--symbol <SYMBOL>', 'of one symbol only')
      .option('--limit <N>', 'the newest N', '20');

  withList(trade.command('positions'))
    .description('Open positions, and what the fills of each strategy came to.')
    .addHelpText('after', '\nExample: minutehand trade positions --json')
    .action((options: ListOptions) =>
      onStore(options, () => {
        const { symbol, limit } = filterOf(options);
        return async (database) => {
          const open = (await listPositions(database, BOOK)).filter(
            (each) => symbol === undefined || each.symbol === symbol,
          );
          const positions = open.slice(0, limit);
          const listed = reportRows('positions', positions, POSITION_COLUMNS, 'no open positions');
          const strategies = await listStrategyResults(database, BOOK);
          const results = reportRows('strategies', strategies, STRATEGY_COLUMNS, '');
          return {
            result: { ...listed.result, ...results.result },
            lines: () => [...listed.lines(), ...(strategies.length === 0 ? [] : ['', ...results.lines()])],
          };
        };
      }),
    );
  withList(trade.command('orders'))
    .description('Orders by the time of their decision, oldest first.')
    .option('--open', 'only those that have not ended')
    .addHelpText('after', '\nExample: minutehand trade orders --open')
    .action((options: ListOptions) =>
      onStore(options, () => {
        const filter = { book: BOOK, ...filterOf(options), ...(options.open ? { open: true } : {}) };
        return async (database) => reportRows('orders', await listOrders(database, filter), ORDER_COLUMNS, 'no orders');
      }),
    );
  withList(trade.command('fills'))
    .description('Executions, oldest first.')
    .addHelpText('after', '\nExample: minutehand trade fills --symbol BTCUSDT --limit 50')
    .action((options: ListOptions) =>
      onStore(options, () => {
        const filter = { book: BOOK, ...filterOf(options) };
        return async (database) => reportRows('fills', await listFills(database, filter), FILL_COLUMNS, 'no fills');
      }),
    );
  withCommonOptions(trade.command('export'))
    .description('Orders, fills or the equity curve as CSV or Parquet; CSV to stdout unless --output names a file.')
    .requiredOption('--kind <KIND>', 'orders, fills or equity')
    .option('--format <FORMAT>', 'csv or parquet; without it, as the ending of --output says, else csv')
    .option('--output <FILE>', 'where to write')
    .option('--symbol <SYMBOL>', 'of one symbol only')
    .option('--from <TIME>', 'at or after, such as 2025-06-01 or 2025-06-01T12:00:00Z')
    .option('--until <TIME>', 'before')
    .addHelpText('after', '\nExample: minutehand trade export --kind fills --output fills.csv --from 2025-06-01')
    .action((options: ExportOptions) =>
      onStore(options, () => {
        const kind = exportKind(options);
        const format = exportFormat(options);
        const filter = {
          book: BOOK,
          ...(options.symbol === undefined ? {} : { symbol: options.symbol.toUpperCase() }),
          ...(options.from === undefined ? {} : { from: timeOf('--from', options.from) }),
          ...(options.until === undefined ? {} : { until: timeOf('--until', options.until) }),
        };
        const { columns } = EXPORTS[kind];
        return async (database) => {
          const rows = await EXPORTS[kind].rows(database, filter);
          const lines = () => [columns.join(','), ...rows.map((row) => csvLine(columns, row))];
          if (options.output === undefined) return { result: {}, lines };
          const output = isAbsolute(options.output) ? options.output : resolve(context.invokedFrom, options.output);
          writeFileSync(output, format === 'csv' ? `${lines().join('\n')}\n` : await parquetOf(tableOf(columns, rows)));
          return {
            result: { ok: true, kind, format, rows: rows.length, output },
            lines: () => [`${rows.length} ${kind} written to ${output}`],
          };
        };
      }),
    );
}

const filterOf = ({ symbol, limit }: ListOptions) => ({
  ...(symbol === undefined ? {} : { symbol: symbol.toUpperCase() }),
  limit: wholeNumber('--limit', limit, 1),
});

type Row = Readonly<Record<string, unknown>>;
/** A column of a table: its key in the row, and its title. */
type RowColumn = Column & { readonly key: string };

const column = (key: string, align: 'left' | 'right' = 'left', title = key): RowColumn => ({ key, title, align });

const POSITION_COLUMNS = [
  column('symbol'),
  column('strategy'),
  column('quantity', 'right'),
  column('averagePrice', 'right', 'average'),
  column('markPrice', 'right', 'mark'),
  column('unrealizedPnl', 'right', 'profit'),
  column('stopPrice', 'right', 'stop'),
  column('stopState', 'left', 'stop is'),
  column('targetPrices', 'right', 'targets'),
  column('openedAt', 'left', 'opened'),
];

const STRATEGY_COLUMNS = [
  column('strategy'),
  column('fills', 'right'),
  column('realizedPnl', 'right', 'realised'),
  column('fees', 'right'),
];

const ORDER_COLUMNS = [
  column('decidedAt', 'left', 'decided'),
  column('symbol'),
  column('strategy'),
  column('side'),
  column('purpose'),
  column('triggerPrice', 'right', 'trigger'),
  column('quantity', 'right'),
  column('filledQuantity', 'right', 'filled'),
  column('averagePrice', 'right', 'average'),
  column('status'),
  column('reason'),
];

const FILL_COLUMNS = [
  column('time'),
  column('symbol'),
  column('strategy'),
  column('side'),
  column('quantity', 'right'),
  column('price', 'right'),
  column('fee', 'right'),
  column('realizedPnl', 'right', 'realised'),
];

function reportRows(name: string, rows: readonly object[], columns: readonly RowColumn[], none: string): Report {
  return {
    result: { [name]: rows },
    lines: () =>
      rows.length === 0
        ? [none]
        : formatTable(
            columns,
            rows.map((row) => columns.map(({ key }) => cellText(key, (row as Row)[key]))),
          ),
  };
}

const TIMES: ReadonlySet<string> = new Set(['time', 'minute', 'decidedAt', 'validUntil', 'openedAt']);

const cellText = (key: string, value: unknown): string =>
  typeof value === 'number' && TIMES.has(key)
    ? formatTime(epochMs(value))
    : Array.isArray(value)
      ? value.join(' ')
      : String(value ?? '');

interface ExportFilter {
  readonly book: string;
  readonly symbol?: string;
  readonly from?: EpochMs;
  readonly until?: EpochMs;
}

interface Export {
  readonly columns: readonly string[];
  readonly rows: (database: Database, filter: ExportFilter) => Promise<readonly object[]>;
}

const EXPORTS = {
  orders: {
    columns: [
      'decidedAt',
      'clientOrderId',
      'strategy',
      'symbol',
      'side',
      'purpose',
      'type',
      'triggerPrice',
      'parent',
      'quantity',
      'reduceOnly',
      'validUntil',
      'signalId',
      'reason',
      'referencePrice',
      'status',
      'filledQuantity',
      'averagePrice',
    ],
    rows: listOrders,
  },
  fills: {
    columns: [
      'time',
      'fillId',
      'clientOrderId',
      'strategy',
      'symbol',
      'side',
      'quantity',
      'price',
      'fee',
      'realizedPnl',
    ],
    rows: listFills,
  },
  equity: {
    columns: [
      'minute',
      'equity',
      'cash',
      'unrealizedPnl',
      'realizedPnl',
      'fees',
      'funding',
      'transfers',
      'grossExposure',
      'openPositions',
    ],
    rows: listEquity,
  },
} as const satisfies Record<string, Export>;

function exportFormat({ format, output }: ExportOptions): 'csv' | 'parquet' {
  const chosen = format ?? (output?.endsWith('.parquet') ? 'parquet' : 'csv');
  if (chosen !== 'csv' && chosen !== 'parquet') {
    throw usageError(`--format ${chosen} is not known`, 'Write --format csv or --format parquet.');
  }
  if (chosen === 'parquet' && output === undefined) {
    throw usageError('a Parquet file is not written to stdout', 'Add --output FILE.');
  }
  return chosen;
}

function exportKind({ kind, output, symbol, json }: ExportOptions): keyof typeof EXPORTS {
  if (json && output === undefined) throw usageError('--json leaves no place for the CSV', 'Add --output FILE.');
  if (kind !== 'orders' && kind !== 'fills' && kind !== 'equity') {
    throw usageError(`--kind ${kind} is not known`, 'Write --kind orders, fills or equity.');
  }
  if (kind === 'equity' && symbol !== undefined) throw usageError('equity has no symbol', 'Leave out --symbol.');
  return kind;
}

/** What a column holds; every other one is text. */
const KINDS = new Map<string, TableColumn['kind']>([
  ...[...TIMES].map((key) => [key, 'time'] as const),
  ...(
    [
      ...['triggerPrice', 'referencePrice', 'averagePrice', 'price', 'quantity', 'filledQuantity', 'fee', 'fees'],
      ...['realizedPnl', 'unrealizedPnl', 'equity', 'cash', 'funding', 'transfers', 'grossExposure'],
    ] as const
  ).map((key) => [key, 'amount'] as const),
  ['reduceOnly', 'flag'],
  ['openPositions', 'count'],
]);

const tableOf = (columns: readonly string[], rows: readonly object[]): TableColumn[] =>
  columns.map((name) => {
    const values = rows.map((row) => (row as Row)[name]);
    return { name, kind: KINDS.get(name) ?? 'text', values } as TableColumn;
  });

const csvLine = (columns: readonly string[], row: object): string =>
  columns.map((key) => csvCell(cellText(key, (row as Row)[key]))).join(',');

const csvCell = (text: string): string => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
