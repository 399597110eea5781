import { at64, type BarColumns, durationOf, type EpochMs, type SymbolId, type Timeframe } from '../../core/index.ts';
import { compareWithNeighbours, compareWithOwn } from './comparison.ts';
import { type Fault, faultsOfRuns, runsOf } from './fault.ts';
import { checkHoles } from './holes.ts';
import { checkPlausibility } from './plausibility.ts';
import { checkTimeAxis } from './time-axis.ts';
import { checkValues } from './values.ts';

export interface CandlesToVerify {
  readonly symbol: SymbolId;
  readonly timeframe: Timeframe;
  /** As they came: order, duplicates and NaN kept. */
  readonly bars: BarColumns;
  readonly against?: {
    /** Other bars of the same market, of any timeframe. */
    readonly own?: BarColumns;
    /** Bars of other markets at the same time, of any timeframe. */
    readonly neighbours?: ReadonlyMap<SymbolId, BarColumns>;
  };
  /** The present; bars that end later are faults. */
  readonly now?: EpochMs;
}

export interface CandleVerdict {
  readonly ok: boolean;
  /** Bars looked at, repeated and unreadable ones included. */
  readonly bars: number;
  /** In the order of time. */
  readonly faults: readonly Fault[];
}

/**
 * Judges bars by themselves and against others. Each fault is named once, by its cause: what a check explains is left out of
 * the later ones.
 */
export function verifyCandles(candles: CandlesToVerify): CandleVerdict {
  const axis = checkTimeAxis(candles.bars, candles.timeframe);
  const { bars, timeframe } = axis;
  const duration = durationOf(timeframe);
  const values = checkValues(bars, duration);
  const known = values.wrong.map((mark, i) => (mark === 1 || values.standing[i] === 1 ? 1 : 0));
  const own = candles.against?.own;
  const disagreements = own === undefined ? [] : compareWithOwn(bars, timeframe, own, known);
  const plausibility = checkPlausibility(bars, duration, values.wrong, values.standing).filter(
    (fault) => !disagreements.some((other) => overlap(fault, other)),
  );
  const neighbours = candles.against?.neighbours;
  const strangers =
    neighbours === undefined || disagreements.length > 0 ? [] : compareWithNeighbours(bars, timeframe, neighbours);
  const faults = [
    ...axis.faults,
    ...checkHoles(bars, duration, axis.unreadable),
    ...values.faults,
    ...disagreements,
    ...plausibility,
    ...strangers,
    ...checkFuture(bars, duration, candles.now),
  ].sort((a, b) => a.from - b.from || a.to - b.to);
  return { ok: faults.length === 0, bars: candles.bars.length, faults };
}

/** Touching counts: a level that changes for good is seen from both sides. */
const overlap = (a: Fault, b: Fault): boolean => a.from <= b.to && b.from <= a.to;

function checkFuture(bars: BarColumns, duration: number, now: EpochMs | undefined): Fault[] {
  if (now === undefined) return [];
  const late = new Uint8Array(bars.length);
  for (let i = 0; i < bars.length; i++) if (at64(bars.openTime, i) + duration > now) late[i] = 1;
  return faultsOfRuns('FUTURE_TIME', runsOf(late), bars, duration, () => 'the bar ends after the present');
}
