import {
  at64,
  type BarColumns,
  durationOf,
  type EpochMs,
  MINUTE_MS,
  type SymbolId,
  type Timeframe,
} from '../core/index.ts';
import { type Bar, barAt, barsOf, columnsOf, flatBar, joinBars } from './bar.ts';
import type { FaultBoard } from './fault-board.ts';
import { roundTo, type Steps } from './price-path.ts';
import type { SimulatedMarket } from './simulated-market.ts';

/** How many minutes without a trade may lie between a flat bar and the trade its price comes from. */
const LOOK_BACK_MINUTES = 1_440;

export interface FaultedQuery {
  readonly symbol: SymbolId;
  readonly timeframe: Timeframe;
  readonly from: number;
  readonly to: number;
  readonly now: EpochMs;
}

/**
 * Bars as the venue shows them at `now`: the market's own where no fault concerns them. A coarser bar with a faulted minute in
 * it is made anew from the minutes shown; where the market has no minutes (older history) it stays as it is.
 */
export function faultedBars(
  market: SimulatedMarket,
  faults: FaultBoard,
  steps: Steps | undefined,
  query: FaultedQuery,
): BarColumns {
  const { symbol, timeframe, from, to } = query;
  const bars = market.bars(symbol, timeframe, from, to);
  const span = faults.barSpan(symbol);
  const duration = durationOf(timeframe);
  const touched = (openTime: number) =>
    span !== undefined && openTime + duration >= span.from && openTime + MINUTE_MS < span.to;
  if (!steps || bars.length === 0 || !span || !bars.openTime.some(touched)) return bars;
  if (timeframe === '1m') return columnsOf([...faultedMinutes(market, faults, steps, bars, query)]);
  const shown: Bar[] = [];
  for (const bar of barsOf(bars)) {
    const minutes = touched(bar.openTime)
      ? market.bars(symbol, '1m', bar.openTime, bar.openTime + duration)
      : undefined;
    if (!minutes || minutes.length === 0) {
      shown.push(bar);
      continue;
    }
    const joined = joinBars(faultedMinutes(market, faults, steps, minutes, query), bar.openTime);
    if (joined) shown.push(joined);
  }
  return columnsOf(shown);
}

function* faultedMinutes(
  market: SimulatedMarket,
  faults: FaultBoard,
  steps: Steps,
  minutes: BarColumns,
  { symbol, now }: FaultedQuery,
): Generator<Bar> {
  let lastTraded: number | undefined;
  for (const bar of barsOf(minutes)) {
    const verdict = faults.bar(symbol, bar.openTime + MINUTE_MS, now);
    if (verdict.kind === 'hidden') continue;
    if (verdict.kind === 'flat') {
      lastTraded ??= tradedBefore(market, faults, symbol, bar.openTime, now) ?? bar.open;
      yield flatBar(bar.openTime, lastTraded);
      continue;
    }
    const shown = verdict.kind === 'corrected' ? corrected(bar, verdict.basisPoints, steps) : bar;
    lastTraded = shown.close;
    yield shown;
  }
}

/** The close of the last minute before `openTime` in which something was traded. */
function tradedBefore(
  market: SimulatedMarket,
  faults: FaultBoard,
  symbol: SymbolId,
  openTime: number,
  now: EpochMs,
): number | undefined {
  const before = market.bars(symbol, '1m', openTime - LOOK_BACK_MINUTES * MINUTE_MS, openTime);
  for (let i = before.length - 1; i >= 0; i--) {
    const verdict = faults.bar(symbol, at64(before.openTime, i) + MINUTE_MS, now);
    if (verdict.kind === 'shown' || verdict.kind === 'corrected') return barAt(before, i).close;
  }
  return undefined;
}

/** The bar with another close: off by `basisPoints`, at least one tick. */
function corrected(bar: Bar, basisPoints: number, steps: Steps): Bar {
  const shift = (bar.close * basisPoints) / 10_000;
  const atLeastOneTick = Math.max(Math.abs(shift), steps.tick) * (basisPoints < 0 ? -1 : 1);
  const close = Math.max(steps.tick, roundTo(bar.close + atLeastOneTick, steps.priceDecimals));
  return { ...bar, close, high: Math.max(bar.high, close), low: Math.min(bar.low, close) };
}
