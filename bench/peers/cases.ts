import {
  Adx,
  Atr,
  BollingerBands,
  Ema,
  type HighLowClose,
  type HighLowCloseColumns,
  Macd,
  Rsi,
  Sma,
  Stochastic,
} from '../../src/features/index.ts';
import type { Libraries, Peer } from './libraries.ts';

/*
 * Each indicator as the users of each library call it: all at once, or one value or bar at a time. Every run has a loop of its own, so
 * that no library pays for what a shared loop saw of another; every streaming loop sums its results, so that none can be skipped.
 */

/** One series in the form each library takes. */
export interface Inputs {
  readonly columns: HighLowCloseColumns;
  readonly high: number[];
  readonly low: number[];
  readonly close: number[];
  readonly bars: readonly HighLowClose[];
}

/** Outputs by name, each up to the last bar: libraries begin at different bars. */
export type Values = Readonly<Record<string, ArrayLike<number>>>;

export interface Run {
  readonly batch: (inputs: Inputs) => unknown;
  readonly values: (inputs: Inputs) => Values;
  readonly stream?: (inputs: Inputs) => number;
}

export interface IndicatorCase {
  readonly name: string;
  readonly ours: Run;
  /** A batch into columns made beforehand. */
  readonly reuse: (inputs: Inputs) => () => unknown;
  readonly peers: Readonly<Partial<Record<Peer, Run>>>;
}

function run<Result>(
  batch: (inputs: Inputs) => Result,
  values: (result: Result) => Values,
  stream?: (inputs: Inputs) => number,
): Run {
  return { batch, values: (inputs) => values(batch(inputs)), ...(stream && { stream }) };
}

const number = (value: unknown): number => (typeof value === 'number' ? value : Number.NaN);
const single = (result: ArrayLike<number | null>): Values => ({ value: Array.from(result, number) });
const columnOf = <Row>(rows: readonly Row[], field: (row: NonNullable<Row>) => unknown): number[] =>
  rows.map((row) => (row ? number(field(row)) : Number.NaN));
const like = (inputs: Inputs) => new Float64Array(inputs.close.length);

export function indicatorCases({ signals, technical, indicatorts, talib }: Libraries): readonly IndicatorCase[] {
  const native = (
    request: (inputs: Inputs) => Record<string, unknown>,
    values: (result: Readonly<Record<string, number[]>>) => Values,
  ): Run => run((inputs) => talib({ startIdx: 0, endIdx: inputs.close.length - 1, ...request(inputs) }), values);
  const named =
    (names: Readonly<Record<string, string>>) =>
    (result: Readonly<Record<string, number[]>>): Values =>
      Object.fromEntries(Object.entries(names).map(([name, theirs]) => [name, result[theirs] ?? []]));
  const outReal = named({ value: 'outReal' });
  const bars = ({ high, low, close }: Inputs) => ({ high, low, close });
  const noBars = { high: [], low: [], close: [] };

  return [
    {
      name: 'SMA',
      ours: run(
        ({ columns }) => new Sma(20).batch(columns.close),
        single,
        ({ close }) => {
          const sma = new Sma(20);
          let sum = 0;
          for (let i = 0; i < close.length; i++) {
            const value = sma.update(close[i] as number);
            if (sma.isStable) sum += value;
          }
          return sum;
        },
      ),
      reuse(inputs) {
        const out = like(inputs);
        return () => new Sma(20).batch(inputs.columns.close, out);
      },
      peers: {
        'trading-signals': run(
          ({ close }) => new signals.SMA(20).updates(close, false),
          single,
          ({ close }) => {
            const sma = new signals.SMA(20);
            let sum = 0;
            for (let i = 0; i < close.length; i++) {
              const value = sma.add(close[i] as number);
              if (value !== null) sum += value;
            }
            return sum;
          },
        ),
        technicalindicators: run(
          ({ close }) => technical.SMA.calculate({ period: 20, values: close }),
          single,
          ({ close }) => {
            const sma = new technical.SMA({ period: 20, values: [] });
            let sum = 0;
            for (let i = 0; i < close.length; i++) {
              const value = sma.nextValue(close[i] as number);
              if (value !== undefined) sum += value;
            }
            return sum;
          },
        ),
        indicatorts: run(({ close }) => indicatorts.sma(close, { period: 20 }), single),
        talib: native(({ close }) => ({ name: 'SMA', inReal: close, optInTimePeriod: 20 }), outReal),
      },
    },
    {
      name: 'EMA',
      ours: run(
        ({ columns }) => new Ema(20).batch(columns.close),
        single,
        ({ close }) => {
          const ema = new Ema(20);
          let sum = 0;
          for (let i = 0; i < close.length; i++) {
            const value = ema.update(close[i] as number);
            if (ema.isStable) sum += value;
          }
          return sum;
        },
      ),
      reuse(inputs) {
        const out = like(inputs);
        return () => new Ema(20).batch(inputs.columns.close, out);
      },
      peers: {
        'trading-signals': run(
          ({ close }) => new signals.EMA(20).updates(close, false),
          single,
          ({ close }) => {
            const ema = new signals.EMA(20);
            let sum = 0;
            for (let i = 0; i < close.length; i++) {
              const value = ema.add(close[i] as number);
              if (value !== null) sum += value;
            }
            return sum;
          },
        ),
        technicalindicators: run(
          ({ close }) => technical.EMA.calculate({ period: 20, values: close }),
          single,
          ({ close }) => {
            const ema = new technical.EMA({ period: 20, values: [] });
            let sum = 0;
            for (let i = 0; i < close.length; i++) {
              const value = ema.nextValue(close[i] as number);
              if (value !== undefined) sum += value;
            }
            return sum;
          },
        ),
        indicatorts: run(({ close }) => indicatorts.ema(close, { period: 20 }), single),
        talib: native(({ close }) => ({ name: 'EMA', inReal: close, optInTimePeriod: 20 }), outReal),
      },
    },
    {
      name: 'RSI',
      ours: run(
        ({ columns }) => new Rsi(14).batch(columns.close),
        single,
        ({ close }) => {
          const rsi = new Rsi(14);
          let sum = 0;
          for (let i = 0; i < close.length; i++) {
            const value = rsi.update(close[i] as number);
            if (rsi.isStable) sum += value;
          }
          return sum;
        },
      ),
      reuse(inputs) {
        const out = like(inputs);
        return () => new Rsi(14).batch(inputs.columns.close, out);
      },
      peers: {
        'trading-signals': run(
          ({ close }) => new signals.RSI(14).updates(close, false),
          single,
          ({ close }) => {
            const rsi = new signals.RSI(14);
            let sum = 0;
            for (let i = 0; i < close.length; i++) {
              const value = rsi.add(close[i] as number);
              if (value !== null) sum += value;
            }
            return sum;
          },
        ),
        technicalindicators: run(
          ({ close }) => technical.RSI.calculate({ period: 14, values: close }),
          single,
          ({ close }) => {
            const rsi = new technical.RSI({ period: 14, values: [] });
            let sum = 0;
            for (let i = 0; i < close.length; i++) {
              const value = rsi.nextValue(close[i] as number);
              if (value !== undefined) sum += value;
            }
            return sum;
          },
        ),
        indicatorts: run(({ close }) => indicatorts.rsi(close, { period: 14 }), single),
        talib: native(({ close }) => ({ name: 'RSI', inReal: close, optInTimePeriod: 14 }), outReal),
      },
    },
    {
      name: 'BBANDS',
      ours: run(
        ({ columns }) => new BollingerBands(20, 2).batch(columns.close),
        (columns) => ({ ...columns }),
        ({ close }) => {
          const bands = new BollingerBands(20, 2);
          let sum = 0;
          for (let i = 0; i < close.length; i++) {
            const value = bands.update(close[i] as number);
            if (bands.isStable) sum += value.upper - value.lower + value.middle;
          }
          return sum;
        },
      ),
      reuse(inputs) {
        const out = { upper: like(inputs), middle: like(inputs), lower: like(inputs) };
        return () => new BollingerBands(20, 2).batch(inputs.columns.close, out);
      },
      peers: {
        'trading-signals': run(
          ({ close }) => new signals.BollingerBands(20, 2).updates(close, false),
          bandsOf,
          ({ close }) => {
            const bands = new signals.BollingerBands(20, 2);
            let sum = 0;
            for (let i = 0; i < close.length; i++) {
              const value = bands.add(close[i] as number);
              if (value !== null) sum += value.upper - value.lower + value.middle;
            }
            return sum;
          },
        ),
        technicalindicators: run(
          ({ close }) => technical.BollingerBands.calculate({ period: 20, stdDev: 2, values: close }),
          bandsOf,
          ({ close }) => {
            const bands = new technical.BollingerBands({ period: 20, stdDev: 2, values: [] });
            let sum = 0;
            for (let i = 0; i < close.length; i++) {
              const value = bands.nextValue(close[i] as number);
              if (value !== undefined) sum += value.upper - value.lower + value.middle;
            }
            return sum;
          },
        ),
        indicatorts: run(
          ({ close }) => indicatorts.bb(close, { period: 20 }),
          (columns) => ({ ...columns }),
        ),
        talib: native(
          ({ close }) => ({
            name: 'BBANDS',
            inReal: close,
            optInTimePeriod: 20,
            optInNbDevUp: 2,
            optInNbDevDn: 2,
            optInMAType: 0,
          }),
          named({ upper: 'outRealUpperBand', middle: 'outRealMiddleBand', lower: 'outRealLowerBand' }),
        ),
      },
    },
    {
      name: 'ATR',
      ours: run(
        ({ columns }) => new Atr(14).batch(columns),
        single,
        (inputs) => {
          const atr = new Atr(14);
          let sum = 0;
          for (const bar of inputs.bars) {
            const value = atr.update(bar);
            if (atr.isStable) sum += value;
          }
          return sum;
        },
      ),
      reuse(inputs) {
        const out = like(inputs);
        return () => new Atr(14).batch(inputs.columns, out);
      },
      peers: {
        'trading-signals': run(
          (inputs) => new signals.ATR(14).updates(inputs.bars, false),
          single,
          (inputs) => {
            const atr = new signals.ATR(14);
            let sum = 0;
            for (const bar of inputs.bars) {
              const value = atr.add(bar);
              if (value !== null) sum += value;
            }
            return sum;
          },
        ),
        technicalindicators: run(
          (inputs) => technical.ATR.calculate({ period: 14, ...bars(inputs) }),
          single,
          (inputs) => {
            const atr = new technical.ATR({ period: 14, ...noBars });
            let sum = 0;
            for (const bar of inputs.bars) {
              const value = atr.nextValue(bar);
              if (value !== undefined) sum += value;
            }
            return sum;
          },
        ),
        indicatorts: run(
          ({ high, low, close }) => indicatorts.atr(high, low, close, { period: 14 }),
          ({ atrLine }) => ({ value: atrLine }),
        ),
        talib: native((inputs) => ({ name: 'ATR', ...bars(inputs), optInTimePeriod: 14 }), outReal),
      },
    },
    {
      name: 'ADX',
      ours: run(
        ({ columns }) => new Adx(14).batch(columns),
        ({ adx }) => ({ adx }),
        (inputs) => {
          const adx = new Adx(14);
          let sum = 0;
          for (const bar of inputs.bars) {
            const value = adx.update(bar);
            if (adx.isStable) sum += value.adx;
          }
          return sum;
        },
      ),
      reuse(inputs) {
        const out = { adx: like(inputs), plusDi: like(inputs), minusDi: like(inputs) };
        return () => new Adx(14).batch(inputs.columns, out);
      },
      peers: {
        'trading-signals': run(
          (inputs) => new signals.ADX(14).updates(inputs.bars, false),
          (values) => ({ adx: Array.from(values, number) }),
          (inputs) => {
            const adx = new signals.ADX(14);
            let sum = 0;
            for (const bar of inputs.bars) {
              const value = adx.add(bar);
              if (value !== null) sum += value;
            }
            return sum;
          },
        ),
        technicalindicators: run(
          (inputs) => technical.ADX.calculate({ period: 14, ...bars(inputs) }),
          (rows) => ({ adx: columnOf(rows, (row) => row.adx) }),
          (inputs) => {
            const adx = new technical.ADX({ period: 14, ...noBars });
            let sum = 0;
            for (const bar of inputs.bars) {
              const value = adx.nextValue(bar);
              if (value !== undefined) sum += value.adx;
            }
            return sum;
          },
        ),
        talib: native((inputs) => ({ name: 'ADX', ...bars(inputs), optInTimePeriod: 14 }), named({ adx: 'outReal' })),
      },
    },
    {
      name: 'MACD',
      ours: run(
        ({ columns }) => new Macd(12, 26, 9).batch(columns.close),
        ({ macd, signal }) => ({ macd, signal }),
        ({ close }) => {
          const macd = new Macd(12, 26, 9);
          let sum = 0;
          for (let i = 0; i < close.length; i++) {
            const value = macd.update(close[i] as number);
            if (macd.isStable) sum += value.macd + value.signal;
          }
          return sum;
        },
      ),
      reuse(inputs) {
        const out = { macd: like(inputs), signal: like(inputs), histogram: like(inputs) };
        return () => new Macd(12, 26, 9).batch(inputs.columns.close, out);
      },
      peers: {
        'trading-signals': run(
          ({ close }) => createSignalsMacd().updates(close, false),
          (rows) => ({ macd: columnOf(rows, (row) => row.macd), signal: columnOf(rows, (row) => row.signal) }),
          ({ close }) => {
            const macd = createSignalsMacd();
            let sum = 0;
            for (let i = 0; i < close.length; i++) {
              const value = macd.add(close[i] as number);
              if (value !== null) sum += value.macd + value.signal;
            }
            return sum;
          },
        ),
        technicalindicators: run(
          ({ close }) => technical.MACD.calculate({ ...TECHNICAL_MACD, values: close }),
          (rows) => ({ macd: columnOf(rows, (row) => row.MACD), signal: columnOf(rows, (row) => row.signal) }),
          ({ close }) => {
            const macd = new technical.MACD({ ...TECHNICAL_MACD, values: [] });
            let sum = 0;
            for (let i = 0; i < close.length; i++) {
              const value = macd.nextValue(close[i] as number);
              if (value?.signal !== undefined) sum += value.MACD + value.signal;
            }
            return sum;
          },
        ),
        indicatorts: run(
          ({ close }) => indicatorts.macd(close, { fast: 12, slow: 26, signal: 9 }),
          ({ macdLine, signalLine }) => ({ macd: macdLine, signal: signalLine }),
        ),
        talib: native(
          ({ close }) => ({
            name: 'MACD',
            inReal: close,
            optInFastPeriod: 12,
            optInSlowPeriod: 26,
            optInSignalPeriod: 9,
          }),
          named({ macd: 'outMACD', signal: 'outMACDSignal' }),
        ),
      },
    },
    {
      // technicalindicators and indicatorts know the fast one only, without the smoothing of %K: less work for them.
      name: 'STOCH',
      ours: run(
        ({ columns }) => new Stochastic(14, 3, 3).batch(columns),
        (columns) => ({ ...columns }),
        (inputs) => {
          const stochastic = new Stochastic(14, 3, 3);
          let sum = 0;
          for (const bar of inputs.bars) {
            const value = stochastic.update(bar);
            if (stochastic.isStable) sum += value.k + value.d;
          }
          return sum;
        },
      ),
      reuse(inputs) {
        const out = { k: like(inputs), d: like(inputs) };
        return () => new Stochastic(14, 3, 3).batch(inputs.columns, out);
      },
      peers: {
        'trading-signals': run(
          (inputs) => createSignalsStochastic().updates(inputs.bars, false),
          (rows) => ({ k: columnOf(rows, (row) => row.stochK), d: columnOf(rows, (row) => row.stochD) }),
          (inputs) => {
            const stochastic = createSignalsStochastic();
            let sum = 0;
            for (const bar of inputs.bars) {
              const value = stochastic.add(bar);
              if (value !== null) sum += value.stochK + value.stochD;
            }
            return sum;
          },
        ),
        technicalindicators: run(
          (inputs) => technical.Stochastic.calculate({ period: 14, signalPeriod: 3, ...bars(inputs) }),
          (rows) => ({ k: columnOf(rows, (row) => row.k), d: columnOf(rows, (row) => row.d) }),
          (inputs) => {
            const stochastic = new technical.Stochastic({ period: 14, signalPeriod: 3, ...noBars });
            let sum = 0;
            for (const bar of inputs.bars) {
              const value = stochastic.nextValue(bar);
              if (value?.d !== undefined) sum += value.k + value.d;
            }
            return sum;
          },
        ),
        indicatorts: run(
          ({ high, low, close }) => indicatorts.stoch(high, low, close, { kPeriod: 14, dPeriod: 3 }),
          (columns) => ({ ...columns }),
        ),
        talib: native(
          (inputs) => ({
            name: 'STOCH',
            ...bars(inputs),
            optInFastK_Period: 14,
            optInSlowK_Period: 3,
            optInSlowK_MAType: 0,
            optInSlowD_Period: 3,
            optInSlowD_MAType: 0,
          }),
          named({ k: 'outSlowK', d: 'outSlowD' }),
        ),
      },
    },
  ];

  function createSignalsMacd() {
    return new signals.MACD(new signals.EMA(12), new signals.EMA(26), new signals.EMA(9));
  }

  function createSignalsStochastic() {
    return new signals.StochasticOscillator({ kPeriod: 14, kSlowingPeriod: 3, dPeriod: 3 });
  }

  function bandsOf(rows: readonly ({ upper: number; middle: number; lower: number } | null)[]): Values {
    return {
      upper: columnOf(rows, (row) => row.upper),
      middle: columnOf(rows, (row) => row.middle),
      lower: columnOf(rows, (row) => row.lower),
    };
  }
}

const TECHNICAL_MACD = {
  fastPeriod: 12,
  slowPeriod: 26,
  signalPeriod: 9,
  SimpleMAOscillator: false,
  SimpleMASignal: false,
};
