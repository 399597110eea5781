import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { epochMs, MinutehandError, messageOf, ORDER_PURPOSES, REASON_CODES, type ReasonCode } from '../core/index.ts';
import { estimateSchema as estimate, evaluationSchema, putFolder } from '../model/index.ts';
import type { BacktestReport } from './backtest-report.ts';
import { type BacktestCharts, backtestHtml, NO_CHARTS } from './report/backtest-html.ts';

/** A report as it was saved, with what its charts need. */
export interface SavedBacktest {
  readonly report: BacktestReport;
  readonly charts: BacktestCharts;
}

export const REPORT_HTML = 'report.html';
const REPORT_JSON = 'report.json';
const FORMAT_VERSION = 1;
/** Far above a year of a hundred symbols. */
const LARGEST_BYTES = 256 * 1024 * 1024;

/** Where the backtests of a data directory are saved, a folder each, named by its id. */
export const backtestsFolder = (dataDirectory: string): string => join(dataDirectory, 'backtests');

/**
 * Saves a report as the folder `directory`: `report.json`, which is read back by {@link loadBacktest} as it was, and `report.html`. The
 * folder appears whole; one of that name is replaced.
 */
export async function saveBacktest(
  directory: string,
  report: BacktestReport,
  charts: BacktestCharts = NO_CHARTS,
): Promise<string> {
  const saved = { formatVersion: FORMAT_VERSION, report, charts };
  const json = JSON.stringify(saved, (_, value: unknown) =>
    value instanceof Float64Array || value instanceof Int32Array ? Array.from(value) : value,
  );
  return putFolder(
    directory,
    new Map([
      [REPORT_JSON, `${json}\n`],
      [REPORT_HTML, backtestHtml(report, charts)],
    ]),
  );
}

/**
 * Reads a folder that {@link saveBacktest} wrote.
 * @throws MinutehandError BACKTEST_NOT_FOUND (exit 2) where there is none, BACKTEST_UNREADABLE where it is none of this format
 */
export async function loadBacktest(directory: string): Promise<SavedBacktest> {
  const path = join(directory, REPORT_JSON);
  let text: string;
  try {
    const { size } = await stat(path);
    if (size > LARGEST_BYTES) throw unreadable(path, `it is larger than ${LARGEST_BYTES / 1024 / 1024} MiB`);
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof MinutehandError) throw error;
    throw new MinutehandError(
      'BACKTEST_NOT_FOUND',
      `there is no saved backtest in ${directory}: ${messageOf(error)}`,
      'See "minutehand backtest list".',
      { exitCode: 2, cause: error },
    );
  }
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch (error) {
    throw unreadable(path, messageOf(error));
  }
  const parsed = savedSchema.safeParse(content);
  if (parsed.success) return { report: parsed.data.report, charts: parsed.data.charts };
  const [issue] = parsed.error.issues;
  throw unreadable(path, `${issue?.path.join('.') || 'content'}: ${issue?.message ?? 'invalid'}`);
}

const unreadable = (path: string, why: string) =>
  new MinutehandError(
    'BACKTEST_UNREADABLE',
    `${path} is not a backtest that this version can read: ${why}`,
    'Run the backtest again: it is saved anew.',
  );

export interface SavedBacktests {
  /** The latest saved first. */
  readonly backtests: readonly {
    readonly directory: string;
    readonly savedAt: number;
    readonly report: BacktestReport;
  }[];
  readonly unreadable: readonly MinutehandError[];
}

/** The saved backtests of a folder. */
export async function listBacktests(folder: string): Promise<SavedBacktests> {
  const backtests: SavedBacktests['backtests'][number][] = [];
  const unreadable: MinutehandError[] = [];
  for (const name of await namesIn(folder)) {
    const directory = join(folder, name);
    try {
      const { report } = await loadBacktest(directory);
      backtests.push({ directory, savedAt: Math.floor((await stat(join(directory, REPORT_JSON))).mtimeMs), report });
    } catch (error) {
      if (!(error instanceof MinutehandError)) throw error;
      unreadable.push(error);
    }
  }
  backtests.sort((a, b) => b.savedAt - a.savedAt || (a.report.id < b.report.id ? -1 : 1));
  return { backtests, unreadable };
}

/** Folders that are whole: one that is being written begins with a dot. */
async function namesIn(folder: string): Promise<string[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory() && !entry.name.startsWith('.')).map(({ name }) => name);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw error;
  }
}

const text = z.string().max(10_000);
const texts = z.array(text);
const number = z.number();
const optional = number.nullable();
const count = number.int().nonnegative();
/** Until the year 9999. */
const moment = number.nonnegative().max(253_402_300_799_999);
const time = moment.transform(epochMs);
const decimal = z.string().regex(/^-?\d{1,40}(\.\d{1,40})?$/, 'no decimal number');
const doubles = z.array(number).transform((values) => Float64Array.from(values));
const moments = z.array(moment).transform((values) => Float64Array.from(values));
const purpose = z.enum(ORDER_PURPOSES);
const side = z.enum(['long', 'short']);

const costFigure = z.object({ amount: number, ofMeanEquity: estimate, ofGrossProfit: optional });
const performance = z.object({
  from: moment,
  to: moment,
  days: number,
  wholeDays: count,
  initialEquity: number,
  finalEquity: number,
  totalReturn: estimate,
  cagr: estimate,
  volatility: estimate,
  sharpe: estimate,
  sortino: estimate,
  calmar: estimate,
  maximumDrawdown: estimate,
  drawdown: z.object({
    maximum: number,
    peak: moment,
    trough: moment,
    recovery: moment.nullable(),
    days: number,
    timeUnderWater: number,
    longestUnderWaterDays: number,
  }),
  skewness: optional,
  kurtosis: optional,
  probabilisticSharpe: optional,
  minimumTrackRecordDays: optional,
  activity: z.object({
    meanEquity: number,
    exposure: z.object({ inMarket: estimate, gross: estimate, net: estimate }),
    turnover: z.object({ perDay: estimate, perYear: estimate }),
    costs: z.object({
      fees: costFigure,
      spread: costFigure,
      impact: costFigure,
      fundingPaid: costFigure,
      fundingReceived: costFigure,
      total: costFigure,
      fundingAssumed: optional,
      grossProfit: number,
    }),
  }),
  capacity: z.object({ byCosts: optional, byLiquidity: optional, equity: optional }),
});

const tradeStatistics = z.object({
  count,
  netPnl: number,
  grossPnl: number,
  fees: number,
  funding: number,
  winRate: estimate,
  payoffRatio: estimate,
  profitFactor: estimate,
  expectancy: estimate,
  meanReturn: estimate,
  medianHoldingMs: optional,
  winningStreak: count,
  losingStreak: count,
});
const breakdown = z.array(z.object({ key: text, statistics: tradeStatistics }));

const quantiles = z.object({ p5: number, p25: number, p50: number, p75: number, p95: number });
const simulated = z
  .object({
    paths: count,
    terminalWealth: quantiles,
    maximumDrawdown: quantiles,
    probabilityOfLoss: number,
    probabilityOfRuin: number,
  })
  .nullable();

const baseline = z.object({ totalReturn: number, sharpe: optional, maxDrawdown: number });
const baselines = z.object({
  buyAndHold: baseline,
  equalWeight: baseline,
  momentum14d: baseline,
  crossSectionalMomentum14d: baseline,
  random: z.object({ seeds: count, pValue: number, medianReturn: number, medianSharpe: optional }).nullable(),
  costs: z.object({ x0: baseline, x1: baseline, x2: baseline, x3: baseline }).nullable(),
  differenceToMomentum14d: estimate.nullable(),
});

const position = z.object({
  book: text,
  strategy: text,
  symbol: text,
  quantity: decimal,
  averagePrice: decimal,
  openedAt: time,
  markPrice: decimal,
  unrealizedPnl: decimal,
  stopPrice: decimal.exactOptional(),
  stopState: z.enum(['working', 'triggered', 'placing', 'missing']).exactOptional(),
  targetPrices: z.array(decimal).exactOptional(),
});

const trip = z.object({
  strategy: text,
  symbol: text,
  side,
  openedAt: time,
  closedAt: time,
  entryPrice: number,
  exitPrice: number,
  quantity: number,
  grossPnl: number,
  fees: number,
  spread: number,
  impact: number,
  funding: number,
  netPnl: number,
  netReturn: number,
  confidence: number.exactOptional(),
  regime: text.exactOptional(),
  exitPurpose: purpose,
});

const fill = z.object({
  time,
  strategy: text,
  symbol: text,
  side: z.enum(['buy', 'sell']),
  purpose,
  quantity: number,
  price: number,
  realizedPnl: number,
  fee: number,
  spread: number,
  impact: number,
  confidence: number.exactOptional(),
  regime: text.exactOptional(),
});

const equity = z
  .object({
    times: moments,
    equity: doubles,
    long: doubles,
    short: doubles,
    positions: z.array(number.int()).transform((values) => Int32Array.from(values)),
  })
  .refine(({ times, equity, long, short, positions }) =>
    [equity, long, short, positions].every(({ length }) => length === times.length && length > 0),
  );

const report = z.object({
  id: text,
  run: z.object({
    from: time,
    to: time,
    bars: count,
    source: text,
    symbols: texts,
    strategies: texts,
    modelId: text.nullable(),
    modelKind: text.nullable(),
    costFactor: number,
    minuteBars: count,
    inSample: texts,
  }),
  assumptions: texts,
  critiques: texts,
  performance,
  tradeStatistics,
  breakdowns: z.object({
    symbol: breakdown,
    strategy: breakdown,
    side: breakdown,
    month: breakdown,
    hour: breakdown,
    weekday: breakdown,
    regime: breakdown,
    confidence: breakdown,
    exitPurpose: breakdown,
  }),
  months: z.array(z.object({ year: count.max(9_999), month: count, value: number, isPartial: z.boolean() })),
  scaled: z.object({ sharpe: optional, days: count, totalReturn: number }),
  bootstrap: simulated,
  monteCarlo: z.object({ shuffle: simulated, resample: simulated }),
  evaluation: evaluationSchema.nullable(),
  baselines: baselines.nullable(),
  signals: z.object({ accepted: count, candidates: count }),
  orders: count,
  reasons: z.partialRecord(z.enum(Object.keys(REASON_CODES) as ReasonCode[]), count),
  open: z.array(position),
  trips: z.array(trip),
  record: z.object({
    equity,
    fills: z.array(fill),
    funding: z.array(z.object({ time, symbol: text, amount: number, isAssumed: z.boolean() })),
  }),
  hashes: z.object({
    data: text,
    config: text,
    featureSet: text,
    model: text.nullable(),
    fills: text,
    decisions: text,
  }),
});

const savedSchema = z.object({
  formatVersion: z.literal(FORMAT_VERSION),
  report,
  charts: z.object({
    candles: z
      .array(
        z
          .object({
            symbol: text,
            openTime: moments,
            barMs: number.positive(),
            open: doubles,
            high: doubles,
            low: doubles,
            close: doubles,
          })
          .refine(({ openTime, ...columns }) =>
            [columns.open, columns.high, columns.low, columns.close].every(
              ({ length }) => length === openTime.length && length <= 10_000,
            ),
          ),
      )
      .max(20),
    curves: z.array(
      z
        .object({ name: text, times: moments, wealth: doubles })
        .refine(({ times, wealth }) => times.length === wealth.length),
    ),
  }),
});
