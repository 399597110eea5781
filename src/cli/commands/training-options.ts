import { isAbsolute } from 'node:path';
import type { EpochMs } from '../../core/index.ts';
import type { WindowBounds } from '../../model/index.ts';
import type { CommonOptions } from '../context.ts';
import { usageError } from '../output.ts';
import { timeOf } from './sim.ts';

/** The flags of `model train`, as given. */
export interface TrainOptions extends CommonOptions {
  readonly data: string;
  readonly kind: string;
  readonly symbols: string;
  readonly from?: string;
  readonly earlyStopping?: string;
  readonly calibration?: string;
  readonly test?: string;
  readonly until?: string;
  readonly settings?: string;
  readonly epochs?: string;
  readonly seed?: string;
  readonly seeds?: string;
  readonly folds?: string;
  readonly trainDays?: string;
  readonly earlyStoppingDays?: string;
  readonly calibrationDays?: string;
  readonly testDays?: string;
  readonly workers?: string;
  readonly device: string;
  readonly threads?: string;
  readonly output?: string;
  readonly work?: string;
  readonly description?: string;
  readonly dryRun?: boolean;
}

export const DEFAULT_SEED = '1';

/** All five times, or none. */
export function boundsOf(options: TrainOptions): WindowBounds | undefined {
  const texts = {
    from: options.from,
    'early-stopping': options.earlyStopping,
    calibration: options.calibration,
    test: options.test,
    until: options.until,
  };
  const given = Object.entries(texts).filter(([, text]) => text !== undefined);
  if (given.length === 0) return undefined;
  const missing = Object.entries(texts)
    .filter(([, text]) => text === undefined)
    .map(([name]) => `--${name}`);
  if (missing.length > 0)
    throw usageError(
      `the windows need all five times; ${missing.join(', ')} is missing`,
      'Give --from, --early-stopping, --calibration, --test and --until, or none of them.',
    );
  const time = (name: keyof typeof texts): EpochMs => timeOf(`--${name}`, texts[name] ?? '');
  return {
    train: time('from'),
    earlyStopping: time('early-stopping'),
    calibration: time('calibration'),
    test: time('test'),
    end: time('until'),
  };
}

/** The command line that makes one model, for its card. A path of this machine means nothing to who reads that. */
export function trainingCommand(options: TrainOptions): string {
  const { settings } = options;
  return commandWith([
    ['data', 'DIR'],
    ['kind', options.kind],
    ['settings', settings === undefined || isAbsolute(settings) ? undefined : settings],
    ...resultFlags(options),
  ]);
}

/** What was called, to be called again. */
export function resumeCommand(options: TrainOptions): string {
  return commandWith([
    ['data', options.data],
    ['kind', options.kind],
    ['settings', options.settings],
    ...resultFlags(options),
    ['device', options.device === 'cpu' ? undefined : options.device],
    ['threads', options.threads],
    ['output', options.output],
    ['work', options.work],
    ['description', options.description],
    ['data-dir', options.dataDir],
    ['config', options.config],
    ['ml-config', options.mlConfig],
    ...(options.set ?? []).map((pair): Flag => ['set', pair]),
  ]);
}

type Flag = readonly [name: string, value: string | undefined];

const resultFlags = (options: TrainOptions): Flag[] => [
  ['symbols', options.symbols],
  ['from', options.from],
  ['early-stopping', options.earlyStopping],
  ['calibration', options.calibration],
  ['test', options.test],
  ['until', options.until],
  ['epochs', options.epochs],
  ['seed', options.seed ?? DEFAULT_SEED],
];

function commandWith(flags: readonly Flag[]): string {
  const quoted = (value: string) => (/^[\w.,:/=@%+-]+$/.test(value) ? value : `'${value.replaceAll("'", `'\\''`)}'`);
  const shown = flags.flatMap(([name, value]) => (value === undefined ? [] : [`--${name} ${quoted(value)}`]));
  return `minutehand model train ${shown.join(' ')}`;
}
