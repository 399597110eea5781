export {
  type Bar,
  CarriedSeries,
  HourBars,
  MAX_CARRIED,
  phaseBars,
  RollingBars,
} from './bars.ts';
export {
  type BinanceUsdmSession,
  createBinanceUsdmSession,
  type RequestFields,
  VenueAnswerError,
} from './binance-usdm-session.ts';
export {
  type BackfillProgress,
  type BackfillRequest,
  type BackfillResult,
  DataLoader,
  type DataLoaderOptions,
  type RepairRequest,
} from './data-loader.ts';
export { connectExchangeClock, type ExchangeClock, type ExchangeClockOptions } from './exchange-clock.ts';
export {
  type CandlePage,
  type CandleRequest,
  createExchangeGateway,
  type ExchangeGateway,
  type ExchangeGatewayOptions,
  type FundingRequest,
  MAX_FUNDING_PAGE,
  PRIORITY,
  type StreamListener,
  type Ticker,
} from './exchange-gateway.ts';
export { gapsBetween, missingRanges, type TimeRange } from './gaps.ts';
export { compareInstruments, type InstrumentChanges, refreshInstruments } from './instrument-lifecycle.ts';
export { createMarketFeed, type FeedState, type LiveMarketFeed, type MarketFeedOptions } from './market-feed.ts';
export {
  type BackfillReport,
  dataBackfill,
  dataExport,
  dataGaps,
  dataImport,
  dataRepair,
  type ImportReport,
  type ReportedGap,
  type StoredRange,
} from './operations.ts';
export { type Panel, type PanelOptions, panelAt } from './panel.ts';
export * from './quality/index.ts';
export * from './quality/index.ts';
export { RequestOutcomes } from './request-outcomes.ts';
export { type RetryOptions, retry } from './retry.ts';
export type { SimulatedMarketInfo, SimulationStatus } from './simulation-status.ts';
export {
  createUnifiedExchange,
  type UnifiedExchange,
  type UnifiedExchangeOptions,
  UnifiedRefusal,
} from './unified-exchange.ts';
export { selectUniverse, type Universe, type UniverseOptions } from './universe.ts';
export { answerInvalid } from './venue-error.ts';
