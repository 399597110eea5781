import {
  type BrokerEvent,
  createRandom,
  type EpochMs,
  epochMs,
  type FinalCandle,
  FORECAST_WIDTH,
  type Forecast,
  type ForecastOutput,
  type Instrument,
  MINUTE_MS,
  outputIndex,
  type Random,
  type SymbolId,
} from '../core/index.ts';
import { DEFAULT_COST_SETTINGS } from '../matching/index.ts';
import { DEFAULT_SIGNAL_SETTINGS } from '../signals/index.ts';
import { DEFAULT_STRATEGY_SETTINGS, MLStrategyAdapter } from '../strategies/index.ts';
import {
  DEFAULT_PROTECTION_SETTINGS,
  DEFAULT_RISK_SETTINGS,
  DEFAULT_SIZING_SETTINGS,
  orderOf,
  PaperBroker,
  pendingCancels,
  positionsOf,
  workingOrders,
} from '../trading/index.ts';
import { type BookState, initialBookState } from './book-state.ts';
import { type DecideInput, type DecideSettings, type Decision, decide } from './decide.ts';
import { decidedPartsOf } from './decide-types.ts';

/** Small worlds for the tests of `decide`: a random market, forecasts about it, and a book run over its minutes. */

/** 2025-06-19T00:00Z: a full hour, 4 hours and day. */
export const START = epochMs(Date.UTC(2025, 5, 19));

export const minuteAt = (index: number): EpochMs => epochMs(START + index * MINUTE_MS);

export const testSettings = (changes: Partial<DecideSettings> = {}): DecideSettings => ({
  book: 'main',
  // The forecasts here know no rally and no drawdown: the target is the expected return, the stop that of the volatility.
  signals: { ...DEFAULT_SIGNAL_SETTINGS, horizons: ['4h'], minRewardToRisk: 0.5 },
  costs: DEFAULT_COST_SETTINGS,
  sizing: DEFAULT_SIZING_SETTINGS,
  risk: DEFAULT_RISK_SETTINGS,
  strategies: [
    new MLStrategyAdapter({
      ...DEFAULT_STRATEGY_SETTINGS,
      holdFor: '4h',
      protection: { ...DEFAULT_PROTECTION_SETTINGS, fromSignal: false },
    }),
  ],
  areStrategiesNetted: true,
  areLegsSeparate: false,
  sectorOf: () => 0,
  ...changes,
});

export function testInstrument(symbol: SymbolId, changes: Partial<Instrument> = {}): Instrument {
  return {
    venue: 'binanceusdm',
    symbol,
    base: symbol.replace(/USDT$/, ''),
    quote: 'USDT',
    tickSize: '0.01',
    stepSize: '0.001',
    minQuantity: '0.001',
    minNotional: '5',
    status: 'trading',
    ...changes,
  };
}

export function testCandle(symbol: SymbolId, minute: EpochMs, changes: Partial<FinalCandle> = {}): FinalCandle {
  return {
    state: 'final',
    finality: 'archive',
    symbol,
    timeframe: '1m',
    openTime: epochMs(minute - MINUTE_MS),
    open: 100,
    high: 100,
    low: 100,
    close: 100,
    volume: 10_000,
    ...changes,
  };
}

/** A forecast whose probabilities and rank agree with the sign of its 4 h return unless told otherwise. */
export function testForecast(
  symbol: SymbolId,
  minute: EpochMs,
  return4h: number,
  outputs: Partial<Record<ForecastOutput, number>> = {},
  maskedShare = 0,
): Forecast {
  const values = new Float32Array(FORECAST_WIDTH);
  const isUp = return4h >= 0;
  const all: Partial<Record<ForecastOutput, number>> = {
    future_return_4h: return4h,
    direction_4h_up: isUp ? 0.5 : 0.2,
    direction_4h_down: isUp ? 0.2 : 0.5,
    direction_4h_flat: 0.3,
    rank24h: isUp ? 0.8 : 0.2,
    ...outputs,
  };
  for (const [name, value] of Object.entries(all)) values[outputIndex(name as ForecastOutput)] = value;
  return { symbol, minute, modelId: 'model-1', values, maskedShare };
}

/** Everything in order: all candles there, nothing late. */
export function testInput(minute: EpochMs, changes: Partial<DecideInput> = {}): DecideInput {
  const candles = changes.candles ?? new Map();
  const members = [...new Set([...candles.keys(), ...(changes.forecasts ?? []).map((each) => each.symbol)])];
  return {
    minute,
    members,
    excluded: [],
    candles,
    coverage: 1,
    referencesPresent: true,
    forecasts: [],
    edgeReference: { '4h': Array.from({ length: 101 }, (_, i) => i * 1e-4) },
    brokerEvents: [],
    instruments: new Map(members.map((symbol) => [symbol, testInstrument(symbol)])),
    incomplete: new Set(),
    ended: new Set(),
    ...changes,
  };
}

const KINDS = [
  { price: 107_000, tickSize: '0.1', stepSize: '0.001', minQuantity: '0.001', volume: 120 },
  { price: 2_500, tickSize: '0.01', stepSize: '0.001', minQuantity: '0.001', volume: 900 },
  { price: 14.2, tickSize: '0.001', stepSize: '0.1', minQuantity: '0.1', volume: 20_000 },
  { price: 0.171, tickSize: '0.00001', stepSize: '1', minQuantity: '1', volume: 900_000 },
  { price: 0.0000114, tickSize: '0.00000001', stepSize: '1', minQuantity: '1', volume: 4e9 },
];

/** Candles and forecasts of `count` symbols minute by minute: a function of the seed and the index alone. */
export class TestMarket {
  readonly instruments: ReadonlyMap<SymbolId, Instrument>;
  readonly #random: Random;
  readonly #prices = new Map<SymbolId, number>();
  readonly #minutes: { candles: Map<SymbolId, FinalCandle>; forecasts: Forecast[] }[] = [];

  constructor(count: number, seed: number) {
    this.#random = createRandom(seed);
    const instruments = new Map<SymbolId, Instrument>();
    for (let i = 0; i < count; i++) {
      const { price, volume: _, ...rules } = kindOf(i);
      instruments.set(`COIN${i}USDT`, testInstrument(`COIN${i}USDT`, rules));
      this.#prices.set(`COIN${i}USDT`, price);
    }
    this.instruments = instruments;
  }

  /** The minute with this index, 0 being the one that closes at `START` + 1 minute. */
  at(index: number): { candles: Map<SymbolId, FinalCandle>; forecasts: Forecast[] } {
    while (this.#minutes.length <= index) this.#minutes.push(this.#next(minuteAt(this.#minutes.length + 1)));
    const known = this.#minutes[index];
    if (!known) throw new RangeError(`no minute ${index}`);
    return known;
  }

  #next(minute: EpochMs) {
    const candles = new Map<SymbolId, FinalCandle>();
    const forecasts: Forecast[] = [];
    const random = this.#random;
    [...this.instruments.values()].forEach((instrument, i) => {
      const { symbol, tickSize } = instrument;
      const open = this.#prices.get(symbol) ?? 1;
      const decimals = tickSize.length - 2;
      const close = Math.max(Number(tickSize), Number((open * (1 + 0.002 * random.normal())).toFixed(decimals)));
      this.#prices.set(symbol, close);
      const isQuiet = random.uniform() < 0.1;
      const volume = isQuiet ? 0 : Number((kindOf(i).volume * random.uniform()).toFixed(3));
      const isMissing = random.uniform() < 0.02;
      const candle = { open, close, high: Math.max(open, close), low: Math.min(open, close), volume };
      if (isMissing) return;
      candles.set(symbol, testCandle(symbol, minute, candle));
      forecasts.push(
        testForecast(
          symbol,
          minute,
          0.01 * random.normal(),
          { rank24h: random.uniform(), direction_4h_up: random.uniform(), direction_4h_down: random.uniform() },
          random.uniform() < 0.05 ? 0.5 : 0,
        ),
      );
    });
    return { candles, forecasts };
  }
}

const kindOf = (index: number) => KINDS[index % KINDS.length] ?? { ...KINDS[0], price: 1, volume: 1 };

export interface BookRun {
  readonly decisions: readonly Decision[];
  readonly state: BookState;
}

/** All that is decided, without the state. */
export const dataOf = (decision: Decision) => ({
  ...decidedPartsOf(decision),
  cancels: decision.cancels,
  netted: decision.netted,
  unknownEvents: decision.unknownEvents,
});

/** What a test may do to a run, per minute index. */
export interface RunHooks {
  /** Instead of a new book's. */
  readonly start?: BookState;
  /** Replaces the state and the broker's memory before a minute, as a restart does. */
  readonly restartBefore?: (index: number) => boolean;
  /** How a restart carries the state over. */
  readonly carry?: (state: BookState) => BookState;
  /** Changes what the broker reports before it reaches the book. */
  readonly events?: (events: BrokerEvent[], index: number) => BrokerEvent[];
  readonly input?: (input: DecideInput, index: number) => DecideInput;
}

/** Runs a book on a market for `minutes` minutes with a paper broker. */
export async function runBook(
  market: Pick<TestMarket, 'instruments' | 'at'>,
  minutes: number,
  settings: DecideSettings,
  hooks: RunHooks = {},
): Promise<BookRun> {
  const newBroker = () =>
    new PaperBroker({ instrumentOf: (symbol) => market.instruments.get(symbol), costs: settings.costs });
  let broker = newBroker();
  let state = hooks.start ?? initialBookState(settings.risk);
  const decisions: Decision[] = [];
  for (let index = 0; index < minutes; index++) {
    const minute = minuteAt(index + 1);
    if (hooks.restartBefore?.(index)) {
      state = hooks.carry?.(state) ?? state;
      broker = newBroker();
      const positions = positionsOf(settings.book, state.ledger, state.markets);
      await broker.restore({ openOrders: workingOrders(state.ledger).map(orderOf).reverse(), positions });
      await broker.cancel(pendingCancels(state.ledger));
    }
    const { candles, forecasts } = market.at(index);
    const events = await broker.events(minute, candles);
    const input = testInput(minute, {
      candles,
      forecasts,
      instruments: market.instruments,
      brokerEvents: hooks.events?.(events, index) ?? events,
    });
    const decision = decide(state, hooks.input?.(input, index) ?? input, settings);
    state = decision.state;
    decisions.push(decision);
    // A restart before the next minute stands for a crash between the commit of the intents and their submission.
    if (hooks.restartBefore?.(index + 1)) continue;
    await broker.settle(decision.netted);
    await broker.submit(decision.intents);
    await broker.cancel(decision.cancels);
  }
  return { decisions, state };
}
