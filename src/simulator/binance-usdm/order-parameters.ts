import type { SymbolId } from '../../core/index.ts';
import {
  type ConditionalRequest,
  type OrderRequest,
  type PositionSide,
  parsePrice,
  parseQuantity,
  type TimeInForce,
} from '../../matching/index.ts';
import { type PrivateContext, type Query, VenueError } from '../dialect.ts';
import { mandatory, requiredInstrument } from './parameters.ts';

const CONDITIONAL_TYPES = new Set(['STOP', 'STOP_MARKET', 'TAKE_PROFIT', 'TAKE_PROFIT_MARKET', 'TRAILING_STOP_MARKET']);
const TIMES: Readonly<Record<string, TimeInForce>> = {
  GTC: 'good-till-cancel',
  IOC: 'immediate-or-cancel',
  FOK: 'fill-or-kill',
  GTX: 'post-only',
};
const SIDES: Readonly<Record<string, PositionSide>> = { BOTH: 'both', LONG: 'long', SHORT: 'short' };

const notRequired = (name: string) => new VenueError(-1106, `Parameter '${name}' sent when not required.`);

/** The symbol a request trades; its price is known to the account from here on. @throws VenueError */
export function tradedSymbol(query: Query, { venue, account, accounts }: PrivateContext): SymbolId {
  const { instrument, phase } = requiredInstrument(query, venue);
  if (phase !== 'trading' || instrument.status !== 'trading') {
    throw new VenueError(-4108, 'This contract is being settled and does not accept new orders.');
  }
  accounts.follow(account, instrument.symbol);
  return instrument.symbol;
}

function amount(query: Query, name: string, decimals: number, parse: (text: string) => bigint): bigint {
  const text = query[name];
  if (!text) throw mandatory(name);
  if (!/^\d{1,20}(\.\d{1,20})?$/.test(text)) {
    throw new VenueError(
      -1100,
      `Illegal characters found in parameter '${name}'; legal range is '^([0-9]{1,20})(\\.[0-9]{1,20})?$'.`,
    );
  }
  const places = (text.split('.')[1] ?? '').replace(/0+$/, '').length;
  if (places > decimals) throw new VenueError(-1111, 'Precision is over the maximum defined for this asset.');
  return parse(text);
}

function flag(query: Query, name: string): boolean {
  const text = query[name]?.toLowerCase();
  if (text === undefined || text === 'false') return false;
  if (text === 'true') return true;
  throw new VenueError(-1130, `Data sent for parameter '${name}' is not valid.`);
}

function terms(query: Query, context: PrivateContext, idName: string) {
  const symbol = tradedSymbol(query, context);
  const side = query.side?.toUpperCase();
  if (!side) throw mandatory('side');
  if (side !== 'BUY' && side !== 'SELL') throw new VenueError(-1117, 'Invalid side.');
  const positionSide = SIDES[(query.positionSide ?? 'BOTH').toUpperCase()];
  if (!positionSide) throw new VenueError(-4060, 'Invalid position side.');
  const { isHedgeMode } = context.account.exchange;
  if (isHedgeMode && query.reduceOnly !== undefined) throw notRequired('reduceonly');
  return {
    symbol,
    side: side === 'BUY' ? ('buy' as const) : ('sell' as const),
    positionSide,
    reduceOnly: flag(query, 'reduceOnly'),
    clientOrderId: query[idName] || context.accounts.newClientId(),
  };
}

function timeInForce(query: Query): TimeInForce {
  const word = query.timeInForce;
  if (!word) throw mandatory('timeInForce');
  const known = TIMES[word];
  if (!known) throw new VenueError(-1115, 'Invalid timeInForce.');
  return known;
}

/** @throws VenueError */
export function orderRequest(query: Query, context: PrivateContext): OrderRequest {
  const type = query.type?.toUpperCase();
  if (!type) throw mandatory('type');
  if (CONDITIONAL_TYPES.has(type)) {
    throw new VenueError(
      -4120,
      'Order type not supported for this endpoint. Please use the Algo Order API endpoints instead.',
    );
  }
  if (type !== 'MARKET' && type !== 'LIMIT') throw new VenueError(-1116, 'Invalid orderType.');
  const common = terms(query, context, 'newClientOrderId');
  const steps = context.venue.steps(common.symbol);
  const quantity = amount(query, 'quantity', steps?.quantityDecimals ?? 8, parseQuantity);
  if (type === 'LIMIT') {
    const price = amount(query, 'price', steps?.priceDecimals ?? 12, parsePrice);
    return { ...common, type: 'limit', quantity, price, timeInForce: timeInForce(query) };
  }
  if (query.price !== undefined) throw notRequired('price');
  if (query.timeInForce !== undefined) throw notRequired('timeinforce');
  return { ...common, type: 'market', quantity, price: 0n, timeInForce: 'good-till-cancel' };
}

/** @throws VenueError */
export function conditionalRequest(query: Query, context: PrivateContext): ConditionalRequest {
  if (query.algoType !== 'CONDITIONAL') throw mandatory('algoType');
  const type = query.type?.toUpperCase();
  if (!type) throw mandatory('type');
  if (!CONDITIONAL_TYPES.has(type)) throw new VenueError(-1116, 'Invalid orderType.');
  const common = terms(query, context, 'clientAlgoId');
  const steps = context.venue.steps(common.symbol);
  const priceDecimals = steps?.priceDecimals ?? 12;
  const isTrailing = type === 'TRAILING_STOP_MARKET';
  const becomes = type === 'STOP' || type === 'TAKE_PROFIT' ? 'limit' : 'market';
  const closePosition = flag(query, 'closePosition');
  if (closePosition && becomes === 'limit') throw notRequired('closeposition');
  if (closePosition && isTrailing) {
    throw new VenueError(-4136, 'Target strategy invalid for orderType TRAILING_STOP_MARKET,closePosition true');
  }
  if (closePosition && query.quantity !== undefined) {
    throw new VenueError(-4137, 'Quantity must be zero with closePosition equals true');
  }
  if (closePosition && query.reduceOnly !== undefined) throw notRequired('reduceonly');
  const activation = query.activatePrice ?? query.activationPrice;
  const trigger = isTrailing
    ? activation === undefined
      ? 0n
      : amount({ activatePrice: activation }, 'activatePrice', priceDecimals, parsePrice)
    : amount(query, 'triggerPrice', priceDecimals, parsePrice);
  const callback = isTrailing ? Number(query.callbackRate ?? Number.NaN) * 10 : 0;
  if (isTrailing && !query.callbackRate) throw mandatory('callbackRate');
  if (!Number.isFinite(callback) || Math.abs(callback - Math.round(callback)) > 1e-9) {
    throw new VenueError(-1130, "Data sent for parameter 'callbackRate' is not valid.");
  }
  return {
    ...common,
    type: isTrailing ? 'trailing-stop' : type.startsWith('STOP') ? 'stop' : 'take-profit',
    becomes,
    closePosition,
    quantity: closePosition ? 0n : amount(query, 'quantity', steps?.quantityDecimals ?? 8, parseQuantity),
    timeInForce: query.timeInForce === undefined ? 'good-till-cancel' : timeInForce(query),
    price: becomes === 'limit' ? amount(query, 'price', priceDecimals, parsePrice) : 0n,
    triggerPrice: trigger,
    callbackPerMille: Math.round(callback),
    workingPrice: query.workingType === 'MARK_PRICE' ? 'mark' : 'last',
  };
}
