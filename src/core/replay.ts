import type { EpochMs } from './units.ts';

/** What a step of a book was made of, as far as no other row holds it, and what the book's state came to: enough to take it again. */
export interface StepRecord {
  /** JSON text; what seldom changes it names by digest. */
  readonly inputs: string;
  /** Of the book's state after the step. */
  readonly stateDigest: string;
  /** Texts that `inputs` names and that were not stored of late, by digest. */
  readonly texts: ReadonlyMap<string, string>;
}

/** Where a replay can begin, beside the state of the features at its minute: before the minute is decided, or after it. */
export interface ReplayState {
  readonly book: string;
  readonly minute: EpochMs;
  readonly place: 'before' | 'after';
  readonly bookState: string;
  readonly featureSetHash: string;
  /** Funding rates that were at hand, as JSON text. */
  readonly funding: string;
}
