import { durationOf, epochMs } from '../../core/index.ts';
import {
  arrangeLongShort,
  type LongShortWeights,
  leastWeightOf,
  type RankedSymbol,
  targetsOf,
} from '../long-short-book.ts';
import type { Strategy, StrategyDeclaration } from '../strategy.ts';
import { restingReason } from './resting.ts';

export interface CrossSectionalMomentumSettings extends StrategyDeclaration, LongShortWeights {
  readonly lookBackMinutes: number;
}

const FREE = { long: 0, short: 0 };

/**
 * Long the past winners of the panel, short its past losers (Jegadeesh and Titman 1993), ranked by the past return over the panel's mean
 * per unit of volatility; arranged as the market-neutral book is, with its band, and without regard to costs.
 */
export function crossSectionalMomentum(settings: CrossSectionalMomentumSettings): Strategy {
  const { lookBackMinutes, positionsPerSide, bandPositions, weights, grossExposure, ...declared } = settings;
  return {
    ...declared,
    isNeutral: true,
    leastWeight: leastWeightOf(settings),
    decide: ({ minute, portfolio }) => {
      const past = [...portfolio.markets].flatMap(([symbol, market]) => {
        const change = market.returnOver(lookBackMinutes);
        return change === undefined ? [] : [{ symbol, market, change }];
      });
      const mean = past.reduce((sum, { change }) => sum + change, 0) / past.length;
      const panel = past.map(
        ({ symbol, market, change }): RankedSymbol => ({
          symbol,
          excess: change - mean,
          cost: FREE,
          volatility: market.volatilityOver(lookBackMinutes),
          barred: restingReason(symbol, minute, portfolio),
        }),
      );
      const plan = arrangeLongShort(panel, portfolio.holdings, settings);
      const ranked = new Set(panel.map(({ symbol }) => symbol));
      const holdUntil = epochMs(minute + durationOf(declared.holdFor));
      const targets = targetsOf(plan, settings, { holdUntil, isRanked: (symbol) => ranked.has(symbol) });
      const unknown = [...portfolio.markets.keys()].filter((symbol) => !ranked.has(symbol));
      return {
        targets,
        refusals: [
          ...plan.refusals,
          ...unknown.map((symbol) => ({ symbol, reason: 'STRATEGY_HISTORY_SHORT' as const })),
        ],
      };
    },
  };
}
