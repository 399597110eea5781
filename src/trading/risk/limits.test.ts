import { describe, expect, it } from 'vitest';
import { epochMs, MINUTE_MS } from '../../core/index.ts';
import { parseCash, parsePrice, priceFromNumber } from '../../matching/index.ts';
import type { MarketState } from '../market-state.ts';
import type { Exposure } from '../portfolio.ts';
import { DEFAULT_RISK_SETTINGS } from '../settings.ts';
import { type PreTradeContext, refuseEntry, type WantedEntry } from './limits.ts';

const T = epochMs(Date.UTC(2025, 5, 19, 12));
const equity = parseCash('10000');
const market = (changes: Partial<MarketState> = {}): MarketState => ({
  lastPrice: priceFromNumber(100),
  lastMinute: T,
  sampledPrice: 100,
  sampledMinute: T,
  returns: new Int16Array(96),
  minuteNotional: 1e7,
  ...changes,
});
const exposureWith = (changes: Partial<Exposure> = {}): Exposure => ({
  gross: 0n,
  long: 0n,
  short: 0n,
  bySymbol: new Map(),
  netBySymbol: new Map(),
  positions: 0,
  ...changes,
});

const refusal = (context: Partial<PreTradeContext> = {}, entry: Partial<WantedEntry> = {}) =>
  refuseEntry(
    { strategy: 'ml', symbol: 'XUSDT', side: 'long', price: parsePrice('100'), ...entry },
    {
      minute: T,
      restriction: undefined,
      equity,
      exposure: exposureWith(),
      markets: new Map([['XUSDT', market()]]),
      sectorOf: () => 1,
      ordersOfMinute: 0,
      ordersOfDay: 0,
      lastEntryAt: () => undefined,
      ...context,
    },
    { ...DEFAULT_RISK_SETTINGS, maxSideExposure: 0.8, maxNetExposure: 0.6 },
  );

describe('an entry before it is placed', () => {
  it('passes where nothing speaks against it', () => {
    expect(refusal()).toBeUndefined();
  });

  it.each([
    ['RISK_HALTED', { restriction: 'RISK_HALTED', equity: -1n }],
    ['RISK_STALE_PRICE', { markets: new Map() }],
    ['RISK_STALE_PRICE', { markets: new Map([['XUSDT', market({ lastMinute: epochMs(T - MINUTE_MS) })]]) }],
    ['RISK_PRICE_COLLAR', { markets: new Map([['XUSDT', market({ lastPrice: parsePrice('106') })]]) }],
    ['RISK_DUPLICATE_ORDER', { lastEntryAt: () => epochMs(T - 4 * MINUTE_MS) }],
    [undefined, { lastEntryAt: () => epochMs(T - 5 * MINUTE_MS) }],
    ['RISK_ORDERS_PER_MINUTE', { ordersOfMinute: 20 }],
    ['RISK_ORDERS_PER_DAY', { ordersOfDay: 500 }],
    ['RISK_MAX_POSITIONS', { exposure: exposureWith({ positions: 18 }) }],
    ['RISK_MAX_POSITION', { exposure: exposureWith({ bySymbol: new Map([['XUSDT', parseCash('1500')]]) }) }],
    ['RISK_MAX_POSITION', { equity: -1n }],
    ['RISK_MAX_CORRELATION', { exposure: exposureWith({ netBySymbol: new Map([['XUSDT', parseCash('5000')]]) }) }],
    ['RISK_MAX_SECTOR_EXPOSURE', { exposure: exposureWith({ bySymbol: new Map([['YUSDT', parseCash('5000')]]) }) }],
    [undefined, { exposure: exposureWith({ bySymbol: new Map([['YUSDT', parseCash('5000')]]) }), sectorOf: () => 0 }],
    ['RISK_MAX_SIDE_EXPOSURE', { exposure: exposureWith({ long: parseCash('8000') }) }],
    [undefined, { exposure: exposureWith({ short: parseCash('8000') }) }],
    ['RISK_MAX_NET_EXPOSURE', { exposure: exposureWith({ long: parseCash('7000'), short: parseCash('1000') }) }],
    ['RISK_MAX_EXPOSURE', { exposure: exposureWith({ gross: parseCash('10000') }) }],
  ] as const)('meets %s', (reason, context) => {
    expect(refusal(context)).toBe(reason);
  });

  it('is held against the last close also where it has a price of its own', () => {
    expect(refusal({}, { price: parsePrice('94.9') })).toBe('RISK_PRICE_COLLAR');
    expect(refusal({}, { price: parsePrice('95.1') })).toBeUndefined();
  });
});
