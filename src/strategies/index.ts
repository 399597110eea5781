export { DEFAULT_STRATEGY_SETTINGS, MLStrategyAdapter, type StrategySettings } from './ml/ml-strategy-adapter.ts';
export type {
  Holding,
  Refusal,
  Strategy,
  StrategyDecision,
  StrategyInput,
  Target,
} from './strategy.ts';
export { type StrategyBook, StrategyManager, type StrategyOutcome } from './strategy-manager.ts';
