import { z } from 'zod';
import { about, count, DURATION, duration, fractionFrom, levels, money } from './schema-parts.ts';

export const risk = z
  .strictObject({
    initial_equity: money()
      .default('10000')
      .meta(
        about('Cash a new paper account starts with.', {
          unit: 'quote currency',
          expects: 'an amount above 0 with at most 8 decimal places',
        }),
      ),
    max_gross_exposure: z
      .number()
      .gt(0)
      .max(20)
      .default(1)
      .meta(about('Sum of absolute positions at most.', { unit: 'multiple of the equity' })),
    max_side_exposure: z
      .number()
      .gt(0)
      .max(20)
      .nullable()
      .default(null)
      .meta(
        about('Sum of longs, and of shorts, at most; null: as max_gross_exposure.', {
          unit: 'multiple of the equity',
        }),
      ),
    max_net_exposure: z
      .number()
      .gt(0)
      .max(20)
      .nullable()
      .default(null)
      .meta(
        about('Longs less shorts at most, either way; null: as max_gross_exposure.', {
          unit: 'multiple of the equity',
        }),
      ),
    max_sector_exposure: z
      .number()
      .gt(0)
      .max(20)
      .default(0.5)
      .meta(about('Sum of the positions of one sector at most.', { unit: 'multiple of the equity' })),
    max_correlation: fractionFrom(0)
      .default(0.85)
      .meta(
        about('From this correlation of 15-minute returns on, positions of one direction count as one.', {
          expects: 'a correlation from 0 to 1',
        }),
      ),
    max_correlated_exposure: z
      .number()
      .gt(0)
      .max(20)
      .default(0.5)
      .meta(about('Sum of positions that count as one at most.', { unit: 'multiple of the equity' })),
    allow_opposite_positions: z
      .boolean()
      .default(true)
      .meta(about('Strategies may hold opposite sides of one symbol; an account in one-way mode cannot.')),
    max_positions: count(1, 1_000).default(18).meta(about('Open positions at most.')),
    max_position_fraction: z
      .number()
      .gt(0)
      .max(20)
      .default(0.15)
      .meta(about('One position at most.', { unit: 'multiple of the equity' })),
    max_daily_loss: fractionFrom(0.0001)
      .default(0.03)
      .meta(about('After this loss of a UTC day there are no new entries.', { unit: 'fraction' })),
    max_drawdown: fractionFrom(0.0001)
      .default(0.2)
      .meta(about('After this fall from the peak of the equity trading is halted.', { unit: 'fraction' })),
    max_losing_streak: count(1, 1_000)
      .nullable()
      .default(10)
      .meta(about('After so many trades in a row that lost there are no new entries; null: never.')),
    losing_pause: duration()
      .nullable()
      .default('4h')
      .meta(about('For how long there are none then; null: until "trade resume".', DURATION)),
    max_stale_minutes: count(1, 1_440)
      .default(5)
      .meta(
        about('After so long without sufficient data there are no entries until it was sufficient as long.', {
          unit: 'minutes',
        }),
      ),
    max_model_age_days: count(1, 36_500)
      .nullable()
      .default(730)
      .meta(about('A model whose newest data is older enters nothing; null: however old.', { unit: 'days' })),
    degraded_after_days: count(5, 365)
      .nullable()
      .default(30)
      .meta(
        about('A model whose forecasts ranked returns the wrong way for so long, beyond chance, enters nothing.', {
          unit: 'days',
        }),
      ),
    max_exchange_errors: fractionFrom(0.01)
      .default(0.5)
      .meta(
        about('From this share of failed requests in five minutes on there are no new entries.', {
          unit: 'fraction',
        }),
      ),
    max_orders_per_minute: count(1, 10_000)
      .default(20)
      .meta(about('Orders of one minute from which on there are no further entries.')),
    max_orders_per_day: count(1, 1_000_000)
      .default(500)
      .meta(about('Orders of a UTC day from which on there are no further entries.')),
    duplicate_window_minutes: count(1, 360)
      .default(5)
      .meta(about('A strategy does not enter a symbol on the same side twice within this time.', { unit: 'minutes' })),
    max_price_deviation: fractionFrom(0.0001)
      .default(0.05)
      .meta(about('An entry whose price is further from the last close is not placed.', { unit: 'fraction' })),
    max_price_age_minutes: count(1, 60)
      .default(1)
      .meta(about('A price older than this is not traded on.', { unit: 'minutes' })),
    exit_validity_minutes: count(1, 1_440)
      .default(15)
      .meta(about('An exit that has not filled within this time is decided anew.', { unit: 'minutes' })),
    stop_confirm_seconds: count(2, 50)
      .default(10)
      .meta(about('At an exchange: how long a position may be without a confirmed stop.', { unit: 'seconds' })),
    ramp: z
      .strictObject({
        applies: z
          .enum(['live', 'always', 'never'])
          .default('live')
          .meta(about('Where the capital is stepped up by results: live, on paper too, or nowhere.')),
        stage_fractions: levels()
          .default([0.1, 0.25, 0.5, 1])
          .meta(
            about('What is held at most in each stage, as shares of the armed cap (on paper: of the equity).', {
              expects: 'a list of ascending shares above 0, at most 1, such as 0.1,0.5,1',
            }),
          ),
        min_days: count(2, 365)
          .default(14)
          .meta(about('A step up asks for so many UTC days with closed trades.', { unit: 'days' })),
        min_trades: count(1, 100_000).default(30).meta(about('And for so many closed trades.')),
        min_t_statistic: z
          .number()
          .min(0)
          .max(10)
          .default(1)
          .meta(about('And for a mean result of a day above 0 by so many of its standard errors.')),
        step_back_t_statistic: z
          .number()
          .gt(0)
          .max(10)
          .default(1.64)
          .meta(about('A mean below 0 by so many standard errors, over min_days, leads back a stage.')),
        max_drawdown: fractionFrom(0.0001)
          .default(0.1)
          .meta(
            about("So does a fall of the realised result from its peak by this share of the stage's capital.", {
              unit: 'fraction',
            }),
          ),
      })
      .prefault({})
      .meta(about('How the capital grows with realised results, and shrinks.')),
  })
  .prefault({})
  .meta(about('Hard limits.'));
