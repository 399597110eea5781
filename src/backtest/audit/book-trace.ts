import { createHash } from 'node:crypto';
import type { CashFlow, EpochMs, EquityPoint, Fill, OrderIntent } from '../../core/index.ts';
import type { Decision } from '../../engine/index.ts';

/** An execution as the book heard of it. */
export interface TracedFill extends Fill {
  /** The bar that was decided when it became known, and whether that bar was worked on one-minute bars. */
  readonly knownAt: EpochMs;
  readonly isOnMinutes: boolean;
  /** It crossed inside the book, or settled an instrument that had ended: it was never sent. */
  readonly isInside: boolean;
}

export interface TracedFlow extends CashFlow {
  readonly knownAt: EpochMs;
}

/** What a replay did, as far as audits look at it. */
export interface BookTrace {
  /** sha256 of what each bar decided, by its close. */
  readonly digests: ReadonlyMap<EpochMs, string>;
  /** Bars that sent entries, ascending. */
  readonly entryBars: readonly EpochMs[];
  /** By client order id. */
  readonly orders: ReadonlyMap<string, OrderIntent>;
  /** Open of the bar in which a conditional order's price was reached, by client order id. */
  readonly triggeredAt: ReadonlyMap<string, EpochMs>;
  /** In the order they became known. */
  readonly fills: readonly TracedFill[];
  readonly cashFlows: readonly TracedFlow[];
  readonly equity: readonly EquityPoint[];
}

/** A trace, and what fills it: `ReplayRequest.onDecision`. */
export function traceBook(): {
  readonly trace: BookTrace;
  readonly take: (minute: EpochMs, decision: Decision, isOnMinutes: boolean) => void;
} {
  const digests = new Map<EpochMs, string>();
  const entryBars: EpochMs[] = [];
  const orders = new Map<string, OrderIntent>();
  const triggeredAt = new Map<string, EpochMs>();
  const fills: TracedFill[] = [];
  const cashFlows: TracedFlow[] = [];
  const equity: EquityPoint[] = [];
  return {
    trace: { digests, entryBars, orders, triggeredAt, fills, cashFlows, equity },
    take(minute, decision, isOnMinutes) {
      digests.set(minute, digestOf(decision));
      if (decision.intents.some(({ purpose }) => purpose === 'entry')) entryBars.push(minute);
      for (const order of [...decision.orders, ...decision.intents]) orders.set(order.clientOrderId, order);
      for (const { clientOrderId, status, time } of decision.orderEvents) {
        if (status === 'TRIGGERED') triggeredAt.set(clientOrderId, time);
      }
      for (const fill of decision.fills) {
        fills.push({ ...fill, knownAt: minute, isOnMinutes, isInside: /\/(netted|settlement)$/.test(fill.fillId) });
      }
      for (const flow of decision.cashFlows) cashFlows.push({ ...flow, knownAt: minute });
      equity.push(decision.equity);
    },
  };
}

/** What a bar decided and what it knew of the book. */
export type Decided = Pick<
  Decision,
  'signals' | 'intents' | 'cancels' | 'notes' | 'fills' | 'cashFlows' | 'positions' | 'equity'
>;

export function decidedOf(decision: Decision): Decided {
  const { signals, intents, cancels, notes, fills, cashFlows, positions, equity } = decision;
  return { signals, intents, cancels, notes, fills, cashFlows, positions, equity };
}

export const digestOf = (decision: Decision): string =>
  createHash('sha256')
    .update(JSON.stringify(decidedOf(decision)))
    .digest('base64');
