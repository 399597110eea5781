import { describe, expect, it } from 'vitest';
import { createRandom, epochMs, ManualClock, RejectedError, TransientError } from '../core/index.ts';
import { retry } from './retry.ts';

const transient = (retryAfterMs?: number) =>
  new TransientError('X', 'x', 'wait', retryAfterMs === undefined ? {} : { retryAfterMs });

function bench() {
  const clock = new ManualClock(epochMs(0));
  const waits: number[] = [];
  const wait = async (durationMs: number) => {
    waits.push(durationMs);
    clock.moveTo(epochMs(clock.now() + durationMs));
  };
  return { waits, options: { clock, random: createRandom(1), attempts: 5, baseMs: 100, maxMs: 300, wait } };
}

describe('retry', () => {
  it('repeats what fails in passing, with growing, bounded, scattered waits', async () => {
    const { waits, options } = bench();
    const result = await retry(async (attempt) => {
      if (attempt < 5) throw transient();
      return attempt;
    }, options);
    expect(result).toBe(5);
    for (const [index, ceiling] of [100, 200, 300, 300].entries()) {
      expect(waits[index]).toBeGreaterThanOrEqual(ceiling / 2);
      expect(waits[index]).toBeLessThanOrEqual(ceiling);
    }
  });

  it('waits as long as the other side asks', async () => {
    const { waits, options } = bench();
    await retry(async (attempt) => {
      if (attempt === 1) throw transient(5_000);
    }, options);
    expect(waits).toEqual([5_000]);
  });

  it('gives up after its tries, at its deadline, on a signal, and at once on a definite refusal', async () => {
    const { options } = bench();
    let calls = 0;
    const failing = async () => {
      calls += 1;
      throw transient();
    };
    await expect(retry(failing, options)).rejects.toThrow('x');
    expect(calls).toBe(5);
    calls = 0;
    await expect(retry(failing, { ...bench().options, deadlineMs: 120 })).rejects.toThrow('x');
    expect(calls).toBe(2);
    calls = 0;
    await expect(retry(failing, { ...options, signal: AbortSignal.abort() })).rejects.toThrow('x');
    expect(calls).toBe(1);
    const rejected = async () => {
      calls += 1;
      throw new RejectedError('NO', 'no', 'stop');
    };
    await expect(retry(rejected, options)).rejects.toThrow('no');
    expect(calls).toBe(2);
  });
});
