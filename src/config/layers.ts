import { readFileSync, statSync } from 'node:fs';
import { isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml';
import { messageOf } from '../core/index.ts';
import {
  expectationOf,
  formatPath,
  KEY_TREE,
  type KeyNode,
  type KeyPath,
  nearestName,
  nodeAt,
  writeAt,
} from './keys.ts';

/** Where a value comes from: for a file its path and line, for the environment the variable, for a flag its name. */
export interface Origin {
  readonly kind: 'default' | 'file' | 'environment' | 'flag';
  readonly where: string;
}

/** One thing that is wrong, and what to do about it. */
export interface ConfigProblem {
  readonly where: string;
  readonly key: string;
  readonly problem: string;
  readonly remedy: string;
}

/** One value set by a layer. A list of sections comes whole, with an entry per key of its items behind it for their origins. */
export interface Setting {
  readonly path: KeyPath;
  readonly value: unknown;
  readonly origin: Origin;
}

export interface Layer {
  readonly settings: readonly Setting[];
  readonly problems: readonly ConfigProblem[];
}

/** A value given on the command line: `{ key: 'simulator.speed', value: 'max', flag: '--speed' }`. */
export interface FlagSetting {
  readonly key: string;
  readonly value: string | number | boolean | null;
  readonly flag: string;
}

const LARGEST_FILE_BYTES = 256 * 1024;
const MOST_ALIASES = 20;
const PREFIX = 'MINUTEHAND__';

/**
 * Reads one YAML file of the configuration: core schema only, no tags of one's own, bounded in size and aliases.
 * @param label how the file is named in messages
 * @param mustExist an absent file is a problem; else it is an empty layer
 */
export function readFileLayer(path: string, label: string, mustExist: boolean): Layer {
  const refuse = (problem: string, remedy: string): Layer => ({
    settings: [],
    problems: [{ where: label, key: '', problem, remedy }],
  });
  let text: string;
  try {
    const { size } = statSync(path);
    if (size > LARGEST_FILE_BYTES) {
      return refuse(`the file has ${size} bytes, more than ${LARGEST_FILE_BYTES}`, 'name a configuration file');
    }
    text = readFileSync(path, 'utf8');
  } catch (error) {
    const isAbsent = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    if (isAbsent && !mustExist) return { settings: [], problems: [] };
    return refuse(`the file cannot be read (${messageOf(error)})`, 'check the path and its permissions');
  }
  return readYaml(text, [], KEY_TREE, (line) => ({ kind: 'file', where: `${label}:${line}` }));
}

/** Values of the variables `MINUTEHAND__SECTION__KEY` (any case), and of `DATABASE_URL`. */
export function readEnvironmentLayer(env: Readonly<Record<string, string | undefined>>): Layer {
  const settings: Setting[] = [];
  const problems: ConfigProblem[] = [];
  for (const [name, text] of Object.entries(env)) {
    if (text === undefined || !name.toUpperCase().startsWith(PREFIX)) continue;
    const path = name
      .slice(PREFIX.length)
      .toLowerCase()
      .split('__')
      .map((part) => (/^\d{1,4}$/.test(part) ? Number(part) : part));
    append({ settings, problems }, readText(text, path, { kind: 'environment', where: name }));
  }
  if (env.DATABASE_URL) {
    const other = settings.find(({ path }) => formatPath(path) === 'database.url');
    if (other && other.value !== env.DATABASE_URL) {
      problems.push({
        where: `DATABASE_URL, ${other.origin.where}`,
        key: 'database.url',
        problem: 'the two variables name different databases',
        remedy: 'unset one of them',
      });
    } else {
      settings.push({
        path: ['database', 'url'],
        value: env.DATABASE_URL,
        origin: { kind: 'environment', where: 'DATABASE_URL' },
      });
    }
  }
  return { settings, problems };
}

/** Values given on the command line; texts are read like those of the environment. */
export function readFlagLayer(flags: readonly FlagSetting[]): Layer {
  const settings: Setting[] = [];
  const problems: ConfigProblem[] = [];
  for (const { key, value, flag } of flags) {
    const path = key.split('.').map((part) => (/^\d{1,4}$/.test(part) ? Number(part) : part));
    append(
      { settings, problems },
      readText(value === null ? 'null' : String(value), path, { kind: 'flag', where: flag }),
    );
  }
  return { settings, problems };
}

function append(to: { settings: Setting[]; problems: ConfigProblem[] }, from: Layer): void {
  to.settings.push(...from.settings);
  to.problems.push(...from.problems);
}

/** A value given as text: as it is where a text is wanted, else as a YAML (so also JSON) value. */
function readText(text: string, path: KeyPath, origin: Origin): Layer {
  const node = nodeAt(path);
  if (!node) return { settings: [], problems: [unknownKey(path, origin)] };
  if (node.kind === 'value' && text.trim() !== '' && text.trim() !== 'null') {
    if (acceptsType(node.json, 'string')) return { settings: [{ path, value: text, origin }], problems: [] };
    if (acceptsType(node.json, 'array') && !text.trim().startsWith('[')) {
      const item = node.json.items as Record<string, unknown> | undefined;
      if (item?.type === 'number') return readYaml(`[${text}]`, path, node, () => origin);
      const items = text.split(',').map((part) => part.trim());
      return { settings: [{ path, value: items, origin }], problems: [] };
    }
  }
  return readYaml(text, path, node, () => origin);
}

/** Whether a text stays a text: not where a number or word is equally possible (`speed: 20 | max`). */
function acceptsType(json: Readonly<Record<string, unknown>>, type: string): boolean {
  const variants = (json.anyOf as Record<string, unknown>[] | undefined) ?? [json];
  return variants.some((variant) => variant.const === undefined && [variant.type].flat().includes(type));
}

function readYaml(text: string, path: KeyPath, node: KeyNode, originAt: (line: number) => Origin): Layer {
  const lines = new LineCounter();
  const document = parseDocument(text, {
    schema: 'core',
    version: '1.2',
    merge: false,
    uniqueKeys: true,
    prettyErrors: false,
    lineCounter: lines,
  });
  const faults = [...document.errors, ...document.warnings];
  if (faults.length > 0) {
    const problems = faults.map((fault) => ({
      where: originAt(lines.linePos(fault.pos[0]).line).where,
      key: formatPath(path),
      problem: messageOf(fault),
      remedy: 'write plain YAML: keys, values and lists, each key once, no tags',
    }));
    return { settings: [], problems };
  }
  const walk: Walk = { settings: [], problems: [], originAt, lines, toValue: (below) => plainValue(below, document) };
  try {
    visit(walk, document.contents, path, node, 1);
  } catch (error) {
    walk.problems.push({
      where: originAt(1).where,
      key: formatPath(path),
      problem: messageOf(error),
      remedy: 'write the values out instead of using aliases',
    });
  }
  return walk;
}

interface Walk {
  readonly settings: Setting[];
  readonly problems: ConfigProblem[];
  readonly originAt: (line: number) => Origin;
  readonly lines: LineCounter;
  readonly toValue: (node: Node | null) => unknown;
}

type YamlDocument = ReturnType<typeof parseDocument>;

const plainValue = (node: Node | null, document: YamlDocument): unknown =>
  node === null ? null : (node.toJS(document, { maxAliasCount: MOST_ALIASES }) as unknown);

/** Follows the schema's tree, so it goes no deeper than that, whatever the text holds. */
function visit(walk: Walk, yaml: unknown, path: KeyPath, node: KeyNode, line: number): void {
  const current = yaml as Node | null;
  const origin = walk.originAt(current?.range ? walk.lines.linePos(current.range[0]).line : line);
  if (node.kind === 'value') {
    walk.settings.push({ path, value: walk.toValue(current), origin: walk.originAt(line) });
    return;
  }
  if (current === null || (isScalar(current) && current.value === null)) return;
  if (node.kind === 'section') {
    if (!isMap(current)) {
      walk.problems.push(wrongShape(node, path, isAlias(current) ? 'an alias' : walk.toValue(current), origin));
      return;
    }
    for (const pair of current.items) {
      const key = pair.key as Node;
      const name = String(isScalar(key) ? key.value : walk.toValue(key));
      const keyLine = key.range ? walk.lines.linePos(key.range[0]).line : line;
      const below = node.keys.get(name);
      if (below) visit(walk, pair.value, [...path, name], below, keyLine);
      else walk.problems.push(unknownKey([...path, name], walk.originAt(keyLine)));
    }
    return;
  }
  if (!isSeq(current)) {
    walk.problems.push(wrongShape(node, path, walk.toValue(current), origin));
    return;
  }
  const items: Record<string, unknown>[] = [];
  const details: Setting[] = [];
  current.items.forEach((item, index) => {
    const inner: Walk = { ...walk, settings: [] };
    visit(inner, item, [...path, index], node.item, line);
    const section: Record<string, unknown> = {};
    for (const setting of inner.settings) writeAt(section, setting.path.slice(path.length + 1), setting.value);
    items.push(section);
    details.push(...inner.settings);
  });
  walk.settings.push({ path, value: items, origin: walk.originAt(line) }, ...details);
}

function wrongShape(node: KeyNode, path: KeyPath, value: unknown, origin: Origin): ConfigProblem {
  return {
    where: origin.where,
    key: formatPath(path),
    problem: `${JSON.stringify(value)?.slice(0, 60)} is not ${expectationOf(node)}`,
    remedy: `write ${expectationOf(node)}`,
  };
}

function unknownKey(path: KeyPath, origin: Origin): ConfigProblem {
  let depth = 0;
  while (depth < path.length && nodeAt(path.slice(0, depth + 1))) depth++;
  const parentPath = path.slice(0, depth);
  const parent = nodeAt(parentPath);
  const name = String(path[depth]);
  const known = parent?.kind === 'section' ? [...parent.keys.keys()] : [];
  const near = nearestName(name, known);
  const elsewhere = near === undefined ? placeOf(name) : undefined;
  const place = depth === 0 ? 'the top' : formatPath(parentPath);
  return {
    where: origin.where,
    key: formatPath(path),
    problem: 'no such key',
    remedy:
      near !== undefined
        ? `did you mean ${formatPath([...parentPath, near])}?`
        : elsewhere !== undefined
          ? `it belongs at ${elsewhere}`
          : known.length > 0
            ? `the keys at ${place} are ${known.join(', ')}`
            : `${place} is a single value`,
  };
}

/** A key of this very name elsewhere in the tree. */
function placeOf(name: string, node: KeyNode = KEY_TREE, path: KeyPath = []): string | undefined {
  if (node.kind === 'list') return placeOf(name, node.item, [...path, 0]);
  if (node.kind === 'value') return undefined;
  for (const [key, below] of node.keys) {
    if (key === name) return formatPath([...path, key]);
    const found = placeOf(name, below, [...path, key]);
    if (found !== undefined) return found;
  }
  return undefined;
}
