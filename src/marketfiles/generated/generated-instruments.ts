import { at64, createRandom, type Instrument, type Random } from '../../core/index.ts';

/** Sector factors of a generated market. */
export const SECTORS = 6;

/** What one generated instrument is made of. Variances are per day, as fractions squared. */
export interface InstrumentProfile {
  readonly instrument: Instrument;
  /** Price at the start of the market. */
  readonly startPrice: number;
  /** Decimal places of the tick: prices are whole numbers of 10^-priceDecimals. */
  readonly priceDecimals: number;
  /** Steps per unit of base: 1000 where the step is 0.001. */
  readonly stepsPerUnit: number;
  /** Sensitivity to the market factor. */
  readonly beta: number;
  readonly sector: number;
  readonly sectorBeta: number;
  /** Daily standard deviation of the instrument's own return. */
  readonly ownVolatility: number;
  /** Quote volume of an average minute. */
  readonly minuteTurnover: number;
  /** Average quote value of a trade. */
  readonly tradeValue: number;
}

const BITCOIN = { startPrice: 64_000, beta: 0.85, ownVolatility: 0.009, turnover: 9e6 };
const ETHER = { startPrice: 3_200, beta: 1.1, ownVolatility: 0.018, turnover: 5e6 };

/** BTCUSDT, ETHUSDT and invented tickers that name themselves generated: G03USDT, G04USDT … */
export function drawInstruments(seed: string, count: number): InstrumentProfile[] {
  return Array.from({ length: count }, (_, index) => {
    const random = createRandom(`${seed}/instrument/${index}`);
    if (index === 0) return profileOf('BTC', BITCOIN, 1, random, index);
    if (index === 1) return profileOf('ETH', ETHER, 1, random, index);
    // Prices spread evenly over seven magnitudes, the order of magnitudes independent of the order of size.
    const magnitude = -3 + ((7 * ((index * 0.618_034) % 1) + random.uniform()) % 6);
    const drawn = {
      startPrice: 10 ** magnitude,
      beta: 0.75 + 0.7 * random.uniform(),
      ownVolatility: 0.024 + 0.026 * random.uniform(),
      turnover: 1.6e6 * 0.92 ** (index - 2) * (0.7 + 0.6 * random.uniform()),
    };
    return profileOf(`G${String(index + 1).padStart(2, '0')}`, drawn, 0, random, index);
  });
}

function profileOf(
  base: string,
  drawn: { startPrice: number; beta: number; ownVolatility: number; turnover: number },
  finerTick: number,
  random: Random,
  index: number,
): InstrumentProfile {
  const priceDecimals = Math.max(0, 4 + finerTick - Math.floor(Math.log10(drawn.startPrice)));
  const startPrice = Math.round(drawn.startPrice * 10 ** priceDecimals) / 10 ** priceDecimals;
  // A step is worth between some cents and some tens of cents, and is never larger than one unit.
  const stepDecimals = Math.max(0, Math.min(4, Math.floor(Math.log10(startPrice)) + 1 - (finerTick > 0 ? 2 : 0)));
  return {
    instrument: {
      venue: 'binanceusdm',
      symbol: `${base}USDT`,
      base,
      quote: 'USDT',
      tickSize: decimalPower(priceDecimals),
      stepSize: decimalPower(stepDecimals),
      minQuantity: decimalPower(stepDecimals),
      minNotional: '5',
      status: 'trading',
    },
    startPrice,
    priceDecimals,
    stepsPerUnit: 10 ** stepDecimals,
    beta: drawn.beta,
    sector: index % SECTORS,
    sectorBeta: 0.6 + 0.6 * random.uniform(),
    ownVolatility: drawn.ownVolatility,
    minuteTurnover: drawn.turnover,
    tradeValue: 150 + 0.004 * drawn.turnover ** 0.8,
  };
}

const decimalPower = (places: number): string => (places === 0 ? '1' : `0.${'0'.repeat(places - 1)}1`);

/** Share of a day's variance in each minute of the day, mean 1: quiet nights, the opening of Europe and above all of New York. */
export const MINUTE_SEASONALITY: Float64Array = (() => {
  const shares = Float64Array.from({ length: 1_440 }, (_, minute) => {
    const bump = (centre: number, width: number) => Math.exp(-0.5 * ((minute - centre) / width) ** 2);
    return 0.75 + 0.5 * bump(8 * 60, 90) + 1.1 * bump(14 * 60 + 30, 110) + 0.4 * bump(5, 30) + 0.3 * bump(20 * 60, 60);
  });
  const mean = shares.reduce((sum, share) => sum + share, 0) / shares.length;
  return shares.map((share) => share / mean);
})();

/** Factor on a day's variance, Sunday first. */
export const WEEKDAY_VARIANCE = Float64Array.of(0.6, 1.1, 1.15, 1.15, 1.15, 1.1, 0.5);

/** Day of the week of the n-th day since 1970-01-01 (a Thursday), 0 = Sunday. */
export const weekdayVariance = (epochDay: number): number => at64(WEEKDAY_VARIANCE, (epochDay + 4) % 7);
