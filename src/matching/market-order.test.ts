import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { epochMs, type FinalCandle, type Instrument } from '../core/index.ts';
import { type CostSettings, DEFAULT_COST_SETTINGS, type RoundTrip, roundTripCosts } from './costs.ts';
import {
  formatPrice,
  formatQuantity,
  notionalOf,
  parsePrice,
  parseQuantity,
  priceFromNumber,
  tradingRulesOf,
} from './exact.ts';
import { fillableVolume, matchMarketOrder, triggerIn } from './market-order.ts';

const roundTrip = (trip: RoundTrip) => {
  const { fees, spread, impact } = roundTripCosts(DEFAULT_COST_SETTINGS, trip);
  return fees + spread + impact;
};

const FREE: CostSettings = {
  takerFeeBps: 0,
  halfSpreadBps: 0,
  impactBpsPerSqrtParticipation: 0,
  maxParticipation: 0.1,
};

const instrument = (tickSize: string, stepSize: string): Instrument => ({
  venue: 'binanceusdm',
  symbol: 'XUSDT',
  base: 'X',
  quote: 'USDT',
  tickSize,
  stepSize,
  minQuantity: stepSize,
  minNotional: '5',
  status: 'trading',
});

const candle = (open: number, volume: number): FinalCandle => ({
  state: 'final',
  finality: 'archive',
  symbol: 'XUSDT',
  timeframe: '1m',
  openTime: epochMs(0),
  open,
  high: open,
  low: open,
  close: open,
  volume,
});

function match(
  side: 'buy' | 'sell',
  quantity: string,
  options: { open?: number; volume?: number; tick?: string; step?: string; costs?: CostSettings } = {},
) {
  const bar = candle(options.open ?? 100, options.volume ?? 1000);
  const costs = options.costs ?? DEFAULT_COST_SETTINGS;
  return matchMarketOrder({
    side,
    remaining: parseQuantity(quantity),
    candle: bar,
    rules: tradingRulesOf(instrument(options.tick ?? '0.01', options.step ?? '0.001')),
    costs,
    available: fillableVolume(bar, costs),
  });
}

describe('a market order against a one-minute bar', () => {
  it('fills at the open plus half the spread and the square-root impact, rounded to the tick against the buyer', () => {
    const costs = { ...FREE, halfSpreadBps: 2, impactBpsPerSqrtParticipation: 10 };
    // participation 4 %: impact 10 bp x 0.2 = 2 bp; in all 4 bp of 100 = 0.04
    const fill = match('buy', '40', { costs });
    expect(fill && formatPrice(fill.price)).toBe('100.04');
    const coarse = match('buy', '40', { costs, tick: '0.05' });
    expect(coarse && formatPrice(coarse.price)).toBe('100.05');
  });

  it('gives a seller the mirrored price, rounded down', () => {
    const costs = { ...FREE, halfSpreadBps: 2, impactBpsPerSqrtParticipation: 10 };
    const fill = match('sell', '40', { costs });
    expect(fill && formatPrice(fill.price)).toBe('99.96');
    const coarse = match('sell', '40', { costs, tick: '0.05' });
    expect(coarse && formatPrice(coarse.price)).toBe('99.95');
  });

  it('takes at most the allowed share of the volume, in whole steps, and leaves the rest', () => {
    const fill = match('buy', '40', { volume: 100.0199, costs: FREE, step: '0.1' });
    expect(fill && formatQuantity(fill.quantity)).toBe('10');
  });

  it('does not fill in a minute without volume, nor when less than a step is available', () => {
    expect(match('buy', '1', { volume: 0 })).toBeUndefined();
    expect(match('buy', '1', { volume: 5, costs: FREE, step: '1' })).toBeUndefined();
  });

  it('never fills a coin below one dollar at or below zero', () => {
    const fill = match('sell', '1000', { open: 0.00000001, volume: 1e9, tick: '0.00000001', step: '1' });
    expect(fill && formatPrice(fill.price)).toBe('0.00000001');
  });

  it('charges the taker fee on the notional, rounded up to the last unit of cash', () => {
    const fill = match('buy', '0.001', { open: 0.001, volume: 1e6, tick: '0.001', costs: { ...FREE, takerFeeBps: 5 } });
    // the spread is at least a tick wide, so the price is 0.002: 0.000002 x 0.0005 = 0.000000001, less than one unit of 1e-8
    expect(fill?.fee).toBe(1n);
  });

  it('counts at least half a tick as half the spread', () => {
    const fill = match('buy', '1', { open: 1, tick: '0.01', costs: FREE });
    expect(fill && formatPrice(fill.price)).toBe('1.01');
  });

  it('is never better than the open, on the tick, in steps and within the volume allowed', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('buy' as const, 'sell' as const),
        fc.integer({ min: 1, max: 10_000_000 }),
        fc.integer({ min: 0, max: 1_000_000 }),
        fc.integer({ min: 1, max: 100_000_000 }),
        fc.constantFrom('0.01', '0.05', '0.001'),
        fc.constantFrom('0.001', '0.1', '1'),
        (side, cents, volume, thousandths, tick, step) => {
          const open = cents / 100;
          const rules = tradingRulesOf(instrument(tick, step));
          const fill = match(side, String(thousandths / 1000), { open, volume, tick, step });
          if (fill === undefined) return;
          const price = priceFromNumber(open);
          expect(side === 'buy' ? fill.price >= price : fill.price <= price || fill.price === rules.tick).toBe(true);
          expect(fill.price > 0n && fill.price % rules.tick === 0n).toBe(true);
          expect(fill.quantity > 0n && fill.quantity % rules.step === 0n).toBe(true);
          expect(Number(fill.quantity) / 1e8).toBeLessThanOrEqual(
            volume * DEFAULT_COST_SETTINGS.maxParticipation + 1e-8,
          );
          expect(fill.fee >= 0n).toBe(true);
        },
      ),
    );
  });
});

describe('the expected cost of a round trip', () => {
  const trip = { price: parsePrice('100'), tick: parsePrice('0.01'), notional: 100, minuteNotional: 10_000 };

  it('is fees, half spreads and impact on both ways', () => {
    // 5 + 1.5 + 10 x sqrt(1 %) = 7.5 bp each way
    expect(roundTrip(trip)).toBeCloseTo(0.0015, 12);
  });

  it('is higher where a tick is coarse or the market thin, and capped at the participation allowed', () => {
    const coarse = roundTrip({ ...trip, tick: parsePrice('0.5') });
    const thin = roundTrip({ ...trip, minuteNotional: 1 });
    const silent = roundTrip({ ...trip, minuteNotional: 0 });
    expect(coarse).toBeCloseTo(2 * (0.0005 + 0.0025 + 0.0001), 12);
    expect(thin).toBeCloseTo(2 * (0.0005 + 0.00015 + 0.001 * Math.sqrt(1 / 15)), 12);
    expect(silent).toBe(thin);
  });
});

describe('exact units', () => {
  it('read a float price as the decimal it was written as', () => {
    expect(formatPrice(priceFromNumber(107_253.1))).toBe('107253.1');
    expect(formatPrice(priceFromNumber(1.14e-7))).toBe('0.000000114');
    expect(formatPrice(priceFromNumber(1 / 3))).toBe('0.333333333333');
    expect(() => priceFromNumber(Number.NaN)).toThrow(RangeError);
  });

  it('value a quantity at a price without losing a unit', () => {
    expect(notionalOf(parsePrice('107253.1'), parseQuantity('0.003'))).toBe(32_175_930_000n);
    expect(notionalOf(parsePrice('0.0000114'), parseQuantity('1'))).toBe(1140n);
  });

  it('refuse an instrument without a tick', () => {
    expect(() => tradingRulesOf(instrument('0', '1'))).toThrow('must be positive');
  });
});

describe('a trigger', () => {
  const bar = { ...candle(100, 10), high: 103, low: 97 };
  const place = (side: 'buy' | 'sell', type: 'stopMarket' | 'takeProfitMarket', trigger: string, within = bar) => {
    const found = triggerIn(within, { side, type, trigger: parsePrice(trigger) });
    return found && `${formatPrice(found.price)}${found.isAtOpen ? ' at the open' : ''}`;
  };

  it('is reached where the range touches it: stops on the far side of the price, targets on the near', () => {
    expect(place('sell', 'stopMarket', '97')).toBe('97');
    expect(place('sell', 'stopMarket', '96.99')).toBeUndefined();
    expect(place('buy', 'stopMarket', '103')).toBe('103');
    expect(place('buy', 'stopMarket', '103.01')).toBeUndefined();
    expect(place('sell', 'takeProfitMarket', '103')).toBe('103');
    expect(place('buy', 'takeProfitMarket', '97')).toBe('97');
    expect(place('buy', 'takeProfitMarket', '96.99')).toBeUndefined();
  });

  it('is reached at the open when the bar opens at or beyond it, and never in a bar without volume', () => {
    expect(place('sell', 'stopMarket', '100')).toBe('100 at the open');
    expect(place('buy', 'stopMarket', '98')).toBe('100 at the open');
    expect(place('sell', 'takeProfitMarket', '99')).toBe('100 at the open');
    expect(place('sell', 'stopMarket', '99', { ...bar, volume: 0 })).toBeUndefined();
  });
});
