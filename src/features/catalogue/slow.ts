import type { SeriesFeature } from '../feature.ts';
import { averageDistance, extremeOrder, logChange, rangePosition, regression } from '../kernels/position.ts';
import { atrUnit, directional, macd, quotient, rsi } from '../kernels/recursive.ts';
import {
  autocorrelation,
  balance,
  efficiency,
  realisedVolatility,
  returnShape,
  scaledReturn,
  semivarianceBalance,
  varianceRatio,
  volatilityPercentile,
} from '../kernels/volatility.ts';
import {
  chaikinMoneyFlow,
  illiquidityBalance,
  seasonalVolume,
  signedVolumeShare,
  volumeBalance,
  vwapDistance,
} from '../kernels/volume.ts';
import { extreme } from '../kernels/windows.ts';
import { bar, derive2, type Node } from '../program.ts';

/** Recursive kernels of period 26 have forgotten how they began, to 1e-8, after this many hours. */
const RECURSIVE_WARM_UP = 264;
const ATR = 14;

const slow =
  (group: string) =>
  (name: string, warmUp: number, range: readonly [number, number], formula: string, kernel: Node): SeriesFeature => ({
    name,
    group,
    stage: 'slow',
    formula: `1h: ${formula}`,
    warmUp,
    range,
    kernel,
  });

const returns = slow('returns');
const volatility = slow('volatility');
const trend = slow('trend');
const range = slow('range');
const volume = slow('volume');
const shape = slow('distribution');

/** Slow features: on closed, clock-aligned 1h bars. */
export const SLOW_FEATURES: readonly SeriesFeature[] = [
  ...[72, 168, 336].map((n) =>
    returns(`ret_${n}h`, n + 1, [-0.1 * Math.sqrt(n), 0.1 * Math.sqrt(n)], `ln(C/C₋${n})`, logChange(n)),
  ),
  returns('ret_scaled_24h', 169, [-8, 8], 'ln(C/C₋₂₄) / (√(mean₁₆₈ r²)·√24)', scaledReturn(24, 168)),
  returns('ret_scaled_120h', 337, [-6, 6], 'ln(C/C₋₁₂₀) / (√(mean₃₃₆ r²)·√120)', scaledReturn(120, 336)),

  volatility('vol_72h', 73, [0, 0.08], '√(mean₇₂ r²)', realisedVolatility(72)),
  volatility('vol_336h', 337, [0, 0.08], '√(mean₃₃₆ r²)', realisedVolatility(336)),
  volatility(
    'vol_balance_24h_168h',
    169,
    [-1, 1],
    '(σ₂₄-σ₁₆₈)/(σ₂₄+σ₁₆₈), σₙ = √(meanₙ r²)',
    balance('volBalance(24,168)', realisedVolatility(24), realisedVolatility(168)),
  ),
  volatility(
    'vol_percentile_24h',
    312,
    [0, 1],
    'share of the 287 hours before whose √(mean₂₄ r²) was lower, ties half',
    volatilityPercentile(24, 288),
  ),

  ...[72, 168, 336].map((n) => trend(`efficiency_${n}h`, n + 1, [-1, 1], `Σ${n} r / Σ${n} |r|`, efficiency(n))),
  ...[12, 26].map((n) =>
    trend(`ema_distance_${n}h`, RECURSIVE_WARM_UP, [-10, 10], `(C-EMA${n})/ATR₁₄`, averageDistance(n, ATR)),
  ),
  trend(
    'macd_histogram_h',
    RECURSIVE_WARM_UP,
    [-2, 2],
    '(M-EMA₉M)/ATR₁₄, M = EMA₁₂-EMA₂₆',
    derive2('macdHistogram/atr', macd('histogram', 12, 26, 9), atrUnit(ATR), quotient),
  ),
  trend('adx_14h', RECURSIVE_WARM_UP, [0, 1], "Wilder's ADX of 14 bars / 100", directional('adx', 14)),
  trend('slope_fit_72h', 72, [-1, 1], 'sign(slope)·R² of the line through the last 72 C', regression('fit', 72, ATR)),
  trend(
    'slope_fit_168h',
    168,
    [-1, 1],
    'sign(slope)·R² of the line through the last 168 C',
    regression('fit', 168, ATR),
  ),
  trend('aroon_336h', 336, [-1, 1], '(bars since lowest L - bars since highest H)/335 of 336 bars', extremeOrder(336)),
  trend('rsi_14h', RECURSIVE_WARM_UP, [-1, 1], "Wilder's RSI of 14 bars, 50 → 0, 100 → 1", rsi(14)),

  range('position_168h', 168, [-1, 1], '(2C-L₁₆₈-H₁₆₈)/(H₁₆₈-L₁₆₈)', rangePosition(168)),
  range('position_336h', 336, [-1, 1], '(2C-L₃₃₆-H₃₃₆)/(H₃₃₆-L₃₃₆)', rangePosition(336)),
  range(
    'drawdown_336h',
    336,
    [-1.5, 0],
    'ln(C/highest₃₃₆ H)',
    derive2('drawdown(336)', bar('close'), extreme('highest', 336), (c, h) => Math.log(c / h)),
  ),
  range(
    'rise_336h',
    336,
    [0, 1.5],
    'ln(C/lowest₃₃₆ L)',
    derive2('rise(336)', bar('close'), extreme('lowest', 336), (c, l) => Math.log(c / l)),
  ),

  volume('volume_balance_24h_336h', 336, [-1, 1], '(mean₂₄V-mean₃₃₆V)/(mean₂₄V+mean₃₃₆V)', volumeBalance(24, 336)),
  volume('volume_seasonal_168h', 192, [-1, 1], '(a-b)/(a+b), a = Σ₂₄V, b the same a week ago', seasonalVolume(24, 168)),
  volume('signed_volume_168h', 169, [-1, 1], 'Σ₁₆₈ sign(r)·V / Σ₁₆₈V', signedVolumeShare(168)),
  volume('money_flow_72h', 72, [-1, 1], 'Σ₇₂ (2C-H-L)/(H-L)·V / Σ₇₂V (Chaikin)', chaikinMoneyFlow(72)),
  volume('vwap_distance_168h', RECURSIVE_WARM_UP, [-25, 25], '(C-VWAP₁₆₈)/ATR₁₄', vwapDistance(168, ATR)),
  volume(
    'illiquidity_24h_336h',
    337,
    [-1, 1],
    '(a₂₄-a₃₃₆)/(a₂₄+a₃₃₆), aₙ = meanₙ |r|/(C·V)',
    illiquidityBalance(24, 336),
  ),

  shape('skewness_336h', 337, [-18, 18], 'skewness of the last 336 r', returnShape('skewness', 336)),
  shape('log_kurtosis_336h', 337, [0, 5.9], 'ln of the kurtosis of the last 336 r', returnShape('logKurtosis', 336)),
  shape('semivariance_168h', 169, [-1, 1], '(Σ₁₆₈r² of rises - of falls)/Σ₁₆₈r²', semivarianceBalance(168)),
  shape('autocorrelation_168h', 170, [-1, 1], 'Σ₁₆₈ r·r₋₁ / Σ₁₆₈r²', autocorrelation(168)),
  shape('variance_ratio_12_312h', 325, [-1, 4], 'Σ₃₁₂ (ln C/C₋₁₂)² / (12·Σ₃₁₂r²) - 1', varianceRatio(12, 312)),
];
