import { at64, atInt32 } from '../core/index.ts';

/** Index of a number inside a state. */
export type Slot = number;

/**
 * One streaming definition. `build` reserves its numbers in the state, registers what happens on each bar and returns the slot of its
 * (first) value. Nodes are told apart by `key`: two nodes of one key must be the same computation, and are computed once.
 */
export interface Node {
  readonly key: string;
  /** Bars, the newest included, from which on the value is the formula's: its look-back and one. Before, it means nothing. */
  readonly warmUp: number;
  /** Remembers how the series began, ever more faintly: holds to a tolerance only some time after `warmUp`. */
  readonly recursive: boolean;
  readonly build: (stage: StageBuilder) => Slot;
}

/** What happens on a bar: `count` is the number of bars since the series began, this one included. */
export type Update = (state: Float64Array, count: number) => void;

/** The last values of a node: the one of `k` bars ago lies at `base + ((count - k) & mask)`. */
export interface Ring {
  readonly base: Slot;
  readonly mask: number;
}

export interface StageBuilder {
  /** The slot of another node's value, which is up to date whenever an update registered from now on runs. */
  use(node: Node): Slot;
  /** A ring of the last `bars` values of a node, the newest included, or more. One per node serves all who ask. */
  ring(source: Node, bars: number): Ring;
  /** Numbers of this node's own, zero when the series begins. They lie close together: what each bar reads. */
  reserve(slots: number): Slot;
  /** Numbers of which a bar reads few: they lie behind the others. */
  reserveArray(slots: number): Slot;
  /** Where the values of a window lie in its block on each bar: (count - 1) mod `window` stands at this index of the places when updates run. */
  place(window: number): number;
  /** The places of all windows. */
  readonly places: Int32Array;
  /** Runs on each bar, after everything that was used so far. */
  onBar(update: Update): void;
  /**
   * Runs on each bar like {@link onBar}, together with all others of the kind that read values equally far from the bar: one call for many
   * nodes. `parameters` are whole numbers, as many for each node of a kind.
   */
  onBarTogether(kind: Kind, parameters: readonly number[]): void;
}

/** What happens on a bar in all nodes of one kind: `parameters` holds those of each node in turn. */
export type Kind = (state: Float64Array, parameters: Int32Array, count: number, places: Int32Array) => void;

/** Slots every state begins with: the current bar. `TIME` is its close. */
export const COUNT: Slot = 0;
export const TIME: Slot = 1;
export const OPEN: Slot = 2;
export const HIGH: Slot = 3;
export const LOW: Slot = 4;
export const CLOSE: Slot = 5;
export const VOLUME: Slot = 6;
/** Base volume of trades in which the buyer was the taker; NaN where the source does not tell. */
export const TAKER_BUY_VOLUME: Slot = 7;
/** The newest funding rate settled before the bar's close, as a fraction; NaN where none is known. */
export const FUNDING_RATE: Slot = 8;
/** Numbers of a bar in this layout; `COUNT` is not part of it. */
export const BAR_SLOTS = 9;

const COLUMNS = ['open', 'high', 'low', 'close', 'volume', 'takerBuyVolume', 'fundingRate'] as const;
export type BarColumn = (typeof COLUMNS)[number];

/** The current bar's value of a column. */
export const bar = (column: BarColumn): Node => ({
  key: column,
  warmUp: 1,
  recursive: false,
  build: () => OPEN + COLUMNS.indexOf(column),
});

/** ln(C / C₋₁); 0 on the first bar. */
export const logReturn: Node = {
  key: 'logReturn',
  warmUp: 2,
  recursive: false,
  build(stage) {
    const out = stage.reserve(2);
    stage.onBar((s, count) => {
      const close = at64(s, CLOSE);
      s[out] = count === 1 ? 0 : Math.log(close / at64(s, out + 1));
      s[out + 1] = close;
    });
    return out;
  },
};

export interface NodeTraits {
  readonly warmUp: number;
  readonly recursive?: boolean;
}

export const defineNode = (key: string, { warmUp, recursive = false }: NodeTraits, build: Node['build']): Node => ({
  key,
  warmUp,
  recursive,
  build,
});

/** Traits of a value that follows from other nodes' values of the same bar, or of `bars` bars. */
export const after = (sources: readonly NodeTraits[], bars = 1): NodeTraits => ({
  warmUp: Math.max(0, ...sources.map((source) => source.warmUp)) + bars - 1,
  recursive: sources.some(({ recursive }) => recursive),
});

/** Another output of a node that keeps several side by side. */
export const output = (node: Node, index: number, name: string): Node =>
  defineNode(`${node.key}.${name}`, node, (stage) => stage.use(node) + index);

/**
 * The compiled nodes of one stage. A state is a flat Float64Array of `size` numbers; zeros are a series without bars. A copy of
 * its bytes is the whole state.
 */
export interface Program {
  readonly size: number;
  /** Slots of the nodes the program was compiled for, in their order. */
  readonly outputs: readonly Slot[];
  /** Rings asked for when it was compiled, in their order. */
  readonly rings: readonly Ring[];
  /** Takes the bar whose values stand in the first slots: counts it, and runs every node. */
  step(state: Float64Array): void;
}

/** Lays out and orders all nodes that `nodes` need, and rings of the given nodes. */
export function compileProgram(nodes: readonly Node[], rings: readonly RingRequest[] = []): Program {
  // Laid out twice: the first time only shows how far back each ring is read, and how much lies in front of the arrays.
  const lengths = new Map<string, number>();
  const { arraysFrom } = layOut(nodes, rings, 0, (key, bars) => {
    lengths.set(key, Math.max(lengths.get(key) ?? 0, bars));
    return 1;
  });
  return layOut(nodes, rings, arraysFrom, (key) => 2 ** Math.ceil(Math.log2(lengths.get(key) ?? 1))).program;
}

export interface RingRequest {
  readonly source: Node;
  readonly bars: number;
}

function layOut(
  nodes: readonly Node[],
  ringRequests: readonly RingRequest[],
  arraysFrom: number,
  capacityOf: (key: string, bars: number) => number,
): { program: Program; arraysFrom: number } {
  let front = BAR_SLOTS;
  let size = arraysFrom;
  const slots = new Map<string, Slot>();
  const rings = new Map<string, Ring>();
  const windows: number[] = [];
  const places = new Int32Array(MOST_WINDOWS);
  // A node's level is one above the highest of what it reads: updates run level by level.
  const levels = new Map<string, number>();
  let level = 0;
  const steps: { level: number; update: Update }[] = [];
  const kinds = new Map<Kind, Map<number, number[]>>();
  const atLevelOf = <T>(key: string, build: () => T): T => {
    const outer = level;
    level = 0;
    const built = build();
    levels.set(key, level);
    level = Math.max(outer, level + 1);
    return built;
  };
  const read = (key: string) => {
    level = Math.max(level, (levels.get(key) ?? -1) + 1);
  };
  const builder: StageBuilder = {
    places,
    use(node) {
      const known = slots.get(node.key);
      if (known !== undefined) {
        read(node.key);
        return known;
      }
      const slot = atLevelOf(node.key, () => node.build(builder));
      slots.set(node.key, slot);
      return slot;
    },
    ring(source, bars) {
      const key = `ring(${source.key})`;
      const capacity = capacityOf(source.key, bars);
      const known = rings.get(key);
      if (known) {
        read(key);
        return known;
      }
      const ring = atLevelOf(key, () => {
        const input = builder.use(source);
        const made = { base: builder.reserveArray(capacity), mask: capacity - 1 };
        builder.onBarTogether(keepInRings, [input, made.base, made.mask]);
        return made;
      });
      rings.set(key, ring);
      return ring;
    },
    reserve(count) {
      const slot = front;
      front += count;
      return slot;
    },
    reserveArray(count) {
      const slot = size;
      size += count;
      return slot;
    },
    place(window) {
      let index = windows.indexOf(window);
      if (index < 0) index = windows.push(window) - 1;
      if (index >= MOST_WINDOWS) throw new RangeError(`more than ${MOST_WINDOWS} different windows`);
      return index;
    },
    onBar: (update) => void steps.push({ level, update }),
    onBarTogether(kind, parameters) {
      const ofKind = kinds.get(kind) ?? new Map<number, number[]>();
      ofKind.set(level, [...(ofKind.get(level) ?? []), ...parameters]);
      kinds.set(kind, ofKind);
    },
  };
  const outputs = nodes.map((node) => builder.use(node));
  const asked = ringRequests.map(({ source, bars }) => builder.ring(source, bars));
  const together = [...kinds].flatMap(([kind, ofKind]) =>
    [...ofKind].map(([at, parameters]) => {
      const packed = Int32Array.from(parameters);
      return { level: at, update: (s: Float64Array, count: number) => kind(s, packed, count, places) };
    }),
  );
  const updates = [...together, ...steps].sort((a, b) => a.level - b.level).map(({ update }) => update);
  const program: Program = {
    size: Math.max(front, size),
    outputs,
    rings: asked,
    step(s) {
      const count = at64(s, COUNT) + 1;
      s[COUNT] = count;
      for (let i = 0; i < windows.length; i++) places[i] = (count - 1) % (windows[i] as number);
      for (let i = 0; i < updates.length; i++) (updates[i] as Update)(s, count);
    },
  };
  return { program, arraysFrom: front };
}

/** Source, base and mask of each ring. */
const keepInRings: Kind = (s, parameters, count) => {
  for (let i = 0; i < parameters.length; i += 3) {
    s[atInt32(parameters, i + 1) + (count & atInt32(parameters, i + 2))] = at64(s, atInt32(parameters, i));
  }
};

const MOST_WINDOWS = 128;

/** Missing bars in a row that a series carries on over; more begin it anew. */
export const MAX_CARRIED_BARS = 3;

/**
 * Gives a series its next bar, whose values lie in the slots of a state's first numbers. Up to {@link MAX_CARRIED_BARS} missing bars
 * before it are carried as flat bars without volume at the last close; after more the series begins anew. A bar not after the last one
 * is ignored.
 * @returns whether the bar was taken
 */
export function advance(program: Program, s: Float64Array, barMs: number, next: Float64Array): boolean {
  if (at64(s, COUNT) > 0) {
    const missing = (at64(next, TIME) - at64(s, TIME)) / barMs - 1;
    if (missing < 0) return false;
    if (missing > MAX_CARRIED_BARS) s.fill(0);
    else {
      for (let k = 0; k < missing; k++) {
        s[TIME] = at64(s, TIME) + barMs;
        s[OPEN] = s[HIGH] = s[LOW] = at64(s, CLOSE);
        s[VOLUME] = 0;
        s[TAKER_BUY_VOLUME] = at64(s, TAKER_BUY_VOLUME) * 0;
        program.step(s);
      }
    }
  }
  for (let slot = TIME; slot < BAR_SLOTS; slot++) s[slot] = at64(next, slot);
  program.step(s);
  return true;
}
