import { at64, atInt32 } from '../../../core/index.ts';
import {
  type CrossBuilder,
  type CrossFrame,
  type CrossNode,
  defineCrossNode,
  defineWideNode,
} from '../../cross-program.ts';
import { countBelow, type Sorted, sortedOf } from './sorted.ts';

/*
 * Values of a symbol against the panel's, and of the panel. Rows whose value is masked take no part and stay masked, save in panel-wide
 * values, which every row receives.
 */

/** Rank of a row's value in [0, 1]: share of the others that are smaller, ties counting half; 0.5 when alone. */
export const rank = (source: CrossNode): CrossNode =>
  defineCrossNode(`rank(${source.key})`, (stage) => {
    const sorted = sortedOf(stage, source);
    const out = stage.reserve();
    stage.onPanel((frame, columns) => {
      const target = columns[out] as Float64Array;
      const { count, values, rows } = sorted;
      if (count < frame.rows) target.fill(Number.NaN, 0, frame.rows);
      for (let from = 0; from < count; ) {
        let to = from + 1;
        while (to < count && at64(values, to) === at64(values, from)) to++;
        const value = count === 1 ? 0.5 : (from + to - 1) / (2 * (count - 1));
        for (; from < to; from++) target[atInt32(rows, from)] = value;
      }
    });
    return out;
  });

/** (value - mean) / population deviation over the panel; 0 where all are equal. */
export const score = (source: CrossNode): CrossNode =>
  defineCrossNode(`score(${source.key})`, (stage) => {
    const input = stage.use(source);
    const moments = momentsOf(stage, source);
    const out = stage.reserve();
    stage.onPanel(({ rows }, columns) => {
      const values = columns[input] as Float64Array;
      const target = columns[out] as Float64Array;
      const { mean, deviation } = moments;
      for (let row = 0; row < rows; row++) {
        const value = at64(values, row);
        target[row] = deviation === 0 && !Number.isNaN(value) ? 0 : (value - mean) / deviation;
      }
    });
    return out;
  });

/** Mean over the panel; masked when no row has a value. */
export const panelMean = (source: CrossNode): CrossNode =>
  defineWideNode(`mean(${source.key})`, (stage) => {
    const moments = momentsOf(stage, source);
    return () => moments.mean;
  });

/** Population deviation over the panel. */
export const panelDeviation = (source: CrossNode): CrossNode =>
  defineWideNode(`deviation(${source.key})`, (stage) => {
    const moments = momentsOf(stage, source);
    return () => moments.deviation;
  });

/** (90 % quantile + 10 % quantile - 2·median) / (90 % quantile - 10 % quantile) (Kelley's skewness), -1 to 1; 0 without spread. */
export const panelSkewness = (source: CrossNode): CrossNode =>
  defineWideNode(`skewness(${source.key})`, (stage) => {
    const sorted = sortedOf(stage, source);
    return () => {
      if (sorted.count === 0) return Number.NaN;
      const high = quantile(sorted, 0.9);
      const low = quantile(sorted, 0.1);
      return high === low ? 0 : (high + low - 2 * quantile(sorted, 0.5)) / (high - low);
    };
  });

/** Share of the panel with a value above a limit, those at it counting half. */
export const panelShareAbove = (source: CrossNode, limit = 0): CrossNode =>
  defineWideNode(`above(${source.key},${limit})`, (stage) => {
    const sorted = sortedOf(stage, source);
    return () => {
      const below = countBelow(sorted, limit, false);
      const upTo = countBelow(sorted, limit, true);
      return sorted.count === 0 ? Number.NaN : 1 - (below + upTo) / (2 * sorted.count);
    };
  });

/** A row's value less the mean of the others of its sector; masked where the sector has no other. */
export const sectorExcess = (source: CrossNode): CrossNode =>
  defineCrossNode(`sectorExcess(${source.key})`, (stage) => {
    const input = stage.use(source);
    const sorted = sortedOf(stage, source);
    const out = stage.reserve();
    let sums = new Float64Array(0);
    let counts = new Int32Array(0);
    stage.onPanel((frame, columns) => {
      const values = columns[input] as Float64Array;
      const target = columns[out] as Float64Array;
      const { rows, sectors } = frame;
      let most = 0;
      for (let row = 0; row < rows; row++) most = Math.max(most, atInt32(sectors, row));
      if (sums.length <= most) {
        sums = new Float64Array(most + 1);
        counts = new Int32Array(most + 1);
      }
      sums.fill(0);
      counts.fill(0);
      for (let i = 0; i < sorted.count; i++) {
        const sector = atInt32(sectors, atInt32(sorted.rows, i));
        sums[sector] = at64(sums, sector) + at64(sorted.values, i);
        counts[sector] = atInt32(counts, sector) + 1;
      }
      for (let row = 0; row < rows; row++) {
        const value = at64(values, row);
        const sector = atInt32(sectors, row);
        const others = atInt32(counts, sector) - 1;
        target[row] = others > 0 ? value - (at64(sums, sector) - value) / others : Number.NaN;
      }
    });
    return out;
  });

/** Log return of reference `index` over its last `bars` fast bars; masked without that reference. */
export const referenceReturn = (index: number, bars: number): CrossNode =>
  defineWideNode(`referenceReturn(${index},${bars})`, () => (frame: CrossFrame) => {
    const history = frame.referenceFast[index];
    if (!history || history.count <= bars) return Number.NaN;
    let sum = 0;
    for (let k = 0; k < bars; k++) sum += at64(history.values, history.base + ((history.head - k) & history.mask));
    return sum;
  });

function momentsOf(stage: CrossBuilder, source: CrossNode): { mean: number; deviation: number } {
  return stage.shared(`moments(${source.key})`, () => {
    const sorted = sortedOf(stage, source);
    const moments = { mean: Number.NaN, deviation: Number.NaN };
    stage.onPanel(() => {
      const { values, count } = sorted;
      // From differences to the smallest, so that equal values have a deviation of exactly 0.
      const least = count === 0 ? Number.NaN : at64(values, 0);
      let sum = 0;
      let square = 0;
      for (let i = 0; i < count; i++) sum += at64(values, i) - least;
      const mean = sum / count;
      for (let i = 0; i < count; i++) {
        const difference = at64(values, i) - least - mean;
        square += difference * difference;
      }
      moments.mean = least + mean;
      moments.deviation = Math.sqrt(square / count);
    });
    return moments;
  });
}

/** Linear interpolation between order statistics. */
function quantile({ values, count }: Sorted, share: number): number {
  const position = share * (count - 1);
  const below = Math.floor(position);
  const low = at64(values, below);
  return low + (at64(values, Math.min(below + 1, count - 1)) - low) * (position - below);
}
