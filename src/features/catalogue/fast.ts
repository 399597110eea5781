import type { SeriesFeature } from '../feature.ts';
import { atrUnit, averageDistance, directional, ema, macd, rsi } from '../kernels/averages.ts';
import { balance, ratio } from '../kernels/combine.ts';
import {
  bodyPressure,
  closePressure,
  corwinSchultzSpread,
  illiquidityBalance,
  impactBalance,
  informedTrading,
  quietShare,
  rangePerVolume,
  rollSpread,
  wickBalance,
} from '../kernels/microstructure.ts';
import { awesome, momentumBalance, stochasticRsi, tsi, ultimate } from '../kernels/oscillators.ts';
import {
  aboveLow,
  barShape,
  belowHigh,
  breakout,
  cci,
  closeScore,
  closeSpread,
  extremeAge,
  extremeOrder,
  insideShare,
  meanDistance,
  rangePosition,
  regression,
  smoothedPosition,
} from '../kernels/position.ts';
import {
  acceleration,
  autocorrelation,
  bipowerRatio,
  closePercentile,
  efficiency,
  hurst,
  laggedAutocorrelation,
  largestShare,
  logChange,
  permutationEntropy,
  realisedVolatility,
  returnShape,
  riseShare,
  scaledReturn,
  semivarianceBalance,
  streak,
  tailMean,
  varianceRatio,
  volatilityClustering,
} from '../kernels/returns.ts';
import { hma, ichimoku, parabolicDistance, squeeze, superTrendDistance, trix, vortex } from '../kernels/trend.ts';
import {
  choppiness,
  garmanKlass,
  natr,
  parkinson,
  rangeExpansion,
  rogersSatchell,
  scaledDrawdown,
  surprise,
  volatilityOfVolatility,
  volatilityPercentile,
} from '../kernels/volatility.ts';
import {
  chaikinMoneyFlow,
  chaikinOscillator,
  easeOfMovement,
  forceBalance,
  moneyFlowIndex,
  seasonalVolume,
  signedVolumeShare,
  takerImbalance,
  volumeBalance,
  volumeConcentration,
  volumeCorrelation,
  volumeScore,
  volumeSkew,
  volumeTrend,
  volumeVariation,
  vwapDistance,
} from '../kernels/volume.ts';
import { bar } from '../program.ts';
import { seriesFeature } from './define.ts';

/** Recursive kernels have forgotten how they began, to 1e-6, after this many bars. */
const RECURSIVE_WARM_UP = 192;
const closeOf = bar('close');
/** Period of the range that distances are measured in. */
const ATR = 12;

const fast = seriesFeature('fast', RECURSIVE_WARM_UP, '');
const returns = fast('returns');
const volatility = fast('volatility');
const trend = fast('trend');
const oscillator = fast('oscillators');
const range = fast('range');
const volume = fast('volume');
const micro = fast('microstructure');
const taker = fast('taker flow', 'takerFlow');
const shape = fast('distribution');
const regime = fast('regime');

/** Fast features: on 15-minute bars that end at the minute. */
export const FAST_FEATURES: readonly SeriesFeature[] = [
  ...[1, 2, 3, 4, 8, 12, 16, 32, 48, 96, 144, 191].map((n) =>
    returns(`ret_${n}`, [-0.06 * Math.sqrt(n), 0.06 * Math.sqrt(n)], `ln(C/C₋${n})`, logChange(n)),
  ),
  ...[1, 4, 16, 48].map((n) =>
    returns(`ret_scaled_${n}`, [-12, 12], `ln(C/C₋${n}) / (√(mean₉₆ r²)·√${n})`, scaledReturn(n, 96)),
  ),
  ...[4, 16, 48].map((n) =>
    returns(
      `acceleration_${n}`,
      [-12, 12],
      `(ln(C/C₋${n}) - ln(C₋${n}/C₋${2 * n})) / (√(mean₉₆ r²)·√${2 * n})`,
      acceleration(n, 96),
    ),
  ),
  returns('surprise_32', [-15, 15], 'r / √(mean of r² over the 32 bars before)', surprise(32)),
  returns(
    'streak',
    [-1, 1],
    'n/(|n|+4), n = bars in a row whose close moved the same way, at most 24, with its sign',
    streak,
  ),
  returns('rise_share_24', [0, 1], 'share of 24 bars with r > 0, unchanged ones half', riseShare(24)),
  ...[8, 32, 96].map((n) => volatility(`vol_${n}`, [0, 0.05], `√(mean${n} r²)`, realisedVolatility(n))),
  volatility('natr_12', [0, 0.08], 'ATR₁₂/C, Wilder average of true ranges', natr(ATR)),
  volatility(
    'vol_balance_4_16',
    [-1, 1],
    '(σ₄-σ₁₆)/(σ₄+σ₁₆), σₙ = √(meanₙ r²)',
    balance('volBalance(4,16)', realisedVolatility(4), realisedVolatility(16)),
  ),
  volatility(
    'vol_balance_8_32',
    [-1, 1],
    '(σ₈-σ₃₂)/(σ₈+σ₃₂), σₙ = √(meanₙ r²)',
    balance('volBalance(8,32)', realisedVolatility(8), realisedVolatility(32)),
  ),
  volatility(
    'vol_balance_32_144',
    [-1, 1],
    '(σ₃₂-σ₁₄₄)/(σ₃₂+σ₁₄₄)',
    balance('volBalance(32,144)', realisedVolatility(32), realisedVolatility(144)),
  ),
  volatility('range_expansion_1_24', [-1, 1], '(a-b)/(a+b), a = TR, b = mean₂₄TR', rangeExpansion(1, 24)),
  volatility(
    'parkinson_balance_4_48',
    [-1, 1],
    '(π₄-π₄₈)/(π₄+π₄₈), πₙ = √(meanₙ ln(H/L)²/(4 ln 2)) (Parkinson)',
    balance('parkinsonBalance(4,48)', parkinson(4), parkinson(48)),
  ),
  volatility(
    'range_to_return_32',
    [-1, 1],
    '(g₃₂-σ₃₂)/(g₃₂+σ₃₂), g Garman-Klass volatility: moves that were taken back',
    balance('gkBalance(32)', garmanKlass(32), realisedVolatility(32)),
  ),
  volatility(
    'drift_in_range_48',
    [-1, 1],
    '(s₄₈-π₄₈)/(s₄₈+π₄₈), s Rogers-Satchell volatility: low where bars trend',
    balance('rsBalance(48)', rogersSatchell(48), parkinson(48)),
  ),
  volatility('vol_of_vol_96', [0, 5], 'deviation₉₆ |r| / mean₉₆ |r|', volatilityOfVolatility(96)),
  volatility('bollinger_width_20', [0, 0.15], 'deviation₂₀ C / C', closeSpread('deviation', 20)),
  volatility(
    'bollinger_squeeze_20',
    [-1, 1],
    '(a-b)/(a+b), a = 2·deviation₂₀C, b = 1.5·ATR₁₂',
    squeeze(closeSpread('deviation', 20), ATR, 1.5),
  ),
  volatility(
    'vol_percentile_96',
    [0, 1],
    'share of the 95 bars before whose √(mean₈ r²) was lower, ties half',
    volatilityPercentile(8, 96),
  ),
  volatility('bipower_48', [0, 3], '(π/2)·Σ₄₈|r||r₋₁| / Σ₄₈r² (jumps: low)', bipowerRatio(48)),
  ...[8, 32, 96, 191].map((n) => trend(`efficiency_${n}`, [-1, 1], `Σ${n} r / Σ${n} |r|`, efficiency(n))),
  ...[5, 8, 21].map((n) =>
    trend(`ema_distance_${n}`, [-8, 8], `(C-EMA${n})/ATR₁₂`, averageDistance(ema(closeOf, n), atrUnit(ATR))),
  ),
  ...[50, 192].map((n) => trend(`sma_distance_${n}`, [-40, 40], `(C-mean${n}C)/ATR₁₂`, meanDistance(n, ATR))),
  trend('hma_distance_16', [-5, 5], '(C-HMA₁₆)/ATR₁₂ (Hull)', averageDistance(hma(16), atrUnit(ATR))),
  trend(
    'macd_histogram',
    [-1.5, 1.5],
    '(M-EMA₅M)/ATR₁₂, M = EMA₈C-EMA₂₁C',
    ratio('macdHistogram/atr', macd('histogram', 8, 21, 5), atrUnit(ATR)),
  ),
  trend('trix_9', [-0.02, 0.02], 'T/T₋₁-1, T = EMA₉(EMA₉(EMA₉C)) (Hutson)', trix(9)),
  trend('adx_8', [0, 1], "Wilder's ADX of 8 bars / 100", directional('adx', 8)),
  trend('di_difference_8', [-1, 1], '(+DI₈ - -DI₈)/(+DI₈ + -DI₈)', directional('difference', 8)),
  trend('vortex_14', [-0.7, 0.7], '(VI⁺-VI⁻)/(VI⁺+VI⁻) of 14 bars, VI⁺ = Σ|H-L₋₁|, VI⁻ = Σ|L-H₋₁|', vortex(14)),
  ...[32, 96].map((n) =>
    trend(
      `slope_${n}`,
      [-0.9, 0.9],
      `least-squares slope of the last ${n} C per bar / ATR₁₂`,
      regression('slope', n, ATR),
    ),
  ),
  ...[32, 96].map((n) =>
    trend(`slope_fit_${n}`, [-1, 1], `sign(slope)·R² of the line through the last ${n} C`, regression('fit', n, ATR)),
  ),
  trend('slope_rest_32', [-8, 8], '(C - end of the line through the last 32 C)/ATR₁₂', regression('rest', 32, ATR)),
  ...[24, 96].map((n) =>
    trend(`aroon_${n}`, [-1, 1], `(bars since lowest L - bars since highest H)/${n - 1} of ${n} bars`, extremeOrder(n)),
  ),
  trend(
    'ichimoku_cross',
    [-8, 8],
    '(M₉-M₂₆)/ATR₁₂, Mₙ = middle of the range of n bars',
    ichimoku('cross', [9, 26, 52], ATR),
  ),
  trend('ichimoku_cloud', [-14, 14], '(C-(A+B)/2)/ATR₁₂, A = (M₉+M₂₆)/2, B = M₅₂', ichimoku('cloud', [9, 26, 52], ATR)),
  trend('ichimoku_thickness', [-8, 8], '(A-B)/ATR₁₂', ichimoku('thickness', [9, 26, 52], ATR)),
  trend(
    'parabolic_distance_48',
    [-14, 14],
    '(C-SAR)/ATR₁₂, parabolic stop (0.02 to 0.2) traced through the last 48 bars, first long if H ≥ H₋₁ (Wilder)',
    parabolicDistance(48, ATR),
  ),
  trend(
    'supertrend_distance_32',
    [-12, 12],
    '(C-band)/mean₁₀TR, SuperTrend band of 3 ranges traced through the last 32 bars, first in a rise',
    superTrendDistance(32, 10, 3),
  ),
  ...[6, 12].map((n) => oscillator(`rsi_${n}`, [-1, 1], `Wilder's RSI of ${n} bars, 50 → 0, 100 → 1`, rsi(n))),
  oscillator('stochastic_rsi_8_16', [-1, 1], 'place of RSI₈ in its range of 16 bars, -1 to 1', stochasticRsi(8, 16)),
  oscillator('cci_20', [-7, 7], '(TP-mean₂₀TP)/(1.5·mean₂₀|TP-mean TP|), TP = (H+L+C)/3', cci(20)),
  ...[20, 48].map((n) => oscillator(`bollinger_${n}`, [-7, 7], `(C-mean${n}C)/deviation${n}C`, closeScore(n))),
  oscillator('mfi_14', [-1, 1], '(P-N)/(P+N), P and N = Σ₁₄ TP·V of bars with TP up and down', moneyFlowIndex(14)),
  oscillator('ultimate_7_14_28', [-1, 1], "Williams's ultimate oscillator, 50 → 0, 100 → 1", ultimate([7, 14, 28])),
  oscillator('tsi_13_7', [-1, 1], 'EMA₇(EMA₁₃ΔC)/EMA₇(EMA₁₃|ΔC|) (Blau)', tsi(13, 7)),
  oscillator('awesome_5_34', [-8, 8], '(mean₅M-mean₃₄M)/ATR₁₂, M = (H+L)/2 (Williams)', awesome(5, 34, ATR)),
  oscillator('cmo_14', [-1, 1], '(ΣG-ΣL)/(ΣG+ΣL) of 14 bars (Chande)', momentumBalance(14)),
  oscillator(
    'close_percentile_96',
    [0, 1],
    'share of the 95 closes before that were lower, ties half',
    closePercentile(96),
  ),
  range('bar_close', [-1, 1], '(2C-H-L)/(H-L)', barShape('close')),
  range('bar_body', [-1, 1], '(C-O)/(H-L)', barShape('body')),
  range('bar_upper_wick', [0, 1], '(H-max(O,C))/(H-L)', barShape('upper')),
  range('bar_lower_wick', [0, 1], '(min(O,C)-L)/(H-L)', barShape('lower')),
  range('stochastic_14', [-1, 1], '(2C-L₁₄-H₁₄)/(H₁₄-L₁₄), extremes of 14 bars', rangePosition(14)),
  range('stochastic_d_14_3', [-1, 1], 'mean₃ of stochastic_14', smoothedPosition(14, 3)),
  ...[48, 96, 192].map((n) =>
    range(`position_${n}`, [-1, 1], `(2C-L${n}-H${n})/(H${n}-L${n}), extremes of ${n} bars`, rangePosition(n)),
  ),
  ...[32, 96].map((n) => range(`below_high_${n}`, [-70, 0], `(C-highest${n} H)/ATR₁₂`, belowHigh(n, ATR))),
  ...[32, 96].map((n) => range(`above_low_${n}`, [0, 70], `(C-lowest${n} L)/ATR₁₂`, aboveLow(n, ATR))),
  range('breakout_20', [-4, 4], '(C - range of the 20 bars before)/ATR₁₂, 0 inside (Donchian)', breakout(20, ATR)),
  range('extreme_age_96', [0, 1], 'bars since the nearer extreme of 96 bars / 95', extremeAge(96)),
  range('inside_share_24', [0, 0.8], 'share of 24 bars inside the bar before', insideShare(24)),
  volume('volume_score_96', [-3, 9.8], '(V-mean₉₆V)/deviation₉₆V', volumeScore(96)),
  volume('volume_balance_1_16', [-1, 1], '(V-mean₁₆V)/(V+mean₁₆V)', volumeBalance(1, 16)),
  volume('volume_balance_4_96', [-1, 1], '(mean₄V-mean₉₆V)/(mean₄V+mean₉₆V)', volumeBalance(4, 96)),
  volume('volume_balance_32_144', [-1, 1], '(mean₃₂V-mean₁₄₄V)/(mean₃₂V+mean₁₄₄V)', volumeBalance(32, 144)),
  volume('volume_seasonal_4', [-1, 1], '(a-b)/(a+b), a = Σ₄V, b the same a day ago', seasonalVolume(4, 96)),
  volume('volume_variation_96', [0, 9.8], 'deviation₉₆V / mean₉₆V', volumeVariation(96)),
  volume('volume_concentration_32', [0, 1], 'largest V of 32 bars / Σ₃₂V', volumeConcentration(32)),
  volume('volume_trend_24', [-6, 6], '24 · least-squares slope of V per bar / mean₂₄V', volumeTrend(24)),
  volume('signed_volume_8', [-1, 1], 'Σ₈ sign(r)·V / Σ₈V (on-balance volume gained)', signedVolumeShare(8)),
  volume('signed_volume_24', [-1, 1], 'Σ₂₄ sign(r)·V / Σ₂₄V', signedVolumeShare(24)),
  volume('signed_volume_48', [-1, 1], 'Σ₄₈ sign(r)·V / Σ₄₈V', signedVolumeShare(48)),
  volume('money_flow_20', [-1, 1], 'Σ₂₀ bar_close·V / Σ₂₀V (Chaikin)', chaikinMoneyFlow(20)),
  volume('money_flow_96', [-1, 1], 'Σ₉₆ bar_close·V / Σ₉₆V', chaikinMoneyFlow(96)),
  volume('chaikin_oscillator', [-1.3, 1.3], '(EMA₃-EMA₁₀ of bar_close·V)/EMA₁₀V', chaikinOscillator(3, 10)),
  ...[32, 96].map((n) =>
    volume(
      `vwap_distance_${n}`,
      [-24, 24],
      `(C-VWAP${n})/ATR₁₂, VWAP = ΣTP·V/ΣV, C without volume`,
      vwapDistance(n, ATR),
    ),
  ),
  volume(
    'volume_skew_48',
    [-8, 8],
    '(VWAP₄₈-mean₄₈TP)/ATR₁₂, 0 without volume: on which side it was traded',
    volumeSkew(48, ATR),
  ),
  volume(
    'force_13',
    [-1, 1],
    '(EMA₁₃(G·V)-EMA₁₃(L·V))/(their sum), G and L gain and loss of C (Elder)',
    forceBalance(13),
  ),
  volume('ease_of_movement_24', [-1, 1], 'Σ₂₄e/Σ₂₄|e|, e = Δ((H+L)/2)·(H-L)/V (Arms)', easeOfMovement(24)),
  volume('volume_move_96', [-1, 1], 'correlation₉₆ of |r| and V', volumeCorrelation('size', 96)),
  volume('volume_direction_48', [-1, 1], 'correlation₄₈ of r and V', volumeCorrelation('direction', 48)),
  taker(
    'taker_imbalance_4',
    [-1, 1],
    'Σ₄(2·bought-V)/Σ₄V, bought by takers; where the source tells',
    takerImbalance(4),
  ),
  taker('taker_imbalance_48', [-1, 1], 'Σ₄₈(2·bought-V)/Σ₄₈V', takerImbalance(48)),
  micro('illiquidity_16_96', [-1, 1], '(a₁₆-a₉₆)/(a₁₆+a₉₆), aₙ = meanₙ |r|/(C·V) (Amihud)', illiquidityBalance(16, 96)),
  micro('impact_16_144', [-1, 1], '(λ₁₆-λ₁₄₄)/(λ₁₆+λ₁₄₄), λₙ = Σₙ|r|·CV/Σₙ(CV)² (Kyle)', impactBalance(16, 144)),
  micro('range_per_volume_8_64', [-1, 1], '(a₈-a₆₄)/(a₈+a₆₄), aₙ = Σₙ(H-L)/C / ΣₙV', rangePerVolume(8, 64)),
  micro('roll_spread_96', [0, 2], '2√(-Σ₉₆r·r₋₁/Σ₉₆r²), 0 where the sum is positive (Roll)', rollSpread(96)),
  micro(
    'corwin_schultz_24',
    [0, 1.5],
    'mean₂₄ spread of pairs of bars, at least 0, / √(mean₂₄ r²) (Corwin and Schultz)',
    corwinSchultzSpread(24),
  ),
  micro('quiet_share_48', [0, 0.9], 'share of 48 bars with |r| ≤ ¼·√(mean₉₆ r²) at that bar', quietShare(48, 96)),
  micro(
    'informed_trading_48',
    [0, 1],
    'Σ₄₈ V·|tanh(0.851 r/σ)| / Σ₄₈V, σ = √(mean₄₈ r²) at that bar (VPIN, bulk classification)',
    informedTrading(48),
  ),
  micro('close_pressure_24', [-1, 1], 'mean₂₄ bar_close', closePressure(24)),
  micro('body_pressure_48', [-0.6, 0.6], 'mean₄₈ bar_body', bodyPressure(48)),
  micro('wick_balance_24', [-0.5, 0.5], 'mean₂₄ (bar_lower_wick - bar_upper_wick)', wickBalance(24)),
  shape('skewness_96', [-9.8, 9.8], 'skewness of the last 96 r', returnShape('skewness', 96)),
  shape('log_kurtosis_96', [0, 4.6], 'ln of the kurtosis of the last 96 r', returnShape('logKurtosis', 96)),
  shape('semivariance_32', [-1, 1], '(Σ₃₂r² of rises - of falls)/Σ₃₂r²', semivarianceBalance(32)),
  shape('largest_share_32', [0, 1], 'max₃₂ r² / Σ₃₂r²', largestShare(32)),
  shape('worst_share_96', [-7, 0], 'mean of the 5 lowest of the last 96 r / √(mean₉₆r²)', tailMean('worst', 5, 96)),
  shape('best_share_96', [0, 7], 'mean of the 5 highest of the last 96 r / √(mean₉₆r²)', tailMean('best', 5, 96)),
  shape('autocorrelation_32', [-1, 1], 'Σ₃₂ r·r₋₁ / Σ₃₂r²', autocorrelation(32)),
  shape('autocorrelation_144', [-1, 1], 'Σ₁₄₄ r·r₋₁ / Σ₁₄₄r²', autocorrelation(144)),
  shape('autocorrelation_4_96', [-1, 1], 'Σ₉₆ r·r₋₄ / Σ₉₆r²', laggedAutocorrelation(4, 96)),
  shape('clustering_4_96', [0, 1.5], 'Σ₉₆ |r||r₋₄| / Σ₉₆r²', volatilityClustering(4, 96)),
  shape(
    'variance_ratio_4_96',
    [-1, 3],
    'Σ₉₆ (ln C/C₋₄)² / (4·Σ₉₆r²) - 1, 0 without movement (Lo and MacKinlay)',
    varianceRatio(4, 96),
  ),
  shape(
    'entropy_96',
    [0.6, 1],
    'permutation entropy of the last 96 runs of 3 r, ties ascending (Bandt and Pompe)',
    permutationEntropy(96),
  ),
  shape('hurst_144', [0, 1], '½ slope of ln Σ₁₄₄(ln C/C₋ₙ)² over ln n, n = 1, 2, 4, 8, 16, held to 0 to 1', hurst(144)),
  regime('choppiness_14', [0, 1.1], 'ln(Σ₁₄TR/(H₁₄-L₁₄))/ln 14, 1 = no progress (Dreiss)', choppiness(14)),
  regime('choppiness_96', [0, 1.1], 'ln(Σ₉₆TR/(H₉₆-L₉₆))/ln 96', choppiness(96)),
  regime(
    'drawdown_scaled_96',
    [-4, 0],
    'largest fall of ln C over the last 96 r / (√(mean₉₆ r²)·√96)',
    scaledDrawdown(96, 96),
  ),
  regime(
    'drawdown_scaled_16',
    [-5, 0],
    'largest fall of ln C over the last 16 r / (√(mean₉₆ r²)·√16)',
    scaledDrawdown(16, 96),
  ),
];
