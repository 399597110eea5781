import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { benchModel } from '../../model/index.ts';
import { PRECISIONS, type Precision } from '../../tensor/index.ts';
import { type CliContext, type CommonOptions, perform, readConfig, withCommonOptions } from '../context.ts';
import { usageError } from '../output.ts';
import { formatTable } from '../terminal.ts';
import { modelsFolder } from './model-registry.ts';
import { wholeNumber } from './up.ts';

interface BenchOptions extends CommonOptions {
  readonly batches: string;
  readonly threads?: string;
  readonly precisions: string;
  readonly runs: string;
}

/** `model bench`. */
export function addModelBench(model: Command, context: CliContext): void {
  withCommonOptions(model.command('bench'))
    .description(
      'How long a model takes, by batch, threads and precision, on noise, and how near other precisions stay.',
    )
    .argument('<ID|DIR>', "one of the data directory's models, or the folder of an artefact")
    .option('--batches <LIST>', 'rows per call', '8,50,128')
    .option('--threads <LIST>', 'by default 1 and as many as there are cores')
    .option('--precisions <LIST>', 'beside fp32, which the others are compared with', PRECISIONS.join(','))
    .option('--runs <N>', 'measured calls of each', '30')
    .addHelpText('after', '\nExample: minutehand model bench models/linear-baseline-0123456789ab --batches 50 --json')
    .action((named: string, options: BenchOptions) =>
      perform(context, options, async () => {
        const own = join(modelsFolder(readConfig(context, options).values), named);
        const { manifest, rows } = await benchModel({
          directory: existsSync(own) ? own : resolve(context.invokedFrom, named),
          batches: numbersOf('--batches', options.batches),
          threads: options.threads === undefined ? everyThread() : numbersOf('--threads', options.threads),
          precisions: precisionsOf(options.precisions),
          runs: wholeNumber('--runs', options.runs, 1),
        });
        const { modelId, kind } = manifest;
        return {
          result: { modelId, kind, results: rows },
          lines: () => [
            modelId,
            ...formatTable(
              [
                'batch',
                'threads',
                'precision',
                'p50 ms',
                'p99 ms',
                'rows/s',
                'to fp32',
                'directions',
                'ranks',
                'kept',
              ].map((title) => ({ title, align: 'right' as const })),
              rows.map((row) => [
                String(row.batch),
                String(row.threads),
                row.precision,
                row.p50Ms.toFixed(2),
                row.p99Ms.toFixed(2),
                row.rowsPerSecond.toFixed(0),
                row.ratioToFp32.toFixed(2),
                least(Object.values(row.equalDirectionShare)),
                least(Object.values(row.returnRankCorrelation)),
                row.kept ? 'yes' : 'no',
              ]),
            ),
          ],
        };
      }),
    );
}

const everyThread = (): number[] => [...new Set([1, availableParallelism()])];

const MOST = 4_096;

function numbersOf(flag: string, text: string): number[] {
  return text.split(',').map((part) => {
    const value = wholeNumber(flag, part, 1);
    if (value <= MOST) return value;
    throw usageError(`${flag} ${part} is more than ${MOST}`, `Give numbers from 1 to ${MOST}, such as ${flag} 8,50.`);
  });
}

function precisionsOf(text: string): Precision[] {
  return text.split(',').map((part) => {
    const precision = PRECISIONS.find((own) => own === part);
    if (precision) return precision;
    throw usageError(`--precisions ${part} is unknown`, `Give some of ${PRECISIONS.join(',')}.`);
  });
}

/** The least of what is known. */
function least(values: readonly (number | null)[]): string {
  const known = values.filter((value) => value !== null);
  return known.length > 0 ? Math.min(...known).toFixed(4) : 'n/a';
}
