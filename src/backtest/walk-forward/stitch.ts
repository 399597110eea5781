import { at64 } from '../../core/index.ts';
import type { BacktestRecord, EquityCurve, FundingFlow, TradeFill } from '../record.ts';

/**
 * One record of records whose times follow each other, each of a book that begins anew: equity is chained, and quantities and amounts of the later ones
 * grow or shrink with it, so that profits, costs and equity add up.
 * @throws RangeError where a record does not begin at the moment the one before ends
 */
export function stitchRecords(records: readonly BacktestRecord[]): BacktestRecord {
  const fills: TradeFill[] = [];
  const funding: FundingFlow[] = [];
  const rows: { record: EquityCurve; from: number; factor: number }[] = [];
  let [time, equity] = [Number.NaN, Number.NaN];
  for (const record of records) {
    const { times } = record.equity;
    const isFirst = rows.length === 0;
    if (times.length === 0) throw new RangeError('a record without a row cannot be put in line');
    if (!isFirst && at64(times, 0) !== time) throw new RangeError('records leave a gap between them, or overlap');
    const factor = isFirst ? 1 : equity / at64(record.equity.equity, 0);
    rows.push({ record: record.equity, from: isFirst ? 0 : 1, factor });
    for (const fill of record.fills) fills.push(scaledFill(fill, factor));
    for (const flow of record.funding) funding.push({ ...flow, amount: flow.amount * factor });
    time = at64(times, times.length - 1);
    equity = Math.max(0, at64(record.equity.equity, times.length - 1) * factor);
  }
  const column = (name: 'times' | 'equity' | 'long' | 'short' | 'positions', isAmount: boolean): number[] =>
    rows.flatMap(({ record, from, factor }) =>
      Array.from(record[name].subarray(from), (value) => (isAmount ? value * factor : value)),
    );
  return {
    equity: {
      times: Float64Array.from(column('times', false)),
      equity: Float64Array.from(column('equity', true)),
      long: Float64Array.from(column('long', true)),
      short: Float64Array.from(column('short', true)),
      positions: Int32Array.from(column('positions', false)),
    },
    fills,
    funding,
  };
}

const scaledFill = (fill: TradeFill, factor: number): TradeFill => ({
  ...fill,
  quantity: fill.quantity * factor,
  realizedPnl: fill.realizedPnl * factor,
  fee: fill.fee * factor,
  spread: fill.spread * factor,
  impact: fill.impact * factor,
});
