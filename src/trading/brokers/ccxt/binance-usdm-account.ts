import {
  type Clock,
  DAY_MS,
  type EpochMs,
  type Log,
  type Metrics,
  MinutehandError,
  milliseconds,
  type SymbolId,
  UnknownOutcomeError,
} from '../../../core/index.ts';
import {
  answerInvalid,
  type BinanceUsdmSession,
  createBinanceUsdmSession,
  type RequestFields,
  type RequestOutcomes,
  VenueAnswerError,
} from '../../../data/index.ts';
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
import { asRefusal } from './binance-usdm-refusals.ts';
import { asConditional, keepUserStream } from './binance-usdm-stream.ts';
import {
  orderFields,
  type PaidFill,
  type PositionMode,
  readAccountConfig,
  readAlgoOrder,
  readBalance,
  readFeeBurn,
  readIncome,
  readOrder,
  readPositions,
  readSymbolConfig,
  readTrade,
  wordsOf,
} from './binance-usdm-words.ts';

export interface BinanceUsdmAccountOptions {
  /** Base URL in place of the venue's own hosts: a simulated exchange. */
  readonly url: string | undefined;
  readonly credentials: { readonly key: string; readonly secret: string };
  /** Venue time. */
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics?: Metrics;
  /** Told of each request whether it failed. */
  readonly outcomes?: Pick<RequestOutcomes, 'record'>;
  readonly requestTimeoutMs: number;
  readonly margin: { readonly mode: 'cross' | 'isolated'; readonly leverage: number };
  readonly positionMode: PositionMode;
  /** The asset that profits, fees and the wallet are in. */
  readonly quote: string;
}

/** How long a change of the account's settings is good for. */
const SETTING_WINDOW_MS = milliseconds(10_000);
/** Rows of one answer at most. */
const MAX_ROWS = 1_000;
/** The longest range of one question for executions, and how far back the venue has them. */
const TRADES_WINDOW_MS = 7 * DAY_MS;
const TRADES_KEPT_MS = 180 * DAY_MS;
/** How long before its latest change an order's executions are looked for: one question covers it and the day after. */
const FILLS_BEFORE_MS = 6 * DAY_MS;

const MARGIN_MODE_UNCHANGED = -4046;
const POSITION_MODE_UNCHANGED = -4059;
const POSITION_MODE_BLOCKED = new Map([
  [-4067, 'open orders'],
  [-4068, 'positions'],
]);
const NO_SUCH_ORDER = -2013;

/**
 * An account at Binance USD-M futures. Sets the position mode, and refuses an account whose money could not be accounted for.
 * @throws MinutehandError ACCOUNT_KEY_REFUSED, ACCOUNT_CANNOT_TRADE, ACCOUNT_MULTI_ASSETS, ACCOUNT_FEE_BURN, ACCOUNT_POSITION_MODE (exit 3);
 *   TransientError where the venue cannot be reached.
 */
export async function createBinanceUsdmAccount(options: BinanceUsdmAccountOptions): Promise<AccountClient> {
  const { url, credentials, clock, metrics, outcomes, requestTimeoutMs } = options;
  const session = await createBinanceUsdmSession({
    url,
    credentials,
    clock,
    requestTimeoutMs,
    ...(metrics ? { metrics } : {}),
    ...(outcomes ? { outcomes } : {}),
  });
  try {
    await settle(session, options);
  } catch (error) {
    await session.close();
    throw error;
  }
  return new BinanceUsdmAccount(session, options);
}

/** Holds the account to what trading takes for granted. */
async function settle(session: BinanceUsdmSession, { positionMode, quote, clock }: BinanceUsdmAccountOptions) {
  const { address } = session;
  const refused = (code: string, message: string, remedy: string) =>
    new MinutehandError(code, `the account at ${address} ${message}`, remedy, { exitCode: 3 });

  const config = readAccountConfig(
    await session.read('v1/accountConfig').catch((error) => {
      if (!(error instanceof VenueAnswerError) || error.status !== 401) throw error;
      throw refused(
        'ACCOUNT_KEY_REFUSED',
        `does not accept the key: ${error.detail}`,
        'Check key and secret, that the key may trade futures, and that it is bound to this machine’s address.',
      );
    }),
  );
  if (!config.canTrade) {
    throw refused(
      'ACCOUNT_CANNOT_TRADE',
      'may not trade',
      'Enable futures for the account and trading for its key at the exchange.',
    );
  }
  if (config.multiAssetsMargin) {
    throw refused(
      'ACCOUNT_MULTI_ASSETS',
      'takes several assets as margin',
      `Switch it to single-asset mode at the exchange: equity is counted in ${quote} alone.`,
    );
  }
  const burns = await session.read('v1/feeBurn').then(readFeeBurn, (error) => {
    // Not every address that speaks this dialect has the endpoint.
    if (error instanceof VenueAnswerError && error.status === 404) return false;
    throw error;
  });
  if (burns) {
    throw refused(
      'ACCOUNT_FEE_BURN',
      'pays its fees in BNB',
      `Switch off “use BNB for fees” for futures at the exchange: fees are counted in ${quote} alone.`,
    );
  }
  const isHedge = positionMode === 'hedge';
  if (config.dualSidePosition === isHedge) return;
  const stamp = { signedAt: clock.now(), receiveWindow: SETTING_WINDOW_MS };
  await session
    .change('POST', 'v1/positionSide/dual', { dualSidePosition: String(isHedge) }, stamp)
    .catch((error: unknown) => {
      const code = error instanceof VenueAnswerError ? error.venueCode : undefined;
      if (code === POSITION_MODE_UNCHANGED) return;
      const holds = code === undefined ? undefined : POSITION_MODE_BLOCKED.get(code);
      if (holds === undefined) throw error;
      throw refused(
        'ACCOUNT_POSITION_MODE',
        `is in ${isHedge ? 'one-way' : 'hedge'} mode and has ${holds}, so it cannot be switched to ${positionMode} mode`,
        `Close its ${holds}, or configure the mode it is in.`,
      );
    });
}

class BinanceUsdmAccount implements AccountClient {
  readonly #session: BinanceUsdmSession;
  readonly #options: BinanceUsdmAccountOptions;
  readonly #closing = new AbortController();
  readonly #prepared = new Map<SymbolId, Promise<void>>();

  constructor(session: BinanceUsdmSession, options: BinanceUsdmAccountOptions) {
    this.#session = session;
    this.#options = options;
  }

  get address(): string {
    return this.#session.address;
  }

  async place(request: VenueOrderRequest, stamp: RequestStamp): Promise<VenueOrder> {
    const { path, fields } = orderFields(request, this.#options.positionMode);
    const answer = await this.#change('POST', path, fields, stamp);
    const unknown = (said: string) =>
      new UnknownOutcomeError(
        'EXCHANGE_OUTCOME_UNKNOWN',
        `the answer of ${this.address} to order ${request.clientOrderId} is not understood: ${said}`,
        'The exchange is asked what became of it; nothing is sent again.',
      );
    let order: VenueOrder;
    try {
      order = path === 'v1/order' ? readOrder(answer) : readAlgoOrder(answer).order;
    } catch (error) {
      throw unknown(wordsOf(error));
    }
    if (order.clientOrderId !== request.clientOrderId || order.symbol !== request.symbol) {
      throw unknown(`it is about ${order.clientOrderId} of ${order.symbol}`);
    }
    return order;
  }

  async cancel(key: VenueOrderKey, stamp: RequestStamp): Promise<void> {
    if (key.isConditional) {
      await this.#change('DELETE', 'v1/algoOrder', { clientAlgoId: key.clientOrderId }, stamp);
    } else {
      const fields = { symbol: key.symbol, origClientOrderId: key.clientOrderId };
      await this.#change('DELETE', 'v1/order', fields, stamp);
    }
  }

  async find(key: VenueOrderKey): Promise<VenueOrder | undefined> {
    const { clientOrderId, symbol } = key;
    const order = key.isConditional
      ? await this.#conditional(clientOrderId)
      : await this.#order({ symbol, origClientOrderId: clientOrderId });
    if (order && (order.clientOrderId !== clientOrderId || order.symbol !== symbol)) {
      throw this.#invalid('v1/order', `asked for ${clientOrderId} of ${symbol}, told of ${order.clientOrderId}`);
    }
    return order;
  }

  async openOrders(): Promise<VenueOrder[]> {
    const [regular, conditional] = await Promise.all([
      this.#list('v1/openOrders', {}, readOrder),
      this.#list('v1/openAlgoOrders', {}, readAlgoOrder),
    ]);
    // One that has triggered and still works stands in both lists.
    const byId = new Map(regular.map((order) => [`${order.symbol}:${order.venueId}`, order]));
    for (const algo of conditional) {
      const order = await this.#resolved(algo);
      byId.set(algo.actualOrderId === undefined ? `algo:${order.venueId}` : `${order.symbol}:${order.venueId}`, order);
    }
    return [...byId.values()];
  }

  async fillsOf(order: VenueOrder): Promise<VenueFill[]> {
    const orderId = order.isConditional ? await this.#actualOrderId(order.clientOrderId) : order.venueId;
    if (orderId === undefined) return [];
    const since = order.updatedAt - FILLS_BEFORE_MS;
    const fills = await this.#fills(order.symbol, since, { orderId });
    return fills.map((fill) => ({ ...fill, clientOrderId: order.clientOrderId, leg: order.leg }));
  }

  fillsSince(symbol: SymbolId, since: EpochMs): Promise<VenueFill[]> {
    return this.#fills(symbol, since, {});
  }

  positions(): Promise<VenuePosition[]> {
    return this.#read('v3/positionRisk', {}, (answer) => readPositions(rowsOf(answer)));
  }

  async wallet(): Promise<VenueWallet> {
    const [balance, config] = await Promise.all([
      this.#read('v3/balance', {}, (answer) => readBalance(rowsOf(answer), this.#options.quote)),
      this.#read('v1/accountConfig', {}, readAccountConfig),
    ]);
    return { ...balance, isHedgeMode: config.dualSidePosition };
  }

  async cashFlowsSince(since: EpochMs): Promise<VenueCashFlow[]> {
    const flows = new Map<string, VenueCashFlow>();
    for (let from: number = since; ; ) {
      const rows = await this.#list('v1/income', { startTime: from, limit: MAX_ROWS }, readIncome);
      for (const { flow, asset, isTrade } of rows) {
        if (!isTrade && asset === this.#options.quote) flows.set(flow.flowId, flow);
      }
      if (rows.length < MAX_ROWS) return [...flows.values()].sort((a, b) => a.time - b.time);
      // Those of the last millisecond come once more, as there may be others of it.
      const last = Math.max(...rows.map(({ flow }) => flow.time));
      if (last <= from) throw this.#invalid('v1/income', `more than ${MAX_ROWS} bookings in one millisecond`);
      from = last;
    }
  }

  prepare(symbol: SymbolId): Promise<void> {
    const known = this.#prepared.get(symbol);
    if (known) return known;
    const preparing = this.#prepare(symbol).catch((error) => {
      this.#prepared.delete(symbol);
      throw error;
    });
    this.#prepared.set(symbol, preparing);
    return preparing;
  }

  watch(listener: (event: VenueEvent) => void): Promise<void> {
    const { clock, log } = this.#options;
    const fillOf = (paid: PaidFill) => this.#priced(paid);
    return keepUserStream({ session: this.#session, clock, log, fillOf, listener, signal: this.#closing.signal });
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#session.close();
  }

  async #prepare(symbol: SymbolId): Promise<void> {
    const { mode, leverage } = this.#options.margin;
    const isIsolated = mode === 'isolated';
    const config = await this.#read('v1/symbolConfig', { symbol }, (answer) =>
      readSymbolConfig(rowsOf(answer), symbol),
    );
    if (config?.isIsolated !== isIsolated) {
      const marginType = isIsolated ? 'ISOLATED' : 'CROSSED';
      await this.#set('v1/marginType', { symbol, marginType }, `${mode} margin`, MARGIN_MODE_UNCHANGED);
    }
    if (config?.leverage !== leverage) await this.#set('v1/leverage', { symbol, leverage }, `leverage ${leverage}`);
  }

  /** Changes a setting of a symbol. @throws VenueRefusal naming it. */
  async #set(path: string, fields: RequestFields, what: string, unchanged?: number): Promise<void> {
    const stamp = { signedAt: this.#options.clock.now(), receiveWindow: SETTING_WINDOW_MS };
    try {
      await this.#session.change('POST', path, fields, stamp);
    } catch (error) {
      if (!(error instanceof VenueAnswerError)) throw error;
      if (error.venueCode === unchanged) return;
      throw new VenueRefusal('ORDER_REFUSED', `${what} of ${fields.symbol}: ${error.detail}`);
    }
  }

  /** An order of the book; undefined where the venue knows none. */
  #order(fields: RequestFields): Promise<VenueOrder | undefined> {
    return this.#read('v1/order', fields, readOrder).catch(undefinedIfMissing);
  }

  async #conditional(clientAlgoId: string): Promise<VenueOrder | undefined> {
    const algo = await this.#read('v1/algoOrder', { clientAlgoId }, readAlgoOrder).catch(undefinedIfMissing);
    return algo && this.#resolved(algo);
  }

  async #actualOrderId(clientAlgoId: string): Promise<string | undefined> {
    const algo = await this.#read('v1/algoOrder', { clientAlgoId }, readAlgoOrder);
    return algo.actualOrderId;
  }

  /** A conditional order as it stands; once it has triggered, as the order it became stands. */
  async #resolved(algo: ReturnType<typeof readAlgoOrder>): Promise<VenueOrder> {
    const { order, actualOrderId, hasFinished } = algo;
    if (actualOrderId === undefined) {
      if (hasFinished) throw this.#invalid('v1/algoOrder', `${order.clientOrderId} has ended as no order known`);
      return order;
    }
    const made = await this.#order({ symbol: order.symbol, orderId: actualOrderId });
    if (!made) throw this.#invalid('v1/order', `${order.clientOrderId} became ${actualOrderId}, which is not known`);
    return { ...asConditional(made, order.clientOrderId), leg: order.leg, quantity: order.quantity };
  }

  async #fills(symbol: SymbolId, since: number, filter: { readonly orderId?: string }): Promise<VenueFill[]> {
    const now = this.#options.clock.now();
    const fills = new Map<string, VenueFill>();
    const page = async (range: RequestFields) => {
      const trades = await this.#list('v1/userTrades', { symbol, limit: MAX_ROWS, ...filter, ...range }, readTrade);
      for (const trade of trades) fills.set(trade.fill.fillId, this.#priced(trade));
      return trades.length < MAX_ROWS ? undefined : trades.map(({ tradeId }) => BigInt(tradeId)).reduce(larger);
    };
    for (let from = Math.max(since, now - TRADES_KEPT_MS); from <= now; from += TRADES_WINDOW_MS) {
      let last = await page({ startTime: from, endTime: from + TRADES_WINDOW_MS - 1 });
      if (last === undefined) continue;
      // A page that is full goes on by id, to the very end.
      while (last !== undefined) last = await page({ fromId: String(last + 1n) });
      break;
    }
    return [...fills.values()].filter(({ time }) => time >= since).sort((a, b) => a.time - b.time);
  }

  /** A fee in another asset cannot be counted: it is told as 0, and loudly. */
  #priced({ fill, feeAsset }: PaidFill): VenueFill {
    const { quote, log } = this.#options;
    if (feeAsset === undefined || feeAsset === quote || !/[1-9]/.test(fill.fee)) return fill;
    log.error(
      { fillId: fill.fillId, fee: fill.fee, feeAsset },
      `the fee of execution ${fill.fillId} is in ${feeAsset} and not counted; switch off fees in ${feeAsset} at the exchange`,
    );
    return { ...fill, fee: '0' };
  }

  async #change(method: 'POST' | 'DELETE', path: string, fields: RequestFields, stamp: RequestStamp): Promise<unknown> {
    try {
      return await this.#session.change(method, path, fields, stamp);
    } catch (error) {
      throw asRefusal(error);
    }
  }

  async #read<T>(path: string, fields: RequestFields, parse: (answer: unknown) => T): Promise<T> {
    const answer = await this.#session.read(path, fields);
    try {
      return parse(answer);
    } catch (error) {
      throw this.#invalid(path, wordsOf(error));
    }
  }

  #list<T>(path: string, fields: RequestFields, parse: (row: unknown) => T): Promise<T[]> {
    return this.#read(path, fields, (answer) => rowsOf(answer).map(parse));
  }

  #invalid(path: string, detail: string) {
    return answerInvalid({ exchange: 'binanceusdm', address: this.address, endpoint: `/fapi/${path}` }, detail);
  }
}

const larger = (a: bigint, b: bigint): bigint => (a > b ? a : b);

function rowsOf(answer: unknown): readonly unknown[] {
  if (!Array.isArray(answer)) throw new Error('a list was expected');
  return answer;
}

function undefinedIfMissing(error: unknown): undefined {
  if (error instanceof VenueAnswerError && error.venueCode === NO_SUCH_ORDER) return undefined;
  throw error;
}
