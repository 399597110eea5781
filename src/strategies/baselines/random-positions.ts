import { createRandom, DAY_MS, durationOf, epochMs, type Random, type SymbolId } from '../../core/index.ts';
import type { Holding, Strategy, StrategyDeclaration, StrategyInput, Target } from '../strategy.ts';
import { restingReason } from './resting.ts';

export interface RandomPositionsSettings extends StrategyDeclaration {
  readonly allowShort: boolean;
  /** Where the turnover comes from: as much as another strategy of the book, or of its own. */
  readonly turnover:
    | { readonly of: string }
    | {
        readonly positions: number;
        /** Share of the positions that is exchanged in a day. */
        readonly perDay: number;
        /** Sum of the positions, a multiple of the equity; equal shares. */
        readonly grossExposure: number;
      };
}

/** How much is to change in one decision. */
interface Change {
  readonly entries: number;
  readonly closings: number;
  readonly weight: number;
}

/**
 * Symbols and sides by chance: what is left of a strategy when its choice is taken away. With the turnover of another one it holds as many
 * positions, of the mean size of its, and enters and closes as many as that one did since the decision before. The draws follow from book, name
 * and minute alone.
 */
export function randomPositions({ allowShort, turnover, ...declared }: RandomPositionsSettings): Strategy {
  const everyMs = durationOf(declared.decideEvery);
  const changeOf = ({ minute, portfolio, holdingsOf }: StrategyInput, random: Random): Change => {
    const held = portfolio.holdings.size;
    if ('of' in turnover) {
      // An entry that still works counts once it is a position, so that none counts twice.
      const others = [...holdingsOf(turnover.of).values()].filter(({ isPending }) => !isPending);
      const opened = others.filter(({ openedAt }) => openedAt >= minute - everyMs && openedAt < minute).length;
      const entries = Math.max(opened, others.length - held);
      const weight = others.reduce((sum, other) => sum + other.weight, 0) / others.length;
      return { entries, closings: Math.min(held, held + entries - others.length), weight };
    }
    const share = turnover.perDay * (everyMs / DAY_MS);
    const drawn = [...portfolio.holdings].filter(() => random.uniform() < share).length;
    return {
      closings: drawn,
      entries: Math.max(0, turnover.positions - held + drawn),
      weight: turnover.grossExposure / turnover.positions,
    };
  };
  return {
    ...declared,
    ...('of' in turnover ? {} : { leastWeight: turnover.grossExposure / turnover.positions }),
    decide: (input) => {
      const { book, minute, portfolio } = input;
      const random = createRandom(book).fork(declared.name).fork(minute);
      const { entries, closings, weight } = changeOf(input, random);
      const held = [...portfolio.holdings.values()].sort(bySymbol);
      const closing = new Set(draw(held, closings, random).map(({ symbol }) => symbol));
      const free = [...portfolio.markets.keys()].filter(
        (symbol) => !portfolio.holdings.has(symbol) && restingReason(symbol, minute, portfolio) === undefined,
      );
      const holdUntil = epochMs(minute + durationOf(declared.holdFor));
      const targets: Target[] = [
        ...held.map(
          ({ symbol }): Target =>
            closing.has(symbol)
              ? { kind: 'close', symbol, reason: 'STRATEGY_DRAWN' }
              : { kind: 'hold', symbol, holdUntil },
        ),
        ...draw(free, entries, random).map((symbol: SymbolId): Target => {
          const isLong = random.uniform() < 0.5 || !allowShort;
          return { kind: 'enter', symbol, side: isLong ? 'long' : 'short', holdUntil, weight };
        }),
      ];
      return { targets, refusals: [] };
    },
  };
}

const bySymbol = (a: Holding, b: Holding): number => (a.symbol < b.symbol ? -1 : 1);

/** So many of the items, each at most once, in the order drawn. */
function draw<T>(items: readonly T[], count: number, random: Random): T[] {
  const left = [...items];
  const drawn: T[] = [];
  while (drawn.length < count && left.length > 0) drawn.push(...left.splice(random.integer(left.length), 1));
  return drawn;
}
