/** A figure with its interval; null where there is too little to say. */
export interface Interval {
  readonly value: number | null;
  readonly low: number | null;
  readonly high: number | null;
}

/** How figures are written: "n/a" where there is too little to say. */
export const numberText = (value: number | null | undefined, digits = 4): string =>
  value === null || value === undefined || !Number.isFinite(value) ? 'n/a' : value.toFixed(digits);

/** An amount of quote currency: "12,345.60". */
export const amountText = (value: number | null | undefined): string =>
  value === null || value === undefined || !Number.isFinite(value)
    ? 'n/a'
    : (Math.abs(value) < 0.005 ? 0 : value).toLocaleString('en-US', {
        minimumFractionDigits: 2,
        maximumFractionDigits: 2,
      });

export const percentText = (value: number | null | undefined, digits = 1): string =>
  value === null || value === undefined || !Number.isFinite(value) ? 'n/a' : `${(value * 100).toFixed(digits)} %`;

/** "0.4521 [0.4490, 0.4553]" */
export const intervalText = (
  estimate: Interval | null | undefined,
  text: (value: number) => string = numberText,
): string => {
  if (!estimate || estimate.value === null) return 'n/a';
  const { value, low, high } = estimate;
  return low === null || high === null ? text(value) : `${text(value)} [${text(low)}, ${text(high)}]`;
};

/** With a sign: a difference. */
export const signedText = (value: number): string => `${value >= 0 ? '+' : '-'}${Math.abs(value).toFixed(4)}`;

export const differenceText = (estimate: Interval | null | undefined): string => intervalText(estimate, signedText);
