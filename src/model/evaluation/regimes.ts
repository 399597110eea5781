import { at64, type BarColumns } from '../../core/index.ts';
import { alignBars, BAR_MS, type Dataset } from '../dataset.ts';
import { RANK_BARS } from '../targets.ts';

/** The market's state at each time of a dataset, from bars closed by then; NaN until there is a day of them. */
export interface MarketState {
  /** Root mean square of the market's last 96 log returns. */
  readonly volatility: Float64Array;
  /** Sum of the market's last 96 log returns. */
  readonly dayReturn: Float64Array;
}

/** One day: the look-back of the market's state. */
const DAY_BARS = RANK_BARS;

/**
 * The market's log return of a bar is the mean over the symbols that have the bar and the one before. A bar without any breaks the look-back.
 * Bars before the dataset's first time are used where it holds them.
 */
export function marketState({ times, symbols, bars }: Pick<Dataset, 'times' | 'symbols' | 'bars'>): MarketState {
  const count = times.length;
  const sums = new Float64Array(count + DAY_BARS);
  const members = new Float64Array(count + DAY_BARS);
  for (const symbol of symbols) {
    const own = bars.get(symbol);
    if (!own) continue;
    const close = closesFrom(times, own, DAY_BARS + 1);
    for (let i = 0; i < sums.length; i++) {
      const change = Math.log(at64(close, i + 1) / at64(close, i));
      if (!Number.isFinite(change)) continue;
      sums[i] = at64(sums, i) + change;
      members[i] = at64(members, i) + 1;
    }
  }
  const market = sums.map((sum, i) => sum / at64(members, i));
  const volatility = new Float64Array(count);
  const dayReturn = new Float64Array(count);
  for (let row = 0; row < count; row++) {
    let square = 0;
    let sum = 0;
    for (let i = row + 1; i <= row + DAY_BARS; i++) {
      square += at64(market, i) ** 2;
      sum += at64(market, i);
    }
    volatility[row] = Math.sqrt(square / DAY_BARS);
    dayReturn[row] = sum;
  }
  return { volatility, dayReturn };
}

/** Closes of a symbol at `before` times ahead of the dataset's first and at its own; NaN where there is no bar. */
export function closesFrom(times: Float64Array, bars: BarColumns, before: number): Float64Array {
  const first = at64(times, 0) - before * BAR_MS;
  const extended = Float64Array.from({ length: times.length + before }, (_, i) => first + i * BAR_MS);
  return alignBars(extended, bars).close;
}
