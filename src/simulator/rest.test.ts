import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../core/index.ts';
import { FIXTURE_START, fixtureMarket, minuteOf } from './market-fixture.ts';
import { startBench, type TestBench } from './simulator-fixture.ts';

const NOW_MINUTE = 2_000;

describe('REST in the dialect of Binance USD-M futures', () => {
  let bench: TestBench;
  const klines = (query: string) => bench.rows(`/fapi/v1/klines?symbol=BTCUSDT&${query}`);
  const openTimes = async (query: string) => (await klines(query)).map((row) => row[0]);
  const minutesFrom = (first: number, count: number) => Array.from({ length: count }, (_, i) => minuteOf(first + i));

  beforeAll(async () => {
    bench = await startBench({ market: fixtureMarket({ minutes: 4_000, startAtMinute: NOW_MINUTE }) });
  });
  afterAll(() => bench.close());

  it('gives the newest bars, 500 unless told, the forming one last', async () => {
    expect(await openTimes('interval=1m')).toEqual(minutesFrom(NOW_MINUTE - 499, 500));
    expect(await openTimes('interval=1m&limit=2')).toEqual(minutesFrom(NOW_MINUTE - 1, 2));
    expect(await openTimes('interval=1m&limit=1')).toEqual(minutesFrom(NOW_MINUTE, 1));
  });

  it('counts forward from startTime, back from endTime, and forward between both', async () => {
    expect(await openTimes(`interval=1m&limit=3&startTime=${minuteOf(100)}`)).toEqual(minutesFrom(100, 3));
    expect(await openTimes(`interval=1m&limit=3&startTime=${minuteOf(100) + 1}`)).toEqual(minutesFrom(101, 3));
    expect(await openTimes(`interval=1m&limit=3&endTime=${minuteOf(100)}`)).toEqual(minutesFrom(98, 3));
    expect(await openTimes(`interval=1m&limit=3&endTime=${minuteOf(100) - 1}`)).toEqual(minutesFrom(97, 3));
    const both = `startTime=${minuteOf(100)}&endTime=${minuteOf(110)}`;
    expect(await openTimes(`interval=1m&limit=3&${both}`)).toEqual(minutesFrom(100, 3));
    expect(await openTimes(`interval=1m&${both}`)).toEqual(minutesFrom(100, 11));
    expect(await openTimes(`interval=1m&limit=9&startTime=${minuteOf(NOW_MINUTE - 2)}`)).toEqual(
      minutesFrom(NOW_MINUTE - 2, 3),
    );
    expect(await openTimes(`interval=1m&startTime=${minuteOf(NOW_MINUTE + 1)}`)).toEqual([]);
    expect(await openTimes(`interval=1m&limit=1500&startTime=0`)).toEqual(minutesFrom(0, 1_500));
  });

  it('makes every bar of a coarser timeframe from the minutes in it', async () => {
    const minutes = await klines(`interval=1m&limit=1500&startTime=${FIXTURE_START}`);
    for (const [interval, span] of [
      ['3m', 3],
      ['15m', 15],
      ['1h', 60],
      ['4h', 240],
    ] as const) {
      const bars = await klines(`interval=${interval}&limit=6&startTime=${FIXTURE_START}`);
      expect(bars).toHaveLength(6);
      bars.forEach((bar, i) => {
        const parts = minutes.slice(i * span, (i + 1) * span).map((row) => row.map(Number));
        expect(bar[0]).toBe(minuteOf(i * span));
        expect(bar[6]).toBe(minuteOf((i + 1) * span) - 1);
        expect(Number(bar[1])).toBe(parts[0]?.[1]);
        expect(Number(bar[2])).toBe(Math.max(...parts.map((row) => row[2] ?? 0)));
        expect(Number(bar[3])).toBe(Math.min(...parts.map((row) => row[3] ?? 0)));
        expect(Number(bar[4])).toBe(parts.at(-1)?.[4]);
        expect(Number(bar[5])).toBeCloseTo(
          parts.reduce((sum, row) => sum + (row[5] ?? 0), 0),
          6,
        );
      });
    }
  });

  it('ends each timeframe with a bar that holds no more than the minutes closed so far', async () => {
    // 2,000 minutes are a day, nine hours and twenty minutes.
    const [day] = await klines('interval=1d&limit=1');
    const [hour] = await klines('interval=1h&limit=1');
    const closed = await klines(`interval=1m&limit=20&endTime=${minuteOf(NOW_MINUTE - 1)}`);
    const [forming] = await klines('interval=1m&limit=1');
    expect(day?.[0]).toBe(FIXTURE_START + DAY_MS);
    expect(hour?.[0]).toBe(FIXTURE_START + DAY_MS + 9 * HOUR_MS);
    expect(hour?.[1]).toBe(closed[0]?.[1]);
    expect(hour?.[4]).toBe(forming?.[1]);
    expect(Number(hour?.[2])).toBe(Math.max(...[...closed, forming ?? []].map((row) => Number(row[2]))));
    expect(Number(hour?.[5])).toBeCloseTo(closed.reduce((sum, row) => sum + Number(row[5]), 0));
  });

  it('shows the same bars before and after they lie in the past, and none of the future', async () => {
    const before = await klines('interval=5m&limit=100');
    const newest = before.at(-1)?.[0];
    expect(newest).toBe(minuteOf(NOW_MINUTE));
    await bench.advance(5);
    const after = await klines('interval=5m&limit=101');
    expect(after.slice(0, 99)).toEqual(before.slice(0, 99));
    expect(after[99]?.[0]).toBe(newest);
    expect(after[99]).not.toEqual(before[99]);
  });

  it.each([
    ['/fapi/v1/klines?interval=1m', 400, -1102],
    ['/fapi/v1/klines?symbol=BTCUSDT', 400, -1102],
    ['/fapi/v1/klines?symbol=NOSUCH&interval=1m', 400, -1121],
    ['/fapi/v1/klines?symbol=BTCUSDT&interval=7m', 400, -1120],
    ['/fapi/v1/klines?symbol=BTCUSDT&interval=1m&limit=1501', 400, -1130],
    ['/fapi/v1/klines?symbol=BTCUSDT&interval=1m&limit=0', 400, -1130],
    ['/fapi/v1/klines?symbol=BTCUSDT&interval=1m&limit=ten', 400, -1100],
    ['/fapi/v1/klines?symbol=BTCUSDT&interval=1m&startTime=', 400, -1102],
    ['/fapi/v1/klines?symbol=BTCUSDT&interval=1m&startTime=2&endTime=1', 400, -1023],
    ['/fapi/v1/depth?symbol=BTCUSDT&limit=7', 400, -4021],
    ['/fapi/v1/premiumIndex?symbol=NOSUCH', 400, -1121],
    ['/fapi/v1/account', 404, -5000],
    ['/api/v3/klines', 404, -5000],
  ])('answers %s with %i and code %i', async (path, status, code) => {
    const answer = await bench.get(path);
    expect(answer.status).toBe(status);
    expect(answer.body).toMatchObject({ code, msg: expect.any(String) });
  });

  it('answers for one symbol with an object and for all with a list', async () => {
    for (const path of ['ticker/24hr', 'ticker/price', 'ticker/bookTicker', 'premiumIndex']) {
      const one = await bench.get(`/fapi/v1/${path}?symbol=ETHUSDT`);
      const all = await bench.get(`/fapi/v1/${path}`);
      expect(one.body).toMatchObject({ symbol: 'ETHUSDT' });
      expect(all.body).toEqual(expect.arrayContaining([one.body]));
      expect(all.body).toHaveLength(3);
    }
    expect((await bench.get('/fapi/v1/ping')).body).toEqual({});
    expect((await bench.get('/fapi/v1/fundingInfo')).body).toHaveLength(3);
  });

  it('lists funding up to now, in order of time', async () => {
    const all = (await bench.get('/fapi/v1/fundingRate?limit=1000')).body as { fundingTime: number }[];
    const times = all.map(({ fundingTime }) => fundingTime);
    expect(times).toEqual([...times].sort((a, b) => a - b));
    expect(Math.max(...times)).toBeLessThanOrEqual(bench.simulator.status().now);
    const from = FIXTURE_START + 8 * HOUR_MS;
    const some = (await bench.get(`/fapi/v1/fundingRate?symbol=BTCUSDT&startTime=${from}&limit=2`)).body;
    expect(some).toMatchObject([{ fundingTime: from }, { fundingTime: from + 8 * HOUR_MS }]);
  });

  it('counts weights as the venue does', async () => {
    const used = async (path: string) => Number((await bench.get(path)).headers.get('x-mbx-used-weight-1m'));
    const weightOf = async (path: string) => {
      const before = await used('/fapi/v1/ping');
      return (await used(path)) - before;
    };
    expect(await weightOf('/fapi/v1/klines?symbol=BTCUSDT&interval=1m&limit=99')).toBe(1);
    expect(await weightOf('/fapi/v1/klines?symbol=BTCUSDT&interval=1m&limit=100')).toBe(2);
    expect(await weightOf('/fapi/v1/klines?symbol=BTCUSDT&interval=1m')).toBe(5);
    expect(await weightOf('/fapi/v1/klines?symbol=BTCUSDT&interval=1m&limit=1001')).toBe(10);
    expect(await weightOf('/fapi/v1/ticker/24hr')).toBe(40);
  });
});

describe('the weight limit', () => {
  it('refuses with 429 and Retry-After, bans who goes on with 418, and starts anew a minute later', async () => {
    let elapsed = 1_000;
    const realClock = { now: () => minuteOf(0), sleep: async () => {}, elapsed: () => elapsed as never };
    const bench = await startBench({ weightLimitPerMinute: 10, realClock });
    try {
      for (let i = 0; i < 10; i++) expect((await bench.get('/fapi/v1/ping')).status).toBe(200);
      const refused = await bench.get('/fapi/v1/time');
      expect(refused.status).toBe(429);
      expect(refused.headers.get('retry-after')).toBe('59');
      expect(refused.body).toMatchObject({ code: -1003 });
      elapsed += MINUTE_MS;
      expect((await bench.get('/fapi/v1/ping')).status).toBe(200);
      let last = 200;
      for (let i = 0; i < 40 && last !== 418; i++) last = (await bench.get('/fapi/v1/ping')).status;
      expect(last).toBe(418);
      elapsed += MINUTE_MS;
      expect((await bench.get('/fapi/v1/ping')).status).toBe(418);
      elapsed += MINUTE_MS;
      expect((await bench.get('/fapi/v1/ping')).status).toBe(200);
    } finally {
      await bench.close();
    }
  });
});
