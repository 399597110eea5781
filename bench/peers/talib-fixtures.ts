import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import {
  TALIB_BARS,
  type TalibExpectation,
  type TalibFixture,
  talibMeans,
  talibPositions,
  talibSeries,
  talibSums,
} from '../../src/features/indicators/talib.fixture.ts';

/*
 * npm ci --prefix bench/peers && npx tsx bench/peers/talib-fixtures.ts && npx biome format --write src/features/indicators
 * Writes src/features/indicators/talib.fixture.json.
 */

interface TalibResult {
  readonly begIndex: number;
  readonly nbElement: number;
  readonly result: Readonly<Record<string, readonly number[]>>;
}
interface Talib {
  readonly version: string;
  execute(request: Record<string, unknown>): TalibResult;
}
const talib = createRequire(import.meta.url)('talib') as Talib;

const SMA = 0;
const EMA = 1;
const period = (optInTimePeriod: number) => ({ optInTimePeriod });
const fastSlow = (type: number) => ({ optInFastPeriod: 12, optInSlowPeriod: 26, optInMAType: type });

const series = talibSeries();
// The binding reads plain arrays only.
const [high, low, close, volume] = [series.high, series.low, series.close, series.volume].map((column) =>
  Array.from(column),
);
const bars = { high, low, close };
const value = { inReal: close };
const pair = { inReal0: high, inReal1: low };

const REQUESTS: readonly (readonly [key: string, inputs: object, options: object])[] = [
  ['AD()', { ...bars, volume }, {}],
  ['ADOSC(3,10)', { ...bars, volume }, { optInFastPeriod: 3, optInSlowPeriod: 10 }],
  ['ADX(14)', bars, period(14)],
  ['ADXR(14)', bars, period(14)],
  ['APO(12,26,EMA)', value, fastSlow(EMA)],
  ['APO(12,26,SMA)', value, fastSlow(SMA)],
  ['AROON(25)', { high, low }, period(25)],
  ['AROONOSC(25)', { high, low }, period(25)],
  ['ATR(14)', bars, period(14)],
  ['BBANDS(20,2,2)', value, { ...period(20), optInNbDevUp: 2, optInNbDevDn: 2, optInMAType: SMA }],
  ['BETA(20)', pair, period(20)],
  ['BETA(5)', pair, period(5)],
  ['CCI(20)', bars, period(20)],
  ['CMO(14)', value, period(14)],
  ['CORREL(30)', pair, period(30)],
  ['DEMA(20)', value, period(20)],
  ['DX(14)', bars, period(14)],
  ['EMA(20)', value, period(20)],
  ['KAMA(10)', value, period(10)],
  ['LINEARREG(14)', value, period(14)],
  ['LINEARREG_SLOPE(14)', value, period(14)],
  ['MACD(12,26,9)', value, { optInFastPeriod: 12, optInSlowPeriod: 26, optInSignalPeriod: 9 }],
  ['MAX(20)', { inReal: high }, period(20)],
  ['MFI(14)', { ...bars, volume }, period(14)],
  ['MIN(20)', { inReal: low }, period(20)],
  ['MINUS_DI(14)', bars, period(14)],
  ['MOM(10)', value, period(10)],
  ['NATR(14)', bars, period(14)],
  ['OBV()', { ...value, volume }, {}],
  ['PLUS_DI(14)', bars, period(14)],
  ['PPO(12,26,EMA)', value, fastSlow(EMA)],
  ['PPO(12,26,SMA)', value, fastSlow(SMA)],
  ['ROC(10)', value, period(10)],
  ['ROCP(10)', value, period(10)],
  ['RSI(14)', value, period(14)],
  ['SAR(0.02,0.2)', { high, low }, { optInAcceleration: 0.02, optInMaximum: 0.2 }],
  ['SMA(20)', value, period(20)],
  ['STDDEV(20)', value, { ...period(20), optInNbDev: 1 }],
  [
    'STOCH(14,3,3)',
    bars,
    {
      optInFastK_Period: 14,
      optInSlowK_Period: 3,
      optInSlowK_MAType: SMA,
      optInSlowD_Period: 3,
      optInSlowD_MAType: SMA,
    },
  ],
  ['STOCHF(14,3)', bars, { optInFastK_Period: 14, optInFastD_Period: 3, optInFastD_MAType: SMA }],
  ['STOCHRSI(14,5,3)', value, { ...period(14), optInFastK_Period: 5, optInFastD_Period: 3, optInFastD_MAType: SMA }],
  ['TEMA(20)', value, period(20)],
  ['TRANGE()', bars, {}],
  ['TRIX(15)', value, period(15)],
  ['ULTOSC(7,14,28)', bars, { optInTimePeriod1: 7, optInTimePeriod2: 14, optInTimePeriod3: 28 }],
  ['VAR(20)', value, { ...period(20), optInNbDev: 1 }],
  ['WILLR(14)', bars, period(14)],
  ['WMA(20)', value, period(20)],
];

const functions: Record<string, TalibExpectation> = {};
for (const [key, inputs, options] of REQUESTS) {
  const name = key.slice(0, key.indexOf('('));
  const { begIndex, nbElement, result } = talib.execute({
    name,
    startIdx: 0,
    endIdx: TALIB_BARS - 1,
    ...inputs,
    ...options,
  });
  if (begIndex + nbElement !== TALIB_BARS) throw new Error(`${key}: ${nbElement} values from ${begIndex}`);
  const outputs: Record<string, { values: number[]; means: number[] }> = {};
  for (const [output, values] of Object.entries(result)) {
    const column = new Float64Array(TALIB_BARS).fill(Number.NaN);
    column.set(values.slice(0, nbElement), begIndex);
    if (column.subarray(begIndex).some((each) => !Number.isFinite(each)))
      throw new Error(`${key}: a value is not finite`);
    outputs[output] = {
      values: talibPositions(begIndex).map((at) => column[at] ?? Number.NaN),
      means: talibMeans(column, begIndex),
    };
  }
  functions[key] = { begin: begIndex, outputs };
}

const fixture: TalibFixture = { source: `TA-Lib in npm talib ${talib.version}`, sums: talibSums(series), functions };
writeFileSync(new URL('../../src/features/indicators/talib.fixture.json', import.meta.url), JSON.stringify(fixture));
