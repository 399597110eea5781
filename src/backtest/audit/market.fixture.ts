import { fileURLToPath } from 'node:url';
import { type Config, loadConfig } from '../../config/index.ts';
import {
  at64,
  type BarColumns,
  DAY_MS,
  type EpochMs,
  epochMs,
  FORECAST_WIDTH,
  type Forecast,
  type ForecastOutput,
  firstAtOrAfter,
  outputIndex,
  type SymbolId,
} from '../../core/index.ts';
import { aggregateBars, createGeneratedMarket } from '../../marketfiles/index.ts';
import { BAR_MS } from '../../model/index.ts';
import type { BacktestMarket } from '../run-backtest.ts';
import type { ForecastMaker } from './context.ts';

const START = epochMs(Date.UTC(2025, 0, 1));
export const dayAt = (day: number): EpochMs => epochMs(START + day * DAY_MS);

/** A generated market of three symbols; its one-minute bars only where they are asked for. */
export function generatedMarket(days: number, { hasMinutes = false } = {}): BacktestMarket {
  const market = createGeneratedMarket({ seed: 'audit', symbols: 3, start: START });
  const minutes = new Map<SymbolId, BarColumns>();
  const bars = new Map<SymbolId, BarColumns>();
  for (const { symbol } of market.instruments) {
    const own = market.bars(symbol, START, dayAt(days));
    minutes.set(symbol, own);
    bars.set(symbol, aggregateBars(own, '1m', '15m'));
  }
  return {
    source: 'generated',
    bars,
    ...(hasMinutes ? { minutes } : {}),
    fundingOf: (symbol) =>
      market.fundingRates(symbol, START, dayAt(days)).map(({ time, rate }) => ({ symbol, time, rate })),
  };
}

/** Lively books: gates that let most forecasts pass, decisions in every bar. */
export const auditConfig = (changes: Readonly<Record<string, string>> = {}): Config =>
  loadConfig({
    workingDirectory: fileURLToPath(new URL('../../..', import.meta.url)),
    env: {},
    flags: Object.entries({
      'ml_integration.signals.confidence_threshold': '0.01',
      'ml_integration.signals.min_rank': '0',
      'ml_integration.signals.min_agreement': '0',
      'ml_integration.signals.min_reward_to_risk': '0.1',
      'ml_integration.signals.horizons': '4h',
      strategies: JSON.stringify([
        { kind: 'directional', name: 'ml', decide_every: '15m', hold_for: '1h', cooldown: '15m' },
      ]),
      ...changes,
    }).map(([key, value]) => ({ key, value, flag: '--set' })),
  }).values;

/**
 * Forecasts that follow from the returns of a number of bars: of the last ones where it is negative, of those to come where it is positive.
 * @param gain forecast return over the return that it follows from
 */
export const forecastsFrom =
  (bars: number, gain: number): ForecastMaker =>
  async (market) => ({
    modelId: 'test',
    edgeReference: { '4h': [0.001, 0.01, 0.1] },
    dataUntil: START,
    at: (minute) =>
      [...market.bars].flatMap(([symbol, columns]) => {
        const [here, there] = [closeAt(columns, minute), closeAt(columns, minute + bars * BAR_MS)];
        const change = bars < 0 ? here / there - 1 : there / here - 1;
        return Number.isFinite(change) ? [forecastOf(symbol, minute, gain * change)] : [];
      }),
  });

function closeAt({ openTime, close, length }: BarColumns, time: number): number {
  const at = firstAtOrAfter(openTime, time - BAR_MS);
  return at < length && at64(openTime, at) === time - BAR_MS ? at64(close, at) : Number.NaN;
}

function forecastOf(symbol: SymbolId, minute: EpochMs, change: number): Forecast {
  const values = new Float32Array(FORECAST_WIDTH);
  const isUp = change >= 0;
  const outputs: Partial<Record<ForecastOutput, number>> = {
    future_return_4h: change,
    direction_4h_up: isUp ? 0.6 : 0.2,
    direction_4h_down: isUp ? 0.2 : 0.6,
    direction_4h_flat: 0.2,
    max_drawdown_4h: -0.01,
    max_rally_4h: 0.01,
    rank24h: isUp ? 0.8 : 0.2,
  };
  for (const [name, value] of Object.entries(outputs)) values[outputIndex(name as ForecastOutput)] = value;
  return { symbol, minute, modelId: 'test', values, maskedShare: 0 };
}
