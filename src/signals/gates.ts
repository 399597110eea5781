import type { GateVerdict, InstrumentStatus, ReasonCode, Signal } from '../core/index.ts';
import type { SignalSettings } from './settings.ts';

/** What the gates judge of one candidate. */
export interface GateInput {
  /** Why this minute allows no new entries at all: late, halted, skewed clock …; undefined when it does. */
  readonly blocked: ReasonCode | undefined;
  /** Share of the universe with a final candle. */
  readonly coverage: number;
  readonly referencesPresent: boolean;
  readonly isHistoryIncomplete: boolean;
  readonly instrumentStatus: InstrumentStatus | undefined;
  readonly maskedShare: number;
  readonly netEdge: number;
  /** Probability of the side's direction less that of the opposite one. */
  readonly directionLead: number;
  /** Cross-sectional rank in the direction of the side. */
  readonly rank: number;
  readonly confidence: number;
  readonly agreement: number;
  readonly uncertainty: number;
  readonly stopDistance: number;
  /** The stop must be farther than this: costs and a tick. */
  readonly leastStopDistance: number;
  readonly rewardToRisk: number;
  readonly isRegimeBlocked: boolean;
}

/** A gate: a small pure function from what is known to a verdict. */
export type Gate = (input: GateInput, settings: SignalSettings) => GateVerdict;

/** In the order they run; all of them are evaluated, so that a candidate shows everything that stopped it. */
export const GATES: readonly Gate[] = [
  entriesAllowed,
  panelCoverage,
  panelReferences,
  historyComplete,
  instrumentTrading,
  featuresWarm,
  edgeCoversCosts,
  directionAgrees,
  rankAgrees,
  horizonsAgree,
  directionCertain,
  stopFarEnough,
  rewardCoversRisk,
  regimeAllows,
  confidenceSuffices,
];

function entriesAllowed({ blocked }: GateInput): GateVerdict {
  return blocked === undefined
    ? { gate: 'entries-allowed', passed: true }
    : { gate: 'entries-allowed', passed: false, reason: blocked };
}

function panelCoverage({ coverage }: GateInput, { minCoverage }: SignalSettings): GateVerdict {
  return atLeast('panel-coverage', coverage, minCoverage, 'PANEL_BELOW_COVERAGE');
}

function panelReferences({ referencesPresent }: GateInput): GateVerdict {
  return holds('panel-references', referencesPresent, 'PANEL_REFERENCE_MISSING');
}

function historyComplete({ isHistoryIncomplete }: GateInput): GateVerdict {
  return holds('history-complete', !isHistoryIncomplete, 'HISTORY_INCOMPLETE');
}

function instrumentTrading({ instrumentStatus }: GateInput): GateVerdict {
  return holds('instrument-trading', instrumentStatus === 'trading', 'INSTRUMENT_NOT_TRADING');
}

function featuresWarm({ maskedShare }: GateInput, { maxMaskedShare }: SignalSettings): GateVerdict {
  return atMost('features-warm', maskedShare, maxMaskedShare, 'FEATURES_NOT_WARM');
}

function edgeCoversCosts({ netEdge }: GateInput): GateVerdict {
  return above('edge-covers-costs', netEdge, 0, 'SIGNAL_EDGE_BELOW_COSTS');
}

function directionAgrees({ directionLead }: GateInput, { minDirectionLead }: SignalSettings): GateVerdict {
  return above('direction-agrees', directionLead, minDirectionLead, 'SIGNAL_DIRECTION_DISAGREES');
}

function rankAgrees({ rank }: GateInput, { minRank }: SignalSettings): GateVerdict {
  return atLeast('rank-agrees', rank, minRank, 'SIGNAL_RANK_DISAGREES');
}

function horizonsAgree({ agreement }: GateInput, { minAgreement }: SignalSettings): GateVerdict {
  return atLeast('horizons-agree', agreement, minAgreement, 'SIGNAL_HORIZONS_DISAGREE');
}

function directionCertain({ uncertainty }: GateInput, { maxUncertainty }: SignalSettings): GateVerdict {
  return atMost('direction-certain', uncertainty, maxUncertainty, 'SIGNAL_UNCERTAIN');
}

function stopFarEnough({ stopDistance, leastStopDistance }: GateInput): GateVerdict {
  const verdict = above('stop-distance', stopDistance, leastStopDistance, 'SIGNAL_STOP_TOO_CLOSE');
  // The whole price away is no price for a stop of a long.
  return stopDistance < 1 ? verdict : compares(verdict.gate, false, stopDistance, 1, 'SIGNAL_STOP_TOO_CLOSE');
}

function rewardCoversRisk({ rewardToRisk }: GateInput, { minRewardToRisk }: SignalSettings): GateVerdict {
  return atLeast('reward-to-risk', rewardToRisk, minRewardToRisk, 'SIGNAL_REWARD_BELOW_RISK');
}

function regimeAllows({ isRegimeBlocked }: GateInput): GateVerdict {
  return holds('regime', !isRegimeBlocked, 'SIGNAL_REGIME_BLOCKED');
}

function confidenceSuffices({ confidence }: GateInput, { confidenceThreshold }: SignalSettings): GateVerdict {
  return atLeast('confidence', confidence, confidenceThreshold, 'SIGNAL_CONFIDENCE_LOW');
}

function holds(gate: string, passed: boolean, reason: ReasonCode): GateVerdict {
  return passed ? { gate, passed } : { gate, passed, reason };
}

function compares(gate: string, passed: boolean, value: number, threshold: number, reason: ReasonCode): GateVerdict {
  return passed ? { gate, passed, value, threshold } : { gate, passed, reason, value, threshold };
}

// Each comparison is false for NaN: what is not a number does not pass.
const atLeast = (gate: string, value: number, threshold: number, reason: ReasonCode): GateVerdict =>
  compares(gate, value >= threshold, value, threshold, reason);
const above = (gate: string, value: number, threshold: number, reason: ReasonCode): GateVerdict =>
  compares(gate, value > threshold, value, threshold, reason);
const atMost = (gate: string, value: number, threshold: number, reason: ReasonCode): GateVerdict =>
  compares(gate, value <= threshold, value, threshold, reason);

/** The verdict on a candidate's place among its symbol's accepted candidates, counted from 0, best first. */
export function perSymbolLimit(place: number, { maxSignalsPerSymbol }: SignalSettings): GateVerdict {
  return atMost('per-symbol-limit', place + 1, maxSignalsPerSymbol, 'SIGNAL_LIMIT_PER_SYMBOL');
}

/** Gates that speak of the forecast itself rather than of whether new risk may be taken now. */
const FORECAST_GATES: ReadonlySet<string> = new Set(['features-warm', 'edge-covers-costs', 'direction-agrees']);

/** Whether a forecast is firm enough to give up a position of the other side, even if it does not allow an entry. */
export const isFirm = (signal: Signal): boolean =>
  signal.verdicts.every((verdict) => verdict.passed || !FORECAST_GATES.has(verdict.gate));

/** Whether the inputs of a forecast were there: only then does it say anything beside others. */
export const isWarm = (signal: Signal): boolean =>
  signal.verdicts.every((verdict) => verdict.passed || verdict.gate !== 'features-warm');

/** Gates that speak of the book, the panel and the instrument rather than of what is forecast. */
const ENTRY_GATES: ReadonlySet<string> = new Set([
  'entries-allowed',
  'panel-coverage',
  'panel-references',
  'history-complete',
  'instrument-trading',
]);

/** The reason for which nothing of a candidate's symbol may be entered, on either side; undefined where it may. */
export const entryBar = (signal: Signal): ReasonCode | undefined =>
  signal.verdicts.find((verdict) => !verdict.passed && ENTRY_GATES.has(verdict.gate))?.reason;
