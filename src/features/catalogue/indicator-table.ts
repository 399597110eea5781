import { MAX_FAST_WARM_UP } from '../feature.ts';
import { atr, atrUnit, averageDistance, directional, ema, macd, rsi } from '../kernels/averages.ts';
import { derive, linear } from '../kernels/combine.ts';
import { cci, closeSpread, extremeOrder, rangePosition, smoothedPosition } from '../kernels/position.ts';
import { logChange, realisedVolatility } from '../kernels/returns.ts';
import { chaikinMoneyFlow, moneyFlowIndex, signedVolumeShare, vwap } from '../kernels/volume.ts';
import { extreme, windowMean } from '../kernels/windows.ts';
import { bar, type Node } from '../program.ts';

/** A named value of `technical_indicators`: in the units charts show, price levels included. It reaches no model. */
export interface NamedIndicator {
  readonly name: string;
  /** 15-minute bars before it is shown. */
  readonly warmUp: number;
  readonly kernel: Node;
}

const close = bar('close');
const volume = bar('volume');
const indicator = (name: string, kernel: Node): NamedIndicator => ({
  name,
  warmUp: kernel.recursive ? MAX_FAST_WARM_UP : kernel.warmUp,
  kernel,
});
/** From [-1, 1] to [0, 100]. */
const percent = (key: string, source: Node) => linear(key, source, 50, 50);
const hundred = (key: string, source: Node) => linear(key, source, 100);

const band = (name: string, deviations: number): Node =>
  derive(
    name,
    [close, closeSpread('mean', 20), closeSpread('deviation', 20)],
    (c = 0, mean = 0, deviation = 0) => c * (1 + mean + deviations * deviation),
  );
const keltner = (name: string, ranges: number): Node =>
  derive(name, [ema(close, 20), atr(10)], (mean = 0, unit = 0) => mean + ranges * unit);

export const NAMED_INDICATORS: readonly NamedIndicator[] = [
  indicator('sma_10', windowMean(close, 10)),
  indicator('sma_20', windowMean(close, 20)),
  indicator('sma_50', windowMean(close, 50)),
  indicator('sma_100', windowMean(close, 100)),
  indicator('ema_9', ema(close, 9)),
  indicator('ema_12', ema(close, 12)),
  indicator('ema_26', ema(close, 26)),
  indicator('ema_20', ema(close, 20)),
  indicator('macd', macd('line', 12, 26, 9)),
  indicator('macd_signal', macd('signal', 12, 26, 9)),
  indicator('macd_histogram', macd('histogram', 12, 26, 9)),
  indicator('rsi_7', percent('rsi_7', rsi(7))),
  indicator('rsi_14', percent('rsi_14', rsi(14))),
  indicator('atr_14', atr(14)),
  indicator(
    'natr_14',
    derive('natr_14', [atr(14), close], (range = 0, c = 1) => (100 * range) / c),
  ),
  indicator('bb_upper', band('bb_upper', 2)),
  indicator('bb_middle', band('bb_middle', 0)),
  indicator('bb_lower', band('bb_lower', -2)),
  indicator('keltner_upper', keltner('keltner_upper', 2)),
  indicator('keltner_lower', keltner('keltner_lower', -2)),
  indicator('donchian_high_20', extreme('highest', 20)),
  indicator('donchian_low_20', extreme('lowest', 20)),
  indicator('stochastic_k_14', percent('stochastic_k_14', rangePosition(14))),
  indicator('stochastic_d_14_3', percent('stochastic_d_14_3', smoothedPosition(14, 3))),
  indicator('williams_r_14', linear('williams_r_14', rangePosition(14), 50, -50)),
  indicator('cci_20', hundred('cci_20', cci(20))),
  indicator('adx_14', hundred('adx_14', directional('adx', 14))),
  indicator('plus_di_14', hundred('plus_di_14', directional('plus', 14))),
  indicator('minus_di_14', hundred('minus_di_14', directional('minus', 14))),
  indicator('aroon_oscillator_25', hundred('aroon_oscillator_25', extremeOrder(25))),
  indicator('mfi_14', percent('mfi_14', moneyFlowIndex(14))),
  indicator('cmf_20', chaikinMoneyFlow(20)),
  indicator('obv_share_48', signedVolumeShare(48)),
  indicator('vwap_96', vwap(96)),
  indicator('volume_sma_20', windowMean(volume, 20)),
  indicator(
    'roc_16',
    derive('roc_16', [logChange(16)], (change = 0) => 100 * (Math.exp(change) - 1)),
  ),
  indicator('volatility_96', realisedVolatility(96)),
  indicator('ema_21_distance_atr', averageDistance(ema(close, 21), atrUnit(12))),
];
