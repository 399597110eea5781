/** Limits that hold at every decision. Shares are fractions of the equity at the decision. */
export interface RiskSettings {
  /** Cash the book starts with, decimal string in quote currency. */
  readonly initialEquity: string;
  /** Largest sum of absolute position values, pending entries included. */
  readonly maxGrossExposure: number;
  /** Largest number of positions, pending entries included. */
  readonly maxPositions: number;
  /** Largest value of one symbol's position, pending entries included. */
  readonly maxPositionFraction: number;
  /** Loss since the start of the UTC day that stops new entries until the next one. */
  readonly maxDailyLoss: number;
  /** From this age on a price is not traded on; 1 = only the price of the minute decided. */
  readonly maxPriceAgeMinutes: number;
  /** How long an exit order stays working before it is decided anew. */
  readonly exitValidityMinutes: number;
}

export const DEFAULT_RISK_SETTINGS: RiskSettings = {
  initialEquity: '10000',
  maxGrossExposure: 1,
  maxPositions: 8,
  maxPositionFraction: 0.15,
  maxDailyLoss: 0.03,
  maxPriceAgeMinutes: 1,
  exitValidityMinutes: 15,
};

/** How large an entry is, before limits. */
export interface SizingSettings {
  /** Volatility a full-size position adds over its holding time, as a fraction of the equity. */
  readonly positionVolatilityTarget: number;
  /** Size of a signal whose confidence just meets the threshold, relative to one of confidence 1. */
  readonly minConfidenceScale: number;
  /** Daily volatility assumed, at least, until {@link minVolatilitySamples} returns are known. */
  readonly fallbackDailyVolatility: number;
  readonly minVolatilitySamples: number;
  /** Floor of the daily volatility: a price that hardly moves is no reason for a huge position. */
  readonly minDailyVolatility: number;
  /** Number of 15-minute returns the volatility is estimated on. */
  readonly volatilitySamples: number;
  /** Half-life of the mean quote volume of a minute. */
  readonly volumeHalfLifeMinutes: number;
  /** An order may take the allowed share of this many usual minutes' volume. */
  readonly liquidityMinutes: number;
}

export const DEFAULT_SIZING_SETTINGS: SizingSettings = {
  positionVolatilityTarget: 0.002,
  minConfidenceScale: 0.5,
  fallbackDailyVolatility: 0.06,
  minVolatilitySamples: 16,
  minDailyVolatility: 0.005,
  volatilitySamples: 96,
  volumeHalfLifeMinutes: 60,
  liquidityMinutes: 3,
};
