import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createRandom, epochMs, MINUTE_MS } from '../core/index.ts';
import {
  DEFAULT_EXCHANGE_SETTINGS,
  formatPrice,
  formatQuantity,
  parsePrice,
  parseQuantity,
  Refusal,
} from '../matching/index.ts';
import { FaultBoard } from './fault-board.ts';
import { fixtureMarket, minuteOf } from './market-fixture.ts';
import { PrivateVenue } from './private-venue.ts';
import { Venue } from './venue.ts';

const START = minuteOf(300) + 250;
const MINUTES = 30;
const SYMBOLS = ['BTCUSDT', 'ETHUSDT'];
const market = fixtureMarket({ symbols: SYMBOLS });

/** The executions of an account whose orders are all placed at the start, worked off at the given moments. */
function executions(seed: number, moments: readonly number[]): string[] {
  let now = epochMs(START);
  const venue = new Venue(market, new FaultBoard(), () => now);
  const accounts = [{ key: 'key', secret: 'secret', balance: '1000000' }];
  const accountsOf = new PrivateVenue({ venue, accounts, settings: DEFAULT_EXCHANGE_SETTINGS, tell: () => {} });
  const account = accountsOf.find('key');
  if (!account) throw new Error('there is one account');
  const { exchange } = account;
  const random = createRandom(seed);
  for (let i = 0; i < 24; i++) {
    const symbol = SYMBOLS[i % 2] ?? '';
    accountsOf.follow(account, symbol);
    const last = venue.lastPrice(symbol) ?? 0;
    const price = parsePrice((last * (1 + 0.01 * (random.uniform() - 0.5))).toFixed(2));
    const side = random.uniform() < 0.5 ? ('buy' as const) : ('sell' as const);
    const quantity = parseQuantity((0.1 + 2 * random.uniform()).toFixed(3));
    const terms = { clientOrderId: `order-${i}`, symbol, side, positionSide: 'both', reduceOnly: false } as const;
    const time = { timeInForce: 'good-till-cancel' } as const;
    try {
      if (i % 3 === 0) exchange.place({ ...terms, ...time, type: 'market', quantity, price: 0n }, now);
      else if (i % 3 === 1) exchange.place({ ...terms, ...time, type: 'limit', quantity, price }, now);
      else {
        const isTrailing = random.uniform() < 0.5;
        const type = isTrailing ? 'trailing-stop' : random.uniform() < 0.5 ? 'stop' : 'take-profit';
        const trigger = { triggerPrice: isTrailing ? 0n : price, callbackPerMille: isTrailing ? 2 : 0 };
        const rest = { becomes: 'market', closePosition: false, workingPrice: 'last', price: 0n } as const;
        exchange.placeConditional({ ...terms, ...time, ...rest, ...trigger, type, quantity }, now);
      }
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
    }
  }
  for (const moment of [...moments, MINUTES * MINUTE_MS]) {
    now = epochMs(Math.max(now, START + moment));
    accountsOf.sync();
  }
  return exchange.ledger.fills.map(
    ({ order, quantity, price }) => `${order.clientOrderId} ${formatQuantity(quantity)}@${formatPrice(price)}`,
  );
}

it('an account comes to the same however often its time is worked off', () => {
  const moments = fc.array(fc.integer({ min: 0, max: MINUTES * MINUTE_MS }), { maxLength: 60 });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1_000 }), moments, (seed, some) => {
      const whole = executions(seed, []);
      expect(whole.length).toBeGreaterThan(8);
      const bySymbol = (fills: readonly string[]) => [...fills].sort();
      expect(
        bySymbol(
          executions(
            seed,
            some.sort((a, b) => a - b),
          ),
        ),
      ).toEqual(bySymbol(whole));
    }),
    { numRuns: 60 },
  );
});
