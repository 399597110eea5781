import { describe, expect, it } from 'vitest';
import { createRandom } from '../core/index.ts';
import { fitAffine, fitPlatt, fitShrinkage } from './calibration.ts';
import { fitVectorScaling } from './vector-scaling.ts';

const ROWS = 8000;

/** Logits and outcomes drawn from them. */
function drawn(classes: number, seed: string): { logits: Float64Array; labels: Uint8Array } {
  const random = createRandom(seed);
  const logits = Float64Array.from({ length: ROWS * classes }, () => random.normal());
  const labels = Uint8Array.from({ length: ROWS }, (_, row) => {
    const scores = Array.from(
      logits.subarray(row * classes, (row + 1) * classes),
      (z) => z - Math.log(-Math.log(random.uniform() || 0.5)),
    );
    return scores.indexOf(Math.max(...scores));
  });
  return { logits, labels };
}

describe('fitVectorScaling', () => {
  it('finds by how much logits are too sure or too timid, and improves the log-loss', () => {
    const { logits, labels } = drawn(3, 'temperature');
    for (const factor of [3, 0.5]) {
      const scaling = fitVectorScaling(
        logits.map((z) => z * factor),
        3,
        labels,
      );
      for (const slope of scaling.slopes) expect(slope).toBeCloseTo(1 / factor, 0);
      expect(scaling.logLossAfter).toBeLessThan(scaling.logLossBefore - 0.01);
    }
  });

  it('undoes the weight that a class was trained with', () => {
    const { logits, labels } = drawn(3, 'weighted');
    // Training with a weight of 4 on class 0 moves its logit by log 4.
    const moved = logits.map((z, i) => (i % 3 === 0 ? z + Math.log(4) : z));
    const { intercepts, slopes, logLossAfter } = fitVectorScaling(moved, 3, labels);
    expect((intercepts[0] ?? 0) - ((intercepts[1] ?? 0) + (intercepts[2] ?? 0)) / 2).toBeCloseTo(
      -Math.log(4) * (slopes[0] ?? 1),
      0,
    );
    expect(logLossAfter).toBeCloseTo(fitVectorScaling(logits, 3, labels).logLossAfter, 3);
  });

  it('leaves honest logits nearly alone, and useless ones no worse than they are', () => {
    const { logits, labels } = drawn(3, 'honest');
    for (const slope of fitVectorScaling(logits, 3, labels).slopes) expect(slope).toBeCloseTo(1, 1);
    const noise = drawn(3, 'noise').logits;
    const scaling = fitVectorScaling(noise, 3, labels);
    expect(scaling.logLossAfter).toBeLessThanOrEqual(scaling.logLossBefore);
    expect(scaling.logLossAfter).toBeCloseTo(Math.log(3), 1);
  });
});

describe('fitPlatt', () => {
  const random = createRandom('platt');
  const truth = Float64Array.from({ length: ROWS }, () => random.normal() * 1.5 - 1);
  const labels = Uint8Array.from(truth, (z) => (random.uniform() < 1 / (1 + Math.exp(-z)) ? 1 : 0));

  it('recovers slope and intercept of miscalibrated logits', () => {
    const scaling = fitPlatt(
      truth.map((z) => (z - 0.8) * 2.5),
      labels,
    );
    expect(scaling.slope).toBeCloseTo(0.4, 1);
    expect(scaling.intercept).toBeCloseTo(0.8, 0);
    expect(scaling.logLossAfter).toBeLessThan(scaling.logLossBefore - 0.2);
  });

  it('never turns logits round, and stays finite without a single event', () => {
    const reversed = fitPlatt(
      truth.map((z) => -z),
      labels,
    );
    expect(reversed.slope).toBe(0);
    const none = fitPlatt(truth, new Uint8Array(ROWS));
    expect(Number.isFinite(none.slope) && Number.isFinite(none.intercept)).toBe(true);
    expect(none.logLossAfter).toBeLessThan(none.logLossBefore);
  });
});

describe('fitShrinkage', () => {
  const random = createRandom('shrinkage');
  const forecast = Float64Array.from({ length: ROWS }, () => random.normal());
  const realised = forecast.map((value) => 0.3 * value + random.normal());

  it('is the slope of realised on forecast, between 0 and 1', () => {
    expect(fitShrinkage(forecast, realised)).toBeCloseTo(0.3, 1);
    expect(
      fitShrinkage(
        forecast.map((value) => value * 0.1),
        realised,
      ),
    ).toBe(1);
    expect(
      fitShrinkage(
        forecast.map((value) => -value),
        realised,
      ),
    ).toBe(0);
    expect(fitShrinkage(new Float64Array(3), new Float64Array(3))).toBe(0);
  });
});

describe('fitAffine', () => {
  it('fits slope and intercept, and the mean alone where the forecast is constant', () => {
    const forecast = Float64Array.from([0, 1, 2, 3]);
    const { slope, intercept } = fitAffine(forecast, Float64Array.from([1, 1.5, 2, 2.5]));
    expect([slope, intercept]).toEqual([0.5, 1]);
    expect(fitAffine(new Float64Array(2), Float64Array.from([1, 3]))).toEqual({ slope: 0, intercept: 2 });
  });
});
