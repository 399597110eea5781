import { describe, expect, it } from 'vitest';
import {
  createRandom,
  epochMs,
  FORECAST_WIDTH,
  type Forecast,
  type ForecastOutput,
  type GateVerdict,
  outputIndex,
  type Signal,
} from '../core/index.ts';
import { DEFAULT_COST_SETTINGS, parsePrice } from '../matching/index.ts';
import { confidenceOf, edgeHistoryOf, noEdgeHistories, observeEdges } from './confidence.ts';
import { isFirm } from './gates.ts';
import {
  MLSignalGenerator,
  rankSignals,
  type SignalInput,
  type SymbolContext,
  strongestPerSymbol,
} from './ml-signal-generator.ts';
import { DEFAULT_SIGNAL_SETTINGS, type SignalSettings } from './settings.ts';

const HOUR = epochMs(Date.UTC(2025, 5, 19, 12));
/** Percentile of a return r: 100 x r / 2 %. */
const REFERENCE = Array.from({ length: 100 }, (_, i) => (i + 1) * 2e-4);

const contextOf = (changes: Partial<SymbolContext> = {}): SymbolContext => ({
  price: parsePrice('100'),
  tick: parsePrice('0.01'),
  status: 'trading',
  minuteNotional: 1e6,
  volatility: 0.004,
  isHistoryIncomplete: false,
  ...changes,
});

function forecastOf(
  symbol: string,
  outputs: Partial<Record<ForecastOutput, number>>,
  changes: Partial<Forecast> = {},
): Forecast {
  const values = new Float32Array(FORECAST_WIDTH);
  for (const [name, value] of Object.entries(outputs)) values[outputIndex(name as ForecastOutput)] = value;
  return { symbol, minute: HOUR, modelId: 'model-1', values, maskedShare: 0, ...changes };
}

const GOOD = { future_return_4h: 0.015, direction_4h_up: 0.5, direction_4h_down: 0.2, rank24h: 0.8 };

const inputOf = (forecasts: Forecast[], changes: Partial<SignalInput> = {}): SignalInput => ({
  book: 'main',
  minute: HOUR,
  forecasts,
  contexts: new Map(forecasts.map((forecast) => [forecast.symbol, contextOf()])),
  coverage: 1,
  referencesPresent: true,
  typicalNotional: 1000,
  edges: noEdgeHistories,
  edgeReference: { '4h': REFERENCE },
  ...changes,
});

const generate = (input: SignalInput, settings: Partial<SignalSettings> = {}) =>
  new MLSignalGenerator({ ...DEFAULT_SIGNAL_SETTINGS, horizons: ['4h'], ...settings }, DEFAULT_COST_SETTINGS).generate(
    input,
  );

function onlySignal(input: SignalInput, settings: Partial<SignalSettings> = {}): Signal {
  const [signal] = generate(input, settings).signals;
  if (!signal) throw new Error('no candidate');
  return signal;
}

const reasonsOf = (verdicts: readonly GateVerdict[]) => verdicts.flatMap((verdict) => verdict.reason ?? []);

describe('a candidate', () => {
  it('takes its side, return, costs, probability and confidence from the forecast', () => {
    const signal = onlySignal(inputOf([forecastOf('XUSDT', GOOD)]));
    expect(signal).toMatchObject({
      id: `main/${HOUR}/XUSDT`,
      side: 'long',
      horizon: '4h',
      probability: 0.5,
      accepted: true,
      referencePrice: 100,
    });
    expect(signal.expectedReturn).toBeCloseTo(0.015, 7);
    // 2 x (5 + 1.5 + 10 x sqrt(0.001)) bp
    expect(signal.expectedCost).toBeCloseTo(2 * (0.00065 + 0.001 * Math.sqrt(0.001)), 12);
    expect(signal.netEdge).toBe(signal.expectedReturn - signal.expectedCost);
    // float32 0.015 lies just below 0.015, the 75th of the hundred references
    expect(signal.confidence).toBe(0.74);
  });

  it('mirrors everything for a short', () => {
    const short = { future_return_4h: -0.015, direction_4h_up: 0.2, direction_4h_down: 0.5, rank24h: 0.1 };
    const signal = onlySignal(inputOf([forecastOf('XUSDT', short)]));
    expect(signal).toMatchObject({ side: 'short', probability: 0.5, accepted: true });
    expect(signal.expectedReturn).toBeGreaterThan(0);
  });

  it('passes or fails each gate with its own reason, and shows all of them in order', () => {
    const gatesOf = (signal: Signal) => signal.verdicts.map((verdict) => verdict.gate);
    const good = forecastOf('XUSDT', GOOD);
    const reasons = (forecast: Forecast, changes: Partial<SignalInput> = {}) =>
      reasonsOf(onlySignal(inputOf([forecast], changes)).verdicts);
    const withContext = (changes: Partial<SymbolContext>) => ({ contexts: new Map([['XUSDT', contextOf(changes)]]) });
    expect(gatesOf(onlySignal(inputOf([good])))).toEqual([
      'entries-allowed',
      'panel-coverage',
      'panel-references',
      'history-complete',
      'instrument-trading',
      'features-warm',
      'edge-covers-costs',
      'direction-agrees',
      'rank-agrees',
      'horizons-agree',
      'direction-certain',
      'stop-distance',
      'reward-to-risk',
      'regime',
      'confidence',
      'per-symbol-limit',
    ]);
    expect(reasons(good, { blocked: 'CYCLE_PAST_DEADLINE' })).toEqual(['CYCLE_PAST_DEADLINE']);
    expect(reasons(good, { coverage: 0.79 })).toEqual(['PANEL_BELOW_COVERAGE']);
    expect(reasons(good, { referencesPresent: false })).toEqual(['PANEL_REFERENCE_MISSING']);
    expect(reasons(good, withContext({ isHistoryIncomplete: true }))).toEqual(['HISTORY_INCOMPLETE']);
    expect(reasons(good, withContext({ status: 'halted' }))).toEqual(['INSTRUMENT_NOT_TRADING']);
    expect(reasons({ ...good, maskedShare: 0.21 })).toEqual(['FEATURES_NOT_WARM']);
    expect(reasons(forecastOf('XUSDT', { ...GOOD, direction_4h_down: 0.5 }))).toEqual(['SIGNAL_DIRECTION_DISAGREES']);
    expect(reasons(forecastOf('XUSDT', { ...GOOD, rank24h: 0.49 }))).toEqual(['SIGNAL_RANK_DISAGREES']);
    const against = { future_return_15m: -0.01, future_return_1h: -0.01, future_return_12h: -0.01 };
    expect(reasons(forecastOf('XUSDT', { ...GOOD, ...against }))).toEqual(['SIGNAL_HORIZONS_DISAGREE']);
    expect(reasons(forecastOf('XUSDT', { ...GOOD, max_drawdown_4h: 0.04 }))).toEqual(['SIGNAL_REWARD_BELOW_RISK']);
    expect(reasons(forecastOf('XUSDT', { ...GOOD, max_drawdown_4h: Number.NaN }))).toEqual([
      'SIGNAL_STOP_TOO_CLOSE',
      'SIGNAL_REWARD_BELOW_RISK',
    ]);
    expect(reasons(good, withContext({ volatility: 0.0001 }))).toEqual(['SIGNAL_STOP_TOO_CLOSE']);
    expect(reasons(good, withContext({ volatility: 0.0001, tick: 0n }))).toEqual(['SIGNAL_STOP_TOO_CLOSE']);
    expect(reasons(good, withContext({ volatility: 1 }))).toEqual([
      'SIGNAL_STOP_TOO_CLOSE',
      'SIGNAL_REWARD_BELOW_RISK',
    ]);
    expect(reasons(good, withContext({ regime: 'crash' }))).toEqual(['SIGNAL_REGIME_BLOCKED']);
    expect(reasons(good, { marketRegime: 'crash' })).toEqual(['SIGNAL_REGIME_BLOCKED']);
    expect(reasons(forecastOf('XUSDT', { ...GOOD, future_return_4h: 0.011 }))).toEqual(['SIGNAL_CONFIDENCE_LOW']);
    expect(reasons(forecastOf('XUSDT', { ...GOOD, future_return_4h: 0.001 }))).toEqual([
      'SIGNAL_EDGE_BELOW_COSTS',
      'SIGNAL_REWARD_BELOW_RISK',
      'SIGNAL_CONFIDENCE_LOW',
    ]);
  });

  it('does not pass on numbers that are none', () => {
    const signal = onlySignal(
      inputOf([forecastOf('XUSDT', { ...GOOD, future_return_4h: Number.NaN, rank24h: Number.NaN })]),
    );
    expect(signal.accepted).toBe(false);
    expect(reasonsOf(signal.verdicts)).toContain('SIGNAL_RANK_DISAGREES');
  });

  it('shows its costs one by one, funding in the direction of the side where a rate is known', () => {
    const contexts = new Map([['XUSDT', contextOf({ fundingRate: 0.0004 })]]);
    const long = onlySignal(inputOf([forecastOf('XUSDT', GOOD)], { contexts }));
    expect(long.costs).toEqual({
      fees: 0.001,
      spread: 0.0003,
      impact: expect.closeTo(0.002 * Math.sqrt(0.001), 12),
      funding: 0.0002,
    });
    expect(long.expectedCost).toBeCloseTo(0.0015 + 0.002 * Math.sqrt(0.001), 12);
    const short = onlySignal(inputOf([forecastOf('XUSDT', { ...GOOD, future_return_4h: -0.015 })], { contexts }));
    expect(short.costs?.funding).toBe(-0.0002);
    const unknown = onlySignal(inputOf([forecastOf('XUSDT', GOOD)]));
    expect(unknown.costs?.funding).toBeNull();
    expect(unknown.expectedCost).toBeCloseTo(0.0013 + 0.002 * Math.sqrt(0.001), 12);
  });

  it('says how many horizons agree, leaving out those that forecast nothing, and how uncertain the direction is', () => {
    const one = onlySignal(inputOf([forecastOf('XUSDT', GOOD)]));
    expect([one.agreement, one.uncertainty]).toEqual([1, expect.closeTo(0.5446, 4)]);
    const mixed = { ...GOOD, direction_4h_flat: 0.3, future_return_15m: -0.001, future_return_1h: 0.001 };
    const two = onlySignal(inputOf([forecastOf('XUSDT', mixed)]));
    expect(two.agreement).toBeCloseTo(2 / 3, 12);
    expect(two.uncertainty).toBeCloseTo(0.9372, 4);
    const equal = { direction_4h_up: 1 / 3, direction_4h_down: 1 / 3, direction_4h_flat: 1 / 3 };
    expect(onlySignal(inputOf([forecastOf('XUSDT', { ...GOOD, ...equal })])).uncertainty).toBeCloseTo(1, 6);
    expect(onlySignal(inputOf([forecastOf('XUSDT', mixed)]), { maxUncertainty: 0.93 }).accepted).toBe(false);
    expect(onlySignal(inputOf([forecastOf('XUSDT', mixed)]), { maxUncertainty: 0.94 }).accepted).toBe(true);
  });

  it('puts stop and target on either side of the price: forecast drawdown and rally, no nearer than noise and return', () => {
    const outputs = { max_drawdown_4h: 0.03, max_rally_4h: 0.02, max_drawdown_1h: 0.01, max_rally_1h: 0.005 };
    const long = onlySignal(inputOf([forecastOf('XUSDT', { ...GOOD, ...outputs })]));
    expect(long.stopDistance).toBeCloseTo(0.03 / 1.03, 7);
    expect(long.targetDistance).toBeCloseTo(0.02, 7);
    expect(long.rewardToRisk).toBeCloseTo((0.02 * 1.03) / 0.03, 6);
    const short = onlySignal(inputOf([forecastOf('XUSDT', { ...GOOD, ...outputs, future_return_4h: -0.015 })]));
    expect([short.stopDistance, short.targetDistance]).toEqual([
      expect.closeTo(0.02, 7),
      expect.closeTo(0.03 / 1.03, 7),
    ]);
    // Half of 0.4 % x root of 16, and the expected return.
    const bare = onlySignal(inputOf([forecastOf('XUSDT', GOOD)]));
    expect([bare.stopDistance, bare.targetDistance]).toEqual([expect.closeTo(0.008, 12), expect.closeTo(0.015, 7)]);
    const longer = { ...GOOD, ...outputs, future_return_12h: 0.015, future_return_15m: 0.015 };
    const input = inputOf([forecastOf('XUSDT', longer)]);
    const distanceAt = (horizon: '15m' | '12h') => onlySignal(input, { horizons: [horizon] }).targetDistance;
    expect(distanceAt('12h')).toBeCloseTo(0.02 * Math.sqrt(3), 7);
    expect(distanceAt('15m')).toBeCloseTo(0.015, 7);
  });

  it('carries its expiry, its regimes and what they leave of its size', () => {
    const contexts = new Map([['XUSDT', contextOf({ regime: 'high-volatility' })]]);
    const signal = onlySignal(inputOf([forecastOf('XUSDT', GOOD)], { contexts, marketRegime: 'trend' }));
    expect(signal).toMatchObject({
      expiresAt: HOUR + 15 * 60_000,
      marketRegime: 'trend',
      symbolRegime: 'high-volatility',
      sizeScale: 0.5,
      accepted: true,
    });
    expect(onlySignal(inputOf([forecastOf('XUSDT', GOOD)]))).not.toHaveProperty('symbolRegime');
  });

  it('is left out without a price', () => {
    expect(generate(inputOf([forecastOf('XUSDT', GOOD)], { contexts: new Map() })).signals).toEqual([]);
  });

  it('is not the same for every symbol: each has its own forecast, costs and history', () => {
    const forecasts = ['A', 'B', 'C'].map((symbol, i) =>
      forecastOf(symbol, { ...GOOD, future_return_4h: 0.01 + i * 0.002 }),
    );
    const { signals } = generate(inputOf(forecasts));
    expect(new Set(signals.map((signal) => signal.netEdge)).size).toBe(3);
    expect(new Set(signals.map((signal) => signal.confidence)).size).toBe(3);
    expect(rankSignals(signals).map((signal) => signal.symbol)).toEqual(['C', 'B']);
  });
});

describe('the settings', () => {
  const two = {
    ...GOOD,
    future_return_12h: 0.018,
    direction_12h_up: 0.6,
    direction_12h_down: 0.1,
  };
  const input = inputOf([forecastOf('XUSDT', two)], { edgeReference: { '4h': REFERENCE, '12h': REFERENCE } });

  it('max_signals_per_symbol keeps the strongest candidates of a symbol', () => {
    const accepted = (maxSignalsPerSymbol: number) =>
      rankSignals(generate(input, { horizons: ['4h', '12h'], maxSignalsPerSymbol }).signals).map(
        (each) => each.horizon,
      );
    expect(accepted(2)).toEqual(['12h', '4h']);
    expect(accepted(1)).toEqual(['12h']);
    expect(accepted(0)).toEqual([]);
    const { signals } = generate(input, { horizons: ['4h', '12h'] });
    expect(signals.map((signal) => reasonsOf(signal.verdicts))).toEqual([['SIGNAL_LIMIT_PER_SYMBOL'], []]);
    expect(signals.map((signal) => signal.id)).toEqual([`main/${HOUR}/XUSDT`, `main/${HOUR}/XUSDT/12h`]);
    expect(strongestPerSymbol(signals).map((signal) => signal.horizon)).toEqual(['12h']);
  });

  it('confidence_threshold moves the bar', () => {
    expect(onlySignal(input, { confidenceThreshold: 0.74 }).accepted).toBe(true);
    expect(onlySignal(input, { confidenceThreshold: 0.75 }).accepted).toBe(false);
  });
});

describe('confidence', () => {
  const settings = {
    ...DEFAULT_SIGNAL_SETTINGS,
    horizons: ['4h'] as const,
    edgePriorWeight: 4,
    minEdgeHistory: 2,
    edgeHistory: 4,
  };
  const historyOf = (...edges: number[]) => Int16Array.from(edges.map((edge) => Math.round(edge / 2e-6)));

  it('is the share of the symbol’s own past edges below the edge, equal ones counting half', () => {
    expect(confidenceOf(0.0035, 0, historyOf(0.001, 0.002, 0.003, 0.004), [], settings)).toBe(0.75);
    expect(confidenceOf(0.003, 0, historyOf(0.001, 0.002, 0.003, 0.004), [], settings)).toBe(0.625);
    expect(confidenceOf(0.0005, 0, historyOf(0.001, 0.002), [], settings)).toBe(0);
  });

  it('is never above the middle for a model that always says the same', () => {
    expect(confidenceOf(0.01, 0, historyOf(...Array.from({ length: 300 }, () => 0.01)), [0.01, 0.01], settings)).toBe(
      0.5,
    );
  });

  it('knows nothing of a young history without a reference', () => {
    expect(confidenceOf(1, 0, historyOf(0.001), [], settings)).toBe(0);
  });

  it('starts from the model’s reference less the cost and leaves it as observations come in', () => {
    const reference = [0.001, 0.002, 0.003, 0.004];
    expect(confidenceOf(0.001, 0.0015, historyOf(), reference, settings)).toBe(0.5);
    expect(confidenceOf(0.001, 0.0015, historyOf(0, 0), reference, settings)).toBe(0.75);
    expect(confidenceOf(0.001, 0.0015, historyOf(0.01, 0.01, 0.01, 0.01), reference, settings)).toBe(0);
  });

  it('lets the top 40 % pass a threshold of 0.6 when edges keep their distribution', () => {
    const random = createRandom(11);
    const history = historyOf(...Array.from({ length: 2000 }, () => 0.01 * random.normal()));
    const edges = Array.from({ length: 2000 }, () => 0.01 * random.normal());
    const passed = edges.filter((edge) => confidenceOf(edge, 0, history, [], settings) >= 0.6).length;
    expect(passed / 2000).toBeGreaterThan(0.36);
    expect(passed / 2000).toBeLessThan(0.44);
  });

  it('observes full hours only, keeps a bounded history, and starts anew with another model', () => {
    const forecast = forecastOf('XUSDT', GOOD);
    const { edges } = generate(inputOf([forecast]));
    expect(edgeHistoryOf(edges, 'model-1', 'XUSDT', '4h')).toHaveLength(1);
    const between = epochMs(HOUR + 60_000);
    expect(generate(inputOf([{ ...forecast, minute: between }], { minute: between, edges })).edges).toBe(edges);
    let many = edges;
    for (let i = 0; i < 10; i++) {
      many = observeEdges(many, 'model-1', [{ symbol: 'XUSDT', horizon: '4h', netEdge: i * 1e-3 }], settings);
    }
    expect([...edgeHistoryOf(many, 'model-1', 'XUSDT', '4h')]).toEqual([3000, 3500, 4000, 4500]);
    const other = generate(inputOf([{ ...forecast, modelId: 'model-2' }], { edges: many })).edges;
    expect([...other.bySymbol.values()].map((history) => history.length)).toEqual([1]);
    expect(edgeHistoryOf(other, 'model-1', 'XUSDT', '4h')).toHaveLength(0);
  });

  it('does not learn from forecasts on cold features or without a number', () => {
    const cold = forecastOf('COLD', GOOD, { maskedShare: 0.5 });
    const broken = forecastOf('BROKEN', { ...GOOD, future_return_4h: Number.NaN });
    const { edges } = generate(inputOf([cold, broken, forecastOf('XUSDT', GOOD)]));
    expect([...edges.bySymbol.keys()]).toEqual(['XUSDT/4h']);
  });

  it('does not let an observation judge itself', () => {
    const seen = generate(inputOf([forecastOf('XUSDT', GOOD)], { edgeReference: {} }));
    expect(seen.signals[0]?.confidence).toBe(0);
  });
});

describe('a firm forecast', () => {
  it('may give up a position although entries are blocked, but not when its features are cold or its edge is none', () => {
    const blocked = onlySignal(inputOf([forecastOf('XUSDT', GOOD)], { blocked: 'RISK_HALTED' }));
    expect([blocked.accepted, isFirm(blocked)]).toEqual([false, true]);
    expect(isFirm(onlySignal(inputOf([forecastOf('XUSDT', GOOD, { maskedShare: 0.9 })])))).toBe(false);
    expect(isFirm(onlySignal(inputOf([forecastOf('XUSDT', { ...GOOD, future_return_4h: 0.001 })])))).toBe(false);
  });
});
