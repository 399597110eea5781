import { expect, it } from 'vitest';
import { ProcessStage } from '../orders/process-sequence.ts';
import { until } from '../support/minutehand.ts';

// Committed and not yet signed: the lease must keep it back. Signed and not yet sent: the receive window must have passed.
it.each(['committed', 'signed'])(
  'an old process stopped with its first order %s, and continued, cannot double it',
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
