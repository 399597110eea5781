import { createHash } from 'node:crypto';
import { at32, at64, createRandom, DAY_MS, HOUR_MS, MINUTE_MS, PHASES } from '../core/index.ts';
import type { FeatureColumns } from './batch.ts';
import { strongestPartners } from './correlation.ts';
import { describeFeature, type FeatureDescription, type FeatureSet } from './feature-set.ts';
import { SHIFTED, stabilityIndex } from './stability-index.ts';

/**
 * `constant`: all known values are equal. `unavailable`: never known although the history was long enough. `duplicate`: equal to an
 * earlier feature in every sampled row. `correlated`: as good as a multiple of an earlier feature. `drifting`: distributed otherwise in
 * the last third of the time than in the first. `outOfRange`: more values than two in a thousand outside the declared range.
 */
export type FeatureFaultKind = 'constant' | 'unavailable' | 'duplicate' | 'correlated' | 'drifting' | 'outOfRange';

/** What a report finds wanting in one feature; `detail` is a sentence with the figures. */
export interface FeatureFault {
  readonly feature: string;
  readonly kind: FeatureFaultKind;
  readonly detail: string;
}

export interface FeatureQualityOptions {
  /** Absolute correlation from which two features tell the same. 0.995 by default. */
  readonly correlationLimit?: number;
  /** Rows that stand for all where pairs and distributions are compared, evenly over time and symbols. 20,000 by default. */
  readonly sampleRows?: number;
}

/**
 * Judges features by their values, in the order of the set; at most one fault of a kind per feature. Each value is looked at once for
 * constant, unavailable and out-of-range features; the rest is judged on a sample, which also bounds the memory: some 24 bytes per sampled
 * row and feature. A report, not a verdict: calendar and market-wide features drift over any few days, and a quiet market is constant
 * where another is not.
 * @param columns values [times, width] per symbol; the times may be further apart than 15 minutes
 */
export function featureQuality(
  columns: FeatureColumns,
  set: FeatureSet,
  options: FeatureQualityOptions = {},
): FeatureFault[] {
  const { correlationLimit = 0.995, sampleRows = 20_000 } = options;
  const described = set.features.map(describeFeature);
  const survey = surveyValues(columns, described);
  const history = longestHistory(columns, described, survey);
  const constant = described.map((feature, column) => isConstant(feature, survey, column));
  const sample = drawSample(columns, sampleRows);
  const copies = findCopies(sample.values, constant);
  const partners = strongestPartners(
    sample.values.map((values, column) => (constant[column] || copies[column] !== undefined ? undefined : values)),
    correlationLimit,
  );
  const faults: FeatureFault[] = [];
  described.forEach((feature, column) => {
    const { name: featureName, range } = feature;
    const add = (kind: FeatureFaultKind, detail: string) => faults.push({ feature: featureName, kind, detail });
    const known = at64(survey.known, column);
    if (known === 0) {
      if (isLongEnough(feature, history)) add('unavailable', `not known in any of ${survey.rows} rows`);
      return;
    }
    if (constant[column]) add('constant', `all ${known} known values are ${number(at64(survey.least, column))}`);
    const original = copies[column];
    if (original !== undefined) {
      add('duplicate', `equal to ${set.names[original]} in all ${sample.rows} sampled rows`);
    }
    const partner = partners[column];
    if (partner) {
      add(
        'correlated',
        `correlation ${partner.correlation.toFixed(4)} with ${set.names[partner.column]} over ${partner.rows} rows`,
      );
    }
    const index = constant[column] ? undefined : stabilityIndex(...outerThirds(sample, column));
    if (index !== undefined && index > SHIFTED) {
      add('drifting', `population stability index ${number(index)} from the first to the last third of the time`);
    }
    const outside = at64(survey.outside, column);
    if (outside > OUTSIDE_SHARE * known) {
      add(
        'outOfRange',
        `${number((100 * outside) / known)} % of ${known} values outside ${number(range[0])} to ${number(range[1])}: from ${number(at64(survey.least, column))} to ${number(at64(survey.greatest, column))}`,
      );
    }
  });
  return faults;
}

/** A range need not hold a value in a thousand; twice as many are a fault. */
const OUTSIDE_SHARE = 0.002;
/** What rounding to float32 may add to a hard bound. */
const RANGE_TOLERANCE = 1e-6;

/** What one pass over all values tells of each column. */
interface Survey {
  /** Rows in which anything is known. */
  readonly rows: number;
  readonly known: Float64Array;
  readonly least: Float64Array;
  readonly greatest: Float64Array;
  readonly outside: Float64Array;
}

function surveyValues({ values, width }: FeatureColumns, features: readonly FeatureDescription[]): Survey {
  const known = new Float64Array(width);
  const least = new Float64Array(width).fill(Number.POSITIVE_INFINITY);
  const greatest = new Float64Array(width).fill(Number.NEGATIVE_INFINITY);
  const outside = new Float64Array(width);
  const low = Float64Array.from(features, ({ range }) => range[0] - RANGE_TOLERANCE);
  const high = Float64Array.from(features, ({ range }) => range[1] + RANGE_TOLERANCE);
  let rows = 0;
  for (const block of values.values()) {
    for (let at = 0; at < block.length; at += width) {
      let isPresent = 0;
      for (let column = 0; column < width; column++) {
        const value = at32(block, at + column);
        if (Number.isNaN(value)) continue;
        isPresent = 1;
        known[column] = at64(known, column) + 1;
        if (value < at64(least, column)) least[column] = value;
        if (value > at64(greatest, column)) greatest[column] = value;
        if (value < at64(low, column) || value > at64(high, column)) outside[column] = at64(outside, column) + 1;
      }
      rows += isPresent;
    }
  }
  return { rows, known, least, greatest, outside };
}

/** Differences up to a millionth of the value, or a thousandth of a millionth of the range, are rounding. */
function isConstant({ range }: FeatureDescription, { known, least, greatest }: Survey, column: number): boolean {
  const [low, high] = [at64(least, column), at64(greatest, column)];
  const rounding = Math.max(1e-6 * Math.max(Math.abs(low), Math.abs(high)), 1e-9 * (range[1] - range[0]));
  return at64(known, column) > 1 && high - low <= rounding;
}

/** How much history the rows prove: the time that a symbol's rows span, and the longest warm-ups that were reached. */
interface History {
  readonly spanMs: number;
  readonly reached: readonly FeatureDescription[];
}

function longestHistory(
  { values, width, times }: FeatureColumns,
  features: readonly FeatureDescription[],
  { known }: Survey,
): History {
  let spanMs = 0;
  for (const block of values.values()) {
    const isPresent = (row: number) => !block.subarray(row * width, (row + 1) * width).every(Number.isNaN);
    let first = 0;
    let last = times.length - 1;
    while (first <= last && !isPresent(first)) first++;
    while (last > first && !isPresent(last)) last--;
    if (first <= last) spanMs = Math.max(spanMs, at64(times, last) - at64(times, first));
  }
  return { spanMs, reached: features.filter((_, column) => at64(known, column) > 0) };
}

/** Whether the feature had to be known: another that takes as long is, or the rows alone span its warm-up and a day for holes. */
function isLongEnough({ warmUp, slowWarmUp }: FeatureDescription, { spanMs, reached }: History): boolean {
  const takes = Math.max(warmUp * PHASES * MINUTE_MS, slowWarmUp === 0 ? 0 : slowWarmUp * HOUR_MS + DAY_MS);
  return spanMs >= takes || reached.some((other) => other.warmUp >= warmUp && other.slowWarmUp >= slowWarmUp);
}

interface Sample {
  readonly rows: number;
  /** Of each row, ascending. */
  readonly times: Float64Array;
  /** Per feature [rows], NaN = masked. */
  readonly values: readonly Float64Array[];
}

/** One row of each of `most` equal stretches of (time, symbol): even over both, and in step with no hour of the day. */
function drawSample({ values, width, times, symbols }: FeatureColumns, most: number): Sample {
  const blocks = symbols.map((symbol) => values.get(symbol));
  const cells = times.length * blocks.length;
  const rows = Math.min(most, cells);
  const random = createRandom('feature-quality');
  const sample = {
    rows,
    times: new Float64Array(rows),
    values: Array.from({ length: width }, () => new Float64Array(rows).fill(Number.NaN)),
  };
  for (let row = 0; row < rows; row++) {
    const cell = rows === cells ? row : Math.floor(((row + random.uniform()) * cells) / rows);
    const time = Math.floor(cell / blocks.length);
    const block = blocks[cell % blocks.length];
    sample.times[row] = at64(times, time);
    if (!block) continue;
    sample.values.forEach((column, feature) => {
      // Adding 0 turns -0 into 0: they are one value.
      column[row] = at32(block, time * width + feature) + 0;
    });
  }
  return sample;
}

/** Of each column the earlier one that is equal in every row, if there is one; constant ones, and those never known, have none. */
function findCopies(columns: readonly Float64Array[], constant: readonly boolean[]): (number | undefined)[] {
  const first = new Map<string, number>();
  return columns.map((values, column) => {
    if (constant[column] || values.every(Number.isNaN)) return undefined;
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    const key = createHash('sha256').update(bytes).digest('hex');
    const original = first.get(key);
    if (original === undefined) first.set(key, column);
    return original;
  });
}

/** The known sampled values of the first and of the last third of the time. */
function outerThirds({ times, rows, values }: Sample, column: number): [Float64Array, Float64Array] {
  const all = values[column] ?? new Float64Array(0);
  const start = at64(times, 0);
  const third = (at64(times, rows - 1) - start) / 3;
  const known = (from: number, to: number) =>
    all.filter((value, row) => !Number.isNaN(value) && at64(times, row) >= from && at64(times, row) <= to);
  return [known(start, start + third), known(start + 2 * third, start + 3 * third)];
}

const number = (value: number): string => String(Number(value.toPrecision(3)));
