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
import { EXPOSURE_LIMITS, type PreTradeContext, shareOfEquity, type WantedEntry } from './risk/limits.ts';
import type { RiskSettings, SizingSettings } from './settings.ts';

export interface SizingRequest
  extends Pick<WantedEntry, 'symbol' | 'side'>,
    Pick<PreTradeContext, 'equity' | 'exposure' | 'markets' | 'sectorOf'> {
  /** 0 to 1; `confidenceThreshold` is where signals begin. */
  readonly confidence: number;
  readonly confidenceThreshold: number;
  /** Factor on the wanted size, 0 to 1: what the regime leaves of it. */
  readonly scale: number;
  readonly holdMinutes: number;
  /** Expected return after costs over `edgeMinutes`. */
  readonly edge: Fraction;
  readonly edgeMinutes: number;
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
 * The size of an entry: such that the position's volatility over its holding time is the target share of the equity (inverse
 * volatility sizing; Moskowitz, Ooi and Pedersen 2012), scaled linearly by how far the confidence is above the threshold; then cut
 * to what the regime leaves, to a share of the Kelly size, to what every limit of exposure leaves, and to the liquidity, and rounded
 * down to the step.
 */
export function sizeEntry(request: SizingRequest, limits: SizingLimits): SizedOrder {
  const { equity, market, rules } = request;
  const { sizing, risk, costs } = limits;
  const reductions: ReasonCode[] = [];
  const cut = (size: Notional, limit: bigint, reason: ReasonCode): Notional => {
    if (size <= limit) return size;
    reductions.push(reason);
    return notionalAmount(limit > 0n ? limit : 0n);
  };

  const atRisk = riskAmount(shareOfEquity(equity, sizing.positionVolatilityTarget * confidenceScale(request, sizing)));
  let size = notionalAtRisk(atRisk, fraction(volatilityOf(market, request.holdMinutes, sizing)));
  size = cut(size, cashFromNumber(cashToNumber(size) * request.scale), 'SIZE_REDUCED_REGIME');
  size = cut(size, kellySize(request, sizing), 'SIZE_REDUCED_KELLY');
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

/** The position whose profit has the standard deviation `atRisk`, at a volatility over the holding time. */
const notionalAtRisk = (atRisk: RiskAmount, volatility: Fraction): Notional =>
  notionalAmount(cashFromNumber(cashToNumber(atRisk) / volatility));

/**
 * A share of the position of greatest expected growth, equity x edge / variance (Kelly 1956; in this form Thorp 2006, "The Kelly
 * Criterion in Blackjack, Sports Betting, and the Stock Market").
 */
function kellySize({ equity, edge, edgeMinutes, market }: SizingRequest, sizing: SizingSettings): Notional {
  const variance = volatilityOf(market, edgeMinutes, sizing) ** 2;
  return notionalAmount(cashFromNumber(Math.max(0, cashToNumber(equity) * sizing.kellyFraction * (edge / variance))));
}

function confidenceScale(request: SizingRequest, sizing: SizingSettings): number {
  const span = 1 - request.confidenceThreshold;
  const above = span > 0 ? (request.confidence - request.confidenceThreshold) / span : 1;
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
 * The equity at which a signal that just meets the confidence threshold is large enough to be traded, as far as volatility and the
 * limits on one position are concerned.
 */
export function capitalFor(
  { rules, market, holdMinutes }: Pick<SizingRequest, 'rules' | 'market' | 'holdMinutes'>,
  { sizing, risk }: Pick<SizingLimits, 'sizing' | 'risk'>,
): Notional {
  const share = Math.min(
    (sizing.positionVolatilityTarget * sizing.minConfidenceScale) / volatilityOf(market, holdMinutes, sizing),
    risk.maxPositionFraction,
    risk.maxCorrelatedExposure,
    risk.maxSectorExposure,
    risk.maxSideExposure ?? risk.maxGrossExposure,
    risk.maxNetExposure ?? risk.maxGrossExposure,
  );
  return notionalAmount(cashFromNumber(cashToNumber(smallestOrder(rules, market)) / share));
}
