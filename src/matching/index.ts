export {
  type CostSettings,
  DEFAULT_COST_SETTINGS,
  halfSpreadOf,
  impactOf,
  type RoundTrip,
  type RoundTripCosts,
  roundTripCosts,
} from './costs.ts';
export {
  ceilToMultiple,
  floorToMultiple,
  formatCash,
  formatPrice,
  formatQuantity,
  notionalOf,
  PRICE_SCALE,
  parseCash,
  parsePrice,
  parseQuantity,
  priceFromNumber,
  priceOf,
  priceToNumber,
  QUANTITY_SCALE,
  quantityToNumber,
  quantityWorth,
  shareDown,
  shareUp,
  type TradingRules,
  tradingRulesOf,
} from './exact.ts';
export { averagePriceOf, ExchangeAccount } from './exchange/account.ts';
export type { AccountEvent } from './exchange/events.ts';
export type { Income, IncomeKind } from './exchange/ledger.ts';
export { initialMarginOf, liquidationPoints, maintenanceOf } from './exchange/margin.ts';
export {
  type ConditionalOrder,
  type ConditionalRequest,
  type ConditionalStatus,
  type ExchangeFill,
  type ExchangeOrder,
  type ExchangeOrderStatus,
  isOpen,
  type OrderRequest,
  type PositionSide,
  type TimeInForce,
} from './exchange/order.ts';
export { type ExchangePosition, entryPriceOf, fundingOf, unrealizedAt, valueAt } from './exchange/position.ts';
export { Refusal, type RefusalReason } from './exchange/refusal.ts';
export { DEFAULT_EXCHANGE_SETTINGS, type ExchangeSettings } from './exchange/settings.ts';
export {
  fillableVolume,
  isOutOfReach,
  type MarketFill,
  matchAtPrice,
  matchMarketOrder,
  triggerIn,
} from './market-order.ts';
