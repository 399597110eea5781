import { at64, atInt32 } from '../../core/index.ts';
import { after, defineNode, type Kind, type Node } from '../program.ts';

/*
 * Values that follow from others of the same bar. Each form is a function of its own so that the compiler sees plain numbers: one that took
 * the formula as an argument would box every number it passes.
 */

/** a / b, and 0 where b is 0. */
export const quotient = (a: number, b: number): number => (b === 0 ? 0 : a / b);

/** a / b; 0 where b is 0. */
export const ratio = (key: string, a: Node, b: Node): Node =>
  defineNode(key, after([a, b]), (stage) => {
    const slotA = stage.use(a);
    const slotB = stage.use(b);
    const out = stage.reserve(1);
    stage.onBarTogether(ratios, [slotA, slotB, out]);
    return out;
  });

const ratios: Kind = (s, parameters) => {
  for (let i = 0; i < parameters.length; i += 3) {
    s[atInt32(parameters, i + 2)] = quotient(at64(s, atInt32(parameters, i)), at64(s, atInt32(parameters, i + 1)));
  }
};

/** (a - b) / (a + b) of two positive measures: ln(a/b) squeezed into [-1, 1], defined when one is 0; 0 when both are. */
export const balance = (key: string, a: Node, b: Node): Node =>
  defineNode(key, after([a, b]), (stage) => {
    const slotA = stage.use(a);
    const slotB = stage.use(b);
    const out = stage.reserve(1);
    stage.onBarTogether(balances, [slotA, slotB, out]);
    return out;
  });

const balances: Kind = (s, parameters) => {
  for (let i = 0; i < parameters.length; i += 3) {
    const x = at64(s, atInt32(parameters, i));
    const y = at64(s, atInt32(parameters, i + 1));
    s[atInt32(parameters, i + 2)] = quotient(x - y, x + y);
  }
};

/** (a - b) / unit; 0 where the unit is 0. */
export const distance = (key: string, a: Node, b: Node, unit: Node): Node =>
  defineNode(key, after([a, b, unit]), (stage) => {
    const slotA = stage.use(a);
    const slotB = stage.use(b);
    const slotUnit = stage.use(unit);
    const out = stage.reserve(1);
    stage.onBarTogether(distances, [slotA, slotB, slotUnit, out]);
    return out;
  });

const distances: Kind = (s, parameters) => {
  for (let i = 0; i < parameters.length; i += 4) {
    const apart = at64(s, atInt32(parameters, i)) - at64(s, atInt32(parameters, i + 1));
    s[atInt32(parameters, i + 3)] = quotient(apart, at64(s, atInt32(parameters, i + 2)));
  }
};

export const difference = (key: string, a: Node, b: Node): Node =>
  defineNode(key, after([a, b]), (stage) => {
    const slotA = stage.use(a);
    const slotB = stage.use(b);
    const out = stage.reserve(1);
    stage.onBar((s) => {
      s[out] = at64(s, slotA) - at64(s, slotB);
    });
    return out;
  });

export const product = (key: string, a: Node, b: Node): Node =>
  defineNode(key, after([a, b]), (stage) => {
    const slotA = stage.use(a);
    const slotB = stage.use(b);
    const out = stage.reserve(1);
    stage.onBar((s) => {
      s[out] = at64(s, slotA) * at64(s, slotB);
    });
    return out;
  });

/** factor · a + offset. */
export const linear = (key: string, a: Node, factor: number, offset = 0): Node =>
  defineNode(key, after([a]), (stage) => {
    const slot = stage.use(a);
    const out = stage.reserve(1);
    stage.onBar((s) => {
      s[out] = factor * at64(s, slot) + offset;
    });
    return out;
  });

/** √(factor · a), and 0 where a is negative by rounding. */
export const root = (key: string, a: Node, factor: number): Node =>
  defineNode(key, after([a]), (stage) => {
    const slot = stage.use(a);
    const out = stage.reserve(1);
    stage.onBar((s) => {
      const square = factor * at64(s, slot);
      s[out] = square > 0 || Number.isNaN(square) ? Math.sqrt(square) : 0;
    });
    return out;
  });

/** Any function of a bar's values: for what is computed seldom. */
export const derive = (key: string, sources: readonly Node[], compute: (...values: number[]) => number): Node =>
  defineNode(key, after(sources), (stage) => {
    const slots = sources.map((source) => stage.use(source));
    const values = new Array<number>(slots.length).fill(0);
    const out = stage.reserve(1);
    stage.onBar((s) => {
      for (let i = 0; i < slots.length; i++) values[i] = at64(s, slots[i] as number);
      s[out] = compute(...values);
    });
    return out;
  });
