import type { EpochMs, SymbolId } from '../../core/index.ts';
import type { ConditionalOrder, ExchangeFill, ExchangeOrder } from './order.ts';
import type { ExchangePosition } from './position.ts';

/** What an account's owner is told, at the moment it happens. Orders and positions are the live objects: read them at once. */
export type AccountEvent =
  | {
      readonly kind: 'order';
      readonly change: 'new' | 'trade' | 'cancelled' | 'expired' | 'liquidation';
      readonly order: ExchangeOrder;
      readonly fill?: ExchangeFill;
      readonly time: EpochMs;
    }
  | {
      readonly kind: 'conditional';
      readonly order: ConditionalOrder;
      /** Why it was rejected or expired. */
      readonly reason?: string;
      readonly time: EpochMs;
    }
  | {
      readonly kind: 'account';
      readonly cause: 'order' | 'funding';
      readonly positions: readonly ExchangePosition[];
      readonly time: EpochMs;
    }
  | { readonly kind: 'leverage'; readonly symbol: SymbolId; readonly leverage: number; readonly time: EpochMs };
