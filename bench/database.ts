// Writes a year of 15-minute bars of 50 symbols, writes them again, and reads them into typed arrays, beside what a plain client
// would do on the same server in the same run. `npm run --silent bench:database -- [--symbols 50] [--bars 35040]`; the last line is JSON.
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type pg from 'pg';
import {
  createRandom,
  durationOf,
  epochMs,
  type FinalCandle,
  FORECAST_WIDTH,
  milliseconds,
  type Signal,
  silentLog,
} from '../src/core/index.ts';
import {
  acquireLease,
  createPostgresJournal,
  type Database,
  migrate,
  openDatabase,
  readBars,
  startEmbeddedServer,
  upsertCandles,
} from '../src/database/index.ts';

const { values } = parseArgs({
  options: { symbols: { type: 'string', default: '50' }, bars: { type: 'string', default: '35040' } },
});
const symbols = Array.from({ length: Number(values.symbols) }, (_, index) => `SYM${index}USDT`);
const barsPerSymbol = Number(values.bars);
const START = Date.UTC(2024, 0, 1);
const STEP = durationOf('15m');
const VENUE = 'binanceusdm';
const END = epochMs(START + barsPerSymbol * STEP);
/** The plain client's share of the symbols: it needs several times as long. */
const PEER_SYMBOLS = symbols.slice(0, Math.max(1, Math.floor(symbols.length / 10)));

const dataDir = mkdtempSync(join(tmpdir(), 'minutehand-bench-'));
const server = await startEmbeddedServer({ dataDir, log: silentLog });
const database = await openDatabase({ url: server.url, applicationName: 'bench', log: silentLog });
try {
  await migrate(database);
  const write = await measureWrites(database);
  await database.pool.query('VACUUM ANALYZE raw_market_data');
  const read = await measureReads(database);
  const cycleCommitMs = await measureCommits(database);
  const result = {
    benchmark: 'database',
    cpu: cpus()[0]?.model.trim(),
    cores: cpus().length,
    node: process.version,
    symbols: symbols.length,
    barsPerSymbol,
    upsert: write,
    read,
    cycleCommitMs,
    goals: { upsertPerSecond: 80_000, readYearSeconds: 5 },
  };
  console.log(JSON.stringify(result));
} finally {
  await database.close();
  await server.stop();
  rmSync(dataDir, { recursive: true, force: true });
}

async function measureWrites(target: Database) {
  const timeOf = async (work: (candles: FinalCandle[]) => Promise<unknown>, names: readonly string[]) => {
    let spent = 0;
    for (const symbol of names) {
      const candles = marketOf(symbol);
      const begun = performance.now();
      await work(candles);
      spent += performance.now() - begun;
    }
    return Math.round((names.length * barsPerSymbol) / (spent / 1_000));
  };
  const upsert = (candles: FinalCandle[]) => upsertCandles(target, VENUE, candles, epochMs(START));
  const newPerSecond = await timeOf(upsert, symbols);
  report(`upsert of new candles: ${newPerSecond} a second`);
  const knownPerSecond = await timeOf(upsert, PEER_SYMBOLS);
  report(`upsert of known candles: ${knownPerSecond} a second`);
  await target.pool.query('CREATE TABLE peer (LIKE raw_market_data INCLUDING ALL)');
  const peerPerSecond = await timeOf((candles) => insertValues(target.pool, candles), PEER_SYMBOLS);
  report(`INSERT … VALUES through pg, 1,000 rows each, not partitioned: ${peerPerSecond} a second`);
  return { newPerSecond, knownPerSecond, peerPerSecond, ratio: ratio(newPerSecond, peerPerSecond) };
}

async function measureReads(target: Database) {
  const range = { venue: VENUE, timeframe: '15m', from: epochMs(START), until: END } as const;
  let begun = performance.now();
  const bars = await readBars(target, symbols, range);
  const seconds = (performance.now() - begun) / 1_000;
  const total = [...bars.values()].reduce((sum, { length }) => sum + length, 0);
  if (total !== symbols.length * barsPerSymbol) throw new Error(`read ${total} bars`);
  report(`read of ${total} bars into typed arrays: ${seconds.toFixed(2)} s`);
  begun = performance.now();
  for (const symbol of symbols) await selectRows(target.pool, symbol);
  const peerSeconds = (performance.now() - begun) / 1_000;
  report(`the same through plain SELECTs: ${peerSeconds.toFixed(2)} s`);
  return { bars: total, seconds: round(seconds), peerSeconds: round(peerSeconds), ratio: ratio(peerSeconds, seconds) };
}

/** A minute's commit: 50 forecasts, 50 candidates, the book's state; durable when it returns. */
async function measureCommits(target: Database) {
  const now = epochMs(START);
  const request = await acquireLease(target, { book: 'bench', holder: 'bench', now, duration: milliseconds(1) });
  if (!request.acquired) throw new Error('the lease is held');
  const journal = createPostgresJournal({ database: target, venue: VENUE, lease: request.lease });
  const spent: number[] = [];
  for (let index = 0; index < 220; index++) {
    const minute = epochMs(START + index * 60_000);
    const signals = symbols.map(
      (symbol): Signal => ({
        id: `bench/${minute}/${symbol}`,
        symbol,
        minute,
        modelId: 'bench',
        side: 'long',
        horizon: '4h',
        expectedReturn: 0.01,
        expectedCost: 0.001,
        netEdge: 0.009,
        probability: 0.6,
        confidence: 0.7,
        referencePrice: 100,
        verdicts: [{ gate: 'confidence', passed: true, value: 0.7, threshold: 0.6 }],
        accepted: true,
      }),
    );
    const outputs = () => new Float32Array(FORECAST_WIDTH).fill(0.5);
    const begun = performance.now();
    await journal.commitCycle({
      book: 'bench',
      minute,
      status: 'DECIDED',
      members: symbols,
      excluded: [],
      candles: symbols.length,
      forecasts: symbols.map((symbol) => ({ symbol, minute, modelId: 'bench', values: outputs(), maskedShare: 0 })),
      signals,
      notes: [],
      intents: [],
      orders: [],
      orderEvents: [],
      fills: [],
      cashFlows: [],
      positions: [],
      equity: {
        minute,
        equity: '1',
        cash: '1',
        unrealizedPnl: '0',
        realizedPnl: '0',
        fees: '0',
        funding: '0',
        transfers: '0',
        grossExposure: '0',
        openPositions: 0,
      },
      commands: [],
      riskEvents: [],
      reasonCounts: {},
      stageMs: {},
      startedAt: minute,
      bookState: JSON.stringify({ history: 'x'.repeat(20_000) }),
      step: { inputs: 'x'.repeat(600), stateDigest: 'x'.repeat(43), texts: new Map() },
    });
    // The first ones prepare statements and make partitions.
    if (index >= 20) spent.push(performance.now() - begun);
  }
  spent.sort((a, b) => a - b);
  const at = (share: number) => round(spent[Math.min(spent.length - 1, Math.floor(share * spent.length))] ?? 0);
  report(`commit of a minute: p50 ${at(0.5)} ms, p99 ${at(0.99)} ms`);
  return { p50: at(0.5), p99: at(0.99), max: at(1) };
}

function marketOf(symbol: string): FinalCandle[] {
  const random = createRandom(symbol);
  let close = 100;
  return Array.from({ length: barsPerSymbol }, (_, index) => {
    const open = close;
    close = open * (1 + random.normal() / 200);
    const volume = 1_000 * random.uniform();
    return {
      state: 'final',
      finality: 'archive',
      symbol,
      timeframe: '15m',
      openTime: epochMs(START + index * STEP),
      open,
      high: Math.max(open, close) * 1.001,
      low: Math.min(open, close) * 0.999,
      close,
      volume,
      quoteVolume: volume * open,
      trades: random.integer(5_000),
      takerBuyVolume: volume / 2,
    };
  });
}

async function insertValues(pool: pg.Pool, candles: readonly FinalCandle[]): Promise<void> {
  for (let from = 0; from < candles.length; from += 1_000) {
    const rows = candles.slice(from, from + 1_000);
    const texts = rows.map(
      (_, row) => `(1, '15m', ${Array.from({ length: 9 }, (_, i) => `$${row * 10 + i + 1}`)}, $${row * 10 + 10})`,
    );
    await pool.query(
      `INSERT INTO peer (instrument_id, timeframe, open_time, open, high, low, close, volume, quote_volume, taker_buy_volume,
         trades, finality) VALUES ${texts.join(',')} ON CONFLICT DO NOTHING`,
      // A shift in time per symbol keeps the keys apart.
      rows.flatMap((bar) => [
        bar.openTime + Number(bar.symbol.replace(/\D/g, '')),
        bar.open,
        bar.high,
        bar.low,
        bar.close,
        bar.volume,
        bar.quoteVolume,
        bar.takerBuyVolume,
        bar.trades,
        bar.finality,
      ]),
    );
  }
}

async function selectRows(pool: pg.Pool, symbol: string): Promise<Float64Array[]> {
  const { rows } = await pool.query(
    `SELECT open_time, open, high, low, close, volume, quote_volume, taker_buy_volume
     FROM raw_market_data JOIN instruments USING (instrument_id)
     WHERE venue = $1 AND symbol = $2 AND timeframe = '15m' ORDER BY open_time`,
    [VENUE, symbol],
  );
  const columns = ['open_time', 'open', 'high', 'low', 'close', 'volume', 'quote_volume', 'taker_buy_volume'];
  return columns.map((column) => Float64Array.from(rows, (row) => row[column]));
}

function report(line: string): void {
  process.stderr.write(`${line}\n`);
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}

function ratio(ours: number, peers: number): number {
  return round(ours / peers);
}
