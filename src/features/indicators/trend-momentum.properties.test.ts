import { assert, integer, property, record } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { at64 } from '../../core/index.ts';
import { sameBits } from '../bars.fixture.ts';
import type { Indicator } from './indicator.ts';
import { AwesomeOscillator } from './momentum/awesome-oscillator.ts';
import { Cci } from './momentum/cci.ts';
import { Cmo } from './momentum/cmo.ts';
import { Momentum } from './momentum/momentum.ts';
import { Ppo } from './momentum/ppo.ts';
import { RateOfChange } from './momentum/rate-of-change.ts';
import { StochasticRsi } from './momentum/stochastic-rsi.ts';
import { Trix } from './momentum/trix.ts';
import { Tsi } from './momentum/tsi.ts';
import { UltimateOscillator } from './momentum/ultimate-oscillator.ts';
import { WilliamsR } from './momentum/williams-r.ts';
import { cutBars, expectValues, flatBars, type SampleBars, sampleBars } from './naive.fixture.ts';
import { Aroon } from './trend/aroon.ts';
import { Dema } from './trend/dema.ts';
import { Hma } from './trend/hma.ts';
import { Ichimoku } from './trend/ichimoku.ts';
import { Kama } from './trend/kama.ts';
import { LinearRegression } from './trend/linear-regression.ts';
import { Psar } from './trend/psar.ts';
import { SuperTrend } from './trend/super-trend.ts';
import { Tema } from './trend/tema.ts';
import { Vortex } from './trend/vortex.ts';
import { Vwma } from './trend/vwma.ts';
import { Wma } from './trend/wma.ts';

/* What every indicator of trend and momentum keeps to, whatever it calculates. */

/** A bar as a user hands it in, of which an indicator reads what it needs. */
interface Bar {
  readonly high: number;
  readonly low: number;
  readonly close: number;
  readonly volume: number;
}

type Values = number | object;

/** An indicator under test, whatever its inputs and outputs: bars in, one value or column a line out. */
interface Subject {
  readonly name: string;
  readonly create: () => Running;
  readonly traits: Traits;
}

interface Running {
  readonly warmup: number;
  readonly isStable: () => boolean;
  readonly update: (bar: Bar) => number[];
  readonly batch: (bars: SampleBars) => Float64Array[];
}

interface Traits {
  /** Of each line: the power of the price that it is in units of. */
  readonly units: readonly (0 | 1)[];
  /** What its lines are where nothing ever moved from `price`. */
  readonly flat: (price: number) => readonly number[];
  /** Values after the first until its start no longer shows; 0 for what forgets with its window. */
  readonly settling: number;
}

const average = (settling = 0): Traits => ({ units: [1], flat: (price) => [price], settling });
const oscillator = (settling = 0): Traits => ({ units: [0], flat: () => [0], settling });
const difference: Traits = { units: [1], flat: () => [0], settling: 0 };

const SUBJECTS: readonly Subject[] = [
  ofBars(() => new AwesomeOscillator(5, 34), difference),
  ofBars(() => new Cci(20), oscillator()),
  ofCloses(() => new Cmo(14), oscillator(400)),
  ofCloses(() => new Momentum(10), difference),
  ofCloses(() => new Ppo(12, 26), oscillator(400)),
  ofCloses(() => new Ppo(12, 26, 'simple'), oscillator()),
  ofCloses(() => new RateOfChange(10), oscillator()),
  ofCloses(() => new StochasticRsi(14, 5, 3), { units: [0, 0], flat: () => [0, 0], settling: 600 }),
  ofCloses(() => new Trix(15), oscillator(400)),
  ofCloses(() => new Tsi(25, 13), oscillator(600)),
  ofBars(() => new UltimateOscillator(7, 14, 28), oscillator()),
  ofBars(() => new WilliamsR(14), oscillator()),
  ofBars(() => new Aroon(25), { units: [0, 0, 0], flat: () => [100, 100, 0], settling: 0 }),
  ofCloses(() => new Dema(20), average(400)),
  ofCloses(() => new Hma(20), average()),
  ofBars(() => new Ichimoku(), { units: [1, 1, 1, 1], flat: (price) => [price, price, price, price], settling: 0 }),
  ofCloses(() => new Kama(10), average(600)),
  ofCloses(() => new LinearRegression(14), { units: [1, 1, 0], flat: (price) => [price, 0, 0], settling: 0 }),
  ofBars(() => new Psar(), average(600)),
  ofBars(() => new SuperTrend(10, 3), { units: [1, 0], flat: (price) => [price, -1], settling: 600 }),
  ofCloses(() => new Tema(20), average(400)),
  ofBars(() => new Vortex(14), { units: [0, 0], flat: () => [0, 0], settling: 0 }),
  ofBars(() => new Vwma(20), average()),
  ofCloses(() => new Wma(20), average()),
];

/** Few enough for all subjects together, always the same. */
const RUNS = { numRuns: 25, seed: 20_250_601 };
const LENGTH = 300;

describe.each(SUBJECTS)('$name', ({ create, traits }) => {
  it('gives the same bits by stream and by batch, however they take turns', () => {
    const split = record({
      seed: integer(),
      first: integer({ min: 0, max: LENGTH }),
      next: integer({ min: 0, max: LENGTH }),
    });
    assert(
      property(split, ({ seed, first, next }) => {
        const bars = sampleBars(seed, LENGTH);
        const [a, b] = [Math.min(first, next), Math.max(first, next)];
        const mixed = create();
        const parts = [
          mixed.batch(cutBars(bars, 0, a)),
          stream(mixed, cutBars(bars, a, b)),
          mixed.batch(cutBars(bars, b, LENGTH)),
        ];
        stream(create(), bars).forEach((expected, line) => {
          const joined = Float64Array.from(parts.flatMap((part) => Array.from(part[line] ?? [])));
          expect(sameBits(joined, expected)).toBe(true);
        });
      }),
      RUNS,
    );
  });

  it('is NaN until its warm-up is over, finite and stable from then on', () => {
    for (const bars of [sampleBars('warm-up', LENGTH), flatBars(0.1, LENGTH)]) {
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

  it('scales with the price exactly, and not with the volume', () => {
    const power = integer({ min: -20, max: 20 });
    assert(
      property(record({ seed: integer(), price: power, volume: power }), ({ seed, price, volume }) => {
        const bars = sampleBars(seed, LENGTH);
        const scaled = create().batch(cutBars(bars, 0, LENGTH, 2 ** price, 2 ** volume));
        create()
          .batch(bars)
          .forEach((line, k) => {
            const expected = line.map((value) => value * 2 ** (price * (traits.units[k] ?? 0)));
            expect(sameBits(scaled[k] ?? new Float64Array(), expected)).toBe(true);
          });
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
      const from = later.warmup - 1 + traits.settling;
      const values = later.batch(cutBars(bars, start, length));
      create()
        .batch(bars)
        .forEach((line, k) => {
          const actual = values[k]?.subarray(from) ?? new Float64Array();
          expectValues(actual, line.subarray(start + from), 1, traits.settling > 0 ? 1e-6 : 1e-12);
        });
    }
  });

  it('says what it should where nothing ever moves', () => {
    const price = 0.1;
    const running = create();
    for (const [k, line] of running.batch(flatBars(price, LENGTH)).entries()) {
      const expected = traits.flat(price)[k] ?? Number.NaN;
      expectValues(line.subarray(running.warmup - 1), new Float64Array(LENGTH - running.warmup + 1).fill(expected), 1);
    }
  });
});

it.each<[what: string, make: () => Indicator, name: string]>([
  ['a period of 0', () => new Wma(0), 'period'],
  ['a period that is not whole', () => new Dema(2.5), 'period'],
  ['one value for a line', () => new LinearRegression(1), 'period'],
  ['one value to halve', () => new Hma(1), 'period'],
  ['one value to deviate', () => new Cci(1), 'period'],
  ['a slow average faster than the fast one', () => new Ppo(26, 12), 'slow'],
  ['a slow weight faster than the fast one', () => new Kama(10, 30, 2), 'slow'],
  ['windows that shrink', () => new UltimateOscillator(7, 28, 14), 'long'],
  ['no width of the bands', () => new SuperTrend(10, 0), 'multiplier'],
  ['nothing to smooth', () => new StochasticRsi(14, 5, 0), 'dPeriod'],
  ['no step', () => new Psar(0), 'step'],
  ['a maximum that is no number', () => new Psar(0.02, Number.NaN), 'maximum'],
])('refuses %s and names it', (_what, make, name) => {
  expect(make).toThrow(new RegExp(`^${name} is `));
});

function ofCloses<T extends Indicator & { update(value: number): Values; batch(values: Float64Array): Values }>(
  make: () => T,
  traits: Traits,
): Subject {
  return subject(make, traits, (indicator) => ({
    update: (bar) => numbersOf(indicator.update(bar.close)),
    batch: (bars) => columnsOf(indicator.batch(bars.close)),
  }));
}

function ofBars<T extends Indicator & { update(bar: Bar): Values; batch(bars: SampleBars): Values }>(
  make: () => T,
  traits: Traits,
): Subject {
  return subject(make, traits, (indicator) => ({
    update: (bar) => numbersOf(indicator.update(bar)),
    batch: (bars) => columnsOf(indicator.batch(bars)),
  }));
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
  return { name: make().constructor.name, create, traits };
}

const numbersOf = (values: Values): number[] => (typeof values === 'number' ? [values] : Object.values(values));
const columnsOf = (values: Values): Float64Array[] =>
  values instanceof Float64Array ? [values] : Object.values(values);

const barAt = ({ high, low, close, volume }: SampleBars, i: number): Bar => ({
  high: at64(high, i),
  low: at64(low, i),
  close: at64(close, i),
  volume: at64(volume, i),
});

function stream(running: Running, bars: SampleBars): Float64Array[] {
  const rows = Array.from(bars.close, (_, i) => running.update(barAt(bars, i)));
  return (rows[0] ?? []).map((_, line) => Float64Array.from(rows, (row) => row[line] ?? Number.NaN));
}
