import type { Timeframe } from '../core/index.ts';
import { durationOf, SECOND_MS } from '../core/index.ts';
import { durationMs } from './duration.ts';
import type { KeyPath } from './keys.ts';
import { isLoopback } from './loopback.ts';
import { type Config, configSchema } from './schema.ts';

/** Values that are each allowed but do not go together; the first key is the one to change. */
export interface Contradiction {
  readonly keys: readonly KeyPath[];
  readonly problem: string;
  readonly remedy: string;
}

/**
 * @param config a configuration whose values are valid one by one
 * @param isSet whether a key was set by a file, the environment or a flag
 * @param isChosen whether a key was set on purpose for this run: by the environment or a flag
 */
export function findContradictions(
  config: Config,
  isSet: (path: KeyPath) => boolean,
  isChosen: (path: KeyPath) => boolean,
): Contradiction[] {
  return [
    ...timing(config),
    ...limits(config),
    ...universe(config),
    ...strategies(config),
    ...market(config, isChosen),
    ...database(config, isSet),
    ...account(config),
  ];
}

const SCHEDULER = ['ml_integration', 'scheduler'] as const;

function* timing({ ml_integration: { scheduler, signals } }: Config): Generator<Contradiction> {
  const { interval_seconds, deadline_seconds, grace_seconds } = scheduler;
  if (deadline_seconds > interval_seconds) {
    yield {
      keys: [
        [...SCHEDULER, 'deadline_seconds'],
        [...SCHEDULER, 'interval_seconds'],
      ],
      problem: `deadline_seconds (${deadline_seconds}) is longer than interval_seconds (${interval_seconds})`,
      remedy: `a deadline of at most ${interval_seconds} ends before the next forecast is due`,
    };
  }
  if (grace_seconds >= deadline_seconds) {
    yield {
      keys: [
        [...SCHEDULER, 'grace_seconds'],
        [...SCHEDULER, 'deadline_seconds'],
      ],
      problem: `grace_seconds (${grace_seconds}) leaves nothing of deadline_seconds (${deadline_seconds})`,
      remedy: 'wait less for late candles, or set a later deadline',
    };
  }
  if (new Set(signals.horizons).size < signals.horizons.length) {
    yield {
      keys: [['ml_integration', 'signals', 'horizons']],
      problem: 'a horizon stands twice in the list',
      remedy: 'name each horizon once',
    };
  }
}

/** The first is part of the second. */
const NESTED_LIMITS = [
  ['max_position_fraction', 'max_gross_exposure'],
  ['max_position_fraction', 'max_side_exposure'],
  ['max_position_fraction', 'max_net_exposure'],
  ['max_position_fraction', 'max_sector_exposure'],
  ['max_position_fraction', 'max_correlated_exposure'],
  ['max_side_exposure', 'max_gross_exposure'],
  ['max_net_exposure', 'max_gross_exposure'],
  ['max_daily_loss', 'max_drawdown'],
  ['max_orders_per_minute', 'max_orders_per_day'],
] as const;

function* limits({ risk }: Config): Generator<Contradiction> {
  if (Number(risk.initial_equity) <= 0) {
    yield {
      keys: [['risk', 'initial_equity']],
      problem: 'an account without money cannot trade',
      remedy: 'write an amount above 0',
    };
  }
  // A limit that another one keeps from ever being reached says something else than what holds.
  for (const [inner, outer] of NESTED_LIMITS) {
    const [least, most] = [risk[inner], risk[outer]];
    if (least === null || most === null || least <= most) continue;
    yield {
      keys: [
        ['risk', inner],
        ['risk', outer],
      ],
      problem: `${inner} (${least}) is more than ${outer} (${most})`,
      remedy: `set ${inner} to ${most} at most, or ${outer} to ${least} at least`,
    };
  }
  const stages = risk.ramp.stage_fractions;
  if (stages.some((fraction, index) => index > 0 && fraction <= (stages[index - 1] ?? 0))) {
    yield {
      keys: [['risk', 'ramp', 'stage_fractions']],
      problem: 'the stages are not ascending',
      remedy: 'name the smallest first, each once',
    };
  }
  if (risk.losing_pause !== null && durationMs(risk.losing_pause) % 60_000 !== 0) {
    yield {
      keys: [['risk', 'losing_pause']],
      problem: 'a pause counts whole minutes',
      remedy: 'write it as 30m, 4h, 1d …',
    };
  }
}

function* universe({ universe: { size, symbols, references, quote } }: Config): Generator<Contradiction> {
  const here = ['universe', 'symbols'];
  for (const [name, list] of Object.entries({ symbols, references })) {
    if (new Set(list).size < list.length) {
      yield {
        keys: [['universe', name]],
        problem: 'a symbol stands twice in the list',
        remedy: 'name each symbol once',
      };
    }
  }
  if (symbols.length > 0) {
    const absent = references.filter((symbol) => !symbols.includes(symbol));
    if (absent.length > 0) {
      yield {
        keys: [here, ['universe', 'references']],
        problem: `the references ${absent.join(', ')} are not among the symbols`,
        remedy: 'add them to symbols, or name other references',
      };
    }
  } else if (size < references.length) {
    yield {
      keys: [
        ['universe', 'size'],
        ['universe', 'references'],
      ],
      problem: `a universe of ${size} does not hold the ${references.length} references`,
      remedy: `set size to ${references.length} or more, or name fewer references`,
    };
  }
  const foreign = [...symbols, ...references].filter((symbol) => !symbol.endsWith(quote));
  if (foreign.length > 0) {
    yield {
      keys: [
        symbols.some((symbol) => foreign.includes(symbol)) ? here : ['universe', 'references'],
        ['universe', 'quote'],
      ],
      problem: `${[...new Set(foreign)].join(', ')}: not quoted in ${quote}`,
      remedy: `name symbols that end in ${quote}, or set quote`,
    };
  }
}

type StrategyConfig = Config['strategies'][number];

/** Keys that only some kinds of strategies know. */
const KEYS_OF_KINDS: Readonly<Partial<Record<keyof StrategyConfig, readonly StrategyConfig['kind'][]>>> = {
  extend_on_signal: ['directional'],
  allow_short: ['directional', 'time-series-momentum', 'random'],
  positions_per_side: ['market-neutral', 'cross-sectional-momentum'],
  band_positions: ['market-neutral', 'cross-sectional-momentum'],
  weights: ['market-neutral', 'cross-sectional-momentum'],
  gross_exposure: ['market-neutral', 'cross-sectional-momentum', 'buy-and-hold', 'random'],
  look_back: ['time-series-momentum', 'cross-sectional-momentum'],
  symbols: ['buy-and-hold'],
  positions: ['random'],
  turnover_of: ['random'],
  turnover_per_day: ['random'],
};

/** A value other than the default was meant to do something; the shipped file holds every key. */
function* foreignKeys(strategy: StrategyConfig, index: number): Generator<Contradiction> {
  const { kind } = strategy;
  const [defaults] = configSchema.shape.strategies.parse(undefined);
  for (const [name, kinds] of Object.entries(KEYS_OF_KINDS)) {
    const key = name as keyof StrategyConfig;
    if (kinds.includes(kind) || JSON.stringify(strategy[key]) === JSON.stringify(defaults?.[key])) continue;
    yield {
      keys: [
        ['strategies', index, name],
        ['strategies', index, 'kind'],
      ],
      problem: `a strategy of kind ${kind} has no ${name}`,
      remedy: `leave it out; it belongs to ${kinds.join(', ')}`,
    };
  }
}

function* strategies(config: Config): Generator<Contradiction> {
  const seen = new Set<string>();
  const intervalMs = config.ml_integration.scheduler.interval_seconds * SECOND_MS;
  for (const [index, strategy] of config.strategies.entries()) {
    const key = (name: string) => ['strategies', index, name];
    if (seen.has(strategy.name)) {
      yield { keys: [key('name')], problem: `two strategies are named ${strategy.name}`, remedy: 'rename one' };
    }
    seen.add(strategy.name);
    const decideEvery: Timeframe = strategy.decide_every;
    if (durationOf(decideEvery) % intervalMs !== 0) {
      yield {
        keys: [key('decide_every'), [...SCHEDULER, 'interval_seconds']],
        problem: `decide_every (${decideEvery}) is no multiple of interval_seconds (${intervalMs / SECOND_MS})`,
        remedy: 'a strategy decides on forecasts: choose a multiple of the interval',
      };
    }
    if (durationOf(strategy.hold_for) < durationOf(decideEvery)) {
      yield {
        keys: [key('hold_for'), key('decide_every')],
        problem: `hold_for (${strategy.hold_for}) is shorter than decide_every (${decideEvery})`,
        remedy: 'hold for one decision at least',
      };
    }
    if (durationMs(strategy.cooldown) % 60_000 !== 0) {
      yield {
        keys: [key('cooldown')],
        problem: 'a cooldown counts whole minutes',
        remedy: 'write it as 1m, 15m, 1h …',
      };
    }
    yield* foreignKeys(strategy, index);
    yield* baseline(config, index);
    yield* protection(config, index);
  }
}

/** A look-back that a book remembers: of 50 symbols it is 180 KB of its state. */
const LONGEST_LOOK_BACK_MS = 14 * 86_400_000;

function* baseline({ strategies }: Config, index: number): Generator<Contradiction> {
  const strategy = strategies[index];
  if (strategy === undefined) return;
  const key = (name: keyof StrategyConfig) => ['strategies', index, name];
  const lookBackMs = durationMs(strategy.look_back);
  if (lookBackMs === 0 || lookBackMs % 900_000 !== 0 || lookBackMs > LONGEST_LOOK_BACK_MS) {
    yield {
      keys: [key('look_back')],
      problem: `look_back (${strategy.look_back}) is no multiple of 15 minutes from 15m to 14d`,
      remedy: 'write it as 45m, 6h, 1d, 7d …',
    };
  }
  const other = strategies.find(({ name }) => name === strategy.turnover_of);
  if (strategy.kind === 'random' && strategy.turnover_of !== null && (!other || other.kind === 'random')) {
    yield {
      keys: [key('turnover_of')],
      problem: other ? `${strategy.turnover_of} is random itself` : `no strategy is named ${strategy.turnover_of}`,
      remedy: 'name another strategy of the list',
    };
  }
}

function* protection({ strategies, costs }: Config, index: number): Generator<Contradiction> {
  const strategy = strategies[index];
  if (strategy === undefined) return;
  const { protection } = strategy;
  const key = (name: keyof typeof protection) => ['strategies', index, 'protection', name];
  if (protection.kind === 'book') {
    if (protection.max_drawdown_fraction === null) {
      yield {
        keys: [key('max_drawdown_fraction'), key('kind')],
        problem: 'a book stop has no drawdown at which it acts',
        remedy: 'set max_drawdown_fraction, or kind: position',
      };
    }
    for (const name of ['reward_to_risk', 'trailing_activation_fraction', 'break_even_fraction'] as const) {
      if (protection[name] === null) continue;
      yield {
        keys: [key(name), key('kind')],
        problem: `${name} is of a stop per position, and the kind is book`,
        remedy: `leave out ${name}, or set kind: position`,
      };
    }
    return;
  }
  if (protection.max_drawdown_fraction !== null) {
    yield {
      keys: [key('max_drawdown_fraction'), key('kind')],
      problem: 'max_drawdown_fraction is of a book stop, and the kind is position',
      remedy: 'leave it out, or set kind: book',
    };
  }
  if (protection.min_stop_fraction > protection.max_stop_fraction) {
    yield {
      keys: [key('min_stop_fraction'), key('max_stop_fraction')],
      problem: `min_stop_fraction (${protection.min_stop_fraction}) is more than max_stop_fraction (${protection.max_stop_fraction})`,
      remedy: 'let the bounds enclose a distance',
    };
  }
  if (protection.reward_to_risk !== null && protection.reward_to_risk < protection.min_reward_to_risk) {
    yield {
      keys: [key('reward_to_risk'), key('min_reward_to_risk')],
      problem: `no entry would pass: reward_to_risk (${protection.reward_to_risk}) is less than min_reward_to_risk (${protection.min_reward_to_risk})`,
      remedy: 'ask for less, or set a farther target',
    };
  }
  yield* targetLevels(protection, key);
  yield* trailing(protection, key);
  const cost = (2 * (costs.taker_fee_bps + costs.half_spread_bps)) / 10_000;
  if (protection.break_even_fraction !== null && protection.break_even_fraction <= cost) {
    yield {
      keys: [key('break_even_fraction')],
      problem: `break_even_fraction (${protection.break_even_fraction}) is not above the costs of a round trip (${cost})`,
      remedy: 'let the profit be larger than what the stop is to cover',
    };
  }
}

type Protection = Config['strategies'][number]['protection'];
type ProtectionKey = (name: keyof Protection) => KeyPath;

function* targetLevels(protection: Protection, key: ProtectionKey): Generator<Contradiction> {
  const { target_at_fractions: at, target_share_fractions: shares } = protection;
  const keys = [key('target_share_fractions'), key('target_at_fractions')];
  if (at.length !== shares.length) {
    yield {
      keys,
      problem: `${at.length} levels and ${shares.length} shares`,
      remedy: 'name one share for each level',
    };
  }
  if (at.some((level, index) => index > 0 && level <= (at[index - 1] ?? 0))) {
    yield {
      keys: [key('target_at_fractions')],
      problem: 'the levels are not ascending',
      remedy: 'name the nearest first, each once',
    };
  }
  const total = shares.reduce((sum, share) => sum + share, 0);
  if (total > 1 + 1e-9) {
    yield {
      keys,
      problem: `the shares add up to ${Number(total.toFixed(6))}, more than the position`,
      remedy: 'let them add up to 1 at most',
    };
  }
}

function* trailing(protection: Protection, key: ProtectionKey): Generator<Contradiction> {
  const {
    trailing_activation_fraction: activation,
    trailing_distance_fraction: fraction,
    trailing_distance_volatilities: volatilities,
  } = protection;
  const distances = [key('trailing_distance_fraction'), key('trailing_distance_volatilities')];
  if (activation === null && (fraction !== null || volatilities !== null)) {
    yield {
      keys: [key('trailing_activation_fraction'), ...distances],
      problem: 'a distance to trail at, and no profit from which it trails',
      remedy: 'set trailing_activation_fraction, or leave the distance out',
    };
  }
  if (activation !== null && (fraction === null) === (volatilities === null)) {
    yield {
      keys: [...distances, key('trailing_activation_fraction')],
      problem: `a stop that trails has ${fraction === null ? 'no distance' : 'two distances'}`,
      remedy: 'set either trailing_distance_fraction or trailing_distance_volatilities',
    };
  }
}

/** A key of a file is the standing choice, which one of the environment or a flag may pass over without a word. */
function* market({ simulator, exchange }: Config, isChosen: (path: KeyPath) => boolean): Generator<Contradiction> {
  const replay = ['simulator', 'replay'];
  if (simulator.replay !== null && simulator.generate !== null && isChosen(['simulator', 'generate'])) {
    yield {
      keys: [['simulator', 'generate'], replay],
      problem: 'a market is either replayed or generated',
      remedy: 'leave out simulator.generate (--generate) or simulator.replay (--replay)',
    };
  }
  if (simulator.history !== null && simulator.replay === null) {
    yield {
      keys: [['simulator', 'history'], replay],
      problem: 'history precedes a replay, and there is none',
      remedy: 'set simulator.replay (--replay) too; a generated market makes its own history',
    };
  }
  if (simulator.replay === null && simulator.generate === null && exchange.url === null && !exchange.real) {
    yield {
      keys: [['simulator', 'generate'], replay],
      problem: 'there is no market: nothing to replay, nothing generated, no exchange',
      remedy: 'set simulator.generate, simulator.replay, exchange.url or exchange.real',
    };
  }
  if (exchange.real && exchange.url !== null) {
    yield {
      keys: [
        ['exchange', 'real'],
        ['exchange', 'url'],
      ],
      problem: 'the exchange is either the real one or the one at exchange.url',
      remedy: 'leave out exchange.real (--real) or exchange.url (--exchange-url)',
    };
  }
  if (exchange.real || exchange.url !== null) {
    const other = exchange.real ? 'real' : 'url';
    for (const name of ['replay', 'history', 'generate', 'speed', 'port', 'edge'] as const) {
      if (simulator[name] === null || !isChosen(['simulator', name])) continue;
      yield {
        keys: [
          ['simulator', name],
          ['exchange', other],
        ],
        problem: `with exchange.${other} no exchange is simulated`,
        remedy: `leave out simulator.${name} or exchange.${other}`,
      };
    }
  }
}

function* database(
  { database: { url, url_file } }: Config,
  isSet: (path: KeyPath) => boolean,
): Generator<Contradiction> {
  if (url !== null && url_file !== null && isSet(['database', 'url_file'])) {
    yield {
      keys: [
        ['database', 'url_file'],
        ['database', 'url'],
      ],
      problem: 'the database is named twice, by url and by url_file',
      remedy: 'leave out one of them (DATABASE_URL sets database.url)',
    };
  }
}

/** What cannot hold at an exchange; paper has neither margin nor position modes. */
function* account({ mode, exchange, risk, strategies }: Config): Generator<Contradiction> {
  if (mode !== 'live') return;
  const { leverage, margin_mode, position_mode } = exchange.account;
  const key = (name: keyof Config['exchange']['account']) => ['exchange', 'account', name];
  if (exchange.url?.startsWith('http:') && !isLoopback(exchange.url)) {
    yield {
      keys: [['exchange', 'url'], ['mode']],
      problem: 'orders and keys would cross the network unencrypted',
      remedy: 'name the exchange with https://, or one of this machine',
    };
  }
  if (leverage < risk.max_gross_exposure) {
    yield {
      keys: [key('leverage'), ['risk', 'max_gross_exposure']],
      problem: `leverage (${leverage}) does not carry max_gross_exposure (${risk.max_gross_exposure})`,
      remedy: `set leverage to ${Math.ceil(risk.max_gross_exposure)} at least, or max_gross_exposure to ${leverage} at most`,
    };
  }
  if (position_mode === 'one-way' && strategies.length > 1) {
    yield {
      keys: [key('position_mode'), ['strategies']],
      problem: `${strategies.length} strategies share one position per symbol: one would close what another holds`,
      remedy: 'set position_mode: hedge, or keep one strategy',
    };
  }
  if (margin_mode !== 'isolated') return;
  for (const [index, { protection }] of strategies.entries()) {
    for (const name of ['max_stop_fraction', 'catastrophe_stop_fraction'] as const) {
      if (protection[name] < 1 / leverage || (protection.kind === 'book' && name === 'max_stop_fraction')) continue;
      yield {
        keys: [['strategies', index, 'protection', name], key('leverage'), key('margin_mode')],
        problem: `with isolated margin at leverage ${leverage} a position is liquidated before a stop ${protection[name]} away is reached`,
        remedy: `set ${name} below ${Number((1 / leverage).toFixed(4))}, or a smaller leverage`,
      };
    }
  }
}
