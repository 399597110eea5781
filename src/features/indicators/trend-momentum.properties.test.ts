import { expect, it } from 'vitest';
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
import { describeProperties, ofBars, ofCloses, type Traits } from './properties.fixture.ts';
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

const itself = (price: number) => price;
const average = (settling = 0): Traits => ({ price: 1, flat: itself, settling });
const oscillator = (settling = 0): Traits => ({ settling });
const difference: Traits = { price: 1 };

describeProperties([
  ofBars(() => new AwesomeOscillator(5, 34), difference),
  ofBars(() => new Cci(20), oscillator()),
  ofCloses(() => new Cmo(14), oscillator(400)),
  ofCloses(() => new Momentum(10), difference),
  ofCloses(() => new Ppo(12, 26), oscillator(400)),
  ofCloses(() => new Ppo(12, 26, 'simple'), { variant: 'of simple averages' }),
  ofCloses(() => new RateOfChange(10), oscillator()),
  ofCloses(() => new StochasticRsi(14, 5, 3), oscillator(600)),
  ofCloses(() => new Trix(15), oscillator(400)),
  ofCloses(() => new Tsi(25, 13), oscillator(600)),
  ofBars(() => new UltimateOscillator(7, 14, 28), oscillator()),
  ofBars(() => new WilliamsR(14), oscillator()),
  ofBars(() => new Aroon(25), { flat: () => [100, 100, 0] }),
  ofCloses(() => new Dema(20), average(400)),
  ofCloses(() => new Hma(20), average()),
  ofBars(() => new Ichimoku(), average()),
  ofCloses(() => new Kama(10), average(600)),
  ofCloses(() => new LinearRegression(14), { price: [1, 1, 0], flat: (price) => [price, 0, 0] }),
  ofBars(() => new Psar(), average(600)),
  ofBars(() => new SuperTrend(10, 3), { price: [1, 0], flat: (price) => [price, -1], settling: 600 }),
  ofCloses(() => new Tema(20), average(400)),
  ofBars(() => new Vortex(14), oscillator()),
  ofBars(() => new Vwma(20), average()),
  ofCloses(() => new Wma(20), average()),
]);

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
