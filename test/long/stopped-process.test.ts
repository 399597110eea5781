import { expect, it } from 'vitest';
import { ProcessStage } from '../orders/process-sequence.ts';
import { until } from '../support/minutehand.ts';

it('a stopped-and-continued old process cannot double an order', async () => {
  // The first process stands still with its first order signed and not yet sent.
  const stage = await ProcessStage.open('stopped', 'one-way', (incarnation) =>
    incarnation === 0 ? { signed: { stop: 1 } } : {},
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
});
