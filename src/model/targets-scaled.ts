import {
  at64,
  DIRECTION_DOWN,
  DIRECTION_FLAT,
  DIRECTION_UP,
  HORIZON_NAMES,
  HORIZONS,
  type Horizon,
  type SymbolId,
} from '../core/index.ts';
import { DEFAULT_COST_SETTINGS, impactOf } from '../matching/index.ts';
import { type AlignedBars, alignBars, BAR_MS, barsUntilHole, type Dataset } from './dataset.ts';
import { directionOf } from './targets.ts';
import { trailingVolatility } from './trailing-volatility.ts';

/** Horizons over which a path is judged, not only its end. */
const PATH_HORIZONS = ['1h', '4h', '12h'] as const satisfies readonly Horizon[];

export interface ScaledTarget {
  readonly name: string;
  /** `class`: a class id of core; `bars`: 15-minute bars; `log`: natural logarithm of a log return per bar. */
  readonly unit: 'class' | 'bars' | 'log';
  /** Bars of the future that it needs. */
  readonly bars: number;
}

const targetsOf = (prefix: string, horizons: readonly Horizon[], unit: ScaledTarget['unit']): readonly ScaledTarget[] =>
  horizons.map((horizon) => ({ name: `${prefix}_${horizon}`, unit, bars: HORIZONS[horizon] }));

/** Columns of a row of {@link computeScaledTargets}, in order. */
export const SCALED_TARGETS: readonly ScaledTarget[] = [
  ...targetsOf('scaled_direction', HORIZON_NAMES, 'class'),
  ...targetsOf('barrier', PATH_HORIZONS, 'class'),
  ...targetsOf('barrier_bars', PATH_HORIZONS, 'bars'),
  ...targetsOf('log_volatility', PATH_HORIZONS, 'log'),
];
export const SCALED_TARGET_WIDTH = SCALED_TARGETS.length;

const DIRECTION_COLUMN = 0;
const BARRIER_COLUMN = DIRECTION_COLUMN + HORIZON_NAMES.length;
const BARRIER_BARS_COLUMN = BARRIER_COLUMN + PATH_HORIZONS.length;
const VOLATILITY_COLUMN = BARRIER_BARS_COLUMN + PATH_HORIZONS.length;

export interface ScaledTargetSettings {
  /** Half-life of the trailing volatility. */
  readonly halfLifeBars: number;
  /** A direction counts beyond this many σ_t √n. */
  readonly directionWidth: number;
  /** The barriers stand this many σ_t √n from the close. */
  readonly barrierWidth: number;
  /** What entering and leaving costs, a fraction of the notional: a smaller move is no direction. */
  readonly roundTripCost: number;
}

/** A share of a minute's volume that an ordinary order is of: its impact is half a basis point. */
const ORDINARY_PARTICIPATION = 0.0025;
const ONE_WAY_COST =
  (DEFAULT_COST_SETTINGS.takerFeeBps + DEFAULT_COST_SETTINGS.halfSpreadBps) / 10_000 +
  impactOf(DEFAULT_COST_SETTINGS, ORDINARY_PARTICIPATION);

/** A day's half-life; each direction about as often as the others; barriers at one σ; 2 x (0.05 % fee + 0.02 % half spread and impact). */
export const DEFAULT_SCALED_TARGET_SETTINGS: ScaledTargetSettings = {
  halfLifeBars: 96,
  directionWidth: 0.35,
  barrierWidth: 1,
  roundTripCost: 2 * ONE_WAY_COST,
};

/**
 * Targets that are measured by how much a symbol moves at the time: row-major [times, SCALED_TARGET_WIDTH] per symbol, NaN where a bar of the
 * target's own horizon (or the bar itself) is missing. Nothing is filled. With σ_t the {@link trailingVolatility} at the close of bar t, n the
 * bars of the horizon, C, H, L close, high and low:
 *
 * - `scaled_direction_h`: class id of C[t+n]/C[t] - 1 by the threshold max(directionWidth · σ_t √n, roundTripCost): UP above it, DOWN at or below
 *   its negative, else FLAT; NaN until σ_t is known;
 * - `barrier_h`: which of two barriers the next n bars touch first (the triple barrier of Lopez de Prado, Advances in Financial Machine
 *   Learning, chapter 3): UP if H[t+i] >= C[t] e^w, DOWN if L[t+i] <= C[t] e^-w, w = barrierWidth · σ_t √n, FLAT if none is;
 *   `barrier_bars_h`: the i of the touch, n where FLAT. Both NaN where the first bar to touch one touches the other too, since which came first is
 *   not known, and where σ_t is 0 or not known;
 * - `log_volatility_h` = ln √(Σ r²[t+i] / n), r[t+i] = ln(C[t+i]/C[t+i-1]), i = 1..n; NaN where nothing moved.
 *
 * Bars before the first time count for σ_t; nothing after bar t does.
 */
export function computeScaledTargets(
  dataset: Pick<Dataset, 'times' | 'symbols' | 'bars'>,
  settings: Partial<ScaledTargetSettings> = {},
): Map<SymbolId, Float32Array> {
  const { times, symbols } = dataset;
  const complete = { ...DEFAULT_SCALED_TARGET_SETTINGS, ...settings };
  return new Map(
    symbols.map((symbol) => {
      const bars = dataset.bars.get(symbol);
      if (!bars) throw new RangeError(`no bars of ${symbol}`);
      const begins = bars.length > 0 ? at64(bars.openTime, 0) + BAR_MS : Number.POSITIVE_INFINITY;
      const first = at64(times, 0);
      const lead = Math.max(0, Math.floor((first - begins) / BAR_MS));
      const all = Float64Array.from({ length: lead + times.length }, (_, row) => first + (row - lead) * BAR_MS);
      return [symbol, targetsOfSymbol(alignBars(all, bars), lead, complete)] as const;
    }),
  );
}

/** Rows from `lead` on. */
function targetsOfSymbol(bars: AlignedBars, lead: number, settings: ScaledTargetSettings): Float32Array {
  const { close } = bars;
  const rows = close.length - lead;
  const values = new Float32Array(rows * SCALED_TARGET_WIDTH).fill(Number.NaN);
  const unbroken = barsUntilHole(bars);
  const volatility = trailingVolatility(close, settings.halfLifeBars);
  for (let row = 0; row < rows; row++) {
    const t = lead + row;
    const reach = at64(unbroken, t);
    if (reach < 1) continue;
    const base = row * SCALED_TARGET_WIDTH;
    fillVolatilities(close, t, reach, values, base + VOLATILITY_COLUMN);
    const sigma = at64(volatility, t);
    if (Number.isNaN(sigma)) continue;
    HORIZON_NAMES.forEach((horizon, index) => {
      const n = HORIZONS[horizon];
      if (reach < n) return;
      const threshold = Math.max(settings.directionWidth * sigma * Math.sqrt(n), settings.roundTripCost);
      values[base + DIRECTION_COLUMN + index] = directionOf(at64(close, t + n) / at64(close, t) - 1, threshold);
    });
    if (sigma === 0) continue;
    PATH_HORIZONS.forEach((horizon, index) => {
      const n = HORIZONS[horizon];
      if (reach < n) return;
      const touch = firstTouch(bars, t, n, settings.barrierWidth * sigma * Math.sqrt(n));
      values[base + BARRIER_COLUMN + index] = touch.direction;
      values[base + BARRIER_BARS_COLUMN + index] = touch.bars;
    });
  }
  return values;
}

/** Which barrier the bars t+1..t+n touch first, and with which of them; NaN when one bar touches both. */
function firstTouch(
  { close, high, low }: AlignedBars,
  t: number,
  n: number,
  width: number,
): { readonly direction: number; readonly bars: number } {
  const upper = at64(close, t) * Math.exp(width);
  const lower = at64(close, t) * Math.exp(-width);
  for (let i = 1; i <= n; i++) {
    const isUp = at64(high, t + i) >= upper;
    const isDown = at64(low, t + i) <= lower;
    if (isUp && isDown) return { direction: Number.NaN, bars: Number.NaN };
    if (isUp || isDown) return { direction: isUp ? DIRECTION_UP : DIRECTION_DOWN, bars: i };
  }
  return { direction: DIRECTION_FLAT, bars: n };
}

function fillVolatilities(close: Float64Array, t: number, reach: number, values: Float32Array, at: number): void {
  let squares = 0;
  let done = 0;
  PATH_HORIZONS.forEach((horizon, index) => {
    const n = HORIZONS[horizon];
    if (reach < n) return;
    for (; done < n; done++) squares += Math.log(at64(close, t + done + 1) / at64(close, t + done)) ** 2;
    if (squares > 0) values[at + index] = Math.log(Math.sqrt(squares / n));
  });
}
