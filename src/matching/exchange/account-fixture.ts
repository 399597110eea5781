import { type EpochMs, epochMs, type Instrument, MINUTE_MS } from '../../core/index.ts';
import { formatCash, formatPrice, formatQuantity, parseCash, parsePrice, parseQuantity } from '../exact.ts';
import { ExchangeAccount } from './account.ts';
import type { AccountEvent } from './events.ts';
import type { ConditionalOrder, ConditionalRequest, ExchangeOrder, OrderRequest, PositionSide } from './order.ts';
import { entryPriceOf } from './position.ts';
import { Refusal } from './refusal.ts';
import { DEFAULT_EXCHANGE_SETTINGS, type ExchangeSettings } from './settings.ts';

const START = 1_740_787_200_000;

export const minuteAt = (count: number): EpochMs => epochMs(START + count * MINUTE_MS);

const INSTRUMENT: Instrument = {
  venue: 'binanceusdm',
  symbol: 'XUSDT',
  base: 'X',
  quote: 'USDT',
  tickSize: '0.1',
  stepSize: '0.001',
  minQuantity: '0.001',
  minNotional: '5',
  status: 'trading',
};

/** No fee, no spread beyond half a tick, no impact, all of the volume. */
export const FREE: ExchangeSettings = {
  ...DEFAULT_EXCHANGE_SETTINGS,
  costs: { takerFeeBps: 0, halfSpreadBps: 0, impactBpsPerSqrtParticipation: 0, maxParticipation: 1 },
  makerFeeBps: 0,
};

type Words<Request> = Partial<Omit<Request, 'quantity' | 'price' | 'triggerPrice'>> & {
  quantity?: string;
  price?: string;
  triggerPrice?: string;
};

/** An account with what tests ask of it, in decimal text; its clock moves by minutes. */
export function accountBench(options: { settings?: ExchangeSettings; balance?: string; slices?: number } = {}) {
  const events: AccountEvent[] = [];
  let minute = 0;
  let clientIds = 0;
  const account = new ExchangeAccount({
    settings: options.settings ?? FREE,
    balance: parseCash(options.balance ?? '10000'),
    instrumentOf: (symbol) => (symbol === 'XUSDT' || symbol === 'YUSDT' ? { ...INSTRUMENT, symbol } : undefined),
    emit: (event) => events.push(event),
    slicesOf: () => options.slices ?? 1,
  });
  const now = () => minuteAt(minute);
  const bench = {
    account,
    events,
    now,
    /** Begins the next minute at a price; returns nothing. */
    open(price: string, volume = 1_000_000, symbol = 'XUSDT') {
      minute++;
      account.expireOrders(now());
      account.openMinute(symbol, { price: parsePrice(price), volume }, now());
    },
    walk(price: string, symbol = 'XUSDT') {
      account.walk(symbol, parsePrice(price), now());
    },
    order(words: Words<OrderRequest>): ExchangeOrder {
      const { quantity = '1', price, triggerPrice: _, ...rest } = words;
      return account.place(
        {
          clientOrderId: `order-${++clientIds}`,
          symbol: 'XUSDT',
          side: 'buy',
          positionSide: 'both',
          reduceOnly: false,
          type: price === undefined ? 'market' : 'limit',
          timeInForce: 'good-till-cancel',
          ...rest,
          quantity: parseQuantity(quantity),
          price: parsePrice(price ?? '0'),
        },
        now(),
      );
    },
    conditional(words: Words<ConditionalRequest>): ConditionalOrder {
      const { quantity = '1', price, triggerPrice, ...rest } = words;
      return account.placeConditional(
        {
          clientOrderId: `conditional-${++clientIds}`,
          symbol: 'XUSDT',
          side: 'sell',
          positionSide: 'both',
          reduceOnly: false,
          type: 'stop',
          becomes: price === undefined ? 'market' : 'limit',
          closePosition: false,
          timeInForce: 'good-till-cancel',
          callbackPerMille: 0,
          workingPrice: 'last',
          ...rest,
          quantity: parseQuantity(quantity),
          price: parsePrice(price ?? '0'),
          triggerPrice: parsePrice(triggerPrice ?? '0'),
        },
        now(),
      );
    },
    /** Quantity and entry price of a position, "2@100". */
    position(side: PositionSide = 'both', symbol = 'XUSDT'): string {
      const held = account.positions.find((position) => position.symbol === symbol && position.side === side);
      return held ? `${formatQuantity(held.quantity)}@${formatPrice(entryPriceOf(held))}` : '0@0';
    },
    wallet: () => formatCash(account.ledger.wallet),
    /** Executions so far, "buy 1@100". */
    fills: () =>
      account.ledger.fills.map(
        ({ order, quantity, price }) => `${order.side} ${formatQuantity(quantity)}@${formatPrice(price)}`,
      ),
    /** The reason an action is refused for. */
    refusal(act: () => unknown): string | undefined {
      try {
        act();
      } catch (error) {
        if (error instanceof Refusal) return error.reason;
        throw error;
      }
      return undefined;
    },
  };
  bench.open('100');
  return bench;
}
