import { floorTo, MinutehandError, type Signal, type SymbolId } from '../core/index.ts';
import type { Holding, Refusal, Strategy, StrategyInput, StrategyPortfolio, Target } from './strategy.ts';

export interface StrategyOutcome {
  readonly strategy: Strategy;
  readonly targets: readonly Target[];
  readonly refusals: readonly Refusal[];
}

/** Runs the book's strategies, each at its own cadence, and ends holdings whose time is over in any minute. */
export class StrategyManager {
  readonly strategies: readonly Strategy[];

  /** @throws MinutehandError STRATEGY_NAME_TAKEN when two strategies share a name. */
  constructor(strategies: readonly Strategy[]) {
    const names = strategies.map((strategy) => strategy.name);
    const taken = names.find((name, index) => names.indexOf(name) !== index);
    if (taken !== undefined) {
      throw new MinutehandError(
        'STRATEGY_NAME_TAKEN',
        `two strategies are named "${taken}"`,
        'give each strategy of the book its own name',
        { exitCode: 2 },
      );
    }
    this.strategies = strategies;
  }

  /** The strategy's targets, closings first, then entries in its order of preference. */
  decide(
    { book, minute, signals }: Pick<StrategyInput, 'book' | 'minute' | 'signals'>,
    portfolioOf: (strategy: Strategy) => StrategyPortfolio,
  ): StrategyOutcome[] {
    const accounts = this.strategies.map((strategy) => ({ strategy, portfolio: portfolioOf(strategy) }));
    const holdingsOf = (name: string) =>
      accounts.find(({ strategy }) => strategy.name === name)?.portfolio.holdings ?? NOTHING_HELD;
    return accounts.map(({ strategy, portfolio }) => {
      const isDue = floorTo(minute, strategy.decideEvery) === minute;
      const decision = isDue ? strategy.decide({ book, minute, signals, portfolio, holdingsOf }) : notDue(signals);
      const named = new Set(decision.targets.map((target) => target.symbol));
      const overdue: Target[] = [...portfolio.holdings.values()]
        .filter((holding) => minute >= holding.holdUntil && !named.has(holding.symbol))
        .map(({ symbol }) => ({ kind: 'close', symbol, reason: 'STRATEGY_HOLDING_ENDED' }));
      const closings = decision.targets.filter((target) => target.kind === 'close');
      const others = decision.targets.filter((target) => target.kind !== 'close');
      return { strategy, targets: [...overdue, ...closings, ...others], refusals: decision.refusals };
    });
  }
}

const NOTHING_HELD: ReadonlyMap<SymbolId, Holding> = new Map();

function notDue(signals: readonly Signal[]): { targets: Target[]; refusals: Refusal[] } {
  const refusals = signals
    .filter((signal) => signal.accepted)
    .map((signal): Refusal => ({ symbol: signal.symbol, reason: 'STRATEGY_NOT_DUE', signalId: signal.id }));
  return { targets: [], refusals };
}
