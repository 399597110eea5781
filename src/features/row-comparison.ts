import { at32, type FeatureRows } from '../core/index.ts';
import type { FeatureSet } from './feature-set.ts';

/**
 * How a stored row stands to the rebuilt one. `identical`: the same bits. `equal`: the same to what another start may change. `shorter`:
 * equal where it has a value, but stored on less history, so that values were masked that now are known. `different`: anything else.
 */
export type RowVerdict = 'identical' | 'equal' | 'shorter' | 'different';

/** The first value in which two rows differ. */
export interface ValueDifference {
  /** A feature or a named indicator. */
  readonly name: string;
  /** NaN where masked. */
  readonly stored: number;
  readonly rebuilt: number;
}

export interface RowComparison {
  readonly verdict: RowVerdict;
  /** Where it is `different`, or `shorter`. */
  readonly difference?: ValueDifference;
}

/** Relative difference that another start of the state may leave after its warm-up. */
const TOLERANCE = 1e-6;
/** Share of a feature's range below which it counts as near 0: there the tolerance is one of the range, not of the value. */
const NEAR_ZERO = 0.1;
/** The same for indicators, in units of the price: differences of averages of prices are only as exact as those. */
const PRICE_TOLERANCE = 1e-9;

/** Compares one symbol's row of a minute with what is stored of it. */
export function compareRow(
  set: FeatureSet,
  rebuilt: { readonly features: Float32Array; readonly indicators: FeatureRows['indicators'][number] },
  stored: { readonly features: Float32Array; readonly indicators: FeatureRows['indicators'][number] },
): RowComparison {
  if (stored.features.length !== set.width) {
    const difference = { name: 'width', stored: stored.features.length, rebuilt: set.width };
    return { verdict: 'different', difference };
  }
  const seen = new Findings();
  set.features.forEach(({ name, range }, column) => {
    const least = NEAR_ZERO * (range[1] - range[0]);
    seen.compare(name, at32(stored.features, column), at32(rebuilt.features, column), TOLERANCE * least);
  });
  const price = Math.abs(rebuilt.indicators.sma_10 ?? 0);
  for (const name of new Set([...Object.keys(rebuilt.indicators), ...Object.keys(stored.indicators)])) {
    const value = (of: Readonly<Record<string, number>>) => of[name] ?? Number.NaN;
    seen.compare(name, value(stored.indicators), value(rebuilt.indicators), PRICE_TOLERANCE * price + 1e-12);
  }
  return seen.comparison();
}

class Findings {
  #isIdentical = true;
  #missing: ValueDifference | undefined;
  #difference: ValueDifference | undefined;

  compare(name: string, stored: number, rebuilt: number, floor: number): void {
    if (stored === rebuilt || (Number.isNaN(stored) && Number.isNaN(rebuilt))) return;
    this.#isIdentical = false;
    const tolerance = Math.max(TOLERANCE * Math.max(Math.abs(stored), Math.abs(rebuilt)), floor);
    if (Math.abs(stored - rebuilt) <= tolerance) return;
    if (Number.isNaN(stored)) this.#missing ??= { name, stored, rebuilt };
    else this.#difference ??= { name, stored, rebuilt };
  }

  comparison(): RowComparison {
    if (this.#difference) return { verdict: 'different', difference: this.#difference };
    if (this.#missing) return { verdict: 'shorter', difference: this.#missing };
    return { verdict: this.#isIdentical ? 'identical' : 'equal' };
  }
}
