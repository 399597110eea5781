export { type Activity, activityOf, type CostFigure } from './activity.ts';
export { type BacktestOverfitting, backtestOverfitting } from './backtest-overfitting.ts';
export { type Capacity, type CapacityOptions, capacityOf } from './capacity.ts';
export {
  DAYS_PER_YEAR,
  type DailyReturns,
  dailyGrossOf,
  dailyReturnsOf,
  type MonthReturn,
  monthlyReturnsOf,
} from './daily-returns.ts';
export {
  type DeflatedSharpe,
  deflatedSharpe,
  expectedMaximumSharpe,
  minimumBacktestYears,
  type SharpeTrials,
  trialsOf,
} from './deflated-sharpe.ts';
export { type DayPaths, type Drawdown, dayPathsOf, dayPathsOfReturns, drawdownOf } from './drawdown.ts';
export { type Performance, type PerformanceOptions, performanceOf } from './performance.ts';
export { type OpenTrip, type RoundTrip, type RoundTrips, roundTripsOf } from './round-trips.ts';
export { MINIMUM_SAMPLES, type ResamplingOptions, type SampleShape, shapeOf } from './sample.ts';
export {
  minimumTrackRecord,
  type PairedDifference,
  pairedDifference,
  probabilisticSharpe,
  sharpeError,
  sharpeOf,
} from './sharpe.ts';
export {
  bootstrapPaths,
  contributionsOf,
  type OutcomeQuantiles,
  type SimulatedPaths,
  type SimulationOptions,
  simulateTrades,
} from './simulated-paths.ts';
export {
  type BreakdownRow,
  type Breakdowns,
  breakdownsOf,
  type TradeStatistics,
  tradeStatisticsOf,
  wilson,
} from './trade-statistics.ts';
export { type ScaledReturns, scaleToVolatility, type VolatilityTarget } from './volatility-target.ts';
