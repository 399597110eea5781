import {
  allocateBars,
  createRandom,
  DAY_MS,
  type EpochMs,
  epochMs,
  type Instrument,
  MINUTE_MS,
  type SymbolId,
} from '../../core/index.ts';
import { DailyPath, ornsteinVariance } from './daily-path.ts';
import { drawDayBars, type GeneratedBars } from './day-bars.ts';
import { RecentlyUsed } from './day-cache.ts';
import { drawInstruments, type InstrumentProfile, SECTORS } from './generated-instruments.ts';
import { allocatePath, drawMinutePath, type MinutePath } from './minute-paths.ts';
import { describeEdge, PLANTED, type PlantedEdge } from './planted-edge.ts';

export interface GeneratedMarketSettings {
  /** The same seed, start and edge give the same bars on every machine, in whatever order they are asked for. */
  readonly seed: number | string;
  /** Number of instruments, at least 3. Default 50. */
  readonly symbols?: number;
  /** The market's first minute; rounded down to a UTC day. */
  readonly start: EpochMs;
  /** Plant a weak, documented predictability. Without it every price is a martingale. */
  readonly edge?: boolean;
}

/** An invented market: no figure of it is a figure of a real one. It has no end. */
export interface GeneratedMarket {
  readonly seed: string;
  /** Open of the first bar. */
  readonly start: EpochMs;
  /** In canonical order: BTCUSDT, ETHUSDT, G03USDT … */
  readonly instruments: readonly Instrument[];
  /** What was planted; undefined where nothing was. */
  readonly edge: PlantedEdge | undefined;
  /**
   * One-minute bars with `from <= openTime < to`, oldest first; none before the start. A new copy.
   * @throws RangeError for a symbol the market does not have.
   */
  bars(symbol: SymbolId, from: EpochMs, to: EpochMs): GeneratedBars;
  /** Funding settlements (00, 08, 16 o'clock UTC) with `from <= time < to`: the share of a position that longs pay. */
  fundingRates(symbol: SymbolId, from: EpochMs, to: EpochMs): readonly { time: EpochMs; rate: number }[];
}

const MARKET = { volatility: 0.022, jumpProbability: 0.05, jumpVolatility: 0.02 };
const SECTOR = { volatility: 0.011, jumpProbability: 0, jumpVolatility: 0 };
/** Jumps of an instrument, in units of its own daily volatility. */
const OWN_JUMPS = { probability: 0.06, volatility: 1.2 };
const FUNDING_MS = 8 * 3_600_000;
/** Blocks kept: one instrument's day is about 100 KB, one day of all factors about 160 KB. */
const KEPT_BLOCKS = 200;
const KEPT_FACTOR_DAYS = 200;

/** A market that never was, for tests, demonstrations and machines without market data. See `docs/generated-market.md`. */
export function createGeneratedMarket(settings: GeneratedMarketSettings): GeneratedMarket {
  const count = settings.symbols ?? 50;
  if (!Number.isInteger(count) || count < 3 || count > 999) {
    throw new RangeError(`a generated market has 3 to 999 symbols, not ${count}`);
  }
  const planted = settings.edge === true;
  const seed = `${settings.seed}${planted ? '/edge' : ''}`;
  const firstDay = Math.floor(settings.start / DAY_MS);
  const start = epochMs(firstDay * DAY_MS);
  const profiles = drawInstruments(seed, count);
  const indexOf = new Map(profiles.map((profile, index) => [profile.instrument.symbol, index]));
  const reverting = planted ? PLANTED : { revertingShare: 0, reversionRate: 0 };
  const paths = createPaths(seed, firstDay, profiles, reverting);
  const factorDays = new RecentlyUsed<MinutePath[]>(KEPT_FACTOR_DAYS);
  const blocks = new RecentlyUsed<GeneratedBars>(KEPT_BLOCKS);
  const ownPath = allocatePath();

  const factorsOf = (day: number): MinutePath[] =>
    factorDays.get(day, () =>
      [paths.market, ...paths.sectors].map((path, factor) => {
        const minutes = allocatePath();
        drawMinutePath(path.day(day), createRandom(`${seed}/factor/${factor}/${day}`), minutes);
        return minutes;
      }),
    );

  const blockOf = (index: number, day: number): GeneratedBars =>
    blocks.get(index * 1e6 + day, () => {
      const profile = elementOf(profiles, index);
      const path = elementOf(paths.own, index);
      const random = createRandom(`${seed}/minutes/${profile.instrument.symbol}/${day}`);
      const today = path.day(day);
      const diffusive = (today.variance - today.jumpVariance) / (1 - reverting.revertingShare);
      const innovation = diffusive * reverting.revertingShare * ornsteinVariance(reverting.reversionRate);
      drawMinutePath(today, random, ownPath, innovation, reverting.reversionRate);
      const factors = factorsOf(day);
      const sector = 1 + profile.sector;
      const startLevel =
        today.startLevel +
        today.startDeviation +
        profile.beta * paths.market.day(day).startLevel +
        profile.sectorBeta * elementOf(paths.sectors, profile.sector).day(day).startLevel;
      return drawDayBars({
        profile,
        random,
        firstOpenTime: (firstDay + day) * DAY_MS,
        startLevel,
        own: ownPath,
        market: elementOf(factors, 0),
        sector: elementOf(factors, sector),
        averageVariance: averageVarianceOf(profile),
      });
    });

  const requireIndex = (symbol: SymbolId): number => {
    const index = indexOf.get(symbol);
    if (index === undefined) throw new RangeError(`the generated market has no ${symbol}`);
    return index;
  };

  return {
    seed: String(settings.seed),
    start,
    instruments: profiles.map((profile) => profile.instrument),
    edge: planted
      ? describeEdge(profiles, {
          volatility: Math.sqrt(MARKET.volatility ** 2 + MARKET.jumpProbability * MARKET.jumpVolatility ** 2),
          sectorVolatility: SECTOR.volatility,
          ownJumps: { probability: OWN_JUMPS.probability, variance: OWN_JUMPS.volatility ** 2 },
        })
      : undefined,
    bars(symbol, from, to) {
      const index = requireIndex(symbol);
      const first = Math.ceil((Math.max(from, start) - start) / MINUTE_MS);
      const end = Math.max(first, Math.ceil((to - start) / MINUTE_MS));
      const result = { ...allocateBars(end - first), trades: new Float64Array(end - first) };
      for (let minute = first; minute < end; ) {
        const day = Math.floor(minute / 1_440);
        const dayEnd = Math.min(end, (day + 1) * 1_440);
        copyBars(blockOf(index, day), minute - day * 1_440, dayEnd - day * 1_440, result, minute - first);
        minute = dayEnd;
      }
      return result;
    },
    fundingRates(symbol, from, to) {
      const index = requireIndex(symbol);
      const settlements: { time: EpochMs; rate: number }[] = [];
      for (let time = Math.ceil(Math.max(from, start) / FUNDING_MS) * FUNDING_MS; time < to; time += FUNDING_MS) {
        const day = Math.floor((time - start) / DAY_MS);
        settlements.push({ time: epochMs(time), rate: fundingRate(elementOf(paths.own, index), day, time) });
      }
      return settlements;
    },
  };

  /** The usual 0.01 %, more after a day on which the instrument rose against the market; nothing of the future in it. */
  function fundingRate(path: DailyPath, day: number, time: number): number {
    const before = day > 0 ? path.day(day - 1) : undefined;
    const risen =
      before === undefined ? 0 : before.endLevel + before.endDeviation - before.startLevel - before.startDeviation;
    const noise = createRandom(`${seed}/funding/${indexOfPath(path)}/${time}`).normal();
    const rate = 0.0001 + 0.002 * risen + 0.00005 * noise;
    return Math.round(Math.max(-0.0075, Math.min(0.0075, rate)) * 1e8) / 1e8;
  }

  function indexOfPath(path: DailyPath): number {
    return paths.own.indexOf(path);
  }
}

/** The day-to-day values of the market, its sectors and of each instrument. */
export function createPaths(
  seed: string,
  firstDay: number,
  profiles: readonly InstrumentProfile[],
  reverting: { revertingShare: number; reversionRate: number },
): { market: DailyPath; sectors: DailyPath[]; own: DailyPath[] } {
  const permanent = { revertingShare: 0, reversionRate: 0 };
  const market = new DailyPath(
    createRandom(`${seed}/days/market`),
    { ...MARKET, ...permanent, followsMarket: 0 },
    firstDay,
  );
  const sectors = Array.from(
    { length: SECTORS },
    (_, sector) =>
      new DailyPath(
        createRandom(`${seed}/days/sector/${sector}`),
        { ...SECTOR, ...permanent, followsMarket: 0.7 },
        firstDay,
        market,
      ),
  );
  const own = profiles.map((profile) => {
    const settings = {
      volatility: profile.ownVolatility,
      jumpProbability: OWN_JUMPS.probability,
      jumpVolatility: OWN_JUMPS.volatility * profile.ownVolatility,
      followsMarket: 0.6,
      ...reverting,
    };
    return new DailyPath(createRandom(`${seed}/days/${profile.instrument.symbol}`), settings, firstDay, market);
  });
  return { market, sectors, own };
}

function averageVarianceOf(profile: InstrumentProfile): number {
  const day =
    profile.ownVolatility ** 2 +
    (profile.beta * MARKET.volatility) ** 2 +
    (profile.sectorBeta * SECTOR.volatility) ** 2;
  return day / 1_440;
}

const COLUMNS = [
  'openTime',
  'open',
  'high',
  'low',
  'close',
  'volume',
  'quoteVolume',
  'takerBuyVolume',
  'trades',
] as const;

function copyBars(block: GeneratedBars, from: number, to: number, into: GeneratedBars, at: number): void {
  for (const column of COLUMNS) into[column].set(block[column].subarray(from, to), at);
}

function elementOf<Element>(list: readonly Element[], index: number): Element {
  const element = list[index];
  if (element === undefined) throw new RangeError(`there is no element ${index}`);
  return element;
}
