import { at64 } from '../../core/index.ts';

/** Blocks that the periods are cut into, unless asked otherwise: 12,870 ways to take half of them. */
const BLOCKS = 16;

/** How often the choice of the best variant fails on what it was not chosen on. */
export interface BacktestOverfitting {
  readonly blocks: number;
  readonly combinations: number;
  /** Share of the combinations in which the best variant in sample is at or below the median out of sample. */
  readonly probability: number;
  /** Share in which its Sharpe ratio out of sample is negative. */
  readonly probabilityOfLoss: number;
  /** Mean Sharpe ratios per period of the chosen variant, in and out of sample. */
  readonly inSample: number;
  readonly outOfSample: number;
  /** [combinations] Logit of the chosen variant's relative rank out of sample. */
  readonly logits: Float64Array;
}

/**
 * Probability of backtest overfitting by combinatorially symmetric cross-validation (Bailey, Borwein, López de Prado and Zhu 2017, "The
 * Probability of Backtest Overfitting"): the periods are cut into `blocks` pieces; on each half of them the variant with the best Sharpe
 * ratio is chosen and ranked on the other half. The first periods are left out where they do not divide.
 * @param returns [periods, variants] row-major
 * @param blocks even
 * @returns undefined below two variants or two periods a block
 */
export function backtestOverfitting(
  returns: Float64Array,
  variants: number,
  { blocks = BLOCKS }: { readonly blocks?: number } = {},
): BacktestOverfitting | undefined {
  const periods = Math.floor(returns.length / variants);
  const length = Math.floor(periods / blocks);
  if (variants < 2 || length < 2 || blocks < 2 || blocks % 2 !== 0) return undefined;
  const sums = blockSums(returns, variants, periods - length * blocks, length, blocks);
  const half = (blocks / 2) * length;
  const inside = new Float64Array(variants);
  const outside = new Float64Array(variants);
  const logits: number[] = [];
  let losses = 0;
  let insideSum = 0;
  let outsideSum = 0;
  for (const chosen of halvesOf(blocks)) {
    sharpesOf(inside, sums, blocks, half, (block) => ((chosen >> block) & 1) === 1);
    sharpesOf(outside, sums, blocks, half, (block) => ((chosen >> block) & 1) === 0);
    const best = inside.indexOf(Math.max(...inside));
    const result = at64(outside, best);
    const relative = rankIn(outside, result) / (variants + 1);
    logits.push(Math.log(relative / (1 - relative)));
    if (result < 0) losses++;
    insideSum += at64(inside, best);
    outsideSum += result;
  }
  const combinations = logits.length;
  return {
    blocks,
    combinations,
    probability: logits.filter((logit) => logit <= 0).length / combinations,
    probabilityOfLoss: losses / combinations,
    inSample: insideSum / combinations,
    outOfSample: outsideSum / combinations,
    logits: Float64Array.from(logits),
  };
}

/** Sums and sums of squares: [blocks, 2, variants]. */
function blockSums(returns: Float64Array, variants: number, from: number, length: number, blocks: number) {
  const sums = new Float64Array(blocks * 2 * variants);
  for (let block = 0; block < blocks; block++) {
    const base = block * 2 * variants;
    for (let period = from + block * length; period < from + (block + 1) * length; period++) {
      for (let k = 0; k < variants; k++) {
        const value = at64(returns, period * variants + k);
        sums[base + k] = at64(sums, base + k) + value;
        sums[base + variants + k] = at64(sums, base + variants + k) + value * value;
      }
    }
  }
  return sums;
}

/** Sharpe ratios per period over the blocks that `isTaken`; 0 of a variant that does not vary there. */
function sharpesOf(
  into: Float64Array,
  sums: Float64Array,
  blocks: number,
  periods: number,
  isTaken: (block: number) => boolean,
): void {
  const variants = into.length;
  const squares = new Float64Array(variants);
  into.fill(0);
  for (let block = 0; block < blocks; block++) {
    if (!isTaken(block)) continue;
    const base = block * 2 * variants;
    for (let k = 0; k < variants; k++) {
      into[k] = at64(into, k) + at64(sums, base + k);
      squares[k] = at64(squares, k) + at64(sums, base + variants + k);
    }
  }
  for (let k = 0; k < variants; k++) {
    const mean = at64(into, k) / periods;
    const excess = at64(squares, k) - periods * mean * mean;
    into[k] = excess > 1e-12 * at64(squares, k) ? mean / Math.sqrt(excess / (periods - 1)) : 0;
  }
}

/** Rank of a value among those it is one of, 1 the lowest; equal ones share their mean rank. */
function rankIn(values: Float64Array, value: number): number {
  let below = 0;
  let equal = 0;
  for (const other of values) {
    if (other < value) below++;
    else if (other === value) equal++;
  }
  return below + (equal + 1) / 2;
}

/** All ways to take half of `blocks`, as bits. */
function* halvesOf(blocks: number): Generator<number> {
  for (let bits = 0; bits < 2 ** blocks; bits++) {
    let taken = 0;
    for (let rest = bits; rest > 0; rest &= rest - 1) taken++;
    if (taken * 2 === blocks) yield bits;
  }
}
