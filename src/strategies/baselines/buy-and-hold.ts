import { type SymbolId, UNTIL_CANCELLED } from '../../core/index.ts';
import type { Refusal, Strategy, StrategyDeclaration, Target } from '../strategy.ts';
import { restingReason } from './resting.ts';

export interface BuyAndHoldSettings extends StrategyDeclaration {
  readonly symbols: readonly SymbolId[];
  /** Sum of the positions when they are entered, a multiple of the equity; equal shares. */
  readonly grossExposure: number;
}

/** Buys its symbols and keeps them; what a stop closed is bought again after its rest. */
export function buyAndHold({ symbols, grossExposure, ...declared }: BuyAndHoldSettings): Strategy {
  const weight = grossExposure / symbols.length;
  return {
    ...declared,
    leastWeight: weight,
    decide: ({ minute, portfolio }) => {
      const targets: Target[] = [];
      const refusals: Refusal[] = [];
      for (const symbol of symbols) {
        const reason = restingReason(symbol, minute, portfolio);
        if (portfolio.holdings.has(symbol)) targets.push({ kind: 'hold', symbol, holdUntil: UNTIL_CANCELLED });
        else if (reason !== undefined) refusals.push({ symbol, reason });
        else targets.push({ kind: 'enter', symbol, side: 'long', holdUntil: UNTIL_CANCELLED, weight });
      }
      return { targets, refusals };
    },
  };
}
