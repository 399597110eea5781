import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type BacktestMarket, openFolderMarket, openStoreMarket } from '../backtest/index.ts';
import type { Config } from '../config/index.ts';
import { type EpochMs, epochMs, type SymbolId } from '../core/index.ts';
import { aliasedModel, listCoverage, universeAt } from '../database/index.ts';
import { BOOK } from '../engine/index.ts';
import { featureSet } from '../features/index.ts';
import { type CheckedArtefact, checkArtefact, listArtefacts } from '../model/index.ts';
import { symbolsOf } from './commands/features.ts';
import { type CliContext, type CommonOptions, commandLog } from './context.ts';
import { usageError } from './output.ts';
import { hasStore, withStore } from './store.ts';

/** Where a backtest's candles come from. */
export interface MarketOptions extends CommonOptions {
  readonly data?: string;
  readonly fromStore?: boolean;
  readonly minutes?: string;
  readonly universe: string;
}

/** The candles that the options name. */
export async function marketOf(
  context: CliContext,
  config: Config,
  options: MarketOptions,
  days: { readonly from?: EpochMs | undefined; readonly to?: EpochMs | undefined },
): Promise<BacktestMarket> {
  const { data, fromStore } = options;
  if ((data === undefined) === (fromStore !== true)) {
    throw usageError('a backtest needs candles from one place', 'Name a folder with --data DIR, or say --from-store.');
  }
  const symbols = universeOf(context, options.universe);
  if (data !== undefined) {
    return openFolderMarket({
      directory: resolve(context.invokedFrom, data),
      minutes: options.minutes === undefined ? undefined : resolve(context.invokedFrom, options.minutes),
      symbols,
    });
  }
  return withStore(config, commandLog(config, options), { create: false, migrate: true }, async (database) => {
    const venue = config.exchange.id;
    const chosen =
      typeof symbols !== 'number'
        ? symbols
        : ((await universeAt(database, BOOK, epochMs(Number.MAX_SAFE_INTEGER))) ??
          (await listCoverage(database, venue, '15m')).slice(0, symbols).map(({ symbol }) => symbol));
    return openStoreMarket(database, { venue, symbols: chosen, ...days });
  });
}

/** `--universe`: how many, which, or a file with one symbol per line. */
function universeOf(context: CliContext, text: string): number | SymbolId[] {
  const path = resolve(context.invokedFrom, text);
  if (!/[/.]/.test(text) || !existsSync(path)) return symbolsOf(text);
  const symbols = readFileSync(path, 'utf8')
    .split(/[\s,]+/)
    .map((symbol) => symbol.trim().toUpperCase())
    .filter((symbol) => symbol !== '' && !symbol.startsWith('#'));
  if (symbols.length > 0) return symbols;
  throw usageError(`--universe ${text} holds no symbol`, 'Write one symbol per line.');
}

/**
 * The model that `--model` names: `none`, `champion` (of the registry where there is a store, else the best that comes with the package), an id, or
 * an artefact's folder.
 */
export async function artefactOf(
  context: CliContext,
  config: Config,
  options: CommonOptions & { readonly model: string },
): Promise<CheckedArtefact | undefined> {
  const { model } = options;
  if (model === 'none') return undefined;
  const expected = { featureSetHash: featureSet().hash, universe: undefined };
  const folder = resolve(context.invokedFrom, model);
  if (existsSync(join(folder, 'manifest.json'))) return checkArtefact(folder, expected);
  const own = config.ml_integration.model.directory ?? join(config.data_dir, 'models');
  const packaged = join(context.root, 'models');
  const id = model === 'champion' ? await championOf(config, options) : model;
  for (const parent of [own, packaged]) {
    const list = await listArtefacts(parent);
    const found = id === undefined ? undefined : list.artefacts.find(({ manifest }) => manifest.modelId === id);
    if (found) return checkArtefact(found.directory, expected);
  }
  if (id !== undefined) {
    throw usageError(
      `there is no model ${id} in ${own}`,
      'See "minutehand model list", or name an artefact’s folder with --model DIR.',
    );
  }
  const [best] = (await listArtefacts(packaged)).artefacts;
  if (best) return checkArtefact(best.directory, expected);
  throw usageError('there is no model', 'Name an artefact’s folder with --model DIR, or --model none.');
}

/** The champion's id in the registry, where there is one. */
async function championOf(config: Config, options: CommonOptions): Promise<string | undefined> {
  if (!hasStore(config)) return undefined;
  return withStore(config, commandLog(config, options), { create: false, migrate: true }, (database) =>
    aliasedModel(database, BOOK, 'champion'),
  );
}
