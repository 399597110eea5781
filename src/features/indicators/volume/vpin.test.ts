import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { at64, createRandom } from '../../../core/index.ts';
import { cutBars, expectValues, mean, type SampleBars, sampleBars, sum } from '../naive.fixture.ts';
import { normalProbability } from '../statistics/normal-distribution.ts';
import { Vpin } from './vpin.ts';

const LENGTH = 300;
/** Buckets smaller than some bars' volume and larger than others'. */
const create = (bucketVolume = 700) => new Vpin(bucketVolume, 10, 20);

describe('Vpin', () => {
  it('is what a ledger of every unit of volume says', () => {
    for (const bucketVolume of [3, 700, 5_000]) {
      const bars = wholeVolumes(sampleBars('vpin', LENGTH));
      expectValues(create(bucketVolume).batch(bars), ledger(bars, bucketVolume, 10, 20), 1);
    }
  });

  it('is NaN until its buckets are full and its deviation known, and stable exactly from then on', () => {
    const bars = sampleBars('warm-up', LENGTH);
    const vpin = create();
    for (let i = 0; i < LENGTH; i++) {
      const value = vpin.update({ close: at64(bars.close, i), volume: at64(bars.volume, i) });
      expect(Number.isNaN(value)).toBe(!vpin.isStable);
      if (i + 1 < vpin.warmup) expect(vpin.isStable).toBe(false);
    }
    expect(vpin.isStable).toBe(true);
  });

  it('gives the same bits by stream and by batch, and scales with price and volume exactly', () => {
    const any = fc.record({
      seed: fc.integer(),
      split: fc.integer({ min: 0, max: LENGTH }),
      price: fc.integer({ min: -20, max: 20 }),
      volume: fc.integer({ min: -20, max: 20 }),
    });
    fc.assert(
      fc.property(any, ({ seed, split, price, volume }) => {
        const bars = sampleBars(seed, LENGTH);
        const whole = create().batch(bars);
        const parted = create();
        const first = parted.batch(cutBars(bars, 0, split));
        const rest = bars.close
          .slice(split)
          .map((close, i) => parted.update({ close, volume: at64(bars.volume, split + i) }));
        expect([...first, ...rest]).toEqual([...whole]);
        const scaled = create(700 * 2 ** volume).batch(cutBars(bars, 0, LENGTH, 2 ** price, 2 ** volume));
        expect([...scaled]).toEqual([...whole]);
      }),
      { numRuns: 25, seed: 20_250_601 },
    );
  });

  it('agrees with another start whose buckets begin at the same bar', () => {
    // Every bar fills one bucket, so that both starts cut the volume at the same places.
    const bars = { ...sampleBars('start', LENGTH), volume: new Float64Array(LENGTH).fill(700) };
    const later = create();
    const values = later.batch(cutBars(bars, 57, LENGTH)).slice(40);
    expectValues(values, create().batch(bars).slice(97), 1, 1e-12);
  });

  it('is 1 where all volume has one side, 0 where nothing moves, and holds its value without volume', () => {
    const trend = Float64Array.from({ length: 60 }, (_, i) => 100 + i);
    const even = new Float64Array(60).fill(1_000);
    expect(create().batch({ close: trend, volume: even }).at(-1)).toBe(1);
    const flat = create();
    expect(flat.batch({ close: even, volume: even }).at(-1)).toBe(0);
    expect(flat.update({ close: 2_000, volume: 0 })).toBe(0);
  });

  it('takes a bar of any number of buckets at once', () => {
    const vpin = create(1);
    const random = createRandom('huge');
    for (let i = 0; i < 21; i++) vpin.update({ close: random.normal(), volume: 0 });
    expect(vpin.isStable).toBe(false);
    const value = vpin.update({ close: 50, volume: 2 ** 50 + 0.5 });
    expect(value).toBeCloseTo(1, 4);
  });

  it('refuses buckets of no volume', () => {
    expect(() => new Vpin(0)).toThrow(/bucketVolume is 0/);
  });
});

const wholeVolumes = (bars: SampleBars): SampleBars => ({ ...bars, volume: bars.volume.map(Math.round) });

/** Every unit of volume by itself, with the share of it that was bought, then cut into buckets. */
function ledger({ close, volume }: SampleBars, size: number, buckets: number, period: number): number[] {
  const units: number[] = [];
  return Array.from(close, (price, i) => {
    if (i < period) return Number.NaN;
    const changes = Array.from({ length: period }, (_, k) => at64(close, i - k) - at64(close, i - k - 1));
    const deviation = Math.sqrt(mean(changes.map((change) => (change - mean(changes)) ** 2)));
    const change = price - at64(close, i - 1);
    const bought = change === 0 ? 0.5 : normalProbability(change / deviation);
    for (let unit = 0; unit < at64(volume, i); unit++) units.push(2 * bought - 1);
    const full = Math.floor(units.length / size);
    if (full < buckets) return Number.NaN;
    const imbalances = Array.from({ length: buckets }, (_, k) => {
      const start = (full - 1 - k) * size;
      return Math.abs(sum(units.slice(start, start + size)));
    });
    return sum(imbalances) / (buckets * size);
  });
}
