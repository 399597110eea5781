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
 * The figures of a champion to those of its challenger, means of the horizons for which both have them, and which is better. A linear model is
 * spoken for by the one that the other was judged beside, on the same rows. Where log-loss and information coefficient disagree, the log-loss
 * decides: it is of all outcomes, the coefficient of the expected return alone.
 */
export function compareModels(champion: ModelSummary, challenger: ModelSummary): string {
  const [own, other] = figuresToCompare(champion, challenger);
  const loss = meansOf(own, other, ({ logLoss }) => logLoss);
  const coefficient = meansOf(own, other, (of) => of.rawInformationCoefficient ?? of.informationCoefficient);
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

type Figures = ModelSummary['figures'];

function figuresToCompare(champion: ModelSummary, challenger: ModelSummary): [own: Figures, other: Figures] {
  const isLinear = ({ kind }: ModelSummary) => kind === 'linear-baseline';
  if (isLinear(challenger) && !isLinear(champion))
    return [champion.figures, champion.linearFigures ?? challenger.figures];
  if (isLinear(champion) && !isLinear(challenger))
    return [challenger.linearFigures ?? champion.figures, challenger.figures];
  return [champion.figures, challenger.figures];
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
  a: Figures,
  b: Figures,
  figure: (of: HorizonFigures) => number | null,
): { own: number; other: number; horizons: Horizon[] } | undefined {
  const pairs = HORIZON_NAMES.flatMap((horizon) => {
    const [own, other] = [figure(a[horizon]), figure(b[horizon])];
    return own === null || other === null ? [] : [{ horizon, own, other }];
  });
  if (pairs.length === 0) return undefined;
  const mean = (side: 'own' | 'other') => pairs.reduce((sum, pair) => sum + pair[side], 0) / pairs.length;
  return { own: mean('own'), other: mean('other'), horizons: pairs.map(({ horizon }) => horizon) };
}
