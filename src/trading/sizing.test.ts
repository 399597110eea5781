import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DAY_MS, epochMs, MINUTE_MS } from '../core/index.ts';
import {
  DEFAULT_COST_SETTINGS,
  formatCash,
  formatQuantity,
  parseCash,
  parsePrice,
  parseQuantity,
  priceFromNumber,
} from '../matching/index.ts';
import type { MarketState } from './market-state.ts';
import { updateMarket, volatilityOf } from './market-state.ts';
import type { Exposure } from './portfolio.ts';
import { initialRiskState, type PreTradeContext, refuseOrder, updateRisk } from './risk.ts';
import { DEFAULT_RISK_SETTINGS, DEFAULT_SIZING_SETTINGS } from './settings.ts';
import { type SizingRequest, sizeEntry } from './sizing.ts';

const T = epochMs(Date.UTC(2025, 5, 19, 12));
const NOTHING: Exposure = { gross: 0n, bySymbol: new Map(), positions: 0 };
const LIMITS = { sizing: DEFAULT_SIZING_SETTINGS, risk: DEFAULT_RISK_SETTINGS, costs: DEFAULT_COST_SETTINGS };

/** A market whose 15-minute volatility is `perSample` and whose minutes trade ten million. */
const marketOf = (price: number, perSample: number, minuteNotional = 1e7): MarketState => ({
  lastPrice: priceFromNumber(price),
  lastMinute: T,
  sampledPrice: price,
  sampledMinute: T,
  returns: new Int16Array(96).fill(Math.round(perSample * 1e5)),
  minuteNotional,
});

const request = (changes: Partial<SizingRequest> = {}): SizingRequest => ({
  symbol: 'XUSDT',
  confidence: 1,
  confidenceThreshold: 0.6,
  holdMinutes: 240,
  equity: parseCash('10000'),
  exposure: NOTHING,
  market: marketOf(100, 0.01),
  rules: {
    tick: parsePrice('0.01'),
    step: parseQuantity('0.001'),
    minQuantity: parseQuantity('0.001'),
    minNotional: parseCash('5'),
  },
  ...changes,
});

describe('sizing an entry', () => {
  it('takes the notional whose volatility over the holding time is the target share of the equity', () => {
    // 1 % per 15 minutes is 4 % over 4 h; 0.2 % of 10,000 over 4 % = 500
    const sized = sizeEntry(request(), LIMITS);
    expect(formatCash(sized.notional)).toBe('500');
    expect(sized.reductions).toEqual([]);
    expect(formatCash(sizeEntry(request({ market: marketOf(100, 0.02) }), LIMITS).notional)).toBe('250');
  });

  it('grows with confidence from half size at the threshold', () => {
    const notionalAt = (confidence: number) => formatCash(sizeEntry(request({ confidence }), LIMITS).notional);
    expect([0.6, 0.8, 1].map(notionalAt)).toEqual(['250', '375', '500']);
  });

  it('cuts to the limit per position, to the exposure left and to the liquidity, and says so', () => {
    const calm = marketOf(100, 0.001);
    expect(sizeEntry(request({ market: calm }), LIMITS)).toMatchObject({
      notional: parseCash('1500'),
      reductions: ['SIZE_REDUCED_POSITION_LIMIT'],
    });
    const nearlyFull = { gross: parseCash('9900'), bySymbol: new Map(), positions: 3 };
    expect(sizeEntry(request({ market: calm, exposure: nearlyFull }), LIMITS)).toMatchObject({
      notional: parseCash('100'),
      reductions: ['SIZE_REDUCED_POSITION_LIMIT', 'SIZE_REDUCED_EXPOSURE'],
    });
    // 1/15 of 3 minutes of 1,000 = 200
    const thin = sizeEntry(request({ market: marketOf(100, 0.01, 1_000) }), LIMITS);
    expect(thin.reductions).toEqual(['SIZE_REDUCED_LIQUIDITY']);
    expect(Number(formatCash(thin.notional))).toBeCloseTo(200, 0);
  });

  it('counts what the symbol already holds against its limit', () => {
    const exposure = { gross: parseCash('1400'), bySymbol: new Map([['XUSDT', parseCash('1400')]]), positions: 1 };
    expect(formatCash(sizeEntry(request({ exposure }), LIMITS).notional)).toBe('100');
  });

  it('refuses what is below the minimum quantity or notional', () => {
    const rules = { ...request().rules, minNotional: parseCash('600') };
    expect(sizeEntry(request({ rules }), LIMITS)).toMatchObject({ quantity: 0n, refusal: 'SIZE_BELOW_MINIMUM' });
    const large = { ...request().rules, minQuantity: parseQuantity('6') };
    expect(sizeEntry(request({ rules: large }), LIMITS).refusal).toBe('SIZE_BELOW_MINIMUM');
    expect(sizeEntry(request({ equity: 0n }), LIMITS).refusal).toBe('SIZE_BELOW_MINIMUM');
  });

  it('sizes coins below one dollar in whole steps', () => {
    const rules = { ...request().rules, step: parseQuantity('1'), tick: parsePrice('0.00000001') };
    const sized = sizeEntry(request({ market: marketOf(0.0000114, 0.01), rules }), LIMITS);
    expect(formatQuantity(sized.quantity)).toBe('43859649');
    expect(Number(formatCash(sized.notional))).toBeCloseTo(500, 3);
  });

  it('never exceeds a limit, whatever the market', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 1e-6, max: 1e5, noNaN: true }),
        fc.double({ min: 0, max: 0.2, noNaN: true }),
        fc.double({ min: 0, max: 1e9, noNaN: true }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.bigInt({ min: 0n, max: 10n ** 13n }),
        fc.bigInt({ min: 0n, max: 10n ** 12n }),
        (price, volatility, minuteNotional, confidence, equity, gross) => {
          const exposure = { gross, bySymbol: new Map([['XUSDT', gross / 2n]]), positions: 2 };
          const market = marketOf(price, volatility, minuteNotional);
          const sized = sizeEntry(request({ equity, exposure, market, confidence }), LIMITS);
          expect(sized.notional >= 0n).toBe(true);
          if (sized.quantity === 0n) return;
          expect(gross + sized.notional <= equity).toBe(true);
          expect(Number(gross / 2n + sized.notional)).toBeLessThanOrEqual(0.15 * Number(equity) + 1);
          expect(Number(sized.notional) / 1e8).toBeLessThanOrEqual(minuteNotional / 5 + 1e-6);
          expect(sized.quantity % request().rules.step).toBe(0n);
        },
      ),
    );
  });
});

describe('what a book remembers of a market', () => {
  const candleAt = (index: number, close: number, volume = 10) => ({
    state: 'final' as const,
    finality: 'archive' as const,
    symbol: 'XUSDT',
    timeframe: '1m' as const,
    openTime: epochMs(T + (index - 1) * MINUTE_MS),
    open: close,
    high: close,
    low: close,
    close,
    volume,
  });
  const fold = (candles: ReturnType<typeof candleAt>[]) => {
    let market: MarketState | undefined;
    for (const candle of candles) market = updateMarket(market, candle, DEFAULT_SIZING_SETTINGS);
    if (!market) throw new Error('no candle');
    return market;
  };

  it('is the return of each quarter of an hour, up to a day', () => {
    const market = fold(Array.from({ length: 31 }, (_, i) => candleAt(i, i < 15 ? 100 : i < 30 ? 101 : 99.99)));
    expect([...market.returns]).toEqual([1000, -1000]);
    const long = fold(Array.from({ length: 15 * 120 }, (_, i) => candleAt(i, 100)));
    expect(long.returns).toHaveLength(96);
  });

  it('counts a return over a hole by the square root of its length', () => {
    const market = fold([candleAt(0, 100), candleAt(60, 102)]);
    expect([...market.returns]).toEqual([1000]);
  });

  it('ignores a candle that is not newer', () => {
    const market = fold([candleAt(5, 100)]);
    expect(updateMarket(market, candleAt(5, 300), DEFAULT_SIZING_SETTINGS)).toBe(market);
  });

  it('expects at least the fallback volatility until enough returns are known, and never less than the floor', () => {
    const day = 24 * 60;
    expect(volatilityOf(fold([candleAt(0, 100)]), day, DEFAULT_SIZING_SETTINGS)).toBeCloseTo(0.06, 12);
    const flat = fold(Array.from({ length: 15 * 20 }, (_, i) => candleAt(i, 100)));
    expect(volatilityOf(flat, day, DEFAULT_SIZING_SETTINGS)).toBeCloseTo(0.005, 12);
    expect(volatilityOf(marketOf(1, 0.01), 240, DEFAULT_SIZING_SETTINGS)).toBeCloseTo(0.04, 12);
  });

  it('prefers the quote volume reported over volume times price', () => {
    expect(fold([candleAt(0, 100, 10)]).minuteNotional).toBe(1000);
    expect(
      updateMarket(undefined, { ...candleAt(0, 100, 10), quoteVolume: 990 }, DEFAULT_SIZING_SETTINGS),
    ).toMatchObject({
      minuteNotional: 990,
    });
  });
});

describe('risk checks before an order', () => {
  const equity = parseCash('10000');
  const context = (changes: Partial<PreTradeContext> = {}): PreTradeContext => ({
    minute: T,
    risk: initialRiskState(equity),
    exposure: NOTHING,
    equity,
    market: marketOf(100, 0.01),
    ...changes,
  });
  const entry = (changes: Partial<PreTradeContext>) =>
    refuseOrder({ reduceOnly: false }, context(changes), DEFAULT_RISK_SETTINGS);
  const halted = { ...initialRiskState(equity), halted: true, dailyLossReached: true };

  it('name the first limit that stops an entry', () => {
    expect(entry({})).toBeUndefined();
    expect(entry({ risk: halted })).toBe('RISK_HALTED');
    expect(entry({ risk: { ...halted, halted: false } })).toBe('RISK_DAILY_LOSS');
    expect(entry({ market: undefined })).toBe('RISK_STALE_PRICE');
    expect(entry({ market: { ...marketOf(1, 0.01), lastMinute: epochMs(T - MINUTE_MS) } })).toBe('RISK_STALE_PRICE');
    expect(entry({ exposure: { ...NOTHING, positions: 8 } })).toBe('RISK_MAX_POSITIONS');
    expect(entry({ exposure: { ...NOTHING, gross: equity } })).toBe('RISK_MAX_EXPOSURE');
    expect(entry({ equity: -1n })).toBe('RISK_MAX_EXPOSURE');
  });

  it('let an order that only reduces pass through every limit', () => {
    const worst = {
      risk: halted,
      market: undefined,
      equity: 0n,
      exposure: { ...NOTHING, positions: 99, gross: equity },
    };
    expect(refuseOrder({ reduceOnly: true }, context(worst), DEFAULT_RISK_SETTINGS)).toBeUndefined();
  });

  it('latch the loss of a day until the next UTC day, also when it is won back', () => {
    const at = (minutes: number) => epochMs(T + minutes * MINUTE_MS);
    let risk = updateRisk(initialRiskState(equity), at(0), equity, DEFAULT_RISK_SETTINGS);
    risk = updateRisk(risk, at(1), parseCash('9701'), DEFAULT_RISK_SETTINGS);
    expect(risk.dailyLossReached).toBe(false);
    risk = updateRisk(risk, at(2), parseCash('9700'), DEFAULT_RISK_SETTINGS);
    expect(risk.dailyLossReached).toBe(true);
    risk = updateRisk(risk, at(3), parseCash('10500'), DEFAULT_RISK_SETTINGS);
    expect(risk.dailyLossReached).toBe(true);
    const midnight = epochMs(Math.ceil(T / DAY_MS) * DAY_MS);
    risk = updateRisk(risk, midnight, parseCash('9600'), DEFAULT_RISK_SETTINGS);
    expect(risk).toMatchObject({ dailyLossReached: false, dayStartEquity: parseCash('9600') });
  });
});
