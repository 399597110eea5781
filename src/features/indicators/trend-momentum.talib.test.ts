import { describe, expect, it } from 'vitest';
import { at64 } from '../../core/index.ts';
import { Cci } from './momentum/cci.ts';
import { Cmo } from './momentum/cmo.ts';
import { Momentum } from './momentum/momentum.ts';
import { Ppo } from './momentum/ppo.ts';
import { RateOfChange } from './momentum/rate-of-change.ts';
import { StochasticRsi } from './momentum/stochastic-rsi.ts';
import { Trix } from './momentum/trix.ts';
import { UltimateOscillator } from './momentum/ultimate-oscillator.ts';
import { WilliamsR } from './momentum/williams-r.ts';
import { expectLikeTalib, talibSeries } from './talib.fixture.ts';
import { Aroon } from './trend/aroon.ts';
import { Dema } from './trend/dema.ts';
import { Kama } from './trend/kama.ts';
import { LinearRegression } from './trend/linear-regression.ts';
import { Psar } from './trend/psar.ts';
import { Tema } from './trend/tema.ts';
import { Wma } from './trend/wma.ts';

describe('trend and momentum indicators give what TA-Lib gives over a million bars', () => {
  const bars = talibSeries();
  const { close } = bars;

  it.each<[key: string, calculate: () => Float64Array]>([
    ['CCI(20)', () => new Cci(20).batch(bars)],
    ['CMO(14)', () => new Cmo(14).batch(close)],
    ['DEMA(20)', () => new Dema(20).batch(close)],
    ['KAMA(10)', () => new Kama(10).batch(close)],
    ['LINEARREG(14)', () => new LinearRegression(14).batch(close).value],
    ['LINEARREG_SLOPE(14)', () => new LinearRegression(14).batch(close).slope],
    ['MOM(10)', () => new Momentum(10).batch(close)],
    ['PPO(12,26,EMA)', () => new Ppo(12, 26).batch(close)],
    ['PPO(12,26,SMA)', () => new Ppo(12, 26, 'simple').batch(close)],
    ['ROC(10)', () => new RateOfChange(10).batch(close)],
    ['SAR(0.02,0.2)', () => new Psar(0.02, 0.2).batch(bars)],
    ['TEMA(20)', () => new Tema(20).batch(close)],
    ['TRIX(15)', () => new Trix(15).batch(close)],
    ['ULTOSC(7,14,28)', () => new UltimateOscillator(7, 14, 28).batch(bars)],
    ['WILLR(14)', () => new WilliamsR(14).batch(bars)],
    ['WMA(20)', () => new Wma(20).batch(close)],
  ])('%s', (key, calculate) => {
    expectLikeTalib(key, { outReal: calculate() });
  });

  it('STOCHRSI(14,5,3)', () => {
    const { k, d } = new StochasticRsi(14, 5, 3).batch(close);
    // Where the price stood still for the window of one of the three values averaged, TA-Lib's range is what rounding left.
    const stood = (at: number) => [0, 1, 2, 3].every((lag) => at64(close, at - lag) === at64(close, at - lag - 1));
    let left = 0;
    const except = (at: number) => {
      const still = [0, 1, 2].some((lag) => stood(at - lag));
      if (still) left++;
      return still;
    };
    expectLikeTalib('STOCHRSI(14,5,3)', { outFastK: k, outFastD: d }, 1e-9, { means: false, except });
    expect(left, 'positions left out, of 105 for each of two lines').toBeLessThanOrEqual(10);
  });

  it('AROON(25), AROONOSC(25)', () => {
    const { up, down, oscillator } = new Aroon(25).batch(bars);
    expectLikeTalib('AROON(25)', { outAroonUp: up, outAroonDown: down });
    expectLikeTalib('AROONOSC(25)', { outReal: oscillator });
  });
});
