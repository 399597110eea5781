import type { SymbolId } from '../core/index.ts';
import type { ModelAlias } from '../database/index.ts';
import type { ModelStanding } from '../model/index.ts';
import type { CycleSummary } from './cycle-summary.ts';
import type { MarketDescription } from './venue.ts';

/** What an engine tells while it works. */
export type EngineEvent =
  | {
      readonly kind: 'market';
      readonly market: MarketDescription;
      readonly universe: readonly SymbolId[];
      readonly exchange: string;
      /** The model that serves from the start, if there is one. */
      readonly modelId?: string;
    }
  | { readonly kind: 'cycle'; readonly summary: CycleSummary }
  | { readonly kind: 'progress'; readonly task: string; readonly done: number; readonly total: number }
  /** A model serves (`champion`), or forecasts beside the one that does. */
  | {
      readonly kind: 'model';
      readonly alias: ModelAlias;
      readonly modelId: string;
      readonly directory: string;
    }
  | { readonly kind: 'standing'; readonly standing: ModelStanding }
  | { readonly kind: 'notice'; readonly text: string };
