import type { Random } from '../core/index.ts';
import { type BacktestFigures, type BacktestReport, figuresOf } from './backtest-report.ts';
import { daysOf } from './backtest-window.ts';
import type { TradeFill } from './record.ts';
import type { BacktestHashes } from './run-backtest.ts';
import { dailyReturnsOf, type PairedDifference, pairedDifference } from './statistics/index.ts';

/** A backtest beside the first one. */
export interface ComparedBacktest {
  readonly id: string;
  readonly run: BacktestReport['run'];
  readonly figures: BacktestFigures;
  readonly totalReturn: number | null;
  /** What stands in the way of a comparison, and how it differs from the first; undefined of the first itself. */
  readonly comparison?: {
    /** This one less the first, over the days both have. */
    readonly difference: PairedDifference;
    readonly isEqual: Readonly<Record<keyof BacktestHashes, boolean>>;
    /** The first execution, in the time both have, that is not the same in both; null where one has none left, or all are equal. */
    readonly firstDifferingTrade: { readonly first: TradeFill | null; readonly other: TradeFill | null } | null;
    readonly warnings: readonly string[];
  };
}

/** Backtests side by side: each beside the first. Equal reports and seed, equal comparison. */
export function compareBacktests(reports: readonly BacktestReport[], random: Random): ComparedBacktest[] {
  const [first] = reports;
  return reports.map((report) => {
    const compared = {
      id: report.id,
      run: report.run,
      figures: figuresOf(report),
      totalReturn: report.performance.totalReturn.value,
    };
    if (first === undefined || report === first) return compared;
    const daily = dailyReturnsOf(report.record.equity);
    const isEqual = (name: keyof BacktestHashes) => report.hashes[name] === first.hashes[name];
    return {
      ...compared,
      comparison: {
        difference: pairedDifference(daily, dailyReturnsOf(first.record.equity), { random: random.fork(report.id) }),
        isEqual: {
          data: isEqual('data'),
          config: isEqual('config'),
          featureSet: isEqual('featureSet'),
          model: isEqual('model'),
          fills: isEqual('fills'),
          decisions: isEqual('decisions'),
        },
        firstDifferingTrade: firstDifferenceOf(first, report),
        warnings: warningsOf(first, report),
      },
    };
  });
}

function firstDifferenceOf(first: BacktestReport, other: BacktestReport) {
  const from = Math.max(first.performance.from, other.performance.from);
  const to = Math.min(first.performance.to, other.performance.to);
  const within = ({ record }: BacktestReport) => record.fills.filter(({ time }) => time >= from && time <= to);
  const [a, b] = [within(first), within(other)];
  for (let at = 0; at < Math.max(a.length, b.length); at++) {
    const [one, two] = [a[at], b[at]];
    if (!one || !two || !isSame(one, two)) return { first: one ?? null, other: two ?? null };
  }
  return null;
}

const isSame = (a: TradeFill, b: TradeFill): boolean =>
  a.time === b.time &&
  a.strategy === b.strategy &&
  a.symbol === b.symbol &&
  a.side === b.side &&
  a.purpose === b.purpose &&
  a.quantity === b.quantity &&
  a.price === b.price &&
  a.fee === b.fee;

/** What makes figures differ that is not the strategy's. */
function warningsOf(first: BacktestReport, other: BacktestReport): string[] {
  const warnings: string[] = [];
  const windowOf = ({ run }: BacktestReport) => `${daysOf(run).from} to ${daysOf(run).to}`;
  if (first.run.from !== other.run.from || first.run.to !== other.run.to) {
    warnings.push(
      `the windows differ: ${windowOf(first)}, and ${windowOf(other)}; differences are of the days both have`,
    );
  }
  const [own, others] = [new Set(first.run.symbols), new Set(other.run.symbols)];
  const missing = [...own].filter((symbol) => !others.has(symbol));
  const added = [...others].filter((symbol) => !own.has(symbol));
  if (missing.length + added.length > 0) {
    warnings.push(
      `the universes differ: ${missing.length} symbols only in the first, ${added.length} only in the other (${[...missing, ...added].slice(0, 6).join(', ')}${missing.length + added.length > 6 ? ', …' : ''})`,
    );
  } else if (first.hashes.data !== other.hashes.data) warnings.push('the candles differ');
  if (first.run.costFactor !== other.run.costFactor) {
    warnings.push(`the costs differ: ${first.run.costFactor} times as configured, and ${other.run.costFactor} times`);
  } else {
    const [a, b] = [feesOf(first), feesOf(other)];
    if (a !== null && b !== null && a.toFixed(2) !== b.toFixed(2)) {
      warnings.push(`the fees differ: ${a.toFixed(2)} bp of what was traded, and ${b.toFixed(2)} bp`);
    }
  }
  if (first.run.minuteBars > 0 !== other.run.minuteBars > 0) {
    warnings.push('only one of them was worked on one-minute candles');
  }
  for (const { id, run } of [first, other]) {
    if (run.inSample.length > 0) warnings.push(`${id} is IN-SAMPLE: it says nothing of new days`);
  }
  return warnings;
}

/** Basis points of what was traded. */
function feesOf({ record: { fills } }: BacktestReport): number | null {
  const notional = fills.reduce((sum, { quantity, price }) => sum + quantity * price, 0);
  return notional > 0 ? (10_000 * fills.reduce((sum, { fee }) => sum + fee, 0)) / notional : null;
}
