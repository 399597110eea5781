import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ManualClock, MINUTE_MS, silentLog } from '../core/index.ts';
import { createBinanceUsdmAccount, type VenueEvent, type VenueOrderRequest } from '../trading/index.ts';
import { type ClientBench, clientOptions, keyOf, orderOf, startClientBench } from './account-client-fixture.ts';
import { until } from './simulator-fixture.ts';

const wordOf = (event: VenueEvent): string => {
  if (event.kind === 'order') return `order ${event.order.clientOrderId} ${event.order.status}`;
  return event.kind === 'fill' ? `fill ${event.fill.clientOrderId} ${event.fill.quantity}` : event.kind;
};

describe('the stream of an account client', () => {
  let venue: ClientBench;
  let events: VenueEvent[];
  beforeEach(async () => {
    venue = await startClientBench();
    events = await venue.events();
  });
  afterEach(() => venue.close());

  const place = (request: VenueOrderRequest) => venue.client.place(request, venue.stamp());
  const words = () => events.map(wordOf);
  const fills = () => events.flatMap((event) => (event.kind === 'fill' ? [event.fill] : []));
  const count = (word: string) => words().filter((one) => one === word).length;

  it('tells orders and executions as REST does', async () => {
    expect(words()).toEqual(['connected']);
    const order = await place(orderOf('a'));
    await until('the execution', () => words().includes('order a FILLED'));
    expect(words()).toEqual(['connected', 'order a ACCEPTED', 'fill a 0.5', 'order a FILLED']);
    const last = events.at(-1);
    expect(last).toEqual({ kind: 'order', order });
    expect(fills()).toEqual(await venue.client.fillsOf(order));
  });

  it('follows a stop to the order it becomes', async () => {
    await place(orderOf('a', { quantity: '0.2' }));
    const triggerPrice = ((await venue.lastPrice()) * 0.9995).toFixed(2);
    const stop = orderOf('s', { type: 'stopMarket', side: 'sell', isClosing: true, quantity: '0.2', triggerPrice });
    const placed = await place(stop);
    for (let i = 0; i < 300 && (await venue.client.positions()).length > 0; i++) await venue.bench.advance();
    await until('the end', () => count('order s FILLED') === 2);
    const told = events.flatMap((event) =>
      event.kind === 'order' && event.order.clientOrderId === 's' ? [event] : [],
    );
    expect(told.every(({ order }) => order.isConditional && order.leg === 'long')).toBe(true);
    expect(told[0]).toEqual({ kind: 'order', order: placed });
    expect(words().filter((word) => word.includes(' s '))).toEqual([
      'order s ACCEPTED',
      'order s TRIGGERED',
      'order s TRIGGERED',
      'fill s 0.2',
      'order s FILLED',
      'order s FILLED',
    ]);
    const found = await venue.client.find(keyOf(stop));
    expect(told.at(-1)?.order.venueId).toBe(found?.venueId);
    expect(fills().at(-1)).toEqual((await venue.client.fillsOf(placed))[0]);
  });

  it('tells each execution of an order in several parts under an id of its own', async () => {
    await venue.bench.fault({ kind: 'partial-fills', slices: 4, minutes: 5 });
    const order = await place(orderOf('a'));
    await until('the end', () => words().includes('order a FILLED'));
    expect(fills()).toEqual(await venue.client.fillsOf(order));
    expect(new Set(fills().map(({ fillId }) => fillId)).size).toBe(4);
    expect(count('order a PARTIALLY_FILLED')).toBe(3);
  });

  it('passes on what comes twice or out of order, under the same ids', async () => {
    await venue.bench.fault({ kind: 'duplicate-events', copies: 2, count: 2 });
    await place(orderOf('a'));
    await until('the end', () => words().includes('order a FILLED'));
    expect(count('order a ACCEPTED')).toBe(2);
    await venue.bench.fault({ kind: 'out-of-order-events', count: 1 });
    await place(orderOf('b'));
    await until('the end', () => words().includes('order b FILLED'));
    expect(new Set(fills().map(({ fillId }) => fillId)).size).toBe(2);
  });

  it('comes back when its socket is cut, and says so', async () => {
    await venue.bench.fault({ kind: 'drop-sockets', count: 1 });
    await until('the return', () => count('connected') === 2);
    expect(words()).toEqual(['connected', 'disconnected', 'connected']);
    await place(orderOf('a'));
    await until('the end', () => words().includes('order a FILLED'));
  });

  it('keeps trying while the venue does not answer', async () => {
    const maintenance = await venue.bench.fault({ kind: 'maintenance', path: 'listenKey' });
    await venue.bench.fault({ kind: 'drop-sockets', count: 1 });
    await until('an attempt', () => count('disconnected') >= 2);
    expect(count('connected')).toBe(1);
    await fetch(`${venue.bench.simulator.url}/sim/v1/faults/${maintenance}`, {
      method: 'DELETE',
      headers: { authorization: `Bearer ${venue.bench.simulator.token}` },
    });
    await until('the return', () => count('connected') === 2);
  });

  it('leaves to REST what the stream withheld', async () => {
    await venue.bench.fault({ kind: 'stream-gap', count: 3 });
    const order = await place(orderOf('a'));
    await place(orderOf('b'));
    await until('the later order', () => words().includes('order b FILLED'));
    expect(words().some((word) => word.includes(' a '))).toBe(false);
    expect(await venue.client.fillsOf(order)).toHaveLength(1);
  });

  it('takes a new listen key when the old one has run out', async () => {
    await venue.bench.advance(61);
    await until('the return', () => count('connected') === 2);
    expect(events.find(({ kind }) => kind === 'disconnected')).toMatchObject({
      cause: expect.stringContaining('listen key'),
    });
    await place(orderOf('a'));
    await until('the end', () => words().includes('order a FILLED'));
  });

  it('ends with the client', async () => {
    await venue.client.close();
    await until('the end', () => venue.bench.simulator.status().streams === 0);
    expect(words()).toEqual(['connected']);
  });
});

describe('the listen key of an account client', () => {
  it('is prolonged as venue time goes on', async () => {
    const venue = await startClientBench();
    await venue.client.close();
    const clock = new ManualClock(venue.stamp().signedAt);
    const client = await createBinanceUsdmAccount({ ...clientOptions(venue.bench), clock, log: silentLog });
    const events: VenueEvent[] = [];
    await client.watch((event) => events.push(event));
    const probe = await venue.bench.fault({ kind: 'latency', ms: 0, path: 'listenKey' });
    const hits = async () => ((await venue.bench.get(`/sim/v1/faults/${probe}`)).body as { hits: number }).hits;
    for (let i = 0; i < 8; i++) {
      const before = await hits();
      await venue.bench.advance(21);
      clock.moveTo(venue.stamp().signedAt);
      for (let tries = 0; tries < 500 && (await hits()) === before; tries++);
    }
    expect(venue.stamp().signedAt - clock.now()).toBeLessThan(MINUTE_MS);
    expect(events.map(wordOf)).toEqual(['connected']);
    await client.close();
    await venue.bench.close();
  });
});
