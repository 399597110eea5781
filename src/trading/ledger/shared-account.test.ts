import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type BrokerEvent, epochMs, type OrderIntent } from '../../core/index.ts';
import { formatCash, parseCash, parseQuantity } from '../../matching/index.ts';
import { applyBrokerEvents, enterIntents } from './booking.ts';
import { type Ledger, openLedger } from './ledger.ts';
import { forgetEnded, lastCashFlowAt } from './working-orders.ts';

const T = epochMs(1_750_000_020_000);

const order = (id: string, strategy: string, changes: Partial<OrderIntent>): OrderIntent => ({
  clientOrderId: id,
  book: 'main',
  strategy,
  symbol: 'XUSDT',
  side: 'buy',
  purpose: 'entry',
  type: 'market',
  quantity: '10',
  reduceOnly: false,
  decidedAt: T,
  validUntil: epochMs(T + 900_000),
  referencePrice: '100',
  ...changes,
});
const exit = (id: string, strategy: string, quantity: string): OrderIntent =>
  order(id, strategy, { side: 'sell', purpose: 'exit', quantity, reduceOnly: true });

const fill = (id: string, number: number, quantity: string, price: string): BrokerEvent => ({
  kind: 'fill',
  fillId: `${id}/${number}`,
  clientOrderId: id,
  quantity,
  price,
  fee: '0.03',
  time: epochMs(T + number),
});

const external = (quantity: string, fee = '0.05'): BrokerEvent => ({
  kind: 'external',
  book: 'main',
  fillId: 'X:77',
  symbol: 'XUSDT',
  side: 'sell',
  quantity,
  price: '90',
  fee,
  time: epochMs(T + 500),
  reason: 'EXTERNAL_LIQUIDATION',
});

const flow = (flowId: string, amount: string, time = T): BrokerEvent => ({
  kind: 'cash',
  flowId,
  cause: flowId.startsWith('f') ? 'funding' : 'transfer',
  amount,
  time,
});

const entered = (...intents: OrderIntent[]): Ledger => enterIntents(openLedger(parseCash('10000')), intents).ledger;
const held = ({ positions }: Ledger) =>
  Object.fromEntries([...positions].map(([key, { quantity }]) => [key, Number(quantity) / 1e8]));
const sumOf = ({ positions }: Ledger) => [...positions.values()].reduce((sum, { quantity }) => sum + quantity, 0n);
const isOf = (id: string, number?: number) => (event: BrokerEvent) =>
  event.kind === 'fill' && event.clientOrderId === id && (number === undefined || event.fillId === `${id}/${number}`);
const spent = ({ cash, positions }: Ledger) => cash - [...positions.values()].reduce((sum, { cost }) => sum + cost, 0n);

describe('money that comes and goes other than by trading', () => {
  it('is booked once, by its cause, and its time is known', () => {
    const booked = applyBrokerEvents(entered(), [flow('f1', '-1.5'), flow('f1', '-1.5'), flow('t1', '500')]);
    expect(booked.cashFlows.map(({ flowId }) => flowId)).toEqual(['f1', 't1']);
    const { cash, funding, transfers } = applyBrokerEvents(booked.ledger, [flow('t1', '500')]).ledger;
    expect([cash, funding, transfers].map(formatCash)).toEqual(['10498.5', '-1.5', '500']);
    expect(lastCashFlowAt(booked.ledger)).toBe(T);
  });

  it('is remembered for two days, longer than it is asked for', () => {
    const { ledger } = applyBrokerEvents(entered(), [flow('f1', '1')]);
    const retention = { orders: 0, legs: 0 } as never;
    expect(forgetEnded(ledger, epochMs(T + 86_400_000), retention).flows.size).toBe(1);
    const next = applyBrokerEvents(ledger, [flow('f2', '1', epochMs(T + 3 * 86_400_000))]).ledger;
    expect([...forgetEnded(next, epochMs(T + 3 * 86_400_000), retention).flows.keys()]).toEqual(['f2']);
  });

  it('is booked once where a restart tells it again, however long ago the newest came: those shortly before are asked for too', () => {
    const { ledger } = applyBrokerEvents(entered(), [flow('f1', '1'), flow('f2', '1', epochMs(T + 1_000))]);
    const later = forgetEnded(ledger, epochMs(T + 3 * 86_400_000), { orders: 0, legs: 0 } as never);
    expect(lastCashFlowAt(later)).toBe(T + 1_000);
    expect(applyBrokerEvents(later, [flow('f1', '1'), flow('f2', '1')]).cashFlows).toEqual([]);
  });

  it('is never forgotten altogether: where the account was taken over stays known', () => {
    const { ledger } = applyBrokerEvents(entered(), [flow('f1', '1')]);
    const later = forgetEnded(ledger, epochMs(T + 30 * 86_400_000), { orders: 0, legs: 0 } as never);
    expect(lastCashFlowAt(later)).toBe(T);
  });
});

describe('an execution that nobody here ordered', () => {
  const start = applyBrokerEvents(entered(order('a', 'one', {}), order('b', 'two', {})), [
    fill('a', 1, '10', '100'),
    fill('b', 1, '4', '110'),
  ]).ledger;

  it('takes from the positions on its side, the oldest first, by orders born filled with its reason', () => {
    const { ledger, fills, orderEvents, unknown } = applyBrokerEvents(start, [external('12')]);
    expect(held(ledger)).toEqual({ 'two/XUSDT': 2 });
    expect(fills.map(({ strategy, quantity, realizedPnl }) => [strategy, quantity, realizedPnl])).toEqual([
      ['one', '10', '-100'],
      ['two', '2', '-40'],
    ]);
    expect(fills.reduce((sum, { fee }) => sum + parseCash(fee), 0n)).toBe(parseCash('0.05'));
    expect(orderEvents.filter(({ reason }) => reason === 'EXTERNAL_LIQUIDATION')).toHaveLength(2);
    expect(unknown).toEqual([]);
    expect(applyBrokerEvents(ledger, [external('12')]).ledger).toEqual(ledger);
  });

  it('that reduces nothing is not booked, and said so', () => {
    const event = { ...external('1'), side: 'buy' as const };
    expect(applyBrokerEvents(start, [event])).toMatchObject({ ledger: start, unknown: [event], fills: [] });
  });
});

describe('strategies that share an account', () => {
  const intents = [order('a', 'one', {}), order('b', 'two', {}), exit('x', 'one', '10'), exit('t', 'one', '5')];

  it('a target that was reached after its position was closed has reduced what another strategy holds', () => {
    const { ledger, fills } = applyBrokerEvents(entered(...intents), [
      fill('a', 1, '10', '100'),
      fill('b', 1, '10', '100'),
      fill('x', 2, '10', '101'),
      fill('t', 3, '5', '102'),
    ]);
    expect(held(ledger)).toEqual({ 'two/XUSDT': 5 });
    expect(fills.at(-1)).toMatchObject({ strategy: 'two', quantity: '5', realizedPnl: '10' });
    expect(ledger.orders.get('t')?.status).toBe('FILLED');
  });

  it('end the same in whatever order their executions become known: positions, what was paid, and each order', () => {
    const all = [
      fill('a', 1, '6', '100'),
      fill('a', 2, '4', '100.5'),
      fill('b', 1, '3', '99'),
      fill('b', 2, '7', '99.5'),
      fill('x', 3, '10', '101'),
      fill('t', 4, '5', '102'),
    ];
    const orderly = applyBrokerEvents(entered(...intents), all).ledger;
    expect(held(orderly)).toEqual({ 'two/XUSDT': 5 });
    fc.assert(
      fc.property(
        fc.shuffledSubarray(all, { minLength: all.length }),
        fc.array(fc.nat(5), { maxLength: 3 }),
        (shuffled, repeated) => {
          const events = [...shuffled, ...repeated.flatMap((index) => shuffled[index] ?? [])];
          // One by one, as they come between minutes.
          const ledger = events.reduce((known, event) => applyBrokerEvents(known, [event]).ledger, entered(...intents));
          // Legs and exits are made of executions that are known: those come first in fact, and then even the owner is the same.
          const isCausal =
            events.findIndex(isOf('a', 2)) < Math.min(events.findIndex(isOf('x')), events.findIndex(isOf('t')));
          if (isCausal && events.findIndex(isOf('a', 1)) < events.findIndex(isOf('x')))
            expect(held(ledger)).toEqual(held(orderly));
          expect(sumOf(ledger)).toBe(sumOf(orderly));
          expect(spent(ledger)).toBe(spent(orderly));
          expect(ledger.fees).toBe(orderly.fees);
          for (const id of ['a', 'b', 'x', 't']) expect(ledger.orders.get(id)?.status).toBe('FILLED');
          expect(ledger.cash).toBe(parseCash('10000') + ledger.realized - ledger.fees);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('an overshoot is nothing at the venue and ends when what it belongs to is known', () => {
    const early = applyBrokerEvents(entered(...intents), [fill('t', 1, '5', '102')]).ledger;
    expect([...early.positions.values()]).toMatchObject([{ quantity: -parseQuantity('5'), isOvershoot: true }]);
    const settled = applyBrokerEvents(early, [fill('b', 2, '10', '99')]);
    expect(held(settled.ledger)).toEqual({ 'two/XUSDT': 5 });
    expect(settled.fills.filter(({ fillId }) => fillId.startsWith('settled'))).toHaveLength(2);
  });
});
