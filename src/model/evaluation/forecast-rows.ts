import { at32, FORECAST_WIDTH, outputIndex, type SymbolId } from '../../core/index.ts';
import { columnOf } from '../design-matrix.ts';
import { TARGET_WIDTH } from '../targets.ts';

/** What forecasts are judged on: rows ascending in time, those of one time next to each other. */
export interface JudgedRows {
  /** Epoch milliseconds of each row's bar close. */
  readonly times: Float64Array;
  /** Position in `symbols` of each row. */
  readonly symbolIndex: Int32Array;
  readonly symbols: readonly SymbolId[];
  /** [rows, TARGET_WIDTH], all finite. */
  readonly targets: Float32Array;
}

/** Forecasts of the same rows. */
export interface RowForecasts {
  /** [rows, FORECAST_WIDTH], calibrated. */
  readonly values: Float32Array;
  /**
   * [rows, 4] The class named per horizon where that is not the most probable one. Of equal probabilities the first is named: up, down, flat.
   */
  readonly classes?: Uint8Array;
  /**
   * [rows, RANKING_HEADS] The four returns and the rank before calibration; NaN of a head that is not known. Absent where nothing was
   * calibrated: then the forecasts themselves are.
   */
  readonly raw?: Float32Array;
}

export const DIRECTIONS = 3;

/** One horizon's columns of forecasts and targets. */
export interface HorizonColumns {
  /** Forecast and realised return, fractions. */
  readonly forecast: Float64Array;
  readonly realised: Float64Array;
  /** [rows, 3] up, down, flat. */
  readonly probabilities: Float64Array;
  readonly named: Uint8Array;
  readonly truth: Uint8Array;
}

export function horizonColumns(rows: JudgedRows, forecasts: RowForecasts, horizon: number): HorizonColumns {
  const count = rows.times.length;
  const { values, classes } = forecasts;
  const first = outputIndex('direction_15m_up') + horizon * DIRECTIONS;
  const columns = {
    forecast: columnOf(values, FORECAST_WIDTH, horizon),
    realised: columnOf(rows.targets, TARGET_WIDTH, horizon),
    probabilities: new Float64Array(count * DIRECTIONS),
    named: new Uint8Array(count),
    truth: new Uint8Array(count),
  };
  for (let row = 0; row < count; row++) {
    let best = 0;
    for (let k = 0; k < DIRECTIONS; k++) {
      const p = at32(values, row * FORECAST_WIDTH + first + k);
      columns.probabilities[row * DIRECTIONS + k] = p;
      if (p > at32(values, row * FORECAST_WIDTH + first + best)) best = k;
    }
    columns.named[row] = classes?.[row * 4 + horizon] ?? best;
    columns.truth[row] = at32(rows.targets, row * TARGET_WIDTH + 4 + horizon);
  }
  return columns;
}
