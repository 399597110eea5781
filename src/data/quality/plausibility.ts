import { at64, type BarColumns } from '../../core/index.ts';
import { type Fault, faultsOfRuns, quantileOf, type Run, runsOf } from './fault.ts';

/** A market is continuous: a bar opens where the one before closed. Measured on 200 files: 1.4 % at most. */
const LEAST_JUMP = 0.015;
const CERTAIN_JUMP = 0.2;
/** Where every hundredth bar jumps, nothing more can be said: no need to look further. */
const MOST_JUMPS = 0.01;

/**
 * Finds what no market makes although each bar is well-formed. `wrong` marks bars that are reported already, `standing` those
 * of an outage or repeated. `bars` ascending, unique, on the grid.
 */
export function checkPlausibility(
  bars: BarColumns,
  duration: number,
  wrong: Uint8Array,
  standing: Uint8Array,
): Fault[] {
  if (bars.length < 3) return [];
  const report = (runs: readonly Run[], describe: (run: Run) => string) =>
    faultsOfRuns('IMPLAUSIBLE', runs, bars, duration, describe);
  const jumps = findJumpedStretches(openingGaps(bars, duration, standing), bars);
  const jumpFaults = report(jumps, (run) => describeStretch(bars, run));
  if (jumps.length > MOST_JUMPS * bars.length) return jumpFaults;
  const jumped = new Uint8Array(bars.length);
  for (const { start, end } of jumps) jumped.fill(1, start, end);
  const soundShare = 1 - wrong.reduce((sum, mark) => sum + mark, 0) / bars.length;
  return [
    ...jumpFaults,
    ...report(findSpikes(bars, wrong, jumped), ({ start }) => describeSpike(bars, start)),
    ...report(findMovesWithoutVolume(bars, wrong), () => 'the price moves within a bar without volume'),
    // Where the bars themselves are broken in number, the cause is named already.
    ...(soundShare > 0.99 ? checkNature(bars, duration) : []),
  ];
}

/** Log distance from the close before to the open; 0 beside a missing, standing or unusable bar. */
function openingGaps(bars: BarColumns, duration: number, standing: Uint8Array): Float64Array {
  const gaps = new Float64Array(bars.length);
  for (let i = 1; i < bars.length; i++) {
    if (at64(bars.openTime, i) - at64(bars.openTime, i - 1) !== duration) continue;
    if (standing[i] === 1 || standing[i - 1] === 1) continue;
    const gap = Math.log(at64(bars.open, i) / at64(bars.close, i - 1));
    if (Number.isFinite(gap)) gaps[i] = gap;
  }
  return gaps;
}

/** Stretches whose level jumps away at their first bar and back after their last (or never). */
function findJumpedStretches(gaps: Float64Array, bars: BarColumns): Run[] {
  const usual = quantileOf(gaps.map(Math.abs), 0.999);
  const least = Math.min(0.04, Math.max(LEAST_JUMP, 4 * usual));
  const runs: Run[] = [];
  let covered = 0;
  for (let i = 1; i < bars.length && runs.length <= MOST_JUMPS * bars.length; i++) {
    const size = Math.abs(at64(gaps, i));
    if (i < covered || size < least) continue;
    const nearby = Math.max(rangeOf(bars, i - 2), rangeOf(bars, i - 1), rangeOf(bars, i), rangeOf(bars, i + 1));
    if (size <= Math.min(CERTAIN_JUMP, 1.2 * nearby)) continue;
    const run = stretchOf(gaps, bars, i, covered);
    runs.push(run);
    covered = Math.max(run.end + 1, i + 1);
  }
  return runs;
}

/** The odd bars at a jump: one bar whose close or open is off, the bars up to the jump back, or the shorter side of it. */
function stretchOf(gaps: Float64Array, bars: BarColumns, at: number, after: number): Run {
  const size = at64(gaps, at);
  const small = 0.35 * Math.abs(size);
  const returns = (k: number) => Math.abs(size + at64(gaps, k)) < small;
  for (let k = at + 1; k < bars.length; k++) if (returns(k)) return { start: at, end: k };
  for (let k = at - 1; k > after; k--) if (returns(k)) return { start: k, end: at };
  if (Math.abs(Math.log(at64(bars.open, at) / at64(bars.open, at - 1))) < small) return { start: at - 1, end: at };
  if (Math.abs(Math.log(at64(bars.close, at) / at64(bars.close, at - 1))) < small) return { start: at, end: at + 1 };
  return at > bars.length / 2 ? { start: at, end: bars.length } : { start: 0, end: at };
}

function rangeOf(bars: BarColumns, i: number): number {
  if (i < 0 || i >= bars.length) return 0;
  const range = Math.log(at64(bars.high, i) / at64(bars.low, i));
  return Number.isFinite(range) ? Math.abs(range) : 0;
}

function describeStretch(bars: BarColumns, { start, end }: Run): string {
  const into = start > 0 ? at64(bars.open, start) / at64(bars.close, start - 1) : 1;
  const outOf = end < bars.length ? at64(bars.close, end - 1) / at64(bars.open, end) : 1;
  const factor = Math.abs(Math.log(into)) > Math.abs(Math.log(outOf)) ? into : outOf;
  const count = end - start;
  return `the price of ${count} bar${count === 1 ? '' : 's'} is ${factor.toPrecision(4)} times that of the bar next to ${count === 1 ? 'it' : 'them'}`;
}

/**
 * Wicks far beyond the ranges before, in bars that did not even trade more than before. (A real collapse trades: that of OM
 * on 2025-04-13 had 30 times the volume of the bars before.)
 */
function findSpikes(bars: BarColumns, wrong: Uint8Array, jumped: Uint8Array): Run[] {
  const marked = new Uint8Array(bars.length);
  for (let i = 1; i < bars.length - 1; i++) {
    if (wrong[i] === 1 || jumped[i] === 1) continue;
    const up = Math.log(at64(bars.high, i) / Math.max(at64(bars.open, i), at64(bars.close, i)));
    const down = Math.log(Math.min(at64(bars.open, i), at64(bars.close, i)) / at64(bars.low, i));
    const wick = Math.max(up, down);
    if (wick < LEAST_WICK) continue;
    const before = ordinaryBefore(bars, i);
    if (wick < 12 * before.range) continue;
    if (at64(bars.volume, i) < 3 * before.volume || up > 2) marked[i] = 1;
  }
  return runsOf(marked);
}

const LEAST_WICK = 0.1;

function describeSpike(bars: BarColumns, i: number): string {
  return `high ${at64(bars.high, i)} and low ${at64(bars.low, i)} in one bar of ordinary volume (open ${at64(bars.open, i)}, close ${at64(bars.close, i)})`;
}

/** Median range and volume of the two days of 15-minute bars (or as many) before a bar; after it where it is among the first. */
function ordinaryBefore(bars: BarColumns, i: number): { range: number; volume: number } {
  const [from, to] = i >= 20 ? [Math.max(0, i - 192), i] : [i + 1, Math.min(bars.length, i + 192)];
  const ranges = Float64Array.from({ length: to - from }, (_, k) => rangeOf(bars, from + k));
  return { range: quantileOf(ranges, 0.5), volume: quantileOf(bars.volume.subarray(from, to), 0.5) };
}

function findMovesWithoutVolume(bars: BarColumns, wrong: Uint8Array): Run[] {
  const marked = new Uint8Array(bars.length);
  for (let i = 0; i < bars.length; i++) {
    if (wrong[i] !== 1 && at64(bars.volume, i) === 0 && rangeOf(bars, i) > 0) marked[i] = 1;
  }
  // A source without any volume would mark every bar: one run.
  return runsOf(marked, 8);
}

/** Judges the file as a whole: real prices lie on a grid of ticks, and real returns have fat tails that cluster. */
function checkNature(bars: BarColumns, duration: number): Fault[] {
  const whole = (detail: string): Fault[] => [
    {
      code: 'IMPLAUSIBLE',
      from: at64(bars.openTime, 0),
      to: at64(bars.openTime, bars.length - 1) + duration,
      bars: bars.length,
      detail,
    },
  ];
  if (bars.volume.every((volume) => volume === 0)) return [];
  const offGrid = shareOffGrid(bars);
  if (offGrid > 0.5) {
    return whole(`${Math.round(100 * offGrid)} % of the prices have more than 12 digits: they lie on no grid of ticks`);
  }
  const { count, kurtosis, clustering } = momentsOfReturns(bars, duration);
  if (count >= 1_000 && kurtosis < 3.6 && clustering < 0.05) {
    return whole(
      `returns like Gaussian noise: kurtosis ${kurtosis.toFixed(2)} (markets: above 4), correlation of successive sizes ${clustering.toFixed(2)}`,
    );
  }
  return [];
}

/** Share of the closes whose shortest decimal text has more than 12 significant digits, of up to 1,000 looked at. */
function shareOffGrid(bars: BarColumns): number {
  const stride = Math.max(1, Math.floor(bars.length / 1_000));
  let looked = 0;
  let off = 0;
  for (let i = 0; i < bars.length; i += stride) {
    looked++;
    if (String(at64(bars.close, i)).replace(/^0\.0*|\.|e.*$/g, '').length > 12) off++;
  }
  return off / looked;
}

function momentsOfReturns(bars: BarColumns, duration: number): { count: number; kurtosis: number; clustering: number } {
  const sizes: number[] = [];
  for (let i = 1; i < bars.length; i++) {
    if (at64(bars.openTime, i) - at64(bars.openTime, i - 1) !== duration) continue;
    const size = Math.abs(Math.log(at64(bars.close, i) / at64(bars.close, i - 1)));
    if (Number.isFinite(size)) sizes.push(size);
  }
  const count = sizes.length;
  const mean = sizes.reduce((sum, size) => sum + size, 0) / count;
  let second = 0;
  let fourth = 0;
  let spread = 0;
  let together = 0;
  let before = mean;
  for (const size of sizes) {
    second += size ** 2;
    fourth += size ** 4;
    spread += (size - mean) ** 2;
    together += (size - mean) * (before - mean);
    before = size;
  }
  return { count, kurtosis: fourth / count / (second / count) ** 2, clustering: together / spread };
}
