import { cpus } from 'node:os';
import { createRandom } from '../src/core/index.ts';
import { type IndicatorCase, type Inputs, indicatorCases, type Run, type Values } from './peers/cases.ts';
import { loadLibraries, PEERS, type Peer } from './peers/libraries.ts';

/*
 * Bars a second of eight indicators, all at once and one bar at a time, beside four other libraries in one process.
 * npm run --silent bench:indicators -- [--bars 1000000] [--rounds 9] [--slow-bars 100000]
 * Rounds go through all libraries in turn, so that what else the machine does hits all alike; the best round counts. Garbage is not
 * collected in between: that throws away code compiled for classes of which no instance is alive just then.
 * technicalindicators gets `slow-bars`. The last line is one JSON object.
 */
const option = (name: string, fallback: number): number => {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? fallback : Number(process.argv[at + 1]);
};
const bars = option('bars', 1_000_000);
const rounds = option('rounds', 9);
const slowBars = Math.min(bars, option('slow-bars', 100_000));
/** Bars the outputs are compared over, after as many of warm-up. */
const COMPARED = 1_000;

const libraries = await loadLibraries();
if (!libraries) {
  console.error('The libraries to measure against are not installed: npm ci --prefix bench/peers');
  process.exit(1);
}
const cases = indicatorCases(libraries);
const full = generateInputs(bars);
const few = firstOf(full, slowBars);
const inputsOf = (who: string) => (who === 'technicalindicators' ? few : full);

/** Best seconds a bar by case, mode and library. */
const best = new Map<string, number>();
let consumed = 0;
for (let round = 0; round < rounds; round++) {
  for (const each of cases) {
    const reuse = each.reuse(full);
    measure(`${each.name} batch ours`, full, () => each.ours.batch(full));
    measure(`${each.name} reuse ours`, full, reuse);
    measure(`${each.name} stream ours`, full, () => each.ours.stream?.(full));
    for (const [peer, { batch, stream }] of peersOf(each)) {
      const inputs = inputsOf(peer);
      measure(`${each.name} batch ${peer}`, inputs, () => batch(inputs));
      if (stream) measure(`${each.name} stream ${peer}`, inputs, () => stream(inputs));
    }
  }
  console.error(`round ${round + 1} of ${rounds}`);
}

const indicators = Object.fromEntries(
  cases.map((each) => [
    each.name,
    {
      batch: { ...report(each, 'batch'), reusingColumns: rate(each.name, 'reuse', 'ours') },
      streaming: report(each, 'stream'),
      agreement: agreementOf(each),
    },
  ]),
);
const medianOf = (mode: 'batch' | 'streaming') => ({
  toFastestJavaScript: median(Object.values(indicators).map((each) => each[mode].toFastestJavaScript)),
  ...(mode === 'batch' && { toTalib: median(Object.values(indicators).map((each) => each.batch.toTalib)) }),
});
console.log(
  JSON.stringify({
    bars,
    rounds,
    technicalindicatorsBars: slowBars,
    unit: 'bars per second',
    indicators,
    medians: { batch: medianOf('batch'), streaming: medianOf('streaming') },
    versions: libraries.versions,
    node: process.version,
    processor: `${cpus()[0]?.model.trim()} x ${cpus().length}`,
    consumed: Number.isFinite(consumed),
  }),
);

function measure(key: string, inputs: Inputs, work: () => unknown): void {
  const started = performance.now();
  const result = work();
  const seconds = (performance.now() - started) / 1e3 / inputs.close.length;
  if (typeof result === 'number') consumed += result;
  best.set(key, Math.min(best.get(key) ?? Number.POSITIVE_INFINITY, seconds));
}

function rate(name: string, mode: string, who: string): number {
  return Math.round(1 / (best.get(`${name} ${mode} ${who}`) ?? Number.NaN));
}

function report(each: IndicatorCase, mode: 'batch' | 'stream') {
  const ours = rate(each.name, mode, 'ours');
  const peers = Object.fromEntries(
    PEERS.map((peer) => {
      const theirs = rate(each.name, mode, peer);
      return [peer, Number.isFinite(theirs) ? theirs : 'n/a'] as const;
    }),
  );
  const rates = PEERS.filter((peer) => peer !== 'talib').map((peer) => peers[peer]);
  const fastest = Math.max(...rates.filter((value) => typeof value === 'number'));
  const talib = peers.talib;
  return {
    ours,
    peers,
    toFastestJavaScript: ratio(ours, fastest),
    toTalib: typeof talib === 'number' ? ratio(ours, talib) : Number.NaN,
  };
}

/** The largest difference to each library over the last bars, relative to the largest value there; whose definition differs, shows. */
function agreementOf(each: IndicatorCase): Record<string, { agrees: boolean; difference: number }> {
  const inputs = firstOf(full, Math.min(bars, 2 * COMPARED));
  const ours = each.ours.values(inputs);
  return Object.fromEntries(
    peersOf(each).map(([peer, other]) => {
      const difference = differenceOf(ours, other.values(inputs));
      return [peer, { agrees: difference < 1e-6, difference: Number(difference.toPrecision(2)) }];
    }),
  );
}

function differenceOf(ours: Values, theirs: Values): number {
  let most = 0;
  for (const [name, values] of Object.entries(ours)) {
    const others = theirs[name];
    if (!others) return Number.POSITIVE_INFINITY;
    let largest = 0;
    let difference = 0;
    for (let k = 1; k <= COMPARED; k++) {
      const value = values[values.length - k] ?? Number.NaN;
      largest = Math.max(largest, Math.abs(value));
      difference = Math.max(difference, Math.abs(value - (others[others.length - k] ?? Number.NaN)));
    }
    most = Math.max(most, difference / largest);
  }
  return most;
}

function peersOf(each: IndicatorCase): [Peer, Run][] {
  return PEERS.flatMap((peer) => {
    const other = each.peers[peer];
    return other ? [[peer, other] satisfies [Peer, Run]] : [];
  });
}

function ratio(ours: number, theirs: number): number {
  return Number((ours / theirs).toFixed(2));
}

function median(values: readonly number[]): number {
  const sorted = values.filter(Number.isFinite).sort((a, b) => a - b);
  const middle = sorted.length / 2;
  const of = (at: number) => sorted[at] ?? Number.NaN;
  return Number((sorted.length % 2 ? of(Math.floor(middle)) : (of(middle - 1) + of(middle)) / 2).toFixed(2));
}

function generateInputs(length: number): Inputs {
  const random = createRandom('bench/indicators');
  const high = new Float64Array(length);
  const low = new Float64Array(length);
  const close = new Float64Array(length);
  let price = 100;
  for (let i = 0; i < length; i++) {
    const before = price;
    price *= 1 + 0.002 * random.normal() - (price > 700 ? 0.001 : price < 15 ? -0.001 : 0);
    high[i] = Math.max(before, price) * (1 + 0.001 * random.uniform());
    low[i] = Math.min(before, price) * (1 - 0.001 * random.uniform());
    close[i] = price;
  }
  return inputsFrom(high, low, close);
}

function firstOf({ columns }: Inputs, length: number): Inputs {
  return inputsFrom(columns.high.slice(0, length), columns.low.slice(0, length), columns.close.slice(0, length));
}

function inputsFrom(high: Float64Array, low: Float64Array, close: Float64Array): Inputs {
  return {
    columns: { high, low, close },
    high: Array.from(high),
    low: Array.from(low),
    close: Array.from(close),
    bars: Array.from(close, (value, i) => ({ high: high[i] ?? 0, low: low[i] ?? 0, close: value })),
  };
}
