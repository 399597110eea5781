import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { Command } from 'commander';
import { systemClock } from '../../core/index.ts';
import { evaluateArtefact, evaluationReport } from '../../model/index.ts';
import { type CliContext, type CommonOptions, perform, readConfig, withCommonOptions } from '../context.ts';
import { evaluationLines, evaluationResult } from '../evaluation-view.ts';
import { createProgress } from '../terminal.ts';
import { symbolsOf } from './features.ts';
import { timeOf } from './sim.ts';

interface EvaluateOptions extends CommonOptions {
  readonly data: string;
  readonly symbols?: string;
  readonly from?: string;
  readonly to?: string;
  readonly report?: string;
  readonly inSample?: boolean;
}

/** `model evaluate`. */
export function addModelEvaluate(model: Command, context: CliContext): void {
  withCommonOptions(model.command('evaluate'))
    .description(
      'Judge a model on recorded candles, beside majority, persistence, a volatility-only and the linear model.',
    )
    .argument('<ARTEFACT_DIR>', 'the folder of the model: model.onnx, manifest.json')
    .requiredOption('--data <DIR>', 'a folder of candle files of 15m that reaches back to where the model was fitted')
    .option(
      '--symbols <N|LIST>',
      "the N largest by dollar volume of the folder's first 30 days, or BTCUSDT,ETHUSDT,…; by default the model's",
    )
    .option('--from <TIME>', 'by default where the windows that the model was fitted on end')
    .option('--to <TIME>', 'bars that close later are not read; by default all are')
    .option('--in-sample', 'judge rows that the model was fitted on, too, and say so')
    .option('--report <FILE>', 'write a report, one HTML file')
    .addHelpText(
      'after',
      '\nExample: minutehand model evaluate models/linear-baseline-0123456789ab --data DIR --from 2025-05-01 --report evaluation.html',
    )
    .action((directory: string, options: EvaluateOptions) =>
      perform(context, options, async () => {
        const { references } = readConfig(context, options).values.universe;
        const progress = createProgress(context.terminal.stderr, systemClock);
        const judged = await evaluateArtefact({
          directory: resolve(context.invokedFrom, directory),
          data: resolve(context.invokedFrom, options.data),
          ...(options.symbols === undefined ? {} : { symbols: symbolsOf(options.symbols) }),
          references,
          from: options.from === undefined ? undefined : timeOf('--from', options.from),
          to: options.to === undefined ? undefined : timeOf('--to', options.to),
          inSample: options.inSample === true,
          onProgress: progress.update,
        }).finally(() => progress.finish());
        const report = options.report === undefined ? null : resolve(context.invokedFrom, options.report);
        if (report !== null) {
          await mkdir(dirname(report), { recursive: true });
          await writeFile(report, evaluationReport(judged));
        }
        return { result: evaluationResult(judged, report), lines: () => evaluationLines(judged, report) };
      }),
    );
}
