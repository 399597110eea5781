import { afterEach, describe, expect, it } from 'vitest';
import { createBinanceUsdmAccount, type VenueOrderRequest, VenueRefusal } from '../trading/index.ts';
import {
  type ClientBench,
  clientOptions,
  keyOf,
  orderOf,
  startClientBench,
  thrownBy,
} from './account-client-fixture.ts';
import { type AccountBench, startAccountBench, TEST_ACCOUNT } from './account-fixture.ts';

describe.each(['hedge', 'one-way'] as const)('an account client in %s mode', (positionMode) => {
  let venue: ClientBench;
  const start = async (...[options, simulator]: Parameters<typeof startClientBench>) => {
    venue = await startClientBench({ positionMode, ...options }, simulator);
  };
  const place = (request: VenueOrderRequest) => venue.client.place(request, venue.stamp());
  const closing = (clientOrderId: string, changes: Partial<VenueOrderRequest> = {}) =>
    orderOf(clientOrderId, { side: 'sell', isClosing: true, ...changes });
  afterEach(() => venue.close());

  it('opens and closes a long with market orders, amounts to the last digit', async () => {
    await start();
    const { client } = venue;
    expect(await client.wallet()).toEqual({
      balance: '10000',
      available: '10000',
      isHedgeMode: positionMode === 'hedge',
    });
    const opened = await place(orderOf('open', { quantity: '0.123' }));
    expect(opened).toMatchObject({
      clientOrderId: 'open',
      isConditional: false,
      side: 'buy',
      leg: 'long',
      status: 'FILLED',
      quantity: '0.123',
      filledQuantity: '0.123',
    });
    expect(await client.positions()).toMatchObject([
      { symbol: 'BTCUSDT', leg: 'long', quantity: '0.123', entryPrice: expect.stringMatching(/^\d/) },
    ]);
    const [fill] = await client.fillsOf(opened);
    const { body } = await venue.bench.signed('GET', '/fapi/v1/userTrades', { symbol: 'BTCUSDT' });
    const [trade] = body as unknown as [{ id: number; price: string; qty: string; commission: string }];
    expect(fill).toEqual({
      fillId: `BTCUSDT:${trade.id}`,
      venueId: opened.venueId,
      clientOrderId: 'open',
      symbol: 'BTCUSDT',
      side: 'buy',
      leg: 'long',
      quantity: '0.123',
      price: trade.price,
      fee: trade.commission,
      time: opened.updatedAt,
    });
    expect(await place(closing('close', { quantity: '0.123' }))).toMatchObject({ status: 'FILLED', leg: 'long' });
    expect(await client.positions()).toEqual([]);
    const all = await client.fillsSince('BTCUSDT', opened.updatedAt);
    expect(all.map(({ side, leg }) => [side, leg])).toEqual([
      ['buy', 'long'],
      ['sell', 'long'],
    ]);
  });

  it('opens and closes a short', async () => {
    await start();
    await place(orderOf('open', { side: 'sell', leg: 'short' }));
    expect(await venue.client.positions()).toMatchObject([{ symbol: 'BTCUSDT', leg: 'short', quantity: '0.5' }]);
    const close = orderOf('close', { side: 'buy', leg: 'short', isClosing: true });
    expect(await place(close)).toMatchObject({ status: 'FILLED', leg: 'short' });
    expect(await venue.client.positions()).toEqual([]);
  });

  it('keeps, finds and cancels limit orders', async () => {
    await start();
    const { client } = venue;
    const limitPrice = (await venue.lastPrice()).toFixed(2).replace(/\d\.\d\d$/, '0.00');
    const limit = orderOf('limit', { type: 'limit', quantity: '0.2', limitPrice, postOnly: true });
    const placed = await place(limit);
    expect(placed).toMatchObject({ status: 'ACCEPTED', filledQuantity: '0', isConditional: false });
    expect(await client.openOrders()).toEqual([placed]);
    expect(await client.find(keyOf(limit))).toEqual(placed);
    await client.cancel(keyOf(limit), venue.stamp());
    expect(await client.find(keyOf(limit))).toMatchObject({ status: 'CANCELLED' });
    expect(await client.openOrders()).toEqual([]);
    const again = await thrownBy(client.cancel(keyOf(limit), venue.stamp()));
    expect(again).toMatchObject({ name: 'VenueRefusal', reason: 'ORDER_NOT_FOUND' });
    expect(await client.find({ ...keyOf(limit), clientOrderId: 'never-sent' })).toBeUndefined();
  });

  it.each(['stopMarket', 'takeProfitMarket'] as const)('follows a %s to the order it becomes', async (type) => {
    await start();
    const { client, bench } = venue;
    await place(orderOf('open', { quantity: '0.2' }));
    const isStop = type === 'stopMarket';
    const triggerPrice = ((await venue.lastPrice()) * (isStop ? 0.9995 : 1.0005)).toFixed(2);
    const leg = closing('leg', { type, quantity: '0.2', triggerPrice });
    const placed = await place(leg);
    expect(placed).toMatchObject({ status: 'ACCEPTED', isConditional: true, leg: 'long', filledQuantity: '0' });
    expect(await client.openOrders()).toEqual([placed]);
    expect(await client.find(keyOf(leg))).toEqual(placed);
    expect(await client.fillsOf(placed)).toEqual([]);
    for (let i = 0; i < 300 && (await client.positions()).length > 0; i++) await bench.advance();
    const found = await client.find(keyOf(leg));
    expect(found).toMatchObject({ clientOrderId: 'leg', status: 'FILLED', filledQuantity: '0.2', isConditional: true });
    const [fill] = await client.fillsOf(placed);
    expect(fill).toMatchObject({ venueId: found?.venueId, clientOrderId: 'leg', quantity: '0.2', leg: 'long' });
    expect(await client.openOrders()).toEqual([]);
  });

  it('cancels a conditional order', async () => {
    await start();
    const { client } = venue;
    const stop = closing('stop', { type: 'stopMarket', triggerPrice: ((await venue.lastPrice()) * 0.5).toFixed(2) });
    await place(orderOf('open'));
    await place(stop);
    await client.cancel(keyOf(stop), venue.stamp());
    expect(await client.find(keyOf(stop))).toMatchObject({ status: 'CANCELLED', filledQuantity: '0' });
    const again = await thrownBy(client.cancel(keyOf(stop), venue.stamp()));
    expect(again).toMatchObject({ name: 'VenueRefusal', reason: 'ORDER_NOT_FOUND' });
    expect(await client.find({ ...keyOf(stop), clientOrderId: 'never-sent' })).toBeUndefined();
  });

  it('sets margin and leverage of a symbol, once', async () => {
    await start({ margin: { mode: 'isolated', leverage: 3 } });
    const { client, bench } = venue;
    await Promise.all([client.prepare('BTCUSDT'), client.prepare('BTCUSDT')]);
    const { body } = await bench.signed('GET', '/fapi/v1/symbolConfig', { symbol: 'BTCUSDT' });
    expect(body).toMatchObject([{ marginType: 'ISOLATED', leverage: 3 }]);
    // What is prepared is not asked for again.
    await bench.fault({ kind: 'http-5xx', path: 'symbolConfig', minutes: 5 });
    await client.prepare('BTCUSDT');
  });

  it('says so when the venue does not take a setting', async () => {
    await start({ margin: { mode: 'cross', leverage: 100 } });
    const error = await thrownBy(venue.client.prepare('BTCUSDT'));
    expect(error).toMatchObject({
      reason: 'ORDER_REFUSED',
      detail: expect.stringMatching(/leverage 100 of BTCUSDT: -4028/),
    });
    await expect(venue.client.prepare('BTCUSDT')).rejects.toThrow('-4028');
  });

  it('lists funding, and none of what executions tell', async () => {
    await start({}, { startAt: (1_740_787_200_000 + 479 * 60_000) as never });
    const { client, bench } = venue;
    const since = venue.stamp().signedAt;
    await place(orderOf('open'));
    await bench.advance();
    const { body } = await bench.signed('GET', '/fapi/v1/income', { incomeType: 'FUNDING_FEE' });
    const [row] = body as unknown as [{ tranId: number; income: string; time: number }];
    expect(await client.cashFlowsSince(since)).toEqual([
      {
        flowId: `FUNDING_FEE:BTCUSDT:${row.tranId}`,
        cause: 'funding',
        symbol: 'BTCUSDT',
        amount: row.income,
        time: row.time,
      },
    ]);
    expect(await client.cashFlowsSince((row.time + 1) as never)).toEqual([]);
  });

  it('reads executions and bookings beyond one page', async () => {
    await start({}, { startAt: (1_740_787_200_000 + 470 * 60_000) as never });
    const { client, bench } = venue;
    const since = venue.stamp().signedAt;
    await place(orderOf('held', { quantity: '0.1' }));
    await bench.fault({ kind: 'partial-fills', slices: 100, minutes: 60 });
    for (let i = 0; i < 6; i++) {
      await place(orderOf(`open-${i}`, { quantity: '0.1' }));
      await place(closing(`close-${i}`, { quantity: '0.1' }));
      await bench.advance();
    }
    const fills = await client.fillsSince('BTCUSDT', since);
    expect(fills).toHaveLength(1_201);
    expect(new Set(fills.map(({ fillId }) => fillId)).size).toBe(1_201);
    expect(await client.cashFlowsSince(since)).toEqual([]);
    await bench.advance(5);
    expect((await client.cashFlowsSince(since)).map(({ cause }) => cause)).toEqual(['funding']);
  });
});

describe('what an account must be', () => {
  let bench: AccountBench;
  afterEach(() => bench.close());
  const modeOf = async () => (await bench.signed('GET', '/fapi/v1/positionSide/dual')).body.dualSidePosition;

  it('is switched to the position mode asked for', async () => {
    bench = await startAccountBench();
    const client = await createBinanceUsdmAccount(clientOptions(bench));
    expect(await modeOf()).toBe(true);
    await client.close();
    const other = await createBinanceUsdmAccount({ ...clientOptions(bench), positionMode: 'one-way' });
    expect(await modeOf()).toBe(false);
    await other.close();
  });

  it('is not switched while it holds positions or orders', async () => {
    bench = await startAccountBench();
    const order = { symbol: 'BTCUSDT', side: 'BUY', type: 'MARKET', quantity: 1 };
    await bench.signed('POST', '/fapi/v1/order', order);
    await expect(createBinanceUsdmAccount(clientOptions(bench))).rejects.toMatchObject({
      code: 'ACCOUNT_POSITION_MODE',
      message: expect.stringMatching(/is in one-way mode and has positions, so it cannot be switched to hedge mode/),
      exitCode: 3,
    });
    expect(await modeOf()).toBe(false);
    await bench.signed('POST', '/fapi/v1/order', { ...order, side: 'SELL' });
    const resting = { ...order, type: 'LIMIT', price: '50.00', timeInForce: 'GTC' };
    await bench.signed('POST', '/fapi/v1/order', resting);
    await expect(createBinanceUsdmAccount(clientOptions(bench))).rejects.toThrow('has open orders');
  });

  it('has a key that the venue knows, and the key is not shown', async () => {
    bench = await startAccountBench();
    const credentials = { key: 'nobody-knows-this-key', secret: TEST_ACCOUNT.secret };
    const error = await thrownBy(createBinanceUsdmAccount({ ...clientOptions(bench), credentials }));
    expect(error).toMatchObject({ code: 'ACCOUNT_KEY_REFUSED', message: expect.stringContaining('-2015') });
    expect(String(error)).not.toContain('nobody-knows');
    expect(error).not.toBeInstanceOf(VenueRefusal);
  });

  it('answers in time', async () => {
    bench = await startAccountBench();
    await bench.fault({ kind: 'maintenance', minutes: 5 });
    await expect(createBinanceUsdmAccount(clientOptions(bench))).rejects.toMatchObject({
      code: 'EXCHANGE_UNAVAILABLE',
    });
  });
});
