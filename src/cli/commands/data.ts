import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { Config, FlagSetting } from '../../config/index.ts';
import {
  createRandom,
  DAY_MS,
  type EpochMs,
  epochMs,
  formatTime,
  isTimeframe,
  type Log,
  noMetrics,
  type SymbolId,
  systemClock,
  TIMEFRAMES,
  type Timeframe,
} from '../../core/index.ts';
import {
  type DataLoaderOptions,
  dataBackfill,
  dataExport,
  dataGaps,
  dataImport,
  dataRepair,
  refreshInstruments,
  verifyCandleFile,
} from '../../data/index.ts';
import { type Database, readBars } from '../../database/index.ts';
import { connectVenue } from '../../engine/index.ts';
import { type CliContext, type CommonOptions, commandLog, perform, readConfig, withCommonOptions } from '../context.ts';
import { usageError } from '../output.ts';
import { hasStore, withStore } from '../store.ts';
import { createProgress, formatTable } from '../terminal.ts';
import { timeOf } from './sim.ts';

interface RangeOptions extends CommonOptions {
  readonly symbols?: string;
  readonly timeframe: string;
  readonly from?: string;
  readonly to?: string;
  readonly exchangeUrl?: string;
}

interface VerifyOptions extends CommonOptions {
  readonly file: string;
  readonly symbol?: string;
  readonly timeframe?: string;
  readonly against?: string;
}

interface ImportOptions extends CommonOptions {
  readonly file: string;
  readonly symbol?: string;
  readonly timeframe?: string;
}

export function addData(program: Command, context: CliContext): void {
  const data = program.command('data').description('History: fetch, check, repair, import, export.');
  addBackfill(data, context);
  addVerify(data, context);
  addGaps(data, context);
  addRepair(data, context);
  addImport(data, context);
  addExport(data, context);
}

const withRange = (command: Command): Command =>
  withCommonOptions(command)
    .option('--symbols <LIST>', 'such as BTCUSDT,ETHUSDT; by default those of the universe or the store')
    .option('--timeframe <LIST>', `one or more of ${TIMEFRAMES.join(', ')}`, '1m')
    .option('--from <TIME>', 'such as 2025-06-01 or 2025-06-01T12:00:00Z')
    .option('--to <TIME>', 'the end, not included');

function addBackfill(data: Command, context: CliContext): void {
  withRange(data.command('backfill'))
    .description('Fetch what the store lacks of a range from the exchange; goes on where it was cut off.')
    .option('--exchange-url <URL>', 'a running exchange instead of the real one')
    .addHelpText(
      'after',
      '\nExample: minutehand data backfill --symbols BTCUSDT,ETHUSDT --timeframe 15m,1h --from 2025-06-01',
    )
    .action((options: RangeOptions) =>
      perform(context, options, async () => {
        const config = readConfig(context, options, exchangeFlags(options)).values;
        const timeframes = timeframesOf(options.timeframe);
        const report = await withLoader(context, config, options, async (parts, now) => {
          const symbols = symbolsOf(options) ?? (await universeOf(parts, config));
          await refreshInstruments(parts);
          const progress = createProgress(context.terminal.stderr, systemClock);
          const result = await dataBackfill({
            ...parts,
            symbols,
            timeframes,
            from: options.from === undefined ? epochMs(now - 7 * DAY_MS) : timeOf('--from', options.from),
            to: options.to === undefined ? now : timeOf('--to', options.to),
            signal: context.signal,
            onProgress: ({ timeframe, settledBars, missingBars, remainingMs }) =>
              progress.update(
                `${timeframe}: ${settledBars} of ${missingBars} bars${remainingMs === undefined ? '' : `, ${Math.ceil(remainingMs / 1000)} s left`}`,
              ),
          });
          progress.finish();
          return result;
        });
        return {
          result: { ...report },
          exitCode: report.ok ? 0 : 1,
          lines: () => [
            `${report.inserted} new bars of ${report.symbols} symbols in ${report.seconds} s, ${report.corrections} corrections`,
            ...report.failed.map(({ symbol, timeframe, reason }) => `failed: ${symbol} ${timeframe}: ${reason}`),
          ],
        };
      }),
    );
}

function addVerify(data: Command, context: CliContext): void {
  withCommonOptions(data.command('verify'))
    .description('Judge one file of candles, by itself and against other bars of its market.')
    .requiredOption('--file <FILE>', 'CSV, plain or gzip, or an archive of the exchange')
    .option('--symbol <SYMBOL>', "by default from the file's name")
    .option('--timeframe <TIMEFRAME>', "by default from the file's name, else from its spacing")
    .option('--against <DIR>', 'a folder of candle files to compare with; by default the store, if there is one')
    .addHelpText('after', '\nExample: minutehand data verify --file BTCUSDT-1m.csv.gz --against DIR --json')
    .action((options: VerifyOptions) =>
      perform(context, options, async () => {
        const config = readConfig(context, options).values;
        const log = commandLog(config, options);
        const against = options.against === undefined ? undefined : resolve(context.invokedFrom, options.against);
        const judge = (database?: Database) =>
          verifyCandleFile({
            file: resolve(context.invokedFrom, options.file),
            now: systemClock.now(),
            ...(options.symbol === undefined ? {} : { symbol: options.symbol.toUpperCase() }),
            ...(options.timeframe === undefined ? {} : { timeframe: timeframeOf(options.timeframe) }),
            ...(against === undefined ? {} : { againstDir: against }),
            ...(database === undefined
              ? {}
              : {
                  store: async (symbol: SymbolId, timeframe: Timeframe, from: EpochMs, to: EpochMs) => {
                    const range = { venue: config.exchange.id, timeframe, from, until: to };
                    const bars = (await readBars(database, [symbol], range)).get(symbol);
                    return bars && bars.length > 0 ? bars : undefined;
                  },
                }),
          });
        const verdict =
          against === undefined && hasStore(config)
            ? await withStore(config, log, { create: false, migrate: false }, judge)
            : await judge();
        return {
          result: { ...verdict },
          exitCode: verdict.ok ? 0 : 1,
          lines: () => [
            `${verdict.symbol} ${verdict.timeframe}: ${verdict.bars} bars, ${verdict.ok ? 'no fault found' : `${verdict.faults.length} faults`}`,
            ...formatTable(
              [
                { title: 'fault' },
                { title: 'from' },
                { title: 'to' },
                { title: 'bars', align: 'right' },
                { title: 'detail' },
              ],
              verdict.faults.map((fault) => [
                fault.code,
                timeText(fault.from),
                timeText(fault.to),
                String(fault.bars),
                fault.detail,
              ]),
            ).slice(verdict.ok ? 1 : 0),
          ],
        };
      }),
    );
}

function addGaps(data: Command, context: CliContext): void {
  withRange(data.command('gaps'))
    .description('List the bars that the store lacks between its first and its last.')
    .addHelpText('after', '\nExample: minutehand data gaps --timeframe 1m')
    .action((options: RangeOptions) =>
      perform(context, options, async () => {
        const config = readConfig(context, options).values;
        const report = await withStore(
          config,
          commandLog(config, options),
          { create: false, migrate: true },
          (database) =>
            dataGaps({
              database,
              venue: config.exchange.id,
              timeframe: timeframeOf(options.timeframe),
              ...rangeOf(options),
            }),
        );
        return {
          result: { ...report },
          exitCode: report.ok ? 0 : 1,
          lines: () => [
            `${report.missingBars} bars missing in ${report.gaps.length} gaps of ${report.symbols} symbols`,
            ...report.gaps.map(({ symbol, from, to, bars }) => `${symbol}  ${from}  ${to}  ${bars}`),
          ],
        };
      }),
    );
}

function addRepair(data: Command, context: CliContext): void {
  withRange(data.command('repair'))
    .description('Ask the exchange for the gaps of the store.')
    .option('--exchange-url <URL>', 'a running exchange instead of the real one')
    .addHelpText('after', '\nExample: minutehand data repair --timeframe 1m')
    .action((options: RangeOptions) =>
      perform(context, options, async () => {
        const config = readConfig(context, options, exchangeFlags(options)).values;
        const report = await withLoader(context, config, options, (parts) =>
          dataRepair({
            ...parts,
            timeframe: timeframeOf(options.timeframe),
            ...rangeOf(options),
            signal: context.signal,
          }),
        );
        return {
          result: { ...report },
          exitCode: report.ok ? 0 : 1,
          lines: () => [
            `${report.repairedBars} bars repaired, ${report.remainingBars} remain`,
            ...report.failed.map(({ symbol, reason }) => `failed: ${symbol}: ${reason}`),
          ],
        };
      }),
    );
}

function addImport(data: Command, context: CliContext): void {
  withCommonOptions(data.command('import'))
    .description('Store the bars of a file, or of a folder of files.')
    .requiredOption('--file <PATH>', 'a file of candles or an archive of the exchange, or a folder of them')
    .option('--symbol <SYMBOL>', "by default from the file's name")
    .option('--timeframe <TIMEFRAME>', "by default from the file's name, else from its spacing")
    .addHelpText('after', '\nExample: minutehand data import --file BTCUSDT-1m-2025-06.zip')
    .action((options: ImportOptions) =>
      perform(context, options, async () => {
        const config = readConfig(context, options).values;
        const report = await withStore(
          config,
          commandLog(config, options),
          { create: true, migrate: true },
          (database) =>
            dataImport({
              database,
              venue: config.exchange.id,
              clock: systemClock,
              path: resolve(context.invokedFrom, options.file),
              ...(options.symbol === undefined ? {} : { symbol: options.symbol.toUpperCase() }),
              ...(options.timeframe === undefined ? {} : { timeframe: timeframeOf(options.timeframe) }),
            }),
        );
        return {
          result: { ...report },
          exitCode: report.ok ? 0 : 1,
          lines: () => [
            `${report.inserted} new bars from ${report.files.length} files, ${report.unchanged} known, ${report.corrections} with other values`,
            ...report.failed.map(({ path, reason }) => `refused: ${path}: ${reason}`),
          ],
        };
      }),
    );
}

function addExport(data: Command, context: CliContext): void {
  withRange(data.command('export'))
    .description('Write stored bars to FOLDER/SYMBOL.csv.gz.')
    .requiredOption('--folder <DIR>', 'where the files go')
    .addHelpText('after', '\nExample: minutehand data export --timeframe 15m --folder ./export')
    .action((options: RangeOptions & { readonly folder: string }) =>
      perform(context, options, async () => {
        const config = readConfig(context, options).values;
        const report = await withStore(
          config,
          commandLog(config, options),
          { create: false, migrate: true },
          (database) =>
            dataExport({
              database,
              venue: config.exchange.id,
              timeframe: timeframeOf(options.timeframe),
              folder: resolve(context.invokedFrom, options.folder),
              ...rangeOf(options),
            }),
        );
        return {
          result: { ...report },
          exitCode: report.ok ? 0 : 1,
          lines: () => [`${report.bars} bars in ${report.files.length} files`, ...report.files.map(({ path }) => path)],
        };
      }),
    );
}

/** Store and exchange together. */
async function withLoader<T>(
  context: CliContext,
  config: Config,
  options: CommonOptions,
  work: (parts: DataLoaderOptions, now: EpochMs) => Promise<T>,
): Promise<T> {
  const log: Log = commandLog(config, options);
  return withStore(config, log, { create: true, migrate: true }, async (database) => {
    const venue = await connectVenue(config, {
      url: config.exchange.url ?? undefined,
      simulatorToken: context.terminal.env.MINUTEHAND_SIM_TOKEN,
      log,
      metrics: noMetrics,
    });
    try {
      const { gateway, clock } = venue;
      const { max_parallel } = config.ml_integration.scheduler;
      return await work(
        {
          gateway,
          database,
          clock,
          random: createRandom('backfill'),
          log,
          metrics: noMetrics,
          maxParallel: max_parallel,
        },
        clock.now(),
      );
    } finally {
      await venue.close();
    }
  });
}

async function universeOf({ gateway }: DataLoaderOptions, config: Config): Promise<readonly SymbolId[]> {
  if (config.universe.symbols.length > 0) return config.universe.symbols;
  const tickers = await gateway.tickers();
  return [...tickers]
    .sort((a, b) => b.quoteVolume24h - a.quoteVolume24h)
    .slice(0, config.universe.size)
    .map(({ symbol }) => symbol);
}

const exchangeFlags = ({ exchangeUrl }: RangeOptions): FlagSetting[] =>
  exchangeUrl === undefined ? [] : [{ key: 'exchange.url', flag: '--exchange-url', value: exchangeUrl }];

const symbolsOf = ({ symbols }: RangeOptions): SymbolId[] | undefined =>
  symbols
    ?.split(',')
    .map((symbol) => symbol.trim().toUpperCase())
    .filter((symbol) => symbol !== '');

function rangeOf(options: RangeOptions): { symbols?: SymbolId[]; from?: EpochMs; to?: EpochMs } {
  const symbols = symbolsOf(options);
  return {
    ...(symbols === undefined ? {} : { symbols }),
    ...(options.from === undefined ? {} : { from: timeOf('--from', options.from) }),
    ...(options.to === undefined ? {} : { to: timeOf('--to', options.to) }),
  };
}

const timeframesOf = (text: string): Timeframe[] => text.split(',').map((part) => timeframeOf(part.trim()));

function timeframeOf(text: string): Timeframe {
  if (isTimeframe(text)) return text;
  throw usageError(`${text} is no timeframe`, `Use one of ${TIMEFRAMES.join(', ')}.`);
}

const timeText = (time: number | string): string => (typeof time === 'number' ? formatTime(epochMs(time)) : time);
