import { fork } from 'node:child_process';
import { once } from 'node:events';
import { extname } from 'node:path';

export interface EndToEndSize {
  readonly symbols: number;
  readonly days: number;
}

export interface EndToEndRun extends EndToEndSize {
  /** Bars that were decided, times symbols. */
  readonly symbolBars: number;
  readonly seconds: number;
  /** Of the whole process, garbage collection on other threads included. */
  readonly cpuSeconds: number;
  /** Largest resident memory of the process, the market itself included. */
  readonly peakMiB: number;
  readonly fills: number;
  readonly finalEquity: number;
}

/** What is grown: symbols at the same days, then days at the same symbols. */
const sizesOf = (days: number): EndToEndSize[] => [
  { symbols: 10, days },
  { symbols: 25, days },
  { symbols: 50, days },
  { symbols: 50, days: 2 * days },
  { symbols: 50, days: 4 * days },
];

/**
 * Whole backtests of generated 15-minute markets, from recorded bars to fills, equity and hashes, each in a process of its own; and by
 * which factor the processor's time for a bar of one symbol grows with symbols and with days.
 */
export async function measureEndToEnd(days: number) {
  const runs: EndToEndRun[] = [];
  for (const size of sizesOf(days)) {
    const run = await runInProcess(size);
    console.error(`end to end: ${JSON.stringify(run)}`);
    runs.push(run);
  }
  const costOf = (symbols: number, ofDays: number): number => {
    const run = runs.find((each) => each.symbols === symbols && each.days === ofDays);
    return run === undefined ? Number.NaN : run.cpuSeconds / run.symbolBars;
  };
  const growth = (to: number, from: number) => Number((to / from).toFixed(2));
  return {
    strategy: 'time-series momentum over a day, every hour, on 15-minute bars',
    runs: runs.map(({ seconds, cpuSeconds, symbolBars, finalEquity, ...run }) => ({
      ...run,
      symbolBars,
      symbolBarsPerSecond: Math.round(symbolBars / seconds),
      symbolBarsPerCpuSecond: Math.round(symbolBars / cpuSeconds),
      finalEquity: Number(finalEquity.toFixed(8)),
    })),
    growth: {
      fiftySymbolsToTen: growth(costOf(50, days), costOf(10, days)),
      fourTimesTheDays: growth(costOf(50, 4 * days), costOf(50, days)),
    },
  };
}

async function runInProcess(size: EndToEndSize): Promise<EndToEndRun> {
  const child = fork(new URL(`./backtest-process${extname(import.meta.url)}`, import.meta.url));
  child.send(size);
  const [run] = (await Promise.race([
    once(child, 'message'),
    once(child, 'exit').then(([code]) => Promise.reject(new Error(`the backtest ended early, with ${code}`))),
  ])) as [EndToEndRun];
  return run;
}
