import { cpus, loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import {
  createRandom,
  type EpochMs,
  epochMs,
  type FinalCandle,
  type Instrument,
  MINUTE_MS,
  type SymbolId,
} from '../src/core/index.ts';
import { initialBookState } from '../src/engine/book-state.ts';
import { type DecideSettings, decide } from '../src/engine/index.ts';
import { DEFAULT_COST_SETTINGS } from '../src/matching/index.ts';
import { DEFAULT_SIGNAL_SETTINGS } from '../src/signals/index.ts';
import type { Strategy } from '../src/strategies/index.ts';
import {
  DEFAULT_PROTECTION_SETTINGS,
  DEFAULT_RISK_SETTINGS,
  DEFAULT_SIZING_SETTINGS,
  PaperBroker,
} from '../src/trading/index.ts';
import { measureEndToEnd } from './backtest-end-to-end.ts';
import { type Backtester, CITED, loadGrademark, UNAVAILABLE } from './peers/backtesters.ts';

/*
 * How many bars a second a backtest decides: one symbol, trades wanted on a fixed schedule, every bar through `decide` and the paper
 * broker with fees, costs, protection and the whole ledger; nothing is forecast and nothing stored.
 * Beside it, in the same process and in turn, grademark on the same schedule; and figures that others publish.
 * Then whole backtests of 10 to 50 symbols over so many days and up to four times as many (0: none).
 * npm run --silent bench:backtest -- [--bars 525600] [--rounds 5] [--days 30]
 * It runs as what is shipped does, bundled and without a loader. The first round warms up and does not count. The last line is one JSON object.
 */
const { values } = parseArgs({
  options: {
    bars: { type: 'string', default: '525600' },
    rounds: { type: 'string', default: '5' },
    days: { type: 'string', default: '30' },
  },
});
const bars = Number(values.bars);
const rounds = Number(values.rounds);
const days = Number(values.days);

const SYMBOL = 'AUSDT';
const START = epochMs(Date.UTC(2024, 0, 1));
/** A round trip begins every so many minutes, long and short in turn, and lasts about half of them: 7,008 in a year. */
const TRADE_EVERY = 75;
const HOLD_MINUTES = 37;
/** About where the shipped protection puts a stop in the generated market, for peers that know no volatility. */
const STOP_FRACTION = 0.01;
/** Small enough that fees leave something at the end of the year. */
const WEIGHT = 0.02;

const instrument: Instrument = {
  venue: 'binanceusdm',
  symbol: SYMBOL,
  base: 'A',
  quote: 'USDT',
  tickSize: '0.01',
  stepSize: '0.001',
  minQuantity: '0.001',
  minNotional: '5',
  status: 'trading',
};

/** The side to enter after a bar; the first that is entered is that of index 75. */
function entryAt(index: number): 'long' | 'short' | undefined {
  if (index === 0 || index % TRADE_EVERY !== 0) return undefined;
  return (index / TRADE_EVERY) % 2 === 0 ? 'long' : 'short';
}

/** Wants what the schedule says, whatever the market does. */
const scheduled: Strategy = {
  name: 'scheduled',
  decideEvery: '1m',
  holdFor: '1h',
  cooldownMinutes: 0,
  protection: DEFAULT_PROTECTION_SETTINGS,
  decide: ({ minute }) => {
    const side = entryAt((minute - START) / MINUTE_MS);
    if (side === undefined) return NOTHING;
    const holdUntil = epochMs(minute + HOLD_MINUTES * MINUTE_MS);
    return { targets: [{ kind: 'enter', symbol: SYMBOL, side, holdUntil, weight: WEIGHT }], refusals: [] };
  },
};
const NOTHING = { targets: [], refusals: [] };

const settings: DecideSettings = {
  book: 'bench',
  signals: DEFAULT_SIGNAL_SETTINGS,
  costs: DEFAULT_COST_SETTINGS,
  sizing: DEFAULT_SIZING_SETTINGS,
  // A year of fees without an edge would trip the breakers, and then nothing trades.
  risk: { ...DEFAULT_RISK_SETTINGS, maxDailyLoss: 1, maxDrawdown: 1, maxLosingStreak: null },
  strategies: [scheduled],
  areStrategiesNetted: true,
  areLegsSeparate: false,
  sectorOf: () => 0,
};

const candles = generateCandles(bars);
const grademark = loadGrademark(candles);
if (!grademark) console.error('The libraries to measure against are not installed: npm ci --prefix bench/peers');
const samples: Sample[] = [];
const grademarkSamples: Sample[] = [];
// In turn, so that what else the machine does hits all alike.
for (let round = 0; round <= rounds; round++) {
  const sample = await runOurs(candles);
  const theirs = grademark === undefined ? undefined : runPeer(grademark);
  if (round > 0) samples.push(sample);
  if (round > 0 && theirs !== undefined) grademarkSamples.push(theirs);
  console.error(`round ${round} of ${rounds}: ${JSON.stringify({ ours: sample, grademark: theirs })}`);
}
const [first] = samples;
const [firstOfGrademark] = grademarkSamples;
const secondsOfGrademark = median(grademarkSamples.map((sample) => sample.seconds));
const seconds = median(samples.map((sample) => sample.seconds));
const cpuSeconds = median(samples.map((sample) => sample.cpuSeconds));
const endToEnd = days > 0 ? await measureEndToEnd(days) : undefined;
console.log(
  JSON.stringify({
    bench: 'backtest',
    bars,
    rounds,
    barsPerSecond: Math.round(bars / seconds),
    barsPerCpuSecond: Math.round(bars / cpuSeconds),
    nanosecondsPerBar: Math.round((seconds / bars) * 1e9),
    trades: first?.entries,
    fills: first?.fills,
    finalEquity: first?.finalEquity,
    peers: {
      grademark:
        grademark === undefined
          ? { unavailable: 'not installed: npm ci --prefix bench/peers' }
          : {
              version: grademark.version,
              barsPerSecond: Math.round(bars / secondsOfGrademark),
              barsPerCpuSecond: Math.round(bars / median(grademarkSamples.map((sample) => sample.cpuSeconds))),
              trades: firstOfGrademark?.entries,
              without: grademark.without,
              oursToTheirs: Number((secondsOfGrademark / seconds).toFixed(2)),
            },
      'backtest-kit': { unavailable: UNAVAILABLE['backtest-kit'] },
    },
    endToEnd,
    cited: CITED,
    node: process.versions.node,
    processor: `${cpus()[0]?.model.trim()} x ${cpus().length}`,
    load1m: Math.round((loadavg()[0] ?? 0) * 10) / 10,
  }),
);

interface Sample {
  readonly seconds: number;
  /** Of the whole process, garbage collection on other threads included. */
  readonly cpuSeconds: number;
  readonly entries: number;
  readonly fills?: number;
  readonly finalEquity?: string;
}

function runPeer(peer: Backtester): Sample {
  const cpu = process.cpuUsage();
  const started = performance.now();
  const entries = peer.run({ entryAt, holdBars: HOLD_MINUTES, stopFraction: STOP_FRACTION });
  const seconds = (performance.now() - started) / 1e3;
  const { user, system } = process.cpuUsage(cpu);
  return { seconds, cpuSeconds: (user + system) / 1e6, entries };
}

async function runOurs(all: readonly FinalCandle[]): Promise<Sample> {
  const instruments = new Map<SymbolId, Instrument>([[SYMBOL, instrument]]);
  const broker = new PaperBroker({ instrumentOf: (symbol) => instruments.get(symbol), costs: settings.costs });
  const minuteCandles = new Map<SymbolId, FinalCandle>();
  const members = [SYMBOL];
  const none: ReadonlySet<SymbolId> = new Set();
  let state = initialBookState(settings.risk);
  let entries = 0;
  let fills = 0;
  let finalEquity = '';
  const cpu = process.cpuUsage();
  const started = performance.now();
  for (const candle of all) {
    const minute = closeOf(candle);
    minuteCandles.set(SYMBOL, candle);
    const events = broker.events(minute, minuteCandles);
    const brokerEvents = events instanceof Promise ? await events : events;
    const decision = decide(
      state,
      {
        minute,
        members,
        excluded: [],
        candles: minuteCandles,
        coverage: 1,
        referencesPresent: true,
        forecasts: [],
        brokerEvents,
        instruments,
        incomplete: none,
        ended: none,
      },
      settings,
    );
    state = decision.state;
    fills += decision.fills.length;
    if (decision.netted.length > 0) broker.settle(decision.netted);
    if (decision.intents.length > 0) {
      for (const { purpose } of decision.intents) if (purpose === 'entry') entries++;
      broker.submit(decision.intents);
    }
    if (decision.cancels.length > 0) broker.cancel(decision.cancels);
    if (candle === all.at(-1)) finalEquity = decision.equity.equity;
  }
  const seconds = (performance.now() - started) / 1e3;
  const { user, system } = process.cpuUsage(cpu);
  return { seconds, cpuSeconds: (user + system) / 1e6, entries, fills, finalEquity };
}

function closeOf({ openTime }: FinalCandle): EpochMs {
  return epochMs(openTime + MINUTE_MS);
}

function generateCandles(count: number): FinalCandle[] {
  const random = createRandom('bench/backtest');
  const cents = (price: number) => Math.round(price * 100) / 100;
  let close = 100;
  return Array.from({ length: count }, (_, index) => {
    const open = close;
    close = Math.max(1, cents(open * (1 + 0.0006 * random.normal() + (100 - open) * 1e-7)));
    const wick = 1 + 0.0003 * random.uniform();
    return {
      state: 'final',
      finality: 'archive',
      symbol: SYMBOL,
      timeframe: '1m',
      openTime: epochMs(START + index * MINUTE_MS),
      open,
      high: cents(Math.max(open, close) * wick),
      low: cents(Math.min(open, close) / wick),
      close,
      volume: Math.round(1_000 + 1_000 * random.uniform()),
    };
  });
}

function median(all: readonly number[]): number {
  const sorted = [...all].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const at = (index: number) => sorted[index] ?? Number.NaN;
  return sorted.length % 2 ? at(middle) : (at(middle - 1) + at(middle)) / 2;
}
