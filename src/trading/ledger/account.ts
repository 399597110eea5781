import { divideRound, type EpochMs, type SymbolId } from '../../core/index.ts';

/**
 * A position of one strategy in one symbol. `quantity` and `cost` carry the side's sign (negative = short); `cost` is the exact
 * cash value at which the open quantity was traded, so that profit needs no rounded average price.
 */
export interface LedgerPosition {
  readonly strategy: string;
  readonly symbol: SymbolId;
  /** Quantity units, never 0. */
  readonly quantity: bigint;
  /** Cash units. */
  readonly cost: bigint;
  readonly openedAt: EpochMs;
  /** It stands for what an order that reduces only took beyond its own strategy's position: nothing of it is at the venue. */
  readonly isOvershoot?: true;
}

/** Execution in exact units; `quantity` and `notional` carry the side's sign (a sale is negative). */
export interface Execution {
  readonly strategy: string;
  readonly symbol: SymbolId;
  readonly quantity: bigint;
  readonly notional: bigint;
  readonly time: EpochMs;
}

export interface BookedExecution {
  /** Undefined: the position is closed. */
  readonly position: LedgerPosition | undefined;
  /** Cash units, before fees. */
  readonly realized: bigint;
}

/**
 * A position after an execution. What reduces it releases its share of the cost (all of it when the position closes, so nothing
 * is lost to rounding); what is left over after zero opens the other side.
 */
export function bookExecution(position: LedgerPosition | undefined, execution: Execution): BookedExecution {
  const { strategy, symbol, quantity, notional, time } = execution;
  if (position === undefined) {
    return { position: { strategy, symbol, quantity, cost: notional, openedAt: time }, realized: 0n };
  }
  if (position.quantity > 0n === quantity > 0n) {
    return {
      position: { ...position, quantity: position.quantity + quantity, cost: position.cost + notional },
      realized: 0n,
    };
  }
  const open = magnitude(position.quantity);
  const traded = magnitude(quantity);
  if (traded < open) {
    const released = divideRound(position.cost * traded, open);
    return {
      position: { ...position, quantity: position.quantity + quantity, cost: position.cost - released },
      realized: -notional - released,
    };
  }
  const closing = divideRound(notional * open, traded);
  const realized = -closing - position.cost;
  if (traded === open) return { position: undefined, realized };
  return {
    position: {
      strategy,
      symbol,
      quantity: position.quantity + quantity,
      cost: notional - closing,
      openedAt: time,
    },
    realized,
  };
}

export const magnitude = (value: bigint): bigint => (value < 0n ? -value : value);
