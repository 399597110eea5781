export * from './aggregate-bars.ts';
export type { CandleField } from './candle-columns.ts';
export type { CandleTable, ReadingMode, TimeUnit } from './candle-csv.ts';
export { readCandleFile, writeCandleFile } from './candle-file.ts';
export { guessSymbolAndTimeframe, type NamedMarket } from './candle-file-name.ts';
export { type CandleFolder, candleFolderFingerprint, openCandleFolder, spacingOf } from './candle-folder.ts';
export { dollarVolume, type FolderBars, type FolderBarsRequest, readFolderBars } from './folder-bars.ts';
export { openFundingFolder } from './funding-files.ts';
export type { GeneratedBars } from './generated/day-bars.ts';
export {
  createGeneratedMarket,
  type GeneratedMarket,
  type GeneratedMarketSettings,
} from './generated/generated-market.ts';
export {
  BEST_FORECAST_HORIZONS,
  type BestForecastHorizon,
  EDGE_HORIZONS,
  type EdgeHorizon,
  type PlantedEdge,
} from './generated/planted-edge.ts';
export { inferInstrument } from './inferred-instrument.ts';
export { parquetOf, type TableColumn } from './parquet-table.ts';
