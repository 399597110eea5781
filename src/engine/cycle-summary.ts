import type {
  CycleStage,
  CycleStatus,
  EpochMs,
  EquityPoint,
  Exclusion,
  Position,
  ReasonCode,
  Signal,
} from '../core/index.ts';
import type { CycleReport } from './minute-cycle.ts';
import type { RiskStanding } from './risk-standing.ts';

/** What one minute shows to the outside: small enough to send between processes every minute. */
export interface CycleSummary {
  readonly minute: EpochMs;
  readonly status: CycleStatus;
  readonly reason?: ReasonCode;
  readonly modelId?: string;
  readonly universe: number;
  readonly members: number;
  readonly excluded: readonly Exclusion[];
  readonly candles: number;
  readonly forecasts: number;
  /** Candidates that passed every gate. */
  readonly accepted: number;
  /** The strongest candidates, accepted or not, by net edge. */
  readonly candidates: readonly Signal[];
  readonly orders: number;
  readonly fills: number;
  readonly positions: readonly Position[];
  readonly equity: EquityPoint;
  readonly risk: RiskStanding;
  readonly reasonCounts: Readonly<Partial<Record<ReasonCode, number>>>;
  readonly stageMs: Readonly<Record<CycleStage, number>>;
  readonly totalMs: number;
}

export function summarizeCycle(
  { record, stageMs, totalMs, universe, risk }: CycleReport,
  candidates = 5,
): CycleSummary {
  const strongest = [...record.signals].sort(
    (a, b) => Number(b.accepted) - Number(a.accepted) || b.netEdge - a.netEdge || (a.symbol < b.symbol ? -1 : 1),
  );
  return {
    minute: record.minute,
    status: record.status,
    ...(record.reason ? { reason: record.reason } : {}),
    ...(record.modelId ? { modelId: record.modelId } : {}),
    universe,
    members: record.members.length,
    excluded: record.excluded,
    candles: record.candles,
    forecasts: record.forecasts.length,
    accepted: record.signals.filter((signal) => signal.accepted).length,
    candidates: strongest.slice(0, candidates),
    orders: record.intents.length,
    fills: record.fills.length,
    positions: record.positions,
    equity: record.equity,
    risk,
    reasonCounts: record.reasonCounts,
    stageMs,
    totalMs,
  };
}

export interface LatencySummary {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** Percentiles by the nearest-rank method, in milliseconds rounded to 0.01; zeros without a sample. */
export function summarizeLatency(sample: readonly number[]): LatencySummary {
  const sorted = [...sample].sort((a, b) => a - b);
  const rank = (share: number) => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0;
  const round = (value: number) => Math.round(value * 100) / 100;
  return { p50: round(rank(0.5)), p99: round(rank(0.99)), max: round(rank(1)) };
}
