import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { epochMs, type OrderIntent, type SignalSide } from '../core/index.ts';
import { parsePrice, parseQuantity, priceFromNumber, type TradingRules } from '../matching/index.ts';
import { legsAfterFill, planProtection } from './protection.ts';
import { DEFAULT_PROTECTION_SETTINGS, type ProtectionSettings } from './settings.ts';

const rulesOf = (tick: string): TradingRules => ({
  tick: parsePrice(tick),
  step: parseQuantity('0.001'),
  minQuantity: parseQuantity('0.001'),
  minNotional: 0n,
});

const plan = (
  side: SignalSide,
  distances: { stopDistance?: number; targetDistance?: number; volatility?: number } = {},
  settings: ProtectionSettings = DEFAULT_PROTECTION_SETTINGS,
) =>
  planProtection({ side, price: parsePrice('100'), rules: rulesOf('0.01'), volatility: 0.03, ...distances }, settings);

describe('the protection of an entry', () => {
  it('stops at the distance of the signal, else at multiples of the volatility, within bounds', () => {
    expect(plan('long', { stopDistance: 0.04 }).protection?.stopPrice).toBe('96');
    expect(plan('short', { stopDistance: 0.04 }).protection?.stopPrice).toBe('104');
    expect(plan('long').protection?.stopPrice).toBe('94');
    expect(plan('long', { stopDistance: 0.9 }).protection?.stopPrice).toBe('85');
    expect(plan('long', { stopDistance: 1e-6 }).protection?.stopPrice).toBe('99.5');
    for (const nonsense of [Number.NaN, -0.1, 0, Number.POSITIVE_INFINITY]) {
      expect(plan('long', { stopDistance: nonsense, targetDistance: nonsense })).toEqual(plan('long'));
    }
  });

  it('has a target only where the signal or the settings name one, in levels', () => {
    expect(plan('long').protection?.targets).toEqual([]);
    expect(plan('short', { targetDistance: 0.05 }).protection?.targets).toEqual([{ price: '95', share: 1 }]);
    const levels = {
      ...DEFAULT_PROTECTION_SETTINGS,
      rewardToRisk: 2,
      targetLevels: [
        { at: 0.5, share: 0.3 },
        { at: 1, share: 0.7 },
      ],
    };
    expect(plan('long', { stopDistance: 0.04 }, levels).protection?.targets).toEqual([
      { price: '104', share: 0.3 },
      { price: '108', share: 0.7 },
    ]);
    expect(plan('long', { stopDistance: 0.04, targetDistance: 0.01 }).refusal).toBe('PROTECTION_REWARD_LOW');
  });

  it('lies on the tick and on its side of the price, at any price, or the entry is refused', () => {
    const price = fc.double({ min: 1e-7, max: 200_000, noNaN: true });
    const tick = fc.constantFrom('0.00000001', '0.00001', '0.01', '0.1', '1');
    fc.assert(
      fc.property(
        price,
        tick,
        fc.constantFrom<SignalSide>('long', 'short'),
        fc.double({ min: 0.0001, max: 0.5, noNaN: true }),
        (price, tick, side, volatility) => {
          const rules = rulesOf(tick);
          const at = priceFromNumber(price);
          const settings = { ...DEFAULT_PROTECTION_SETTINGS, rewardToRisk: 1.5 };
          const { protection } = planProtection({ side, price: at, rules, volatility }, settings);
          if (protection === undefined) return;
          const stop = parsePrice(protection.stopPrice);
          expect(stop % rules.tick).toBe(0n);
          expect(stop > 0n && (side === 'long' ? stop < at : stop > at)).toBe(true);
          const distance = Math.abs(Number(at - stop)) / Number(at);
          // Rounding moves it by a tick at most.
          expect(distance).toBeLessThanOrEqual(settings.maxStopFraction + Number(rules.tick) / Number(at) + 1e-9);
          for (const target of protection.targets) {
            const price = parsePrice(target.price);
            expect(price % rules.tick).toBe(0n);
            expect(price > 0n && (side === 'long' ? price > at : price < at)).toBe(true);
          }
        },
      ),
    );
  });
});

describe('the legs of an entry', () => {
  const entry: OrderIntent = {
    clientOrderId: 'entry',
    book: 'main',
    strategy: 'ml',
    symbol: 'BTCUSDT',
    side: 'sell',
    purpose: 'entry',
    type: 'market',
    quantity: '1',
    reduceOnly: false,
    decidedAt: epochMs(0),
    validUntil: epochMs(900_000),
    referencePrice: '100',
    protection: {
      stopPrice: '104',
      targets: [
        { price: '97', share: 0.333 },
        { price: '95', share: 0.333 },
        { price: '90', share: 0.334 },
      ],
      quantityStep: '0.001',
    },
  };
  const legs = (filled: string) => legsAfterFill(entry, parseQuantity(filled), epochMs(60_000));

  it('are a stop of all that has filled, and the targets once it is full', () => {
    expect(legs('0.4')).toMatchObject([
      { purpose: 'stop', side: 'buy', quantity: '0.4', triggerPrice: '104', parent: 'entry', reduceOnly: true },
    ]);
    expect(legs('1').map(({ purpose, quantity }) => [purpose, quantity])).toEqual([
      ['stop', '1'],
      ['target', '0.333'],
      ['target', '0.333'],
      ['target', '0.334'],
    ]);
    expect(legs('0')).toEqual([]);
  });

  it('have ids of their own that are the same whenever they are derived, at most 36 characters', () => {
    const ids = [...legs('0.4'), ...legs('1')].map(({ clientOrderId }) => clientOrderId);
    expect(new Set(ids).size).toBe(ids.length);
    expect([...legs('0.4'), ...legs('1')].map(({ clientOrderId }) => clientOrderId)).toEqual(ids);
    for (const id of ids) expect(id).toMatch(/^[A-Za-z0-9_-]{1,36}$/);
  });
});
