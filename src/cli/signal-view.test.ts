import { describe, expect, it } from 'vitest';
import { epochMs, FORECAST_OUTPUTS, type ForecastOutput, type Signal } from '../core/index.ts';
import { accuracyLines, explanationLines } from './signal-view.ts';

const MINUTE = epochMs(Date.UTC(2025, 5, 20, 12));
const signal: Signal = {
  id: `main/${MINUTE}/AUSDT`,
  symbol: 'AUSDT',
  minute: MINUTE,
  modelId: 'model-1',
  side: 'short',
  horizon: '4h',
  expectedReturn: 0.01,
  expectedCost: 0.002,
  costs: { fees: 0.001, spread: 0.0005, impact: 0.0005, funding: null },
  netEdge: 0.008,
  probability: 0.5,
  confidence: 0.7,
  agreement: 0.75,
  uncertainty: 0.9,
  stopDistance: 0.02,
  targetDistance: 0.03,
  rewardToRisk: 1.5,
  expiresAt: epochMs(MINUTE + 900_000),
  marketRegime: 'crash',
  sizeScale: 0.5,
  referencePrice: 100,
  verdicts: [{ gate: 'confidence', passed: false, reason: 'SIGNAL_CONFIDENCE_LOW', value: 0.5, threshold: 0.6 }],
  accepted: false,
};
const outputs = Object.fromEntries(FORECAST_OUTPUTS.map((name) => [name, 0])) as Record<ForecastOutput, number>;
const explanation = {
  signal,
  inputs: null,
  inputsMissing: 'gone',
  outputs,
  orders: [],
  notes: [],
  outcomes: {},
  realized: { max_rally_1h: 0.0125 },
  alternatives: [],
};

describe('an explanation', () => {
  it('puts the stop of a short above the price and its target below, and says what is unknown', () => {
    const text = explanationLines(explanation).join('\n');
    expect(text).toContain('at 100: stop 102 (2.00 %), target 97 (3.00 %), reward to risk 1.5');
    expect(text).toContain('funding unknown');
    expect(text).toContain('regime: market crash, symbol not known yet; size x 0.5');
    expect(text).toContain('no order: a gate stopped it');
    expect(text).toMatch(/confidence +STOPPED +0\.5 +0\.6 +SIGNAL_CONFIDENCE_LOW/);
    expect(text).toContain('\ngone\n');
    expect(text).toMatch(/\nmax_rally_1h +0 +0\.0125\nmax_rally_4h +0 *\n/);
  });

  it('lists the largest inputs, with contributions where there are any', () => {
    const inputs = {
      inputs: [{ name: 'ret_1', value: 0.01, scaled: 2, contribution: 0.0005 }],
      masked: 3,
      base: 0.0001,
    };
    const text = explanationLines({ ...explanation, inputs, outcomes: { '15m': 0.004 } }).join('\n');
    expect(text).toContain('1 known, 3 masked');
    expect(text).toMatch(/ret_1 +0\.01 +2\.00 +0\.0500 %/);
    expect(text).toContain('the market since: 15m 0.40 %');
  });

  it('of a candidate of an older version shows what it has', () => {
    const { agreement: _a, uncertainty: _u, costs: _c, ...older } = signal;
    const text = explanationLines({ ...explanation, signal: older, notes: null }).join('\n');
    expect(text).toContain('decided by an older version');
    expect(text).toContain('the notes of the minute are not stored');
  });
});

describe('rolling accuracy', () => {
  const figures = {
    modelId: 'model-1',
    horizon: '4h' as const,
    forecasts: 150,
    unknown: 1,
    stretches: 3,
    hitRate: 0.5,
    baseHitRate: 0.4,
    logLoss: 1.05,
    baseLogLoss: 1.06,
    brier: 0.6,
    baseBrier: 0.61,
    calibrationError: 0.02,
    extremes: {
      forecasts: 150,
      stretches: 3,
      isJudged: false,
      levelBrier: 0.15,
      baseLevelBrier: 0.16,
      drawdownError: 0.011,
      baseDrawdownError: 0.012,
      rallyError: null,
      baseRallyError: null,
    },
  };

  it('is n/a of too few forecasts', () => {
    const [, few = '', enough = ''] = accuracyLines(
      [
        { ...figures, isJudged: false },
        { ...figures, isJudged: true, extremes: { ...figures.extremes, isJudged: true } },
      ],
      ['4h'],
      7,
    );
    expect(few).toMatch(/^4h +model-1 +150 +1 +3( +n\/a){11} *$/);
    expect(enough).toMatch(
      /50\.00 % +40\.00 % +1\.0500 +1\.0600 +0\.6000 +0\.6100 +0\.0200 +0\.1500 +0\.1600 +1\.10 % +1\.20 % *$/,
    );
    expect(accuracyLines([], ['4h'], 7)).toEqual(['no forecast of the last 7 days for 4h has an outcome yet']);
  });
});
