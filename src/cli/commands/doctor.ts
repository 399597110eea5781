import { accessSync, constants, existsSync, statfsSync } from 'node:fs';
import { freemem } from 'node:os';
import { dirname } from 'node:path';
import type { Command } from 'commander';
import type { Config } from '../../config/index.ts';
import { MinutehandError, messageOf, noMetrics, silentLog } from '../../core/index.ts';
import { openDatabase } from '../../database/index.ts';
import { connectVenue, ownerOf } from '../../engine/index.ts';
import { featureSet } from '../../features/index.ts';
import { type CliContext, type CommonOptions, perform, readConfig, withCommonOptions } from '../context.ts';

interface Check {
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string;
  readonly remedy?: string;
}

const LEAST_NODE = [20, 19] as const;
const LEAST_DISK_BYTES = 2 * 2 ** 30;
const LEAST_MEMORY_BYTES = 2 ** 30;

export function addDoctor(program: Command, context: CliContext): void {
  withCommonOptions(program.command('doctor'))
    .description('Check machine, configuration, database and exchange; each fault with its remedy.')
    .addHelpText('after', '\nExample: minutehand doctor --json')
    .action((options: CommonOptions) =>
      perform(context, options, async () => {
        const config = readConfig(context, options).values;
        const checks = [
          checkNode(process.versions.node),
          { name: 'configuration', ok: true, detail: `sound; ${config.mode} trading` },
          checkDataDirectory(config),
          checkDisk(config),
          checkMemory(),
          await check('database', () => describeDatabase(config)),
          await check('exchange', () => describeExchange(context, config)),
          await check(
            'network runtime',
            async () =>
              `onnxruntime-node ${Object.keys(await import('onnxruntime-node')).length > 0 ? 'loads' : 'is empty'}`,
          ),
          await check(
            'features',
            async () => `${featureSet().names.length} features, hash ${featureSet().hash.slice(0, 12)}`,
          ),
        ];
        const ok = checks.every((entry) => entry.ok);
        return {
          result: { ok, checks },
          exitCode: ok ? 0 : 1,
          lines: () =>
            checks.flatMap(({ name, ok: good, detail, remedy }) => [
              `${good ? 'ok   ' : 'FAULT'}  ${name}: ${detail}`,
              ...(remedy ? [`       remedy: ${remedy}`] : []),
            ]),
        };
      }),
    );
}

export function checkNode(version: string): Check {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const ok = major > LEAST_NODE[0] || (major === LEAST_NODE[0] && minor >= LEAST_NODE[1]);
  return {
    name: 'node',
    ok,
    detail: `${version} on ${process.platform} ${process.arch}`,
    ...(ok ? {} : { remedy: `Install Node ${LEAST_NODE.join('.')} or newer (24 recommended).` }),
  };
}

/** The nearest folder above a path that exists. */
function existing(path: string): string {
  return existsSync(path) || dirname(path) === path ? path : existing(dirname(path));
}

function checkDataDirectory({ data_dir }: Config): Check {
  const owner = ownerOf(data_dir);
  try {
    accessSync(existing(data_dir), constants.W_OK);
    return {
      name: 'data directory',
      ok: true,
      detail: `${data_dir}${owner === undefined ? '' : `, used by process ${owner}`}`,
    };
  } catch {
    return {
      name: 'data directory',
      ok: false,
      detail: `${data_dir} cannot be written to`,
      remedy: 'Choose another with --data-dir, or give this user write access to it.',
    };
  }
}

function checkDisk({ data_dir }: Config): Check {
  const { bavail, bsize } = statfsSync(existing(data_dir));
  const free = bavail * bsize;
  const ok = free >= LEAST_DISK_BYTES;
  return {
    name: 'disk',
    ok,
    detail: `${(free / 2 ** 30).toFixed(1)} GiB free`,
    ...(ok ? {} : { remedy: 'Free some space (2 GiB at least), or choose another disk with --data-dir.' }),
  };
}

function checkMemory(): Check {
  const free = freemem();
  const ok = free >= LEAST_MEMORY_BYTES;
  return {
    name: 'memory',
    ok,
    detail: `${(free / 2 ** 30).toFixed(1)} GiB free`,
    ...(ok ? {} : { remedy: 'Free some memory: 50 symbols need about 1 GiB.' }),
  };
}

async function check(name: string, work: () => Promise<string>): Promise<Check> {
  try {
    return { name, ok: true, detail: await work() };
  } catch (error) {
    const remedy = error instanceof MinutehandError ? error.remedy : 'Install again: npm ci.';
    return { name, ok: false, detail: messageOf(error), remedy };
  }
}

async function describeDatabase(config: Config): Promise<string> {
  const { url } = config.database;
  if (url === null) return 'embedded PostgreSQL in the data directory';
  const database = await openDatabase({ url, applicationName: 'minutehand-doctor', log: silentLog, maxConnections: 2 });
  try {
    return `answers at ${database.displayUrl}`;
  } finally {
    await database.close();
  }
}

async function describeExchange(context: CliContext, config: Config): Promise<string> {
  if (config.exchange.url === null && !config.exchange.real) return 'simulated; started by "up"';
  const venue = await connectVenue(config, {
    url: config.exchange.url ?? undefined,
    simulatorToken: context.terminal.env.MINUTEHAND_SIM_TOKEN,
    log: silentLog,
    metrics: noMetrics,
  });
  try {
    return `${venue.gateway.exchangeId} answers at ${venue.gateway.address}`;
  } finally {
    await venue.close();
  }
}
