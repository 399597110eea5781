import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type AccountBench, startAccountBench, TEST_ACCOUNT } from './account-fixture.ts';

describe('what the venue asks of a signed request', () => {
  let bench: AccountBench;
  const now = () => bench.simulator.status().now;
  const balance = (parameters = {}, credentials = {}) =>
    bench.signed('GET', '/fapi/v3/balance', parameters, credentials);

  beforeAll(async () => {
    bench = await startAccountBench();
  });
  afterAll(() => bench.close());

  it('takes a right one', async () => {
    expect(await balance()).toMatchObject({ status: 200, body: [{ asset: 'USDT', balance: '10000' }] });
    expect((await balance({ timestamp: now() - 4_000 })).status).toBe(200);
    expect((await balance({ timestamp: now() - 50_000, recvWindow: 60_000 })).status).toBe(200);
  });

  it.each([
    ['a key of no account', {}, { key: 'somebody-else' }, 401, -2015],
    ['no key', {}, { key: '' }, 401, -2014],
    ['another secret', {}, { secret: 'not-the-secret-of-it' }, 400, -1022],
    ['no time', { timestamp: undefined }, {}, 400, -1102],
    ['too wide a window', { recvWindow: 60_001 }, {}, 400, -1131],
  ])('refuses %s', async (_what, parameters, credentials, status, code) => {
    expect(await balance(parameters, credentials)).toMatchObject({ status, body: { code } });
  });

  it('refuses a time outside the window of its own clock, before or ahead', async () => {
    expect((await balance({ timestamp: now() - 5_001 })).body.code).toBe(-1021);
    expect((await balance({ timestamp: now() + 1_000 })).body.code).toBe(-1021);
    const id = await bench.fault({ kind: 'clock-skew', ms: -7_000 });
    expect((await balance()).body.code).toBe(-1021);
    expect((await balance({ timestamp: now() - 7_000 })).status).toBe(200);
    expect(id).toBeDefined();
  });

  it('refuses a request without a signature, or changed after it was signed', async () => {
    const headers = { 'x-mbx-apikey': TEST_ACCOUNT.key };
    const unsigned = await fetch(`${bench.simulator.url}/fapi/v3/balance?timestamp=${now()}`, { headers });
    expect(await unsigned.json()).toMatchObject({ code: -1102 });
  });
});

describe('what the venue asks of an order, in its own codes', () => {
  let bench: AccountBench;
  let price: number;
  const LIMIT = { type: 'LIMIT', timeInForce: 'GTC', quantity: 0.1 };
  const BUY = { symbol: 'BTCUSDT', side: 'BUY' };
  const post = (path: string, fields: Record<string, unknown>) =>
    bench.signed('POST', `/fapi/v1/${path}`, fields as Record<string, string>);
  const at = (share: number) => (price * share).toFixed(2);

  beforeAll(async () => {
    bench = await startAccountBench();
    const { body } = await bench.get('/fapi/v1/ticker/price?symbol=BTCUSDT');
    price = Number((body as { price: string }).price);
  });
  afterAll(() => bench.close());

  it.each([
    [-1102, { quantity: undefined }],
    [-1111, { quantity: 0.00001 }],
    [-4003, { quantity: 0 }],
    [-4164, { quantity: 0.001 }],
    [-1121, { symbol: 'NOSUCH' }],
    [-1117, { side: 'HOLD' }],
    [-1116, { type: 'ICEBERG' }],
    [-4120, { type: 'STOP_MARKET', stopPrice: 1 }],
    [-1106, { timeInForce: 'GTC' }],
    [-1106, { price: 100 }],
    [-2019, { quantity: 5_000 }],
    [-2022, { reduceOnly: true }],
    [-4061, { positionSide: 'LONG' }],
    [-4060, { positionSide: 'UP' }],
    [-4015, { newClientOrderId: 'no blanks' }],
  ])('market order: %i for %j', async (code, fields) => {
    const answer = await post('order', { ...BUY, type: 'MARKET', quantity: 0.1, ...fields });
    expect(answer).toMatchObject({ status: 400, body: { code, msg: expect.any(String) } });
  });

  it.each([
    [-1102, (_: number) => ({ price: undefined })],
    [-1102, (_: number) => ({ timeInForce: undefined })],
    [-1115, (_: number) => ({ timeInForce: 'SOON' })],
    [-1111, (last: number) => ({ price: `${last.toFixed(2)}1` })],
    [-4016, (last: number) => ({ price: (last * 1.06).toFixed(2) })],
    [-4024, (last: number) => ({ side: 'SELL', price: (last * 0.94).toFixed(2) })],
    [-5022, (last: number) => ({ timeInForce: 'GTX', price: (last * 1.01).toFixed(2) })],
    [-5021, (last: number) => ({ timeInForce: 'FOK', price: (last * 0.99).toFixed(2) })],
  ])('limit order: %i', async (code, fields) => {
    const answer = await post('order', { ...BUY, ...LIMIT, price: at(0.9), ...fields(price) });
    expect(answer).toMatchObject({ status: 400, body: { code } });
  });

  it.each([
    [-2021, (last: number) => ({ type: 'STOP_MARKET', triggerPrice: (last * 0.9).toFixed(2) })],
    [-2021, (last: number) => ({ type: 'TAKE_PROFIT_MARKET', triggerPrice: (last * 1.1).toFixed(2) })],
    [-1102, () => ({ type: 'STOP_MARKET' })],
    [-1102, () => ({ type: 'TRAILING_STOP_MARKET' })],
    [-2007, () => ({ type: 'TRAILING_STOP_MARKET', callbackRate: 20 })],
    [-4136, () => ({ type: 'TRAILING_STOP_MARKET', callbackRate: 1, closePosition: true })],
    [-4137, () => ({ type: 'STOP_MARKET', triggerPrice: 1_000, closePosition: true })],
    [-1116, () => ({ type: 'MARKET' })],
  ])('conditional order: %i', async (code, fields) => {
    const answer = await post('algoOrder', { ...BUY, algoType: 'CONDITIONAL', quantity: 0.1, ...fields(price) });
    expect(answer).toMatchObject({ status: 400, body: { code } });
  });

  it('-4116 for a client id among open orders, which is free again when the order has ended', async () => {
    const order = { ...BUY, ...LIMIT, price: at(0.9), newClientOrderId: 'once' };
    expect((await post('order', order)).status).toBe(200);
    expect((await post('order', order)).body.code).toBe(-4116);
    const named = { symbol: 'BTCUSDT', origClientOrderId: 'once' };
    expect((await bench.signed('DELETE', '/fapi/v1/order', named)).body).toMatchObject({ status: 'CANCELED' });
    expect((await bench.signed('DELETE', '/fapi/v1/order', named)).body.code).toBe(-2011);
    expect((await post('order', order)).status).toBe(200);
    expect((await bench.signed('GET', '/fapi/v1/order', named)).body).toMatchObject({ status: 'NEW' });
    await bench.signed('DELETE', '/fapi/v1/allOpenOrders', { symbol: 'BTCUSDT' });
    expect((await bench.signed('GET', '/fapi/v1/openOrder', named)).body.code).toBe(-2013);
    const unknown = { symbol: 'BTCUSDT', orderId: 42 };
    expect((await bench.signed('GET', '/fapi/v1/order', unknown)).body.code).toBe(-2013);
    expect((await bench.signed('DELETE', '/fapi/v1/order', unknown)).body.code).toBe(-2011);
    expect((await bench.signed('GET', '/fapi/v1/order', { symbol: 'BTCUSDT' })).body.code).toBe(-1102);
    expect((await bench.signed('DELETE', '/fapi/v1/algoOrder', { algoId: 42 })).body.code).toBe(-2011);
    expect((await bench.signed('GET', '/fapi/v1/algoOrder', { clientAlgoId: 'x' })).body.code).toBe(-2013);
  });

  it('settings: unchanged, out of range, or not now', async () => {
    const symbol = 'ETHUSDT';
    expect((await post('leverage', { symbol, leverage: 126 })).body.code).toBe(-4028);
    expect((await post('leverage', { symbol, leverage: 3 })).body).toMatchObject({ leverage: 3, symbol });
    expect((await post('marginType', { symbol, marginType: 'CROSSED' })).body.code).toBe(-4046);
    expect((await post('marginType', { symbol, marginType: 'LOOSE' })).body.code).toBe(-4049);
    expect((await post('positionSide/dual', { dualSidePosition: false })).body.code).toBe(-4059);
    await post('order', { ...BUY, ...LIMIT, symbol, price: '80' });
    expect((await post('marginType', { symbol, marginType: 'ISOLATED' })).body.code).toBe(-4047);
    expect((await post('positionSide/dual', { dualSidePosition: true })).body.code).toBe(-4067);
    await bench.signed('DELETE', '/fapi/v1/allOpenOrders', { symbol });
    await post('order', { ...BUY, symbol, type: 'MARKET', quantity: 0.1 });
    expect((await post('marginType', { symbol, marginType: 'ISOLATED' })).body.code).toBe(-4048);
    expect((await post('positionSide/dual', { dualSidePosition: true })).body.code).toBe(-4068);
    await post('order', { ...BUY, symbol, side: 'SELL', type: 'MARKET', quantity: 0.1, reduceOnly: true });
    expect((await post('positionSide/dual', { dualSidePosition: true })).body).toEqual({ code: 200, msg: 'success' });
    const hedged = { ...BUY, type: 'MARKET', quantity: 0.1 };
    expect((await post('order', hedged)).body.code).toBe(-4061);
    expect((await post('order', { ...hedged, positionSide: 'LONG', reduceOnly: true })).body).toMatchObject({
      code: -1106,
      msg: "Parameter 'reduceonly' sent when not required.",
    });
    expect((await post('order', { ...hedged, side: 'SELL', positionSide: 'LONG' })).body.code).toBe(-2022);
    await post('positionSide/dual', { dualSidePosition: false });
  });

  it('acknowledges an order as taken unless the result is asked for', async () => {
    const order = { ...BUY, type: 'MARKET', quantity: 0.1 };
    expect((await post('order', order)).body).toMatchObject({ status: 'NEW', executedQty: '0' });
    const full = await post('order', { ...order, newOrderRespType: 'RESULT' });
    expect(full.body).toMatchObject({ status: 'FILLED', executedQty: '0.1' });
    const { body } = await bench.signed('GET', '/fapi/v2/account');
    expect(body).toMatchObject({ canTrade: true, assets: [{ asset: 'USDT' }] });
    expect(body.positions).toHaveLength(3);
    const risk = (await bench.signed('GET', '/fapi/v3/positionRisk')).body as unknown as unknown[];
    expect(risk).toMatchObject([{ symbol: 'BTCUSDT', positionSide: 'BOTH', positionAmt: '0.2' }]);
    const income = (await bench.signed('GET', '/fapi/v1/income', { incomeType: 'COMMISSION', symbol: 'BTCUSDT' })).body;
    expect(income).toHaveLength(2);
  });

  it('refuses a batch that is no list, and answers each order of one', async () => {
    expect((await post('batchOrders', { batchOrders: 'all' })).body.code).toBe(-1130);
    const order = { ...BUY, ...LIMIT, price: at(0.9), quantity: '0.1' };
    const batchOrders = JSON.stringify([order, { ...order, quantity: '0' }]);
    const { body } = await post('batchOrders', { batchOrders });
    expect(body).toMatchObject([{ status: 'NEW' }, { code: -4003 }]);
  });
});
