import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRandom, epochMs, MinutehandError } from '../src/core/index.ts';
import { fitScaler } from '../src/features/index.ts';
import { learnableRows, openPanel, readDatasetFolder, writePanel } from '../src/model/index.ts';

/*
 * npm run --silent bench:dataset -- --data DIR [--symbols 50] [--from DATE] [--until DATE] [--context 96] [--batch 256] [--batches 200]
 * Makes a dataset of a folder of 15-minute candle files, writes its panel, and reads windows of random rows, batch by batch.
 * The last line is one JSON object. The scaler is fitted on the first 60 % of the rows.
 */
const option = (name: string): string | undefined => {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? undefined : process.argv[at + 1];
};
const numberOption = (name: string, fallback: number): number => Number(option(name) ?? fallback);
const timeOption = (name: string) => {
  const text = option(name);
  return text === undefined ? {} : { [name]: epochMs(Date.parse(text)) };
};
const context = numberOption('context', 96);
const batch = numberOption('batch', 256);
const batches = numberOption('batches', 200);

const MEBIBYTE = 2 ** 20;
const peakMb = () => Math.round(process.resourceUsage().maxRSS / 1024);
const rounded = (value: number): number => Number(value.toPrecision(3));

/** Elapsed and CPU seconds: the second says what the work takes on a machine that others keep busy too. */
interface Took {
  readonly seconds: number;
  readonly cpuSeconds: number;
}

async function timed<T>(work: () => Promise<T>): Promise<[T, Took]> {
  const started = performance.now();
  const startedCpu = process.cpuUsage();
  const result = await work();
  const seconds = (performance.now() - started) / 1_000;
  const { user, system } = process.cpuUsage(startedCpu);
  return [result, { seconds: rounded(seconds), cpuSeconds: rounded((user + system) / 1e6) }];
}

async function makePanel(directory: string) {
  const [dataset, datasetTook] = await timed(() =>
    readDatasetFolder({
      directory: option('data') ?? '',
      symbols: numberOption('symbols', 50),
      references: ['BTCUSDT', 'ETHUSDT'],
      ...timeOption('from'),
      ...timeOption('until'),
    }),
  );
  const { featureSetHash, width, times, symbols } = dataset;
  const peakOfDatasetMb = peakMb();
  const [scaler, scalerTook] = await timed(async () =>
    fitScaler(dataset.features.values(), {
      kind: 'robust',
      featureSetHash,
      width,
      rows: [0, Math.floor(times.length * 0.6)],
    }),
  );
  const [, writeTook] = await timed(() => writePanel(directory, dataset, scaler));
  const featuresMb = Math.round((4 * symbols.length * times.length * width) / MEBIBYTE);
  return {
    symbols: symbols.length,
    rows: times.length,
    features: width,
    featuresMb,
    datasetTook,
    peakOfDatasetMb,
    scalerTook,
    writeTook,
  };
}

async function readBatches(directory: string) {
  const [panel, openTook] = await timed(() => openPanel(directory));
  const { width, rows } = panel;
  const choices = panel.symbols.map((_, index) => learnableRows(panel, index, { firstRow: 0, endRow: rows }, context));
  const target = new Float32Array(batch * context * width);
  const random = createRandom('windows');
  const [, took] = await timed(async () => {
    for (let i = 0; i < batches * batch; i++) {
      const symbol = random.integer(choices.length);
      const rowsOfSymbol = choices[symbol] ?? new Int32Array(0);
      const row = rowsOfSymbol[random.integer(rowsOfSymbol.length)];
      if (row !== undefined) panel.readWindow(symbol, row, context, target, (i % batch) * context * width);
    }
  });
  panel.close();
  return {
    inputs: width,
    learnableRows: choices.reduce((sum, { length }) => sum + length, 0),
    openTook,
    batchCpuMs: rounded((1_000 * took.cpuSeconds) / batches),
    batchMs: rounded((1_000 * took.seconds) / batches),
    readMbPerSecond: Math.round((4 * batches * batch * context * width) / MEBIBYTE / took.seconds),
  };
}

const folder = await mkdtemp(join(tmpdir(), 'minutehand-bench-dataset-'));
try {
  const made = await makePanel(join(folder, 'panel'));
  const read = await readBatches(join(folder, 'panel'));
  console.log(JSON.stringify({ threads: availableParallelism(), ...made, ...read, peakMb: peakMb(), context, batch }));
} catch (error) {
  if (!(error instanceof MinutehandError)) throw error;
  console.error(`${error.message}. ${error.remedy}`);
  process.exitCode = error.exitCode;
} finally {
  await rm(folder, { recursive: true, force: true });
}
