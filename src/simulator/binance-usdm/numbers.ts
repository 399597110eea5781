/** A number as a decimal string, never in exponent form. */
export function decimal(value: number): string {
  const text = String(value);
  const exponentAt = text.indexOf('e');
  if (exponentAt < 0) return text;
  if (Math.abs(value) >= 1) return BigInt(value).toString();
  const mantissaDigits = text.slice(0, exponentAt).replace(/^-|\./g, '').length - 1;
  return value.toFixed(Math.min(100, mantissaDigits - Number(text.slice(exponentAt + 1))));
}

/** A sum rounded to decimal places, so that no binary noise shows. */
export function rounded(value: number, decimals: number): string {
  const scale = 10 ** decimals;
  const units = value * scale;
  return Math.abs(units) < 9e15 ? decimal(Math.round(units) / scale) : decimal(value);
}
