import {
  chmodSync,
  chownSync,
  closeSync,
  openSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import pg from 'pg';
import { type Log, MinutehandError, messageOf, milliseconds, systemClock, waitReal } from '../../core/index.ts';
import { type Binaries, prepareBinaries } from './binaries.ts';
import {
  type ClusterPlace,
  choosePort,
  connectionString,
  DATABASE_USER,
  findPlace,
  initializeCluster,
  preparePlace,
  readText,
  writeSettings,
} from './cluster.ts';
import { isAlive, processesIn, readIdentity, thisProcess, withProcessLock } from './process-lock.ts';
import { runAs, type ServerAccount, serverAccount } from './server-account.ts';

export interface EmbeddedServer {
  /** Connection string of the database; holds the password. */
  readonly url: string;
  /** Whether this program owns the server: it started it, or took it over from an owner that is gone. */
  readonly startedHere: boolean;
  /** Ends the server if this program owns it; otherwise does nothing. */
  stop(): Promise<void>;
}

export interface EmbeddedServerOptions {
  readonly dataDir: string;
  readonly log: Log;
  /** Own the server even if another program does: it then leaves stopping it to this one. */
  readonly takeOver?: boolean;
  /** PostgreSQL settings beside the defaults. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** How long to wait for another program that is starting or stopping the same server. */
const PATIENCE_MS = 120_000;

/**
 * The PostgreSQL server of a data directory, started if it does not run. The first program owns it; further ones connect to it.
 * It outlives its owner's Ctrl-C and crash: the next program takes it over.
 * @throws MinutehandError DATA_DIRECTORY_UNWRITABLE, DATABASE_BINARIES_MISSING, DATABASE_INIT_FAILED, DATABASE_MAJOR_DIFFERS,
 * DATABASE_START_FAILED, DATABASE_LOCKED
 */
export async function startEmbeddedServer(options: EmbeddedServerOptions): Promise<EmbeddedServer> {
  const account = serverAccount();
  const dataDir = resolve(options.dataDir);
  const place = preparePlace(dataDir, account);
  const ownerFile = join(place.folder, 'owner');
  const binaries = prepareBinaries(account, place.serverFolder);
  const startedHere = await underLock(place, async () => {
    const owner = readIdentity(ownerFile);
    const running = await answers(place);
    if (running && !options.takeOver && owner && isAlive(owner) && owner.pid !== process.pid) return false;
    if (running) options.log.info({ dataDir }, 'took over the running database server');
    else await start(place, binaries, account, options);
    writeFileSync(ownerFile, JSON.stringify(thisProcess()), { mode: 0o600 });
    return true;
  });
  const url = requireUrl(place, DATABASE_USER);
  await ensureDatabase(place);
  return {
    url,
    startedHere,
    stop: async () => {
      if (!startedHere) return;
      await underLock(place, async () => {
        const owner = readIdentity(ownerFile);
        if (owner?.pid !== process.pid) return;
        await stop(place, binaries, account);
        rmSync(ownerFile, { force: true });
      });
    },
  };
}

/** The server that runs for a data directory, if one does. */
export async function findRunningServer(dataDir: string): Promise<{ readonly url: string } | undefined> {
  const place = findPlace(resolve(dataDir));
  return place && (await answers(place)) ? { url: requireUrl(place, DATABASE_USER) } : undefined;
}

async function underLock<T>(place: ClusterPlace, work: () => Promise<T>): Promise<T> {
  const path = join(place.folder, 'lock');
  try {
    return await withProcessLock(path, PATIENCE_MS, work);
  } catch (error) {
    if (error instanceof MinutehandError) throw error;
    throw new MinutehandError(
      'DATABASE_LOCKED',
      `The database in ${place.folder} could not be locked: ${messageOf(error)}.`,
      `End that process, or choose another --data-dir.`,
      { cause: error },
    );
  }
}

async function start(
  place: ClusterPlace,
  binaries: Binaries,
  account: ServerAccount,
  options: EmbeddedServerOptions,
): Promise<void> {
  await initializeCluster(place, binaries, account, options.settings ?? {});
  if (await outliveCrash(place)) return;
  prepareLog(place, account);
  // Another program may take the free port between its choice and the server's start: then once more with another one.
  for (let attempt = 1; ; attempt++) {
    writeSettings(place, account, await choosePort(place), options.settings ?? {});
    const from = statSync(place.serverLog).size;
    const result = await runAs(account, binaries.pgCtl, [
      'start',
      '-w',
      '-s',
      '-t',
      '300',
      '-D',
      place.cluster,
      '-l',
      place.serverLog,
    ]).catch((error: unknown) => ({ code: null, output: messageOf(error) }));
    if (result.code === 0) break;
    const said = readFileSync(place.serverLog, 'utf8').slice(from);
    if (attempt < 5 && /could not bind|could not create any TCP/.test(said)) continue;
    throw startFailed(place, said.trim() === '' ? result.output : said);
  }
  options.log.info({ cluster: place.cluster, port: readText(join(place.folder, 'port')) }, 'database server started');
}

async function stop(place: ClusterPlace, binaries: Binaries, account: ServerAccount): Promise<void> {
  for (const mode of ['fast', 'immediate']) {
    const result = await runAs(account, binaries.pgCtl, [
      'stop',
      '-w',
      '-s',
      '-t',
      '20',
      '-m',
      mode,
      '-D',
      place.cluster,
    ]);
    if (result.code === 0 || processesIn(realpathSync(place.cluster)).length === 0) return;
  }
  throw new MinutehandError(
    'DATABASE_STOP_FAILED',
    `The database server in ${place.cluster} does not end.`,
    `See ${place.serverLog}; nothing is lost, the next start recovers.`,
  );
}

/**
 * After a crash: waits until the old server's processes are gone, and removes a postmaster.pid whose process id has since been
 * given to something else (PostgreSQL itself would take that for a running server). True when the old server, found
 * starting or recovering, answers after all.
 */
async function outliveCrash(place: ClusterPlace): Promise<boolean> {
  const cluster = realpathSync(place.cluster);
  const begun = systemClock.elapsed();
  for (;;) {
    const left = processesIn(cluster);
    if (left.length === 0) break;
    const postmaster = Number(readText(join(cluster, 'postmaster.pid'))?.split('\n')[0]);
    const waited = systemClock.elapsed() - begun;
    if (left.includes(postmaster)) {
      if (await answers(place)) return true;
      if (waited > PATIENCE_MS) throw startFailed(place, 'the running server does not answer');
    } else if (waited > 5_000) {
      // Backends end by themselves when their postmaster is gone, except in the middle of a statement.
      for (const pid of left) process.kill(pid, 'SIGTERM');
    }
    await waitReal(milliseconds(50));
  }
  rmSync(join(cluster, 'postmaster.pid'), { force: true });
  return false;
}

function prepareLog(place: ClusterPlace, account: ServerAccount): void {
  closeSync(openSync(place.serverLog, 'a', 0o600));
  chmodSync(place.serverLog, 0o600);
  if (account.differs) chownSync(place.serverLog, account.uid, account.gid);
  if (statSync(place.serverLog).size > 16 * 2 ** 20) truncateSync(place.serverLog);
}

/** Whether the server of this very cluster accepts connections. */
async function answers(place: ClusterPlace): Promise<boolean> {
  const url = connectionString(place, 'postgres');
  if (url === undefined) return false;
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
  client.on('error', () => {});
  try {
    await client.connect();
    const { rows } = await client.query<{ directory: string }>("SELECT current_setting('data_directory') AS directory");
    return rows[0]?.directory === realpathSync(place.cluster) || rows[0]?.directory === place.cluster;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => {});
  }
}

async function ensureDatabase(place: ClusterPlace): Promise<void> {
  const client = new pg.Client({ connectionString: requireUrl(place, 'postgres') });
  try {
    await client.connect();
    const found = await client.query('SELECT FROM pg_database WHERE datname = $1', [DATABASE_USER]);
    if (found.rowCount === 0) await client.query(`CREATE DATABASE ${DATABASE_USER}`);
  } catch (error) {
    // Made by another program between the two statements: 42P04, or 23505 when at the very same moment.
    if (!(error instanceof pg.DatabaseError && (error.code === '42P04' || error.code === '23505'))) throw error;
  } finally {
    await client.end();
  }
}

function requireUrl(place: ClusterPlace, database: string): string {
  const url = connectionString(place, database);
  if (url === undefined) throw startFailed(place, 'its port or password is not recorded');
  return url;
}

function startFailed(place: ClusterPlace, log: string): MinutehandError {
  const lines = log.trim().split('\n');
  const line = lines.findLast((text) => /FATAL|PANIC|ERROR|could not/.test(text)) ?? lines.at(-1) ?? '';
  return new MinutehandError(
    'DATABASE_START_FAILED',
    `The database server in ${place.cluster} did not start: ${line.trim() || 'no reason given'}`,
    `See ${place.serverLog}; check that the disk has room, or set DATABASE_URL to a PostgreSQL server of version 15 or newer.`,
  );
}
