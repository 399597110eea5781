import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  DAY_MS,
  durationOf,
  floorTo,
  formatTime,
  isTimeframe,
  MINUTE_MS,
  PHASES,
  phaseOf,
  TIMEFRAMES,
} from './timeframe.ts';
import { basisPoints, epochMs, fractionOf } from './units.ts';

describe('timeframes', () => {
  it('last what they say', () => {
    expect(durationOf('1m')).toBe(60_000);
    expect(durationOf('15m')).toBe(900_000);
    expect(durationOf('4h')).toBe(14_400_000);
    expect(durationOf('1d')).toBe(DAY_MS);
    const durations = TIMEFRAMES.map(durationOf);
    expect(durations).toEqual([...durations].sort((a, b) => a - b));
    expect([isTimeframe('15m'), isTimeframe('7m'), isTimeframe('toString')]).toEqual([true, false, false]);
  });

  it('have UTC-aligned boundaries, the latest at or before a time', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...TIMEFRAMES),
        fc.integer({ min: -(10 ** 12), max: 4 * 10 ** 12 }),
        (timeframe, time) => {
          const boundary = floorTo(epochMs(time), timeframe);
          expect(boundary).toBeLessThanOrEqual(time);
          expect(time - boundary).toBeLessThan(durationOf(timeframe));
          expect(Math.abs(boundary % durationOf(timeframe))).toBe(0);
          expect(floorTo(boundary, timeframe)).toBe(boundary);
        },
      ),
    );
    expect(floorTo(epochMs(Date.UTC(2025, 0, 2, 23, 59)), '1d')).toBe(Date.UTC(2025, 0, 2));
  });
});

describe('phases', () => {
  it('give each minute of a quarter of an hour its own series, 0 at the quarter itself', () => {
    const quarter = Date.UTC(2025, 5, 19, 21, 15);
    const phases = Array.from({ length: PHASES }, (_, index) => phaseOf(epochMs(quarter + index * MINUTE_MS)));
    expect(phases).toEqual(Array.from({ length: PHASES }, (_, index) => index));
    expect(phaseOf(epochMs(quarter + PHASES * MINUTE_MS))).toBe(0);
  });
});

describe('formatTime', () => {
  it('writes UTC, with milliseconds only where there are some', () => {
    expect(formatTime(epochMs(Date.UTC(2025, 5, 19, 21)))).toBe('2025-06-19T21:00:00Z');
    expect(formatTime(epochMs(Date.UTC(2025, 5, 19, 21) + 5))).toBe('2025-06-19T21:00:00.005Z');
  });
});

describe('units', () => {
  it('turn basis points into fractions', () => {
    expect(fractionOf(basisPoints(5))).toBe(0.0005);
  });
});
