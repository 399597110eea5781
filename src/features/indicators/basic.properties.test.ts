import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { at64, createRandom } from '../../core/index.ts';
import type { HighLowClose, HighLowCloseColumns } from './indicator.ts';
import { Rsi } from './momentum/rsi.ts';
import { Stochastic } from './momentum/stochastic.ts';
import { Adx, Adxr, Dx } from './trend/adx.ts';
import { Ema } from './trend/ema.ts';
import { Macd } from './trend/macd.ts';
import { Sma } from './trend/sma.ts';
import { WilderAverage } from './trend/wilder-average.ts';
import { Atr, Natr, TrueRange } from './volatility/atr.ts';
import { BollingerBands } from './volatility/bollinger-bands.ts';

type Outputs = Readonly<Record<string, Float64Array>>;

/** One indicator behind a common face: outputs by name, whatever it reads and gives. */
interface Running {
  readonly warmup: number;
  isStable(): boolean;
  update(bar: HighLowClose): Record<string, number>;
  batch(columns: HighLowCloseColumns): Outputs;
}

interface Stable {
  readonly warmup: number;
  readonly isStable: boolean;
}
type ValueIndicator = Stable & { update(value: number): number; batch(values: Float64Array): Float64Array };
type BarIndicator = Stable & {
  update(bar: HighLowClose): number;
  batch(columns: HighLowCloseColumns): Float64Array;
};

const running = (indicator: Stable, update: Running['update'], batch: Running['batch']): Running => ({
  warmup: indicator.warmup,
  isStable: () => indicator.isStable,
  update,
  batch,
});
const overValues = (indicator: ValueIndicator) =>
  running(
    indicator,
    ({ close }) => ({ value: indicator.update(close) }),
    ({ close }) => ({ value: indicator.batch(close) }),
  );
const overBars = (indicator: BarIndicator) =>
  running(
    indicator,
    (bar) => ({ value: indicator.update(bar) }),
    (columns) => ({ value: indicator.batch(columns) }),
  );

interface Property {
  readonly name: string;
  readonly create: () => Running;
  /** Power of the price the outputs are in: 1 for prices, 0 for ratios. */
  readonly degree: 0 | 1;
  /** Bars after warm-up until another start agrees, and to what, relative to the largest value. */
  readonly settling: number;
  readonly agreement: number;
}
const windowed = { settling: 0, agreement: 1e-12 };
const recursive = { settling: 400, agreement: 1e-6 };

const PROPERTIES: readonly Property[] = [
  { name: 'Sma', create: () => overValues(new Sma(7)), degree: 1, ...windowed },
  { name: 'Sma of one', create: () => overValues(new Sma(1)), degree: 1, ...windowed },
  { name: 'Ema', create: () => overValues(new Ema(9)), degree: 1, ...recursive },
  { name: 'Ema that skips', create: () => overValues(new Ema(9, 4)), degree: 1, ...recursive },
  { name: 'WilderAverage', create: () => overValues(new WilderAverage(5)), degree: 1, ...recursive },
  { name: 'Rsi', create: () => overValues(new Rsi(14)), degree: 0, ...recursive },
  { name: 'Rsi of one', create: () => overValues(new Rsi(1)), degree: 0, ...windowed },
  { name: 'TrueRange', create: () => overBars(new TrueRange()), degree: 1, ...windowed },
  { name: 'Atr', create: () => overBars(new Atr(14)), degree: 1, ...recursive },
  { name: 'Natr', create: () => overBars(new Natr(14)), degree: 0, ...recursive },
  { name: 'Adxr', create: () => overBars(new Adxr(8)), degree: 0, ...recursive },
  { name: 'Adxr of one', create: () => overBars(new Adxr(1)), degree: 0, ...recursive },
  {
    name: 'Dx',
    create() {
      const dx = new Dx(8);
      return running(
        dx,
        (bar) => ({ ...dx.update(bar) }),
        (columns) => ({ ...dx.batch(columns) }),
      );
    },
    degree: 0,
    ...recursive,
  },
  {
    name: 'Adx',
    create() {
      const adx = new Adx(8);
      return running(
        adx,
        (bar) => ({ ...adx.update(bar) }),
        (columns) => ({ ...adx.batch(columns) }),
      );
    },
    degree: 0,
    ...recursive,
  },
  ...(
    [
      [12, 26, 9],
      [2, 3, 1],
    ] as const
  ).map(
    ([fast, slow, signal]): Property => ({
      name: `Macd(${fast},${slow},${signal})`,
      create() {
        const macd = new Macd(fast, slow, signal);
        return running(
          macd,
          ({ close }) => ({ ...macd.update(close) }),
          ({ close }) => ({ ...macd.batch(close) }),
        );
      },
      degree: 1,
      ...recursive,
    }),
  ),
  ...(
    [
      [14, 3, 3],
      [5, 1, 3],
      [5, 3, 1],
      [1, 1, 1],
    ] as const
  ).map(
    ([period, smoothing, signal]): Property => ({
      name: `Stochastic(${period},${smoothing},${signal})`,
      create() {
        const stochastic = new Stochastic(period, smoothing, signal);
        return running(
          stochastic,
          (bar) => ({ ...stochastic.update(bar) }),
          (columns) => ({ ...stochastic.batch(columns) }),
        );
      },
      degree: 0,
      ...windowed,
    }),
  ),
  ...[20, 1].map(
    (period): Property => ({
      name: `BollingerBands(${period})`,
      create() {
        const bands = new BollingerBands(period, 2);
        return running(
          bands,
          ({ close }) => ({ ...bands.update(close) }),
          ({ close }) => ({ ...bands.batch(close) }),
        );
      },
      degree: 1,
      ...windowed,
    }),
  ),
];

const BARS = 900;

describe.each(PROPERTIES)('$name', ({ create, degree, settling, agreement }) => {
  const bars = generateBars(BARS);
  const expected = stream(create(), bars);

  it('gives the same bits as a stream, in batches, and in any mixture of both', () => {
    fc.assert(
      fc.property(fc.array(fc.record({ length: fc.nat(90), streamed: fc.boolean() }), { maxLength: 20 }), (parts) => {
        const indicator = create();
        let start = 0;
        for (const { length, streamed } of [...parts, { length: BARS, streamed: false }]) {
          const part = slice(bars, start, start + length);
          const outputs = streamed ? stream(indicator, part) : indicator.batch(part);
          expectSame(outputs, slices(expected, start, start + length));
          start += part.close.length;
        }
      }),
      { numRuns: 40 },
    );
  });

  it('is NaN before its warm-up and finite from there on, and says so', () => {
    const indicator = create();
    for (let i = 0; i < BARS; i++) {
      const outputs = Object.values(indicator.update(barAt(bars, i)));
      const stable = i + 1 >= indicator.warmup;
      expect(indicator.isStable()).toBe(stable);
      expect(outputs.every(stable ? Number.isFinite : Number.isNaN)).toBe(true);
    }
  });

  it('scales exactly with the price', () => {
    for (const factor of [2 ** -20, 2 ** 30]) {
      const scaled = stream(
        create(),
        map(bars, (value) => value * factor),
      );
      expectSame(
        scaled,
        mapOutputs(expected, (value) => (degree === 1 ? value * factor : value)),
      );
    }
  });

  it('agrees with another start once settled', () => {
    const start = 150;
    const { warmup } = create();
    const later = stream(create(), slice(bars, start, BARS));
    for (const [name, values] of Object.entries(expected)) {
      const first = warmup - 1 + settling;
      const largest = values.reduce((most, value) => (value > most ? value : most), 0);
      for (let i = first; i < BARS - start; i++) {
        const difference = Math.abs(at64(later[name] ?? values, i) - at64(values, start + i));
        expect(difference).toBeLessThanOrEqual(agreement * largest);
      }
    }
  });

  it('stays finite where nothing ever moves', () => {
    const indicator = create();
    const flat = map(bars, () => 123.4);
    for (const values of Object.values(indicator.batch(flat))) {
      expect(values.subarray(indicator.warmup - 1).every(Number.isFinite)).toBe(true);
    }
  });
});

describe('a market that stands still', () => {
  it('has Bollinger bands of no width, at any price and after any move', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0.001, max: 1e6, noNaN: true }), { maxLength: 50 }),
        fc.double({ min: 0.001, max: 1e6, noNaN: true }),
        (before, price) => {
          const bands = new BollingerBands(20);
          for (const value of before) bands.update(value);
          let value = bands.update(price);
          for (let i = 1; i < 20; i++) value = bands.update(price);
          for (let i = 0; i < 30; i++) {
            expect(value).toEqual({ upper: price, middle: price, lower: price });
            value = bands.update(price);
          }
        },
      ),
    );
  });

  it('has no strength, no range, no direction and no place in its range', () => {
    const bar = { high: 5, low: 5, close: 5 };
    const [rsi, atr, adx, stochastic] = [new Rsi(), new Atr(), new Adx(), new Stochastic()];
    for (let i = 0; i < 50; i++) [rsi.update(5), atr.update(bar), adx.update(bar), stochastic.update(bar)];
    expect(rsi.update(5)).toBe(0);
    expect(atr.update(bar)).toBe(0);
    expect(adx.update(bar)).toEqual({ adx: 0, plusDi: 0, minusDi: 0 });
    expect(stochastic.update(bar)).toEqual({ k: 0, d: 0 });
  });
});

describe('the parameters of an indicator', () => {
  it('are refused where they are no periods, by name', () => {
    expect(() => new Rsi(0)).toThrow('period is 0');
    expect(() => new Sma(2.5)).toThrow('period is 2.5');
    expect(() => new Stochastic(14, 0)).toThrow('smoothing is 0');
    expect(() => new Macd(26, 12)).toThrow('slow is 12');
    expect(() => new BollingerBands(20, Number.NaN)).toThrow('width is NaN');
    expect(() => new BollingerBands(20, -1)).toThrow('width is -1');
  });
});

describe('batch', () => {
  it('writes into columns it is given', () => {
    const bars = generateBars(200);
    const out = new Float64Array(200);
    expect(new Rsi().batch(bars.close, out)).toBe(out);
    expect(out).toEqual(new Rsi().batch(bars.close));
    const bands = { upper: new Float64Array(200), middle: new Float64Array(200), lower: new Float64Array(200) };
    expect(new BollingerBands().batch(bars.close, bands)).toBe(bands);
    expect(bands).toEqual(new BollingerBands().batch(bars.close));
  });

  it('of Sma, Ema, WilderAverage and Rsi may write into the values it reads', () => {
    const { close } = generateBars(200);
    for (const create of [() => new Sma(7), () => new Ema(7), () => new WilderAverage(7), () => new Rsi(7)]) {
      const both = close.slice();
      create().batch(both, both);
      expect(both).toEqual(create().batch(close));
    }
  });
});

/** A walk with jumps and stretches where nothing moves. */
function generateBars(length: number): HighLowCloseColumns {
  const random = createRandom('bars');
  const [high, low, close] = [new Float64Array(length), new Float64Array(length), new Float64Array(length)];
  let price = 100;
  for (let i = 0; i < length; i++) {
    const flat = i % 200 >= 120 && i % 200 < 160;
    const before = price;
    if (!flat) price *= 1 + 0.01 * random.normal() + (random.uniform() < 0.01 ? 0.1 : 0);
    high[i] = Math.max(before, price) * (flat ? 1 : 1 + 0.004 * random.uniform());
    low[i] = Math.min(before, price) * (flat ? 1 : 1 - 0.004 * random.uniform());
    close[i] = price;
  }
  return { high, low, close };
}

function barAt({ high, low, close }: HighLowCloseColumns, i: number): HighLowClose {
  return { high: at64(high, i), low: at64(low, i), close: at64(close, i) };
}

function slice({ high, low, close }: HighLowCloseColumns, start: number, end: number): HighLowCloseColumns {
  return { high: high.slice(start, end), low: low.slice(start, end), close: close.slice(start, end) };
}

function map({ high, low, close }: HighLowCloseColumns, change: (value: number) => number): HighLowCloseColumns {
  return { high: high.map(change), low: low.map(change), close: close.map(change) };
}

function mapOutputs(outputs: Outputs, change: (value: number) => number): Outputs {
  return Object.fromEntries(Object.entries(outputs).map(([name, values]) => [name, values.map(change)]));
}

function slices(outputs: Outputs, start: number, end: number): Outputs {
  return Object.fromEntries(Object.entries(outputs).map(([name, values]) => [name, values.slice(start, end)]));
}

function stream(indicator: Running, columns: HighLowCloseColumns): Outputs {
  const outputs: Record<string, Float64Array> = {};
  const { length } = columns.close;
  for (let i = 0; i < length; i++) {
    for (const [name, value] of Object.entries(indicator.update(barAt(columns, i)))) {
      outputs[name] ??= new Float64Array(length);
      outputs[name][i] = value;
    }
  }
  return outputs;
}

/** The same bits; an empty stream knows no names. */
function expectSame(actual: Outputs, expected: Outputs): void {
  for (const [name, values] of Object.entries(expected)) {
    const other = actual[name] ?? new Float64Array();
    expect(other.length).toBe(values.length);
    const differs = values.findIndex((value, i) => !Object.is(value, other[i]));
    if (differs >= 0) expect.fail(`${name} at ${differs}: ${other[differs]} instead of ${values[differs]}`);
  }
}
