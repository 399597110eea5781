import { and, desc, eq, or, sql } from 'drizzle-orm';
import type { NodePgDatabase } from 'drizzle-orm/node-postgres';
import { type EpochMs, epochMs, MinutehandError } from '../core/index.ts';
import type { Database } from './connection.ts';
import { auditLog, type ModelAlias, modelAliases, modelPromotions, models, queries } from './tables.ts';

/** Told after each change of an alias, with `{book, alias, modelId}`. */
export const MODELS_CHANNEL = 'minutehand_models';

/** A model in the registry of the database; its files lie in the folder of models. */
export interface ModelRecord {
  readonly modelId: string;
  readonly kind: string;
  readonly featureSetHash: string;
  readonly manifest: Readonly<Record<string, unknown>>;
  readonly createdAt: EpochMs;
}

/** `retired`: was champion, and is it no more. A challenger is still a candidate. */
export type ModelStatus = 'candidate' | 'champion' | 'retired';

/** A model as one book sees it. */
export interface RegisteredModel extends ModelRecord {
  readonly status: ModelStatus;
  readonly alias?: ModelAlias;
}

export interface Promotion {
  readonly book: string;
  readonly alias: ModelAlias;
  readonly modelId: string;
  readonly time: EpochMs;
  readonly actor: string;
  /** When a rollback took it back. */
  readonly takenBackAt?: EpochMs;
}

/** Who holds the alias now, and who held it before. */
export interface ModelChange {
  /** false: it was so already, and nothing was written. */
  readonly changed: boolean;
  readonly alias: ModelAlias;
  readonly modelId: string;
  readonly previous?: string;
}

/** Registers a model; one that is there already keeps what it has. Returns whether it was new. */
export async function saveModel(database: Database, model: ModelRecord): Promise<boolean> {
  const { rowCount } = await queries(database).insert(models).values(model).onConflictDoNothing();
  return rowCount === 1;
}

/** Every registered model as the book sees it, newest first. */
export async function listModels(database: Database, book: string): Promise<RegisteredModel[]> {
  const wasChampion = sql<boolean>`EXISTS (SELECT FROM ${modelPromotions} WHERE ${and(
    eq(modelPromotions.book, book),
    eq(modelPromotions.alias, 'champion'),
    eq(modelPromotions.modelId, models.modelId),
  )})`;
  const rows = await queries(database)
    .select({ model: models, alias: modelAliases.alias, wasChampion })
    .from(models)
    .leftJoin(modelAliases, and(eq(modelAliases.modelId, models.modelId), eq(modelAliases.book, book)))
    .orderBy(desc(models.createdAt), desc(models.modelId));
  return rows.map(({ model, alias, wasChampion: served }) => ({
    ...model,
    createdAt: epochMs(model.createdAt),
    status: alias === 'champion' ? 'champion' : served ? 'retired' : 'candidate',
    ...(alias ? { alias } : {}),
  }));
}

/** The id of the model that has an alias in a book. */
export async function aliasedModel(database: Database, book: string, alias: ModelAlias): Promise<string | undefined> {
  return (await aliasesOf(queries(database), book)).get(alias);
}

/** The newest `limit` promotions of a book, newest first. */
export async function listPromotions(database: Database, book: string, limit: number): Promise<Promotion[]> {
  const rows = await queries(database)
    .select()
    .from(modelPromotions)
    .where(eq(modelPromotions.book, book))
    .orderBy(desc(modelPromotions.promotionId))
    .limit(limit);
  return rows.map(({ promotionId: _, takenBackAt, ...row }) => ({
    ...row,
    time: epochMs(row.time),
    ...(takenBackAt === null ? {} : { takenBackAt: epochMs(takenBackAt) }),
  }));
}

/** Who changes an alias, when, and what else the audit log is to say of it. */
export interface ModelActor {
  readonly book: string;
  /** "engine", "cli:alice". */
  readonly actor: string;
  readonly time: EpochMs;
  readonly details?: Readonly<Record<string, unknown>>;
}

/**
 * Gives a model an alias of the book, which it takes from the model that has it: alias, history, audit log and notice in one transaction.
 * A challenger that becomes champion is challenger no more. `instead` makes it conditional: only where that model holds the alias (`null`:
 * where none does), else nothing changes.
 * @throws MinutehandError MODEL_UNKNOWN, MODEL_IS_CHAMPION when the champion is to be its own challenger
 */
export function promoteModel(
  database: Database,
  request: ModelActor & { readonly modelId: string; readonly alias: ModelAlias; readonly instead?: string | null },
): Promise<ModelChange> {
  const { book, modelId, alias, actor, time, instead } = request;
  return changeAliases(database, async (tx) => {
    const known = (await tx.select({ modelId: models.modelId }).from(models)).map((row) => row.modelId);
    if (!known.includes(modelId)) throw unknownModel(modelId, known);
    const aliases = await aliasesOf(tx, book);
    const holder = aliases.get(alias);
    if (holder === modelId) return { changed: false, alias, modelId };
    if (instead !== undefined && (holder ?? null) !== instead) {
      return { changed: false, alias, modelId: holder ?? modelId };
    }
    if (alias === 'challenger' && aliases.get('champion') === modelId) {
      throw new MinutehandError(
        'MODEL_IS_CHAMPION',
        `${modelId} is the champion and cannot be its own challenger`,
        'Promote another model to champion first, or name another challenger.',
        { exitCode: 2 },
      );
    }
    await setAlias(tx, { book, alias, modelId });
    await tx.insert(modelPromotions).values({ book, alias, modelId, time, actor });
    return conclude(tx, request, 'model.promote', { changed: true, alias, modelId, ...previousOf(holder) });
  });
}

/**
 * Takes the promotion of the champion `from` back: the champion before it serves again. Repeated with the same `from` it changes nothing;
 * with the one that is champion then, it goes back one further.
 * @throws MinutehandError MODEL_NOT_CHAMPION when `from` is neither champion nor just taken back, MODEL_WITHOUT_PREDECESSOR
 */
export function rollbackChampion(
  database: Database,
  request: ModelActor & { readonly from: string },
): Promise<ModelChange> {
  const { book, from, time } = request;
  const alias = 'champion';
  return changeAliases(database, async (tx) => {
    const champion = (await aliasesOf(tx, book)).get(alias);
    const history = await tx
      .select()
      .from(modelPromotions)
      .where(and(eq(modelPromotions.book, book), eq(modelPromotions.alias, alias)))
      .orderBy(desc(modelPromotions.promotionId));
    if (champion !== from) {
      const newest = history.find(({ modelId }) => modelId === from);
      const isTakenBack = newest !== undefined && newest.takenBackAt !== null;
      if (isTakenBack && champion !== undefined) return { changed: false, alias, modelId: champion };
      throw notChampion(from, champion);
    }
    const [top, before] = history.filter(({ takenBackAt }) => takenBackAt === null);
    if (!top || !before) throw withoutPredecessor(from);
    await tx.update(modelPromotions).set({ takenBackAt: time }).where(eq(modelPromotions.promotionId, top.promotionId));
    await setAlias(tx, { book, alias, modelId: before.modelId });
    return conclude(tx, request, 'model.rollback', { changed: true, alias, modelId: before.modelId, previous: from });
  });
}

/** MODEL_UNKNOWN, with the ids there are. */
export function unknownModel(modelId: string, known: readonly string[]): MinutehandError {
  return new MinutehandError(
    'MODEL_UNKNOWN',
    `there is no model ${modelId}`,
    known.length === 0 ? 'There is none at all yet: see "minutehand model import".' : `There are: ${known.join(', ')}.`,
    { exitCode: 2 },
  );
}

function notChampion(modelId: string, champion: string | undefined): MinutehandError {
  return new MinutehandError(
    'MODEL_NOT_CHAMPION',
    `${modelId} is not the champion${champion === undefined ? '' : `: ${champion} is`}`,
    'Only the champion can be rolled back: see "minutehand model list".',
    { exitCode: 2 },
  );
}

function withoutPredecessor(modelId: string): MinutehandError {
  return new MinutehandError(
    'MODEL_WITHOUT_PREDECESSOR',
    `there was no champion before ${modelId}`,
    'Promote another model instead: minutehand model promote ID.',
  );
}

type Transaction = Parameters<Parameters<NodePgDatabase['transaction']>[0]>[0];

/** Runs `work` in a transaction that no other change of an alias runs beside; readers are not held up. */
function changeAliases<Result>(database: Database, work: (tx: Transaction) => Promise<Result>): Promise<Result> {
  return queries(database).transaction(async (tx) => {
    await tx.execute(sql`LOCK TABLE ${modelAliases} IN SHARE ROW EXCLUSIVE MODE`);
    return work(tx);
  });
}

async function aliasesOf(
  reader: Pick<NodePgDatabase, 'select'>,
  book: string,
): Promise<ReadonlyMap<ModelAlias, string>> {
  const rows = await reader.select().from(modelAliases).where(eq(modelAliases.book, book));
  return new Map(rows.map(({ alias, modelId }) => [alias, modelId]));
}

/** A model has one alias at most: what it was called before, it is called no more. */
async function setAlias(tx: Transaction, named: { book: string; alias: ModelAlias; modelId: string }): Promise<void> {
  const { book, alias, modelId } = named;
  await tx
    .delete(modelAliases)
    .where(and(eq(modelAliases.book, book), or(eq(modelAliases.modelId, modelId), eq(modelAliases.alias, alias))));
  await tx.insert(modelAliases).values(named);
}

/** The audit entry and the notice; both take effect with the transaction alone. */
async function conclude(tx: Transaction, by: ModelActor, action: string, change: ModelChange): Promise<ModelChange> {
  const { book, actor, time, details = {} } = by;
  const { alias, modelId, previous = null } = change;
  await tx.insert(auditLog).values({
    time,
    actor,
    action,
    subject: modelId,
    details: { ...details, book, alias, previous },
  });
  await tx.execute(sql`SELECT pg_notify(${MODELS_CHANNEL}, ${JSON.stringify({ book, alias, modelId })})`);
  return change;
}

const previousOf = (modelId: string | undefined) => (modelId === undefined ? {} : { previous: modelId });
