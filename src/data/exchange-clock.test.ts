import { chmod, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { type Clock, epochMs, MINUTE_MS, milliseconds, noMetrics, silentLog, waitReal } from '../core/index.ts';
import { connectExchangeClock, type ExchangeClockOptions } from './exchange-clock.ts';
import { type FakeVenue, startFakeVenue } from './fake-venue.ts';
import { findSimulationToken } from './simulation-status.ts';

const NOON = epochMs(1_750_000_020_000 - (1_750_000_020_000 % 3_600_000));
const cleanUp: (() => Promise<unknown> | unknown)[] = [];

afterEach(async () => {
  for (const step of cleanUp.splice(0).reverse()) await step();
});

async function venueAt(simulation: FakeVenue['simulation']): Promise<FakeVenue> {
  const venue = await startFakeVenue(['BTCUSDT'], epochMs(NOON + 250));
  venue.simulation = simulation;
  cleanUp.push(() => venue.close());
  return venue;
}

async function connect(venue: FakeVenue, options: Partial<ExchangeClockOptions> = {}) {
  const serverTime = async () => venue.now;
  const clock = await connectExchangeClock({
    url: venue.url,
    serverTime,
    log: silentLog,
    metrics: noMetrics,
    ...options,
  });
  cleanUp.push(() => clock.stop());
  return clock;
}

/** Real time that stands still except where a test moves it. */
function stoppedTime(): Clock & { elapsedMs: number } {
  const clock = {
    elapsedMs: 0,
    now: () => epochMs(NOON + clock.elapsedMs),
    elapsed: () => milliseconds(clock.elapsedMs),
    sleep: (duration: number, signal?: AbortSignal) => waitReal(duration, signal),
  };
  return clock;
}

describe('exchange clock', () => {
  it('stands still in lock-step and moves by acknowledgements alone', async () => {
    const venue = await venueAt({ speed: 'max', lockstep: true, token: 'secret' });
    const clock = await connect(venue, { token: 'secret' });
    expect(clock.now()).toBe(NOON + 250);
    expect(clock.speed).toBe(0);
    expect(clock.simulation).toMatchObject({ lockstep: true, ended: false, minute: NOON });
    const status = await clock.acknowledge(NOON);
    expect(status?.minute).toBe(NOON + MINUTE_MS);
    expect(clock.now()).toBe(NOON + MINUTE_MS + 250);
  });

  it('says what to do when the simulated exchange does not accept its token', async () => {
    const venue = await venueAt({ speed: 'max', lockstep: true, token: 'secret' });
    const clock = await connect(venue, { token: 'wrong' });
    await expect(clock.acknowledge(NOON)).rejects.toMatchObject({ code: 'SIMULATOR_REFUSED', exitCode: 1 });
    await expect(clock.acknowledge(NOON)).rejects.toThrow(/401/);
  });

  it('runs at the speed of the simulated exchange', async () => {
    const venue = await venueAt({ speed: 20, lockstep: false, token: '' });
    const real = stoppedTime();
    const clock = await connect(venue, { real });
    const before = clock.now();
    real.elapsedMs += 1_000;
    expect(clock.now() - before).toBe(20_000);
    expect(await clock.acknowledge(NOON)).toMatchObject({ speed: 20 });
    expect(venue.requests.some((url) => url.includes('advance'))).toBe(false);
  });

  it('takes a real venue’s time from the middle of the request and reports the skew', async () => {
    const venue = await venueAt(undefined);
    const real = stoppedTime();
    const serverTime = async () => {
      real.elapsedMs += 400;
      return epochMs(NOON + 5_000);
    };
    const clock = await connect(venue, { real, serverTime });
    expect(clock.simulation).toBeUndefined();
    expect(clock.now()).toBe(NOON + 5_200);
    expect(clock.skewMs).toBe(5_200 - 400);
    expect(clock.uncertaintyMs).toBe(200);
    expect(await clock.acknowledge(NOON)).toBeUndefined();
  });

  it('never steps back by noise, and follows a venue that really went back', async () => {
    const venue = await venueAt(undefined);
    const real = stoppedTime();
    let venueTime = NOON + 5_000;
    const clock = await connect(venue, { real, serverTime: async () => epochMs(venueTime) });
    expect(clock.now()).toBe(NOON + 5_000);
    venueTime -= 300;
    await clock.synchronize();
    expect(clock.now()).toBe(NOON + 5_000);
    venueTime -= 60_000;
    await clock.synchronize();
    expect(clock.now()).toBe(NOON + 4_700 - 60_000);
  });

  it('follows the venue by itself', async () => {
    const venue = await venueAt({ speed: 20, lockstep: false, token: '' });
    const clock = await connect(venue, { everyMs: 5, real: stoppedTime() });
    venue.now = epochMs(NOON + 3_600_000);
    await expect.poll(() => clock.now()).toBe(NOON + 3_600_000);
  });

  it('says that the venue cannot be reached', async () => {
    const venue = await venueAt(undefined);
    await venue.close();
    await expect(connect(venue)).rejects.toMatchObject({ code: 'EXCHANGE_UNREACHABLE', exitCode: 1 });
  });

  it('finds the token where it was given, in the environment, or in the file of this user only', async () => {
    const port = 59_999;
    const url = `http://127.0.0.1:${port}`;
    const file = join(tmpdir(), `minutehand-sim-${process.getuid?.() ?? 0}-${port}.token`);
    cleanUp.push(() => rm(file, { force: true }));
    expect(await findSimulationToken(url, 'given', { MINUTEHAND_SIM_TOKEN: 'environment' })).toBe('given');
    expect(await findSimulationToken(url, undefined, { MINUTEHAND_SIM_TOKEN: 'environment' })).toBe('environment');
    expect(await findSimulationToken(url, undefined, {})).toBeUndefined();
    await writeFile(file, 'from-file\n', { mode: 0o600 });
    expect(await findSimulationToken(url, undefined, {})).toBe('from-file');
    await rm(file);
    await writeFile(file, 'from-others\n', { mode: 0o666 });
    await chmod(file, 0o666);
    expect(await findSimulationToken(url, undefined, {})).toBeUndefined();
  });
});
