import { z } from 'zod';
import { mlIntegration } from './ml-schema.ts';
import { risk } from './risk-schema.ts';
import { about, count, fractionFrom, keptDays, path, SYMBOL } from './schema-parts.ts';
import { SHIPPED_MOMENTUM, strategy } from './strategies-schema.ts';

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
    .prefault([{}, SHIPPED_MOMENTUM])
    .meta(about('Strategies and their cadence.', { expects: 'a list of strategies, one at least' })),
  strategies_net: z
    .boolean()
    .default(true)
    .meta(about('Opposite orders of strategies in one symbol cross inside the book; only the rest goes to the venue.')),
  risk,
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
      candle_days: keptDays('Candles', { how: ' (in whole months)' }),
      feature_days: keptDays('Features and indicators (after 48 hours: of one minute in 15)'),
      prediction_days: keptDays('Forecasts'),
      signal_days: keptDays('Signals that passed every gate'),
      rejected_signal_days: keptDays('Candidates that a gate stopped'),
      replay_days: keptDays('Inputs of decisions, which replays of the past need,', { days: 30 }),
    })
    .prefault({})
    .meta(about('How long rows are kept; null keeps them for good.')),
  ml_integration: mlIntegration,
});

type DeepReadonly<T> = T extends object ? { readonly [K in keyof T]: DeepReadonly<T[K]> } : T;

/** The configuration in force: keys as in the files, paths absolute, frozen. */
export type Config = DeepReadonly<z.output<typeof configSchema>>;
