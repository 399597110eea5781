import { describe, expect, it } from 'vitest';
import { createRandom, DAY_MS, epochMs, type SymbolId } from '../core/index.ts';
import { critiquesOf } from './backtest-report.ts';
import type { BacktestRecord, TradeFill } from './record.ts';
import { performanceOf, roundTripsOf, tradeStatisticsOf } from './statistics/index.ts';

type Criticised = Parameters<typeof critiquesOf>[0];

const START = Date.UTC(2025, 0, 1);
const DAYS = 120;

/** A round trip of a unit bought at 100, on a day. */
interface Trip {
  readonly day: number;
  readonly symbol: SymbolId;
  readonly profit: number;
  readonly fee?: number;
}

/** The critiques of a book of these trips. */
function critiques(trips: readonly Trip[], changes: Partial<Criticised> = {}, days = DAYS): string {
  const fills = trips.flatMap(({ day, symbol, profit, fee = 0 }): TradeFill[] => {
    const opened = START + day * DAY_MS;
    const common = { strategy: 'ml', symbol, quantity: 1, fee: fee / 2, spread: 0, impact: 0 };
    return [
      { ...common, time: epochMs(opened), side: 'buy', purpose: 'entry', price: 100, realizedPnl: 0 },
      {
        ...common,
        time: epochMs(opened + DAY_MS / 2),
        side: 'sell',
        purpose: 'exit',
        price: 100 + profit,
        realizedPnl: profit,
      },
    ];
  });
  const equity = new Float64Array(days + 1).fill(10_000);
  for (let day = 1; day <= days; day++) {
    const earned = trips
      .filter((trip) => trip.day === day - 1)
      .reduce((sum, one) => sum + one.profit - (one.fee ?? 0), 0);
    equity[day] = (equity[day - 1] ?? 0) + earned;
  }
  const record: BacktestRecord = {
    equity: {
      times: Float64Array.from(equity, (_, day) => START + day * DAY_MS),
      equity,
      long: equity.map(() => 100),
      short: equity.map(() => 0),
      positions: Int32Array.from(equity, () => 1),
    },
    fills,
    funding: [],
  };
  const { closed } = roundTripsOf(record);
  const random = createRandom('critiques');
  const performance = performanceOf(record, { random, resamples: 200, minuteNotional: new Map(), maxParticipation: 1 });
  if (performance === undefined) throw new RangeError('no performance');
  return critiquesOf({
    run: { inSample: [] },
    performance,
    tradeStatistics: tradeStatisticsOf(closed, { random, resamples: 200 }),
    trips: closed,
    baselines: null,
    record,
    signals: { accepted: 1, candidates: 1 },
    ...changes,
  }).join('\n');
}

const SYMBOLS = ['A', 'B', 'C', 'D'];
/** A steady gain, spread over symbols and days, of more trips than luck explains. */
const steady = Array.from({ length: DAYS }, (_, day) => ({
  day,
  symbol: SYMBOLS[day % SYMBOLS.length] ?? '',
  profit: 10 + 5 * Math.sin(day),
}));

describe('critiques', () => {
  it('say nothing of a steady gain on many days and symbols', () => {
    expect(critiques(steady)).toBe('');
  });

  it('say that there are few trades, or none', () => {
    expect(critiques(steady.slice(0, 99))).toContain('Few trades: 99 closed round trips');
    expect(critiques([], { signals: { accepted: 0, candidates: 5 } })).toContain('It never traded');
    expect(critiques([])).toContain('It never closed a trade');
  });

  it('name the symbol or the day that carries the result', () => {
    expect(critiques([...steady, { day: 3, symbol: 'E', profit: 2_000 }])).toMatch(
      /One symbol carries it: E brought 6\d %.*\nOne day carries it: trades closed on 2025-01-04 brought 6\d %/,
    );
  });

  it('name the bar at which an exchange would have closed everything', () => {
    const withEquity = (lowest: number) => {
      const equity = new Float64Array(100).fill(10_000).fill(lowest, 40, 50);
      const times = Float64Array.from(equity, (_, day) => START + day * DAY_MS);
      const [long, short] = [equity.map(() => 15_000), equity.map(() => 5_000)];
      const positions = Int32Array.from(equity, () => 2);
      return critiques(steady, {
        record: { equity: { times, equity, long, short, positions }, fills: [], funding: [] },
      });
    };
    expect(withEquity(499)).toContain('It would have been liquidated: at 2025-02-10T00:00:00Z the equity was 2.5 % of');
    expect(withEquity(-1)).toContain('It would have been liquidated');
    expect(withEquity(501)).toBe('');
  });

  it('say what costs take', () => {
    expect(critiques(steady.map((trip) => ({ ...trip, fee: 6 })))).toContain('Costs take 60 % of what was earned');
    expect(critiques(steady.map((trip) => ({ ...trip, fee: 12 })))).toContain('Costs eat the edge: 1440 of costs');
  });

  it('say what is no better than luck, than random books, than momentum', () => {
    const { normal } = createRandom('luck');
    expect(critiques(steady.map((trip) => ({ ...trip, profit: 10 * normal() })))).toContain(
      'Not distinguishable from luck',
    );
    const figures = { totalReturn: 0, sharpe: null, maxDrawdown: 0 };
    const baselines = {
      buyAndHold: figures,
      equalWeight: figures,
      momentum14d: figures,
      crossSectionalMomentum14d: figures,
      random: { seeds: 100, pValue: 0.2, medianReturn: 0, medianSharpe: null },
      costs: null,
      differenceToMomentum14d: { value: 0, low: -1, high: 1 },
    };
    expect(critiques(steady, { baselines })).toMatch(
      /No better than random: of 100 random books.* 20 % did at least as well\.\nNo better than 14-day momentum/,
    );
  });

  it('say that days are few, or that the model knows them', () => {
    expect(critiques(steady.slice(0, 60), {}, 60)).toContain('Short: 60 whole days');
    expect(critiques(steady, { run: { inSample: ['train'] } })).toContain('IN-SAMPLE: the model was fitted');
  });
});
