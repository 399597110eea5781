export { BOOK, runBookEngine } from './book-engine.ts';
export { type BookOverview, type CapitalNeed, describeCapital, readBookOverview } from './book-overview.ts';
export type { RunSummary } from './book-run.ts';
export { type BookState, initialBookState, warmBookState } from './book-state.ts';
export { decodeBookState, encodeBookState } from './book-state-text.ts';
export { type CommandResult, commandBook } from './command-book.ts';
export type { CycleSummary } from './cycle-summary.ts';
export { type DataDirectory, ownerOf, takeDataDirectory } from './data-directory.ts';
export { decide } from './decide.ts';
export type { DecideInput, DecideSettings, Decision } from './decide-types.ts';
export { decidedPartsOf } from './decide-types.ts';
export type { EngineEvent } from './engine-event.ts';
export type { EngineOptions, EnginePorts } from './engine-options.ts';
export { type EntryConditionSettings, entriesBlockedBy } from './entry-conditions.ts';
export { buildFeatures, type FeatureBuildOptions, type FeatureBuildReport, recomputePanels } from './feature-build.ts';
export { type FitRequest, runFitJob } from './fit-job.ts';
export { closeBefore } from './funding-feed.ts';
export * from './jobs/index.ts';
export type { MarketChoice } from './market-choice.ts';
export type { CycleSettings } from './minute-cycle.ts';
export { isContextStored, observeStored } from './model-warm-up.ts';
export type { ParityRequest } from './parity-job.ts';
export { decideInputOf, retakeBetween } from './retake-step.ts';
export { describeRisk, type RiskStanding } from './risk-standing.ts';
export { cycleSettings, decideSettings, evidenceSettings } from './settings.ts';
export {
  type BetweenInputs,
  type KnownRate,
  type MinuteInputs,
  parseKnownRates,
  parseStepInputs,
  unreadable,
} from './step-inputs.ts';
export { digestOf, digestOfPanel } from './step-recorder.ts';
export { type ChildMessage, type SupervisorMessage, superviseProcess } from './supervised-process.ts';
export { runSystem, type SystemEvent, type SystemOptions } from './system-orchestrator.ts';
export { connectVenue, describeMarket, type Venue } from './venue.ts';
export { candleAt } from './warm-up.ts';
