import type { Exchange, LedgerEntry, Order } from 'ccxt';
import type { SignalSide } from '../../../core/index.ts';
import type { VenueCashFlow, VenueOrderKey } from './account-client.ts';

/** What ccxt's unified calls leave to the caller, venue by venue. `symbol` is ccxt's. */
export interface UnifiedDialect {
  /** The order in any state, a triggered conditional one as the order it became; undefined where there is none. */
  find(exchange: Exchange, symbol: string, key: VenueOrderKey): Promise<Order | undefined>;
  cancelFields(key: VenueOrderKey): Record<string, unknown>;
  /** Of all symbols and both kinds. */
  openOrders(exchange: Exchange): Promise<Order[]>;
  /** Whether a conditional order that has not filled works already. */
  isTriggered(order: Order): boolean;
  /** The leg that an order, an execution or a position names; undefined where it names none. */
  legOf(info: Info, side: 'buy' | 'sell'): SignalSide | undefined;
  /** Whether what ccxt lists as a trade is one. */
  isExecution(info: Info): boolean;
  /** Quote currency, without unrealised profit; and what of it is free. */
  wallet(info: Info, quote: string): { readonly balance: string; readonly available: string } | undefined;
  /** Undefined where the venue does not say it of an account without positions. */
  isHedgeMode(exchange: Exchange): Promise<boolean | undefined>;
  /** What a booking is; undefined for what executions tell. */
  causeOf(entry: LedgerEntry): VenueCashFlow['cause'] | undefined;
  /** The most executions or bookings of one answer. */
  readonly pageRows: number;
}

export type Info = Readonly<Record<string, unknown>>;

export const infoOf = (value: unknown): Info => (typeof value === 'object' && value !== null ? (value as Info) : {});
/** Where a client id takes the place of the id that ccxt's types demand. */
export const NO_ID = undefined as unknown as string;
const text = (value: unknown): string => (value === undefined || value === null ? '' : String(value));
const rows = (value: unknown): Info[] => (Array.isArray(value) ? value.map(infoOf) : []);

const binanceusdm: UnifiedDialect = {
  async find(exchange, symbol, { clientOrderId, isConditional }) {
    const order = await exchange.fetchOrder(NO_ID, symbol, { clientOrderId, trigger: isConditional });
    return isConditional ? becomes(exchange, order) : order;
  },
  cancelFields: ({ clientOrderId, isConditional }) => ({ clientOrderId, trigger: isConditional }),
  async openOrders(exchange) {
    const regular = await exchange.fetchOpenOrders();
    const conditional = await exchange.fetchOpenOrders(undefined, undefined, undefined, { trigger: true });
    const resolved: Order[] = [];
    for (const order of conditional) resolved.push(await becomes(exchange, order));
    const triggered = new Set(resolved.map(({ id }) => id));
    return [...regular.filter(({ id }) => !triggered.has(id)), ...resolved];
  },
  isTriggered: ({ info }) => !('algoId' in infoOf(info)) && !('aid' in infoOf(info)),
  legOf(info) {
    const word = text(info.positionSide ?? info.ps);
    return word === 'LONG' ? 'long' : word === 'SHORT' ? 'short' : undefined;
  },
  isExecution: () => true,
  wallet(info, quote) {
    const asset = rows(info.assets).find((row) => row.asset === quote);
    return asset && { balance: text(asset.walletBalance), available: text(asset.availableBalance) };
  },
  isHedgeMode: async (exchange) => (await exchange.fetchPositionMode()).hedged === true,
  causeOf(entry) {
    const type = text(infoOf(entry.info).incomeType);
    if (type === 'REALIZED_PNL' || type === 'COMMISSION') return undefined;
    return type === 'FUNDING_FEE' ? 'funding' : type.includes('TRANSFER') ? 'transfer' : 'other';
  },
  pageRows: 1_000,
};

/** A conditional order, or the order it became under its client id. */
async function becomes(exchange: Exchange, order: Order): Promise<Order> {
  const actualId = text(infoOf(order.info).actualOrderId);
  if (actualId === '') return order;
  const made = await exchange.fetchOrder(actualId, String(order.symbol));
  return { ...made, clientOrderId: order.clientOrderId, triggerPrice: order.triggerPrice };
}

/** Linear perpetuals of a unified account. A conditional order and the order it becomes are one, with one id. */
const bybit: UnifiedDialect = {
  async find(exchange, symbol, { clientOrderId }) {
    const fields = { orderLinkId: clientOrderId };
    const [open] = await exchange.fetchOpenOrders(symbol, undefined, undefined, fields);
    if (open) return open;
    const [ended] = await exchange.fetchCanceledAndClosedOrders(symbol, undefined, undefined, fields);
    return ended;
  },
  cancelFields: ({ clientOrderId }) => ({ orderLinkId: clientOrderId }),
  openOrders: (exchange) => exchange.fetchOpenOrders(undefined, undefined, undefined, { paginate: true }),
  isTriggered: ({ info }) => !['Untriggered', ''].includes(text(infoOf(info).orderStatus)),
  legOf(info, side) {
    const index = text(info.positionIdx);
    if (index === '1' || index === '2') return index === '1' ? 'long' : 'short';
    // Executions name no leg, yet say how much of them closed one.
    if (info.closedSize === undefined) return undefined;
    const isClosing = /[1-9]/.test(text(info.closedSize));
    return (side === 'buy') !== isClosing ? 'long' : 'short';
  },
  isExecution: ({ execType }) => execType !== 'Funding',
  wallet(info, quote) {
    const [account = {}] = rows(infoOf(info.result).list);
    const coin = rows(account.coin).find((row) => row.coin === quote);
    return coin && { balance: text(coin.walletBalance), available: text(account.totalAvailableBalance) };
  },
  isHedgeMode: async () => undefined,
  causeOf(entry) {
    const type = text(infoOf(entry.info).type);
    if (type === 'TRADE') return undefined;
    return type === 'SETTLEMENT' ? 'funding' : type.startsWith('TRANSFER') ? 'transfer' : 'other';
  },
  pageRows: 50,
};

export const UNIFIED_DIALECTS = { binanceusdm, bybit } as const satisfies Readonly<Record<string, UnifiedDialect>>;
