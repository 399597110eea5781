import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createBinanceUsdmAccount, type VenueOrderRequest, VenueRefusal } from '../trading/index.ts';
import {
  type ClientBench,
  clientOptions,
  keyOf,
  orderOf,
  startClientBench,
  thrownBy,
} from './account-client-fixture.ts';
import { TEST_ACCOUNT } from './account-fixture.ts';

describe('what an account client throws', () => {
  let venue: ClientBench;
  const thrown: unknown[] = [];
  beforeEach(async () => {
    venue = await startClientBench({ positionMode: 'one-way' });
  });
  afterEach(async () => {
    await venue.close();
    const shown = thrown.splice(0).map((error) => `${inspect(error, { depth: 8, showHidden: true })} ${String(error)}`);
    for (const text of [...shown, ...venue.logged]) {
      expect(text).not.toContain(TEST_ACCOUNT.key);
      expect(text).not.toContain(TEST_ACCOUNT.secret);
      expect(text).not.toMatch(/signature|listenKey=|[0-9a-f]{64}/);
    }
  });

  const errorOf = async (action: Promise<unknown>): Promise<unknown> => {
    const error = await thrownBy(action);
    thrown.push(error);
    return error;
  };
  const place = (request: VenueOrderRequest, stamp = venue.stamp()) => venue.client.place(request, stamp);
  const refusalOf = async (request: VenueOrderRequest, stamp = venue.stamp()): Promise<string> => {
    const error = await errorOf(place(request, stamp));
    expect(error).toBeInstanceOf(VenueRefusal);
    return (error as VenueRefusal).reason;
  };
  const ordersAtVenue = async () => {
    const { body } = await venue.bench.signed('GET', '/fapi/v1/allOrders', { symbol: 'BTCUSDT' });
    return body as unknown as { clientOrderId: string }[];
  };
  const unknownOutcome = { name: 'UnknownOutcomeError', code: 'EXCHANGE_OUTCOME_UNKNOWN' };

  it('names each definite no', async () => {
    const price = await venue.lastPrice();
    const below = (price * 0.96).toFixed(2);
    expect(await refusalOf(orderOf('a', { quantity: '5000' }))).toBe('ORDER_MARGIN_INSUFFICIENT');
    expect(await refusalOf(orderOf('b', { side: 'sell', isClosing: true }))).toBe('ORDER_REDUCE_REFUSED');
    const taking = (price * 1.02).toFixed(2);
    expect(await refusalOf(orderOf('c', { type: 'limit', limitPrice: taking, postOnly: true }))).toBe(
      'ORDER_WOULD_TAKE',
    );
    const passed = { type: 'stopMarket', side: 'sell', triggerPrice: taking } as const;
    expect(await refusalOf(orderOf('d', passed))).toBe('ORDER_WOULD_TRIGGER');
    expect(await refusalOf(orderOf('e', { quantity: '0.0000001' }))).toBe('ORDER_REFUSED');
    expect(await refusalOf(orderOf('f', { symbol: 'NONEUSDT' }))).toBe('ORDER_REFUSED');
    await place(orderOf('g', { type: 'limit', limitPrice: below }));
    expect(await refusalOf(orderOf('g', { type: 'limit', limitPrice: below }))).toBe('ORDER_ID_TAKEN');
    expect(await refusalOf(orderOf('h'), venue.stamp(6_000, 5_000))).toBe('ORDER_STALE');
    expect(await refusalOf(orderOf('i'), venue.stamp(-2_000))).toBe('ORDER_STALE');
    expect((await ordersAtVenue()).map(({ clientOrderId }) => clientOrderId)).toEqual(['g']);
  });

  it.each([
    [-2010, 'ORDER_REFUSED'],
    [-2018, 'ORDER_MARGIN_INSUFFICIENT'],
    [-4118, 'ORDER_REDUCE_REFUSED'],
    [-4142, 'ORDER_WOULD_TRIGGER'],
    [-5028, 'ORDER_STALE'],
    [-1008, 'ORDER_RATE_LIMITED'],
    [-1015, 'ORDER_RATE_LIMITED'],
  ])('takes %i of a 400 for a definite no: %s', async (code, reason) => {
    await venue.bench.fault({ kind: 'reject-orders', code, message: 'no' });
    expect(await refusalOf(orderOf('a'))).toBe(reason);
  });

  it('takes a client id for taken where the words say so', async () => {
    await venue.bench.fault({
      kind: 'reject-orders',
      code: -4015,
      message: 'Client order id is duplicated.',
      count: 1,
    });
    expect(await refusalOf(orderOf('a'))).toBe('ORDER_ID_TAKEN');
    expect(await refusalOf(orderOf('a b'))).toBe('ORDER_REFUSED');
  });

  it.each([-1000, -1001, -1006, -1007])('takes %i of a 400 for no answer', async (code) => {
    await venue.bench.fault({ kind: 'reject-orders', code, message: 'who knows' });
    expect(await errorOf(place(orderOf('a')))).toMatchObject(unknownOutcome);
  });

  it('leaves open what became of an order whose answer is lost, and finds it', async () => {
    await venue.bench.fault({ kind: 'lost-response', count: 1 });
    const order = orderOf('lost');
    expect(await errorOf(place(order))).toMatchObject(unknownOutcome);
    expect(await venue.client.find(keyOf(order))).toMatchObject({ status: 'FILLED', filledQuantity: '0.5' });
    expect(await ordersAtVenue()).toHaveLength(1);
  });

  it.each([
    { kind: 'maintenance', minutes: 5 },
    { kind: 'http-5xx', status: 500, minutes: 5 },
    { kind: 'http-5xx', status: 502, minutes: 5 },
    { kind: 'http-5xx', status: 503, minutes: 5 },
  ] as const)('leaves open what became of an order at $kind $status', async (fault) => {
    await venue.bench.fault({ ...fault, path: 'rder' });
    const key = keyOf(orderOf('a'));
    expect(await errorOf(place(orderOf('a')))).toMatchObject(unknownOutcome);
    expect(await errorOf(venue.client.cancel(key, venue.stamp()))).toMatchObject(unknownOutcome);
    const stop = orderOf('s', { type: 'stopMarket', triggerPrice: '1.00' });
    expect(await errorOf(place(stop))).toMatchObject(unknownOutcome);
    expect(await errorOf(venue.client.find(key))).toMatchObject({ code: 'EXCHANGE_UNAVAILABLE' });
    expect(await errorOf(venue.client.find(keyOf(stop)))).toMatchObject({ code: 'EXCHANGE_UNAVAILABLE' });
    expect(await errorOf(venue.client.openOrders())).toMatchObject({ code: 'EXCHANGE_UNAVAILABLE' });
  });

  it('leaves open what became of an order that nobody answers, and sends it once', async () => {
    await venue.client.close();
    const client = await createBinanceUsdmAccount({
      ...clientOptions(venue.bench),
      positionMode: 'one-way',
      requestTimeoutMs: 300,
    });
    const fault = await venue.bench.fault({ kind: 'timeout', path: 'order' });
    const error = await errorOf(client.place(orderOf('a'), venue.stamp()));
    expect(error).toMatchObject({ ...unknownOutcome, message: expect.stringContaining('no answer in 300 ms') });
    const { body } = await venue.bench.get(`/sim/v1/faults/${fault}`);
    expect(body).toMatchObject({ hits: 1 });
    await client.close();
  });

  it('leaves open what became of an order where nobody can be reached', async () => {
    await venue.bench.close();
    expect(await errorOf(place(orderOf('a')))).toMatchObject(unknownOutcome);
    expect(await errorOf(venue.client.cancel(keyOf(orderOf('a')), venue.stamp()))).toMatchObject(unknownOutcome);
    expect(await errorOf(venue.client.find(keyOf(orderOf('a'))))).toMatchObject({ code: 'EXCHANGE_UNREACHABLE' });
  });

  it('asks again where reading fails once, and never sends an order twice', async () => {
    await venue.bench.fault({ kind: 'http-5xx', path: 'positionRisk', count: 1 });
    expect(await venue.client.positions()).toEqual([]);
    await venue.bench.fault({ kind: 'http-5xx', path: 'order', count: 1 });
    expect(await errorOf(place(orderOf('a')))).toMatchObject(unknownOutcome);
    expect(await ordersAtVenue()).toEqual([]);
  });

  it.each(['http-429', 'http-418'] as const)('holds back after %s for as long as the venue asks', async (kind) => {
    const fault = await venue.bench.fault({ kind, retryAfterSeconds: 60, path: 'order' });
    expect(await refusalOf(orderOf('a'))).toBe('ORDER_RATE_LIMITED');
    const hits = async () => ((await venue.bench.get(`/sim/v1/faults/${fault}`)).body as { hits: number }).hits;
    const before = await hits();
    const error = await errorOf(place(orderOf('b')));
    expect(error).toMatchObject({ reason: 'ORDER_RATE_LIMITED', detail: expect.stringContaining('not sent') });
    expect(await errorOf(venue.client.positions())).toMatchObject({ code: 'EXCHANGE_RATE_LIMITED' });
    expect(await hits()).toBe(before);
  });
});
