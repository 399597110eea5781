import { type BrokerEvent, type Clock, type EpochMs, epochMs } from '../../../core/index.ts';
import { formatCash, parseCash } from '../../../matching/index.ts';
import type { AccountClient } from './account-client.ts';

/**
 * Cash flows of one settlement are written one after the other: those of so long before the newest are asked for again. Less than the
 * ledger remembers them.
 */
const FLOW_OVERLAP_MS = 60_000;

interface AccountCashParts {
  readonly client: Pick<AccountClient, 'wallet' | 'cashFlowsSince'>;
  readonly clock: Clock;
}

/** Tells of money that comes and goes without an order: transfers, funding, and what a new book takes over. */
export class AccountCash {
  readonly #parts: AccountCashParts;
  readonly #tell: (event: BrokerEvent) => void;
  /** Flows told, by id, with their venue times. */
  readonly #told = new Map<string, EpochMs>();
  #since: EpochMs | undefined;
  #openingCash: bigint | undefined;

  constructor(parts: AccountCashParts, tell: (event: BrokerEvent) => void) {
    this.#parts = parts;
    this.#tell = tell;
  }

  /** Goes on after the newest flow that is booked, or from the cash that a new book believes to have. */
  restore(from: { readonly since: EpochMs | undefined } | { readonly openingCash: bigint }): void {
    if ('openingCash' in from) this.#openingCash = from.openingCash;
    else this.#since = from.since;
  }

  /** A book that begins takes over what the account holds. @throws what the connection throws */
  async open(): Promise<void> {
    if (this.#openingCash === undefined) return;
    const { client, clock } = this.#parts;
    const { balance } = await client.wallet();
    // The balance holds what came before: also the next process must not ask for it again.
    const time = epochMs(clock.now() + FLOW_OVERLAP_MS);
    this.#since = time;
    const amount = formatCash(parseCash(balance) - this.#openingCash);
    this.#tell({ kind: 'cash', flowId: 'opening', cause: 'transfer', amount, time });
    this.#openingCash = undefined;
  }

  /** Asks for what came or went since the newest flow known. @throws what the connection throws */
  async poll(): Promise<void> {
    const since = this.#since;
    if (since === undefined) return;
    const from = epochMs(since - FLOW_OVERLAP_MS);
    for (const flow of await this.#parts.client.cashFlowsSince(from)) {
      if (flow.time > (this.#since ?? 0)) this.#since = flow.time;
      if (flow.time < from || this.#told.has(flow.flowId)) continue;
      this.#told.set(flow.flowId, flow.time);
      this.#tell({ kind: 'cash', ...flow });
    }
    const oldest = (this.#since ?? 0) - FLOW_OVERLAP_MS;
    for (const [id, time] of this.#told) if (time < oldest) this.#told.delete(id);
  }
}
