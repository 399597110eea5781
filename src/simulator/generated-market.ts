import {
  type BarColumns,
  DAY_MS,
  durationOf,
  epochMs,
  floorTo,
  type SymbolId,
  sliceBars,
  type Timeframe,
} from '../core/index.ts';
import { aggregateBars, createGeneratedMarket, type GeneratedMarket } from '../marketfiles/index.ts';
import { concatenateBars, indexFrom } from './bar.ts';
import type { SimulatedMarket } from './simulated-market.ts';

/** Where the clock of a generated market starts unless told otherwise: 2025-03-01T00:00Z. */
export const GENERATED_START = epochMs(1_740_787_200_000);
/** Days of history before the clock's start. */
const HISTORY_DAYS = 120;
/** Days of this spacing are kept: coarser bars are made of them, at 6 KB a day instead of the work of 1,440 minutes. */
const KEPT_TIMEFRAME: Timeframe = '15m';
/** Days kept, over all symbols: 120 days of 100 symbols. */
const KEPT_DAYS = 12_000;

export interface GeneratedOptions {
  readonly seed: number;
  readonly edge: boolean;
  readonly symbols?: number | undefined;
}

/** An invented market without an end. A seed is one market, wherever its clock starts: a restart goes on in the same one. */
export function openGeneratedMarket({ seed, edge, symbols }: GeneratedOptions): SimulatedMarket {
  const start = epochMs(GENERATED_START - HISTORY_DAYS * DAY_MS);
  const generated = createGeneratedMarket({ seed, edge, start, ...(symbols === undefined ? {} : { symbols }) });
  const coarse = keepCoarseDays(generated);
  const count = generated.instruments.length;
  return {
    kind: 'generated',
    label: `generated market, seed ${seed}, ${count} symbols, ${edge ? 'with a planted edge' : 'without an edge'}`,
    edge: generated.edge && describe(generated.edge),
    seed,
    instruments: generated.instruments.map((instrument) => ({ ...instrument, listedAt: generated.start })),
    start: generated.start,
    end: undefined,
    startAt: GENERATED_START,
    load: () => undefined,
    oldest: () => generated.start,
    bars: (symbol, timeframe, from, to) => {
      const first = Math.max(from, generated.start);
      const step = durationOf(timeframe);
      if (timeframe === '1m') return generated.bars(symbol, epochMs(first), epochMs(to));
      const opens = { from: Math.ceil(first / step) * step, to: Math.ceil(to / step) * step };
      if (opens.from >= opens.to) return generated.bars(symbol, generated.start, generated.start);
      if (step % durationOf(KEPT_TIMEFRAME) !== 0) {
        return aggregateBars(generated.bars(symbol, epochMs(opens.from), epochMs(opens.to)), '1m', timeframe);
      }
      return aggregateBars(coarse(symbol, opens.from, opens.to), KEPT_TIMEFRAME, timeframe);
    },
    fundingRates: (symbol, from, to) => generated.fundingRates(symbol, epochMs(from), epochMs(to)),
  };
}

function describe({ description, rankInformationCoefficient }: NonNullable<GeneratedMarket['edge']>): string {
  const expected = Object.entries(rankInformationCoefficient).map(([horizon, value]) => `${value} over ${horizon}`);
  return `${description}; expected rank correlation of the simplest predictor: ${expected.join(', ')}`;
}

/** Bars of {@link KEPT_TIMEFRAME} that open in `[from, to)`, made of days that are kept. */
function keepCoarseDays(generated: GeneratedMarket) {
  const days = new Map<string, BarColumns>();
  const dayOf = (symbol: SymbolId, day: number): BarColumns => {
    const key = `${symbol}/${day}`;
    let bars = days.get(key);
    if (!bars) {
      const minutes = generated.bars(symbol, epochMs(day), epochMs(day + DAY_MS));
      bars = aggregateBars(minutes, '1m', KEPT_TIMEFRAME);
      for (const oldest of days.keys()) {
        if (days.size < KEPT_DAYS) break;
        days.delete(oldest);
      }
      days.set(key, bars);
    }
    return bars;
  };
  return (symbol: SymbolId, from: number, to: number): BarColumns => {
    const parts: BarColumns[] = [];
    for (let day = floorTo(epochMs(from), '1d') as number; day < to; day += DAY_MS) {
      const bars = dayOf(symbol, day);
      parts.push(sliceBars(bars, indexFrom(bars, from), indexFrom(bars, to)));
    }
    return concatenateBars(parts);
  };
}
