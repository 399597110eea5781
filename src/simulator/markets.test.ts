import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { at64, type BarColumns, DAY_MS, durationOf, HOUR_MS, MINUTE_MS, sliceBars, TIMEFRAMES } from '../core/index.ts';
import { aggregateBars, writeCandleFile } from '../marketfiles/index.ts';
import { GENERATED_START } from './generated-market.ts';
import { FIXTURE_START, minuteOf, walk } from './market-fixture.ts';
import { marketFromOptions } from './market-options.ts';
import type { SimulatedMarket } from './simulated-market.ts';
import { startBench } from './simulator-fixture.ts';

describe('a replay of files', () => {
  /** 20 hours of which the last 10 exist as minutes, from 7 minutes past an hour on. */
  const MINUTES = 1_200;
  const FIRST = 607;
  let directory: string;
  let whole: BarColumns;
  let market: SimulatedMarket;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'minutehand-replay-'));
    for (const folder of ['1m', '15m', 'funding']) await mkdir(join(directory, folder));
    whole = walk('AAAUSDT', MINUTES);
    await writeCandleFile(join(directory, '1m', 'AAAUSDT.csv.gz'), sliceBars(whole, FIRST, MINUTES));
    await writeCandleFile(join(directory, '15m', 'AAAUSDT.csv'), aggregateBars(whole, '1m', '15m'));
    await writeCandleFile(join(directory, '1m', 'BBBUSDT.csv.gz'), sliceBars(walk('BBBUSDT', MINUTES), FIRST, 1_100));
    await writeFile(
      join(directory, 'funding', 'AAAUSDT.csv.gz'),
      gzipSync(`funding_time_ms,funding_rate\n${FIXTURE_START},0.0001\n${FIXTURE_START + 8 * HOUR_MS},-0.0002\n`),
    );
    market = await marketFromOptions({ replay: join(directory, '1m'), history: join(directory, '15m') });
  });
  afterAll(() => rm(directory, { recursive: true, force: true }));

  it('knows its range and its instruments, tick and step from the decimals of the data', () => {
    expect(market).toMatchObject({ kind: 'replay', edge: undefined, start: minuteOf(FIRST), end: minuteOf(MINUTES) });
    expect(market.startAt).toBe(minuteOf(FIRST) + 72 * HOUR_MS);
    expect(market.instruments[0]).toMatchObject({
      venue: 'binanceusdm',
      symbol: 'AAAUSDT',
      base: 'AAA',
      quote: 'USDT',
      tickSize: '0.01',
      stepSize: '0.001',
      minQuantity: '0.001',
    });
  });

  it('takes an instrument whose minutes end early for delisted then', () => {
    expect(market.instruments[1]).toMatchObject({ symbol: 'BBBUSDT', delistedAt: minuteOf(1_100) });
  });

  it('joins older bars and minutes at the seam as if all were minutes, in every timeframe', async () => {
    for (const timeframe of TIMEFRAMES) {
      await market.load('AAAUSDT', timeframe);
      const bars = market.bars('AAAUSDT', timeframe, 0, minuteOf(MINUTES));
      const expected = aggregateBars(whole, '1m', timeframe, { keepIncomplete: true });
      const first = at64(bars.openTime, 0);
      // What is finer than the older bars begins with the first whole bar of minutes.
      const oldest = durationOf(timeframe) >= durationOf('15m') ? FIXTURE_START : minuteOf(FIRST);
      expect(first).toBe(Math.ceil(oldest / durationOf(timeframe)) * durationOf(timeframe));
      const from = expected.openTime.indexOf(first);
      expect([...bars.openTime]).toEqual([...expected.openTime.subarray(from)]);
      for (const column of ['open', 'high', 'low', 'close'] as const) {
        expect([...bars[column]]).toEqual([...expected[column].subarray(from)]);
      }
      bars.volume.forEach((volume, i) => {
        expect(volume).toBeCloseTo(at64(expected.volume, from + i), 6);
      });
    }
  });

  it('serves funding rates of the folder beside it, up to now', async () => {
    const bench = await startBench({ market, startAt: minuteOf(700) });
    const { body } = await bench.get('/fapi/v1/fundingRate?symbol=AAAUSDT');
    expect(body).toMatchObject([{ fundingRate: '0.00010000' }, { fundingRate: '-0.00020000' }]);
    expect((await bench.get('/fapi/v1/premiumIndex?symbol=AAAUSDT')).body).toMatchObject({
      lastFundingRate: '-0.00020000',
    });
    expect((await bench.get('/fapi/v1/fundingRate?symbol=BBBUSDT')).body).toEqual([]);
    await bench.close();
  });

  it('lists an instrument that ended as settling, then no more', async () => {
    const bench = await startBench({ market, startAt: minuteOf(1_099) });
    const statuses = async () =>
      ((await bench.get('/fapi/v1/exchangeInfo')).body as { symbols: { status: string }[] }).symbols.map(
        ({ status }) => status,
      );
    expect(await statuses()).toEqual(['TRADING', 'TRADING']);
    await bench.advance(1);
    expect(await statuses()).toEqual(['TRADING', 'SETTLING']);
    await bench.advance(60);
    expect(await statuses()).toEqual(['TRADING']);
    await bench.close();
  });

  it('refuses folders and options that cannot be meant', async () => {
    const replay = join(directory, '1m');
    const codeOf = (options: Parameters<typeof marketFromOptions>[0]) =>
      marketFromOptions(options).then(
        () => 'none',
        (error: { code: string }) => error.code,
      );
    expect(await codeOf({ replay: join(directory, '15m') })).toBe('REPLAY_TIMEFRAME');
    expect(await codeOf({ replay: join(directory, 'nowhere') })).toBe('CANDLE_FOLDER_UNREADABLE');
    expect(await codeOf({ replay, history: join(directory, 'nowhere') })).toBe('CANDLE_FOLDER_UNREADABLE');
    for (const options of [
      {},
      { replay, generate: 1 },
      { replay, edge: true },
      { generate: 1, history: replay },
      { generate: 1.5 },
      { generate: 1, symbols: 2 },
    ]) {
      expect(await codeOf(options)).toBe('MARKET_OPTIONS');
    }
  });

  it('names a funding file that is none', async () => {
    await writeFile(join(directory, 'funding', 'BBBUSDT.csv'), 'funding_time_ms,funding_rate\n1,abc\n');
    await expect(marketFromOptions({ replay: join(directory, '1m') })).rejects.toThrow(/BBBUSDT\.csv.*line 2/);
  });
});

describe('a generated market', () => {
  it('has history before its start and an edge only where one was asked for', async () => {
    const plain = await marketFromOptions({ generate: 7, symbols: 3 });
    const planted = await marketFromOptions({ generate: 7, symbols: 3, edge: true });
    expect(plain).toMatchObject({
      kind: 'generated',
      seed: 7,
      edge: undefined,
      end: undefined,
      startAt: GENERATED_START,
    });
    expect(planted.edge).toMatch(/planted.*rank correlation/);
    expect(plain.start).toBe(GENERATED_START - 120 * DAY_MS);
    expect(plain.instruments[0]?.listedAt).toBe(plain.start);
  });

  it('makes every timeframe of its minutes, whatever range is asked for', async () => {
    const market = await marketFromOptions({ generate: 7, symbols: 3 });
    const symbol = market.instruments[0]?.symbol ?? '';
    const from = GENERATED_START - DAY_MS;
    const minutes = market.bars(symbol, '1m', from, GENERATED_START);
    expect(minutes.length).toBe(1_440);
    for (const timeframe of ['3m', '15m', '1h', '4h', '1d'] as const) {
      const expected = aggregateBars(minutes, '1m', timeframe);
      const bars = market.bars(symbol, timeframe, from - 1, GENERATED_START);
      expect([...bars.openTime]).toEqual([...expected.openTime]);
      expect([...bars.close]).toEqual([...expected.close]);
      expect([...bars.high]).toEqual([...expected.high]);
      const hour = market.bars(symbol, timeframe, from + HOUR_MS, from + HOUR_MS + MINUTE_MS);
      expect(hour.length).toBe(timeframe === '4h' || timeframe === '1d' ? 0 : 1);
    }
    expect(market.bars(symbol, '1h', 0, 10).length).toBe(0);
  });
});

const realData = process.env.MINUTEHAND_MARKET_DATA;

describe('a replay of real data', () => {
  it.skipIf(!realData)('shows bars across the seam, and nothing after now', async () => {
    const folder = (name: string) => join(realData ?? '', 'binance-usdm', name);
    const market = await marketFromOptions({ replay: folder('1m-6day'), history: folder('15m') });
    expect(market.instruments).toHaveLength(50);
    expect(market.instruments.find(({ symbol }) => symbol === 'BTCUSDT')?.tickSize).toBe('0.1');
    const bench = await startBench({ market });
    const { minute, now } = bench.simulator.status();
    expect(minute).toBe(market.start + 72 * HOUR_MS);
    const seam = Math.ceil(market.start / (15 * MINUTE_MS)) * 15 * MINUTE_MS;
    const around = await bench.rows(
      `/fapi/v1/klines?symbol=BTCUSDT&interval=15m&startTime=${seam - DAY_MS}&endTime=${seam + DAY_MS - 1}`,
    );
    expect(around.map((row) => row[0])).toEqual(
      Array.from({ length: 192 }, (_, i) => seam - DAY_MS + i * 15 * MINUTE_MS),
    );
    around.slice(1).forEach((row, i) => {
      expect(Number(row[1]) / Number(around[i]?.[4])).toBeCloseTo(1, 2);
    });
    for (const interval of ['1m', '15m', '1h', '1d']) {
      for (const query of ['', `&endTime=${now + DAY_MS}`, `&startTime=${now}&endTime=${now + DAY_MS}`]) {
        const rows = await bench.rows(`/fapi/v1/klines?symbol=ETHUSDT&interval=${interval}${query}`);
        for (const row of rows) expect(Number(row[0])).toBeLessThanOrEqual(now);
        const forming = rows.at(-1);
        if (interval === '1m' && forming?.[0] === minute) expect(forming[5]).toBe('0');
      }
    }
    await bench.close();
  });
});
