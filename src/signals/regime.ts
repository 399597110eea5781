import {
  at64,
  type BoundedHistory,
  type EpochMs,
  MINUTE_MS,
  REGIMES,
  type Regime,
  type SignalSide,
  type SymbolId,
} from '../core/index.ts';

/** Where a regime begins and where, once begun, it ends: in multiples of what the market's own last day makes usual. */
interface Threshold {
  readonly enter: number;
  readonly leave: number;
}

/** What a regime does to new entries. */
export interface RegimeEffect {
  /** Factor on the size, 0 to 1. */
  readonly sizeScale: number;
  readonly blocks: 'none' | SignalSide | 'both';
}

export interface RegimeSettings {
  /** 15-minute bars without which nothing is said. */
  readonly leastBars: number;
  /** Newest bars that say what is usual; older ones are not looked at. */
  readonly mostBars: number;
  /** Bars of the volatility, of the fall and of the drift that are measured. */
  readonly volatilityBars: number;
  readonly crashBars: number;
  readonly trendBars: number;
  readonly highVolatility: Threshold;
  readonly crash: Threshold;
  readonly trend: Threshold;
  /** A regime lasts at least this long, unless a crash or high volatility begins. */
  readonly dwellMinutes: number;
  readonly effects: Readonly<Record<Regime, RegimeEffect>>;
}

export const DEFAULT_REGIME_SETTINGS: RegimeSettings = {
  leastBars: 48,
  mostBars: 96,
  volatilityBars: 16,
  crashBars: 4,
  trendBars: 48,
  highVolatility: { enter: 2.5, leave: 2 },
  crash: { enter: 5, leave: 2 },
  trend: { enter: 2, leave: 1.2 },
  dwellMinutes: 60,
  effects: {
    range: { sizeScale: 1, blocks: 'none' },
    trend: { sizeScale: 1, blocks: 'none' },
    'high-volatility': { sizeScale: 0.5, blocks: 'none' },
    crash: { sizeScale: 0.5, blocks: 'long' },
  },
};

/** The regime of one market. */
export interface RegimeState {
  readonly regime: Regime;
  /** When it began. */
  readonly since: EpochMs;
  /** End of the newest bar it was judged on. */
  readonly bar: EpochMs;
}

/** The regimes of the universe as a whole and of each symbol; absent while there are too few bars. */
export interface Regimes {
  readonly market: RegimeState | undefined;
  readonly bySymbol: ReadonlyMap<SymbolId, RegimeState>;
}

export const noRegimes: Regimes = { market: undefined, bySymbol: new Map() };

/** The closed 15-minute bars of a symbol. */
export interface RegimeBars {
  readonly returns: BoundedHistory;
  /** Where the newest of them ends. */
  readonly sampledMinute: EpochMs;
}

/** How a market's newest returns compare with those of its last day. */
export interface RegimeMeasure {
  /** Root mean square of the newest returns. */
  readonly volatility: number;
  /** Fall over the crash bars; negative where the price rose. */
  readonly fall: number;
  /** Movement over the trend bars, up or down. */
  readonly drift: number;
}

/** Median absolute deviation of a standard normal. */
const NORMAL_MEDIAN = 0.674_489_75;
const BAR_MS = 15 * MINUTE_MS;

/**
 * Measures returns, oldest first, in units of their own scale: median |return| / 0.6745, the standard deviation where they are normal, which
 * a burst of less than half the window does not move. Sums are divided by the root of their bars. Undefined with too few bars or without movement.
 */
export function measureRegime(
  history: ArrayLike<number>,
  settings: RegimeSettings = DEFAULT_REGIME_SETTINGS,
): RegimeMeasure | undefined {
  // The only market is the whole market.
  if (measured?.history === history && measured.settings === settings) return measured.measure;
  const measure = measureHistory(history, settings);
  measured = { history, settings, measure };
  return measure;
}

/** What was measured last. */
let measured:
  | {
      readonly history: ArrayLike<number>;
      readonly settings: RegimeSettings;
      readonly measure: RegimeMeasure | undefined;
    }
  | undefined;

function measureHistory(history: ArrayLike<number>, settings: RegimeSettings): RegimeMeasure | undefined {
  const { leastBars, mostBars, volatilityBars, crashBars, trendBars } = settings;
  const { length } = history;
  const bars = Math.min(length, mostBars);
  if (bars < leastBars) return undefined;
  if (magnitudes.length < bars) magnitudes = new Float64Array(bars);
  for (let i = 0; i < bars; i++) magnitudes[i] = Math.abs(history[length - bars + i] ?? 0);
  const scale = selectNth(magnitudes, bars >> 1, bars) / NORMAL_MEDIAN;
  if (!(scale > 0)) return undefined;
  let squares = 0;
  for (let i = Math.max(length - bars, length - volatilityBars); i < length; i++) {
    const value = history[i] ?? 0;
    squares += value * value;
  }
  return {
    volatility: Math.sqrt(squares / volatilityBars) / scale,
    fall: -sumOfNewest(history, Math.min(bars, crashBars)) / Math.sqrt(crashBars) / scale,
    drift: Math.abs(sumOfNewest(history, Math.min(bars, trendBars)) / Math.sqrt(trendBars) / scale),
  };
}

/** Room to measure in, which each measurement fills anew. */
let magnitudes = new Float64Array(0);

function sumOfNewest(values: ArrayLike<number>, count: number): number {
  let sum = 0;
  for (let i = values.length - count; i < values.length; i++) sum += values[i] ?? 0;
  return sum;
}

/**
 * The value that would stand at place `n`, from 0, if the first `count` values were sorted; they are rearranged (Hoare 1961,
 * "Algorithm 65: Find").
 */
function selectNth(values: Float64Array, n: number, count: number): number {
  let low = 0;
  let high = count - 1;
  while (low < high) {
    const pivot = at64(values, n);
    let i = low;
    let j = high;
    while (i <= j) {
      while (at64(values, i) < pivot) i++;
      while (pivot < at64(values, j)) j--;
      if (i > j) break;
      const swapped = at64(values, i);
      values[i++] = at64(values, j);
      values[j--] = swapped;
    }
    if (j < n) low = i;
    if (n < i) high = j;
  }
  return at64(values, n);
}

/** The regime after one more bar. */
export function nextRegime(
  state: RegimeState | undefined,
  measure: RegimeMeasure,
  bar: EpochMs,
  settings: RegimeSettings = DEFAULT_REGIME_SETTINGS,
): RegimeState {
  const holds = (regime: Regime, value: number, { enter, leave }: Threshold) =>
    value >= (state?.regime === regime ? leave : enter);
  const regime: Regime = holds('crash', measure.fall, settings.crash)
    ? 'crash'
    : holds('high-volatility', measure.volatility, settings.highVolatility)
      ? 'high-volatility'
      : holds('trend', measure.drift, settings.trend)
        ? 'trend'
        : 'range';
  if (state === undefined) return { regime, since: bar, bar };
  const isWorse = (regime === 'crash' || regime === 'high-volatility') && rankOf(regime) > rankOf(state.regime);
  const isStaying = regime === state.regime || (!isWorse && bar - state.since < settings.dwellMinutes * MINUTE_MS);
  return isStaying ? { regime: state.regime, since: state.since, bar } : { regime, since: bar, bar };
}

const rankOf = (regime: Regime): number => REGIMES.indexOf(regime);

/** What regimes were last judged on. */
const judged = new WeakMap<Regimes, { readonly samples: object; readonly settings: RegimeSettings }>();

/**
 * The regimes after whatever bars have closed since; each market is judged once a bar. The given ones stay as they are.
 * @param markets those that carry `samples`, a token that is replaced with every new bar, are looked at only when it was
 */
export function updateRegimes(
  regimes: Regimes,
  markets: ReadonlyMap<SymbolId, RegimeBars> & { readonly samples?: object },
  settings: RegimeSettings = DEFAULT_REGIME_SETTINGS,
): Regimes {
  const { samples } = markets;
  if (samples === undefined) return judgeRegimes(regimes, markets, settings);
  const last = judged.get(regimes);
  if (last !== undefined && last.samples === samples && last.settings === settings) return regimes;
  const next = judgeRegimes(regimes, markets, settings);
  judged.set(next, { samples, settings });
  return next;
}

function judgeRegimes(regimes: Regimes, markets: ReadonlyMap<SymbolId, RegimeBars>, settings: RegimeSettings): Regimes {
  let newest = 0;
  let changed: Map<SymbolId, RegimeState> | undefined;
  for (const [symbol, { returns, sampledMinute }] of markets) {
    newest = Math.max(newest, sampledMinute);
    const state = regimes.bySymbol.get(symbol);
    if (sampledMinute <= (state?.bar ?? 0)) continue;
    const measure = measureRegime(returns, settings);
    if (measure === undefined) continue;
    changed ??= new Map(regimes.bySymbol);
    changed.set(symbol, nextRegime(state, measure, sampledMinute, settings));
  }
  const market = marketRegime(regimes.market, markets, newest, settings);
  if (changed === undefined && market === regimes.market) return regimes;
  return { market, bySymbol: changed ?? regimes.bySymbol };
}

/** Judged on the mean returns of the symbols that have a bar of the newest quarter of an hour. */
function marketRegime(
  state: RegimeState | undefined,
  markets: ReadonlyMap<SymbolId, RegimeBars>,
  newest: number,
  settings: RegimeSettings,
): RegimeState | undefined {
  if (newest < (state?.bar ?? 0) + BAR_MS) return state;
  const present: BoundedHistory[] = [];
  let bar: EpochMs | undefined;
  for (const [, { returns, sampledMinute }] of markets) {
    if (sampledMinute <= newest - BAR_MS) continue;
    present.push(returns);
    if (bar === undefined || sampledMinute > bar) bar = sampledMinute;
  }
  const measure = measureRegime(meanReturns(present, settings.mostBars), settings);
  return measure && bar !== undefined ? nextRegime(state, measure, bar, settings) : state;
}

/** Means over the histories, aligned at their newest entries; as long as the longest, and `most` at most. */
function meanReturns(histories: readonly BoundedHistory[], most: number): ArrayLike<number> {
  const [only] = histories;
  if (only !== undefined && histories.length === 1) return only;
  const length = Math.min(most, Math.max(0, ...histories.map((history) => history.length)));
  const sums = new Float64Array(length);
  const counts = new Float64Array(length);
  for (const history of histories) {
    const offset = length - history.length;
    for (let i = Math.max(0, -offset); i < history.length; i++) {
      sums[offset + i] = at64(sums, offset + i) + (history[i] ?? 0);
      counts[offset + i] = at64(counts, offset + i) + 1;
    }
  }
  return sums.map((sum, i) => sum / at64(counts, i));
}

/** What the regimes leave of an entry: the smaller of the two scales; blocked where either blocks the side. */
export function regimeEffect(
  regimes: readonly (Regime | undefined)[],
  side: SignalSide,
  settings: RegimeSettings = DEFAULT_REGIME_SETTINGS,
): { readonly sizeScale: number; readonly isBlocked: boolean } {
  const effects = regimes.flatMap((regime) => (regime === undefined ? [] : [settings.effects[regime]]));
  return {
    sizeScale: Math.min(1, ...effects.map((effect) => effect.sizeScale)),
    isBlocked: effects.some(({ blocks }) => blocks === 'both' || blocks === side),
  };
}
