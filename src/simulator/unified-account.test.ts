import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentLog } from '../core/index.ts';
import {
  type AccountClient,
  createUnifiedAccount,
  type VenueEvent,
  type VenueOrderRequest,
  VenueRefusal,
} from '../trading/index.ts';
import { clientOptions, keyOf, orderOf, thrownBy } from './account-client-fixture.ts';
import { type AccountBench, startAccountBench, TEST_ACCOUNT } from './account-fixture.ts';
import { until } from './simulator-fixture.ts';

/** The simulated venue knows one dialect, so this is that of Binance through ccxt's unified calls. */
describe.each(['hedge', 'one-way'] as const)('an account through unified calls in %s mode', (positionMode) => {
  let bench: AccountBench;
  let client: AccountClient;
  const stamp = (ageMs = 0) => ({
    signedAt: (bench.simulator.status().now - ageMs) as never,
    receiveWindow: 5_000 as never,
  });
  const place = (request: VenueOrderRequest) => client.place(request, stamp());
  const lastPrice = async () => {
    const { body } = await bench.get('/fapi/v1/ticker/price?symbol=BTCUSDT');
    return Number((body as { price: string }).price);
  };
  beforeEach(async () => {
    bench = await startAccountBench({ startAt: (1_740_787_200_000 + 479 * 60_000) as never });
    client = await createUnifiedAccount({
      ...clientOptions(bench),
      exchangeId: 'binanceusdm',
      positionMode,
      log: silentLog,
    });
  });
  afterEach(async () => {
    await client.close();
    await bench.close();
  });

  it('opens, keeps and closes positions, amounts to the last digit', async () => {
    expect(await client.wallet()).toEqual({
      balance: '10000',
      available: '10000',
      isHedgeMode: positionMode === 'hedge',
    });
    const since = stamp().signedAt;
    const opened = await place(orderOf('open', { quantity: '0.123' }));
    expect(opened).toMatchObject({ status: 'FILLED', quantity: '0.123', filledQuantity: '0.123', leg: 'long' });
    expect(await client.positions()).toMatchObject([{ symbol: 'BTCUSDT', leg: 'long', quantity: '0.123' }]);
    expect(await client.find(keyOf(orderOf('open')))).toEqual(opened);
    const { body } = await bench.signed('GET', '/fapi/v1/userTrades', { symbol: 'BTCUSDT' });
    const [trade] = body as unknown as [{ id: number; price: string; commission: string }];
    expect(await client.fillsOf(opened)).toMatchObject([
      { fillId: `BTCUSDT:${trade.id}`, price: trade.price, fee: trade.commission, quantity: '0.123', leg: 'long' },
    ]);
    await bench.advance();
    expect(await client.cashFlowsSince(since)).toMatchObject([{ cause: 'funding', symbol: 'BTCUSDT' }]);
    await place(orderOf('close', { side: 'sell', isClosing: true, quantity: '0.123' }));
    expect(await client.positions()).toEqual([]);
    expect(await client.fillsSince('BTCUSDT', since)).toHaveLength(2);
  });

  it('keeps and cancels limit and conditional orders', async () => {
    await place(orderOf('open'));
    const price = await lastPrice();
    const limit = orderOf('limit', { type: 'limit', limitPrice: (price * 0.97).toFixed(2), postOnly: true });
    const stop = orderOf('stop', {
      type: 'stopMarket',
      side: 'sell',
      isClosing: true,
      triggerPrice: (price * 0.5).toFixed(2),
    });
    await place(limit);
    await place(stop);
    const open = await client.openOrders();
    expect(
      open.map(({ clientOrderId, isConditional, status, leg }) => [clientOrderId, isConditional, status, leg]),
    ).toEqual([
      ['limit', false, 'ACCEPTED', 'long'],
      ['stop', true, 'ACCEPTED', 'long'],
    ]);
    for (const request of [limit, stop]) {
      await client.cancel(keyOf(request), stamp());
      expect(await client.find(keyOf(request))).toMatchObject({ status: 'CANCELLED' });
      expect(await thrownBy(client.cancel(keyOf(request), stamp()))).toMatchObject({ reason: 'ORDER_NOT_FOUND' });
    }
    expect(await client.find({ ...keyOf(stop), clientOrderId: 'never-sent' })).toBeUndefined();
  });

  it('sets margin and leverage of a symbol, what stands already included', async () => {
    await client.prepare('BTCUSDT');
    const { body } = await bench.signed('GET', '/fapi/v1/symbolConfig', { symbol: 'BTCUSDT' });
    expect(body).toMatchObject([{ marginType: 'CROSSED', leverage: 5 }]);
  });

  it('follows a target to the order it becomes', async () => {
    await place(orderOf('open', { quantity: '0.2' }));
    const triggerPrice = ((await lastPrice()) * 1.0005).toFixed(2);
    const target = orderOf('target', {
      type: 'takeProfitMarket',
      side: 'sell',
      isClosing: true,
      quantity: '0.2',
      triggerPrice,
    });
    const placed = await place(target);
    for (let i = 0; i < 300 && (await client.positions()).length > 0; i++) await bench.advance();
    expect(await client.find(keyOf(target))).toMatchObject({ status: 'FILLED', filledQuantity: '0.2' });
    expect(await client.fillsOf(placed)).toMatchObject([{ clientOrderId: 'target', quantity: '0.2' }]);
  });

  it('binds orders to a time, tells no from not knowing, and shows no secret', async () => {
    const errors = [
      await thrownBy(client.place(orderOf('late'), stamp(6_000))),
      await bench.fault({ kind: 'lost-response', count: 1 }).then(() => thrownBy(place(orderOf('lost')))),
      await bench.fault({ kind: 'http-5xx', path: 'order', count: 1 }).then(() => thrownBy(place(orderOf('failed')))),
      await bench
        .fault({ kind: 'reject-orders', code: -2010, count: 1 })
        .then(() => thrownBy(place(orderOf('unclear')))),
    ];
    expect(errors[0]).toBeInstanceOf(VenueRefusal);
    expect(errors[0]).toMatchObject({ reason: 'ORDER_STALE' });
    for (const error of errors.slice(1, 3)) expect(error).toMatchObject({ name: 'UnknownOutcomeError' });
    expect(await client.find(keyOf(orderOf('lost')))).toMatchObject({ status: 'FILLED' });
    expect(await client.find(keyOf(orderOf('late')))).toBeUndefined();
    for (const error of errors) {
      const shown = `${inspect(error, { depth: 8 })} ${String(error)}`;
      expect(shown).not.toContain(TEST_ACCOUNT.key);
      expect(shown).not.toContain(TEST_ACCOUNT.secret);
      expect(shown).not.toContain('signature');
    }
  });

  it('tells orders and executions as they happen, and comes back when it is cut', async () => {
    const events: VenueEvent[] = [];
    await client.watch((event) => events.push(event));
    const order = await place(orderOf('a'));
    await until('the order', () => events.some((event) => event.kind === 'order' && event.order.status === 'FILLED'));
    await until('the execution', () => events.some(({ kind }) => kind === 'fill'));
    const fill = events.find((event) => event.kind === 'fill');
    const [asked] = await client.fillsOf(order);
    expect(fill).toMatchObject({ fill: { fillId: asked?.fillId, price: asked?.price, fee: asked?.fee } });
    await bench.fault({ kind: 'drop-sockets', count: 1 });
    await until('the return', () => events.filter(({ kind }) => kind === 'connected').length === 2);
  });
});
