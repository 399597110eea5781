import type { Feature } from '../feature.ts';
import { CROSS_FEATURES } from './cross.ts';
import { FAST_FEATURES } from './fast.ts';
import { SLOW_FEATURES } from './slow.ts';

/** Every feature of the product. */
export const CATALOGUE: readonly Feature[] = [...FAST_FEATURES, ...SLOW_FEATURES, ...CROSS_FEATURES];
