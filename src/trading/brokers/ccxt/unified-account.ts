import type { Exchange, MarketInterface, Order, Trade } from 'ccxt';
import {
  type Clock,
  DAY_MS,
  type EpochMs,
  epochMs,
  type Log,
  milliseconds,
  type OrderSide,
  type ReasonCode,
  RejectedError,
  type SignalSide,
  type SymbolId,
  UnknownOutcomeError,
  waitReal,
} from '../../../core/index.ts';
import { createUnifiedExchange, type UnifiedExchange, UnifiedRefusal } from '../../../data/index.ts';
import { parseQuantity } from '../../../matching/index.ts';
import {
  type AccountClient,
  type RequestStamp,
  type VenueCashFlow,
  type VenueEvent,
  type VenueFill,
  type VenueOrder,
  type VenueOrderKey,
  type VenueOrderRequest,
  type VenuePosition,
  VenueRefusal,
  type VenueWallet,
} from './account-client.ts';
import { atMostDecimals } from './binance-usdm-words.ts';
import { infoOf, NO_ID, UNIFIED_DIALECTS, type UnifiedDialect } from './unified-dialects.ts';

export interface UnifiedAccountOptions {
  readonly exchangeId: keyof typeof UNIFIED_DIALECTS;
  readonly url: string | undefined;
  readonly credentials: { readonly key: string; readonly secret: string };
  /** Venue time. */
  readonly clock: Clock;
  readonly log: Log;
  readonly requestTimeoutMs: number;
  readonly margin: { readonly mode: 'cross' | 'isolated'; readonly leverage: number };
  readonly positionMode: 'hedge' | 'one-way';
  readonly quote: string;
}

const SETTING_WINDOW_MS = milliseconds(5_000);
const WINDOW_MS = 7 * DAY_MS;
const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 30_000;
const SOUND_AFTER_MS = 60_000;

/**
 * An account through ccxt's unified calls. They say less than a venue's own: every refusal whose class leaves a doubt counts as an unknown
 * outcome.
 * @throws UnifiedRefusal, TransientError
 */
export async function createUnifiedAccount(options: UnifiedAccountOptions): Promise<AccountClient> {
  const venue = await createUnifiedExchange(options);
  const account = new UnifiedAccount(venue, UNIFIED_DIALECTS[options.exchangeId], options);
  try {
    await account.setPositionMode();
  } catch (error) {
    await venue.close();
    throw error;
  }
  return account;
}

class UnifiedAccount implements AccountClient {
  readonly #venue: UnifiedExchange;
  readonly #dialect: UnifiedDialect;
  readonly #options: UnifiedAccountOptions;
  readonly #closing = new AbortController();
  readonly #prepared = new Map<SymbolId, Promise<void>>();

  constructor(venue: UnifiedExchange, dialect: UnifiedDialect, options: UnifiedAccountOptions) {
    this.#venue = venue;
    this.#dialect = dialect;
    this.#options = options;
  }

  get address(): string {
    return this.#venue.address;
  }

  async setPositionMode(): Promise<void> {
    const hedged = this.#options.positionMode === 'hedge';
    if ((await this.#venue.read((exchange) => this.#dialect.isHedgeMode(exchange))) === hedged) return;
    await this.#set((exchange) => exchange.setPositionMode(hedged));
  }

  async place(request: VenueOrderRequest, stamp: RequestStamp): Promise<VenueOrder> {
    const { type, triggerPrice, isClosing, clientOrderId } = request;
    const isLimit = type === 'limit';
    const fields = {
      clientOrderId,
      ...(this.#options.positionMode === 'hedge' ? { hedged: true } : {}),
      ...(isClosing ? { reduceOnly: true } : {}),
      ...(isLimit && request.postOnly ? { postOnly: true } : {}),
      ...(type === 'stopMarket' ? { stopLossPrice: triggerPrice } : {}),
      ...(type === 'takeProfitMarket' ? { takeProfitPrice: triggerPrice } : {}),
    };
    const order = await this.#change(stamp, request, (exchange) =>
      exchange.createOrder(
        symbolOf(exchange, request.symbol),
        isLimit ? 'limit' : 'market',
        request.side,
        asNumber(request.quantity),
        isLimit ? asNumber(request.limitPrice) : undefined,
        fields,
      ),
    );
    if (order.clientOrderId !== clientOrderId) {
      throw new UnknownOutcomeError(
        'EXCHANGE_OUTCOME_UNKNOWN',
        `the answer of ${this.address} to order ${clientOrderId} is about ${order.clientOrderId}`,
        'The exchange is asked what became of it; nothing is sent again.',
      );
    }
    // Some venues answer with the ids alone.
    return {
      clientOrderId,
      symbol: request.symbol,
      isConditional: triggerPrice !== undefined,
      venueId: String(order.id),
      side: request.side,
      leg: request.leg,
      status: this.#statusOf(order),
      quantity: request.quantity,
      filledQuantity: amountOf(order.filled) ?? '0',
      updatedAt: epochMs(Number(order.lastUpdateTimestamp ?? order.timestamp ?? stamp.signedAt)),
    };
  }

  async cancel(key: VenueOrderKey, stamp: RequestStamp): Promise<void> {
    await this.#change(stamp, undefined, (exchange) =>
      exchange.cancelOrder(NO_ID, symbolOf(exchange, key.symbol), this.#dialect.cancelFields(key)),
    );
  }

  async find(key: VenueOrderKey): Promise<VenueOrder | undefined> {
    try {
      const order = await this.#venue.read((exchange) =>
        this.#dialect.find(exchange, symbolOf(exchange, key.symbol), key),
      );
      if (!order) return undefined;
      if (order.clientOrderId !== key.clientOrderId) throw invalid(this.address, `told of ${order.clientOrderId}`);
      return { ...this.#order(order, key.symbol), isConditional: key.isConditional };
    } catch (error) {
      if (error instanceof UnifiedRefusal && error.kind === 'not-found') return undefined;
      throw error;
    }
  }

  openOrders(): Promise<VenueOrder[]> {
    return this.#venue.read(async (exchange) =>
      (await this.#dialect.openOrders(exchange)).map((order) => this.#order(order, idOf(exchange, order.symbol))),
    );
  }

  async fillsOf(order: VenueOrder): Promise<VenueFill[]> {
    const found = order.isConditional ? await this.find(order) : order;
    if (!found) return [];
    const fills = await this.#fills(order.symbol, order.updatedAt - WINDOW_MS, { orderId: found.venueId });
    return fills
      .filter(({ venueId }) => venueId === found.venueId)
      .map((fill) => ({ ...fill, clientOrderId: order.clientOrderId, leg: order.leg }));
  }

  fillsSince(symbol: SymbolId, since: EpochMs): Promise<VenueFill[]> {
    return this.#fills(symbol, since, {});
  }

  positions(): Promise<VenuePosition[]> {
    return this.#venue.read(async (exchange) =>
      (await exchange.fetchPositions()).flatMap(({ symbol, side, contracts, entryPrice }) => {
        const quantity = amountOf(contracts) ?? '0';
        if (!/[1-9]/.test(quantity)) return [];
        const leg = side === 'short' ? ('short' as const) : ('long' as const);
        return [
          {
            symbol: idOf(exchange, symbol),
            leg,
            quantity,
            entryPrice: atMostDecimals(amountOf(entryPrice) ?? '0', 12),
          },
        ];
      }),
    );
  }

  wallet(): Promise<VenueWallet> {
    return this.#venue.read(async (exchange) => {
      const { info } = await exchange.fetchBalance();
      const isHedgeMode = this.#options.positionMode === 'hedge';
      return {
        ...(this.#dialect.wallet(infoOf(info), this.#options.quote) ?? { balance: '0', available: '0' }),
        isHedgeMode,
      };
    });
  }

  async cashFlowsSince(since: EpochMs): Promise<VenueCashFlow[]> {
    const flows = new Map<string, VenueCashFlow>();
    await this.#pages(since, async (exchange, from, until) => {
      const entries = await exchange.fetchLedger(this.#options.quote, from, this.#dialect.pageRows, { until });
      for (const entry of entries) {
        const cause = this.#dialect.causeOf(entry);
        const amount = amountOf(entry.amount) ?? '0';
        if (cause === undefined) continue;
        const symbol = infoOf(entry.info).symbol;
        flows.set(`${cause}:${entry.id}`, {
          flowId: `${cause}:${entry.id}`,
          cause,
          ...(typeof symbol === 'string' && symbol !== '' ? { symbol } : {}),
          // ccxt gives the size and the direction apart.
          amount: entry.direction === 'out' && !amount.startsWith('-') ? `-${amount}` : amount,
          time: epochMs(Number(entry.timestamp)),
        });
      }
      return entries.map(({ timestamp }) => Number(timestamp));
    });
    return [...flows.values()].filter(({ time }) => time >= since).sort((a, b) => a.time - b.time);
  }

  prepare(symbol: SymbolId): Promise<void> {
    const known = this.#prepared.get(symbol);
    if (known) return known;
    const { mode, leverage } = this.#options.margin;
    const preparing = (async () => {
      await this.#set((exchange) => exchange.setMarginMode(mode, symbolOf(exchange, symbol)));
      await this.#set((exchange) => exchange.setLeverage(leverage, symbolOf(exchange, symbol)));
    })().catch((error) => {
      this.#prepared.delete(symbol);
      throw error;
    });
    this.#prepared.set(symbol, preparing);
    return preparing;
  }

  watch(listener: (event: VenueEvent) => void): Promise<void> {
    const { signal } = this.#closing;
    const { log, clock } = this.#options;
    return new Promise((attempted) => {
      const loops = [
        async (exchange: Exchange) => {
          for (const order of await exchange.watchOrders()) {
            listener({ kind: 'order', order: this.#order(order, idOf(exchange, order.symbol)) });
          }
        },
        async (exchange: Exchange) => {
          for (const trade of await exchange.watchMyTrades()) {
            if (!this.#dialect.isExecution(infoOf(trade.info))) continue;
            listener({ kind: 'fill', fill: this.#fill(trade, idOf(exchange, trade.symbol)) });
          }
        },
      ];
      const onOpen = () => {
        listener({ kind: 'connected' });
        attempted();
      };
      void (async () => {
        for (let failures = 0; !signal.aborted; failures++) {
          const startedAt = clock.elapsed();
          const cause = await this.#venue.watch(onOpen, loops, signal);
          if (signal.aborted) break;
          if (clock.elapsed() - startedAt > SOUND_AFTER_MS) failures = 0;
          log.warn({ cause }, `the account's stream at ${this.address} ended; it is opened again`);
          listener({ kind: 'disconnected', cause });
          attempted();
          await waitReal(Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** failures), signal);
        }
        attempted();
      })();
    });
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#venue.close();
  }

  #order(order: Order, symbol: SymbolId): VenueOrder {
    const side = sideOf(order.side);
    return {
      clientOrderId: String(order.clientOrderId ?? ''),
      symbol,
      isConditional: order.triggerPrice !== undefined,
      venueId: String(order.id),
      side,
      leg: this.#leg(order.info, side, order.reduceOnly === true),
      status: this.#statusOf(order),
      quantity: amountOf(order.amount) ?? '0',
      filledQuantity: amountOf(order.filled) ?? '0',
      updatedAt: epochMs(Number(order.lastUpdateTimestamp ?? order.timestamp ?? 0)),
    };
  }

  #statusOf(order: Order): VenueOrder['status'] {
    const filled = amountOf(order.filled) ?? '0';
    const hasFilled = /[1-9]/.test(filled);
    switch (order.status) {
      case 'closed':
        return hasFilled && parseQuantity(filled) >= parseQuantity(amountOf(order.amount) ?? filled)
          ? 'FILLED'
          : 'CANCELLED';
      case 'canceled':
        return 'CANCELLED';
      case 'expired':
        return 'EXPIRED';
      case 'rejected':
        return 'REJECTED';
      case 'open':
        if (hasFilled) return 'PARTIALLY_FILLED';
        return order.triggerPrice !== undefined && this.#dialect.isTriggered(order) ? 'TRIGGERED' : 'ACCEPTED';
      case undefined:
        return 'ACCEPTED';
      default:
        throw invalid(this.address, `an order is "${order.status}"`);
    }
  }

  #fill(trade: Trade, symbol: SymbolId): VenueFill {
    const side = sideOf(trade.side);
    const fee = amountOf(trade.fee?.cost) ?? '0';
    const asset = trade.fee?.currency;
    const isCounted = asset === undefined || asset === this.#options.quote || !/[1-9]/.test(fee);
    if (!isCounted) {
      this.#options.log.error(
        { tradeId: trade.id, fee, asset },
        `the fee of an execution is in ${asset} and not counted`,
      );
    }
    return {
      fillId: `${symbol}:${trade.id}`,
      venueId: String(trade.order),
      symbol,
      side,
      leg: this.#leg(trade.info, side, false),
      quantity: amountOf(trade.amount) ?? '0',
      price: amountOf(trade.price) ?? '0',
      fee: isCounted ? fee : '0',
      time: epochMs(Number(trade.timestamp)),
    };
  }

  #leg(info: unknown, side: OrderSide, isClosing: boolean): SignalSide {
    return this.#dialect.legOf(infoOf(info), side) ?? ((side === 'buy') !== isClosing ? 'long' : 'short');
  }

  async #fills(symbol: SymbolId, since: number, fields: Record<string, string>): Promise<VenueFill[]> {
    const fills = new Map<string, VenueFill>();
    await this.#pages(since, async (exchange, from, until) => {
      const params = { ...fields, until };
      const trades = await exchange.fetchMyTrades(symbolOf(exchange, symbol), from, this.#dialect.pageRows, params);
      for (const trade of trades) {
        if (this.#dialect.isExecution(infoOf(trade.info))) fills.set(String(trade.id), this.#fill(trade, symbol));
      }
      return trades.map(({ timestamp }) => Number(timestamp));
    });
    return [...fills.values()].filter(({ time }) => time >= since).sort((a, b) => a.time - b.time);
  }

  /** Reads from a time to the present, week by week; a full page is gone on with from its last moment. `page` answers times. */
  async #pages(
    since: number,
    page: (exchange: Exchange, from: number, until: number) => Promise<readonly number[]>,
  ): Promise<void> {
    const now = this.#options.clock.now();
    for (let from = Math.max(since, now - 26 * WINDOW_MS); from <= now; ) {
      const until = from + WINDOW_MS - 1;
      const times = await this.#venue.read((exchange) => page(exchange, from, until));
      const last = Math.max(...times);
      if (times.length < this.#dialect.pageRows) from = until + 1;
      else if (last > from) from = last;
      else throw invalid(this.address, `more than ${this.#dialect.pageRows} rows in one millisecond`);
    }
  }

  /** Changes a setting; one that stands already is no error. */
  async #set(call: (exchange: Exchange) => Promise<unknown>): Promise<void> {
    const stamp = { signedAt: this.#options.clock.now(), receiveWindow: SETTING_WINDOW_MS };
    await this.#change(stamp, undefined, async (exchange) => {
      try {
        await call(exchange);
      } catch (error) {
        if (!(error instanceof Error && /NoChange|MarginModeAlreadySet|110043/.test(`${error.name} ${error.message}`)))
          throw error;
      }
    });
  }

  async #change<T>(
    stamp: RequestStamp,
    request: VenueOrderRequest | undefined,
    call: (exchange: Exchange) => Promise<T>,
  ): Promise<T> {
    try {
      return await this.#venue.change(stamp, call);
    } catch (error) {
      throw error instanceof UnifiedRefusal ? new VenueRefusal(reasonOf(error, request), error.message) : error;
    }
  }
}

function reasonOf({ kind }: UnifiedRefusal, request: VenueOrderRequest | undefined): ReasonCode {
  switch (kind) {
    case 'margin':
      return 'ORDER_MARGIN_INSUFFICIENT';
    case 'not-found':
      return 'ORDER_NOT_FOUND';
    case 'id-taken':
      return 'ORDER_ID_TAKEN';
    case 'immediate':
      return request?.triggerPrice === undefined ? 'ORDER_WOULD_TAKE' : 'ORDER_WOULD_TRIGGER';
    case 'stale':
      return 'ORDER_STALE';
    case 'rate-limited':
      return 'ORDER_RATE_LIMITED';
    case 'refused':
      return 'ORDER_REFUSED';
  }
}

/**
 * The venue's symbol as ccxt names it.
 * @throws RejectedError EXCHANGE_ANSWER_INVALID for one that is not listed or not counted in base units.
 */
function symbolOf(exchange: Exchange, symbol: SymbolId): string {
  const market = exchange.markets_by_id?.[symbol]?.find(({ swap, linear }: MarketInterface) => swap && linear);
  if (!market) throw invalid(exchange.id, `there is no linear perpetual ${symbol}`);
  if (Number(market.contractSize ?? 1) !== 1) throw invalid(exchange.id, `${symbol} is traded in contracts`);
  return market.symbol;
}

const idOf = (exchange: Exchange, symbol: string | undefined): SymbolId => String(exchange.market(String(symbol)).id);

function sideOf(word: string | undefined): OrderSide {
  if (word === 'buy' || word === 'sell') return word;
  throw invalid('ccxt', `a side is "${word}"`);
}

/** ccxt's types call numbers what is told, and taken, as decimal strings. */
const amountOf = (value: unknown): string | undefined =>
  value === undefined || value === null ? undefined : String(value);
const asNumber = (amount: string | undefined): number => amount as unknown as number;

const invalid = (whose: string, detail: string): RejectedError =>
  new RejectedError(
    'EXCHANGE_ANSWER_INVALID',
    `an answer of ${whose} is not understood: ${detail}`,
    'Check that the exchange address points at an exchange of this kind.',
  );
