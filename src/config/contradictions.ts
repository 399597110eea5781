import type { Timeframe } from '../core/index.ts';
import { durationOf, SECOND_MS } from '../core/index.ts';
import { durationMs } from './duration.ts';
import type { KeyPath } from './keys.ts';
import type { Config } from './schema.ts';

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

function* limits({ risk }: Config): Generator<Contradiction> {
  if (Number(risk.initial_equity) <= 0) {
    yield {
      keys: [['risk', 'initial_equity']],
      problem: 'an account without money cannot trade',
      remedy: 'write an amount above 0',
    };
  }
  if (risk.max_position_fraction > risk.max_gross_exposure) {
    yield {
      keys: [
        ['risk', 'max_position_fraction'],
        ['risk', 'max_gross_exposure'],
      ],
      problem: `max_position_fraction (${risk.max_position_fraction}) is more than max_gross_exposure (${risk.max_gross_exposure})`,
      remedy: `one position can be ${risk.max_gross_exposure} at most`,
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
