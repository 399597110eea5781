import { MINUTE_MS } from '../../core/index.ts';
import { type CostSettings, DEFAULT_COST_SETTINGS } from '../costs.ts';

/** What a venue asks of its clients and what trading on it costs. */
export interface ExchangeSettings {
  readonly costs: CostSettings;
  /** Fee of an order that rested, basis points of the notional. */
  readonly makerFeeBps: number;
  readonly defaultLeverage: number;
  readonly maxLeverage: number;
  /** Share of a position's value below which its margin must not fall: one bracket for all sizes. */
  readonly maintenanceMarginRate: number;
  /** Share of the notional that a forced order pays beside the taker fee. */
  readonly liquidationFeeRate: number;
  /** How long what a market order could not fill stays working. */
  readonly marketOrderLifeMs: number;
  readonly maxOpenOrders: number;
  readonly maxConditionalOrders: number;
  /** How far a limit price may lie beyond the last price on the side that would take, a share of it. */
  readonly priceBand: number;
  /** Finished orders, executions and bookings kept, each. */
  readonly historyLimit: number;
}

export const DEFAULT_EXCHANGE_SETTINGS: ExchangeSettings = {
  costs: DEFAULT_COST_SETTINGS,
  makerFeeBps: 2,
  defaultLeverage: 20,
  maxLeverage: 20,
  maintenanceMarginRate: 0.025,
  liquidationFeeRate: 0.0125,
  marketOrderLifeMs: 15 * MINUTE_MS,
  maxOpenOrders: 200,
  maxConditionalOrders: 100,
  priceBand: 0.05,
  historyLimit: 10_000,
};
