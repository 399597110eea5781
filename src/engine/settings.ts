import { type Config, durationMs } from '../config/index.ts';
import { MINUTE_MS } from '../core/index.ts';
import type { RetentionPolicy } from '../database/index.ts';
import { sectorOf } from '../features/index.ts';
import type { CostSettings } from '../matching/index.ts';
import { DEFAULT_REGIME_SETTINGS, DEFAULT_SIGNAL_SETTINGS, type RegimeEffect } from '../signals/index.ts';
import { MLStrategyAdapter } from '../strategies/index.ts';
import { DEFAULT_SIZING_SETTINGS, type ProtectionSettings } from '../trading/index.ts';
import type { DecideSettings } from './decide.ts';
import type { CycleSettings } from './minute-cycle.ts';

/** An unknown minute holds its symbol back for this long; then the symbol goes on with a hole in its series. */
const HOLE_PATIENCE_MINUTES = 30;

/** What the configuration says of the minute. */
export function cycleSettings(config: Config, book: string): CycleSettings {
  const { scheduler, enabled } = config.ml_integration;
  return {
    enabled,
    intervalMs: scheduler.interval_seconds * 1_000,
    deadlineMs: scheduler.deadline_seconds * 1_000,
    minimumCoverage: config.universe.minimum_coverage,
    holePatienceMinutes: HOLE_PATIENCE_MINUTES,
    decide: decideSettings(config, book),
  };
}

/** What the configuration says of signals, sizes, limits and costs. */
export function decideSettings(config: Config, book: string): DecideSettings {
  const { signals } = config.ml_integration;
  const { risk, sizing } = config;
  return {
    book,
    signals: {
      ...DEFAULT_SIGNAL_SETTINGS,
      confidenceThreshold: signals.confidence_threshold,
      maxSignalsPerSymbol: signals.max_signals_per_symbol,
      horizons: signals.horizons,
      maxMaskedShare: signals.max_masked_share,
      minDirectionLead: signals.min_direction_lead,
      minRank: signals.min_rank,
      minCoverage: config.universe.minimum_coverage,
      minAgreement: signals.min_agreement,
      maxUncertainty: signals.max_uncertainty,
      minRewardToRisk: signals.min_reward_to_risk,
      stopVolatilityFloor: signals.stop_volatility_floor,
      regimes: {
        ...DEFAULT_REGIME_SETTINGS,
        effects: {
          range: effectOf(signals.regimes.range),
          trend: effectOf(signals.regimes.trend),
          'high-volatility': effectOf(signals.regimes.high_volatility),
          crash: effectOf(signals.regimes.crash),
        },
      },
      validityMinutes: signals.validity_minutes,
    },
    costs: costSettings(config),
    sizing: {
      ...DEFAULT_SIZING_SETTINGS,
      positionVolatilityTarget: sizing.position_volatility_target,
      minConfidenceScale: sizing.min_confidence_scale,
      kellyFraction: sizing.kelly_fraction,
      liquidityMinutes: sizing.liquidity_minutes,
    },
    risk: {
      initialEquity: risk.initial_equity,
      maxGrossExposure: risk.max_gross_exposure,
      maxSideExposure: risk.max_side_exposure,
      maxNetExposure: risk.max_net_exposure,
      maxSectorExposure: risk.max_sector_exposure,
      maxCorrelation: risk.max_correlation,
      maxCorrelatedExposure: risk.max_correlated_exposure,
      maxPositions: risk.max_positions,
      maxPositionFraction: risk.max_position_fraction,
      maxDailyLoss: risk.max_daily_loss,
      maxDrawdown: risk.max_drawdown,
      maxLosingStreak: risk.max_losing_streak,
      losingPauseMinutes: risk.losing_pause === null ? null : durationMs(risk.losing_pause) / MINUTE_MS,
      maxStaleMinutes: risk.max_stale_minutes,
      maxPriceAgeMinutes: risk.max_price_age_minutes,
      maxPriceDeviation: risk.max_price_deviation,
      maxOrdersPerMinute: risk.max_orders_per_minute,
      maxOrdersPerDay: risk.max_orders_per_day,
      duplicateWindowMinutes: risk.duplicate_window_minutes,
      exitValidityMinutes: risk.exit_validity_minutes,
    },
    sectorOf,
    strategies: config.strategies.map(
      (strategy) =>
        new MLStrategyAdapter({
          name: strategy.name,
          decideEvery: strategy.decide_every,
          holdFor: strategy.hold_for,
          cooldownMinutes: durationMs(strategy.cooldown) / MINUTE_MS,
          extendOnSignal: strategy.extend_on_signal,
          allowShort: strategy.allow_short,
          protection: protectionSettings(strategy.protection),
        }),
    ),
  };
}

function protectionSettings(protection: Config['strategies'][number]['protection']): ProtectionSettings {
  const common = {
    catastropheStopFraction: protection.catastrophe_stop_fraction,
    whenUnconfirmed: protection.when_unconfirmed,
  };
  if (protection.kind === 'book') {
    // Without a drawdown the configuration is refused.
    return { kind: 'book', maxDrawdownFraction: protection.max_drawdown_fraction ?? 1, ...common };
  }
  const {
    trailing_activation_fraction: activationFraction,
    trailing_distance_fraction: fraction,
    trailing_distance_volatilities: volatilities,
  } = protection;
  const distance = fraction !== null ? { fraction } : volatilities !== null ? { volatilities } : undefined;
  return {
    kind: 'position',
    fromSignal: protection.from_signal,
    stopVolatilities: protection.stop_volatilities,
    minStopFraction: protection.min_stop_fraction,
    maxStopFraction: protection.max_stop_fraction,
    ...(protection.reward_to_risk === null ? {} : { rewardToRisk: protection.reward_to_risk }),
    minRewardToRisk: protection.min_reward_to_risk,
    targetLevels: protection.target_at_fractions.map((at, level) => ({
      at,
      share: protection.target_share_fractions[level] ?? 0,
    })),
    ...(activationFraction === null || distance === undefined ? {} : { trailing: { activationFraction, distance } }),
    ...(protection.break_even_fraction === null ? {} : { breakEvenFraction: protection.break_even_fraction }),
    ...common,
  };
}

const effectOf = ({ size_scale, blocks }: { size_scale: number; blocks: RegimeEffect['blocks'] }): RegimeEffect => ({
  sizeScale: size_scale,
  blocks,
});

export function costSettings({ costs }: Config): CostSettings {
  return {
    takerFeeBps: costs.taker_fee_bps,
    halfSpreadBps: costs.half_spread_bps,
    impactBpsPerSqrtParticipation: costs.impact_bps,
    maxParticipation: costs.max_participation,
  };
}

export function retentionPolicy({ retention }: Config): RetentionPolicy {
  const { candle_days, feature_days, prediction_days, signal_days, rejected_signal_days } = retention;
  return {
    ...(candle_days === null ? {} : { candleDays: candle_days }),
    ...(feature_days === null ? {} : { featureDays: feature_days }),
    ...(prediction_days === null ? {} : { predictionDays: prediction_days }),
    ...(signal_days === null ? {} : { signalDays: signal_days }),
    ...(rejected_signal_days === null ? {} : { rejectedSignalDays: rejected_signal_days }),
  };
}
