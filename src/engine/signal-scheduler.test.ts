import { describe, expect, it } from 'vitest';
import { type EpochMs, epochMs, ManualClock, MINUTE_MS, type MinuteCandles, silentLog } from '../core/index.ts';
import type { CycleReport } from './minute-cycle.ts';
import { type SchedulerSettings, SignalScheduler } from './signal-scheduler.ts';

const START = epochMs(Date.UTC(2025, 0, 1));
const minute = (index: number) => epochMs(START + index * MINUTE_MS);
const SETTINGS: SchedulerSettings = { deadlineMs: 30_000, graceMs: 5_000, catchUpMs: 3 * 3_600_000 };
const noCandles = (at: EpochMs): MinuteCandles => ({ minute: at, candles: [], missing: [], repaired: [] });

/** A scheduler whose minutes take no time, and what it ran: "index" or "index late". */
function schedule(clock: ManualClock, settings: Partial<SchedulerSettings> = {}) {
  const ran: string[] = [];
  const acknowledged: number[] = [];
  const index = (at: EpochMs) => (at - START) / MINUTE_MS;
  const scheduler = new SignalScheduler({
    clock,
    feed: { awaitMinute: async (at) => noCandles(at) },
    runMinute: async (input, late) => {
      ran.push(late === undefined ? `${index(input.minute)}` : `${index(input.minute)} ${late}`);
      return {} as CycleReport;
    },
    recover: async function* (from, to) {
      for (let at: number = from; at <= to; at += MINUTE_MS) yield noCandles(epochMs(at));
    },
    acknowledge: async (at) => {
      acknowledged.push(index(at));
    },
    settings: { ...SETTINGS, ...settings },
    log: silentLog,
  });
  return { scheduler, ran, acknowledged };
}

const settle = async () => {
  for (let i = 0; i < 20; i++) await Promise.resolve();
};

describe('SignalScheduler', () => {
  it('begins at once with the newest closed minute when nothing was decided before', async () => {
    const { scheduler, ran } = schedule(new ManualClock(epochMs(minute(5) + 2_000)));
    await scheduler.run(undefined, new AbortController().signal, minute(5));
    expect(ran).toEqual(['5']);
  });

  it('runs each minute once, at its close', async () => {
    const clock = new ManualClock(epochMs(minute(1) + 1_000));
    const { scheduler, ran, acknowledged } = schedule(clock);
    const running = scheduler.run(minute(1), new AbortController().signal, minute(3));
    await settle();
    expect(ran).toEqual([]);
    clock.moveTo(minute(2));
    await settle();
    expect(ran).toEqual(['2']);
    clock.moveTo(minute(3));
    expect(await running).toBe(minute(3));
    expect(ran).toEqual(['2', '3']);
    expect(acknowledged).toEqual([2, 3]);
  });

  it('catches missed minutes up in order, late once their deadline has passed', async () => {
    const { scheduler, ran } = schedule(new ManualClock(epochMs(minute(4) + 20_000)));
    await scheduler.run(minute(1), new AbortController().signal, minute(4));
    expect(ran).toEqual(['2 CYCLE_NOT_RUN', '3 CYCLE_NOT_RUN', '4']);
  });

  it('leaves minutes further back than catch_up_hours undecided', async () => {
    const { scheduler, ran } = schedule(new ManualClock(minute(100)), { catchUpMs: 3 * MINUTE_MS });
    await scheduler.run(minute(1), new AbortController().signal, minute(99));
    expect(ran).toEqual(['98 CYCLE_NOT_RUN', '99 CYCLE_NOT_RUN']);
  });

  it('stops between two minutes when asked to', async () => {
    const clock = new ManualClock(minute(1));
    const stopping = new AbortController();
    const { scheduler, ran } = schedule(clock);
    const running = scheduler.run(minute(1), stopping.signal);
    await settle();
    stopping.abort();
    expect(await running).toBe(minute(1));
    expect(ran).toEqual([]);
  });
});
