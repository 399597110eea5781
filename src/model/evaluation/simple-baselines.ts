import {
  at32,
  at64,
  atInt32,
  DIRECTION_FLAT,
  FORECAST_WIDTH,
  HORIZON_NAMES,
  HORIZONS,
  outputIndex,
} from '../../core/index.ts';
import type { Dataset } from '../dataset.ts';
import { type ChosenRows, timeRow } from '../design-matrix.ts';
import { DIRECTION_THRESHOLDS, directionOf, TARGET_WIDTH } from '../targets.ts';
import { DIRECTIONS, type RowForecasts } from './forecast-rows.ts';
import { closesFrom } from './regimes.ts';

/** What the rows of a training window say without looking at any feature. */
export interface BaseRates {
  /** Per horizon, the share of up, down and flat. */
  readonly directions: readonly (readonly number[])[];
  /** Per horizon and class of the last return over that horizon, the share of up, down and flat that followed. */
  readonly afterPersisted: readonly (readonly (readonly number[])[])[];
  /** Shares of the eight levels that were reached. */
  readonly levels: readonly number[];
  /** Means of drawdown 1h, 4h, rally 1h, 4h. */
  readonly risks: readonly number[];
}

const DIRECTION = 4;
const LEVEL = 8;
const RISK = 16;
const PROBABILITY = outputIndex('direction_15m_up');
const RANK = outputIndex('rank24h');

/** Base rates of rows; shares with one half of a row added to each, so that nothing is impossible. */
export function baseRates(dataset: Pick<Dataset, 'times' | 'symbols' | 'bars'>, rows: ChosenRows): BaseRates {
  const count = rows.times.length;
  const target = (row: number, column: number) => at32(rows.targets, row * TARGET_WIDTH + column);
  const past = pastReturns(dataset, rows);
  const directions = HORIZON_NAMES.map((_, h) => shares(count, (row) => target(row, DIRECTION + h)));
  return {
    directions,
    afterPersisted: HORIZON_NAMES.map((_, h) =>
      [0, 1, 2].map((persisted) =>
        shares(count, (row) => (persistedClass(past, row, h) === persisted ? target(row, DIRECTION + h) : undefined)),
      ),
    ),
    levels: Array.from({ length: RISK - LEVEL }, (_, k) => {
      const reached = mean(count, (row) => target(row, LEVEL + k)) * count;
      return (reached + 0.5) / (count + 1);
    }),
    risks: Array.from({ length: 4 }, (_, k) => mean(count, (row) => target(row, RISK + k))),
  };
}

/**
 * The training window's base rates for every row. Its class is the commonest, its expected return (share of up - share of down) x the
 * direction threshold: a number of the sign that was commoner. The rank is the middle.
 */
export function majorityForecasts(rates: BaseRates, rows: number): RowForecasts {
  const row = baseRow(rates);
  const values = new Float32Array(rows * FORECAST_WIDTH);
  for (let at = 0; at < rows; at++) values.set(row, at * FORECAST_WIDTH);
  return { values };
}

/**
 * What was goes on: the class and the size of the last return over the same horizon. Its probabilities are the training window's frequencies after
 * that class, so that the class named need not be the likeliest. Flat and 0 where a bar of the last return is missing. Levels and risks are
 * base rates.
 */
export function persistenceForecasts(
  rates: BaseRates,
  dataset: Pick<Dataset, 'times' | 'symbols' | 'bars'>,
  rows: ChosenRows,
): RowForecasts {
  const count = rows.times.length;
  const { values } = majorityForecasts(rates, count);
  const past = pastReturns(dataset, rows);
  const classes = new Uint8Array(count * 4);
  for (let row = 0; row < count; row++) {
    const to = row * FORECAST_WIDTH;
    for (let h = 0; h < HORIZON_NAMES.length; h++) {
      const persisted = persistedClass(past, row, h);
      classes[row * 4 + h] = persisted;
      values[to + DIRECTION + h] = persisted;
      values[to + h] = at64(past, row * 4 + h);
      values.set(rates.afterPersisted[h]?.[persisted] ?? [], to + PROBABILITY + h * DIRECTIONS);
    }
  }
  return { values, classes };
}

function baseRow({ directions, levels, risks }: BaseRates): Float32Array {
  const row = new Float32Array(FORECAST_WIDTH);
  HORIZON_NAMES.forEach((horizon, h) => {
    const [up = 0, down = 0, flat = 0] = directions[h] ?? [];
    row[h] = (up - down) * DIRECTION_THRESHOLDS[horizon];
    row[DIRECTION + h] = [up, down, flat].indexOf(Math.max(up, down, flat));
    row.set([up, down, flat], PROBABILITY + h * DIRECTIONS);
  });
  row.set(levels, LEVEL);
  row.set(risks, RISK);
  row[RANK] = 0.5;
  return row;
}

/** [rows, 4] The return over the last 1, 4, 16 and 48 bars; 0 where a bar is missing. */
function pastReturns(
  { times, symbols, bars }: Pick<Dataset, 'times' | 'symbols' | 'bars'>,
  rows: ChosenRows,
): Float64Array {
  const before = HORIZONS['12h'];
  const closes = symbols.map((symbol) => {
    const own = bars.get(symbol);
    return own ? closesFrom(times, own, before) : undefined;
  });
  const past = new Float64Array(rows.times.length * 4);
  for (let row = 0; row < rows.times.length; row++) {
    const close = closes[atInt32(rows.symbolIndex, row)];
    const now = timeRow(times, at64(rows.times, row)) + before;
    HORIZON_NAMES.forEach((horizon, h) => {
      const change = close ? at64(close, now) / at64(close, now - HORIZONS[horizon]) - 1 : 0;
      past[row * 4 + h] = Number.isFinite(change) ? change : 0;
    });
  }
  return past;
}

function persistedClass(past: Float64Array, row: number, h: number): number {
  const horizon = HORIZON_NAMES[h];
  return horizon ? directionOf(at64(past, row * 4 + h), DIRECTION_THRESHOLDS[horizon]) : DIRECTION_FLAT;
}

function shares(rows: number, classOf: (row: number) => number | undefined): number[] {
  const counts = [0.5, 0.5, 0.5];
  let total = 1.5;
  for (let row = 0; row < rows; row++) {
    const label = classOf(row);
    if (label === undefined) continue;
    counts[label] = (counts[label] ?? 0) + 1;
    total++;
  }
  return counts.map((count) => count / total);
}

function mean(rows: number, value: (row: number) => number): number {
  let sum = 0;
  for (let row = 0; row < rows; row++) sum += value(row);
  return sum / rows;
}
