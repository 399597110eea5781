import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { epochMs, ManualClock, milliseconds, silentLog } from '../../../core/index.ts';
import type { AccountClient, VenueOrderRequest } from './account-client.ts';
import { createUnifiedAccount } from './unified-account.ts';

const NOW = epochMs(1_764_000_000_000);
const STAMP = { signedAt: epochMs(NOW - 1_234), receiveWindow: milliseconds(4_321) };
const INSTRUMENT = {
  symbol: 'BTCUSDT',
  contractType: 'LinearPerpetual',
  status: 'Trading',
  baseCoin: 'BTC',
  quoteCoin: 'USDT',
  settleCoin: 'USDT',
  launchTime: '1584230400000',
  deliveryTime: '0',
  deliveryFeeRate: '',
  priceScale: '2',
  leverageFilter: { minLeverage: '1', maxLeverage: '100', leverageStep: '0.01' },
  priceFilter: { minPrice: '0.10', maxPrice: '1999999.80', tickSize: '0.10' },
  lotSizeFilter: { maxOrderQty: '1190', minOrderQty: '0.001', qtyStep: '0.001', minNotionalValue: '5' },
  unifiedMarginTrade: true,
};
const ORDER = {
  symbol: 'BTCUSDT',
  orderId: 'an-id',
  orderLinkId: 'a-1',
  side: 'Buy',
  orderType: 'Market',
  orderStatus: 'Filled',
  positionIdx: 1,
  qty: '0.010',
  cumExecQty: '0.010',
  price: '0',
  avgPrice: '90000.1',
  reduceOnly: false,
  triggerPrice: '',
  createdTime: String(NOW),
  updatedTime: String(NOW),
};
const REQUEST: VenueOrderRequest = {
  clientOrderId: 'a-1',
  symbol: 'BTCUSDT',
  side: 'buy',
  type: 'market',
  quantity: '0.010',
  leg: 'long',
  isClosing: false,
};

interface Heard {
  readonly line: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Record<string, unknown>;
  readonly query: Record<string, string>;
}

/** There is no simulated Bybit: what is sent is held to its documents, and its documented answers are read. */
describe('an account at Bybit through unified calls', () => {
  let server: Server;
  let heard: Heard[];
  let answers: Map<string, unknown>;
  let client: AccountClient;
  const result = (line: string, value: unknown) => answers.set(line, { retCode: 0, retMsg: 'OK', result: value });

  beforeEach(async () => {
    heard = [];
    answers = new Map();
    result('GET /v5/market/instruments-info', { category: 'linear', list: [INSTRUMENT], nextPageCursor: '' });
    result('GET /v5/user/query-api', { unified: 0, uta: 1 });
    result('POST /v5/position/switch-mode', {});
    server = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk) => {
        body += String(chunk);
      });
      request.on('end', () => {
        const url = new URL(request.url ?? '', 'http://venue');
        const line = `${request.method} ${url.pathname}`;
        const query = Object.fromEntries(url.searchParams);
        heard.push({ line, headers: request.headers, body: body ? JSON.parse(body) : {}, query });
        response.end(JSON.stringify(answers.get(line) ?? { retCode: 0, retMsg: 'OK', result: { list: [] } }));
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    client = await createUnifiedAccount({
      exchangeId: 'bybit',
      url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      credentials: { key: 'the-key', secret: 'the-secret' },
      clock: new ManualClock(NOW),
      log: silentLog,
      requestTimeoutMs: 5_000,
      margin: { mode: 'cross', leverage: 5 },
      positionMode: 'hedge',
      quote: 'USDT',
    });
  });
  afterEach(async () => {
    await client.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const sent = (line: string): Heard => {
    const [one, ...others] = heard.filter((request) => request.line === line);
    if (!one || others.length > 0) throw new Error(`${line}: ${heard.map((request) => request.line).join(', ')}`);
    return one;
  };

  it('sets the position mode', () => {
    expect(sent('POST /v5/position/switch-mode').body).toMatchObject({ category: 'linear', coin: 'USDT', mode: 3 });
  });

  it('binds an order to its time and names leg and client id', async () => {
    result('POST /v5/order/create', { orderId: 'an-id', orderLinkId: 'a-1' });
    expect(await client.place(REQUEST, STAMP)).toMatchObject({ venueId: 'an-id', status: 'ACCEPTED', leg: 'long' });
    const { headers, body } = sent('POST /v5/order/create');
    expect(headers['x-bapi-timestamp']).toBe(String(STAMP.signedAt));
    expect(headers['x-bapi-recv-window']).toBe('4321');
    expect(body).toMatchObject({
      category: 'linear',
      symbol: 'BTCUSDT',
      side: 'Buy',
      orderType: 'Market',
      orderLinkId: 'a-1',
      positionIdx: 1,
    });
    expect(Number(body.qty)).toBe(0.01);
    expect(body).not.toHaveProperty('reduceOnly', true);
  });

  it.each([
    ['stopMarket', 2],
    ['takeProfitMarket', 1],
  ] as const)('sends a %s of a long that triggers in the right direction', async (type, triggerDirection) => {
    result('POST /v5/order/create', { orderId: 'an-id', orderLinkId: 'a-1' });
    await client.place({ ...REQUEST, side: 'sell', type, isClosing: true, triggerPrice: '80000.00' }, STAMP);
    const { body } = sent('POST /v5/order/create');
    expect(body).toMatchObject({ side: 'Sell', positionIdx: 1, triggerDirection });
    expect(Number(body.triggerPrice)).toBe(80_000);
  });

  it('finds orders that are open and that have ended by their client id', async () => {
    const key = { clientOrderId: 'a-1', symbol: 'BTCUSDT', isConditional: false };
    expect(await client.find(key)).toBeUndefined();
    expect(sent('GET /v5/order/realtime').query).toMatchObject({ orderLinkId: 'a-1', category: 'linear' });
    result('GET /v5/order/history', { list: [ORDER], nextPageCursor: '' });
    expect(await client.find(key)).toMatchObject({ status: 'FILLED', filledQuantity: '0.010', leg: 'long' });
    result('GET /v5/order/realtime', { list: [{ ...ORDER, orderStatus: 'New', cumExecQty: '0' }], nextPageCursor: '' });
    expect(await client.find(key)).toMatchObject({ status: 'ACCEPTED', venueId: 'an-id' });
    result('POST /v5/order/cancel', { orderId: 'an-id', orderLinkId: 'a-1' });
    await client.cancel(key, STAMP);
    expect(sent('POST /v5/order/cancel').body).toEqual({ category: 'linear', symbol: 'BTCUSDT', orderLinkId: 'a-1' });
  });

  it.each([
    [110007, 'ORDER_MARGIN_INSUFFICIENT'],
    [110001, 'ORDER_NOT_FOUND'],
    [10002, 'ORDER_STALE'],
    [10006, 'ORDER_RATE_LIMITED'],
    [110017, 'ORDER_REFUSED'],
  ])('takes %i for a definite no: %s', async (retCode, reason) => {
    answers.set('POST /v5/order/create', { retCode, retMsg: 'no', result: {} });
    await expect(client.place(REQUEST, STAMP)).rejects.toMatchObject({ name: 'VenueRefusal', reason });
  });

  it('does not take a client id that is there already for a refusal', async () => {
    answers.set('POST /v5/order/create', { retCode: 110072, retMsg: 'OrderLinkedID is duplicate', result: {} });
    await expect(client.place(REQUEST, STAMP)).rejects.toMatchObject({ reason: 'ORDER_ID_TAKEN' });
  });

  it.each([10016, 10000, 999_999])('does not take %i for one', async (retCode) => {
    answers.set('POST /v5/order/create', { retCode, retMsg: 'System error', result: {} });
    await expect(client.place(REQUEST, STAMP)).rejects.toMatchObject({ name: 'UnknownOutcomeError' });
  });

  it('reads executions, positions and the wallet exactly', async () => {
    const execution = {
      symbol: 'BTCUSDT',
      execId: 'e-1',
      orderId: 'an-id',
      orderLinkId: 'a-1',
      side: 'Sell',
      execQty: '0.010',
      execPrice: '90000.10',
      execFee: '0.49500055',
      feeCurrency: '',
      closedSize: '0.010',
      execTime: String(NOW),
      execType: 'Trade',
      isMaker: false,
    };
    const funding = { ...execution, execId: 'e-2', execType: 'Funding' };
    result('GET /v5/execution/list', { list: [execution, funding], nextPageCursor: '' });
    expect(await client.fillsSince('BTCUSDT', NOW)).toEqual([
      {
        fillId: 'BTCUSDT:e-1',
        venueId: 'an-id',
        symbol: 'BTCUSDT',
        side: 'sell',
        leg: 'long',
        quantity: '0.010',
        price: '90000.10',
        fee: '0.49500055',
        time: NOW,
      },
    ]);
    const position = { symbol: 'BTCUSDT', side: 'Sell', size: '0.020', positionIdx: 2, avgPrice: '1', leverage: '5' };
    result('GET /v5/position/list', { list: [position, { ...position, size: '0' }], nextPageCursor: '' });
    expect(await client.positions()).toEqual([{ symbol: 'BTCUSDT', leg: 'short', quantity: '0.02', entryPrice: '1' }]);
    const coin = [{ coin: 'USDT', walletBalance: '1234.56780000', equity: '1300', locked: '0' }];
    result('GET /v5/account/wallet-balance', {
      list: [{ accountType: 'UNIFIED', totalAvailableBalance: '1000.1', coin }],
    });
    expect(await client.wallet()).toMatchObject({ balance: '1234.56780000', available: '1000.1' });
  });
});
