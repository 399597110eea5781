import { describeProperties, ofBars, ofCloses, ofPairs } from './properties.fixture.ts';
import { EfficiencyRatio } from './statistics/efficiency-ratio.ts';
import { HurstExponent } from './statistics/hurst-exponent.ts';
import { RollingAutocorrelation } from './statistics/rolling-autocorrelation.ts';
import { RollingBeta } from './statistics/rolling-beta.ts';
import { RollingCorrelation } from './statistics/rolling-correlation.ts';
import { RollingDeviation } from './statistics/rolling-deviation.ts';
import { RollingEntropy } from './statistics/rolling-entropy.ts';
import { RollingQuantile } from './statistics/rolling-quantile.ts';
import { RollingKurtosis, RollingSkewness } from './statistics/rolling-shape.ts';
import { RollingVariance } from './statistics/rolling-variance.ts';
import { ZScore } from './statistics/z-score.ts';
import { ChaikinVolatility } from './volatility/chaikin-volatility.ts';
import { DonchianChannels } from './volatility/donchian-channels.ts';
import { GarmanKlass } from './volatility/garman-klass.ts';
import { KeltnerChannels } from './volatility/keltner-channels.ts';
import { Parkinson } from './volatility/parkinson.ts';
import { RealisedVolatility } from './volatility/realised-volatility.ts';
import { RogersSatchell } from './volatility/rogers-satchell.ts';
import { UlcerIndex } from './volatility/ulcer-index.ts';
import { YangZhang } from './volatility/yang-zhang.ts';
import { AccumulationDistribution } from './volume/accumulation-distribution.ts';
import { ChaikinMoneyFlow } from './volume/chaikin-money-flow.ts';
import { ChaikinOscillator } from './volume/chaikin-oscillator.ts';
import { EaseOfMovement } from './volume/ease-of-movement.ts';
import { ForceIndex } from './volume/force-index.ts';
import { MoneyFlowIndex } from './volume/money-flow-index.ts';
import { Obv } from './volume/obv.ts';
import { Vwap } from './volume/vwap.ts';

const itself = (price: number) => price;

// Vpin, whose clock is volume, has tests of its own.
describeProperties([
  ofCloses(() => new EfficiencyRatio(10)),
  ofCloses(() => new HurstExponent(100, 19), { flat: () => 0.5 }),
  ofCloses(() => new RollingAutocorrelation(30, 2)),
  ofPairs(() => new RollingBeta(20)),
  ofPairs(() => new RollingCorrelation(30)),
  ofCloses(() => new RollingDeviation(20), { price: 1 }),
  ofCloses(() => new RollingEntropy(50, 10)),
  ofCloses(() => new RollingKurtosis(30)),
  ofCloses(() => new RollingQuantile(25, 0.3), { price: 1, flat: itself }),
  ofCloses(() => new RollingSkewness(30)),
  ofCloses(() => new RollingVariance(20), { price: 2 }),
  ofCloses(() => new ZScore(20)),
  ofBars(() => new ChaikinVolatility(10, 10), { settling: 300 }),
  ofBars(() => new DonchianChannels(20), { price: 1, flat: itself }),
  ofBars(() => new GarmanKlass(20)),
  ofBars(() => new KeltnerChannels(), { price: 1, flat: itself, settling: 400 }),
  ofBars(() => new KeltnerChannels(5, 10, 1.5), { variant: 'of other periods', price: 1, flat: itself, settling: 400 }),
  ofBars(() => new Parkinson(20)),
  ofCloses(() => new RealisedVolatility(20)),
  ofBars(() => new RogersSatchell(20)),
  ofCloses(() => new UlcerIndex(14)),
  ofBars(() => new YangZhang(20)),
  ofBars(() => new AccumulationDistribution(), { volume: 1, cumulative: true }),
  ofBars(() => new ChaikinMoneyFlow(20)),
  ofBars(() => new ChaikinOscillator(3, 10), { volume: 1, settling: 200 }),
  ofBars(() => new EaseOfMovement(14, 1_000), { price: 2, volume: -1 }),
  ofBars(() => new ForceIndex(13), { price: 1, volume: 1, settling: 300 }),
  ofBars(() => new MoneyFlowIndex(14)),
  ofBars(() => new Obv(), { volume: 1, cumulative: true }),
  ofBars(() => new Vwap(20), { price: 1, flat: itself }),
]);
