import { createRandom, epochMs, type FinalCandle, MINUTE_MS, type SymbolId } from '../src/core/index.ts';
import { generateSelfTestMarket } from '../src/features/generated-market.ts';
import { computeFeatures, createFeatureEngineer, featureSet } from '../src/features/index.ts';

/*
 * npm run --silent bench:features -- [--symbols 50] [--bars 5000] [--minutes 200]
 * The last line is one JSON object.
 */
const option = (name: string, fallback: number): number => {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? fallback : Number(process.argv[at + 1]);
};
const symbolCount = option('symbols', 50);
const bars = option('bars', 5_000);
const minutes = option('minutes', 200);

const QUARTER_MS = 15 * MINUTE_MS;
const HOUR_MS = 60 * MINUTE_MS;
/** Monday, 2024-01-01T00:00Z. */
const START = 1_704_067_200_000;
const symbols: SymbolId[] = Array.from({ length: symbolCount }, (_, index) => `S${index}`);
const references = symbols.slice(0, 2);

const startedSet = performance.now();
const set = featureSet();
const featureSetMs = performance.now() - startedSet;

const bars15m = generateSelfTestMarket(symbols, { bars, barMs: QUARTER_MS, start: START, seed: 'bench' });
const startedBatch = performance.now();
const startedBatchCpu = process.cpuUsage();
const columns = computeFeatures({ bars15m, references });
const batchMs = performance.now() - startedBatch;
const batchCpu = process.cpuUsage(startedBatchCpu);
const batchCpuSeconds = (batchCpu.user + batchCpu.system) / 1e6;
const batchValues = columns.times.length * symbolCount * set.width;

const engineer = createFeatureEngineer({ symbols, references });
const hours = generateSelfTestMarket(symbols, {
  bars: 360,
  barMs: HOUR_MS,
  start: START - 360 * HOUR_MS,
  seed: 'hours',
});
for (const symbol of symbols) {
  const given = hours.get(symbol);
  if (given) engineer.pushHours(symbol, given);
}
const random = createRandom('minutes');
const closes = symbols.map((_, index) => 20 + index);
const candlesOf = (minute: number): FinalCandle[] =>
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
let minute = START;
const warmUpMinutes = 72 * 60;
const startedWarmUp = performance.now();
for (let i = 0; i < warmUpMinutes; i++) {
  minute += MINUTE_MS;
  engineer.push(candlesOf(minute));
}
const historyMs = performance.now() - startedWarmUp;
const minuteMs: number[] = [];
const indicatorMs: number[] = [];
for (let i = 0; i < minutes; i++) {
  minute += MINUTE_MS;
  const candles = candlesOf(minute);
  const started = performance.now();
  engineer.push(candles);
  engineer.panel(epochMs(minute), symbols);
  const done = performance.now();
  engineer.indicators(epochMs(minute), symbols);
  minuteMs.push(done - started);
  indicatorMs.push(performance.now() - done);
}
const startedSnapshot = performance.now();
const snapshot = engineer.snapshot();
const snapshotMs = performance.now() - startedSnapshot;
const restored = createFeatureEngineer({ symbols, references });
const startedRestore = performance.now();
restored.restore(snapshot);
const restoreMs = performance.now() - startedRestore;

const quantile = (values: readonly number[], share: number): number =>
  [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(share * values.length))] ?? Number.NaN;
const rounded = (value: number): number => Number(value.toPrecision(4));
console.log(
  JSON.stringify({
    features: set.width,
    symbols: symbolCount,
    bars,
    batchMs: rounded(batchMs),
    valuesPerSecond: Math.round(batchValues / (batchMs / 1_000)),
    valuesPerCpuSecond: Math.round(batchValues / batchCpuSeconds),
    featureSetMs: rounded(featureSetMs),
    historyMinutes: warmUpMinutes,
    historyMs: rounded(historyMs),
    minuteMs: {
      p50: rounded(quantile(minuteMs, 0.5)),
      p99: rounded(quantile(minuteMs, 0.99)),
      max: rounded(Math.max(...minuteMs)),
    },
    indicatorMs: { p50: rounded(quantile(indicatorMs, 0.5)), p99: rounded(quantile(indicatorMs, 0.99)) },
    snapshotBytes: snapshot.length,
    bytesPerSymbol: Math.round(snapshot.length / symbolCount),
    snapshotMs: rounded(snapshotMs),
    restoreMs: rounded(restoreMs),
    rssMb: Math.round(process.memoryUsage().rss / 2 ** 20),
  }),
);
