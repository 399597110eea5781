import {
  type BookCommand,
  type BrokerEvent,
  createRandom,
  type FinalCandle,
  type Instrument,
  type Random,
  type SymbolId,
} from '../../src/core/index.ts';
import { type BookState, initialBookState, warmBookState } from '../../src/engine/book-state.ts';
import { decodeBookState, encodeBookState } from '../../src/engine/book-state-text.ts';
import type { DecideInput, DecideSettings, Decision } from '../../src/engine/decide.ts';
import { minuteAt, runBook, START, TestMarket, testSettings } from '../../src/engine/decide-fixtures.ts';
import type { ModelEvidence } from '../../src/signals/index.ts';
import {
  buyAndHold,
  crossSectionalMomentum,
  DEFAULT_STRATEGY_SETTINGS,
  MarketNeutralAdapter,
  MLStrategyAdapter,
  randomPositions,
  type Strategy,
  timeSeriesMomentum,
} from '../../src/strategies/index.ts';
import {
  DEFAULT_PROTECTION_SETTINGS,
  DEFAULT_RISK_SETTINGS,
  type ProtectionSettings,
} from '../../src/trading/index.ts';

/*
 * Books over random markets with shocks, holes, commands, restarts and ends of instruments. A scenario is a function of its number alone:
 * which strategies, limits and events it has follows from it.
 */

export const SCENARIOS = Array.from({ length: 20 }, (_, index) => index + 1);

/** Minutes decided, after as many as regimes, volatilities and correlations need. */
const MINUTES = 240;
const WARM_UP = 16 * 60;

export interface ScenarioRun {
  readonly decisions: readonly Decision[];
  readonly state: BookState;
}

export async function runScenario(seed: number): Promise<ScenarioRun> {
  const random = createRandom(`golden/${seed}`);
  const settings = settingsOf(seed, random);
  const market = new ShockedMarket(3 + (seed % 4), seed, random.fork('shocks'));
  const delisted = seed % 5 === 0 ? 'COIN1USDT' : undefined;
  const instruments = (index: number) =>
    delisted !== undefined && index >= 150 ? withEnd(market, delisted) : undefined;
  return runBook({ instruments: market.instruments, at: (index) => market.at(index) }, MINUTES, settings, {
    start: warmed(market, settings),
    restartBefore: (index) => seed % 3 === 0 && index % 67 === 66,
    carry: (state) => decodeBookState(encodeBookState(state)),
    events: (events, index) => (seed % 4 === 0 ? disturbed(events, index, settings.book) : events),
    input: (input, index) => {
      const known = instruments(index);
      return {
        ...inputOf(input, index, seed),
        ...(known === undefined || delisted === undefined ? {} : { instruments: known, ended: new Set([delisted]) }),
      };
    },
  });
}

/** Everything that moves in the test market, with a common fall and rise, and single ones, at random minutes. */
class ShockedMarket {
  readonly instruments: ReadonlyMap<SymbolId, Instrument>;
  readonly #market: TestMarket;
  /** Factor on a symbol's prices by the index it holds from; before warm-up minutes are negative. */
  readonly #shocks: readonly {
    readonly from: number;
    readonly symbol: SymbolId | undefined;
    readonly factor: number;
  }[];

  constructor(symbols: number, seed: number, random: Random) {
    this.#market = new TestMarket(symbols, seed);
    this.instruments = this.#market.instruments;
    const names = [...this.instruments.keys()];
    this.#shocks = Array.from({ length: 8 }, (_, each) => ({
      from: random.integer(MINUTES),
      symbol: each < 3 ? undefined : names[random.integer(names.length)],
      factor: Math.exp(0.04 * random.normal()),
    }));
  }

  at(index: number) {
    const { candles, forecasts } = this.#market.at(index + WARM_UP);
    const minute = minuteAt(index + 1);
    return {
      candles: new Map([...candles].map(([symbol, candle]) => [symbol, this.#shocked(candle, index)])),
      forecasts: forecasts.map((forecast) => ({ ...forecast, minute })),
    };
  }

  #shocked(candle: FinalCandle, index: number): FinalCandle {
    const { symbol } = candle;
    const tick = Number(this.instruments.get(symbol)?.tickSize ?? 1);
    const decimals = Math.max(0, Math.round(-Math.log10(tick)));
    const factorAt = (at: number) =>
      this.#shocks
        .filter((shock) => at >= shock.from && (shock.symbol ?? symbol) === symbol)
        .reduce((product, { factor }) => product * factor, 1);
    const scaled = (price: number, factor: number) => Math.max(tick, Number((price * factor).toFixed(decimals)));
    const open = scaled(candle.open, factorAt(index - 1));
    const close = scaled(candle.close, factorAt(index));
    const width = 1 + (Math.abs(index * 7919) % 13) / 10_000;
    const high = scaled(Math.max(open, close), width);
    const low = scaled(Math.min(open, close), 1 / width);
    return { ...candle, openTime: minuteAt(index), open, close, high, low };
  }
}

function warmed(market: ShockedMarket, { risk, sizing, signals }: DecideSettings): BookState {
  const candles: FinalCandle[] = [];
  for (let index = -WARM_UP; index < 0; index++) candles.push(...market.at(index).candles.values());
  return { ...warmBookState(initialBookState(risk), candles, sizing, signals.regimes), minute: START };
}

function withEnd({ instruments }: ShockedMarket, symbol: SymbolId): Map<SymbolId, Instrument> {
  return new Map(
    [...instruments].map(([name, known]) => [
      name,
      name === symbol ? { ...known, status: 'delisted' as const } : known,
    ]),
  );
}

/** What else happens: commands, late and blocked minutes, minutes without forecasts or references, funding, a degraded model. */
function inputOf(input: DecideInput, index: number, seed: number): DecideInput {
  const command = (
    { 70: 'halt', 78: 'resume', 130: 'reduce', 139: 'resume', 200: 'close-all', 215: 'resume' } as const
  )[index + (seed % 7)];
  const commands: BookCommand[] =
    seed % 2 === 0 && command ? [{ id: index, command, actor: 'cli:operator', reason: 'drill' }] : [];
  const isForecast = seed % 3 === 1 || index % 5 === 0;
  return {
    ...input,
    forecasts: isForecast ? input.forecasts : [],
    ...(isForecast ? {} : { modelReason: 'CYCLE_OFF_INTERVAL' }),
    ...(index % 41 === 40 ? { late: 'CYCLE_PAST_DEADLINE' } : {}),
    ...(index % 53 === 52 ? { entriesBlocked: 'CLOCK_SKEWED' } : {}),
    referencesPresent: index % 47 !== 46,
    coverage: index % 59 < 57 ? 1 : 0.5,
    incomplete: new Set(index % 37 === 36 ? input.members.slice(0, 1) : []),
    excluded: index % 37 === 36 ? [{ symbol: 'GONEUSDT', reason: 'HISTORY_INCOMPLETE' }] : [],
    fundingRates: new Map(input.members.map((symbol, each) => [symbol, (each - 1) * 1e-4])),
    ...(seed % 6 === 0 ? { modelEvidence: evidenceOf(index % 80 > 60) } : {}),
    commands,
  };
}

const evidenceOf = (isDegraded: boolean): ModelEvidence => ({
  modelId: 'model-1',
  days: 5,
  informationCoefficient: { value: isDegraded ? -0.1 : 0.1, low: -0.2, high: 0.2 },
  isDegraded,
  from: START,
});

/** Money that comes and goes, what the venue does by itself, repeated events, and events of strangers. */
function disturbed(events: readonly BrokerEvent[], index: number, book: string): BrokerEvent[] {
  const time = minuteAt(index + 1);
  const more: BrokerEvent[] = [];
  if (index % 60 === 59) {
    more.push({
      kind: 'cash',
      flowId: `funding/${index}`,
      cause: 'funding',
      symbol: 'COIN0USDT',
      amount: '-1.25',
      time,
    });
  }
  if (index === 100) more.push({ kind: 'cash', flowId: 'in', cause: 'transfer', amount: '500', time });
  if (index % 90 === 89) more.push({ kind: 'status', clientOrderId: 'stranger', status: 'CANCELLED', time });
  if (index % 75 === 74) {
    const common = { kind: 'external', book, symbol: 'COIN0USDT', time, reason: 'ORDER_REDUCED_BESIDE' } as const;
    const bargain = { ...common, fillId: `outside-${index}`, quantity: '0.002', price: '100000', fee: '0.01' };
    more.push({ ...bargain, side: 'sell' }, { ...bargain, side: 'buy', fillId: `outside-${index}-b` });
  }
  return [...events, ...(index % 10 === 0 ? events : []), ...more];
}

function settingsOf(seed: number, random: Random): DecideSettings {
  const all = strategiesOf(random);
  // Three kinds, one after another through the list, so that each meets each.
  const chosen = [0, 1 + (seed % 3), 4 + (seed % 4)].map((step) => (seed + step) % all.length);
  const isTight = seed % 3 === 2;
  return testSettings({
    strategies: [...new Set(chosen)].flatMap((index) => all[index] ?? []),
    areStrategiesNetted: seed % 4 !== 3,
    areLegsSeparate: seed % 5 === 4,
    sectorOf: (symbol) => Number(symbol.replace(/\D/g, '')) % 3,
    risk: {
      ...DEFAULT_RISK_SETTINGS,
      maxPositions: 12,
      maxOrdersPerDay: 5_000,
      ...(isTight
        ? {
            maxGrossExposure: 0.5,
            maxSideExposure: 0.3,
            maxNetExposure: 0.25,
            maxSectorExposure: 0.2,
            maxOrdersPerMinute: 4,
          }
        : { maxGrossExposure: 2, maxPositionFraction: 0.3, maxDailyLoss: 0.1 }),
      allowOppositePositions: seed % 4 !== 2,
      maxLosingStreak: seed % 2 === 0 ? 6 : null,
      losingPauseMinutes: 20,
      maxCorrelation: 0.5,
      ...(seed % 7 === 6
        ? {
            ramp: {
              stageFractions: [0.2, 1],
              minDays: 1,
              minTrades: 1,
              minTStatistic: 0,
              stepBackTStatistic: 2,
              maxDrawdown: 0.05,
            },
          }
        : {}),
    },
  });
}

const NEAR: ProtectionSettings = {
  ...DEFAULT_PROTECTION_SETTINGS,
  stopVolatilities: 0.6,
  rewardToRisk: 1.5,
  targetLevels: [
    { at: 0.5, share: 0.4 },
    { at: 1, share: 0.4 },
  ],
  trailing: { activationFraction: 0.004, distance: { volatilities: 0.4 } },
  breakEvenFraction: 0.003,
};
const TRAILING: ProtectionSettings = {
  ...DEFAULT_PROTECTION_SETTINGS,
  fromSignal: false,
  trailing: { activationFraction: 0.002, distance: { fraction: 0.006 } },
  whenUnconfirmed: 'halt',
};
const OF_BOOK: ProtectionSettings = {
  kind: 'book',
  maxDrawdownFraction: 0.03,
  catastropheStopFraction: 0.02,
  whenUnconfirmed: 'close',
};

/** Every kind of strategy, deciding often and holding briefly, so that a short run trades a lot. */
function strategiesOf(random: Random): Strategy[] {
  const often = { decideEvery: '5m', holdFor: '30m', cooldownMinutes: 5 } as const;
  const sides = { positionsPerSide: 2, bandPositions: 1, grossExposure: 0.6 };
  return [
    new MLStrategyAdapter({ ...DEFAULT_STRATEGY_SETTINGS, ...often, protection: NEAR }),
    new MarketNeutralAdapter({ name: 'neutral', ...often, ...sides, weights: 'rank', protection: OF_BOOK }),
    timeSeriesMomentum({ name: 'momentum', ...often, lookBackMinutes: 120, allowShort: true, protection: TRAILING }),
    crossSectionalMomentum({
      name: 'winners',
      ...often,
      ...sides,
      lookBackMinutes: 60,
      weights: 'equal',
      protection: DEFAULT_PROTECTION_SETTINGS,
    }),
    buyAndHold({
      name: 'hold',
      ...often,
      symbols: ['COIN0USDT', 'COIN1USDT'],
      grossExposure: 0.3,
      protection: OF_BOOK,
    }),
    randomPositions({
      name: `drawn-${random.integer(1_000)}`,
      ...often,
      decideEvery: '1m',
      allowShort: true,
      turnover: { positions: 3, perDay: 100, grossExposure: 0.5 },
      protection: NEAR,
    }),
    new MLStrategyAdapter({
      ...DEFAULT_STRATEGY_SETTINGS,
      name: 'slow',
      decideEvery: '15m',
      holdFor: '1h',
      extendOnSignal: false,
      protection: TRAILING,
    }),
    randomPositions({ name: 'like-ml', ...often, allowShort: true, turnover: { of: 'ml' }, protection: NEAR }),
  ];
}
