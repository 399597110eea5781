import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type AccountBench, startAccountBench } from './account-fixture.ts';
import type { Ccxt } from './ccxt-fixture.ts';
import { until } from './simulator-fixture.ts';

const BTC = 'BTC/USDT:USDT';
const ETH = 'ETH/USDT:USDT';

describe('an account of the simulated venue through unmodified ccxt', () => {
  let bench: AccountBench;
  let exchange: Ccxt;
  const lastPrice = async (symbol = BTC) => Number((await exchange.fetchTicker(symbol)).last);

  beforeEach(async () => {
    bench = await startAccountBench();
    exchange = await bench.ccxt();
    await exchange.loadMarkets();
  });
  afterEach(async () => {
    await exchange.close();
    await bench.close();
  });

  it('fills a market order at once at the open of the bar under way', async () => {
    const price = await lastPrice();
    const order = await exchange.createOrder(BTC, 'market', 'buy', 0.5);
    expect(order).toMatchObject({ status: 'closed', filled: 0.5, symbol: BTC, type: 'market', side: 'buy' });
    expect(order.average).toBeGreaterThan(price);
    expect(Number(order.average) / price).toBeLessThan(1.002);
    const found = await exchange.fetchOrder(String(order.id), BTC);
    expect(found).toMatchObject({ status: 'closed', clientOrderId: order.clientOrderId, average: order.average });
    const [trade] = await exchange.fetchMyTrades(BTC);
    expect(trade).toMatchObject({ order: order.id, amount: 0.5, price: order.average, takerOrMaker: 'taker' });
    expect(trade?.fee?.cost).toBeCloseTo(0.5 * Number(order.average) * 0.0005, 6);
    const balance = await exchange.fetchBalance();
    expect(balance.USDT?.total).toBeCloseTo(
      10_000 - Number(trade?.fee?.cost) - 0.5 * (Number(order.average) - price),
      6,
    );
  });

  it('shows positions with their margin', async () => {
    await exchange.createOrder(BTC, 'market', 'buy', 1);
    await exchange.createOrder(ETH, 'market', 'sell', 2);
    const positions = await exchange.fetchPositions();
    expect(positions.map(({ symbol, side, contracts }) => [symbol, side, contracts])).toEqual([
      [BTC, 'long', 1],
      [ETH, 'short', 2],
    ]);
    const [position] = await exchange.fetchPositions([BTC], { useV2: true });
    expect(position).toMatchObject({ leverage: 20, marginMode: 'cross', hedged: false });
    expect(position?.initialMargin).toBeCloseTo((await lastPrice()) / 20, 6);
  });

  it('keeps a limit order until it is cancelled or the price trades through it', async () => {
    const price = await lastPrice();
    const low = await exchange.createOrder(BTC, 'limit', 'buy', 0.1, price * 0.8);
    const near = await exchange.createOrder(BTC, 'limit', 'sell', 0.1, price * 1.0001);
    expect((await exchange.fetchOpenOrders(BTC)).map(({ id }) => id)).toEqual([low.id, near.id]);
    expect(await exchange.cancelOrder(String(low.id), BTC)).toMatchObject({ status: 'canceled' });
    await expect(exchange.cancelOrder(String(low.id), BTC)).rejects.toThrow('-2011');
    for (let i = 0; i < 100 && (await exchange.fetchOpenOrders(BTC)).length > 0; i++) await bench.advance();
    const filled = await exchange.fetchOrder(String(near.id), BTC);
    expect(filled).toMatchObject({ status: 'closed', average: near.price });
    expect((await exchange.fetchMyTrades(BTC))[0]).toMatchObject({ takerOrMaker: 'maker' });
    expect((await exchange.fetchOrders(BTC)).map(({ status }) => status)).toEqual(['canceled', 'closed']);
  });

  it('works on in the following minutes what the first has not the volume for', async () => {
    const order = await exchange.createOrder(BTC, 'market', 'buy', 15);
    expect(order.status).toBe('open');
    await bench.advance(5);
    const trades = await exchange.fetchMyTrades(BTC);
    expect(trades.length).toBeGreaterThan(2);
    const prices = await exchange.fetchOHLCV(BTC, '1m', undefined, 6);
    for (const [i, { price }] of trades.entries()) {
      expect(Number(price) / Number(prices[i]?.[1])).toBeCloseTo(1, 2);
    }
    await bench.advance(12);
    const ended = await exchange.fetchOrder(String(order.id), BTC);
    expect(ended.status === 'closed' || ended.status === 'expired').toBe(true);
  });

  it('takes conditional orders at their own endpoint and triggers them', async () => {
    const price = await lastPrice();
    await exchange.createOrder(BTC, 'market', 'buy', 0.2);
    const params = { triggerPrice: price * 0.999, reduceOnly: true };
    const stop = await exchange.createOrder(BTC, 'market', 'sell', 0.2, undefined, params);
    expect(stop).toMatchObject({
      status: 'open',
      triggerPrice: exchange.parseNumber(exchange.priceToPrecision(BTC, price * 0.999)),
    });
    const far = await exchange.createOrder(BTC, 'market', 'sell', 0.2, undefined, { takeProfitPrice: price * 2 });
    expect(await exchange.fetchOpenOrders(BTC, undefined, undefined, { trigger: true })).toHaveLength(2);
    expect(await exchange.fetchOpenOrders(BTC)).toHaveLength(0);
    for (let i = 0; i < 200 && (await exchange.fetchPositions()).length > 0; i++) await bench.advance();
    expect(await exchange.fetchOrder(String(stop.id), BTC, { trigger: true })).toMatchObject({ status: 'closed' });
    const sold = (await exchange.fetchMyTrades(BTC)).at(-1);
    expect(sold?.price).toBeLessThan(price * 0.999);
    expect(await exchange.fetchOrder(String(sold?.order), BTC)).toMatchObject({ clientOrderId: stop.clientOrderId });
    await exchange.cancelOrder(String(far.id), BTC, { trigger: true });
    const gone = await exchange.fetchOrder(String(far.id), BTC, { trigger: true });
    expect(gone.status).toBe('canceled');
  });

  it('sets leverage, margin and position mode, and trades both legs of hedge mode', async () => {
    await exchange.setLeverage(5, BTC);
    await exchange.setMarginMode('isolated', BTC);
    await expect(exchange.setMarginMode('isolated', BTC)).rejects.toThrow('-4046');
    expect(await exchange.fetchLeverage(BTC)).toMatchObject({ longLeverage: 5, marginMode: 'isolated' });
    await exchange.setPositionMode(true);
    expect(await exchange.fetchPositionMode(BTC)).toMatchObject({ hedged: true });
    await exchange.createOrder(BTC, 'market', 'buy', 0.3, undefined, { hedged: true });
    await exchange.createOrder(BTC, 'market', 'sell', 0.1, undefined, { hedged: true });
    const legs = async () =>
      (await exchange.fetchPositions([BTC])).map(({ side, contracts, marginMode }) => [side, contracts, marginMode]);
    expect((await legs()).filter(([, contracts]) => contracts !== 0)).toEqual([
      ['long', 0.3, 'isolated'],
      ['short', 0.1, 'isolated'],
    ]);
    await exchange.createOrder(BTC, 'market', 'sell', 0.3, undefined, { hedged: true, reduceOnly: true });
    expect((await legs()).filter(([, contracts]) => contracts !== 0)).toEqual([['short', 0.1, 'isolated']]);
    await expect(exchange.setPositionMode(false)).rejects.toThrow('-4068');
  });

  it('reduces and never turns a position with reduce-only orders', async () => {
    await exchange.createOrder(BTC, 'market', 'buy', 0.3);
    const order = await exchange.createOrder(BTC, 'market', 'sell', 1, undefined, { reduceOnly: true });
    expect(order).toMatchObject({ filled: 0.3, status: 'expired' });
    expect(await exchange.fetchPositions()).toEqual([]);
    await expect(exchange.createOrder(BTC, 'market', 'sell', 1, undefined, { reduceOnly: true })).rejects.toThrow(
      '-2022',
    );
  });

  it('places and cancels several at once', async () => {
    const price = await lastPrice();
    const wanted = [0.9, 0.91, 0.92].map((share) => ({
      symbol: BTC,
      type: 'limit' as const,
      side: 'buy' as const,
      amount: 0.1,
      price: price * share,
    }));
    const placed = await exchange.createOrders(wanted);
    expect(placed.map(({ status }) => status)).toEqual(['open', 'open', 'open']);
    await exchange.cancelOrders(
      placed.slice(0, 2).map(({ id }) => String(id)),
      BTC,
    );
    expect(await exchange.fetchOpenOrders(BTC)).toHaveLength(1);
    await exchange.cancelAllOrders(BTC);
    expect(await exchange.fetchOpenOrders(BTC)).toHaveLength(0);
  });

  it('pays funding when it is due, and lists it', async () => {
    await bench.close();
    bench = await startAccountBench({ startAt: (1_740_787_200_000 + 479 * 60_000) as never });
    exchange = await bench.ccxt();
    await exchange.loadMarkets();
    await exchange.createOrder(BTC, 'market', 'buy', 1);
    await bench.advance();
    const [funding] = await exchange.fetchFundingHistory(BTC);
    expect(funding?.amount).toBeCloseTo((await lastPrice()) * -0.0001, 3);
    const fees = await exchange.fetchTradingFee(BTC);
    expect(fees).toMatchObject({ maker: 0.0002, taker: 0.0005 });
  });

  it('streams orders, executions, positions and balances', async () => {
    const seen = { orders: [] as string[], trades: 0, positions: [] as unknown[], balance: 0 };
    let watching = true;
    const loop = (act: () => Promise<void>) =>
      (async () => {
        while (watching) await act();
      })().catch(() => undefined);
    const loops = [
      loop(async () => {
        for (const { status, filled } of await exchange.watchOrders(BTC)) seen.orders.push(`${status} ${filled}`);
      }),
      loop(async () => {
        seen.trades += (await exchange.watchMyTrades(BTC)).length;
      }),
      loop(async () => {
        for (const { side, contracts } of await exchange.watchPositions()) seen.positions.push([side, contracts]);
      }),
      loop(async () => {
        seen.balance = Number((await exchange.watchBalance()).USDT?.total);
      }),
    ];
    await until('the subscription', () => bench.simulator.status().streams === 1);
    const order = await exchange.createOrder(BTC, 'market', 'buy', 0.5);
    await until('the events', () => seen.trades > 0 && seen.orders.includes('closed 0.5') && seen.balance > 0);
    await until('the position', () => seen.positions.length > 0);
    expect(seen.positions).toContainEqual(['long', 0.5]);
    expect(seen.balance).toBeCloseTo(10_000 - 0.0005 * Number(order.cost), 4);
    watching = false;
    await exchange.close();
    await Promise.all(loops);
  });
});
