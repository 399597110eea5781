import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MINUTE_MS } from '../core/index.ts';
import { type AccountBench, startAccountBench } from './account-fixture.ts';
import { until } from './simulator-fixture.ts';
import type { Listener } from './websocket-fixture.ts';

const ORDER = { symbol: 'BTCUSDT', side: 'BUY', type: 'MARKET', quantity: 0.1, newOrderRespType: 'RESULT' };

describe('what happens to an account, as its stream tells it', () => {
  let bench: AccountBench;
  let stream: Listener;
  const order = (fields = {}) => bench.signed('POST', '/fapi/v1/order', { ...ORDER, ...fields });
  /** Messages so far, "ORDER_TRADE_UPDATE BUY FILLED". */
  const heard = () =>
    stream.heard.map((message) => {
      const { X, S } = (message.o ?? {}) as { X?: string; S?: string };
      return [message.e, S, X].filter((word) => word !== undefined).join(' ');
    });
  const NEW = 'ORDER_TRADE_UPDATE BUY NEW';
  const FILLED = 'ORDER_TRADE_UPDATE BUY FILLED';

  beforeEach(async () => {
    bench = await startAccountBench();
    stream = await bench.userStream();
    await until('the subscription', () => bench.simulator.status().streams === 1);
  });
  afterEach(async () => {
    stream.close();
    await bench.close();
  });

  it('an order as it is taken, the account it changes, the execution', async () => {
    await order();
    await until('three messages', () => stream.heard.length === 3);
    expect(heard()).toEqual([NEW, 'ACCOUNT_UPDATE', FILLED]);
    const { now } = bench.simulator.status();
    expect(stream.heard[1]).toMatchObject({
      E: now,
      T: now,
      a: { m: 'ORDER', B: [{ a: 'USDT' }], P: [{ s: 'BTCUSDT', pa: '0.1', ps: 'BOTH', mt: 'cross' }] },
    });
    expect(stream.heard[2]).toMatchObject({ o: { x: 'TRADE', l: '0.1', z: '0.1', N: 'USDT', m: false, ot: 'MARKET' } });
  });

  it('a conditional order from its acceptance to its end, before the candle in which it triggered', async () => {
    stream.send({ method: 'SUBSCRIBE', params: ['btcusdt@kline_1m'], id: 1 });
    await order();
    const { body } = await bench.get('/fapi/v1/ticker/price?symbol=BTCUSDT');
    const triggerPrice = (Number((body as { price: string }).price) * 0.9995).toFixed(2);
    const stop = { symbol: 'BTCUSDT', side: 'SELL', type: 'STOP_MARKET', algoType: 'CONDITIONAL', quantity: 0.1 };
    const placed = await bench.signed('POST', '/fapi/v1/algoOrder', { ...stop, triggerPrice, reduceOnly: true });
    expect(placed.body).toMatchObject({ algoStatus: 'NEW', orderType: 'STOP_MARKET' });
    for (let i = 0; i < 100 && !heard().includes('ALGO_UPDATE SELL FINISHED'); i++) {
      await bench.advance();
      await bench.get('/fapi/v1/time');
    }
    const ends = heard().filter((message) => message !== 'kline' && message !== '');
    expect(ends.slice(3)).toEqual([
      'ALGO_UPDATE SELL NEW',
      'ALGO_UPDATE SELL TRIGGERED',
      'ORDER_TRADE_UPDATE SELL NEW',
      'ACCOUNT_UPDATE',
      'ORDER_TRADE_UPDATE SELL FILLED',
      'ALGO_UPDATE SELL FINISHED',
    ]);
    const at = heard().indexOf('ALGO_UPDATE SELL TRIGGERED');
    const minute = Math.floor((Number(stream.heard[at]?.T) - 1) / MINUTE_MS) * MINUTE_MS;
    const candle = () => stream.heard.findIndex(({ k }) => (k as { t?: number } | undefined)?.t === minute);
    await until('the candle of the minute', () => candle() >= 0);
    expect(candle()).toBeGreaterThan(at);
  });

  it('nothing once the listen key has run out, unless it was kept alive', async () => {
    await bench.advance(50);
    expect((await bench.signed('PUT', '/fapi/v1/listenKey')).status).toBe(200);
    await bench.advance(50);
    await order();
    await until('the order', () => stream.heard.length === 3);
    await bench.advance(10);
    await until('the end', () => stream.heard.length === 4);
    expect(stream.heard[3]).toMatchObject({ e: 'listenKeyExpired' });
    expect((await bench.signed('PUT', '/fapi/v1/listenKey')).body.code).toBe(-1125);
    expect((await bench.signed('DELETE', '/fapi/v1/listenKey')).body.code).toBe(-1125);
    const { body } = await bench.signed('POST', '/fapi/v1/listenKey');
    expect(body.listenKey).not.toBe(stream.heard[3]?.listenKey);
  });

  it('changes of leverage', async () => {
    await bench.signed('POST', '/fapi/v1/leverage', { symbol: 'BTCUSDT', leverage: 3 });
    await until('the change', () => stream.heard.length === 1);
    expect(stream.heard[0]).toMatchObject({ e: 'ACCOUNT_CONFIG_UPDATE', ac: { s: 'BTCUSDT', l: 3 } });
  });

  it('lost-response: the order is carried out and its answer never comes', async () => {
    await bench.fault({ kind: 'lost-response', count: 1 });
    await expect(order({ newClientOrderId: 'lost' })).rejects.toThrow();
    const named = { symbol: 'BTCUSDT', origClientOrderId: 'lost' };
    expect((await bench.signed('GET', '/fapi/v1/order', named)).body).toMatchObject({ status: 'FILLED' });
    expect((await order()).status).toBe(200);
  });

  it('reject-orders: no order is taken, everything else works', async () => {
    await bench.fault({ kind: 'reject-orders', minutes: 5, code: -1008, message: 'overloaded' });
    expect(await order()).toMatchObject({ status: 400, body: { code: -1008, msg: 'overloaded' } });
    const open = await bench.signed('GET', '/fapi/v1/openOrders');
    expect(open).toMatchObject({ status: 200, body: [] });
  });

  it('maintenance: nothing private is answered, the market is', async () => {
    await bench.fault({ kind: 'maintenance', minutes: 5 });
    expect(await order()).toMatchObject({ status: 503, body: { code: -1016 } });
    expect((await bench.signed('GET', '/fapi/v3/account')).status).toBe(503);
    expect((await bench.get('/fapi/v1/ping')).status).toBe(200);
  });

  it('http-5xx and timeout strike private requests before they are carried out', async () => {
    await bench.fault({ kind: 'http-5xx', status: 502, path: 'order', count: 1 });
    expect((await order()).status).toBe(502);
    expect((await bench.signed('GET', '/fapi/v1/allOrders', { symbol: 'BTCUSDT' })).body).toEqual([]);
  });

  it('duplicate-events: each event comes several times', async () => {
    await bench.fault({ kind: 'duplicate-events', copies: 2, minutes: 5 });
    await order();
    await until('six messages', () => stream.heard.length === 6);
    expect(heard()).toEqual([NEW, NEW, 'ACCOUNT_UPDATE', 'ACCOUNT_UPDATE', FILLED, FILLED]);
  });

  it('out-of-order-events: an event comes after its successor', async () => {
    await bench.fault({ kind: 'out-of-order-events', count: 1 });
    await order();
    await until('three messages', () => stream.heard.length === 3);
    expect(heard()).toEqual(['ACCOUNT_UPDATE', NEW, FILLED]);
  });

  it('stream-gap: events are not delivered, REST has what they would have said', async () => {
    await bench.fault({ kind: 'stream-gap', minutes: 5 });
    const { body } = await order();
    expect(body).toMatchObject({ status: 'FILLED' });
    await bench.advance(6);
    await order({ side: 'SELL' });
    await until('the later order', () => stream.heard.length === 3);
    expect(heard()[0]).toBe('ORDER_TRADE_UPDATE SELL NEW');
    expect((await bench.signed('GET', '/fapi/v1/userTrades', { symbol: 'BTCUSDT' })).body).toHaveLength(2);
  });

  it('partial-fills: an order fills in several executions', async () => {
    await bench.fault({ kind: 'partial-fills', slices: 4, minutes: 5 });
    await order();
    const { body } = await bench.signed('GET', '/fapi/v1/userTrades', { symbol: 'BTCUSDT' });
    expect(body).toHaveLength(4);
    await until('nine messages', () => stream.heard.length === 9);
    expect(heard().filter((message) => message === 'ORDER_TRADE_UPDATE BUY PARTIALLY_FILLED')).toHaveLength(3);
  });

  it('delist: orders expire and the position is closed at the last price', async () => {
    await order();
    const limit = { type: 'LIMIT', timeInForce: 'GTC', price: '80.00', newClientOrderId: 'resting' };
    await bench.signed('POST', '/fapi/v1/order', { ...ORDER, ...limit });
    await bench.fault({ kind: 'delist', symbols: ['BTCUSDT'], goneAfterMinutes: 30 });
    await bench.advance(2);
    expect((await bench.signed('GET', '/fapi/v3/positionRisk')).body).toEqual([]);
    const resting = { symbol: 'BTCUSDT', origClientOrderId: 'resting' };
    expect((await bench.signed('GET', '/fapi/v1/order', resting)).body).toMatchObject({ status: 'EXPIRED' });
    expect((await order()).body.code).toBe(-4108);
  });

  it('works on by itself with a running clock', async () => {
    await order({ quantity: 15 });
    const { minute } = bench.simulator.status();
    await bench.post('/sim/v1/speed', { speed: 600 });
    await until('three minutes', () => bench.simulator.status().minute >= minute + 3 * MINUTE_MS);
    await bench.post('/sim/v1/speed', { speed: 'max' });
    const { body } = await bench.signed('GET', '/fapi/v1/userTrades', { symbol: 'BTCUSDT' });
    const times = (body as unknown as { time: number }[]).map(({ time }) => time);
    expect(times.length).toBeGreaterThan(2);
    expect(times.slice(1, 3)).toEqual([minute + MINUTE_MS, minute + 2 * MINUTE_MS]);
  });
});
