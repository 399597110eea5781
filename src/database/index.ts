export { type AdvisoryLock, holdAdvisoryLock } from './advisory-lock.ts';
export {
  type BarRange,
  type Coverage,
  countBars,
  findGaps,
  type Gap,
  latestOpenTimes,
  listCoverage,
  readBars,
  type StoredSpan,
  storedSpans,
} from './bars.ts';
export {
  COMMANDS_CHANNEL,
  type CommandRequest,
  type RecordedCommand,
  readCommand,
  requestCommand,
} from './book-commands.ts';
export { loadBook, saveUniverse, universeAt } from './books.ts';
export { listCorrections, type RecordedCorrection, repairCandles, upsertCandles } from './candles.ts';
export { type Database, type DatabaseOptions, openDatabase, redactUrl } from './connection.ts';
export {
  type CycleSummary,
  countRange,
  lastCycleMinute,
  listCycles,
  type MinuteRange,
  type RangeCounts,
  readStageTimes,
  type StageTimes,
} from './cycles.ts';
export {
  type EmbeddedServer,
  type EmbeddedServerOptions,
  findRunningServer,
  startEmbeddedServer,
} from './embedded/embedded-server.ts';
export { isAlive, type ProcessIdentity, readIdentity, thisProcess } from './embedded/process-lock.ts';
export {
  featureNamesOf,
  insertFeatures,
  readFeaturePanels,
  readFeatureRows,
  readFeatures,
  replaceFeatures,
  type StoredFeatureRow,
  type StoredFeatures,
  storedFeatureMinutes,
} from './features.ts';
export { readFundingRates, saveFundingRates } from './funding.ts';
export { listInstruments, saveInstruments } from './instruments.ts';
export { createPostgresJournal, type PostgresJournalOptions } from './journal.ts';
export { acquireLease, type Lease, type LeaseRequest, readLease, releaseLease, renewLease } from './leases.ts';
export {
  type LedgerFilter,
  listEquity,
  listFills,
  listOrderEvents,
  listOrders,
  listPositions,
  listStrategyResults,
} from './ledger.ts';
export { listen } from './listen.ts';
export { type MigrationStatus, migrate, migrationStatus, rollback } from './migrate.ts';
export {
  aliasedModel,
  listModels,
  listPromotions,
  MODELS_CHANNEL,
  type ModelChange,
  type ModelRecord,
  type ModelStatus,
  type Promotion,
  promoteModel,
  type RegisteredModel,
  rollbackChampion,
  saveModel,
  unknownModel,
} from './models.ts';
export {
  type AuditEntry,
  appendAudit,
  listAudit,
  listRuns,
  type RunRecord,
  type RunStatus,
  saveRun,
} from './operations.ts';
export {
  type ExtremeAccuracy,
  type ExtremeOutputs,
  type ForecastAccuracy,
  fillExtremes,
  type OutcomeCounts,
  type OutcomeHorizon,
  type RankedMinute,
  readExtremeAccuracy,
  readForecastAccuracy,
  readOutcomes,
  readRankedMinutes,
  recordOutcomes,
  resolveOutcomes,
  type StoredOutcome,
} from './outcomes.ts';
export {
  type BookedFacts,
  findReplayStart,
  listReplayStates,
  listSteps,
  readBookedFacts,
  readFeatureState,
  readRiskEvents,
  readStepText,
  type StoredReplayState,
  type StoredStep,
} from './replay.ts';
export { applyRetention, EVERY_MINUTE_MS, type RetentionPolicy, type RetentionResult } from './retention.ts';
export { listForecasts, listSignals, type SignalFilter } from './signals.ts';
export { listSnapshots, type MarketSnapshot } from './snapshots.ts';
export { MODEL_ALIASES, type ModelAlias } from './tables.ts';
export { createTestDatabase, type TestDatabase, useTestServer } from './testing.ts';
