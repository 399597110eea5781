import type { EpochMs, ReasonCode, SymbolId } from '../../core/index.ts';
import type { StrategyPortfolio } from '../strategy.ts';

/** Why a symbol is left alone for now; undefined where its rest is over. */
export const restingReason = (
  symbol: SymbolId,
  minute: EpochMs,
  { cooldowns }: Pick<StrategyPortfolio, 'cooldowns'>,
): ReasonCode | undefined => (minute < (cooldowns.get(symbol) ?? 0) ? 'STRATEGY_COOLDOWN' : undefined);
