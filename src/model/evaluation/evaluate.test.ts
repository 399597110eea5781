import { describe, expect, it } from 'vitest';
import { createRandom, FORECAST_WIDTH, HORIZON_NAMES, outputIndex } from '../../core/index.ts';
import { RANKING_HEADS } from '../raw-outputs.ts';
import { TARGET_WIDTH } from '../targets.ts';
import { evaluateForecasts } from './evaluate.ts';
import type { JudgedRows } from './forecast-rows.ts';
import { naive, plainRows, randomRows } from './naive-scores.fixture.ts';

const random = createRandom('evaluate');
const SYMBOLS = 6;
const { rows, values } = randomRows(random.fork('rows'), 8 * 24, SYMBOLS, 3_600_000);
const other = randomRows(random.fork('other'), 8 * 24, SYMBOLS, 3_600_000).values;
const evaluate = (model: Float32Array, judged: JudgedRows = rows, baseline = other) =>
  evaluateForecasts(
    { rows: judged, model: { values: model }, baselines: { majority: { values: baseline } } },
    { random: createRandom('draws'), resamples: 200 },
  );
const result = evaluate(values);

/** The same forecast for every row. */
function constant(p: readonly number[], expected: number): Float32Array {
  const all = new Float32Array(rows.times.length * FORECAST_WIDTH);
  for (let row = 0; row < rows.times.length; row++) {
    for (let h = 0; h < 4; h++) {
      all[row * FORECAST_WIDTH + h] = expected;
      all.set(p, row * FORECAST_WIDTH + outputIndex('direction_15m_up') + h * 3);
    }
    all.fill(0.3, row * FORECAST_WIDTH + 8, row * FORECAST_WIDTH + 20);
    all[row * FORECAST_WIDTH + outputIndex('rank24h')] = 0.5;
  }
  return all;
}

describe('evaluateForecasts', () => {
  it.each(HORIZON_NAMES.map((name, h) => [name, h] as const))('agrees with the formulas at %s', (name, h) => {
    const plain = plainRows(rows, values, h);
    const score = result.horizons[name];
    expect(score.macroF1.value).toBeCloseTo(naive.macroF1(plain), 10);
    expect(score.balancedAccuracy.value).toBeCloseTo(naive.balancedAccuracy(plain), 10);
    expect(score.accuracy.value).toBeCloseTo(naive.accuracy(plain), 10);
    expect(score.logLoss.value).toBeCloseTo(naive.logLoss(plain), 10);
    expect(score.brier.value).toBeCloseTo(naive.brier(plain), 10);
    expect(score.calibrationError.value).toBeCloseTo(naive.calibrationError(plain), 10);
    expect(score.signAccuracy.value).toBeCloseTo(naive.signAccuracy(plain), 10);
    expect(score.meanSquaredError).toBeCloseTo(
      naive.mean(plain.map(({ forecast, realised }) => (forecast - realised) ** 2)),
      12,
    );
    expect(score.confusion.flat().reduce((sum, count) => sum + count, 0)).toBe(rows.times.length);
    expect(score.confusion[1]?.[2]).toBe(plain.filter(({ truth, named }) => truth === 1 && named === 2).length);
  });

  it('correlates the ranks across the symbols of each time', () => {
    // Forecasts of exactly 0 would be ties, which the plain formula does not know.
    const untied = values.map((value, at) => (value === 0 && at % FORECAST_WIDTH < 4 ? 1e-6 * (at + 1) : value));
    const plain = plainRows(rows, untied, 2);
    const coefficients = Array.from({ length: rows.times.length / SYMBOLS }, (_, time) => {
      const own = plain.slice(time * SYMBOLS, (time + 1) * SYMBOLS);
      return naive.spearman(
        own.map(({ forecast }) => forecast),
        own.map(({ realised }) => realised),
      );
    });
    expect(evaluate(untied).horizons['4h'].informationCoefficient.value).toBeCloseTo(naive.mean(coefficients), 10);
  });

  it('takes the mean of the four horizons, and differences of the same days', () => {
    const { mean, horizons, baselines } = result;
    expect(mean.macroF1.value).toBeCloseTo(
      naive.mean(HORIZON_NAMES.map((name) => horizons[name].macroF1.value ?? Number.NaN)),
      12,
    );
    const { majority } = baselines;
    expect(majority?.difference.logLoss.value).toBeCloseTo(
      (mean.logLoss.value ?? 0) - (majority?.mean.logLoss.value ?? 0),
      12,
    );
    // Against itself there is no difference on any draw.
    const same = evaluate(values, rows, values).baselines.majority?.difference;
    expect(same).toEqual({ macroF1: { value: 0, low: 0, high: 0 }, logLoss: { value: 0, low: 0, high: 0 } });
  });

  it('finds a perfect forecaster perfect', () => {
    const perfect = Float32Array.from(values);
    for (let row = 0; row < rows.times.length; row++) {
      for (let h = 0; h < 4; h++) {
        perfect[row * FORECAST_WIDTH + h] = rows.targets[row * TARGET_WIDTH + h] ?? 0;
        const truth = rows.targets[row * TARGET_WIDTH + 4 + h];
        const at = row * FORECAST_WIDTH + outputIndex('direction_15m_up') + h * 3;
        perfect.set(
          [0, 1, 2].map((k) => (k === truth ? 1 : 0)),
          at,
        );
      }
    }
    const { mean, horizons } = evaluate(perfect);
    const exactly = (value: number) => ({ value, low: value, high: value });
    expect(mean.macroF1).toEqual(exactly(1));
    expect(mean.balancedAccuracy).toEqual(exactly(1));
    expect(mean.signAccuracy).toEqual(exactly(1));
    expect(mean.informationCoefficient.value).toBeCloseTo(1, 12);
    expect(mean.logLoss.value).toBeCloseTo(0, 12);
    expect(mean.brier).toEqual(exactly(0));
    expect(horizons['15m'].calibrationError).toEqual(exactly(0));
  });

  it('gives a constant forecaster no coefficient, half of the signs where it expects nothing, and one class', () => {
    const { mean, horizons } = evaluate(constant([0.2, 0.2, 0.6], 0));
    expect(mean.informationCoefficient).toEqual({ value: null, low: null, high: null });
    expect(mean.signAccuracy.value).toBe(0.5);
    expect(mean.balancedAccuracy.value).toBeCloseTo(1 / 3, 12);
    expect(horizons['1h'].classF1.slice(0, 2)).toEqual([0, 0]);
    // Of equal probabilities the first is named.
    expect(evaluate(constant([1 / 3, 1 / 3, 1 / 3], 0)).horizons['1h'].confusion.map((counts) => counts[1])).toEqual([
      0, 0, 0,
    ]);
  });

  it('ranks by the heads before calibration where they are given, and says nothing of one that is not known', () => {
    const count = rows.times.length;
    const raw = new Float32Array(count * RANKING_HEADS).fill(Number.NaN);
    for (let row = 0; row < count; row++) {
      raw[row * RANKING_HEADS + 2] = 1e-3 * (values[row * FORECAST_WIDTH + 2] ?? 0);
      raw[row * RANKING_HEADS + 4] = 5 - (values[row * FORECAST_WIDTH + outputIndex('rank24h')] ?? 0);
    }
    const nothing = constant([0.2, 0.2, 0.6], 0);
    const { mean, horizons, rank24h } = evaluateForecasts(
      { rows, model: { values: nothing, raw }, baselines: { majority: { values: other } } },
      { random: createRandom('draws'), resamples: 200 },
    );
    const none = { value: null, low: null, high: null };
    expect(horizons['4h'].informationCoefficient).toEqual(none);
    expect(horizons['4h'].rawInformationCoefficient).toEqual(result.horizons['4h'].informationCoefficient);
    expect(horizons['1h'].rawInformationCoefficient).toEqual(none);
    expect(mean.rawInformationCoefficient).toEqual(none);
    expect(rank24h.rawInformationCoefficient.value).toBeCloseTo(-(result.rank24h.informationCoefficient.value ?? 1), 4);
    // Forecasts that nothing calibrated are their own heads.
    expect(result.mean.rawInformationCoefficient).toEqual(result.mean.informationCoefficient);
  });

  it('finds a random forecaster worth nothing: the intervals hold what chance gives', () => {
    const { horizons, rank24h } = evaluate(other);
    for (const name of HORIZON_NAMES) {
      const { informationCoefficient, signAccuracy } = horizons[name];
      expect(informationCoefficient.low).toBeLessThan(0.06);
      expect(informationCoefficient.high).toBeGreaterThan(-0.06);
      expect(Math.abs((signAccuracy.value ?? 0) - 0.5)).toBeLessThan(0.06);
    }
    expect(Math.abs(rank24h.informationCoefficient.value ?? 1)).toBeLessThan(0.1);
  });

  it('judges levels, risks and the rank beside base rates', () => {
    const { levels, risks, rank24h } = evaluate(values, rows, constant([0.2, 0.2, 0.6], 0));
    const level = levels.long_will_reach_1pct_4h;
    expect(level?.logLossOfBaseRate).toBeCloseTo(
      -((level?.share ?? 0) * Math.log(0.3) + (1 - (level?.share ?? 0)) * Math.log(0.7)),
      6,
    );
    expect(level?.logLoss.value).toBeGreaterThan(level?.logLossOfBaseRate ?? 0);
    expect(level?.logLoss.low).toBeLessThan(level?.logLoss.value ?? 0);
    expect(Object.keys(risks)).toEqual(['max_drawdown_1h', 'max_drawdown_4h', 'max_rally_1h', 'max_rally_4h']);
    expect(rank24h.meanSquaredErrorOfBaseline).toBeCloseTo(1 / 12, 1);
  });

  it('says nothing of a few rows, and gives no interval below five days', () => {
    const take = (count: number): [JudgedRows, Float32Array] => [
      {
        ...rows,
        times: rows.times.subarray(0, count),
        symbolIndex: rows.symbolIndex.subarray(0, count),
        targets: rows.targets.subarray(0, count * TARGET_WIDTH),
      },
      values.subarray(0, count * FORECAST_WIDTH),
    ];
    const [few, fewValues] = take(24);
    expect(evaluate(fewValues, few, fewValues).mean.macroF1).toEqual({ value: null, low: null, high: null });
    const [short, shortValues] = take(4 * 24 * SYMBOLS);
    const fourDays = evaluate(shortValues, short, shortValues);
    expect(fourDays.days).toBe(4);
    expect(fourDays.mean.macroF1).toMatchObject({ value: expect.any(Number), low: null, high: null });
    const [long, longValues] = take(5 * 24 * SYMBOLS);
    expect(evaluate(longValues, long, longValues).mean.macroF1.low).toBeGreaterThan(0);
  });
});
