import { describe, expect, it } from 'vitest';
import { createRandom } from '../../core/index.ts';
import { dayPathsOfReturns } from './drawdown.ts';
import { curveOf, fillOf, time } from './record.fixture.ts';
import { roundTripsOf } from './round-trips.ts';
import { bootstrapPaths, contributionsOf, simulateTrades } from './simulated-paths.ts';

const random = () => createRandom('paths');

describe('bootstrapPaths', () => {
  it('has one outcome where all days are alike', () => {
    const paths = bootstrapPaths(dayPathsOfReturns(new Float64Array(20).fill(-0.01)), { random: random(), ruin: 0.15 });
    const wealth = 0.99 ** 20;
    expect(paths).toMatchObject({ paths: 1000, probabilityOfLoss: 1, probabilityOfRuin: 1 });
    expect(paths?.terminalWealth.p5).toBeCloseTo(wealth, 12);
    expect(paths?.terminalWealth.p95).toBeCloseTo(wealth, 12);
    expect(paths?.maximumDrawdown.p50).toBeCloseTo(1 - wealth, 12);
  });

  it('loses as often as a fair game does, and not more often than days of an edge would', () => {
    const days = Float64Array.from({ length: 100 }, (_, day) => (day % 20 < 10 ? 0.01 : -0.01));
    const fair = bootstrapPaths(dayPathsOfReturns(days), { random: random() });
    expect(fair?.probabilityOfLoss).toBeGreaterThan(0.4);
    expect(fair?.probabilityOfLoss).toBeLessThan(0.7);
    expect(fair?.probabilityOfRuin).toBe(0);
    const edge = bootstrapPaths(dayPathsOfReturns(days.map((value) => value + 0.005)), { random: random() });
    expect(edge?.probabilityOfLoss).toBeLessThan(0.05);
  });

  it('is nothing of no day', () => {
    expect(bootstrapPaths(dayPathsOfReturns(new Float64Array(0)), { random: random() })).toBeUndefined();
  });
});

describe('simulateTrades', () => {
  const halves = Float64Array.from([1, -0.5]);

  it('keeps where it ends when it shuffles, and changes how it gets there', () => {
    const shuffled = simulateTrades(halves, 'shuffle', { random: random() });
    expect(shuffled?.terminalWealth).toEqual({ p5: 1, p25: 1, p50: 1, p75: 1, p95: 1 });
    expect(shuffled?.maximumDrawdown).toMatchObject({ p5: 0.5, p95: 0.5 });
    // Only the half of the histories that begin with the loss ever stand at one half.
    expect(shuffled?.probabilityOfRuin).toBeGreaterThan(0.45);
    expect(shuffled?.probabilityOfRuin).toBeLessThan(0.55);
    expect(shuffled?.probabilityOfLoss).toBe(0);
  });

  it('draws with replacement when it resamples', () => {
    const { terminalWealth, probabilityOfLoss } = simulateTrades(halves, 'resample', { random: random() }) ?? {};
    // Two wins, one of each in either order, or two losses.
    expect(terminalWealth).toEqual({ p5: 0.25, p25: expect.any(Number), p50: 1, p75: expect.any(Number), p95: 4 });
    expect(probabilityOfLoss).toBeGreaterThan(0.2);
    expect(probabilityOfLoss).toBeLessThan(0.3);
    expect(simulateTrades(new Float64Array(0), 'resample', { random: random() })).toBeUndefined();
  });

  it('takes each trip for what it added to the equity when it was opened', () => {
    const curve = curveOf([
      ['2025-03-01T00:00', 100],
      ['2025-03-02T00:00', 200],
      ['2025-03-03T00:00', 150],
    ]);
    const { closed } = roundTripsOf({
      fills: [
        fillOf({ time: time('2025-03-02T12:00'), side: 'buy' }),
        fillOf({ time: time('2025-03-02T18:00'), side: 'sell', realizedPnl: -50 }),
      ],
      funding: [],
    });
    expect([...contributionsOf(closed, curve)]).toEqual([-0.25]);
  });
});
