import { type EpochMs, formatTime, type SymbolId } from '../../core/index.ts';
import type { Difference } from './difference.ts';

/** Stages of a minute, each replayed from what was recorded of the one before. */
export const PARITY_STAGES = ['features', 'forecasts', 'orders', 'signals', 'decisions'] as const;
export type ParityStage = (typeof PARITY_STAGES)[number];

/** Where the replay and what was recorded part. */
export interface Divergence {
  readonly stage: ParityStage;
  /** The close of the minute. */
  readonly minute: string;
  /** What it is of: an instrument, an order, a signal. */
  readonly symbol?: SymbolId;
  readonly subject?: string;
  readonly field: string;
  readonly recorded: unknown;
  readonly replayed: unknown;
}

export interface StageTally {
  /** Vectors, forecasts, signals, orders and their facts, decisions. */
  readonly compared: number;
  readonly diverged: number;
  readonly firstDivergence: Divergence | null;
}

interface Place {
  readonly minute: EpochMs;
  readonly symbol?: SymbolId;
  readonly subject?: string;
}

/** Counts what was compared, stage by stage. */
export class Tally {
  readonly #from: EpochMs;
  readonly #stages = new Map(
    PARITY_STAGES.map((stage) => [
      stage,
      { compared: 0, diverged: 0, first: undefined as { minute: EpochMs; divergence: Divergence } | undefined },
    ]),
  );

  /** @param from what lies before it is not counted */
  constructor(from: EpochMs) {
    this.#from = from;
  }

  count(stage: ParityStage, place: Place, difference: Difference | undefined): void {
    const tally = this.#stages.get(stage);
    if (tally === undefined || place.minute < this.#from) return;
    tally.compared++;
    if (difference === undefined) return;
    tally.diverged++;
    if (tally.first !== undefined && tally.first.minute <= place.minute) return;
    const { minute, ...of } = place;
    const { field, recorded, replayed } = difference;
    const divergence = {
      stage,
      minute: formatTime(minute),
      ...of,
      field,
      recorded: shown(recorded),
      replayed: shown(replayed),
    };
    tally.first = { minute, divergence };
  }

  get stages(): Readonly<Record<ParityStage, StageTally>> {
    const tallyOf = (stage: ParityStage): StageTally => {
      const { compared = 0, diverged = 0, first } = this.#stages.get(stage) ?? {};
      return { compared, diverged, firstDivergence: first?.divergence ?? null };
    };
    const [features, forecasts, orders, signals, decisions] = PARITY_STAGES;
    return {
      features: tallyOf(features),
      forecasts: tallyOf(forecasts),
      orders: tallyOf(orders),
      signals: tallyOf(signals),
      decisions: tallyOf(decisions),
    };
  }

  /** The earliest; within a minute that of the earliest stage. */
  get first(): Divergence | null {
    const firsts = PARITY_STAGES.flatMap((stage) => this.#stages.get(stage)?.first ?? []);
    return firsts.toSorted((a, b) => a.minute - b.minute)[0]?.divergence ?? null;
  }
}

/** JSON has no word for what is not finite. */
const shown = (value: unknown): unknown =>
  typeof value === 'number' && !Number.isFinite(value) ? String(value) : (value ?? null);
