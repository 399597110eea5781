import { describe, expect, it } from 'vitest';
import { type BrokerEvent, type EpochMs, epochMs, type FinalCandle, type OrderIntent } from '../../../core/index.ts';
import { type CostSettings, parseCash } from '../../../matching/index.ts';
import { applyBrokerEvents, enterIntents, openLedger, orderOf, workingOrders } from '../../ledger/ledger.ts';
import { PaperBroker } from './paper-broker.ts';

const MINUTE = 60_000;
const at = (index: number): EpochMs => epochMs(1_750_000_020_000 + index * MINUTE);

const COSTS: CostSettings = {
  takerFeeBps: 5,
  halfSpreadBps: 1,
  impactBpsPerSqrtParticipation: 0,
  maxParticipation: 0.1,
};

const newBroker = () =>
  new PaperBroker({
    costs: COSTS,
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

const shown = (events: BrokerEvent[]) =>
  events.map((event) => (event.kind === 'fill' ? `${event.quantity}@${event.price}` : event.status));

describe('the paper broker', () => {
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
          await broker.restore(workingOrders(ledger).map(orderOf).reverse());
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
    await broker.restore([{ ...intentOf('a', '1'), status: 'CANCELLED', filledQuantity: '0' }]);
    expect(await broker.events(at(1), candles(at(1), 1000))).toEqual([]);
  });
});
