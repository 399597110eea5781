import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { milliseconds, silentLog, waitReal } from '../../core/index.ts';
import { findPlace } from './cluster.ts';
import { type EmbeddedServer, findRunningServer, startEmbeddedServer } from './embedded-server.ts';
import { processesIn, thisProcess } from './process-lock.ts';
import { serverAccount } from './server-account.ts';

const isRoot = process.geteuid?.() === 0;
/** Nothing here needs to survive a power cut. */
const SETTINGS = { shared_buffers: '1MB', fsync: 'off' };
const made: string[] = [];
const children: ChildProcess[] = [];

function newDataDir(): string {
  const directory = mkdtempSync(join(tmpdir(), 'minutehand-embedded-'));
  made.push(directory);
  return directory;
}

const start = (dataDir: string, settings: Record<string, string> = {}): Promise<EmbeddedServer> =>
  startEmbeddedServer({ dataDir, log: silentLog, settings: { ...SETTINGS, ...settings } });

async function query(url: string, text: string): Promise<unknown> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => {});
  await client.connect();
  try {
    const { rows } = await client.query<{ value: unknown }>(text);
    return rows[0]?.value;
  } finally {
    await client.end();
  }
}

const clusterOf = (dataDir: string) => findPlace(dataDir)?.cluster ?? '';
const postmasterOf = (dataDir: string) =>
  Number(readFileSync(join(clusterOf(dataDir), 'postmaster.pid'), 'utf8').split('\n')[0]);

async function until(claim: () => boolean): Promise<void> {
  while (!claim()) await waitReal(milliseconds(20));
}

/** Another program that starts the server and tells whether it owns it; it goes on until its input ends. */
async function startElsewhere(dataDir: string): Promise<{ child: ChildProcess; startedHere: boolean }> {
  const script = `
    import { startEmbeddedServer } from ${JSON.stringify(resolve(import.meta.dirname, 'embedded-server.ts'))};
    import { silentLog } from ${JSON.stringify(resolve(import.meta.dirname, '../../core/index.ts'))};
    const server = await startEmbeddedServer({ dataDir: ${JSON.stringify(dataDir)}, log: silentLog, settings: ${JSON.stringify(SETTINGS)} });
    console.log(server.startedHere);
    process.stdin.resume().on('end', () => process.exit());`;
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  children.push(child);
  const [said] = await once(child.stdout, 'data');
  return { child, startedHere: String(said).trim() === 'true' };
}

afterAll(async () => {
  for (const child of children) child.kill('SIGKILL');
  for (const directory of made) {
    const place = findPlace(directory);
    if (place) {
      for (const pid of processesIn(place.cluster)) process.kill(pid, 'SIGKILL');
      rmSync(place.serverFolder, { recursive: true, force: true });
    }
    rmSync(directory, { recursive: true, force: true });
  }
});

describe('an embedded server', () => {
  const dataDir = newDataDir();
  let server: EmbeddedServer;

  beforeAll(async () => {
    server = await start(dataDir);
    await query(server.url, 'CREATE TABLE kept (value int)');
    await query(server.url, 'INSERT INTO kept VALUES (42)');
  });

  afterAll(() => server.stop());

  it('is made in UTF-8 with locale C, and asks for a password', async () => {
    expect(await query(server.url, "SELECT current_setting('server_encoding') AS value")).toBe('UTF8');
    expect(await query(server.url, "SELECT datcollate AS value FROM pg_database WHERE datname = 'minutehand'")).toBe(
      'C',
    );
    const url = new URL(server.url);
    url.password = 'wrong';
    await expect(query(url.href, 'SELECT 1 AS value')).rejects.toThrow(/password/);
  });

  it('listens on loopback alone, without a socket file', async () => {
    expect(await query(server.url, "SELECT current_setting('listen_addresses') AS value")).toBe('127.0.0.1');
    expect(await query(server.url, "SELECT current_setting('unix_socket_directories') AS value")).toBe('');
  });

  it('keeps its password from other accounts and runs as nobody where it is started by root', () => {
    expect(statSync(join(dataDir, 'database/password')).mode & 0o777).toBe(0o600);
    expect(statSync(clusterOf(dataDir)).uid === 0).toBe(false);
    expect(statSync(`/proc/${postmasterOf(dataDir)}`).uid === 0).toBe(false);
  });

  it('runs in a session of its own, out of reach of Ctrl-C', () => {
    const sessionOf = (pid: number) => readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ')[3];
    expect(sessionOf(postmasterOf(dataDir))).not.toBe(sessionOf(process.pid));
  });

  it('is found by its data directory while it runs', async () => {
    expect(await findRunningServer(dataDir)).toEqual({ url: server.url });
    expect(await findRunningServer(newDataDir())).toBeUndefined();
  });

  it('is shared with further programs, which do not stop it', async () => {
    const { child, startedHere } = await startElsewhere(dataDir);
    expect(startedHere).toBe(false);
    child.stdin?.end();
    await once(child, 'exit');
    expect(await query(server.url, 'SELECT value FROM kept')).toBe(42);
  });

  it('keeps its data over a stop, and takes another port when its own is taken', async () => {
    await server.stop();
    expect(await findRunningServer(dataDir)).toBeUndefined();
    const squatter = createServer().listen(Number(new URL(server.url).port), '127.0.0.1');
    await once(squatter, 'listening');
    const again = await start(dataDir);
    expect(again.startedHere).toBe(true);
    expect(new URL(again.url).port).not.toBe(new URL(server.url).port);
    expect(await query(again.url, 'SELECT value FROM kept')).toBe(42);
    squatter.close();
    server = again;
  });

  it('recovers after it was killed, also when its process id has since been given to another program', async () => {
    const cluster = clusterOf(dataDir);
    const stale = readFileSync(join(cluster, 'postmaster.pid'), 'utf8').split('\n');
    process.kill(postmasterOf(dataDir), 'SIGKILL');
    await until(() => processesIn(cluster).length === 0);
    // PostgreSQL asks whether the process lives and is of its own account.
    const { uid, gid } = serverAccount();
    const stranger = spawn('sleep', ['600'], isRoot ? { uid, gid, stdio: 'ignore' } : { stdio: 'ignore' });
    children.push(stranger);
    writeFileSync(join(cluster, 'postmaster.pid'), [String(stranger.pid), ...stale.slice(1)].join('\n'));
    server = await start(dataDir);
    expect(await query(server.url, 'SELECT value FROM kept')).toBe(42);
  });

  it('tells of a setting it cannot start with, by the last line of its log', async () => {
    await server.stop();
    await expect(start(dataDir, { shared_buffers: 'plenty' })).rejects.toMatchObject({
      code: 'DATABASE_START_FAILED',
      message: expect.stringMatching(/FATAL|shared_buffers/),
    });
  });

  it('refuses a cluster of another major version', async () => {
    const file = join(clusterOf(dataDir), 'PG_VERSION');
    const version = readFileSync(file, 'utf8');
    writeFileSync(file, '14\n');
    await expect(start(dataDir)).rejects.toMatchObject({ code: 'DATABASE_MAJOR_DIFFERS' });
    writeFileSync(file, version);
    server = await start(dataDir);
  });
});

describe('the owner of an embedded server', () => {
  it('is one, when two programs start at once; when it is killed the server goes on, and the next program takes it over', async () => {
    const dataDir = newDataDir();
    const both = await Promise.all([startElsewhere(dataDir), startElsewhere(dataDir)]);
    expect(both.map(({ startedHere }) => startedHere).sort()).toEqual([false, true]);
    const owner = both.find(({ startedHere }) => startedHere)?.child;
    owner?.kill('SIGKILL');
    if (owner) await once(owner, 'exit');
    const postmaster = postmasterOf(dataDir);
    const adopted = await start(dataDir);
    expect(adopted.startedHere).toBe(true);
    expect(postmasterOf(dataDir)).toBe(postmaster);
    await adopted.stop();
    expect(await findRunningServer(dataDir)).toBeUndefined();
  });

  it('holds a lock that is taken over when its process is dead', async () => {
    const dataDir = newDataDir();
    mkdirSync(join(dataDir, 'database'));
    writeFileSync(join(dataDir, 'database/lock'), JSON.stringify({ ...thisProcess(), started: 'in another life' }));
    const server = await start(dataDir);
    expect(server.startedHere).toBe(true);
    await server.stop();
  });
});

describe('a data directory', () => {
  it('that is no directory is refused with a remedy', async () => {
    const file = join(newDataDir(), 'file');
    writeFileSync(file, '');
    await expect(start(file)).rejects.toMatchObject({ code: 'DATA_DIRECTORY_UNWRITABLE', exitCode: 1 });
  });

  it.skipIf(!isRoot)('of root below a 0700 home works, and its data is found again', async () => {
    const home = newDataDir();
    chmodSync(home, 0o700);
    const dataDir = join(home, 'clone/.minutehand');
    const before = process.umask(0o077);
    try {
      const server = await start(dataDir);
      await query(server.url, 'CREATE TABLE kept AS SELECT 7 AS value');
      await server.stop();
      const again = await start(dataDir);
      expect(await query(again.url, 'SELECT value FROM kept')).toBe(7);
      await again.stop();
    } finally {
      process.umask(before);
    }
    expect(statSync(home).mode & 0o777).toBe(0o700);
    const { serverFolder = '' } = findPlace(dataDir) ?? {};
    expect(serverFolder.startsWith(home)).toBe(false);
    expect(existsSync(join(serverFolder, 'cluster'))).toBe(true);
    rmSync(serverFolder, { recursive: true });
  });
});
