import { type EpochMs, floorTo, MinutehandError, type Signal, type SymbolId } from '../core/index.ts';
import type {
  Holding,
  Refusal,
  Strategy,
  StrategyDecision,
  StrategyInput,
  StrategyPortfolio,
  Target,
} from './strategy.ts';

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

  /**
   * The strategy's targets, closings first, then entries in its order of preference.
   * @param isAnyOverdue whether the time of any holding is over; where it is not, accounts are looked at by the strategies alone
   */
  decide(
    { book, minute, signals }: Pick<StrategyInput, 'book' | 'minute' | 'signals'>,
    portfolioOf: (strategy: Strategy) => StrategyPortfolio,
    isAnyOverdue = true,
  ): StrategyOutcome[] {
    const holdingsOf = (name: string) => {
      const strategy = this.strategies.find((each) => each.name === name);
      return strategy === undefined ? NOTHING_HELD : portfolioOf(strategy).holdings;
    };
    return this.strategies.map((strategy) => {
      const portfolio = portfolioOf(strategy);
      const isDue = floorTo(minute, strategy.decideEvery) === minute;
      const { targets, refusals } = isDue
        ? strategy.decide({ book, minute, signals, portfolio, holdingsOf })
        : notDue(signals);
      const overdue = isAnyOverdue ? overdueOf(portfolio, targets, minute) : NO_TARGETS;
      const ordered = closingsFirst(targets);
      return { strategy, targets: overdue.length === 0 ? ordered : [...overdue, ...ordered], refusals };
    });
  }
}

const NOTHING_HELD: ReadonlyMap<SymbolId, Holding> = new Map();
const NO_TARGETS: readonly Target[] = [];

/** Closings of what is held beyond its time and not named by a target. */
function overdueOf({ holdings }: StrategyPortfolio, targets: readonly Target[], minute: EpochMs): Target[] {
  const named = new Set(targets.map((target) => target.symbol));
  return [...holdings.values()]
    .filter((holding) => minute >= holding.holdUntil && !named.has(holding.symbol))
    .map(({ symbol }) => ({ kind: 'close', symbol, reason: 'STRATEGY_HOLDING_ENDED' }));
}

function closingsFirst(targets: readonly Target[]): readonly Target[] {
  if (targets.length < 2) return targets;
  const closings = targets.filter((target) => target.kind === 'close');
  return [...closings, ...targets.filter((target) => target.kind !== 'close')];
}

const NOTHING_WANTED: StrategyDecision = { targets: NO_TARGETS, refusals: [] };

function notDue(signals: readonly Signal[]): StrategyDecision {
  if (signals.length === 0) return NOTHING_WANTED;
  const refusals = signals
    .filter((signal) => signal.accepted)
    .map((signal): Refusal => ({ symbol: signal.symbol, reason: 'STRATEGY_NOT_DUE', signalId: signal.id }));
  return { targets: NO_TARGETS, refusals };
}
