import { CASH_SCALE, divideRound, formatDecimal, type Instrument, parseDecimal } from '../core/index.ts';

/**
 * Prices and quantities as bigint counts of fixed units, which stay valid when a venue changes a tick or step size. Ticks and steps
 * are multiples of these units.
 */

/** Decimal places of a price: 1 unit = 10^-12 quote currency per base unit. */
export const PRICE_SCALE = 12;
/** Decimal places of a quantity: 1 unit = 10^-8 base units. */
export const QUANTITY_SCALE = 8;

const QUANTITY_UNITS = 10 ** QUANTITY_SCALE;
const PRICE_UNITS = 10 ** PRICE_SCALE;
/** price units x quantity units per cash unit. */
const NOTIONAL_DIVISOR = 10n ** BigInt(PRICE_SCALE + QUANTITY_SCALE - CASH_SCALE);
const HALF_NOTIONAL_DIVISOR = NOTIONAL_DIVISOR / 2n;
/** Of prices of at most 8 decimal places, as nearly all are. */
const SHORT_UNITS = 1e8;
const SHORT_UNIT = BigInt(PRICE_UNITS / SHORT_UNITS);
const PARTS_PER_BILLION = 1_000_000_000n;

export const parsePrice = (text: string): bigint => parseDecimal(text, PRICE_SCALE);
export const formatPrice = (price: bigint): string => formatDecimal(price, PRICE_SCALE);
export const priceToNumber = (price: bigint): number => Number(price) / PRICE_UNITS;
export const parseQuantity = (text: string): bigint => parseDecimal(text, QUANTITY_SCALE);
export const formatQuantity = (quantity: bigint): string => formatDecimal(quantity, QUANTITY_SCALE);
export const quantityToNumber = (quantity: bigint): number => Number(quantity) / QUANTITY_UNITS;
export const parseCash = (text: string): bigint => parseDecimal(text, CASH_SCALE);
export const formatCash = (cash: bigint): string => formatDecimal(cash, CASH_SCALE);

/**
 * A float price of a candle as exact price units: the shortest decimal that names the float, which for a price that came as
 * decimal text is that text.
 * @throws RangeError if it is not a finite number.
 */
export function priceFromNumber(price: number): bigint {
  const units = Math.round(price * SHORT_UNITS);
  // Of at most 15 digits there is one decimal only that names a float, so this is the shortest.
  if (units < 1e15 && units > -1e15 && units / SHORT_UNITS === price) return BigInt(units) * SHORT_UNIT;
  if (!Number.isFinite(price)) throw new RangeError(`${price} is not a price`);
  const text = String(price);
  const point = text.indexOf('.');
  const isPlain = !text.includes('e') && (point < 0 || text.length - point - 1 <= PRICE_SCALE);
  return parseDecimal(isPlain ? text : price.toFixed(PRICE_SCALE), PRICE_SCALE);
}

/** A non-negative float quantity as quantity units, rounded down. */
export const quantityFromNumber = (quantity: number): bigint => BigInt(Math.floor(quantity * QUANTITY_UNITS));

/** The value of a quantity at a price, in cash units, rounded to the nearest. */
export function notionalOf(price: bigint, quantity: bigint): bigint {
  const product = price * quantity;
  return product < 0n
    ? -((HALF_NOTIONAL_DIVISOR - product) / NOTIONAL_DIVISOR)
    : (product + HALF_NOTIONAL_DIVISOR) / NOTIONAL_DIVISOR;
}

/** The price, in price units, at which `quantity` is worth `cash`. */
export const priceOf = (cash: bigint, quantity: bigint): bigint => divideRound(cash * NOTIONAL_DIVISOR, quantity);

/** The largest quantity worth at most `cash` at `price`. */
export const quantityWorth = (cash: bigint, price: bigint): bigint => (cash * NOTIONAL_DIVISOR) / price;

/** A share of a non-negative amount, rounded down; the share counts to nine decimal places. */
export const shareDown = (amount: bigint, share: number): bigint =>
  (amount * BigInt(Math.floor(share * 1e9))) / PARTS_PER_BILLION;

/** A share of a non-negative amount, rounded up; the share counts to nine decimal places. */
export const shareUp = (amount: bigint, share: number): bigint =>
  (amount * BigInt(Math.round(share * 1e9)) + PARTS_PER_BILLION - 1n) / PARTS_PER_BILLION;

/** `value` rounded down to a multiple of `unit`; both positive. */
export const floorToMultiple = (value: bigint, unit: bigint): bigint => value - (value % unit);

/** `value` rounded up to a multiple of `unit`; both positive. */
export const ceilToMultiple = (value: bigint, unit: bigint): bigint => floorToMultiple(value + unit - 1n, unit);

/** An instrument's rules in exact units. */
export interface TradingRules {
  /** Price units. */
  readonly tick: bigint;
  /** Quantity units. */
  readonly step: bigint;
  readonly minQuantity: bigint;
  /** Cash units. */
  readonly minNotional: bigint;
}

const rulesByInstrument = new WeakMap<Instrument, TradingRules>();

/**
 * The rules of an instrument, parsed once per object.
 * @throws RangeError if a size is not a positive decimal of at most 12 (price) or 8 (quantity) places.
 */
export function tradingRulesOf(instrument: Instrument): TradingRules {
  const known = rulesByInstrument.get(instrument);
  if (known) return known;
  const rules = {
    tick: parsePrice(instrument.tickSize),
    step: parseQuantity(instrument.stepSize),
    minQuantity: parseQuantity(instrument.minQuantity),
    minNotional: parseCash(instrument.minNotional),
  };
  if (rules.tick <= 0n || rules.step <= 0n) {
    throw new RangeError(
      `${instrument.symbol}: tick ${instrument.tickSize} and step ${instrument.stepSize} must be positive`,
    );
  }
  rulesByInstrument.set(instrument, rules);
  return rules;
}
