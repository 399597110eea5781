import { z } from 'zod';
import { TIMEFRAMES } from '../core/index.ts';
import { about, count, DURATION, distance, duration, FRACTION, levels, SYMBOL } from './schema-parts.ts';

const protection = z
  .strictObject({
    kind: z
      .enum(['position', 'book'])
      .default('position')
      .meta(about('A stop per position, or a drawdown stop of the book with wide stops only.')),
    from_signal: z
      .boolean()
      .default(true)
      .meta(about('Whether the stop and target that a signal names go before the distances below.')),
    stop_volatilities: z
      .number()
      .gt(0)
      .max(20)
      .default(2)
      .meta(
        about('Distance of the stop over the holding time, where the signal names none.', { unit: 'volatilities' }),
      ),
    min_stop_fraction: distance(0.0005, 0.9)
      .default(0.005)
      .meta(about('The stop is at least this far from the price.', FRACTION)),
    max_stop_fraction: distance(0.0005, 0.9)
      .default(0.15)
      .meta(about('The stop is at most this far from the price.', FRACTION)),
    reward_to_risk: z
      .number()
      .gt(0)
      .max(100)
      .nullable()
      .default(null)
      .meta(about('Distance of the target in distances of the stop, where the signal names none; null: no target.')),
    min_reward_to_risk: z
      .number()
      .min(0)
      .max(100)
      .default(0.5)
      .meta(about('An entry whose target is nearer, in distances of its stop, is refused.')),
    target_at_fractions: levels()
      .default([1])
      .meta(
        about("Where profits are taken, as fractions of the target's distance, ascending.", {
          expects: 'a list of shares above 0, at most 1, such as 0.5,1',
        }),
      ),
    target_share_fractions: levels()
      .default([1])
      .meta(
        about('Which share of the position is taken at each of these.', {
          expects: 'a list of shares above 0 that add up to 1 at most, such as 0.5,0.5',
        }),
      ),
    trailing_activation_fraction: distance(0.0005, 0.9)
      .nullable()
      .default(null)
      .meta(about('Profit from which the stop follows the best close; null: it does not.', FRACTION)),
    trailing_distance_fraction: distance(0.0005, 0.9)
      .nullable()
      .default(null)
      .meta(about('How far it follows behind.', FRACTION)),
    trailing_distance_volatilities: z
      .number()
      .gt(0)
      .max(20)
      .nullable()
      .default(null)
      .meta(about('The same over the holding time, instead of a fraction.', { unit: 'volatilities' })),
    break_even_fraction: distance(0.0005, 0.9)
      .nullable()
      .default(null)
      .meta(about('Profit from which the stop stands at the entry plus costs; null: it does not.', FRACTION)),
    max_drawdown_fraction: distance(0.001, 0.9)
      .nullable()
      .default(null)
      .meta(about('Of kind book: drawdown from the peak at which everything is closed and stopped.', FRACTION)),
    catastrophe_stop_fraction: distance(0.01, 0.9)
      .default(0.25)
      .meta(about('Distance of the wide stops of kind book, and of a position found without one.', FRACTION)),
    when_unconfirmed: z
      .enum(['close', 'halt'])
      .default('close')
      .meta(about('What follows when no stop is confirmed in the minute after a fill.')),
  })
  .prefault({})
  .meta(about('Stops and targets of its positions.'));

const STRATEGY_KINDS = [
  'directional',
  'market-neutral',
  'buy-and-hold',
  'time-series-momentum',
  'cross-sectional-momentum',
  'random',
] as const;

export const strategy = z.strictObject({
  kind: z
    .enum(STRATEGY_KINDS)
    .default('directional')
    .meta(about('How it decides: on accepted signals, on how forecasts rank, or as a baseline without a model.')),
  name: z
    .string()
    .regex(/^[a-z][a-z0-9-]{0,15}$/)
    .default('ml')
    .meta(about('Its name, unique in the list.', { expects: 'at most 16 of a-z, 0-9 and -, a letter first' })),
  decide_every: z.enum(TIMEFRAMES).default('1h').meta(about('Its cadence: entries and exits are decided then.')),
  hold_for: z.enum(TIMEFRAMES).default('12h').meta(about('A position is closed after this time.')),
  cooldown: duration()
    .default('1h')
    .meta(about('A symbol is not entered again within this time of an exit.', DURATION)),
  extend_on_signal: z
    .boolean()
    .default(true)
    .meta(about('Of kind directional: a signal for the side held extends the holding time.')),
  allow_short: z.boolean().default(true).meta(about('Sell what is not held; not of a book of longs and shorts.')),
  positions_per_side: count(1, 100).default(4).meta(about('Of a book of longs and shorts: so many of each.')),
  band_positions: count(0, 100)
    .default(4)
    .meta(
      about('Of a book of longs and shorts: a position is kept while its rank is within so many of the last place.'),
    ),
  weights: z
    .enum(['equal', 'rank'])
    .default('equal')
    .meta(about('Of a book of longs and shorts: positions of equal size, or larger ones for better ranks.')),
  gross_exposure: z
    .number()
    .gt(0)
    .max(20)
    .default(0.5)
    .meta(about('Sum of its positions as it is meant to be, before the limits.', { unit: 'multiple of the equity' })),
  look_back: duration()
    .default('1d')
    .meta(about('Of momentum: the past return that counts; a multiple of 15m.', DURATION)),
  symbols: z
    .array(z.string().regex(SYMBOL))
    .default([])
    .meta(about('Of kind buy-and-hold: these; none means universe.references.', { expects: 'names such as BTCUSDT' })),
  positions: count(1, 1_000).default(4).meta(about('Of kind random: so many, where turnover_of names no strategy.')),
  turnover_of: z
    .string()
    .nullable()
    .default(null)
    .meta(
      about('Of kind random: it enters and closes as much as this other strategy.', { expects: 'a name of the list' }),
    ),
  turnover_per_day: z
    .number()
    .gt(0)
    .max(96)
    .default(1)
    .meta(about('Of kind random: share of its positions exchanged in a day, where turnover_of names no strategy.')),
  protection,
});

/**
 * The whole configuration: every key, its type, its default and its meaning. The shipped files, the editors' schema and the table
 * in docs/configuration.md are generated from it.
 */

/** Shipped beside the model's strategy: docs/decisions/0006-strategies-that-are-shipped.md. */
export const SHIPPED_MOMENTUM: z.input<typeof strategy> = {
  kind: 'cross-sectional-momentum',
  name: 'momentum',
  decide_every: '1d',
  hold_for: '1d',
  positions_per_side: 5,
  band_positions: 5,
  look_back: '14d',
  protection: { kind: 'book', max_drawdown_fraction: 0.2 },
};
