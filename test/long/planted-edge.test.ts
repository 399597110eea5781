import { describe, expect, it } from 'vitest';
import { coverageOf, foundEdge, type StudyTask, studyMarket } from '../../bench/edge-study.ts';

const LINEAR = 40;
const NETWORKS = 2;

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
