import { existsSync, readFileSync, statSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { MINUTE_MS } from '../core/index.ts';
import { fixtureMarket, minuteOf } from './market-fixture.ts';
import { startSimulator } from './server.ts';
import { startBench, until } from './simulator-fixture.ts';
import { readSimulatorToken } from './token.ts';
import { listenTo } from './websocket-fixture.ts';

describe('the clock in lock-step', () => {
  it('stands still until the minute is acknowledged, then stands past the next', async () => {
    const bench = await startBench();
    const start = minuteOf(300);
    expect(bench.simulator.status()).toMatchObject({ minute: start, now: start + 250, lockstep: true, speed: 'max' });
    await bench.advance(1);
    expect(bench.simulator.status()).toMatchObject({ minute: start + MINUTE_MS, now: start + MINUTE_MS + 250 });
    await bench.close();
  });

  it('takes a minute already acknowledged again without moving, and refuses one that has not closed', async () => {
    const bench = await startBench();
    const { minute } = bench.simulator.status();
    for (let i = 0; i < 3; i++) {
      const { status, body } = await bench.post('/sim/v1/advance', { minute });
      expect([status, (body as { minute: number }).minute]).toEqual([200, minute + MINUTE_MS]);
    }
    const ahead = await bench.post('/sim/v1/advance', { minute: minute + 2 * MINUTE_MS });
    expect(ahead).toMatchObject({ status: 409, body: { error: { code: 'SIMULATOR_MINUTE_AHEAD' } } });
    await bench.close();
  });

  it('ends on the last minute of the market', async () => {
    const bench = await startBench({ market: fixtureMarket({ minutes: 10, startAtMinute: 8 }) });
    expect(bench.simulator.status()).toMatchObject({ ended: false, to: minuteOf(10) });
    await bench.advance(2);
    expect(bench.simulator.status()).toMatchObject({ ended: true, minute: minuteOf(10) });
    await bench.advance(2);
    expect(bench.simulator.status()).toMatchObject({ ended: true, minute: minuteOf(10), now: minuteOf(10) + 250 });
    const rows = await bench.rows('/fapi/v1/klines?symbol=BTCUSDT&interval=1m');
    expect(rows.map((row) => row[0])).toEqual(Array.from({ length: 10 }, (_, i) => minuteOf(i)));
    await bench.close();
  });

  it('starts where it is told, and refuses a start outside the market', async () => {
    const bench = await startBench({ startAt: minuteOf(17) });
    expect(bench.simulator.status().minute).toBe(minuteOf(17));
    await bench.close();
    await expect(startBench({ startAt: minuteOf(600) })).rejects.toMatchObject({
      code: 'SIMULATOR_START_OUTSIDE',
      exitCode: 2,
    });
  });
});

describe('a clock that runs', () => {
  it('publishes every minute by itself, with bars under way in between, and stops at the end', async () => {
    const bench = await startBench({ market: fixtureMarket({ minutes: 305 }), speed: 100 });
    const listener = await listenTo(bench.simulator.url, '/stream?streams=btcusdt@kline_1m/!markPrice@arr@1s');
    await until('the end', () => bench.simulator.status().ended);
    await until('the last candle', () => listener.closedOpenTimes('BTCUSDT').includes(minuteOf(304)));
    const closed = listener.closedOpenTimes('BTCUSDT');
    expect(closed).toEqual(closed.map((_, i) => (closed[0] ?? 0) + i * MINUTE_MS));
    const klines = listener.heard.flatMap(({ data }) => ((data as { e?: string }).e === 'kline' ? [data] : []));
    const forming = klines.map((data) => (data as { k: { x: boolean; t: number; T: number; v: string } }).k);
    expect(forming.some((kline) => !kline.x)).toBe(true);
    // Nothing of a bar before the one before it has closed.
    forming.forEach((kline, i) => {
      expect(kline.t).toBeGreaterThanOrEqual(forming[i - 1]?.t ?? 0);
    });
    expect(bench.simulator.status().now).toBe(minuteOf(305) + 250);
    listener.close();
    await bench.close();
  });

  it('changes its speed on demand, also to lock-step and back, and never goes back in time', async () => {
    const bench = await startBench({ market: fixtureMarket({ minutes: 4_000 }), speed: 1 });
    expect(await bench.post('/sim/v1/speed', { speed: 60_000 })).toMatchObject({ status: 200 });
    await until('some minutes', () => bench.simulator.status().minute > minuteOf(310));
    await bench.post('/sim/v1/speed', { speed: 'max' });
    const standing = bench.simulator.status();
    expect(standing).toMatchObject({ lockstep: true });
    await bench.advance(1);
    expect(bench.simulator.status().minute).toBe(standing.minute + MINUTE_MS);
    expect(bench.simulator.status().now).toBeGreaterThanOrEqual(standing.now);
    await bench.post('/sim/v1/speed', { speed: 6_000 });
    await until('more minutes', () => bench.simulator.status().minute > standing.minute + 2 * MINUTE_MS);
    expect((await bench.post('/sim/v1/speed', { speed: 0 })).status).toBe(400);
    await bench.close();
  });

  it('publishes a late candle within the minute', async () => {
    const bench = await startBench({ speed: 200 });
    await bench.fault({ kind: 'late', symbols: ['BTCUSDT'], delayMs: 10_000 });
    const listener = await listenTo(bench.simulator.url, '/ws/btcusdt@kline_1m');
    await until('a closed candle', () => listener.closedOpenTimes('BTCUSDT').length > 0);
    const event = listener.heard.find((message) => (message.k as { x: boolean }).x) as { E: number; k: { T: number } };
    expect(event.E - event.k.T).toBeGreaterThan(10_000);
    expect(event.E - event.k.T).toBeLessThan(MINUTE_MS);
    listener.close();
    await bench.close();
  });
});

describe('streams', () => {
  it('are subscribed to and left by messages, each answered with its id', async () => {
    const bench = await startBench();
    const listener = await listenTo(bench.simulator.url, '/market/ws/0');
    const ask = async (message: unknown) => {
      const before = listener.heard.length;
      listener.send(message);
      await until('the answer', () => listener.heard.length > before);
      return listener.heard[before];
    };
    const names = ['btcusdt@kline_1m', 'ethusdt@kline_5m', 'btcusdt@depth'];
    expect(await ask({ method: 'SUBSCRIBE', params: names, id: 1 })).toEqual({ result: null, id: 1 });
    expect(await ask({ method: 'LIST_SUBSCRIPTIONS', id: 2 })).toEqual({ result: ['0', ...names], id: 2 });
    expect(bench.simulator.status().streams).toBe(2);
    expect(await ask({ method: 'UNSUBSCRIBE', params: names.slice(1), id: 3 })).toEqual({ result: null, id: 3 });
    expect(bench.simulator.status().streams).toBe(1);
    expect(await ask({ method: 'GET_PROPERTY', params: ['combined'], id: 4 })).toEqual({ result: false, id: 4 });
    await ask({ method: 'SET_PROPERTY', params: ['combined', true], id: 5 });
    await bench.advance(1);
    await until('the candle', () => listener.closedOpenTimes('BTCUSDT').length === 1);
    expect(listener.heard.at(-1)).toMatchObject({ stream: 'btcusdt@kline_1m', data: { e: 'kline' } });
    for (const [bad, code] of [
      ['{', 3],
      ['7', 2],
      [{ method: 'SUBSCRIBE', params: 'btcusdt@kline_1m', id: 6 }, 2],
      [{ method: 'DANCE', id: 7 }, 2],
      [{ method: 'SET_PROPERTY', params: ['combined', 'yes'], id: 8 }, 1],
      [{ method: 'SET_PROPERTY', params: ['colour', true], id: 9 }, 0],
      [{ method: 'GET_PROPERTY', params: ['colour'], id: 10 }, 0],
      [{ method: 'SUBSCRIBE', params: [], id: {} }, 2],
    ] as const) {
      expect(await ask(bad)).toMatchObject({ error: { code } });
    }
    listener.close();
    await until('the goodbye', () => bench.simulator.status().sockets === 0);
    expect(bench.simulator.status().streams).toBe(0);
    await bench.close();
  });

  it('say the same of a closed bar as REST, in every timeframe', async () => {
    const bench = await startBench();
    const listener = await listenTo(bench.simulator.url, '/ws/btcusdt@kline_1m/btcusdt@kline_15m/btcusdt@kline_1h');
    await bench.advance(60);
    await until('the hour', () => listener.heard.some((message) => (message.k as { i: string }).i === '1h'));
    const klines = listener.heard.map(({ k }) => k as Record<string, string | number | boolean>);
    for (const [interval, count] of [
      ['1m', 60],
      ['15m', 4],
      ['1h', 1],
    ] as const) {
      const streamed = klines.filter((kline) => kline.i === interval && kline.x);
      const rows = await bench.rows(
        `/fapi/v1/klines?symbol=BTCUSDT&interval=${interval}&startTime=${minuteOf(300)}&limit=${count}`,
      );
      expect(streamed.map(({ t, o, h, l, c, v, T, q, n, V, Q }) => [t, o, h, l, c, v, T, q, n, V, Q, '0'])).toEqual(
        rows,
      );
    }
    listener.close();
    await bench.close();
  });

  it('carry best prices and mark prices', async () => {
    const bench = await startBench();
    const paths = [
      '/public/ws/btcusdt@bookTicker',
      '/public/ws/!bookTicker',
      '/ws/btcusdt@markPrice',
      '/ws/!markPrice@arr',
    ];
    const listeners = await Promise.all(paths.map((path) => listenTo(bench.simulator.url, path)));
    await bench.advance(1);
    await until('the prices', () => listeners.every(({ heard }) => heard.length > 0));
    const [book, books, mark, marks] = listeners.map(({ heard }) => heard);
    const { body: prices } = await bench.get('/fapi/v1/ticker/bookTicker?symbol=BTCUSDT');
    const { bidPrice, askPrice } = prices as Record<string, string>;
    expect(book?.[0]).toMatchObject({ e: 'bookTicker', s: 'BTCUSDT', b: bidPrice, a: askPrice });
    await until('all books', () => books?.length === 3);
    expect(mark?.[0]).toMatchObject({ e: 'markPriceUpdate', s: 'BTCUSDT', p: bidPrice, r: '0.00010000' });
    expect(marks?.[0]).toHaveLength(3);
    for (const listener of listeners) listener.close();
    await bench.close();
  });
});

describe('the server', () => {
  it('leaves its token where only its user can read it, until it closes', async () => {
    const bench = await startBench();
    const { port, token } = bench.simulator;
    const path = join(tmpdir(), `minutehand-sim-${process.getuid?.() ?? 0}-${port}.token`);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readFileSync(path, 'utf8').trim()).toBe(token);
    expect(readSimulatorToken(port, {})).toBe(token);
    expect(readSimulatorToken(port, { MINUTEHAND_SIM_TOKEN: 'given' })).toBe('given');
    await bench.close();
    expect(existsSync(path)).toBe(false);
    expect(readSimulatorToken(port, {})).toBeUndefined();
  });

  it('changes nothing without the token', async () => {
    const bench = await startBench({ token: 'right' });
    for (const path of ['advance', 'speed', 'faults']) {
      const { status, body } = await bench.post(
        `/sim/v1/${path}`,
        { minute: minuteOf(300), speed: 7, kind: 'gap' },
        'wrong',
      );
      expect(status).toBe(401);
      expect(body).toMatchObject({ ok: false, error: { code: 'SIMULATOR_TOKEN_WRONG' } });
    }
    const removed = await fetch(`${bench.simulator.url}/sim/v1/faults`, { method: 'DELETE' });
    expect(removed.status).toBe(401);
    expect(bench.simulator.status()).toMatchObject({ minute: minuteOf(300), speed: 'max', faults: [] });
    await bench.close();
  });

  it('answers wrong admin requests in its own form', async () => {
    const bench = await startBench();
    expect(await bench.post('/sim/v1/advance', { minute: 'soon' })).toMatchObject({ status: 400 });
    expect(await bench.post('/sim/v1/speed', { speed: 'fast' })).toMatchObject({ status: 400 });
    expect(await bench.post('/sim/v1/faults', { kind: 'gap', symbols: Array(9_000).fill('BTCUSDT') })).toMatchObject({
      status: 413,
      body: { ok: false },
    });
    expect(await bench.get('/sim/v1/faults/f9')).toMatchObject({ status: 404 });
    expect(await bench.get('/sim/v1/nothing')).toMatchObject({ status: 404, body: { ok: false } });
    await bench.close();
  });

  it.each([
    [{ host: 'evil.example' }, 403],
    [{ host: '127.0.0.1:1', origin: 'http://evil.example' }, 403],
    [{ host: '127.0.0.1:1', origin: 'null' }, 403],
    [{ host: 'localhost:9', origin: 'http://localhost:5173' }, 200],
  ])('checks who a request was meant for: %o', async (headers, expected) => {
    const bench = await startBench();
    const status = await new Promise((resolve, reject) => {
      request(`${bench.simulator.url}/sim/v1/status`, { headers }, (response) => {
        response.resume();
        resolve(response.statusCode);
      })
        .on('error', reject)
        .end();
    });
    expect(status).toBe(expected);
    await bench.close();
  });

  it('names an occupied port and the way out', async () => {
    const bench = await startBench();
    const second = startSimulator({ market: fixtureMarket({}), port: bench.simulator.port, speed: 'max' });
    await expect(second).rejects.toMatchObject({
      code: 'PORT_IN_USE',
      exitCode: 1,
      message: expect.stringContaining(String(bench.simulator.port)),
    });
    expect(readSimulatorToken(bench.simulator.port, {})).toBe(bench.simulator.token);
    await bench.close();
    await expect(
      startSimulator({ market: fixtureMarket({}), port: 0, host: '192.0.2.1', speed: 'max' }),
    ).rejects.toMatchObject({ code: 'SIMULATOR_CANNOT_LISTEN' });
  });

  it('closes at once with clients connected, and closes twice', async () => {
    const bench = await startBench();
    const listener = await listenTo(bench.simulator.url, '/ws/btcusdt@kline_1m');
    await Promise.all([bench.close(), bench.close()]);
    await until('the cut', () => listener.closed());
  });
});
