import { type Milliseconds, milliseconds } from '../core/index.ts';

const UNITS = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** A duration as the configuration writes it: a whole number and one of s, m, h, d. */
export const DURATION_PATTERN = /^([1-9]\d{0,5})([smhd])$/;

/**
 * Length of "90s", "15m", "4h" or "1d".
 * @throws RangeError for any other text: configuration values have been checked before.
 */
export function durationMs(text: string): Milliseconds {
  const match = DURATION_PATTERN.exec(text);
  if (!match) throw new RangeError(`"${text}" is not a duration such as 90s, 15m, 4h or 1d`);
  return milliseconds(Number(match[1]) * UNITS[match[2] as keyof typeof UNITS]);
}
