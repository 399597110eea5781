import type { ExchangeSettings } from '../../matching/index.ts';
import type { RestRoute } from '../dialect.ts';
import type { ListedInstrument, Venue } from '../venue.ts';

/** The venue's delivery date of a contract without one: 2100-12-25T08:00Z. */
const NO_DELIVERY = 4_133_404_800_000;

export const exchangeInfo: RestRoute = {
  path: '/fapi/v1/exchangeInfo',
  weight: () => 1,
  answer(_query, { venue, weightLimit, settings }) {
    return JSON.stringify({
      timezone: 'UTC',
      serverTime: venue.clock(),
      futuresType: 'U_MARGINED',
      rateLimits: [{ rateLimitType: 'REQUEST_WEIGHT', interval: 'MINUTE', intervalNum: 1, limit: weightLimit }],
      exchangeFilters: [],
      assets: [{ asset: 'USDT', marginAvailable: true, autoAssetExchange: '-10000' }],
      symbols: venue.listed().map((listed) => symbolInfo(listed, venue, settings)),
    });
  },
};

function symbolInfo({ instrument, steps, phase }: ListedInstrument, venue: Venue, settings: ExchangeSettings) {
  const ends = venue.faults.delisting(instrument.symbol)?.endsAt ?? instrument.delistedAt;
  const lot = { minQty: instrument.minQuantity, maxQty: '1000000000', stepSize: instrument.stepSize };
  return {
    symbol: instrument.symbol,
    pair: instrument.symbol,
    contractType: 'PERPETUAL',
    deliveryDate: phase === 'settling' ? (ends ?? NO_DELIVERY) : NO_DELIVERY,
    ...(instrument.listedAt === undefined ? {} : { onboardDate: instrument.listedAt }),
    status: phase === 'settling' ? 'SETTLING' : instrument.status === 'halted' ? 'PENDING_TRADING' : 'TRADING',
    maintMarginPercent: (100 * settings.maintenanceMarginRate).toFixed(4),
    requiredMarginPercent: (100 / settings.maxLeverage).toFixed(4),
    baseAsset: instrument.base,
    quoteAsset: instrument.quote,
    marginAsset: instrument.quote,
    pricePrecision: steps.priceDecimals,
    quantityPrecision: steps.quantityDecimals,
    baseAssetPrecision: 8,
    quotePrecision: 8,
    underlyingType: 'COIN',
    underlyingSubType: [],
    triggerProtect: '0.0500',
    liquidationFee: settings.liquidationFeeRate.toFixed(6),
    marketTakeBound: '0.05',
    maxMoveOrderLimit: 10_000,
    filters: [
      {
        filterType: 'PRICE_FILTER',
        minPrice: instrument.tickSize,
        maxPrice: '1000000000',
        tickSize: instrument.tickSize,
      },
      { filterType: 'LOT_SIZE', ...lot },
      { filterType: 'MARKET_LOT_SIZE', ...lot },
      { filterType: 'MAX_NUM_ORDERS', limit: settings.maxOpenOrders },
      { filterType: 'MAX_NUM_ALGO_ORDERS', limit: settings.maxConditionalOrders },
      { filterType: 'MIN_NOTIONAL', notional: instrument.minNotional },
      {
        filterType: 'PERCENT_PRICE',
        multiplierUp: (1 + settings.priceBand).toFixed(4),
        multiplierDown: (1 - settings.priceBand).toFixed(4),
        multiplierDecimal: '4',
      },
    ],
    orderTypes: ['LIMIT', 'MARKET', 'STOP', 'STOP_MARKET', 'TAKE_PROFIT', 'TAKE_PROFIT_MARKET', 'TRAILING_STOP_MARKET'],
    timeInForce: ['GTC', 'IOC', 'FOK', 'GTX'],
  };
}
