import { at64 } from '../core/index.ts';

/** Index of a number inside a state. */
export type Slot = number;

/**
 * One streaming definition. `build` reserves its numbers in the state, registers what happens on each bar and returns the slot of its
 * (first) value. Nodes are told apart by `key`: two nodes of one key must be the same computation, and are computed once.
 */
export interface Node {
  readonly key: string;
  readonly build: (stage: StageBuilder) => Slot;
}

/** What happens on a bar: `count` is the number of bars since the series began, this one included. */
export type Update = (state: Float64Array, count: number) => void;

export interface StageBuilder {
  /** Bars a ring holds: a power of two, so that bar `count - k` lies at `ring + ((count - k) & mask)`. */
  readonly mask: number;
  /** The slot of another node's value, which is up to date whenever an update registered from now on runs. */
  use(node: Node): Slot;
  /** Numbers of this node's own, zero when the series begins. */
  reserve(slots: number): Slot;
  /** Runs on each bar, in the order of registration. */
  onBar(update: Update): void;
  /** One value per key for all nodes of a stage: for passes that serve several windows at once. */
  shared<T>(key: string, create: () => T): T;
}

/** Slots every state begins with: the current bar. `TIME` is its close; `LOG_RETURN` is 0 on the first bar. */
export const COUNT: Slot = 0;
export const TIME: Slot = 1;
export const OPEN: Slot = 2;
export const HIGH: Slot = 3;
export const LOW: Slot = 4;
export const CLOSE: Slot = 5;
export const VOLUME: Slot = 6;
export const LOG_RETURN: Slot = 7;
const BAR_SLOTS = 8;

const COLUMNS = ['open', 'high', 'low', 'close', 'volume', 'logReturn'] as const;
export type BarColumn = (typeof COLUMNS)[number];

/** Missing bars in a row that a series carries on over; more begin it anew. */
export const MAX_CARRIED_BARS = 3;

/**
 * The compiled nodes of one stage. A state is a flat Float64Array of `size` numbers; zeros are a series without bars. A copy of
 * its bytes is the whole state.
 */
export interface Program {
  readonly size: number;
  readonly barMs: number;
  readonly mask: number;
  /** Base of the ring of 1-bar log returns: what the cross-sectional stage reads. */
  readonly returnRing: Slot;
  /** Slots of the nodes the program was compiled for, in their order. */
  readonly outputs: readonly Slot[];
  /**
   * Takes the bar that closes at `closeTime`. Up to {@link MAX_CARRIED_BARS} missing bars before it are carried as flat bars without
   * volume at the last close; after more the series begins anew. A bar not after the last one is ignored.
   * @returns whether the bar was taken
   */
  advance(
    state: Float64Array,
    closeTime: number,
    open: number,
    high: number,
    low: number,
    close: number,
    volume: number,
  ): boolean;
}

/** Lays out and orders all nodes that `nodes` need. `capacity`: bars kept in rings, a power of two above the longest window. */
export function compileProgram(nodes: readonly Node[], options: { capacity: number; barMs: number }): Program {
  const { capacity, barMs } = options;
  const mask = capacity - 1;
  if ((capacity & mask) !== 0) throw new RangeError(`capacity ${capacity} is not a power of two`);
  const columns = BAR_SLOTS;
  let size = BAR_SLOTS + COLUMNS.length * capacity;
  const updates: Update[] = [];
  const slots = new Map<string, Slot>();
  const sharedValues = new Map<string, unknown>();
  COLUMNS.forEach((column, index) => {
    slots.set(`ring(${column})`, columns + index * capacity);
    slots.set(column, OPEN + index);
  });
  slots.set('time', TIME);
  const builder: StageBuilder = {
    mask,
    use(node) {
      const known = slots.get(node.key);
      if (known !== undefined) return known;
      const slot = node.build(builder);
      slots.set(node.key, slot);
      return slot;
    },
    reserve(count) {
      const slot = size;
      size += count;
      return slot;
    },
    onBar: (update) => void updates.push(update),
    shared<T>(key: string, create: () => T): T {
      if (!sharedValues.has(key)) sharedValues.set(key, create());
      return sharedValues.get(key) as T;
    },
  };
  const outputs = nodes.map((node) => builder.use(node));

  const step = (
    s: Float64Array,
    time: number,
    open: number,
    high: number,
    low: number,
    close: number,
    volume: number,
  ) => {
    const count = at64(s, COUNT) + 1;
    const logReturn = count === 1 ? 0 : Math.log(close / at64(s, CLOSE));
    s[COUNT] = count;
    s[TIME] = time;
    s[OPEN] = open;
    s[HIGH] = high;
    s[LOW] = low;
    s[CLOSE] = close;
    s[VOLUME] = volume;
    s[LOG_RETURN] = logReturn;
    const at = columns + (count & mask);
    s[at] = open;
    s[at + capacity] = high;
    s[at + 2 * capacity] = low;
    s[at + 3 * capacity] = close;
    s[at + 4 * capacity] = volume;
    s[at + 5 * capacity] = logReturn;
    for (let i = 0; i < updates.length; i++) (updates[i] as Update)(s, count);
  };

  return {
    size,
    barMs,
    mask,
    returnRing: columns + 5 * capacity,
    outputs,
    advance(s, closeTime, open, high, low, close, volume) {
      if (at64(s, COUNT) > 0) {
        const missing = (closeTime - at64(s, TIME)) / barMs - 1;
        if (missing < 0) return false;
        if (missing > MAX_CARRIED_BARS) s.fill(0);
        else {
          const last = at64(s, CLOSE);
          for (let k = 0; k < missing; k++) step(s, at64(s, TIME) + barMs, last, last, last, last, 0);
        }
      }
      step(s, closeTime, open, high, low, close, volume);
      return true;
    },
  };
}

/** The current bar's value of a column. */
export const bar = (column: BarColumn): Node => ({ key: column, build: () => OPEN + COLUMNS.indexOf(column) });

/** A ring of the last values of a node; its slot is the ring's base. */
export const ring = (source: Node): Node =>
  defineNode(`ring(${source.key})`, (stage) => {
    const input = stage.use(source);
    const { mask } = stage;
    const base = stage.reserve(mask + 1);
    stage.onBar((s, count) => {
      s[base + (count & mask)] = at64(s, input);
    });
    return base;
  });

export const defineNode = (key: string, build: Node['build']): Node => ({ key, build });

/** A value computed from other nodes' values on each bar. */
export function derive1(key: string, a: Node, compute: (a: number) => number): Node {
  return defineNode(key, (stage) => {
    const slotA = stage.use(a);
    const out = stage.reserve(1);
    stage.onBar((s) => {
      s[out] = compute(at64(s, slotA));
    });
    return out;
  });
}

export function derive2(key: string, a: Node, b: Node, compute: (a: number, b: number) => number): Node {
  return defineNode(key, (stage) => {
    const slotA = stage.use(a);
    const slotB = stage.use(b);
    const out = stage.reserve(1);
    stage.onBar((s) => {
      s[out] = compute(at64(s, slotA), at64(s, slotB));
    });
    return out;
  });
}

export function derive3(
  key: string,
  a: Node,
  b: Node,
  c: Node,
  compute: (a: number, b: number, c: number) => number,
): Node {
  return defineNode(key, (stage) => {
    const slotA = stage.use(a);
    const slotB = stage.use(b);
    const slotC = stage.use(c);
    const out = stage.reserve(1);
    stage.onBar((s) => {
      s[out] = compute(at64(s, slotA), at64(s, slotB), at64(s, slotC));
    });
    return out;
  });
}
