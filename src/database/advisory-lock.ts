import type pg from 'pg';
import type { Database } from './connection.ts';

/** A lock of the whole database that lives exactly as long as the connection it is held on. */
export interface AdvisoryLock {
  /** Aborts when the connection breaks: somebody else may hold the lock from then on. */
  readonly lost: AbortSignal;
  /** Closes the connection, and with it the lock. */
  release(): void;
}

/**
 * Waits for a lock and holds it on a connection of its own, so that a holder that is killed gives it up and one that is merely paused
 * does not. The server notices within a minute that a holder's machine is gone.
 * @throws the signal's reason when it aborts before the lock is held
 */
export async function holdAdvisoryLock(
  database: Database,
  name: string,
  { signal, onWait }: { readonly signal: AbortSignal; readonly onWait?: () => void },
): Promise<AdvisoryLock> {
  signal.throwIfAborted();
  const client = await database.pool.connect();
  const lost = new AbortController();
  let isReleased = false;
  const release = () => {
    if (isReleased) return;
    isReleased = true;
    client.release(true);
  };
  const onBreak = () => {
    if (!isReleased) lost.abort();
  };
  client.on('error', onBreak).on('end', onBreak);
  signal.addEventListener('abort', release, { once: true });
  try {
    await client.query(
      'SET tcp_keepalives_idle = 15; SET tcp_keepalives_interval = 10; SET tcp_keepalives_count = 3; SET tcp_user_timeout = 45000',
    );
    if (!(await tryLock(client, name))) {
      onWait?.();
      await client.query('SELECT pg_advisory_lock(hashtextextended($1, 0))', [name]);
    }
  } catch (error) {
    release();
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener('abort', release);
  }
  return { lost: lost.signal, release };
}

async function tryLock(client: pg.PoolClient, name: string): Promise<boolean> {
  const { rows } = await client.query<{ held: boolean }>(
    'SELECT pg_try_advisory_lock(hashtextextended($1, 0)) AS held',
    [name],
  );
  return rows[0]?.held === true;
}
