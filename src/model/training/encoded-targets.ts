import { at32, at64, type SymbolId } from '../../core/index.ts';
import { columnOf, lessMarket, timeGroups } from '../design-matrix.ts';
import { WINSOR_QUANTILES } from '../linear-baseline.ts';
import { quantile } from '../quantile.ts';
import { RAW_COLUMNS } from '../raw-outputs.ts';
import { TARGET_WIDTH } from '../targets.ts';
import { SCALED_TARGET_WIDTH, SCALED_TARGETS } from '../targets-scaled.ts';

/** Columns of an encoded row: 4 returns, 4 class ids, 8 levels, 4 risks, the rank, 3 volatilities; what a network's heads are trained on. */
export const ENCODED = {
  returns: 0,
  directions: 4,
  levels: 8,
  risks: 16,
  rank: 20,
  volatility: 21,
  width: 24,
} as const;

/** How the numbers of a head stand to the target's own unit: target = mean + scale x number. */
export interface Encoding {
  /** [4] Where returns are cut, fractions. */
  readonly winsorisedReturns: readonly (readonly [number, number])[];
  readonly returnScale: readonly number[];
  /** [4] Where drawdowns and rallies are cut. */
  readonly riskCut: readonly number[];
  readonly riskMean: readonly number[];
  readonly riskScale: readonly number[];
  readonly volatilityMean: readonly number[];
  readonly volatilityScale: readonly number[];
}

const RISK_CUT = 0.995;
const RANK_MEAN = 0.5;
/** Standard deviation of a uniform variable. */
const RANK_SCALE = Math.sqrt(1 / 12);
const LOG_VOLATILITY = SCALED_TARGETS.findIndex(({ name }) => name.startsWith('log_volatility'));

/** Chosen rows: their targets as computed, and the time of each. */
export interface TargetRows {
  /** [rows, TARGET_WIDTH] */
  readonly targets: Float32Array;
  /** [rows, SCALED_TARGET_WIDTH] */
  readonly scaled: Float32Array;
  readonly times: Float64Array;
}

/** The encoding of a training window. Returns are taken less the market's, as in the linear baseline. */
export function fitEncoding({ targets, scaled, times }: TargetRows): Encoding {
  const sections = timeGroups(times);
  const four = [0, 1, 2, 3];
  const sorted = (values: Float64Array) => values.slice().sort();
  const winsorisedReturns = four.map((h): [number, number] => {
    const ascending = sorted(columnOf(targets, TARGET_WIDTH, h));
    return [quantile(ascending, WINSOR_QUANTILES[0]), quantile(ascending, WINSOR_QUANTILES[1])];
  });
  const returnScale = four.map((h) => {
    const own = lessMarket(cut(columnOf(targets, TARGET_WIDTH, h), winsorisedReturns[h] ?? [0, 0]), sections);
    return momentsOf(own).scale;
  });
  const risks = four.map((k) => columnOf(targets, TARGET_WIDTH, 16 + k));
  const riskCut = risks.map((values) => quantile(sorted(values), RISK_CUT));
  const riskMoments = risks.map((values, k) => momentsOf(cut(values, [0, riskCut[k] ?? 0])));
  const volatility = [0, 1, 2].map((k) => momentsOf(columnOf(scaled, SCALED_TARGET_WIDTH, LOG_VOLATILITY + k)));
  return {
    winsorisedReturns,
    returnScale,
    riskCut,
    riskMean: riskMoments.map(({ mean }) => mean),
    riskScale: riskMoments.map(({ scale }) => scale),
    volatilityMean: volatility.map(({ mean }) => mean),
    volatilityScale: volatility.map(({ scale }) => scale),
  };
}

/**
 * Encoded targets of all symbols and times, [symbols, times, ENCODED.width]; NaN in the whole row where one of its targets is unknown.
 * Returns are less the mean of the symbols whose row is complete at that time.
 */
export function encodeTargets(
  symbols: readonly SymbolId[],
  rows: number,
  targets: ReadonlyMap<SymbolId, Float32Array>,
  scaled: ReadonlyMap<SymbolId, Float32Array>,
  encoding: Encoding,
): Float32Array {
  const encoded = new Float32Array(symbols.length * rows * ENCODED.width).fill(Number.NaN);
  const market = new Float64Array(rows * 4);
  const present = new Int32Array(rows);
  symbols.forEach((symbol, index) => {
    const own = targets.get(symbol) ?? new Float32Array(0);
    const extra = scaled.get(symbol) ?? new Float32Array(0);
    for (let row = 0; row < rows; row++) {
      if (!isComplete(own, extra, row)) continue;
      const at = (index * rows + row) * ENCODED.width;
      const from = row * TARGET_WIDTH;
      for (let h = 0; h < 4; h++) {
        const [low, high] = encoding.winsorisedReturns[h] ?? [0, 0];
        const value = Math.min(high, Math.max(low, at32(own, from + h)));
        encoded[at + h] = value;
        market[row * 4 + h] = at64(market, row * 4 + h) + value;
        encoded[at + ENCODED.directions + h] = at32(own, from + 4 + h);
        const risk = Math.min(encoding.riskCut[h] ?? 0, at32(own, from + 16 + h));
        encoded[at + ENCODED.risks + h] = (risk - (encoding.riskMean[h] ?? 0)) / (encoding.riskScale[h] ?? 1);
      }
      for (let k = 0; k < 8; k++) encoded[at + ENCODED.levels + k] = at32(own, from + 8 + k);
      encoded[at + ENCODED.rank] = (at32(own, from + 20) - RANK_MEAN) / RANK_SCALE;
      for (let k = 0; k < 3; k++) {
        const value = at32(extra, row * SCALED_TARGET_WIDTH + LOG_VOLATILITY + k);
        encoded[at + ENCODED.volatility + k] =
          (value - (encoding.volatilityMean[k] ?? 0)) / (encoding.volatilityScale[k] ?? 1);
      }
      present[row] = (present[row] ?? 0) + 1;
    }
  });
  for (let at = 0; at < encoded.length; at += ENCODED.width) {
    const row = (at / ENCODED.width) % rows;
    for (let h = 0; h < 4; h++) {
      const mean = at64(market, row * 4 + h) / Math.max(1, present[row] ?? 0);
      encoded[at + h] = (at32(encoded, at + h) - mean) / (encoding.returnScale[h] ?? 1);
    }
  }
  return encoded;
}

/** What turns a network's heads into raw outputs in the targets' units: slope and intercept per raw column. */
export function decoding(encoding: Encoding): { slope: Float64Array; intercept: Float64Array } {
  const slope = new Float64Array(RAW_COLUMNS.count).fill(1);
  const intercept = new Float64Array(RAW_COLUMNS.count);
  for (let k = 0; k < 4; k++) {
    slope[RAW_COLUMNS.returns + k] = encoding.returnScale[k] ?? 1;
    slope[RAW_COLUMNS.risks + k] = encoding.riskScale[k] ?? 1;
    intercept[RAW_COLUMNS.risks + k] = encoding.riskMean[k] ?? 0;
  }
  slope[RAW_COLUMNS.rank] = RANK_SCALE;
  intercept[RAW_COLUMNS.rank] = RANK_MEAN;
  return { slope, intercept };
}

function isComplete(targets: Float32Array, scaled: Float32Array, row: number): boolean {
  for (let k = 0; k < TARGET_WIDTH; k++) if (!Number.isFinite(at32(targets, row * TARGET_WIDTH + k))) return false;
  for (let k = 0; k < 3; k++)
    if (!Number.isFinite(at32(scaled, row * SCALED_TARGET_WIDTH + LOG_VOLATILITY + k))) return false;
  return true;
}

const cut = (values: Float64Array, [low, high]: readonly [number, number]): Float64Array =>
  values.map((value) => Math.min(high, Math.max(low, value)));

function momentsOf(values: Float64Array): { mean: number; scale: number } {
  let sum = 0;
  let squares = 0;
  let count = 0;
  for (const value of values) {
    if (!Number.isFinite(value)) continue;
    sum += value;
    squares += value * value;
    count++;
  }
  const mean = count > 0 ? sum / count : 0;
  const variance = count > 0 ? squares / count - mean * mean : 0;
  return { mean, scale: variance > 0 ? Math.sqrt(variance) : 1 };
}
