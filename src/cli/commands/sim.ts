import { resolve } from 'node:path';
import type { Command } from 'commander';
import { type EpochMs, epochMs, formatTime } from '../../core/index.ts';
import { createLog } from '../../monitoring/index.ts';
import { marketFromOptions, type Simulator, type Speed, startSimulator } from '../../simulator/index.ts';
import { type CliContext, type CommonOptions, perform, readConfig, withCommonOptions } from '../context.ts';
import { toJsonLine, usageError } from '../output.ts';
import { isSupervised, runSupervised } from '../supervised.ts';
import { wholeNumber } from './up.ts';

interface ServeOptions extends CommonOptions {
  readonly port?: string;
  readonly speed?: string;
  readonly generate?: string;
  readonly edge?: boolean;
  readonly replay?: string;
  readonly history?: string;
  readonly startAt?: string;
}

export function addSim(program: Command, context: CliContext): void {
  const sim = program.command('sim').description('The simulated exchange.');
  withCommonOptions(sim.command('serve'))
    .description('Serve a simulated exchange in the dialect of Binance USD-M futures on this machine.')
    .option('--port <PORT>', 'port to listen on; 0 takes a free one', '9080')
    .option('--speed <N>', 'market minutes per real minute, or max: waits for each minute to be acknowledged', '1')
    .option('--generate <SEED>', 'a generated market (the default, seed 1)')
    .option('--edge', 'plant a weak, documented edge in the generated market')
    .option('--no-edge', 'plant none (the default)')
    .option('--replay <DIR>', 'replay a folder of recorded one-minute candles')
    .option('--history <DIR>', 'a folder of older, coarser candles before the replay')
    .option('--start-at <TIME>', 'where the clock starts, such as 2025-06-19T21:00:00Z')
    .addHelpText(
      'after',
      `
Environment:
  MINUTEHAND_SIM_TOKEN     token of the admin requests; a random one without it
  MINUTEHAND_SIM_ACCOUNTS  accounts, KEY:SECRET[:BALANCE] with commas between; without it one with a random
                           key and secret and 10000 USDT

Made-up secrets lie in minutehand-sim-UID-PORT.token and .account of the temporary folder, for their user alone.
Accounts live in memory: a simulator started again is a new venue.

Example: minutehand sim serve --generate 7 --speed 20 --port 9080`,
    )
    .action((options: ServeOptions) => {
      if (isSupervised()) {
        return runSupervised(async (supervisor) => {
          const simulator = await serve(context, options);
          supervisor.ready({ url: simulator.url, token: simulator.token });
          await aborted(supervisor.signal);
          await simulator.close();
        });
      }
      return perform(context, options, async () => {
        const simulator = await serve(context, options);
        const { market, now } = simulator.status();
        const said = {
          url: simulator.url,
          token: simulator.token,
          accountKeys: simulator.accounts.map(({ key }) => key),
          market: market.label,
          now: formatTime(epochMs(now)),
        };
        context.terminal.stdout.write(
          options.json
            ? `${toJsonLine(said)}\n`
            : `${said.market}\nmarket time ${said.now}, speed ${options.speed}\nlistening on ${said.url} (Ctrl-C stops it)\nadmin token ${said.token}\naccounts ${said.accountKeys.join(', ')}\n`,
        );
        await aborted(context.signal);
        await simulator.close();
        return undefined;
      });
    });
}

async function serve(context: CliContext, options: ServeOptions): Promise<Simulator> {
  const config = readConfig(context, options).values;
  const folder = (path: string | undefined) => (path === undefined ? undefined : resolve(context.invokedFrom, path));
  const startAt = options.startAt === undefined ? undefined : timeOf('--start-at', options.startAt);
  const replay = folder(options.replay);
  const seed = options.generate === undefined ? undefined : wholeNumber('--generate', options.generate, 0);
  const market = await marketFromOptions({
    replay,
    history: folder(options.history),
    generate: replay === undefined ? (seed ?? 1) : seed,
    edge: options.edge,
  });
  return startSimulator({
    market,
    port: wholeNumber('--port', options.port ?? '9080', 0),
    speed: speedOf(options.speed ?? '1'),
    ...(startAt === undefined ? {} : { startAt }),
    log: createLog({ level: config.log.level === 'debug' ? 'debug' : 'warn', destination: 'stderr', format: 'text' }),
  });
}

function speedOf(text: string): Speed {
  if (text === 'max') return 'max';
  const speed = Number(text);
  if (speed > 0 && speed <= 10_000) return speed;
  throw usageError(
    `--speed ${text} is neither a number above 0 nor max`,
    'Write --speed 20 (twenty times real time) or --speed max.',
  );
}

export function timeOf(flag: string, text: string): EpochMs {
  const time = /^\d{12,}$/.test(text) ? Number(text) : Date.parse(text);
  if (Number.isFinite(time)) return epochMs(time);
  throw usageError(`${flag} ${text} is no time`, `Write it as ${flag} 2025-06-19T21:00:00Z or ${flag} 2025-06-19.`);
}

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
