import { createHash } from 'node:crypto';
import { cp, mkdtemp, readFile, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { loadConfig } from '../config/index.ts';
import {
  allocateBars,
  createRandom,
  type EpochMs,
  type Labels,
  type LogFields,
  ManualClock,
  milliseconds,
  noMetrics,
  silentLog,
  yieldToEventLoop,
} from '../core/index.ts';
import {
  acquireLease,
  aliasedModel,
  createPostgresJournal,
  createTestDatabase,
  listAudit,
  listModels,
  type ModelAlias,
  promoteModel,
  saveModel,
  type TestDatabase,
} from '../database/index.ts';
import { CATALOGUE, createFeatureEngineer, featureSet } from '../features/index.ts';
import { BAR_MS, type Dataset, fitBaseline, type ModelStanding } from '../model/index.ts';
import { readOnnxModel } from '../tensor/index.ts';
import { PaperBroker } from '../trading/index.ts';
import { BookModels } from './book-models.ts';
import { initialBookState } from './book-state.ts';
import { minuteAt, START, testCandle, testInstrument } from './decide-fixtures.ts';
import type { EngineEvent } from './engine-event.ts';
import { MinuteCycle } from './minute-cycle.ts';
import { cycleSettings } from './settings.ts';

const SYMBOLS = ['BTCUSDT', 'ETHUSDT', 'AUSDT', 'BUSDT'];
const set = featureSet(CATALOGUE.filter(({ stage }) => stage === 'fast').slice(0, 6));
const config = loadConfig({ workingDirectory: process.cwd(), env: {} }).values;
let test: TestDatabase;
let folder: string;
/** The folder of artefacts as it was made; each test works on a copy. */
let made: string;
/** Two that may serve, of which the first is the newest, and the oldest, of other features. */
let [newest, older, foreign] = ['', '', ''];

beforeAll(async () => {
  test = await createTestDatabase();
  folder = await mkdtemp(join(tmpdir(), 'minutehand-models-'));
  made = join(folder, 'made');
  newest = await fitModel(set.hash, 1, 0);
  older = await fitModel(set.hash, 2, -96);
  foreign = await fitModel('other', 3, -192);
  for (const modelId of [newest, older, foreign]) await register(modelId);
});
afterAll(async () => {
  await test.drop();
  await rm(folder, { recursive: true, force: true });
});

/** A baseline fitted on noise that ends `shift` bars later; the seed alone makes it another model. */
async function fitModel(featureSetHash: string, seed: number, shift: number): Promise<string> {
  const rows = 1_300;
  const random = createRandom('noise');
  const times = Float64Array.from({ length: rows }, (_, row) => START + (row - rows + shift) * BAR_MS);
  const dataset: Dataset = {
    featureSetHash,
    featureNames: set.names,
    symbols: SYMBOLS,
    times,
    width: set.names.length,
    features: new Map(
      SYMBOLS.map((symbol) => [symbol, Float32Array.from({ length: rows * set.names.length }, () => random.normal())]),
    ),
    bars: new Map(
      SYMBOLS.map((symbol) => {
        const bars = allocateBars(rows);
        let price = 100;
        for (let row = 0; row < rows; row++) {
          bars.openTime[row] = (times[row] ?? 0) - BAR_MS;
          const open = price;
          price *= Math.exp(0.004 * random.normal());
          bars.open[row] = open;
          bars.close[row] = price;
          bars.high[row] = Math.max(open, price) * 1.001;
          bars.low[row] = Math.min(open, price) * 0.999;
          bars.volume[row] = 10;
        }
        return [symbol, bars];
      }),
    ),
  };
  const market = { source: 'generated', plantedEdge: false } as const;
  const settings = { maxLogisticRows: 600 };
  return (await fitBaseline({ dataset, outputDirectory: made, seed, market, codeVersion: 'test', settings })).modelId;
}

let books = 0;
const opened: BookModels[] = [];
afterEach(async () => {
  for (const models of opened.splice(0)) await models.close();
});

/** Another book, with a copy of the artefacts: what it told, and how to promote for it. */
async function startBook() {
  const name = `book ${++books}`;
  const models = await mkdtemp(join(folder, 'models-'));
  await cp(made, models, { recursive: true });
  const told = {
    notices: [] as string[],
    models: [] as string[],
    challengers: [] as string[],
    standings: [] as ModelStanding[],
    refusals: [] as unknown[],
    counted: 0,
  };
  const clock = new ManualClock(START);
  const log = { ...silentLog, warn: ({ reason, field }: LogFields) => void told.refusals.push([reason, field]) };
  const open = (universe = SYMBOLS) => {
    const opening = new BookModels({
      book: name,
      config,
      database: test.database,
      featureSetHash: set.hash,
      universe: () => universe,
      modelsDirectory: models,
      clock,
      log,
      metrics: {
        ...noMetrics,
        count: (name: string, labels?: Labels) => {
          if (name === 'minutehand_reasons_total' && labels?.reason === 'MODEL_REFUSED') told.counted++;
        },
      },
      onEvent: (event: EngineEvent) => {
        if (event.kind === 'notice') told.notices.push(event.text);
        if (event.kind === 'model') told[event.alias === 'champion' ? 'models' : 'challengers'].push(event.modelId);
        if (event.kind === 'standing') told.standings.push(event.standing);
      },
    });
    opened.push(opening);
    return opening;
  };
  return {
    name,
    models,
    told,
    clock,
    open,
    champion: () => aliasedModel(test.database, name, 'champion'),
    challenger: () => aliasedModel(test.database, name, 'challenger'),
    promote: (modelId: string, alias: ModelAlias = 'champion') =>
      promoteModel(test.database, { book: name, alias, modelId, actor: 'test', time: clock.now() }),
    lastAudit: async () => {
      const [entry] = await listAudit(test.database, { limit: 1 });
      return entry && [entry.actor, entry.action, entry.subject, entry.details.book];
    },
  };
}
type Book = Awaited<ReturnType<typeof startBook>>;

/** Decides minutes of a calm market with whatever the slot holds. */
async function createCycle({ name, clock }: Book, slot: BookModels['slot']) {
  const { database } = test;
  const lease = await acquireLease(database, {
    book: name,
    holder: 'test',
    now: START,
    duration: milliseconds(9e12 - START),
  });
  if (!lease.acquired) throw new Error('the lease is held');
  const settings = cycleSettings(config, name);
  const instruments = new Map(SYMBOLS.map((symbol) => [symbol, testInstrument(symbol)]));
  const journal = createPostgresJournal({ database, venue: 'binanceusdm', lease: lease.lease, clock });
  let held = Promise.resolve();
  const cycle = new MinuteCycle(
    {
      book: name,
      universe: SYMBOLS,
      references: ['BTCUSDT', 'ETHUSDT'],
      instruments: () => instruments,
      ended: () => new Set(),
      entriesBlocked: () => undefined,
      clock,
      journal: {
        ...journal,
        commitCandles: async (candles) => {
          await held;
          return journal.commitCandles(candles);
        },
      },
      broker: new PaperBroker({ instrumentOf: (symbol) => instruments.get(symbol), costs: settings.decide.costs }),
      predictors: slot,
      settings,
      log: silentLog,
      metrics: noMetrics,
    },
    {
      state: initialBookState(settings.decide.risk),
      features: createFeatureEngineer({ featureSet: set, symbols: SYMBOLS, references: ['BTCUSDT', 'ETHUSDT'] }),
    },
  );
  let index = 0;
  /** The next minute: the model of its record, and those of its forecasts. */
  const next = async () => {
    const minute = minuteAt(++index);
    clock.moveTo(minute);
    const candles = SYMBOLS.map((symbol, at) => testCandle(symbol, minute, { close: 100 + ((index + at) % 3) / 10 }));
    const { record } = await cycle.run({ minute, candles, missing: [], repaired: [] });
    return {
      minute,
      modelId: record.modelId,
      forecastBy: [...new Set(record.forecasts.map(({ modelId }) => modelId))],
    };
  };
  for (let warm = 0; warm < 15; warm++) await next();
  /** Keeps the next minute at its first commit until what is returned is called. */
  const hold = () => {
    let release = (): void => undefined;
    held = new Promise((resolve) => {
      release = resolve;
    });
    return release;
  };
  return { next, hold, settled: () => cycle.settled() };
}

describe('models that come with the package', () => {
  it("are taken over where they fit, and serve like the book's own", async () => {
    const book = await startBook();
    await rm(book.models, { recursive: true });
    const models = book.open();
    await models.adopt(made, START);
    const choice = await models.choose();
    expect(choice.predictor?.modelId).toBe(newest);
    await models.serve(choice, false);
    expect(await book.champion()).toBe(newest);
    // The other one that fits did not win: it forecasts beside the winner, and the screen says so.
    expect(await book.challenger()).toBe(older);
    expect(models.challengerSlot.current).toBeUndefined();
    await models.follow(minuteAt(1));
    expect(models.challengerSlot.current?.modelId).toBe(older);
    expect(book.told.challengers).toEqual([older]);
    expect(book.told.standings).toEqual([
      { champion: newest, challenger: older, reason: expect.stringMatching(/^log-loss \d.* to \d.*, IC .*: .*better/) },
    ]);
    // What does not fit is left out without a word to the operator: nobody asked for it.
    expect(book.told).toMatchObject({ notices: [], refusals: [] });
  });

  it('are left alone on a market of a time that they were fitted on', async () => {
    const book = await startBook();
    await rm(book.models, { recursive: true });
    const models = book.open();
    await models.adopt(made, minuteAt(-60 * 24 * 30));
    expect((await models.choose()).predictor).toBeUndefined();
  });
});

describe('the challenger of a running book', () => {
  const startServing = async () => {
    const book = await startBook();
    const models = book.open();
    await models.serve(await models.choose(), false);
    return { book, models, working: () => models.challengerSlot.current?.modelId };
  };

  it('is whom the alias names, from the next look on, until it names nobody', async () => {
    const { book, models, working } = await startServing();
    await models.follow(minuteAt(1));
    expect(working()).toBeUndefined();
    await book.promote(older, 'challenger');
    await models.follow(minuteAt(2));
    expect(working()).toBe(older);
    expect(await book.lastAudit()).toEqual(['engine', 'model.challenge', older, book.name]);

    await book.promote(older);
    await models.follow(minuteAt(3));
    expect([models.slot.current?.modelId, working()]).toEqual([older, undefined]);
    expect(book.told.standings.map(({ champion, challenger }) => [champion, challenger])).toEqual([
      [newest, null],
      [newest, older],
      [older, null],
    ]);
    expect(book.told.standings[1]?.reason).toMatch(/; chosen by test$/);
  });

  it('passes the checks of a champion; one that does not is named, and the champion is left alone', async () => {
    const { book, models, working } = await startServing();
    await book.promote(foreign, 'challenger');
    for (const index of [1, 2]) await models.follow(minuteAt(index));
    expect([models.slot.current?.modelId, working()]).toEqual([newest, undefined]);
    expect(book.told.notices).toEqual([expect.stringMatching(/^the challenger cannot forecast: .*featureSetHash/)]);
    expect(book.told.counted).toBe(1);
  });

  it('is not named again where the book had one', async () => {
    const book = await startBook();
    const models = book.open();
    await models.adopt(made, START);
    await book.promote(older, 'challenger');
    await book.promote(older);
    await models.serve(await models.choose(), false);
    expect(await book.challenger()).toBeUndefined();
  });
});

describe('a promotion while the book runs', () => {
  it('takes effect between two cycles, and one that is refused leaves the old model where it is', async () => {
    const book = await startBook();
    const { promote, told } = book;
    const models = book.open();
    const follow = (minute: EpochMs) => models.follow(minute);
    await models.serve(await models.choose(), false);
    expect(await book.champion()).toBe(newest);
    const { next, hold, settled } = await createCycle(book, models.slot);
    expect(await next()).toMatchObject({ modelId: newest, forecastBy: [newest] });

    await promote(older);
    // The look falls into a running cycle: that one ends with the model it began with.
    const release = hold();
    const running = next();
    const followed = follow(minuteAt(16));
    while (models.slot.current?.modelId !== older) await yieldToEventLoop();
    release();
    await followed;
    expect(await running).toMatchObject({ modelId: newest, forecastBy: [newest] });
    expect(await next()).toMatchObject({ modelId: older, forecastBy: [older] });
    expect(told.models).toEqual([newest, older]);
    expect(await book.lastAudit()).toEqual(['engine', 'model.serve', older, book.name]);
    expect(told.counted).toBe(0);

    await promote(foreign);
    for (let look = 0; look < 3; look++) {
      const { minute, modelId } = await next();
      expect(modelId).toBe(older);
      await follow(minute);
    }
    expect(told.notices).toEqual([
      expect.stringMatching(
        new RegExp(`^the champion cannot serve: .*${foreign}.*: featureSetHash: .*; ${older} goes on serving$`),
      ),
    ]);
    expect(told.counted).toBe(1);
    expect(told.refusals.at(-1)).toEqual(['MODEL_REFUSED', 'featureSetHash']);
    expect(await book.lastAudit()).toEqual(['engine', 'model.refuse', foreign, book.name]);

    await promote(newest);
    await follow((await next()).minute);
    expect(await next()).toMatchObject({ modelId: newest });
    await settled();
  });

  it.each([
    ['weightsSha256', (path: string) => truncate(join(path, 'model.onnx'), 900)],
    ['weights', poisonWeights],
    ['manifest', (path: string) => writeFile(join(path, 'manifest.json'), '{')],
    ['artefact', (path: string) => rm(path, { recursive: true })],
  ])(
    'of an artefact whose %s is wrong is refused by that name, and tried again once it was mended',
    async (field, harm) => {
      const book = await startBook();
      const models = book.open();
      await models.serve(await models.choose(), false);
      await harm(join(book.models, older));
      await book.promote(older);
      await models.follow(minuteAt(1));
      expect(models.slot.current?.modelId).toBe(newest);
      expect(book.told.notices).toEqual([expect.stringContaining(`${older} is refused: ${field}: `)]);

      await rm(join(book.models, older), { recursive: true, force: true });
      await cp(join(made, older), join(book.models, older), { recursive: true });
      await models.follow(minuteAt(2));
      expect(models.slot.current?.modelId).toBe(newest);
      await models.follow(minuteAt(16));
      expect(models.slot.current?.modelId).toBe(older);
    },
  );
});

describe('the model of a start', () => {
  it('is the champion, though a newer artefact lies beside it', async () => {
    const book = await startBook();
    await book.promote(older);
    const choice = await book.open().choose();
    expect(choice).toMatchObject({ champion: older, refusal: undefined, predictor: { modelId: older } });
    await choice.predictor?.close();
    expect(book.told.notices).toEqual([]);
  });

  it('is the newest that may serve where the champion is refused, which stays champion and is named', async () => {
    const book = await startBook();
    const models = book.open();
    await book.promote(older);
    await rename(join(book.models, older), join(folder, `${basename(book.models)}-away`));
    const choice = await models.choose();
    expect(choice.refusal).toMatchObject({ field: 'artefact', message: expect.stringContaining(older) });
    await models.serve(choice, false);
    expect(models.slot.current?.modelId).toBe(newest);
    expect(await book.champion()).toBe(older);
    expect(book.told.notices).toEqual([
      expect.stringMatching(`the champion cannot serve: .*${older}.*missing`),
      `${newest}, the newest that may serve, stands in for ${older}`,
    ]);
    await models.follow(minuteAt(1));
    expect(models.slot.current?.modelId).toBe(newest);
    expect(book.told.notices).toHaveLength(2);
  });

  it('becomes champion where it was fitted because nothing else could serve, unless someone promoted another meanwhile', async () => {
    const book = await startBook();
    const models = book.open();
    await book.promote(foreign);
    const choice = await models.choose();
    expect(choice.refusal?.field).toBe('featureSetHash');
    await models.serve(choice, true);
    expect(await book.champion()).toBe(newest);
    const statuses = (await listModels(test.database, book.name)).map(({ modelId, status }) => [modelId, status]);
    expect(Object.fromEntries(statuses)).toEqual({ [newest]: 'champion', [older]: 'candidate', [foreign]: 'retired' });

    await book.promote(older);
    await models.serve({ ...choice, predictor: models.slot.current }, true);
    expect(await book.champion()).toBe(older);
  });

  it('is none where the book trades a symbol that no model knows', async () => {
    const book = await startBook();
    const choice = await book.open([...SYMBOLS, 'NEWUSDT']).choose();
    expect(choice).toEqual({ predictor: undefined, champion: undefined, refusal: undefined });
    expect(book.told.refusals).toEqual([
      ['MODEL_REFUSED', 'universe'],
      ['MODEL_REFUSED', 'universe'],
      ['MODEL_REFUSED', 'featureSetHash'],
    ]);
  });
});

/** Enters a model of the folder in the registry, as an import does. */
async function register(modelId: string): Promise<void> {
  const manifest = JSON.parse(await readFile(join(made, modelId, 'manifest.json'), 'utf8'));
  const { kind, featureSetHash } = manifest;
  await saveModel(test.database, { modelId, kind, featureSetHash, manifest, createdAt: START });
}

/** Puts a NaN among the weights, and the hash of such weights into the manifest. */
async function poisonWeights(path: string): Promise<void> {
  const onnx = await readFile(join(path, 'model.onnx'));
  for (let at = 0; at < onnx.length; at += 64) {
    const poisoned = Buffer.from(onnx).fill(0xff, at, at + 8);
    if (!isPoisoned(poisoned)) continue;
    await writeFile(join(path, 'model.onnx'), poisoned);
    const manifest = JSON.parse(await readFile(join(path, 'manifest.json'), 'utf8'));
    const weightsSha256 = createHash('sha256').update(poisoned).digest('hex');
    await writeFile(join(path, 'manifest.json'), JSON.stringify({ ...manifest, weightsSha256 }));
    return;
  }
  throw new Error('there is no weight to poison');
}

function isPoisoned(onnx: Uint8Array): boolean {
  try {
    return readOnnxModel(onnx).nonFinite.length > 0;
  } catch {
    return false;
  }
}
