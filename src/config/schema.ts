import { z } from 'zod';
import { HORIZON_NAMES, TIMEFRAMES } from '../core/index.ts';
import { DURATION_PATTERN } from './duration.ts';

/** What a value counts, so that a wrong unit can be named. */
export type Unit =
  | 'fraction'
  | 'basis points'
  | 'multiple of the equity'
  | 'volatilities'
  | 'milliseconds'
  | 'seconds'
  | 'minutes'
  | 'hours'
  | 'days'
  | 'quote currency';

/** What a key's schema carries beside its type. */
export interface KeyTraits {
  readonly unit?: Unit;
  /** A file or folder; relative ones are made absolute. */
  readonly path?: true;
  /** Never shown, never written into a file of the configuration. */
  readonly secret?: true;
  /** What to write, where the type alone does not say it well. */
  readonly expects?: string;
}

const about = (description: string, traits: KeyTraits = {}) => ({ description, ...traits });

const fractionFrom = (least: number) => z.number().min(least).max(1);
const count = (least: number, most: number) => z.int().min(least).max(most);
const path = () => z.string().min(1).nullable();
const duration = () => z.string().regex(DURATION_PATTERN);
const DURATION: KeyTraits = { expects: 'a duration such as 90s, 15m, 4h or 1d' };
const SYMBOL = /^[A-Z0-9]{2,30}$/;

const keptDays = (what: string, how = '') =>
  count(1, 36_500)
    .nullable()
    .default(null)
    .meta(about(`${what} are kept this long${how}.`, { unit: 'days' }));

/** Money may be written as a number; it is kept as a decimal string. */
const money = () =>
  z
    .union([z.string(), z.number()])
    .transform((value) => String(value))
    .pipe(z.string().regex(/^\d{1,12}(\.\d{1,8})?$/));

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

const mlIntegration = z
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
const distance = (least: number, most: number) => z.number().min(least).max(most);
const levels = () => z.array(z.number().gt(0).max(1)).min(1).max(10);
const FRACTION = { unit: 'fraction' } as const;

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

const strategy = z.strictObject({
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
export const configSchema = z.strictObject({
  mode: z
    .enum(['paper', 'live'])
    .default('paper')
    .meta(about('paper trades on the matching model; live sends orders to the exchange, once armed.')),
  data_dir: z
    .string()
    .min(1)
    .default('./.minutehand')
    .meta(about('Where the database, models and logs are kept.', { path: true })),
  log: z
    .strictObject({
      level: z.enum(['debug', 'info', 'warn', 'error']).default('info').meta(about('Least level that is written.')),
      format: z.enum(['json', 'text']).default('json').meta(about('One JSON object or one readable line per entry.')),
    })
    .prefault({})
    .meta(about('Logs.')),
  database: z
    .strictObject({
      url: z
        .string()
        .regex(/^postgres(ql)?:\/\/\S+$/)
        .nullable()
        .default(null)
        .meta(
          about('PostgreSQL 15 or later (also DATABASE_URL); without one, a server of our own in data_dir.', {
            secret: true,
            expects: 'postgres://USER:PASSWORD@HOST:PORT/DATABASE',
          }),
        ),
      url_file: path()
        .default(null)
        .meta(about('A file that holds the URL, such as a mounted secret.', { path: true })),
      max_connections: count(2, 100).default(8).meta(about('Connections of one process at most.')),
    })
    .prefault({})
    .meta(about('Where facts are stored.')),
  exchange: z
    .strictObject({
      id: z.enum(['binanceusdm']).default('binanceusdm').meta(about('The venue.')),
      url: z
        .string()
        .regex(/^https?:\/\/\S+$/)
        .nullable()
        .default(null)
        .meta(
          about('A running exchange to use; without one, a simulated one is started.', {
            expects: 'http://HOST:PORT',
          }),
        ),
      real: z
        .boolean()
        .default(false)
        .meta(about('The venue itself instead of a simulated exchange; what it trades with, mode says.')),
      request_timeout_ms: count(100, 120_000)
        .default(10_000)
        .meta(about('A request unanswered for this long has failed.', { unit: 'milliseconds' })),
      requests_per_second: z
        .number()
        .gt(0)
        .max(10_000)
        .nullable()
        .default(null)
        .meta(about("Pace of requests; without one, the venue's own limit.")),
      account: z
        .strictObject({
          position_mode: z
            .enum(['hedge', 'one-way'])
            .default('hedge')
            .meta(about('Whether a symbol can have a long and a short position of its own.')),
          margin_mode: z
            .enum(['cross', 'isolated'])
            .default('cross')
            .meta(about('Whether positions share the margin of the account, or each has its own.')),
          leverage: count(1, 20)
            .default(2)
            .meta(about('Leverage set at the exchange; how much is held is the business of risk.max_gross_exposure.')),
          receive_window_ms: count(100, 2_000)
            .default(1_000)
            .meta(
              about('An order that reaches the exchange later after it was signed is void.', { unit: 'milliseconds' }),
            ),
        })
        .prefault({})
        .meta(about('The account that mode: live trades with; its keys come from the environment.')),
    })
    .prefault({})
    .meta(about('Where candles come from and orders go.')),
  simulator: z
    .strictObject({
      speed: z
        .union([z.number().gt(0).max(10_000), z.literal('max')])
        .default(20)
        .meta(
          about('Market time per real time; max goes as fast as the engine, minute by minute.', {
            expects: 'a number above 0 (1 = real time), or max',
          }),
        ),
      generate: count(0, 2 ** 31 - 1)
        .nullable()
        .default(1)
        .meta(about('Seed of the generated market.')),
      edge: z.boolean().default(true).meta(about('Plant a weak, documented edge in the generated market.')),
      replay: path()
        .default(null)
        .meta(about('A folder of recorded 1m candles to replay instead of generating.', { path: true })),
      history: path()
        .default(null)
        .meta(about('A folder of older, coarser candles that precede the replay.', { path: true })),
      port: count(0, 65_535).default(0).meta(about('Port of the simulated exchange; 0 takes a free one.')),
    })
    .prefault({})
    .meta(about('The simulated exchange that is started when exchange.url names none.')),
  universe: z
    .strictObject({
      size: count(1, 1_000).default(50).meta(about('Number of symbols: the most traded ones.')),
      symbols: z
        .array(z.string().regex(SYMBOL))
        .default([])
        .meta(about('Exactly these symbols instead of the most traded.', { expects: 'names such as BTCUSDT' })),
      references: z
        .array(z.string().regex(SYMBOL))
        .default(['BTCUSDT', 'ETHUSDT'])
        .meta(
          about('Without a candle of each of these there are no new entries.', { expects: 'names such as BTCUSDT' }),
        ),
      minimum_coverage: fractionFrom(0)
        .default(0.8)
        .meta(about('Least share of symbols with a candle for new entries.', { unit: 'fraction' })),
      quote: z
        .string()
        .regex(/^[A-Z]{2,10}$/)
        .default('USDT')
        .meta(about('Quote currency of the symbols and of all money here.', { expects: 'a currency such as USDT' })),
    })
    .prefault({})
    .meta(about('Which symbols.')),
  strategies: z
    .array(strategy)
    .min(1)
    .prefault([{}])
    .meta(about('Strategies and their cadence.', { expects: 'a list of strategies, one at least' })),
  strategies_net: z
    .boolean()
    .default(true)
    .meta(about('Opposite orders of strategies in one symbol cross inside the book; only the rest goes to the venue.')),
  risk: z
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
      max_positions: count(1, 1_000).default(8).meta(about('Open positions at most.')),
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
        .meta(
          about('A strategy does not enter a symbol on the same side twice within this time.', { unit: 'minutes' }),
        ),
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
    .meta(about('Hard limits.')),
  sizing: z
    .strictObject({
      position_volatility_target: z
        .number()
        .gt(0)
        .max(0.2)
        .default(0.002)
        .meta(
          about('Volatility a full-size position adds to the equity over its holding time.', {
            unit: 'fraction',
            expects: 'a share above 0, at most 0.2 (0.002 = 0.2 %)',
          }),
        ),
      min_confidence_scale: fractionFrom(0)
        .default(0.5)
        .meta(
          about('Size at the confidence threshold, relative to confidence 1; linear between.', { unit: 'fraction' }),
        ),
      kelly_fraction: fractionFrom(0.01)
        .default(0.25)
        .meta(about('Largest share of the Kelly size, edge over variance, that an entry takes.', { unit: 'fraction' })),
      liquidity_minutes: count(1, 60)
        .default(3)
        .meta(
          about("An entry takes at most max_participation of this many usual minutes' volume.", { unit: 'minutes' }),
        ),
    })
    .prefault({})
    .meta(about('How large an entry is, before the limits.')),
  costs: z
    .strictObject({
      taker_fee_bps: z
        .number()
        .min(0)
        .max(100)
        .default(5)
        .meta(about('Fee of an order that takes liquidity.', { unit: 'basis points' })),
      half_spread_bps: z
        .number()
        .min(0)
        .max(500)
        .default(1.5)
        .meta(about('Half the bid-ask spread.', { unit: 'basis points' })),
      impact_bps: z
        .number()
        .min(0)
        .max(1_000)
        .default(10)
        .meta(
          about("Impact of an order as large as the minute's volume; it grows with the square root.", {
            unit: 'basis points',
          }),
        ),
      max_participation: fractionFrom(0.0001)
        .default(0.0667)
        .meta(about("Largest share of a minute's volume an order fills against.", { unit: 'fraction' })),
    })
    .prefault({})
    .meta(about('What trading costs: for signals, sizing and paper fills alike.')),
  retention: z
    .strictObject({
      candle_days: keptDays('Candles', ' (in whole months)'),
      feature_days: keptDays('Features and indicators (after 48 hours: of one minute in 15)'),
      prediction_days: keptDays('Forecasts'),
      signal_days: keptDays('Signals that passed every gate'),
      rejected_signal_days: keptDays('Candidates that a gate stopped'),
    })
    .prefault({})
    .meta(about('How long rows are kept; null keeps them for good.')),
  ml_integration: mlIntegration,
});

type DeepReadonly<T> = T extends object ? { readonly [K in keyof T]: DeepReadonly<T[K]> } : T;

/** The configuration in force: keys as in the files, paths absolute, frozen. */
export type Config = DeepReadonly<z.output<typeof configSchema>>;
