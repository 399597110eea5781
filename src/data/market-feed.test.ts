import { afterEach, describe, expect, it } from 'vitest';
import {
  type CandleCorrection,
  createRandom,
  type EpochMs,
  epochMs,
  MINUTE_MS,
  noMetrics,
  ScaledClock,
  silentLog,
} from '../core/index.ts';
import { createExchangeGateway } from './exchange-gateway.ts';
import { type FakeBar, type FakeVenue, fakeBar, startFakeVenue } from './fake-venue.ts';
import { createMarketFeed, type LiveMarketFeed, type MarketFeedOptions } from './market-feed.ts';

const SYMBOLS = ['BTCUSDT', 'ETHUSDT', 'SOLUSDT'];
const START = epochMs(1_750_000_020_000 - (1_750_000_020_000 % 3_600_000));
const cleanUp: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const step of cleanUp.splice(0).reverse()) await step();
});

interface Bench {
  readonly venue: FakeVenue;
  readonly feed: LiveMarketFeed;
  readonly clock: ScaledClock;
  readonly corrections: CandleCorrection[];
  /** Closes a minute at the venue: history for all symbols, a stream message for those not left out. */
  close(minute: EpochMs, options?: { unsaid?: readonly string[]; absent?: readonly string[] }): void;
  klineRequests(): string[];
  readonly signal: AbortSignal;
}

/** A feed on a frozen clock, as in lock-step: the market moves only when a test closes a minute. */
async function start(
  options: Partial<MarketFeedOptions> = {},
  firstMinute = epochMs(START + MINUTE_MS),
): Promise<Bench> {
  const venue = await startFakeVenue(SYMBOLS, epochMs(START + 250));
  const clock = new ScaledClock(venue.now, 0);
  const settings = { clock, log: silentLog, metrics: noMetrics };
  const gateway = await createExchangeGateway({
    exchangeId: 'binanceusdm',
    url: venue.url,
    requestTimeoutMs: 2_000,
    maxParallel: 8,
    ...settings,
  });
  const corrections: CandleCorrection[] = [];
  const feed = createMarketFeed({
    gateway,
    random: createRandom(1),
    onCorrection: (correction) => corrections.push(correction),
    ...settings,
    ...options,
  });
  for (let ago = 10; ago >= 1; ago--) {
    for (const symbol of SYMBOLS)
      venue.bars.get(symbol)?.set(START - ago * MINUTE_MS, fakeBar(START - ago * MINUTE_MS));
  }
  cleanUp.push(
    () => venue.close(),
    () => gateway.close(),
    () => feed.stop(),
  );
  await feed.start(SYMBOLS, firstMinute);
  venue.requests.length = 0;
  return {
    venue,
    feed,
    clock,
    corrections,
    signal: new AbortController().signal,
    close(minute, { unsaid = [], absent = [] } = {}) {
      const openTime = minute - MINUTE_MS;
      venue.now = epochMs(minute + 250);
      for (const symbol of SYMBOLS) {
        if (absent.includes(symbol)) continue;
        venue.bars.get(symbol)?.set(openTime, fakeBar(openTime));
        if (!unsaid.includes(symbol)) venue.publish(symbol, openTime);
      }
      clock.synchronize(venue.now);
    },
    klineRequests: () => venue.requests.filter((url) => url.startsWith('/fapi/v1/klines')),
  };
}

const minuteAt = (index: number): EpochMs => epochMs(START + index * MINUTE_MS);
const GRACE_MS = 3_000;

describe('market feed', () => {
  it('hands out a minute that the stream brought without asking REST', async () => {
    const { feed, close, klineRequests, signal } = await start();
    for (let index = 1; index <= 3; index++) {
      close(minuteAt(index));
      const { candles, missing } = await feed.awaitMinute(minuteAt(index), GRACE_MS, signal);
      expect(candles.map(({ symbol }) => symbol)).toEqual(SYMBOLS);
      expect(new Set(candles.map(({ finality }) => finality))).toEqual(new Set(['venue-flag']));
      expect(missing).toEqual([]);
    }
    expect(klineRequests()).toEqual([]);
    expect(feed.stateOf()).toMatchObject({ connected: true, sessions: 1, incomplete: [] });
  });

  it('asks REST at once for minutes that closed before the stream was open, all of them in one request per symbol', async () => {
    const { feed, klineRequests, signal } = await start({}, minuteAt(-4));
    for (let index = -4; index <= 0; index++) {
      const { candles } = await feed.awaitMinute(minuteAt(index), GRACE_MS, signal);
      expect(candles.map(({ openTime, finality }) => [openTime, finality])).toEqual(
        SYMBOLS.map(() => [minuteAt(index - 1), 'rest']),
      );
    }
    expect(klineRequests().length).toBeLessThanOrEqual(2 * SYMBOLS.length);
  });

  it('asks REST for what the stream leaves out', async () => {
    const { feed, close, klineRequests, signal } = await start();
    close(minuteAt(1), { unsaid: ['ETHUSDT'] });
    const { candles, missing } = await feed.awaitMinute(minuteAt(1), GRACE_MS, signal);
    expect(candles.map(({ finality }) => finality)).toEqual(['venue-flag', 'rest', 'venue-flag']);
    expect(missing).toEqual([]);
    expect(klineRequests().every((url) => url.includes('ETHUSDT'))).toBe(true);
  });

  it('takes a flat bar of zero volume as the venue’s word that nothing traded', async () => {
    const { venue, feed, close, signal } = await start();
    close(minuteAt(1), { absent: ['SOLUSDT'] });
    venue.bars.get('SOLUSDT')?.set(minuteAt(0), [100, 100, 100, 100, 0]);
    venue.publish('SOLUSDT', minuteAt(0));
    const { candles } = await feed.awaitMinute(minuteAt(1), GRACE_MS, signal);
    expect(candles[2]).toMatchObject({ symbol: 'SOLUSDT', finality: 'confirmed-empty', close: 100, volume: 0 });
    expect(feed.stateOf().counts.CANDLE_EMPTY).toBe(1);
  });

  it('makes a flat bar of a minute that the venue skipped, once it has had time to bring it late', async () => {
    const { feed, close, signal } = await start();
    close(minuteAt(1), { absent: ['SOLUSDT'] });
    expect((await feed.awaitMinute(minuteAt(1), 500, signal)).missing).toHaveLength(1);
    for (let index = 2; index <= 10; index++) {
      close(minuteAt(index));
      await feed.awaitMinute(minuteAt(index), GRACE_MS, signal);
      expect(feed.stateOf().incomplete).toEqual(['SOLUSDT']);
    }
    for (let index = 11; index <= 12; index++) {
      close(minuteAt(index));
      await feed.awaitMinute(minuteAt(index), GRACE_MS, signal);
    }
    await expect.poll(() => feed.stateOf().incomplete).toEqual([]);
    close(minuteAt(13));
    const { repaired } = await feed.awaitMinute(minuteAt(13), GRACE_MS, signal);
    const before = fakeBar(minuteAt(-1))[3];
    expect(repaired).toMatchObject([
      { finality: 'confirmed-empty', openTime: minuteAt(0), high: before, close: before, volume: 0 },
    ]);
  });

  it('reports an unknown minute as missing, goes on with the others, and hands it in later', async () => {
    const { venue, feed, close, signal } = await start();
    close(minuteAt(1), { absent: ['SOLUSDT'] });
    const first = await feed.awaitMinute(minuteAt(1), GRACE_MS, signal);
    expect(first.candles).toHaveLength(2);
    expect(first.missing).toEqual([{ symbol: 'SOLUSDT', reason: 'CANDLE_MISSING' }]);
    expect(feed.stateOf().incomplete).toEqual(['SOLUSDT']);

    venue.bars.get('SOLUSDT')?.set(minuteAt(0), fakeBar(minuteAt(0)));
    venue.publish('SOLUSDT', minuteAt(0));
    await expect.poll(() => feed.stateOf().incomplete).toEqual([]);
    close(minuteAt(2));
    const second = await feed.awaitMinute(minuteAt(2), GRACE_MS, signal);
    expect(second.candles).toHaveLength(3);
    expect(second.repaired.map(({ symbol, openTime }) => [symbol, openTime])).toEqual([['SOLUSDT', minuteAt(0)]]);
  });

  it('repairs an unknown minute by REST, without being asked', async () => {
    const { venue, feed, close, signal } = await start();
    close(minuteAt(1), { absent: ['SOLUSDT'] });
    await feed.awaitMinute(minuteAt(1), GRACE_MS, signal);
    venue.bars.get('SOLUSDT')?.set(minuteAt(0), fakeBar(minuteAt(0)));
    close(minuteAt(2), { unsaid: ['SOLUSDT'] });
    await feed.awaitMinute(minuteAt(2), GRACE_MS, signal);
    await expect.poll(() => feed.stateOf().incomplete).toEqual([]);
  });

  it('keeps the first values of a candle and reports a correction once', async () => {
    const { venue, feed, close, corrections, signal } = await start();
    close(minuteAt(1));
    await feed.awaitMinute(minuteAt(1), GRACE_MS, signal);
    const changed: FakeBar = [100, 130, 90, 120, 5];
    venue.publish('BTCUSDT', minuteAt(0), { bar: changed });
    venue.publish('BTCUSDT', minuteAt(0), { bar: changed });
    venue.publish('BTCUSDT', minuteAt(0));
    close(minuteAt(2));
    await feed.awaitMinute(minuteAt(2), GRACE_MS, signal);
    expect(corrections).toHaveLength(1);
    expect(corrections[0]?.stored.close).toBe(fakeBar(minuteAt(0))[3]);
    expect(corrections[0]?.reported.close).toBe(120);
  });

  it('finds a correction that the stream never told by its audit', async () => {
    const { venue, feed, close, corrections, signal } = await start({ auditEveryMs: 1_000 });
    close(minuteAt(1));
    await feed.awaitMinute(minuteAt(1), GRACE_MS, signal);
    venue.bars.get('ETHUSDT')?.set(minuteAt(0), [100, 130, 90, 120, 5]);
    close(minuteAt(2));
    await feed.awaitMinute(minuteAt(2), GRACE_MS, signal);
    await expect.poll(() => corrections.map(({ stored }) => stored.symbol)).toEqual(['ETHUSDT']);
  });

  it('reopens a lost stream and fills in by REST what closed meanwhile', async () => {
    const { venue, feed, close, signal } = await start();
    venue.cutStreams();
    await expect.poll(() => feed.stateOf().lastLoss).toBeDefined();
    close(minuteAt(1));
    const { candles } = await feed.awaitMinute(minuteAt(1), GRACE_MS, signal);
    expect(candles).toHaveLength(3);
    await expect.poll(() => feed.stateOf()).toMatchObject({ connected: true, sessions: 2 });
    close(minuteAt(2));
    const next = await feed.awaitMinute(minuteAt(2), GRACE_MS, signal);
    expect(next.candles.map(({ finality }) => finality)).toEqual(['venue-flag', 'venue-flag', 'venue-flag']);
    expect(feed.stateOf().counts.FEED_DISCONNECTED).toBe(1);
  });

  it('audits the recent minutes at once after a reconnect', async () => {
    const { venue, feed, close, corrections, signal } = await start();
    close(minuteAt(1));
    await feed.awaitMinute(minuteAt(1), GRACE_MS, signal);
    venue.bars.get('ETHUSDT')?.set(minuteAt(0), [100, 130, 90, 120, 5]);
    venue.cutStreams();
    await expect.poll(() => corrections.map(({ stored }) => stored.symbol)).toEqual(['ETHUSDT']);
  });

  it('finds an open but silent stream, reopens it and fills in by REST', async () => {
    const { venue, feed, close, signal } = await start();
    close(minuteAt(1));
    await feed.awaitMinute(minuteAt(1), GRACE_MS, signal);
    venue.silent = true;
    close(minuteAt(2));
    const { candles } = await feed.awaitMinute(minuteAt(2), GRACE_MS, signal);
    expect(candles.map(({ finality }) => finality)).toEqual(['rest', 'rest', 'rest']);
    expect(feed.stateOf().counts.FEED_SILENT).toBe(1);
    venue.silent = false;
    venue.cutStreams();
    await expect.poll(() => feed.stateOf().connected, { timeout: 5_000 }).toBe(true);
  });

  it('reopens the stream for a symbol that it alone does not bring', async () => {
    const { feed, close, signal } = await start();
    for (let index = 1; index <= 3; index++) {
      close(minuteAt(index), { unsaid: ['ETHUSDT'] });
      await feed.awaitMinute(minuteAt(index), GRACE_MS, signal);
    }
    await expect.poll(() => feed.stateOf().sessions).toBe(2);
  });

  it('takes a forming bar as final where its successor came, its flag was lost and REST has no answer', async () => {
    const { venue, feed, close, signal } = await start();
    close(minuteAt(1), { absent: ['SOLUSDT'] });
    venue.publish('SOLUSDT', minuteAt(0), { closed: false, bar: fakeBar(minuteAt(0)) });
    for (let i = 0; i < 40; i++) venue.failures.push({ path: '/fapi/v1/klines', status: 500 });
    venue.publish('SOLUSDT', minuteAt(1), { closed: false, bar: fakeBar(minuteAt(1)) });
    const { candles } = await feed.awaitMinute(minuteAt(1), GRACE_MS, signal);
    expect(candles[2]).toMatchObject({ symbol: 'SOLUSDT', finality: 'successor', close: fakeBar(minuteAt(0))[3] });
  });

  it('sorts out duplicates, late and malformed messages', async () => {
    const { venue, feed, close, corrections, signal } = await start();
    venue.sendRaw(
      '{"e":"kline","s":"BTCUSDT","k":{"t":"x","s":"BTCUSDT","i":"1m","o":"1","h":"0","l":"2","c":"1","v":"1","x":true}}',
    );
    close(minuteAt(1), { unsaid: ['ETHUSDT'] });
    venue.bars.get('ETHUSDT')?.set(minuteAt(1), fakeBar(minuteAt(1)));
    venue.publish('ETHUSDT', minuteAt(1));
    venue.publish('ETHUSDT', minuteAt(0));
    venue.publish('ETHUSDT', minuteAt(0));
    const first = await feed.awaitMinute(minuteAt(1), GRACE_MS, signal);
    close(minuteAt(2), { unsaid: ['ETHUSDT'] });
    const second = await feed.awaitMinute(minuteAt(2), GRACE_MS, signal);
    expect([...first.candles, ...second.candles]).toHaveLength(6);
    expect(corrections).toEqual([]);
  });

  it('ends a wait at once when the caller gives up', async () => {
    const { feed } = await start();
    const giveUp = new AbortController();
    const waiting = feed.awaitMinute(minuteAt(600), 60_000, giveUp.signal);
    giveUp.abort();
    expect((await waiting).candles).toEqual([]);
  });
});
