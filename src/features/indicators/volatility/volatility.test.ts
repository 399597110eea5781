import { describe, expect, it } from 'vitest';
import { at64, createRandom } from '../../../core/index.ts';
import { earlier, ema, expectValues, mean, over, sampleBars, sum, wilder, windows, zip } from '../naive.fixture.ts';
import { ChaikinVolatility } from './chaikin-volatility.ts';
import { DonchianChannels } from './donchian-channels.ts';
import { GarmanKlass } from './garman-klass.ts';
import { KeltnerChannels } from './keltner-channels.ts';
import { Parkinson } from './parkinson.ts';
import { RealisedVolatility } from './realised-volatility.ts';
import { RogersSatchell } from './rogers-satchell.ts';
import { UlcerIndex } from './ulcer-index.ts';
import { YangZhang } from './yang-zhang.ts';

/* Each indicator against its formula, written once more over whole columns. */

const bars = sampleBars('volatility', 600);
const { high, low, close } = bars;
// Opens away from the closes before, as after a gap.
const random = createRandom('gaps');
const open = zip((h, l) => l + (h - l) * random.uniform(), high, low);
const gapped = { ...bars, open: Float64Array.from(open) };
const ln = (a: ArrayLike<number>, b: ArrayLike<number>) => zip((x, y) => Math.log(x / y), a, b);
const root = (values: number[]) => values.map(Math.sqrt);

describe('measures of volatility are what their formulas say', () => {
  it('RealisedVolatility', () => {
    const squares = ln(close, earlier(close)).map((r) => r * r);
    expectValues(new RealisedVolatility(20).batch(close), root(windows(squares, 20, mean)), 1e-4);
  });

  it('Parkinson', () => {
    const terms = ln(high, low).map((range) => range ** 2 / (4 * Math.log(2)));
    expectValues(new Parkinson(20).batch(bars), root(windows(terms, 20, mean)), 1e-4);
  });

  it('GarmanKlass', () => {
    const terms = zip((hl, co) => hl ** 2 / 2 - (2 * Math.log(2) - 1) * co ** 2, ln(high, low), ln(close, open));
    expectValues(new GarmanKlass(20).batch(gapped), root(windows(terms, 20, mean)), 1e-4);
  });

  it('RogersSatchell', () => {
    expectValues(new RogersSatchell(20).batch(gapped), root(windows(rogersSatchell(), 20, mean)), 1e-4);
  });

  it('YangZhang', () => {
    const sample = (window: number[]) => sum(window.map((v) => (v - mean(window)) ** 2)) / (window.length - 1);
    const period = 10;
    const weight = 0.34 / (1.34 + (period + 1) / (period - 1));
    const expected = zip(
      (gap, body, term) => Math.sqrt(gap + weight * body + (1 - weight) * term),
      windows(ln(open, earlier(close)), period, sample),
      windows(ln(close, open), period, sample),
      windows(rogersSatchell(), period, mean),
    );
    expectValues(new YangZhang(period).batch(gapped), expected, 1e-4);
  });

  it('UlcerIndex', () => {
    const highest = windows(close, 14, (window) => Math.max(...window));
    const squares = zip((c, m) => ((100 * (c - m)) / m) ** 2, close, highest);
    expectValues(new UlcerIndex(14).batch(close), root(windows(squares, 14, mean)), 1e-2);
  });

  it('ChaikinVolatility', () => {
    const average = ema(
      zip((h, l) => h - l, high, low),
      10,
    );
    const expected = zip((now, before) => over(100 * (now - before), before), average, earlier(average, 5));
    expectValues(new ChaikinVolatility(10, 5).batch(bars), expected, 1);
  });

  it('KeltnerChannels', () => {
    for (const [period, atrPeriod] of [
      [20, 10],
      [5, 10],
    ] as const) {
      const ranges = zip(
        (h, l, before) => Math.max(h - l, Math.abs(h - before), Math.abs(l - before)),
        high,
        low,
        earlier(close),
      );
      const range = wilder(ranges, atrPeriod);
      const middle = zip((c, r) => (Number.isNaN(r) ? r : c), ema(close, period), range);
      const channel = new KeltnerChannels(period, atrPeriod, 1.5).batch(bars);
      expectValues(channel.middle, middle, 0);
      expectValues(
        channel.upper,
        zip((m, r) => m + 1.5 * r, middle, range),
        0,
      );
      expectValues(
        channel.lower,
        zip((m, r) => m - 1.5 * r, middle, range),
        0,
      );
    }
  });

  it('DonchianChannels', () => {
    const { upper, middle, lower } = new DonchianChannels(20).batch(bars);
    const highest = windows(high, 20, (window) => Math.max(...window));
    const lowest = windows(low, 20, (window) => Math.min(...window));
    expectValues(upper, highest, 0, 0);
    expectValues(lower, lowest, 0, 0);
    expectValues(
      middle,
      zip((a, b) => (a + b) / 2, highest, lowest),
      0,
    );
  });
});

describe('measures of volatility', () => {
  it('find the volatility of a walk seen in many steps, each from its own side of the bar', () => {
    const sigma = 0.01;
    const walk = generateWalk(sigma, 3_000, 400);
    const count = walk.close.length;
    const last = (values: Float64Array) => at64(values, count - 1) / sigma;
    // Extremes between two steps are missed: ranges come out some 3 per cent short.
    for (const found of [
      last(new RealisedVolatility(count - 1).batch(walk.close)),
      last(new Parkinson(count).batch(walk)),
      last(new GarmanKlass(count).batch(walk)),
      last(new RogersSatchell(count).batch(walk)),
      last(new YangZhang(count - 1).batch(walk)),
    ]) {
      expect(found).toBeGreaterThan(0.93);
      expect(found).toBeLessThan(1.03);
    }
  });
});

function rogersSatchell(): number[] {
  return zip((hc, ho, lc, lo) => hc * ho + lc * lo, ln(high, close), ln(high, open), ln(low, close), ln(low, open));
}

/** Bars of `steps` Gaussian steps each. */
function generateWalk(sigma: number, length: number, steps: number) {
  const steady = createRandom('walk');
  const column = () => new Float64Array(length);
  const walk = { open: column(), high: column(), low: column(), close: column() };
  let log = 4;
  for (let i = 0; i < length; i++) {
    walk.open[i] = Math.exp(log);
    let [top, bottom] = [log, log];
    for (let k = 0; k < steps; k++) {
      log += (sigma / Math.sqrt(steps)) * steady.normal();
      top = Math.max(top, log);
      bottom = Math.min(bottom, log);
    }
    walk.high[i] = Math.exp(top);
    walk.low[i] = Math.exp(bottom);
    walk.close[i] = Math.exp(log);
  }
  return walk;
}
