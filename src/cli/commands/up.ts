import { join } from 'node:path';
import type { Command } from 'commander';
import { type Config, type FlagSetting, requireExchangeKeys } from '../../config/index.ts';
import { systemClock } from '../../core/index.ts';
import { type MarketChoice, type RunSummary, runSystem, type SystemEvent } from '../../engine/index.ts';
import { createLog } from '../../monitoring/index.ts';
import {
  binaryOf,
  type CliContext,
  type CommonOptions,
  perform,
  readConfig,
  VERSION,
  withCommonOptions,
} from '../context.ts';
import { usageError } from '../output.ts';
import { standingLines } from '../standing-view.ts';
import { createSystemView } from '../system-view.ts';
import { columnsOf, paintFor } from '../terminal.ts';

interface UpOptions extends CommonOptions {
  readonly generate?: string;
  readonly edge?: boolean;
  readonly speed?: string;
  readonly replay?: string;
  readonly history?: string;
  readonly minutes?: string;
  readonly exchangeUrl?: string;
  readonly real?: boolean;
  readonly ui: boolean;
}

export function addUp(program: Command, context: CliContext): void {
  withCommonOptions(program.command('up'))
    .description('Start everything: database, exchange, engine on paper. Ctrl-C stops it.')
    .option('--generate <SEED>', 'trade a generated market (the default, seed 1)')
    .option('--edge', 'plant a weak, documented edge in the generated market (the default)')
    .option('--no-edge', 'plant none')
    .option('--speed <N>', 'market minutes per real minute, or max: as fast as the engine, minute by minute')
    .option('--replay <DIR>', 'replay a folder of recorded one-minute candles instead')
    .option('--history <DIR>', 'a folder of older, coarser candles before the replay')
    .option('--minutes <N>', 'decide N minutes, print a summary, stop')
    .option('--exchange-url <URL>', 'use a running exchange, such as one of "minutehand sim serve"')
    .option('--real', 'the exchange itself; orders stay on paper unless mode is live')
    .option('--no-ui', 'no live screen: only what starts, stops and goes wrong')
    .addHelpText('after', '\nExample: minutehand up --generate 7 --speed max --minutes 60 --no-ui --json')
    .action((options: UpOptions) =>
      perform(context, options, async () => {
        const config = readConfig(context, options, marketFlags(options)).values;
        requireExchangeKeys(config, context.terminal.env, context.invokedFrom);
        const minutes = options.minutes === undefined ? undefined : wholeNumber('--minutes', options.minutes, 1);
        const summary = await runUp(context, config, options, minutes);
        return {
          result: summary ? { ...summary } : { stopped: true },
          lines: () => (summary ? summaryLines(summary) : ['stopped']),
        };
      }),
    );
}

function runUp(
  context: CliContext,
  config: Config,
  options: UpOptions,
  minutes: number | undefined,
): Promise<RunSummary | undefined> {
  const market = chooseMarket(config);
  const { stdout, stderr, env } = context.terminal;
  const view = createSystemView({
    out: options.json ? stderr : stdout,
    quiet: options.json === true || !options.ui,
    config,
    market,
    style: { columns: columnsOf(stdout), paint: paintFor(stdout, env) },
  });
  return runSystem({
    config,
    market,
    binary: binaryOf(context),
    codeVersion: VERSION,
    packagedModels: join(context.root, 'models'),
    clock: systemClock,
    signal: context.signal,
    createLog: (directory) =>
      createLog({
        level: config.log.level,
        format: config.log.format,
        destination: { file: join(directory.logs, 'up.log') },
        fields: { process: 'up' },
      }),
    onEvent: (event: SystemEvent) => view.show(event),
    ...(minutes === undefined ? {} : { minutes }),
  });
}

/** The flags of `up` as settings of the configuration. */
function marketFlags(options: UpOptions): FlagSetting[] {
  const flags: FlagSetting[] = [];
  const add = (key: string, flag: string, value: string | number | boolean | null | undefined) => {
    if (value !== undefined) flags.push({ key, flag, value });
  };
  if (options.generate !== undefined)
    add('simulator.generate', '--generate', wholeNumber('--generate', options.generate, 0));
  add('simulator.edge', options.edge === false ? '--no-edge' : '--edge', options.edge);
  if (options.speed !== undefined) {
    add('simulator.speed', '--speed', options.speed === 'max' ? 'max' : Number(options.speed));
  }
  add('simulator.replay', '--replay', options.replay);
  add('simulator.history', '--history', options.history);
  add('exchange.url', '--exchange-url', options.exchangeUrl);
  if (options.real) add('exchange.real', '--real', true);
  return flags;
}

function chooseMarket({ exchange, simulator }: Config): MarketChoice {
  const { speed, replay, history, generate, edge } = simulator;
  if (exchange.url !== null) return { kind: 'external', url: exchange.url };
  if (exchange.real) return { kind: 'real' };
  if (replay !== null) return { kind: 'replay', replay, speed, ...(history === null ? {} : { history }) };
  return { kind: 'generated', seed: generate ?? 1, edge, speed };
}

export function wholeNumber(flag: string, text: string, least: number): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= least) return value;
  throw usageError(
    `${flag} ${text} is not a whole number of at least ${least}`,
    `Write ${flag} ${Math.max(least, 10)}.`,
  );
}

function summaryLines(summary: RunSummary): string[] {
  const { total } = summary.latencyMs;
  return [
    `${summary.cycles} minutes from ${summary.from} to ${summary.to} (${summary.market})`,
    `missed ${summary.missed}, candles ${summary.candles}, forecasts ${summary.predictions}, signals ${summary.signals}, orders ${summary.orders}, fills ${summary.fills}`,
    ...(summary.models.challenger === null ? [] : [`forecasts of the challenger ${summary.challengerPredictions}`]),
    ...standingLines(summary.models),
    `a minute took ${total.p50} ms (median), ${total.p99} ms (99 %), ${total.max} ms (longest); engine memory ${summary.rssMb} MB`,
  ];
}
