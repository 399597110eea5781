export {
  type HighLowClose,
  type HighLowCloseColumns,
  Indicator,
  type PriceVolume,
  type PriceVolumeColumns,
} from './indicator.ts';
export { Rsi } from './momentum/rsi.ts';
export { Stochastic, type StochasticColumns, type StochasticValue } from './momentum/stochastic.ts';
export { Adx, type AdxColumns, Adxr, type AdxValue, Dx, type DxColumns, type DxValue } from './trend/adx.ts';
export { Ema } from './trend/ema.ts';
export { Macd, type MacdColumns, type MacdValue } from './trend/macd.ts';
export { Sma } from './trend/sma.ts';
export { WilderAverage } from './trend/wilder-average.ts';
export { Atr, Natr, TrueRange } from './volatility/atr.ts';
export { BollingerBands, type BollingerBandsColumns, type BollingerBandsValue } from './volatility/bollinger-bands.ts';
