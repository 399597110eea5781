import { DAY_MS, type EpochMs, epochMs, FORECAST_OUTPUTS, type Forecast, formatTime } from '../../core/index.ts';
import { BAR_MS } from '../../model/index.ts';
import type { ForecastSource } from '../replay.ts';
import { type AuditContext, type AuditResult, countText, growthOf, percentText } from './context.ts';

/** How much later it begins, in bars. */
const SHIFTS = [1, 4, 96, 192];
/** Those whose forecasts are made again. */
const FORECAST_SHIFTS = [1, 4];
/** What a book inherits from its first hours is gone after this. */
const SETTLING_MS = DAY_MS;
/** Forecasts compared behind a start. */
const COMPARED_MS = DAY_MS;
/** Relative to the larger of a value and of the root mean square of its column. */
const TOLERANCE = 1e-6;
/** A value that lies on the edge of a class or of a step of the calibration may fall on either side. */
const TOLERATED_SHARE = 1e-3;

/**
 * Whether it matters when a run begins. Forecasts of the same bars must agree, whatever the first was; results over the days that all runs share, a
 * day of settling left out, show how much of a result is the accident of its first positions.
 */
export async function auditStartShift(context: AuditContext): Promise<AuditResult> {
  const { backtest, result } = context;
  const { from, to } = backtest.window;
  const shifts = SHIFTS.filter((shift) => from + shift * BAR_MS + SETTLING_MS <= to - (to - from) / 4);
  const compared = await compareForecasts(context);
  const common = epochMs(from + Math.max(0, ...shifts) * BAR_MS + SETTLING_MS);
  const growths = shifts.length === 0 ? [] : [growthOf(result, common)];
  for (const shift of shifts) {
    await context.step(`start shift: ${countText(shift, 'bar')}`);
    growths.push(growthOf(await context.again({ from: epochMs(from + shift * BAR_MS) }), common));
  }
  const [least, most] = [Math.min(...growths), Math.max(...growths)];
  const figures = {
    forecastValues: compared?.values ?? null,
    forecastsDifferent: compared?.different ?? null,
    starts: growths.length,
    returnLeast: growths.length === 0 ? null : least,
    returnMost: growths.length === 0 ? null : most,
    return: growths[0] ?? null,
  };
  const spread =
    growths.length === 0
      ? 'the stretch is too short for results of other starts'
      : `${growths.length} starts brought ${percentText(least)} to ${percentText(most)} from ${formatTime(common)} on`;
  const said = compared === undefined ? 'nothing is forecast' : compared.text;
  return { name: 'start-shift', ok: compared?.ok ?? true, detail: `${said}; ${spread}`, figures };
}

async function compareForecasts({ backtest, forecasts, forecastsOf, step }: AuditContext) {
  if (forecasts === undefined || forecastsOf === undefined) return undefined;
  const { from, to } = backtest.window;
  const scales = scalesOf(forecasts, from, to);
  let [values, different] = [0, 0];
  let first: string | undefined;
  for (const shift of FORECAST_SHIFTS) {
    const start = epochMs(from + shift * BAR_MS);
    if (start > to) continue;
    await step(`start shift: forecasts from ${countText(shift, 'bar')} later on`);
    const end = epochMs(Math.min(to, start + COMPARED_MS));
    const later = await forecastsOf(backtest.market, { from: start, to: end });
    for (let minute = start; minute <= end; minute = epochMs(minute + BAR_MS)) {
      const known = new Map(later.at(minute).map((forecast) => [forecast.symbol, forecast]));
      for (const forecast of forecasts.at(minute)) {
        const other = known.get(forecast.symbol);
        const found = deviationsOf(forecast, other, scales);
        values += forecast.values.length;
        different += found.length;
        first ??= found[0] && `first ${forecast.symbol} ${formatTime(minute)} ${found[0]}`;
      }
    }
  }
  const ok = values > 0 && different <= TOLERATED_SHARE * values;
  const text =
    values === 0
      ? 'no forecasts could be compared'
      : `${different} of ${values} forecast values depend on the start${first === undefined ? '' : `: ${first}`}`;
  return { ok, values, different, text };
}

function deviationsOf(expected: Forecast, actual: Forecast | undefined, scales: Float64Array): string[] {
  const found: string[] = [];
  for (const [column, value] of expected.values.entries()) {
    const other = actual?.values[column] ?? Number.NaN;
    const scale = Math.max(Math.abs(value), scales[column] ?? 0);
    if (Math.abs(value - other) <= TOLERANCE * scale) continue;
    found.push(`${FORECAST_OUTPUTS[column]}: ${value} became ${actual ? other : 'nothing'}`);
  }
  return found;
}

/** Root mean square of each output. */
function scalesOf(forecasts: ForecastSource, from: EpochMs, to: EpochMs): Float64Array {
  const squares = new Float64Array(FORECAST_OUTPUTS.length);
  let rows = 0;
  for (let minute = from; minute <= to; minute = epochMs(minute + BAR_MS)) {
    for (const { values } of forecasts.at(minute)) {
      rows++;
      for (const [column, value] of values.entries()) squares[column] = (squares[column] ?? 0) + value * value;
    }
  }
  return squares.map((sum) => Math.sqrt(sum / Math.max(1, rows)));
}
