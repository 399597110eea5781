import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DAY_MS, epochMs, HORIZON_NAMES } from '../src/core/index.ts';
import { CATALOGUE, computeFeatures, featureSet, requiredHistory } from '../src/features/index.ts';
import {
  aggregateBars,
  BEST_FORECAST_HORIZONS,
  type BestForecastHorizon,
  createGeneratedMarket,
  type PlantedEdge,
} from '../src/marketfiles/index.ts';
import { type Dataset, fitBaseline, type Manifest } from '../src/model/index.ts';
import { fitNetwork } from '../src/model/training/fit-network.ts';
import { trainingSettingsSchema } from '../src/model/training/settings.ts';

/** One generated market and the model that is fitted on it. */
export interface StudyTask {
  readonly model: 'linear' | 'network';
  /** Plants the edge; the market is then larger and longer, so that what is there can be found. */
  readonly edge: boolean;
  /** `few`: returns and volatility; `all`: the whole catalogue. */
  readonly features: 'few' | 'all';
  readonly seed: string;
}

export interface StudyFigure {
  readonly value: number | null;
  readonly low: number | null;
  readonly high: number | null;
}

/** What is known of a task's model on its test window; every figure is 0 where the market holds no edge. */
export interface StudyResult {
  readonly task: StudyTask;
  readonly figures: Readonly<Record<string, StudyFigure>>;
  readonly theory: PlantedEdge['bestRankInformationCoefficient'] | null;
  readonly testDays: number;
  readonly runLengthDays: number;
}

interface MarketSize {
  readonly symbols: number;
  readonly days: number;
  /** Shares of the days; a linear model's training takes the early-stopping window too. */
  readonly shares: { train: number; earlyStopping: number; calibration: number; test: number };
}

const WITHOUT_EDGE: MarketSize = {
  symbols: 8,
  days: 66,
  shares: { train: 0.28, earlyStopping: 0.1, calibration: 0.18, test: 0.44 },
};
const WITH_EDGE: MarketSize = {
  symbols: 50,
  days: 220,
  shares: { train: 0.62, earlyStopping: 0.05, calibration: 0.08, test: 0.25 },
};
const START = epochMs(Date.UTC(2025, 0, 6));
const FEW_GROUPS = ['returns', 'volatility'];
const SETTINGS = trainingSettingsSchema.parse({
  network: { context: 16, patch: 8, stride: 4, width: 16, heads: 2, hidden: 32, layers: 1, headWidth: 16 },
  epochs: 3,
  patience: 2,
  learningRate: 1e-3,
  emaDecay: 0.98,
  maxEvaluationRows: 50_000,
});

/** Makes a task's market, fits its model by the same code as every other, and says what the test window shows. */
export async function studyMarket(task: StudyTask): Promise<StudyResult> {
  const size = task.edge ? WITH_EDGE : WITHOUT_EDGE;
  const { dataset, theory } = generateDataset(task, size);
  const folder = await mkdtemp(join(tmpdir(), 'minutehand-edge-'));
  try {
    const { metrics } = await fitModel(task, size, dataset, folder);
    return {
      task,
      figures: figuresOf(metrics),
      theory,
      testDays: metrics.days,
      runLengthDays: metrics.runLengthDays,
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function generateDataset({ seed, edge, features }: StudyTask, { symbols, days }: MarketSize) {
  const market = createGeneratedMarket({ seed, symbols, start: START, edge });
  const from = epochMs(START + Math.ceil(requiredHistory().hours / 24) * DAY_MS);
  const end = epochMs(from + days * DAY_MS);
  const bars = new Map(
    market.instruments.map(({ symbol }) => [symbol, aggregateBars(market.bars(symbol, START, end), '1m', '15m')]),
  );
  const set =
    features === 'all' ? featureSet() : featureSet(CATALOGUE.filter(({ group }) => FEW_GROUPS.includes(group)));
  const columns = computeFeatures({ bars15m: bars, references: ['BTCUSDT', 'ETHUSDT'], from, featureSet: set });
  const dataset: Dataset = {
    featureSetHash: columns.featureSetHash,
    featureNames: columns.names,
    symbols: columns.symbols,
    times: columns.times,
    width: columns.width,
    features: columns.values,
    bars,
  };
  return { dataset, theory: market.edge?.bestRankInformationCoefficient ?? null };
}

async function fitModel(
  { model, edge, seed }: StudyTask,
  { shares }: MarketSize,
  dataset: Dataset,
  folder: string,
): Promise<Manifest> {
  const common = {
    dataset,
    outputDirectory: join(folder, 'models'),
    seed,
    market: { source: 'generated', plantedEdge: edge } as const,
    codeVersion: 'study',
  };
  if (model === 'linear') {
    const settings = {
      trainShare: shares.train + shares.earlyStopping,
      calibrationShare: shares.calibration,
      ...(edge ? {} : { maxLogisticRows: 4_000, resamples: 400 }),
    };
    return (await fitBaseline({ ...common, settings })).manifest;
  }
  const { train, earlyStopping, calibration, test } = shares;
  const windows = {
    train: { share: train },
    earlyStopping: { share: earlyStopping },
    calibration: { share: calibration },
    test: { share: test },
  };
  const settings = { ...SETTINGS, symbolsPerTime: Math.min(SETTINGS.symbolsPerTime, dataset.symbols.length) };
  return (
    await fitNetwork({ ...common, windows, settings, workDirectory: join(folder, 'work'), threads: 1, device: 'cpu' })
  ).manifest;
}

const NONE: StudyFigure = { value: null, low: null, high: null };

function figuresOf({ mean, horizons, rank24h, baselines }: Manifest['metrics']): Record<string, StudyFigure> {
  const figures: Record<string, StudyFigure> = {
    'raw IC, mean of the four horizons': mean.rawInformationCoefficient ?? NONE,
    'raw IC, 24h': rank24h.rawInformationCoefficient ?? NONE,
    'IC, 24h': rank24h.informationCoefficient,
    'sign accuracy less one half, mean of the four horizons': lessHalf(mean.signAccuracy),
    'log-loss less that of majority': baselines.majority?.difference.logLoss ?? NONE,
    'log-loss less that of volatility-only': baselines.volatilityOnly?.difference.logLoss ?? NONE,
  };
  for (const horizon of HORIZON_NAMES) {
    const score = horizons[horizon];
    figures[`raw IC, ${horizon}`] = score.rawInformationCoefficient ?? NONE;
    figures[`IC, ${horizon}`] = score.informationCoefficient;
    figures[`sign accuracy less one half, ${horizon}`] = lessHalf(score.signAccuracy);
  }
  return figures;
}

const lessHalf = ({ value, low, high }: StudyFigure): StudyFigure => ({
  value: value === null ? null : value - 0.5,
  low: low === null ? null : low - 0.5,
  high: high === null ? null : high - 0.5,
});

/** How often the intervals of one figure held zero. */
export interface Coverage {
  /** Markets in which the figure has an interval. */
  readonly markets: number;
  readonly covered: number;
  /** Intervals that lie wholly below, or above, zero. */
  readonly below: number;
  readonly above: number;
  readonly coverage: number | null;
  readonly expected: number;
  /** 95 % interval of the coverage (Clopper and Pearson 1934). */
  readonly interval: readonly [number, number] | null;
  /** Whether `interval` holds `expected`. */
  readonly withinBinomial: boolean | null;
}

export const EXPECTED_COVERAGE = 0.95;

/** Coverage of zero by each figure of results without an edge. */
export function coverageOf(results: readonly StudyResult[]): Record<string, Coverage> {
  const names = Object.keys(results[0]?.figures ?? {});
  return Object.fromEntries(names.map((name) => [name, coverageOfFigure(results.map(({ figures }) => figures[name]))]));
}

function coverageOfFigure(figures: readonly (StudyFigure | undefined)[]): Coverage {
  const ends = figures.flatMap((figure) =>
    figure && figure.low !== null && figure.high !== null ? [[figure.low, figure.high] as const] : [],
  );
  const below = ends.filter(([, high]) => high < 0).length;
  const above = ends.filter(([low]) => low > 0).length;
  const markets = ends.length;
  const covered = markets - below - above;
  const interval = markets === 0 ? null : binomialInterval(covered, markets);
  return {
    markets,
    covered,
    below,
    above,
    coverage: markets === 0 ? null : covered / markets,
    expected: EXPECTED_COVERAGE,
    interval,
    withinBinomial: interval && interval[0] <= EXPECTED_COVERAGE && interval[1] >= EXPECTED_COVERAGE,
  };
}

/** Clopper and Pearson's exact 95 % interval of the probability behind `hits` of `trials`. */
export function binomialInterval(hits: number, trials: number): [number, number] {
  const low = hits === 0 ? 0 : solve((p) => 1 - binomialAtMost(hits - 1, trials, p) - 0.025);
  const high = hits === trials ? 1 : solve((p) => 0.025 - binomialAtMost(hits, trials, p));
  return [low, high];
}

/** Where an ascending function of [0, 1] is 0. */
function solve(ascending: (p: number) => number): number {
  let [low, high] = [0, 1];
  for (let step = 0; step < 50; step++) {
    const middle = (low + high) / 2;
    if (ascending(middle) < 0) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

function binomialAtMost(hits: number, trials: number, p: number): number {
  let logarithm = trials * Math.log1p(-p);
  let total = Math.exp(logarithm);
  for (let k = 1; k <= hits; k++) {
    logarithm += Math.log((trials - k + 1) / k) + Math.log(p) - Math.log1p(-p);
    total += Math.exp(logarithm);
  }
  return total;
}

/** What a model found of the planted edge at one horizon. */
export interface FoundEdge {
  /** The best forecast's information coefficient, from the generator's parameters. */
  readonly theory: number;
  /** Of the head before calibration. */
  readonly found: StudyFigure;
  readonly ratio: number | null;
  /** Where too little lies to be told from luck, the ratio is shown and not judged. */
  readonly judged: boolean;
}

const LEAST_THEORY = 0.06;
const RATIO = [0.7, 1.3] as const;

/** Information coefficients of a model on a market with the edge, beside theory; `passes` where every judged ratio is within 30 % of 1. */
export function foundEdge({ figures, theory }: StudyResult): {
  readonly horizons: Record<BestForecastHorizon, FoundEdge>;
  readonly passes: boolean;
} {
  if (theory === null) throw new RangeError('no edge was planted');
  const horizons = Object.fromEntries(
    BEST_FORECAST_HORIZONS.map((horizon): [string, FoundEdge] => {
      const found = figures[`raw IC, ${horizon}`] ?? NONE;
      const ratio = found.value === null ? null : found.value / theory[horizon];
      return [horizon, { theory: theory[horizon], found, ratio, judged: theory[horizon] >= LEAST_THEORY }];
    }),
  ) as Record<BestForecastHorizon, FoundEdge>;
  const passes = Object.values(horizons).every(
    ({ ratio, judged }) => !judged || (ratio !== null && ratio >= RATIO[0] && ratio <= RATIO[1]),
  );
  return { horizons, passes };
}
