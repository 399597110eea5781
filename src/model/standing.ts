import { HORIZON_NAMES, type Horizon } from '../core/index.ts';
import { type Database, listModels, listPromotions, type ModelAlias, type RegisteredModel } from '../database/index.ts';
import { type HorizonFigures, type ModelSummary, summarizeManifest } from './model-summary.ts';

/** Who serves a book and who forecasts beside it. */
export interface ModelStanding {
  readonly champion: string | null;
  readonly challenger: string | null;
  /** How they compare and who chose, on one line; null unless there are both. */
  readonly reason: string | null;
}

/** Champion and challenger of a book as the registry has them. */
export async function modelStanding(database: Database, book: string): Promise<ModelStanding> {
  const models = await listModels(database, book);
  const of = (alias: ModelAlias) => models.find((model) => model.alias === alias);
  const [champion, challenger] = [of('champion'), of('challenger')];
  const names = { champion: champion?.modelId ?? null, challenger: challenger?.modelId ?? null };
  if (!champion || !challenger) return { ...names, reason: null };
  const promotions = await listPromotions(database, book, Number.MAX_SAFE_INTEGER);
  const by = ({ modelId }: RegisteredModel, alias: ModelAlias) =>
    promotions.find((promotion) => promotion.modelId === modelId && promotion.alias === alias)?.actor ?? 'engine';
  const chosen = [by(champion, 'champion'), by(challenger, 'challenger')].filter((actor) => actor !== 'engine');
  const comparison = compareModels(summarizeManifest(champion.manifest), summarizeManifest(challenger.manifest));
  return { ...names, reason: [comparison, ...new Set(chosen.map((actor) => `chosen by ${actor}`))].join('; ') };
}

/**
 * The figures of a champion to those of its challenger, means of the horizons for which both have them, and which is better. Where log-loss and
 * information coefficient disagree, the log-loss decides: it is of all horizons, and a coefficient only of those with expected returns.
 */
export function compareModels(champion: ModelSummary, challenger: ModelSummary): string {
  const loss = meansOf(champion, challenger, 'logLoss');
  const coefficient = meansOf(champion, challenger, 'informationCoefficient');
  const isBetter = {
    loss: loss && loss.own < loss.other,
    coefficient: coefficient && coefficient.own > coefficient.other,
  };
  const figures = [
    `log-loss ${loss ? `${loss.own.toFixed(4)} to ${loss.other.toFixed(4)}` : 'n/a'}`,
    `IC ${coefficient ? `${coefficient.own.toFixed(4)} to ${coefficient.other.toFixed(4)} (${coefficient.horizons.join(', ')})` : 'n/a'}`,
  ].join(', ');
  return `${figures}: ${verdict(isBetter.loss, isBetter.coefficient)}${caveat(champion, challenger)}`;
}

/** Whether the champion is better, by each of the two figures; undefined where they cannot be compared. */
function verdict(byLoss: boolean | undefined, byCoefficient: boolean | undefined): string {
  if (byLoss === undefined && byCoefficient === undefined) return 'no figures to compare';
  const known = [byLoss, byCoefficient].filter((better) => better !== undefined);
  if (known.every((better) => better)) return 'the champion is better';
  if (known.every((better) => !better)) return 'the challenger is better';
  return `the champion is better by the ${byLoss ? 'log-loss, which decides, not by the IC' : 'IC, not by the log-loss'}`;
}

function caveat(a: ModelSummary, b: ModelSummary): string {
  const { test } = a.windows;
  const other = b.windows.test;
  const isSameMarket = a.market?.source === b.market?.source;
  return test?.to === other?.to && isSameMarket ? '' : ' (of different markets or test windows)';
}

function meansOf(
  a: ModelSummary,
  b: ModelSummary,
  figure: keyof HorizonFigures,
): { own: number; other: number; horizons: Horizon[] } | undefined {
  const pairs = HORIZON_NAMES.flatMap((horizon) => {
    const [own, other] = [a.figures[horizon][figure], b.figures[horizon][figure]];
    return own === null || other === null ? [] : [{ horizon, own, other }];
  });
  if (pairs.length === 0) return undefined;
  const mean = (side: 'own' | 'other') => pairs.reduce((sum, pair) => sum + pair[side], 0) / pairs.length;
  return { own: mean('own'), other: mean('other'), horizons: pairs.map(({ horizon }) => horizon) };
}
