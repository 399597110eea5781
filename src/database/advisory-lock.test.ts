import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { silentLog } from '../core/index.ts';
import { holdAdvisoryLock } from './advisory-lock.ts';
import { type Database, openDatabase } from './connection.ts';
import { createTestDatabase, type TestDatabase } from './testing.ts';

let test: TestDatabase;
let other: Database;
const { signal } = new AbortController();
beforeAll(async () => {
  test = await createTestDatabase();
  other = await openDatabase({ url: test.url, applicationName: 'lock-test', log: silentLog });
});
afterAll(async () => {
  await other.close();
  await test.drop();
});

describe('an advisory lock', () => {
  it('lets the next one in when it is released, and others in at once', async () => {
    const first = await holdAdvisoryLock(test.database, 'fold', { signal });
    (await holdAdvisoryLock(other, 'another', { signal })).release();
    const second = holdAdvisoryLock(other, 'fold', { signal, onWait: first.release });
    (await second).release();
    expect(first.lost.aborted).toBe(false);
  });

  it('says so when its connection breaks, and is then free', async () => {
    const held = await holdAdvisoryLock(other, 'fold', { signal });
    const lost = new Promise((resolve) => held.lost.addEventListener('abort', resolve));
    await test.database.pool.query("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'");
    await lost;
    (await holdAdvisoryLock(test.database, 'fold', { signal })).release();
    held.release();
  });

  it('is no longer waited for when the signal aborts', async () => {
    const held = await holdAdvisoryLock(test.database, 'fold', { signal });
    const stopping = new AbortController();
    const waiting = holdAdvisoryLock(other, 'fold', {
      signal: stopping.signal,
      onWait: () => stopping.abort(new Error('stopped')),
    });
    await expect(waiting).rejects.toThrow('stopped');
    held.release();
  });
});
