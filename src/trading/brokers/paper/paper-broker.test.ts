import { describe, expect, it } from 'vitest';
import {
  type BrokerEvent,
  type EpochMs,
  epochMs,
  type FinalCandle,
  type FundingRate,
  isOrderReport,
  type OrderIntent,
  type Position,
  UNTIL_CANCELLED,
} from '../../../core/index.ts';
import { type CostSettings, formatCash, parseCash, parsePrice } from '../../../matching/index.ts';
import { applyBrokerEvents, enterIntents } from '../../ledger/booking.ts';
import { openLedger } from '../../ledger/ledger.ts';
import { orderOf } from '../../ledger/ledger-order.ts';
import { workingOrders } from '../../ledger/working-orders.ts';
import { type FundingSource, PaperBroker } from './paper-broker.ts';

const MINUTE = 60_000;
const at = (index: number): EpochMs => epochMs(1_750_000_020_000 + index * MINUTE);

const COSTS: CostSettings = {
  takerFeeBps: 5,
  halfSpreadBps: 1,
  impactBpsPerSqrtParticipation: 0,
  maxParticipation: 0.1,
};

const newBroker = (funding?: FundingSource) =>
  new PaperBroker({
    costs: COSTS,
    ...(funding ? { funding } : {}),
    instrumentOf: (symbol) =>
      symbol === 'GONEUSDT'
        ? undefined
        : {
            venue: 'binanceusdm',
            symbol,
            base: 'X',
            quote: 'USDT',
            tickSize: '0.01',
            stepSize: '0.1',
            minQuantity: '0.1',
            minNotional: '5',
            status: symbol === 'ENDEDUSDT' ? 'delisted' : 'trading',
          },
  });

const intentOf = (id: string, quantity: string, changes: Partial<OrderIntent> = {}): OrderIntent => ({
  clientOrderId: id,
  book: 'main',
  strategy: 'ml',
  symbol: 'XUSDT',
  side: 'buy',
  purpose: 'entry',
  type: 'market',
  quantity,
  reduceOnly: false,
  decidedAt: at(0),
  validUntil: at(3),
  referencePrice: '100',
  ...changes,
});

/** The candle that closes at `minute`. */
function candles(minute: EpochMs, volume: number, open = 100): Map<string, FinalCandle> {
  return new Map([
    [
      'XUSDT',
      {
        state: 'final',
        finality: 'archive',
        symbol: 'XUSDT',
        timeframe: '1m',
        openTime: epochMs(minute - MINUTE),
        open,
        high: open,
        low: open,
        close: open,
        volume,
      },
    ],
  ]);
}

/** One candle of XUSDT. */
const candle = (minute: EpochMs, shape: Partial<FinalCandle>, volume = 1000): Map<string, FinalCandle> =>
  new Map([...candles(minute, volume)].map(([symbol, each]) => [symbol, { ...each, ...shape }]));

const position = (quantity: string, strategy = 'ml'): Position => ({
  book: 'main',
  strategy,
  symbol: 'XUSDT',
  quantity,
  averagePrice: '100',
  openedAt: at(-1),
  markPrice: '100',
  unrealizedPnl: '0',
});

const legIntent = (id: string, type: 'stopMarket' | 'takeProfitMarket', triggerPrice: string, quantity = '2') =>
  intentOf(id, quantity, {
    side: 'sell',
    purpose: type === 'stopMarket' ? 'stop' : 'target',
    type,
    triggerPrice,
    parent: 'a',
    reduceOnly: true,
    validUntil: UNTIL_CANCELLED,
  });

/** A broker that holds a position of 2 and works these orders. */
async function holding(intents: readonly OrderIntent[], quantity = '2') {
  const broker = newBroker();
  await broker.restore({ openOrders: [], positions: [position(quantity)] });
  await broker.submit(intents);
  return broker;
}

const tagged = (events: BrokerEvent[]) =>
  events
    .filter(isOrderReport)
    .map((event) =>
      event.kind === 'fill'
        ? `${event.clientOrderId} ${event.quantity}@${event.price}`
        : `${event.clientOrderId} ${event.status}`,
    );

const shown = (events: BrokerEvent[]) =>
  events
    .filter(isOrderReport)
    .map((event) => (event.kind === 'fill' ? `${event.quantity}@${event.price}` : event.status));

describe('the paper broker', () => {
  it('cancels before the next candle fills anything, once, and only what works', async () => {
    const broker = newBroker();
    await broker.submit([intentOf('a', '2'), intentOf('b', '2')]);
    await broker.cancel(['a', 'stranger']);
    await broker.cancel(['a']);
    const events = await broker.events(at(1), candles(at(1), 1000));
    expect(events[0]).toEqual({
      kind: 'status',
      clientOrderId: 'a',
      status: 'CANCELLED',
      time: at(0),
    });
    expect(events.filter((event) => isOrderReport(event) && event.clientOrderId !== 'b')).toHaveLength(1);
    await broker.cancel(['b']);
    expect(await broker.events(at(2), candles(at(2), 1000))).toEqual([]);
  });

  it('fills an order at the open of the candle that opens when it was decided, and tells the acceptance first', async () => {
    const broker = newBroker();
    await broker.submit([intentOf('a', '2')]);
    expect(await broker.events(at(0), candles(at(0), 1000, 90))).toEqual([]);
    expect(await broker.events(at(1), candles(at(1), 1000))).toEqual([
      { kind: 'status', clientOrderId: 'a', status: 'ACCEPTED', time: at(0) },
      {
        kind: 'fill',
        fillId: `a/${at(0)}`,
        clientOrderId: 'a',
        quantity: '2',
        price: '100.01',
        fee: '0.10001',
        time: at(0),
      },
    ]);
    expect(await broker.events(at(2), candles(at(2), 1000))).toEqual([]);
  });

  it('works off what the volume allows and expires the rest when its validity ends', async () => {
    const broker = newBroker();
    await broker.submit([intentOf('a', '5')]);
    expect(shown(await broker.events(at(1), candles(at(1), 20)))).toEqual(['ACCEPTED', '2@100.01']);
    expect(shown(await broker.events(at(2), candles(at(2), 0)))).toEqual([]);
    const last = await broker.events(at(3), candles(at(3), 10));
    expect(shown(last)).toEqual(['1@100.01', 'EXPIRED']);
    expect(last[1]).toMatchObject({ reason: 'ORDER_NO_LIQUIDITY', time: at(3) });
    expect(await broker.events(at(4), candles(at(4), 1000))).toEqual([]);
  });

  it('does not fill a late candle after the validity, even when the minutes between brought none', async () => {
    const broker = newBroker();
    await broker.submit([intentOf('a', '5')]);
    expect(shown(await broker.events(at(1), new Map()))).toEqual(['ACCEPTED']);
    expect(shown(await broker.events(at(9), candles(at(9), 1000)))).toEqual(['EXPIRED']);
  });

  it('does not fill in a candle that opened before the decision', async () => {
    const broker = newBroker();
    await broker.submit([intentOf('a', '5')]);
    expect(shown(await broker.events(at(1), candles(at(0), 1000)))).toEqual(['ACCEPTED']);
  });

  it('shares one minute’s volume between orders, the elder first', async () => {
    const broker = newBroker();
    await broker.submit([intentOf('b', '3'), intentOf('a', '3', { decidedAt: at(-1) })]);
    const events = await broker.events(at(1), candles(at(1), 40));
    expect(
      events.flatMap((event) => (event.kind === 'fill' ? [`${event.clientOrderId}:${event.quantity}`] : [])),
    ).toEqual(['a:3', 'b:1']);
  });

  it('rejects orders of instruments that the venue does not know or has delisted', async () => {
    const broker = newBroker();
    await broker.submit([
      intentOf('a', '1', { symbol: 'GONEUSDT' }),
      intentOf('b', '1', { symbol: 'ENDEDUSDT', decidedAt: at(0) }),
    ]);
    expect(await broker.events(at(1), new Map())).toMatchObject([
      { status: 'REJECTED', reason: 'INSTRUMENT_NOT_TRADING' },
      { status: 'REJECTED', reason: 'INSTRUMENT_DELISTED' },
    ]);
    expect(await broker.events(at(2), new Map())).toEqual([]);
  });

  it('a repeated submission is one order', async () => {
    const broker = newBroker();
    await broker.submit([intentOf('a', '1')]);
    await broker.submit([intentOf('a', '1')]);
    expect(shown(await broker.events(at(1), candles(at(1), 1000)))).toEqual(['ACCEPTED', '1@100.01']);
  });

  it('reports the same after a kill at any point, also between the commit of an intent and its submission', async () => {
    const volumes = [12, 0, 7, 33, 9, 50];
    const intents = [
      intentOf('a', '6', { validUntil: at(5) }),
      intentOf('b', '4', { side: 'sell', validUntil: at(4) }),
    ];
    const run = async (killBefore: number | undefined) => {
      let broker = newBroker();
      let ledger = enterIntents(openLedger(parseCash('10000')), intents).ledger;
      if (killBefore !== 1) await broker.submit(intents);
      const all: BrokerEvent[][] = [];
      for (let index = 1; index <= volumes.length; index++) {
        if (killBefore === index) {
          broker = newBroker();
          await broker.restore({ openOrders: workingOrders(ledger).map(orderOf).reverse(), positions: [] });
        }
        const events = await broker.events(at(index), candles(at(index), volumes[index - 1] ?? 0));
        ledger = applyBrokerEvents(ledger, events).ledger;
        all.push(events);
      }
      return { all, ledger };
    };
    const unbroken = await run(undefined);
    expect(unbroken.all.flat().filter((event) => event.kind === 'fill').length).toBeGreaterThan(3);
    for (let killBefore = 1; killBefore <= volumes.length; killBefore++) {
      expect(await run(killBefore)).toEqual(unbroken);
    }
  });

  it('does not take up ended orders', async () => {
    const broker = newBroker();
    await broker.restore({
      openOrders: [{ ...intentOf('a', '1'), status: 'CANCELLED', filledQuantity: '0' }],
      positions: [],
    });
    expect(await broker.events(at(1), candles(at(1), 1000))).toEqual([]);
  });
});

describe('funding on paper', () => {
  /** A source whose settlements become known when they are entered; the price is 100 before the minute 10, then 110. */
  function source() {
    const known: FundingRate[] = [];
    const funding: FundingSource = {
      settlements: (after, until) => known.filter(({ time }) => time > after && time <= until),
      priceAt: async (_, time) => parsePrice(time < at(10) ? '100' : '110'),
    };
    return { known, funding };
  }
  const settlement = (index: number, rate: number): FundingRate => ({ symbol: 'XUSDT', time: at(index), rate });
  const flows = (events: readonly BrokerEvent[]) =>
    events.flatMap((event) => (event.kind === 'cash' ? [`${event.flowId} ${event.amount}`] : []));

  async function holds(funding: FundingSource, ...positions: Position[]) {
    const broker = newBroker(funding);
    await broker.restore({ openOrders: [], positions, minute: at(0) });
    return broker;
  }

  it('is paid by longs and received by shorts, of all strategies together, in the minute after the settlement', async () => {
    const { known, funding } = source();
    const broker = await holds(funding, position('3'), position('-1', 'other'));
    known.push(settlement(1, 0.0001), settlement(2, -0.0003));
    expect(await broker.events(at(1), candles(at(1), 10))).toEqual([]);
    expect(await broker.events(at(2), candles(at(2), 10))).toEqual([
      {
        kind: 'cash',
        flowId: `funding/XUSDT/${at(1)}`,
        cause: 'funding',
        symbol: 'XUSDT',
        amount: '-0.02',
        time: at(1),
      },
    ]);
    expect(flows(await broker.events(at(3), candles(at(3), 10)))).toEqual([`funding/XUSDT/${at(2)} 0.06`]);
    expect(flows(await broker.events(at(4), candles(at(4), 10)))).toEqual([]);
  });

  it('counts what was held when it settled, at the price of then, however late the rate becomes known', async () => {
    const { known, funding } = source();
    const broker = await holds(funding, position('2'));
    await broker.submit([intentOf('more', '5', { decidedAt: at(5), validUntil: at(20) })]);
    for (let index = 1; index <= 12; index++) await broker.events(at(index), candles(at(index), 1000));
    // What fills at the open of the minute in which it settles comes after it.
    known.push(settlement(5, 0.001), settlement(6, 0.001), settlement(10, 0.001));
    expect(flows(await broker.events(at(13), candles(at(13), 10)))).toEqual([
      `funding/XUSDT/${at(5)} -0.2`,
      `funding/XUSDT/${at(6)} -0.7`,
      `funding/XUSDT/${at(10)} -0.77`,
    ]);
  });

  it('is booked once over restarts, and of nothing held there is none', async () => {
    const { known, funding } = source();
    const broker = newBroker(funding);
    let ledger = openLedger(parseCash('10000'));
    const decide = async (using: PaperBroker, index: number) => {
      const booked = applyBrokerEvents(ledger, await using.events(at(index), candles(at(index), 1000)));
      ({ ledger } = booked);
      return booked;
    };
    const entry = [intentOf('a', '2')];
    ledger = enterIntents(ledger, entry).ledger;
    await broker.submit(entry);
    known.push(settlement(-3, 0.01), settlement(0, 0.01));
    const { fills } = await decide(broker, 1);
    known.push(settlement(1, 0.01));
    await decide(broker, 2);
    expect(formatCash(ledger.funding)).toBe('-2');
    const restarted = newBroker(funding);
    const held = { ...position('2'), strategy: fills[0]?.strategy ?? '' };
    await restarted.restore({ openOrders: [], positions: [held], minute: at(2), recentFills: fills });
    expect(flows(await restarted.events(at(3), candles(at(3), 10)))).toEqual([`funding/XUSDT/${at(1)} -2`]);
    await decide(restarted, 4);
    expect(formatCash(ledger.funding)).toBe('-2');
    expect(ledger.cash).toBe(parseCash('10000') + ledger.realized - ledger.fees + ledger.funding);
  });

  it('waits for a price, and is given up a day after the settlement', async () => {
    const known = [settlement(1, 0.001)];
    let price: bigint | undefined;
    const broker = await holds(
      {
        settlements: (after, until) => known.filter(({ time }) => time > after && time <= until),
        priceAt: async () => price,
      },
      position('2'),
    );
    expect(flows(await broker.events(at(2), candles(at(2), 10)))).toEqual([]);
    price = parsePrice('100');
    expect(flows(await broker.events(at(3), candles(at(3), 10)))).toEqual([`funding/XUSDT/${at(1)} -0.2`]);
    await broker.events(at(3 + 24 * 60), new Map());
    known.push(settlement(2, 0.001));
    expect(flows(await broker.events(at(4 + 24 * 60), new Map()))).toEqual([]);
  });
});

describe('a stop or a target on paper', () => {
  it('fills at its trigger when the candle reaches it, moved by the spread, and only then', async () => {
    const broker = await holding([legIntent('s', 'stopMarket', '98')]);
    expect(tagged(await broker.events(at(1), candle(at(1), { low: 98.01 })))).toEqual(['s ACCEPTED']);
    expect(tagged(await broker.events(at(2), candle(at(2), { low: 97 })))).toEqual(['s TRIGGERED', 's 2@97.99']);
    expect(await broker.events(at(3), candle(at(3), { low: 90 }))).toEqual([]);
  });

  it('fills at the open when the candle opens beyond it: worse for a stop, better for a target', async () => {
    const stop = await holding([legIntent('s', 'stopMarket', '98')]);
    const gap = { open: 95, low: 94, close: 95 };
    expect(tagged(await stop.events(at(1), candle(at(1), gap)))).toEqual(['s ACCEPTED', 's TRIGGERED', 's 2@94.99']);
    const target = await holding([legIntent('t', 'takeProfitMarket', '103')]);
    const leap = { open: 105, high: 106, close: 105 };
    expect(tagged(await target.events(at(1), candle(at(1), leap)))[2]).toBe('t 2@104.98');
  });

  it('is taken to be the stop when one candle reaches both, and the target ends', async () => {
    const broker = await holding([legIntent('t', 'takeProfitMarket', '101'), legIntent('s', 'stopMarket', '98')]);
    const events = await broker.events(at(1), candle(at(1), { high: 102, low: 97 }));
    expect(tagged(events).slice(2)).toEqual(['s TRIGGERED', 's 2@97.99', 't CANCELLED']);
    expect(events.at(-1)).toMatchObject({ reason: 'ORDER_POSITION_CLOSED' });
  });

  it('is the tighter of two stops while one replaces the other', async () => {
    const broker = await holding([legIntent('loose', 'stopMarket', '97'), legIntent('tight', 'stopMarket', '99')]);
    const events = await broker.events(at(1), candle(at(1), { low: 96 }));
    expect(tagged(events).slice(2)).toEqual(['tight TRIGGERED', 'tight 2@98.99', 'loose CANCELLED']);
  });

  it('fills what the volume allows, and the rest at market in the minutes after, over a restart too', async () => {
    const leg = legIntent('s', 'stopMarket', '98');
    const broker = await holding([leg]);
    expect(tagged(await broker.events(at(1), candle(at(1), { low: 97 }, 0.5)))).toEqual(['s ACCEPTED', 's TRIGGERED']);
    const restored = newBroker();
    await restored.restore({
      openOrders: [{ ...leg, status: 'TRIGGERED', filledQuantity: '0' }],
      positions: [position('2')],
    });
    for (const each of [broker, restored]) {
      expect(tagged(await each.events(at(2), candle(at(2), { open: 103, high: 103 }, 15)))).toEqual(['s 1.5@102.98']);
      expect(tagged(await each.events(at(3), candle(at(3), {})))).toEqual(['s 0.5@99.99']);
    }
  });

  it('comes with the fill of its entry and works in the same candle', async () => {
    const protection = { stopPrice: '98', targets: [{ price: '104', share: 0.5 }], quantityStep: '0.1' };
    const broker = newBroker();
    await broker.submit([intentOf('a', '3', { protection })]);
    const filled = await broker.events(at(1), candle(at(1), {}, 20));
    expect(shown(filled)).toEqual(['ACCEPTED', '2@100.01', 'ACCEPTED']);
    const full = await broker.events(at(2), candle(at(2), { low: 97 }, 1000));
    expect(shown(full)).toEqual([
      '1@100.01',
      'ACCEPTED',
      'ACCEPTED',
      'TRIGGERED',
      '2@97.99',
      'TRIGGERED',
      '1@97.99',
      'CANCELLED',
      'CANCELLED',
    ]);
  });

  it('ends when it is cancelled, and a repeated or unknown cancel changes nothing', async () => {
    const broker = await holding([legIntent('s', 'stopMarket', '98')]);
    await broker.events(at(1), candle(at(1), {}));
    await broker.cancel(['s', 's', 'stranger']);
    expect(await broker.events(at(2), candle(at(2), { low: 90 }))).toEqual([
      { kind: 'status', clientOrderId: 's', status: 'CANCELLED', time: at(1) },
    ]);
    await broker.cancel(['s']);
    expect(await broker.events(at(3), candle(at(3), { low: 90 }))).toEqual([]);
  });
});

describe('reduce-only on paper', () => {
  it('reduce-only hits the right leg: only the position of its own strategy and side', async () => {
    const broker = newBroker();
    await broker.restore({ openOrders: [], positions: [position('2'), position('-3', 'other')] });
    await broker.submit([
      legIntent('s', 'stopMarket', '98'),
      intentOf('x', '3', { strategy: 'other', side: 'buy', purpose: 'exit', reduceOnly: true }),
      // A sale that would add to the short, and one of a strategy that holds nothing.
      intentOf('wrong', '1', { strategy: 'other', side: 'sell', purpose: 'exit', reduceOnly: true }),
      intentOf('none', '1', { strategy: 'third', side: 'sell', purpose: 'exit', reduceOnly: true }),
    ]);
    const events = tagged(await broker.events(at(1), candle(at(1), { low: 97 })));
    expect(events.filter((text) => !text.endsWith('ACCEPTED'))).toEqual([
      'x 3@100.01',
      's TRIGGERED',
      's 2@97.99',
      'none CANCELLED',
      'wrong CANCELLED',
    ]);
  });

  it('an exit and a stop in one candle close the position once', async () => {
    const exit = intentOf('x', '2', { side: 'sell', purpose: 'exit', reduceOnly: true });
    const broker = await holding([legIntent('s', 'stopMarket', '98'), exit]);
    const events = tagged(await broker.events(at(1), candle(at(1), { low: 97 })));
    expect(events.slice(2)).toEqual(['x 2@99.99', 's CANCELLED']);
  });

  it('an order of more than is held takes what is held and ends', async () => {
    const broker = await holding([legIntent('s', 'stopMarket', '98', '5')]);
    const events = tagged(await broker.events(at(1), candle(at(1), { low: 97 })));
    expect(events.slice(1)).toEqual(['s TRIGGERED', 's 2@97.99', 's CANCELLED']);
  });

  it('does not work limit orders, and says so', async () => {
    const broker = newBroker();
    await broker.submit([intentOf('l', '1', { type: 'limit', limitPrice: '99' })]);
    expect(await broker.events(at(1), candle(at(1), {}))).toMatchObject([
      { status: 'REJECTED', reason: 'ORDER_TYPE_UNSUPPORTED' },
    ]);
  });
});
