import { at64 } from '../../../core/index.ts';
import {
  type CrossBuilder,
  type CrossFrame,
  type CrossNode,
  defineCrossNode,
  defineWideNode,
  noHistory,
  type ReturnHistory,
} from '../../cross-program.ts';

/** Whom a row is held against: a reference symbol by its position, or the mean of the panel. */
export type Against = number | 'market';
export type Series = 'fast' | 'slow';

/**
 * How a row's returns r move with those of another, b, over the last `window` bars of a stage, all about 0: `beta` Σrb/Σb², `downBeta` the
 * same over the bars where b falls, `correlation` Σrb/√(Σr²Σb²), `follow` Σr·b₋₁/√(Σr²Σb²): the other leads; `lead` Σr₋₁·b/√(Σr²Σb²): the
 * row leads. Masked without the other; 0 where one stands still.
 */
export type Comovement = 'beta' | 'downBeta' | 'correlation' | 'follow' | 'lead';
const COMOVEMENTS: readonly Comovement[] = ['beta', 'downBeta', 'correlation', 'follow', 'lead'];

export function comovement(kind: Comovement, series: Series, against: Against, window: number): CrossNode {
  return defineCrossNode(`${kind}(${series},${against},${window})`, (stage) => {
    const columns = stage.shared(`comovement(${series},${against},${window})`, () =>
      reserveComovement(stage, series, against, window),
    );
    return columns[COMOVEMENTS.indexOf(kind)] as number;
  });
}

function reserveComovement(stage: CrossBuilder, series: Series, against: Against, window: number): number[] {
  const reserved = COMOVEMENTS.map(() => stage.reserve());
  const otherOf =
    against === 'market'
      ? marketOf(stage, series, window)
      : (frame: CrossFrame) => (series === 'fast' ? frame.referenceFast : frame.referenceSlow)[against];
  const seen = stage.shared(`seen(${series})`, () => createSeen(stage, series));
  let seenOther: ReturnHistory | undefined;
  let seenHead = -1;
  /** Of the other: the last window + 1 returns, newest first, and those of them that fall. */
  const others = new Float64Array(window + 1);
  const falls = new Float64Array(window + 1);
  stage.onPanel((frame, scratch) => {
    const [beta, downBeta, correlation, follow, lead] = reserved.map((column) => scratch[column]) as [
      Float64Array,
      Float64Array,
      Float64Array,
      Float64Array,
      Float64Array,
    ];
    const other = otherOf(frame);
    const sameOther = other?.values === seenOther?.values && other?.head === seenHead;
    seenOther = other && { ...other };
    seenHead = other?.head ?? -1;
    if (seen.same && sameOther) return;
    const histories = series === 'fast' ? frame.fast : frame.slow;
    const known = other !== undefined && other.count > window + 1;
    let square = 0;
    let downSquare = 0;
    for (let k = 0; k <= window && known; k++) {
      const b = at64(other.values, other.base + ((other.head - k) & other.mask));
      const fall = b < 0 ? b : 0;
      others[k] = b;
      falls[k] = fall;
      if (k === window) break;
      square += b * b;
      downSquare += fall * fall;
    }
    for (let row = 0; row < frame.rows; row++) {
      const own = histories[row];
      if (!own || !known || own.count <= window + 1) {
        beta[row] = downBeta[row] = correlation[row] = follow[row] = lead[row] = Number.NaN;
        continue;
      }
      const { values, base, mask, head } = own;
      let product = 0;
      let downProduct = 0;
      let following = 0;
      let leading = 0;
      let ownSquare = 0;
      let b = at64(others, 0);
      let r = at64(values, base + (head & mask));
      for (let k = 1; k <= window; k++) {
        const earlierR = at64(values, base + ((head - k) & mask));
        const earlierB = at64(others, k);
        product += r * b;
        downProduct += r * at64(falls, k - 1);
        following += r * earlierB;
        leading += earlierR * b;
        ownSquare += r * r;
        r = earlierR;
        b = earlierB;
      }
      const scale = Math.sqrt(ownSquare * square);
      beta[row] = square === 0 ? 0 : product / square;
      downBeta[row] = downSquare === 0 ? 0 : downProduct / downSquare;
      correlation[row] = scale === 0 ? 0 : product / scale;
      follow[row] = scale === 0 ? 0 : following / scale;
      lead[row] = scale === 0 ? 0 : leading / scale;
    }
  });
  return reserved;
}

/**
 * Whether the panel's histories are those of the panel before, as the hours are for every minute of an hour: what follows from them alone need
 * not be computed again.
 */
function createSeen(stage: CrossBuilder, series: Series): { same: boolean } {
  const seen = { same: false };
  let rows = -1;
  let version = -1;
  let values: (Float64Array | undefined)[] = [];
  let heads = new Int32Array(0);
  stage.onPanel((frame) => {
    const histories = series === 'fast' ? frame.fast : frame.slow;
    seen.same = frame.rows === rows && frame.version === version;
    if (heads.length < frame.rows) {
      heads = new Int32Array(frame.rows);
      values = new Array(frame.rows).fill(undefined);
    }
    for (let row = 0; row < frame.rows; row++) {
      const own = histories[row];
      if (!own) continue;
      if (own.head !== heads[row] || own.values !== values[row]) seen.same = false;
      heads[row] = own.head;
      values[row] = own.values;
    }
    rows = frame.rows;
    version = frame.version;
  });
  return seen;
}

/** Rounds to multiples of 2^-40 by their sum with this: such numbers add up exactly, in whatever order. */
const QUANTUM = 1.5 * 2 ** 12;

/**
 * The panel's mean returns over the last window + 1 bars, of the rows that have as many: one history like a symbol's. Each return is rounded
 * to a multiple of 2^-40 first, so that the sum has the same bits in any order of the symbols.
 */
function marketOf(stage: CrossBuilder, series: Series, window: number): (frame: CrossFrame) => ReturnHistory {
  return stage.shared(`market(${series},${window})`, () => {
    const seen = stage.shared(`seen(${series})`, () => createSeen(stage, series));
    const market = noHistory();
    const means = new Float64Array(window + 1);
    stage.onPanel((frame) => {
      if (seen.same) return;
      const histories = series === 'fast' ? frame.fast : frame.slow;
      means.fill(0);
      let members = 0;
      for (let row = 0; row < frame.rows; row++) {
        const own = histories[row];
        if (!own || own.count <= window + 1) continue;
        members++;
        const { values, base, mask, head } = own;
        const oldest = head - window;
        for (let k = 0; k <= window; k++) {
          means[k] = at64(means, k) + (at64(values, base + ((oldest + k) & mask)) + QUANTUM - QUANTUM);
        }
      }
      for (let k = 0; k <= window; k++) means[k] = at64(means, k) / members;
      market.values = means;
      market.mask = -1;
      market.head = window;
      market.count = members === 0 ? 0 : window + 2;
    });
    return () => market;
  });
}

/** Log return of the panel's mean over its last `bars` bars, of the rows that have `window` + 2 bars. */
export const marketReturn = (series: Series, bars: number, window: number): CrossNode =>
  defineWideNode(`marketReturn(${series},${bars},${window})`, (stage) => {
    const marketIn = marketOf(stage, series, window);
    return (frame) => {
      const market = marketIn(frame);
      if (market.count === 0) return Number.NaN;
      let sum = 0;
      for (let k = 0; k < bars; k++) sum += at64(market.values, market.head - k);
      return sum;
    };
  });

/**
 * Share of the panel's variance that is common: variance of the mean over the mean variance of the window's returns, about 0; near 1
 * when all move as one.
 */
export const commonShare = (series: Series, window: number): CrossNode =>
  defineWideNode(`commonShare(${series},${window})`, (stage) => {
    const marketIn = marketOf(stage, series, window);
    const seen = stage.shared(`seen(${series})`, () => createSeen(stage, series));
    let share = Number.NaN;
    return (frame) => {
      if (seen.same) return share;
      const market = marketIn(frame);
      share = Number.NaN;
      if (market.count === 0) return share;
      let common = 0;
      for (let k = 0; k < window; k++) common += at64(market.values, market.head - k) ** 2;
      const histories = series === 'fast' ? frame.fast : frame.slow;
      let all = 0;
      let members = 0;
      for (let row = 0; row < frame.rows; row++) {
        const own = histories[row];
        if (!own || own.count <= window + 1) continue;
        let square = 0;
        for (let k = 0; k < window; k++) square += at64(own.values, own.base + ((own.head - k) & own.mask)) ** 2;
        all += square + QUANTUM - QUANTUM;
        members++;
      }
      share = all === 0 ? 0 : common / (all / members);
      return share;
    };
  });
