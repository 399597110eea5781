import { type EpochMs, epochMs, type Milliseconds, milliseconds } from './units.ts';

export const TIMEFRAMES = ['1m', '3m', '5m', '15m', '30m', '1h', '2h', '4h', '6h', '8h', '12h', '1d'] as const;
/** The length of a bar, in the exchanges' notation. */
export type Timeframe = (typeof TIMEFRAMES)[number];

export const SECOND_MS = milliseconds(1_000);
export const MINUTE_MS = milliseconds(60_000);
export const HOUR_MS = milliseconds(3_600_000);
export const DAY_MS = milliseconds(86_400_000);
/** Minutes in the network's bar, and so the number of phases. */
export const PHASES = 15;

const DURATIONS: Record<Timeframe, number> = {
  '1m': 1,
  '3m': 3,
  '5m': 5,
  '15m': 15,
  '30m': 30,
  '1h': 60,
  '2h': 120,
  '4h': 240,
  '6h': 360,
  '8h': 480,
  '12h': 720,
  '1d': 1440,
};

export const isTimeframe = (text: string): text is Timeframe => (TIMEFRAMES as readonly string[]).includes(text);

/** Length of one bar. */
export const durationOf = (timeframe: Timeframe): Milliseconds => milliseconds(DURATIONS[timeframe] * MINUTE_MS);

/** The latest boundary of `timeframe` at or before `time` (UTC-aligned). */
export function floorTo(time: EpochMs, timeframe: Timeframe): EpochMs {
  const duration = durationOf(timeframe);
  return epochMs(Math.floor(time / duration) * duration);
}

/** Phase of a minute, 0 to 14: which of the fifteen series of 15-minute bars has a bar that ends at `minute`. */
export function phaseOf(minute: EpochMs): number {
  return (minute / MINUTE_MS) % PHASES;
}

/** ISO 8601 in UTC without milliseconds, "2025-06-19T21:00:00Z". */
export function formatTime(time: EpochMs): string {
  return new Date(time).toISOString().replace('.000Z', 'Z');
}
