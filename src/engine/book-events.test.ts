import { describe, expect, it } from 'vitest';
import { type BrokerEvent, epochMs, MINUTE_MS, type OrderIntent } from '../core/index.ts';
import { parseCash } from '../matching/index.ts';
import {
  DEFAULT_PROTECTION_SETTINGS,
  DEFAULT_RISK_SETTINGS,
  enterIntents,
  openLedger,
  pendingCancels,
} from '../trading/index.ts';
import {
  bookEvents,
  closePositions,
  closeUnprotected,
  haltUnreconciled,
  positionsWithoutExit,
  unprotectedPositions,
} from './book-events.ts';
import { type BookState, initialBookState, observeCandles } from './book-state.ts';
import { decodeBookState } from './book-state-text.ts';
import { minuteAt, START, testCandle, testInstrument, testSettings } from './decide-fixtures.ts';

const SYMBOL = 'AUSDT';
const settings = testSettings();
const instruments = new Map([[SYMBOL, testInstrument(SYMBOL)]]);
const AT = epochMs(START + 12_345);

const entry: OrderIntent = {
  clientOrderId: 'entry',
  book: 'main',
  strategy: 'ml',
  symbol: SYMBOL,
  side: 'buy',
  purpose: 'entry',
  type: 'market',
  quantity: '4',
  reduceOnly: false,
  decidedAt: START,
  validUntil: minuteAt(15),
  protection: { stopPrice: '98', targets: [{ price: '104', share: 1 }], quantityStep: '0.001' },
  referencePrice: '100',
};

const fill = (id: string, number: number, quantity: string, price = '100'): BrokerEvent => ({
  kind: 'fill',
  fillId: `${id}/${number}`,
  clientOrderId: id,
  quantity,
  price,
  fee: '0.2',
  time: AT,
});
const status = (clientOrderId: string, to: 'ACCEPTED' | 'TRIGGERED' | 'REJECTED'): BrokerEvent => ({
  kind: 'status',
  clientOrderId,
  status: to,
  time: AT,
});

/** The state after the minute that decided the entry. */
function started(): BookState {
  const state = initialBookState(DEFAULT_RISK_SETTINGS);
  const markets = observeCandles(state.markets, [testCandle(SYMBOL, START)], settings.sizing);
  return { ...state, minute: START, markets, ledger: enterIntents(openLedger(parseCash('10000')), [entry]).ledger };
}

const sent = ({ record }: ReturnType<typeof bookEvents>) =>
  record.intents.map(({ purpose, quantity, triggerPrice }) => `${purpose} ${quantity} at ${triggerPrice ?? 'market'}`);
const legId = ({ record }: ReturnType<typeof bookEvents>, purpose: string) =>
  record.intents.find((intent) => intent.purpose === purpose)?.clientOrderId ?? '';

describe('what a broker reports between two minutes', () => {
  it('brings the stop of what has filled, committed as SUBMITTING, and the state that a restart goes on from', () => {
    const first = bookEvents(started(), [fill('entry', 1, '1')], instruments, settings);
    expect(sent(first)).toEqual(['stop 1 at 98']);
    expect(first.record).toMatchObject({ minute: START, fills: [{ quantity: '1' }], positions: [{ quantity: '1' }] });
    expect(decodeBookState(first.record.bookState)).toEqual(first.state);
    const second = bookEvents(
      first.state,
      [status(legId(first, 'stop'), 'ACCEPTED'), fill('entry', 2, '3')],
      instruments,
      settings,
    );
    expect(sent(second)).toEqual(['stop 4 at 98', 'target 4 at 104']);
    expect(second.cancels).toEqual([]);
    // Only when the new one is confirmed.
    const third = bookEvents(second.state, [status(legId(second, 'stop'), 'ACCEPTED')], instruments, settings);
    expect(third.cancels).toEqual([legId(first, 'stop')]);
    expect(third.state.unseenFills.map(({ fillId }) => fillId)).toEqual(['entry/1', 'entry/2']);
  });

  it('tries a refused stop again as another order, and not for ever', () => {
    let state = bookEvents(started(), [fill('entry', 1, '4')], instruments, settings);
    const tried = new Set<string>();
    for (let i = 0; i < 6 && legId(state, 'stop') !== ''; i++) {
      expect(tried.has(legId(state, 'stop'))).toBe(false);
      tried.add(legId(state, 'stop'));
      state = bookEvents(state.state, [status(legId(state, 'stop'), 'REJECTED')], instruments, settings);
    }
    expect(tried.size).toBe(4);
    expect(unprotectedPositions(state.state)).toEqual([`ml/${SYMBOL}`]);
  });

  it('ends the legs of a position that is gone, and never sends those that were not', () => {
    const held = bookEvents(started(), [fill('entry', 1, '4')], instruments, settings);
    const [stop, target] = [legId(held, 'stop'), legId(held, 'target')];
    const accepted = bookEvents(
      held.state,
      [status(stop, 'ACCEPTED'), status(target, 'ACCEPTED')],
      instruments,
      settings,
    );
    const closed = bookEvents(accepted.state, [fill(stop, 1, '4', '97.9')], instruments, settings);
    expect(closed.cancels).toEqual([target]);
    expect(closed.record.intents).toEqual([]);
    const atOnce = bookEvents(
      started(),
      [
        fill('entry', 1, '4'),
        {
          kind: 'external',
          book: 'main',
          fillId: 'v',
          symbol: SYMBOL,
          side: 'sell',
          quantity: '4',
          price: '99',
          fee: '0',
          time: AT,
          reason: 'EXTERNAL_LIQUIDATION',
        },
      ],
      instruments,
      settings,
    );
    expect(atOnce.record.intents).toEqual([]);
    expect([...atOnce.state.ledger.orders.values()].map((order) => order.status)).not.toContain('SUBMITTING');
  });
});

describe('positions without a confirmed stop', () => {
  const bare = bookEvents(started(), [fill('entry', 1, '4')], instruments, settings).state;

  it('are those that stops known to be at the venue, and exits under way, do not cover', () => {
    expect(unprotectedPositions(bare)).toEqual([`ml/${SYMBOL}`]);
    const stop = [...bare.ledger.orders.values()].find(({ intent }) => intent.purpose === 'stop')?.intent.clientOrderId;
    const covered = bookEvents(bare, [status(stop ?? '', 'ACCEPTED')], instruments, settings).state;
    expect(unprotectedPositions(covered)).toEqual([]);
  });

  it('are closed at market, again where that was refused', () => {
    const closing = closeUnprotected(bare, [`ml/${SYMBOL}`], AT, settings);
    expect(closing.record.intents).toMatchObject([
      { purpose: 'exit', side: 'sell', quantity: '4', reduceOnly: true, reason: 'PROTECTION_UNCONFIRMED' },
    ]);
    expect(unprotectedPositions(closing.state)).toEqual([]);
    const [exit] = closing.record.intents;
    const refused = bookEvents(
      closing.state,
      [status(exit?.clientOrderId ?? '', 'REJECTED')],
      instruments,
      settings,
    ).state;
    const again = closeUnprotected(refused, unprotectedPositions(refused), epochMs(AT + 1_000), settings);
    expect(again.record.intents).toHaveLength(1);
    expect(again.record.intents[0]?.clientOrderId).not.toBe(exit?.clientOrderId);
  });

  it('halt trading where their strategy says so', () => {
    const [strategy] = settings.strategies;
    if (strategy === undefined) throw new Error('no strategy');
    const protection = { ...DEFAULT_PROTECTION_SETTINGS, whenUnconfirmed: 'halt' as const };
    const careful = { ...settings, strategies: [Object.assign(Object.create(strategy), { protection })] };
    const halted = closeUnprotected(bare, [`ml/${SYMBOL}`], AT, careful);
    expect(halted.record.intents).toEqual([]);
    expect(halted.record.riskEvents).toMatchObject([
      { action: 'risk.latch', mode: 'HALTED', reason: 'PROTECTION_UNCONFIRMED' },
    ]);
  });
});

it('all positions are closed by orders of the moment, those that an exit closes already left alone', () => {
  const bare = bookEvents(started(), [fill('entry', 1, '4')], instruments, settings).state;
  expect(positionsWithoutExit(bare)).toEqual([`ml/${SYMBOL}`]);
  const closing = closePositions(bare, positionsWithoutExit(bare), AT, 'RISK_CLOSE_ALL', settings);
  expect(closing.record.intents).toMatchObject([
    { purpose: 'exit', quantity: '4', decidedAt: AT, reason: 'RISK_CLOSE_ALL' },
  ]);
  expect(positionsWithoutExit(closing.state)).toEqual([]);
});

it('an exit asks only for what no stop closes at market already, which a venue would refuse', () => {
  const first = bookEvents(started(), [fill('entry', 1, '3')], instruments, settings);
  const stop = legId(first, 'stop');
  const events = (...kinds: ('ACCEPTED' | 'TRIGGERED')[]) => kinds.map((kind) => status(stop, kind));
  const triggered = bookEvents(first.state, events('ACCEPTED', 'TRIGGERED'), instruments, settings).state;
  expect(positionsWithoutExit(triggered)).toEqual([]);
  const { state } = bookEvents(triggered, [fill('entry', 2, '2')], instruments, settings);
  const closing = closePositions(state, positionsWithoutExit(state), AT, 'RISK_CLOSE_ALL', settings);
  expect(closing.record.intents).toMatchObject([{ purpose: 'exit', quantity: '2' }]);
  const rest = bookEvents(closing.state, [fill(stop, 1, '1')], instruments, settings).state;
  expect([positionsWithoutExit(rest), unprotectedPositions(rest)]).toEqual([[], []]);
});

it('an account that disagrees halts trading with the list, and ends entries that work', () => {
  const halted = haltUnreconciled(started(), AT, 'BTCUSDT long: book 1, venue 0', settings);
  expect(halted.record.riskEvents).toMatchObject([
    { reason: 'RISK_UNRECONCILED', text: 'BTCUSDT long: book 1, venue 0' },
  ]);
  expect(pendingCancels(halted.state.ledger)).toEqual(['entry']);
  expect(halted.cancels).toEqual(['entry']);
  expect(haltUnreconciled(halted.state, epochMs(AT + MINUTE_MS), 'again', settings).record.riskEvents).toEqual([]);
});
