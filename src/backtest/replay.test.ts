import { describe, expect, it } from 'vitest';
import { type BarColumns, epochMs, type Fill, MINUTE_MS, type SymbolId } from '../core/index.ts';
import { FundingHistory } from './funding-history.ts';
import { replay } from './replay.ts';
import {
  type Bar,
  barsFrom,
  closeAt,
  flat,
  forecastOf,
  QUARTER_MS,
  requestOf,
  START,
  sourceOf,
  testConfig,
  walk,
} from './replay-fixture.ts';

const WARM_UP = 96;
const first = epochMs(START - (WARM_UP - 1) * QUARTER_MS);

/** Bars of symbols, the first of each a day before the start. */
const marketOf = (series: Readonly<Record<string, readonly (Bar | undefined)[]>>): Map<SymbolId, BarColumns> =>
  new Map(Object.entries(series).map(([symbol, bars]) => [symbol, barsFrom(bars, first)]));

/** So many flat bars before the start, then these. */
const afterWarmUp = (bars: readonly (Bar | undefined)[], price = 100) => [
  ...Array.from({ length: WARM_UP }, () => flat(price, { high: price * 1.001, low: price * 0.999 })),
  ...bars,
];

/** Wants every symbol at the first full hour, and never again. */
const onceUp = (symbols: readonly SymbolId[], expected = 0.05) =>
  sourceOf((minute) => (minute === closeAt(4) ? symbols.map((symbol) => forecastOf(symbol, minute, expected)) : []));

const config = testConfig({ 'ml_integration.signals.confidence_threshold': 0 });

describe('replay', () => {
  it('fills at the open of the bar after the decision, against half the spread and the impact on a minute of it', async () => {
    const bars = marketOf({
      AAAUSDT: afterWarmUp([
        ...Array.from({ length: 4 }, () => flat(100)),
        ...Array.from({ length: 8 }, () => flat(101)),
      ]),
    });
    const { fills, equity } = await replay(requestOf(bars, { count: 12, config, forecasts: onceUp(['AAAUSDT']) }));
    const [entry] = fills;
    expect(entry).toMatchObject({ time: closeAt(4), side: 'buy', purpose: 'entry', symbol: 'AAAUSDT' });
    if (!entry) throw new Error('no fill');
    const participation = entry.quantity / (30_000 / 15);
    const expected = 101 * (1 + 1.5e-4 + 1e-3 * Math.sqrt(participation));
    expect(entry.price).toBeGreaterThanOrEqual(expected - 1e-9);
    expect(entry.price).toBeLessThan(expected + 1);
    expect(entry.spread + entry.impact).toBeCloseTo((entry.price - 101) * entry.quantity, 6);
    expect(entry.fee).toBeCloseTo(entry.price * entry.quantity * 5e-4, 6);
    expect(entry.confidence).toBeDefined();
    // What is held is worth less than was paid: the price has not moved since.
    expect(equity.equity.at(-1)).toBeCloseTo(10_000 - entry.fee - entry.spread - entry.impact, 6);
    expect(equity.long.at(-1)).toBeCloseTo(entry.quantity * 101, 6);
  });

  it('begins with as many past bars as the strategies look back on', async () => {
    const momentum = {
      kind: 'cross-sectional-momentum',
      name: 'momentum',
      look_back: '3d',
      hold_for: '1d',
      positions_per_side: 1,
    };
    const drift = (daily: number) =>
      Array.from({ length: 3 * 96 + 8 }, (_, index) => flat(100 * (1 + daily) ** (index / 96)));
    const from = epochMs(START - (3 * 96 - 1) * QUARTER_MS);
    const bars = new Map(
      Object.entries({ AAAUSDT: barsFrom(drift(0.02), from), BBBUSDT: barsFrom(drift(-0.02), from) }),
    );
    const own = testConfig({ strategies: JSON.stringify([{ ...momentum, decide_every: '15m' }]) });
    const { fills, reasons } = await replay(requestOf(bars, { count: 8, config: own }));
    const entries = fills.filter(({ purpose }) => purpose === 'entry');
    expect(entries.slice(0, 2)).toMatchObject([
      { symbol: 'AAAUSDT', side: 'buy', time: closeAt(1) },
      { symbol: 'BBBUSDT', side: 'sell', time: closeAt(1) },
    ]);
    expect(reasons.STRATEGY_HISTORY_SHORT).toBeUndefined();
  });

  it('takes at most a fifteenth of a bar', async () => {
    const thin = Array.from({ length: 12 }, () => flat(100, { volume: 30 }));
    const bars = marketOf({ AAAUSDT: afterWarmUp(thin) });
    const { fills } = await replay(requestOf(bars, { count: 12, config, forecasts: onceUp(['AAAUSDT']) }));
    expect(fills.length).toBeGreaterThan(0);
    for (const { quantity } of fills) expect(quantity).toBeLessThanOrEqual(30 / 15);
  });

  it('gives equal results for equal requests, and money adds up', async () => {
    const symbols = ['AAAUSDT', 'BBBUSDT', 'CCCUSDT', 'DDDUSDT', 'EEEUSDT'];
    const bars = marketOf(Object.fromEntries(symbols.map((symbol) => [symbol, walk(symbol, WARM_UP + 400)])));
    const forecasts = sourceOf((minute) =>
      symbols.map((symbol, index) => forecastOf(symbol, minute, 0.03 * Math.sin(minute / 3e6 + index))),
    );
    const request = requestOf(bars, { count: 400, config, forecasts });
    const [a, b] = [await replay(request), await replay(request)];
    expect(a.fills.length).toBeGreaterThan(20);
    expect(a.fillsHash).toBe(b.fillsHash);
    expect(a.decisionsHash).toBe(b.decisionsHash);
    const { fills, funding, equity, open } = a;
    const sum = (of: (fill: (typeof fills)[number]) => number) => fills.reduce((total, fill) => total + of(fill), 0);
    const unrealized = open.reduce((total, { unrealizedPnl }) => total + Number(unrealizedPnl), 0);
    const flows = funding.reduce((total, { amount }) => total + amount, 0);
    const balance = 10_000 + sum(({ realizedPnl, fee }) => realizedPnl - fee) + flows + unrealized;
    expect(equity.equity.at(-1)).toBeCloseTo(balance, 5);
    expect(equity.times.length).toBe(401);
    expect(funding.length).toBeGreaterThan(0);
  });

  it('closes what is held of a symbol at its last bar, and enters it no more', async () => {
    const other = Array.from({ length: 40 }, () => flat(100));
    const bars = marketOf({ AAAUSDT: afterWarmUp(other.slice(0, 20)), BBBUSDT: afterWarmUp(other) });
    const { fills, open, reasons } = await replay(
      requestOf(bars, { count: 40, config, forecasts: onceUp(['AAAUSDT', 'BBBUSDT']) }),
    );
    const last = fills.filter(({ symbol }) => symbol === 'AAAUSDT').at(-1);
    expect(last).toMatchObject({ side: 'sell', purpose: 'exit', time: closeAt(20), price: 100 });
    expect(open.map(({ symbol }) => symbol)).toEqual(['BBBUSDT']);
    expect(reasons.INSTRUMENT_DELISTED).toBeGreaterThan(0);
  });

  it('counts a symbol to the universe from its first bar on', async () => {
    const late = [
      ...Array.from({ length: WARM_UP + 20 }, () => undefined),
      ...Array.from({ length: 20 }, () => flat(100)),
    ];
    const bars = marketOf({ AAAUSDT: late, BBBUSDT: afterWarmUp(Array.from({ length: 40 }, () => flat(100))) });
    const { reasons } = await replay(requestOf(bars, { count: 40, config }));
    expect(reasons.PANEL_BELOW_COVERAGE).toBeUndefined();
    expect(reasons.CANDLE_MISSING).toBeUndefined();
  });

  it.each([
    ['a long', 0.05],
    ['a short', -0.05],
  ])('lets %s pay where nobody knows the rate', async (_, expected) => {
    const bars = marketOf({ AAAUSDT: afterWarmUp(Array.from({ length: 40 }, () => flat(100))) });
    const { funding, fills } = await replay(
      requestOf(bars, { count: 40, config, forecasts: onceUp(['AAAUSDT'], expected) }),
    );
    const held = fills.reduce((sum, { side, quantity }) => sum + (side === 'buy' ? quantity : -quantity), 0);
    expect(Math.sign(held)).toBe(Math.sign(expected));
    expect(funding).toHaveLength(1);
    expect(funding[0]).toMatchObject({ time: closeAt(32), isAssumed: true });
    expect(funding[0]?.amount).toBeCloseTo(-Math.abs(held) * 100 * 1e-4, 6);
  });

  it('pays what is known, once, and says so', async () => {
    const bars = marketOf({ AAAUSDT: afterWarmUp(Array.from({ length: 40 }, () => flat(100))) });
    const time = epochMs(closeAt(32) + 3);
    const known = new FundingHistory(bars, (symbol) => [{ symbol, time, rate: -0.0005 }], {
      from: closeAt(1),
      to: closeAt(40),
    });
    const { funding, fills } = await replay(
      requestOf(bars, { count: 40, config, forecasts: onceUp(['AAAUSDT']), funding: known }),
    );
    expect(funding).toEqual([{ time, symbol: 'AAAUSDT', isAssumed: false, amount: expect.any(Number) }]);
    expect(funding[0]?.amount).toBeCloseTo((fills[0]?.quantity ?? 0) * 100 * 5e-4, 6);
  });

  it('takes the stop where a bar reached stop and target, unless its minutes tell', async () => {
    const wide = flat(100, { high: 130, low: 70 });
    const bars = marketOf({ AAAUSDT: afterWarmUp([...Array.from({ length: 6 }, () => flat(100)), wide, flat(100)]) });
    const request = requestOf(bars, { count: 8, config, forecasts: onceUp(['AAAUSDT']) });
    const coarse = await replay(request);
    expect(coarse.fills.at(-1)).toMatchObject({ purpose: 'stop' });
    expect(coarse.minuteBars).toBe(0);
    // Up first, then down.
    const minuteOf = (bar: number, minute: number) => {
      if (bar !== 7) return flat(100, { volume: 2_000 });
      return flat(minute < 7 ? 130 : 70, { volume: 2_000, ...(minute === 0 ? { open: 100, low: 100 } : {}) });
    };
    const minutes = barsFrom(
      Array.from({ length: 8 * 15 }, (_, index) => minuteOf(1 + Math.floor(index / 15), index % 15)),
      epochMs(START + MINUTE_MS),
      MINUTE_MS,
    );
    const fine = await replay({ ...request, minutes: new Map([['AAAUSDT', minutes]]) });
    expect(fine.minuteBars).toBe(8);
    expect(fine.fills.at(-1)).toMatchObject({ purpose: 'target' });
    expect(fine.equity.equity.at(-1)).toBeGreaterThan(coarse.equity.equity.at(-1) ?? 0);
  });

  it('does not look ahead: other bars from some time on change nothing before it', async () => {
    const symbols = ['AAAUSDT', 'BBBUSDT', 'CCCUSDT'];
    const series = symbols.map((symbol) => walk(symbol, WARM_UP + 200));
    const poisoned = series.map((bars) =>
      bars.map((bar, index) => (index < WARM_UP + 100 ? bar : flat(bar.close * 1.3, { volume: bar.volume }))),
    );
    const forecasts = sourceOf((minute) =>
      symbols.map((symbol, index) => forecastOf(symbol, minute, 0.03 * Math.sin(minute / 3e6 + index))),
    );
    const [honest, other] = await Promise.all(
      [series, poisoned].map((all) =>
        replay(
          requestOf(marketOf(Object.fromEntries(symbols.map((symbol, at) => [symbol, all[at] ?? []]))), {
            count: 200,
            config,
            forecasts,
          }),
        ),
      ),
    );
    const early = (fills: readonly Pick<Fill, 'time'>[] = []) => fills.filter(({ time }) => time < closeAt(100));
    expect(early(honest?.fills).length).toBeGreaterThan(0);
    expect(early(other?.fills)).toEqual(early(honest?.fills));
    expect(other?.equity.equity.slice(0, 101)).toEqual(honest?.equity.equity.slice(0, 101));
    expect(other?.fillsHash).not.toBe(honest?.fillsHash);
  });
});
