import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type BrokerEvent, epochMs, milliseconds, type OrderIntent, type OrderSide } from '../../core/index.ts';
import { formatCash, notionalOf, parseCash, parsePrice, parseQuantity, priceFromNumber } from '../../matching/index.ts';
import type { MarketState } from '../market-state.ts';
import { equityPointOf, positionsOf, valueLedger } from '../portfolio.ts';
import { applyBrokerEvents, enterIntents } from './booking.ts';
import { type Ledger, openLedger, requestCancels } from './ledger.ts';
import { orderOf, remainingOf } from './ledger-order.ts';
import { forgetEnded, pendingCancels, workingOrders } from './working-orders.ts';

const T = epochMs(1_750_000_020_000);

const intentOf = (id: string, side: OrderSide, quantity: string): OrderIntent => ({
  clientOrderId: id,
  book: 'main',
  strategy: 'ml',
  symbol: 'XUSDT',
  side,
  purpose: 'entry',
  type: 'market',
  quantity,
  reduceOnly: false,
  decidedAt: T,
  validUntil: epochMs(T + 900_000),
  referencePrice: '100',
});

const fillOf = (id: string, number: number, quantity: string, price: string, fee = '0.01'): BrokerEvent => ({
  kind: 'fill',
  fillId: `${id}/${number}`,
  clientOrderId: id,
  quantity,
  price,
  fee,
  time: epochMs(T + number * 60_000),
});

type StatusEvent = Extract<BrokerEvent, { kind: 'status' }>;
const statusOf = (id: string, status: StatusEvent['status'], number = 0): StatusEvent => ({
  kind: 'status',
  clientOrderId: id,
  status,
  time: epochMs(T + number * 60_000),
});

const marketsAt = (price: number) =>
  new Map([['XUSDT', { lastPrice: priceFromNumber(price), lastMinute: T } as MarketState]]);

function ledgerWith(...intents: OrderIntent[]): Ledger {
  return enterIntents(openLedger(parseCash('10000')), intents).ledger;
}

const statusesOf = (ledger: Ledger) => [...ledger.orders.values()].map((order) => order.status);

describe('the order ledger', () => {
  it('enters an intent once, as SUBMITTING with event 1', () => {
    const intent = intentOf('a', 'buy', '2');
    const first = enterIntents(openLedger(0n), [intent, intent]);
    expect(first.orderEvents).toEqual([{ clientOrderId: 'a', sequence: 1, time: T, status: 'SUBMITTING' }]);
    expect(enterIntents(first.ledger, [intent]).orderEvents).toEqual([]);
  });

  it('goes from acceptance over partial fills to FILLED with numbered events', () => {
    const { ledger, orderEvents, changed, fills } = applyBrokerEvents(ledgerWith(intentOf('a', 'buy', '2')), [
      statusOf('a', 'ACCEPTED'),
      fillOf('a', 1, '0.5', '100'),
      fillOf('a', 2, '1.5', '102'),
    ]);
    expect(orderEvents.map((event) => [event.sequence, event.status])).toEqual([
      [2, 'ACCEPTED'],
      [3, 'PARTIALLY_FILLED'],
      [4, 'FILLED'],
    ]);
    expect(changed.map(orderOf)).toMatchObject([{ status: 'FILLED', filledQuantity: '2', averagePrice: '101.5' }]);
    expect(fills.map((fill) => [fill.quantity, fill.realizedPnl, fill.side])).toEqual([
      ['0.5', '0', 'buy'],
      ['1.5', '0', 'buy'],
    ]);
    expect(positionsOf('main', ledger, marketsAt(110))).toMatchObject([
      { quantity: '2', averagePrice: '101.5', markPrice: '110', unrealizedPnl: '17' },
    ]);
    expect(workingOrders(ledger)).toEqual([]);
  });

  it('books a repeated fill or status once', () => {
    const events = [statusOf('a', 'ACCEPTED'), fillOf('a', 1, '1', '100')];
    const once = applyBrokerEvents(ledgerWith(intentOf('a', 'buy', '2')), events);
    const again = applyBrokerEvents(once.ledger, [...events, ...events]);
    expect(again.ledger).toEqual(once.ledger);
    expect([again.fills, again.orderEvents, again.changed]).toEqual([[], [], []]);
  });

  it('takes fills before the acceptance and does not go back afterwards', () => {
    const { ledger, orderEvents } = applyBrokerEvents(ledgerWith(intentOf('a', 'buy', '2')), [
      fillOf('a', 1, '1', '100'),
      statusOf('a', 'ACCEPTED'),
      statusOf('a', 'UNKNOWN'),
    ]);
    expect(statusesOf(ledger)).toEqual(['PARTIALLY_FILLED']);
    expect(orderEvents).toHaveLength(1);
  });

  it('resolves UNKNOWN by what the broker says later', () => {
    const unknown = applyBrokerEvents(ledgerWith(intentOf('a', 'buy', '2')), [statusOf('a', 'UNKNOWN')]).ledger;
    expect(statusesOf(unknown)).toEqual(['UNKNOWN']);
    expect(statusesOf(applyBrokerEvents(unknown, [statusOf('a', 'ACCEPTED')]).ledger)).toEqual(['ACCEPTED']);
  });

  it('believes in FILLED only when the fills say so', () => {
    const claimed = applyBrokerEvents(ledgerWith(intentOf('a', 'buy', '2')), [
      statusOf('a', 'FILLED'),
      fillOf('a', 1, '1', '100'),
    ]).ledger;
    expect(statusesOf(claimed)).toEqual(['PARTIALLY_FILLED']);
  });

  it('books late fills of an ended order and an overfill', () => {
    const expired = applyBrokerEvents(ledgerWith(intentOf('a', 'buy', '2')), [
      fillOf('a', 1, '0.5', '100'),
      statusOf('a', 'EXPIRED', 2),
      fillOf('a', 3, '0.5', '100'),
    ]).ledger;
    expect(statusesOf(expired)).toEqual(['EXPIRED']);
    expect(expired.positions.get('ml/XUSDT')?.quantity).toBe(parseQuantity('1'));
    const over = applyBrokerEvents(expired, [fillOf('a', 4, '1.5', '100')]).ledger;
    expect(statusesOf(over)).toEqual(['FILLED']);
    expect(over.positions.get('ml/XUSDT')?.quantity).toBe(parseQuantity('2.5'));
    expect([...over.orders.values()].map(remainingOf)).toEqual([0n]);
  });

  it('keeps the end that it knows', () => {
    const ended = applyBrokerEvents(ledgerWith(intentOf('a', 'buy', '2'), intentOf('b', 'buy', '1')), [
      statusOf('a', 'EXPIRED'),
      statusOf('a', 'CANCELLED', 1),
      fillOf('b', 1, '1', '100'),
      statusOf('b', 'EXPIRED', 2),
    ]);
    expect(statusesOf(ended.ledger)).toEqual(['EXPIRED', 'FILLED']);
    expect(ended.orderEvents).toHaveLength(2);
  });

  it('returns events of an order it does not know, and books nothing', () => {
    const ledger = ledgerWith();
    const change = applyBrokerEvents(ledger, [fillOf('stranger', 1, '1', '100')]);
    expect(change.unknown).toHaveLength(1);
    expect(change.ledger).toEqual(ledger);
  });

  it('enters the legs of an entry with its fill, so that reports of them in the same breath find their order', () => {
    const protection = { stopPrice: '98', targets: [], quantityStep: '0.1' };
    const ledger = ledgerWith({ ...intentOf('a', 'buy', '2'), protection });
    const [stop] = applyBrokerEvents(ledger, [fillOf('a', 1, '2', '100')]).legs;
    if (stop === undefined) throw new Error('no stop');
    const id = stop.clientOrderId;
    const reports = [statusOf(id, 'ACCEPTED', 1), statusOf(id, 'TRIGGERED', 1), fillOf(id, 1, '2', '97.9')];
    const change = applyBrokerEvents(ledger, [fillOf('a', 1, '2', '100'), ...reports]);
    expect(change.unknown).toEqual([]);
    expect(change.legs).toEqual([stop]);
    expect(change.orderEvents.filter((event) => event.clientOrderId === id).map(({ status }) => status)).toEqual([
      'SUBMITTING',
      'ACCEPTED',
      'TRIGGERED',
      'FILLED',
    ]);
    expect(change.ledger.positions.size).toBe(0);
    expect(applyBrokerEvents(change.ledger, [fillOf('a', 1, '2', '100'), ...reports])).toMatchObject({
      ledger: change.ledger,
      legs: [],
      orderEvents: [],
    });
  });

  it('asks for the end of an order until it is known, whoever asks', () => {
    const working = requestCancels(ledgerWith(intentOf('a', 'buy', '2'), intentOf('b', 'buy', '1')), ['a', 'stranger']);
    expect(pendingCancels(working)).toEqual(['a']);
    expect(pendingCancels(requestCancels(working, ['a']))).toEqual(['a']);
    const ended = applyBrokerEvents(working, [statusOf('a', 'CANCELLED', 1)]).ledger;
    expect(pendingCancels(requestCancels(ended, ['a']))).toEqual([]);
  });

  it('forgets ended orders after a while, never working ones', () => {
    const leg = { ...intentOf('s', 'sell', '2'), parent: 'b' };
    const ledger = applyBrokerEvents(ledgerWith(intentOf('a', 'buy', '2'), intentOf('b', 'buy', '2'), leg), [
      statusOf('a', 'REJECTED'),
      statusOf('s', 'CANCELLED'),
    ]).ledger;
    const left = (orders: number, legs: number) => {
      const retention = { orders: milliseconds(orders), legs: milliseconds(legs) };
      return [...forgetEnded(ledger, epochMs(T + 3_600_000), retention).orders.keys()];
    };
    expect(left(3_600_000, 3_600_000)).toEqual(['a', 'b', 's']);
    expect(left(3_599_999, 3_600_000)).toEqual(['b', 's']);
    expect(left(3_600_000, 3_599_999)).toEqual(['a', 'b']);
  });
});

describe('positions and money', () => {
  const trade = (ledger: Ledger, id: string, side: OrderSide, quantity: string, price: string) =>
    applyBrokerEvents(enterIntents(ledger, [intentOf(id, side, quantity)]).ledger, [
      fillOf(id, 1, quantity, price, '0.1'),
    ]);

  it('realises profit in proportion when a position is reduced, and all of it when it is closed', () => {
    let change = trade(openLedger(parseCash('1000')), 'a', 'buy', '3', '100');
    change = trade(change.ledger, 'b', 'sell', '1', '110');
    expect(change.fills[0]?.realizedPnl).toBe('10');
    change = trade(change.ledger, 'c', 'sell', '2', '95');
    expect(change.fills[0]?.realizedPnl).toBe('-10');
    expect(change.ledger.positions.size).toBe(0);
    expect(formatCash(change.ledger.cash)).toBe('999.7');
  });

  it('earns on a short when the price falls', () => {
    let change = trade(openLedger(0n), 'a', 'sell', '2', '50');
    expect(positionsOf('main', change.ledger, marketsAt(45))).toMatchObject([
      { quantity: '-2', averagePrice: '50', unrealizedPnl: '10' },
    ]);
    change = trade(change.ledger, 'b', 'buy', '2', '45');
    expect(change.fills[0]?.realizedPnl).toBe('10');
  });

  it('flips through zero: the old side is realised, the rest opens the new one at its own price and time', () => {
    let change = trade(openLedger(0n), 'a', 'buy', '1', '100');
    change = trade(change.ledger, 'b', 'sell', '3', '120');
    expect(change.fills[0]?.realizedPnl).toBe('20');
    expect(positionsOf('main', change.ledger, marketsAt(120))).toMatchObject([
      { quantity: '-2', averagePrice: '120', unrealizedPnl: '0', openedAt: T + 60_000 },
    ]);
  });

  it('counts a position without a price at its cost', () => {
    const { ledger } = trade(openLedger(0n), 'a', 'buy', '1', '100');
    expect(valueLedger(ledger, new Map())).toMatchObject({ unrealized: 0n, gross: parseCash('100') });
  });

  it('adds up to the last unit over any trades: equity = initial + realised + unrealised - fees, and cash flow plus value', () => {
    const step = fc.record({
      side: fc.constantFrom<OrderSide>('buy', 'sell'),
      quantity: fc.integer({ min: 1, max: 5_000 }),
      price: fc.integer({ min: 1, max: 300_000_000 }),
      fee: fc.integer({ min: 0, max: 1_000_000 }),
      isRepeated: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.integer({ min: 1, max: 300_000_000 }), (steps, mark) => {
        const initial = parseCash('10000');
        let ledger = openLedger(initial);
        let cashFlow = 0n;
        let fees = 0n;
        let held = 0n;
        steps.forEach(({ side, quantity, price, fee, isRepeated }, i) => {
          const text = { quantity: String(quantity / 1000), price: String(price / 1000), fee: (fee / 1e6).toFixed(6) };
          const event = fillOf(`o${i}`, 1, text.quantity, text.price, text.fee);
          ledger = enterIntents(ledger, [intentOf(`o${i}`, side, text.quantity)]).ledger;
          ledger = applyBrokerEvents(ledger, isRepeated ? [event, event] : [event]).ledger;
          const sign = side === 'buy' ? 1n : -1n;
          held += sign * parseQuantity(text.quantity);
          cashFlow -= sign * notionalOf(parsePrice(text.price), parseQuantity(text.quantity));
          fees += parseCash(text.fee);
        });
        const price = mark / 1000;
        const valuation = valueLedger(ledger, marketsAt(price));
        expect(ledger.fees).toBe(fees);
        expect(ledger.cash).toBe(initial + ledger.realized - fees);
        expect(valuation.equity).toBe(initial + ledger.realized + valuation.unrealized - fees);
        // The independent sum: money paid and received, plus what is held at its price.
        expect(valuation.equity).toBe(initial + cashFlow - fees + notionalOf(priceFromNumber(price), held));
        expect(ledger.positions.get('ml/XUSDT')?.quantity ?? 0n).toBe(held);
        expect(equityPointOf(T, ledger, valuation).openPositions).toBe(held === 0n ? 0 : 1);
      }),
    );
  });

  it('ends the same for any order and repetition of the events of an order', () => {
    const events = [
      statusOf('a', 'ACCEPTED'),
      fillOf('a', 1, '0.7', '101.3'),
      fillOf('a', 2, '0.2', '99.1'),
      fillOf('a', 3, '0.4', '100.7'),
      statusOf('a', 'EXPIRED', 4),
    ];
    const outcomeOf = (ledger: Ledger) => {
      const [order] = ledger.orders.values();
      const position = ledger.positions.get('ml/XUSDT');
      return [order?.status, order?.filled, position?.quantity, position?.cost, ledger.cash, ledger.fees];
    };
    const start = ledgerWith(intentOf('a', 'buy', '2'));
    const expected = outcomeOf(applyBrokerEvents(start, events).ledger);
    const shuffled = fc
      .shuffledSubarray([...events, ...events, ...events], { minLength: 15, maxLength: 15 })
      .map((all) => [...all]);
    fc.assert(
      fc.property(shuffled, (all) => {
        expect(outcomeOf(applyBrokerEvents(start, all).ledger)).toEqual(expected);
      }),
    );
  });
});
