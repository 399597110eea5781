/** Limits that hold at every decision. Shares are fractions of the equity at the decision. */
export interface RiskSettings {
  /** Cash the book starts with, decimal string in quote currency. */
  readonly initialEquity: string;
  /** Largest sum of absolute position values, pending entries included: the leverage of the book. */
  readonly maxGrossExposure: number;
  /** Largest sum of longs, and of shorts; null: as the gross exposure. */
  readonly maxSideExposure: number | null;
  /** Largest difference of longs and shorts; null: as the gross exposure. */
  readonly maxNetExposure: number | null;
  /** Largest sum of the positions of one sector. */
  readonly maxSectorExposure: number;
  /** From this correlation of 15-minute returns on, positions of the same direction count as one. */
  readonly maxCorrelation: number;
  /** Largest sum of positions that count as one. */
  readonly maxCorrelatedExposure: number;
  /** Whether strategies may hold opposite sides of one symbol, pending entries included. */
  readonly allowOppositePositions: boolean;
  /** Largest number of positions, pending entries included. */
  readonly maxPositions: number;
  /** Largest value of one symbol's position, pending entries included. */
  readonly maxPositionFraction: number;
  /** Loss since the start of the UTC day that stops new entries until the next one. */
  readonly maxDailyLoss: number;
  /** Fall of the equity from its peak that halts trading until it is resumed. */
  readonly maxDrawdown: number;
  /** So many closed trades in a row that lost stop new entries; null: never. */
  readonly maxLosingStreak: number | null;
  /** For how long they do; null: until trading is resumed. */
  readonly losingPauseMinutes: number | null;
  /** Minutes in a row with insufficient market data that stop new entries until as many were sufficient. */
  readonly maxStaleMinutes: number;
  /** From this age on a price is not traded on; 1 = only the price of the minute decided. */
  readonly maxPriceAgeMinutes: number;
  /** An order whose price is further from the last close is not placed, a fraction of it. */
  readonly maxPriceDeviation: number;
  readonly maxOrdersPerMinute: number;
  /** Orders of a UTC day. */
  readonly maxOrdersPerDay: number;
  /** A strategy does not enter a symbol on one side twice within this time. */
  readonly duplicateWindowMinutes: number;
  /** How long an exit order stays working before it is decided anew. */
  readonly exitValidityMinutes: number;
  /** Whether nothing but reducing passes without an arming, whose cap bounds what the book trades with. */
  readonly isArmingRequired: boolean;
  /** How the capital is stepped up; null: all of it from the beginning. */
  readonly ramp: RampSettings | null;
}

/** How much of its capital a book may hold, stage by stage, and what leads from one to the next. */
export interface RampSettings {
  /** Shares of the capital, ascending. */
  readonly stageFractions: readonly number[];
  /** Days with closed trades, and closed trades, that a step up asks for. */
  readonly minDays: number;
  readonly minTrades: number;
  /** Least mean result of a day, in standard errors. */
  readonly minTStatistic: number;
  /** Mean loss of a day, in standard errors, that leads back. */
  readonly stepBackTStatistic: number;
  /** Fall of the realised result from its peak within the stage that leads back, a share of the stage's capital. */
  readonly maxDrawdown: number;
}

export const DEFAULT_RAMP_SETTINGS: RampSettings = {
  stageFractions: [0.1, 0.25, 0.5, 1],
  minDays: 14,
  minTrades: 30,
  minTStatistic: 1,
  stepBackTStatistic: 1.64,
  maxDrawdown: 0.1,
};

export const DEFAULT_RISK_SETTINGS: RiskSettings = {
  initialEquity: '10000',
  maxGrossExposure: 1,
  maxSideExposure: null,
  maxNetExposure: null,
  maxSectorExposure: 0.5,
  maxCorrelation: 0.85,
  maxCorrelatedExposure: 0.5,
  allowOppositePositions: true,
  maxPositions: 18,
  maxPositionFraction: 0.15,
  maxDailyLoss: 0.03,
  maxDrawdown: 0.2,
  maxLosingStreak: 10,
  losingPauseMinutes: 240,
  maxStaleMinutes: 5,
  maxPriceAgeMinutes: 1,
  maxPriceDeviation: 0.05,
  maxOrdersPerMinute: 20,
  maxOrdersPerDay: 500,
  duplicateWindowMinutes: 5,
  exitValidityMinutes: 15,
  isArmingRequired: false,
  ramp: null,
};

/** How large an entry is, before limits. */
export interface SizingSettings {
  /** Volatility a full-size position adds over its holding time, as a fraction of the equity. */
  readonly positionVolatilityTarget: number;
  /** Size of a signal whose confidence just meets the threshold, relative to one of confidence 1. */
  readonly minConfidenceScale: number;
  /** Largest share of the size of greatest expected growth (Kelly). */
  readonly kellyFraction: number;
  /** Daily volatility assumed, at least, until {@link minVolatilitySamples} returns are known. */
  readonly fallbackDailyVolatility: number;
  readonly minVolatilitySamples: number;
  /** Floor of the daily volatility: a price that hardly moves is no reason for a huge position. */
  readonly minDailyVolatility: number;
  /** Number of 15-minute returns the volatility is estimated on. */
  readonly volatilitySamples: number;
  /** Number of 15-minute returns remembered: those, or more where a strategy looks further back. */
  readonly returnSamples: number;
  /** Half-life of the mean quote volume of a minute. */
  readonly volumeHalfLifeMinutes: number;
  /** An order may take the allowed share of this many usual minutes' volume. */
  readonly liquidityMinutes: number;
}

export const DEFAULT_SIZING_SETTINGS: SizingSettings = {
  positionVolatilityTarget: 0.002,
  minConfidenceScale: 0.5,
  kellyFraction: 0.25,
  fallbackDailyVolatility: 0.06,
  minVolatilitySamples: 16,
  minDailyVolatility: 0.005,
  volatilitySamples: 96,
  returnSamples: 96,
  volumeHalfLifeMinutes: 60,
  liquidityMinutes: 3,
};

/** What every strategy says of the protection of its positions. Distances are fractions of the price, never prices. */
interface CommonProtectionSettings {
  /** Distance of the wide stop: of every position under a book stop, and of one that was found without protection. */
  readonly catastropheStopFraction: number;
  /** What happens to a position whose stop is not confirmed in the minute after its fill. */
  readonly whenUnconfirmed: 'close' | 'halt';
}

/** Each position has a stop of its own, and targets where the signal or `rewardToRisk` gives a distance. */
export interface PositionProtectionSettings extends CommonProtectionSettings {
  readonly kind: 'position';
  /** Whether the distances that a signal names go before those below. */
  readonly fromSignal: boolean;
  /** Distance of the stop in volatilities over the holding time, where the signal names none. */
  readonly stopVolatilities: number;
  readonly minStopFraction: number;
  readonly maxStopFraction: number;
  /** Distance of the target in distances of the stop, where the signal names none; without it there is no target. */
  readonly rewardToRisk?: number;
  /** An entry whose target is nearer than so many distances of its stop is refused. */
  readonly minRewardToRisk: number;
  /** At which fractions of the target's distance which share of the position is taken; ascending, the shares add up to 1 at most. */
  readonly targetLevels: readonly { readonly at: number; readonly share: number }[];
  readonly trailing?: TrailingSettings;
  /** Profit, a fraction of the entry price, from which the stop stands at the entry plus costs. */
  readonly breakEvenFraction?: number;
}

export interface TrailingSettings {
  /** Profit, a fraction of the entry price, from which the stop follows the best close. */
  readonly activationFraction: number;
  /** How far behind: a fraction of the price, or a multiple of the volatility over the holding time. */
  readonly distance: { readonly fraction: number } | { readonly volatilities: number };
}

/** The book is stopped out as a whole; positions have wide stops only. */
export interface BookProtectionSettings extends CommonProtectionSettings {
  readonly kind: 'book';
  /** Drawdown of the book's equity from its peak at which the strategy closes everything and stops. */
  readonly maxDrawdownFraction: number;
}

export type ProtectionSettings = PositionProtectionSettings | BookProtectionSettings;

export const DEFAULT_PROTECTION_SETTINGS: PositionProtectionSettings = {
  kind: 'position',
  fromSignal: true,
  stopVolatilities: 2,
  minStopFraction: 0.005,
  maxStopFraction: 0.15,
  minRewardToRisk: 0.5,
  targetLevels: [{ at: 1, share: 1 }],
  catastropheStopFraction: 0.25,
  whenUnconfirmed: 'close',
};
