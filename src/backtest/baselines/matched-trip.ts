import { at64, type EpochMs, epochMs, type OrderPurpose, type SignalSide, type SymbolId } from '../../core/index.ts';
import type { EquityCurve } from '../record.ts';
import { rowAtOrBefore } from './market-panel.ts';

/** A round trip as random strategies repeat it. */
export interface MatchedTrip {
  readonly symbol: SymbolId;
  readonly side: SignalSide;
  readonly openedAt: EpochMs;
  /** Absent of a position still held at the end. */
  readonly closedAt?: EpochMs;
  /** Notional of the entry over the equity at that time. */
  readonly fraction: number;
}

/** A round trip as it was traded. */
export interface TradedTrip extends Omit<MatchedTrip, 'fraction'> {
  /** Volume-weighted, quote currency. */
  readonly entryPrice: number;
  /** Base units entered in all. */
  readonly quantity: number;
  /** Purpose of the fill that closed it. */
  readonly exitPurpose?: OrderPurpose;
}

/**
 * Round trips with their share of the equity. A fill is told with the time at which its bar began: whether a stop or a target is reached is known
 * only later, so such an exit counts as after it. Trips begun with no equity left are dropped.
 */
export function matchedTripsOf(trips: readonly TradedTrip[], { times, equity }: EquityCurve): MatchedTrip[] {
  return trips.flatMap(({ symbol, side, openedAt, closedAt, entryPrice, quantity, exitPurpose }) => {
    const value = at64(equity, Math.max(0, rowAtOrBefore(times, openedAt)));
    if (!(value > 0)) return [];
    const isTriggered = exitPurpose === 'stop' || exitPurpose === 'target';
    const exit = closedAt === undefined ? {} : { closedAt: isTriggered ? epochMs(closedAt + 1) : closedAt };
    return [{ symbol, side, openedAt, ...exit, fraction: (quantity * entryPrice) / value }];
  });
}
