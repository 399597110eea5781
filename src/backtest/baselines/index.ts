export { buyAndHold } from './buy-and-hold.ts';
export { type EqualWeightOptions, equalWeight } from './equal-weight.ts';
export {
  type BaselineCosts,
  type BaselineWindow,
  type MarketPanel,
  marketPanelOf,
} from './market-panel.ts';
export { type MatchedTrip, matchedTripsOf, type TradedTrip } from './matched-trip.ts';
export {
  type CrossSectionalMomentumOptions,
  crossSectionalMomentum,
  momentum14d,
  type TimeSeriesMomentumOptions,
  timeSeriesMomentum,
} from './momentum.ts';
export type { BaselineRun } from './portfolio.ts';
export {
  type MatchedFigure,
  type RandomMatched,
  type RandomMatchedOptions,
  type RunToMatch,
  randomMatched,
  type Standing,
} from './random-matched.ts';
