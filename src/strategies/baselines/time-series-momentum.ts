import { durationOf, epochMs, type SignalSide, type SymbolId } from '../../core/index.ts';
import type { Refusal, Strategy, StrategyDeclaration, Target } from '../strategy.ts';
import { restingReason } from './resting.ts';

export interface TimeSeriesMomentumSettings extends StrategyDeclaration {
  readonly lookBackMinutes: number;
  readonly allowShort: boolean;
}

/**
 * Each symbol by the sign of its own past return, in positions of equal volatility (Moskowitz, Ooi and Pedersen 2012, "Time series
 * momentum"); the largest past returns, in their own volatilities, first. A position is closed when the sign turns.
 */
export function timeSeriesMomentum({ lookBackMinutes, allowShort, ...declared }: TimeSeriesMomentumSettings): Strategy {
  return {
    ...declared,
    decide: ({ minute, portfolio }) => {
      const holdUntil = epochMs(minute + durationOf(declared.holdFor));
      const targets: Target[] = [];
      const refusals: Refusal[] = [];
      const wanted: { symbol: SymbolId; side: SignalSide; strength: number }[] = [];
      for (const [symbol, market] of portfolio.markets) {
        const past = market.returnOver(lookBackMinutes);
        const side = past === undefined || past === 0 ? undefined : past > 0 ? 'long' : 'short';
        const holding = portfolio.holdings.get(symbol);
        if (past === undefined || side === undefined) {
          if (holding === undefined && past === undefined) refusals.push({ symbol, reason: 'STRATEGY_HISTORY_SHORT' });
        } else if (holding !== undefined) {
          const isTurned = holding.side !== side;
          targets.push(
            isTurned
              ? { kind: 'close', symbol, reason: 'STRATEGY_MOMENTUM_TURNED' }
              : { kind: 'hold', symbol, holdUntil },
          );
        } else {
          const isAllowed = side === 'long' || allowShort;
          const reason =
            restingReason(symbol, minute, portfolio) ?? (isAllowed ? undefined : 'STRATEGY_SHORT_NOT_ALLOWED');
          if (reason !== undefined) refusals.push({ symbol, reason });
          else wanted.push({ symbol, side, strength: Math.abs(past) / market.volatilityOver(lookBackMinutes) });
        }
      }
      wanted.sort((a, b) => b.strength - a.strength || (a.symbol < b.symbol ? -1 : 1));
      for (const { symbol, side } of wanted) targets.push({ kind: 'enter', symbol, side, holdUntil });
      return { targets, refusals };
    },
  };
}
