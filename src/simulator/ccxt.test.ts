import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MINUTE_MS } from '../core/index.ts';
import { ccxtAt } from './ccxt-fixture.ts';
import { FIXTURE_START, fixtureMarket, minuteOf } from './market-fixture.ts';
import { startBench, type TestBench, until } from './simulator-fixture.ts';

describe('unmodified ccxt at the simulated venue', () => {
  let bench: TestBench;
  let exchange: Awaited<ReturnType<typeof ccxtAt>>;

  beforeAll(async () => {
    bench = await startBench({ market: fixtureMarket({ minutes: 3_000, startAtMinute: 2_500 }) });
    exchange = await ccxtAt(bench.simulator.url);
  });
  afterAll(async () => {
    await exchange.close();
    await bench.close();
  });

  it('loads the markets with their rules', async () => {
    const markets = await exchange.loadMarkets();
    expect(Object.keys(markets)).toEqual(['BTC/USDT:USDT', 'ETH/USDT:USDT', 'SOL/USDT:USDT']);
    const market = markets['BTC/USDT:USDT'];
    expect(market).toMatchObject({ id: 'BTCUSDT', swap: true, linear: true, active: true, settle: 'USDT' });
    expect(market?.precision).toMatchObject({ price: 0.01, amount: 0.001 });
    expect(market?.limits.cost?.min).toBe(5);
  });

  it('reads the venue time', async () => {
    expect(await exchange.fetchTime()).toBe(minuteOf(2_500) + 250);
  });

  it('pages through history from a start time without a hole or a repetition', async () => {
    const openTimes: number[] = [];
    let since: number = FIXTURE_START;
    for (let page = 0; page < 5; page++) {
      const rows = await exchange.fetchOHLCV('BTC/USDT:USDT', '1m', since, 1_000);
      if (rows.length === 0) break;
      openTimes.push(...rows.map((row) => Number(row[0])));
      since = (openTimes.at(-1) ?? 0) + MINUTE_MS;
    }
    // 2,500 closed bars and the one still open.
    expect(openTimes).toEqual(Array.from({ length: 2_501 }, (_, i) => FIXTURE_START + i * MINUTE_MS));
  });

  it('ends with the forming bar, which knows nothing yet but its open', async () => {
    const rows = await exchange.fetchOHLCV('ETH/USDT:USDT', '1m', undefined, 3);
    expect(rows).toHaveLength(3);
    const [openTime, open, high, low, close, volume] = rows[2] ?? [];
    expect(openTime).toBe(minuteOf(2_500));
    expect([high, low, close, volume]).toEqual([open, open, open, 0]);
  });

  it('reads tickers and funding rates', async () => {
    const tickers = await exchange.fetchTickers();
    expect(Object.keys(tickers)).toHaveLength(3);
    const ticker = tickers['SOL/USDT:USDT'];
    const last = await exchange.fetchOHLCV('SOL/USDT:USDT', '1m', undefined, 2);
    expect(ticker?.last).toBe(last[1]?.[4]);
    expect(ticker?.quoteVolume).toBeGreaterThan(0);
    const rates = await exchange.fetchFundingRates();
    expect(Object.keys(rates)).toHaveLength(3);
    const rate = await exchange.fetchFundingRate('BTC/USDT:USDT');
    expect(rate).toMatchObject({ fundingRate: 0.0001, markPrice: expect.any(Number) });
    expect(rate.fundingTimestamp).toBe(FIXTURE_START + 48 * 60 * MINUTE_MS);
    const history = await exchange.fetchFundingRateHistory('BTC/USDT:USDT');
    expect(history).toHaveLength(6);
    const book = await exchange.fetchOrderBook('BTC/USDT:USDT', 5);
    expect(book.bids).toHaveLength(5);
    expect(Number(book.asks[0]?.[0])).toBeGreaterThan(Number(book.bids[0]?.[0]));
  });

  it('watches the closed bars of several symbols, minute by minute', async () => {
    const symbols = ['BTC/USDT:USDT', 'ETH/USDT:USDT', 'SOL/USDT:USDT'];
    let watching = true;
    const watch = (async () => {
      while (watching) await exchange.watchOHLCVForSymbols(symbols.map((symbol) => [symbol, '1m']));
    })().catch(() => undefined);
    // One update answers for whichever symbol came first; what ccxt keeps has them all.
    const seen = (symbol: string): number[] =>
      (exchange.ohlcvs[symbol]?.['1m'] ?? []).map((row: number[]) => row[0] ?? 0);
    await until('the subscription', () => bench.simulator.status().streams === 3);
    const from = bench.simulator.status().minute;
    await bench.advance(5);
    const expected = Array.from({ length: 5 }, (_, i) => from + i * MINUTE_MS);
    await until('all minutes', () => symbols.every((symbol) => seen(symbol).length === 5));
    for (const symbol of symbols) expect(seen(symbol)).toEqual(expected);
    watching = false;
    await exchange.close();
    await watch;
  });

  it('watches mark prices', async () => {
    const waiting = exchange.watchMarkPrices(['BTC/USDT:USDT']);
    await until('the subscription', () => bench.simulator.status().streams === 1);
    await bench.advance(1);
    const update = await waiting;
    expect(update['BTC/USDT:USDT']?.markPrice).toBeGreaterThan(0);
    await exchange.close();
  });
});
