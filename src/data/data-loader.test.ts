import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  at64,
  createRandom,
  epochMs,
  HOUR_MS,
  ManualClock,
  MINUTE_MS,
  noMetrics,
  type SymbolId,
  silentLog,
} from '../core/index.ts';
import { createTestDatabase, listCorrections, readBars, type TestDatabase } from '../database/index.ts';
import { readCandleFile } from '../marketfiles/index.ts';
import { type BackfillProgress, DataLoader, type DataLoaderOptions } from './data-loader.ts';
import { createExchangeGateway, type ExchangeGateway } from './exchange-gateway.ts';
import { type FakeVenue, fakeBar, startFakeVenue } from './fake-venue.ts';
import { refreshInstruments } from './instrument-lifecycle.ts';
import { dataBackfill, dataExport, dataGaps, dataImport, dataRepair } from './operations.ts';

const SYMBOLS = ['BTCUSDT', 'ETHUSDT', 'SOLUSDT'];
const NOON = epochMs(1_750_000_020_000 - (1_750_000_020_000 % HOUR_MS));
const minutesAgo = (minutes: number) => epochMs(NOON - minutes * MINUTE_MS);
const VENUE = 'binanceusdm';

let store: TestDatabase;
let venue: FakeVenue;
let gateway: ExchangeGateway;
let options: DataLoaderOptions;
let loader: DataLoader;
let folder: string;

beforeAll(async () => {
  store = await createTestDatabase();
  folder = await mkdtemp(join(tmpdir(), 'minutehand-data-'));
});
afterAll(async () => {
  await store.drop();
  await rm(folder, { recursive: true });
});
beforeEach(async () => {
  venue = await startFakeVenue(SYMBOLS, NOON);
  const clock = new ManualClock(NOON);
  const common = { clock, log: silentLog, metrics: noMetrics, maxParallel: 4 };
  gateway = await createExchangeGateway({ exchangeId: VENUE, url: venue.url, requestTimeoutMs: 5_000, ...common });
  options = { gateway, database: store.database, random: createRandom(1), ...common };
  loader = new DataLoader(options);
});
afterEach(async () => {
  await gateway.close();
  await venue.close();
  await store.database.pool.query('TRUNCATE raw_market_data, candle_corrections');
});

function fill(symbol: SymbolId, from: number, to: number): void {
  for (let ago = from; ago > to; ago--) venue.bars.get(symbol)?.set(minutesAgo(ago), fakeBar(minutesAgo(ago)));
}

async function storedOf(symbol: SymbolId, timeframe: '1m' | '15m' = '1m') {
  const bars = await readBars(store.database, [symbol], {
    venue: VENUE,
    timeframe,
    from: epochMs(0),
    until: epochMs(NOON + HOUR_MS),
  });
  const columns = bars.get(symbol);
  if (columns === undefined) throw new Error('no columns');
  return columns;
}

const klineRequests = () => venue.requests.filter((url) => url.startsWith('/fapi/v1/klines'));
const request = { symbols: SYMBOLS, timeframe: '1m' as const, from: minutesAgo(2_000), to: NOON };

describe('back-fill', () => {
  it('fetches what is missing in pages, and nothing the second time', async () => {
    for (const symbol of SYMBOLS) fill(symbol, 2_001, -1);
    const reports: BackfillProgress[] = [];
    const first = await loader.backfill({ ...request, onProgress: (report) => reports.push(report) });
    expect(first).toEqual({ fetched: 6_000, inserted: 6_000, corrections: [], failed: [] });
    expect(klineRequests()).toHaveLength(6);
    expect(reports.at(-1)).toMatchObject({
      settledBars: 6_000,
      missingBars: 6_000,
      symbolsDone: 3,
      symbols: 3,
      remainingMs: 0,
    });
    const bars = await storedOf('ETHUSDT');
    expect([at64(bars.openTime, 0), at64(bars.openTime, 1_999)]).toEqual([minutesAgo(2_000), minutesAgo(1)]);
    expect(at64(bars.close, 7)).toBe(fakeBar(at64(bars.openTime, 7))[3]);

    venue.requests.length = 0;
    expect(await loader.backfill(request)).toMatchObject({ fetched: 0, inserted: 0 });
    expect(klineRequests()).toEqual([]);
  });

  it('goes on where it was cut off, and fills in front, behind and in between', async () => {
    for (const symbol of SYMBOLS) fill(symbol, 2_001, -1);
    await loader.backfill({ ...request, symbols: ['BTCUSDT'], from: minutesAgo(1_500), to: minutesAgo(500) });
    await store.database.pool.query('DELETE FROM raw_market_data WHERE open_time BETWEEN $1 AND $2', [
      minutesAgo(1_000),
      minutesAgo(991),
    ]);
    expect(await loader.backfill({ ...request, symbols: ['BTCUSDT'] })).toMatchObject({
      fetched: 1_010,
      inserted: 1_010,
    });
    const stopping = new AbortController();
    const cut = await loader.backfill({
      ...request,
      symbols: ['ETHUSDT'],
      signal: stopping.signal,
      onProgress: () => stopping.abort(),
    });
    expect(cut.inserted).toBeGreaterThan(0);
    expect(cut.inserted).toBeLessThan(2_000);
    const rest = await loader.backfill({ ...request, symbols: ['ETHUSDT'] });
    expect(cut.inserted + rest.inserted).toBe(2_000);
  });

  it('begins with the first bar of a symbol that was listed later, in one request', async () => {
    fill('SOLUSDT', 100, -1);
    expect(await loader.backfill({ ...request, symbols: ['SOLUSDT'] })).toMatchObject({ fetched: 100, inserted: 100 });
    venue.requests.length = 0;
    expect(await loader.backfill({ ...request, symbols: ['SOLUSDT'] })).toMatchObject({ inserted: 0, failed: [] });
    expect(klineRequests()).toHaveLength(1);
  });

  it('makes flat bars of minutes the venue skips, and leaves an outage as a gap', async () => {
    fill('BTCUSDT', 2_001, -1);
    for (const ago of [1_500, 1_499, 30]) venue.bars.get('BTCUSDT')?.delete(minutesAgo(ago));
    for (let ago = 1_000; ago > 700; ago--) venue.bars.get('BTCUSDT')?.delete(minutesAgo(ago));
    expect(await loader.backfill({ ...request, symbols: ['BTCUSDT'] })).toMatchObject({
      fetched: 1_697,
      inserted: 1_700,
    });
    const bars = await storedOf('BTCUSDT');
    const index = bars.openTime.indexOf(minutesAgo(1_500));
    const before = fakeBar(minutesAgo(1_501))[3];
    expect([at64(bars.open, index), at64(bars.high, index + 1), at64(bars.volume, index)]).toEqual([before, before, 0]);
    const gaps = await dataGaps({ database: store.database, venue: VENUE, timeframe: '1m' });
    expect(gaps).toMatchObject({ ok: false, missingBars: 300 });
    expect(gaps.gaps).toHaveLength(1);
  });

  it('goes on with the others when a symbol fails, and repeats what fails in passing', async () => {
    fill('BTCUSDT', 100, -1);
    venue.failures.push({ path: '/fapi/v1/klines', status: 503, body: 'busy' });
    const result = await loader.backfill({ ...request, symbols: ['BTCUSDT', 'NOSUCHUSDT'] });
    expect(result.inserted).toBe(100);
    expect(result.failed).toHaveLength(1);
    expect(result.failed[0]).toMatchObject({ symbol: 'NOSUCHUSDT', reason: expect.stringContaining('Invalid symbol') });
  });

  it('never stores the bar that is still forming', async () => {
    fill('BTCUSDT', 100, -1);
    await loader.backfill({ ...request, symbols: ['BTCUSDT'], to: epochMs(NOON + HOUR_MS) });
    const bars = await storedOf('BTCUSDT');
    expect(at64(bars.openTime, bars.length - 1)).toBe(minutesAgo(1));
  });
});

describe('data operations', () => {
  it('back-fills several timeframes and reports in plain figures', async () => {
    for (const symbol of SYMBOLS) fill(symbol, 600, -1);
    const report = await dataBackfill({
      ...options,
      symbols: SYMBOLS,
      timeframes: ['1m', '15m'],
      from: minutesAgo(600),
      to: NOON,
    });
    expect(report).toMatchObject({ ok: true, symbols: 3, inserted: 3 * 640, corrections: 0, failed: [] });
    expect((await storedOf('BTCUSDT', '15m')).length).toBe(40);
    const nowhere = dataBackfill({
      ...options,
      symbols: ['NOUSDT'],
      timeframes: ['1m'],
      from: minutesAgo(60),
      to: NOON,
    });
    await expect(nowhere).rejects.toMatchObject({ code: 'BACKFILL_FAILED', exitCode: 1 });
  });

  it('repairs the gaps that the venue can fill and names those it cannot', async () => {
    fill('BTCUSDT', 600, -1);
    await loader.backfill({ ...request, symbols: ['BTCUSDT'] });
    const remove = 'DELETE FROM raw_market_data WHERE open_time BETWEEN $1 AND $2';
    await store.database.pool.query(remove, [minutesAgo(500), minutesAgo(100)]);
    for (let ago = 400; ago > 150; ago--) venue.bars.get('BTCUSDT')?.delete(minutesAgo(ago));
    const report = await dataRepair({ ...options, timeframe: '1m' });
    expect(report).toMatchObject({ ok: false, repairedBars: 151, remainingBars: 250, failed: [] });
    expect(report.remaining).toMatchObject([{ symbol: 'BTCUSDT', timeframe: '1m', bars: 250 }]);
    fill('BTCUSDT', 400, 150);
    expect(await dataRepair({ ...options, timeframe: '1m' })).toMatchObject({ ok: true, repairedBars: 250 });
  });

  it('exports what it imported, bar for bar', async () => {
    fill('BTCUSDT', 300, -1);
    await loader.backfill({ ...request, symbols: ['BTCUSDT'] });
    const exported = await dataExport({
      database: store.database,
      venue: VENUE,
      timeframe: '1m',
      folder: join(folder, 'out'),
    });
    expect(exported).toMatchObject({ ok: true, bars: 300, files: [{ symbol: 'BTCUSDT', bars: 300 }] });
    const before = await storedOf('BTCUSDT');
    await store.database.pool.query('TRUNCATE raw_market_data');
    const imported = await dataImport({ ...options, venue: VENUE, path: join(folder, 'out') });
    expect(imported).toMatchObject({ ok: true, inserted: 300, unchanged: 0, corrections: 0 });
    expect(await storedOf('BTCUSDT')).toEqual(before);
    const path = exported.files[0]?.path ?? '';
    const again = await dataImport({ ...options, venue: VENUE, path, timeframe: '1m' });
    expect(again).toMatchObject({ inserted: 0, unchanged: 300 });
    expect((await readCandleFile(path)).bars.length).toBe(300);
  });

  it('keeps stored values and records what a file says otherwise', async () => {
    fill('BTCUSDT', 10, -1);
    await loader.backfill({ ...request, symbols: ['BTCUSDT'] });
    const path = join(folder, 'BTCUSDT-1m.csv');
    await writeFile(path, `open_time_ms,open,high,low,close,volume\n${minutesAgo(5)},1,2,1,2,3\n`);
    expect(await dataImport({ ...options, venue: VENUE, path })).toMatchObject({ inserted: 0, corrections: 1 });
    const filter = { venue: VENUE, from: minutesAgo(10), until: NOON };
    expect(await listCorrections(store.database, filter)).toHaveLength(1);
  });

  it('refuses a file of unknown market, a row that is no bar, and an unwritable folder', async () => {
    const unknown = join(folder, 'bars.csv');
    const header = 'open_time_ms,open,high,low,close,volume\n';
    await writeFile(unknown, `${header}${minutesAgo(5)},1,2,1,2,3\n`);
    const common = { ...options, venue: VENUE };
    await expect(dataImport({ ...common, path: unknown })).rejects.toMatchObject({
      code: 'IMPORT_MARKET_UNKNOWN',
      exitCode: 2,
    });
    await writeFile(unknown, `${header}${minutesAgo(5)},1,0.5,1,2,3\n`);
    const wrong = dataImport({ ...common, path: unknown, symbol: 'BTCUSDT', timeframe: '1m' });
    await expect(wrong).rejects.toMatchObject({ code: 'IMPORT_NOT_A_BAR', exitCode: 1 });
    expect(await readFile(unknown, 'utf8')).toContain('0.5');
    const unwritable = dataExport({
      database: store.database,
      venue: VENUE,
      timeframe: '1m',
      folder: join(unknown, 'x'),
    });
    await expect(unwritable).rejects.toMatchObject({ code: 'EXPORT_FOLDER_UNWRITABLE' });
  });

  it('stores the venue’s instruments and reports what changed since', async () => {
    const settings = { gateway, database: store.database, log: silentLog };
    const first = await refreshInstruments(settings);
    expect(first.instruments).toHaveLength(3);
    expect(first.changes).toMatchObject({ listed: [], delisted: [], tickChanged: [] });
    venue.statuses.set('SOLUSDT', 'SETTLING');
    expect((await refreshInstruments(settings)).changes.delisted).toEqual(['SOLUSDT']);
    expect((await refreshInstruments(settings)).changes.delisted).toEqual([]);
  });
});
