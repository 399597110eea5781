import { describe, expect, it } from 'vitest';
import { formatCash } from '../exact.ts';
import { averagePriceOf } from './account.ts';
import { accountBench, FREE } from './account-fixture.ts';
import { DEFAULT_EXCHANGE_SETTINGS } from './settings.ts';

describe('market orders at a venue', () => {
  it('fill at once at the price that stands, moved by spread and impact, and pay the taker fee', () => {
    const settings = { ...FREE, costs: { ...FREE.costs, takerFeeBps: 5, impactBpsPerSqrtParticipation: 100 } };
    const bench = accountBench({ settings });
    bench.open('100', 400);
    const order = bench.order({ quantity: '4' });
    // A hundredth of the volume: 100 bp x 0.1 = 0.1, and half a tick of spread, rounded up to the tick.
    expect(bench.fills()).toEqual(['buy 4@100.2']);
    expect(order.status).toBe('filled');
    expect(bench.wallet()).toBe('9999.7996');
  });

  it('take no more than their share of the minute, work on in the next ones and expire', () => {
    const settings = { ...FREE, costs: { ...FREE.costs, maxParticipation: 0.1 }, marketOrderLifeMs: 3 * 60_000 };
    const bench = accountBench({ settings });
    bench.open('100', 10);
    const order = bench.order({ quantity: '5' });
    const other = bench.order({ quantity: '1', side: 'sell' });
    expect([order.status, other.status]).toEqual(['partially-filled', 'new']);
    bench.open('101', 20);
    bench.open('102', 5);
    expect(bench.fills()).toEqual(['buy 1@100.1', 'buy 2@101.1', 'buy 0.5@102.1']);
    bench.open('103', 100);
    expect([order.status, other.status]).toEqual(['expired', 'expired']);
    expect(bench.position()).toBe('3.5@100.957142857143');
  });

  it('fill nothing in a minute without volume', () => {
    const bench = accountBench();
    bench.open('100', 0);
    expect(bench.order({}).status).toBe('new');
    bench.open('99');
    expect(bench.fills()).toEqual(['buy 1@99.1']);
  });

  it('are cut into as many executions as asked for', () => {
    const bench = accountBench({ slices: 3 });
    const order = bench.order({ quantity: '1' });
    expect(bench.fills()).toEqual(['buy 0.333@100.1', 'buy 0.333@100.1', 'buy 0.334@100.1']);
    expect(order.status).toBe('filled');
  });
});

describe('limit orders at a venue', () => {
  it('rest, and fill at their price as makers when the price trades through, not when it touches', () => {
    const bench = accountBench({ settings: { ...FREE, makerFeeBps: 2 } });
    const order = bench.order({ price: '99' });
    bench.walk('99');
    expect(order.status).toBe('new');
    bench.walk('98.9');
    expect(bench.fills()).toEqual(['buy 1@99']);
    expect(bench.wallet()).toBe('9999.9802');
  });

  it('fill at their price in a gap', () => {
    const bench = accountBench();
    bench.order({ price: '99' });
    bench.open('90');
    expect(bench.fills()).toEqual(['buy 1@99']);
  });

  it('take up to their limit when they cross, and rest with what is left', () => {
    const settings = { ...FREE, costs: { ...FREE.costs, impactBpsPerSqrtParticipation: 1_000 } };
    const bench = accountBench({ settings });
    bench.open('100', 1);
    const order = bench.order({ price: '101', quantity: '3' });
    expect(bench.fills()).toEqual(['buy 1@101']);
    bench.open('102', 10);
    expect(order.status).toBe('partially-filled');
    bench.walk('100.9');
    expect(bench.fills()).toEqual(['buy 1@101', 'buy 2@101']);
  });

  it('IOC: what cannot be taken at once expires', () => {
    const bench = accountBench();
    bench.open('100', 1);
    const order = bench.order({ price: '101', quantity: '3', timeInForce: 'immediate-or-cancel' });
    expect([order.status, order.filled]).toEqual(['expired', 100_000_000n]);
    expect(bench.order({ price: '99', timeInForce: 'immediate-or-cancel' }).status).toBe('expired');
  });

  it('FOK: all or nothing', () => {
    const bench = accountBench();
    bench.open('100', 1);
    const fok = (quantity: string) => bench.order({ price: '101', quantity, timeInForce: 'fill-or-kill' });
    expect(bench.refusal(() => fok('3'))).toBe('FILL_OR_KILL_UNFILLABLE');
    expect(fok('1').status).toBe('filled');
  });

  it('post-only: refused where it would take', () => {
    const bench = accountBench();
    const postOnly = (side: 'buy' | 'sell', price: string) => bench.order({ side, price, timeInForce: 'post-only' });
    expect(bench.refusal(() => postOnly('buy', '100.1'))).toBe('POST_ONLY_WOULD_TAKE');
    expect(bench.refusal(() => postOnly('sell', '100'))).toBe('POST_ONLY_WOULD_TAKE');
    expect(postOnly('buy', '100').status).toBe('new');
    expect(postOnly('sell', '100.1').status).toBe('new');
  });

  it('fill in the order in which a falling price comes to them', () => {
    const bench = accountBench();
    bench.order({ price: '98', quantity: '2' });
    bench.order({ price: '99', quantity: '1' });
    bench.walk('97');
    expect(bench.fills()).toEqual(['buy 1@99', 'buy 2@98']);
  });

  it('go when cancelled, once', () => {
    const bench = accountBench();
    const order = bench.order({ price: '99' });
    bench.account.cancel(order, bench.now());
    expect(bench.refusal(() => bench.account.cancel(order, bench.now()))).toBe('ORDER_UNKNOWN');
    bench.walk('90');
    expect(bench.fills()).toEqual([]);
  });
});

describe('conditional orders at a venue', () => {
  it('a stop triggers at a touch and fills at its price on the way, at the open in a gap', () => {
    const bench = accountBench();
    bench.order({ quantity: '2' });
    bench.conditional({ triggerPrice: '98' });
    bench.walk('98');
    bench.conditional({ triggerPrice: '95' });
    bench.open('90');
    expect(bench.fills()).toEqual(['buy 2@100.1', 'sell 1@97.9', 'sell 1@89.9']);
  });

  it('a take-profit waits for the other side', () => {
    const bench = accountBench();
    bench.order({});
    const order = bench.conditional({ type: 'take-profit', triggerPrice: '105', reduceOnly: true });
    bench.walk('90');
    expect(order.status).toBe('new');
    bench.walk('110');
    expect(bench.fills()).toEqual(['buy 1@100.1', 'sell 1@104.9']);
    expect(order.status).toBe('finished');
    expect(order.order && averagePriceOf(order.order)).toBe(104_900_000_000_000n);
  });

  it('a stop with a limit becomes a limit order', () => {
    const bench = accountBench();
    const order = bench.conditional({ side: 'buy', triggerPrice: '105', price: '104' });
    bench.walk('106');
    expect([order.status, order.order?.status]).toEqual(['triggered', 'new']);
    bench.walk('103');
    expect(order.status).toBe('finished');
  });

  it('a trailing stop follows the best price, from its activation on', () => {
    const bench = accountBench();
    bench.order({ quantity: '2' });
    bench.conditional({ type: 'trailing-stop', callbackPerMille: 50 });
    bench.conditional({ type: 'trailing-stop', callbackPerMille: 50, triggerPrice: '130' });
    bench.walk('120');
    bench.walk('115');
    expect(bench.fills()).toHaveLength(1);
    bench.walk('110');
    expect(bench.fills()).toEqual(['buy 2@100.1', 'sell 1@113.9']);
    bench.walk('140');
    bench.walk('100');
    expect(bench.fills().at(-1)).toBe('sell 1@132.9');
  });

  it('close a position whole whatever it has become, and expire where there is none', () => {
    const bench = accountBench();
    bench.order({ quantity: '3' });
    const stop = bench.conditional({ triggerPrice: '98', closePosition: true, quantity: '0' });
    const target = bench.conditional({
      type: 'take-profit',
      triggerPrice: '105',
      closePosition: true,
      quantity: '0',
    });
    bench.order({ quantity: '2' });
    bench.walk('97');
    expect(bench.fills().at(-1)).toBe('sell 5@97.9');
    bench.walk('106');
    expect([stop.status, target.status]).toEqual(['finished', 'expired']);
  });

  it('are rejected when what they become is refused', () => {
    const bench = accountBench();
    const order = bench.conditional({ triggerPrice: '98', reduceOnly: true });
    bench.walk('97');
    expect(order.status).toBe('rejected');
    const event = bench.events.at(-1);
    expect(event?.kind === 'conditional' && event.reason).toBe('REDUCE_ONLY_REJECTED');
  });

  it('are refused where they would trigger at once', () => {
    const bench = accountBench();
    const refused = (words: Parameters<typeof bench.conditional>[0]) => bench.refusal(() => bench.conditional(words));
    expect(refused({ triggerPrice: '100' })).toBe('WOULD_TRIGGER_AT_ONCE');
    expect(refused({ side: 'buy', triggerPrice: '99' })).toBe('WOULD_TRIGGER_AT_ONCE');
    expect(refused({ type: 'take-profit', triggerPrice: '99' })).toBe('WOULD_TRIGGER_AT_ONCE');
    expect(refused({ type: 'trailing-stop', callbackPerMille: 500 })).toBe('CALLBACK_RATE_INVALID');
  });
});

describe('positions at a venue', () => {
  it('reduce-only orders never increase or turn a position, and end when it is gone', () => {
    const bench = accountBench();
    bench.order({ quantity: '2' });
    const resting = bench.order({ side: 'sell', price: '103', reduceOnly: true });
    const order = bench.order({ side: 'sell', quantity: '5', reduceOnly: true });
    expect([order.status, order.filled, resting.status]).toEqual(['expired', 200_000_000n, 'expired']);
    expect(bench.position()).toBe('0@0');
    expect(bench.refusal(() => bench.order({ side: 'sell', reduceOnly: true }))).toBe('REDUCE_ONLY_REJECTED');
    bench.order({});
    expect(bench.refusal(() => bench.order({ side: 'buy', reduceOnly: true }))).toBe('REDUCE_ONLY_REJECTED');
  });

  it('turn through zero in one-way mode, with the profit of what was closed', () => {
    const bench = accountBench();
    bench.order({ quantity: '2' });
    bench.open('110');
    bench.order({ side: 'sell', quantity: '3' });
    expect(bench.position()).toBe('-1@109.9');
    expect(bench.wallet()).toBe('10019.6');
  });

  it('stand side by side in hedge mode, where a leg cannot be oversold', () => {
    const bench = accountBench();
    bench.account.setHedgeMode(true);
    bench.order({ positionSide: 'long', quantity: '2' });
    bench.order({ positionSide: 'short', side: 'sell', quantity: '1' });
    expect([bench.position('long'), bench.position('short')]).toEqual(['2@100.1', '-1@99.9']);
    bench.order({ positionSide: 'long', side: 'sell', price: '103', quantity: '1.5' });
    const close = (quantity: string) => bench.order({ positionSide: 'long', side: 'sell', quantity });
    expect(bench.refusal(() => close('1'))).toBe('REDUCE_ONLY_REJECTED');
    close('0.5');
    bench.order({ positionSide: 'short', side: 'buy', quantity: '1' });
    expect([bench.position('long'), bench.position('short')]).toEqual(['1.5@100.1', '0@0']);
  });

  it('pay and receive funding', () => {
    const bench = accountBench();
    bench.order({ quantity: '2' });
    bench.account.settleFunding('XUSDT', 0.0001, bench.now());
    expect(bench.wallet()).toBe('9999.98');
    bench.account.settleFunding('XUSDT', -0.001, bench.now());
    expect(bench.wallet()).toBe('10000.18');
  });

  it('are closed at the last price when the instrument ends', () => {
    const bench = accountBench();
    bench.order({ quantity: '2' });
    const resting = bench.order({ price: '97' });
    const stop = bench.conditional({ triggerPrice: '95' });
    bench.account.settleInstrument('XUSDT', bench.now());
    expect(bench.position()).toBe('0@0');
    expect([resting.status, stop.status]).toEqual(['expired', 'expired']);
    expect(bench.account.symbolsInUse().size).toBe(0);
  });
});

describe('margin at a venue', () => {
  it('refuses what the balance does not carry, and lets reductions pass', () => {
    const bench = accountBench({ balance: '100' });
    expect(bench.refusal(() => bench.order({ quantity: '21' }))).toBe('MARGIN_INSUFFICIENT');
    bench.order({ quantity: '19' });
    expect(bench.refusal(() => bench.order({ quantity: '2', price: '99' }))).toBe('MARGIN_INSUFFICIENT');
    bench.order({ side: 'sell', quantity: '19' });
    expect(bench.position()).toBe('0@0');
  });

  it('counts the worse side of open orders beside the position', () => {
    const bench = accountBench({ balance: '1000' });
    bench.order({ price: '100', quantity: '10' });
    bench.order({ side: 'sell', price: '102', quantity: '20' });
    const { orderInitial, positionInitial, available } = bench.account.margin();
    expect([orderInitial, positionInitial, available].map(formatCash)).toEqual(['102', '0', '898']);
  });

  it('liquidates a cross position where its margin is used up, with a fee, never below zero', () => {
    const settings = { ...FREE, liquidationFeeRate: DEFAULT_EXCHANGE_SETTINGS.liquidationFeeRate };
    const bench = accountBench({ settings, balance: '100' });
    bench.order({ quantity: '10' });
    const stop = bench.conditional({ triggerPrice: '80' });
    const resting = bench.order({ price: '92' });
    // 100 + 10 p - 1001 = 0.025 x 10 p: p = 92.41
    bench.walk('92.5');
    expect(bench.position()).toBe('10@100.1');
    bench.walk('90');
    expect(bench.position()).toBe('0@0');
    expect([stop.status, resting.status]).toEqual(['expired', 'expired']);
    expect(bench.account.ledger.total('liquidation-fee')).toBeLessThan(0n);
    expect(bench.account.ledger.wallet).toBeGreaterThan(0n);
    const forced = bench.account.orders.all().at(-1);
    expect(forced).toMatchObject({
      isForced: true,
      status: 'filled',
      clientOrderId: expect.stringMatching(/^autoclose-/),
    });
  });

  it('covers what a gap costs beyond the balance from insurance', () => {
    const bench = accountBench({ balance: '100' });
    bench.order({ quantity: '10' });
    bench.open('50');
    expect(bench.wallet()).toBe('0');
    expect(bench.account.ledger.total('insurance')).toBeGreaterThan(0n);
  });

  it('takes no more of a fee than is left', () => {
    const bench = accountBench({ balance: '100' });
    bench.order({ quantity: '10' });
    // Sold at 90.2: 1 of 100 is left, and the fee would be 11.
    bench.open('90.3');
    expect([bench.position(), bench.wallet()]).toEqual(['0@0', '0']);
    expect(formatCash(bench.account.ledger.total('liquidation-fee'))).toBe('-1');
  });

  it('does not let isolated margin back cross positions', () => {
    const bench = accountBench({ balance: '200' });
    bench.account.setMarginMode('YUSDT', true);
    bench.open('100', 1_000_000, 'YUSDT');
    bench.order({ symbol: 'YUSDT', quantity: '20' });
    bench.order({ quantity: '10' });
    // 99.9 of cash beside the 100.1 of the isolated position: 99.9 + 10 p - 1001 = 0.025 x 10 p, p = 92.42.
    bench.walk('92.5');
    expect(bench.position()).toBe('10@100.1');
    bench.walk('92.4');
    expect([bench.position(), bench.position('both', 'YUSDT')]).toEqual(['0@0', '20@100.1']);
  });

  it('lets an isolated position lose its own margin alone', () => {
    const bench = accountBench({ balance: '1000' });
    bench.account.setMarginMode('XUSDT', true);
    bench.account.setLeverage('XUSDT', 10, bench.now());
    bench.order({ quantity: '10' });
    expect(formatCash(bench.account.margin().crossWallet)).toBe('899.9');
    bench.open('50');
    expect([bench.position(), bench.wallet()]).toEqual(['0@0', '899.9']);
  });

  it('changes leverage, margin and position mode only where nothing stands against it', () => {
    const bench = accountBench({ balance: '1000' });
    const { account, refusal, now } = bench;
    expect(refusal(() => account.setLeverage('XUSDT', 21, now()))).toBe('LEVERAGE_OUT_OF_RANGE');
    expect(refusal(() => account.setMarginMode('XUSDT', false))).toBe('MARGIN_MODE_UNCHANGED');
    expect(refusal(() => account.setHedgeMode(false))).toBe('POSITION_MODE_UNCHANGED');
    const order = bench.order({ price: '99' });
    expect(refusal(() => account.setMarginMode('XUSDT', true))).toBe('MARGIN_MODE_WITH_ORDERS');
    expect(refusal(() => account.setHedgeMode(true))).toBe('POSITION_MODE_WITH_ORDERS');
    account.cancel(order, now());
    bench.order({ quantity: '50' });
    expect(refusal(() => account.setMarginMode('XUSDT', true))).toBe('MARGIN_MODE_WITH_POSITION');
    expect(refusal(() => account.setHedgeMode(true))).toBe('POSITION_MODE_WITH_POSITIONS');
    expect(refusal(() => account.setLeverage('XUSDT', 2, now()))).toBe('LEVERAGE_NEEDS_MARGIN');
    expect(account.marginOf('XUSDT').leverage).toBe(20);
  });
});

describe('rules of a venue', () => {
  it.each([
    ['QUANTITY_NOT_POSITIVE', { quantity: '0' }],
    ['QUANTITY_OFF_STEP', { quantity: '1.0005' }],
    ['QUANTITY_BELOW_MINIMUM', { quantity: '0.0005' }],
    ['PRICE_NOT_POSITIVE', { price: '0', type: 'limit' }],
    ['PRICE_OFF_TICK', { price: '99.05' }],
    ['PRICE_ABOVE_BAND', { price: '105.1' }],
    ['PRICE_BELOW_BAND', { price: '94.9', side: 'sell' }],
    ['NOTIONAL_BELOW_MINIMUM', { quantity: '0.04' }],
    ['CLIENT_ID_INVALID', { clientOrderId: 'no blanks' }],
    ['POSITION_SIDE_MISMATCH', { positionSide: 'long' }],
    ['NO_PRICE', { symbol: 'YUSDT' }],
    ['NO_PRICE', { symbol: 'NONE' }],
  ] as const)('%s', (reason, words) => {
    const bench = accountBench();
    expect(bench.refusal(() => bench.order(words))).toBe(reason);
    expect(bench.events).toEqual([]);
  });

  it('a reduction may be worth less than the least order', () => {
    const bench = accountBench();
    bench.order({ quantity: '1' });
    expect(bench.order({ side: 'sell', quantity: '0.001', reduceOnly: true }).status).toBe('filled');
  });

  it('reduceOnly has no place in hedge mode', () => {
    const bench = accountBench();
    bench.account.setHedgeMode(true);
    const refused = bench.refusal(() => bench.order({ positionSide: 'long', side: 'sell', reduceOnly: true }));
    expect(refused).toBe('REDUCE_ONLY_IN_HEDGE_MODE');
    expect(bench.refusal(() => bench.order({}))).toBe('POSITION_SIDE_MISMATCH');
  });

  it('a client id is taken while its order is open, and free again afterwards', () => {
    const bench = accountBench();
    const first = bench.order({ clientOrderId: 'same', price: '99' });
    expect(bench.refusal(() => bench.order({ clientOrderId: 'same' }))).toBe('CLIENT_ID_DUPLICATE');
    bench.account.cancel(first, bench.now());
    const second = bench.order({ clientOrderId: 'same' });
    expect(bench.account.orders.find('XUSDT', undefined, 'same')).toBe(second);
    expect(bench.account.orders.find('XUSDT', first.id, undefined)).toBe(first);
  });

  it('open orders are limited in number, and ended ones are forgotten in time', () => {
    const bench = accountBench({ settings: { ...FREE, maxOpenOrders: 2, maxConditionalOrders: 1, historyLimit: 3 } });
    bench.order({ price: '98' });
    bench.order({ price: '98' });
    expect(bench.refusal(() => bench.order({ price: '98' }))).toBe('TOO_MANY_ORDERS');
    bench.conditional({ triggerPrice: '90' });
    expect(bench.refusal(() => bench.conditional({ triggerPrice: '90' }))).toBe('TOO_MANY_CONDITIONAL_ORDERS');
    for (const order of bench.account.orders.open()) bench.account.cancel(order, bench.now());
    for (let i = 0; i < 20; i++) bench.order({ quantity: '0.1', side: i % 2 === 0 ? 'buy' : 'sell' });
    expect(bench.account.orders.all().length).toBeLessThanOrEqual(4);
    expect(bench.account.ledger.fills.length).toBeLessThanOrEqual(4);
  });

  it('a client id used again is still known when its first order is forgotten', () => {
    const bench = accountBench({ settings: { ...FREE, historyLimit: 3 } });
    bench.order({ clientOrderId: 'again', quantity: '0.1' });
    const second = bench.order({ clientOrderId: 'again', price: '98' });
    for (let i = 0; i < 9; i++) bench.order({ quantity: '0.1' });
    expect(bench.account.orders.find('XUSDT', undefined, 'again')).toBe(second);
  });
});
