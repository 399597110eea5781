import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config } from '../../config/index.ts';
import { type BarColumns, barsBetween, DAY_MS, type ReasonCode, type SymbolId } from '../../core/index.ts';
import { featureSet } from '../../features/index.ts';
import {
  type CheckedArtefact,
  checkArtefact,
  type Manifest,
  type TrainingSettings,
  trainModel,
} from '../../model/index.ts';
import type { Device } from '../../tensor/index.ts';
import type { BacktestRecord } from '../record.ts';
import { type BacktestHashes, type BacktestMarket, runBacktest } from '../run-backtest.ts';
import { closeBook } from './close-book.ts';
import { readKept, writeKept } from './kept-file.ts';
import type { DaySpan, WalkForwardFold } from './plan-folds.ts';

/** A parameter set: the whole configuration with it. */
export interface Variant {
  readonly name: string;
  readonly config: Config;
}

/** How the model of each fold is made. */
export interface FoldTraining {
  readonly kind: Manifest['kind'];
  readonly settings: TrainingSettings;
  readonly seed: number;
  readonly device: Device;
  readonly threads: number;
  readonly codeVersion: string;
}

/** Everything a fold depends on; it can be sent to another process. */
export interface FoldJob {
  readonly fold: WalkForwardFold;
  /** Undefined: strategies that need no forecasts. */
  readonly training?: FoldTraining | undefined;
  /** Folders of candle files of 15 minutes, and of one. */
  readonly data: string;
  readonly minutes?: string | undefined;
  readonly symbols: readonly SymbolId[];
  readonly variants: readonly Variant[];
  readonly costFactor: number;
  /** Threads that compute features. */
  readonly workers: number;
  /** Keeps what is finished of this fold. */
  readonly directory: string;
  /** Keeps finished forecasts. */
  readonly forecasts: string;
}

/** One variant on one stretch of days, closed at its end. */
export interface VariantRun {
  readonly record: BacktestRecord;
  readonly bars: number;
  readonly minuteBars: number;
  readonly orders: number;
  readonly signals: { readonly accepted: number; readonly candidates: number };
  readonly reasons: Readonly<Partial<Record<ReasonCode, number>>>;
  readonly hashes: BacktestHashes;
}

export interface FoldRuns {
  readonly modelId: string | null;
  /** In the order of the variants. */
  readonly selection: readonly VariantRun[];
  readonly test: readonly VariantRun[];
}

const PARTS = ['selection', 'test'] as const;
type Part = (typeof PARTS)[number];

/**
 * Fits the fold's model and runs every variant on the days it is compared on and on those it is traded on. What a fold has finished is kept in its
 * folder and not done again.
 * @throws MinutehandError as trainModel and runBacktest; the signal's reason when it aborts
 */
export async function runFold(
  job: FoldJob,
  market: BacktestMarket,
  ports: { readonly onStage?: (stage: string) => void; readonly signal?: AbortSignal | undefined } = {},
): Promise<void> {
  const { fold, variants, costFactor, workers, forecasts: cache } = job;
  const { onStage = () => undefined, signal } = ports;
  const artefact = job.training && (await modelOf(job, job.training, ports));
  for (const part of PARTS) {
    const traded = part === 'test' ? market : { ...market, bars: barsUntil(market.bars, fold.selection) };
    for (const [index, { config, name }] of variants.entries()) {
      signal?.throwIfAborted();
      const path = runPath(job, part, index);
      if ((await readKept(path)) !== undefined) continue;
      const backtest = await runBacktest({
        market: traded,
        config,
        artefact,
        ...fold[part],
        costFactor,
        workers,
        cache,
        onProgress: (text) => onStage(`${name}, ${part}: ${text}`),
        ...(signal ? { signal } : {}),
      });
      const { bars, minuteBars, orders, signals, reasons } = backtest.result;
      const run = { bars, minuteBars, orders, signals, reasons, hashes: backtest.hashes };
      await writeKept(path, { ...run, record: packed(closeBook(backtest)) });
    }
  }
}

/** Bars that had closed when the last of the days ended: a comparison knows no others, not even for the sizes of ticks. */
const barsUntil = (bars: ReadonlyMap<SymbolId, BarColumns>, { to }: DaySpan): Map<SymbolId, BarColumns> =>
  new Map([...bars].map(([symbol, all]) => [symbol, barsBetween(all, 0, to + DAY_MS)]));

interface KeptModel {
  readonly modelId: string;
  readonly directory: string;
}

const modelPath = ({ directory }: FoldJob): string => join(directory, 'model.json');
const runPath = ({ directory }: FoldJob, part: Part, variant: number): string =>
  join(directory, `variant-${variant + 1}-${part}.json`);

async function modelOf(
  job: FoldJob,
  training: FoldTraining,
  { onStage = () => undefined, signal }: Parameters<typeof runFold>[2] & {},
): Promise<CheckedArtefact> {
  const kept = await readModel(job);
  if (kept !== undefined) return kept;
  const { variants, fold } = job;
  const { modelId, directory } = await trainModel({
    ...training,
    data: job.data,
    symbols: job.symbols,
    references: variants[0]?.config.universe.references ?? [],
    windows: fold.bounds,
    market: { source: 'real', plantedEdge: false },
    outputDirectory: join(job.directory, 'model'),
    workDirectory: join(job.directory, 'training'),
    spin: false,
    ...(signal ? { signal } : {}),
    onStage: (stage) => onStage(`model: ${stage}`),
  });
  await writeKept(modelPath(job), { modelId, directory: join('model', modelId) });
  await rm(join(job.directory, 'training'), { recursive: true, force: true });
  return checkModel(directory);
}

/** The model that a fold has kept; undefined where there is none, or nothing whole. @throws ModelRefusedError */
export async function readModel(job: FoldJob): Promise<CheckedArtefact | undefined> {
  const kept = (await readKept(modelPath(job))) as KeptModel | undefined;
  const directory = kept && join(job.directory, kept.directory);
  return directory !== undefined && existsSync(join(directory, 'manifest.json')) ? checkModel(directory) : undefined;
}

const checkModel = (directory: string): Promise<CheckedArtefact> =>
  checkArtefact(directory, { featureSetHash: featureSet().hash, universe: undefined });

/** What a finished fold has kept; undefined where something is missing. */
export async function readFold(job: FoldJob): Promise<FoldRuns | undefined> {
  const model = (await readKept(modelPath(job))) as KeptModel | undefined;
  if (job.training && model === undefined) return undefined;
  const runs = { selection: [] as VariantRun[], test: [] as VariantRun[] };
  for (const part of PARTS) {
    for (const index of job.variants.keys()) {
      const kept = (await readKept(runPath(job, part, index))) as KeptRun | undefined;
      if (kept === undefined) return undefined;
      runs[part].push({ ...kept, record: unpacked(kept.record) });
    }
  }
  return { modelId: model?.modelId ?? null, ...runs };
}

type Packed = Omit<BacktestRecord, 'equity'> & { readonly equity: Record<keyof BacktestRecord['equity'], number[]> };
type KeptRun = Omit<VariantRun, 'record'> & { readonly record: Packed };

const packed = ({ equity, ...rest }: BacktestRecord): Packed => ({
  ...rest,
  equity: {
    times: Array.from(equity.times),
    equity: Array.from(equity.equity),
    long: Array.from(equity.long),
    short: Array.from(equity.short),
    positions: Array.from(equity.positions),
  },
});

const unpacked = ({ equity, ...rest }: Packed): BacktestRecord => ({
  ...rest,
  equity: {
    times: Float64Array.from(equity.times),
    equity: Float64Array.from(equity.equity),
    long: Float64Array.from(equity.long),
    short: Float64Array.from(equity.short),
    positions: Int32Array.from(equity.positions),
  },
});
