export type { SimulatorStatus } from './admin.ts';
export type { Dialect } from './dialect.ts';
export type { FaultStatus } from './fault-board.ts';
export type { FaultKind, FaultRequest } from './fault-spec.ts';
export { type MarketOptions, marketFromOptions } from './market-options.ts';
export { LOCK_STEP_OFFSET_MS, type Speed } from './market-time.ts';
export { DEFAULT_WEIGHT_LIMIT, type Simulator, type SimulatorOptions, startSimulator } from './server.ts';
export type { FundingRate, SimulatedMarket } from './simulated-market.ts';
export { readSimulatorToken } from './token.ts';
