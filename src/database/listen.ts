import pg from 'pg';
import { type Log, messageOf, milliseconds, waitReal } from '../core/index.ts';
import type { Database } from './connection.ts';

/** Between two attempts to connect. */
const RETRY = milliseconds(1_000);

/**
 * Listens to a channel on a connection of its own until the signal aborts; a broken connection is replaced. `onNotice` is also called
 * once whenever listening begins, as something may have been said before.
 */
export async function listen(
  database: Database,
  channel: string,
  onNotice: () => void,
  { log, signal }: { readonly log: Log; readonly signal: AbortSignal },
): Promise<void> {
  while (!signal.aborted) {
    const client = new pg.Client(database.pool.options);
    const ended = new Promise<void>((resolve) => {
      client.once('end', resolve);
    });
    const stop = () => void client.end().catch(() => undefined);
    try {
      client.on('error', (error) => log.warn({ channel, error: messageOf(error) }, 'a listening connection broke'));
      client.on('notification', onNotice);
      await client.connect();
      signal.addEventListener('abort', stop, { once: true });
      if (signal.aborted) stop();
      else {
        await client.query(`LISTEN ${channel}`);
        onNotice();
      }
      await ended;
    } catch (error) {
      stop();
      if (!signal.aborted) log.warn({ channel, error: messageOf(error) }, 'cannot listen; it is tried again');
    } finally {
      signal.removeEventListener('abort', stop);
    }
    if (!signal.aborted) await waitReal(RETRY, signal);
  }
}
