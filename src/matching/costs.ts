import { priceToNumber } from './exact.ts';

/** What trading costs and how much of a minute's volume an order may take: the one place, for matching, signals and sizing. */
export interface CostSettings {
  /** Fee of an order that takes liquidity, basis points of the notional. */
  readonly takerFeeBps: number;
  /** Half the bid-ask spread, basis points of the price; never less than half a tick. */
  readonly halfSpreadBps: number;
  /** Impact in basis points if the order were the whole minute's volume; it grows with the square root of the share. */
  readonly impactBpsPerSqrtParticipation: number;
  /** The largest share of a minute's volume that orders of the book fill against. */
  readonly maxParticipation: number;
}

export const DEFAULT_COST_SETTINGS: CostSettings = {
  takerFeeBps: 5,
  halfSpreadBps: 1.5,
  impactBpsPerSqrtParticipation: 10,
  maxParticipation: 1 / 15,
};

/** Half the spread as a fraction of the price. */
export function halfSpreadOf(costs: CostSettings, price: bigint, tick: bigint): number {
  return Math.max(costs.halfSpreadBps / 10_000, priceToNumber(tick) / 2 / priceToNumber(price));
}

/**
 * Price impact of taking a share of a minute's volume, a fraction of the price: the square-root law (Almgren et al. 2005,
 * "Direct Estimation of Equity Market Impact"; Toth et al. 2011), with the coefficient as a setting.
 */
export function impactOf(costs: CostSettings, participation: number): number {
  return (costs.impactBpsPerSqrtParticipation / 10_000) * Math.sqrt(Math.max(0, participation));
}

export interface RoundTrip {
  /** Price units. */
  readonly price: bigint;
  readonly tick: bigint;
  /** Quote value of the order. */
  readonly notional: number;
  /** Quote value that usually trades in a minute. */
  readonly minuteNotional: number;
}

/** What entering and leaving costs, each on both ways together, fractions of the notional. */
export interface RoundTripCosts {
  readonly fees: number;
  readonly spread: number;
  readonly impact: number;
}

/** Expected costs of entering and leaving. */
export function roundTripCosts(costs: CostSettings, trip: RoundTrip): RoundTripCosts {
  const participation =
    trip.minuteNotional > 0
      ? Math.min(costs.maxParticipation, trip.notional / trip.minuteNotional)
      : costs.maxParticipation;
  return {
    fees: (2 * costs.takerFeeBps) / 10_000,
    spread: 2 * halfSpreadOf(costs, trip.price, trip.tick),
    impact: 2 * impactOf(costs, participation),
  };
}
