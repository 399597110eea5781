import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FittedBaseline } from '../fit-baseline.ts';
import { evaluationReport } from '../report/evaluation-report.ts';
import {
  DAYS,
  day,
  FEW_FEATURES,
  FITTED_DAYS,
  fitOnMarket,
  REFERENCES,
  SYMBOLS,
  writeMarket,
} from './candle-market.fixture.ts';
import { type ArtefactEvaluation, type ArtefactEvaluationRequest, evaluateArtefact } from './evaluate-artefact.ts';

let root: string;
let data: string;
let fitted: FittedBaseline;
let judged: ArtefactEvaluation;
const evaluate = (changes: Partial<ArtefactEvaluationRequest> = {}) =>
  evaluateArtefact({
    directory: fitted.directory,
    data,
    references: REFERENCES,
    from: day(FITTED_DAYS),
    featureSet: FEW_FEATURES,
    workers: 1,
    settings: { maxTrainingRows: 2_000, maxLogisticRows: 1_000, maxEvaluationRows: 1_000, resamples: 200 },
    ...changes,
  });

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'minutehand-artefact-'));
  data = join(root, 'candles');
  await writeMarket(data);
  fitted = await fitOnMarket(data, join(root, 'models'));
  judged = await evaluate();
}, 60_000);
afterAll(() => rm(root, { recursive: true, force: true }));

describe('evaluateArtefact', () => {
  it('judges every row of the candles that has its day ahead, out of sample, on the symbols of the model', () => {
    const { evaluation, symbols } = judged;
    expect(symbols).toEqual(SYMBOLS);
    expect(evaluation).toMatchObject({
      rows: SYMBOLS.length * ((DAYS - 1 - FITTED_DAYS) * 96 + 1),
      from: day(FITTED_DAYS),
      to: day(DAYS - 1),
      inSample: false,
      symbols: SYMBOLS.length,
      days: DAYS - FITTED_DAYS,
    });
  });

  it('stands beside what is known of volatility, which is most of it', () => {
    const { mean, baselines } = judged.evaluation;
    expect(mean.macroF1.value).toBeGreaterThan((baselines.majority?.mean.macroF1.value ?? 1) + 0.05);
    expect(baselines.volatilityOnly?.difference.logLoss.low).toBeLessThan(0.01);
    expect(Math.abs(baselines.volatilityOnly?.difference.macroF1.value ?? 1)).toBeLessThan(0.05);
    expect(baselines.persistence?.mean.macroF1.value).toBeGreaterThan(0.2);
    expect(baselines.linear).toBeNull();
    // A random walk: nothing tells which way.
    expect(Math.abs(mean.signAccuracy.value ?? 1)).toBeLessThan(0.56);
  });

  it('breaks the figures down', () => {
    const { breakdowns } = judged.detail;
    expect(breakdowns.symbols.map(({ name }) => name)).toEqual(SYMBOLS);
    expect(breakdowns.months.map(({ name }) => name)).toEqual(['2025-01']);
    expect(breakdowns.regimes).toHaveLength(5);
  });

  it('says of rows that the model was fitted on that they are, and takes them only where asked to', async () => {
    const asked = { from: day(FITTED_DAYS - 6), to: day(FITTED_DAYS - 3) };
    await expect(evaluate(asked)).rejects.toMatchObject({ code: 'EVALUATION_IN_SAMPLE', exitCode: 2 });
    const inSample = await evaluate({ ...asked, inSample: true });
    expect(inSample.evaluation.inSample).toBe(true);
    expect(evaluationReport(inSample)).toContain('In-sample');
  });

  it('refuses other features, too few rows, and candles that do not reach back to where the model was fitted', async () => {
    await expect(evaluate({ featureSet: { ...FEW_FEATURES, hash: 'other' } })).rejects.toMatchObject({
      code: 'MODEL_REFUSED',
      field: 'featureSetHash',
      exitCode: 3,
    });
    await expect(evaluate({ to: day(FITTED_DAYS + 1) })).rejects.toMatchObject({
      code: 'DATASET_TOO_SHORT',
      exitCode: 2,
    });
    const late = join(root, 'late');
    await writeMarket(late, FITTED_DAYS - 4);
    await expect(evaluate({ data: late })).rejects.toMatchObject({ code: 'DATASET_TOO_SHORT', exitCode: 2 });
  });
});

describe('evaluationReport', () => {
  const report = () => evaluationReport(judged);

  it('says on top what market it is, escaped, and shows every part', () => {
    const html = report();
    expect(html).toContain('Generated market with a planted edge');
    expect(html).toContain('seed &lt;1&gt;');
    expect(html).not.toContain('seed <1>');
    expect(html).not.toContain('In-sample');
    for (const title of [
      'Beside what knows less',
      'Calibration of the classes',
      'By month',
      'By regime',
      'By symbol',
    ]) {
      expect(html).toContain(`<h2>${title}</h2>`);
    }
    // Four reliability diagrams, confusion matrices, days and deciles.
    expect(html.match(/<svg /g)).toHaveLength(16);
  });

  it('is one file that loads nothing, and holds no number that is none', () => {
    const html = report();
    expect(html).not.toMatch(/<script|<link|<img|@import|url\(|\b(?:src|href)=|https?:/);
    expect(html).not.toMatch(/NaN|Infinity|undefined|null/);
  });

  it('is the same for the same evaluation', async () => {
    expect(evaluationReport(await evaluate())).toBe(report());
  });
});
