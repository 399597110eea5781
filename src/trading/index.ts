export { PaperBroker } from './brokers/paper/paper-broker.ts';
export { clientOrderIdOf } from './client-order-id.ts';
export { type LedgerPosition, magnitude } from './ledger/account.ts';
export {
  applyBrokerEvents,
  enterIntents,
  forgetEnded,
  type Ledger,
  type LedgerChange,
  type LedgerOrder,
  openLedger,
  orderOf,
  positionKey,
  remainingOf,
  workingOrders,
} from './ledger/ledger.ts';
export { type MarketState, priceAge, updateMarket, volatilityOf } from './market-state.ts';
export {
  type Exposure,
  equityPointOf,
  exposureOf,
  type Markets,
  positionsOf,
  type Valuation,
  valueLedger,
  withEntry,
} from './portfolio.ts';
export {
  initialRiskState,
  type PreTradeContext,
  type RiskState,
  refuseOrder,
  shareOfEquity,
  updateRisk,
} from './risk.ts';
export {
  DEFAULT_RISK_SETTINGS,
  DEFAULT_SIZING_SETTINGS,
  type RiskSettings,
  type SizingSettings,
} from './settings.ts';
export { type SizedOrder, type SizingLimits, type SizingRequest, sizeEntry } from './sizing.ts';
