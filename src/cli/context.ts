import { existsSync } from 'node:fs';
import { userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { type Config, type FlagSetting, loadConfig, type ResolvedConfig } from '../config/index.ts';
import { type Log, silentLog } from '../core/index.ts';
import { createLog } from '../monitoring/index.ts';
import { type JsonObject, reportFailure, reportResult, usageError } from './output.ts';
import type { Terminal } from './terminal.ts';

/** What a command gets from the process it runs in. */
export interface CliContext {
  readonly terminal: Terminal;
  /** The folder of the package: holds `config/` and `bin/`. */
  readonly root: string;
  /** The folder the user called from: where relative paths of flags start. */
  readonly invokedFrom: string;
  /** Aborts when the process is asked to stop. */
  readonly signal: AbortSignal;
  /** Set by a command that does not end with 0. */
  exitCode: number;
}

/** Options every command takes. */
export interface CommonOptions {
  readonly json?: boolean;
  readonly config?: string;
  readonly mlConfig?: string;
  readonly dataDir?: string;
  readonly set?: readonly string[];
}

export const VERSION = '0.1.0';

/** The folder of the package, from wherever this module runs: the sources or the built binary. */
export function packageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder);
  return folder;
}

export const binaryOf = (context: CliContext): string => join(context.root, 'bin', 'minutehand.js');

/** Adds the options every command takes. */
export function withCommonOptions(command: Command): Command {
  return command
    .option('--json', 'write one JSON object to stdout and nothing else')
    .option('--config <FILE>', 'system configuration instead of config/system.yaml')
    .option('--ml-config <FILE>', 'instead of config/ml/ml_config.yaml')
    .option('--data-dir <DIR>', 'where the database, models and logs are kept')
    .option('--set <KEY=VALUE>', 'any other setting, such as risk.max_positions=4', collect);
}

const collect = (value: string, before: readonly string[] = []): readonly string[] => [...before, value];

/** Reads the configuration as the common options and further flags have it. */
export function readConfig(
  context: CliContext,
  options: CommonOptions,
  flags: readonly FlagSetting[] = [],
): ResolvedConfig {
  const settings = (options.set ?? []).map((pair): FlagSetting => {
    const at = pair.indexOf('=');
    if (at < 1) throw usageError(`--set ${pair} is not KEY=VALUE`, 'Write --set risk.max_positions=4.');
    return { key: pair.slice(0, at), value: pair.slice(at + 1), flag: `--set ${pair.slice(0, at)}` };
  });
  const directory: FlagSetting[] =
    options.dataDir === undefined ? [] : [{ key: 'data_dir', value: options.dataDir, flag: '--data-dir' }];
  return loadConfig({
    workingDirectory: context.root,
    invokedFrom: context.invokedFrom,
    systemFile: options.config,
    mlFile: options.mlConfig,
    env: context.terminal.env,
    flags: [...directory, ...flags, ...settings],
  });
}

/** A log for a short command: warnings on stderr where people look, nothing with `--json`. */
export function commandLog(config: Config, options: CommonOptions): Log {
  if (options.json || config.log.level === 'error') return silentLog;
  return createLog({ level: 'warn', destination: 'stderr', format: 'text' });
}

/** Who works at the command line, for the record: "cli:alice". */
export function actorOf({ terminal }: CliContext): string {
  try {
    return `cli:${userInfo().username}`;
  } catch {
    // An account without an entry in the user list has no name.
    return `cli:${terminal.env.USER ?? 'unknown'}`;
  }
}

/** What a command that reports hands back. */
export interface Report {
  readonly result: JsonObject;
  readonly lines: () => readonly string[];
  /** 1 where something was found wanting. */
  readonly exitCode?: number;
}

/** Runs a command and writes what it reports, or why it failed; never a stack trace. */
export async function perform(
  context: CliContext,
  options: CommonOptions,
  work: () => Promise<Report | undefined>,
): Promise<void> {
  const json = options.json === true;
  try {
    const report = await work();
    if (report) {
      await reportResult(context.terminal, { json }, report.result, report.lines);
      context.exitCode = report.exitCode ?? 0;
    }
  } catch (error) {
    context.exitCode = await reportFailure(context.terminal, { json }, error);
  }
}
