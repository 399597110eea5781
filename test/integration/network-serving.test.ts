import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config/index.ts';
import {
  createRandom,
  type EpochMs,
  epochMs,
  type FeaturePanel,
  ManualClock,
  MINUTE_MS,
  noMetrics,
  silentLog,
} from '../../src/core/index.ts';
import {
  createTestDatabase,
  insertFeatures,
  promoteModel,
  saveModel,
  type TestDatabase,
} from '../../src/database/index.ts';
import { BookModels } from '../../src/engine/book-models.ts';
import { writeArtefact } from '../../src/model/artefact.ts';
import { loadPredictor, modelRecord, type ServedPredictor } from '../../src/model/index.ts';
import { randomNetwork, SMALL_NETWORK } from '../../src/model/random-network.fixture.ts';

const SYMBOLS = ['A', 'B', 'C'];
const QUARTER_MS = 15 * MINUTE_MS;
const START = Date.UTC(2025, 4, 1);
const { context, features } = SMALL_NETWORK;
const first = randomNetwork(SMALL_NETWORK, { seed: 1 });
const second = randomNetwork(SMALL_NETWORK, { seed: 2 });
const { featureSetHash } = first.manifest;
// Phase 0 alone is forecast, so that sixteen rows of a symbol are its context.
const config = loadConfig({
  workingDirectory: process.cwd(),
  env: { MINUTEHAND__ML_INTEGRATION__SCHEDULER__INTERVAL_SECONDS: '900' },
}).values;

let test: TestDatabase;
let folder: string;
const opened: { close(): Promise<void> }[] = [];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'minutehand-network-serving-'));
  for (const { manifest, onnx } of [first, second]) await writeArtefact(folder, { manifest, onnx, card: '' });
});
afterAll(() => rm(folder, { recursive: true, force: true }));
beforeEach(async () => {
  test = await createTestDatabase();
});
afterEach(async () => {
  for (const each of opened.splice(0)) await each.close();
  await test.drop();
});

const barAt = (bar: number): EpochMs => epochMs(START + bar * QUARTER_MS);

function panelOf(bar: number): FeaturePanel {
  const random = createRandom(`bar ${bar}`);
  const values = Float32Array.from({ length: SYMBOLS.length * features }, () => random.normal());
  values[bar % features] = Number.NaN;
  const masked = Uint8Array.from(values, (value) => (Number.isNaN(value) ? 1 : 0));
  return { minute: barAt(bar), symbols: SYMBOLS, width: features, featureSetHash, values, masked };
}

async function store(bars: number, from = 0): Promise<void> {
  const featureNames = first.manifest.featureNames;
  for (let bar = from; bar < from + bars; bar++) {
    const rows = { panel: panelOf(bar), featureNames, indicators: SYMBOLS.map(() => ({})) };
    await insertFeatures(test.database, config.exchange.id, rows);
  }
}

/** What the model says of a bar whose context was given to it directly. */
async function expectedAt(directory: string, bar: number) {
  const predictor = await loadPredictor(directory, { featureSetHash, universe: SYMBOLS, batchSize: 8 });
  opened.push(predictor);
  for (let own = bar - context + 1; own < bar; own++) await predictor.observe(panelOf(own));
  return predictor.predict(panelOf(bar));
}

async function openBook(bar: number) {
  const clock = new ManualClock(barAt(bar));
  const models = new BookModels({
    book: 'book',
    config,
    database: test.database,
    featureSetHash,
    universe: () => SYMBOLS,
    modelsDirectory: folder,
    clock,
    log: silentLog,
    metrics: noMetrics,
    onEvent: () => undefined,
  });
  opened.push({ close: () => models.close() });
  return { models, clock };
}

async function promote({ manifest }: typeof first): Promise<void> {
  const time = barAt(0);
  await saveModel(test.database, modelRecord(manifest, time));
  await promoteModel(test.database, {
    book: 'book',
    alias: 'champion',
    modelId: manifest.modelId,
    actor: 'test',
    time,
  });
}

const served = (predictor: ServedPredictor | undefined): ServedPredictor => {
  if (!predictor) throw new Error('nothing serves');
  return predictor;
};

describe('a network in a running book', () => {
  it('is warmed from stored rows, at the start and before it takes over from another', async () => {
    await store(context + 1);
    await promote(first);
    const { models, clock } = await openBook(context - 1);
    await models.serve(await models.choose(), false);
    const before = served(models.slot.current);
    expect(before.modelId).toBe(first.manifest.modelId);
    const forecasts = await before.predict(panelOf(context));
    expect(forecasts.map(({ symbol }) => symbol)).toEqual(SYMBOLS);
    expect(forecasts).toEqual(await expectedAt(before.directory, context));

    await promote(second);
    clock.moveTo(barAt(context));
    await models.follow(barAt(context));
    const after = served(models.slot.current);
    expect(after.modelId).toBe(second.manifest.modelId);
    const next = await after.predict(panelOf(context + 1));
    expect(next).toHaveLength(SYMBOLS.length);
    expect(next).toEqual(await expectedAt(after.directory, context + 1));
  });

  it('is given the rows of the minute it took over in once they are stored', async () => {
    await store(context);
    await promote(first);
    const { models, clock } = await openBook(context);
    await models.serve(await models.choose(), false);
    const predictor = served(models.slot.current);
    await store(1, context);
    const minute = epochMs(barAt(context) + MINUTE_MS);
    clock.moveTo(minute);
    await models.follow(minute);
    const forecasts = await predictor.predict(panelOf(context + 1));
    expect(forecasts).toEqual(await expectedAt(predictor.directory, context + 1));
  });

  it('withholds what has no context, and says why', async () => {
    await store(5);
    await promote(first);
    const { models } = await openBook(context - 1);
    await models.serve(await models.choose(), false);
    const predictor = served(models.slot.current);
    const panel = panelOf(context);
    expect(await predictor.predict(panel)).toEqual([]);
    expect([...predictor.withheld(panel)]).toEqual(SYMBOLS.map((symbol) => [symbol, 'MODEL_CONTEXT_INCOMPLETE']));
  });
});
