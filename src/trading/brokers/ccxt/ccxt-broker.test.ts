import { beforeEach, describe, expect, it } from 'vitest';
import {
  type BrokerEvent,
  epochMs,
  type Instrument,
  MINUTE_MS,
  MinutehandError,
  milliseconds,
  noMetrics,
  type Order,
  type OrderIntent,
  silentLog,
  UNTIL_CANCELLED,
} from '../../../core/index.ts';
import { parsePrice } from '../../../matching/index.ts';
import { CcxtBroker } from './ccxt-broker.ts';
import {
  CALM,
  type RequestFate,
  type VirtualClient,
  VirtualTime,
  VirtualVenue,
  type VirtualVenueFates,
} from './virtual-venue-fixture.ts';

const START = epochMs(Date.UTC(2025, 5, 19, 1));
const INSTRUMENT: Instrument = {
  venue: 'binanceusdm',
  symbol: 'BTCUSDT',
  base: 'BTC',
  quote: 'USDT',
  tickSize: '0.1',
  stepSize: '0.001',
  minQuantity: '0.001',
  minNotional: '5',
  status: 'trading',
};

const entry = (id: string, changes: Partial<OrderIntent> = {}): OrderIntent => ({
  clientOrderId: id,
  book: 'main',
  strategy: 'ml',
  symbol: 'BTCUSDT',
  side: 'buy',
  purpose: 'entry',
  type: 'market',
  quantity: '0.01',
  reduceOnly: false,
  decidedAt: START,
  validUntil: epochMs(START + 15 * MINUTE_MS),
  referencePrice: '100000',
  ...changes,
});

const stop = (id: string, changes: Partial<OrderIntent> = {}): OrderIntent =>
  entry(id, {
    side: 'sell',
    purpose: 'stop',
    type: 'stopMarket',
    triggerPrice: '99000',
    reduceOnly: true,
    validUntil: UNTIL_CANCELLED,
    ...changes,
  });

const submitted = (intent: OrderIntent): Order => ({ ...intent, status: 'SUBMITTING', filledQuantity: '0' });

let time: VirtualTime;
let venue: VirtualVenue;
let fates: Partial<VirtualVenueFates>;
let owner: number;

beforeEach(() => {
  time = new VirtualTime(START);
  fates = {};
  owner = 0;
  venue = new VirtualVenue({
    time,
    instruments: new Map([['BTCUSDT', INSTRUMENT]]),
    isHedgeMode: true,
    balance: '10000',
    fates: () => ({ ...CALM, ...fates }),
  });
  venue.exchange.openMinute('BTCUSDT', { price: parsePrice('100000'), volume: 1_000 }, START);
});

const later = (ms: number) => time.moveTo(epochMs(time.now() + ms));

/** Waits for work while virtual time goes on. */
async function during<Result>(work: Promise<Result>, most = 60_000): Promise<Result> {
  let isDone = false;
  const watched = work.finally(() => {
    isDone = true;
  });
  watched.catch(() => undefined);
  for (let waited = 0; !isDone && waited < most; waited += 10) await later(10);
  return watched;
}

interface Start {
  readonly client?: VirtualClient;
  readonly bookedFills?: ReadonlyMap<string, readonly string[]>;
}

async function startBroker(
  openOrders: readonly Order[] = [],
  { client = venue.connect(), bookedFills = new Map() }: Start = {},
): Promise<{ broker: CcxtBroker; client: VirtualClient }> {
  const epoch = ++owner;
  const broker = new CcxtBroker({
    book: 'main',
    client,
    fence: {
      stamp: async () => {
        const signedAt = time.now();
        await time.sleep(1);
        if (owner !== epoch) throw new MinutehandError('LEASE_LOST', 'another process owns the book', 'Stop.');
        return { signedAt, receiveWindow: milliseconds(2_000) };
      },
    },
    clock: time,
    log: silentLog,
    metrics: noMetrics,
    asksBeforeMinute: false,
    wait: (ms, signal) => time.sleep(ms, signal),
  });
  await broker.restore({ openOrders, bookedFills, positions: [], cash: '10000', lastCashFlowAt: START });
  await during(broker.start());
  return { broker, client };
}

const told = (events: readonly BrokerEvent[]): string[] =>
  events.map((event) => {
    if (event.kind === 'status')
      return `${event.clientOrderId} ${event.status}${event.reason ? ` ${event.reason}` : ''}`;
    if (event.kind === 'fill') return `${event.clientOrderId} fill ${event.quantity}`;
    return event.kind === 'cash' ? `${event.cause} ${event.amount}` : `${event.reason} ${event.side} ${event.quantity}`;
  });

const only = (what: 'place' | 'cancel' | 'read', kind: RequestFate['kind'], times = Number.POSITIVE_INFINITY) => {
  let left = times;
  return (asked: 'place' | 'cancel' | 'read'): RequestFate => ({
    kind: asked === what && left-- > 0 ? kind : 'ok',
    outMs: 5,
    backMs: 5,
  });
};

describe('an order at a venue', () => {
  it('is accepted and filled, each told once, whether the answer or the stream comes first', async () => {
    for (const delayMs of [0, 50]) {
      fates.event = () => ({ copies: 2, delayMs });
      const { broker } = await startBroker();
      const id = `order-${delayMs}`;
      await during(broker.submit([entry(id)]));
      await later(2_000);
      expect(told(broker.take())).toEqual([`${id} ACCEPTED`, `${id} fill 0.01`]);
      await broker.close();
    }
  });

  it('is asked for when the answer is lost, and never sent again', async () => {
    const { broker } = await startBroker();
    fates = { request: only('place', 'lost-response'), event: () => ({ copies: 0, delayMs: 0 }) };
    await during(broker.submit([entry('a')]));
    expect(told(broker.take())).toEqual(['a UNKNOWN ORDER_UNCONFIRMED']);
    await during(broker.submit([entry('a')]));
    await later(5_000);
    expect(told(broker.take())).toEqual(['a ACCEPTED', 'a fill 0.01']);
    expect(venue.accepted.get('a')).toBe(1);
  });

  it('counts as never received only once the venue could not accept it any more', async () => {
    const { broker } = await startBroker();
    fates = { request: only('place', 'lost-request') };
    await during(broker.submit([entry('a')]));
    const sentAt = time.now();
    expect(told(broker.take())).toEqual(['a UNKNOWN ORDER_UNCONFIRMED']);
    await time.moveTo(epochMs(sentAt + 4_000));
    expect(broker.take()).toEqual([]);
    await later(4_000);
    expect(told(broker.take())).toEqual(['a REJECTED ORDER_NOT_RECEIVED']);
  });

  it('is rejected by a definite no, with its reason', async () => {
    const { broker } = await startBroker();
    await during(broker.submit([entry('a', { quantity: '100' }), stop('b', { triggerPrice: '100500' })]));
    expect(told(broker.take()).sort()).toEqual([
      'a REJECTED ORDER_MARGIN_INSUFFICIENT',
      'b REJECTED ORDER_WOULD_TRIGGER',
    ]);
  });

  it('that waits for its turn is not taken for one that never arrived', async () => {
    const { broker } = await startBroker();
    fates.request = (what) => ({ kind: 'ok', outMs: what === 'place' ? 1_000 : 5, backMs: 5 });
    const ids = Array.from({ length: 12 }, (_, index) => `order-${index}`);
    const sending = broker.submit(ids.map((id) => entry(id, { quantity: '0.001' })));
    await later(100);
    await during(broker.poll());
    await during(sending);
    await later(2_000);
    const events = told(broker.take());
    expect(events.filter((line) => line.includes('REJECTED'))).toEqual([]);
    expect(events.filter((line) => line.endsWith('fill 0.001'))).toHaveLength(12);
  });

  it('is asked for anew where a look at the open orders is under way', async () => {
    const { broker } = await startBroker();
    await during(broker.submit([entry('a', { type: 'limit', limitPrice: '90000' })]));
    broker.take();
    fates = {
      event: () => ({ copies: 0, delayMs: 0 }),
      request: (what) => ({ kind: 'ok', outMs: 5, backMs: what === 'read' ? 1_000 : 5 }),
    };
    const first = broker.poll();
    await later(100);
    venue.cancel({ clientOrderId: 'a', symbol: 'BTCUSDT', isConditional: false });
    await during(Promise.all([first, broker.poll()]));
    expect(told(broker.take())).toEqual(['a CANCELLED']);
  });

  it('that could not be asked for fails the look at the open orders: nobody may take the account for known', async () => {
    const { broker } = await startBroker();
    await during(broker.submit([entry('a', { type: 'limit', limitPrice: '90000' })]));
    broker.take();
    let reads = 0;
    fates = {
      event: () => ({ copies: 0, delayMs: 0 }),
      // The list of the open orders arrives, the answer about the one that is missing there does not.
      request: (what) => ({ kind: what === 'read' && ++reads === 2 ? 'lost-response' : 'ok', outMs: 5, backMs: 5 }),
    };
    venue.cancel({ clientOrderId: 'a', symbol: 'BTCUSDT', isConditional: false });
    await expect(during(broker.poll())).rejects.toThrow();
    expect(told(broker.take())).toEqual([]);
    await during(broker.poll());
    expect(told(broker.take())).toEqual(['a CANCELLED']);
  });

  it('is asked to end again where the first request at the end of its validity is lost', async () => {
    const { broker } = await startBroker();
    const validUntil = epochMs(START + MINUTE_MS);
    await during(broker.submit([entry('a', { type: 'limit', limitPrice: '90000', validUntil })]));
    fates = { request: only('cancel', 'lost-request', 1) };
    await during(broker.events(validUntil));
    await during(broker.settled());
    await during(broker.events(epochMs(validUntil + MINUTE_MS)));
    await during(broker.settled());
    expect(told(broker.take())).toEqual(['a EXPIRED ORDER_NO_LIQUIDITY']);
  });

  it('is not sent as an entry when its decision is half a minute old; what closes is', async () => {
    const { broker } = await startBroker();
    await later(31_000);
    await during(broker.submit([entry('a'), stop('s')]));
    expect(told(broker.take())).toContain('a EXPIRED ORDER_EXPIRED');
    expect([...venue.accepted.keys()]).toEqual(['s']);
  });

  it('is not sent as an entry where preparing its symbol took until its decision was half a minute old', async () => {
    const { broker, client } = await startBroker();
    client.prepare = () => time.sleep(milliseconds(31_000));
    await during(broker.submit([entry('a')]));
    expect(told(broker.take())).toEqual(['a EXPIRED ORDER_EXPIRED']);
    expect(venue.accepted.size).toBe(0);
  });

  it('ends where the venue has filled it in full after cutting it to the position', async () => {
    const { broker, client } = await startBroker();
    await during(broker.submit([entry('a')]));
    await later(2_000);
    broker.take();
    await during(broker.submit([stop('s', { quantity: '0.01' })]));
    const order = await during(client.find({ clientOrderId: 's', symbol: 'BTCUSDT', isConditional: true }));
    if (order === undefined) throw new Error('there is no stop');
    const { venueId, side, leg, symbol } = order;
    const fill = { fillId: 'f', venueId, clientOrderId: 's', symbol, side, leg, quantity: '0.006', price: '99000' };
    client.hear({ kind: 'fill', fill: { ...fill, fee: '0.3', time: time.now() } });
    client.hear({ kind: 'order', order: { ...order, status: 'FILLED', filledQuantity: '0.006' } });
    await during(broker.settled());
    expect(told(broker.take())).toEqual(['s ACCEPTED', 's fill 0.006', 's CANCELLED ORDER_POSITION_CLOSED']);
  });

  it('is not sent once its validity is over', async () => {
    const { broker } = await startBroker();
    await during(broker.submit([entry('a', { validUntil: START })]));
    expect(told(broker.take())).toEqual(['a EXPIRED ORDER_EXPIRED']);
    expect(venue.accepted.size).toBe(0);
  });

  it('whose executions the stream leaves out is asked for them', async () => {
    const { broker } = await startBroker();
    fates.event = () => ({ copies: 0, delayMs: 0 });
    await during(broker.submit([entry('a')]));
    await during(broker.settled());
    expect(told(broker.take())).toEqual(['a ACCEPTED', 'a fill 0.01']);
  });

  it('is cancelled, also when it was in doubt as its end was asked for', async () => {
    const { broker } = await startBroker();
    await during(broker.submit([entry('e'), stop('a')]));
    await later(500);
    broker.take();
    await during(broker.cancel(['a', 'nobody']));
    await during(broker.cancel(['a']));
    expect(told(broker.take())).toEqual(['a CANCELLED']);
    fates = { request: only('place', 'lost-response'), event: () => ({ copies: 0, delayMs: 0 }) };
    await during(broker.submit([stop('b')]));
    await during(broker.cancel(['b']));
    await later(8_000);
    expect(told(broker.take())).toEqual(['b UNKNOWN ORDER_UNCONFIRMED', 'b ACCEPTED', 'b CANCELLED']);
  });

  it('that triggers is told with its executions, whatever id they carry', async () => {
    for (const namesTriggered of [true, false]) {
      fates = { namesTriggered };
      const { broker } = await startBroker();
      const [e, s] = [`e-${namesTriggered}`, `s-${namesTriggered}`];
      venue.exchange.walk('BTCUSDT', parsePrice('100000'), time.now());
      await during(broker.submit([entry(e)]));
      await during(broker.submit([stop(s)]));
      await later(500);
      broker.take();
      venue.exchange.walk('BTCUSDT', parsePrice('98900'), time.now());
      await later(5_000);
      await during(broker.settled());
      expect(told(broker.take())).toEqual([`${s} TRIGGERED`, `${s} fill 0.01`]);
      await broker.close();
    }
  });
});

describe("the account's stream", () => {
  it('must be there before anything is entered, also at the start', async () => {
    const client = venue.connect();
    client.loseStream();
    const { broker } = await startBroker([], { client });
    broker.agreed(true);
    expect(broker.blocked).toBe('ACCOUNT_NOT_RECONCILED');
    client.regainStream();
    await later(1_000);
    expect(broker.blocked).toBe('ACCOUNT_NOT_RECONCILED');
    broker.agreed(true);
    expect(broker.blocked).toBeUndefined();
  });

  it("does not make a stop's execution somebody else's while the venue cannot be asked", async () => {
    fates = { namesTriggered: false };
    const { broker } = await startBroker();
    venue.exchange.walk('BTCUSDT', parsePrice('100000'), time.now());
    await during(broker.submit([entry('e')]));
    await during(broker.submit([stop('s')]));
    await later(500);
    broker.take();
    // The trigger is told of by its execution alone, and for a while the venue answers no question.
    fates = {
      namesTriggered: false,
      request: only('read', 'lost-request'),
      event: ({ kind }) => ({ copies: kind === 'fill' ? 1 : 0, delayMs: 8 }),
    };
    venue.exchange.walk('BTCUSDT', parsePrice('98900'), time.now());
    await later(30_000);
    fates = { namesTriggered: false };
    await later(30_000);
    expect(told(broker.take())).toEqual(['s fill 0.01']);
  });
});

describe('a restart', () => {
  it('settles what was committed and has no answer: found, never received, or past its validity', async () => {
    const first = await startBroker();
    fates.event = () => ({ copies: 0, delayMs: 0 });
    await during(first.broker.submit([entry('sent')]));
    first.client.cut();
    const { broker } = await startBroker([
      submitted(entry('sent')),
      submitted(entry('never')),
      submitted(entry('old', { validUntil: START })),
    ]);
    await later(10_000);
    const events = told(broker.take());
    expect(events.filter((line) => line.startsWith('sent'))).toEqual([
      'sent UNKNOWN ORDER_UNCONFIRMED',
      'sent ACCEPTED',
      'sent fill 0.01',
    ]);
    expect(events).toContain('never REJECTED ORDER_NOT_RECEIVED');
    expect(events).toContain('old EXPIRED ORDER_EXPIRED');
    expect([...venue.accepted.keys()]).toEqual(['sent']);
  });

  it('a stopped-and-continued old process cannot double an order', async () => {
    const old = await startBroker();
    // It has signed its order and stands still before sending it.
    old.client.stalledMs = 30_000;
    const sending = old.broker.submit([entry('a'), entry('b', { symbol: 'BTCUSDT' })]);
    await later(15_000);
    const successor = await startBroker([submitted(entry('a')), submitted(entry('b'))]);
    await later(10_000);
    expect(told(successor.broker.take()).filter((line) => line.includes('REJECTED'))).toEqual([
      'a REJECTED ORDER_NOT_RECEIVED',
      'b REJECTED ORDER_NOT_RECEIVED',
    ]);
    await during(successor.broker.submit([entry('again', { decidedAt: time.now() })]));
    await later(30_000);
    await during(sending);
    expect([...venue.accepted.entries()]).toEqual([['again', 1]]);
    // What it would begin now it may not even sign.
    await during(old.broker.submit([entry('late', { decidedAt: time.now() })]));
    expect([...venue.accepted.keys()]).toEqual(['again']);
    expect(told(old.broker.take()).filter((line) => line.startsWith('late'))).toEqual([]);
  });

  it('takes over what was filled before, and misses nothing of what follows', async () => {
    const first = await startBroker();
    venue.exchange.openMinute('BTCUSDT', { price: parsePrice('100000'), volume: 0.06 }, START);
    await during(first.broker.submit([entry('a')]));
    await later(100);
    expect(told(first.broker.take())).toEqual(['a ACCEPTED', 'a fill 0.004']);
    const before = venue.fills.map(({ fillId }) => fillId);
    first.client.cut();
    venue.exchange.openMinute('BTCUSDT', { price: parsePrice('100000'), volume: 1_000 }, time.now());
    const { broker } = await startBroker(
      [{ ...submitted(entry('a')), status: 'PARTIALLY_FILLED', filledQuantity: '0.004' }],
      { bookedFills: new Map([['a', before]]) },
    );
    await during(broker.settled());
    expect(told(broker.take())).toEqual(['a fill 0.006']);
  });

  it('goes on with an order of which executions from before are told again', async () => {
    const first = await startBroker();
    venue.exchange.openMinute('BTCUSDT', { price: parsePrice('100000'), volume: 0.09 }, START);
    await during(first.broker.submit([entry('a')]));
    await later(100);
    expect(told(first.broker.take())).toEqual(['a ACCEPTED', 'a fill 0.006']);
    first.client.cut();
    const { broker } = await startBroker(
      [{ ...submitted(entry('a')), status: 'PARTIALLY_FILLED', filledQuantity: '0.006' }],
      { bookedFills: new Map([['a', venue.fills.map(({ fillId }) => fillId)]]) },
    );
    await during(broker.explain(['BTCUSDT'], START));
    expect((await during(broker.snapshot())).foreignOrders).toEqual([]);
    await during(broker.cancel(['a']));
    expect(told(broker.take())).toEqual(['a CANCELLED']);
  });
});

describe('the account', () => {
  it('is not waited for for ever: what an order filled may stay untold', async () => {
    const { broker } = await startBroker();
    fates.event = ({ kind }) => ({ copies: kind === 'fill' ? 0 : 1, delayMs: 8 });
    const fills = venue.fills.splice(0);
    venue.fills.push = () => 0;
    await during(broker.submit([entry('a')]));
    await during(broker.settled(), 60_000);
    const snapshot = await during(broker.snapshot());
    expect(broker.isCurrent(snapshot)).toBe(false);
    expect(told(broker.take())).toEqual(['a ACCEPTED']);
    expect(fills).toEqual([]);
  });

  it('of a new book begins with what the wallet holds: what came before is not asked for again', async () => {
    const client = venue.connect();
    const parts = { client, clock: time, log: silentLog, metrics: noMetrics, asksBeforeMinute: false, book: 'main' };
    const fence = { stamp: async () => ({ signedAt: time.now(), receiveWindow: milliseconds(2_000) }) };
    const deposit = { flowId: 'deposit', cause: 'transfer', amount: '2000', time: epochMs(START - 1_000) } as const;
    client.cashFlowsSince = async (since) => (since <= deposit.time ? [deposit] : []);
    const wait = time.sleep;
    const first = new CcxtBroker({ ...parts, fence, wait });
    const empty = { openOrders: [], bookedFills: new Map(), positions: [] };
    await first.restore({ ...empty, cash: '8000' });
    await during(first.start());
    const [opening, ...more] = first.take();
    expect(opening).toMatchObject({ kind: 'cash', flowId: 'opening', amount: '2000' });
    expect(more).toEqual([]);
    const second = new CcxtBroker({ ...parts, fence, wait });
    await second.restore({ ...empty, cash: '10000', lastCashFlowAt: opening?.time ?? START });
    await during(second.start());
    expect(second.take()).toEqual([]);
  });

  it('tells what nobody here ordered, funding, and how it stands', async () => {
    const { broker } = await startBroker();
    await during(broker.submit([entry('a')]));
    await later(500);
    broker.take();
    venue.exchange.place(
      {
        clientOrderId: 'autoclose-1',
        symbol: 'BTCUSDT',
        side: 'sell',
        positionSide: 'long',
        reduceOnly: false,
        type: 'market',
        quantity: 400_000n,
        price: 0n,
        timeInForce: 'immediate-or-cancel',
      },
      time.now(),
    );
    venue.exchange.settleFunding('BTCUSDT', 0.0001, time.now());
    await later(4_000);
    await during(broker.poll());
    expect(told(broker.take())).toEqual(['EXTERNAL_LIQUIDATION sell 0.004', 'funding -0.06']);
    const snapshot = await during(broker.snapshot());
    expect(snapshot).toMatchObject({ isHedgeMode: true, foreignOrders: [] });
    expect(snapshot.positions).toEqual(new Map([['BTCUSDT', { long: '0.006', short: '0' }]]));
    expect(broker.isCurrent(snapshot)).toBe(true);
    await during(broker.submit([stop('s', { quantity: '0.006' })]));
    expect(broker.isCurrent(snapshot)).toBe(false);
    expect(broker.blocked).toBe('ACCOUNT_NOT_RECONCILED');
    broker.agreed(true);
    expect(broker.blocked).toBeUndefined();
  });

  it('names open orders that this book did not send', async () => {
    const first = await startBroker();
    await during(first.broker.submit([entry('a')]));
    await during(first.broker.submit([stop('s')]));
    first.client.cut();
    const { broker } = await startBroker();
    expect((await during(broker.snapshot())).foreignOrders).toEqual(['BTCUSDT s']);
  });
});
