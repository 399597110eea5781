import type { SeriesFeature } from '../feature.ts';
import { dayWave, fundingTimeLeft, session, weekend, weekWave } from '../kernels/calendar.ts';
import {
  averageDistance,
  barShape,
  cci,
  closeScore,
  closeSpread,
  extremeOrder,
  logChange,
  rangePosition,
  regression,
  smoothedPosition,
} from '../kernels/position.ts';
import { atrUnit, directional, macd, quotient, rsi } from '../kernels/recursive.ts';
import {
  autocorrelation,
  balance,
  efficiency,
  garmanKlass,
  largestShare,
  natr,
  parkinson,
  realisedVolatility,
  returnShape,
  scaledReturn,
  semivarianceBalance,
  varianceRatio,
  volatilityOfVolatility,
} from '../kernels/volatility.ts';
import {
  chaikinMoneyFlow,
  illiquidityBalance,
  moneyFlowIndex,
  seasonalVolume,
  signedVolumeShare,
  volumeBalance,
  volumeMoveCorrelation,
  volumeScore,
  volumeVariation,
  vwapDistance,
} from '../kernels/volume.ts';
import { extreme } from '../kernels/windows.ts';
import { bar, derive2, type Node } from '../program.ts';

/** Recursive kernels have forgotten how they began, to 1e-6, after this many bars. */
const RECURSIVE_WARM_UP = 192;
/** Period of the range that distances are measured in. */
const ATR = 12;

const fast =
  (group: string) =>
  (name: string, warmUp: number, range: readonly [number, number], formula: string, kernel: Node): SeriesFeature => ({
    name,
    group,
    stage: 'fast',
    formula,
    warmUp,
    range,
    kernel,
  });

const returns = fast('returns');
const volatility = fast('volatility');
const trend = fast('trend');
const oscillator = fast('oscillators');
const range = fast('range');
const volume = fast('volume');
const shape = fast('distribution');
const calendar = fast('calendar');

/** Fast features: on 15-minute bars that end at the minute. */
export const FAST_FEATURES: readonly SeriesFeature[] = [
  ...[1, 2, 4, 8, 16, 32, 48, 96, 144].map((n) =>
    returns(`ret_${n}`, n + 1, [-0.06 * Math.sqrt(n), 0.06 * Math.sqrt(n)], `ln(C/C₋${n})`, logChange(n)),
  ),
  ...[1, 4, 16, 48].map((n) =>
    returns(`ret_scaled_${n}`, 97, [-12, 12], `ln(C/C₋${n}) / (√(mean₉₆ r²)·√${n})`, scaledReturn(n, 96)),
  ),

  ...[8, 32, 96].map((n) => volatility(`vol_${n}`, n + 1, [0, 0.05], `√(mean${n} r²)`, realisedVolatility(n))),
  volatility('natr_12', RECURSIVE_WARM_UP, [0, 0.08], 'ATR₁₂/C, Wilder average of true ranges', natr(ATR)),
  volatility(
    'vol_balance_8_32',
    33,
    [-1, 1],
    '(σ₈-σ₃₂)/(σ₈+σ₃₂), σₙ = √(meanₙ r²)',
    balance('volBalance(8,32)', realisedVolatility(8), realisedVolatility(32)),
  ),
  volatility(
    'vol_balance_32_144',
    145,
    [-1, 1],
    '(σ₃₂-σ₁₄₄)/(σ₃₂+σ₁₄₄)',
    balance('volBalance(32,144)', realisedVolatility(32), realisedVolatility(144)),
  ),
  volatility(
    'parkinson_balance_4_48',
    48,
    [-1, 1],
    '(π₄-π₄₈)/(π₄+π₄₈), πₙ = √(meanₙ ln(H/L)²/(4 ln 2)) (Parkinson)',
    balance('parkinsonBalance(4,48)', parkinson(4), parkinson(48)),
  ),
  volatility(
    'range_to_return_32',
    33,
    [-1, 1],
    '(g₃₂-σ₃₂)/(g₃₂+σ₃₂), g Garman-Klass volatility: moves that were taken back',
    balance('gkBalance(32)', garmanKlass(32), realisedVolatility(32)),
  ),
  volatility('vol_of_vol_96', 97, [0, 5], 'deviation₉₆ |r| / mean₉₆ |r|', volatilityOfVolatility(96)),
  volatility('bollinger_width_20', 20, [0, 0.15], 'deviation₂₀ C / C', closeSpread('deviation', 20)),

  ...[8, 32, 96].map((n) => trend(`efficiency_${n}`, n + 1, [-1, 1], `Σ${n} r / Σ${n} |r|`, efficiency(n))),
  ...[8, 21].map((n) =>
    trend(`ema_distance_${n}`, RECURSIVE_WARM_UP, [-8, 8], `(C-EMA${n})/ATR₁₂`, averageDistance(n, ATR)),
  ),
  trend(
    'macd_histogram',
    RECURSIVE_WARM_UP,
    [-1.5, 1.5],
    '(M-EMA₅M)/ATR₁₂, M = EMA₈-EMA₂₁',
    derive2('macdHistogram/atr', macd('histogram', 8, 21, 5), atrUnit(ATR), quotient),
  ),
  trend('adx_8', RECURSIVE_WARM_UP, [0, 1], "Wilder's ADX of 8 bars / 100", directional('adx', 8)),
  trend('di_difference_8', RECURSIVE_WARM_UP, [-1, 1], '(+DI₈ - -DI₈)/(+DI₈ + -DI₈)', directional('difference', 8)),
  trend(
    'slope_32',
    RECURSIVE_WARM_UP,
    [-0.6, 0.6],
    'least-squares slope of the last 32 C per bar / ATR₁₂',
    regression('slope', 32, ATR),
  ),
  trend('slope_fit_32', 32, [-1, 1], 'sign(slope)·R² of the line through the last 32 C', regression('fit', 32, ATR)),
  trend('aroon_24', 24, [-1, 1], '(bars since lowest L - bars since highest H)/23 of 24 bars', extremeOrder(24)),
  trend('aroon_96', 96, [-1, 1], '(bars since lowest L - bars since highest H)/95 of 96 bars', extremeOrder(96)),

  oscillator('rsi_6', RECURSIVE_WARM_UP, [-1, 1], "Wilder's RSI of 6 bars, 50 → 0, 100 → 1", rsi(6)),
  oscillator('rsi_12', RECURSIVE_WARM_UP, [-1, 1], "Wilder's RSI of 12 bars, 50 → 0, 100 → 1", rsi(12)),
  oscillator('cci_20', 20, [-7, 7], '(TP-mean₂₀TP)/(1.5·mean |TP-mean₂₀TP|), TP = (H+L+C)/3', cci(20)),
  oscillator('bollinger_20', 20, [-4.4, 4.4], '(C-mean₂₀C)/deviation₂₀C', closeScore(20)),
  oscillator('mfi_14', 15, [-1, 1], '(P-N)/(P+N), P and N = Σ₁₄ TP·V of bars with TP up and down', moneyFlowIndex(14)),

  range('bar_close', 1, [-1, 1], '(2C-H-L)/(H-L)', barShape('close')),
  range('bar_upper_wick', 1, [0, 1], '(H-max(O,C))/(H-L)', barShape('upper')),
  range('bar_lower_wick', 1, [0, 1], '(min(O,C)-L)/(H-L)', barShape('lower')),
  range('stochastic_14', 14, [-1, 1], '(2C-L₁₄-H₁₄)/(H₁₄-L₁₄), extremes of 14 bars', rangePosition(14)),
  range('stochastic_d_14_3', 16, [-1, 1], 'mean₃ of stochastic_14', smoothedPosition(14, 3)),
  ...[48, 96, 192].map((n) =>
    range(`position_${n}`, n, [-1, 1], `(2C-L${n}-H${n})/(H${n}-L${n}), extremes of ${n} bars`, rangePosition(n)),
  ),
  range(
    'below_high_96',
    RECURSIVE_WARM_UP,
    [-70, 0],
    '(C-highest₉₆ H)/ATR₁₂',
    derive2(
      'belowHigh',
      derive2('C-highest(96)', bar('close'), extreme('highest', 96), (c, h) => c - h),
      atrUnit(ATR),
      quotient,
    ),
  ),
  range(
    'above_low_96',
    RECURSIVE_WARM_UP,
    [0, 70],
    '(C-lowest₉₆ L)/ATR₁₂',
    derive2(
      'aboveLow',
      derive2('C-lowest(96)', bar('close'), extreme('lowest', 96), (c, l) => c - l),
      atrUnit(ATR),
      quotient,
    ),
  ),

  volume('volume_score_96', 96, [-3, 9.8], '(V-mean₉₆V)/deviation₉₆V', volumeScore(96)),
  volume('volume_balance_1_16', 16, [-1, 1], '(V-mean₁₆V)/(V+mean₁₆V)', volumeBalance(1, 16)),
  volume('volume_balance_4_96', 96, [-1, 1], '(mean₄V-mean₉₆V)/(mean₄V+mean₉₆V)', volumeBalance(4, 96)),
  volume('volume_balance_32_144', 144, [-1, 1], '(mean₃₂V-mean₁₄₄V)/(mean₃₂V+mean₁₄₄V)', volumeBalance(32, 144)),
  volume('volume_seasonal_4', 100, [-1, 1], '(a-b)/(a+b), a = Σ₄V, b the same a day ago', seasonalVolume(4, 96)),
  volume('volume_variation_96', 96, [0, 9.8], 'deviation₉₆V / mean₉₆V', volumeVariation(96)),
  volume('signed_volume_8', 9, [-1, 1], 'Σ₈ sign(r)·V / Σ₈V (on-balance volume gained)', signedVolumeShare(8)),
  volume('signed_volume_48', 49, [-1, 1], 'Σ₄₈ sign(r)·V / Σ₄₈V', signedVolumeShare(48)),
  volume('money_flow_20', 20, [-1, 1], 'Σ₂₀ bar_close·V / Σ₂₀V (Chaikin)', chaikinMoneyFlow(20)),
  volume('money_flow_96', 96, [-1, 1], 'Σ₉₆ bar_close·V / Σ₉₆V', chaikinMoneyFlow(96)),
  ...[32, 96].map((n) =>
    volume(
      `vwap_distance_${n}`,
      RECURSIVE_WARM_UP,
      [-24, 24],
      `(C-VWAP${n})/ATR₁₂, VWAP = ΣTP·V/ΣV`,
      vwapDistance(n, ATR),
    ),
  ),
  volume(
    'illiquidity_16_96',
    97,
    [-1, 1],
    '(a₁₆-a₉₆)/(a₁₆+a₉₆), aₙ = meanₙ |r|/(C·V) (Amihud)',
    illiquidityBalance(16, 96),
  ),
  volume('volume_move_96', 97, [-1, 1], 'correlation₉₆ of |r| and V', volumeMoveCorrelation(96)),

  shape('skewness_96', 97, [-9.8, 9.8], 'skewness of the last 96 r', returnShape('skewness', 96)),
  shape('log_kurtosis_96', 97, [0, 4.6], 'ln of the kurtosis of the last 96 r', returnShape('logKurtosis', 96)),
  shape('semivariance_32', 33, [-1, 1], '(Σ₃₂r² of rises - of falls)/Σ₃₂r²', semivarianceBalance(32)),
  shape('largest_share_32', 33, [0, 1], 'max₃₂ r² / Σ₃₂r²', largestShare(32)),
  shape('autocorrelation_32', 34, [-1, 1], 'Σ₃₂ r·r₋₁ / Σ₃₂r²', autocorrelation(32)),
  shape('autocorrelation_144', 146, [-1, 1], 'Σ₁₄₄ r·r₋₁ / Σ₁₄₄r²', autocorrelation(144)),
  shape(
    'variance_ratio_4_96',
    101,
    [-1, 3],
    'Σ₉₆ (ln C/C₋₄)² / (4·Σ₉₆r²) - 1 (Lo and MacKinlay)',
    varianceRatio(4, 96),
  ),

  calendar('day_sin', 1, [-1, 1], 'sin(2π·share of the UTC day elapsed)', dayWave('sin')),
  calendar('day_cos', 1, [-1, 1], 'cos(2π·share of the UTC day elapsed)', dayWave('cos')),
  calendar('half_day_sin', 1, [-1, 1], 'sin(4π·share of the UTC day elapsed)', dayWave('sin', 2)),
  calendar('half_day_cos', 1, [-1, 1], 'cos(4π·share of the UTC day elapsed)', dayWave('cos', 2)),
  calendar('week_sin', 1, [-1, 1], 'sin(2π·share of the UTC week elapsed, from Monday)', weekWave('sin')),
  calendar('week_cos', 1, [-1, 1], 'cos(2π·share of the UTC week elapsed, from Monday)', weekWave('cos')),
  calendar('weekend', 1, [0, 1], '1 on Saturday and Sunday, UTC', weekend),
  calendar('session_asia', 1, [0, 1], '1 from 00:00 to 08:00 UTC', session(0, 8)),
  calendar('session_europe', 1, [0, 1], '1 from 07:00 to 16:00 UTC', session(7, 16)),
  calendar('session_america', 1, [0, 1], '1 from 13:00 to 22:00 UTC', session(13, 22)),
  calendar('funding_left', 1, [0, 1], 'share of the 8 h funding period left', fundingTimeLeft),
];
