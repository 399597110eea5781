import { at64, type BarColumns, type FundingRates, HOUR_MS, MINUTE_MS } from '../core/index.ts';
import { type Series, successive } from './naive.fixture.ts';

/* The series that formulas read, made from quarters: hours, carried bars, new beginnings. */

const QUARTER_MS = 15 * MINUTE_MS;
const NO_RATES: FundingRates = { times: new Float64Array(), rates: new Float64Array() };

export interface Bar {
  readonly time: number;
  readonly prices: readonly [open: number, high: number, low: number, close: number];
  readonly volume: number;
  readonly bought: number;
  readonly rate: number;
}

export function quartersOf(bars: BarColumns): Bar[] {
  return Array.from({ length: bars.length }, (_, i) => ({
    time: at64(bars.openTime, i) + QUARTER_MS,
    prices: [at64(bars.open, i), at64(bars.high, i), at64(bars.low, i), at64(bars.close, i)],
    volume: at64(bars.volume, i),
    bought: at64(bars.takerBuyVolume, i),
    rate: Number.NaN,
  }));
}

/** Hours of which all four quarters are there, each with the newest funding rate settled before its close. */
export function hoursOf(bars: BarColumns, rates: FundingRates = NO_RATES): Bar[] {
  const quarters = new Map(quartersOf(bars).map((bar) => [bar.time, bar]));
  return [...quarters.keys()]
    .filter((time) => time % HOUR_MS === 0)
    .flatMap((time) => {
      const parts = [3, 2, 1, 0].map((k) => quarters.get(time - k * QUARTER_MS)).filter((bar) => bar !== undefined);
      const [first] = parts;
      const end = parts.at(-1);
      if (!first || !end || parts.length < 4) return [];
      const high = Math.max(...parts.map(({ prices }) => prices[1]));
      const low = Math.min(...parts.map(({ prices }) => prices[2]));
      const total = (value: (bar: Bar) => number) => parts.reduce((all, bar) => all + value(bar), 0);
      const settled = [...rates.times].filter((moment) => moment < time).length;
      return {
        time,
        prices: [first.prices[0], high, low, end.prices[3]] as const,
        volume: total(({ volume }) => volume),
        bought: total(({ bought }) => bought),
        rate: settled === 0 ? Number.NaN : at64(rates.rates, settled - 1),
      };
    });
}

/** The series that bars make: up to three missing bars are carried, more begin another series. */
export function seriesOf(bars: readonly Bar[], barMs: number): Series[] {
  const runs: Bar[][] = [];
  for (const bar of bars) {
    const run = runs.at(-1);
    const end = run?.at(-1);
    const missing = end ? (bar.time - end.time) / barMs - 1 : Number.POSITIVE_INFINITY;
    if (!run || !end || missing > 3) runs.push([bar]);
    else {
      const close = end.prices[3];
      for (let k = 1; k <= missing; k++)
        run.push({ ...end, time: end.time + k * barMs, prices: [close, close, close, close], volume: 0, bought: 0 });
      run.push(bar);
    }
  }
  return runs.map((run) => {
    const C = run.map(({ prices }) => prices[3]);
    return {
      time: run.map(({ time }) => time),
      O: run.map(({ prices }) => prices[0]),
      H: run.map(({ prices }) => prices[1]),
      L: run.map(({ prices }) => prices[2]),
      C,
      V: run.map(({ volume }) => volume),
      bought: run.map(({ bought }) => bought),
      rate: run.map(({ rate }) => rate),
      r: successive(C, (close, earlier) => Math.log(close / earlier)),
    };
  });
}
