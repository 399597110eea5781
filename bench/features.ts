import { availableParallelism } from 'node:os';
import { createRandom, epochMs, type FinalCandle, MINUTE_MS, type SymbolId } from '../src/core/index.ts';
import { computeFeatures, computeFeaturesInParallel } from '../src/features/batch.ts';
import { createFeatureEngineer, type FeatureEngineer } from '../src/features/feature-engineer.ts';
import { featureSet } from '../src/features/feature-set.ts';
import { generateSelfTestMarket } from '../src/features/generated-market.ts';

/*
 * npm run --silent bench:features -- [--symbols 50] [--bars 35000] [--minutes 200] [--large 1000] [--threads CORES]
 * The last line is one JSON object. Values a second are of elapsed time and of CPU time: the second says what one core does.
 */
const option = (name: string, fallback: number): number => {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? fallback : Number(process.argv[at + 1]);
};
const symbolCount = option('symbols', 50);
const bars = option('bars', 35_000);
const minutes = option('minutes', 200);
const large = option('large', 1_000);
const threads = option('threads', availableParallelism());

const QUARTER_MS = 15 * MINUTE_MS;
const HOUR_MS = 60 * MINUTE_MS;
/** Monday, 2024-01-01T00:00Z. */
const START = 1_704_067_200_000;
/** What an engine starts from: 72 hours of minutes. */
const HISTORY_MINUTES = 72 * 60;
const MEBIBYTE = 2 ** 20;
const symbolsOf = (count: number): SymbolId[] => Array.from({ length: count }, (_, index) => `S${index}`);
const rounded = (value: number): number => Number(value.toPrecision(4));

const startedSet = performance.now();
const set = featureSet();
const featureSetMs = performance.now() - startedSet;

/** One thread on a part of the bars first, then all of them with worker threads: both on the same market. */
async function measureBatch() {
  const symbols = symbolsOf(symbolCount);
  const references = symbols.slice(0, 2);
  const market = (length: number) =>
    generateSelfTestMarket(symbols, { bars: length, barMs: QUARTER_MS, start: START, seed: 'bench' });
  const part = market(Math.min(bars, 3_000));
  // Once unmeasured: code is compiled while it runs.
  computeFeatures({ bars15m: part, references });
  const one = await measure(async () => computeFeatures({ bars15m: part, references }));
  const whole = market(bars);
  const before = process.memoryUsage().rss;
  const many = await measure(() => computeFeaturesInParallel({ bars15m: whole, references }, threads));
  const outputBytes = 4 * many.values;
  return {
    oneThread: { bars: Math.min(bars, 3_000), ...ratesOf(one) },
    threads: { threads, bars, ...ratesOf(many) },
    outputMb: Math.round(outputBytes / MEBIBYTE),
    aboveOutputMb: Math.round((process.memoryUsage().rss - before - outputBytes) / MEBIBYTE),
  };
}

interface Measured {
  readonly values: number;
  readonly ms: number;
  readonly cpuMs: number;
}

async function measure(
  work: () => Promise<{ times: Float64Array; symbols: readonly string[]; width: number }>,
): Promise<Measured> {
  const started = performance.now();
  const startedCpu = process.cpuUsage();
  const { times, symbols, width } = await work();
  const cpu = process.cpuUsage(startedCpu);
  return {
    values: times.length * symbols.length * width,
    ms: performance.now() - started,
    cpuMs: (cpu.user + cpu.system) / 1e3,
  };
}

const ratesOf = ({ values, ms, cpuMs }: Measured) => ({
  ms: Math.round(ms),
  valuesPerSecond: Math.round(values / (ms / 1_000)),
  valuesPerCpuSecond: Math.round(values / (cpuMs / 1_000)),
});

/** Candles of the minute that ends with each call's time, of a plain random walk. */
function candleSource(symbols: readonly SymbolId[]): (minute: number) => FinalCandle[] {
  const random = createRandom('minutes');
  const closes = symbols.map((_, index) => 20 + (index % 50));
  return (minute) =>
    symbols.map((symbol, index) => {
      const open = closes[index] ?? 20;
      const close = open * (1 + 0.0008 * random.normal());
      closes[index] = close;
      return {
        state: 'final',
        finality: 'archive',
        symbol,
        timeframe: '1m',
        openTime: epochMs(minute - MINUTE_MS),
        open,
        high: Math.max(open, close) * 1.0003,
        low: Math.min(open, close) * 0.9997,
        close,
        volume: 100 * random.uniform(),
      };
    });
}

/** A start from history, live minutes, and a start from a snapshot. */
function measureLive(count: number, history: number, live: number) {
  const symbols = symbolsOf(count);
  const references = symbols.slice(0, 2);
  const engineer = createFeatureEngineer({ symbols, references });
  const candlesOf = candleSource(symbols);
  const startedHistory = performance.now();
  pushHours(engineer, symbols);
  let minute = START;
  for (let i = 0; i < history; i++) {
    minute += MINUTE_MS;
    engineer.push(candlesOf(minute));
  }
  const historyMs = performance.now() - startedHistory;
  const minuteMs: number[] = [];
  for (let i = 0; i < live; i++) {
    minute += MINUTE_MS;
    const candles = candlesOf(minute);
    const started = performance.now();
    engineer.push(candles);
    engineer.panel(epochMs(minute), symbols);
    minuteMs.push(performance.now() - started);
  }
  const startedSnapshot = performance.now();
  const snapshot = engineer.snapshot();
  const snapshotMs = performance.now() - startedSnapshot;
  const startedRestore = performance.now();
  createFeatureEngineer({ symbols, references }).restore(snapshot);
  return {
    symbols: count,
    historyMinutes: history,
    historyMs: Math.round(historyMs),
    minuteMs: {
      p50: rounded(quantile(minuteMs, 0.5)),
      p99: rounded(quantile(minuteMs, 0.99)),
      max: rounded(Math.max(...minuteMs)),
    },
    bytesPerSymbol: Math.round(snapshot.length / count),
    snapshotMs: Math.round(snapshotMs),
    startFromSnapshotMs: Math.round(performance.now() - startedRestore),
  };
}

function pushHours(engineer: FeatureEngineer, symbols: readonly SymbolId[]): void {
  const hours = generateSelfTestMarket(symbols.slice(0, 50), {
    bars: 360,
    barMs: HOUR_MS,
    start: START - 360 * HOUR_MS,
    seed: 'hours',
  });
  symbols.forEach((symbol, index) => {
    const given = hours.get(`S${index % 50}`);
    if (given) engineer.pushHours(symbol, given);
  });
}

const quantile = (values: readonly number[], share: number): number =>
  [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(share * values.length))] ?? Number.NaN;

const batch = await measureBatch();
const live = measureLive(symbolCount, HISTORY_MINUTES, minutes);
const largeLive = large > 0 ? measureLive(large, 30, Math.min(minutes, 60)) : undefined;
console.log(
  JSON.stringify({
    features: set.width,
    symbols: symbolCount,
    featureSetMs: rounded(featureSetMs),
    batch,
    live,
    ...(largeLive ? { large: largeLive } : {}),
  }),
);
