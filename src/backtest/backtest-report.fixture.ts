import {
  allocateBars,
  type BarColumns,
  createRandom,
  DAY_MS,
  epochMs,
  HORIZON_NAMES,
  type Horizon,
  type SymbolId,
} from '../core/index.ts';
import type { Estimate, Evaluation, MeanScore } from '../model/index.ts';
import { type BacktestReport, critiquesOf } from './backtest-report.ts';
import type { BacktestRecord, FundingFlow, TradeFill } from './record.ts';
import {
  bootstrapPaths,
  breakdownsOf,
  contributionsOf,
  dailyReturnsOf,
  dayPathsOf,
  monthlyReturnsOf,
  performanceOf,
  roundTripsOf,
  simulateTrades,
  tradeStatisticsOf,
} from './statistics/index.ts';

export interface MadeUpOptions {
  readonly id?: string;
  readonly seed?: string;
  readonly days?: number;
  readonly trades?: number;
  readonly symbols?: readonly SymbolId[];
  readonly inSample?: readonly string[];
  /** Mean return of a trade in the direction it takes. */
  readonly edge?: number;
  readonly resamples?: number;
}

const BAR_MS = 15 * 60_000;
const START = Date.UTC(2025, 5, 1);

/** A report of random trades on random walks, with all its parts: nothing of it comes from a market. */
export function madeUpReport(options: MadeUpOptions = {}): {
  readonly report: BacktestReport;
  readonly bars: ReadonlyMap<SymbolId, BarColumns>;
} {
  const {
    id = 'a1b2c3d4e5f6',
    seed = 'report',
    days = 60,
    trades = 200,
    inSample = [],
    edge = 0.002,
    resamples = 100,
  } = options;
  const { symbols = ['BTCUSDT', 'ETHUSDT', 'SOLUSDT', 'XRPUSDT', 'DOGEUSDT', 'ADAUSDT'] } = options;
  const random = createRandom(seed);
  const count = days * 96;
  const bars = new Map(symbols.map((symbol, at) => [symbol, walk(random.fork(symbol), count, 10 ** (4 - at))]));
  const numbered = tradesOn(bars, count, { random, trades, edge });
  const trips = roundTripsOf(numbered).closed.map(withoutNumber);
  const record = { ...numbered, fills: numbered.fills.map(withoutNumber) };
  const performance = performanceOf(record, { random: random.fork('performance'), resamples });
  if (performance === undefined) throw new RangeError('a report needs a bar');
  const contributions = contributionsOf(trips, record.equity);
  const simulate = (method: 'shuffle' | 'resample') =>
    simulateTrades(contributions, method, { random: random.fork(method), resamples }) ?? null;
  const baseline = (totalReturn: number) => ({ totalReturn, sharpe: totalReturn * 10, maxDrawdown: 0.1 });
  const body = {
    id,
    run: {
      from: epochMs(START + BAR_MS),
      to: epochMs(START + days * DAY_MS),
      bars: count,
      source: 'candles',
      symbols,
      strategies: ['unified_ml', 'momentum'],
      modelId: 'linear-baseline-0123456789ab',
      modelKind: 'linear-baseline',
      costFactor: 1,
      minuteBars: 0,
      inSample,
    },
    performance,
    tradeStatistics: tradeStatisticsOf(trips, { random: random.fork('trades'), resamples }),
    breakdowns: breakdownsOf(trips, { random: random.fork('breakdowns'), resamples }),
    months: monthlyReturnsOf(record.equity),
    scaled: { sharpe: 1.2, days: Math.max(0, dailyReturnsOf(record.equity).returns.length - 30), totalReturn: 0.03 },
    bootstrap: bootstrapPaths(dayPathsOf(record.equity), { random: random.fork('bootstrap'), resamples }) ?? null,
    monteCarlo: { shuffle: simulate('shuffle'), resample: simulate('resample') },
    evaluation: madeUpEvaluation(count * symbols.length, days),
    baselines: {
      buyAndHold: baseline(-0.12),
      equalWeight: baseline(-0.08),
      momentum14d: baseline(0.03),
      crossSectionalMomentum14d: baseline(0.01),
      random: { seeds: 200, pValue: 0.08, medianReturn: -0.04, medianSharpe: -1.1 },
      costs: { x0: baseline(0.14), x1: baseline(0.08), x2: baseline(0.02), x3: baseline(-0.04) },
      differenceToMomentum14d: { value: 0.11, low: -0.05, high: 0.28 },
    },
    signals: { accepted: 2 * trades, candidates: count * symbols.length },
    orders: 3 * trades,
    reasons: { SIGNAL_EDGE_BELOW_COSTS: 9_120, SIGNAL_CONFIDENCE_LOW: 4_410, STRATEGY_POSITION_HELD: 77 },
    open: [
      {
        book: 'main',
        strategy: 'unified_ml',
        symbol: symbols[0] ?? 'BTCUSDT',
        quantity: '0.012',
        averagePrice: '10150.5',
        openedAt: epochMs(START + days * DAY_MS - 5 * BAR_MS),
        markPrice: '10210.0',
        unrealizedPnl: '0.714',
        stopPrice: '9900.1',
        stopState: 'working' as const,
        targetPrices: ['10400', '10600'],
      },
    ],
    trips,
    record,
    hashes: {
      data: 'd'.repeat(64),
      config: 'c'.repeat(64),
      featureSet: 'f'.repeat(64),
      model: 'e'.repeat(64),
      fills: 'a'.repeat(64),
      decisions: 'b'.repeat(64),
    },
  };
  const assumptions = ['Orders fill at the open of the next bar.', 'There is no liquidation.'];
  return { report: { ...body, assumptions, critiques: critiquesOf(body) }, bars };
}

/** Trades were numbered, each a strategy of its own, so that they do not mix. */
const withoutNumber = <Named extends { readonly strategy: string }>(named: Named): Named => ({
  ...named,
  strategy: named.strategy.replace(/ \d+$/, ''),
});

function walk(random: ReturnType<typeof createRandom>, count: number, start: number): BarColumns {
  const bars = allocateBars(count);
  let price = start;
  for (let row = 0; row < count; row++) {
    const close = price * Math.exp(0.003 * random.normal());
    bars.openTime[row] = START + row * BAR_MS;
    bars.open[row] = price;
    bars.close[row] = close;
    bars.high[row] = Math.max(price, close) * (1 + 0.001 * random.uniform());
    bars.low[row] = Math.min(price, close) * (1 - 0.001 * random.uniform());
    bars.volume[row] = 1000;
    price = close;
  }
  return bars;
}

/** Trades at the bars' closes, marked to market bar by bar. */
function tradesOn(
  bars: ReadonlyMap<SymbolId, BarColumns>,
  count: number,
  {
    random,
    trades,
    edge,
  }: { readonly random: ReturnType<typeof createRandom>; readonly trades: number; readonly edge: number },
): BacktestRecord {
  const symbols = [...bars.keys()];
  const fills: TradeFill[] = [];
  const funding: FundingFlow[] = [];
  const change = new Float64Array(count + 1);
  const exposure = { long: new Float64Array(count + 1), short: new Float64Array(count + 1) };
  const positions = new Int32Array(count + 1);
  for (let trade = 0; trade < trades; trade++) {
    const symbol = symbols[random.integer(symbols.length)] ?? '';
    const columns = bars.get(symbol);
    if (!columns) continue;
    const length = 4 + random.integer(60);
    const begins = random.integer(Math.max(1, count - length - 1));
    const sign = random.uniform() < 0.6 ? 1 : -1;
    const entry = columns.close[begins] ?? 1;
    const exit = (columns.close[begins + length] ?? 1) * (1 + sign * edge);
    const quantity = 1_000 / entry;
    const cost = { fee: 0.5, spread: 0.1, impact: 0.05 };
    const timeAt = (row: number) => epochMs(START + (row + 1) * BAR_MS);
    const common = { strategy: `${trade % 4 === 0 ? 'momentum' : 'unified_ml'} ${trade}`, symbol, quantity, ...cost };
    const confidence = random.uniform();
    const realizedPnl = sign * (exit - entry) * quantity;
    fills.push(
      {
        ...common,
        time: timeAt(begins),
        side: sign > 0 ? 'buy' : 'sell',
        purpose: 'entry',
        price: entry,
        realizedPnl: 0,
        confidence,
        regime: begins % 192 < 96 ? 'range' : 'trend',
      },
      {
        ...common,
        time: timeAt(begins + length),
        side: sign > 0 ? 'sell' : 'buy',
        purpose: realizedPnl > 8 ? 'target' : realizedPnl < -12 ? 'stop' : 'exit',
        price: exit,
        realizedPnl,
      },
    );
    if (length > 40)
      funding.push({ time: timeAt(begins + 30), symbol, amount: -0.1 * sign, isAssumed: trade % 3 === 0 });
    for (let row = begins + 1; row <= begins + length; row++) {
      const moved = (columns.close[row] ?? 0) - (columns.close[row - 1] ?? 0);
      change[row + 1] = (change[row + 1] ?? 0) + sign * moved * quantity;
      const held = sign > 0 ? exposure.long : exposure.short;
      held[row] = (held[row] ?? 0) + 1_000;
      positions[row] = (positions[row] ?? 0) + 1;
    }
    change[begins + length + 1] = (change[begins + length + 1] ?? 0) + edge * exit * quantity - 2 * cost.fee;
  }
  let equity = 10_000;
  return {
    equity: {
      times: Float64Array.from({ length: count + 1 }, (_, row) => START + row * BAR_MS),
      equity: change.map((value) => {
        equity += value;
        return equity;
      }),
      ...exposure,
      positions,
    },
    fills: fills.sort((a, b) => a.time - b.time),
    funding: funding.sort((a, b) => a.time - b.time),
  };
}

const near = (value: number, reach = 0.01): Estimate => ({ value, low: value - reach, high: value + reach });

function madeUpEvaluation(rows: number, days: number): Evaluation {
  const mean = (macroF1: number): MeanScore => ({
    macroF1: near(macroF1),
    balancedAccuracy: near(macroF1),
    logLoss: near(1.02),
    brier: near(0.61),
    signAccuracy: near(0.512),
    informationCoefficient: near(0.021),
    rawInformationCoefficient: near(0.024),
  });
  const horizon = (macroF1: number) => ({
    ...mean(macroF1),
    accuracy: near(0.45),
    calibrationError: near(0.012),
    classF1: [0.4, 0.41, null],
    confusion: [
      [4, 3, 2],
      [3, 4, 2],
      [2, 2, 5],
    ],
    meanSquaredError: 1e-5,
    meanSquaredErrorOfZero: 1.01e-5,
    meanAbsoluteForecast: 1e-4,
  });
  const difference = { macroF1: near(0.01), logLoss: near(-0.002) };
  const byHorizon = <Value>(of: (at: number) => Value) =>
    Object.fromEntries(HORIZON_NAMES.map((name, at) => [name, of(at)])) as Record<Horizon, Value>;
  const squared = { meanSquaredError: 0.9, meanSquaredErrorOfBaseline: 1 };
  return {
    rows,
    times: rows,
    days,
    symbols: 6,
    from: START,
    to: START + days * DAY_MS,
    runLengthDays: 4,
    inSample: false,
    mean: mean(0.42),
    horizons: byHorizon((at) => horizon(0.4 + at / 100)),
    levels: {
      stop_1: {
        logLoss: near(0.5),
        brier: near(0.2),
        calibrationError: near(0.01),
        logLossOfBaseRate: 0.52,
        brierOfBaseRate: null,
        share: 0.22,
      },
    },
    risks: { drawdown_4h: squared },
    rank24h: { ...squared, informationCoefficient: near(0.03), rawInformationCoefficient: near(0.031) },
    baselines: {
      majority: null,
      persistence: null,
      linear: null,
      volatilityOnly: {
        mean: mean(0.41),
        difference,
        horizons: byHorizon((at) => ({ ...horizon(0.39 + at / 100), difference })),
      },
    },
  };
}
