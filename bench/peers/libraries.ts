import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import type { HighLowClose } from '../../src/features/index.ts';

export const PEERS = ['trading-signals', 'technicalindicators', 'indicatorts', 'talib'] as const;
export type Peer = (typeof PEERS)[number];

/** Of each library, what the benchmark calls: named here, so that the product's type check needs none of them. */
export interface Libraries {
  readonly signals: Signals;
  readonly technical: Technical;
  readonly indicatorts: Indicatorts;
  readonly talib: (request: Readonly<Record<string, unknown>>) => Readonly<Record<string, number[]>>;
  readonly versions: Readonly<Record<Peer, string>>;
}

interface Signal<Input, Result> {
  add(input: Input): Result | null;
  updates(inputs: readonly Input[], replace: boolean): (Result | null)[];
}
type Interval<Input, Result> = new (interval: number) => Signal<Input, Result>;
export interface Bands {
  readonly upper: number;
  readonly middle: number;
  readonly lower: number;
}
interface Signals {
  readonly SMA: Interval<number, number>;
  readonly EMA: Interval<number, number>;
  readonly RSI: Interval<number, number>;
  readonly ATR: Interval<HighLowClose, number>;
  readonly ADX: Interval<HighLowClose, number>;
  readonly BollingerBands: new (interval: number, width: number) => Signal<number, Bands>;
  readonly MACD: new (
    short: Signal<number, number>,
    long: Signal<number, number>,
    signal: Signal<number, number>,
  ) => Signal<number, { readonly macd: number; readonly signal: number; readonly histogram: number }>;
  readonly StochasticOscillator: new (periods: {
    kPeriod: number;
    kSlowingPeriod: number;
    dPeriod: number;
  }) => Signal<HighLowClose, { readonly stochK: number; readonly stochD: number }>;
}

interface Columns {
  readonly high: number[];
  readonly low: number[];
  readonly close: number[];
}
interface TechnicalClass<Options, Input, Result> {
  new (options: Options): { nextValue(input: Input): Result | undefined };
  calculate(options: Options): Result[];
}
type OfValues<Result, Options = object> = TechnicalClass<Options & { values: number[] }, number, Result>;
type OfBars<Result, Options = object> = TechnicalClass<Options & { period: number } & Columns, HighLowClose, Result>;
interface Technical {
  readonly SMA: OfValues<number, { period: number }>;
  readonly EMA: OfValues<number, { period: number }>;
  readonly RSI: OfValues<number, { period: number }>;
  readonly BollingerBands: OfValues<Bands, { period: number; stdDev: number }>;
  readonly MACD: OfValues<
    { readonly MACD: number; readonly signal?: number; readonly histogram?: number },
    {
      fastPeriod: number;
      slowPeriod: number;
      signalPeriod: number;
      SimpleMAOscillator: boolean;
      SimpleMASignal: boolean;
    }
  >;
  readonly ATR: OfBars<number>;
  readonly ADX: OfBars<{ readonly adx: number; readonly pdi: number; readonly mdi: number }>;
  readonly Stochastic: OfBars<{ readonly k: number; readonly d?: number }, { signalPeriod: number }>;
}

type OverBars<Options, Result> = (high: number[], low: number[], close: number[], options: Options) => Result;
interface Indicatorts {
  sma(values: number[], options: { period: number }): number[];
  ema(values: number[], options: { period: number }): number[];
  rsi(values: number[], options: { period: number }): number[];
  bb(values: number[], options: { period: number }): { upper: number[]; middle: number[]; lower: number[] };
  macd(
    values: number[],
    options: { fast: number; slow: number; signal: number },
  ): { macdLine: number[]; signalLine: number[] };
  readonly atr: OverBars<{ period: number }, { atrLine: number[] }>;
  readonly stoch: OverBars<{ kPeriod: number; dPeriod: number }, { k: number[]; d: number[] }>;
}

/** The libraries, or undefined where `npm ci --prefix bench/peers` was not run. */
export async function loadLibraries(): Promise<Libraries | undefined> {
  const folder = new URL('./node_modules/', import.meta.url);
  if (PEERS.some((peer) => !existsSync(new URL(`${peer}/package.json`, folder)))) return undefined;
  const require = createRequire(import.meta.url);
  const native = require('talib') as { execute(request: object): { result: Record<string, number[]> } };
  const versionOf = (peer: Peer): string =>
    JSON.parse(readFileSync(new URL(`${peer}/package.json`, folder), 'utf8')).version;
  return {
    signals: (await import(pathToFileURL(require.resolve('trading-signals')).href)) as Signals,
    technical: require('technicalindicators') as Technical,
    indicatorts: require('indicatorts') as Indicatorts,
    talib: (request) => native.execute(request).result,
    versions: {
      'trading-signals': versionOf('trading-signals'),
      technicalindicators: versionOf('technicalindicators'),
      indicatorts: versionOf('indicatorts'),
      talib: versionOf('talib'),
    },
  };
}
