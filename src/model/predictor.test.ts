import { cp, mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  createRandom,
  epochMs,
  type FeaturePanel,
  FORECAST_OUTPUTS,
  FORECAST_WIDTH,
  outputOf,
  type Predictor,
} from '../core/index.ts';
import { applyScaler } from '../features/index.ts';
import { OnnxGraph } from '../tensor/index.ts';
import { ModelRefusedError } from './artefact.ts';
import { type FittedBaseline, fitBaseline } from './fit-baseline.ts';
import { type LinearModel, linearModelGraph, linearPart } from './linear-model.ts';
import { hashUniverse, type Manifest, modelIdOf, sha256 } from './manifest.ts';
import { loadPredictor } from './predictor.ts';
import { createPredictorSlot } from './predictor-slot.ts';
import { applyLinks, RAW_COLUMNS } from './raw-outputs.ts';
import { findArtefact, listArtefacts, loadNewest } from './registry.ts';
import { syntheticDataset } from './synthetic-dataset.fixture.ts';

const WIDTH = 6;
const dataset = syntheticDataset({ seed: 3, symbols: 10, rows: 1500, width: WIDTH, edge: 0.2 });
const expected = { featureSetHash: dataset.featureSetHash, universe: dataset.symbols, batchSize: 64 };
let folder: string;
let fitted: FittedBaseline;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'minutehand-predictor-'));
  fitted = await fitBaseline({
    dataset,
    outputDirectory: join(folder, 'models'),
    seed: 1,
    market: { source: 'generated', plantedEdge: true },
    codeVersion: 'test',
    settings: { maxLogisticRows: 3000 },
  });
});

afterAll(() => rm(folder, { recursive: true, force: true }));

function panelOf(rows: number): FeaturePanel {
  const random = createRandom('panel');
  const values = Float32Array.from({ length: rows * WIDTH }, (_, at) => (at % 11 === 4 ? Number.NaN : random.normal()));
  return {
    minute: epochMs(1_750_000_020_000),
    symbols: Array.from({ length: rows }, (_, row) => `S${row}`),
    width: WIDTH,
    featureSetHash: dataset.featureSetHash,
    values,
    masked: Uint8Array.from(values, (value) => (Number.isNaN(value) ? 1 : 0)),
  };
}

async function predictWith(directory: string, panel: FeaturePanel, batchSize = 64) {
  const predictor = await loadPredictor(directory, { ...expected, batchSize });
  try {
    return await predictor.predict(panel);
  } finally {
    await predictor.close();
  }
}

/** A copy of the artefact whose manifest, and graph, are changed and whose hashes are made to fit unless told otherwise. */
async function tampered(
  change: (manifest: Manifest) => Partial<Manifest>,
  options: { onnx?: Uint8Array; keepId?: boolean } = {},
): Promise<string> {
  const directory = await mkdtemp(join(folder, 'tampered-'));
  await cp(fitted.directory, directory, { recursive: true });
  const { modelId: _, ...original } = fitted.manifest;
  const weights = options.onnx ? { weightsSha256: sha256(options.onnx) } : {};
  const body = { ...original, ...weights, ...change(fitted.manifest) };
  const modelId = options.keepId ? fitted.modelId : modelIdOf(body);
  await writeFile(join(directory, 'manifest.json'), JSON.stringify({ ...body, modelId }));
  if (options.onnx) await writeFile(join(directory, 'model.onnx'), options.onnx);
  return directory;
}

const refusedField = async (directory: string, changes: Partial<typeof expected> = {}) => {
  try {
    await (await loadPredictor(directory, { ...expected, ...changes })).close();
    return 'served';
  } catch (error) {
    if (!(error instanceof ModelRefusedError)) throw error;
    expect(error.code).toBe('MODEL_REFUSED');
    expect(error.message).toContain(error.field);
    return error.field;
  }
};

describe('a served linear model', () => {
  it('computes in the runtime what the fit computed, to 1e-5', async () => {
    const random = createRandom('weights');
    const model: LinearModel = {
      width: WIDTH,
      weights: Float32Array.from({ length: RAW_COLUMNS.count * WIDTH }, () => 0.3 * random.normal()),
      bias: Float32Array.from({ length: RAW_COLUMNS.count }, () => 0.3 * random.normal()),
    };
    const onnx = linearModelGraph(model, { feature_set_hash: dataset.featureSetHash });
    const directory = await tampered(() => ({}), { onnx });
    const panel = panelOf(50);
    const scaled = new Float32Array(panel.values.length);
    applyScaler(panel.values, panel.masked, fitted.manifest.scaler, scaled);
    const direct = applyLinks(linearPart(model, scaled));
    const forecasts = await predictWith(directory, panel);
    forecasts.forEach(({ values }, row) => {
      values.forEach((value, column) => {
        expect(Math.abs(value - (direct[row * FORECAST_WIDTH + column] ?? 9)), FORECAST_OUTPUTS[column]).toBeLessThan(
          1e-5,
        );
      });
    });
  });

  it('gives each row the same bits in a batch of any size', async () => {
    const whole = await predictWith(fitted.directory, panelOf(70), 70);
    for (const [rows, batchSize] of [
      [1, 64],
      [7, 3],
      [9, 8],
      [50, 32],
      [70, 1],
    ] as const) {
      const forecasts = await predictWith(fitted.directory, panelOf(rows), batchSize);
      expect(forecasts).toHaveLength(rows);
      forecasts.forEach((forecast, row) => {
        expect(forecast.values, `row ${row} of ${rows} by ${batchSize}`).toEqual(whole[row]?.values);
      });
    }
    expect(await predictWith(fitted.directory, panelOf(0))).toEqual([]);
  });

  it('says who, when, by which model and how much was masked', async () => {
    const panel = panelOf(12);
    const [first] = await predictWith(fitted.directory, panel);
    expect(first).toMatchObject({ symbol: 'S0', minute: panel.minute, modelId: fitted.modelId });
    expect(first?.maskedShare).toBeCloseTo(1 / WIDTH, 12);
    if (!first) throw new Error('no forecast');
    const up = outputOf(first, 'direction_4h_up');
    const down = outputOf(first, 'direction_4h_down');
    const flat = outputOf(first, 'direction_4h_flat');
    expect(up + down + flat).toBeCloseTo(1, 6);
    expect(outputOf(first, 'direction_4h')).toBe([up, down, flat].indexOf(Math.max(up, down, flat)));
  });

  it('refuses a panel of other features, non-finite values and calls after closing', async () => {
    const predictor = await loadPredictor(fitted.directory, expected);
    await expect(predictor.predict({ ...panelOf(3), featureSetHash: 'other' })).rejects.toMatchObject({
      field: 'featureSetHash',
    });
    await expect(predictor.predict({ ...panelOf(3), width: 5 })).rejects.toMatchObject({ field: 'features' });
    const broken = panelOf(3);
    broken.masked.fill(0);
    await expect(predictor.predict(broken)).rejects.toMatchObject({ code: 'MODEL_OUTPUT_INVALID' });
    await predictor.close();
    await predictor.close();
    await expect(predictor.predict(panelOf(3))).rejects.toMatchObject({ code: 'MODEL_CLOSED' });
  });
});

describe('loadPredictor', () => {
  it('serves what it was trained for, or all but a fifth of its symbols', async () => {
    expect(await refusedField(fitted.directory)).toBe('served');
    expect(await refusedField(fitted.directory, { universe: dataset.symbols.slice(0, 8) })).toBe('served');
    expect(await refusedField(fitted.directory, { universe: dataset.symbols.slice(0, 7) })).toBe('universe');
    expect(await refusedField(fitted.directory, { universe: [...dataset.symbols, 'NEWUSDT'] })).toBe('universe');
    const any = await tampered(() => ({ universe: 'any' }));
    expect(await refusedField(any, { universe: ['NEWUSDT'] })).toBe('served');
  });

  it('refuses by the name of the field that differs', async () => {
    const { manifest } = fitted;
    expect(await refusedField(fitted.directory, { featureSetHash: 'other' })).toBe('featureSetHash');
    const scaler = { ...manifest.scaler, center: manifest.scaler.center.map((value) => value + 1) };
    expect(await refusedField(await tampered(() => ({ scaler })))).toBe('scaler');
    const universe = { symbols: dataset.symbols, hash: hashUniverse(['A']) };
    expect(await refusedField(await tampered(() => ({ universe })))).toBe('universe');
    expect(await refusedField(await tampered(() => ({ weightsSha256: 'abc' })))).toBe('weightsSha256');
    expect(await refusedField(await tampered(() => ({ outputs: manifest.outputs.slice(1) })))).toBe('outputs');
    const edgeReference = { ...manifest.edgeReference, '4h': [] };
    expect(await refusedField(await tampered(() => ({ edgeReference }), { keepId: true }))).toBe('modelId');
    expect(await refusedField(join(folder, 'nowhere'))).toBe('manifest');
    const future = await tampered(() => ({}));
    await writeFile(join(future, 'manifest.json'), JSON.stringify({ ...manifest, formatVersion: 2 }));
    expect(await refusedField(future)).toBe('formatVersion');
  });

  it('refuses graphs that are truncated, have weights that are not numbers, other inputs, outputs or features', async () => {
    const onnx = new Uint8Array(await readFile(join(fitted.directory, 'model.onnx')));
    const cut = await tampered(() => ({}));
    await truncate(join(cut, 'model.onnx'), onnx.length - 100);
    expect(await refusedField(cut)).toBe('weightsSha256');
    expect(await refusedField(await tampered(() => ({}), { onnx: onnx.subarray(0, onnx.length - 100) }))).toBe(
      'model.onnx',
    );
    await rm(join(cut, 'model.onnx'));
    expect(await refusedField(cut)).toBe('model.onnx');

    const blank = (): LinearModel => ({
      width: WIDTH,
      weights: new Float32Array(RAW_COLUMNS.count * WIDTH),
      bias: new Float32Array(RAW_COLUMNS.count),
    });
    const poisoned = blank();
    poisoned.weights[5] = Number.NaN;
    const hash = { feature_set_hash: dataset.featureSetHash };
    expect(await refusedField(await tampered(() => ({}), { onnx: linearModelGraph(poisoned, hash) }))).toBe('weights');
    const other = linearModelGraph(blank(), { feature_set_hash: 'other' });
    expect(await refusedField(await tampered(() => ({}), { onnx: other }))).toBe('featureSetHash');

    const wrongInput = new OnnxGraph('wrong');
    wrongInput.input('bars', ['batch', WIDTH]);
    wrongInput.metadata('feature_set_hash', dataset.featureSetHash);
    expect(await refusedField(await tampered(() => ({}), { onnx: wrongInput.toBytes() }))).toBe('features');
    const noOutput = new OnnxGraph('wrong');
    noOutput.input('features', ['batch', WIDTH]);
    noOutput.metadata('feature_set_hash', dataset.featureSetHash);
    expect(await refusedField(await tampered(() => ({}), { onnx: noOutput.toBytes() }))).toBe('outputs');
  });
});

describe('the registry', () => {
  it('finds the newest artefact that may be served and says why others may not', async () => {
    const parent = await mkdtemp(join(folder, 'registry-'));
    const put = async (source: string, name: string) => {
      await cp(source, join(parent, name), { recursive: true });
      return join(parent, name);
    };
    const { windows } = fitted.manifest;
    const test = { ...windows.test, to: windows.test.to + 1000 };
    const newer = await put(await tampered(() => ({ windows: { ...windows, test } })), 'newer');
    await put(fitted.directory, 'older');
    await put(
      await tampered(() => ({ windows: { ...windows, test: { ...test, to: test.to + 1 } }, featureSetHash: 'other' })),
      'foreign',
    );
    await writeFile(join(await put(fitted.directory, 'broken'), 'manifest.json'), '{');

    const listed = await listArtefacts(parent);
    expect(listed.artefacts.map(({ directory }) => directory.slice(parent.length + 1))).toEqual([
      'foreign',
      'newer',
      'older',
    ]);
    expect(listed.refusals.map(({ field }) => field)).toEqual(['manifest']);

    const { predictor, refusals } = await loadNewest(parent, expected);
    expect(predictor?.directory).toBe(newer);
    await predictor?.close();
    expect(refusals.map(({ field }) => field)).toEqual(['manifest', 'featureSetHash']);
    const none = await loadNewest(parent, { ...expected, featureSetHash: 'nothing' });
    expect(none.predictor).toBeUndefined();
    expect(none.refusals).toHaveLength(4);
    expect(await loadNewest(join(folder, 'missing'), expected)).toEqual({ predictor: undefined, refusals: [] });
  });

  it('finds a model by its id whatever its folder is called, and says what is wrong with the one that has its name', async () => {
    const parent = await mkdtemp(join(folder, 'registry-'));
    await expect(findArtefact(parent, fitted.modelId)).rejects.toMatchObject({ field: 'artefact' });
    const named = join(parent, fitted.modelId);
    await cp(fitted.directory, named, { recursive: true });
    await writeFile(join(named, 'manifest.json'), '{');
    await expect(findArtefact(parent, fitted.modelId)).rejects.toMatchObject({ field: 'manifest', directory: named });
    await cp(fitted.directory, join(parent, 'renamed'), { recursive: true });
    expect(await findArtefact(parent, fitted.modelId)).toMatchObject({ directory: join(parent, 'renamed') });
  });
});

describe('the predictor slot', () => {
  const named = (modelId: string, closed: string[]): Predictor => ({
    modelId,
    featureSetHash: 'x',
    edgeReference: { '15m': [], '1h': [], '4h': [], '12h': [] },
    contextBars: 1,
    observe: async () => undefined,
    predict: async () => [],
    withheld: () => new Map(),
    close: async () => {
      closed.push(modelId);
    },
  });

  it('serves the new model from the next use on and closes the old one after its last use', async () => {
    const closed: string[] = [];
    const slot = createPredictorSlot();
    expect(await slot.use(async (predictor) => predictor)).toBeUndefined();
    await slot.swap(named('first', closed));
    let finish = (): void => undefined;
    const cycle = slot.use(async (predictor) => {
      await new Promise<void>((resolve) => {
        finish = resolve;
      });
      return predictor?.modelId;
    });
    const swapped = slot.swap(named('second', closed));
    expect(slot.current?.modelId).toBe('second');
    expect(await slot.use(async (predictor) => predictor?.modelId)).toBe('second');
    expect(closed).toEqual([]);
    finish();
    expect(await cycle).toBe('first');
    await swapped;
    expect(closed).toEqual(['first']);
    await slot.close();
    expect(closed).toEqual(['first', 'second']);
    expect(slot.current).toBeUndefined();
  });

  it('does not close a model that is put in again', async () => {
    const closed: string[] = [];
    const slot = createPredictorSlot();
    const same = named('same', closed);
    await slot.swap(same);
    await slot.swap(same);
    expect(closed).toEqual([]);
  });
});
