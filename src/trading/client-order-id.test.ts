import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { epochMs } from '../core/index.ts';
import { clientOrderIdOf } from './client-order-id.ts';

const order = { book: 'main', strategy: 'ml', symbol: 'BTCUSDT', minute: epochMs(1_750_291_200_000) } as const;

describe('a client order id', () => {
  it('is the same for the same decision and differs with each part of it', () => {
    const ids = [
      clientOrderIdOf({ ...order, purpose: 'entry' }),
      clientOrderIdOf({ ...order, purpose: 'exit' }),
      clientOrderIdOf({ ...order, purpose: 'entry', book: 'other' }),
      clientOrderIdOf({ ...order, purpose: 'entry', strategy: 'momentum' }),
      clientOrderIdOf({ ...order, purpose: 'entry', symbol: 'BTCUSDC' }),
      clientOrderIdOf({ ...order, purpose: 'entry', minute: epochMs(order.minute + 60_000) }),
    ];
    expect(new Set(ids).size).toBe(ids.length);
    expect(clientOrderIdOf({ ...order, purpose: 'entry' })).toBe(ids[0]);
  });

  it('has at most 36 characters of [A-Za-z0-9_-], whatever the names', () => {
    fc.assert(
      fc.property(
        fc.string({ maxLength: 40 }),
        fc.string({ maxLength: 40 }),
        fc.string({ maxLength: 40 }),
        fc.integer({ min: 0, max: 5_000_000_000 }),
        (book, strategy, symbol, index) => {
          const id = clientOrderIdOf({ book, strategy, symbol, minute: epochMs(index * 60_000), purpose: 'exit' });
          expect(id).toMatch(/^[A-Za-z0-9_-]{1,36}$/);
        },
      ),
    );
  });
});
