import { at64 } from '../../core/index.ts';
import { bar, defineNode, type Node, ring, type Slot, type StageBuilder, type Update } from '../program.ts';

/*
 * Windows are summed anew on each bar, newest bar first. A sum then depends on the bars inside its window alone: it does not drift, two
 * series that began at different bars agree to the last bit, and a window of zeros sums to exactly zero. All windows over one
 * source share one pass.
 */

/** Sum of the last `window` values of a node. */
export function windowSum(source: Node, window: number): Node {
  return defineNode(`sum(${source.key},${window})`, (stage) => {
    const pass = stage.shared(`sums(${source.key})`, () => createSumPass(stage, stage.use(ring(source))));
    return pass(window);
  });
}

/** Mean of the last `window` values of a node. */
export function windowMean(source: Node, window: number): Node {
  return defineNode(`mean(${source.key},${window})`, (stage) => {
    const sum = stage.use(windowSum(source, window));
    const out = stage.reserve(1);
    stage.onBar((s) => {
      s[out] = at64(s, sum) / window;
    });
    return out;
  });
}

/** Mean of the last few values of a node, kept in a ring of their own number. */
export function shortMean(source: Node, window: number): Node {
  return defineNode(`shortMean(${source.key},${window})`, (stage) => {
    const input = stage.use(source);
    const base = stage.reserve(window);
    const out = stage.reserve(1);
    stage.onBar((s, count) => {
      s[base + (count % window)] = at64(s, input);
      let sum = 0;
      for (let k = 0; k < window; k++) sum += at64(s, base + ((count + window - k) % window));
      s[out] = sum / window;
    });
    return out;
  });
}

/** The value of a node `lag` bars ago; 0 before there was one. */
export function lagged(source: Node, lag: number): Node {
  return defineNode(`lag(${source.key},${lag})`, (stage) => {
    const base = stage.use(ring(source));
    const { mask } = stage;
    const out = stage.reserve(1);
    stage.onBar((s, count) => {
      s[out] = count > lag ? at64(s, base + ((count - lag) & mask)) : 0;
    });
    return out;
  });
}

/** What the last `window` highs and lows say: the extremes, and how many bars ago they were (the newest where equal). */
export type Extreme = 'highest' | 'lowest' | 'highestAge' | 'lowestAge';
const EXTREMES: readonly Extreme[] = ['highest', 'lowest', 'highestAge', 'lowestAge'];

export function extreme(kind: Extreme, window: number): Node {
  return defineNode(`${kind}(${window})`, (stage) => {
    const pass = stage.shared('extremes', () => createExtremePass(stage));
    return pass(window) + EXTREMES.indexOf(kind);
  });
}

/**
 * Sums over the last `window` log returns r: of r, |r|, r², r³, r⁴, r² where r < 0, r·r₋₁; `largest` is the largest |r|.
 */
export type ReturnSum = 'return' | 'absolute' | 'square' | 'cube' | 'fourth' | 'downSquare' | 'product' | 'largest';
const RETURN_SUMS: readonly ReturnSum[] = [
  'return',
  'absolute',
  'square',
  'cube',
  'fourth',
  'downSquare',
  'product',
  'largest',
];

export function returnSum(kind: ReturnSum, window: number): Node {
  return defineNode(`returns(${kind},${window})`, (stage) => {
    const pass = stage.shared('returnSums', () => createReturnPass(stage));
    return pass(window) + RETURN_SUMS.indexOf(kind);
  });
}

/** Windows of one pass, ascending, each with the first slot of its results. */
interface Windows {
  readonly lengths: number[];
  readonly slots: Slot[];
}

/** Registers a pass; the returned function gives a window's first slot, adding the window when it is new. */
function createPass(
  stage: StageBuilder,
  outputs: number,
  update: (windows: Windows) => Update,
): (window: number) => Slot {
  const windows: Windows = { lengths: [], slots: [] };
  stage.onBar(update(windows));
  return (window) => {
    const capacity = stage.mask + 1;
    if (window < 1 || window >= capacity) throw new RangeError(`a window of ${window} in rings of ${capacity}`);
    const known = windows.lengths.indexOf(window);
    if (known >= 0) return windows.slots[known] as Slot;
    const slot = stage.reserve(outputs);
    let at = windows.lengths.findIndex((length) => length > window);
    if (at < 0) at = windows.lengths.length;
    windows.lengths.splice(at, 0, window);
    windows.slots.splice(at, 0, slot);
    return slot;
  };
}

/**
 * Four running sums, by the age of the value modulo 4, so that additions do not wait for one another. The grouping depends on the age
 * alone: a window's sum has the same bits whatever other windows share the pass.
 */
function createSumPass(stage: StageBuilder, base: Slot) {
  const { mask } = stage;
  return createPass(stage, 1, ({ lengths, slots }) => (s, count) => {
    let a = 0;
    let b = 0;
    let c = 0;
    let d = 0;
    let k = 0;
    for (let w = 0; w < lengths.length; w++) {
      const end = lengths[w] as number;
      while (k < end) {
        const lane = k & 3;
        if (lane === 0 && k + 4 <= end) {
          a += at64(s, base + ((count - k) & mask));
          b += at64(s, base + ((count - k - 1) & mask));
          c += at64(s, base + ((count - k - 2) & mask));
          d += at64(s, base + ((count - k - 3) & mask));
          k += 4;
          continue;
        }
        const value = at64(s, base + ((count - k) & mask));
        if (lane === 0) a += value;
        else if (lane === 1) b += value;
        else if (lane === 2) c += value;
        else d += value;
        k++;
      }
      s[slots[w] as number] = a + b + (c + d);
    }
  });
}

function createExtremePass(stage: StageBuilder) {
  const { mask } = stage;
  const high = stage.use(ring(bar('high')));
  const low = stage.use(ring(bar('low')));
  return createPass(stage, EXTREMES.length, ({ lengths, slots }) => (s, count) => {
    let highest = Number.NEGATIVE_INFINITY;
    let lowest = Number.POSITIVE_INFINITY;
    let highestAge = 0;
    let lowestAge = 0;
    let k = 0;
    for (let w = 0; w < lengths.length; w++) {
      const end = Math.min(lengths[w] as number, count);
      for (; k < end; k++) {
        const at = (count - k) & mask;
        const h = at64(s, high + at);
        const l = at64(s, low + at);
        if (h > highest) {
          highest = h;
          highestAge = k;
        }
        if (l < lowest) {
          lowest = l;
          lowestAge = k;
        }
      }
      const out = slots[w] as number;
      s[out] = highest;
      s[out + 1] = lowest;
      s[out + 2] = highestAge;
      s[out + 3] = lowestAge;
    }
  });
}

function createReturnPass(stage: StageBuilder) {
  const { mask } = stage;
  const base = stage.use(ring(bar('logReturn')));
  return createPass(stage, RETURN_SUMS.length, ({ lengths, slots }) => (s, count) => {
    let sum = 0;
    let absolute = 0;
    let square = 0;
    let cube = 0;
    let fourth = 0;
    let downSquare = 0;
    let product = 0;
    let largest = 0;
    let k = 0;
    let r = at64(s, base + (count & mask));
    for (let w = 0; w < lengths.length; w++) {
      const end = lengths[w] as number;
      for (; k < end; k++) {
        const before = at64(s, base + ((count - k - 1) & mask));
        const size = Math.abs(r);
        const r2 = r * r;
        sum += r;
        absolute += size;
        square += r2;
        cube += r2 * r;
        fourth += r2 * r2;
        if (r < 0) downSquare += r2;
        product += r * before;
        if (size > largest) largest = size;
        r = before;
      }
      const out = slots[w] as number;
      s[out] = sum;
      s[out + 1] = absolute;
      s[out + 2] = square;
      s[out + 3] = cube;
      s[out + 4] = fourth;
      s[out + 5] = downSquare;
      s[out + 6] = product;
      s[out + 7] = largest;
    }
  });
}
