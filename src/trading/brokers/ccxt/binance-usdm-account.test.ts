import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { epochMs, type Log, ManualClock, milliseconds, silentLog } from '../../../core/index.ts';
import type { AccountClient, VenueOrderRequest } from './account-client.ts';
import { type BinanceUsdmAccountOptions, createBinanceUsdmAccount } from './binance-usdm-account.ts';
import { userEvents } from './binance-usdm-stream.ts';
import type { PaidFill } from './binance-usdm-words.ts';

const NOW = epochMs(1_764_000_000_000);
const STAMP = { signedAt: epochMs(NOW - 1_234), receiveWindow: milliseconds(4_321) };
const CONFIG = { canTrade: true, dualSidePosition: true, multiAssetsMargin: false };
const ORDER = {
  orderId: 1,
  clientOrderId: 'a',
  symbol: 'BTCUSDT',
  status: 'NEW',
  side: 'BUY',
  positionSide: 'LONG',
  reduceOnly: false,
  origQty: '0.00100000',
  executedQty: '0.00000000',
  origType: 'LIMIT',
  updateTime: NOW,
};
const ALGO = {
  algoId: 7,
  clientAlgoId: 's',
  symbol: 'BTCUSDT',
  algoStatus: 'NEW',
  side: 'SELL',
  positionSide: 'LONG',
  reduceOnly: false,
  quantity: '0.001',
  actualOrderId: '',
  updateTime: NOW,
};
const TRADE = {
  id: 5,
  orderId: 1,
  symbol: 'BTCUSDT',
  side: 'BUY',
  positionSide: 'LONG',
  price: '90000.10',
  qty: '0.00100000',
  realizedPnl: '0',
  commission: '0.04500005',
  commissionAsset: 'USDT',
  time: NOW,
};
const REQUEST: VenueOrderRequest = {
  clientOrderId: 'a',
  symbol: 'BTCUSDT',
  side: 'buy',
  type: 'market',
  quantity: '0.00100000',
  leg: 'long',
  isClosing: false,
};

/** Answers that no simulated venue gives, and requests to the letter. */
describe('an account client at a venue that answers what it is told to', () => {
  let server: Server;
  let answers: Map<string, { readonly status: number; readonly body: string }>;
  /** In place of an answer: what the fields of a request make of it. */
  let computed: Map<string, (fields: Record<string, string>) => unknown>;
  let requests: { readonly line: string; readonly fields: Record<string, string> }[];
  let clients: AccountClient[];
  const answer = (line: string, body: unknown, status = 200) =>
    answers.set(line, { status, body: typeof body === 'string' ? body : JSON.stringify(body) });

  beforeEach(async () => {
    answers = new Map();
    computed = new Map();
    requests = [];
    clients = [];
    answer('GET /fapi/v1/accountConfig', CONFIG);
    answer('GET /fapi/v1/feeBurn', { feeBurn: false });
    server = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk) => {
        body += String(chunk);
      });
      request.on('end', () => {
        const url = new URL(request.url ?? '', 'http://venue');
        const line = `${request.method} ${url.pathname}`;
        const fields = Object.fromEntries(new URLSearchParams(body || url.search));
        requests.push({ line, fields });
        const compute = computed.get(line);
        const told = compute
          ? { status: 200, body: JSON.stringify(compute(fields)) }
          : (answers.get(line) ?? { status: 400, body: '{"code":-2013,"msg":"Order does not exist."}' });
        response.writeHead(told.status).end(told.body);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  afterEach(async () => {
    for (const client of clients) await client.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  const connect = async (options: Partial<BinanceUsdmAccountOptions> = {}): Promise<AccountClient> => {
    const client = await createBinanceUsdmAccount({
      url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      credentials: { key: 'the-key', secret: 'the-secret' },
      clock: new ManualClock(NOW),
      log: silentLog,
      requestTimeoutMs: 5_000,
      margin: { mode: 'cross', leverage: 5 },
      positionMode: 'hedge',
      quote: 'USDT',
      ...options,
    });
    clients.push(client);
    return client;
  };
  /** The fields of the one request of a kind, signature aside. */
  const sent = (line: string) => {
    const found = requests.filter((request) => request.line === line);
    expect(found).toHaveLength(1);
    const { signature: _, ...fields } = found[0]?.fields ?? {};
    return fields;
  };

  it.each([
    ['ACCOUNT_CANNOT_TRADE', { ...CONFIG, canTrade: false }, false],
    ['ACCOUNT_MULTI_ASSETS', { ...CONFIG, multiAssetsMargin: true }, false],
    ['ACCOUNT_FEE_BURN', CONFIG, true],
  ])('refuses an account: %s', async (code, config, feeBurn) => {
    answer('GET /fapi/v1/accountConfig', config);
    answer('GET /fapi/v1/feeBurn', { feeBurn });
    await expect(connect()).rejects.toMatchObject({ code, exitCode: 3 });
  });

  it('does not take an unclear answer about fees for a no', async () => {
    answer('GET /fapi/v1/feeBurn', '{"code":-1000,"msg":"?"}', 400);
    await expect(connect()).rejects.toMatchObject({ code: 'EXCHANGE_UNAVAILABLE' });
    answer('GET /fapi/v1/feeBurn', '{"code":-5000,"msg":"no such path"}', 404);
    await connect();
  });

  it('tells which requests failed: a definite no is an answer', async () => {
    const failures: boolean[] = [];
    const client = await connect({ outcomes: { record: (isFailure) => failures.push(isFailure) } });
    expect(failures.splice(0)).toEqual([false, false]);
    answer('POST /fapi/v1/order', '{"code":-2019,"msg":"Margin is insufficient."}', 400);
    await expect(client.place(REQUEST, STAMP)).rejects.toMatchObject({ reason: 'ORDER_MARGIN_INSUFFICIENT' });
    expect(failures.splice(0)).toEqual([false]);
    answer('POST /fapi/v1/order', '{"code":-1000,"msg":"?"}', 503);
    await expect(client.place(REQUEST, STAMP)).rejects.toMatchObject({ code: 'EXCHANGE_OUTCOME_UNKNOWN' });
    answer('POST /fapi/v1/order', '{"code":-1015,"msg":"Too many new orders."}', 429);
    await expect(client.place(REQUEST, STAMP)).rejects.toMatchObject({ reason: 'ORDER_RATE_LIMITED' });
    expect(failures).toEqual([true, true]);
  });

  it('sends amounts and the stamp as they were given', async () => {
    answer('POST /fapi/v1/order', ORDER);
    const client = await connect();
    await client.place(REQUEST, STAMP);
    expect(sent('POST /fapi/v1/order')).toEqual({
      symbol: 'BTCUSDT',
      side: 'BUY',
      positionSide: 'LONG',
      type: 'MARKET',
      quantity: '0.00100000',
      newClientOrderId: 'a',
      newOrderRespType: 'RESULT',
      timestamp: String(STAMP.signedAt),
      recvWindow: '4321',
    });
  });

  it('sends post-only and closing limit orders of either mode', async () => {
    answer('POST /fapi/v1/order', ORDER);
    const limit = { ...REQUEST, type: 'limit', limitPrice: '90000.10', postOnly: true, isClosing: true } as const;
    await (await connect()).place(limit, STAMP);
    const hedged = sent('POST /fapi/v1/order');
    expect(hedged).toMatchObject({ type: 'LIMIT', price: '90000.10', timeInForce: 'GTX', positionSide: 'LONG' });
    expect(hedged).not.toHaveProperty('reduceOnly');
    requests = [];
    answer('GET /fapi/v1/accountConfig', { ...CONFIG, dualSidePosition: false });
    await (await connect({ positionMode: 'one-way' })).place({ ...limit, postOnly: false }, STAMP);
    const oneWay = sent('POST /fapi/v1/order');
    expect(oneWay).toMatchObject({ timeInForce: 'GTC', reduceOnly: 'true' });
    expect(oneWay).not.toHaveProperty('positionSide');
  });

  it('sends conditional orders to their own endpoint', async () => {
    answer('POST /fapi/v1/algoOrder', ALGO);
    const stop = { ...REQUEST, clientOrderId: 's', side: 'sell', type: 'stopMarket', isClosing: true } as const;
    const client = await connect();
    expect(await client.place({ ...stop, triggerPrice: '80000.00' }, STAMP)).toMatchObject({ venueId: '7' });
    expect(sent('POST /fapi/v1/algoOrder')).toEqual({
      algoType: 'CONDITIONAL',
      symbol: 'BTCUSDT',
      side: 'SELL',
      positionSide: 'LONG',
      type: 'STOP_MARKET',
      quantity: '0.00100000',
      triggerPrice: '80000.00',
      workingType: 'CONTRACT_PRICE',
      clientAlgoId: 's',
      timestamp: String(STAMP.signedAt),
      recvWindow: '4321',
    });
    answer('DELETE /fapi/v1/algoOrder', { algoId: 7, clientAlgoId: 's', code: '200', msg: 'success' });
    await client.cancel({ clientOrderId: 's', symbol: 'BTCUSDT', isConditional: true }, STAMP);
    expect(sent('DELETE /fapi/v1/algoOrder')).toMatchObject({ clientAlgoId: 's', recvWindow: '4321' });
  });

  it.each([
    ['another order', JSON.stringify({ ...ORDER, clientOrderId: 'b' }), 200],
    ['no order', '{}', 200],
    ['a status nobody knows', JSON.stringify({ ...ORDER, status: 'PONDERING' }), 200],
    ['a page', '<html>busy</html>', 200],
    ['a page with 403', '<html>busy</html>', 403],
    ['nothing with 408', '', 408],
    ['an error with 200', '{"code":-2010,"msg":"?"}', 200],
  ])('does not know what became of an order when it is told of %s', async (_, body, status) => {
    answer('POST /fapi/v1/order', body, status);
    const client = await connect();
    await expect(client.place(REQUEST, STAMP)).rejects.toMatchObject({ name: 'UnknownOutcomeError' });
  });

  it('keeps ids that no number can hold', async () => {
    answer(
      'GET /fapi/v1/openOrders',
      `[${JSON.stringify(ORDER).replace('"orderId":1', '"orderId":9007199254740993')}]`,
    );
    answer('GET /fapi/v1/openAlgoOrders', '[]');
    const [order] = await (await connect()).openOrders();
    expect(order?.venueId).toBe('9007199254740993');
  });

  it('follows a conditional order to one that has a client id of the venue', async () => {
    const client = await connect();
    const key = { clientOrderId: 's', symbol: 'BTCUSDT', isConditional: true };
    answer('GET /fapi/v1/algoOrder', { ...ALGO, algoStatus: 'TRIGGERED', actualOrderId: '12' });
    const made = { ...ORDER, orderId: 12, clientOrderId: 'venues-own', side: 'SELL', origType: 'MARKET' };
    answer('GET /fapi/v1/order', made);
    const expected = { ...key, venueId: '12', status: 'TRIGGERED', quantity: '0.001', leg: 'long' };
    expect(await client.find(key)).toMatchObject(expected);
    expect(requests.at(-1)?.fields).toMatchObject({ orderId: '12', symbol: 'BTCUSDT' });
    answer('GET /fapi/v1/openOrders', [made]);
    answer('GET /fapi/v1/openAlgoOrders', [{ ...ALGO, algoStatus: 'TRIGGERED', actualOrderId: '12' }]);
    expect(await client.openOrders()).toMatchObject([expected]);
    answer('GET /fapi/v1/order', { ...made, status: 'PARTIALLY_FILLED', executedQty: '0.00040000' });
    expect(await client.find(key)).toMatchObject({ status: 'PARTIALLY_FILLED', filledQuantity: '0.00040000' });
  });

  it('says nothing of a conditional order whose end it cannot see', async () => {
    const client = await connect();
    const key = { clientOrderId: 's', symbol: 'BTCUSDT', isConditional: true };
    expect(await client.find(key)).toBeUndefined();
    answer('GET /fapi/v1/algoOrder', { ...ALGO, algoStatus: 'FINISHED' });
    await expect(client.find(key)).rejects.toMatchObject({ code: 'EXCHANGE_ANSWER_INVALID' });
    answer('GET /fapi/v1/algoOrder', { ...ALGO, algoStatus: 'FINISHED', actualOrderId: '12' });
    await expect(client.find(key)).rejects.toMatchObject({ code: 'EXCHANGE_ANSWER_INVALID' });
    answer('GET /fapi/v1/algoOrder', { ...ALGO, algoStatus: 'REJECTED' });
    expect(await client.find(key)).toMatchObject({ status: 'REJECTED', venueId: '7', filledQuantity: '0' });
  });

  it('tells a fee in another asset as 0, and loudly', async () => {
    const errors: object[] = [];
    const log: Log = { ...silentLog, error: (fields) => errors.push(fields) };
    const client = await connect({ log });
    answer('GET /fapi/v1/userTrades', [TRADE, { ...TRADE, id: 6, commission: '0.00012000', commissionAsset: 'BNB' }]);
    const fills = await client.fillsSince('BTCUSDT', epochMs(NOW - 1));
    expect(fills.map(({ fee }) => fee)).toEqual(['0.04500005', '0']);
    expect(errors).toEqual([{ fillId: 'BTCUSDT:6', fee: '0.00012000', feeAsset: 'BNB' }]);
  });

  it('tells funding, transfers and the rest apart', async () => {
    const row = { symbol: '', income: '1.50000000', asset: 'USDT', time: NOW };
    const types = ['TRANSFER', 'FUNDING_FEE', 'COMMISSION', 'REALIZED_PNL', 'INSURANCE_CLEAR', 'COIN_SWAP_DEPOSIT'];
    const rows = types.map((incomeType, tranId) => ({ ...row, incomeType, tranId }));
    answer('GET /fapi/v1/income', [...rows, { ...row, incomeType: 'TRANSFER', asset: 'BNB', tranId: 9 }]);
    const flows = await (await connect()).cashFlowsSince(NOW);
    expect(flows.map(({ flowId, cause, amount }) => [flowId, cause, amount])).toEqual([
      ['TRANSFER:0', 'transfer', '1.50000000'],
      ['FUNDING_FEE:1', 'funding', '1.50000000'],
      ['INSURANCE_CLEAR:4', 'other', '1.50000000'],
      ['COIN_SWAP_DEPOSIT:5', 'transfer', '1.50000000'],
    ]);
  });

  it('reads bookings of one moment that a page cuts through', async () => {
    const rows = Array.from({ length: 2_100 }, (_, tranId) => ({
      symbol: 'BTCUSDT',
      incomeType: 'FUNDING_FEE',
      income: '0.1',
      asset: 'USDT',
      time: NOW + Math.floor(tranId / 300),
      tranId,
    }));
    computed.set('GET /fapi/v1/income', ({ startTime, limit }) =>
      rows.filter(({ time }) => time >= Number(startTime)).slice(0, Number(limit)),
    );
    const client = await connect();
    const flows = await client.cashFlowsSince(NOW);
    expect(flows.map(({ flowId }) => flowId)).toEqual(rows.map(({ tranId }) => `FUNDING_FEE:BTCUSDT:${tranId}`));
    computed.set('GET /fapi/v1/income', () => rows.slice(0, 1_000).map((row) => ({ ...row, time: NOW })));
    await expect(client.cashFlowsSince(NOW)).rejects.toThrow('in one millisecond');
  });

  it('asks for executions week by week, no further back than the venue has them', async () => {
    answer('GET /fapi/v1/userTrades', []);
    const client = await connect();
    await client.fillsSince('BTCUSDT', epochMs(0));
    const asked = requests.filter(({ line }) => line.endsWith('userTrades')).map(({ fields }) => fields);
    expect(asked).toHaveLength(26);
    expect(asked.every(({ startTime, endTime }) => Number(endTime) - Number(startTime) < 7 * 86_400_000)).toBe(true);
    expect(Number(asked.at(-1)?.endTime)).toBeGreaterThanOrEqual(NOW);
  });
});

describe('messages of an account’s stream', () => {
  const fillOf = ({ fill }: PaidFill) => fill;
  const update = {
    s: 'BTCUSDT',
    c: 'venues-own',
    S: 'SELL',
    X: 'FILLED',
    i: 12,
    q: '0.001',
    z: '0.001',
    l: '0.001',
    L: '80000.00',
    n: '0.04',
    N: 'USDT',
    T: NOW,
    t: 99,
    R: false,
    ot: 'MARKET',
    ps: 'LONG',
  };
  const algo = { caid: 's', aid: 7, s: 'BTCUSDT', S: 'SELL', ps: 'LONG', q: '0.001', X: 'TRIGGERED', ai: '12' };

  it('are told under the conditional order’s id once the venue has named the two together', () => {
    const read = userEvents(fillOf);
    const triggered = read({ e: 'ALGO_UPDATE', T: NOW, E: NOW, o: algo });
    expect(triggered).toMatchObject([{ order: { clientOrderId: 's', status: 'TRIGGERED', venueId: '12' } }]);
    expect(read({ e: 'ORDER_TRADE_UPDATE', T: NOW, E: NOW, o: update })).toMatchObject([
      { kind: 'fill', fill: { fillId: 'BTCUSDT:99', clientOrderId: 's', venueId: '12', price: '80000.00' } },
      { kind: 'order', order: { clientOrderId: 's', isConditional: true, status: 'FILLED' } },
    ]);
  });

  it.each([
    ['0.0004', 'PARTIALLY_FILLED'],
    ['0.00100', 'FILLED'],
    [undefined, 'TRIGGERED'],
  ])('say of a finished conditional order that filled %s: %s', (aq, status) => {
    const events = userEvents(fillOf)({ e: 'ALGO_UPDATE', T: NOW, E: NOW, o: { ...algo, X: 'FINISHED', aq } });
    expect(events).toMatchObject([{ order: { status } }]);
  });

  it('are no executions without a quantity or an id', () => {
    const read = (changes: object) =>
      userEvents(fillOf)({ e: 'ORDER_TRADE_UPDATE', T: NOW, E: NOW, o: { ...update, ...changes } });
    expect(read({ l: '0', t: 0, X: 'NEW' })).toMatchObject([{ kind: 'order', order: { status: 'ACCEPTED' } }]);
    expect(read({ t: 0 })).toMatchObject([{ kind: 'order' }]);
    expect(() => read({ X: 'PONDERING' })).toThrow();
  });

  it('of other kinds say nothing of orders', () => {
    const read = userEvents(fillOf);
    expect(read({ e: 'TRADE_LITE', E: NOW, s: 'BTCUSDT' })).toEqual([]);
    expect(read({ result: null, id: 1 })).toEqual([]);
    expect(read({ e: 'listenKeyExpired', E: NOW, listenKey: 'x' })).toBe('expired');
  });
});
