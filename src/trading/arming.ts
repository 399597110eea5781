import { type ArmingTerms, DAY_MS, type EpochMs, epochMs, type ReasonCode } from '../core/index.ts';
import { parseCash } from '../matching/index.ts';

/** A person's leave to trade at an exchange: part of the book's state, so that a restart inherits it. */
export interface Arming {
  /** How much the book may trade with, cash units. */
  readonly cap: bigint;
  readonly since: EpochMs;
  readonly expiresAt: EpochMs;
  /** Who gave it. */
  readonly actor: string;
}

/** A person renews an arming at least this often, whoever asks for it and by whatever way. */
export const LONGEST_ARMING_MS = 31 * DAY_MS;

/** @throws RangeError if the cap is not a decimal of at most 8 places. */
export const armingOf = ({ cap, expiresAt }: ArmingTerms, actor: string, since: EpochMs): Arming => ({
  cap: parseCash(cap),
  since,
  expiresAt: epochMs(Math.min(expiresAt, since + LONGEST_ARMING_MS)),
  actor,
});

/** What {@link armingRestriction} may say. */
export const ARMING_REASONS: ReadonlySet<ReasonCode> = new Set<ReasonCode>(['RISK_NOT_ARMED', 'RISK_ARMING_EXPIRED']);

/** Why a book that must be armed may only reduce; undefined while an arming is in force. */
export function armingRestriction(arming: Arming | undefined, at: EpochMs): ReasonCode | undefined {
  if (arming === undefined) return 'RISK_NOT_ARMED';
  return at < arming.expiresAt ? undefined : 'RISK_ARMING_EXPIRED';
}

/** The equity as far as it is the book's to trade with. */
export const withinCap = (equity: bigint, arming: Arming | undefined): bigint =>
  arming !== undefined && arming.cap < equity ? arming.cap : equity;
