export { buyAndHold } from './baselines/buy-and-hold.ts';
export { crossSectionalMomentum } from './baselines/cross-sectional-momentum.ts';
export { randomPositions } from './baselines/random-positions.ts';
export { timeSeriesMomentum } from './baselines/time-series-momentum.ts';
export { MarketNeutralAdapter, type MarketNeutralSettings } from './ml/market-neutral-adapter.ts';
export { DEFAULT_STRATEGY_SETTINGS, MLStrategyAdapter, type StrategySettings } from './ml/ml-strategy-adapter.ts';
export type {
  EnterTarget,
  Holding,
  MarketView,
  Refusal,
  Strategy,
  StrategyDecision,
  StrategyInput,
  StrategyPortfolio,
  Target,
} from './strategy.ts';
export { StrategyManager, type StrategyOutcome } from './strategy-manager.ts';
