import type { SeriesFeature } from '../feature.ts';
import { atrUnit, averageDistance, directional, ema, macd, rsi } from '../kernels/averages.ts';
import { balance, derive, ratio } from '../kernels/combine.ts';
import {
  changeSinceOpen,
  closedChange,
  closedCross,
  closedOrder,
  closedPosition,
  closedRange,
  closedScore,
  closedStrength,
  closedVolatility,
  closedVolume,
  fundingRate,
  fundingSurprise,
  levelDistance,
  meanFundingRate,
} from '../kernels/higher.ts';
import { illiquidityBalance, impactBalance, informedTrading } from '../kernels/microstructure.ts';
import { extremeOrder, meanDistance, rangePosition, regression } from '../kernels/position.ts';
import {
  autocorrelation,
  bipowerRatio,
  efficiency,
  hurst,
  laggedAutocorrelation,
  logChange,
  permutationEntropy,
  realisedVolatility,
  returnShape,
  riseShare,
  scaledReturn,
  semivarianceBalance,
  tailMean,
  varianceRatio,
  volatilityClustering,
} from '../kernels/returns.ts';
import { choppiness, parkinson, scaledDrawdown, volatilityPercentile } from '../kernels/volatility.ts';
import {
  chaikinMoneyFlow,
  moneyFlowIndex,
  seasonalVolume,
  signedVolumeShare,
  takerImbalance,
  volumeBalance,
  volumeConcentration,
  volumeCorrelation,
  volumeSkew,
  volumeTrend,
  vwapDistance,
} from '../kernels/volume.ts';
import { extreme } from '../kernels/windows.ts';
import { bar } from '../program.ts';
import { seriesFeature } from './define.ts';

/** Recursive kernels of period 26 have forgotten how they began, to 1e-8, after this many hours. */
const RECURSIVE_WARM_UP = 264;
const ATR = 14;

const slow = seriesFeature('slow', RECURSIVE_WARM_UP, '1h: ');
const returns = slow('returns');
const volatility = slow('volatility');
const trend = slow('trend');
const oscillator = slow('oscillators');
const range = slow('range');
const volume = slow('volume');
const micro = slow('microstructure');
const shape = slow('distribution');
const regime = slow('regime');
const fourHours = seriesFeature('slow', RECURSIVE_WARM_UP, '4h: ')('higher');
const days = seriesFeature('slow', RECURSIVE_WARM_UP, '1d: ')('higher');
const taker = slow('taker flow', 'takerFlow');
const funding = slow('funding', 'funding');
const close = bar('close');

/** Slow features: on closed, clock-aligned 1h bars, and on the 4h and 1d bars they make. */
export const SLOW_FEATURES: readonly SeriesFeature[] = [
  ...[72, 120, 168, 336].map((n) =>
    returns(`ret_${n}h`, [-0.1 * Math.sqrt(n), 0.1 * Math.sqrt(n)], `ln(C/C₋${n})`, logChange(n)),
  ),
  returns('ret_scaled_24h', [-8, 8], 'ln(C/C₋₂₄) / (√(mean₁₆₈ r²)·√24)', scaledReturn(24, 168)),
  returns('ret_scaled_120h', [-6, 6], 'ln(C/C₋₁₂₀) / (√(mean₃₃₆ r²)·√120)', scaledReturn(120, 336)),
  returns('rise_share_168h', [0.3, 0.7], 'share of 168 bars with r > 0, unchanged ones half', riseShare(168)),
  volatility('vol_72h', [0, 0.08], '√(mean₇₂ r²)', realisedVolatility(72)),
  volatility('vol_336h', [0, 0.08], '√(mean₃₃₆ r²)', realisedVolatility(336)),
  volatility(
    'vol_balance_24h_168h',
    [-1, 1],
    '(σ₂₄-σ₁₆₈)/(σ₂₄+σ₁₆₈), σₙ = √(meanₙ r²)',
    balance('volBalance(24,168)', realisedVolatility(24), realisedVolatility(168)),
  ),
  volatility(
    'vol_balance_72h_336h',
    [-1, 1],
    '(σ₇₂-σ₃₃₆)/(σ₇₂+σ₃₃₆)',
    balance('volBalance(72,336)', realisedVolatility(72), realisedVolatility(336)),
  ),
  volatility(
    'parkinson_to_return_72h',
    [-1, 1],
    '(π₇₂-σ₇₂)/(π₇₂+σ₇₂), π Parkinson volatility',
    balance('parkinsonToReturn(72)', parkinson(72), realisedVolatility(72)),
  ),
  volatility(
    'vol_percentile_24h',
    [0, 1],
    'share of the 287 hours before whose √(mean₂₄ r²) was lower, ties half',
    volatilityPercentile(24, 288),
  ),
  volatility('bipower_168h', [0, 2], '(π/2)·Σ₁₆₈|r||r₋₁| / Σ₁₆₈r²', bipowerRatio(168)),
  ...[72, 168, 336].map((n) => trend(`efficiency_${n}h`, [-1, 1], `Σ${n} r / Σ${n} |r|`, efficiency(n))),
  ...[12].map((n) =>
    trend(`ema_distance_${n}h`, [-10, 10], `(C-EMA${n})/ATR₁₄`, averageDistance(ema(close, n), atrUnit(ATR))),
  ),
  ...[200, 336].map((n) => trend(`sma_distance_${n}h`, [-50, 50], `(C-mean${n}C)/ATR₁₄`, meanDistance(n, ATR))),
  trend(
    'macd_histogram_h',
    [-2, 2],
    '(M-EMA₉M)/ATR₁₄, M = EMA₁₂C-EMA₂₆C',
    ratio('macdHistogram/atr', macd('histogram', 12, 26, 9), atrUnit(ATR)),
  ),
  trend('adx_14h', [0, 1], "Wilder's ADX of 14 bars / 100", directional('adx', 14)),
  trend('di_difference_14h', [-1, 1], '(+DI₁₄ - -DI₁₄)/(+DI₁₄ + -DI₁₄)', directional('difference', 14)),
  trend('slope_fit_72h', [-1, 1], 'sign(slope)·R² of the line through the last 72 C', regression('fit', 72, ATR)),
  trend('slope_fit_168h', [-1, 1], 'sign(slope)·R² of the line through the last 168 C', regression('fit', 168, ATR)),
  trend(
    'slope_336h',
    [-0.5, 0.5],
    'least-squares slope of the last 336 C per bar / ATR₁₄',
    regression('slope', 336, ATR),
  ),
  trend('aroon_168h', [-1, 1], '(bars since lowest L - bars since highest H)/167 of 168 bars', extremeOrder(168)),
  trend('aroon_336h', [-1, 1], '(bars since lowest L - bars since highest H)/335 of 336 bars', extremeOrder(336)),
  oscillator('rsi_14h', [-1, 1], "Wilder's RSI of 14 bars, 50 → 0, 100 → 1", rsi(14)),
  oscillator('mfi_24h', [-1, 1], '(P-N)/(P+N), P and N = Σ₂₄ TP·V of bars with TP up and down', moneyFlowIndex(24)),
  range('position_72h', [-1, 1], '(2C-L₇₂-H₇₂)/(H₇₂-L₇₂)', rangePosition(72)),
  range('position_168h', [-1, 1], '(2C-L₁₆₈-H₁₆₈)/(H₁₆₈-L₁₆₈)', rangePosition(168)),
  range('position_336h', [-1, 1], '(2C-L₃₃₆-H₃₃₆)/(H₃₃₆-L₃₃₆)', rangePosition(336)),
  range(
    'drawdown_336h',
    [-1.5, 0],
    'ln(C/highest₃₃₆ H)',
    derive('drawdown(336)', [close, extreme('highest', 336)], (c = 0, h = 0) => Math.log(c / h)),
  ),
  range(
    'rise_336h',
    [0, 1.5],
    'ln(C/lowest₃₃₆ L)',
    derive('rise(336)', [close, extreme('lowest', 336)], (c = 0, l = 0) => Math.log(c / l)),
  ),
  volume('volume_balance_24h_336h', [-1, 1], '(mean₂₄V-mean₃₃₆V)/(mean₂₄V+mean₃₃₆V)', volumeBalance(24, 336)),
  volume('volume_seasonal_168h', [-1, 1], '(a-b)/(a+b), a = Σ₂₄V, b the same a week ago', seasonalVolume(24, 168)),
  volume('volume_trend_168h', [-9, 9], '168 · least-squares slope of V per bar / mean₁₆₈V', volumeTrend(168)),
  volume('volume_concentration_168h', [0, 0.6], 'largest V of 168 bars / Σ₁₆₈V', volumeConcentration(168)),
  volume('signed_volume_72h', [-1, 1], 'Σ₇₂ sign(r)·V / Σ₇₂V', signedVolumeShare(72)),
  volume('signed_volume_168h', [-1, 1], 'Σ₁₆₈ sign(r)·V / Σ₁₆₈V', signedVolumeShare(168)),
  volume('money_flow_72h', [-1, 1], 'Σ₇₂ (2C-H-L)/(H-L)·V / Σ₇₂V (Chaikin)', chaikinMoneyFlow(72)),
  volume('vwap_distance_168h', [-25, 25], '(C-VWAP₁₆₈)/ATR₁₄, VWAP = C without volume', vwapDistance(168, ATR)),
  volume('volume_skew_168h', [-10, 10], '(VWAP₁₆₈-mean₁₆₈TP)/ATR₁₄, 0 without volume', volumeSkew(168, ATR)),
  volume('volume_direction_168h', [-1, 1], 'correlation₁₆₈ of r and V', volumeCorrelation('direction', 168)),
  taker(
    'taker_imbalance_24h',
    [-1, 1],
    'Σ₂₄(2·bought-V)/Σ₂₄V, bought by takers; where the source tells',
    takerImbalance(24),
  ),
  taker('taker_imbalance_168h', [-1, 1], 'Σ₁₆₈(2·bought-V)/Σ₁₆₈V', takerImbalance(168)),
  micro('illiquidity_24h_336h', [-1, 1], '(a₂₄-a₃₃₆)/(a₂₄+a₃₃₆), aₙ = meanₙ |r|/(C·V)', illiquidityBalance(24, 336)),
  micro('impact_72h_336h', [-1, 1], '(λ₇₂-λ₃₃₆)/(λ₇₂+λ₃₃₆), λₙ = Σₙ|r|·CV/Σₙ(CV)²', impactBalance(72, 336)),
  micro(
    'informed_trading_168h',
    [0, 1],
    'Σ₁₆₈ V·|tanh(0.851 r/σ)| / Σ₁₆₈V, σ = √(mean₁₆₈ r²) at that bar',
    informedTrading(168),
  ),
  shape('skewness_336h', [-18, 18], 'skewness of the last 336 r', returnShape('skewness', 336)),
  shape('log_kurtosis_336h', [0, 5.9], 'ln of the kurtosis of the last 336 r', returnShape('logKurtosis', 336)),
  shape('semivariance_168h', [-1, 1], '(Σ₁₆₈r² of rises - of falls)/Σ₁₆₈r²', semivarianceBalance(168)),
  shape(
    'worst_share_336h',
    [-9, 0],
    'mean of the 8 lowest of the last 336 r / √(mean₃₃₆r²)',
    tailMean('worst', 8, 336),
  ),
  shape('autocorrelation_168h', [-1, 1], 'Σ₁₆₈ r·r₋₁ / Σ₁₆₈r²', autocorrelation(168)),
  shape('autocorrelation_24_168h', [-1, 1], 'Σ₁₆₈ r·r₋₂₄ / Σ₁₆₈r²', laggedAutocorrelation(24, 168)),
  shape('clustering_24_168h', [0, 1.5], 'Σ₁₆₈ |r||r₋₂₄| / Σ₁₆₈r²', volatilityClustering(24, 168)),
  shape(
    'variance_ratio_12_312h',
    [-1, 4],
    'Σ₃₁₂ (ln C/C₋₁₂)² / (12·Σ₃₁₂r²) - 1, 0 without movement',
    varianceRatio(12, 312),
  ),
  shape(
    'entropy_336h',
    [0.8, 1],
    'permutation entropy of the last 334 runs of 3 r, ties ascending',
    permutationEntropy(334),
  ),
  shape(
    'hurst_320h',
    [0, 1],
    '½ slope of ln Σ₃₂₀(ln C/C₋ₙ)² over ln n, n = 1, 2, 4, 8, 16, held to 0 to 1',
    hurst(320),
  ),
  regime('choppiness_336h', [0, 1.1], 'ln(Σ₃₃₆TR/(H₃₃₆-L₃₃₆))/ln 336', choppiness(336)),
  regime(
    'drawdown_scaled_168h',
    [-4, 0],
    'largest fall of ln C over the last 168 r / (√(mean₃₃₆ r²)·√168)',
    scaledDrawdown(168, 336),
  ),
  fourHours('ret_closed_4h', [-0.25, 0.25], 'ln(C/C₋₁) of closed bars', closedChange(4, 1)),
  fourHours('position_60_4h', [-1, 1], '(2C-L₆₀-H₆₀)/(H₆₀-L₆₀) of closed bars', closedPosition(4, 60)),
  fourHours('strength_14_4h', [-1, 1], '(ΣG-ΣL)/(ΣG+ΣL) of 14 closed bars (Cutler)', closedStrength(4, 14)),
  fourHours('score_20_4h', [-4.4, 4.4], '(C-mean₂₀C)/deviation₂₀C of closed bars', closedScore(4, 20)),
  fourHours('cross_6_42_4h', [-0.5, 0.5], 'ln(mean₆C/mean₄₂C) of closed bars', closedCross(4, 6, 42)),
  fourHours('aroon_25_4h', [-1, 1], '(bars since lowest L - since highest H)/24 of 25 closed bars', closedOrder(4, 25)),
  fourHours('range_18_4h', [-1, 1], '(a-b)/(a+b), a = ln(H/L), b = mean₁₈ of it, closed bars', closedRange(4, 18)),
  fourHours('volume_18_4h', [-1, 1], '(V-mean₁₈V)/(V+mean₁₈V) of closed bars', closedVolume(4, 18)),
  fourHours(
    'since_open_4h',
    [-0.2, 0.2],
    'ln(C/O), O the open of the bar in the making; 0 where none has begun',
    changeSinceOpen(4),
  ),
  days('ret_closed_1d', [-0.5, 0.5], 'ln(C/C₋₁) of closed bars', closedChange(24, 1)),
  days('ret_closed_3d', [-0.9, 0.9], 'ln(C/C₋₃) of closed bars', closedChange(24, 3)),
  days('position_7_1d', [-1, 1], '(2C-L₇-H₇)/(H₇-L₇) of closed bars', closedPosition(24, 7)),
  days('strength_7_1d', [-1, 1], '(ΣG-ΣL)/(ΣG+ΣL) of 7 closed bars', closedStrength(24, 7)),
  days('vol_12_1d', [0, 0.3], '√(mean₁₂ r²) of closed bars', closedVolatility(24, 12)),
  days('range_7_1d', [-1, 1], '(a-b)/(a+b), a = ln(H/L), b = mean₇ of it, closed bars', closedRange(24, 7)),
  days('volume_7_1d', [-1, 1], '(V-mean₇V)/(V+mean₇V) of closed bars', closedVolume(24, 7)),
  days('high_distance_1d', [-60, 40], '(C-H)/ATR₁₄ of 1h, H of the newest closed day', levelDistance('high', 24, ATR)),
  days('low_distance_1d', [-40, 60], '(C-L)/ATR₁₄ of 1h, L of the newest closed day', levelDistance('low', 24, ATR)),
  days(
    'since_open_1d',
    [-0.4, 0.4],
    'ln(C/O), O the open of the day in the making; 0 where none has begun',
    changeSinceOpen(24),
  ),
  funding('funding_rate', [-75, 75], 'newest settled funding rate, basis points; where the source tells', fundingRate),
  funding('funding_mean_72h', [-50, 50], 'mean₇₂ of funding_rate', meanFundingRate(72)),
  funding('funding_surprise_168h', [-75, 75], 'funding_rate - mean₁₆₈ of it', fundingSurprise(168)),
];
