import { describe, expect, it } from 'vitest';
import { FROZEN_SLEEP_SPEED, ManualClock, ScaledClock, systemClock, waitReal, yieldToEventLoop } from './clock.ts';
import { epochMs, milliseconds } from './units.ts';

describe('ManualClock', () => {
  it('stands still until it is moved, and wakes sleepers in order of their time', async () => {
    const clock = new ManualClock(epochMs(1_000));
    const woken: string[] = [];
    const sleep = (name: string, duration: number) =>
      clock.sleep(milliseconds(duration)).then(() => woken.push(`${name} at ${clock.now()}`));
    const late = sleep('late', 300);
    const early = sleep('early', 100);
    await yieldToEventLoop();
    expect(woken).toEqual([]);
    clock.moveTo(epochMs(1_099));
    await yieldToEventLoop();
    expect(woken).toEqual([]);
    clock.moveTo(epochMs(1_300));
    await Promise.all([early, late]);
    expect(woken).toEqual(['early at 1300', 'late at 1300']);
    expect(clock.elapsed()).toBe(1_300);
  });

  it('does not go back', () => {
    const clock = new ManualClock(epochMs(10));
    clock.moveTo(epochMs(10));
    expect(() => clock.moveTo(epochMs(9))).toThrow(RangeError);
  });

  it('ends a sleep early when its signal aborts, and at once when it already has or nothing is left', async () => {
    const clock = new ManualClock(epochMs(0));
    const stop = new AbortController();
    const asleep = clock.sleep(milliseconds(1_000), stop.signal);
    stop.abort();
    await asleep;
    await clock.sleep(milliseconds(1_000), stop.signal);
    await clock.sleep(milliseconds(0));
    await clock.sleep(milliseconds(-5));
    expect(clock.now()).toBe(0);
  });
});

describe('ScaledClock', () => {
  it('runs at its speed from its reference', () => {
    const real = new ManualClock(epochMs(500));
    const clock = new ScaledClock(epochMs(1_000_000), 20, real);
    expect(clock.now()).toBe(1_000_000);
    real.moveTo(epochMs(600));
    expect(clock.now()).toBe(1_002_000);
    expect(clock.elapsed()).toBe(600);
  });

  it('takes a new time and speed from now on', () => {
    const real = new ManualClock(epochMs(0));
    const clock = new ScaledClock(epochMs(0), 1, real);
    real.moveTo(epochMs(100));
    clock.synchronize(epochMs(5_000), 3);
    expect([clock.now(), clock.speed]).toEqual([5_000, 3]);
    real.moveTo(epochMs(110));
    expect(clock.now()).toBe(5_030);
    clock.synchronize(epochMs(9_000));
    expect([clock.now(), clock.speed]).toEqual([9_000, 3]);
  });

  it('stands still at speed 0, and a sleep ends all the same', async () => {
    const real = new ManualClock(epochMs(0));
    const clock = new ScaledClock(epochMs(70), 0, real);
    real.moveTo(epochMs(1_000));
    expect(clock.now()).toBe(70);
    await clock.sleep(milliseconds(FROZEN_SLEEP_SPEED));
    expect(clock.now()).toBe(70);
  });

  it('ends a sleep early when its signal aborts', async () => {
    const clock = new ScaledClock(epochMs(0), 1);
    const stop = new AbortController();
    const asleep = clock.sleep(milliseconds(3_600_000), stop.signal);
    stop.abort();
    await asleep;
  });
});

describe('real time', () => {
  it('waits at least what was asked for', async () => {
    const start = systemClock.elapsed();
    await systemClock.sleep(milliseconds(5));
    expect(systemClock.elapsed() - start).toBeGreaterThanOrEqual(4);
    expect(systemClock.now()).toBeGreaterThan(Date.UTC(2020, 0, 1));
  });

  it('does not mistake a wait beyond what a timer holds for none', async () => {
    const stop = new AbortController();
    let ended = false;
    const waiting = waitReal(2 ** 40, stop.signal).then(() => {
      ended = true;
    });
    await waitReal(5);
    expect(ended).toBe(false);
    stop.abort();
    await waiting;
  });

  it('leaves no listener behind on a signal that outlives many waits', async () => {
    const stop = new AbortController();
    let listeners = 0;
    const { signal } = stop;
    const counting = new Proxy(signal, {
      get(target, name) {
        if (name === 'addEventListener') listeners++;
        if (name === 'removeEventListener') listeners--;
        const value = Reflect.get(target, name) as unknown;
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
    for (let i = 0; i < 5; i++) await waitReal(1, counting);
    expect(listeners).toBe(0);
  });
});
