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
  pendingCancels,
  positionKey,
  remainingOf,
  requestCancels,
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
  isStopPlaceable,
  type LegOwner,
  type PlannedProtection,
  planProtection,
  stopLeg,
  stopPriceOf,
  targetLegs,
  tighterStop,
} from './protection.ts';
export {
  coverOf,
  isConfirmed,
  isStopOf,
  isTriggered,
  type PositionProtection,
  stopStateOf,
  triggerOf,
  type WorkingLegs,
  workingLegsOf,
} from './protective-orders.ts';
export { type DrawdownState, updateDrawdown } from './risk/drawdown.ts';
export {
  applyCommands,
  decisiveLatch,
  haltUnprotected,
  initialRiskState,
  isClosingAll,
  type RiskLatch,
  type RiskState,
  riskModeOf,
  updateRisk,
} from './risk/latches.ts';
export { type PreTradeContext, refuseEntry, shareOfEquity, type WantedEntry } from './risk/limits.ts';
export {
  DEFAULT_PROTECTION_SETTINGS,
  DEFAULT_RISK_SETTINGS,
  DEFAULT_SIZING_SETTINGS,
  type PositionProtectionSettings,
  type ProtectionSettings,
  type RiskSettings,
  type SizingSettings,
} from './settings.ts';
export {
  capitalFor,
  type SizedOrder,
  type SizingLimits,
  type SizingRequest,
  sizeEntry,
  smallestOrder,
} from './sizing.ts';
