import { at64 } from '../../core/index.ts';
import { type CrossBuilder, type CrossFrame, type CrossNode, defineCrossNode } from '../cross-program.ts';

/*
 * Sums over the panel run over the sorted values, so that they do not depend on the order of the symbols by a single bit. Rows whose
 * value is masked take no part and stay masked, save in panel-wide values, which every row receives.
 */

/** Rank of a row's value in [0, 1]: share of the others that are smaller, ties counting half; 0.5 when alone. */
export const rank = (source: CrossNode): CrossNode =>
  defineCrossNode(`rank(${source.key})`, (stage) => {
    const input = stage.use(source);
    const sorted = sortedOf(stage, source);
    const out = stage.reserve();
    stage.onPanel((frame, columns) => {
      const values = columns[input] as Float64Array;
      const target = columns[out] as Float64Array;
      const { count } = sorted;
      for (let row = 0; row < frame.rows; row++) {
        const value = at64(values, row);
        if (Number.isNaN(value)) target[row] = Number.NaN;
        else if (count === 1) target[row] = 0.5;
        else {
          const below = countBelow(sorted.values, count, value, false);
          const upTo = countBelow(sorted.values, count, value, true);
          target[row] = (below + upTo - 1) / (2 * (count - 1));
        }
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
    stage.onPanel((frame, columns) => {
      const values = columns[input] as Float64Array;
      const target = columns[out] as Float64Array;
      const { mean, deviation } = moments;
      for (let row = 0; row < frame.rows; row++) {
        const value = at64(values, row);
        target[row] = deviation === 0 && !Number.isNaN(value) ? 0 : (value - mean) / deviation;
      }
    });
    return out;
  });

/** Mean over the panel, for every row; masked when no row has a value. */
export const panelMean = (source: CrossNode): CrossNode =>
  panelWide(`mean(${source.key})`, (stage) => {
    const moments = momentsOf(stage, source);
    return () => moments.mean;
  });

/** Population deviation over the panel, for every row. */
export const panelDeviation = (source: CrossNode): CrossNode =>
  panelWide(`deviation(${source.key})`, (stage) => {
    const moments = momentsOf(stage, source);
    return () => moments.deviation;
  });

/** Share of the panel with a value above 0, zeros counting half, for every row. */
export const panelShareAbove = (source: CrossNode): CrossNode =>
  panelWide(`above(${source.key})`, (stage) => {
    const sorted = sortedOf(stage, source);
    return () => {
      const below = countBelow(sorted.values, sorted.count, 0, false);
      const upTo = countBelow(sorted.values, sorted.count, 0, true);
      return sorted.count === 0 ? Number.NaN : 1 - (below + upTo) / (2 * sorted.count);
    };
  });

/** Log return of reference `index` over its last `bars` fast bars, for every row; masked without that reference. */
export const referenceReturn = (index: number, bars: number): CrossNode =>
  panelWide(`referenceReturn(${index},${bars})`, () => (frame) => {
    const history = frame.referenceFast[index];
    if (!history || history.count <= bars) return Number.NaN;
    let sum = 0;
    for (let k = 0; k < bars; k++) sum += at64(history.values, history.base + ((history.head - k) & history.mask));
    return sum;
  });

/**
 * How a row's returns r move with those of a reference, b, over the last `window` bars of a stage (both about 0):
 * `beta` Σrb/Σb², `correlation` Σrb/√(Σr²Σb²), `follow` Σr·b₋₁/√(Σr²Σb²): the reference leads. Masked without the reference;
 * 0 where one stands still.
 */
export function comovement(
  kind: 'beta' | 'correlation' | 'follow',
  series: 'fast' | 'slow',
  index: number,
  window: number,
): CrossNode {
  return defineCrossNode(`${kind}(${series},${index},${window})`, (stage) => {
    const columns = stage.shared(`comovement(${series},${index},${window})`, () => {
      const reserved = { beta: stage.reserve(), correlation: stage.reserve(), follow: stage.reserve() };
      stage.onPanel((frame, scratch) => {
        const beta = scratch[reserved.beta] as Float64Array;
        const correlation = scratch[reserved.correlation] as Float64Array;
        const follow = scratch[reserved.follow] as Float64Array;
        const reference = (series === 'fast' ? frame.referenceFast : frame.referenceSlow)[index];
        const histories = series === 'fast' ? frame.fast : frame.slow;
        for (let row = 0; row < frame.rows; row++) {
          const own = histories[row];
          if (!own || !reference || own.count <= window + 1 || reference.count <= window + 1) {
            beta[row] = correlation[row] = follow[row] = Number.NaN;
            continue;
          }
          let product = 0;
          let lagged = 0;
          let ownSquare = 0;
          let square = 0;
          let b = at64(reference.values, reference.base + (reference.head & reference.mask));
          for (let k = 0; k < window; k++) {
            const r = at64(own.values, own.base + ((own.head - k) & own.mask));
            const before = at64(reference.values, reference.base + ((reference.head - k - 1) & reference.mask));
            product += r * b;
            lagged += r * before;
            ownSquare += r * r;
            square += b * b;
            b = before;
          }
          const scale = Math.sqrt(ownSquare * square);
          beta[row] = square === 0 ? 0 : product / square;
          correlation[row] = scale === 0 ? 0 : product / scale;
          follow[row] = scale === 0 ? 0 : lagged / scale;
        }
      });
      return reserved;
    });
    return columns[kind];
  });
}

interface Sorted {
  values: Float64Array;
  count: number;
}

function sortedOf(stage: CrossBuilder, source: CrossNode): Sorted {
  return stage.shared(`sorted(${source.key})`, () => {
    const input = stage.use(source);
    const sorted: Sorted = { values: new Float64Array(0), count: 0 };
    stage.onPanel((frame, columns) => {
      if (sorted.values.length < frame.rows) sorted.values = new Float64Array(frame.rows);
      const values = columns[input] as Float64Array;
      let count = 0;
      for (let row = 0; row < frame.rows; row++) {
        const value = at64(values, row);
        if (!Number.isNaN(value)) sorted.values[count++] = value;
      }
      sorted.values.subarray(0, count).sort();
      sorted.count = count;
    });
    return sorted;
  });
}

function momentsOf(stage: CrossBuilder, source: CrossNode): { mean: number; deviation: number } {
  return stage.shared(`moments(${source.key})`, () => {
    const sorted = sortedOf(stage, source);
    const moments = { mean: Number.NaN, deviation: Number.NaN };
    stage.onPanel(() => {
      const { values, count } = sorted;
      // From differences to the smallest, so that equal values have a deviation of exactly 0.
      const least = at64(values, 0);
      let sum = 0;
      for (let i = 0; i < count; i++) sum += at64(values, i) - least;
      const mean = sum / count;
      let square = 0;
      for (let i = 0; i < count; i++) {
        const difference = at64(values, i) - least - mean;
        square += difference * difference;
      }
      moments.mean = count === 0 ? Number.NaN : least + mean;
      moments.deviation = Math.sqrt(square / count);
    });
    return moments;
  });
}

/** How many of the first `count` sorted values are below `value`, or below or equal. */
function countBelow(values: Float64Array, count: number, value: number, orEqual: boolean): number {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >> 1;
    const at = at64(values, middle);
    if (at < value || (orEqual && at === value)) low = middle + 1;
    else high = middle;
  }
  return low;
}

function panelWide(key: string, build: (stage: CrossBuilder) => (frame: CrossFrame) => number): CrossNode {
  return defineCrossNode(key, (stage) => {
    const compute = build(stage);
    const out = stage.reserve();
    stage.onPanel((frame, columns) => {
      (columns[out] as Float64Array).fill(compute(frame), 0, frame.rows);
    });
    return out;
  });
}
