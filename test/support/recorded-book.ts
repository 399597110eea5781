import { mkdtempSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RecordedFunding } from '../../src/backtest/parity/recorded-funding.ts';
import { loadConfig } from '../../src/config/index.ts';
import {
  createRandom,
  type EpochMs,
  epochMs,
  type FinalCandle,
  type FundingRates,
  type Instrument,
  ManualClock,
  MINUTE_MS,
  type MinuteCandles,
  milliseconds,
  noMetrics,
  type SymbolId,
  silentLog,
} from '../../src/core/index.ts';
import {
  acquireLease,
  createPostgresJournal,
  type Database,
  listFills,
  requestCommand,
  saveRun,
  saveUniverse,
} from '../../src/database/index.ts';
import { type BookState, initialBookState, warmBookState } from '../../src/engine/book-state.ts';
import { decodeBookState } from '../../src/engine/book-state-text.ts';
import { MinuteCycle } from '../../src/engine/minute-cycle.ts';
import { cycleSettings } from '../../src/engine/settings.ts';
import { createFeatureEngineer, type FeatureEngineer } from '../../src/features/index.ts';
import { MODEL_FILE, readManifest, writeArtefact } from '../../src/model/artefact.ts';
import { createPredictorSlot, loadModel } from '../../src/model/index.ts';
import { modelIdOf } from '../../src/model/manifest.ts';
import { PaperBroker, pendingCancels, positionsOf } from '../../src/trading/index.ts';
import { ROOT } from './minutehand.ts';

const SYMBOLS = ['BTCUSDT', 'ETHUSDT', 'AUSDT', 'BUSDT'];
const REFERENCES = ['BTCUSDT', 'ETHUSDT'];
const PACKAGED = 'linear-baseline-077de450a4ee';
const MIDNIGHT = epochMs(Date.UTC(2025, 5, 20));
const HISTORY_MINUTES = 1_500;
const [BEFORE, AFTER] = [12, 30];

/** The book's minutes: before and after a midnight, at which states are stored and funding is settled. */
export const FIRST = epochMs(MIDNIGHT - BEFORE * MINUTE_MS);
export const LAST = epochMs(MIDNIGHT + AFTER * MINUTE_MS);
export const RUN_ID = 'main/some/run';

export interface RecordedBook {
  readonly modelsFolder: string;
  readonly config: ReturnType<typeof loadConfig>['values'];
  remove(): void;
}

/**
 * Runs a small book on paper as an engine does, recording into `database`: a day of history, 42 minutes over a midnight with forecasts of a
 * packaged model, positions by chance, funding, commands, a minute that is late, one that lacks a candle and gets it later, one that the
 * venue corrects, and a restart.
 */
export async function recordBook(database: Database): Promise<RecordedBook> {
  const folder = mkdtempSync(join(tmpdir(), 'minutehand-parity-'));
  const modelId = await anyUniverseModel(folder);
  const config = bookConfig();
  const venue = config.exchange.id;
  const settings = cycleSettings(config, 'main');
  const { decide } = settings;
  const clock = new ManualClock(epochMs(FIRST - MINUTE_MS));
  const held = await acquireLease(database, {
    book: 'main',
    holder: 'test',
    now: clock.now(),
    duration: milliseconds(1e12),
  });
  if (!held.acquired) throw new Error('the lease is held');
  const journal = createPostgresJournal({ database, venue, lease: held.lease, clock });
  await saveUniverse(database, { book: 'main', fromMinute: FIRST, symbols: SYMBOLS });
  const run = { runId: RUN_ID, book: 'main', fromMinute: FIRST, market: {}, startedAt: FIRST };
  await saveRun(database, { ...run, status: 'running' });

  const market = randomMarket();
  const history = market.filter(({ openTime }) => openTime < FIRST - MINUTE_MS);
  for (let from = 0; from < history.length; from += 2_000) {
    await journal.commitCandles(history.slice(from, from + 2_000));
  }
  const features = createFeatureEngineer({ symbols: SYMBOLS, references: REFERENCES });
  features.push(history);
  const { featureSetHash } = features;
  const before = epochMs(FIRST - MINUTE_MS);
  await journal.saveFeatureState({ book: 'main', minute: before, featureSetHash, bytes: features.snapshot() });

  const options = { featureSetHash, universe: SYMBOLS, batchSize: config.ml_integration.scheduler.batch_size };
  const predictors = createPredictorSlot();
  await predictors.swap(await loadModel(folder, modelId, options));
  const funding = new RecordedFunding(database, venue);
  const known = new Map<SymbolId, FundingRates>();
  const instruments = new Map(SYMBOLS.map((symbol) => [symbol, instrumentOf(symbol)]));
  const start = async (from: { state: BookState; features: FeatureEngineer; lastMinute?: EpochMs }) => {
    const broker = new PaperBroker({ instrumentOf: (symbol) => instruments.get(symbol), costs: decide.costs, funding });
    const { state, lastMinute } = from;
    const book = await journal.loadBook('main');
    await broker.restore({
      ...(lastMinute === undefined
        ? {}
        : { minute: lastMinute, recentFills: await listFills(database, { book: 'main', from: FIRST }) }),
      openOrders: book?.openOrders ?? [],
      positions: positionsOf('main', state.ledger, state.markets),
    });
    await broker.cancel(pendingCancels(state.ledger));
    return new MinuteCycle(
      {
        book: 'main',
        universe: SYMBOLS,
        references: REFERENCES,
        instruments: () => instruments,
        ended: () => new Set(),
        entriesBlocked: () => undefined,
        fundingRates: () => new Map([...known].map(([symbol, { rates }]) => [symbol, rates[0] ?? 0])),
        knownFunding: () => known,
        clock,
        journal,
        broker,
        predictors,
        settings,
        log: silentLog,
        metrics: noMetrics,
      },
      { isOrigin: lastMinute === undefined, ...from },
    );
  };
  const state = warmBookState(initialBookState(decide.risk), history, decide.sizing, decide.signals.regimes);
  let cycle = await start({ state, features });
  let waiting: FinalCandle[] = [];
  for (let minute: number = FIRST; minute <= LAST; minute += MINUTE_MS) {
    const index = (minute - FIRST) / MINUTE_MS;
    clock.moveTo(epochMs(minute));
    let candles = market.filter(({ openTime }) => openTime === minute - MINUTE_MS);
    const repaired = waiting;
    waiting = [];
    let missing: MinuteCandles['missing'] = [];
    if (index === 20) {
      waiting = candles.filter(({ symbol }) => symbol === 'BUSDT');
      candles = candles.filter(({ symbol }) => symbol !== 'BUSDT');
      missing = [{ symbol: 'BUSDT', reason: 'CANDLE_MISSING' }];
    }
    if (index === 22) {
      await journal.commitCandles(candles);
      candles = candles.map((candle) => ({ ...candle, volume: candle.volume + 1 }));
    }
    const late = index === 24 ? 'CYCLE_NOT_RUN' : undefined;
    await cycle.run({ minute: epochMs(minute), candles, missing, repaired }, late);
    if (index === BEFORE) {
      for (const symbol of SYMBOLS) {
        const rates = { times: Float64Array.of(minute), rates: Float64Array.of(0.0001) };
        known.set(symbol, rates);
        funding.learn([[symbol, epochMs(minute), 0.0001]]);
        cycle.pushFunding(symbol, rates);
      }
    }
    if (index === 26 || index === 30) {
      const command = index === 26 ? 'reduce' : 'resume';
      await requestCommand(database, { command, book: 'main', actor: 'cli:test', time: clock.now() });
      if (index === 26) await cycle.book.applyCommands();
    }
    if (index === 34) {
      await cycle.settled();
      const book = await journal.loadBook('main');
      if (book === undefined) throw new Error('nothing was committed');
      cycle = await start({
        state: decodeBookState(book.bookState),
        features: cycle.features,
        lastMinute: book.lastMinute,
      });
    }
  }
  await cycle.settled();
  await predictors.close();
  await saveRun(database, { ...run, status: 'finished', untilMinute: LAST });
  return { modelsFolder: folder, config, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

function bookConfig() {
  const { values } = loadConfig({ workingDirectory: ROOT, env: {} });
  const [ml] = values.strategies;
  if (ml === undefined) throw new Error('no strategy is configured');
  const chance = {
    ...ml,
    name: 'chance',
    kind: 'random',
    decide_every: '1m',
    cooldown: '1m',
    turnover_per_day: 96,
    positions: 3,
  } as const;
  return { ...values, strategies: [ml, chance] };
}

/** A packaged model that takes any universe, in `folder`. Returns its id. */
async function anyUniverseModel(folder: string): Promise<string> {
  const packaged = join(ROOT, 'models', PACKAGED);
  const manifest = { ...(await readManifest(packaged)), universe: 'any' as const };
  const modelId = modelIdOf(manifest);
  const onnx = await readFile(join(packaged, MODEL_FILE));
  await writeArtefact(folder, { manifest: { ...manifest, modelId }, onnx, card: '' });
  return modelId;
}

const instrumentOf = (symbol: SymbolId): Instrument => ({
  venue: 'binanceusdm',
  symbol,
  base: symbol.replace(/USDT$/, ''),
  quote: 'USDT',
  tickSize: '0.01',
  stepSize: '0.001',
  minQuantity: '0.001',
  minNotional: '5',
  status: 'trading',
});

/** A day of random walks before the first minute, and the minutes; oldest first, in canonical order within a minute. */
function randomMarket(): FinalCandle[] {
  const random = createRandom('parity');
  const prices = new Map(SYMBOLS.map((symbol, index) => [symbol, 100 * (index + 1)]));
  const candles: FinalCandle[] = [];
  for (let openTime = FIRST - HISTORY_MINUTES * MINUTE_MS; openTime < LAST; openTime += MINUTE_MS) {
    for (const symbol of SYMBOLS) {
      const open = prices.get(symbol) ?? 1;
      const close = Number((open * Math.exp(0.002 * random.normal())).toFixed(2));
      const reach = 0.001 * random.uniform();
      candles.push({
        state: 'final',
        finality: 'archive',
        symbol,
        timeframe: '1m',
        openTime: epochMs(openTime),
        open,
        high: Number((Math.max(open, close) * (1 + reach)).toFixed(2)),
        low: Number((Math.min(open, close) * (1 - reach)).toFixed(2)),
        close,
        volume: Number((500 * (1 + random.uniform())).toFixed(3)),
      });
      prices.set(symbol, close);
    }
  }
  return candles;
}
