import { describe, expect, it } from 'vitest';
import { earlier, ema, expectValues, from, mean, over, sampleBars, sum, windows, zip } from '../naive.fixture.ts';
import { AccumulationDistribution } from './accumulation-distribution.ts';
import { ChaikinMoneyFlow } from './chaikin-money-flow.ts';
import { ChaikinOscillator } from './chaikin-oscillator.ts';
import { EaseOfMovement } from './ease-of-movement.ts';
import { ForceIndex } from './force-index.ts';
import { MoneyFlowIndex } from './money-flow-index.ts';
import { Obv } from './obv.ts';
import { Vwap } from './vwap.ts';

/* Each indicator against its formula, written once more over whole columns. */

const bars = sampleBars('volume', 600);
const { high, low, close, volume } = bars;
const typical = zip((h, l, c) => (h + l + c) / 3, high, low, close);
const flow = zip((h, l, c, v) => over(c - l - (h - c), h - l) * v, high, low, close, volume);
const changes = (values: ArrayLike<number>) => zip((now, before) => now - before, values, earlier(values));
const sumSoFar = (values: number[]) => from(values.length, 0, (i) => sum(values.slice(0, i + 1)));

describe('indicators of volume are what their formulas say', () => {
  it('Obv', () => {
    const signed = zip((change, v) => (Number.isNaN(change) ? v : Math.sign(change) * v), changes(close), volume);
    expectValues(new Obv().batch(bars), sumSoFar(signed), 1_000);
  });

  it('AccumulationDistribution', () => {
    expectValues(new AccumulationDistribution().batch(bars), sumSoFar(flow), 1_000);
  });

  it('ChaikinOscillator', () => {
    const line = sumSoFar(flow);
    const average = (period: number) => {
      const alpha = 2 / (period + 1);
      let value = line[0] ?? 0;
      return line.map((next) => {
        value = alpha * next + (1 - alpha) * value;
        return value;
      });
    };
    const difference = zip((fast, slow) => fast - slow, average(3), average(10));
    const expected = from(line.length, 9, (i) => difference[i] ?? 0);
    expectValues(new ChaikinOscillator(3, 10).batch(bars), expected, 100);
    expect(new ChaikinOscillator(10, 3).warmup).toBe(10);
  });

  it('ChaikinMoneyFlow', () => {
    const expected = zip(over, windows(flow, 20, sum), windows(volume, 20, sum));
    expectValues(new ChaikinMoneyFlow(20).batch(bars), expected, 1);
  });

  it('MoneyFlowIndex', () => {
    const money = zip((price, v) => price * v, typical, volume);
    const turned = (sign: number) =>
      zip((m, change) => (Number.isNaN(change) ? change : Math.sign(change) === sign ? m : 0), money, changes(typical));
    const expected = zip(
      (risen, fallen) => 100 * over(risen, risen + fallen),
      windows(turned(1), 14, sum),
      windows(turned(-1), 14, sum),
    );
    expectValues(new MoneyFlowIndex(14).batch(bars), expected, 1);
  });

  it('MoneyFlowIndex, where a bar whose typical price stays counts on neither side', () => {
    const index = new MoneyFlowIndex(3);
    const bar = (price: number, traded: number) => ({ high: price, low: price, close: price, volume: traded });
    const values = [bar(1, 9), bar(2, 3), bar(2, 50), bar(1.5, 4)].map((each) => index.update(each));
    expect(values.at(-1)).toBeCloseTo(50, 12);
  });

  it('Vwap', () => {
    const money = zip((price, v) => price * v, typical, volume);
    const expected = zip(
      (value, traded, c) => (traded === 0 ? c : value / traded),
      windows(money, 10, sum),
      windows(volume, 10, sum),
      close,
    );
    expectValues(new Vwap(10).batch(bars), expected, 1);
  });

  it('ForceIndex', () => {
    const force = zip((change, v) => change * v, changes(close), volume);
    expectValues(new ForceIndex(13).batch(bars), ema(force, 13), 1);
  });

  it('EaseOfMovement', () => {
    const middle = zip((h, l) => (h + l) / 2, high, low);
    const ease = zip(
      (change, h, l, v) => over(change * (h - l), Number.isNaN(change) ? 1 : v / 1_000),
      changes(middle),
      high,
      low,
      volume,
    );
    expectValues(new EaseOfMovement(14, 1_000).batch(bars), windows(ease, 14, mean), 1);
  });
});
