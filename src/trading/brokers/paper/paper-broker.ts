import {
  type Broker,
  type BrokerEvent,
  type EpochMs,
  type FinalCandle,
  type Instrument,
  isTerminal,
  type Order,
  type OrderIntent,
  type SymbolId,
} from '../../../core/index.ts';
import {
  type CostSettings,
  fillableVolume,
  formatCash,
  formatPrice,
  formatQuantity,
  matchMarketOrder,
  parseQuantity,
  tradingRulesOf,
} from '../../../matching/index.ts';

interface WorkingOrder {
  readonly intent: OrderIntent;
  /** Quantity units. */
  remaining: bigint;
  isAcceptanceReported: boolean;
}

/**
 * A broker that fills market orders on closed one-minute candles through `matching/`. What it reports is a function of the
 * working orders and the candles alone: an order decided at minute m fills from the candle that opens at m on, what the volume does
 * not allow stays working until its validity ends. Everything it holds is in the ledger's working orders, so a restart at any
 * point, also between the commit of an intent and its submission, reports the same events with the same fill ids.
 */
export class PaperBroker implements Broker {
  readonly #instrumentOf: (symbol: SymbolId) => Instrument | undefined;
  readonly #costs: CostSettings;
  readonly #working = new Map<string, WorkingOrder>();

  constructor(options: {
    readonly instrumentOf: (symbol: SymbolId) => Instrument | undefined;
    readonly costs: CostSettings;
  }) {
    this.#instrumentOf = options.instrumentOf;
    this.#costs = options.costs;
  }

  /** Takes over the orders of the ledger that have not ended; SUBMITTING ones count as submitted. */
  async restore(open: readonly Order[]): Promise<void> {
    this.#working.clear();
    for (const order of open) {
      if (isTerminal(order.status)) continue;
      const { status, filledQuantity, averagePrice: _, ...intent } = order;
      this.#working.set(order.clientOrderId, {
        intent,
        remaining: parseQuantity(order.quantity) - parseQuantity(filledQuantity),
        isAcceptanceReported: status === 'ACCEPTED' || status === 'PARTIALLY_FILLED',
      });
    }
  }

  /** Repeating an intent changes nothing. */
  async submit(intents: readonly OrderIntent[]): Promise<void> {
    for (const intent of intents) {
      if (this.#working.has(intent.clientOrderId)) continue;
      const remaining = parseQuantity(intent.quantity);
      this.#working.set(intent.clientOrderId, { intent, remaining, isAcceptanceReported: false });
    }
  }

  async events(minute: EpochMs, candles: ReadonlyMap<SymbolId, FinalCandle>): Promise<BrokerEvent[]> {
    const events: BrokerEvent[] = [];
    const volumeLeft = new Map<SymbolId, bigint>();
    // Restored orders come in the database's order: the queue must not depend on it.
    const queue = [...this.#working.values()].sort(
      (a, b) => a.intent.decidedAt - b.intent.decidedAt || compareText(a.intent.clientOrderId, b.intent.clientOrderId),
    );
    for (const order of queue) {
      if (minute > order.intent.decidedAt)
        this.#advance(order, minute, candles.get(order.intent.symbol), volumeLeft, events);
    }
    return events;
  }

  #advance(
    order: WorkingOrder,
    minute: EpochMs,
    candle: FinalCandle | undefined,
    volumeLeft: Map<SymbolId, bigint>,
    events: BrokerEvent[],
  ): void {
    const { intent } = order;
    const { clientOrderId, symbol } = intent;
    const instrument = this.#instrumentOf(symbol);
    if (instrument === undefined || instrument.status === 'delisted') {
      const reason = instrument === undefined ? 'INSTRUMENT_NOT_TRADING' : 'INSTRUMENT_DELISTED';
      events.push({
        kind: 'status',
        clientOrderId,
        status: 'REJECTED',
        time: minute,
        reason,
      });
      this.#working.delete(clientOrderId);
      return;
    }
    if (!order.isAcceptanceReported) {
      events.push({ kind: 'status', clientOrderId, status: 'ACCEPTED', time: intent.decidedAt });
      order.isAcceptanceReported = true;
    }
    if (candle !== undefined && candle.openTime >= intent.decidedAt && candle.openTime < intent.validUntil) {
      const available = volumeLeft.get(symbol) ?? fillableVolume(candle, this.#costs);
      const fill = matchMarketOrder({
        side: intent.side,
        remaining: order.remaining,
        candle,
        rules: tradingRulesOf(instrument),
        costs: this.#costs,
        available,
      });
      volumeLeft.set(symbol, available - (fill?.quantity ?? 0n));
      if (fill !== undefined) {
        order.remaining -= fill.quantity;
        events.push({
          kind: 'fill',
          fillId: `${clientOrderId}/${candle.openTime}`,
          clientOrderId,
          quantity: formatQuantity(fill.quantity),
          price: formatPrice(fill.price),
          fee: formatCash(fill.fee),
          time: candle.openTime,
        });
      }
    }
    if (order.remaining <= 0n) {
      this.#working.delete(clientOrderId);
    } else if (minute >= intent.validUntil) {
      events.push({ kind: 'status', clientOrderId, status: 'EXPIRED', time: minute, reason: 'ORDER_NO_LIQUIDITY' });
      this.#working.delete(clientOrderId);
    }
  }
}

const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
