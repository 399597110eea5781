import {
  cashFromNumber,
  cashToNumber,
  type Fraction,
  fraction,
  type Notional,
  notionalAmount,
  type ReasonCode,
  type RiskAmount,
  riskAmount,
} from '../core/index.ts';
import {
  type CostSettings,
  ceilToMultiple,
  floorToMultiple,
  notionalOf,
  quantityWorth,
  type TradingRules,
} from '../matching/index.ts';
import { type MarketState, volatilityOf } from './market-state.ts';
import { EXPOSURE_LIMITS, type ExposureContext, shareOfEquity, type WantedEntry } from './risk/limits.ts';
import type { RiskSettings, SizingSettings } from './settings.ts';

/** How large an entry is meant to be; `scale` is a factor on it, 0 to 1: what the regime leaves. */
export type WantedSize = { readonly scale: number } & (
  | {
      /** By volatility, less where the confidence is low, and no more than a share of the Kelly size. */
      readonly kind: 'confidence';
      /** 0 to 1; `confidenceThreshold` is where signals begin. */
      readonly confidence: number;
      readonly confidenceThreshold: number;
      /** Expected return after costs over `edgeMinutes`. */
      readonly edge: Fraction;
      readonly edgeMinutes: number;
    }
  | { /** By volatility alone. */ readonly kind: 'volatility' }
  | { /** A fraction of the equity. */ readonly kind: 'weight'; readonly weight: number }
);

export interface SizingRequest extends Pick<WantedEntry, 'symbol' | 'side'>, ExposureContext {
  readonly wanted: WantedSize;
  readonly holdMinutes: number;
  readonly market: MarketState;
  readonly rules: TradingRules;
}

export interface SizedOrder {
  /** Quantity units, a multiple of the step; 0 when refused. */
  readonly quantity: bigint;
  /** Value at the last price. */
  readonly notional: Notional;
  /** What cut the order, in the order it was cut. */
  readonly reductions: readonly ReasonCode[];
  readonly refusal?: ReasonCode;
}

export interface SizingLimits {
  readonly sizing: SizingSettings;
  readonly risk: RiskSettings;
  readonly costs: CostSettings;
}

/**
 * The size of an entry: a wanted weight; or such that the position's volatility over its holding time is the target share of the equity (inverse
 * volatility sizing; Moskowitz, Ooi and Pedersen 2012), scaled linearly by how far the confidence of a signal is above the threshold; then cut
 * to what the regime leaves, to a share of the Kelly size where an edge is known, to what every limit of exposure leaves, and to the liquidity, and rounded
 * down to the step.
 */
export function sizeEntry(request: SizingRequest, limits: SizingLimits): SizedOrder {
  const { market, rules } = request;
  const { sizing, risk, costs } = limits;
  const reductions: ReasonCode[] = [];
  const cut = (size: Notional, limit: bigint, reason: ReasonCode): Notional => {
    if (size <= limit) return size;
    reductions.push(reason);
    return notionalAmount(limit > 0n ? limit : 0n);
  };

  const { wanted } = request;
  let size = wantedNotional(request, sizing);
  size = cut(size, cashFromNumber(cashToNumber(size) * wanted.scale), 'SIZE_REDUCED_REGIME');
  if (wanted.kind === 'confidence') size = cut(size, kellySize(request, wanted, sizing), 'SIZE_REDUCED_KELLY');
  for (const limit of EXPOSURE_LIMITS) size = cut(size, limit.room(request, request, risk), limit.reduction);
  const tradable = cashFromNumber(market.minuteNotional * costs.maxParticipation * sizing.liquidityMinutes);
  size = cut(size, tradable, 'SIZE_REDUCED_LIQUIDITY');

  const quantity = floorToMultiple(quantityWorth(size, market.lastPrice), rules.step);
  const notional = notionalAmount(notionalOf(market.lastPrice, quantity));
  if (quantity === 0n || quantity < rules.minQuantity || notional < rules.minNotional) {
    return { quantity: 0n, notional: notionalAmount(0n), reductions, refusal: 'SIZE_BELOW_MINIMUM' };
  }
  return { quantity, notional, reductions };
}

function wantedNotional({ equity, wanted, market, holdMinutes }: SizingRequest, sizing: SizingSettings): Notional {
  if (wanted.kind === 'weight') return shareOfEquity(equity, wanted.weight);
  const share = wanted.kind === 'volatility' ? 1 : confidenceScale(wanted, sizing);
  const atRisk = riskAmount(shareOfEquity(equity, sizing.positionVolatilityTarget * share));
  return notionalAtRisk(atRisk, fraction(volatilityOf(market, holdMinutes, sizing)));
}

type SizedByConfidence = Extract<WantedSize, { kind: 'confidence' }>;

/** The position whose profit has the standard deviation `atRisk`, at a volatility over the holding time. */
const notionalAtRisk = (atRisk: RiskAmount, volatility: Fraction): Notional =>
  notionalAmount(cashFromNumber(cashToNumber(atRisk) / volatility));

/**
 * A share of the position of greatest expected growth, equity x edge / variance (Kelly 1956; in this form Thorp 2006, "The Kelly
 * Criterion in Blackjack, Sports Betting, and the Stock Market").
 */
function kellySize(
  { equity, market }: SizingRequest,
  { edge, edgeMinutes }: SizedByConfidence,
  sizing: SizingSettings,
): Notional {
  const variance = volatilityOf(market, edgeMinutes, sizing) ** 2;
  return notionalAmount(cashFromNumber(Math.max(0, cashToNumber(equity) * sizing.kellyFraction * (edge / variance))));
}

function confidenceScale(wanted: SizedByConfidence, sizing: SizingSettings): number {
  const span = 1 - wanted.confidenceThreshold;
  const above = span > 0 ? (wanted.confidence - wanted.confidenceThreshold) / span : 1;
  return sizing.minConfidenceScale + (1 - sizing.minConfidenceScale) * Math.max(0, Math.min(1, above));
}

/** The smallest order of an instrument at its last price, by minimum quantity, minimum notional and step. */
export function smallestOrder(rules: TradingRules, { lastPrice }: Pick<MarketState, 'lastPrice'>): Notional {
  const worth = quantityWorth(rules.minNotional, lastPrice);
  const isShort = notionalOf(lastPrice, worth) < rules.minNotional;
  const least = isShort ? worth + 1n : worth;
  return notionalAmount(
    notionalOf(lastPrice, ceilToMultiple(least > rules.minQuantity ? least : rules.minQuantity, rules.step)),
  );
}

/**
 * The equity at which a signal that just meets the confidence threshold, or a position of a wanted weight, is large enough to be traded, as
 * far as volatility and the limits on one position are concerned.
 */
export function capitalFor(
  {
    rules,
    market,
    holdMinutes,
    weight,
  }: Pick<SizingRequest, 'rules' | 'market' | 'holdMinutes'> & { readonly weight?: number | undefined },
  { sizing, risk }: Pick<SizingLimits, 'sizing' | 'risk'>,
): Notional {
  const share = Math.min(
    weight ?? (sizing.positionVolatilityTarget * sizing.minConfidenceScale) / volatilityOf(market, holdMinutes, sizing),
    risk.maxPositionFraction,
    risk.maxCorrelatedExposure,
    risk.maxSectorExposure,
    risk.maxSideExposure ?? risk.maxGrossExposure,
    risk.maxNetExposure ?? risk.maxGrossExposure,
  );
  return notionalAmount(cashFromNumber(cashToNumber(smallestOrder(rules, market)) / share));
}
