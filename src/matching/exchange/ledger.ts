import type { EpochMs, SymbolId } from '../../core/index.ts';
import type { ExchangeFill } from './order.ts';

export type IncomeKind = 'realized-pnl' | 'commission' | 'funding' | 'liquidation-fee' | 'insurance';

/** One booking, cash units: positive is the account's gain. */
export interface Income {
  readonly id: number;
  readonly kind: IncomeKind;
  readonly symbol: SymbolId;
  readonly amount: bigint;
  readonly time: EpochMs;
  /** The execution it belongs to; 0 for funding. */
  readonly fillId: number;
}

/** The wallet and how it came to be: `initial` plus the totals of all bookings is `wallet`, to the last unit, always. */
export class Ledger {
  readonly initial: bigint;
  readonly #limit: number;
  #wallet: bigint;
  #lastId = 0;
  #incomes: Income[] = [];
  #fills: ExchangeFill[] = [];
  readonly #totals = new Map<IncomeKind, bigint>();

  constructor(initial: bigint, limit: number) {
    this.initial = initial;
    this.#wallet = initial;
    this.#limit = limit;
  }

  get wallet(): bigint {
    return this.#wallet;
  }

  /** Newest last. */
  get incomes(): readonly Income[] {
    return this.#incomes;
  }

  /** Newest last. */
  get fills(): readonly ExchangeFill[] {
    return this.#fills;
  }

  total(kind: IncomeKind): bigint {
    return this.#totals.get(kind) ?? 0n;
  }

  book(entry: Omit<Income, 'id'>): void {
    if (entry.amount === 0n) return;
    this.#wallet += entry.amount;
    this.#totals.set(entry.kind, this.total(entry.kind) + entry.amount);
    this.#incomes.push({ ...entry, id: ++this.#lastId });
    this.#incomes = bounded(this.#incomes, this.#limit);
  }

  record(fill: ExchangeFill): void {
    this.#fills.push(fill);
    this.#fills = bounded(this.#fills, this.#limit);
  }
}

/** Cuts the oldest off, a tenth at a time. */
const bounded = <T>(entries: T[], limit: number): T[] =>
  entries.length > limit * 1.1 ? entries.slice(-limit) : entries;
