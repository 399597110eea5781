import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { at64, type BarColumns, epochMs } from '../../core/index.ts';
import { createGeneratedMarket, type GeneratedMarket } from './generated-market.ts';
import { EDGE_HORIZONS, type EdgeHorizon } from './planted-edge.ts';

const DAY = 86_400_000;
const MINUTE = 60_000;
const start = epochMs(Date.UTC(2025, 0, 6));
const market = createGeneratedMarket({ seed: 7, start });
const span = (of: GeneratedMarket, symbol: string, fromMinute: number, toMinute: number) =>
  of.bars(symbol, epochMs(start + fromMinute * MINUTE), epochMs(start + toMinute * MINUTE));

describe('a generated market', () => {
  it('names BTC, ETH and 48 plainly invented instruments over several magnitudes of price', () => {
    const symbols = market.instruments.map((instrument) => instrument.symbol);
    expect(symbols.slice(0, 4)).toEqual(['BTCUSDT', 'ETHUSDT', 'G03USDT', 'G04USDT']);
    expect(new Set(symbols).size).toBe(50);
    const prices = symbols.map((symbol) => at64(span(market, symbol, 0, 1).close, 0));
    expect(prices.filter((price) => price < 1).length).toBeGreaterThan(5);
    expect(Math.max(...prices) / Math.min(...prices)).toBeGreaterThan(1e6);
  });

  it('gives the same bars whatever was asked before, and for any cut of the range', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 9 }),
        fc.integer({ min: 0, max: 20_000 }),
        fc.integer({ min: 0, max: 3_000 }),
        fc.integer({ min: 0, max: 1_000 }),
        (index, from, length, cut) => {
          const symbol = market.instruments[index]?.symbol ?? '';
          const whole = span(market, symbol, from, from + length);
          const fresh = createGeneratedMarket({ seed: 7, start });
          const head = span(fresh, symbol, from, from + Math.min(cut, length));
          for (const column of ['openTime', 'open', 'high', 'low', 'close', 'volume', 'trades'] as const) {
            expect([...head[column]]).toEqual([...whole[column].subarray(0, head.length)]);
          }
        },
      ),
      { numRuns: 15 },
    );
  });

  it('gives other bars for another seed', () => {
    const other = createGeneratedMarket({ seed: 8, start });
    expect([...span(other, 'BTCUSDT', 0, 5).close]).not.toEqual([...span(market, 'BTCUSDT', 0, 5).close]);
  });

  it('makes well-formed, continuous bars on the grids of tick and step, midnight included', () => {
    for (const { symbol, tickSize, stepSize } of market.instruments) {
      const bars = span(market, symbol, 0, 3 * 1_440);
      const ticks = Math.round(1 / Number(tickSize));
      const steps = Math.round(1 / Number(stepSize));
      let broken = 0;
      for (let i = 0; i < bars.length; i++) {
        const [open, high, low, close] = [bars.open, bars.high, bars.low, bars.close].map((column) => at64(column, i));
        if (open === undefined || high === undefined || low === undefined || close === undefined) throw new Error();
        const volume = at64(bars.volume, i);
        const onGrid = [open, high, low, close].every((price) => Math.round(price * ticks) / ticks === price);
        const jump = i === 0 ? 0 : Math.abs(Math.round((open - at64(bars.close, i - 1)) * ticks));
        const wellFormed = low > 0 && low <= Math.min(open, close) && high >= Math.max(open, close);
        const traded = volume > 0 && at64(bars.trades, i) >= 1 && Math.round(volume * steps) / steps === volume;
        const bought = at64(bars.takerBuyVolume, i) >= 0 && at64(bars.takerBuyVolume, i) <= volume;
        const valued =
          Math.abs(at64(bars.quoteVolume, i) / volume / close - 1) < (2 * (high - low)) / low + 1e-3 ||
          at64(bars.quoteVolume, i) < 1e-3;
        if (!onGrid || jump > 1 || !wellFormed || !traded || !bought || !valued) broken++;
      }
      expect(broken, symbol).toBe(0);
    }
  });

  it('shows what markets show: fat tails, clustering, moves together, volume with volatility', () => {
    const bitcoin = returnsOver(span(market, 'BTCUSDT', 0, 30 * 1_440), 5);
    const other = returnsOver(span(market, 'G07USDT', 0, 30 * 1_440), 5);
    expect(kurtosis(bitcoin)).toBeGreaterThan(5);
    const sizes = bitcoin.map(Math.abs);
    expect(correlation(sizes.slice(1), sizes.slice(0, -1))).toBeGreaterThan(0.15);
    expect(correlation(bitcoin, other)).toBeGreaterThan(0.25);
    const bars = span(market, 'G07USDT', 0, 10 * 1_440);
    const ranges = Array.from(bars.high, (high, i) => Math.log(high / at64(bars.low, i)));
    const turnovers = Array.from(bars.quoteVolume, (value) => Math.log(value));
    expect(correlation(ranges, turnovers)).toBeGreaterThan(0.4);
  });

  it('starts at a UTC day and has no bar before', () => {
    const late = createGeneratedMarket({ seed: 7, symbols: 3, start: epochMs(start + 12_345_678) });
    expect(late.start).toBe(start);
    expect(late.bars('BTCUSDT', epochMs(start - DAY), epochMs(start + 2 * MINUTE)).length).toBe(2);
    expect(late.bars('BTCUSDT', epochMs(start + MINUTE), epochMs(start)).length).toBe(0);
    expect(() => late.bars('G99USDT', start, start)).toThrow(RangeError);
    expect(() => createGeneratedMarket({ seed: 1, symbols: 2, start })).toThrow(RangeError);
  });

  it('settles funding every eight hours at plausible rates', () => {
    const settlements = market.fundingRates('G03USDT', epochMs(start + 1), epochMs(start + 10 * DAY + 1));
    expect(settlements.length).toBe(30);
    expect(settlements.every(({ time }) => time % (8 * 3_600_000) === 0)).toBe(true);
    expect(settlements.every(({ rate }) => Math.abs(rate) <= 0.0075)).toBe(true);
    expect(new Set(settlements.map(({ rate }) => rate)).size).toBeGreaterThan(10);
  });

  it('reverts with a planted edge by as much as it says', () => {
    const planted = createGeneratedMarket({ seed: 1, start, edge: true });
    const expected = planted.edge?.rankInformationCoefficient;
    if (expected === undefined) throw new Error('no edge was planted');
    const found = rankCorrelations(planted, 45);
    for (const horizon of EDGE_HORIZONS) {
      const { mean, error } = found[horizon];
      expect(Math.abs(mean - expected[horizon]), horizon).toBeLessThan(2.5 * error + 0.01);
      expect(mean - 2 * error, horizon).toBeGreaterThan(0);
    }
  });

  it('lets the best linear forecast find what it says, which is more than the past day alone', () => {
    const planted = createGeneratedMarket({ seed: 2, start, edge: true });
    const expected = planted.edge?.bestRankInformationCoefficient;
    if (expected === undefined) throw new Error('no edge was planted');
    const found = rankCorrelations(planted, 60, filtered, 96);
    for (const horizon of EDGE_HORIZONS) {
      const { mean, error } = found[horizon];
      expect(Math.abs(mean - expected[horizon]), horizon).toBeLessThan(2.5 * error + 0.01);
      expect(expected[horizon], horizon).toBeGreaterThan(
        (planted.edge?.rankInformationCoefficient[horizon] ?? 1) * 1.1,
      );
    }
  });

  it('does not reward the same predictor where no edge was planted', () => {
    const none = createGeneratedMarket({ seed: 1, start });
    expect(none.edge).toBeUndefined();
    const nothing = rankCorrelations(none, 45);
    for (const horizon of EDGE_HORIZONS) {
      expect(Math.abs(nothing[horizon].mean), horizon).toBeLessThan(3 * nothing[horizon].error);
    }
  });
});

/** Minus the past day's return, at each hour of a log price. */
const pastDay = (level: Float64Array) => level.map((value, hour) => at64(level, Math.max(0, hour - 24)) - value);

/** Minus the Kalman-Bucy filter's estimate of the deviation in its steady state, but for a factor: 53 % of what moves an instrument reverts. */
function filtered(level: Float64Array): Float64Array {
  const decay = Math.exp(-Math.sqrt(1 - 0.53) / 24);
  let estimate = 0;
  return level.map((value, hour) => {
    estimate = hour === 0 ? 0 : decay * estimate + value - at64(level, hour - 1);
    return -estimate;
  });
}

/** Mean cross-sectional rank correlation of a predictor with the next hours' return. */
function rankCorrelations(
  of: GeneratedMarket,
  days: number,
  predictor: (level: Float64Array) => Float64Array = pastDay,
  from = 24,
): Record<EdgeHorizon, { mean: number; error: number }> {
  const hours = days * 24;
  const levels = of.instruments.map(({ symbol }) => {
    const { close } = span(of, symbol, 0, days * 1_440);
    return Float64Array.from({ length: hours }, (_, hour) => Math.log(at64(close, hour * 60 + 59)));
  });
  const predictions = levels.map(predictor);
  const measure = (horizon: number) => {
    const values: number[] = [];
    for (let hour = from; hour + horizon < hours; hour += horizon) {
      const past = predictions.map((prediction) => at64(prediction, hour));
      const next = levels.map((level) => at64(level, hour + horizon) - at64(level, hour));
      values.push(correlation(ranksOf(past), ranksOf(next)));
    }
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1);
    return { mean, error: Math.sqrt(variance / values.length) };
  };
  return { '1h': measure(1), '4h': measure(4), '12h': measure(12), '24h': measure(24) };
}

function ranksOf(values: number[]): number[] {
  const ranks = new Array<number>(values.length).fill(0);
  const order = values.map((_, i) => i).sort((a, b) => (values[a] ?? 0) - (values[b] ?? 0));
  order.forEach((index, rank) => {
    ranks[index] = rank;
  });
  return ranks;
}

function returnsOver(bars: BarColumns, stride: number): number[] {
  const returns: number[] = [];
  for (let i = stride; i < bars.length; i += stride) {
    returns.push(Math.log(at64(bars.close, i) / at64(bars.close, i - stride)));
  }
  return returns;
}

function kurtosis(values: number[]): number {
  const second = values.reduce((sum, value) => sum + value ** 2, 0) / values.length;
  return values.reduce((sum, value) => sum + value ** 4, 0) / values.length / second ** 2;
}

function correlation(left: number[], right: number[]): number {
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [a, b] = [mean(left), mean(right)];
  let together = 0;
  let ofLeft = 0;
  let ofRight = 0;
  left.forEach((value, i) => {
    const other = (right[i] ?? 0) - b;
    together += (value - a) * other;
    ofLeft += (value - a) ** 2;
    ofRight += other ** 2;
  });
  return together / Math.sqrt(ofLeft * ofRight);
}
