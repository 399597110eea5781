import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Rsi } from './momentum/rsi.ts';
import { Stochastic } from './momentum/stochastic.ts';
import { sampleBars } from './naive.fixture.ts';
import { describeProperties, ofBars, ofCloses } from './properties.fixture.ts';
import { Adx, Adxr, Dx } from './trend/adx.ts';
import { Ema } from './trend/ema.ts';
import { Macd } from './trend/macd.ts';
import { Sma } from './trend/sma.ts';
import { WilderAverage } from './trend/wilder-average.ts';
import { Atr, Natr, TrueRange } from './volatility/atr.ts';
import { BollingerBands } from './volatility/bollinger-bands.ts';

const itself = (price: number) => price;
/** Values after which the start of a recursive average no longer shows. */
const settling = 400;

describeProperties([
  ofCloses(() => new Sma(7), { price: 1, flat: itself }),
  ofCloses(() => new Sma(1), { variant: 'of one', price: 1, flat: itself }),
  ofCloses(() => new Ema(9), { price: 1, flat: itself, settling }),
  ofCloses(() => new Ema(9, 4), { variant: 'that skips', price: 1, flat: itself, settling }),
  ofCloses(() => new WilderAverage(5), { price: 1, flat: itself, settling }),
  ofCloses(() => new Rsi(14), { settling }),
  ofCloses(() => new Rsi(1), { variant: 'of one' }),
  ofBars(() => new TrueRange(), { price: 1 }),
  ofBars(() => new Atr(14), { price: 1, settling }),
  ofBars(() => new Natr(14), { settling }),
  ofBars(() => new Adxr(8), { settling }),
  ofBars(() => new Adxr(1), { variant: 'of one', settling }),
  ofBars(() => new Dx(8), { settling }),
  ofBars(() => new Adx(8), { settling }),
  ofCloses(() => new Macd(12, 26, 9), { price: 1, settling }),
  ofCloses(() => new Macd(2, 3, 1), { variant: 'without a signal of its own', price: 1, settling }),
  ofBars(() => new Stochastic(14, 3, 3)),
  ofBars(() => new Stochastic(5, 1, 3), { variant: 'without smoothing' }),
  ofBars(() => new Stochastic(5, 3, 1), { variant: 'without a signal of its own' }),
  ofBars(() => new Stochastic(1, 1, 1), { variant: 'of one' }),
  ofCloses(() => new BollingerBands(20, 2), { price: 1, flat: itself }),
  ofCloses(() => new BollingerBands(1, 2), { variant: 'of one', price: 1, flat: itself }),
]);

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
    const bars = sampleBars('batch', 200);
    const out = new Float64Array(200);
    expect(new Rsi().batch(bars.close, out)).toBe(out);
    expect(out).toEqual(new Rsi().batch(bars.close));
    const bands = { upper: new Float64Array(200), middle: new Float64Array(200), lower: new Float64Array(200) };
    expect(new BollingerBands().batch(bars.close, bands)).toBe(bands);
    expect(bands).toEqual(new BollingerBands().batch(bars.close));
  });

  it('of Sma, Ema, WilderAverage and Rsi may write into the values it reads', () => {
    const { close } = sampleBars('batch', 200);
    for (const create of [() => new Sma(7), () => new Ema(7), () => new WilderAverage(7), () => new Rsi(7)]) {
      const both = close.slice();
      create().batch(both, both);
      expect(both).toEqual(create().batch(close));
    }
  });
});
