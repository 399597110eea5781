import { describe, expect, it } from 'vitest';
import { epochMs, type Instrument, milliseconds, systemClock } from '../core/index.ts';
import {
  type AccountClient,
  type VenueFill,
  type VenueOrder,
  type VenueOrderKey,
  type VenueOrderRequest,
  type VenuePosition,
  VenueRefusal,
} from './brokers/ccxt/account-client.ts';
import { type DryFireStep, dryFire } from './dry-fire.ts';

const NOW = epochMs(1_750_000_000_000);
const INSTRUMENT: Instrument = {
  venue: 'v',
  symbol: 'BTCUSDT',
  base: 'BTC',
  quote: 'USDT',
  tickSize: '0.1',
  stepSize: '0.001',
  minQuantity: '0.001',
  minNotional: '100',
  status: 'trading',
};

/** An account that keeps its orders; subclasses go wrong. */
class TestAccount implements AccountClient {
  readonly address = 'test';
  readonly orders = new Map<string, VenueOrder>();
  readonly requests: VenueOrderRequest[] = [];
  readonly fills: VenueFill[] = [];
  readonly held: VenuePosition[] = [];
  balance = '1000';

  async place(request: VenueOrderRequest): Promise<VenueOrder> {
    this.requests.push(request);
    const order: VenueOrder = {
      clientOrderId: request.clientOrderId,
      symbol: request.symbol,
      isConditional: false,
      venueId: '7',
      side: request.side,
      leg: request.leg,
      status: 'ACCEPTED',
      quantity: request.quantity,
      filledQuantity: '0',
      updatedAt: NOW,
    };
    this.orders.set(request.clientOrderId, order);
    return order;
  }

  async cancel({ clientOrderId }: VenueOrderKey): Promise<void> {
    const order = this.orders.get(clientOrderId);
    if (order?.status !== 'ACCEPTED') throw new VenueRefusal('ORDER_NOT_FOUND', 'unknown order');
    this.orders.set(clientOrderId, { ...order, status: 'CANCELLED' });
  }

  find = async ({ clientOrderId }: VenueOrderKey) => this.orders.get(clientOrderId);
  openOrders = async () => [...this.orders.values()].filter(({ status }) => status === 'ACCEPTED');
  fillsOf = async () => this.fills;
  fillsSince = async () => this.fills;
  positions = async () => this.held;
  wallet = async () => ({ balance: this.balance, available: this.balance, isHedgeMode: true });
  cashFlowsSince = async () => [];
  prepare = async () => undefined;
  watch = async () => undefined;
  close = async () => undefined;
}

async function fire(client: TestAccount) {
  const told: DryFireStep[] = [];
  const report = await dryFire({
    client,
    instrument: INSTRUMENT,
    lastPrice: 100_000,
    clock: { ...systemClock, now: () => NOW, sleep: async () => undefined },
    receiveWindow: milliseconds(1_000),
    onStep: (step) => told.push(step),
  });
  expect(told).toEqual(report.steps);
  return { report, steps: report.steps.map(({ name, ok }) => (ok ? name : `${name} failed`)) };
}

describe('a dry fire', () => {
  it('places the smallest post-only order far below the price, finds it, cancels it and leaves nothing', async () => {
    const account = new TestAccount();
    const { report, steps } = await fire(account);
    expect(steps).toEqual(['account', 'prepare', 'place', 'find', 'list', 'cancel', 'verify']);
    expect(report).toMatchObject({ ok: true, symbol: 'BTCUSDT', price: '80000', quantity: '0.002', left: undefined });
    expect(account.requests).toMatchObject([{ side: 'buy', type: 'limit', postOnly: true, isClosing: false }]);
    expect(account.requests[0]?.clientOrderId).toMatch(/^[\w-]{1,36}$/);
    expect(await account.openOrders()).toEqual([]);
  });

  it('comes nearer where the venue refuses a price so far away', async () => {
    class Narrow extends TestAccount {
      override async place(request: VenueOrderRequest) {
        if (Number(request.limitPrice) >= 95_000) return super.place(request);
        throw new VenueRefusal('ORDER_REFUSED', '-4024 Limit price cannot be lower than 95000');
      }
    }
    const { report } = await fire(new Narrow());
    expect(report).toMatchObject({ ok: true, price: '96000' });
  });

  it('ends at the first refusal of another kind', async () => {
    class Poor extends TestAccount {
      override async place(): Promise<VenueOrder> {
        throw new VenueRefusal('ORDER_MARGIN_INSUFFICIENT', '-2019 Margin is insufficient');
      }
    }
    const { report, steps } = await fire(new Poor());
    expect(steps).toEqual(['account', 'prepare', 'place failed']);
    expect(report).toMatchObject({ ok: false, left: undefined });
    expect(report.steps.at(-1)?.detail).toContain('ORDER_MARGIN_INSUFFICIENT');
  });

  it('cancels an order whose acceptance it never heard of', async () => {
    class Deaf extends TestAccount {
      override async place(request: VenueOrderRequest): Promise<VenueOrder> {
        await super.place(request);
        throw new Error('no answer within 10 s');
      }
    }
    const account = new Deaf();
    const { report, steps } = await fire(account);
    expect(steps.at(-1)).toBe('place failed');
    expect(report.left).toBeUndefined();
    expect([...account.orders.values()].map(({ status }) => status)).toEqual(['CANCELLED']);
  });

  it('says what is left where the cancel fails, or something filled', async () => {
    class Stuck extends TestAccount {
      override async cancel() {
        throw new Error('the venue is busy');
      }
    }
    const stuck = await fire(new Stuck());
    expect(stuck.steps.at(-1)).toBe('cancel failed');
    expect(stuck.report.left).toMatch(/^order dry-fire-\S+ of BTCUSDT may be open \(the venue is busy\); look at/);
    class Filled extends TestAccount {
      override find = async ({ clientOrderId }: VenueOrderKey): Promise<VenueOrder | undefined> => {
        const order = this.orders.get(clientOrderId);
        return order && { ...order, status: 'FILLED', filledQuantity: order.quantity };
      };
    }
    const filled = await fire(new Filled());
    expect(filled.steps.at(-1)).toBe('find failed');
    expect(filled.report.left).toContain('filled 0.002');
  });

  it('fails where the wallet or the position is not as before', async () => {
    class Charging extends TestAccount {
      override async cancel(key: VenueOrderKey) {
        await super.cancel(key);
        this.balance = '999.9';
      }
    }
    const { report } = await fire(new Charging());
    expect(report.steps.at(-1)).toMatchObject({
      name: 'verify',
      ok: false,
      detail: 'the balance was 1000 and is 999.9',
    });
    class Holding extends TestAccount {
      override async cancel(key: VenueOrderKey) {
        await super.cancel(key);
        this.held.push({ symbol: 'BTCUSDT', leg: 'long', quantity: '0.002', entryPrice: '100' });
      }
    }
    expect((await fire(new Holding())).report.steps.at(-1)?.detail).toBe(
      'of BTCUSDT was held nothing, and now long 0.002',
    );
  });

  it('does not begin on an account without money', async () => {
    const account = new TestAccount();
    account.balance = '0';
    expect((await fire(account)).steps).toEqual(['account failed']);
    expect(account.requests).toEqual([]);
  });
});
