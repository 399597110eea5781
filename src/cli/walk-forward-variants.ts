import { readFileSync, statSync } from 'node:fs';
import { parse } from 'yaml';
import { z } from 'zod';
import type { Config } from '../config/index.ts';
import { MinutehandError, messageOf } from '../core/index.ts';
import { usageError } from './output.ts';

/** A parameter set as a file gives it: its name, and configuration keys with their values. */
export interface ParameterSet {
  readonly name: string;
  readonly parameters: Readonly<Record<string, unknown>>;
}

const LARGEST_FILE_BYTES = 256 * 1024;
const MOST_VARIANTS = 200;
/** What may vary: how to trade, not on what, nor what it costs. */
const VARIED = ['strategies', 'strategies_net', 'sizing', 'risk', 'ml_integration'];

const fileSchema = z
  .array(
    z
      .object({
        name: z
          .string()
          .regex(/^[\w.-]{1,40}$/)
          .optional(),
      })
      .catchall(
        z.union([z.string(), z.number(), z.boolean(), z.null(), z.array(z.json()), z.record(z.string(), z.json())]),
      ),
  )
  .min(1)
  .max(MOST_VARIANTS);

/** Reads a list of parameter sets, YAML or JSON. @throws MinutehandError USAGE_INVALID (exit 2) naming the file and what is wrong with it */
export function readVariants(path: string): ParameterSet[] {
  const refuse = (what: string) =>
    usageError(
      `--variants ${path}: ${what}`,
      `Write a list of up to ${MOST_VARIANTS} maps, such as [{"name": "slow", "ml_integration.signals.horizons": ["12h"]}].`,
    );
  let given: unknown;
  try {
    if (statSync(path).size > LARGEST_FILE_BYTES) throw new Error(`larger than ${LARGEST_FILE_BYTES / 1024} KiB`);
    given = parse(readFileSync(path, 'utf8'), { schema: 'core', maxAliasCount: 20, logLevel: 'error' });
  } catch (error) {
    throw refuse(messageOf(error));
  }
  const parsed = fileSchema.safeParse(given);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw refuse(`${issue?.path.join('.') || 'the whole'}: ${issue?.message}`);
  }
  const sets = parsed.data.map(({ name, ...parameters }, index) => ({
    name: name ?? `variant-${index + 1}`,
    parameters,
  }));
  const twice = sets.find(({ name }, index) => sets.findIndex((other) => other.name === name) < index);
  if (twice) throw refuse(`two variants are called ${twice.name}`);
  for (const { name, parameters } of sets) {
    const foreign = Object.keys(parameters).find((key) => !VARIED.includes(key.split('.')[0] ?? ''));
    if (foreign !== undefined) throw refuse(`${name}: ${foreign} cannot vary; ${VARIED.join(', ')} can`);
  }
  return sets;
}

/**
 * The configuration with a parameter set.
 * @param configWith the configuration with further `--set` pairs
 */
export function variantConfig(
  { name, parameters }: ParameterSet,
  configWith: (pairs: readonly string[]) => Config,
): Config {
  const text = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value));
  try {
    return configWith(Object.entries(parameters).map(([key, value]) => `${key}=${text(value)}`));
  } catch (error) {
    if (!(error instanceof MinutehandError)) throw error;
    throw new MinutehandError(error.code, `variant ${name}: ${error.message}`, error.remedy, {
      exitCode: error.exitCode,
    });
  }
}
