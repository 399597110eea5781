import { isAbsolute, join, resolve } from 'node:path';
import type { Command } from 'commander';
import type { Config } from '../../config/index.ts';
import { formatTime, type Horizon, systemClock } from '../../core/index.ts';
import { MODEL_ALIASES, type ModelAlias } from '../../database/index.ts';
import { BOOK } from '../../engine/index.ts';
import { featureSet } from '../../features/index.ts';
import {
  exportModel,
  importModel,
  listRegistry,
  type ModelRegistry,
  promoteRegistered,
  type RegistryAct,
  type RegistryEntry,
  rollbackRegistered,
  showModel,
} from '../../model/index.ts';
import {
  actorOf,
  type CliContext,
  type CommonOptions,
  commandLog,
  perform,
  type Report,
  readConfig,
  withCommonOptions,
} from '../context.ts';
import { type JsonObject, usageError } from '../output.ts';
import { withStore } from '../store.ts';
import { formatTable } from '../terminal.ts';

interface PromoteOptions extends CommonOptions {
  readonly as: string;
  readonly force?: boolean;
}

interface RollbackOptions extends CommonOptions {
  readonly from?: string;
}

/** The horizon whose figures stand in the table; all of them are in the JSON. */
const SHOWN_HORIZON: Horizon = '4h';

/** `model list`, `show`, `promote`, `rollback`, `export`, `import`. */
export function addModelRegistry(model: Command, context: CliContext): void {
  /** Runs a command on the registry that the options name. */
  const onRegistry = <Options extends CommonOptions>(
    options: Options,
    work: (registry: ModelRegistry) => Promise<Report>,
    settings: { readonly create: boolean } = { create: false },
  ): Promise<void> =>
    perform(context, options, () => {
      const config = readConfig(context, options).values;
      return withStore(config, commandLog(config, options), { ...settings, migrate: true }, (database) =>
        work({ database, book: BOOK, folder: modelsFolder(config), featureSetHash: featureSet().hash }),
      );
    });
  const pathOf = (path: string) => (isAbsolute(path) ? path : resolve(context.invokedFrom, path));

  withCommonOptions(model.command('list'))
    .description('Every model that is registered or lies in the folder of models; the champion first.')
    .addHelpText('after', '\nExample: minutehand model list --json')
    .action((options: CommonOptions) =>
      onRegistry(options, async (registry) => {
        const { models, unreadable } = await listRegistry(registry);
        return {
          result: { ok: true, models: models.map(jsonOf), unreadable },
          lines: () => [
            ...(models.length === 0 ? ['there is no model yet'] : modelTable(models)),
            ...refusalLines(models),
            ...unreadable.map(({ message }) => message),
          ],
        };
      }),
    );

  withCommonOptions(model.command('show'))
    .description('One model: its windows, its figures, what its artefact passes, when it was promoted.')
    .argument('<ID>', 'a model, or champion, or challenger')
    .addHelpText('after', '\nExample: minutehand model show champion')
    .action((id: string, options: CommonOptions) =>
      onRegistry(options, async (registry) => {
        const shown = await showModel(registry, id);
        const promotions = shown.promotions.map(({ alias, actor, time, takenBackAt }) => ({
          alias,
          actor,
          time: formatTime(time),
          ...(takenBackAt === undefined ? {} : { takenBackAt: formatTime(takenBackAt) }),
        }));
        return {
          result: { ok: shown.refusal === null, ...jsonOf(shown), promotions },
          exitCode: shown.refusal === null ? 0 : 1,
          lines: () => [
            ...detailLines(shown),
            ...promotions.map(
              ({ alias, actor, time, takenBackAt }) =>
                `promoted to ${alias} ${time} by ${actor}${takenBackAt === undefined ? '' : `, taken back ${takenBackAt}`}`,
            ),
          ],
        };
      }),
    );

  withCommonOptions(model.command('promote'))
    .description('Let a model serve: a running engine changes to it between two minutes.')
    .argument('<ID>', 'a model, or challenger')
    .option('--as <ALIAS>', 'champion (serves) or challenger', 'champion')
    .option('--force', 'although its artefact does not pass here; an engine checks it again before it serves')
    .addHelpText('after', '\nExample: minutehand model promote challenger')
    .action((id: string, options: PromoteOptions) =>
      onRegistry(options, async (registry) => {
        const alias = aliasOf(options.as);
        const request = { ...act(context), model: id, alias, isForced: options.force === true };
        const { changed, modelId, previous = null, refusal } = await promoteRegistered(registry, request);
        return {
          result: { ok: true, changed, alias, modelId, previous, refusal },
          lines: () => [
            changed ? `${modelId} is ${alias}${insteadOf(previous)}` : `${modelId} is ${alias} already`,
            ...(refusal ? [`it does not pass here: ${refusal.message}`] : []),
          ],
        };
      }),
    );

  withCommonOptions(model.command('rollback'))
    .description('Take the promotion of the champion back: the champion before it serves again.')
    .option('--from <ID>', 'the champion that is meant: repeated, nothing further happens')
    .addHelpText('after', '\nExample: minutehand model rollback')
    .action((options: RollbackOptions) =>
      onRegistry(options, async (registry) => {
        const from = options.from === undefined ? {} : { from: options.from };
        const {
          changed,
          alias,
          modelId,
          previous = null,
        } = await rollbackRegistered(registry, {
          ...act(context),
          ...from,
        });
        return {
          result: { ok: true, changed, alias, modelId, previous },
          lines: () => [
            changed
              ? `${modelId} is champion again${insteadOf(previous)}`
              : `${options.from ?? 'it'} was taken back already: ${modelId} is champion`,
          ],
        };
      }),
    );

  withCommonOptions(model.command('export'))
    .description('Copy the artefact of a model into a new folder, or into a .zip file.')
    .argument('<ID>', 'a model, or champion, or challenger')
    .argument('<DEST>', 'a folder, or a file that ends in .zip, that does not exist yet')
    .addHelpText('after', '\nExample: minutehand model export champion champion.zip')
    .action((id: string, destination: string, options: CommonOptions) =>
      onRegistry(options, async (registry) => {
        const path = pathOf(destination);
        const { modelId } = await exportModel(registry, id, path);
        return { result: { ok: true, modelId, destination: path }, lines: () => [`${modelId} is in ${path}`] };
      }),
    );

  withCommonOptions(model.command('import'))
    .description('Check the artefact of a folder or .zip file completely, and take it in as a candidate.')
    .argument('<SRC>', 'a folder with model.onnx and manifest.json, or a .zip file of one')
    .addHelpText('after', '\nExample: minutehand model import champion.zip')
    .action((source: string, options: CommonOptions) =>
      onRegistry(
        options,
        async (registry) => {
          const { changed, manifest, directory } = await importModel(registry, pathOf(source), act(context));
          const { modelId } = manifest;
          return {
            result: { ok: true, changed, modelId, directory },
            lines: () => [
              changed ? `${modelId} is in ${directory}` : `${modelId} was there already`,
              `it serves once it is promoted: minutehand model promote ${modelId}`,
            ],
          };
        },
        { create: true },
      ),
    );
}

/** Where artefacts lie: the folder that the engine serves from. */
export const modelsFolder = (config: Config): string =>
  config.ml_integration.model.directory ?? join(config.data_dir, 'models');

const act = (context: CliContext): RegistryAct => ({ actor: actorOf(context), time: systemClock.now() });

function aliasOf(text: string): ModelAlias {
  const alias = MODEL_ALIASES.find((known) => known === text);
  if (alias) return alias;
  throw usageError(`--as ${text} is no alias`, `Use one of ${MODEL_ALIASES.join(', ')}.`);
}

const insteadOf = (previous: string | null): string => (previous === null ? '' : `, instead of ${previous}`);

/** As `--json` has it: times as text. */
function jsonOf({ windows, registeredAt, ...entry }: RegistryEntry): JsonObject {
  return {
    ...entry,
    registeredAt: registeredAt === null ? null : formatTime(registeredAt),
    windows: Object.fromEntries(
      Object.entries(windows).map(([name, { from, to, rows }]) => [
        name,
        { from: formatTime(from), to: formatTime(to), rows },
      ]),
    ),
  };
}

function modelTable(models: readonly RegistryEntry[]): string[] {
  return formatTable(
    [
      { title: 'model' },
      { title: 'kind' },
      { title: 'status' },
      { title: 'test window' },
      { title: `IC ${SHOWN_HORIZON}`, align: 'right' },
      { title: `log-loss ${SHOWN_HORIZON}`, align: 'right' },
      { title: 'of base rate', align: 'right' },
      { title: 'macro-F1', align: 'right' },
      { title: 'market' },
    ],
    models.map((entry) => {
      const { informationCoefficient, logLoss, logLossOfMajority, macroF1 } = entry.figures[SHOWN_HORIZON];
      const { test } = entry.windows;
      return [
        entry.modelId,
        entry.kind,
        statusOf(entry),
        test ? `${day(test.from)} to ${day(test.to)}` : 'n/a',
        number(informationCoefficient),
        number(logLoss),
        number(logLossOfMajority),
        number(entry.macroF1 ?? macroF1),
        marketOf(entry),
      ];
    }),
  );
}

function detailLines(entry: RegistryEntry): string[] {
  return [
    `${entry.modelId}: ${entry.kind}, ${statusOf(entry)}`,
    `market: ${marketOf(entry)}${entry.market?.description === undefined ? '' : ` (${entry.market.description})`}`,
    `artefact: ${entry.directory ?? 'none here'}`,
    entry.refusal === null ? 'passes every check of serving' : entry.refusal.message,
    ...Object.entries(entry.windows).map(
      ([name, { from, to, rows }]) => `${name}: ${formatTime(from)} to ${formatTime(to)}, ${rows} rows`,
    ),
    ...formatTable(
      [
        { title: 'horizon' },
        { title: 'IC', align: 'right' },
        { title: 'log-loss', align: 'right' },
        { title: 'of base rate', align: 'right' },
        { title: 'macro-F1', align: 'right' },
      ],
      Object.entries(entry.figures).map(([horizon, figures]) => [
        horizon,
        number(figures.informationCoefficient),
        number(figures.logLoss),
        number(figures.logLossOfMajority),
        number(figures.macroF1),
      ]),
    ),
  ];
}

const refusalLines = (models: readonly RegistryEntry[]): string[] =>
  models.flatMap(({ modelId, refusal }) => (refusal === null ? [] : [`${modelId} cannot serve: ${refusal.field}`]));

const statusOf = ({ status, alias }: RegistryEntry): string => alias ?? status;
const day = (time: Parameters<typeof formatTime>[0]): string => formatTime(time).slice(0, 10);
const number = (value: number | null): string => (value === null ? 'n/a' : value.toFixed(4));

/** The label that stands wherever figures do. */
function marketOf({ market }: RegistryEntry): string {
  if (market === null) return 'n/a';
  return market.plantedEdge ? `${market.source}, planted edge` : market.source;
}
