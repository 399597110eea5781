import type { EpochMs, Random } from '../../core/index.ts';
import type { Strategy } from '../../strategies/index.ts';
import type { ForecastSource, ReplayResult } from '../replay.ts';
import type { Backtest, BacktestChanges, BacktestMarket } from '../run-backtest.ts';
import type { BookTrace } from './book-trace.ts';

/** The verdict of one audit. */
export interface AuditResult {
  readonly name: string;
  readonly ok: boolean;
  /** What was covered and what was found, on one line. */
  readonly detail: string;
  /** Fractions and counts; null: too little to say. */
  readonly figures: Readonly<Record<string, number | null>>;
}

/** Makes forecasts of the bars that close from `from` to `to`; it must know nothing but the market it is given. */
export type ForecastMaker = (
  market: BacktestMarket,
  range: { readonly from: EpochMs; readonly to: EpochMs },
) => Promise<ForecastSource>;

/** Makes the book's strategies anew, so that none remembers another run. */
export type StrategyMaker = (market: BacktestMarket) => readonly Strategy[];

/** What every audit works with. */
export interface AuditContext {
  /** Of the stretch that is audited. */
  readonly backtest: Backtest;
  readonly strategies: readonly Strategy[];
  /** Undefined where nothing is forecast. */
  readonly forecastsOf: ForecastMaker | undefined;
  readonly forecasts: ForecastSource | undefined;
  readonly result: ReplayResult;
  readonly trace: BookTrace;
  readonly random: Random;
  /** Books without skill that the result is held against. */
  readonly permutations: number;
  /** The same book with other forecasts, days or bars, its strategies made anew. */
  readonly again: (changes: Omit<BacktestChanges, 'settings' | 'costFactor'>) => Promise<ReplayResult>;
  /** Says what comes next. @throws MinutehandError INTERRUPTED */
  step(text: string): Promise<void>;
}

/** Growth of the equity over a replay, or from a time on, a fraction. */
export function growthOf({ equity: { times, equity } }: ReplayResult, from = 0): number {
  const first = times.findIndex((time) => time >= from);
  return (equity.at(-1) ?? Number.NaN) / (equity[first] ?? Number.NaN) - 1;
}

/** The same before fees, spread and impact. */
export function growthBeforeCosts(result: ReplayResult): number {
  const costs = result.fills.reduce((sum, { fee, spread, impact }) => sum + fee + spread + impact, 0);
  return growthOf(result) + costs / (result.equity.equity[0] ?? Number.NaN);
}

export const percentText = (fraction: number): string => `${(100 * fraction).toFixed(2)} %`;

/** "1 bar", "2 bars". */
export const countText = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;
