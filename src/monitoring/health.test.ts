import { describe, expect, it } from 'vitest';
import { epochMs, ManualClock } from '../core/index.ts';
import { createHealth, overallState } from './health.ts';
import { createMetrics } from './metrics.ts';
import { PunctualityWatch } from './punctuality.ts';

describe('health', () => {
  it('remembers each state, why, and since when', async () => {
    const clock = new ManualClock(epochMs(1_000));
    const metrics = createMetrics({ strict: true });
    const health = createHealth(clock, metrics);
    health.report('database', 'READY');
    health.report('feed', 'STARTING', 'opening the stream');
    clock.moveTo(epochMs(2_000));
    health.report('database', 'READY');
    health.report('feed', 'DEGRADED', 'FEED_SILENT');
    expect(health.snapshot()).toEqual({
      state: 'DEGRADED',
      components: [
        { name: 'database', state: 'READY', since: 1_000 },
        { name: 'feed', state: 'DEGRADED', reason: 'FEED_SILENT', since: 2_000 },
      ],
    });
    const text = await metrics.text();
    expect(text).toContain('minutehand_component_state{component="feed",state="DEGRADED"} 1');
    expect(text).toContain('minutehand_component_state{component="feed",state="STARTING"} 0');
  });

  it.each([
    [[], 'STARTING'],
    [['READY', 'READY'], 'READY'],
    [['READY', 'STARTING'], 'STARTING'],
    [['STOPPED', 'STARTING'], 'STARTING'],
    [['READY', 'STOPPED'], 'DEGRADED'],
    [['DEGRADED', 'STARTING'], 'DEGRADED'],
    [['FAILED', 'STOPPED'], 'FAILED'],
    [['STOPPED', 'STOPPED'], 'STOPPED'],
  ] as const)('sums %j up as %s', (states, overall) => {
    expect(overallState(states.map((state) => ({ state })))).toBe(overall);
  });
});

describe('PunctualityWatch', () => {
  it('alerts once when the share in time falls below the threshold, and says when that ends', () => {
    const watch = new PunctualityWatch(0.8, createMetrics({ strict: true }));
    const seen = [...Array(8).fill(true), ...Array(3).fill(false), ...Array(60).fill(true)].map((inTime) =>
      watch.record(inTime),
    );
    expect(seen[9]).toMatchObject({ cycles: 10, share: 0.8, isAlert: false });
    expect(seen[10]).toMatchObject({ cycles: 11, isAlert: true, changed: true });
    expect(seen.filter(({ changed }) => changed)).toHaveLength(2);
    expect(seen.at(-1)).toMatchObject({ cycles: 60, share: 1, isAlert: false });
  });

  it('needs some cycles before it judges, and obeys its threshold', () => {
    const metrics = createMetrics();
    const strict = new PunctualityWatch(1, metrics);
    const lenient = new PunctualityWatch(0, metrics);
    const outcomes = Array.from({ length: 12 }, () => [strict.record(false).isAlert, lenient.record(false).isAlert]);
    expect(outcomes[8]).toEqual([false, false]);
    expect(outcomes[9]).toEqual([true, false]);
  });
});
