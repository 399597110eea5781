import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import {
  allocateBars,
  at64,
  type BarColumns,
  createRandom,
  DAY_MS,
  type EpochMs,
  epochMs,
  type SymbolId,
} from '../../core/index.ts';
import { CATALOGUE, featureSet } from '../../features/index.ts';
import { writeCandleFile } from '../../marketfiles/index.ts';
import { BAR_MS } from '../dataset.ts';
import { readDatasetFolder } from '../dataset-folder.ts';
import { type FittedBaseline, fitBaseline } from '../fit-baseline.ts';

export const SYMBOLS: readonly SymbolId[] = ['BTCUSDT', 'ETHUSDT', 'SOLUSDT', 'XRPUSDT', 'ADAUSDT'];
export const REFERENCES: readonly SymbolId[] = ['BTCUSDT', 'ETHUSDT'];
/** Few features that are warm within a day. */
export const FEW_FEATURES = featureSet(
  CATALOGUE.filter(({ name }) => ['ret_1', 'ret_4', 'vol_8', 'vol_32', 'day_sin', 'day_cos'].includes(name)),
);
const START = Date.UTC(2025, 0, 1);
/** Days of candles; the model's history is the first of them. */
export const DAYS = 24;
export const FITTED_DAYS = 15;
export const day = (number: number): EpochMs => epochMs(START + number * DAY_MS);

/** Writes a folder of 15-minute candles from day `from` on. */
export async function writeMarket(directory: string, from = 0): Promise<void> {
  await mkdir(directory, { recursive: true });
  for (const symbol of SYMBOLS) await writeCandleFile(join(directory, `${symbol}.csv`), walk(symbol, from));
}

/** Fits the linear baseline on the first days of a market, and says of it that an edge was planted there. */
export async function fitOnMarket(directory: string, outputDirectory: string): Promise<FittedBaseline> {
  const dataset = await readDatasetFolder({
    directory,
    symbols: SYMBOLS,
    references: REFERENCES,
    featureSet: FEW_FEATURES,
    from: day(1),
    until: day(FITTED_DAYS),
    workers: 1,
  });
  return fitBaseline({
    dataset,
    outputDirectory,
    seed: 1,
    market: { source: 'generated', plantedEdge: true, description: 'seed <1>' },
    codeVersion: 'test',
    settings: {
      maxTrainingRows: 2_000,
      maxLogisticRows: 1_000,
      maxScalerRows: 1_000,
      maxEvaluationRows: 1_000,
      resamples: 200,
    },
  });
}

/** A random walk whose volatility changes from hour to hour. */
export function walk(symbol: SymbolId, from: number): BarColumns {
  const random = createRandom(symbol);
  const perDay = DAY_MS / BAR_MS;
  const bars = allocateBars((DAYS - from) * perDay);
  let close = 100;
  let volatility = 0;
  for (let bar = 0; bar < bars.length; bar++) {
    bars.openTime[bar] = day(from) + bar * BAR_MS;
    bars.open[bar] = close;
    volatility = 0.97 * volatility + 0.2 * random.normal();
    close *= Math.exp(0.003 * Math.exp(volatility) * random.normal());
    bars.close[bar] = close;
    bars.high[bar] = Math.max(close, at64(bars.open, bar)) * 1.001;
    bars.low[bar] = Math.min(close, at64(bars.open, bar)) * 0.999;
    bars.volume[bar] = 1 + random.uniform();
  }
  return bars;
}
