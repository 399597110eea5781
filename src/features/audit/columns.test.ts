import { describe, expect, it } from 'vitest';
import { at64, MINUTE_MS } from '../../core/index.ts';
import type { SeriesFeature } from '../feature.ts';
import { CATALOGUE, featureSet } from '../feature-set.ts';
import { generateSelfTestMarket } from '../generated-market.ts';
import { derive } from '../kernels/combine.ts';
import { logReturn, type Node } from '../program.ts';
import { auditFeatures } from './audit-features.ts';

const QUARTER_MS = 15 * MINUTE_MS;
const START = 1_706_745_600_000;

const market = (symbols: number, bars: number) => ({
  timeframe: '15m' as const,
  bars: generateSelfTestMarket(
    Array.from({ length: symbols }, (_, index) => `S${index}`),
    { bars, barMs: QUARTER_MS, start: START, seed: 'columns' },
  ),
  references: [],
});
const planted = (name: string, kernel: Node): SeriesFeature => ({
  name,
  group: 'planted',
  stage: 'fast',
  formula: 'planted',
  warmUp: 2,
  range: [-1, 1],
  kernel,
});
const named = (...names: readonly string[]) => CATALOGUE.filter(({ name }) => names.includes(name));
const SOUND = named('ret_1', 'ret_4', 'vol_32', 'weekend');
const r = logReturn;

async function columns(features: typeof SOUND, symbols = 8, bars = 1_500) {
  const { audits } = await auditFeatures({
    market: market(symbols, bars),
    featureSet: featureSet(features),
    only: ['columns'],
  });
  const [audit] = audits;
  if (!audit) throw new RangeError();
  return audit;
}

describe('the audit of columns', () => {
  it('finds nothing in features that each say something', async () => {
    const audit = await columns(SOUND);
    expect(audit.ok, audit.detail).toBe(true);
    expect(audit.detail).toContain('rows sampled from 16 days x 8 symbols');
  });

  it('names what is constant, a copy, or nearly one', async () => {
    const audit = await columns([
      ...SOUND,
      planted(
        'still',
        derive('still', [r], () => 0.25),
      ),
      planted(
        'copy',
        derive('copy', [r], (value) => value),
      ),
      planted(
        'mirror',
        derive('mirror', [r], (value) => -value - 1e-3 * Math.abs(value)),
      ),
      planted('own', derive('own', [r], Math.abs)),
    ]);
    expect(audit.ok).toBe(false);
    expect(audit.detail).toMatch(/still \(constant: all \d+ known values are 0\.25\)/);
    expect(audit.detail).toMatch(/copy \(duplicate: equal to ret_1 in all \d+ sampled rows\)/);
    expect(audit.detail).toMatch(/mirror \(correlated: correlation -[01]\.\d{4} with ret_1 over \d+ rows\)/);
    expect(audit.detail).not.toMatch(/\bown\b|weekend|vol_32/);
  });

  it('reports a feature without its source as unavailable, which is no fault', async () => {
    const audit = await columns([
      ...SOUND,
      planted(
        'open_interest',
        derive('openInterest', [r], () => Number.NaN),
      ),
    ]);
    expect(audit.ok).toBe(true);
    expect(audit.detail).toContain('1 feature unavailable, since the source is absent: open_interest');
    expect(audit.detail).not.toContain('too short');
  });

  it('tells a feature whose warm-up is longer than the history from one whose source is absent', async () => {
    const audit = await columns([...SOUND, ...named('ret_336h', 'btc_ret_4')], 8, 1_000);
    expect(audit.ok).toBe(true);
    expect(audit.detail).toContain('1 feature masked throughout, since the history is too short: ret_336h');
    expect(audit.detail).toContain('1 feature unavailable, since the source is absent: btc_ret_4');
  });

  it('does not judge cross-sectional features by two symbols, whose ranks are scores', async () => {
    const cross = named('ret_1', 'ret_4', 'rank_ret_4', 'score_ret_4');
    const two = await columns(cross, 2);
    expect(two.ok, two.detail).toBe(true);
    expect(two.detail).toContain('not judged below 8 symbols');
    expect((await columns(cross)).ok).toBe(true);
  });

  it('reports a feature that leaves its range, and says nothing of one that drifts: neither is a fault', async () => {
    let bars = 0;
    const audit = await columns([
      ...SOUND,
      planted(
        'beyond',
        derive('beyond', [r], (value) => 1 + Math.abs(value)),
      ),
      planted(
        'drifting',
        derive('drifting', [r], (value) => value + ++bars * 1e-5),
      ),
    ]);
    expect(audit.ok, audit.detail).toBe(true);
    expect(audit.detail).toContain('1 feature out of range more often than expected: beyond,');
    expect(audit.detail).not.toContain('drifting');
  });
});

describe('a market in which nothing happens', () => {
  it('has constant features', async () => {
    const still = market(8, 800);
    for (const bars of still.bars.values()) {
      for (const column of [bars.open, bars.high, bars.low, bars.close]) column.fill(at64(bars.close, 0));
    }
    const { audits } = await auditFeatures({
      market: still,
      featureSet: featureSet(named('ret_1')),
      only: ['columns'],
    });
    expect(audits[0]?.detail).toMatch(/ret_1 \(constant: all \d+ known values are 0\)/);
  });
});
