import { at64, atInt32, DAY_MS } from '../../core/index.ts';
import { type Estimate, resampledSums } from '../../model/index.ts';
import type { BacktestRecord } from '../record.ts';
import { DAYS_PER_YEAR, dayOfClose } from './daily-returns.ts';
import { estimateFrom, type ResamplingOptions, resampleBook } from './sample.ts';

/** One kind of cost over the whole record; positive = paid. */
export interface CostFigure {
  readonly amount: number;
  /** Over the mean equity of the bars. */
  readonly ofMeanEquity: Estimate;
  /** Over the profit before all costs; null where that is not positive. */
  readonly ofGrossProfit: number | null;
}

/** What the book held, traded and paid. */
export interface Activity {
  readonly meanEquity: number;
  readonly exposure: {
    /** Share of the bars with a position at their close. */
    readonly inMarket: Estimate;
    /** Value of longs and shorts over equity, mean of the bars; and longs less shorts. */
    readonly gross: Estimate;
    readonly net: Estimate;
  };
  /** Traded notional over mean equity. */
  readonly turnover: { readonly perDay: Estimate; readonly perYear: Estimate };
  readonly costs: {
    readonly fees: CostFigure;
    readonly spread: CostFigure;
    readonly impact: CostFigure;
    readonly fundingPaid: CostFigure;
    /** Negative: it came in. */
    readonly fundingReceived: CostFigure;
    readonly total: CostFigure;
    /** Share of the funding, paid and received, whose rate nobody knows; null of none. */
    readonly fundingAssumed: number | null;
    /** Change of equity before all of these costs. */
    readonly grossProfit: number;
  };
}

const COSTS = ['fees', 'spread', 'impact', 'fundingPaid', 'fundingReceived'] as const;
type CostKind = (typeof COSTS)[number];

/** Columns of the table of days, the costs behind them. */
const BARS = 0;
const HELD = 1;
const GROSS = 2;
const NET = 3;
const EQUITY = 4;
const TIME = 5;
const NOTIONAL = 6;
const FIRST_COST = 7;
const WIDTH = FIRST_COST + COSTS.length;

/** Exposure, turnover and costs; parts of days count as what they are. Undefined below two rows of equity. */
export function activityOf(record: BacktestRecord, options: ResamplingOptions): Activity | undefined {
  const { times, equity } = record.equity;
  if (times.length < 2) return undefined;
  const { table, days } = sumsOfDays(record);
  const resampling = resampleBook(days, options);
  const sums = resampledSums(table, WIDTH, resampling);
  const of = (draw: number, column: number) => at64(sums, draw * WIDTH + column);
  const ratio = (column: number, over: (draw: number) => number, least?: number) =>
    estimateFrom(resampling, (draw) => of(draw, column) / over(draw), least === undefined ? {} : { least });
  const bars = (draw: number) => of(draw, BARS);
  const meanEquity = (draw: number) => of(draw, EQUITY) / of(draw, BARS);
  const equityDays = (draw: number) => (meanEquity(draw) * of(draw, TIME)) / DAY_MS;

  const costOf = (columns: readonly number[], amount: number, grossProfit: number): CostFigure => ({
    amount,
    ofMeanEquity: estimateFrom(
      resampling,
      (draw) => columns.reduce((sum, column) => sum + of(draw, column), 0) / meanEquity(draw),
    ),
    ofGrossProfit: grossProfit > 0 ? amount / grossProfit : null,
  });
  const columns = COSTS.map((_, index) => FIRST_COST + index);
  const total = columns.reduce((sum, column) => sum + of(0, column), 0);
  const grossProfit = at64(equity, times.length - 1) - at64(equity, 0) + total;
  const cost = (kind: CostKind) => {
    const column = FIRST_COST + COSTS.indexOf(kind);
    return costOf([column], of(0, column), grossProfit);
  };
  const flowed = record.funding.reduce((sum, { amount }) => sum + Math.abs(amount), 0);
  const assumed = record.funding.reduce((sum, { amount, isAssumed }) => sum + (isAssumed ? Math.abs(amount) : 0), 0);
  return {
    meanEquity: meanEquity(0),
    exposure: { inMarket: ratio(HELD, bars, 0), gross: ratio(GROSS, bars, 0), net: ratio(NET, bars) },
    turnover: {
      perDay: ratio(NOTIONAL, equityDays, 0),
      perYear: ratio(NOTIONAL, (draw) => equityDays(draw) / DAYS_PER_YEAR, 0),
    },
    costs: {
      fees: cost('fees'),
      spread: cost('spread'),
      impact: cost('impact'),
      fundingPaid: cost('fundingPaid'),
      fundingReceived: cost('fundingReceived'),
      total: costOf(columns, total, grossProfit),
      fundingAssumed: flowed > 0 ? assumed / flowed : null,
      grossProfit,
    },
  };
}

/** Sums by UTC day: [days, WIDTH]. What lies outside the curve counts with its first or last day. */
function sumsOfDays({ equity: curve, fills, funding }: BacktestRecord): { table: Float64Array; days: number } {
  const { times, equity, long, short, positions } = curve;
  const firstDay = dayOfClose(at64(times, 0) + 1);
  const days = dayOfClose(at64(times, times.length - 1)) - firstDay + 1;
  const table = new Float64Array(days * WIDTH);
  const add = (time: number, column: number, value: number) => {
    const at = Math.min(days - 1, Math.max(0, dayOfClose(time) - firstDay)) * WIDTH + column;
    table[at] = at64(table, at) + value;
  };
  for (let row = 1; row < times.length; row++) {
    const time = at64(times, row);
    const value = at64(equity, row);
    const leverage = value > 0 ? 1 / value : 0;
    add(time, BARS, 1);
    add(time, HELD, atInt32(positions, row) > 0 ? 1 : 0);
    add(time, GROSS, (at64(long, row) + at64(short, row)) * leverage);
    add(time, NET, (at64(long, row) - at64(short, row)) * leverage);
    add(time, EQUITY, value);
    add(time, TIME, time - at64(times, row - 1));
  }
  const column = (kind: CostKind) => FIRST_COST + COSTS.indexOf(kind);
  for (const { time, quantity, price, fee, spread, impact } of fills) {
    add(time, NOTIONAL, quantity * price);
    add(time, column('fees'), fee);
    add(time, column('spread'), spread);
    add(time, column('impact'), impact);
  }
  for (const { time, amount } of funding) {
    add(time, column(amount < 0 ? 'fundingPaid' : 'fundingReceived'), -amount);
  }
  return { table, days };
}
