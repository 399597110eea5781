export {
  type CloseVolume,
  type CloseVolumeColumns,
  type HighLowClose,
  type HighLowCloseColumns,
  Indicator,
  type OpenHighLowClose,
  type OpenHighLowCloseColumns,
  type PriceVolume,
  type PriceVolumeColumns,
} from './indicator.ts';
export { AwesomeOscillator } from './momentum/awesome-oscillator.ts';
export { Cci } from './momentum/cci.ts';
export { Cmo } from './momentum/cmo.ts';
export { Momentum } from './momentum/momentum.ts';
export { Ppo } from './momentum/ppo.ts';
export { RateOfChange } from './momentum/rate-of-change.ts';
export { Rsi } from './momentum/rsi.ts';
export { Stochastic, type StochasticColumns, type StochasticValue } from './momentum/stochastic.ts';
export { StochasticRsi, type StochasticRsiColumns, type StochasticRsiValue } from './momentum/stochastic-rsi.ts';
export { Trix } from './momentum/trix.ts';
export { Tsi } from './momentum/tsi.ts';
export { UltimateOscillator } from './momentum/ultimate-oscillator.ts';
export { WilliamsR } from './momentum/williams-r.ts';
export { EfficiencyRatio } from './statistics/efficiency-ratio.ts';
export { HurstExponent } from './statistics/hurst-exponent.ts';
export { RollingAutocorrelation } from './statistics/rolling-autocorrelation.ts';
export { RollingBeta } from './statistics/rolling-beta.ts';
export { RollingCorrelation } from './statistics/rolling-correlation.ts';
export { RollingDeviation } from './statistics/rolling-deviation.ts';
export { RollingEntropy } from './statistics/rolling-entropy.ts';
export { RollingQuantile } from './statistics/rolling-quantile.ts';
export { RollingKurtosis, RollingSkewness } from './statistics/rolling-shape.ts';
export { RollingVariance } from './statistics/rolling-variance.ts';
export { ZScore } from './statistics/z-score.ts';
export { Adx, type AdxColumns, Adxr, type AdxValue, Dx, type DxColumns, type DxValue } from './trend/adx.ts';
export { Aroon, type AroonColumns, type AroonValue } from './trend/aroon.ts';
export { Dema } from './trend/dema.ts';
export { Ema } from './trend/ema.ts';
export { Hma } from './trend/hma.ts';
export { Ichimoku, type IchimokuColumns, type IchimokuValue } from './trend/ichimoku.ts';
export { Kama } from './trend/kama.ts';
export {
  LinearRegression,
  type LinearRegressionColumns,
  type LinearRegressionValue,
} from './trend/linear-regression.ts';
export { Macd, type MacdColumns, type MacdValue } from './trend/macd.ts';
export { Psar } from './trend/psar.ts';
export { Sma } from './trend/sma.ts';
export { SuperTrend, type SuperTrendColumns, type SuperTrendValue } from './trend/super-trend.ts';
export { Tema } from './trend/tema.ts';
export { Vortex, type VortexColumns, type VortexValue } from './trend/vortex.ts';
export { Vwma } from './trend/vwma.ts';
export { WilderAverage } from './trend/wilder-average.ts';
export { Wma } from './trend/wma.ts';
export { Atr, Natr, TrueRange } from './volatility/atr.ts';
export { BollingerBands, type BollingerBandsColumns, type BollingerBandsValue } from './volatility/bollinger-bands.ts';
export { ChaikinVolatility } from './volatility/chaikin-volatility.ts';
export type { Channel, ChannelColumns } from './volatility/channel.ts';
export { DonchianChannels } from './volatility/donchian-channels.ts';
export { GarmanKlass } from './volatility/garman-klass.ts';
export { KeltnerChannels } from './volatility/keltner-channels.ts';
export { Parkinson } from './volatility/parkinson.ts';
export { RealisedVolatility } from './volatility/realised-volatility.ts';
export { RogersSatchell } from './volatility/rogers-satchell.ts';
export { UlcerIndex } from './volatility/ulcer-index.ts';
export { YangZhang } from './volatility/yang-zhang.ts';
export { AccumulationDistribution } from './volume/accumulation-distribution.ts';
export { ChaikinMoneyFlow } from './volume/chaikin-money-flow.ts';
export { ChaikinOscillator } from './volume/chaikin-oscillator.ts';
export { EaseOfMovement } from './volume/ease-of-movement.ts';
export { ForceIndex } from './volume/force-index.ts';
export { MoneyFlowIndex } from './volume/money-flow-index.ts';
export { Obv } from './volume/obv.ts';
export { Vpin } from './volume/vpin.ts';
export { Vwap } from './volume/vwap.ts';
