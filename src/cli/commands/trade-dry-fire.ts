import type { Command } from 'commander';
import type { Config } from '../../config/index.ts';
import { MinutehandError, milliseconds } from '../../core/index.ts';
import { type DryFireReport, type DryFireStep, dryFire } from '../../trading/index.ts';
import { type AccountOptions, accountFlags, withAccount } from '../account.ts';
import { type CliContext, type CommonOptions, commandLog, perform, readConfig, withCommonOptions } from '../context.ts';

interface DryFireOptions extends CommonOptions, AccountOptions {
  readonly symbol: string;
}

/** `trade dry-fire`. */
export function addTradeDryFire(trade: Command, context: CliContext): void {
  withCommonOptions(trade.command('dry-fire'))
    .description('Prove that an account works: place the smallest order far below the price, find it, cancel it.')
    .option('--symbol <SYMBOL>', 'of which symbol', 'BTCUSDT')
    .option('--exchange-url <URL>', 'a running exchange, such as one of "minutehand sim serve"')
    .option('--real', 'the exchange itself, with the keys of the environment')
    .addHelpText('after', '\nExample: minutehand trade dry-fire --exchange-url http://127.0.0.1:9080')
    .action((options: DryFireOptions) =>
      perform(context, options, async () => {
        const config = readConfig(context, options, accountFlags(options)).values;
        const { stdout } = context.terminal;
        const show = (step: DryFireStep) => void (options.json || stdout.write(`${stepLine(step)}\n`));
        const report = await fireAt(context, config, options, show);
        return {
          result: { ...report, left: report.left ?? null },
          exitCode: report.ok ? 0 : 1,
          lines: () => [verdictOf(report)],
        };
      }),
    );
}

async function fireAt(
  context: CliContext,
  config: Config,
  options: DryFireOptions,
  onStep: (step: DryFireStep) => void,
): Promise<DryFireReport> {
  const symbol = options.symbol.toUpperCase();
  return withAccount(context, config, commandLog(config, options), async ({ client, venue }) => {
    const instruments = await venue.gateway.loadInstruments();
    const instrument = instruments.find((each) => each.symbol === symbol);
    const ticker = (await venue.gateway.tickers()).find((each) => each.symbol === symbol);
    if (instrument === undefined || ticker === undefined || instrument.status !== 'trading') {
      throw new MinutehandError(
        'SYMBOL_NOT_TRADING',
        `${symbol} is not traded at ${venue.gateway.address}`,
        'Name another one with --symbol.',
      );
    }
    return dryFire({
      client,
      instrument,
      lastPrice: ticker.lastPrice,
      clock: venue.clock,
      receiveWindow: milliseconds(config.exchange.account.receive_window_ms),
      onStep,
    });
  });
}

const stepLine = ({ name, ok, detail, tookMs }: DryFireStep): string =>
  `${ok ? 'ok  ' : 'FAIL'}  ${name.padEnd(8)} ${String(tookMs).padStart(6)} ms  ${detail}`;

function verdictOf({ ok, symbol, placedMs, cancelledMs, left }: DryFireReport): string {
  if (ok) return `the account works: ${symbol} placed in ${placedMs} ms, cancelled in ${cancelledMs} ms`;
  return `the account does not work as it should; ${left === undefined ? 'nothing is left at the exchange' : `LEFT AT THE EXCHANGE: ${left}`}`;
}
