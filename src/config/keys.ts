import { z } from 'zod';
import { configSchema } from './schema.ts';
import type { KeyTraits } from './schema-parts.ts';

/** A place in the configuration's tree: list positions are numbers. */
export type KeyPath = readonly (string | number)[];

/** `strategies[0].decide_every`: how a key is named to the user. */
export function formatPath(path: KeyPath): string {
  return path.reduce<string>(
    (text, part) => (typeof part === 'number' ? `${text}[${part}]` : text === '' ? part : `${text}.${part}`),
    '',
  );
}

/** A section (keys below it), a list of sections, or a value. */
export type KeyNode =
  | { readonly kind: 'section'; readonly description: string; readonly keys: ReadonlyMap<string, KeyNode> }
  | { readonly kind: 'list'; readonly description: string; readonly item: KeyNode; readonly schema: z.ZodType }
  | {
      readonly kind: 'value';
      readonly description: string;
      readonly traits: KeyTraits;
      readonly schema: z.ZodType;
      /** JSON schema of the value as it is written. */
      readonly json: Readonly<Record<string, unknown>>;
    };

/** The tree of all keys, read from the schema. */
export const KEY_TREE: KeyNode & { kind: 'section' } = sectionOf(configSchema, '');

/** What stands at a path, if the schema knows it. */
export function nodeAt(path: KeyPath): KeyNode | undefined {
  let node: KeyNode | undefined = KEY_TREE;
  for (const part of path) {
    if (node?.kind === 'section') node = typeof part === 'string' ? node.keys.get(part) : undefined;
    else if (node?.kind === 'list') node = typeof part === 'number' ? node.item : undefined;
    else return undefined;
  }
  return node;
}

/** Sets the value at a path, and the sections on the way to it. Only for paths the schema knows: no name of a prototype is one. */
export function writeAt(tree: Record<string, unknown>, path: KeyPath, value: unknown): void {
  let current: Record<string | number, unknown> = tree;
  for (const part of path.slice(0, -1)) {
    const below = current[part] ?? {};
    current[part] = below;
    current = below as Record<string | number, unknown>;
  }
  const last = path.at(-1);
  if (last !== undefined) current[last] = value;
}

/** Every value's path and node, in the schema's order; a list of sections as one entry per key of its first item. */
export function* valueNodes(
  node: KeyNode = KEY_TREE,
  path: KeyPath = [],
): Generator<{ path: KeyPath; node: KeyNode & { kind: 'value' } }> {
  if (node.kind === 'value') yield { path, node };
  else if (node.kind === 'list') yield* valueNodes(node.item, [...path, 0]);
  else for (const [name, below] of node.keys) yield* valueNodes(below, [...path, name]);
}

/** In words, what may be written: "a whole number of seconds, a multiple of 60, from 60 to 86400". */
export function expectationOf(node: KeyNode): string {
  if (node.kind === 'section') return `a section with the keys ${[...node.keys.keys()].join(', ')}`;
  if (node.kind === 'list') return 'a list';
  const { traits, json } = node;
  if (traits.expects !== undefined) return traits.expects + (allowsNull(json) ? ', or null' : '');
  return describeJson(json, traits) + (allowsNull(json) ? ', or null' : '');
}

function describeJson(json: Readonly<Record<string, unknown>>, traits: KeyTraits): string {
  const variants = json.anyOf as Record<string, unknown>[] | undefined;
  const plain = variants?.find((variant) => variant.type !== 'null');
  if (plain) return describeJson(plain, traits);
  if (Array.isArray(json.enum)) return `one of ${json.enum.join(', ')}`;
  if (json.type === 'boolean') return 'true or false';
  if (json.type === 'string') return traits.path ? 'a path' : 'a text';
  const range =
    json.exclusiveMinimum === undefined
      ? `from ${json.minimum} to ${json.maximum}`
      : `above ${json.exclusiveMinimum}, at most ${json.maximum}`;
  if (traits.unit === 'fraction') return `a share ${range} (0.6 = 60 %)`;
  if (traits.unit === 'multiple of the equity') return `a multiple of the equity ${range}`;
  const whole = json.type === 'integer' ? 'a whole number' : 'a number';
  const unit = traits.unit === undefined ? '' : ` of ${traits.unit}`;
  const multiple = json.multipleOf === undefined ? '' : `, a multiple of ${json.multipleOf}`;
  return `${whole}${unit}${multiple}, ${range}`;
}

const allowsNull = (json: Readonly<Record<string, unknown>>): boolean =>
  ((json.anyOf as Record<string, unknown>[] | undefined) ?? []).some((variant) => variant.type === 'null');

/** The known name nearest to a mistyped one, by edits; undefined when none is near. */
export function nearestName(name: string, known: Iterable<string>): string | undefined {
  let best: { name: string; distance: number } | undefined;
  for (const candidate of known) {
    const distance = editDistance(name.toLowerCase().replaceAll('-', '_'), candidate);
    if (!best || distance < best.distance) best = { name: candidate, distance };
  }
  return best && best.distance <= Math.max(2, Math.floor(best.name.length * 0.4)) ? best.name : undefined;
}

/** Levenshtein distance. */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitute = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      row.push(Math.min(substitute, (previous[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1));
    }
    previous = row;
  }
  return previous[b.length] ?? 0;
}

function sectionOf(schema: z.ZodObject, description: string): KeyNode & { kind: 'section' } {
  const keys = new Map<string, KeyNode>();
  for (const [name, below] of Object.entries(schema.shape)) keys.set(name, nodeOf(below as z.ZodType));
  return { kind: 'section', description, keys };
}

function nodeOf(schema: z.ZodType): KeyNode {
  const { description = '', ...traits } = (schema.meta() ?? {}) as KeyTraits & { description?: string };
  const inner = withoutDefault(schema);
  if (inner instanceof z.ZodObject) return sectionOf(inner, description);
  if (inner instanceof z.ZodArray && inner.element instanceof z.ZodObject) {
    return { kind: 'list', description, item: sectionOf(inner.element, description), schema };
  }
  const json = z.toJSONSchema(inner, { io: 'input' }) as Record<string, unknown>;
  return { kind: 'value', description, traits, schema, json };
}

function withoutDefault(schema: z.ZodType): z.ZodType {
  return schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault
    ? withoutDefault(schema.def.innerType as z.ZodType)
    : schema;
}
