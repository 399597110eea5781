import { DAY_MS, type EpochMs, type ReasonCode } from '../core/index.ts';

/** What is known of the surroundings when a minute is decided. */
export interface EntryConditions {
  readonly minute: EpochMs;
  /** How far the venue's clock is from ours, milliseconds. */
  readonly clockSkewMs: number;
  /** Requests to the venue of the last minutes, and how many of them failed. */
  readonly requests: { readonly all: number; readonly failed: number };
  /** Time of the newest data that the serving model was fitted or judged on; undefined while none serves. */
  readonly modelDataUntil: EpochMs | undefined;
}

export interface EntryConditionSettings {
  /** From this share of failed requests on there are no entries. */
  readonly maxExchangeErrors: number;
  /** Null: however old. */
  readonly maxModelAgeDays: number | null;
}

/** A venue's clock this far from ours makes orders unsafe. */
const SAFE_SKEW_MS = 1_000;
/** A share of fewer requests says little. */
const LEAST_REQUESTS = 10;

type Condition = (conditions: EntryConditions, settings: EntryConditionSettings) => ReasonCode | undefined;

const CONDITIONS: readonly Condition[] = [
  ({ clockSkewMs }) => (Math.abs(clockSkewMs) > SAFE_SKEW_MS ? 'CLOCK_SKEWED' : undefined),
  ({ requests: { all, failed } }, { maxExchangeErrors }) =>
    all >= LEAST_REQUESTS && failed / all >= maxExchangeErrors ? 'RISK_EXCHANGE_ERRORS' : undefined,
  ({ minute, modelDataUntil }, { maxModelAgeDays }) =>
    modelDataUntil !== undefined && maxModelAgeDays !== null && minute - modelDataUntil > maxModelAgeDays * DAY_MS
      ? 'RISK_MODEL_OUTDATED'
      : undefined,
];

/** Why the surroundings allow no new entries, for as long as they are so; undefined where they do. */
export function entriesBlockedBy(
  conditions: EntryConditions,
  settings: EntryConditionSettings,
): ReasonCode | undefined {
  for (const condition of CONDITIONS) {
    const reason = condition(conditions, settings);
    if (reason !== undefined) return reason;
  }
  return undefined;
}
