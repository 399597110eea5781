import { describe, expect, it } from 'vitest';
import { epochMs } from '../core/index.ts';
import type { Feature, SeriesFeature } from './feature.ts';
import { featureRowsOf } from './feature-rows.ts';
import { CATALOGUE, describeFeature, featureSet, requiredHistory } from './feature-set.ts';
import { derive } from './kernels/combine.ts';
import { logReturn } from './program.ts';

const [first, ...rest] = CATALOGUE.slice(0, 5) as [SeriesFeature, ...Feature[]];
const hashOf = (features: readonly Feature[]) => featureSet(features).hash;

describe('the feature set', () => {
  it('holds more than sixty features of all three stages, each named once and described', () => {
    const set = featureSet();
    expect(set.width).toBeGreaterThan(60);
    for (const stage of ['fast', 'slow', 'cross']) {
      expect(set.features.filter((feature) => feature.stage === stage).length).toBeGreaterThan(20);
    }
    for (const feature of set.features) {
      expect(feature.name).toMatch(/^[a-z][a-z0-9_]*$/);
      expect(feature.formula).toMatch(/^.{3,}$/);
      expect(feature.range[0]).toBeLessThan(feature.range[1]);
    }
    expect(set.fastWarmUp).toBeLessThanOrEqual(192);
    expect(requiredHistory().minutes).toBeGreaterThanOrEqual(set.fastWarmUp * 15 + 14);
    expect(requiredHistory().hours).toBeGreaterThanOrEqual(set.slowWarmUp);
  });

  it('has the same identity each time it is made', () => {
    expect(hashOf([...CATALOGUE])).toBe(featureSet().hash);
  });

  it('changes its hash with any word of a definition', () => {
    const changed = [
      { ...first, formula: `${first.formula} ` },
      { ...first, warmUp: 7 },
      { ...first, name: 'other' },
    ];
    const hashes = changed.map((feature) => hashOf([feature, ...rest]));
    expect(new Set([hashOf([first, ...rest]), ...hashes]).size).toBe(4);
  });

  it('changes its hash with any number a kernel gives, though no word changes', () => {
    const kernel = (factor: number) => derive('same key', [logReturn], (r = 0) => r * factor);
    const one = hashOf([{ ...first, kernel: kernel(1) }]);
    expect(hashOf([{ ...first, kernel: kernel(1) }])).toBe(one);
    expect(hashOf([{ ...first, kernel: kernel(1.0001) }])).not.toBe(one);
  });

  it('refuses a name given twice and a warm-up beyond what start-up provides', () => {
    expect(() => featureSet([first, first])).toThrow(/two features/);
    expect(() => featureSet([{ ...first, warmUp: 193 }])).toThrow(/193 fast/);
    expect(() => featureSet([{ ...first, stage: 'slow', warmUp: 400 }])).toThrow(/400 slow/);
  });

  it('describes slow warm-ups apart from fast ones', () => {
    expect(describeFeature({ ...first, stage: 'slow', warmUp: 30 })).toMatchObject({ warmUp: 0, slowWarmUp: 30 });
  });
});

describe('feature rows', () => {
  const panel = {
    minute: epochMs(60_000),
    symbols: ['A'],
    width: 2,
    featureSetHash: 'abc',
    values: new Float32Array(2),
    masked: new Uint8Array(2),
  };

  it('join a panel, its names and its indicators', () => {
    expect(featureRowsOf(panel, [{ rsi_14: 40 }], ['x', 'y'])).toEqual({
      panel,
      featureNames: ['x', 'y'],
      indicators: [{ rsi_14: 40 }],
    });
  });

  it('are refused when they do not belong together', () => {
    expect(() => featureRowsOf(panel, [], ['x', 'y'])).toThrow(/0 rows of indicators/);
    expect(() => featureRowsOf(panel, [{}])).toThrow(/names/);
  });
});
