import { resolve } from 'node:path';
import type { Command } from 'commander';
import { type SymbolId, systemClock } from '../../core/index.ts';
import { checkFolder, describeFeature, featureSet, rangeText, warmUpText } from '../../features/index.ts';
import { type CliContext, type CommonOptions, perform, readConfig, withCommonOptions } from '../context.ts';
import { createProgress, formatTable } from '../terminal.ts';
import { addFeaturesBuild } from './features-build.ts';
import { wholeNumber } from './up.ts';

interface CheckOptions extends CommonOptions {
  readonly data: string;
  readonly symbols: string;
}

export function addFeatures(program: Command, context: CliContext): void {
  const features = program.command('features').description('What a model sees.');
  addList(features, context);
  addCheck(features, context);
  addFeaturesBuild(features, context);
}

function addList(features: Command, context: CliContext): void {
  withCommonOptions(features.command('list'))
    .description('Every feature with its group, formula, warm-up and expected range.')
    .addHelpText('after', '\nExample: minutehand features list --json')
    .action((options: CommonOptions) =>
      perform(context, options, async () => {
        const set = featureSet();
        const described = set.features.map(describeFeature);
        return {
          result: { hash: set.hash, features: described },
          lines: () => [
            `${described.length} features, hash ${set.hash}`,
            ...formatTable(
              [
                { title: 'name' },
                { title: 'group' },
                { title: 'stage' },
                { title: 'warm-up', align: 'right' },
                { title: 'range' },
                { title: 'formula' },
              ],
              described.map(({ name, group, stage, warmUp, slowWarmUp, range, formula }) => [
                name,
                group,
                stage,
                warmUpText(warmUp, slowWarmUp),
                rangeText(range),
                formula,
              ]),
            ),
          ],
        };
      }),
    );
}

function addCheck(features: Command, context: CliContext): void {
  withCommonOptions(features.command('check'))
    .description(
      'Audit the features on recorded bars: look-ahead, stream and batch, restart, order, warm-up, scale, copies.',
    )
    .requiredOption('--data <DIR>', 'a folder of candle files of 1m or 15m')
    .option('--symbols <N|LIST>', 'the N largest by dollar volume of the first 30 days, or BTCUSDT,ETHUSDT,…', '50')
    .addHelpText('after', '\nExample: minutehand features check --data DIR --symbols 50 --json')
    .action((options: CheckOptions) =>
      perform(context, options, async () => {
        const { references } = readConfig(context, options).values.universe;
        const progress = createProgress(context.terminal.stderr, systemClock);
        const checked = await checkFolder({
          directory: resolve(context.invokedFrom, options.data),
          symbols: symbolsOf(options.symbols),
          references,
          signal: context.signal,
          onProgress: progress.update,
        }).finally(() => progress.finish());
        const { ok, features: count, audits, symbols } = checked;
        return {
          result: { ok, features: count, audits },
          exitCode: ok ? 0 : 1,
          lines: () => [
            `${count} features on ${symbols.length} symbols: ${ok ? 'no fault found' : `${audits.filter((audit) => !audit.ok).length} of ${audits.length} audits failed`}`,
            ...audits.map((audit) => `${audit.ok ? 'ok   ' : 'FAULT'}  ${audit.name.padEnd(11)}  ${audit.detail}`),
          ],
        };
      }),
    );
}

/** `--symbols`: how many, or which. */
export function symbolsOf(text: string): number | SymbolId[] {
  if (/^[-+.\d]*$/.test(text)) return wholeNumber('--symbols', text, 1);
  return text
    .split(',')
    .map((symbol) => symbol.trim().toUpperCase())
    .filter((symbol) => symbol !== '');
}
