import type { EpochMs, ReasonCode, Signal, SignalSide, SymbolId } from '../core/index.ts';
import type { Holding, Refusal, Target } from './strategy.ts';

/** One symbol of a panel that is ranked. */
export interface RankedSymbol {
  readonly symbol: SymbolId;
  /** What it is expected to do better than the panel's mean over the horizon, a fraction; negative: worse. */
  readonly excess: number;
  /** What entering and leaving costs on either side, a fraction. */
  readonly cost: Readonly<Record<SignalSide, number>>;
  /** Standard deviation of its return over the horizon, a fraction. */
  readonly volatility: number;
  /** Why it is not entered; undefined where it may be. */
  readonly barred?: ReasonCode | undefined;
  readonly signalId?: string;
}

export interface LongShortRules {
  readonly positionsPerSide: number;
  /** A position is kept while its rank is no worse than the last one's by more than this. */
  readonly bandPositions: number;
}

export interface LongShortEntry {
  readonly ranked: RankedSymbol;
  readonly side: SignalSide;
  /** From 0, the best of its side. */
  readonly rank: number;
}

/** What becomes of a book of longs and shorts in one decision. */
export interface LongShortPlan {
  readonly kept: readonly Holding[];
  readonly closed: readonly { readonly holding: Holding; readonly reason: ReasonCode; readonly signalId?: string }[];
  /** Pairs of a long and a short, the best ranks first. */
  readonly entered: readonly LongShortEntry[];
  readonly refusals: readonly Refusal[];
}

/** `-excess` is what a short expects. */
const gain = (side: SignalSide, { excess }: RankedSymbol): number => (side === 'long' ? excess : -excess);

/**
 * Arranges as many longs as shorts: of each side the symbols with the largest net excess per unit of volatility. What is held stays while it
 * ranks within the band; beyond it, it goes when it is expected to lose against the panel, or when one of the best is expected to do
 * better by more than its own round trip costs. A place that is free is filled only by what pays its round trip. Symbols that are held and
 * not ranked stay as they are. Ties go by name, so that the order of the panel does not matter.
 */
export function arrangeLongShort(
  panel: readonly RankedSymbol[],
  holdings: ReadonlyMap<SymbolId, Holding>,
  rules: LongShortRules,
): LongShortPlan {
  const long = arrangeSide('long', panel, holdings, rules);
  const short = arrangeSide('short', panel, holdings, rules);
  const refusals = [...long.refusals, ...short.refusals];
  const size = Math.min(sizeOf(long), sizeOf(short));
  const sides = [trim(long, size, refusals), trim(short, size, refusals)];
  return {
    kept: sides.flatMap((side) => side.kept),
    closed: sides.flatMap((side) => side.closed),
    entered: sides.flatMap((side) => side.entered).sort((a, b) => a.rank - b.rank || (a.side === 'long' ? -1 : 1)),
    refusals,
  };
}

/** How large the positions of a book are meant to be. */
export interface LongShortWeights extends LongShortRules {
  /** Whether those of a side are equal, or fall linearly with the rank. */
  readonly weights: 'equal' | 'rank';
  /** Sum of both sides, a multiple of the equity. */
  readonly grossExposure: number;
}

/** What a position of a rank, from 0, is meant to be worth; a fraction of the equity. */
function weightOf({ positionsPerSide, weights, grossExposure }: LongShortWeights, rank: number): number {
  const places = (positionsPerSide * (positionsPerSide + 1)) / 2;
  const share = weights === 'equal' ? 1 / positionsPerSide : (positionsPerSide - rank) / places;
  return (grossExposure / 2) * share;
}

/** The weight of the worst rank that is held. */
export const leastWeightOf = (weights: LongShortWeights): number => weightOf(weights, weights.positionsPerSide - 1);

/** The plan as targets: what is kept is renewed where it was ranked, what is entered gets its weight. */
export function targetsOf(
  plan: LongShortPlan,
  weights: LongShortWeights,
  {
    holdUntil,
    isRanked,
    signalOf,
  }: {
    readonly holdUntil: EpochMs;
    readonly isRanked: (symbol: SymbolId) => boolean;
    readonly signalOf?: ReadonlyMap<SymbolId, Signal>;
  },
): Target[] {
  return [
    ...plan.closed.map(({ holding, ...why }): Target => ({ kind: 'close', symbol: holding.symbol, ...why })),
    ...plan.kept
      .filter(({ symbol }) => isRanked(symbol))
      .map(({ symbol }): Target => ({ kind: 'hold', symbol, holdUntil })),
    ...plan.entered.map(({ ranked: { symbol }, side, rank }): Target => {
      const signal = signalOf?.get(symbol);
      return { kind: 'enter', symbol, side, holdUntil, weight: weightOf(weights, rank), ...(signal ? { signal } : {}) };
    }),
  ];
}

interface Side {
  /** The best first; those without a rank before them. */
  kept: Holding[];
  closed: { holding: Holding; reason: ReasonCode; signalId?: string }[];
  entered: LongShortEntry[];
  refusals: Refusal[];
}

const sizeOf = ({ kept, entered }: Side): number => kept.length + entered.length;

function arrangeSide(
  side: SignalSide,
  panel: readonly RankedSymbol[],
  holdings: ReadonlyMap<SymbolId, Holding>,
  { positionsPerSide, bandPositions }: LongShortRules,
): Side {
  const score = (each: RankedSymbol) => (gain(side, each) - each.cost[side]) / each.volatility;
  const order = [...panel].sort((a, b) => score(b) - score(a) || (a.symbol < b.symbol ? -1 : 1));
  const rankOf = new Map(order.map(({ symbol }, rank) => [symbol, rank]));
  const rankOfHolding = ({ symbol }: Holding) => rankOf.get(symbol) ?? -1;
  const held = [...holdings.values()]
    .filter((holding) => holding.side === side)
    .sort((a, b) => rankOfHolding(a) - rankOfHolding(b) || (a.symbol < b.symbol ? -1 : 1));

  const refusals: Refusal[] = [];
  const closed: Side['closed'] = [];
  const giveUp = (holding: Holding) => {
    const ranked = order[rankOfHolding(holding)];
    closed.push({ holding, reason: 'STRATEGY_RANK_LOST', ...(ranked ? signalIdOf(ranked) : {}) });
  };
  const kept: Holding[] = [];
  /** Out of the band, the best first: to be replaced by something better. */
  const waiting: { holding: Holding; ranked: RankedSymbol }[] = [];
  for (const holding of held) {
    const ranked = order[rankOfHolding(holding)];
    const isInBand = rankOfHolding(holding) < positionsPerSide + bandPositions;
    if (kept.length + waiting.length === positionsPerSide) giveUp(holding);
    else if (ranked === undefined || isInBand) kept.push(holding);
    else if (gain(side, ranked) > 0) waiting.push({ holding, ranked });
    else giveUp(holding);
  }

  const entered: LongShortEntry[] = [];
  for (const [rank, ranked] of order.slice(0, positionsPerSide).entries()) {
    if (holdings.has(ranked.symbol)) continue;
    const reason = ranked.barred ?? (score(ranked) > 0 ? undefined : 'STRATEGY_CHANGE_BELOW_COSTS');
    const worst = waiting.at(-1);
    if (reason !== undefined) refusals.push(refusalOf(ranked, reason));
    else if (kept.length + waiting.length + entered.length < positionsPerSide) entered.push({ ranked, side, rank });
    else if (worst && gain(side, ranked) - gain(side, worst.ranked) > ranked.cost[side]) {
      waiting.pop();
      giveUp(worst.holding);
      entered.push({ ranked, side, rank });
    } else refusals.push(refusalOf(ranked, worst ? 'STRATEGY_CHANGE_BELOW_COSTS' : 'STRATEGY_BOOK_FULL'));
  }
  return { kept: [...kept, ...waiting.map(({ holding }) => holding)], closed, entered, refusals };
}

/** The side with no more positions than the other: entries are left out first, the worst ranked first; then positions are given up. */
function trim(side: Side, size: number, refusals: Refusal[]): Side {
  const entered = side.entered.slice(0, Math.max(0, size - side.kept.length));
  for (const { ranked } of side.entered.slice(entered.length)) {
    refusals.push(refusalOf(ranked, 'STRATEGY_UNBALANCED'));
  }
  const given = side.kept.slice(size);
  return {
    ...side,
    kept: side.kept.slice(0, size),
    closed: [...side.closed, ...given.map((holding) => ({ holding, reason: 'STRATEGY_UNBALANCED' as const }))],
    entered,
  };
}

const signalIdOf = ({ signalId }: RankedSymbol) => (signalId === undefined ? {} : { signalId });

const refusalOf = (ranked: RankedSymbol, reason: ReasonCode): Refusal => ({
  symbol: ranked.symbol,
  reason,
  ...signalIdOf(ranked),
});
