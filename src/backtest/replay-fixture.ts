import { type Config, loadConfig } from '../config/index.ts';
import {
  allocateBars,
  type BarColumns,
  createRandom,
  type EpochMs,
  epochMs,
  FORECAST_WIDTH,
  type Forecast,
  type ForecastOutput,
  MINUTE_MS,
  outputIndex,
  type SymbolId,
} from '../core/index.ts';
import { cycleSettings, evidenceSettings } from '../engine/index.ts';
import { FundingHistory } from './funding-history.ts';
import { inferInstruments } from './inferred-instruments.ts';
import type { ForecastSource, ReplayRequest } from './replay.ts';

export const QUARTER_MS = 15 * MINUTE_MS;
/** 2025-01-06T00:00Z, a day boundary. */
export const START = epochMs(Date.UTC(2025, 0, 6));
/** Close of the bar so many bars after the start. */
export const closeAt = (bar: number): EpochMs => epochMs(START + bar * QUARTER_MS);

export const root = new URL('../..', import.meta.url).pathname;

/** The shipped configuration, and these settings. */
export const testConfig = (settings: Readonly<Record<string, string | number | boolean | null>> = {}): Config =>
  loadConfig({
    workingDirectory: root,
    invokedFrom: root,
    env: {},
    flags: Object.entries(settings).map(([key, value]) => ({ key, value, flag: key })),
  }).values;

export interface Bar {
  readonly open: number;
  readonly high: number;
  readonly low: number;
  readonly close: number;
  readonly volume: number;
}

/** Bars whose first closes at `first`, one every `barMs`; undefined is a hole. */
export function barsFrom(bars: readonly (Bar | undefined)[], first: EpochMs, barMs = QUARTER_MS): BarColumns {
  const present = bars.flatMap((bar, index) => (bar ? [{ bar, openTime: first - barMs + index * barMs }] : []));
  const columns = allocateBars(present.length);
  present.forEach(({ bar, openTime }, index) => {
    columns.openTime[index] = openTime;
    for (const name of ['open', 'high', 'low', 'close', 'volume'] as const) columns[name][index] = bar[name];
  });
  return columns;
}

export const flat = (price: number, changes: Partial<Bar> = {}): Bar => ({
  open: price,
  high: price,
  low: price,
  close: price,
  volume: 30_000,
  ...changes,
});

/** A random walk in steps of 0.01. */
export function walk(seed: string, bars: number, price = 100): Bar[] {
  const random = createRandom(seed);
  const round = (value: number) => Math.max(1, Math.round(value * 100) / 100);
  let close = price;
  return Array.from({ length: bars }, () => {
    const open = close;
    close = round(open * (1 + 0.004 * random.normal()));
    const [top, bottom] = [Math.max(open, close), Math.min(open, close)];
    const volume = 20_000 + random.integer(20_000);
    return {
      open,
      high: round(top * (1 + 0.002 * Math.abs(random.normal()))),
      low: round(bottom * (1 - 0.002 * Math.abs(random.normal()))),
      close,
      volume,
    };
  });
}

/** A forecast whose probabilities and rank agree with the sign of its return, over all horizons. */
export function forecastOf(symbol: SymbolId, minute: EpochMs, expected: number): Forecast {
  const values = new Float32Array(FORECAST_WIDTH);
  const set = (name: ForecastOutput, value: number) => {
    values[outputIndex(name)] = value;
  };
  const isUp = expected >= 0;
  for (const horizon of ['15m', '1h', '4h', '12h'] as const) {
    set(`future_return_${horizon}`, expected);
    set(`direction_${horizon}_up`, isUp ? 0.8 : 0.1);
    set(`direction_${horizon}_down`, isUp ? 0.1 : 0.8);
    set(`direction_${horizon}_flat`, 0.1);
  }
  set('rank24h', isUp ? 0.9 : 0.1);
  set('max_rally_4h', isUp ? 0.04 : 0.01);
  set('max_drawdown_4h', isUp ? 0.01 : 0.04);
  return { symbol, minute, modelId: 'model-1', values, maskedShare: 0 };
}

export const sourceOf = (said: (minute: EpochMs) => readonly Forecast[]): ForecastSource => ({
  modelId: 'model-1',
  edgeReference: {},
  dataUntil: epochMs(START - 30 * 24 * 60 * MINUTE_MS),
  at: said,
});

/** A replay of these bars, which begin a day before the start; decided from the start on. */
export function requestOf(
  bars: ReadonlyMap<SymbolId, BarColumns>,
  request: Partial<ReplayRequest> & { readonly bars?: never; readonly count: number; readonly config?: Config },
): ReplayRequest {
  const { count, config = testConfig(), ...changes } = request;
  const range = { from: closeAt(1), to: closeAt(count) };
  return {
    references: [],
    instruments: inferInstruments('test', bars, START),
    ...range,
    funding: new FundingHistory(bars, () => [], range),
    settings: cycleSettings(config, 'main'),
    conditions: {
      maxExchangeErrors: config.risk.max_exchange_errors,
      maxModelAgeDays: config.risk.max_model_age_days,
    },
    evidence: evidenceSettings(config),
    ...changes,
    bars,
  };
}
