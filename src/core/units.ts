/** Branded number types: a number carries its unit, and mixing two units does not compile. */

declare const unit: unique symbol;
type Branded<Base, Name extends string> = Base & { readonly [unit]: Name };

/** Milliseconds since 1970-01-01T00:00Z, in market time. */
export type EpochMs = Branded<number, 'EpochMs'>;
/** A duration in milliseconds. */
export type Milliseconds = Branded<number, 'Milliseconds'>;
/** A price in quote currency per unit of base, as a float: for features and display, never for money. */
export type Price = Branded<number, 'Price'>;
/** A dimensionless share, 0.01 = one per cent. */
export type Fraction = Branded<number, 'Fraction'>;
/** The value of an order or position: cash units, never negative. */
export type Notional = Branded<bigint, 'Notional'>;
/** What a position puts at risk, one standard deviation of its profit over its holding time: cash units. */
export type RiskAmount = Branded<bigint, 'RiskAmount'>;
/** One hundredth of one per cent. */
export type BasisPoints = Branded<number, 'BasisPoints'>;

export const epochMs = (value: number): EpochMs => value as EpochMs;
export const milliseconds = (value: number): Milliseconds => value as Milliseconds;
export const price = (value: number): Price => value as Price;
export const fraction = (value: number): Fraction => value as Fraction;
export const notionalAmount = (cash: bigint): Notional => cash as Notional;
export const riskAmount = (cash: bigint): RiskAmount => cash as RiskAmount;
export const basisPoints = (value: number): BasisPoints => value as BasisPoints;

/** Converts basis points to a fraction: 5 bp = 0.0005. */
export const fractionOf = (value: BasisPoints): Fraction => (value / 10_000) as Fraction;
