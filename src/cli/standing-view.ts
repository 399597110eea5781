import type { ModelStanding } from '../model/index.ts';

/** Champion, challenger and why, on one line; none where there is no challenger. */
export const standingLines = ({ champion, challenger, reason }: ModelStanding): string[] =>
  challenger === null
    ? []
    : [`champion ${champion ?? 'none'}, challenger ${challenger}${reason === null ? '' : `: ${reason}`}`];
