import {
  appendToHistory,
  type BoundedHistory,
  type EpochMs,
  emptyHistory,
  type Horizon,
  MINUTE_MS,
  quantize,
  type SymbolId,
} from '../core/index.ts';
import type { SignalSettings } from './settings.ts';

/** One unit of a stored net edge: two hundredths of a basis point; edges beyond 6.5 % count as 6.5 %. */
export const EDGE_UNIT = 2e-6;

/** Trailing out-of-sample net edges of one model, keyed by {@link edgeKey}. Another model starts anew. */
export interface EdgeHistories {
  readonly modelId: string;
  readonly bySymbol: ReadonlyMap<string, BoundedHistory>;
}

export const noEdgeHistories: EdgeHistories = { modelId: '', bySymbol: new Map() };

export const edgeKey = (symbol: SymbolId, horizon: Horizon): string => `${symbol}/${horizon}`;

export const edgeHistoryOf = (edges: EdgeHistories, modelId: string, symbol: SymbolId, horizon: Horizon) =>
  (edges.modelId === modelId ? edges.bySymbol.get(edgeKey(symbol, horizon)) : undefined) ?? emptyHistory();

/**
 * Percentile of a net edge, 0 to 1: the share of past observations below it, equal ones counting half (so a model that always says
 * the same is never above the middle). The symbol's own history is mixed with the model's reference of expected returns
 * (sorted ascending) less the same cost; the reference counts for `edgePriorWeight` observations and gives way one by one.
 * Without a reference and with fewer than `minEdgeHistory` observations nothing can be said: 0.
 */
export function confidenceOf(
  netEdge: number,
  cost: number,
  history: BoundedHistory,
  reference: readonly number[],
  settings: SignalSettings,
): number {
  const edge = quantize(netEdge, EDGE_UNIT);
  let halves = 0;
  for (const observation of history) {
    if (observation < edge) halves += 2;
    else if (observation === edge) halves++;
  }
  const below = halves / 2;
  if (reference.length === 0) return history.length < settings.minEdgeHistory ? 0 : below / history.length;
  const prior = Math.max(0, settings.edgePriorWeight - history.length);
  const weight = history.length + prior;
  return weight === 0 ? 0 : (below + prior * percentileIn(reference, netEdge + cost)) / weight;
}

export const isEdgeSampled = (minute: EpochMs, settings: SignalSettings): boolean =>
  (minute / MINUTE_MS) % settings.edgeSampleMinutes === 0;

/** The histories with the observations of one minute added. */
export function observeEdges(
  edges: EdgeHistories,
  modelId: string,
  observations: readonly { readonly symbol: SymbolId; readonly horizon: Horizon; readonly netEdge: number }[],
  settings: SignalSettings,
): EdgeHistories {
  const bySymbol = new Map(edges.modelId === modelId ? edges.bySymbol : []);
  for (const { symbol, horizon, netEdge } of observations) {
    const key = edgeKey(symbol, horizon);
    bySymbol.set(key, appendToHistory(bySymbol.get(key) ?? emptyHistory(), netEdge, EDGE_UNIT, settings.edgeHistory));
  }
  return { modelId, bySymbol };
}

/** Share of an ascending sample below `value`, equal ones counting half. */
function percentileIn(sorted: readonly number[], value: number): number {
  const below = bisect(sorted, (entry) => entry < value);
  const notAbove = bisect(sorted, (entry) => entry <= value);
  return (below + notAbove) / 2 / sorted.length;
}

/** Number of leading entries for which `holds` is true. */
function bisect(sorted: readonly number[], holds: (entry: number) => boolean): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (holds(sorted[middle] ?? Number.POSITIVE_INFINITY)) low = middle + 1;
    else high = middle;
  }
  return low;
}
