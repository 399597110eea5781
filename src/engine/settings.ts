import { type Config, decisionConfigText, durationMs } from '../config/index.ts';
import { type Horizon, MINUTE_MS } from '../core/index.ts';
import type { RetentionPolicy } from '../database/index.ts';
import { sectorOf } from '../features/index.ts';
import type { CostSettings } from '../matching/index.ts';
import { DEFAULT_REGIME_SETTINGS, DEFAULT_SIGNAL_SETTINGS, type RegimeEffect } from '../signals/index.ts';
import {
  buyAndHold,
  crossSectionalMomentum,
  MarketNeutralAdapter,
  MLStrategyAdapter,
  randomPositions,
  type Strategy,
  timeSeriesMomentum,
} from '../strategies/index.ts';
import { DEFAULT_SIZING_SETTINGS, type ProtectionSettings, type RampSettings } from '../trading/index.ts';
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
    text: decisionConfigText(config),
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
      returnSamples: returnSamples(config),
    },
    risk: {
      initialEquity: risk.initial_equity,
      maxGrossExposure: risk.max_gross_exposure,
      maxSideExposure: risk.max_side_exposure,
      maxNetExposure: risk.max_net_exposure,
      maxSectorExposure: risk.max_sector_exposure,
      maxCorrelation: risk.max_correlation,
      maxCorrelatedExposure: risk.max_correlated_exposure,
      allowOppositePositions: risk.allow_opposite_positions,
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
      isArmingRequired: config.mode === 'live',
      ramp: rampSettings(config),
    },
    sectorOf,
    areStrategiesNetted: config.strategies_net,
    // The same on paper: what a book does must not change when it goes live.
    areLegsSeparate: config.exchange.account.position_mode === 'hedge',
    strategies: config.strategies.map((strategy) => createStrategy(strategy, config)),
  };
}

function rampSettings({ mode, risk: { ramp } }: Config): RampSettings | null {
  if (ramp.applies === 'never' || (ramp.applies === 'live' && mode !== 'live')) return null;
  return {
    stageFractions: ramp.stage_fractions,
    minDays: ramp.min_days,
    minTrades: ramp.min_trades,
    minTStatistic: ramp.min_t_statistic,
    stepBackTStatistic: ramp.step_back_t_statistic,
    maxDrawdown: ramp.max_drawdown,
  };
}

const lookBackMinutes = ({ look_back }: Config['strategies'][number]): number => durationMs(look_back) / MINUTE_MS;

/** 15-minute returns that the strategies look back on. */
function returnSamples({ strategies }: Config): number {
  const looking = strategies.filter(({ kind }) => kind.endsWith('-momentum'));
  return Math.max(DEFAULT_SIZING_SETTINGS.returnSamples, ...looking.map((each) => lookBackMinutes(each) / 15));
}

function createStrategy(strategy: Config['strategies'][number], { universe }: Config): Strategy {
  const common = {
    name: strategy.name,
    decideEvery: strategy.decide_every,
    holdFor: strategy.hold_for,
    cooldownMinutes: durationMs(strategy.cooldown) / MINUTE_MS,
    protection: protectionSettings(strategy.protection),
  };
  const { allow_short: allowShort, gross_exposure: grossExposure } = strategy;
  const sides = {
    positionsPerSide: strategy.positions_per_side,
    bandPositions: strategy.band_positions,
    weights: strategy.weights,
    grossExposure,
  };
  switch (strategy.kind) {
    case 'directional':
      return new MLStrategyAdapter({
        ...common,
        extendOnSignal: strategy.extend_on_signal,
        allowShort,
      });
    case 'market-neutral':
      return new MarketNeutralAdapter({ ...common, ...sides });
    case 'buy-and-hold': {
      const symbols = strategy.symbols.length > 0 ? strategy.symbols : universe.references;
      return buyAndHold({ ...common, symbols, grossExposure });
    }
    case 'time-series-momentum':
      return timeSeriesMomentum({ ...common, lookBackMinutes: lookBackMinutes(strategy), allowShort });
    case 'cross-sectional-momentum':
      return crossSectionalMomentum({ ...common, ...sides, lookBackMinutes: lookBackMinutes(strategy) });
    case 'random': {
      const { positions, turnover_of: of, turnover_per_day: perDay } = strategy;
      return randomPositions({
        ...common,
        allowShort,
        turnover: of === null ? { positions, perDay, grossExposure } : { of },
      });
    }
  }
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

/** What the serving model is judged on while it serves: its primary horizon over the last days; null: it is not. */
export function evidenceSettings({ ml_integration, risk }: Config): { horizon: Horizon; days: number } | null {
  const [horizon] = ml_integration.signals.horizons;
  const { degraded_after_days: days } = risk;
  return horizon === undefined || days === null ? null : { horizon, days };
}

export function costSettings({ costs }: Config): CostSettings {
  return {
    takerFeeBps: costs.taker_fee_bps,
    halfSpreadBps: costs.half_spread_bps,
    impactBpsPerSqrtParticipation: costs.impact_bps,
    maxParticipation: costs.max_participation,
  };
}

export function retentionPolicy({ retention }: Config): RetentionPolicy {
  const { candle_days, feature_days, prediction_days, signal_days, rejected_signal_days, replay_days } = retention;
  return {
    ...(candle_days === null ? {} : { candleDays: candle_days }),
    ...(feature_days === null ? {} : { featureDays: feature_days }),
    ...(prediction_days === null ? {} : { predictionDays: prediction_days }),
    ...(signal_days === null ? {} : { signalDays: signal_days }),
    ...(rejected_signal_days === null ? {} : { rejectedSignalDays: rejected_signal_days }),
    ...(replay_days === null ? {} : { replayDays: replay_days }),
  };
}
