/**
 * Money as scaled integers. A `Decimal` string at the edges becomes a bigint count of units of 10^-scale inside, so that
 * sums are exact. Cash, fees and profit use {@link CASH_SCALE}; prices are counted in ticks, quantities in steps.
 */

/** Decimal places of cash amounts (quote currency): 1 unit = 10^-8. */
export const CASH_SCALE = 8;

const DECIMAL = /^([+-]?)(\d+)(?:\.(\d*))?$/;

/**
 * Parses a decimal string into units of 10^-scale.
 * @throws RangeError if the text is no plain decimal or has more significant places than the scale holds.
 */
export function parseDecimal(text: string, scale: number): bigint {
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
  const whole = digits.slice(0, digits.length - scale);
  const fractionDigits = digits.slice(digits.length - scale).replace(/0+$/, '');
  const text = fractionDigits === '' ? whole : `${whole}.${fractionDigits}`;
  return negative && value !== 0n ? `-${text}` : text;
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
  const quotient = (n + d / 2n) / d;
  return negative ? -quotient : quotient;
}

/** A float amount in quote currency to cash units, rounded to the nearest. */
export function cashFromNumber(amount: number): bigint {
  if (!Number.isFinite(amount)) throw new RangeError(`${amount} is not an amount of money`);
  const whole = Math.trunc(amount);
  return BigInt(whole) * 10n ** BigInt(CASH_SCALE) + BigInt(Math.round((amount - whole) * 10 ** CASH_SCALE));
}

/** Cash units as a float in quote currency: for display, ratios and sizing, never for sums. */
export function cashToNumber(cash: bigint): number {
  const unit = 10n ** BigInt(CASH_SCALE);
  return Number(cash / unit) + Number(cash % unit) / 10 ** CASH_SCALE;
}
