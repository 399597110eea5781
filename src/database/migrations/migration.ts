/** A step of the schema in both directions; each runs in a transaction of its own. */
export interface Migration {
  /** Sorts in the order of application: "0001-market-data". */
  readonly id: string;
  readonly up: string;
  /** Undoes `up`; what only `up` made is lost. */
  readonly down: string;
}
