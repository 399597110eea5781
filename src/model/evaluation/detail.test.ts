import { describe, expect, it } from 'vitest';
import { createRandom, DAY_MS } from '../../core/index.ts';
import { detailForecasts } from './detail.ts';
import { evaluateForecasts } from './evaluate.ts';
import { naive, plainRows, randomRows, START } from './naive-scores.fixture.ts';

const SYMBOLS = 6;
const { rows, values } = randomRows(createRandom('detail'), 36 * 24, SYMBOLS, 3_600_000);
const other = randomRows(createRandom('volatility'), 36 * 24, SYMBOLS, 3_600_000).values;
const input = {
  rows,
  model: { values },
  baselines: { majority: { values: other }, volatilityOnly: { values: other } },
};
const count = rows.times.length;
const market = {
  volatility: Float64Array.from({ length: count }, (_, row) => (row < 60 ? Number.NaN : Math.floor(row / SYMBOLS))),
  dayReturn: Float64Array.from({ length: count }, (_, row) => (Math.floor(row / SYMBOLS) % 4 === 0 ? 0.01 : -0.01)),
};
const detail = detailForecasts(input, { random: createRandom('draws'), resamples: 200, market });
const evaluation = evaluateForecasts(input, { random: createRandom('draws'), resamples: 200 });
const plain = plainRows(rows, values, 0);
const meanOfHorizons = (figure: (h: number) => number) => naive.mean([0, 1, 2, 3].map(figure));

describe('detailForecasts', () => {
  it('bins forecast probabilities against what came', () => {
    const bin = detail.reliability['15m'][2]?.find(({ meanProbability }) => meanProbability > 7 / 15);
    const own = plain.filter(({ p }) => Math.floor((p[2] ?? 0) * 15) === 7);
    expect(bin?.rows).toBe(own.length);
    expect(bin?.meanProbability).toBeCloseTo(naive.mean(own.map(({ p }) => p[2] ?? 0)), 6);
    expect(bin?.frequency).toBeCloseTo(naive.mean(own.map(({ truth }) => (truth === 2 ? 1 : 0))), 12);
  });

  it('sorts rows by confidence into tenths, equal ones together', () => {
    const deciles = detail.confidence['15m'];
    expect(deciles.reduce((sum, { rows: own }) => sum + own, 0)).toBe(count);
    const sorted = plain.map(({ forecast }) => Math.abs(forecast)).sort((a, b) => a - b);
    const bound = sorted[Math.ceil(count * 0.9)] ?? 0;
    const surest = plain.filter(({ forecast }) => Math.abs(forecast) >= bound);
    expect(deciles[9]?.rows).toBe(surest.length);
    expect(deciles[9]?.hitRate.value).toBeCloseTo(naive.signAccuracy(surest), 10);
    expect(deciles[9]?.signedReturn.value).toBeCloseTo(
      naive.mean(surest.map(({ forecast, realised }) => Math.sign(forecast) * realised)),
      10,
    );
    // Every seventh forecast is 0: a seventh of the rows shares one percentile, and leaves the second tenth to fewer.
    expect(deciles[0]?.rows).toBe(plain.filter(({ forecast }) => forecast === 0).length);
    expect((deciles[9]?.hitRate.value ?? 0) - (deciles[2]?.hitRate.value ?? 0)).toBeGreaterThan(0.1);
  });

  it('puts all rows of a constant forecast into one tenth', () => {
    const few = randomRows(createRandom('few'), 12, 6);
    few.values.fill(0.001);
    const { confidence } = detailForecasts(
      { rows: few.rows, model: few, baselines: { majority: few } },
      { random: createRandom('draws'), resamples: 200 },
    );
    expect(confidence['1h'].map((decile) => decile.rows)).toEqual([0, 0, 0, 0, 0, 72, 0, 0, 0, 0]);
  });

  it('gives the coefficient of each day, whose mean over equal days is that of all', () => {
    const days = detail.dailyCoefficients['4h'];
    expect(days.map(({ day }) => day)).toEqual(Array.from({ length: 36 }, (_, index) => START + index * DAY_MS));
    expect(naive.mean(days.map(({ value }) => value ?? Number.NaN))).toBeCloseTo(
      evaluation.horizons['4h'].informationCoefficient.value ?? 0,
      12,
    );
  });

  it('breaks the figures down by symbol', () => {
    const { symbols } = detail.breakdowns;
    expect(symbols.map(({ name }) => name)).toEqual(rows.symbols);
    const own = (h: number) => plainRows(rows, values, h).filter((_, row) => row % SYMBOLS === 2);
    expect(symbols[2]?.rows).toBe(count / SYMBOLS);
    expect(symbols[2]?.macroF1.value).toBeCloseTo(
      meanOfHorizons((h) => naive.macroF1(own(h))),
      10,
    );
    expect(symbols[2]?.signAccuracy.value).toBeCloseTo(
      meanOfHorizons((h) => naive.signAccuracy(own(h))),
      10,
    );
    expect(symbols[2]?.informationCoefficient).toBeNull();
    expect(symbols[2]?.logLossDifference?.low).toBeLessThan(symbols[2]?.logLossDifference?.high ?? 0);
  });

  it('breaks them down by month, whose coefficients are of whole times', () => {
    const { months } = detail.breakdowns;
    expect(months.map(({ name, rows: own }) => [name, own])).toEqual([
      ['2025-05', 31 * 24 * SYMBOLS],
      ['2025-06', 5 * 24 * SYMBOLS],
    ]);
    const may = (h: number) => plainRows(rows, values, h).slice(0, 31 * 24 * SYMBOLS);
    expect(months[0]?.logLoss.value).toBeCloseTo(
      meanOfHorizons((h) => naive.logLoss(may(h))),
      8,
    );
    const weighted = months.reduce(
      (sum, { rows: own, informationCoefficient }) => sum + own * (informationCoefficient?.value ?? 0),
      0,
    );
    expect(weighted / count).toBeCloseTo(evaluation.mean.informationCoefficient.value ?? 0, 10);
  });

  it('breaks them down by the market: thirds of its volatility, and its last day', () => {
    const { regimes } = detail.breakdowns;
    const times = (count - 60) / SYMBOLS;
    expect(regimes.map(({ name }) => name)).toEqual([
      'calm market',
      'middling market',
      'volatile market',
      'market up on the day',
      'market down on the day',
    ]);
    expect(regimes.slice(0, 3).reduce((sum, { rows: own }) => sum + own, 0)).toBe(count - 60);
    for (const third of regimes.slice(0, 3)) expect(Math.abs(third.rows / SYMBOLS - times / 3)).toBeLessThan(2);
    expect(regimes[3]?.rows).toBe(count / 4);
    const up = (h: number) => plainRows(rows, values, h).filter((_, row) => Math.floor(row / SYMBOLS) % 4 === 0);
    expect(regimes[3]?.macroF1.value).toBeCloseTo(
      meanOfHorizons((h) => naive.macroF1(up(h))),
      10,
    );
  });
});
