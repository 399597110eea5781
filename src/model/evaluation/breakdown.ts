import { at64, DAY_MS, epochMs, formatTime, HORIZON_NAMES } from '../../core/index.ts';
import { quantile } from '../quantile.ts';
import { type Estimate, estimate, resampledSums } from './day-resampling.ts';
import { type Figure, informationCoefficient, macroF1, meanLogLoss, rowsOf, signAccuracy } from './figures.ts';
import type { JudgedRows, RowForecasts } from './forecast-rows.ts';
import {
  type EvaluationInput,
  type Frame,
  frameOf,
  horizonJudge,
  meanFigure,
  type ResamplingOptions,
} from './judged.ts';
import type { MarketState } from './regimes.ts';
import { FEWEST_ROWS_JUDGED, type Partition, SUMS, sumScores } from './score-sums.ts';

/** Part of the rows; figures are means of the four horizons. */
export interface BreakdownRow {
  readonly name: string;
  readonly rows: number;
  readonly macroF1: Estimate;
  /** Of the volatility-only model, and the model's log-loss less its; null where it was not fitted. */
  readonly macroF1VolatilityOnly: Estimate | null;
  readonly logLossDifference: Estimate | null;
  readonly logLoss: Estimate;
  readonly signAccuracy: Estimate;
  /** null where rows are split within times: there is no cross-section. */
  readonly informationCoefficient: Estimate | null;
}

export interface Breakdowns {
  readonly symbols: readonly BreakdownRow[];
  /** UTC calendar months of the rows' times, such as 2025-05. */
  readonly months: readonly BreakdownRow[];
  /** Thirds of the market's volatility, and the sign of its last day; none where the market's state is not given. */
  readonly regimes: readonly BreakdownRow[];
}

interface Split extends Partition {
  readonly names: readonly string[];
  /** Times are not split. */
  readonly wholeTimes: boolean;
}

/**
 * The same figures per symbol, month and regime. Regimes come from what was known at each time; but where a third of the volatility begins is known only
 * when all rows are: the thirds are of the rows judged.
 */
export function breakdowns(
  input: EvaluationInput,
  options: ResamplingOptions & {
    /** Of each row's time, [rows]. */
    readonly market?: MarketState;
  },
): Breakdowns {
  const { rows } = input;
  const frame = frameOf(rows, options);
  const splits = [bySymbol(rows), byMonth(frame), ...(options.market ? regimeSplits(options.market, frame) : [])];
  const [symbols = [], months = [], ...regimes] = breakDown(input, frame, splits);
  return { symbols, months, regimes: regimes.flat() };
}

function breakDown(input: EvaluationInput, frame: Frame, splits: readonly Split[]): BreakdownRow[][] {
  const { rows, model, baselines } = input;
  const judge = horizonJudge(rows, frame);
  /** [split][group][horizon]: tables by day. */
  const tablesOf = (forecasts: RowForecasts) => {
    const tables = splits.map(({ groups }) => Array.from({ length: groups }, (): Float64Array[] => []));
    HORIZON_NAMES.forEach((_, horizon) => {
      const { columns, coefficients } = judge(forecasts, horizon);
      splits.forEach((split, index) => {
        sumScores(columns, split, frame.blocks, split.wholeTimes ? coefficients : undefined).forEach((table, group) => {
          tables[index]?.[group]?.push(table);
        });
      });
    });
    return tables;
  };
  const own = tablesOf(model);
  const other = baselines.volatilityOnly && tablesOf(baselines.volatilityOnly);
  return splits.map((split, index) =>
    split.names.flatMap((name, group) => {
      const row = describe(name, split, own[index]?.[group] ?? [], other?.[index]?.[group], frame);
      return row.rows === 0 ? [] : [row];
    }),
  );
}

function describe(
  name: string,
  { wholeTimes }: Split,
  own: readonly Float64Array[],
  other: readonly Float64Array[] | undefined,
  { resampling }: Frame,
): BreakdownRow {
  const resample = (tables: readonly Float64Array[]) =>
    tables.map((table) => resampledSums(table, SUMS.width, resampling));
  const sums = resample(own);
  const otherSums = other && resample(other);
  const rows = rowsOf(sums[0] ?? new Float64Array(SUMS.width), 0);
  const days = daysWithRows(own[0] ?? new Float64Array(0));
  const of = (figure: Figure, from = sums) =>
    estimate(resampling, (draw) => meanFigure(figure, from, draw * SUMS.width), { days });
  return {
    name,
    rows,
    macroF1: of(macroF1),
    macroF1VolatilityOnly: otherSums ? of(macroF1, otherSums) : null,
    logLossDifference: otherSums
      ? estimate(
          resampling,
          (draw) => {
            const at = draw * SUMS.width;
            return meanFigure(meanLogLoss, sums, at) - meanFigure(meanLogLoss, otherSums, at);
          },
          { days },
        )
      : null,
    logLoss: of(meanLogLoss),
    signAccuracy: of(signAccuracy),
    informationCoefficient: wholeTimes ? of(informationCoefficient) : null,
  };
}

function daysWithRows(table: Float64Array): number {
  let days = 0;
  for (let at = 0; at < table.length; at += SUMS.width) if (rowsOf(table, at) > 0) days++;
  return days;
}

const bySymbol = ({ symbolIndex, symbols }: JudgedRows): Split => ({
  groups: symbols.length,
  groupOf: symbolIndex,
  names: symbols,
  wholeTimes: false,
});

function byMonth({ blocks }: Frame): Split {
  const names: string[] = [];
  const groups = blocks.days.map((day) => {
    const name = formatTime(epochMs(day * DAY_MS)).slice(0, 'yyyy-mm'.length);
    if (names[names.length - 1] !== name) names.push(name);
    return names.length - 1;
  });
  const groupOf = blocks.dayOf.map((day) => groups[day] ?? -1);
  return { groups: names.length, groupOf, names, wholeTimes: true };
}

function regimeSplits({ volatility, dayReturn }: MarketState, { sections }: Frame): Split[] {
  const known = Float64Array.from(sections, ([from]) => at64(volatility, from))
    .filter((value) => !Number.isNaN(value))
    .sort();
  if (known.length < FEWEST_ROWS_JUDGED) return [];
  const bounds = [quantile(known, 1 / 3), quantile(known, 2 / 3)] as const;
  const third = (value: number) => (Number.isNaN(value) ? -1 : value < bounds[0] ? 0 : value < bounds[1] ? 1 : 2);
  const side = (value: number) => (Number.isNaN(value) ? -1 : value > 0 ? 0 : 1);
  return [
    {
      groups: 3,
      groupOf: Int32Array.from(volatility, third),
      names: ['calm market', 'middling market', 'volatile market'],
      wholeTimes: true,
    },
    {
      groups: 2,
      groupOf: Int32Array.from(dayReturn, side),
      names: ['market up on the day', 'market down on the day'],
      wholeTimes: true,
    },
  ];
}
