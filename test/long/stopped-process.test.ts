import { expect, it } from 'vitest';
import { ProcessStage } from '../orders/process-sequence.ts';
import { until } from '../support/minutehand.ts';

// Committed and not yet signed: its validity is over, and the lease is another's. Signed and not yet sent: the receive window has passed.
// The lease alone is held by src/engine/book-broker.test.ts.
it.each(['committed', 'signed'])(
  'a stopped-and-continued old process cannot double an order: stopped with one %s',
  async (point) => {
    const stage = await ProcessStage.open(`stopped/${point}`, 'one-way', (incarnation) =>
      incarnation === 0 ? { [point]: { stop: 1 } } : {},
    );
    try {
      const old = await stage.runUntilOwned();
      expect(await old.waitFor(({ state }) => state === 'stopped')).toBe(true);
      const successor = await stage.runUntilOwned();
      expect(successor).not.toBe(old);
      await until(
        async () => (await stage.orders()).some(({ status }) => status === 'REJECTED' || status === 'EXPIRED'),
        'the successor to know that the order has not arrived',
        20_000,
      );
      stage.continueStopped();
      const { violations, orders } = await stage.finish();
      expect(violations).toEqual([]);
      expect(orders).toBeGreaterThan(0);
      expect(old).toMatchObject({ state: 'gone', isContinued: true });
    } finally {
      await stage.close();
    }
  },
);
