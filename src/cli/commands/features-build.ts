import type { Command } from 'commander';
import { type EpochMs, epochMs, formatTime, systemClock } from '../../core/index.ts';
import { BOOK, buildFeatures, type FeatureBuildReport } from '../../engine/index.ts';
import { type CliContext, type CommonOptions, commandLog, perform, readConfig, withCommonOptions } from '../context.ts';
import { withStore } from '../store.ts';
import { createProgress, formatTable } from '../terminal.ts';
import { timeOf } from './sim.ts';
import { wholeNumber } from './up.ts';

interface BuildOptions extends CommonOptions {
  readonly from?: string;
  readonly to?: string;
  readonly symbols?: string;
  readonly replace?: boolean;
}

/** `features build`. */
export function addFeaturesBuild(features: Command, context: CliContext): void {
  withCommonOptions(features.command('build'))
    .description(
      'Rebuild stored features and indicators from stored candles, compare what is there, and judge the features.',
    )
    .option('--from <TIME>', 'the first minute, by its close; by default 48 hours before the last')
    .option('--to <TIME>', 'the last minute, by its close; by default the newest stored')
    .option('--symbols <N|LIST>', 'the first N of the universe, or such as BTCUSDT,ETHUSDT; by default all')
    .option('--replace', 'put the rebuilt row in the place of a stored one that differs')
    .addHelpText('after', '\nExample: minutehand features build --from 2025-06-19 --json')
    .action((options: BuildOptions) =>
      perform(context, options, async () => {
        const config = readConfig(context, options).values;
        const progress = createProgress(context.terminal.stderr, systemClock);
        const report = await withStore(
          config,
          commandLog(config, options),
          { create: false, migrate: true },
          (database) =>
            buildFeatures({
              database,
              config,
              book: BOOK,
              ...rangeOf(options),
              isReplacing: options.replace === true,
              signal: context.signal,
              onProgress: (done, total) => progress.update(`features: ${done} of ${total} minutes`),
            }),
        );
        progress.finish();
        return { result: { ...report }, exitCode: report.ok ? 0 : 1, lines: () => linesOf(report, options) };
      }),
    );
}

function rangeOf({ from, to, symbols }: BuildOptions): {
  from?: EpochMs;
  to?: EpochMs;
  symbols?: number | readonly string[];
} {
  return {
    ...(from === undefined ? {} : { from: timeOf('--from', from) }),
    ...(to === undefined ? {} : { to: timeOf('--to', to) }),
    ...(symbols === undefined ? {} : { symbols: symbolsOf(symbols) }),
  };
}

function symbolsOf(text: string): number | readonly string[] {
  if (/^\d+$/.test(text.trim())) return wholeNumber('--symbols', text, 1);
  const symbols = text.split(',').map((symbol) => symbol.trim().toUpperCase());
  return [...new Set(symbols.filter((symbol) => symbol !== ''))];
}

function linesOf({ rows, ...report }: FeatureBuildReport, options: BuildOptions): string[] {
  const replaced = options.replace === true ? ', replaced' : '';
  const shorter = rows.shorter === 0 ? '' : ` (${rows.shorter} of them stored on less history: values were masked)`;
  return [
    `features ${report.hash.slice(0, 16)} of ${report.symbols} symbols from ${report.from} to ${report.to}`,
    `${rows.written} rows written, ${rows.equal} equal (${rows.identical} to the last bit), ${rows.different} different${shorter}${replaced}`,
    ...report.differences.map(
      ({ symbol, minute, name, stored, rebuilt }) =>
        `  ${symbol} ${formatTime(epochMs(minute))} ${name}: stored ${stored}, rebuilt ${rebuilt}`,
    ),
    ...(rows.different > 0 && options.replace !== true ? ['  --replace puts the rebuilt rows in their place'] : []),
    ...(rows.unfounded === 0 ? [] : [`${rows.unfounded} stored rows have no candles behind them any more`]),
    ...(report.absent.length === 0 ? [] : [`no candles: ${report.absent.join(', ')}`]),
    ...faultLines(report.faults),
  ];
}

/** Over a few days most features drift: their names are enough, the figures are in the JSON. */
function faultLines(faults: FeatureBuildReport['faults']): string[] {
  if (faults.length === 0) return ['no fault found in the features'];
  const drifting = faults.filter(({ kind }) => kind === 'drifting');
  const others = faults.filter(({ kind }) => kind !== 'drifting');
  return [
    ...(others.length === 0
      ? []
      : formatTable(
          [{ title: 'feature' }, { title: 'fault' }, { title: 'detail' }],
          others.map(({ feature, kind, detail }) => [feature, kind, detail]),
        )),
    ...(drifting.length === 0 ? [] : [`drifting over this time: ${drifting.map(({ feature }) => feature).join(', ')}`]),
  ];
}
