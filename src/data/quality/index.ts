export { FAULT_CODES, type Fault, type FaultCode } from './fault.ts';
export {
  type CandleFileToVerify,
  type CandleFileVerdict,
  type StoredBars,
  verifyCandleFile,
} from './verify-candle-file.ts';
export { type CandlesToVerify, type CandleVerdict, verifyCandles } from './verify-candles.ts';
