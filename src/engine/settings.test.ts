import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { loadConfig } from '../config/index.ts';
import { MarketNeutralAdapter, MLStrategyAdapter } from '../strategies/index.ts';
import { cycleSettings, decideSettings, evidenceSettings, retentionPolicy } from './settings.ts';

const configWith = (settings: Record<string, string | number | boolean>) =>
  loadConfig({
    workingDirectory: fileURLToPath(new URL('../..', import.meta.url)),
    env: {},
    flags: Object.entries(settings).map(([key, value]) => ({ key, value, flag: '--set' })),
  }).values;

const read = (settings: Record<string, string | number | boolean>) => {
  const config = configWith(settings);
  const { decide, ...cycle } = cycleSettings(config, 'main');
  const { strategies, ...rest } = decide;
  return {
    cycle,
    ...rest,
    strategies: strategies.map(({ name, decideEvery, holdFor, cooldownMinutes, protection }) => ({
      name,
      decideEvery,
      holdFor,
      cooldownMinutes,
      protection,
    })),
    evidence: evidenceSettings(config),
    retention: retentionPolicy(config),
  };
};

const first = (strategy: object) => ({ strategies: [strategy, { name: 'momentum' }] });
const protectedBy = (protection: object) => first({ protection });

describe('the configuration of the minute', () => {
  it.each([
    ['ml_integration.enabled', false, { cycle: { enabled: false } }],
    ['ml_integration.scheduler.interval_seconds', 300, { cycle: { intervalMs: 300_000 } }],
    ['ml_integration.scheduler.deadline_seconds', 20, { cycle: { deadlineMs: 20_000 } }],
    ['universe.minimum_coverage', 0.9, { cycle: { minimumCoverage: 0.9 }, signals: { minCoverage: 0.9 } }],
    ['ml_integration.signals.confidence_threshold', 0.7, { signals: { confidenceThreshold: 0.7 } }],
    ['ml_integration.signals.max_signals_per_symbol', 2, { signals: { maxSignalsPerSymbol: 2 } }],
    ['ml_integration.signals.horizons', '1h,4h', { signals: { horizons: ['1h', '4h'] } }],
    ['ml_integration.signals.max_masked_share', 0.1, { signals: { maxMaskedShare: 0.1 } }],
    ['ml_integration.signals.min_direction_lead', 0.05, { signals: { minDirectionLead: 0.05 } }],
    ['ml_integration.signals.min_rank', 0.6, { signals: { minRank: 0.6 } }],
    ['ml_integration.signals.min_agreement', 0.75, { signals: { minAgreement: 0.75 } }],
    ['ml_integration.signals.max_uncertainty', 0.98, { signals: { maxUncertainty: 0.98 } }],
    ['ml_integration.signals.min_reward_to_risk', 1.5, { signals: { minRewardToRisk: 1.5 } }],
    ['ml_integration.signals.stop_volatility_floor', 1, { signals: { stopVolatilityFloor: 1 } }],
    [
      'ml_integration.signals.regimes.high_volatility.size_scale',
      0.25,
      { signals: { regimes: { effects: { 'high-volatility': { sizeScale: 0.25, blocks: 'none' } } } } },
    ],
    [
      'ml_integration.signals.regimes.trend.blocks',
      'short',
      { signals: { regimes: { effects: { trend: { sizeScale: 1, blocks: 'short' } } } } },
    ],
    ['ml_integration.signals.validity_minutes', 5, { signals: { validityMinutes: 5 } }],
    ['costs.taker_fee_bps', 4, { costs: { takerFeeBps: 4 } }],
    ['costs.half_spread_bps', 2, { costs: { halfSpreadBps: 2 } }],
    ['costs.impact_bps', 12, { costs: { impactBpsPerSqrtParticipation: 12 } }],
    ['costs.max_participation', 0.05, { costs: { maxParticipation: 0.05 } }],
    ['sizing.position_volatility_target', 0.003, { sizing: { positionVolatilityTarget: 0.003 } }],
    ['sizing.min_confidence_scale', 0.4, { sizing: { minConfidenceScale: 0.4 } }],
    ['sizing.liquidity_minutes', 2, { sizing: { liquidityMinutes: 2 } }],
    ['risk.initial_equity', '5000', { risk: { initialEquity: '5000' } }],
    ['risk.max_gross_exposure', 2, { risk: { maxGrossExposure: 2 } }],
    ['risk.allow_opposite_positions', false, { risk: { allowOppositePositions: false } }],
    ['strategies_net', false, { areStrategiesNetted: false }],
    ['risk.degraded_after_days', 60, { evidence: { horizon: '12h', days: 60 } }],
    ['risk.degraded_after_days', 'null', { evidence: null }],
    ['risk.max_positions', 4, { risk: { maxPositions: 4 } }],
    ['risk.max_position_fraction', 0.1, { risk: { maxPositionFraction: 0.1 } }],
    ['risk.max_daily_loss', 0.02, { risk: { maxDailyLoss: 0.02 } }],
    ['risk.max_side_exposure', 0.8, { risk: { maxSideExposure: 0.8 } }],
    ['risk.max_net_exposure', 0.7, { risk: { maxNetExposure: 0.7 } }],
    ['risk.max_sector_exposure', 0.4, { risk: { maxSectorExposure: 0.4 } }],
    ['risk.max_correlation', 0.9, { risk: { maxCorrelation: 0.9 } }],
    ['risk.max_correlated_exposure', 0.3, { risk: { maxCorrelatedExposure: 0.3 } }],
    ['risk.max_drawdown', 0.1, { risk: { maxDrawdown: 0.1 } }],
    ['risk.max_losing_streak', 5, { risk: { maxLosingStreak: 5 } }],
    ['risk.losing_pause', '1h', { risk: { losingPauseMinutes: 60 } }],
    ['risk.max_stale_minutes', 10, { risk: { maxStaleMinutes: 10 } }],
    ['risk.max_price_deviation', 0.02, { risk: { maxPriceDeviation: 0.02 } }],
    ['risk.max_orders_per_minute', 5, { risk: { maxOrdersPerMinute: 5 } }],
    ['risk.max_orders_per_day', 50, { risk: { maxOrdersPerDay: 50 } }],
    ['risk.duplicate_window_minutes', 9, { risk: { duplicateWindowMinutes: 9 } }],
    ['sizing.kelly_fraction', 0.5, { sizing: { kellyFraction: 0.5 } }],
    ['risk.max_price_age_minutes', 2, { risk: { maxPriceAgeMinutes: 2 } }],
    ['risk.exit_validity_minutes', 10, { risk: { exitValidityMinutes: 10 } }],
    ['strategies.0.name', 'other', first({ name: 'other' })],
    ['strategies.0.decide_every', '4h', first({ decideEvery: '4h' })],
    ['strategies.0.hold_for', '8h', first({ holdFor: '8h' })],
    ['strategies.0.cooldown', '2h', first({ cooldownMinutes: 120 })],
    ['strategies.0.protection.stop_volatilities', 3, protectedBy({ stopVolatilities: 3 })],
    ['strategies.0.protection.min_stop_fraction', 0.01, protectedBy({ minStopFraction: 0.01 })],
    ['strategies.0.protection.max_stop_fraction', 0.1, protectedBy({ maxStopFraction: 0.1 })],
    ['strategies.0.protection.reward_to_risk', 2, protectedBy({ rewardToRisk: 2 })],
    ['strategies.0.protection.min_reward_to_risk', 1, protectedBy({ minRewardToRisk: 1 })],
    ['strategies.0.protection.target_at_fractions', '0.5', protectedBy({ targetLevels: [{ at: 0.5, share: 1 }] })],
    ['strategies.0.protection.target_share_fractions', '0.5', protectedBy({ targetLevels: [{ at: 1, share: 0.5 }] })],
    ['strategies.0.protection.break_even_fraction', 0.01, protectedBy({ breakEvenFraction: 0.01 })],
    ['strategies.0.protection.catastrophe_stop_fraction', 0.3, protectedBy({ catastropheStopFraction: 0.3 })],
    ['strategies.0.protection.when_unconfirmed', 'halt', protectedBy({ whenUnconfirmed: 'halt' })],
    ['retention.candle_days', 400, { retention: { candleDays: 400 } }],
    ['retention.feature_days', 90, { retention: { featureDays: 90 } }],
    ['retention.prediction_days', 91, { retention: { predictionDays: 91 } }],
    ['retention.signal_days', 92, { retention: { signalDays: 92 } }],
    ['retention.rejected_signal_days', 7, { retention: { rejectedSignalDays: 7 } }],
  ])('%s = %s reaches the part that acts on it', (key, value, changed) => {
    expect(read({})).not.toMatchObject(changed);
    expect(read({ [key]: value })).toMatchObject(changed);
  });

  it('gives a strategy its trailing stop, or its book stop', () => {
    const key = (name: string) => `strategies.0.protection.${name}`;
    const activation = { [key('trailing_activation_fraction')]: 0.02 };
    expect(read({ ...activation, [key('trailing_distance_fraction')]: 0.01 })).toMatchObject(
      protectedBy({ trailing: { activationFraction: 0.02, distance: { fraction: 0.01 } } }),
    );
    expect(read({ ...activation, [key('trailing_distance_volatilities')]: 1.5 })).toMatchObject(
      protectedBy({ trailing: { activationFraction: 0.02, distance: { volatilities: 1.5 } } }),
    );
    expect(read({ [key('kind')]: 'book', [key('max_drawdown_fraction')]: 0.1 })).toMatchObject(
      protectedBy({ kind: 'book', maxDrawdownFraction: 0.1, catastropheStopFraction: 0.25 }),
    );
  });

  it('makes strategies of the kind asked for, and remembers as much as they look back', () => {
    const kinds = ['market-neutral', 'buy-and-hold', 'time-series-momentum', 'cross-sectional-momentum', 'random'];
    const set = Object.fromEntries(
      kinds.flatMap((kind, index) => [
        [`strategies.${index + 2}.kind`, kind],
        [`strategies.${index + 2}.name`, `s${index + 1}`],
      ]),
    );
    const { strategies, sizing } = decideSettings(
      configWith({ ...set, 'strategies.1.look_back': '1d', 'strategies.4.look_back': '2d' }),
      'main',
    );
    expect(strategies[0]).toBeInstanceOf(MLStrategyAdapter);
    expect(strategies[2]).toBeInstanceOf(MarketNeutralAdapter);
    expect(strategies.map(({ name, isNeutral = false }) => [name, isNeutral])).toEqual([
      ['ml', false],
      ['momentum', true],
      ['s1', true],
      ['s2', false],
      ['s3', false],
      ['s4', true],
      ['s5', false],
    ]);
    expect(sizing).toMatchObject({ volatilitySamples: 96, returnSamples: 192 });
  });
});
