import { afterEach, describe, expect, it } from 'vitest';
import {
  type Candle,
  epochMs,
  ManualClock,
  MINUTE_MS,
  MinutehandError,
  noMetrics,
  RejectedError,
  silentLog,
  TransientError,
} from '../core/index.ts';
import { createExchangeGateway, type ExchangeGateway } from './exchange-gateway.ts';
import { type FakeVenue, fakeBar, startFakeVenue } from './fake-venue.ts';
import { RequestOutcomes } from './request-outcomes.ts';

const NOON = 1_750_000_020_000 - (1_750_000_020_000 % 3_600_000);
const open: { close(): Promise<void> }[] = [];

afterEach(async () => {
  await Promise.all(open.splice(0).map((resource) => resource.close()));
});

async function connect(
  symbols = ['BTCUSDT', 'ETHUSDT'],
): Promise<{ venue: FakeVenue; gateway: ExchangeGateway; clock: ManualClock; outcomes: RequestOutcomes }> {
  const venue = await startFakeVenue(symbols, epochMs(NOON));
  const clock = new ManualClock(epochMs(NOON));
  const outcomes = new RequestOutcomes(clock);
  const gateway = await createExchangeGateway({
    exchangeId: 'binanceusdm',
    url: venue.url,
    clock,
    outcomes,
    log: silentLog,
    metrics: noMetrics,
    requestTimeoutMs: 2_000,
    maxParallel: 4,
  });
  open.push(gateway, venue);
  return { venue, gateway, clock, outcomes };
}

function fill(venue: FakeVenue, symbol: string, fromMinutesAgo: number, toMinutesAgo = 0): void {
  for (let ago = fromMinutesAgo; ago >= toMinutesAgo; ago--) {
    const openTime = NOON - ago * MINUTE_MS;
    venue.bars.get(symbol)?.set(openTime, fakeBar(openTime));
  }
}

describe('exchange gateway', () => {
  it('reads instruments with the exact decimal strings of the raw filters', async () => {
    const { venue, gateway } = await connect();
    venue.statuses.set('ETHUSDT', 'SETTLING');
    const [btc, eth] = await gateway.loadInstruments();
    expect(btc).toEqual({
      venue: 'binanceusdm',
      symbol: 'BTCUSDT',
      base: 'BTC',
      quote: 'USDT',
      tickSize: '0.10',
      stepSize: '0.001',
      minQuantity: '0.001',
      minNotional: '5',
      status: 'trading',
      listedAt: 1_569_398_400_000,
    });
    expect(eth).toMatchObject({ status: 'delisted', delistedAt: 1_760_000_000_000 });
  });

  it('keeps all columns of a bar and gives closed bars only', async () => {
    const { venue, gateway } = await connect();
    fill(venue, 'BTCUSDT', 3);
    const candles = await gateway.fetchCandles('BTCUSDT', '1m', { limit: 10 });
    expect(candles.map(({ openTime }) => (NOON - openTime) / MINUTE_MS)).toEqual([3, 2, 1]);
    const bar = fakeBar(NOON - MINUTE_MS);
    expect(candles.at(-1)).toMatchObject({
      close: bar[3],
      volume: bar[4],
      trades: 7,
      takerBuyVolume: bar[4] / 2,
      finality: 'rest',
    });
    expect(candles.at(-1)?.quoteVolume).toBe(bar[4] * bar[3]);
  });

  it('takes the last bar without a successor as closed only when its time is surely past', async () => {
    const { venue, gateway, clock } = await connect();
    fill(venue, 'BTCUSDT', 3, 1);
    const request = { limit: 10 };
    expect(await gateway.fetchCandles('BTCUSDT', '1m', request)).toHaveLength(2);
    expect(await gateway.fetchCandles('BTCUSDT', '1m', { ...request, settle: true })).toHaveLength(3);
    clock.moveTo(epochMs(NOON + 2_000));
    expect(await gateway.fetchCandles('BTCUSDT', '1m', request)).toHaveLength(3);
  });

  it('does not take a bar as closed that closed while the answer was on its way', async () => {
    const { venue, gateway, clock } = await connect();
    await gateway.loadInstruments();
    fill(venue, 'BTCUSDT', 3);
    let send = () => {};
    venue.held = new Promise((resolve) => {
      send = resolve;
    });
    const answer = gateway.fetchCandles('BTCUSDT', '1m', { limit: 10 });
    await expect.poll(() => venue.requests.some((url) => url.includes('klines'))).toBe(true);
    clock.moveTo(epochMs(NOON + 5 * MINUTE_MS));
    send();
    expect((await answer).at(-1)?.openTime).toBe(NOON - MINUTE_MS);
  });

  it('tells malformed rows apart from bars', async () => {
    const { venue, gateway } = await connect();
    fill(venue, 'BTCUSDT', 3);
    venue.bars.get('BTCUSDT')?.set(NOON - 2 * MINUTE_MS, [100, 90, 110, 100, 1]);
    const page = await gateway.fetchCandlePage('BTCUSDT', '1m', { limit: 10 });
    expect(page.malformed).toEqual([NOON - 2 * MINUTE_MS]);
    expect(page.candles).toHaveLength(2);
    expect(page.settledTo).toBe(NOON);
    expect(page.forming?.openTime).toBe(NOON);
  });

  it('reads tickers, funding and time', async () => {
    const { gateway } = await connect();
    expect(await gateway.tickers()).toEqual([
      { symbol: 'BTCUSDT', lastPrice: 100.5, quoteVolume24h: 1_000_000 },
      { symbol: 'ETHUSDT', lastPrice: 100.5, quoteVolume24h: 999_999 },
    ]);
    expect(await gateway.fundingRates({ symbol: 'BTCUSDT', from: epochMs(1) })).toEqual([
      { symbol: 'BTCUSDT', time: 1_700_006_400_000, rate: 0.0001 },
    ]);
    expect(await gateway.serverTime()).toBe(NOON);
  });

  it('streams bars with the closed flag and reports the end of the session', async () => {
    const { venue, gateway } = await connect();
    const seen: Candle[] = [];
    let opened = false;
    const session = gateway.watchClosedCandles(
      ['BTCUSDT', 'ETHUSDT'],
      {
        onOpen: () => {
          opened = true;
        },
        onCandle: (candle) => seen.push(candle),
      },
      new AbortController().signal,
    );
    await expect.poll(() => opened).toBe(true);
    fill(venue, 'BTCUSDT', 2);
    venue.publish('BTCUSDT', NOON, { closed: false });
    venue.publish('BTCUSDT', NOON - MINUTE_MS);
    await expect.poll(() => seen.length).toBe(2);
    expect(seen.map(({ state }) => state)).toEqual(['forming', 'final']);
    expect(seen[1]).toMatchObject({ symbol: 'BTCUSDT', openTime: NOON - MINUTE_MS, finality: 'venue-flag', trades: 7 });
    venue.cutStreams();
    expect(await session).toMatch(/closed|closing code/);
  });

  it('ends a session at once when told to, even towards a silent peer', async () => {
    const { venue, gateway } = await connect();
    await gateway.loadInstruments();
    venue.silent = true;
    const stopping = new AbortController();
    const session = gateway.watchClosedCandles(['BTCUSDT'], { onOpen() {}, onCandle() {} }, stopping.signal);
    await expect.poll(() => venue.subscriptions.size).toBe(1);
    stopping.abort();
    expect(await session).toBe('stopped');
  });

  it('names venue, endpoint and remedy when the venue refuses', async () => {
    const { gateway } = await connect();
    const failure = await gateway.fetchCandles('NOSUCHUSDT', '1m', { limit: 1 }).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(RejectedError);
    expect((failure as RejectedError).message).toMatch(/binanceusdm at http:\/\/127.*\/fapi\/v1\/klines NOSUCHUSDT/);
    expect((failure as RejectedError).remedy).not.toBe('');
  });

  it('keeps the time the venue asks to wait, and holds all further requests until then', async () => {
    const { venue, gateway } = await connect();
    venue.failures.push({
      path: '/fapi/v1/time',
      status: 429,
      headers: { 'retry-after': '0' },
      body: '{"code":-1003,"msg":"slow"}',
    });
    const failure = await gateway.serverTime().catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(TransientError);
    expect(failure).toMatchObject({ code: 'EXCHANGE_RATE_LIMITED', retryAfterMs: 0 });
    expect(await gateway.serverTime()).toBe(NOON);
  });

  it('calls a server error transient and an answer of another server invalid', async () => {
    const { venue, gateway } = await connect();
    venue.failures.push({ path: '/fapi/v1/klines', status: 503, body: 'busy' });
    await expect(gateway.fetchCandles('BTCUSDT', '1m', { limit: 1 })).rejects.toBeInstanceOf(TransientError);
    venue.failures.push({ path: '/fapi/v1/klines', status: 200, body: '<html>hello</html>' });
    await expect(gateway.fetchCandles('BTCUSDT', '1m', { limit: 1 })).rejects.toMatchObject({
      code: 'EXCHANGE_ANSWER_INVALID',
    });
  });

  it('records how each request went', async () => {
    const { venue, gateway, outcomes } = await connect();
    await gateway.serverTime();
    venue.failures.push({ path: '/fapi/v1/time', status: 503, body: 'busy' });
    await expect(gateway.serverTime()).rejects.toBeInstanceOf(TransientError);
    expect(outcomes.recent()).toEqual({ all: 2, failed: 1 });
  });

  it('says that an exchange cannot be reached, where, and that the exit code is 1', async () => {
    const { venue, gateway } = await connect();
    await venue.close();
    const failure = await gateway.loadInstruments().catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(MinutehandError);
    expect(failure).toMatchObject({ code: 'EXCHANGE_UNREACHABLE', exitCode: 1 });
    expect((failure as MinutehandError).message).toContain(venue.url);
  });

  it('refuses an unknown exchange and an address that is none as wrong usage', async () => {
    const rest = {
      clock: new ManualClock(epochMs(0)),
      log: silentLog,
      metrics: noMetrics,
      requestTimeoutMs: 1,
      maxParallel: 1,
    };
    await expect(createExchangeGateway({ exchangeId: 'nowhere', ...rest })).rejects.toMatchObject({ exitCode: 2 });
    await expect(createExchangeGateway({ exchangeId: 'binanceusdm', url: 'localhost', ...rest })).rejects.toMatchObject(
      { exitCode: 2 },
    );
  });
});
