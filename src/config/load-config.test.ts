import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { MinutehandError } from '../core/index.ts';
import { formatPath, valueNodes } from './keys.ts';
import { ConfigInvalidError, type ConfigSources, loadConfig, type ResolvedConfig } from './load-config.ts';
import { configSchema } from './schema.ts';
import { showConfig } from './show-config.ts';

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

function folderWith(files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'minutehand-config-'));
  folders.push(folder);
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  return folder;
}

const SYSTEM = 'config/system.yaml';
const ML = 'config/ml/ml_config.yaml';

function load(files: Readonly<Record<string, string>>, more: Partial<ConfigSources> = {}): ResolvedConfig {
  return loadConfig({ workingDirectory: folderWith(files), env: {}, ...more });
}

/** The problems of a configuration that must be refused, as `where key: problem; remedy`. */
function refusal(files: Readonly<Record<string, string>>, more: Partial<ConfigSources> = {}): string[] {
  try {
    load(files, more);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigInvalidError);
    const refused = error as ConfigInvalidError;
    expect(refused.exitCode).toBe(2);
    expect(refused.code).toBe('CONFIG_INVALID');
    return refused.problems.map(({ where, key, problem, remedy }) => `${where} ${key}: ${problem}; ${remedy}`);
  }
  throw new Error('the configuration was accepted');
}

const env = (variables: Record<string, string>) => ({ env: variables });
const flags = (...settings: [key: string, value: string | number | boolean | null][]) => ({
  flags: settings.map(([key, value]) => ({ key, value, flag: `--${key.split('.').at(-1)}` })),
});

describe('loadConfig', () => {
  it('needs no file: every key has a default', () => {
    const folder = folderWith({});
    const { values, sources } = loadConfig({ workingDirectory: folder, env: {} });
    expect(values).toEqual({ ...configSchema.parse({}), data_dir: join(folder, '.minutehand') });
    expect(sources.size).toBe(0);
  });

  it('reads both files as one tree and knows the line of each value', () => {
    const { values, sources } = load({
      [SYSTEM]: '# comment\nrisk:\n  # limit\n  max_positions: 3\nuniverse: {size: 10}\n',
      [ML]: 'ml_integration:\n  signals:\n    confidence_threshold: 0.7\n',
    });
    expect(values.risk.max_positions).toBe(3);
    expect(values.universe.size).toBe(10);
    expect(values.ml_integration.signals.confidence_threshold).toBe(0.7);
    expect(sources.get('risk.max_positions')).toEqual({ kind: 'file', where: 'config/system.yaml:4' });
    expect(sources.get('universe.size')?.where).toBe('config/system.yaml:5');
    expect(sources.get('ml_integration.signals.confidence_threshold')?.where).toBe('config/ml/ml_config.yaml:3');
  });

  it('lets the environment win over files, and flags over both', () => {
    const files = { [SYSTEM]: 'simulator: {speed: 2, port: 7000, generate: 5}' };
    const resolved = load(files, {
      ...env({ MINUTEHAND__SIMULATOR__SPEED: '3', minutehand__simulator__port: '8000' }),
      ...flags(['simulator.speed', 'max']),
    });
    expect(resolved.values.simulator).toMatchObject({ speed: 'max', port: 8000, generate: 5 });
    expect(resolved.sources.get('simulator.speed')).toEqual({ kind: 'flag', where: '--speed' });
    expect(resolved.sources.get('simulator.port')).toEqual({
      kind: 'environment',
      where: 'minutehand__simulator__port',
    });
  });

  it('cannot be changed afterwards', () => {
    const { values } = load({});
    expect(() => Object.assign(values.risk, { max_positions: 99 })).toThrow(TypeError);
    expect(Object.isFrozen(values.strategies[0])).toBe(true);
  });

  it('reads texts of the environment as what their key wants', () => {
    const { values } = load(
      {},
      env({
        MINUTEHAND__UNIVERSE__SYMBOLS: 'BTCUSDT, ETHUSDT,SOLUSDT',
        MINUTEHAND__UNIVERSE__REFERENCES: '["BTCUSDT"]',
        MINUTEHAND__RISK__INITIAL_EQUITY: '2500.50',
        MINUTEHAND__SIMULATOR__GENERATE: 'null',
        MINUTEHAND__SIMULATOR__REPLAY: '007',
        MINUTEHAND__ML_INTEGRATION__ENABLED: 'false',
        MINUTEHAND_DEBUG: '1',
      }),
    );
    expect(values.universe.symbols).toEqual(['BTCUSDT', 'ETHUSDT', 'SOLUSDT']);
    expect(values.universe.references).toEqual(['BTCUSDT']);
    expect(values.risk.initial_equity).toBe('2500.50');
    expect(values.simulator.generate).toBeNull();
    expect(values.simulator.replay).toMatch(/\/007$/);
    expect(values.ml_integration.enabled).toBe(false);
  });

  it('takes money written as a number', () => {
    expect(load({ [SYSTEM]: 'risk: {initial_equity: 5000}' }).values.risk.initial_equity).toBe('5000');
  });

  it('sets one key of one strategy from outside', () => {
    const files = { [SYSTEM]: 'strategies:\n  - name: slow\n    hold_for: 1d\n  - name: fast\n' };
    const { values, sources } = load(files, env({ MINUTEHAND__STRATEGIES__1__DECIDE_EVERY: '15m' }));
    expect(values.strategies.map(({ name, decide_every, hold_for }) => [name, decide_every, hold_for])).toEqual([
      ['slow', '1h', '1d'],
      ['fast', '15m', '12h'],
    ]);
    expect(sources.get('strategies[1].decide_every')?.where).toBe('MINUTEHAND__STRATEGIES__1__DECIDE_EVERY');
    expect(sources.get('strategies[0].hold_for')?.where).toBe('config/system.yaml:3');
    expect(load({}, env({ MINUTEHAND__STRATEGIES__0__COOLDOWN: '2h' })).values.strategies[0]?.cooldown).toBe('2h');
    expect(refusal({}, env({ MINUTEHAND__STRATEGIES__7__NAME: 'x' }))).toEqual([
      'MINUTEHAND__STRATEGIES__7__NAME strategies[7].name: the list is shorter than that; number its items from 0 on',
    ]);
  });

  it('reads sections within a list of sections, and lists of numbers from outside', () => {
    const { values, sources } = load(
      { [SYSTEM]: 'strategies:\n  - name: a\n    protection:\n      stop_volatilities: 3\n' },
      env({
        MINUTEHAND__STRATEGIES__0__PROTECTION__TARGET_AT_FRACTIONS: '0.5,1',
        MINUTEHAND__STRATEGIES__0__PROTECTION__TARGET_SHARE_FRACTIONS: '0.25,0.75',
      }),
    );
    expect(values.strategies[0]).toMatchObject({
      name: 'a',
      hold_for: '12h',
      protection: { stop_volatilities: 3, target_at_fractions: [0.5, 1], target_share_fractions: [0.25, 0.75] },
    });
    expect(sources.get('strategies[0].protection.stop_volatilities')).toEqual({
      kind: 'file',
      where: 'config/system.yaml:4',
    });
  });

  it('replaces a whole list, forgetting where its items came from', () => {
    const files = { [SYSTEM]: 'strategies:\n  - name: slow\n    hold_for: 1d\n' };
    const { values, sources } = load(files, env({ MINUTEHAND__STRATEGIES: '[{name: other}]' }));
    expect(values.strategies).toMatchObject([{ name: 'other', hold_for: '12h' }]);
    expect(sources.has('strategies[0].hold_for')).toBe(false);
    expect(sources.get('strategies[0].name')?.kind).toBe('environment');
  });

  it('starts relative paths of files and defaults at the working directory, others where the caller is', () => {
    const folder = folderWith({ [SYSTEM]: 'simulator: {replay: recorded}' });
    const { values } = loadConfig({
      workingDirectory: folder,
      invokedFrom: '/somewhere',
      env: { MINUTEHAND__SIMULATOR__HISTORY: '../older' },
      ...flags(['data_dir', 'data']),
    });
    expect(values.data_dir).toBe('/somewhere/data');
    expect(values.simulator.history).toBe('/older');
    expect(values.simulator.replay).toBe(join(folder, 'recorded'));
  });

  it('reads other files when they are named, and refuses absent ones', () => {
    const folder = folderWith({ 'a/mine.yaml': 'universe: {size: 7}', [SYSTEM]: 'universe: {size: 8}' });
    const from = { workingDirectory: folder, invokedFrom: join(folder, 'a'), env: {} };
    expect(loadConfig({ ...from, systemFile: 'mine.yaml' }).values.universe.size).toBe(7);
    expect(() => loadConfig({ ...from, mlFile: 'absent.yaml' })).toThrow(/a\/absent\.yaml: the file cannot be read/);
    expect(() => loadConfig({ ...from, systemFile: '.' })).toThrow(/cannot be read/);
  });
});

describe('refusals', () => {
  it('finds everything at once, each with its line, key and remedy', () => {
    const problems = refusal(
      {
        [SYSTEM]: 'rsik:\n  max_positions: 1\nrisk:\n  max_daily_loss: 3\n  max_positons: 4\nuniverse:\n  size: many\n',
        [ML]: 'ml_integration:\n  scheduler:\n    interval_seconds: 60s\n  signals:\n    confidence_threshold: 60\n',
      },
      env({ MINUTEHAND__LOG__LEVEL: 'loud', MINUTEHAND__API__PORT: '1' }),
    );
    expect(problems).toEqual([
      'config/system.yaml:1 rsik: no such key; did you mean risk?',
      'config/system.yaml:5 risk.max_positons: no such key; did you mean risk.max_positions?',
      expect.stringMatching(/^MINUTEHAND__API__PORT api\.port: no such key; the keys at the top are mode, data_dir/),
      'MINUTEHAND__LOG__LEVEL log.level: "loud" is not one of debug, info, warn, error; write one of debug, info, warn, error',
      'config/system.yaml:7 universe.size: "many" is not a whole number, from 1 to 1000; write a whole number, from 1 to 1000',
      'config/system.yaml:4 risk.max_daily_loss: 3 is not a share from 0.0001 to 1 (0.6 = 60 %); it is a share of 1: write 0.03 for 3 %',
      'config/ml/ml_config.yaml:3 ml_integration.scheduler.interval_seconds: "60s" is not a whole number of seconds, a multiple of 60, from 60 to 86400; it counts seconds: write 60',
      'config/ml/ml_config.yaml:5 ml_integration.signals.confidence_threshold: 60 is not a share from 0 to 1 (0.6 = 60 %); it is a share of 1: write 0.6 for 60 %',
    ]);
  });

  it.each([
    ['simulator: {port: "80"}', 'write 80 without quotes'],
    ['risk: {max_daily_loss: 5 %}', 'it is a share of 1: write 0.05'],
    ['costs: {taker_fee_bps: 0.05%}', 'it counts basis points: write 5'],
    ['exchange: {request_timeout_ms: 10s}', 'it counts milliseconds: write 10000'],
    ['costs: {half_spread_bps: 2bps}', 'it counts basis points: write the number alone, such as 2'],
    ['strategies: [{cooldown: 60}]', 'add the unit: 60s, 60m or 60h'],
    ['simulator: {edge: yes}', 'write true'],
    ['simulator: {edge: off}', 'write false'],
    ['simulator: {speed: 0}', 'write a number above 0 (1 = real time), or max'],
    ['simulator: {speed: fast}', 'write a number above 0 (1 = real time), or max'],
    ['risk: {initial_equity: 1e30}', 'write an amount above 0 with at most 8 decimal places'],
    ['risk: {initial_equity: "0"}', 'write an amount above 0'],
    ['universe: {symbols: [btc-usdt]}', 'write names such as BTCUSDT'],
    ['risk: 5', /^write a section with the keys initial_equity/],
    ['strategies: {name: ml}', 'write a list'],
    ['strategies: []', 'write a list'],
    ['strategies: [{nam: ml}]', 'did you mean strategies[0].name?'],
    ['confidence_threshold: 0.5', 'it belongs at ml_integration.signals.confidence_threshold'],
    ['mode: {paper: true}', 'write one of paper, live'],
  ])('answers %s with what to write', (text, remedy) => {
    const [problem, ...others] = refusal({ [SYSTEM]: text });
    expect(others).toEqual([]);
    const given = problem?.slice(problem.lastIndexOf('; ') + 2);
    if (remedy instanceof RegExp) expect(given).toMatch(remedy);
    else expect(given).toBe(remedy);
  });

  it.each([
    ['ml_integration: {scheduler: {interval_seconds: 90}}', 'multiple of 60'],
    [
      'ml_integration: {scheduler: {interval_seconds: 120}}\nstrategies: [{decide_every: 3m}]',
      'no multiple of interval',
    ],
    ['ml_integration: {scheduler: {deadline_seconds: 61}}', 'longer than interval_seconds'],
    ['ml_integration: {scheduler: {grace_seconds: 30}}', 'leaves nothing of deadline_seconds'],
    ['ml_integration: {signals: {horizons: [4h, 4h]}}', 'twice'],
    ['risk: {max_position_fraction: 0.5, max_gross_exposure: 0.4}', 'is more than max_gross_exposure'],
    ['risk: {max_position_fraction: 0.5, max_sector_exposure: 0.4}', 'is more than max_sector_exposure'],
    ['risk: {max_position_fraction: 0.5, max_correlated_exposure: 0.4}', 'is more than max_correlated_exposure'],
    ['risk: {max_side_exposure: 0.1}', 'max_position_fraction (0.15) is more than max_side_exposure (0.1)'],
    ['risk: {max_net_exposure: 2}', 'max_net_exposure (2) is more than max_gross_exposure (1)'],
    ['risk: {max_daily_loss: 0.3}', 'max_daily_loss (0.3) is more than max_drawdown (0.2)'],
    ['risk: {max_orders_per_day: 10}', 'max_orders_per_minute (20) is more than max_orders_per_day (10)'],
    ['risk: {losing_pause: 90s}', 'a pause counts whole minutes'],
    ['universe: {size: 1}', 'does not hold the 2 references'],
    ['universe: {symbols: [BTCUSDT]}', 'the references ETHUSDT are not among the symbols'],
    ['universe: {symbols: [BTCUSDT, ETHUSDT, BTCUSDT]}', 'twice'],
    ['universe: {quote: EUR}', 'not quoted in EUR'],
    ['strategies: [{name: a}, {name: a}]', 'two strategies are named a'],
    ['strategies: [{decide_every: 4h, hold_for: 1h}]', 'is shorter than decide_every'],
    ['strategies: [{cooldown: 90s}]', 'whole minutes'],
    ['strategies: [{positions_per_side: 2}]', 'a strategy of kind directional has no positions_per_side'],
    [
      'strategies: [{kind: market-neutral, allow_short: false}]',
      'a strategy of kind market-neutral has no allow_short; leave it out; it belongs to directional',
    ],
    ['strategies: [{kind: time-series-momentum, look_back: 20m}]', 'no multiple of 15 minutes'],
    ['strategies: [{kind: random, turnover_of: nobody}]', 'no strategy is named nobody'],
    ['strategies: [{kind: random, turnover_of: ml}]', 'ml is random itself'],
    ['strategies: [{protection: {kind: book}}]', 'no drawdown at which it acts'],
    [
      'strategies: [{protection: {kind: book, max_drawdown_fraction: 0.1, break_even_fraction: 0.01}}]',
      'break_even_fraction is of a stop per position',
    ],
    ['strategies: [{protection: {max_drawdown_fraction: 0.1}}]', 'is of a book stop'],
    ['strategies: [{protection: {min_stop_fraction: 0.2}}]', 'is more than max_stop_fraction'],
    ['strategies: [{protection: {reward_to_risk: 1, min_reward_to_risk: 2}}]', 'no entry would pass'],
    ['strategies: [{protection: {target_at_fractions: [0.5, 1]}}]', '2 levels and 1 shares'],
    [
      'strategies: [{protection: {target_at_fractions: [1, 0.5], target_share_fractions: [0.5, 0.5]}}]',
      'not ascending',
    ],
    [
      'strategies: [{protection: {target_at_fractions: [0.5, 1], target_share_fractions: [0.6, 0.5]}}]',
      'add up to 1.1',
    ],
    ['strategies: [{protection: {trailing_distance_fraction: 0.01}}]', 'no profit from which it trails'],
    ['strategies: [{protection: {trailing_activation_fraction: 0.01}}]', 'no distance'],
    ['strategies: [{protection: {break_even_fraction: 0.001}}]', 'not above the costs'],
    ['simulator: {history: older}', 'history precedes a replay'],
    ['simulator: {generate: null}', 'there is no market'],
  ])('refuses what does not go together: %s', (text, words) => {
    const problems = refusal({ [SYSTEM]: text });
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(words);
    expect(problems[0]).toMatch(/^config\/system\.yaml:\d /);
  });

  it('refuses a replay and a generated market at once, and a simulated market beside a real exchange', () => {
    expect(load({}, flags(['simulator.replay', 'x'])).values.simulator.replay).not.toBeNull();
    expect(refusal({}, flags(['simulator.replay', 'x'], ['simulator.generate', 7]))).toEqual([
      '--generate simulator.generate: a market is either replayed or generated; leave out simulator.generate (--generate) or simulator.replay (--replay)',
    ]);
    expect(refusal({}, flags(['exchange.url', 'http://localhost:1'], ['simulator.speed', 5]))).toHaveLength(1);
    expect(refusal({}, flags(['exchange.real', true], ['simulator.replay', 'x']))).toEqual([
      '--replay simulator.replay: with exchange.real no exchange is simulated; leave out simulator.replay or exchange.real',
    ]);
    expect(refusal({}, flags(['exchange.real', true], ['exchange.url', 'http://localhost:1']))).toHaveLength(1);
    expect(load({ [SYSTEM]: 'simulator: {generate: null}\nexchange: {real: true}' }).values.exchange.real).toBe(true);
  });

  it('refuses a key that stands in both files', () => {
    const problems = refusal({ [SYSTEM]: 'mode: paper\n', [ML]: '\nmode: paper\n' });
    expect(problems).toEqual([
      'config/ml/ml_config.yaml:2 mode: the key stands at config/system.yaml:1 too; keep it in one of the two files',
    ]);
  });

  it('does not report a contradiction with a value that is wrong anyway', () => {
    expect(refusal({ [SYSTEM]: 'risk: {max_position_fraction: 30, max_gross_exposure: 0.01}' })).toHaveLength(1);
  });

  it.each([
    ['a: [1', 'unclosed'],
    ['mode: paper\nmode: paper', 'repeated key'],
    ['mode: !!js/function "x"', 'a tag of its own'],
    ['mode: !secret x', 'another tag'],
    ['mode: paper\n---\nmode: paper', 'two documents'],
    ['- mode', 'a list at the top'],
    ['__proto__: {polluted: true}', 'a name of the prototype'],
    ['constructor: {prototype: {polluted: true}}', 'another one'],
    ['<<: {mode: paper}', 'a merge key'],
  ])('refuses %j (%s)', (text) => {
    expect(refusal({ [SYSTEM]: text }).length).toBeGreaterThan(0);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  it('bounds aliases and size', () => {
    const bomb = `a: &a [x,x,x,x,x,x,x,x]\n${'bcdef'
      .split('')
      .map((name, index) => `${name}: &${name} [${Array(8).fill(`*${'abcde'[index]}`).join(',')}]`)
      .join('\n')}\nuniverse: {symbols: *f}\n`;
    expect(refusal({ [SYSTEM]: bomb }).some((problem) => /alias/i.test(problem))).toBe(true);
    expect(refusal({ [SYSTEM]: `#${'x'.repeat(300_000)}` })[0]).toContain('more than');
    expect(load({ [SYSTEM]: 'data_dir: &d /tmp/x\nsimulator: {replay: *d}' }).values.simulator.replay).toBe('/tmp/x');
  });

  it('never accepts or shows what was not asked for, whatever the text', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 80 }), (text) => {
        try {
          const { values } = load({ [SYSTEM]: text });
          expect(Object.keys(values)).toEqual(Object.keys(configSchema.shape));
        } catch (error) {
          expect(error).toBeInstanceOf(MinutehandError);
        }
      }),
      { numRuns: 60 },
    );
  });
});

describe('live trading', () => {
  const live = (text: string) => refusal({ [SYSTEM]: `mode: live\n${text}` });

  it('is refused where the account cannot carry what risk and protection ask for', () => {
    expect(live('risk: {max_gross_exposure: 3}')).toEqual([
      expect.stringContaining('leverage (2) does not carry max_gross_exposure (3); set leverage to 3 at least'),
    ]);
    const isolated = 'exchange: {account: {margin_mode: isolated, leverage: 4}}';
    expect(live(isolated)[0]).toContain('liquidated before a stop 0.25 away is reached');
    expect(live('exchange: {account: {position_mode: one-way}}\nstrategies: [{name: a}, {name: b}]')[0]).toContain(
      'share one position per symbol',
    );
    expect(live('exchange: {url: "http://exchange.example"}')[0]).toContain('unencrypted');
    expect(live('exchange: {account: {receive_window_ms: 5000}}')[0]).toContain('from 100 to 2000');
  });

  it('is no matter of a paper account', () => {
    const text = 'risk: {max_gross_exposure: 3}\nexchange: {url: "http://exchange.example"}';
    expect(load({ [SYSTEM]: text }).values.mode).toBe('paper');
    expect(load({ [SYSTEM]: 'mode: live' }).values.exchange.account).toEqual({
      position_mode: 'hedge',
      margin_mode: 'cross',
      leverage: 2,
      receive_window_ms: 1_000,
    });
  });
});

describe('secrets', () => {
  const URL_WITH_PASSWORD = 'postgres://me:hunter2@db.example:5432/market';

  it('come from the environment and are never shown', () => {
    const resolved = load({}, env({ DATABASE_URL: URL_WITH_PASSWORD }));
    expect(resolved.values.database.url).toBe(URL_WITH_PASSWORD);
    const rows = showConfig(resolved);
    expect(JSON.stringify(rows)).not.toContain('hunter2');
    expect(rows.find(({ key }) => key === 'database.url')).toEqual({
      key: 'database.url',
      value: '********',
      source: 'environment',
      where: 'DATABASE_URL',
    });
  });

  it('come from a file of their own', () => {
    const files = { 'run/url': `${URL_WITH_PASSWORD}\n`, [SYSTEM]: 'database: {url_file: run/url}' };
    const resolved = load(files);
    expect(resolved.values.database.url).toBe(URL_WITH_PASSWORD);
    expect(resolved.sources.get('database.url')?.where).toBe('run/url');
  });

  it('are refused in a file of the configuration and on the command line, without being repeated', () => {
    for (const problems of [
      refusal({ [SYSTEM]: `database: {url: "${URL_WITH_PASSWORD}"}` }),
      refusal({ [SYSTEM]: 'database: {url: "postgres://db/x?password=hunter2"}' }),
      refusal({}, flags(['database.url', URL_WITH_PASSWORD])),
    ]) {
      expect(problems).toHaveLength(1);
      expect(problems[0]).toContain('set DATABASE_URL');
      expect(problems[0]).not.toContain('hunter2');
    }
    expect(load({ [SYSTEM]: 'database: {url: postgres://db/x}' }).values.database.url).toBe('postgres://db/x');
  });

  it('are not repeated when they are wrong', () => {
    const problems = refusal({}, env({ DATABASE_URL: 'mysql://me:hunter2@db/x' }));
    expect(problems).toEqual([
      'DATABASE_URL database.url: the value is not postgres://USER:PASSWORD@HOST:PORT/DATABASE, or null; write postgres://USER:PASSWORD@HOST:PORT/DATABASE, or null',
    ]);
  });

  it('are refused when two places differ, or the file is not readable or holds something else', () => {
    expect(
      refusal({}, env({ DATABASE_URL: 'postgres://a/b', MINUTEHAND__DATABASE__URL: 'postgres://c/d' }))[0],
    ).toContain('name different databases');
    expect(refusal({ [SYSTEM]: 'database: {url_file: absent}' })[0]).toContain('cannot be read');
    expect(refusal({ x: 'nothing', [SYSTEM]: 'database: {url_file: x}' })[0]).toContain('holds no database URL');
    expect(refusal({ x: 'x'.repeat(5_000), [SYSTEM]: 'database: {url_file: x}' })[0]).toContain('more than a URL');
    expect(
      refusal({ x: 'postgres://a/b', [SYSTEM]: 'database: {url_file: x}' }, env({ DATABASE_URL: 'postgres://a/b' }))[0],
    ).toContain('named twice');
  });
});

describe('showConfig', () => {
  it('lists every key once, with where its value comes from', () => {
    const rows = showConfig(load({ [SYSTEM]: 'risk: {max_positions: 2}' }));
    const ofStrategies = rows.filter(({ key }) => /^strategies\[[1-9]/.test(key));
    expect(rows.filter((row) => !ofStrategies.includes(row)).map(({ key }) => key)).toEqual(
      [...valueNodes()].map(({ path }) => formatPath(path)),
    );
    expect(new Set(ofStrategies.map(({ key }) => key)).size).toBe(ofStrategies.length);
    expect(rows.find(({ key }) => key === 'risk.max_positions')).toEqual({
      key: 'risk.max_positions',
      value: 2,
      source: 'file',
      where: 'config/system.yaml:1',
    });
    expect(rows.filter(({ source }) => source !== 'default')).toHaveLength(1);
  });
});
