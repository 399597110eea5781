import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type EpochMs, MINUTE_MS } from '../core/index.ts';
import { faultSpecSchema } from './fault-spec.ts';
import { minuteOf } from './market-fixture.ts';
import { startBench, type TestBench, until } from './simulator-fixture.ts';
import { type Listener, listenTo } from './websocket-fixture.ts';

const STREAMS = '/market/stream?streams=btcusdt@kline_1m/ethusdt@kline_1m';

describe('faults on demand', () => {
  let bench: TestBench;
  let listener: Listener;
  /** The minute the clock stands at when the test begins. */
  let start: EpochMs;
  const later = (minutes: number) => start + minutes * MINUTE_MS;
  /** Open times of the bars that close 1, 2, … minutes after the start. */
  const bars = (...closes: number[]) => closes.map((close) => later(close - 1));
  const restBars = async (symbol: string) =>
    (await bench.rows(`/fapi/v1/klines?symbol=${symbol}&interval=1m&startTime=${start}`)).map((row) => row[0]);
  /** Advances and waits until the other symbol's candles show that everything has been sent. */
  const advance = async (minutes: number) => {
    const before = listener.closedOpenTimes('ETHUSDT').length;
    await bench.advance(minutes);
    await until('the candles', () => listener.closedOpenTimes('ETHUSDT').length === before + minutes);
  };

  beforeEach(async () => {
    bench = await startBench();
    start = minuteOf(300);
    listener = await listenTo(bench.simulator.url, STREAMS);
    await until('the subscription', () => bench.simulator.status().streams === 2);
  });
  afterEach(async () => {
    listener.close();
    await bench.close();
  });

  it('gap: the stream lacks the candle, REST has it', async () => {
    await bench.fault({ kind: 'gap', symbols: ['BTCUSDT'], minutes: 1 });
    await advance(3);
    expect(listener.closedOpenTimes('BTCUSDT')).toEqual(bars(2, 3));
    expect(await restBars('BTCUSDT')).toEqual(bars(1, 2, 3, 4));
  });

  it('missing: nobody has the candle, until it appears on REST', async () => {
    await bench.fault({ kind: 'missing', symbols: ['BTCUSDT'], minutes: 1, appearsAfterMinutes: 3 });
    await advance(3);
    expect(listener.closedOpenTimes('BTCUSDT')).toEqual(bars(2, 3));
    expect(await restBars('BTCUSDT')).toEqual(bars(2, 3, 4));
    await advance(1);
    expect(await restBars('BTCUSDT')).toEqual(bars(1, 2, 3, 4, 5));
    expect(listener.closedOpenTimes('BTCUSDT')).toEqual(bars(2, 3, 4));
  });

  it('missing: a coarser bar is made of what is there', async () => {
    const open = (await bench.rows(`/fapi/v1/klines?symbol=BTCUSDT&interval=1m&limit=1`))[0]?.[1];
    await bench.fault({ kind: 'missing', symbols: ['BTCUSDT'], minutes: 1, appearsAfterMinutes: 100 });
    await advance(5);
    const [bar] = await bench.rows(`/fapi/v1/klines?symbol=BTCUSDT&interval=5m&startTime=${start}&limit=1`);
    const minutes = await bench.rows(`/fapi/v1/klines?symbol=BTCUSDT&interval=1m&startTime=${start}&limit=4`);
    expect(bar?.[0]).toBe(start);
    expect(Number(bar?.[5])).toBeCloseTo(minutes.reduce((sum, row) => sum + Number(row[5]), 0));
    expect(bar?.[1]).toBe(minutes[0]?.[1]);
    expect(open).toBeDefined();
  });

  it('empty, flat: the candle has no volume and stands at the last price', async () => {
    await bench.fault({ kind: 'empty', form: 'flat', symbols: ['BTCUSDT'], minutes: 2 });
    await advance(3);
    const rows = await bench.rows(`/fapi/v1/klines?symbol=BTCUSDT&interval=1m&startTime=${later(-1)}&limit=3`);
    const lastPrice = rows[0]?.[4];
    for (const row of rows.slice(1)) expect(row.slice(1, 6)).toEqual([lastPrice, lastPrice, lastPrice, lastPrice, '0']);
    expect(listener.closedOpenTimes('BTCUSDT')).toEqual(bars(1, 2, 3));
  });

  it('empty, none: there is no bar, and never will be', async () => {
    await bench.fault({ kind: 'empty', form: 'none', symbols: ['BTCUSDT'], minutes: 1 });
    await advance(12);
    expect((await restBars('BTCUSDT')).slice(0, 2)).toEqual(bars(2, 3));
    expect(listener.closedOpenTimes('BTCUSDT').slice(0, 2)).toEqual(bars(2, 3));
  });

  it('duplicates: the closed candle comes several times', async () => {
    await bench.fault({ kind: 'duplicates', symbols: ['BTCUSDT'], minutes: 1, copies: 3 });
    await advance(2);
    expect(listener.closedOpenTimes('BTCUSDT')).toEqual(bars(1, 1, 1, 2));
  });

  it('out-of-order: the closed candle comes after its successor', async () => {
    await bench.fault({ kind: 'out-of-order', symbols: ['BTCUSDT'], minutes: 1 });
    await advance(3);
    expect(listener.closedOpenTimes('BTCUSDT')).toEqual(bars(2, 1, 3));
  });

  it('late: the closed candle comes when its delay is over, in lock-step just before the next', async () => {
    await bench.fault({ kind: 'late', symbols: ['BTCUSDT'], minutes: 1, delayMs: 5_000 });
    await advance(1);
    expect(listener.closedOpenTimes('BTCUSDT')).toEqual([]);
    await advance(1);
    expect(listener.closedOpenTimes('BTCUSDT')).toEqual(bars(1, 2));
  });

  it('corrected: REST changes the values of a candle that the stream had closed', async () => {
    await bench.fault({ kind: 'corrected', symbols: ['BTCUSDT'], minutes: 1, afterMinutes: 2, basisPoints: 50 });
    const close = async () => {
      const [row] = await bench.rows(`/fapi/v1/klines?symbol=BTCUSDT&interval=1m&startTime=${start}&limit=1`);
      return Number(row?.[4]);
    };
    await advance(2);
    const said = await close();
    await advance(1);
    expect((await close()) / said).toBeCloseTo(1.005, 4);
    const [row] = await bench.rows(`/fapi/v1/klines?symbol=BTCUSDT&interval=1m&startTime=${start}&limit=1`);
    expect(Number(row?.[2])).toBeGreaterThanOrEqual(Number(row?.[4]));
  });

  it('delist: the instrument settles without further candles, then is gone', async () => {
    await bench.fault({ kind: 'delist', symbols: ['BTCUSDT'], from: later(2), goneAfterMinutes: 3 });
    const statusOf = async () => {
      const { symbols } = (await bench.get('/fapi/v1/exchangeInfo')).body as {
        symbols: { symbol: string; status: string; deliveryDate: number }[];
      };
      return symbols.find(({ symbol }) => symbol === 'BTCUSDT');
    };
    expect(await statusOf()).toMatchObject({ status: 'TRADING' });
    await advance(4);
    expect(await statusOf()).toMatchObject({ status: 'SETTLING', deliveryDate: later(2) });
    expect(listener.closedOpenTimes('BTCUSDT')).toEqual(bars(1, 2));
    expect(await restBars('BTCUSDT')).toEqual(bars(1, 2));
    await advance(1);
    expect(await statusOf()).toBeUndefined();
    expect((await bench.get('/fapi/v1/klines?symbol=BTCUSDT&interval=1m')).body).toMatchObject({ code: -1121 });
  });

  it('clock-skew: the time endpoint and event times are off, bars are not', async () => {
    const id = await bench.fault({ kind: 'clock-skew', ms: -7_000 });
    await advance(1);
    expect((await bench.get('/fapi/v1/time')).body).toEqual({ serverTime: later(1) + 250 - 7_000 });
    const events = listener.heard.map(({ data }) => data as { E: number; k: { t: number } });
    expect(events[0]).toMatchObject({ E: later(1) + 250 - 7_000, k: { t: start } });
    await fetch(`${bench.simulator.url}/sim/v1/faults/${id}`, {
      method: 'DELETE',
      headers: { authorization: `Bearer ${bench.simulator.token}` },
    });
    expect((await bench.get('/fapi/v1/time')).body).toEqual({ serverTime: later(1) + 250 });
  });

  it('silent-sockets: the socket stays open and hears nothing of its symbols', async () => {
    await bench.fault({ kind: 'silent-sockets', symbols: ['BTCUSDT'], minutes: 2 });
    await advance(3);
    expect(listener.closedOpenTimes('BTCUSDT')).toEqual(bars(3));
    expect(listener.closed()).toBe(false);
  });

  it('drop-sockets: cuts every socket once, and refuses new ones if asked to', async () => {
    const id = await bench.fault({ kind: 'drop-sockets', refuse: true });
    await until('the cut', () => listener.closed());
    await expect(listenTo(bench.simulator.url, STREAMS)).rejects.toThrow('refused with 503');
    await fetch(`${bench.simulator.url}/sim/v1/faults/${id}`, {
      method: 'DELETE',
      headers: { authorization: `Bearer ${bench.simulator.token}` },
    });
    listener = await listenTo(bench.simulator.url, STREAMS);
    await until('the subscription', () => bench.simulator.status().streams === 2);
    await advance(1);
    expect(listener.closed()).toBe(false);
  });

  it('drop-sockets: with symbols cuts only who listens to one of them, at each minute while counts last', async () => {
    const other = await listenTo(bench.simulator.url, '/ws/solusdt@kline_1m');
    await bench.fault({ kind: 'drop-sockets', symbols: ['BTCUSDT'], from: later(1), count: 1 });
    expect(listener.closed()).toBe(false);
    await bench.advance(1);
    await until('the cut', () => listener.closed());
    expect(other.closed()).toBe(false);
    other.close();
  });

  it('http-429, http-418 and http-5xx: answer a number of requests, with the venue codes', async () => {
    await bench.fault({ kind: 'http-429', count: 1, retryAfterSeconds: 7 });
    const limited = await bench.get('/fapi/v1/time');
    expect([limited.status, limited.headers.get('retry-after')]).toEqual([429, '7']);
    expect(limited.body).toMatchObject({ code: -1003 });
    await bench.fault({ kind: 'http-418', count: 1 });
    expect((await bench.get('/fapi/v1/time')).status).toBe(418);
    await bench.fault({ kind: 'http-5xx', status: 502, count: 2 });
    expect((await bench.get('/fapi/v1/time')).status).toBe(502);
    expect((await bench.get('/fapi/v1/time')).status).toBe(502);
    expect((await bench.get('/fapi/v1/time')).status).toBe(200);
  });

  it('faults of requests keep to their symbols and path', async () => {
    await bench.fault({ kind: 'http-5xx', symbols: ['BTCUSDT'], path: 'klines' });
    const status = async (path: string) => (await bench.get(path)).status;
    expect(await status('/fapi/v1/klines?symbol=BTCUSDT&interval=1m')).toBe(503);
    expect(await status('/fapi/v1/klines?symbol=ETHUSDT&interval=1m')).toBe(200);
    expect(await status('/fapi/v1/ticker/price?symbol=BTCUSDT')).toBe(200);
    expect(await status('/fapi/v1/ticker/price')).toBe(200);
  });

  it('timeout: the request is never answered', async () => {
    await bench.fault({ kind: 'timeout', path: 'time', count: 1 });
    const unanswered = fetch(`${bench.simulator.url}/fapi/v1/time`, { signal: AbortSignal.timeout(200) });
    await expect(unanswered).rejects.toThrow(/timeout/);
    expect((await bench.get('/fapi/v1/time')).status).toBe(200);
  });

  it('latency: the answer waits, and closing the venue does not wait for it', async () => {
    await bench.fault({ kind: 'latency', ms: 30, count: 1 });
    expect((await bench.get('/fapi/v1/time')).status).toBe(200);
    await bench.fault({ kind: 'latency', ms: 600_000 });
    const hanging = bench.get('/fapi/v1/time').catch(() => 'cut');
    await until('the request', () => (bench.simulator.status().faults[1]?.hits ?? 0) === 1);
    await bench.close();
    await hanging;
  });

  it('chance: the same seed strikes the same minutes, and other symbols are left alone', async () => {
    await bench.fault({ kind: 'gap', symbols: ['BTCUSDT'], probability: 0.5, seed: 3 });
    await advance(20);
    const first = listener.closedOpenTimes('BTCUSDT');
    expect(first.length).toBeGreaterThan(3);
    expect(first.length).toBeLessThan(17);
    const again = await startBench();
    const listening = await listenTo(again.simulator.url, STREAMS);
    await again.fault({ kind: 'gap', symbols: ['BTCUSDT'], probability: 0.5, seed: 3 });
    await until('the subscription', () => again.simulator.status().streams === 2);
    await again.advance(20);
    await until('the candles', () => listening.closedOpenTimes('ETHUSDT').length === 20);
    expect(listening.closedOpenTimes('BTCUSDT')).toEqual(first);
    listening.close();
    await again.close();
  });

  it('takes every example of the documentation, which has one of each kind', async () => {
    const page = readFileSync(new URL('../../docs/simulator.md', import.meta.url), 'utf8');
    const examples = [...page.matchAll(/`fault '(\{.*?\})'`/g)].map(([, text]) => JSON.parse(text ?? ''));
    for (const example of examples) expect(faultSpecSchema.safeParse(example)).toMatchObject({ success: true });
    const kinds = new Set(examples.map(({ kind }) => kind));
    expect(kinds.size).toBe(23);
    for (const example of examples) await bench.fault(example);
    expect(bench.simulator.status().faults).toHaveLength(23);
  });

  it('lists faults with their state, and refuses ones it does not understand', async () => {
    await bench.fault({ kind: 'gap', from: later(10), to: later(12) });
    await bench.fault({ kind: 'late', from: '2025-03-01T00:00:00Z', count: 2 });
    const { body } = await bench.get('/sim/v1/faults');
    expect(body).toMatchObject({
      faults: [
        { id: 'f1', kind: 'gap', symbols: 'all', state: 'pending', from: later(10), to: later(12) },
        { id: 'f2', state: 'over', from: minuteOf(0), to: minuteOf(2) },
      ],
    });
    for (const bad of [
      { kind: 'earthquake' },
      { kind: 'gap', symbols: ['NOSUCH'] },
      { kind: 'gap', minutes: 1, count: 1 },
      { kind: 'gap', from: 10, to: 10 },
      { kind: 'gap', colour: 'red' },
      { kind: 'latency' },
      { kind: 'gap', from: 'yesterday' },
    ]) {
      expect(await bench.post('/sim/v1/faults', bad)).toMatchObject({
        status: 400,
        body: { ok: false, error: { code: 'SIMULATOR_REQUEST_INVALID', message: expect.any(String) } },
      });
    }
  });
});
