import { type Clock, type Instrument, isTerminal, type Milliseconds, messageOf } from '../core/index.ts';
import {
  ceilToMultiple,
  floorToMultiple,
  formatPrice,
  formatQuantity,
  notionalOf,
  parseCash,
  parseQuantity,
  priceFromNumber,
  quantityWorth,
  type TradingRules,
  tradingRulesOf,
} from '../matching/index.ts';
import {
  type AccountClient,
  type VenueOrder,
  type VenueOrderKey,
  type VenueOrderRequest,
  VenueRefusal,
} from './brokers/ccxt/account-client.ts';

export interface DryFireParts {
  readonly client: AccountClient;
  readonly instrument: Instrument;
  readonly lastPrice: number;
  /** Venue time. */
  readonly clock: Clock;
  readonly receiveWindow: Milliseconds;
  /** Told of each step as it ends. */
  readonly onStep?: (step: DryFireStep) => void;
}

export interface DryFireStep {
  readonly name: 'account' | 'prepare' | 'place' | 'find' | 'list' | 'cancel' | 'verify';
  readonly ok: boolean;
  readonly detail: string;
  readonly tookMs: number;
}

export interface DryFireReport {
  readonly ok: boolean;
  readonly symbol: string;
  /** Decimal strings of the order; undefined where it did not come to one. */
  readonly price: string | undefined;
  readonly quantity: string | undefined;
  /** How long the venue took to accept the order, and to cancel it. */
  readonly placedMs: number | undefined;
  readonly cancelledMs: number | undefined;
  readonly steps: readonly DryFireStep[];
  /** What may be left at the venue, and what to do about it; undefined where nothing is. */
  readonly left: string | undefined;
}

/** How far below the price the order is tried, in this order: some venues refuse what is too far. */
const DISTANCES = [0.2, 0.1, 0.04];

/**
 * Proves that an account can trade without trading: places the smallest post-only order to buy far below the price, finds it again, cancels it,
 * and verifies that nothing filled and the wallet is as before. What goes wrong is in the report; then the order is cancelled as far as that is
 * possible. Never throws for the venue.
 */
export async function dryFire(parts: DryFireParts): Promise<DryFireReport> {
  const shot = new Shot(parts);
  await shot.fire().catch(() => undefined);
  return shot.report();
}

class Shot {
  readonly #parts: DryFireParts;
  readonly #steps: DryFireStep[] = [];
  #request: VenueOrderRequest | undefined;
  #left: string | undefined;

  constructor(parts: DryFireParts) {
    this.#parts = parts;
  }

  async fire(): Promise<void> {
    const { client, instrument } = this.#parts;
    const { symbol } = instrument;
    const before = await this.#step('account', async () => {
      const [wallet, positions] = [await client.wallet(), await client.positions()];
      if (parseCash(wallet.available) <= 0n) throw new Error(`the wallet has nothing available of ${wallet.balance}`);
      const held = positions.filter((position) => position.symbol === symbol);
      const mode = wallet.isHedgeMode ? 'hedge' : 'one-way';
      return [
        { ...wallet, held: heldOf(held) },
        `${mode} mode, balance ${wallet.balance}, available ${wallet.available}`,
      ];
    });
    await this.#step('prepare', async () => {
      await client.prepare(symbol);
      return [undefined, `margin mode and leverage of ${symbol} are set`];
    });
    const key = await this.#place();
    try {
      await this.#step('find', async () => {
        const order = await client.find(key);
        requireUntouched(order);
        return [undefined, `the venue has it as ${order.venueId}, ${order.status}`];
      });
      await this.#step('list', async () => {
        const orders = await client.openOrders();
        if (!isAmong(orders, key)) throw new Error(`it is not among the ${orders.length} open orders`);
        return [undefined, `it is among the ${orders.length} open orders`];
      });
      await this.#step('cancel', async () => {
        await client.cancel(key, this.#stamp());
        return [undefined, 'the venue has accepted the cancel'];
      });
      await this.#step('verify', async () => {
        const order = await client.find(key);
        if (order !== undefined && order.status !== 'CANCELLED')
          throw new Error(`it is ${order.status}, not cancelled`);
        if (order !== undefined && (await client.fillsOf(order)).length > 0) throw new Error('it has executions');
        if (isAmong(await client.openOrders(), key)) throw new Error('it is still among the open orders');
        const { balance } = await client.wallet();
        if (balance !== before.balance) throw new Error(`the balance was ${before.balance} and is ${balance}`);
        const held = heldOf((await client.positions()).filter((position) => position.symbol === symbol));
        if (held !== before.held) throw new Error(`of ${symbol} was held ${before.held}, and now ${held}`);
        return [undefined, `nothing filled, balance ${balance} as before`];
      });
    } catch (error) {
      await this.#cleanUp(key);
      throw error;
    }
  }

  report(): DryFireReport {
    const [request, steps] = [this.#request, this.#steps];
    const tookMs = (name: DryFireStep['name']) => steps.find((step) => step.name === name && step.ok)?.tookMs;
    return {
      ok: steps.every(({ ok }) => ok),
      symbol: this.#parts.instrument.symbol,
      price: request?.limitPrice,
      quantity: request?.quantity,
      placedMs: tookMs('place'),
      cancelledMs: tookMs('cancel'),
      steps,
      left: this.#left,
    };
  }

  async #place(): Promise<VenueOrderKey> {
    const { client } = this.#parts;
    try {
      return await this.#step('place', async () => {
        for (const [attempt, distance] of DISTANCES.entries()) {
          const request = this.#requestAt(distance, attempt);
          this.#request = request;
          try {
            requireUntouched(await client.place(request, this.#stamp()));
            const percent = `${distance * 100} % below the last price`;
            return [
              keyOf(request),
              `buy ${request.quantity} at ${request.limitPrice}, ${percent}, post-only: accepted`,
            ];
          } catch (error) {
            const isFarther = error instanceof VenueRefusal && error.reason === 'ORDER_REFUSED';
            if (!isFarther || attempt === DISTANCES.length - 1) throw error;
          }
        }
        throw new Error('unreachable');
      });
    } catch (error) {
      if (this.#request && !(error instanceof VenueRefusal)) {
        // A request may still be on its way for as long as it is valid.
        await this.#parts.clock.sleep(this.#parts.receiveWindow).catch(() => undefined);
        await this.#cleanUp(keyOf(this.#request));
      }
      throw error;
    }
  }

  /** Cancels what may be there, and says what may be left. */
  async #cleanUp(key: VenueOrderKey): Promise<void> {
    const { client } = this.#parts;
    const { symbol, clientOrderId } = key;
    const remedy = `look at the account at the exchange: cancel the order, close what it filled`;
    const named = `order ${clientOrderId} of ${symbol}`;
    try {
      await client.cancel(key, this.#stamp()).catch((error: unknown) => {
        if (!(error instanceof VenueRefusal && error.reason === 'ORDER_NOT_FOUND')) throw error;
      });
      const order = await client.find(key);
      if (order === undefined) return;
      if (!isTerminal(order.status)) this.#left = `${named} is ${order.status}; ${remedy}`;
      else if (parseQuantity(order.filledQuantity) > 0n)
        this.#left = `${named} filled ${order.filledQuantity}; ${remedy}`;
    } catch (error) {
      this.#left = `${named} may be open (${messageOf(error)}); ${remedy}`;
    }
  }

  #requestAt(distance: number, attempt: number): VenueOrderRequest {
    const { instrument, lastPrice, clock } = this.#parts;
    const rules = tradingRulesOf(instrument);
    const price = floorToMultiple(priceFromNumber(lastPrice * (1 - distance)), rules.tick);
    return {
      clientOrderId: `dry-fire-${clock.now().toString(36)}-${attempt}`,
      symbol: instrument.symbol,
      side: 'buy',
      type: 'limit',
      quantity: formatQuantity(smallestQuantity(rules, price)),
      limitPrice: formatPrice(price),
      postOnly: true,
      leg: 'long',
      isClosing: false,
    };
  }

  #stamp() {
    const { clock, receiveWindow } = this.#parts;
    return { signedAt: clock.now(), receiveWindow };
  }

  /** Runs a step, tells of it, and gives its result; throws what it throws. */
  async #step<Result>(name: DryFireStep['name'], work: () => Promise<readonly [Result, string]>): Promise<Result> {
    const { clock, onStep } = this.#parts;
    const began = clock.elapsed();
    const end = (ok: boolean, detail: string) => {
      const step = { name, ok, detail, tookMs: Math.round(clock.elapsed() - began) };
      this.#steps.push(step);
      onStep?.(step);
    };
    try {
      const [result, detail] = await work();
      end(true, detail);
      return result;
    } catch (error) {
      end(false, messageOf(error));
      throw error;
    }
  }
}

const keyOf = ({ clientOrderId, symbol }: VenueOrderRequest): VenueOrderKey => ({
  clientOrderId,
  symbol,
  isConditional: false,
});

const isAmong = (orders: readonly VenueOrder[], { clientOrderId, symbol }: VenueOrderKey): boolean =>
  orders.some((order) => order.clientOrderId === clientOrderId && order.symbol === symbol);

/** @throws Error unless the order works and nothing of it has filled. */
function requireUntouched(order: VenueOrder | undefined): asserts order is VenueOrder {
  if (order === undefined) throw new Error('the venue does not know the order');
  if (order.status !== 'ACCEPTED') throw new Error(`the order is ${order.status}, not working`);
  if (parseQuantity(order.filledQuantity) > 0n) throw new Error(`the order has filled ${order.filledQuantity}`);
}

const heldOf = (positions: Awaited<ReturnType<AccountClient['positions']>>): string =>
  positions
    .map(({ leg, quantity }) => `${leg} ${quantity}`)
    .sort()
    .join(', ') || 'nothing';

function smallestQuantity({ minNotional, minQuantity, step }: TradingRules, price: bigint): bigint {
  const worth = quantityWorth(minNotional, price);
  const least = notionalOf(price, worth) < minNotional ? worth + 1n : worth;
  return ceilToMultiple(least > minQuantity ? least : minQuantity, step);
}
