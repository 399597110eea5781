import { readFileSync, statSync } from 'node:fs';
import { isAbsolute, relative, resolve } from 'node:path';
import type { z } from 'zod';
import { MinutehandError, messageOf } from '../core/index.ts';
import { findContradictions } from './contradictions.ts';
import { expectationOf, formatPath, type KeyPath, nodeAt, valueNodes, writeAt } from './keys.ts';
import {
  type ConfigProblem,
  type FlagSetting,
  type Layer,
  type Origin,
  readEnvironmentLayer,
  readFileLayer,
  readFlagLayer,
  type Setting,
} from './layers.ts';
import { type Config, configSchema } from './schema.ts';
import { remedyFor, show } from './wrong-value.ts';

export interface ConfigSources {
  /** The folder that holds `config/`; relative paths in files and defaults start here. */
  readonly workingDirectory: string;
  /** The folder the command was called from; relative paths of flags and the environment start here. */
  readonly invokedFrom?: string;
  /** Instead of `config/system.yaml`; relative to `invokedFrom`; must exist. */
  readonly systemFile?: string | undefined;
  /** Instead of `config/ml/ml_config.yaml`; relative to `invokedFrom`; must exist. */
  readonly mlFile?: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly flags?: readonly FlagSetting[];
}

/** The configuration in force, and where each value comes from. */
export interface ResolvedConfig {
  readonly values: Config;
  /** By key (`risk.max_positions`, `strategies[0].name`); a key that is absent has its default. */
  readonly sources: ReadonlyMap<string, Origin>;
  /** Keys whose values are never shown. */
  readonly secrets: ReadonlySet<string>;
}

/** Everything that is wrong with a configuration, one line each. */
export class ConfigInvalidError extends MinutehandError {
  readonly problems: readonly ConfigProblem[];

  constructor(problems: readonly ConfigProblem[]) {
    const lines = problems.map(({ where, key, problem, remedy }) => {
      const place = key === '' ? where : `${where}: ${key}`;
      return `${place}: ${problem}; ${remedy}`;
    });
    const many = lines.length > 1;
    super(
      'CONFIG_INVALID',
      many ? `the configuration has ${lines.length} faults\n${lines.join('\n')}` : (lines[0] ?? ''),
      `Correct ${many ? 'these lines' : 'this'}; "minutehand config check" tells whether all is well, docs/configuration.md lists all keys.`,
      { exitCode: 2 },
    );
    this.problems = problems;
  }
}

const DEFAULT_ORIGIN: Origin = { kind: 'default', where: 'default' };
export const LARGEST_SECRET_BYTES = 4_096;

/**
 * Reads and checks the whole configuration: defaults, then the two files, the environment, the flags; later ones win.
 * @throws ConfigInvalidError with every fault found (exit 2).
 */
export function loadConfig(from: ConfigSources): ResolvedConfig {
  const invokedFrom = from.invokedFrom ?? from.workingDirectory;
  const file = (given: string | undefined, fallback: string): Layer => {
    const path = given === undefined ? resolve(from.workingDirectory, fallback) : resolve(invokedFrom, given);
    return readFileLayer(path, labelOf(path, from.workingDirectory), given !== undefined);
  };
  const system = file(from.systemFile, 'config/system.yaml');
  const ml = file(from.mlFile, 'config/ml/ml_config.yaml');
  const environment = readEnvironmentLayer(from.env);
  const flags = readFlagLayer(from.flags ?? []);
  const layers = [system, ml, environment, flags];
  const problems = [...layers.flatMap((layer) => layer.problems), ...repeatedKeys(system, ml)];
  for (const layer of layers) problems.push(...exposedSecrets(layer));

  const draft = new Draft();
  for (const layer of layers) for (const setting of layer.settings) problems.push(...draft.set(setting));
  const values = draft.validate(problems);
  if (values) {
    const isFrom = (kinds: readonly Origin['kind'][]) => (path: KeyPath) => kinds.includes(draft.originOf(path).kind);
    const contradictions = findContradictions(
      values as Config,
      isFrom(['file', 'environment', 'flag']),
      isFrom(['environment', 'flag']),
    );
    for (const { keys, problem, remedy } of contradictions) {
      if (keys.some((key) => draft.isFaulty(key))) continue;
      const first = keys.find((key) => draft.originOf(key).kind !== 'default') ?? keys[0] ?? [];
      problems.push({ where: draft.originOf(first).where, key: formatPath(keys[0] ?? first), problem, remedy });
    }
    readUrlFile(values, draft, from.workingDirectory, invokedFrom, problems);
  }
  if (problems.length > 0 || !values) throw new ConfigInvalidError(problems);
  resolvePaths(values, draft, from.workingDirectory, invokedFrom);
  return { values: freeze(values) as Config, sources: draft.origins, secrets: SECRET_KEYS };
}

type Values = z.output<typeof configSchema>;

const SECRET_KEYS: ReadonlySet<string> = new Set(
  [...valueNodes()].filter(({ node }) => node.traits.secret).map(({ path }) => formatPath(path)),
);

/** The values set so far, and by whom. */
class Draft {
  readonly origins = new Map<string, Origin>();
  readonly #tree: Record<string, unknown> = {};
  readonly #faulty = new Set<string>();

  /** Only paths the schema knows come here, so no name of an object's prototype can. */
  set({ path, value, origin }: Setting): ConfigProblem[] {
    const key = formatPath(path);
    const list = path.findIndex((part) => typeof part === 'number');
    if (list >= 0 && !this.#holdsItem(path, list)) {
      return [
        { where: origin.where, key, problem: 'the list is shorter than that', remedy: 'number its items from 0 on' },
      ];
    }
    if (list < 0)
      for (const known of [...this.origins.keys()]) if (known.startsWith(`${key}[`)) this.origins.delete(known);
    writeAt(this.#tree, path, value);
    this.origins.set(key, origin);
    return [];
  }

  /** Origin of a key, or of the nearest key around it that was set. */
  originOf(path: KeyPath): Origin {
    for (let length = path.length; length > 0; length--) {
      const origin = this.origins.get(formatPath(path.slice(0, length)));
      if (origin) return origin;
    }
    return DEFAULT_ORIGIN;
  }

  isFaulty(path: KeyPath): boolean {
    return path.some((_, index) => this.#faulty.has(formatPath(path.slice(0, index + 1))));
  }

  /** Adds a problem per wrong value; then the values with the defaults in place of the wrong ones. */
  validate(problems: ConfigProblem[]): Values | undefined {
    const first = configSchema.safeParse(this.#tree);
    if (first.success) return first.data;
    for (const issue of first.error.issues) {
      const path = knownPath(issue.path as KeyPath);
      const key = formatPath(path);
      if (this.#faulty.has(key)) continue;
      this.#faulty.add(key);
      const node = nodeAt(path);
      const value = read(this.#tree, path);
      const expectation = node ? expectationOf(node) : issue.message;
      const shown = SECRET_KEYS.has(key) ? 'the value' : show(value);
      problems.push({
        where: this.originOf(path).where,
        key,
        problem: `${shown} is not ${expectation}`,
        remedy: remedyFor(node, value, expectation),
      });
    }
    const corrected = structuredClone(this.#tree);
    for (const issue of first.error.issues) erase(corrected, knownPath(issue.path as KeyPath));
    return configSchema.safeParse(corrected).data;
  }

  #holdsItem(path: KeyPath, at: number): boolean {
    const listPath = path.slice(0, at);
    const node = nodeAt(listPath);
    if (node?.kind !== 'list') return false;
    if (read(this.#tree, listPath) === undefined) writeAt(this.#tree, listPath, node.schema.parse(undefined));
    const items = read(this.#tree, listPath) as unknown[];
    const index = Number(path[at]);
    if (index > items.length) return false;
    if (index === items.length) items.push({});
    return true;
  }
}

/** An issue inside a value (an item of a list of texts) concerns the value. */
function knownPath(path: KeyPath): KeyPath {
  let known = path;
  while (known.length > 0 && !nodeAt(known)) known = known.slice(0, -1);
  return known;
}

function read(tree: unknown, path: KeyPath): unknown {
  let current = tree;
  for (const part of path) {
    if (typeof current !== 'object' || current === null) return undefined;
    current = (current as Record<string | number, unknown>)[part];
  }
  return current;
}

function erase(tree: Record<string, unknown>, path: KeyPath): void {
  const parent = read(tree, path.slice(0, -1));
  const last = path.at(-1);
  if (typeof parent === 'object' && parent !== null && last !== undefined) {
    delete (parent as Record<string | number, unknown>)[last];
  }
}

/** One key, one file. */
function repeatedKeys(system: Layer, ml: Layer): ConfigProblem[] {
  const first = new Map(system.settings.map(({ path, origin }) => [formatPath(path), origin]));
  return ml.settings.flatMap(({ path, origin }) => {
    const key = formatPath(path);
    const other = first.get(key);
    if (!other || path.some((part) => typeof part === 'number')) return [];
    return [
      {
        where: origin.where,
        key,
        problem: `the key stands at ${other.where} too`,
        remedy: 'keep it in one of the two files',
      },
    ];
  });
}

/** Passwords belong in the environment or in a file of their own, neither under version control nor in a list of processes. */
function exposedSecrets(layer: Layer): ConfigProblem[] {
  return layer.settings.flatMap(({ path, value, origin }) => {
    const isShared = origin.kind === 'file' || origin.kind === 'flag';
    const node = nodeAt(path);
    if (!isShared || node?.kind !== 'value' || !node.traits.secret || !holdsPassword(value)) return [];
    return [
      {
        where: origin.where,
        key: formatPath(path),
        problem: `a password does not belong ${origin.kind === 'file' ? 'in this file' : 'on the command line'}`,
        remedy: 'set DATABASE_URL in the environment, or name a file that holds the URL in database.url_file',
      },
    ];
  });
}

function holdsPassword(value: unknown): boolean {
  if (typeof value !== 'string') return false;
  return /^[a-z+]+:\/\/[^/@]*:[^/@]+@/i.test(value) || /[?&](password|pass|sslpassword)=./i.test(value);
}

function readUrlFile(
  values: Values,
  draft: Draft,
  workingDirectory: string,
  invokedFrom: string,
  problems: ConfigProblem[],
): void {
  const given = values.database.url_file;
  if (given === null || values.database.url !== null) return;
  const key: KeyPath = ['database', 'url_file'];
  const origin = draft.originOf(key);
  const path = resolve(baseOf(origin, workingDirectory, invokedFrom), given);
  const refuse = (problem: string, remedy: string) =>
    problems.push({ where: origin.where, key: formatPath(key), problem, remedy });
  try {
    if (statSync(path).size > LARGEST_SECRET_BYTES) {
      refuse(`${given} holds more than a URL`, 'name a file that holds the URL and nothing else');
      return;
    }
    const parsed = configSchema.shape.database.safeParse({ url: readFileSync(path, 'utf8').trim() });
    if (parsed.success) {
      values.database.url = parsed.data.url;
      draft.origins.set('database.url', { kind: 'file', where: labelOf(path, workingDirectory) });
    } else refuse(`${given} holds no database URL`, 'write postgres://USER:PASSWORD@HOST:PORT/DATABASE into it');
  } catch (error) {
    refuse(`${given} cannot be read (${messageOf(error)})`, 'check the path and its permissions');
  }
}

function resolvePaths(values: Values, draft: Draft, workingDirectory: string, invokedFrom: string): void {
  for (const { path, node } of valueNodes()) {
    const value = read(values, path);
    if (!node.traits.path || typeof value !== 'string') continue;
    writeAt(values, path, resolve(baseOf(draft.originOf(path), workingDirectory, invokedFrom), value));
  }
}

const baseOf = (origin: Origin, workingDirectory: string, invokedFrom: string): string =>
  origin.kind === 'environment' || origin.kind === 'flag' ? invokedFrom : workingDirectory;

function labelOf(path: string, workingDirectory: string): string {
  const inside = relative(workingDirectory, path);
  return inside.startsWith('..') || isAbsolute(inside) ? path : inside;
}

function freeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    for (const below of Object.values(value)) freeze(below);
    Object.freeze(value);
  }
  return value;
}
