import { describe, expect, it } from 'vitest';
import { coverageOf, foundEdge, type StudyTask, studyMarket } from '../../bench/edge-study.ts';
import { type ReversalResult, reversalAgreement, tradeReversal } from '../../bench/reversal-books.ts';

const LINEAR = 40;
const NETWORKS = 2;
const BOOKS = 40;

async function study(count: number, model: StudyTask['model']) {
  const results = [];
  for (let index = 0; index < count; index++) {
    results.push(await studyMarket({ model, edge: false, features: 'few', seed: `long/${index}` }));
  }
  return coverageOf(results);
}

describe('a market with the planted edge', () => {
  it('shows a linear model as much of it as can be found', async () => {
    const { horizons, passes } = foundEdge(
      await studyMarket({ model: 'linear', edge: true, features: 'few', seed: '1' }),
    );
    expect(passes, JSON.stringify(horizons)).toBe(true);
    expect(horizons['4h'].found.low).toBeGreaterThan(0);
  }, 900_000);
});

describe('a book that trades the planted edge', () => {
  it('shows the Sharpe ratio that the edge is worth by construction, within its interval as often as that claims', async () => {
    const results: ReversalResult[] = [];
    for (let book = 0; book < BOOKS; book++) results.push(await tradeReversal(`reversal/${book}`));
    const agreement = reversalAgreement(results);
    const { withinBinomial, meanSharpe, meanTheory, standardError } = agreement;
    expect(withinBinomial, JSON.stringify(agreement)).toBe(true);
    expect(Math.abs(meanSharpe - meanTheory), JSON.stringify(agreement)).toBeLessThan(3 * standardError);
  }, 3_600_000);
});

describe('markets without an edge', () => {
  it('leave zero inside the intervals of linear models as often as they claim', async () => {
    const coverage = await study(LINEAR, 'linear');
    expect(coverage['raw IC, mean of the four horizons']).toMatchObject({ markets: LINEAR, withinBinomial: true });
  }, 1_800_000);

  it('show networks nothing, either', async () => {
    const coverage = await study(NETWORKS, 'network');
    expect(coverage['raw IC, mean of the four horizons']).toMatchObject({ markets: NETWORKS, withinBinomial: true });
  }, 600_000);
});
