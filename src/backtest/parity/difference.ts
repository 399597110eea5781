/** A place in which two values differ. */
export interface Difference {
  /** Path within the values: "costs.fees", "verdicts[2].value"; empty where they differ as a whole. */
  readonly field: string;
  readonly recorded: unknown;
  readonly replayed: unknown;
}

/**
 * The first place in which two values of plain data differ, undefined where none does. Numbers are compared to the bit, but for the sign of
 * zero, which JSON does not keep; what is absent, undefined and null are one.
 */
export function firstDifference(recorded: unknown, replayed: unknown, field = ''): Difference | undefined {
  if (recorded === replayed || (recorded ?? null) === (replayed ?? null)) return undefined;
  if (Number.isNaN(recorded) && Number.isNaN(replayed)) return undefined;
  if (Array.isArray(recorded) && Array.isArray(replayed)) {
    for (let index = 0; index < Math.max(recorded.length, replayed.length); index++) {
      const found = firstDifference(recorded[index], replayed[index], `${field}[${index}]`);
      if (found) return found;
    }
    return undefined;
  }
  if (isRecord(recorded) && isRecord(replayed)) {
    for (const key of new Set([...Object.keys(recorded), ...Object.keys(replayed)])) {
      const found = firstDifference(recorded[key], replayed[key], field === '' ? key : `${field}.${key}`);
      if (found) return found;
    }
    return undefined;
  }
  return { field, recorded: recorded ?? null, replayed: replayed ?? null };
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The first index in which two rows differ to the bit; -1 where none does. */
export function firstDifferentBit(recorded: Float32Array, replayed: Float32Array): number {
  const length = Math.max(recorded.length, replayed.length);
  for (let index = 0; index < length; index++) if (!Object.is(recorded[index], replayed[index])) return index;
  return -1;
}
