import type { ReasonCode } from './reason-codes.ts';
import type { EpochMs } from './units.ts';

/** What an order may do: everything; only reduce; nothing but cancel and close. */
export const RISK_MODES = ['ACTIVE', 'REDUCING', 'HALTED'] as const;
export type RiskMode = (typeof RISK_MODES)[number];

/** What a person can tell a book. `close-all` closes every position at market and halts. */
export const BOOK_COMMANDS = ['halt', 'reduce', 'resume', 'close-all'] as const;
export type BookCommandKind = (typeof BOOK_COMMANDS)[number];

/** A command as it was asked for. */
export interface BookCommand {
  readonly id: number;
  readonly command: BookCommandKind;
  /** Who: "cli:alice". */
  readonly actor: string;
  readonly reason?: string;
}

/** A command that has taken effect. */
export interface AppliedCommand {
  readonly id: number;
  /** Market time. */
  readonly appliedAt: EpochMs;
  /** Where the book stands since. */
  readonly outcome: RiskMode;
}

/** Something that changed what a book may do: a row of the audit log. */
export interface RiskEvent {
  readonly time: EpochMs;
  readonly actor: string;
  readonly action: 'risk.latch' | 'risk.lift';
  readonly mode: Exclude<RiskMode, 'ACTIVE'>;
  readonly reason: ReasonCode;
  readonly text?: string;
}

/** What commands changed between two minutes: committed at once. */
export interface CommandRecord {
  readonly book: string;
  /** The last minute committed. */
  readonly minute: EpochMs;
  readonly commands: readonly AppliedCommand[];
  readonly riskEvents: readonly RiskEvent[];
  readonly bookState: string;
}
