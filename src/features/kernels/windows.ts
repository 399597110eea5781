import { at64, atInt32 } from '../../core/index.ts';
import { after, bar, defineNode, type Kind, logReturn, type Node, output, type Slot } from '../program.ts';

/*
 * Windows are summed as blocks of their own length: the sum of the newest values of the block in the making, and of the oldest of the block
 * before, meet at every bar (van Herk 1992, for sums). That takes a few additions a bar, whatever the window. Nothing is ever
 * subtracted, so that a sum does not drift, and a window of zeros sums to exactly zero.
 */

/** Sum of the last `window` values of a node. */
export function windowSum(source: Node, window: number): Node {
  return defineNode(`sum(${source.key},${window})`, after([source], window), (stage) => {
    const input = stage.use(source);
    // The sum, and the sum of the newest values.
    const out = stage.reserve(2);
    stage.onBarTogether(sumWindows, [input, out, stage.reserveArray(window), window, stage.place(window)]);
    return out;
  });
}

/** Source, result, block, length and place of each window. */
const sumWindows: Kind = (s, parameters, _, places) => {
  for (let i = 0; i < parameters.length; i += 5) {
    const value = at64(s, atInt32(parameters, i));
    const out = atInt32(parameters, i + 1);
    const block = atInt32(parameters, i + 2);
    const window = atInt32(parameters, i + 3);
    const place = atInt32(places, atInt32(parameters, i + 4));
    const newest = place === 0 ? value : at64(s, out + 1) + value;
    s[out + 1] = newest;
    s[block + place] = value;
    if (place + 1 < window) {
      s[out] = newest + at64(s, block + place + 1);
      continue;
    }
    // The block is full: from now on it holds the sums from each of its values to its end.
    let end = 0;
    for (let k = block + window - 1; k >= block; k--) {
      end += at64(s, k);
      s[k] = end;
    }
    s[out] = newest;
  }
};

/**
 * Sums over the last `window` values of a node: `sum` of the values, `aged` of each value times its age, the newest's 0. In blocks, like
 * a plain sum.
 */
export function lineSums(source: Node, window: number): { readonly sum: Node; readonly aged: Node } {
  const both = defineNode(`line(${source.key},${window})`, after([source], window), (stage) => {
    const input = stage.use(source);
    const { places } = stage;
    const index = stage.place(window);
    const out = stage.reserve(4);
    const ends = stage.reserveArray(window);
    const agedEnds = stage.reserveArray(window);
    stage.onBar((s) => {
      const value = at64(s, input);
      const place = atInt32(places, index);
      const before = place === 0 ? 0 : at64(s, out + 2);
      const newest = before + value;
      // All of the block's values have aged by one bar.
      const aged = place === 0 ? 0 : at64(s, out + 3) + before;
      s[out + 2] = newest;
      s[out + 3] = aged;
      s[ends + place] = value;
      const now = place + 1;
      if (now < window) {
        const older = at64(s, ends + now);
        s[out] = newest + older;
        s[out + 1] = aged + (at64(s, agedEnds + now) + now * older);
        return;
      }
      let end = 0;
      let agedEnd = 0;
      for (let k = window - 1; k >= 0; k--) {
        const one = at64(s, ends + k);
        end += one;
        agedEnd += (window - 1 - k) * one;
        s[ends + k] = end;
        s[agedEnds + k] = agedEnd;
      }
      s[out] = newest;
      s[out + 1] = aged;
    });
    return out;
  });
  return { sum: both, aged: output(both, 1, 'aged') };
}

/**
 * The last `window` values of a node in ascending order, in as many slots. NaN may not be among them.
 */
export const sortedWindow = (source: Node, window: number): Node =>
  defineNode(`sorted(${source.key},${window})`, after([source], window), (stage) => {
    const { base, mask } = stage.ring(source, window + 1);
    const out = stage.reserveArray(window);
    stage.onBar((s, count) => {
      const value = at64(s, base + (count & mask));
      if (count <= window) {
        let at = out + count - 1;
        for (; at > out && at64(s, at - 1) > value; at--) s[at] = at64(s, at - 1);
        s[at] = value;
        return;
      }
      let at = out + firstNotBelow(s, out, window, at64(s, base + ((count - window) & mask)));
      if (value >= at64(s, at)) {
        for (const last = out + window - 1; at < last && at64(s, at + 1) < value; at++) s[at] = at64(s, at + 1);
      } else {
        for (; at > out && at64(s, at - 1) > value; at--) s[at] = at64(s, at - 1);
      }
      s[at] = value;
    });
    return out;
  });

/** How many of `length` ascending numbers are below a value. */
export function firstNotBelow(s: Float64Array, base: Slot, length: number, value: number): number {
  let low = 0;
  let high = length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (at64(s, base + middle) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * Share of the window's other values that were below the newest, ties counting half. Values closer than rounding can tell, 2^-40 of the newest, are
 * ties: else the order of additions would decide between equal ones.
 */
export const percentile = (source: Node, window: number): Node =>
  defineNode(`percentile(${source.key},${window})`, after([source], window), (stage) => {
    const sorted = stage.use(sortedWindow(source, window));
    const input = stage.use(source);
    const out = stage.reserve(1);
    stage.onBar((s, count) => {
      if (count < window) return;
      const value = at64(s, input);
      const near = Math.abs(value) * ROUNDING;
      const below = firstNotBelow(s, sorted, window, value - near);
      let upTo = below + 1;
      while (upTo < window && at64(s, sorted + upTo) <= value + near) upTo++;
      s[out] = (below + (upTo - below - 1) / 2) / (window - 1);
    });
    return out;
  });

/** Mean of the last `window` values of a node. */
export function windowMean(source: Node, window: number): Node {
  return defineNode(`mean(${source.key},${window})`, after([source], window), (stage) => {
    const sum = stage.use(windowSum(source, window));
    const out = stage.reserve(1);
    stage.onBarTogether(divideByWindows, [sum, out, window]);
    return out;
  });
}

const divideByWindows: Kind = (s, parameters) => {
  for (let i = 0; i < parameters.length; i += 3) {
    s[atInt32(parameters, i + 1)] = at64(s, atInt32(parameters, i)) / atInt32(parameters, i + 2);
  }
};

/** Mean of the last few values of a node that nothing else looks back on. */
export function shortMean(source: Node, window: number): Node {
  return defineNode(`shortMean(${source.key},${window})`, after([source], window), (stage) => {
    const { base, mask } = stage.ring(source, window);
    const out = stage.reserve(1);
    stage.onBar((s, count) => {
      let sum = 0;
      for (let k = 0; k < window; k++) sum += at64(s, base + ((count - k) & mask));
      s[out] = sum / window;
    });
    return out;
  });
}

/** Share of a variance below which it is rounding alone: 2^-40. */
export const ROUNDING = 2 ** -40;

/** The value of a node `lag` bars ago; 0 before there was one. */
export function lagged(source: Node, lag: number): Node {
  return defineNode(`lag(${source.key},${lag})`, after([source], lag + 1), (stage) => {
    const { base, mask } = stage.ring(source, lag + 1);
    const out = stage.reserve(1);
    stage.onBar((s, count) => {
      s[out] = count > lag ? at64(s, base + ((count - lag) & mask)) : 0;
    });
    return out;
  });
}

/** What the last `window` highs and lows say: the extremes, and how many bars ago they were (the newest where equal). */
export type Extreme = 'highest' | 'lowest' | 'highestAge' | 'lowestAge';

export function extreme(kind: Extreme, window: number): Node {
  const isHigh = kind === 'highest' || kind === 'highestAge';
  const best = largest(bar(isHigh ? 'high' : 'low'), window, isHigh ? 1 : -1);
  return kind === 'highest' || kind === 'lowest' ? best : output(best, 1, 'age');
}

/**
 * The largest of the last `window` values of a node times `sign` (1, or -1 for the smallest), and in the next slot how many bars ago it was, the
 * newest where equal. In blocks, like sums: the best of the block in the making against the best of the oldest block from its place on.
 */
export const largest = (source: Node, window: number, sign: 1 | -1): Node =>
  defineNode(`${sign === 1 ? 'largest' : 'smallest'}(${source.key},${window})`, after([source], window), (stage) => {
    const input = stage.use(source);
    const out = stage.reserve(4);
    stage.onBarTogether(largestOfWindows, [
      input,
      out,
      stage.reserveArray(2 * window),
      window,
      stage.place(window),
      sign,
    ]);
    return out;
  });

/** Source, results, block of values and times, length, place and sign of each window. */
const largestOfWindows: Kind = (s, parameters, count, places) => {
  for (let i = 0; i < parameters.length; i += 6) {
    const out = atInt32(parameters, i + 1);
    const values = atInt32(parameters, i + 2);
    const window = atInt32(parameters, i + 3);
    const times = values + window;
    const place = atInt32(places, atInt32(parameters, i + 4));
    const sign = atInt32(parameters, i + 5);
    const value = sign * at64(s, atInt32(parameters, i));
    let best = at64(s, out + 2);
    let time = at64(s, out + 3);
    if (place === 0 || value >= best) {
      best = value;
      time = count;
    }
    s[out + 2] = best;
    s[out + 3] = time;
    s[values + place] = value;
    s[times + place] = count;
    const now = place + 1;
    if (now < window) {
      if (count > window) {
        const older = at64(s, values + now);
        if (older > best) {
          best = older;
          time = at64(s, times + now);
        }
      }
    } else {
      let bestEnd = at64(s, values + window - 1);
      let timeEnd = at64(s, times + window - 1);
      for (let k = window - 2; k >= 0; k--) {
        if (at64(s, values + k) > bestEnd) {
          bestEnd = at64(s, values + k);
          timeEnd = at64(s, times + k);
        }
        s[values + k] = bestEnd;
        s[times + k] = timeEnd;
      }
    }
    s[out] = sign * best;
    s[out + 1] = count - time;
  }
};

/** Sums over the last `window` log returns r: of r, |r|, r², r² where r < 0, r³, r⁴, r·r₋₁. Need window + 1 bars, the last one more. */
export type ReturnSum = 'return' | 'absolute' | 'square' | 'downSquare' | 'cube' | 'fourth' | 'product';

export const returnSum = (kind: ReturnSum, window: number): Node =>
  kind === 'return' ? pathChange(window) : windowSum(returnTerm(kind), window);

/** Log returns are rounded to multiples of this, 2^-44, where they are added up for good: sums below 2^8 are then exact. */
const PATH_QUANTUM = 1.5 * 2 ** 8;

/** Sum of all log returns since the series began: exact, so that differences of it do not depend on the beginning. */
const path: Node = defineNode('path', after([logReturn]), (stage) => {
  const move = stage.use(logReturn);
  const out = stage.reserve(1);
  stage.onBar((s) => {
    s[out] = at64(s, out) + (at64(s, move) + PATH_QUANTUM - PATH_QUANTUM);
  });
  return out;
});

/** Sum of the last `window` log returns. */
const pathChange = (window: number): Node =>
  defineNode(`pathChange(${window})`, after([logReturn], window), (stage) => {
    const { base, mask } = stage.ring(path, window + 1);
    const out = stage.reserve(1);
    stage.onBarTogether(changesSince, [base, mask, window, out]);
    return out;
  });

/** Base and mask of a ring, distance and result of each change. */
const changesSince: Kind = (s, parameters, count) => {
  for (let i = 0; i < parameters.length; i += 4) {
    const base = atInt32(parameters, i);
    const mask = atInt32(parameters, i + 1);
    const before = at64(s, base + ((count - atInt32(parameters, i + 2)) & mask));
    s[atInt32(parameters, i + 3)] = at64(s, base + (count & mask)) - before;
  }
};

const RETURN_TERMS: readonly ReturnSum[] = ['return', 'absolute', 'square', 'downSquare', 'cube', 'fourth', 'product'];
const returnTerms: Node = defineNode('returnTerms', after([logReturn]), (stage) => {
  const move = stage.use(logReturn);
  const out = stage.reserve(RETURN_TERMS.length);
  stage.onBar((s) => {
    const before = at64(s, out);
    const r = at64(s, move);
    const square = r * r;
    s[out] = r;
    s[out + 1] = Math.abs(r);
    s[out + 2] = square;
    s[out + 3] = r < 0 ? square : 0;
    s[out + 4] = square * r;
    s[out + 5] = square * square;
    s[out + 6] = r * before;
  });
  return out;
});
const returnTerm = (kind: ReturnSum): Node => ({
  ...output(returnTerms, RETURN_TERMS.indexOf(kind), kind),
  warmUp: kind === 'product' ? 3 : 2,
});

/** The largest |r| of the last `window` bars. Needs window + 1 bars. */
export const largestReturn = (window: number): Node => largest(returnTerm('absolute'), window, 1);

/** How many of the last `window` values of a node that gives whole numbers from 0 to `kinds` - 1 are of each kind: `kinds` slots. */
export const windowCounts = (source: Node, kinds: number, window: number): Node =>
  defineNode(`counts(${source.key},${window})`, after([source], window), (stage) => {
    const { base, mask } = stage.ring(source, window + 1);
    const out = stage.reserve(kinds);
    stage.onBar((s, count) => {
      const now = out + at64(s, base + (count & mask));
      s[now] = at64(s, now) + 1;
      if (count <= window) return;
      const gone = out + at64(s, base + ((count - window) & mask));
      s[gone] = at64(s, gone) - 1;
    });
    return out;
  });
