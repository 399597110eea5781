import { describe, it } from 'vitest';
import { RollingBeta } from './statistics/rolling-beta.ts';
import { RollingCorrelation } from './statistics/rolling-correlation.ts';
import { RollingDeviation } from './statistics/rolling-deviation.ts';
import { RollingVariance } from './statistics/rolling-variance.ts';
import { expectLikeTalib, talibSeries } from './talib.fixture.ts';
import { AccumulationDistribution } from './volume/accumulation-distribution.ts';
import { ChaikinOscillator } from './volume/chaikin-oscillator.ts';
import { MoneyFlowIndex } from './volume/money-flow-index.ts';
import { Obv } from './volume/obv.ts';

describe('values of TA-Lib over a million bars', () => {
  const series = talibSeries();
  const { high, low, close } = series;
  const outReal = (values: Float64Array) => ({ outReal: values });

  it('are those of Obv', () => expectLikeTalib('OBV()', outReal(new Obv().batch(series))));
  it('are those of AccumulationDistribution', () =>
    expectLikeTalib('AD()', outReal(new AccumulationDistribution().batch(series))));
  it('are those of ChaikinOscillator', () =>
    expectLikeTalib('ADOSC(3,10)', outReal(new ChaikinOscillator(3, 10).batch(series))));
  it('are those of MoneyFlowIndex', () => expectLikeTalib('MFI(14)', outReal(new MoneyFlowIndex(14).batch(series))));
  it('are those of RollingVariance', () => expectLikeTalib('VAR(20)', outReal(new RollingVariance(20).batch(close))));
  it('are those of RollingDeviation', () =>
    expectLikeTalib('STDDEV(20)', outReal(new RollingDeviation(20).batch(close))));
  it('are those of RollingCorrelation', () =>
    expectLikeTalib('CORREL(30)', outReal(new RollingCorrelation(30).batch(high, low))));
  it('are those of RollingBeta, but for what drifting sums leave of TA-Lib where hardly anything moves', () => {
    for (const period of [5, 20]) {
      const beta = outReal(new RollingBeta(period).batch(high, low));
      expectLikeTalib(`BETA(${period})`, beta, 1e-9, { means: false });
      expectLikeTalib(`BETA(${period})`, beta, 1e-4);
    }
  });
});
