import {
  at32,
  at64,
  atInt32,
  epochMs,
  FORECAST_WIDTH,
  HORIZON_NAMES,
  outputIndex,
  type Predictor,
} from '../../core/index.ts';
import { applyScaler, type Scaler } from '../../features/index.ts';
import type { Dataset } from '../dataset.ts';
import { type ChosenRows, timeRow } from '../design-matrix.ts';
import { linearPart } from '../linear-model.ts';
import type { Manifest } from '../manifest.ts';
import { applyLinks, RANKING_HEADS, rankingHeads } from '../raw-outputs.ts';
import type { FeatureBaseline } from './feature-baseline.ts';

/**
 * Forecasts rows of a dataset it was made for. A model with a context reads it from the rows before.
 */
export interface RowForecaster {
  /**
   * Forecasts of one symbol at ascending rows of the dataset's times, with the heads before calibration.
   * @throws MinutehandError MODEL_OUTPUT_INVALID when a value is not finite
   */
  forecast(symbolIndex: number, rows: Int32Array): Promise<ForecastsWithHeads>;
}

/** As `RowForecasts`. */
export interface ForecastsWithHeads {
  /** [rows, FORECAST_WIDTH] */
  readonly values: Float32Array;
  /** [rows, RANKING_HEADS]; NaN of a head that is not known. */
  readonly raw: Float32Array;
}

/** Rows handed to a forecaster at once. */
const ROWS_AT_ONCE = 2_048;
/** Where the ranking heads are in a forecast. */
const RANKING_OUTPUTS = [0, 1, 2, 3, outputIndex('rank24h')] as const;

/** Forecasts chosen rows, symbol by symbol, in the order of the rows. */
export async function forecastRows(
  forecaster: RowForecaster,
  dataset: Pick<Dataset, 'times' | 'symbols'>,
  chosen: Pick<ChosenRows, 'times' | 'symbolIndex'>,
  onProgress: (done: number, total: number) => void = () => undefined,
): Promise<ForecastsWithHeads> {
  const total = chosen.times.length;
  const values = new Float32Array(total * FORECAST_WIDTH);
  const raw = new Float32Array(total * RANKING_HEADS);
  const bySymbol = dataset.symbols.map((): number[] => []);
  for (let row = 0; row < total; row++) bySymbol[atInt32(chosen.symbolIndex, row)]?.push(row);
  let done = 0;
  for (const [symbolIndex, own] of bySymbol.entries()) {
    for (let from = 0; from < own.length; from += ROWS_AT_ONCE) {
      const part = own.slice(from, from + ROWS_AT_ONCE);
      const times = Int32Array.from(part, (row) => timeRow(dataset.times, at64(chosen.times, row)));
      const forecasts = await forecaster.forecast(symbolIndex, times);
      part.forEach((row, index) => {
        values.set(rowOf(forecasts.values, index, FORECAST_WIDTH), row * FORECAST_WIDTH);
        raw.set(rowOf(forecasts.raw, index, RANKING_HEADS), row * RANKING_HEADS);
      });
      done += part.length;
      onProgress(done, total);
    }
  }
  return { values, raw };
}

const rowOf = (values: Float32Array, row: number, width: number): Float32Array =>
  values.subarray(row * width, (row + 1) * width);

/**
 * A served model of single rows: what it says here is what it says live. Its calibration lies in its weights: a head that was shrunk has the
 * order that it had before, one that was shrunk to nothing is not known any more.
 */
export function predictorForecaster(
  predictor: Predictor,
  { returnShrinkage, rankShrinkage }: Manifest['calibration'],
  dataset: Dataset,
): RowForecaster {
  const kept = [...HORIZON_NAMES.map((horizon) => returnShrinkage[horizon]), rankShrinkage].map((by) => by > 0);
  return {
    async forecast(symbolIndex, rows) {
      const symbol = dataset.symbols[symbolIndex] ?? '';
      const values = rawFeatures(dataset, symbolIndex, rows);
      const forecasts = await predictor.predict({
        minute: epochMs(at64(dataset.times, rows[0] ?? 0)),
        symbols: Array.from(rows, () => symbol),
        width: dataset.width,
        featureSetHash: dataset.featureSetHash,
        values,
        masked: maskOf(values),
      });
      const result = new Float32Array(rows.length * FORECAST_WIDTH);
      const raw = new Float32Array(rows.length * RANKING_HEADS);
      forecasts.forEach((forecast, row) => {
        result.set(forecast.values, row * FORECAST_WIDTH);
        kept.forEach((known, head) => {
          raw[row * RANKING_HEADS + head] = known ? at32(forecast.values, RANKING_OUTPUTS[head] ?? 0) : Number.NaN;
        });
      });
      return { values: result, raw };
    },
  };
}

/** A baseline fitted on scaled features. */
export function baselineForecaster(
  { columns, model, raw }: FeatureBaseline,
  scaler: Scaler,
  dataset: Dataset,
): RowForecaster {
  const pick = (values: readonly number[]) => columns.map((column) => values[column] ?? 0);
  const { center, scale, knownShare } = scaler;
  const own: Scaler = { ...scaler, center: pick(center), scale: pick(scale), knownShare: pick(knownShare) };
  return {
    async forecast(symbolIndex, rows) {
      const inputs = rawFeatures(dataset, symbolIndex, rows, columns);
      applyScaler(inputs, maskOf(inputs), own, inputs);
      return { values: applyLinks(linearPart(model, inputs)), raw: rankingHeads(linearPart(raw, inputs)) };
    },
  };
}

/** A copy of features of one symbol at rows, NaN = masked: all, or those of `columns`. */
function rawFeatures(
  { symbols, features, width }: Dataset,
  symbolIndex: number,
  rows: Int32Array,
  columns?: readonly number[],
): Float32Array {
  const all = features.get(symbols[symbolIndex] ?? '');
  if (!all) throw new RangeError(`no features of symbol ${symbolIndex}`);
  const values = new Float32Array(rows.length * (columns?.length ?? width));
  rows.forEach((row, index) => {
    if (columns === undefined) values.set(all.subarray(row * width, (row + 1) * width), index * width);
    else {
      columns.forEach((column, j) => {
        values[index * columns.length + j] = at32(all, row * width + column);
      });
    }
  });
  return values;
}

function maskOf(values: Float32Array): Uint8Array {
  const mask = new Uint8Array(values.length);
  for (let i = 0; i < values.length; i++) mask[i] = Number.isNaN(values[i]) ? 1 : 0;
  return mask;
}
