import { describe, it } from 'vitest';
import { expectLikeTalib, talibSeries } from './talib.fixture.ts';
import { Ema } from './trend/ema.ts';
import { Sma } from './trend/sma.ts';

describe('values of TA-Lib over a million bars', () => {
  const { close } = talibSeries();

  it('are those of Sma', () => expectLikeTalib('SMA(20)', { outReal: new Sma(20).batch(close) }));
  it('are those of Ema', () => expectLikeTalib('EMA(20)', { outReal: new Ema(20).batch(close) }));
});
