import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { epochMs, fraction, MINUTE_MS } from '../core/index.ts';
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
import { returnOver, updateMarket, volatilityOf } from './market-state.ts';
import type { Exposure } from './portfolio.ts';
import { DEFAULT_RISK_SETTINGS, DEFAULT_SIZING_SETTINGS } from './settings.ts';
import { capitalFor, type SizingRequest, sizeEntry, smallestOrder, type WantedSize } from './sizing.ts';

const T = epochMs(Date.UTC(2025, 5, 19, 12));
const exposureWith = (changes: Partial<Exposure> = {}): Exposure => ({
  gross: 0n,
  long: 0n,
  short: 0n,
  bySymbol: new Map(),
  netBySymbol: new Map(),
  positions: 0,
  ...changes,
});
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

const confident = (changes: Partial<Extract<WantedSize, { kind: 'confidence' }>> = {}): WantedSize => ({
  kind: 'confidence',
  confidence: 1,
  confidenceThreshold: 0.6,
  scale: 1,
  edge: fraction(0.01),
  edgeMinutes: 240,
  ...changes,
});

const request = (changes: Partial<SizingRequest> = {}): SizingRequest => ({
  symbol: 'XUSDT',
  side: 'long',
  wanted: confident(),
  holdMinutes: 240,
  equity: parseCash('10000'),
  exposure: exposureWith(),
  markets: new Map(),
  sectorOf: () => 0,
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

  it('is cut to what the regime leaves of it, and says so', () => {
    const sized = sizeEntry(request({ wanted: confident({ scale: 0.5 }) }), LIMITS);
    expect([formatCash(sized.notional), sized.reductions]).toEqual(['250', ['SIZE_REDUCED_REGIME']]);
    expect(sizeEntry(request({ wanted: confident({ scale: 0 }) }), LIMITS).refusal).toBe('SIZE_BELOW_MINIMUM');
  });

  it('grows with confidence from half size at the threshold', () => {
    const notionalAt = (confidence: number) =>
      formatCash(sizeEntry(request({ wanted: confident({ confidence }) }), LIMITS).notional);
    expect([0.6, 0.8, 1].map(notionalAt)).toEqual(['250', '375', '500']);
  });

  it('is a weight where one is wanted, under every limit but that of an edge', () => {
    const weighted = (weight: number) => sizeEntry(request({ wanted: { kind: 'weight', weight, scale: 1 } }), LIMITS);
    expect([formatCash(weighted(0.05).notional), weighted(0.05).reductions]).toEqual(['500', []]);
    expect(weighted(0.4)).toMatchObject({
      notional: parseCash('1500'),
      reductions: ['SIZE_REDUCED_POSITION_LIMIT'],
    });
    const halved = sizeEntry(request({ wanted: { kind: 'weight', weight: 0.05, scale: 0.5 } }), LIMITS);
    expect([formatCash(halved.notional), halved.reductions]).toEqual(['250', ['SIZE_REDUCED_REGIME']]);
  });

  it('is that of full confidence where only the volatility is known', () => {
    const sized = sizeEntry(request({ wanted: { kind: 'volatility', scale: 1 } }), LIMITS);
    expect([formatCash(sized.notional), sized.reductions]).toEqual(['500', []]);
  });

  it('cuts to the limit per position, to the exposure left and to the liquidity, and says so', () => {
    const calm = marketOf(100, 0.001);
    expect(sizeEntry(request({ market: calm }), LIMITS)).toMatchObject({
      notional: parseCash('1500'),
      reductions: ['SIZE_REDUCED_POSITION_LIMIT'],
    });
    const nearlyFull = exposureWith({ gross: parseCash('9900'), positions: 3 });
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
    const exposure = exposureWith({ gross: parseCash('1400'), bySymbol: new Map([['XUSDT', parseCash('1400')]]) });
    expect(formatCash(sizeEntry(request({ exposure }), LIMITS).notional)).toBe('100');
  });

  it('takes at most a quarter of the Kelly size: the edge over its variance', () => {
    // 0.01 % over (4 %)² is 1/16 of the equity, 625; a quarter of that
    const sized = sizeEntry(request({ wanted: confident({ edge: fraction(0.0001) }) }), LIMITS);
    expect(sized.reductions).toEqual(['SIZE_REDUCED_KELLY']);
    expect(Number(formatCash(sized.notional))).toBeCloseTo(156.25, 0);
    expect(sizeEntry(request({ wanted: confident({ edge: fraction(-0.001) }) }), LIMITS).refusal).toBe(
      'SIZE_BELOW_MINIMUM',
    );
    // Of twice the time the variance is twice as large.
    const longer = sizeEntry(request({ wanted: confident({ edge: fraction(0.0001), edgeMinutes: 480 }) }), LIMITS);
    expect(Number(formatCash(longer.notional))).toBeCloseTo(78.125, 0);
  });

  it('is cut to what side, net, sector and correlated exposure leave, each with its reason', () => {
    const cash = parseCash;
    const limits = (risk: Partial<typeof DEFAULT_RISK_SETTINGS>) => ({ ...LIMITS, risk: { ...LIMITS.risk, ...risk } });
    const size = (changes: Partial<SizingRequest>, risk: Partial<typeof DEFAULT_RISK_SETTINGS> = {}) => {
      const { notional, reductions } = sizeEntry(request(changes), limits(risk));
      return [formatCash(notional), ...reductions];
    };
    const held = exposureWith({ gross: cash('2000'), long: cash('1800'), short: cash('200') });
    expect(size({ exposure: held }, { maxSideExposure: 0.2 })).toEqual(['200', 'SIZE_REDUCED_SIDE']);
    expect(size({ exposure: held, side: 'short' }, { maxSideExposure: 0.2 })).toEqual(['500']);
    expect(size({ exposure: held }, { maxNetExposure: 0.17 })).toEqual(['100', 'SIZE_REDUCED_NET']);
    expect(size({ exposure: held, side: 'short' }, { maxNetExposure: 0.17 })).toEqual(['500']);
    const sector = exposureWith({
      bySymbol: new Map([
        ['YUSDT', cash('300')],
        ['ZUSDT', cash('5000')],
      ]),
    });
    const sectorOf = (symbol: string) => (symbol === 'ZUSDT' ? 2 : 1);
    expect(size({ exposure: sector, sectorOf }, { maxSectorExposure: 0.05 })).toEqual(['200', 'SIZE_REDUCED_SECTOR']);
    expect(size({ exposure: sector }, { maxSectorExposure: 0.05 })).toEqual(['500']);
  });

  it('counts positions of the same direction together when their returns correlate, of opposite ones when they mirror', () => {
    const wave = Int16Array.from({ length: 96 }, (_, i) => (i % 2 === 0 ? 1000 : -1000));
    const mirrored = wave.map((value) => -value);
    const other = Int16Array.from({ length: 96 }, (_, i) => (i % 4 < 2 ? 1000 : -1000));
    const markets = new Map([
      ['XUSDT', { ...marketOf(100, 0.01), returns: wave }],
      ['TWINUSDT', { ...marketOf(100, 0.01), returns: wave }],
      ['MIRRORUSDT', { ...marketOf(100, 0.01), returns: mirrored }],
      ['OTHERUSDT', { ...marketOf(100, 0.01), returns: other }],
      ['YOUNGUSDT', { ...marketOf(100, 0.01), returns: wave.subarray(0, 47) }],
    ]);
    const risk = { ...LIMITS.risk, maxCorrelatedExposure: 0.4 };
    const cutBy = (symbol: string, amount: string) => {
      const exposure = exposureWith({ netBySymbol: new Map([[symbol, parseCash(amount)]]) });
      const { notional, reductions } = sizeEntry(request({ exposure, markets }), { ...LIMITS, risk });
      return [formatCash(notional), ...reductions];
    };
    expect(cutBy('TWINUSDT', '3900')).toEqual(['100', 'SIZE_REDUCED_CORRELATION']);
    expect(cutBy('TWINUSDT', '-3900')).toEqual(['500']);
    expect(cutBy('MIRRORUSDT', '-3900')).toEqual(['100', 'SIZE_REDUCED_CORRELATION']);
    expect(cutBy('MIRRORUSDT', '3900')).toEqual(['500']);
    expect(cutBy('OTHERUSDT', '3900')).toEqual(['500']);
    expect(cutBy('YOUNGUSDT', '3900')).toEqual(['500']);
  });

  it('says which order is the smallest, and what equity trades it at the confidence threshold', () => {
    const { rules } = request();
    expect(formatCash(smallestOrder(rules, marketOf(100, 0.01)))).toBe('5');
    expect(formatCash(smallestOrder(rules, marketOf(7000, 0.01)))).toBe('7');
    expect(formatCash(smallestOrder(rules, marketOf(3000, 0.01)))).toBe('6');
    const market = marketOf(7000, 0.01);
    const capital = capitalFor({ rules, market, holdMinutes: 240 }, LIMITS);
    expect(formatCash(capital)).toBe('280');
    const at = (equity: bigint) =>
      sizeEntry(request({ equity, market, wanted: confident({ confidence: 0.6 }) }), LIMITS).quantity;
    expect([at(capital + 100n), at(capital - 1_000_000n)]).toEqual([100_000n, 0n]);
    expect(formatCash(capitalFor({ rules, market, holdMinutes: 240, weight: 0.1 }, LIMITS))).toBe('70');
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
          const exposure = exposureWith({ gross, long: gross, bySymbol: new Map([['XUSDT', gross / 2n]]) });
          const market = marketOf(price, volatility, minuteNotional);
          const sized = sizeEntry(request({ equity, exposure, market, wanted: confident({ confidence }) }), LIMITS);
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

  it('is as much as a strategy looks back, and of it the volatility is that of the newest day', () => {
    const settings = { ...DEFAULT_SIZING_SETTINGS, returnSamples: 200 };
    let market: MarketState | undefined;
    for (let i = 0; i <= 15 * 200; i++) market = updateMarket(market, candleAt(i, 100 + i / 100), settings);
    if (!market) throw new Error('no candle');
    expect(market.returns).toHaveLength(200);
    expect(returnOver(market, 15 * 200)).toBeCloseTo(0.3, 3);
    expect(returnOver(market, 15 * 100)).toBeCloseTo(130 / 115 - 1, 3);
    expect(returnOver(market, 15 * 201)).toBeUndefined();
    const newest = { ...market, returns: market.returns.slice(-96) };
    expect(volatilityOf(market, 240, settings)).toBe(volatilityOf(newest, 240, settings));
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
