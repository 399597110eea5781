import type { EpochMs } from '../../core/index.ts';
import {
  type AccountEvent,
  averagePriceOf,
  type ExchangeAccount,
  type ExchangePosition,
  entryPriceOf,
  formatCash,
  formatPrice,
  formatQuantity,
  unrealizedAt,
} from '../../matching/index.ts';
import type { VenueAccount } from '../private-venue.ts';
import {
  ALGO_STATUS,
  algoTypeWord,
  ORDER_STATUS,
  originalType,
  positionSideWord,
  sideWord,
  TIME_IN_FORCE,
  typeWord,
  workingType,
} from './order-words.ts';

const EXECUTION = {
  new: 'NEW',
  trade: 'TRADE',
  cancelled: 'CANCELED',
  expired: 'EXPIRED',
  liquidation: 'CALCULATED',
} as const;

/** The message of the venue's user data stream for what happened to an account. */
export function userEvent(event: AccountEvent, { exchange }: VenueAccount, eventTime: EpochMs): string {
  return JSON.stringify({ ...bodyOf(event, exchange), E: eventTime, T: event.time });
}

export const listenKeyExpired = (listenKey: string, eventTime: EpochMs): string =>
  JSON.stringify({ e: 'listenKeyExpired', E: eventTime, listenKey });

function bodyOf(event: AccountEvent, exchange: ExchangeAccount) {
  switch (event.kind) {
    case 'order':
      return { e: 'ORDER_TRADE_UPDATE', o: orderUpdate(event) };
    case 'conditional':
      return { e: 'ALGO_UPDATE', o: algoUpdate(event) };
    case 'leverage':
      return { e: 'ACCOUNT_CONFIG_UPDATE', ac: { s: event.symbol, l: event.leverage } };
    case 'account': {
      const { crossWallet } = exchange.margin();
      const wallet = { a: 'USDT', wb: formatCash(exchange.ledger.wallet), cw: formatCash(crossWallet), bc: '0' };
      const isFunding = event.cause === 'funding';
      // Funding of a cross position changes the balance alone, and the venue says so.
      const positions = isFunding ? [] : event.positions.map((position) => positionUpdate(position, exchange));
      return { e: 'ACCOUNT_UPDATE', a: { m: isFunding ? 'FUNDING_FEE' : 'ORDER', B: [wallet], P: positions } };
    }
  }
}

function orderUpdate({ order, change, fill, time }: Extract<AccountEvent, { kind: 'order' }>) {
  return {
    s: order.symbol,
    c: order.clientOrderId,
    S: sideWord(order.side),
    o: typeWord(order),
    f: TIME_IN_FORCE[order.timeInForce],
    q: formatQuantity(order.quantity),
    p: formatPrice(order.price),
    ap: formatPrice(averagePriceOf(order)),
    sp: formatPrice(order.origin?.triggerPrice ?? 0n),
    x: EXECUTION[change],
    X: ORDER_STATUS[order.status],
    i: order.id,
    l: formatQuantity(fill?.quantity ?? 0n),
    z: formatQuantity(order.filled),
    L: formatPrice(fill?.price ?? 0n),
    ...(fill ? { N: 'USDT', n: formatCash(fill.fee) } : {}),
    T: time,
    t: fill?.id ?? 0,
    b: '0',
    a: '0',
    m: fill?.isMaker ?? false,
    R: order.reduceOnly,
    wt: workingType(order.origin),
    ot: originalType(order),
    ps: positionSideWord(order.positionSide),
    cp: order.origin?.closePosition ?? false,
    rp: formatCash(fill?.realizedPnl ?? 0n),
    pP: false,
    si: 0,
    ss: 0,
    V: 'NONE',
    pm: 'NONE',
    gtd: 0,
    er: '0',
  };
}

function algoUpdate({ order, reason }: Extract<AccountEvent, { kind: 'conditional' }>) {
  const made = order.order;
  return {
    caid: order.clientOrderId,
    aid: order.id,
    at: 'CONDITIONAL',
    o: algoTypeWord(order),
    s: order.symbol,
    S: sideWord(order.side),
    ps: positionSideWord(order.positionSide),
    f: TIME_IN_FORCE[order.timeInForce],
    q: formatQuantity(order.quantity),
    X: ALGO_STATUS[order.status],
    ai: made ? String(made.id) : '',
    ...(made ? { ap: formatPrice(averagePriceOf(made)), aq: formatQuantity(made.filled), act: typeWord(made) } : {}),
    tp: formatPrice(order.triggerPrice),
    p: formatPrice(order.price),
    V: 'NONE',
    wt: workingType(order),
    pm: 'NONE',
    cp: order.closePosition,
    pP: false,
    R: order.reduceOnly,
    tt: order.triggeredAt ?? 0,
    gtd: 0,
    ...(reason === undefined ? {} : { rm: reason }),
  };
}

function positionUpdate(position: ExchangePosition, exchange: ExchangeAccount) {
  return {
    s: position.symbol,
    pa: formatQuantity(position.quantity),
    ep: formatPrice(entryPriceOf(position)),
    bep: formatPrice(entryPriceOf(position)),
    cr: formatCash(position.realizedPnl),
    up: formatCash(unrealizedAt(position, exchange.priceOf(position.symbol))),
    mt: exchange.marginOf(position.symbol).isIsolated ? 'isolated' : 'cross',
    iw: formatCash(position.isolatedWallet),
    ps: positionSideWord(position.side),
    ma: 'USDT',
  };
}
