import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { DEFAULT_COST_SETTINGS } from '../matching/index.ts';
import { DEFAULT_SIGNAL_SETTINGS } from '../signals/index.ts';
import { DEFAULT_STRATEGY_SETTINGS } from '../strategies/index.ts';
import {
  DEFAULT_PROTECTION_SETTINGS,
  DEFAULT_RAMP_SETTINGS,
  DEFAULT_RISK_SETTINGS,
  DEFAULT_SIZING_SETTINGS,
} from '../trading/index.ts';
import { durationMs } from './duration.ts';
import { configJsonSchema, renderKeyTable, renderShippedFile } from './generated-files.ts';
import { valueNodes } from './keys.ts';
import { configSchema } from './schema.ts';

const ROOT = join(import.meta.dirname, '..', '..');

/** Compares a file with what it should be, or writes it when UPDATE_DOCS=1. */
function expectUpToDate(path: string, wanted: string): void {
  const file = join(ROOT, path);
  if (process.env.UPDATE_DOCS === '1') writeFileSync(file, wanted);
  expect(readFileSync(file, 'utf8'), `${path}: run UPDATE_DOCS=1 npx vitest run src/config`).toBe(wanted);
}

describe('generated files', () => {
  it('ships config/system.yaml with every key, its default and its meaning', () => {
    expectUpToDate('config/system.yaml', renderShippedFile('system'));
  });

  it('ships config/ml/ml_config.yaml likewise', () => {
    expectUpToDate('config/ml/ml_config.yaml', renderShippedFile('ml'));
  });

  it('ships files that together say exactly the defaults', () => {
    const tree = { ...parse(renderShippedFile('system')), ...parse(renderShippedFile('ml')) };
    expect(tree).toEqual(configSchema.parse({}));
  });

  it('ships the schema for editors, and both files point at it', () => {
    expectUpToDate('config/schema.json', `${JSON.stringify(configJsonSchema(), null, 2)}\n`);
    for (const path of ['config/system.yaml', 'config/ml/ml_config.yaml']) {
      const named = /^# yaml-language-server: \$schema=(.+)$/m.exec(readFileSync(join(ROOT, path), 'utf8'))?.[1] ?? '';
      expect(existsSync(join(ROOT, dirname(path), named))).toBe(true);
    }
  });

  it('lists every key in docs/configuration.md', () => {
    const path = 'docs/configuration.md';
    const text = readFileSync(join(ROOT, path), 'utf8');
    const wanted = text.replace(
      /(<!-- keys:begin .*-->\n)[\s\S]*(<!-- keys:end -->)/,
      (_, begin: string, end: string) => `${begin}\n${renderKeyTable()}\n\n${end}`,
    );
    expectUpToDate(path, wanted);
  });

  it('gives every key a meaning of one line', () => {
    for (const { path, node } of valueNodes()) {
      expect(node.description, path.join('.')).toMatch(/^\S.{5,110}\.$/);
    }
  });
});

describe('defaults', () => {
  const config = configSchema.parse({});

  it('are those of the parts they set', () => {
    const { signals } = config.ml_integration;
    expect({
      ...DEFAULT_SIGNAL_SETTINGS,
      confidenceThreshold: signals.confidence_threshold,
      maxSignalsPerSymbol: signals.max_signals_per_symbol,
      horizons: signals.horizons,
      maxMaskedShare: signals.max_masked_share,
      minCoverage: config.universe.minimum_coverage,
      minDirectionLead: signals.min_direction_lead,
      minRank: signals.min_rank,
      validityMinutes: signals.validity_minutes,
    }).toEqual(DEFAULT_SIGNAL_SETTINGS);
    const { risk, sizing, costs } = config;
    expect({
      ...DEFAULT_RISK_SETTINGS,
      initialEquity: risk.initial_equity,
      maxGrossExposure: risk.max_gross_exposure,
      allowOppositePositions: risk.allow_opposite_positions,
      maxPositions: risk.max_positions,
      maxPositionFraction: risk.max_position_fraction,
      maxDailyLoss: risk.max_daily_loss,
      maxSideExposure: risk.max_side_exposure,
      maxNetExposure: risk.max_net_exposure,
      maxSectorExposure: risk.max_sector_exposure,
      maxCorrelation: risk.max_correlation,
      maxCorrelatedExposure: risk.max_correlated_exposure,
      maxDrawdown: risk.max_drawdown,
      maxLosingStreak: risk.max_losing_streak,
      losingPauseMinutes: durationMs(risk.losing_pause ?? '') / 60_000,
      maxStaleMinutes: risk.max_stale_minutes,
      maxPriceDeviation: risk.max_price_deviation,
      maxOrdersPerMinute: risk.max_orders_per_minute,
      maxOrdersPerDay: risk.max_orders_per_day,
      duplicateWindowMinutes: risk.duplicate_window_minutes,
      maxPriceAgeMinutes: risk.max_price_age_minutes,
      exitValidityMinutes: risk.exit_validity_minutes,
    }).toEqual(DEFAULT_RISK_SETTINGS);
    expect({
      stageFractions: risk.ramp.stage_fractions,
      minDays: risk.ramp.min_days,
      minTrades: risk.ramp.min_trades,
      minTStatistic: risk.ramp.min_t_statistic,
      stepBackTStatistic: risk.ramp.step_back_t_statistic,
      maxDrawdown: risk.ramp.max_drawdown,
    }).toEqual(DEFAULT_RAMP_SETTINGS);
    expect({
      ...DEFAULT_SIZING_SETTINGS,
      positionVolatilityTarget: sizing.position_volatility_target,
      minConfidenceScale: sizing.min_confidence_scale,
      kellyFraction: sizing.kelly_fraction,
      liquidityMinutes: sizing.liquidity_minutes,
    }).toEqual(DEFAULT_SIZING_SETTINGS);
    expect(costs.taker_fee_bps).toBe(DEFAULT_COST_SETTINGS.takerFeeBps);
    expect(costs.half_spread_bps).toBe(DEFAULT_COST_SETTINGS.halfSpreadBps);
    expect(costs.impact_bps).toBe(DEFAULT_COST_SETTINGS.impactBpsPerSqrtParticipation);
    expect(costs.max_participation).toBeCloseTo(DEFAULT_COST_SETTINGS.maxParticipation, 4);
  });

  it('hold the strategy of the adapter first, and one that needs no forecasts', () => {
    const [strategy] = config.strategies;
    expect(config.strategies.map(({ kind }) => kind)).toEqual(['directional', 'cross-sectional-momentum']);
    expect(
      strategy && {
        name: strategy.name,
        decideEvery: strategy.decide_every,
        holdFor: strategy.hold_for,
        cooldownMinutes: durationMs(strategy.cooldown) / 60_000,
        extendOnSignal: strategy.extend_on_signal,
        allowShort: strategy.allow_short,
        protection: DEFAULT_PROTECTION_SETTINGS,
      },
    ).toEqual(DEFAULT_STRATEGY_SETTINGS);
    expect(strategy?.protection).toEqual({
      kind: DEFAULT_PROTECTION_SETTINGS.kind,
      from_signal: DEFAULT_PROTECTION_SETTINGS.fromSignal,
      stop_volatilities: DEFAULT_PROTECTION_SETTINGS.stopVolatilities,
      min_stop_fraction: DEFAULT_PROTECTION_SETTINGS.minStopFraction,
      max_stop_fraction: DEFAULT_PROTECTION_SETTINGS.maxStopFraction,
      reward_to_risk: null,
      min_reward_to_risk: DEFAULT_PROTECTION_SETTINGS.minRewardToRisk,
      target_at_fractions: [1],
      target_share_fractions: [1],
      trailing_activation_fraction: null,
      trailing_distance_fraction: null,
      trailing_distance_volatilities: null,
      break_even_fraction: null,
      max_drawdown_fraction: null,
      catastrophe_stop_fraction: DEFAULT_PROTECTION_SETTINGS.catastropheStopFraction,
      when_unconfirmed: DEFAULT_PROTECTION_SETTINGS.whenUnconfirmed,
    });
  });

  it("are the roadmap's where it names them", () => {
    const { enabled, scheduler, signals, monitoring } = config.ml_integration;
    expect({ enabled, scheduler, signals, monitoring }).toMatchObject({
      enabled: true,
      scheduler: { interval_seconds: 60, batch_size: 50, max_parallel: 10 },
      signals: { confidence_threshold: 0.6, max_signals_per_symbol: 1 },
      monitoring: { metrics_enabled: true, alert_threshold: 0.8 },
    });
  });
});
