import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import {
  type BacktestRequest,
  backtestsFolder,
  REPORT_HTML,
  runAndReport,
  saveBacktest,
} from '../../backtest/index.ts';
import type { Config } from '../../config/index.ts';
import { systemClock } from '../../core/index.ts';
import { artefactOf, type MarketOptions, marketOf } from '../backtest-market.ts';
import { backtestLines, backtestResult } from '../backtest-view.ts';
import { type CliContext, type CommonOptions, perform, readConfig, withCommonOptions } from '../context.ts';
import { usageError } from '../output.ts';
import { createProgress } from '../terminal.ts';
import { timeOf } from './sim.ts';
import { wholeNumber } from './up.ts';

export interface RunOptions extends MarketOptions {
  readonly from?: string;
  readonly to?: string;
  readonly strategy?: string;
  readonly model: string;
  readonly costs: string;
  readonly inSample?: boolean;
  readonly workers?: string;
}

/** `backtest run`. */
export function addBacktestRun(backtest: Command, context: CliContext): void {
  withMarketOptions(withCommonOptions(backtest.command('run')))
    .description('Trade recorded candles with the code that trades live, and say what it was worth.')
    .option('--in-sample', 'trade days that the model was fitted on, too, and say so on every page')
    .option('--workers <N>', 'threads that compute features; by default one per core')
    .addHelpText(
      'after',
      '\nExample: minutehand backtest run --data DIR --from 2025-05-01 --to 2025-06-30 --universe 50 --costs 1 --json',
    )
    .action((options: RunOptions) =>
      perform(context, options, async () => {
        const config = tradedConfig(context, options);
        const progress = createProgress(context.terminal.stderr, systemClock);
        const work = async () =>
          runAndReport({
            ...(await backtestRequestOf(context, config, options, progress.update)),
            cache: join(config.data_dir, 'forecasts'),
          });
        const { report, charts } = await work().finally(() => progress.finish());
        const directory = join(backtestsFolder(config.data_dir), report.id);
        await saveBacktest(directory, report, charts);
        const html = join(directory, REPORT_HTML);
        return {
          result: { ...backtestResult(report), report: html },
          lines: () => [...backtestLines(report), `report: ${html}`],
        };
      }),
    );
}

/** What the options of a backtest ask for. */
export async function backtestRequestOf(
  context: CliContext,
  config: Config,
  options: RunOptions,
  onProgress: (text: string) => void,
): Promise<BacktestRequest> {
  const from = options.from === undefined ? undefined : dayOf('--from', options.from);
  const to = options.to === undefined ? undefined : dayOf('--to', options.to);
  const costFactor = factorOf(options.costs);
  const workers = options.workers === undefined ? availableParallelism() : wholeNumber('--workers', options.workers, 1);
  const artefact = await artefactOf(context, config, options);
  onProgress('reading candles');
  return {
    market: await marketOf(context, config, options, { from, to }),
    config,
    artefact,
    from,
    to,
    inSample: options.inSample === true,
    costFactor,
    workers,
    onProgress,
    signal: context.signal,
  };
}

/** The options that name candles, days, strategy and model. */
export function withMarketOptions(command: Command): Command {
  return withTradedOptions(
    command
      .option('--data <DIR>', 'a folder of candle files of 15m; funding rates lie in a folder "funding" beside it')
      .option('--from-store', 'the candles of the data directory’s store'),
  )
    .option('--from <DAY>', 'the first UTC day; by default the first after what the model was fitted on')
    .option('--model <ID|DIR|champion|none>', 'whose forecasts are traded on', 'champion');
}

/** Of these, what is traded, whatever the model and from whatever day. */
export function withTradedOptions(command: Command): Command {
  return command
    .option('--minutes <DIR>', 'a folder of candle files of 1m: where it has them, orders are worked on them')
    .option('--to <DAY>', 'the last UTC day, inclusive; by default the last whole one')
    .option(
      '--universe <N|LIST|FILE>',
      "the N largest by dollar volume of the folder's first 30 days, BTCUSDT,ETHUSDT,…, or a file with one symbol per line",
      '50',
    )
    .option('--strategy <NAME|KIND>', 'one of the configured strategies, or a kind with its defaults')
    .option('--costs <FACTOR>', 'multiple of fees, spread and impact: 0 is a dream, 2 a warning', '1');
}

/** Start of a UTC day. */
export function dayOf(flag: string, text: string) {
  if (/^\d{4}-\d{2}-\d{2}$/.test(text)) return timeOf(flag, text);
  throw usageError(`${flag} ${text} is no day`, `Write it as ${flag} 2025-06-30.`);
}

export function factorOf(text: string): number {
  const factor = Number(text);
  if (text.trim() !== '' && factor >= 0 && factor <= 100) return factor;
  throw usageError(
    `--costs ${text} is no factor from 0 to 100`,
    'Write --costs 2; single costs are set with --set costs.taker_fee_bps=5.',
  );
}

/** The configuration with what is to be traded: one of its strategies alone, or one of a kind with its defaults. */
export function tradedConfig(
  context: CliContext,
  options: CommonOptions & { readonly strategy?: string | undefined },
): Config {
  const { values } = readConfig(context, options);
  const wanted = options.strategy;
  if (wanted === undefined) return values;
  const own = values.strategies.filter(({ name }) => name === wanted);
  if (own.length > 0) return { ...values, strategies: own };
  const kind = SHORT_NAMES[wanted];
  if (kind === undefined) {
    const known = [...values.strategies.map(({ name }) => name), ...Object.keys(SHORT_NAMES)];
    throw usageError(`there is no strategy ${wanted}`, `Name one of ${known.join(', ')}.`);
  }
  const strategies = JSON.stringify([{ kind: wanted, name: kind }]);
  return readConfig(context, options, [{ key: 'strategies', value: strategies, flag: `--strategy ${wanted}` }]).values;
}

/** What a strategy of a kind is called that is not configured. */
const SHORT_NAMES: Readonly<Record<string, string>> = {
  directional: 'directional',
  'market-neutral': 'market-neutral',
  'buy-and-hold': 'buy-and-hold',
  'time-series-momentum': 'ts-momentum',
  'cross-sectional-momentum': 'xs-momentum',
  random: 'random',
};
