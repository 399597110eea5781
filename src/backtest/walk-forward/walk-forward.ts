import { createHash } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createRandom } from '../../core/index.ts';
import { featureSet } from '../../features/index.ts';
import { canonicalJson, type Evaluation, type JudgedPart, judgeForecasts, sha256 } from '../../model/index.ts';
import { backtestWindow } from '../backtest-window.ts';
import { hashBars, makeForecasts, rangeOf } from '../forecast-table.ts';
import type { BacktestMarket } from '../run-backtest.ts';
import type { WalkForwardFold, WalkForwardWindow } from './plan-folds.ts';
import { type FoldJob, type FoldRuns, type FoldTraining, readFold, readModel, type Variant } from './run-fold.ts';
import { type WalkForwardReport, walkForwardReport } from './walk-forward-report.ts';

export interface WalkForwardRequest {
  readonly market: BacktestMarket;
  /** Folders that the market was read from. */
  readonly data: string;
  readonly minutes?: string | undefined;
  readonly window: WalkForwardWindow;
  readonly folds: readonly WalkForwardFold[];
  readonly variants: readonly Variant[];
  readonly training?: FoldTraining | undefined;
  readonly costFactor: number;
  /** Holds a folder for each run. */
  readonly directory: string;
  readonly forecasts: string;
  /** Folds at a time, and threads of each that compute features. */
  readonly concurrency: number;
  readonly workers: number;
  /** Runs one fold, here or in another process: what it has finished lies in the job's folder then. */
  readonly runFold: (job: FoldJob, onStage: (stage: string) => void, signal: AbortSignal) => Promise<void>;
  readonly onProgress?: (text: string) => void;
  readonly signal?: AbortSignal;
}

/** What the files of a run mean. */
const VERSION = 1;

/**
 * Retrains and chooses fold by fold, trades what was not seen, and puts the traded days in line. A run is named by everything it follows from: the same
 * request goes on with what is finished, and gives the same report.
 * @throws what a fold throws; the signal's reason when it aborts
 */
export async function runWalkForward(request: WalkForwardRequest): Promise<WalkForwardReport> {
  const { folds, data, minutes, market, onProgress = () => undefined } = request;
  const { variants, training, costFactor, workers, forecasts } = request;
  const inputs = inputsOf(request);
  const directory = join(request.directory, inputs.id);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const jobs = folds.map(
    (fold): FoldJob => ({
      fold,
      training,
      data,
      minutes,
      symbols: [...market.bars.keys()],
      variants,
      costFactor,
      workers,
      directory: join(directory, `fold-${fold.fold}`),
      forecasts,
    }),
  );
  const runs: (FoldRuns | undefined)[] = [];
  for (const job of jobs) runs.push(await readFold(job));
  const waiting = jobs.filter((_, index) => runs[index] === undefined);
  const stages = new Map<number, string>();
  let done = jobs.length - waiting.length;
  const show = () =>
    onProgress(
      [`${done} of ${jobs.length} folds done`, ...[...stages].map(([fold, stage]) => `${fold}: ${stage}`)].join(' | '),
    );
  show();
  const failed = new AbortController();
  const signal = request.signal ? AbortSignal.any([request.signal, failed.signal]) : failed.signal;
  const work = async () => {
    for (let job = waiting.shift(); job; job = waiting.shift()) {
      signal.throwIfAborted();
      const { fold } = job.fold;
      await request.runFold(
        job,
        (stage) => {
          stages.set(fold, stage);
          show();
        },
        signal,
      );
      stages.delete(fold);
      done++;
      show();
    }
  };
  const failures: unknown[] = [];
  await Promise.all(
    Array.from({ length: request.concurrency }, () =>
      work().catch((error: unknown) => {
        failures.push(error);
        failed.abort(error);
      }),
    ),
  );
  if (failures.length > 0) throw failures[0];
  const finished: FoldRuns[] = [];
  for (const job of jobs) {
    const kept = await readFold(job);
    if (kept === undefined) throw new Error(`fold ${job.fold.fold} left nothing whole in ${job.directory}`);
    finished.push(kept);
  }
  const evaluation = training && (await judgeFolds(request, jobs));
  return walkForwardReport({ ...request, ...inputs, runs: finished, evaluation });
}

/** Judges what the models of all folds said of the days that were traded, as one. */
async function judgeFolds(request: WalkForwardRequest, jobs: readonly FoldJob[]): Promise<Evaluation | undefined> {
  const { market, variants, workers, forecasts: cache, onProgress, signal } = request;
  const { bars } = market;
  const range = rangeOf(bars);
  if (range === undefined) return undefined;
  const references = variants[0]?.config.universe.references.filter((symbol) => bars.has(symbol)) ?? [];
  const parts: JudgedPart[] = [];
  for (const job of jobs) {
    onProgress?.(`forecasts of fold ${job.fold.fold}`);
    const artefact = await readModel(job);
    if (artefact === undefined) throw new Error(`fold ${job.fold.fold} left no model in ${job.directory}`);
    const { manifest } = artefact;
    const { from, to } = backtestWindow(manifest, { ...job.fold.test, inSample: false }, range);
    const made = await makeForecasts({
      artefact,
      bars,
      references,
      from,
      to,
      workers,
      cache,
      ...(signal ? { signal } : {}),
    });
    parts.push({ manifest, forecasts: made.rows });
  }
  return judgeForecasts({
    parts,
    bars,
    references,
    workers,
    random: createRandom('forecasts of a walk-forward'),
    ...(onProgress ? { onProgress } : {}),
  });
}

/** The name of a run, and the hashes it is made of. Paths are no part of them. */
function inputsOf(request: WalkForwardRequest): {
  readonly id: string;
  readonly dataHash: string;
  readonly configHash: string;
} {
  const { market, window, folds, variants, training, costFactor } = request;
  const data = createHash('sha256');
  hashBars(data, market.bars);
  if (market.minutes) hashBars(data, market.minutes);
  for (const symbol of market.bars.keys()) {
    for (const { time, rate } of market.fundingOf(symbol)) data.update(`${time} ${rate}\n`);
  }
  const dataHash = data.digest('hex');
  const configs = variants.map(({ name, config }) => ({ name, ...config, data_dir: undefined, database: undefined }));
  const configHash = sha256(canonicalJson(configs));
  // Threads change a network in its last bits, a linear model not at all.
  const { threads, ...made } = training ?? { threads: 1 };
  const content = {
    version: VERSION,
    dataHash,
    configHash,
    featureSet: featureSet().hash,
    window,
    folds,
    costFactor,
    training: training ? { ...made, ...(training.kind === 'unified-patchtst' ? { threads } : {}) } : null,
  };
  return { id: `wf-${sha256(canonicalJson(content)).slice(0, 12)}`, dataHash, configHash };
}
