import { formatPath, KEY_TREE, type KeyNode, type KeyPath } from './keys.ts';
import type { Origin } from './layers.ts';
import type { ResolvedConfig } from './load-config.ts';

export const REDACTED = '********';

/** One key as `minutehand config show` lists it. */
export interface ConfigRow {
  readonly key: string;
  readonly value: unknown;
  readonly source: Origin['kind'];
  /** File and line, variable or flag; "default" where nothing set it. */
  readonly where: string;
}

/** Every key in force, in the schema's order, secrets replaced by asterisks. */
export function showConfig(config: ResolvedConfig): ConfigRow[] {
  return [...rowsOf(config, KEY_TREE, [], config.values)];
}

function* rowsOf(config: ResolvedConfig, node: KeyNode, path: KeyPath, value: unknown): Generator<ConfigRow> {
  if (node.kind === 'list') {
    for (const [index, item] of (value as readonly unknown[]).entries()) {
      yield* rowsOf(config, node.item, [...path, index], item);
    }
  } else if (node.kind === 'section') {
    const section = value as Readonly<Record<string, unknown>>;
    for (const [name, below] of node.keys) yield* rowsOf(config, below, [...path, name], section[name]);
  } else {
    const key = formatPath(path);
    const origin = config.sources.get(key);
    yield {
      key,
      value: config.secrets.has(key) && value !== null ? REDACTED : value,
      source: origin?.kind ?? 'default',
      where: origin?.where ?? 'default',
    };
  }
}
