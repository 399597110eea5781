import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { notionalOf, parseCash, parsePrice, parseQuantity } from '../matching/index.ts';
import { magnitude } from '../trading/index.ts';
import { type BalancedEntry, balanceEntries } from './decide-balance.ts';

const entryOf = (quantity: string, price: string, step = '0.001', minNotional = '5'): BalancedEntry => ({
  quantity: parseQuantity(quantity),
  price: parsePrice(price),
  rules: {
    tick: parsePrice('0.01'),
    step: parseQuantity(step),
    minQuantity: parseQuantity(step),
    minNotional: parseCash(minNotional),
  },
});

const netOf = (entries: readonly BalancedEntry[], quantities: readonly bigint[], held = 0n) =>
  entries.reduce((sum, { price }, index) => sum + notionalOf(price, quantities[index] ?? 0n), held);

describe('balancing entries', () => {
  it('cuts the heavier side, each entry by its share, and leaves the lighter one', () => {
    const entries = [entryOf('10', '100'), entryOf('5', '100'), entryOf('-6', '100')];
    expect(balanceEntries(entries, 0n)).toEqual(['4', '2', '-6'].map(parseQuantity));
  });

  it('counts what is held, and cuts to nothing where there is no other side', () => {
    const short = [entryOf('-10', '100')];
    expect(balanceEntries(short, parseCash('400'))).toEqual([parseQuantity('-4')]);
    expect(balanceEntries(short, 0n)).toEqual([0n]);
    expect(balanceEntries(short, parseCash('-50'))).toEqual([0n]);
    expect(balanceEntries(short, parseCash('4'))).toEqual([0n]);
  });

  it('leaves no more than a step, enlarges and turns nothing, and no entry below its minimum', () => {
    const entry = fc
      .tuple(
        fc.integer({ min: 1, max: 9_000 }),
        fc.boolean(),
        fc.integer({ min: 1, max: 90_000 }),
        fc.constantFrom('1', '0.1', '0.001'),
      )
      .map(([steps, isLong, cents, step]) => {
        const { rules, ...rest } = entryOf(step, String(cents / 100), step);
        const quantity = rules.step * BigInt(steps + 1);
        return { ...rest, quantity: isLong ? quantity : -quantity, rules };
      })
      .filter(({ quantity, price, rules }) => notionalOf(price, magnitude(quantity)) >= rules.minNotional);
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 8 }), fc.integer({ min: -5_000, max: 5_000 }), (entries, held) => {
        const net = parseCash(String(held));
        const quantities = balanceEntries(entries, net);
        entries.forEach(({ quantity, price, rules }, index) => {
          const after = quantities[index] ?? 0n;
          expect(magnitude(after) <= magnitude(quantity)).toBe(true);
          expect(after === 0n || after > 0n === quantity > 0n).toBe(true);
          expect(after % rules.step).toBe(0n);
          expect(after === 0n || notionalOf(price, magnitude(after)) >= rules.minNotional).toBe(true);
        });
        const left = netOf(entries, quantities, net);
        // Whatever still makes a side heavier cannot be cut by another whole step.
        entries.forEach(({ price, rules }, index) => {
          const after = quantities[index] ?? 0n;
          if (after === 0n || after > 0n !== left > 0n) return;
          expect(magnitude(left) <= notionalOf(price, rules.step)).toBe(true);
        });
      }),
    );
  });
});
