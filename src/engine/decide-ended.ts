import type { BrokerEvent, OrderIntent } from '../core/index.ts';
import { formatCash, formatPrice, formatQuantity, notionalOf, priceOf, shareUp } from '../matching/index.ts';
import {
  applyBrokerEvents,
  clientOrderIdOf,
  enterIntents,
  type Ledger,
  type LedgerChange,
  type LedgerPosition,
  type Markets,
  magnitude,
  unchanged,
  workingOrders,
} from '../trading/index.ts';
import type { DecideInput, DecideSettings } from './decide-types.ts';

/**
 * Books the end of instruments: what still works is expired, what is held is closed at the last price with the taker fee. The
 * closing orders are born filled: they are reported, and never sent.
 */
export function settleEnded(
  ledger: Ledger,
  { minute, ended }: Pick<DecideInput, 'minute' | 'ended'>,
  markets: Markets,
  settings: Pick<DecideSettings, 'book' | 'costs'>,
): LedgerChange {
  if (ended.size === 0) return unchanged(ledger);
  const expiries = workingOrders(ledger)
    .filter((order) => ended.has(order.intent.symbol))
    .map(
      ({ intent }): BrokerEvent => ({
        kind: 'status',
        clientOrderId: intent.clientOrderId,
        status: 'EXPIRED',
        time: minute,
        reason: 'INSTRUMENT_DELISTED',
      }),
    );
  const held = [...ledger.positions.values()].filter((position) => ended.has(position.symbol));
  if (expiries.length === 0 && held.length === 0) return unchanged(ledger);

  const closings = held.map((position) => closingOf(position));
  const expired = applyBrokerEvents(ledger, expiries);
  const entered = enterIntents(
    expired.ledger,
    closings.map((closing) => closing.intent),
  );
  const filled = applyBrokerEvents(
    entered.ledger,
    closings.map((closing) => closing.fill),
  );
  return {
    ledger: filled.ledger,
    changed: [...expired.changed, ...filled.changed],
    orderEvents: [...expired.orderEvents, ...entered.orderEvents, ...filled.orderEvents],
    fills: filled.fills,
    cashFlows: [],
    legs: [],
    unknown: [],
  };

  function closingOf(position: LedgerPosition): { intent: OrderIntent; fill: BrokerEvent } {
    const { strategy, symbol } = position;
    const open = magnitude(position.quantity);
    const lastPrice = markets.get(symbol)?.lastPrice ?? priceOf(magnitude(position.cost), open);
    const clientOrderId = clientOrderIdOf({ book: settings.book, strategy, symbol, minute, purpose: 'exit' });
    const quantity = formatQuantity(open);
    const price = formatPrice(lastPrice);
    return {
      intent: {
        clientOrderId,
        book: settings.book,
        strategy,
        symbol,
        side: position.quantity > 0n ? 'sell' : 'buy',
        purpose: 'exit',
        type: 'market',
        quantity,
        reduceOnly: true,
        decidedAt: minute,
        validUntil: minute,
        reason: 'INSTRUMENT_DELISTED',
        referencePrice: price,
      },
      fill: {
        kind: 'fill',
        fillId: `${clientOrderId}/settlement`,
        clientOrderId,
        quantity,
        price,
        fee: formatCash(shareUp(notionalOf(lastPrice, open), settings.costs.takerFeeBps / 10_000)),
        time: minute,
      },
    };
  }
}
