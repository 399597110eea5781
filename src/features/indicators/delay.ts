import { at64 } from '../../core/index.ts';

/** Hands each value back `lag` values later. */
export class Delay {
  readonly #ring: Float64Array;
  #at = 0;

  constructor(lag: number) {
    this.#ring = new Float64Array(lag);
  }

  /** The value of `lag` updates ago; 0 before there was one. */
  update(value: number): number {
    const ring = this.#ring;
    const at = this.#at;
    const before = at64(ring, at);
    ring[at] = value;
    this.#at = at + 1 === ring.length ? 0 : at + 1;
    return before;
  }
}
