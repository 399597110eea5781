import { randomBytes } from 'node:crypto';
import { lstatSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { silentLog } from '../core/index.ts';
import { type Database, openDatabase } from './connection.ts';
import { findRunningServer, startEmbeddedServer } from './embedded/embedded-server.ts';
import { isAlive, readIdentity, thisProcess } from './embedded/process-lock.ts';
import { migrate, schemaHash } from './migrate.ts';

export interface TestDatabase {
  readonly url: string;
  readonly database: Database;
  /** Closes `database` and removes the database, whoever else is connected. */
  drop(): Promise<void>;
}

/**
 * A database of its own for a test, with every migration applied: a copy of a template (60 ms). The server is that of
 * MINUTEHAND_TEST_DATABASE_URL, or an embedded one that all test runs of this account share (`useTestServer`).
 */
export async function createTestDatabase(): Promise<TestDatabase> {
  server ??= prepareServer();
  const { adminUrl, template } = await server;
  const name = `test_${process.pid}_${randomBytes(6).toString('hex')}`;
  await onServer(adminUrl, (client) => client.query(`CREATE DATABASE ${name} TEMPLATE ${template}`));
  const url = withDatabase(adminUrl, name);
  const database = await openDatabase({ url, applicationName: 'minutehand-test', log: silentLog, maxConnections: 4 });
  return {
    url,
    database,
    drop: async () => {
      await database.close();
      await onServer(adminUrl, (client) => client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`));
    },
  };
}

/**
 * Registers this process as a user of the shared server, before its children create databases. What it returns gives that up,
 * and ends the server unless another test run still uses it; the next run starts it again in half a second.
 */
export function useTestServer(): () => Promise<void> {
  if (process.env.MINUTEHAND_TEST_DATABASE_URL) return async () => {};
  const users = join(prepareSharedDirectory(), 'users');
  mkdirSync(users, { recursive: true, mode: 0o700 });
  const mine = join(users, String(process.pid));
  writeFileSync(mine, JSON.stringify(thisProcess()), { mode: 0o600 });
  return async () => {
    rmSync(mine, { force: true });
    for (const user of readdirSync(users).map((name) => join(users, name))) {
      const identity = readIdentity(user);
      if (identity && isAlive(identity)) return;
      rmSync(user, { force: true });
    }
    if (!(await findRunningServer(sharedDirectory()))) return;
    const server = await startEmbeddedServer({ dataDir: sharedDirectory(), log: silentLog, takeOver: true });
    await server.stop();
  };
}

interface TestServer {
  readonly adminUrl: string;
  readonly template: string;
}

let server: Promise<TestServer> | undefined;

/** One template is made at a time per server. */
const LOCK_KEY = 6_846_172_002;

async function prepareServer(): Promise<TestServer> {
  const adminUrl = process.env.MINUTEHAND_TEST_DATABASE_URL ?? (await startSharedServer());
  const template = `minutehand_template_${schemaHash()}`;
  await onServer(adminUrl, async (client) => {
    await client.query('SELECT pg_advisory_lock($1)', [LOCK_KEY]);
    await dropAbandoned(client);
    const found = await client.query('SELECT FROM pg_database WHERE datname = $1', [template]);
    if (found.rowCount === 0) await makeTemplate(client, adminUrl, template);
  });
  return { adminUrl, template };
}

async function makeTemplate(client: pg.Client, adminUrl: string, template: string): Promise<void> {
  const draft = `test_${process.pid}_template`;
  await client.query(`DROP DATABASE IF EXISTS ${draft} WITH (FORCE)`);
  await client.query(`CREATE DATABASE ${draft} ENCODING 'UTF8' LOCALE 'C' TEMPLATE template0`);
  const database = await openDatabase({
    url: withDatabase(adminUrl, draft),
    applicationName: 'minutehand-test',
    log: silentLog,
  });
  try {
    await migrate(database);
  } finally {
    await database.close();
  }
  // A database with connections cannot be copied.
  await client.query(`ALTER DATABASE ${draft} ALLOW_CONNECTIONS false`);
  await client.query(`ALTER DATABASE ${draft} RENAME TO ${template}`);
}

/** Removes what test processes left behind that have since ended without dropping it. */
async function dropAbandoned(client: pg.Client): Promise<void> {
  if (process.env.MINUTEHAND_TEST_DATABASE_URL) return;
  const { rows } = await client.query<{ datname: string }>(
    "SELECT datname FROM pg_database WHERE datname ~ '^test_[0-9]+_'",
  );
  for (const { datname } of rows) {
    const pid = Number(datname.split('_')[1]);
    if (pid !== process.pid && !exists(pid)) await client.query(`DROP DATABASE IF EXISTS ${datname} WITH (FORCE)`);
  }
}

const sharedDirectory = (): string => join(tmpdir(), `minutehand-test-${process.geteuid?.() ?? 0}`);

function prepareSharedDirectory(): string {
  const path = sharedDirectory();
  mkdirSync(path, { recursive: true, mode: 0o700 });
  const entry = lstatSync(path);
  if (!entry.isDirectory() || entry.uid !== (process.geteuid?.() ?? 0)) {
    throw new Error(`${path} belongs to another account`);
  }
  return path;
}

async function startSharedServer(): Promise<string> {
  // Nothing here needs to survive a power cut.
  const settings = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off', max_connections: '200' };
  return (await startEmbeddedServer({ dataDir: prepareSharedDirectory(), log: silentLog, settings })).url;
}

async function onServer<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

function withDatabase(url: string, name: string): string {
  const changed = new URL(url);
  changed.pathname = `/${name}`;
  return changed.href;
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
