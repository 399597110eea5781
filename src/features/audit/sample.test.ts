import { expect, it } from 'vitest';
import { at64, DAY_MS, MINUTE_MS } from '../../core/index.ts';
import { computeFeatures } from '../batch.ts';
import { CATALOGUE, featureSet } from '../feature-set.ts';
import { generateSelfTestMarket } from '../generated-market.ts';
import type { AuditContext } from './context.ts';
import { spanOf } from './market.ts';
import { sampleColumns } from './sample.ts';

const QUARTER_MS = 15 * MINUTE_MS;
const START = 1_706_745_600_000;
const BARS = 6_000;
const set = featureSet(CATALOGUE.filter(({ name }) => ['ret_1', 'day_sin', 'day_cos'].includes(name)));
const market = {
  timeframe: '15m' as const,
  bars: generateSelfTestMarket(['A', 'B'], { bars: BARS, barMs: QUARTER_MS, start: START, seed: 'sample' }),
  references: [],
};
/** Bars that each computation was given. */
const lengths: number[] = [];
const context: AuditContext = {
  set,
  market,
  compute(request) {
    lengths.push(...[...request.bars15m.values()].map(({ length }) => length));
    return computeFeatures(request);
  },
  span: spanOf(market, set),
  symbols: [...market.bars.keys()],
  step: async () => {},
};

it('samples every time of the day and of the week alike', async () => {
  // Every 96th row would be the same time of each day.
  const { times } = await sampleColumns(context, (2 * BARS) / 96);
  expect(times.length).toBeGreaterThanOrEqual(BARS / 96);
  const quarters = new Set(Array.from(times, (time) => (time % DAY_MS) / QUARTER_MS));
  expect(quarters.size).toBe(times.length);
});

it('holds of each sampled row what the whole computation says, from the first day to the last', async () => {
  const sample = await sampleColumns(context, BARS / 5);
  const whole = computeFeatures({ bars15m: market.bars, references: [], featureSet: set });
  expect(at64(sample.times, 0)).toBe(START + QUARTER_MS);
  expect(at64(sample.times, sample.times.length - 1)).toBeGreaterThan(START + (BARS - 20) * QUARTER_MS);
  for (const [symbol, values] of sample.values) {
    const all = whole.values.get(symbol) ?? new Float32Array();
    const expected = Array.from(sample.times).flatMap((time) => {
      const row = whole.times.indexOf(time);
      return [...all.subarray(row * set.width, (row + 1) * set.width)];
    });
    expect(values).toEqual(Float32Array.from(expected));
  }
});

it('computes a long span in parts', async () => {
  lengths.length = 0;
  await sampleColumns(context, BARS / 5);
  expect(lengths.length).toBeGreaterThan(2);
  expect(Math.max(...lengths)).toBeLessThan(BARS / 2);
});
