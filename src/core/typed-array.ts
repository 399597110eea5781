/**
 * Element access for loops whose index is inside the array by construction. `noUncheckedIndexedAccess` types each read as
 * possibly undefined; these state the bound once. One function per array type keeps each call site monomorphic.
 */
export const at64 = (values: Float64Array, index: number): number => values[index] as number;
export const at32 = (values: Float32Array, index: number): number => values[index] as number;
export const atInt32 = (values: Int32Array, index: number): number => values[index] as number;
export const atByte = (values: Uint8Array, index: number): number => values[index] as number;
