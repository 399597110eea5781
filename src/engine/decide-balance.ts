import { floorToMultiple, notionalOf, quantityWorth, type TradingRules } from '../matching/index.ts';
import { magnitude } from '../trading/index.ts';

/** An entry whose size may be cut. */
export interface BalancedEntry {
  /** Quantity units, negative for a short; a multiple of the step. */
  readonly quantity: bigint;
  /** Price units. */
  readonly price: bigint;
  readonly rules: TradingRules;
}

/**
 * Quantities of the entries such that longs and shorts, with what is held, are worth the same as far as steps allow: those of the heavier
 * side are cut, each by its share, what rounding leaves from the last. An entry that falls below the instrument's minimum is 0, which
 * may make the other side the heavier one, which then is cut.
 * @param net longs less shorts that are held, cash units
 */
export function balanceEntries(entries: readonly BalancedEntry[], net: bigint): bigint[] {
  const quantities = entries.map(({ quantity }) => quantity);
  const worthOf = (index: number) => notionalOf(entries[index]?.price ?? 0n, quantities[index] ?? 0n);
  const excess = () => entries.reduce((sum, _, index) => sum + worthOf(index), net);
  for (;;) {
    const isLong = excess() > 0n;
    const heavier = [...entries.keys()].filter((index) => worthOf(index) > 0n === isLong && quantities[index] !== 0n);
    const total = heavier.reduce((sum, index) => sum + magnitude(worthOf(index)), 0n);
    const surplus = magnitude(excess());
    const cut = (index: number, worth: bigint) => {
      const entry = entries[index];
      const size = magnitude(quantities[index] ?? 0n);
      if (entry === undefined) return;
      const steps = floorToMultiple(quantityWorth(worth, entry.price), entry.rules.step);
      const left = steps < size ? size - steps : 0n;
      quantities[index] = isLong ? left : -left;
    };
    if (surplus >= total) {
      for (const index of heavier) quantities[index] = 0n;
      return quantities;
    }
    for (const index of heavier) cut(index, (magnitude(worthOf(index)) * surplus) / total);
    for (const index of heavier.toReversed()) if (excess() > 0n === isLong) cut(index, magnitude(excess()));
    const small = heavier.filter((index) => isTooSmall(entries[index], quantities[index] ?? 0n));
    for (const index of small) quantities[index] = 0n;
    if (small.length === 0) return quantities;
  }
}

function isTooSmall(entry: BalancedEntry | undefined, quantity: bigint): boolean {
  if (entry === undefined || quantity === 0n) return false;
  const { minQuantity, minNotional } = entry.rules;
  const size = magnitude(quantity);
  return size < minQuantity || notionalOf(entry.price, size) < minNotional;
}
