import { cashFromNumber, cashToNumber, type ReasonCode } from '../core/index.ts';
import { type CostSettings, floorToMultiple, notionalOf, quantityWorth, type TradingRules } from '../matching/index.ts';
import { type MarketState, volatilityOf } from './market-state.ts';
import type { Exposure } from './portfolio.ts';
import { shareOfEquity } from './risk.ts';
import type { RiskSettings, SizingSettings } from './settings.ts';

export interface SizingRequest {
  readonly symbol: string;
  /** 0 to 1; `confidenceThreshold` is where signals begin. */
  readonly confidence: number;
  readonly confidenceThreshold: number;
  readonly holdMinutes: number;
  readonly equity: bigint;
  readonly exposure: Exposure;
  readonly market: MarketState;
  readonly rules: TradingRules;
}

export interface SizedOrder {
  /** Quantity units, a multiple of the step; 0 when refused. */
  readonly quantity: bigint;
  /** Value at the last price, cash units. */
  readonly notional: bigint;
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
 * to the limit per symbol, the gross exposure left and the liquidity, and rounded down to the step.
 */
export function sizeEntry(request: SizingRequest, limits: SizingLimits): SizedOrder {
  const { equity, exposure, market, rules } = request;
  const { sizing, risk, costs } = limits;
  const reductions: ReasonCode[] = [];
  const cut = (notional: bigint, limit: bigint, reason: ReasonCode): bigint => {
    if (notional <= limit) return notional;
    reductions.push(reason);
    return limit > 0n ? limit : 0n;
  };

  const volatility = volatilityOf(market, request.holdMinutes, sizing);
  const wanted =
    (cashToNumber(equity) * sizing.positionVolatilityTarget * confidenceScale(request, sizing)) / volatility;
  let notional = cashFromNumber(Math.max(0, wanted));
  notional = cut(
    notional,
    shareOfEquity(equity, risk.maxPositionFraction) - (exposure.bySymbol.get(request.symbol) ?? 0n),
    'SIZE_REDUCED_POSITION_LIMIT',
  );
  notional = cut(notional, shareOfEquity(equity, risk.maxGrossExposure) - exposure.gross, 'SIZE_REDUCED_EXPOSURE');
  notional = cut(
    notional,
    cashFromNumber(market.minuteNotional * costs.maxParticipation * sizing.liquidityMinutes),
    'SIZE_REDUCED_LIQUIDITY',
  );

  const quantity = floorToMultiple(quantityWorth(notional, market.lastPrice), rules.step);
  const value = notionalOf(market.lastPrice, quantity);
  if (quantity === 0n || quantity < rules.minQuantity || value < rules.minNotional) {
    return { quantity: 0n, notional: 0n, reductions, refusal: 'SIZE_BELOW_MINIMUM' };
  }
  return { quantity, notional: value, reductions };
}

function confidenceScale(request: SizingRequest, sizing: SizingSettings): number {
  const span = 1 - request.confidenceThreshold;
  const above = span > 0 ? (request.confidence - request.confidenceThreshold) / span : 1;
  return sizing.minConfidenceScale + (1 - sizing.minConfidenceScale) * Math.max(0, Math.min(1, above));
}
