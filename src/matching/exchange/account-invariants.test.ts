import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { epochMs, MINUTE_MS } from '../../core/index.ts';
import { accountBench } from './account-fixture.ts';
import { closableBy } from './position.ts';
import { Refusal } from './refusal.ts';
import { DEFAULT_EXCHANGE_SETTINGS } from './settings.ts';

const price = fc.integer({ min: 800, max: 1_250 }).map((tenths) => String(tenths / 10));
const quantity = fc.integer({ min: 1, max: 900_000 }).map((thousandths) => String(thousandths / 1_000));
const side = fc.constantFrom('buy' as const, 'sell' as const);
const timeInForce = fc.constantFrom('good-till-cancel', 'immediate-or-cancel', 'fill-or-kill', 'post-only');
const words = { side, quantity, symbol: fc.constantFrom('XUSDT', 'YUSDT'), leg: fc.constantFrom('long', 'short') };

const action = fc.oneof(
  fc.record({ kind: fc.constant('market'), reduceOnly: fc.boolean(), ...words }),
  fc.record({ kind: fc.constant('limit'), reduceOnly: fc.boolean(), price, timeInForce, ...words }),
  fc.record({
    kind: fc.constant('conditional'),
    type: fc.constantFrom('stop' as const, 'take-profit' as const, 'trailing-stop' as const),
    reduceOnly: fc.boolean(),
    closePosition: fc.boolean(),
    triggerPrice: price,
    ...words,
  }),
  fc.record({ kind: fc.constant('open'), price, volume: fc.integer({ min: 0, max: 20_000 }), ...words }),
  fc.record({ kind: fc.constant('walk'), price, ...words }),
  fc.record({ kind: fc.constant('funding'), rate: fc.integer({ min: -75, max: 75 }), ...words }),
  fc.record({ kind: fc.constant('cancel'), ...words }),
  fc.record({ kind: fc.constant('leverage'), leverage: fc.integer({ min: 1, max: 20 }), ...words }),
  fc.record({ kind: fc.constant('settle'), ...words }),
);
type Action = Record<string, unknown> & { kind: string; symbol: string; side: 'buy' | 'sell'; leg: 'long' | 'short' };

function run(actions: readonly Action[], mode: { hedge: boolean; isolated: boolean; slices: number }) {
  const bench = accountBench({ settings: DEFAULT_EXCHANGE_SETTINGS, balance: '20000', slices: mode.slices });
  const { account } = bench;
  bench.open('100', 10_000, 'YUSDT');
  if (mode.hedge) account.setHedgeMode(true);
  if (mode.isolated) account.setMarginMode('YUSDT', true);
  for (const one of actions) {
    const { kind, symbol, side } = one;
    const positionSide = mode.hedge ? one.leg : 'both';
    const text = (name: string) => String(one[name] ?? '0');
    const reduceOnly = one.reduceOnly === true && !mode.hedge;
    try {
      if (kind === 'market') bench.order({ symbol, side, positionSide, reduceOnly, quantity: text('quantity') });
      else if (kind === 'limit') {
        const terms = { price: text('price'), quantity: text('quantity'), timeInForce: one.timeInForce as 'post-only' };
        bench.order({ symbol, side, positionSide, reduceOnly, ...terms });
      } else if (kind === 'conditional') {
        const closePosition = one.closePosition === true;
        const type = one.type as 'stop';
        const terms = { type, closePosition, callbackPerMille: one.type === 'trailing-stop' ? 20 : 0 };
        const amounts = { quantity: closePosition ? '0' : text('quantity'), triggerPrice: text('triggerPrice') };
        bench.conditional({ symbol, side, positionSide, reduceOnly, ...terms, ...amounts });
      } else if (kind === 'open') bench.open(text('price'), Number(one.volume), symbol);
      else if (kind === 'walk') bench.walk(text('price'), symbol);
      else if (kind === 'funding') account.settleFunding(symbol, Number(one.rate) / 10_000, bench.now());
      else if (kind === 'cancel') for (const order of account.orders.open(symbol)) account.cancel(order, bench.now());
      else if (kind === 'leverage') account.setLeverage(symbol, Number(one.leverage), bench.now());
      else account.settleInstrument(symbol, epochMs(bench.now() + MINUTE_MS / 2));
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
    }
  }
  return bench;
}

describe('an account at a venue, whatever is done with it', () => {
  const actions = fc.array(action, { minLength: 1, maxLength: 60 }) as fc.Arbitrary<Action[]>;
  const mode = fc.record({ hedge: fc.boolean(), isolated: fc.boolean(), slices: fc.integer({ min: 1, max: 4 }) });

  it('adds up to the last unit: wallet, positions and orders follow from the executions', () => {
    fc.assert(
      fc.property(actions, mode, (done, how) => {
        const { account } = run(done, how);
        const { ledger } = account;
        const total = (pick: (fill: (typeof ledger.fills)[number]) => bigint) =>
          ledger.fills.reduce((sum, fill) => sum + pick(fill), 0n);
        const other = ledger.total('funding') + ledger.total('insurance') + ledger.total('liquidation-fee');
        expect(ledger.wallet).toBe(ledger.initial + total((f) => f.realizedPnl) - total((f) => f.fee) + other);
        expect(ledger.incomes.reduce((sum, { amount }) => sum + amount, ledger.initial)).toBe(ledger.wallet);
        for (const position of account.positions) {
          const own = ledger.fills.filter(
            ({ order }) => order.symbol === position.symbol && order.positionSide === position.side,
          );
          const net = own.reduce((sum, { order, quantity }) => sum + (order.side === 'buy' ? quantity : -quantity), 0n);
          expect(position.quantity).toBe(net);
          if (net === 0n) expect([position.cost, position.isolatedWallet]).toEqual([0n, 0n]);
          expect(position.cost >= 0n).toBe(net >= 0n);
          expect(position.isolatedWallet >= 0n).toBe(true);
          if (position.side === 'long') expect(net >= 0n).toBe(true);
          if (position.side === 'short') expect(net <= 0n).toBe(true);
        }
        for (const order of account.orders.all()) {
          const own = ledger.fills.filter((fill) => fill.order === order);
          expect(own.reduce((sum, { quantity }) => sum + quantity, 0n)).toBe(order.filled);
          expect(order.filled <= order.quantity).toBe(true);
          expect(order.filled === order.quantity).toBe(order.status === 'filled');
        }
      }),
      { numRuns: 300 },
    );
  });

  it('never lets an order that reduces open anything, nor a limit order fill beyond its price', () => {
    fc.assert(
      fc.property(actions, mode, (done, how) => {
        const { account } = run(done, how);
        const held = new Map<string, bigint>();
        for (const { order, quantity, price } of account.ledger.fills) {
          const key = `${order.symbol}/${order.positionSide}`;
          const before = held.get(key) ?? 0n;
          if (order.reduceOnly) expect(quantity <= closableBy({ ...NOTHING, quantity: before }, order.side)).toBe(true);
          held.set(key, before + (order.side === 'buy' ? quantity : -quantity));
          if (order.type === 'limit')
            expect(order.side === 'buy' ? price <= order.price : price >= order.price).toBe(true);
        }
      }),
      { numRuns: 200 },
    );
  });

  it('is a function of what was done', () => {
    fc.assert(
      fc.property(actions, mode, (done, how) => {
        const first = run(done, how);
        const second = run(done, how);
        expect(second.fills()).toEqual(first.fills());
        expect(second.wallet()).toBe(first.wallet());
      }),
      { numRuns: 30 },
    );
  });
});

const NOTHING = {
  symbol: '',
  side: 'both' as const,
  cost: 0n,
  isolatedWallet: 0n,
  realizedPnl: 0n,
  updatedAt: epochMs(0),
};
