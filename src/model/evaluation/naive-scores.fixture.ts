import { DIRECTION_FLAT, FORECAST_WIDTH, outputIndex, type Random } from '../../core/index.ts';
import { TARGET_WIDTH } from '../targets.ts';
import type { JudgedRows } from './forecast-rows.ts';

export const START = Date.UTC(2025, 4, 1);
export const QUARTER_MS = 900_000;

/** One row as a reader of the formulas would have it. */
export interface PlainRow {
  readonly p: readonly number[];
  readonly named: number;
  readonly truth: number;
  readonly forecast: number;
  readonly realised: number;
}

/** Rows of random forecasts and targets: `symbols` at each of `times` bars `stepMs` apart. */
export function randomRows(
  random: Random,
  times: number,
  symbols: number,
  stepMs = QUARTER_MS,
): { rows: JudgedRows; values: Float32Array } {
  const count = times * symbols;
  const rows = {
    times: Float64Array.from({ length: count }, (_, row) => START + Math.floor(row / symbols) * stepMs),
    symbolIndex: Int32Array.from({ length: count }, (_, row) => row % symbols),
    symbols: Array.from({ length: symbols }, (_, index) => `S${index}USDT`),
    targets: new Float32Array(count * TARGET_WIDTH),
  };
  const values = new Float32Array(count * FORECAST_WIDTH);
  for (let row = 0; row < count; row++) {
    for (let h = 0; h < 4; h++) {
      const realised = 0.01 * random.normal();
      rows.targets[row * TARGET_WIDTH + h] = realised;
      rows.targets[row * TARGET_WIDTH + 4 + h] = realised > 0.006 ? 0 : realised <= -0.006 ? 1 : DIRECTION_FLAT;
      values[row * FORECAST_WIDTH + h] = row % 7 === 0 ? 0 : 0.3 * realised + 0.01 * random.normal();
      const weights = [random.uniform(), random.uniform(), 0.5 + random.uniform()];
      const total = weights.reduce((sum, weight) => sum + weight, 0);
      values.set(
        weights.map((weight) => weight / total),
        row * FORECAST_WIDTH + outputIndex('direction_15m_up') + h * 3,
      );
    }
    for (let k = 8; k < 16; k++) {
      rows.targets[row * TARGET_WIDTH + k] = random.uniform() < 0.3 ? 1 : 0;
      values[row * FORECAST_WIDTH + k] = random.uniform();
    }
    for (let k = 16; k < 20; k++) {
      rows.targets[row * TARGET_WIDTH + k] = random.uniform();
      values[row * FORECAST_WIDTH + k] = random.uniform();
    }
    rows.targets[row * TARGET_WIDTH + 20] = random.uniform();
    values[row * FORECAST_WIDTH + outputIndex('rank24h')] = random.uniform();
  }
  return { rows, values };
}

/** One horizon of rows, taken apart. */
export function plainRows(rows: JudgedRows, values: Float32Array, horizon: number): PlainRow[] {
  return Array.from(rows.times, (_, row) => {
    const at = row * FORECAST_WIDTH + outputIndex('direction_15m_up') + horizon * 3;
    const p = Array.from(values.subarray(at, at + 3));
    return {
      p,
      named: p.indexOf(Math.max(...p)),
      truth: rows.targets[row * TARGET_WIDTH + 4 + horizon] ?? -1,
      forecast: values[row * FORECAST_WIDTH + horizon] ?? Number.NaN,
      realised: rows.targets[row * TARGET_WIDTH + horizon] ?? Number.NaN,
    };
  });
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

export const naive = {
  mean,
  macroF1: (rows: readonly PlainRow[]): number =>
    mean(
      [0, 1, 2].map((label) => {
        const hits = rows.filter(({ named, truth }) => named === label && truth === label).length;
        const precision = hits / rows.filter(({ named }) => named === label).length;
        const recall = hits / rows.filter(({ truth }) => truth === label).length;
        return (2 * precision * recall) / (precision + recall);
      }),
    ),
  balancedAccuracy: (rows: readonly PlainRow[]): number =>
    mean(
      [0, 1, 2].map((label) => {
        const own = rows.filter(({ truth }) => truth === label);
        return own.filter(({ named }) => named === label).length / own.length;
      }),
    ),
  accuracy: (rows: readonly PlainRow[]): number => mean(rows.map(({ named, truth }) => (named === truth ? 1 : 0))),
  logLoss: (rows: readonly PlainRow[]): number => mean(rows.map(({ p, truth }) => -Math.log(p[truth] ?? 0))),
  brier: (rows: readonly PlainRow[]): number =>
    mean(rows.map(({ p, truth }) => p.reduce((sum, one, k) => sum + (one - (k === truth ? 1 : 0)) ** 2, 0))),
  signAccuracy: (rows: readonly PlainRow[]): number =>
    mean(
      rows
        .filter(({ truth }) => truth !== DIRECTION_FLAT)
        .map(({ forecast, realised }) => (forecast === 0 ? 0.5 : Math.sign(forecast) === Math.sign(realised) ? 1 : 0)),
    ),
  calibrationError: (rows: readonly PlainRow[]): number =>
    mean(
      [0, 1, 2].map((label) => {
        let error = 0;
        for (let bin = 0; bin < 15; bin++) {
          const own = rows.filter(({ p }) => Math.min(14, Math.floor((p[label] ?? 0) * 15)) === bin);
          if (own.length === 0) continue;
          const gap = mean(own.map(({ p }) => p[label] ?? 0)) - mean(own.map(({ truth }) => (truth === label ? 1 : 0)));
          error += (own.length / rows.length) * Math.abs(gap);
        }
        return error;
      }),
    ),
  /** 1 - 6 sum d^2 / (n (n^2 - 1)): where no two values are equal. */
  spearman: (first: readonly number[], second: readonly number[]): number => {
    const rankOf = (values: readonly number[]) => values.map((value) => values.filter((other) => other < value).length);
    const a = rankOf(first);
    const b = rankOf(second);
    const squares = a.reduce((sum, rank, i) => sum + (rank - (b[i] ?? 0)) ** 2, 0);
    return 1 - (6 * squares) / (first.length * (first.length ** 2 - 1));
  },
};
