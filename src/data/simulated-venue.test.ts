import { afterEach, describe, expect, it } from 'vitest';
import {
  type CandleCorrection,
  createRandom,
  type EpochMs,
  epochMs,
  MINUTE_MS,
  type MinuteCandles,
  noMetrics,
  silentLog,
  systemClock,
} from '../core/index.ts';
import { type FaultRequest, LOCK_STEP_OFFSET_MS, marketFromOptions, startSimulator } from '../simulator/index.ts';
import { connectExchangeClock, type ExchangeClock } from './exchange-clock.ts';
import { createExchangeGateway } from './exchange-gateway.ts';
import { createMarketFeed, type LiveMarketFeed } from './market-feed.ts';

/** The one symbol of the generated market that is no reference. */
const THIRD = 'G03USDT';
const cleanUp: (() => Promise<unknown> | unknown)[] = [];

afterEach(async () => {
  for (const step of cleanUp.splice(0).reverse()) await step();
});

interface Run {
  /** Three, references first. */
  readonly symbols: readonly string[];
  readonly clock: ExchangeClock;
  readonly feed: LiveMarketFeed;
  readonly corrections: CandleCorrection[];
  fault(fault: FaultRequest): Promise<void>;
  /** Lets the market go on a number of minutes and hands out what the feed knew of each. */
  play(minutes: number): Promise<MinuteCandles[]>;
}

/** A feed through ccxt, HTTP and WebSocket on the simulated exchange in lock-step. */
async function start(): Promise<Run> {
  const simulator = await startSimulator({
    market: await marketFromOptions({ generate: 1, symbols: 3 }),
    port: 0,
    speed: 'max',
  });
  const { symbols } = simulator.status().market;
  const settings = { log: silentLog, metrics: noMetrics };
  const connection = {
    exchangeId: 'binanceusdm',
    url: simulator.url,
    requestTimeoutMs: 1_000,
    maxParallel: 4,
    ...settings,
  };
  const probe = await createExchangeGateway({ ...connection, clock: systemClock });
  const serverTime = () => probe.serverTime();
  const clock = await connectExchangeClock({ url: simulator.url, token: simulator.token, serverTime, ...settings });
  const gateway = await createExchangeGateway({ ...connection, clock });
  const corrections: CandleCorrection[] = [];
  const onCorrection = (correction: CandleCorrection) => corrections.push(correction);
  const feed = createMarketFeed({
    gateway,
    clock,
    random: createRandom(1),
    onCorrection,
    auditEveryMs: 2_000,
    ...settings,
  });
  cleanUp.push(
    () => simulator.close(),
    () => probe.close(),
    () => gateway.close(),
    () => clock.stop(),
    () => feed.stop(),
  );
  let minute: EpochMs = epochMs(simulator.status().minute);
  await feed.start(symbols, epochMs(minute + MINUTE_MS));
  return {
    symbols,
    clock,
    feed,
    corrections,
    fault: async (fault) => {
      const response = await fetch(`${simulator.url}/sim/v1/faults`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${simulator.token}` },
        body: JSON.stringify(fault),
      });
      expect(response.status).toBe(201);
    },
    play: async (minutes) => {
      const played: MinuteCandles[] = [];
      for (let i = 0; i < minutes; i++) {
        await clock.acknowledge(minute);
        minute = epochMs(minute + MINUTE_MS);
        played.push(await feed.awaitMinute(minute, 3_000, new AbortController().signal));
      }
      return played;
    },
  };
}

const finalities = (minutes: readonly MinuteCandles[]) =>
  new Set(minutes.flatMap(({ candles }) => candles.map(({ finality }) => finality)));
const missingOf = (minutes: readonly MinuteCandles[]) =>
  minutes.flatMap(({ missing }) => missing.map(({ symbol }) => symbol));

describe('the feed at a simulated exchange in lock-step', () => {
  it('gets every minute of every symbol by the stream alone', async () => {
    const { symbols, clock, feed, play } = await start();
    const minutes = await play(20);
    expect(minutes.every(({ candles }) => candles.length === symbols.length)).toBe(true);
    expect(finalities(minutes)).toEqual(new Set(['venue-flag']));
    expect(feed.stateOf()).toMatchObject({ sessions: 1, incomplete: [], counts: {} });
    expect(clock.now() - (minutes.at(-1)?.minute ?? 0)).toBe(LOCK_STEP_OFFSET_MS);
  });

  it.each<FaultRequest>([
    { kind: 'gap', symbols: ['ETHUSDT'], minutes: 2 },
    { kind: 'late', symbols: ['ETHUSDT'], delayMs: 3_600_000, minutes: 2 },
    { kind: 'drop-sockets', minutes: 1 },
    { kind: 'silent-sockets', minutes: 2 },
    { kind: 'duplicates', minutes: 3 },
    { kind: 'out-of-order', minutes: 3 },
    { kind: 'latency', ms: 50, minutes: 2 },
    { kind: 'empty', symbols: [THIRD], minutes: 2 },
  ])('misses nothing under $kind', async (fault) => {
    const { feed, fault: cause, play } = await start();
    await play(1);
    await cause(fault);
    const minutes = await play(5);
    expect(missingOf(minutes)).toEqual([]);
    expect(feed.stateOf().incomplete).toEqual([]);
  });

  it('reports what the venue itself lacks, and has it repaired when the venue brings it', async () => {
    const { feed, fault, play } = await start();
    await play(1);
    await fault({ kind: 'missing', symbols: [THIRD], minutes: 1, appearsAfterMinutes: 3 });
    const minutes = await play(2);
    expect(missingOf(minutes)).toEqual([THIRD]);
    expect(feed.stateOf().incomplete).toEqual([THIRD]);
    const later = await play(4);
    await expect.poll(() => feed.stateOf().incomplete).toEqual([]);
    const repaired = [...later, ...(await play(1))].flatMap((minute) => minute.repaired);
    expect(repaired).toMatchObject([{ symbol: THIRD, finality: 'rest' }]);
  });

  it('goes on at once without a symbol that has ended', async () => {
    const { feed, fault, play } = await start();
    await fault({ kind: 'delist', symbols: [THIRD], goneAfterMinutes: 0 });
    const minutes = await play(12);
    expect(minutes.every(({ candles }) => candles.length === 2 || candles.length === 3)).toBe(true);
    expect(missingOf(minutes).length).toBeGreaterThan(9);
    expect(feed.stateOf().incomplete).toEqual([THIRD]);
  });

  it('reports a correction and keeps the first values', async () => {
    const { corrections, fault, play } = await start();
    await play(1);
    await fault({ kind: 'corrected', symbols: ['BTCUSDT'], minutes: 1, afterMinutes: 1 });
    await play(6);
    await expect.poll(() => corrections.length, { timeout: 10_000 }).toBeGreaterThan(0);
    expect(corrections[0]?.stored.symbol).toBe('BTCUSDT');
  });
});
