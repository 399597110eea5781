import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DAY_MS, epochMs, HORIZON_NAMES } from '../core/index.ts';
import { CATALOGUE, featureSet } from '../features/index.ts';
import { aggregateBars, createGeneratedMarket, writeCandleFile } from '../marketfiles/index.ts';
import { type ArtefactEvaluation, evaluateArtefact, fitBaseline, readDatasetFolder } from '../model/index.ts';
import { evaluationLines, evaluationResult } from './evaluation-view.ts';
import { toJsonLine } from './output.ts';

const START = epochMs(Date.UTC(2025, 0, 1));
const day = (number: number) => epochMs(START + number * DAY_MS);
const set = featureSet(CATALOGUE.filter(({ name }) => ['ret_1', 'vol_8'].includes(name)));
let root: string;
let judged: ArtefactEvaluation;

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'minutehand-view-'));
  const market = createGeneratedMarket({ seed: 1, symbols: 4, start: START });
  const symbols = market.instruments.map(({ symbol }) => symbol);
  for (const symbol of symbols) {
    const minutes = market.bars(symbol, START, day(16));
    await writeCandleFile(join(root, `${symbol}.csv`), aggregateBars(minutes, '1m', '15m'));
  }
  const common = { symbols, references: [], featureSet: set, workers: 1 };
  const dataset = await readDatasetFolder({ directory: root, ...common, from: day(1), until: day(14) });
  const settings = { maxTrainingRows: 1_000, maxLogisticRows: 500, maxEvaluationRows: 800, resamples: 100 };
  const { directory } = await fitBaseline({
    dataset,
    outputDirectory: join(root, 'models'),
    seed: 1,
    market: { source: 'generated', plantedEdge: false },
    codeVersion: 'test',
    settings,
  });
  const rows = { from: day(9), to: day(12), inSample: true };
  judged = await evaluateArtefact({ directory, data: root, ...common, ...rows, settings });
}, 60_000);
afterAll(() => rmSync(root, { recursive: true, force: true }));

describe('evaluationResult', () => {
  it('has the macro-F1 of model and baselines first, and every figure behind, as JSON', () => {
    const result = JSON.parse(toJsonLine(evaluationResult(judged, '/tmp/report.html'))) as Record<string, unknown>;
    const { mean, baselines } = judged.evaluation;
    expect(result).toMatchObject({
      ok: true,
      modelId: judged.manifest.modelId,
      macroF1: mean.macroF1.value,
      macroF1VolatilityOnly: baselines.volatilityOnly?.mean.macroF1.value,
      macroF1Majority: baselines.majority?.mean.macroF1.value,
      macroF1Persistence: baselines.persistence?.mean.macroF1.value,
      // The model is the linear baseline.
      macroF1Linear: mean.macroF1.value,
      // Four symbols are no cross-section.
      informationCoefficient: null,
      inSample: true,
      rows: judged.evaluation.rows,
      from: '2025-01-10T00:00:00Z',
      to: '2025-01-12T00:00:00Z',
      report: '/tmp/report.html',
      market: { source: 'generated', plantedEdge: false },
    });
    expect(Object.keys(result.horizons ?? {})).toEqual([...HORIZON_NAMES]);
  });
});

describe('evaluationLines', () => {
  it('shows the model beside the baselines, and says what the figures are worth', () => {
    const text = evaluationLines(judged, null).join('\n');
    expect(text).toContain('fitted on: Generated market.');
    expect(text).toContain('IN-SAMPLE: ');
    const value = judged.evaluation.baselines.volatilityOnly?.mean.macroF1.value?.toFixed(4) ?? '?';
    expect(text).toMatch(new RegExp(`^volatility-only +${value}`, 'm'));
    expect(text).toMatch(/^12h .* n\/a/m);
    expect(text).not.toMatch(/report:|NaN|null|undefined/);
    expect(evaluationLines(judged, '/tmp/report.html').at(-1)).toBe('report: /tmp/report.html');
  });
});
