import { join } from 'node:path';
import type { Config } from '../config/index.ts';
import { type Clock, type Log, MinutehandError, messageOf, milliseconds } from '../core/index.ts';
import {
  type Database,
  type EmbeddedServer,
  lastCycleMinute,
  migrate,
  openDatabase,
  startEmbeddedServer,
} from '../database/index.ts';
import { BOOK } from './book-engine.ts';
import type { RunSummary } from './book-run.ts';
import { type DataDirectory, takeDataDirectory } from './data-directory.ts';
import type { EngineEvent } from './engine-event.ts';
import type { EngineOptions } from './engine-options.ts';
import type { MarketChoice } from './market-choice.ts';
import { type ChildMessage, type SupervisedProcess, superviseProcess } from './supervised-process.ts';

export interface SystemOptions {
  readonly config: Config;
  readonly market: MarketChoice;
  /** Cycles to run; without it the system runs until it is stopped. */
  readonly minutes?: number;
  /** Path of the binary that children run. */
  readonly binary: string;
  readonly codeVersion: string;
  /** Artefacts that come with the package. */
  readonly packagedModels: string;
  readonly clock: Clock;
  /** Called once the data directory is this process's own. */
  readonly createLog: (directory: DataDirectory) => Log;
  readonly onEvent: (event: SystemEvent) => void;
  /** Stops the system when aborted. */
  readonly signal: AbortSignal;
}

export type SystemEvent =
  | {
      readonly kind: 'component';
      readonly name: ComponentName;
      readonly state: ComponentState;
      readonly detail?: string;
    }
  | EngineEvent;

export type ComponentName = 'database' | 'exchange' | 'engine';
export type ComponentState = 'starting' | 'ready' | 'restarting' | 'stopped';

/** What is left of the five seconds in which Ctrl-C must be done, per component. */
const STOP_GRACE_MS = { engine: 2_500, exchange: 700 } as const;
/** A crashed engine starts again after this, doubling up to the longest; after this many crashes without a cycle it is given up. */
const RESTART_MS = { first: 250, longest: 10_000, attempts: 6 } as const;

/**
 * Brings everything up in order (data directory, database, simulated exchange, engine), keeps it up, and takes it down in
 * reverse order.
 * @returns the summary of the run when `minutes` was given and reached; undefined when it was stopped before.
 * @throws MinutehandError when a part cannot start, is given up, or the market has no further minute.
 */
export async function runSystem(options: SystemOptions): Promise<RunSummary | undefined> {
  const { config, onEvent } = options;
  const directory = takeDataDirectory(config.data_dir);
  const log = options.createLog(directory);
  let server: EmbeddedServer | undefined;
  let exchange: SupervisedProcess | undefined;
  try {
    onEvent({ kind: 'component', name: 'database', state: 'starting' });
    server =
      config.database.url === null
        ? await startEmbeddedServer({ dataDir: directory.path, log, takeOver: true })
        : undefined;
    const databaseUrl = server?.url ?? config.database.url ?? '';
    const resumeAt = await prepareDatabase(databaseUrl, log);
    onEvent({ kind: 'component', name: 'database', state: 'ready', detail: server ? 'embedded' : 'external' });
    if (options.signal.aborted) return undefined;
    const served = await openMarket(options, directory, resumeAt, log);
    exchange = served.process;
    if (options.signal.aborted) return undefined;
    return await superviseEngine(options, directory, log, {
      config,
      databaseUrl,
      ...(served.url === undefined ? {} : { exchangeUrl: served.url }),
      codeVersion: options.codeVersion,
      modelsDirectory: directory.models,
      packagedModels: options.packagedModels,
      logDirectory: directory.logs,
      binary: options.binary,
      ...(served.token === undefined ? {} : { simulatorToken: served.token }),
      ...(options.minutes === undefined ? {} : { minutes: options.minutes }),
    });
  } finally {
    await exchange?.stop(STOP_GRACE_MS.exchange);
    onEvent({ kind: 'component', name: 'exchange', state: 'stopped' });
    await server?.stop().catch((error: unknown) => log.error({ error: messageOf(error) }, 'database did not stop'));
    onEvent({ kind: 'component', name: 'database', state: 'stopped' });
    directory.release();
  }
}

/** Brings the schema up to date; returns the newest minute of the book. */
async function prepareDatabase(url: string, log: Log): Promise<number | undefined> {
  let database: Database | undefined;
  try {
    database = await openDatabase({ url, applicationName: 'minutehand-up', log, maxConnections: 2 });
    await migrate(database);
    return await lastCycleMinute(database, BOOK);
  } finally {
    await database?.close();
  }
}

/** Starts the simulated exchange, unless a running or a real one is used. */
async function openMarket(
  options: SystemOptions,
  directory: DataDirectory,
  resumeAt: number | undefined,
  log: Log,
): Promise<{ url?: string; token?: string; process?: SupervisedProcess }> {
  const { market, onEvent } = options;
  if (market.kind === 'real') return {};
  if (market.kind === 'external') return { url: market.url };
  onEvent({ kind: 'component', name: 'exchange', state: 'starting' });
  const args = ['sim', 'serve', '--port', String(options.config.simulator.port), '--speed', String(market.speed)];
  if (market.kind === 'generated') args.push('--generate', String(market.seed), market.edge ? '--edge' : '--no-edge');
  else args.push('--replay', market.replay, ...(market.history === undefined ? [] : ['--history', market.history]));
  if (resumeAt !== undefined) args.push('--start-at', new Date(resumeAt).toISOString());
  return new Promise((resolve, reject) => {
    const child = superviseProcess({
      name: 'exchange',
      binary: options.binary,
      args,
      outputFile: join(directory.logs, 'exchange.out'),
      clock: options.clock,
      log,
      onMessage: (message) => {
        if (message.type === 'failed') reject(failureOf(message));
        if (message.type !== 'ready') return;
        onEvent({ kind: 'component', name: 'exchange', state: 'ready', detail: String(message.detail.url) });
        resolve({ url: String(message.detail.url), token: String(message.detail.token), process: child });
      },
    });
    options.signal.addEventListener('abort', () => resolve({ process: child }), { once: true });
    child.exited.then(({ code, signal }) => {
      reject(
        new MinutehandError(
          'SIMULATOR_FAILED',
          `the simulated exchange ended while starting (${signal ?? `exit ${code}`})`,
          `See ${join(directory.logs, 'exchange.out')}.`,
        ),
      );
    });
  });
}

async function superviseEngine(
  options: SystemOptions,
  directory: DataDirectory,
  log: Log,
  start: EngineOptions,
): Promise<RunSummary | undefined> {
  const { onEvent, signal, clock } = options;
  let crashes = 0;
  for (;;) {
    onEvent({ kind: 'component', name: 'engine', state: crashes === 0 ? 'starting' : 'restarting' });
    const outcome = await runEngineOnce(options, directory, log, start, () => {
      crashes = 0;
    });
    onEvent({ kind: 'component', name: 'engine', state: 'stopped' });
    if (outcome.kind === 'finished') return outcome.summary;
    if (signal.aborted) return undefined;
    if (outcome.error) throw outcome.error;
    crashes++;
    if (crashes >= RESTART_MS.attempts) {
      throw new MinutehandError(
        'ENGINE_FAILED',
        `the engine ended ${crashes} times in a row without deciding a minute (${outcome.detail})`,
        `See ${join(directory.logs, 'engine.log')}; what was committed is kept, and the next start goes on from there.`,
      );
    }
    const wait = Math.min(RESTART_MS.longest, RESTART_MS.first * 2 ** (crashes - 1));
    log.warn(
      { detail: outcome.detail, crashes, restartInMs: wait },
      'the engine ended unexpectedly and is started again',
    );
    await clock.sleep(milliseconds(wait), signal);
  }
}

type EngineOutcome =
  | { readonly kind: 'finished'; readonly summary: RunSummary | undefined }
  | { readonly kind: 'crashed'; readonly detail: string; readonly error?: MinutehandError };

async function runEngineOnce(
  options: SystemOptions,
  directory: DataDirectory,
  log: Log,
  start: EngineOptions,
  onProgress: () => void,
): Promise<EngineOutcome> {
  let finished: { summary: RunSummary | undefined } | undefined;
  let failure: MinutehandError | undefined;
  const child = superviseProcess({
    name: 'engine',
    binary: options.binary,
    args: ['engine'],
    start,
    outputFile: join(directory.logs, 'engine.out'),
    clock: options.clock,
    log,
    onMessage: (message) => {
      if (message.type === 'report') {
        const event = message.report as EngineEvent;
        if (event.kind === 'cycle') onProgress();
        options.onEvent(event);
      } else if (message.type === 'ready') {
        options.onEvent({ kind: 'component', name: 'engine', state: 'ready' });
      } else if (message.type === 'finished') {
        finished = { summary: message.result as RunSummary | undefined };
      } else if (message.type === 'failed') {
        failure = failureOf(message);
      }
    },
  });
  const stop = () => void child.stop(STOP_GRACE_MS.engine);
  options.signal.addEventListener('abort', stop, { once: true });
  if (options.signal.aborted) stop();
  const { code, signal } = await child.exited;
  options.signal.removeEventListener('abort', stop);
  if (finished) return { kind: 'finished', summary: finished.summary };
  // An error of the environment or of the input repeats itself: it is shown instead of tried again. Lost connections are tried again.
  const lasting = failure !== undefined && !PASSING.has(failure.code);
  return {
    kind: 'crashed',
    detail: failure ? `${failure.code}: ${failure.message}` : (signal ?? `exit ${code}`),
    ...(lasting && failure ? { error: failure } : {}),
  };
}

/** Failures after which the engine is simply started again. */
const PASSING: ReadonlySet<string> = new Set(['ENGINE_CRASHED', 'DATABASE_UNREACHABLE', 'LEASE_LOST']);

function failureOf({ error }: Extract<ChildMessage, { type: 'failed' }>): MinutehandError {
  const exitCode = error.exitCode === 2 || error.exitCode === 3 ? error.exitCode : 1;
  return new MinutehandError(error.code, error.message, error.remedy, { exitCode });
}
