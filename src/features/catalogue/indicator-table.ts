import {
  averageDistance,
  cci,
  closeSpread,
  extremeOrder,
  logChange,
  rangePosition,
  smoothedPosition,
} from '../kernels/position.ts';
import { atr, directional, ema, macd, rsi } from '../kernels/recursive.ts';
import { realisedVolatility } from '../kernels/volatility.ts';
import { chaikinMoneyFlow, moneyFlowIndex, signedVolumeShare, vwap } from '../kernels/volume.ts';
import { extreme, windowMean } from '../kernels/windows.ts';
import { bar, derive1, derive2, derive3, type Node } from '../program.ts';

/** A named value of `technical_indicators`: in the units charts show, price levels included. It reaches no model. */
export interface NamedIndicator {
  readonly name: string;
  /** 15-minute bars before it is shown. */
  readonly warmUp: number;
  readonly kernel: Node;
}

const close = bar('close');
const volume = bar('volume');
const indicator = (name: string, warmUp: number, kernel: Node): NamedIndicator => ({ name, warmUp, kernel });
/** From [-1, 1] to [0, 100]. */
const percent = (key: string, source: Node) => derive1(key, source, (value) => 50 + 50 * value);
const hundred = (key: string, source: Node) => derive1(key, source, (value) => 100 * value);

const band = (name: string, deviations: number): Node =>
  derive3(
    name,
    close,
    closeSpread('mean', 20),
    closeSpread('deviation', 20),
    (c, mean, deviation) => c * (1 + mean + deviations * deviation),
  );
const keltner = (name: string, ranges: number): Node =>
  derive2(name, ema(close, 20), atr(10), (mean, unit) => mean + ranges * unit);

export const NAMED_INDICATORS: readonly NamedIndicator[] = [
  indicator('sma_10', 10, windowMean(close, 10)),
  indicator('sma_20', 20, windowMean(close, 20)),
  indicator('sma_50', 50, windowMean(close, 50)),
  indicator('sma_100', 100, windowMean(close, 100)),
  indicator('ema_9', 45, ema(close, 9)),
  indicator('ema_12', 60, ema(close, 12)),
  indicator('ema_26', 130, ema(close, 26)),
  indicator('ema_50', 192, ema(close, 50)),
  indicator('macd', 130, macd('line', 12, 26, 9)),
  indicator('macd_signal', 140, macd('signal', 12, 26, 9)),
  indicator('macd_histogram', 140, macd('histogram', 12, 26, 9)),
  indicator('rsi_7', 50, percent('rsi_7', rsi(7))),
  indicator('rsi_14', 100, percent('rsi_14', rsi(14))),
  indicator('atr_14', 100, atr(14)),
  indicator(
    'natr_14',
    100,
    derive2('natr_14', atr(14), close, (range, c) => (100 * range) / c),
  ),
  indicator('bb_upper', 20, band('bb_upper', 2)),
  indicator('bb_middle', 20, band('bb_middle', 0)),
  indicator('bb_lower', 20, band('bb_lower', -2)),
  indicator('keltner_upper', 100, keltner('keltner_upper', 2)),
  indicator('keltner_lower', 100, keltner('keltner_lower', -2)),
  indicator('donchian_high_20', 20, extreme('highest', 20)),
  indicator('donchian_low_20', 20, extreme('lowest', 20)),
  indicator('stochastic_k_14', 14, percent('stochastic_k_14', rangePosition(14))),
  indicator('stochastic_d_14_3', 16, percent('stochastic_d_14_3', smoothedPosition(14, 3))),
  indicator(
    'williams_r_14',
    14,
    derive1('williams_r_14', rangePosition(14), (value) => 50 * value - 50),
  ),
  indicator('cci_20', 20, hundred('cci_20', cci(20))),
  indicator('adx_14', 150, hundred('adx_14', directional('adx', 14))),
  indicator('plus_di_14', 100, hundred('plus_di_14', directional('plus', 14))),
  indicator('minus_di_14', 100, hundred('minus_di_14', directional('minus', 14))),
  indicator('aroon_oscillator_25', 25, hundred('aroon_oscillator_25', extremeOrder(25))),
  indicator('mfi_14', 15, percent('mfi_14', moneyFlowIndex(14))),
  indicator('cmf_20', 20, chaikinMoneyFlow(20)),
  indicator('obv_share_48', 49, signedVolumeShare(48)),
  indicator('vwap_96', 96, vwap(96)),
  indicator('volume_sma_20', 20, windowMean(volume, 20)),
  indicator(
    'roc_16',
    17,
    derive1('roc_16', logChange(16), (change) => 100 * (Math.exp(change) - 1)),
  ),
  indicator('volatility_96', 97, realisedVolatility(96)),
  indicator('ema_21_distance_atr', 192, averageDistance(21, 12)),
];
