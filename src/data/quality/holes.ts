import { at64, type BarColumns } from '../../core/index.ts';
import { type Fault, quantileOf } from './fault.ts';

interface Hole {
  /** Index of the first bar after it. */
  readonly before: number;
  /** Open time of the first missing bar. */
  readonly from: number;
  readonly to: number;
  readonly missing: number;
}

/** Fewer holes than this are reported one by one. */
const FEW_HOLES = 20;
/** From this share of holes in the bars on, short irregular ones are called sparse. */
const SPARSE_SHARE = 0.001;
/** A longer hole in a sparse file is a gap of its own. */
const SPARSE_LONGEST = 60;

/**
 * Finds missing bars and tells periodic, sparse and single holes apart. `bars` ascending, unique, on the grid; `unreadable`
 * are open times of rows that are there but hold no numbers.
 */
export function checkHoles(bars: BarColumns, duration: number, unreadable: ReadonlySet<number>): Fault[] {
  const holes = findHoles(bars, duration).filter((hole) => {
    for (let time = hole.from; time < hole.to; time += duration) if (!unreadable.has(time)) return true;
    return false;
  });
  const periodic = findPeriod(holes, duration);
  const inPeriod = new Set(periodic?.holes ?? []);
  const rest = holes.filter((hole) => !inPeriod.has(hole));
  const faults: Fault[] = [];
  if (periodic !== undefined) {
    const { present, missing } = periodic;
    faults.push(
      spanning(
        'PERIODIC_GAP',
        periodic.holes,
        `${missing} of every ${present + missing} bars ${missing === 1 ? 'is' : 'are'} missing, ${periodic.holes.length} times`,
      ),
    );
  }
  const short = rest.filter((hole) => hole.missing <= SPARSE_LONGEST);
  const typical = quantileOf(
    Float64Array.from(rest, (hole) => hole.missing),
    0.5,
  );
  if (short.length >= FEW_HOLES && short.length >= SPARSE_SHARE * bars.length && typical <= 3) {
    const missing = short.reduce((sum, hole) => sum + hole.missing, 0);
    const share = ((100 * missing) / (bars.length + missing)).toFixed(1);
    faults.push(
      spanning(
        'SPARSE',
        short,
        `${short.length} holes of mostly ${typical} bar${typical === 1 ? '' : 's'}, ${share} % of the bars are missing`,
      ),
    );
    faults.push(
      ...gapsOf(
        rest.filter((hole) => hole.missing > SPARSE_LONGEST),
        bars,
      ),
    );
  } else faults.push(...gapsOf(rest, bars));
  return faults;
}

function findHoles(bars: BarColumns, duration: number): Hole[] {
  const holes: Hole[] = [];
  for (let i = 1; i < bars.length; i++) {
    const from = at64(bars.openTime, i - 1) + duration;
    const to = at64(bars.openTime, i);
    if (to > from) holes.push({ before: i, from, to, missing: Math.round((to - from) / duration) });
  }
  return holes;
}

/**
 * Holes at the same distance from each other, counted in bars that are there (a page of the source) or in time. Random holes
 * hardly ever repeat a distance; three in a row at exactly the same one are no accident.
 */
function findPeriod(
  all: readonly Hole[],
  duration: number,
): { holes: Hole[]; present: number; missing: number } | undefined {
  // A fault of paging loses the same number of bars each time; holes of another length are none of it.
  const lengths = new Map<number, number>();
  for (const { missing } of all) lengths.set(missing, (lengths.get(missing) ?? 0) + 1);
  const [length] = [...lengths].reduce((most, entry) => (entry[1] > most[1] ? entry : most), [0, 0]);
  const holes = all.filter((hole) => hole.missing === length);
  if (holes.length < 3) return undefined;
  const inBars = (a: Hole, b: Hole) => b.before - a.before;
  const inTime = (a: Hole, b: Hole) => Math.round((b.from - a.from) / duration);
  for (const distance of [inBars, inTime]) {
    const countOf = new Map<number, number>();
    let common = 0;
    holes.forEach((hole, i) => {
      const next = holes[i + 1];
      if (next === undefined) return;
      const steps = distance(hole, next);
      countOf.set(steps, (countOf.get(steps) ?? 0) + 1);
      if ((countOf.get(steps) ?? 0) > (countOf.get(common) ?? 0)) common = steps;
    });
    const count = countOf.get(common) ?? 0;
    if (count < 2 || count < 0.6 * (holes.length - 1)) continue;
    const members = holes.filter((hole, i) => {
      const next = holes[i + 1];
      const previous = holes[i - 1];
      return (
        (next !== undefined && distance(hole, next) === common) ||
        (previous !== undefined && distance(previous, hole) === common)
      );
    });
    return { holes: members, present: distance === inBars ? common : common - length, missing: length };
  }
  return undefined;
}

function gapsOf(holes: readonly Hole[], bars: BarColumns): Fault[] {
  if (holes.length > FEW_HOLES) {
    const longest = holes.reduce((most, hole) => Math.max(most, hole.missing), 0);
    return [spanning('GAP', holes, `${holes.length} holes, the longest of ${longest} bars`)];
  }
  return holes.map((hole) => {
    const change = at64(bars.open, hole.before) / at64(bars.close, hole.before - 1) - 1;
    const percent = `${change >= 0 ? '+' : ''}${(100 * change).toFixed(1)} %`;
    return spanning(
      'GAP',
      [hole],
      `${hole.missing} bar${hole.missing === 1 ? '' : 's'} missing; the price moves by ${percent} across`,
    );
  });
}

function spanning(code: Fault['code'], holes: readonly Hole[], detail: string): Fault {
  return {
    code,
    from: holes[0]?.from ?? 0,
    to: holes[holes.length - 1]?.to ?? 0,
    bars: holes.reduce((sum, hole) => sum + hole.missing, 0),
    detail,
  };
}
