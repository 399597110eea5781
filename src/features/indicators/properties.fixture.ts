import { array, assert, boolean, integer, nat, property, record } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { at64 } from '../../core/index.ts';
import { sameBits } from '../bars.fixture.ts';
import type { Indicator, OpenHighLowClose, PriceVolume } from './indicator.ts';
import { cutBars, expectValues, flatBars, type SampleBars, sampleBars } from './naive.fixture.ts';

/* What every indicator keeps to, whatever it calculates. */

/** An indicator under test, whatever its inputs and outputs: bars in, one value or column a line out. */
export interface Subject {
  readonly name: string;
  readonly create: () => Running;
  readonly traits: Traits;
}

export interface Traits {
  /** What tells it apart from others of its class. */
  readonly variant?: string;
  /** Powers of price and volume that its lines are in units of; 0 unless said. */
  readonly price?: PerLine;
  readonly volume?: PerLine;
  /** Its lines where nothing ever moved from `price`; 0 unless said. */
  readonly flat?: (price: number) => PerLine;
  /** Values after the first until the start no longer shows; 0 for what forgets with its window. */
  readonly settling?: number;
  /** It adds up from its start on: what agrees with another start are its changes. */
  readonly cumulative?: boolean;
}

/** One number for all lines, or one for each. */
type PerLine = number | readonly number[];

/** Describes the properties of each subject as tests. */
export function describeProperties(subjects: readonly Subject[]): void {
  describe.each(subjects)('$name', ({ create, traits }) => {
    const { price: priceUnit = 0, volume: volumeUnit = 0, flat = () => 0, settling = 0, cumulative = false } = traits;

    it('gives the same bits by stream and by batch, however they take turns', () => {
      const part = record({ length: nat({ max: 90 }), streamed: boolean() });
      assert(
        property(record({ seed: integer(), parts: array(part, { maxLength: 20 }) }), ({ seed, parts }) => {
          const bars = sampleBars(seed, LENGTH);
          const expected = stream(create(), bars);
          const mixed = create();
          let start = 0;
          for (const { length, streamed } of [...parts, { length: LENGTH, streamed: false }]) {
            const end = Math.min(start + length, LENGTH);
            const cut = cutBars(bars, start, end);
            const lines = streamed ? stream(mixed, cut) : mixed.batch(cut);
            // A stream of no bars has no lines.
            if (end > start) expectBits(lines, slices(expected, start, end));
            start = end;
            expect(mixed.isStable()).toBe(end >= mixed.warmup);
          }
        }),
        RUNS,
      );
    });

    it('is NaN until its warm-up is over, finite and stable from then on', () => {
      const seeds = ['warm-up-1', 'warm-up-2', 'warm-up-3'];
      for (const bars of [...seeds.map((seed) => sampleBars(seed, LENGTH)), flatBars(0.1, LENGTH)]) {
        const running = create();
        for (let i = 0; i < LENGTH; i++) {
          const isWarm = i + 1 >= running.warmup;
          const values = running.update(barAt(bars, i));
          expect(values.map(Number.isFinite)).toEqual(values.map(() => isWarm));
          expect(values.map(Number.isNaN)).toEqual(values.map(() => !isWarm));
          expect(running.isStable()).toBe(isWarm);
        }
      }
    });

    it('scales with price and volume exactly', () => {
      const power = integer({ min: -30, max: 30 });
      assert(
        property(record({ seed: integer(), price: power, volume: power }), ({ seed, price, volume }) => {
          const bars = sampleBars(seed, LENGTH);
          const scaled = create().batch(cutBars(bars, 0, LENGTH, 2 ** price, 2 ** volume));
          const expected = create()
            .batch(bars)
            .map((line, k) => {
              const factor = 2 ** (price * ofLine(priceUnit, k) + volume * ofLine(volumeUnit, k));
              return line.map((value) => value * factor);
            });
          expectBits(scaled, expected);
        }),
        RUNS,
      );
    });

    it('agrees with another start once that is forgotten', () => {
      const length = 1_500;
      const start = 137;
      for (const seed of ['start-1', 'start-2', 'start-3']) {
        const bars = sampleBars(seed, length);
        const later = create();
        const from = later.warmup - 1 + settling;
        const values = later.batch(cutBars(bars, start, length));
        create()
          .batch(bars)
          .forEach((line, k) => {
            const actual = values[k]?.slice(from) ?? new Float64Array();
            const expected = line.slice(start + from);
            const settled = cumulative ? [sinceFirst(actual), sinceFirst(expected)] : [actual, expected];
            const scale = cumulative ? Math.max(...expected.map(Math.abs)) : 1;
            expectValues(settled[0] ?? actual, settled[1] ?? expected, scale, settling > 0 ? 1e-6 : 1e-12);
          });
      }
    });

    it('says what it should where nothing ever moves', () => {
      for (const price of [0.1, 123.4]) {
        const running = create();
        const count = LENGTH - running.warmup + 1;
        for (const [k, line] of running.batch(flatBars(price, LENGTH)).entries()) {
          expectValues(line.subarray(running.warmup - 1), new Float64Array(count).fill(ofLine(flat(price), k)), 1);
        }
      }
    });
  });
}

export function ofCloses<T extends Indicator & { update(value: number): Values; batch(values: Float64Array): Values }>(
  make: () => T,
  traits: Traits = {},
): Subject {
  return subject(make, traits, (indicator) => ({
    update: (bar) => numbersOf(indicator.update(bar.close)),
    batch: (bars) => columnsOf(indicator.batch(bars.close)),
  }));
}

/** Of two series: highs and closes. */
export function ofPairs<
  T extends Indicator & { update(x: number, y: number): Values; batch(x: Float64Array, y: Float64Array): Values },
>(make: () => T, traits: Traits = {}): Subject {
  return subject(make, traits, (indicator) => ({
    update: (bar) => numbersOf(indicator.update(bar.high, bar.close)),
    batch: (bars) => columnsOf(indicator.batch(bars.high, bars.close)),
  }));
}

export function ofBars<T extends Indicator & { update(bar: Bar): Values; batch(bars: SampleBars): Values }>(
  make: () => T,
  traits: Traits = {},
): Subject {
  return subject(make, traits, (indicator) => ({
    update: (bar) => numbersOf(indicator.update(bar)),
    batch: (bars) => columnsOf(indicator.batch(bars)),
  }));
}

/** Few enough for all subjects together, always the same. */
const RUNS = { numRuns: 40, seed: 20_250_601 };
const LENGTH = 300;

type Bar = OpenHighLowClose & PriceVolume;
type Values = number | object;

interface Running {
  readonly warmup: number;
  readonly isStable: () => boolean;
  readonly update: (bar: Bar) => number[];
  readonly batch: (bars: SampleBars) => Float64Array[];
}

function subject<T extends Indicator>(
  make: () => T,
  traits: Traits,
  run: (indicator: T) => Pick<Running, 'update' | 'batch'>,
): Subject {
  const create = () => {
    const indicator = make();
    return { warmup: indicator.warmup, isStable: () => indicator.isStable, ...run(indicator) };
  };
  const { name } = make().constructor;
  return { name: traits.variant === undefined ? name : `${name} ${traits.variant}`, create, traits };
}

const numbersOf = (values: Values): number[] => (typeof values === 'number' ? [values] : Object.values(values));
const columnsOf = (values: Values): Float64Array[] =>
  values instanceof Float64Array ? [values] : Object.values(values);

/** NaN, which agrees with nothing, for a line that is not named. */
const ofLine = (values: PerLine, k: number): number =>
  typeof values === 'number' ? values : (values[k] ?? Number.NaN);

const slices = (lines: readonly Float64Array[], start: number, end: number): Float64Array[] =>
  lines.map((line) => line.slice(start, end));

/** Expects as many lines of the same bits. */
function expectBits(actual: readonly Float64Array[], expected: readonly Float64Array[]): void {
  expect(actual.length).toBe(expected.length);
  for (const [k, line] of expected.entries()) {
    const other = actual[k] ?? new Float64Array();
    if (sameBits(other, line)) continue;
    const at = line.findIndex((value, i) => !Object.is(value, other[i]));
    expect.fail(`line ${k} at ${at}: ${other[at]} instead of ${line[at]}`);
  }
}

const sinceFirst = (values: Float64Array): Float64Array => values.map((value) => value - at64(values, 0));

const barAt = ({ open, high, low, close, volume }: SampleBars, i: number): Bar => ({
  open: at64(open, i),
  high: at64(high, i),
  low: at64(low, i),
  close: at64(close, i),
  volume: at64(volume, i),
});

function stream(running: Running, bars: SampleBars): Float64Array[] {
  const rows = Array.from(bars.close, (_, i) => running.update(barAt(bars, i)));
  return (rows[0] ?? []).map((_, line) => Float64Array.from(rows, (row) => row[line] ?? Number.NaN));
}
