import { z } from 'zod';
import { DURATION_PATTERN } from './duration.ts';

/** What a value counts, so that a wrong unit can be named. */
export type Unit =
  | 'fraction'
  | 'basis points'
  | 'multiple of the equity'
  | 'volatilities'
  | 'milliseconds'
  | 'seconds'
  | 'minutes'
  | 'hours'
  | 'days'
  | 'quote currency';

/** What a key's schema carries beside its type. */
export interface KeyTraits {
  readonly unit?: Unit;
  /** A file or folder; relative ones are made absolute. */
  readonly path?: true;
  /** Never shown, never written into a file of the configuration. */
  readonly secret?: true;
  /** What to write, where the type alone does not say it well. */
  readonly expects?: string;
}

export const about = (description: string, traits: KeyTraits = {}) => ({ description, ...traits });

export const fractionFrom = (least: number) => z.number().min(least).max(1);
export const count = (least: number, most: number) => z.int().min(least).max(most);
export const path = () => z.string().min(1).nullable();
export const duration = () => z.string().regex(DURATION_PATTERN);
export const DURATION: KeyTraits = { expects: 'a duration such as 90s, 15m, 4h or 1d' };
export const SYMBOL = /^[A-Z0-9]{2,30}$/;

export const keptDays = (what: string, { how = '', days = null }: { how?: string; days?: number | null } = {}) =>
  count(1, 36_500)
    .nullable()
    .default(days)
    .meta(about(`${what} are kept this long${how}.`, { unit: 'days' }));

/** Money may be written as a number; it is kept as a decimal string. */
export const money = () =>
  z
    .union([z.string(), z.number()])
    .transform((value) => String(value))
    .pipe(z.string().regex(/^\d{1,12}(\.\d{1,8})?$/));

export const distance = (least: number, most: number) => z.number().min(least).max(most);
export const levels = () => z.array(z.number().gt(0).max(1)).min(1).max(10);
export const FRACTION = { unit: 'fraction' } as const;
