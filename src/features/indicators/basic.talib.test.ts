import { describe, expect, it } from 'vitest';
import { Rsi } from './momentum/rsi.ts';
import { Stochastic } from './momentum/stochastic.ts';
import { expectLikeTalib, talibSeries } from './talib.fixture.ts';
import { Adx, Adxr, Dx } from './trend/adx.ts';
import { Ema } from './trend/ema.ts';
import { Macd } from './trend/macd.ts';
import { Sma } from './trend/sma.ts';
import { Atr, Natr, TrueRange } from './volatility/atr.ts';
import { BollingerBands } from './volatility/bollinger-bands.ts';

describe('over a million bars, TA-Lib gives the values of', () => {
  const bars = talibSeries();
  const { close } = bars;

  it('Sma', () => expectLikeTalib('SMA(20)', { outReal: new Sma(20).batch(close) }));
  it('Ema', () => expectLikeTalib('EMA(20)', { outReal: new Ema(20).batch(close) }));
  it('Rsi', () => expectLikeTalib('RSI(14)', { outReal: new Rsi(14).batch(close) }));
  it('TrueRange', () => expectLikeTalib('TRANGE()', { outReal: new TrueRange().batch(bars) }));
  it('Atr', () => expectLikeTalib('ATR(14)', { outReal: new Atr(14).batch(bars) }));
  it('Natr', () => expectLikeTalib('NATR(14)', { outReal: new Natr(14).batch(bars) }));
  it('Adxr', () => expectLikeTalib('ADXR(14)', { outReal: new Adxr(14).batch(bars) }));

  it('Dx', () => {
    const { dx, plusDi, minusDi } = new Dx(14).batch(bars);
    expectLikeTalib('DX(14)', { outReal: dx });
    expectLikeTalib('PLUS_DI(14)', { outReal: plusDi });
    expectLikeTalib('MINUS_DI(14)', { outReal: minusDi });
  });

  it('Adx, with the directional indices of Dx', () => {
    const { adx, plusDi, minusDi } = new Adx(14).batch(bars);
    expectLikeTalib('ADX(14)', { outReal: adx });
    const indices = new Dx(14).batch(bars);
    expect(plusDi.findIndex((value, i) => i >= 27 && value !== indices.plusDi[i])).toBe(-1);
    expect(minusDi.findIndex((value, i) => i >= 27 && value !== indices.minusDi[i])).toBe(-1);
  });

  it('Macd', () => {
    const { macd, signal, histogram } = new Macd(12, 26, 9).batch(close);
    expectLikeTalib('MACD(12,26,9)', { outMACD: macd, outMACDSignal: signal, outMACDHist: histogram });
  });

  it('Stochastic, slow and fast', () => {
    const slow = new Stochastic(14, 3, 3).batch(bars);
    expectLikeTalib('STOCH(14,3,3)', { outSlowK: slow.k, outSlowD: slow.d });
    const fast = new Stochastic(14, 1, 3).batch(bars);
    expectLikeTalib('STOCHF(14,3)', { outFastK: fast.k, outFastD: fast.d });
  });

  it('BollingerBands', () => {
    const { upper, middle, lower } = new BollingerBands(20, 2).batch(close);
    expectLikeTalib('BBANDS(20,2,2)', {
      outRealUpperBand: upper,
      outRealMiddleBand: middle,
      outRealLowerBand: lower,
    });
  });

  it('the deviation of BollingerBands', () => {
    const { upper, middle } = new BollingerBands(20, 1).batch(close);
    const deviation = upper.map((value, i) => value - (middle[i] ?? 0));
    expectLikeTalib('STDDEV(20)', { outReal: deviation });
  });
});
