import { type EpochMs, epochMs } from '../../core/index.ts';
import type { EquityCurve, FundingFlow, TradeFill } from '../record.ts';

export const time = (iso: string): EpochMs => epochMs(Date.parse(`${iso}Z`));

/** A curve from moments and equity; longs, shorts and positions where they matter. */
export function curveOf(
  rows: readonly (readonly [iso: string, equity: number, long?: number, short?: number, positions?: number])[],
): EquityCurve {
  return {
    times: Float64Array.from(rows, ([iso]) => time(iso)),
    equity: Float64Array.from(rows, ([, equity]) => equity),
    long: Float64Array.from(rows, ([, , long = 0]) => long),
    short: Float64Array.from(rows, ([, , , short = 0]) => short),
    positions: Int32Array.from(rows, ([, , , , positions = 0]) => positions),
  };
}

/** A curve of 100 that grows by one daily return after another from the first of January 2025. */
export function curveOfDays(returns: ArrayLike<number>): EquityCurve {
  const rows = returns.length + 1;
  const equity = new Float64Array(rows).fill(100);
  for (let row = 1; row < rows; row++) equity[row] = (equity[row - 1] ?? 0) * (1 + (returns[row - 1] ?? 0));
  return {
    times: Float64Array.from({ length: rows }, (_, row) => Date.UTC(2025, 0, 1 + row)),
    equity,
    long: new Float64Array(rows),
    short: new Float64Array(rows),
    positions: new Int32Array(rows),
  };
}

export const fillOf = (fill: Partial<TradeFill> & Pick<TradeFill, 'time' | 'side'>): TradeFill => ({
  strategy: 'ml',
  symbol: 'BTCUSDT',
  purpose: 'entry',
  quantity: 1,
  price: 100,
  realizedPnl: 0,
  fee: 0,
  spread: 0,
  impact: 0,
  ...fill,
});

export const flowOf = (iso: string, amount: number, symbol = 'BTCUSDT', isAssumed = false): FundingFlow => ({
  time: time(iso),
  symbol,
  amount,
  isAssumed,
});
