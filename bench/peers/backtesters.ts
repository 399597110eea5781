import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { FinalCandle } from '../../src/core/index.ts';

/** A schedule of trades, as every backtester is given it. */
export interface Schedule {
  /** Which side to enter after a bar, by its index; undefined: none. */
  readonly entryAt: (index: number) => 'long' | 'short' | undefined;
  /** Bars after which a position is closed. */
  readonly holdBars: number;
  /** Distance of the stop, a fraction of the entry price. */
  readonly stopFraction: number;
}

export interface Backtester {
  readonly version: string;
  /** What it leaves out that `decide` does. */
  readonly without: string;
  /** Runs over the bars. @returns the number of round trips */
  readonly run: (schedule: Schedule) => number;
}

interface GrademarkBar {
  readonly index: number;
  readonly time: Date;
  readonly open: number;
  readonly high: number;
  readonly low: number;
  readonly close: number;
  readonly volume: number;
}

interface Grademark {
  backtest(
    strategy: {
      entryRule: (
        enter: (options: { direction: 'long' | 'short' }) => void,
        args: { readonly bar: GrademarkBar },
      ) => void;
      exitRule: (exit: () => void, args: { readonly position: { readonly holdingPeriod: number } }) => void;
      stopLoss: (args: { readonly entryPrice: number }) => number;
    },
    bars: object,
  ): { readonly length: number };
}

interface DataForge {
  readonly DataFrame: new (rows: readonly GrademarkBar[]) => object;
}

/** grademark over these bars, or undefined where `npm ci --prefix bench/peers` was not run. */
export function loadGrademark(candles: readonly FinalCandle[]): Backtester | undefined {
  const manifest = new URL('../peers/node_modules/grademark/package.json', import.meta.url);
  if (!existsSync(manifest)) return undefined;
  const require = createRequire(new URL('../../', manifest));
  const { backtest } = require('grademark') as Grademark;
  const { DataFrame } = createRequire(manifest)('data-forge') as DataForge;
  const bars = new DataFrame(
    candles.map(({ openTime, open, high, low, close, volume }, index) => ({
      index,
      time: new Date(openTime),
      open,
      high,
      low,
      close,
      volume,
    })),
  );
  return {
    version: JSON.parse(readFileSync(manifest, 'utf8')).version,
    without: 'fees, spread and impact, sizes, limits, order states, a ledger',
    run: ({ entryAt, holdBars, stopFraction }) =>
      backtest(
        {
          entryRule: (enter, { bar }) => {
            const direction = entryAt(bar.index);
            if (direction !== undefined) enter({ direction });
          },
          exitRule: (exit, { position }) => {
            if (position.holdingPeriod >= holdBars) exit();
          },
          stopLoss: ({ entryPrice }) => entryPrice * stopFraction,
        },
        bars,
      ).length,
  };
}

/** Why there is no figure of a peer. */
export const UNAVAILABLE = {
  'backtest-kit':
    '19.5.0, the only version in the registry, cannot be installed: it asks for di-kit ^1.1.1, di-scoped ^1.0.21 and di-singleton ^1.0.5, of which the registry has 1.0.18, 1.0.20 and none',
} as const;

/** What others publish or what was measured of them elsewhere: other machines, other work, for orientation only. */
export const CITED = [
  {
    what: 'backtesting.py, SMA cross, 525,600 one-minute bars, 7,267 trades, 2 cores',
    barsPerSecond: 135_000,
    source: 'measured, source 9c2b8e1',
  },
  {
    what: 'vectorbt, SMA cross, 525,600 bars, warm, 2 cores',
    barsPerSecond: 2_700_000,
    source: 'measured, source f989752, Numba engine',
  },
  {
    what: 'vectorbt, the same cold, compilation included',
    barsPerSecond: 27_000,
    source: 'measured, source f989752, Numba engine',
  },
  {
    what: 'nautilus_trader, order-book backtest, data points',
    barsPerSecond: 3_000_000,
    source: 'docs/tutorials/backtest_book_imbalance_betfair.md',
  },
  {
    what: 'jesse, one route, two years of one-minute bars (1.05 M), step mode, Raspberry Pi 5',
    barsPerSecond: 183_000,
    source: 'docs-perf/REPORT.md: 5.75 s',
  },
  {
    what: 'LEAN, sample log line, data points',
    barsPerSecond: 85_000,
    source: 'ExecutionSpeedAnalysis, AlgorithmSpeedAnalysis.cs',
  },
  { what: 'backtest-kit, 9 symbols, events, i5-13420H', barsPerSecond: 103, source: 'README #8' },
] as const;
