import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../config/index.ts';
import { type Log, MinutehandError } from '../core/index.ts';
import { type Database, migrate, openDatabase, startEmbeddedServer } from '../database/index.ts';

/** Whether the configuration names a store that exists: a database elsewhere, or one begun in the data directory. */
export const hasStore = (config: Config): boolean =>
  config.database.url !== null || existsSync(join(config.data_dir, 'database'));

/**
 * Works with the store that the configuration names: DATABASE_URL, or the embedded server of the data directory, which is started
 * for the duration unless it runs already. The work is also given the connection string, for processes of its own.
 * @throws MinutehandError STORE_MISSING when nothing was ever stored and `create` is not set
 */
export async function withStore<T>(
  config: Config,
  log: Log,
  options: { create: boolean; migrate: boolean },
  work: (database: Database, url: string) => Promise<T>,
): Promise<T> {
  const { url } = config.database;
  if (!options.create && !hasStore(config)) {
    throw new MinutehandError(
      'STORE_MISSING',
      `there is no store in ${config.data_dir} yet`,
      'Run "minutehand up" (npm start) first, or name the right folder with --data-dir.',
    );
  }
  const server = url === null ? await startEmbeddedServer({ dataDir: config.data_dir, log }) : undefined;
  const storeUrl = server?.url ?? url ?? '';
  try {
    const database = await openDatabase({
      url: storeUrl,
      applicationName: 'minutehand-cli',
      log,
      maxConnections: config.database.max_connections,
    });
    try {
      if (options.migrate) await migrate(database);
      return await work(database, storeUrl);
    } finally {
      await database.close();
    }
  } finally {
    await server?.stop();
  }
}
