/**
 * Money as scaled integers. A `Decimal` string at the edges becomes a bigint count of units of 10^-scale inside, so that
 * sums are exact. Cash, fees and profit use {@link CASH_SCALE}; prices are counted in ticks, quantities in steps.
 */

/** Decimal places of cash amounts (quote currency): 1 unit = 10^-8. */
export const CASH_SCALE = 8;
const CASH_UNITS = 10 ** CASH_SCALE;
const CASH_UNIT = 10n ** BigInt(CASH_SCALE);

const DECIMAL = /^([+-]?)(\d+)(?:\.(\d*))?$/;

/**
 * Parses a decimal string into units of 10^-scale.
 * @throws RangeError if the text is no plain decimal or has more significant places than the scale holds.
 */
export function parseDecimal(text: string, scale: number): bigint {
  let value = 0;
  let point = -1;
  for (let i = 0; i < text.length; i++) {
    const digit = text.charCodeAt(i) - 48;
    if (digit >= 0 && digit <= 9) value = 10 * value + digit;
    else if (digit === -2 && point < 0 && i > 0) point = i;
    else return parseAnyDecimal(text, scale);
  }
  const places = point < 0 ? 0 : text.length - point - 1;
  const power = POWERS[scale - places];
  // What is long, or has places that may be zeros, is read digit by digit.
  if (text.length === 0 || text.length > 15 || power === undefined) return parseAnyDecimal(text, scale);
  return BigInt(value) * power;
}

/** 10^0 to 10^12. */
const POWERS = Array.from({ length: 13 }, (_, exponent) => 10n ** BigInt(exponent));

function parseAnyDecimal(text: string, scale: number): bigint {
  const match = DECIMAL.exec(text.trim());
  if (!match) throw new RangeError(`"${text}" is not a decimal number`);
  const [, sign, whole = '0', fractionDigits = ''] = match;
  const kept = fractionDigits.slice(0, scale).padEnd(scale, '0');
  if (/[1-9]/.test(fractionDigits.slice(scale))) {
    throw new RangeError(`"${text}" has more than ${scale} decimal places`);
  }
  const magnitude = BigInt(whole + kept);
  return sign === '-' ? -magnitude : magnitude;
}

/** Formats units of 10^-scale as a decimal string without trailing zeros: `(150n, 2)` is "1.5". */
export function formatDecimal(value: bigint, scale: number): string {
  const negative = value < 0n;
  const digits = (negative ? -value : value).toString().padStart(scale + 1, '0');
  const point = digits.length - scale;
  let end = digits.length;
  while (end > point && digits.charCodeAt(end - 1) === 48) end--;
  const text = end === point ? digits.slice(0, point) : `${digits.slice(0, point)}.${digits.slice(point, end)}`;
  return negative ? `-${text}` : text;
}

/** Decimal places of a decimal string, trailing zeros ignored: "0.0100" has 2. */
export function decimalPlaces(text: string): number {
  const match = DECIMAL.exec(text.trim());
  if (!match) throw new RangeError(`"${text}" is not a decimal number`);
  return (match[3] ?? '').replace(/0+$/, '').length;
}

/** Integer division that rounds half away from zero. */
export function divideRound(numerator: bigint, denominator: bigint): bigint {
  const negative = numerator < 0n !== denominator < 0n;
  const n = numerator < 0n ? -numerator : numerator;
  const d = denominator < 0n ? -denominator : denominator;
  const quotient = (n + (d >> 1n)) / d;
  return negative ? -quotient : quotient;
}

/** A float amount in quote currency to cash units, rounded to the nearest. */
export function cashFromNumber(amount: number): bigint {
  if (!Number.isFinite(amount)) throw new RangeError(`${amount} is not an amount of money`);
  const whole = Math.trunc(amount);
  return BigInt(whole) * CASH_UNIT + BigInt(Math.round((amount - whole) * CASH_UNITS));
}

/** Cash units as a float in quote currency: for display, ratios and sizing, never for sums. */
export function cashToNumber(cash: bigint): number {
  return Number(cash / CASH_UNIT) + Number(cash % CASH_UNIT) / CASH_UNITS;
}
