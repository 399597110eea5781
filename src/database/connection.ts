import pg from 'pg';
import { type Log, MinutehandError, messageOf, milliseconds, systemClock, waitReal } from '../core/index.ts';

/** A pool of connections to one database. Instants are bigint epoch milliseconds, read as numbers; numeric is read as text. */
export interface Database {
  readonly pool: pg.Pool;
  /** For {@link inPipeline}: its connections send each statement without waiting for the one before. */
  readonly pipelines: pg.Pool;
  /** The connection string with the password hidden: for messages. */
  readonly displayUrl: string;
  /** Waits for what runs, then closes every connection. */
  close(): Promise<void>;
}

export interface DatabaseOptions {
  readonly url: string;
  /** Shown in pg_stat_activity, such as "minutehand-engine". */
  readonly applicationName: string;
  readonly log: Log;
  /** @defaultValue 6 */
  readonly maxConnections?: number;
}

/** The oldest PostgreSQL that has everything used here (UNIQUE NULLS NOT DISTINCT). */
const OLDEST_MAJOR = 15;
/** A server that has just been started answers "starting up" while it recovers. */
const STARTING_PATIENCE_MS = 60_000;

/**
 * Connects, and checks that the server is one to work with.
 * @throws MinutehandError DATABASE_URL_INVALID, DATABASE_UNREACHABLE, DATABASE_REFUSED, DATABASE_VERSION; no message holds the password
 */
export async function openDatabase(options: DatabaseOptions): Promise<Database> {
  const displayUrl = redactUrl(options.url);
  const settings = {
    connectionString: options.url,
    application_name: options.applicationName,
    connectionTimeoutMillis: 10_000,
    // The engine works once a minute: its connections, with their prepared statements, outlive the pause.
    idleTimeoutMillis: 600_000,
    keepAlive: true,
    types: { getTypeParser },
  };
  const pool = new pg.Pool({ ...settings, max: options.maxConnections ?? 6 });
  const pipelined = { ...settings, pipeline: true, max: 2 };
  const pipelines = new pg.Pool(pipelined);
  for (const each of [pool, pipelines]) {
    each.on('error', (error) => options.log.warn({ error: messageOf(error) }, 'a database connection was lost'));
  }
  try {
    const version = await serverVersion(pool, displayUrl);
    if (version < OLDEST_MAJOR * 10_000) {
      throw new MinutehandError(
        'DATABASE_VERSION',
        `The server at ${displayUrl} is PostgreSQL ${Math.floor(version / 10_000)}; ${OLDEST_MAJOR} is the oldest that works.`,
        `Use PostgreSQL ${OLDEST_MAJOR} or newer, or leave DATABASE_URL unset to use the embedded server.`,
      );
    }
  } catch (error) {
    await Promise.all([pool.end(), pipelines.end()]);
    throw error;
  }
  let closing: Promise<unknown> | undefined;
  return {
    pool,
    pipelines,
    displayUrl,
    close: async () => {
      closing ??= Promise.all([pool.end(), pipelines.end()]);
      await closing;
    },
  };
}

/**
 * A connection string without its password.
 * @throws MinutehandError DATABASE_URL_INVALID when it is none
 */
export function redactUrl(url: string): string {
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch {
    throw invalidUrl();
  }
  if (parsed.protocol !== 'postgresql:' && parsed.protocol !== 'postgres:') throw invalidUrl();
  if (parsed.password !== '') parsed.password = '***';
  if (parsed.searchParams.has('password')) parsed.searchParams.set('password', '***');
  return parsed.href;
}

/** Runs `work` in one transaction on one connection: committed when it resolves, rolled back when it throws. */
export async function inTransaction<T>(database: Database, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  const client = await borrow(database.pool);
  let broken: Error | undefined;
  try {
    await client.query('BEGIN');
    const result = await work(client);
    await client.query('COMMIT');
    return result;
  } catch (error) {
    await client.query('ROLLBACK').catch((failure: Error) => {
      broken = failure;
    });
    throw error;
  } finally {
    client.off('error', ignoreLoss);
    client.release(broken);
  }
}

/** A statement that is prepared once per connection under its name. */
export interface Statement {
  readonly name: string;
  readonly text: string;
  readonly values: readonly unknown[];
}

/**
 * The server ends a transaction whose client stands still: a stopped process would keep its locks, and nobody could take over what it ran.
 * Shorter than a lease.
 */
const LIMIT_STANDSTILL = "SET LOCAL idle_in_transaction_session_timeout = '5s'";

/**
 * Runs statements in one transaction, sent in one go: the server works through them while only one round trip is waited for. With a
 * `guard`, that statement runs first in the same transaction, and the others only if `proceed` says so of its rows.
 * @throws whatever the first failing statement or `proceed` throws; then nothing has happened
 */
export async function inPipeline<Row extends pg.QueryResultRow>(
  database: Database,
  statements: readonly Statement[],
  guard?: { readonly statement: Statement; readonly proceed: (rows: Row[]) => boolean },
): Promise<void> {
  const client = await borrow(database.pipelines);
  let broken: Error | undefined;
  const send = ({ name, text, values }: Statement) => client.query<Row>({ name, text, values: [...values] });
  try {
    const begin = Promise.all([client.query('BEGIN'), client.query(LIMIT_STANDSTILL)]);
    if (guard) {
      const [found] = await allOf([send(guard.statement), begin.then(() => undefined)]);
      if (!guard.proceed(found?.rows ?? [])) {
        await client.query('ROLLBACK');
        return;
      }
    }
    await allOf([begin.then(() => undefined), ...statements.map(send), client.query('COMMIT')]);
  } catch (error) {
    await client.query('ROLLBACK').catch((failure: Error) => {
      broken = failure;
    });
    throw error;
  } finally {
    client.off('error', ignoreLoss);
    client.release(broken);
  }
}

/** A connection that may be lost between two statements: then the next one fails, and the program goes on. */
async function borrow(pool: pg.Pool): Promise<pg.PoolClient> {
  const client = await pool.connect();
  client.on('error', ignoreLoss);
  return client;
}

const ignoreLoss = () => undefined;

/** Waits for all, then throws the first failure in their order: in a transaction the later ones merely follow from it. */
async function allOf<T>(promises: readonly Promise<T>[]): Promise<T[]> {
  const results = await Promise.allSettled(promises);
  return results.map((result) => {
    if (result.status === 'rejected') throw result.reason;
    return result.value;
  });
}

async function serverVersion(pool: pg.Pool, displayUrl: string): Promise<number> {
  const deadline = systemClock.elapsed() + STARTING_PATIENCE_MS;
  for (;;) {
    try {
      const { rows } = await pool.query<{ version: string }>("SELECT current_setting('server_version_num') AS version");
      return Number(rows[0]?.version);
    } catch (error) {
      const starting = error instanceof pg.DatabaseError && error.code === '57P03';
      if (!starting || systemClock.elapsed() > deadline) throw connectionError(error, displayUrl);
      await waitReal(milliseconds(200));
    }
  }
}

function connectionError(error: unknown, displayUrl: string): MinutehandError {
  if (error instanceof pg.DatabaseError) {
    const remedy =
      error.code === '3D000'
        ? 'Create that database (createdb), or name an existing one in DATABASE_URL.'
        : 'Check user, password and database in DATABASE_URL, and that the server admits this host.';
    return new MinutehandError(
      'DATABASE_REFUSED',
      `The database at ${displayUrl} refused the connection: ${messageOf(error)}`,
      remedy,
      { cause: error },
    );
  }
  // A host with several addresses fails with an AggregateError whose own message is empty.
  const inner = error instanceof AggregateError ? error.errors[0] : error;
  return new MinutehandError(
    'DATABASE_UNREACHABLE',
    `No PostgreSQL server answers at ${displayUrl}: ${messageOf(inner)}`,
    'Start it, or correct host and port in DATABASE_URL; leave DATABASE_URL unset to use the embedded server.',
    { cause: error },
  );
}

function invalidUrl(): MinutehandError {
  // The text itself stays unsaid: it may hold a password.
  return new MinutehandError(
    'DATABASE_URL_INVALID',
    'DATABASE_URL is not a PostgreSQL connection string.',
    'Write it as postgresql://USER:PASSWORD@HOST:PORT/DATABASE, with special characters of the password percent-encoded.',
    { exitCode: 2 },
  );
}

const INT8 = 20;

function getTypeParser(oid: number, format?: 'text' | 'binary') {
  if (oid === INT8 && format !== 'binary') return Number;
  return format === 'binary' ? pg.types.getTypeParser(oid, 'binary') : pg.types.getTypeParser(oid, 'text');
}
