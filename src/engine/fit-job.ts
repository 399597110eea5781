import { availableParallelism } from 'node:os';
import {
  type BarColumns,
  DAY_MS,
  type EpochMs,
  epochMs,
  type FundingRates,
  HOUR_MS,
  type Log,
  MinutehandError,
  type SymbolId,
} from '../core/index.ts';
import { openDatabase, readBars, readFundingRates } from '../database/index.ts';
import { computeFeaturesInParallel, requiredHistory } from '../features/index.ts';
import { type FitSettings, type FitStage, fitBaseline, type MarketLabel } from '../model/index.ts';

/** What a model is fitted on, and where its artefact goes. */
export interface FitRequest {
  readonly databaseUrl: string;
  readonly venue: string;
  /** Canonical order. */
  readonly universe: readonly SymbolId[];
  readonly references: readonly SymbolId[];
  /** Closes of the first and the last bar of the rows. */
  readonly from: EpochMs;
  readonly to: EpochMs;
  readonly outputDirectory: string;
  readonly logDirectory: string;
  readonly market: MarketLabel;
  readonly codeVersion: string;
  /** Spends a third of the time on a sample of the rows: for markets whose first signals are waited for. */
  readonly quick: boolean;
}

const QUICK_FIT: Partial<FitSettings> = {
  maxTrainingRows: 40_000,
  maxScalerRows: 20_000,
  maxLogisticRows: 15_000,
  maxEvaluationRows: 20_000,
};
/** The seed of everything drawn while fitting and judging a model. */
const SEED = 1;

/**
 * Fits the linear baseline on the stored 15-minute bars and writes its artefact.
 * @throws MinutehandError DATASET_TOO_SHORT when the store holds too little history.
 */
export async function runFitJob(
  request: FitRequest,
  ports: { log: Log; onProgress: (stage: FitStage | 'features', done: number, total: number) => void },
): Promise<{ modelId: string; directory: string }> {
  const { universe, references, venue, from, to } = request;
  const database = await openDatabase({
    url: request.databaseUrl,
    applicationName: 'minutehand-fit',
    log: ports.log,
    maxConnections: 4,
  });
  let bars15m: Map<SymbolId, BarColumns>;
  let bars1h: Map<SymbolId, BarColumns>;
  let funding: Map<SymbolId, FundingRates>;
  try {
    bars15m = await readBars(database, universe, { venue, timeframe: '15m', from, until: to });
    const warmUp = epochMs(from - requiredHistory().hours * HOUR_MS);
    bars1h = await readBars(database, universe, { venue, timeframe: '1h', from: warmUp, until: to });
    funding = await readFundingRates(database, universe, { venue, from: epochMs(warmUp - DAY_MS), until: to });
  } finally {
    await database.close();
  }
  const known = new Map(
    universe.flatMap((symbol) => {
      const bars = bars15m.get(symbol);
      return bars && bars.length > 0 ? [[symbol, bars] as const] : [];
    }),
  );
  if (known.size < universe.length) {
    const absent = universe.filter((symbol) => !known.has(symbol));
    ports.log.warn({ symbols: absent }, 'symbols without 15-minute history are not part of the fit');
    if (known.size === 0) {
      throw new MinutehandError(
        'DATASET_TOO_SHORT',
        'the store holds no 15-minute bars to fit a model on',
        'Back-fill some: minutehand data backfill --timeframe 15m.',
      );
    }
  }
  const features = await computeFeaturesInParallel(
    {
      bars15m: known,
      bars1h,
      funding,
      references: references.filter((symbol) => known.has(symbol)),
      onProgress: (done, total) => ports.onProgress('features', done, total),
    },
    availableParallelism(),
  );
  const { modelId, directory } = await fitBaseline({
    dataset: {
      featureSetHash: features.featureSetHash,
      featureNames: features.names,
      symbols: features.symbols,
      times: features.times,
      width: features.width,
      features: features.values,
      bars: known,
    },
    outputDirectory: request.outputDirectory,
    seed: SEED,
    market: request.market,
    codeVersion: request.codeVersion,
    ...(request.quick ? { settings: QUICK_FIT } : {}),
    onProgress: ({ stage, step, steps }) => ports.onProgress(stage, step, steps),
  });
  return { modelId, directory };
}
