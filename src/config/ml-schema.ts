import { z } from 'zod';
import { HORIZON_NAMES } from '../core/index.ts';
import { about, count, fractionFrom, path } from './schema-parts.ts';

const scheduler = z
  .strictObject({
    interval_seconds: count(60, 86_400)
      .multipleOf(60)
      .default(60)
      .meta(about('Time between two forecasts of a symbol; a multiple of 60.', { unit: 'seconds' })),
    batch_size: count(1, 4_096).default(50).meta(about('Rows per inference call.')),
    max_parallel: count(1, 256).default(10).meta(about('Concurrent requests to a source.')),
    deadline_seconds: count(1, 3_600)
      .default(30)
      .meta(about('Orders leave only within this time of the close; later the minute is MISSED.', { unit: 'seconds' })),
    grace_seconds: count(0, 600)
      .default(5)
      .meta(
        about('How long a minute waits for candles that are late before it goes on without them.', { unit: 'seconds' }),
      ),
    catch_up_hours: count(1, 720)
      .default(72)
      .meta(about('How far back minutes that closed while nothing ran are caught up.', { unit: 'hours' })),
  })
  .prefault({})
  .meta(about('When forecasts are made, and how long anything may take.'));

const regimeEffect = (what: string, sizeScale: number, blocks: 'none' | 'long' | 'short' | 'both') =>
  z
    .strictObject({
      size_scale: fractionFrom(0)
        .default(sizeScale)
        .meta(about('Factor on the size of new entries.', { unit: 'fraction' })),
      blocks: z.enum(['none', 'long', 'short', 'both']).default(blocks).meta(about('New entries that are not made.')),
    })
    .prefault({})
    .meta(about(what));

const signals = z
  .strictObject({
    confidence_threshold: fractionFrom(0)
      .default(0.6)
      .meta(
        about("Least confidence: 0.6 lets the top 40 % of the symbol's own net edges pass.", {
          unit: 'fraction',
        }),
      ),
    max_signals_per_symbol: count(1, 100).default(1).meta(about('Signals of one symbol in one decision.')),
    horizons: z
      .array(z.enum(HORIZON_NAMES))
      .min(1)
      .default(['12h'])
      .meta(
        about('Horizons a forecast is judged at, each its own candidate; the first is the primary one.', {
          expects: 'a list of some of 15m, 1h, 4h, 12h',
        }),
      ),
    max_masked_share: fractionFrom(0)
      .default(0.2)
      .meta(about('Largest share of masked features with which a symbol may be entered.', { unit: 'fraction' })),
    min_direction_lead: fractionFrom(0)
      .default(0)
      .meta(about("Least lead of the side's probability over the opposite one.", { unit: 'fraction' })),
    min_rank: fractionFrom(0)
      .default(0.5)
      .meta(
        about('Least cross-sectional rank in the direction of the side; 0.5 = the better half.', { unit: 'fraction' }),
      ),
    min_agreement: fractionFrom(0)
      .default(0.5)
      .meta(about('Least share of the horizons whose forecast return has the sign of the side.', { unit: 'fraction' })),
    max_uncertainty: fractionFrom(0)
      .default(0.995)
      .meta(about('Largest entropy of the direction probabilities; 1 = three equal ones.', { unit: 'fraction' })),
    min_reward_to_risk: z
      .number()
      .min(0)
      .max(100)
      .default(1)
      .meta(about('Least distance of the target, in distances of the stop.')),
    stop_volatility_floor: z
      .number()
      .gt(0)
      .max(10)
      .default(0.5)
      .meta(about('Least distance of the stop, in standard deviations of the return over the horizon.')),
    regimes: z
      .strictObject({
        range: regimeEffect('Neither of the others.', 1, 'none'),
        trend: regimeEffect('Twelve hours of drift in one direction.', 1, 'none'),
        high_volatility: regimeEffect('Four hours of unusual volatility.', 0.5, 'none'),
        crash: regimeEffect('An unusual fall within an hour.', 0.5, 'long'),
      })
      .prefault({})
      .meta(about('What the regime of the market and of the symbol does to new entries; the stricter counts.')),
    validity_minutes: count(1, 1_440)
      .default(15)
      .meta(about('A signal older than this is not traded.', { unit: 'minutes' })),
  })
  .prefault({})
  .meta(about('Which forecasts become signals.'));

export const mlIntegration = z
  .strictObject({
    enabled: z.boolean().default(true).meta(about('Forecasts and signals; false leaves data and positions only.')),
    scheduler,
    signals,
    monitoring: z
      .strictObject({
        metrics_enabled: z.boolean().default(true).meta(about('Count and time what happens.')),
        alert_threshold: fractionFrom(0)
          .default(0.8)
          .meta(about('Alert when a smaller share of the last hour of cycles was in time.', { unit: 'fraction' })),
        nightly_parity: z
          .boolean()
          .default(true)
          .meta(about('After each UTC day go through its minutes once more, and alert where they come out otherwise.')),
      })
      .prefault({})
      .meta(about('Metrics and alerts of the forecasting cycle.')),
    model: z
      .strictObject({
        training_days: count(14, 1_500)
          .default(60)
          .meta(
            about(
              'Days of history the first model is fitted on; of a generated market on a running clock 40 at most.',
              { unit: 'days' },
            ),
          ),
        directory: path()
          .default(null)
          .meta(about('A folder of models to serve from; without one, that of the data directory.', { path: true })),
      })
      .prefault({})
      .meta(about('The model that serves.')),
  })
  .prefault({})
  .meta(about('Forecasts and signals.'));

/** A distance from a price, as a fraction of it: never a price. */
