import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Clock, type EpochMs, epochMs, milliseconds, systemClock } from '../core/index.ts';
import { acquireLease, createTestDatabase, type TestDatabase } from '../database/index.ts';
import { leaseFence } from './book-broker.ts';

const WINDOW = milliseconds(1_000);

let test: TestDatabase;
beforeAll(async () => {
  test = await createTestDatabase();
});
afterAll(() => test.drop());

/** A clock that shows how often it was read. */
function countingClock(): Clock & { reads: EpochMs[] } {
  const reads: EpochMs[] = [];
  const now = () => {
    const moment = epochMs(1_000 + reads.length);
    reads.push(moment);
    return moment;
  };
  return { ...systemClock, reads, now };
}

describe('the fence before an order', () => {
  const lease = (book: string, holder: string, durationMs: number, deadHolder?: string) =>
    acquireLease(test.database, {
      book,
      holder,
      now: systemClock.now(),
      duration: milliseconds(durationMs),
      ...(deadHolder === undefined ? {} : { deadHolder }),
    });
  const fenceOf = (book: string, epoch: number, clock: Clock = systemClock) =>
    leaseFence({ database: test.database, book, epoch, clock }, WINDOW, WINDOW);

  it('lets nothing of an old owner through, and all of the new one', async () => {
    await lease('taken', 'old', 60_000);
    await expect(fenceOf('taken', 1).stamp()).resolves.toMatchObject({ receiveWindow: WINDOW });
    await lease('taken', 'new', 60_000, 'old');
    await expect(fenceOf('taken', 1).stamp()).rejects.toMatchObject({ code: 'LEASE_LOST', exitCode: 3 });
    await expect(fenceOf('taken', 2).stamp()).resolves.toMatchObject({ receiveWindow: WINDOW });
  });

  it('lets nothing through that could arrive when the lease is another’s', async () => {
    await lease('ending', 'one', 1_500);
    await expect(fenceOf('ending', 1).stamp()).rejects.toMatchObject({ code: 'LEASE_EXPIRING' });
    await expect(fenceOf('never-leased', 1).stamp()).rejects.toMatchObject({ code: 'LEASE_LOST' });
  });

  it('signs with the moment before it looks at the lease, so that a stop in between makes the order void', async () => {
    await lease('signed', 'one', 60_000);
    const clock = countingClock();
    const looked: number[] = [];
    const { pool } = test.database;
    const query = (...given: Parameters<typeof pool.query>) => {
      looked.push(clock.reads.length);
      return pool.query(...given);
    };
    const database = {
      ...test.database,
      pool: new Proxy(pool, { get: (on, key) => (key === 'query' ? query : Reflect.get(on, key)) }),
    };
    const { signedAt } = await leaseFence({ database, book: 'signed', epoch: 1, clock }, WINDOW, WINDOW).stamp();
    expect(looked).toEqual([1]);
    expect(signedAt).toBe(clock.reads[0]);
  });
});
