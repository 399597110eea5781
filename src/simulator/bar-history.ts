import { at64, type BarColumns, durationOf, type EpochMs, epochMs, sliceBars, type Timeframe } from '../core/index.ts';
import { aggregateBars } from '../marketfiles/index.ts';
import { barAt, columnsOf, concatenateBars, indexFrom, joinBars } from './bar.ts';

/** Older, coarser bars. */
export interface Prehistory {
  readonly timeframe: Timeframe;
  readonly bars: BarColumns;
}

/**
 * One symbol's bars of any timeframe, made from minutes where there are minutes and from older, coarser bars before. Both meet at
 * the first boundary of the coarser bars at or after the first minute, so that nothing is counted twice.
 */
export class BarHistory {
  readonly #minutes: BarColumns;
  readonly #before: Prehistory | undefined;
  readonly #made = new Map<Timeframe, BarColumns>();

  constructor(minutes: BarColumns, before?: Prehistory) {
    this.#minutes = minutes;
    this.#before = before && before.bars.length > 0 ? before : undefined;
  }

  /** Every bar of `timeframe`, oldest first. */
  all(timeframe: Timeframe): BarColumns {
    let bars = this.#made.get(timeframe);
    if (!bars) {
      bars = this.#make(timeframe);
      this.#made.set(timeframe, bars);
    }
    return bars;
  }

  /** Bars that open in `[from, to)`: views. */
  between(timeframe: Timeframe, from: number, to: number): BarColumns {
    const bars = this.all(timeframe);
    return sliceBars(bars, indexFrom(bars, from), indexFrom(bars, to));
  }

  oldest(timeframe: Timeframe): EpochMs | undefined {
    const bars = this.all(timeframe);
    return bars.length > 0 ? epochMs(at64(bars.openTime, 0)) : undefined;
  }

  #make(timeframe: Timeframe): BarColumns {
    const minutes = this.#minutes;
    const before = this.#before;
    if (!before || durationOf(timeframe) % durationOf(before.timeframe) !== 0 || minutes.length === 0) {
      return whole(minutes, '1m', timeframe);
    }
    const step = durationOf(before.timeframe);
    const seam = Math.ceil(at64(minutes.openTime, 0) / step) * step;
    const older = whole(
      sliceBars(before.bars, 0, indexFrom(before.bars, seam - step + 1)),
      before.timeframe,
      timeframe,
    );
    const newer = aggregateBars(sliceBars(minutes, indexFrom(minutes, seam), minutes.length), '1m', timeframe, {
      keepIncomplete: true,
    });
    return concatenate(older, newer);
  }
}

/** Bars of `to`, without a first one that lacks its beginning. */
function whole(bars: BarColumns, from: Timeframe, to: Timeframe): BarColumns {
  if (bars.length === 0) return bars;
  const step = durationOf(to);
  const first = Math.ceil(at64(bars.openTime, 0) / step) * step;
  return aggregateBars(sliceBars(bars, indexFrom(bars, first), bars.length), from, to, { keepIncomplete: true });
}

/** Older and newer bars in one; a bar that both hold a part of is joined. */
function concatenate(older: BarColumns, newer: BarColumns): BarColumns {
  if (older.length === 0 || newer.length === 0) return older.length === 0 ? newer : older;
  const last = barAt(older, older.length - 1);
  const first = barAt(newer, 0);
  const shared = last.openTime === first.openTime ? joinBars([last, first], last.openTime) : undefined;
  const parts = shared
    ? [sliceBars(older, 0, older.length - 1), columnsOf([shared]), sliceBars(newer, 1, newer.length)]
    : [older, newer];
  return concatenateBars(parts);
}
