export { type Arming, armingOf, armingRestriction, LONGEST_ARMING_MS } from './arming.ts';
export * from './brokers/ccxt/account-client.ts';
export { takeSnapshot } from './brokers/ccxt/account-snapshot.ts';
export { type BinanceUsdmAccountOptions, createBinanceUsdmAccount } from './brokers/ccxt/binance-usdm-account.ts';
export { CcxtBroker, type Fence } from './brokers/ccxt/ccxt-broker.ts';
export { createUnifiedAccount, type UnifiedAccountOptions } from './brokers/ccxt/unified-account.ts';
export { type FundingSource, PaperBroker } from './brokers/paper/paper-broker.ts';
export { type Capital, capitalOf } from './capital.ts';
export { clientOrderIdOf } from './client-order-id.ts';
export { type DryFireParts, type DryFireReport, type DryFireStep, dryFire } from './dry-fire.ts';
export { type LedgerPosition, magnitude } from './ledger/account.ts';
export { applyBrokerEvents, enterIntents } from './ledger/booking.ts';
export { type Ledger, type LedgerChange, openLedger, requestCancels, unchanged } from './ledger/ledger.ts';
export { exactOf, type LedgerOrder, orderOf, positionKey, remainingOf } from './ledger/ledger-order.ts';
export { LedgerOrders, type WorkingLegs } from './ledger/ledger-orders.ts';
export {
  bookedFills,
  forgetEnded,
  keysWithLegs,
  lastCashFlowAt,
  pendingCancels,
  unendedLegs,
  workingLegsOf,
  workingOrderOf,
  workingOrders,
} from './ledger/working-orders.ts';
export {
  type MarketState,
  MarketStates,
  priceAge,
  returnOver,
  updateMarket,
  volatilityOf,
  WatchedMarket,
} from './market-state.ts';
export {
  type Exposure,
  equityOf,
  equityPointOf,
  exposureOf,
  type Markets,
  positionsOf,
  type Valuation,
  valueLedger,
  withEntry,
} from './portfolio.ts';
export {
  coveredBy,
  isStopPlaceable,
  type LegOwner,
  legsAfterFill,
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
  unclosedOf,
} from './protective-orders.ts';
export { type Difference, describeDifference, differencesOf } from './reconciliation.ts';
export { type DrawdownState, updateDrawdown } from './risk/drawdown.ts';
export {
  applyCommands,
  decisiveLatch,
  haltFor,
  initialRiskState,
  isClosingAll,
  isUnarmed,
  type RiskLatch,
  type RiskState,
  riskModeOf,
  updateRisk,
  withOrders,
} from './risk/latches.ts';
export { type PreTradeContext, refuseEntry, shareOfEquity, type WantedEntry } from './risk/limits.ts';
export { type RampState, rampFraction, rampStatistic } from './risk/ramp.ts';
export {
  DEFAULT_PROTECTION_SETTINGS,
  DEFAULT_RAMP_SETTINGS,
  DEFAULT_RISK_SETTINGS,
  DEFAULT_SIZING_SETTINGS,
  type PositionProtectionSettings,
  type ProtectionSettings,
  type RampSettings,
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
  type WantedSize,
} from './sizing.ts';
export { type Trader, TraderManager, type TraderStanding, type TraderState } from './trader-manager.ts';
