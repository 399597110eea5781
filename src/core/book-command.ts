import type { ReasonCode } from './reason-codes.ts';
import type { StepRecord } from './replay.ts';
import type { EpochMs } from './units.ts';

/** What an order may do: everything; only reduce; nothing but cancel and close. */
export const RISK_MODES = ['ACTIVE', 'REDUCING', 'HALTED'] as const;
export type RiskMode = (typeof RISK_MODES)[number];

/** What a person can tell a book. `close-all` closes every position at market and halts. */
export const BOOK_COMMANDS = ['halt', 'reduce', 'resume', 'close-all', 'arm', 'disarm'] as const;
export type BookCommandKind = (typeof BOOK_COMMANDS)[number];

/** What a book is allowed at an exchange. */
export interface ArmingTerms {
  /** How much it may trade with, decimal string in quote currency. */
  readonly cap: string;
  /** Market time from which on it may only reduce. */
  readonly expiresAt: EpochMs;
}

/** A command with what belongs to it. */
export type BookInstruction =
  | { readonly command: Exclude<BookCommandKind, 'arm'> }
  | { readonly command: 'arm'; readonly terms: ArmingTerms };

/** A command as it was asked for. */
export type BookCommand = BookInstruction & {
  readonly id: number;
  /** Who: "cli:alice". */
  readonly actor: string;
  readonly reason?: string;
};

/** A command that has taken effect. */
export interface AppliedCommand {
  readonly id: number;
  /** Market time. */
  readonly appliedAt: EpochMs;
  /** Where the book stands since. */
  readonly outcome: RiskMode;
}

/** Something that changed what a book may do: a row of the audit log. */
export type RiskEvent = RiskChangeDetails & {
  readonly time: EpochMs;
  readonly actor: string;
  readonly text?: string;
};

type RiskChangeDetails =
  | {
      readonly action: 'risk.latch' | 'risk.lift';
      readonly mode: Exclude<RiskMode, 'ACTIVE'>;
      readonly reason: ReasonCode;
    }
  | ({ readonly action: 'risk.arm' } & ArmingTerms)
  | { readonly action: 'risk.disarm' }
  /** Stages count from 0; the fraction is that of the stage it came to. */
  | {
      readonly action: 'risk.ramp';
      readonly from: number;
      readonly to: number;
      readonly fraction: number;
      readonly cause: RampCause;
    };

/** Why a book may use more or less of its capital: its profit, a drawdown, a loss beyond chance, a larger cap. */
export type RampCause = 'profit' | 'drawdown' | 'loss' | 'cap';

/** What commands changed between two minutes: committed at once. */
export interface CommandRecord {
  readonly book: string;
  /** The last minute committed. */
  readonly minute: EpochMs;
  readonly commands: readonly AppliedCommand[];
  readonly riskEvents: readonly RiskEvent[];
  readonly bookState: string;
  readonly step: StepRecord;
}
