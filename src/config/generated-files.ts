import { stringify } from 'yaml';
import { z } from 'zod';
import { expectationOf, formatPath, KEY_TREE, type KeyNode, valueNodes } from './keys.ts';
import { configSchema } from './schema.ts';

/** The JSON schema that editors check the two files with (draft 7). Every key may be left out. */
export function configJsonSchema(): Record<string, unknown> {
  const schema = z.toJSONSchema(configSchema, {
    io: 'input',
    target: 'draft-7',
    override: ({ jsonSchema }) => {
      for (const trait of ['unit', 'path', 'secret', 'expects'] as const) delete jsonSchema[trait];
      if (jsonSchema.type === 'object') delete jsonSchema.default;
    },
  });
  return { ...schema, title: 'Minutehand configuration' };
}

const ML_SECTION = 'ml_integration';

/** A shipped file: every key with its default, its meaning as a comment, and nothing else. */
export function renderShippedFile(file: 'system' | 'ml'): string {
  const lines = [`# yaml-language-server: $schema=${file === 'system' ? 'schema.json' : '../schema.json'}`];
  const defaults = configSchema.parse({});
  for (const [name, node] of KEY_TREE.keys) {
    if ((name === ML_SECTION) !== (file === 'ml')) continue;
    lines.push(...yamlLines(name, node, (defaults as Record<string, unknown>)[name], 0));
  }
  return `${lines.join('\n')}\n`;
}

function yamlLines(name: string, node: KeyNode, value: unknown, depth: number): string[] {
  const indent = '  '.repeat(depth);
  const comment = `${indent}# ${node.description}${node.kind === 'value' ? unitNote(node) : ''}`;
  if (node.kind === 'value') return [comment, `${indent}${name}: ${inline(value)}`];
  if (node.kind === 'section') return [comment, `${indent}${name}:`, ...below(node, value, depth + 1)];
  const items = (value as readonly unknown[]).flatMap((item, at) => {
    const all = below(node.item, item, depth + 2);
    // What the keys mean is said once.
    const lines = at === 0 ? all : all.filter((line) => !line.trimStart().startsWith('#'));
    const first = lines.findIndex((line) => !line.trimStart().startsWith('#'));
    return lines.map((line, index) => (index === first ? `${indent}  - ${line.trimStart()}` : line));
  });
  return [comment, `${indent}${name}:`, ...items];
}

function below(node: KeyNode, value: unknown, depth: number): string[] {
  if (node.kind !== 'section') return [];
  const section = value as Readonly<Record<string, unknown>>;
  return [...node.keys].flatMap(([name, key]) => yamlLines(name, key, section[name], depth));
}

function unitNote(node: KeyNode & { kind: 'value' }): string {
  const { unit } = node.traits;
  return unit === undefined ? '' : ` [${unit}]`;
}

const inline = (value: unknown): string =>
  stringify(value, { collectionStyle: 'flow', defaultKeyType: 'PLAIN', flowCollectionPadding: false }).trim();

/** The table of all keys in docs/configuration.md. */
export function renderKeyTable(): string {
  const defaults = configSchema.parse({});
  const rows = [...valueNodes()].map(({ path, node }) => {
    const value = path.reduce<unknown>((tree, part) => (tree as Record<string | number, unknown>)[part], defaults);
    const cells = [
      `\`${formatPath(path).replace('[0]', '[]')}\``,
      `\`${inline(value)}\``,
      sentence(expectationOf(node)),
      node.description,
    ];
    return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  });
  return ['| key | default | what to write | meaning |', '|---|---|---|---|', ...rows].join('\n');
}

const sentence = (text: string): string => text.replace(/^an? /, '');
