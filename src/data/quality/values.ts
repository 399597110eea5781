import { at64, type BarColumns, HOUR_MS, MINUTE_MS } from '../../core/index.ts';
import { type Fault, faultsOfRuns, type Run, runsOf } from './fault.ts';

export interface ValueCheck {
  readonly faults: readonly Fault[];
  /** 1 where a bar's own values are wrong, so that further checks leave it out. */
  readonly wrong: Uint8Array;
  /** 1 where a bar belongs to a reported run of zero-volume flat or of repeated bars. */
  readonly standing: Uint8Array;
}

/** Up to this share of bars without trades a market always trades: two in a row are an outage. */
const BUSY_SHARE = 0.0002;
/** Up to this share a market seldom stands still: an hour of it is an outage. */
const LIQUID_SHARE = 0.002;

/** Checks each bar by itself, and runs of bars without trades. `bars` ascending, unique. */
export function checkValues(bars: BarColumns, duration: number): ValueCheck {
  const wrong = new Uint8Array(bars.length);
  const nonPositive = new Uint8Array(bars.length);
  const violating = new Uint8Array(bars.length);
  for (let i = 0; i < bars.length; i++) {
    const open = at64(bars.open, i);
    const high = at64(bars.high, i);
    const low = at64(bars.low, i);
    const close = at64(bars.close, i);
    if (open <= 0 || high <= 0 || low <= 0 || close <= 0 || at64(bars.volume, i) < 0) nonPositive[i] = 1;
    else if (high < low || high < open || high < close || low > open || low > close) violating[i] = 1;
    else continue;
    wrong[i] = 1;
  }
  const flatRuns = findFlatRuns(bars, duration);
  const standing = new Uint8Array(bars.length);
  for (const run of flatRuns) standing.fill(1, run.start, run.end);
  const staleRuns = findStale(bars, standing);
  for (const run of staleRuns) standing.fill(1, run.start, run.end);
  const faults = [
    ...faultsOfRuns('NON_POSITIVE', runsOf(nonPositive), bars, duration, ({ start }) => describeBar(bars, start)),
    ...faultsOfRuns('OHLC_VIOLATION', runsOf(violating, 1), bars, duration, ({ start }) => describeBar(bars, start)),
    ...faultsOfRuns(
      'ZERO_VOLUME_FLAT',
      flatRuns,
      bars,
      duration,
      ({ start, end }) => `${end - start} flat bars without volume at ${at64(bars.close, start)}`,
    ),
    ...faultsOfRuns(
      'IMPLAUSIBLE',
      staleRuns,
      bars,
      duration,
      ({ start, end }) => `${end - start} bars repeat the one before in every value`,
    ),
  ];
  return { faults, wrong, standing };
}

function describeBar(bars: BarColumns, i: number): string {
  const values = (['open', 'high', 'low', 'close', 'volume'] as const).map((name) => `${name} ${at64(bars[name], i)}`);
  return values.join(', ');
}

/**
 * Runs of flat bars without volume that are no ordinary quiet, by how often the market has such bars otherwise: half an hour
 * in a busy one, an hour in a liquid one, in others an hour of more than eight bars.
 */
function findFlatRuns(bars: BarColumns, duration: number): Run[] {
  const idle = new Uint8Array(bars.length);
  let idleBars = 0;
  for (let i = 0; i < bars.length; i++) {
    const flat = at64(bars.high, i) === at64(bars.low, i) && at64(bars.open, i) === at64(bars.close, i);
    if (!flat || at64(bars.volume, i) !== 0) continue;
    idle[i] = 1;
    idleBars++;
  }
  const runs = runsOf(idle).filter(({ start, end }) => (end - start) * duration >= 30 * MINUTE_MS);
  const inRuns = runs.reduce((sum, { start, end }) => sum + end - start, 0);
  const usualShare = (idleBars - inRuns) / bars.length;
  if (usualShare <= BUSY_SHARE) return runs.filter(({ start, end }) => end - start > 1 || duration >= HOUR_MS);
  const hours = runs.filter(({ start, end }) => (end - start) * duration >= HOUR_MS);
  return usualShare <= LIQUID_SHARE ? hours : hours.filter(({ start, end }) => end - start > 8);
}

const VALUES = ['open', 'high', 'low', 'close', 'volume'] as const;

/**
 * Bars that repeat the one before in every value, often enough to be no accident: two of them where the bar moves, ten where
 * it is flat (a trade of a fixed size every minute).
 */
function findStale(bars: BarColumns, standing: Uint8Array): Run[] {
  const repeats = new Uint8Array(bars.length);
  for (let i = 1; i < bars.length; i++) {
    if (standing[i] === 1 || at64(bars.volume, i) === 0) continue;
    if (VALUES.every((name) => at64(bars[name], i) === at64(bars[name], i - 1))) repeats[i] = 1;
  }
  return runsOf(repeats).filter(({ start, end }) => {
    const moves = at64(bars.high, start) > at64(bars.low, start);
    return end - start >= (moves ? 2 : 10);
  });
}
