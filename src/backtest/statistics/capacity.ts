import type { SymbolId } from '../../core/index.ts';
import { DEFAULT_COST_SETTINGS } from '../../matching/index.ts';
import { quantile } from '../../model/index.ts';
import type { TradeFill } from '../record.ts';
import { MINIMUM_SAMPLES } from './sample.ts';

/** How large the book could be, in quote currency; null where that cannot be said. */
export interface Capacity {
  /** Equity at which trading costs twice as much per unit traded: fees and spread stay, impact grows with the root of the size. */
  readonly byCosts: number | null;
  /** Equity at which the median fill takes the largest share of a minute's volume that is allowed. */
  readonly byLiquidity: number | null;
  /** The smaller one. */
  readonly equity: number | null;
}

export interface CapacityOptions {
  /** Quote value that usually trades in a minute of a symbol. */
  readonly minuteNotional?: ReadonlyMap<SymbolId, number>;
  /** The largest share of a minute's volume that the book may take. */
  readonly maxParticipation?: number;
}

/**
 * Capacity if all orders grew with equity. With fees F, spread S and impact I at the mean equity, costs at m times the size are
 * F + S + I √m per unit traded (square-root law), twice those of now at m = ((F + S + 2 I) / I)².
 */
export function capacityOf(
  fills: readonly TradeFill[],
  meanEquity: number,
  { minuteNotional, maxParticipation = DEFAULT_COST_SETTINGS.maxParticipation }: CapacityOptions = {},
): Capacity {
  if (fills.length < MINIMUM_SAMPLES.fills) return { byCosts: null, byLiquidity: null, equity: null };
  let fixed = 0;
  let impacts = 0;
  const participations: number[] = [];
  for (const { symbol, fee, spread, impact, quantity, price } of fills) {
    fixed += fee + spread;
    impacts += impact;
    const volume = minuteNotional?.get(symbol);
    if (volume !== undefined && volume > 0) participations.push((quantity * price) / volume);
  }
  const byCosts = impacts > 0 ? meanEquity * ((fixed + 2 * impacts) / impacts) ** 2 : null;
  const typical = participations.length >= MINIMUM_SAMPLES.fills ? quantile(participations.sort(byValue), 0.5) : 0;
  const byLiquidity = typical > 0 ? (meanEquity * maxParticipation) / typical : null;
  const known = [byCosts, byLiquidity].filter((value) => value !== null);
  return { byCosts, byLiquidity, equity: known.length > 0 ? Math.min(...known) : null };
}

const byValue = (a: number, b: number) => a - b;
