import { createHash } from 'node:crypto';
import { durationOf } from '../core/index.ts';
import { computeColumns } from './columns.ts';
import type { Feature } from './feature.ts';
import { generateSelfTestMarket } from './generated-market.ts';
import { sectorTable } from './sectors.ts';

const SYMBOLS = ['ONE', 'TWO', 'THREE', 'FOUR'];
/** 15 days and a bit: the slowest feature is warm for the last rows. */
const BARS = 1_480;
const DIGESTED_ROWS = 40;
const BAR_MS = durationOf('15m');
/** Monday, 2024-01-01T00:00Z. */
const START = 1_704_067_200_000;

/**
 * sha256 (hex) of the features of a fixed generated market, at six significant digits so that rounding differences between CPUs do not
 * show. Any change of what a kernel computes changes it.
 */
export function digestOnGeneratedMarket(features: readonly Feature[]): string {
  const bars15m = generateSelfTestMarket(SYMBOLS, { bars: BARS, barMs: BAR_MS, start: START, seed: 'feature-set' });
  const { values, width } = computeColumns(features, {
    bars15m,
    references: SYMBOLS.slice(0, 2),
    from: START + (BARS - DIGESTED_ROWS + 1) * BAR_MS,
  });
  const hash = createHash('sha256').update(`${width} ${sectorTable()}`);
  for (const symbol of SYMBOLS) {
    for (const value of values.get(symbol) ?? []) hash.update(`${Number(value.toPrecision(6))},`);
  }
  return hash.digest('hex');
}
