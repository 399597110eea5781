import { at32, at64 } from '../core/index.ts';

/** The last 1-bar log returns of a series: the one `k` bars ago lies at `base + ((head - k) & mask)`; `count` bars were seen. */
export interface ReturnHistory {
  values: Float64Array;
  base: number;
  /** -1 for a plain column. */
  mask: number;
  head: number;
  count: number;
}

/** No bar: whatever reads it is masked. */
export const noHistory = (): ReturnHistory => ({ values: new Float64Array(1), base: 0, mask: 0, head: 0, count: 0 });

/** The panel of one minute as cross-sectional kernels see it: rows in canonical order, fast and slow columns already filled in. */
export interface CrossFrame {
  rows: number;
  readonly width: number;
  /** Row-major [rows, width], NaN = masked. */
  values: Float32Array;
  /** [rows] */
  readonly fast: ReturnHistory[];
  /** [rows] */
  readonly slow: ReturnHistory[];
  /** Of the reference symbols, by their order. */
  readonly referenceFast: ReturnHistory[];
  readonly referenceSlow: ReturnHistory[];
}

/** Index of a column of the panel's scratch, [rows] of float64, NaN = masked. */
export type Column = number;
export type CrossUpdate = (frame: CrossFrame, columns: readonly Float64Array[]) => void;

/** One cross-sectional definition; computed once per key and minute. It keeps nothing from minute to minute. */
export interface CrossNode {
  readonly key: string;
  readonly build: (stage: CrossBuilder) => Column;
}

export interface CrossBuilder {
  use(node: CrossNode): Column;
  reserve(): Column;
  /** Position of a fast or slow feature in a row. @throws RangeError for an unknown name */
  featureColumn(name: string): number;
  onPanel(update: CrossUpdate): void;
  shared<T>(key: string, create: () => T): T;
}

export interface CrossProgram {
  /** Fills in the cross-sectional columns of a frame's rows. */
  compute(frame: CrossFrame): void;
}

/** `outputs`: nodes with the position in a row each one is written to. */
export function compileCrossProgram(
  outputs: readonly { node: CrossNode; column: number }[],
  featureColumns: ReadonlyMap<string, number>,
): CrossProgram {
  const updates: CrossUpdate[] = [];
  const known = new Map<string, Column>();
  const sharedValues = new Map<string, unknown>();
  let reserved = 0;
  const builder: CrossBuilder = {
    use(node) {
      const column = known.get(node.key) ?? node.build(builder);
      known.set(node.key, column);
      return column;
    },
    reserve: () => reserved++,
    featureColumn(name) {
      const column = featureColumns.get(name);
      if (column === undefined) throw new RangeError(`no fast or slow feature is named ${name}`);
      return column;
    },
    onPanel: (update) => void updates.push(update),
    shared<T>(key: string, create: () => T): T {
      if (!sharedValues.has(key)) sharedValues.set(key, create());
      return sharedValues.get(key) as T;
    },
  };
  const sources = outputs.map(({ node }) => builder.use(node));
  const targets = outputs.map(({ column }) => column);
  let columns: Float64Array[] = [];
  let capacity = 0;
  return {
    compute(frame) {
      if (frame.rows === 0) return;
      if (frame.rows > capacity) {
        capacity = frame.rows;
        columns = Array.from({ length: reserved }, () => new Float64Array(capacity));
      }
      for (const update of updates) update(frame, columns);
      for (let f = 0; f < sources.length; f++) {
        const source = columns[sources[f] as number] as Float64Array;
        let at = targets[f] as number;
        for (let row = 0; row < frame.rows; row++, at += frame.width) {
          const value = Math.fround(at64(source, row));
          frame.values[at] = Number.isFinite(value) ? value : Number.NaN;
        }
      }
    },
  };
}

export const defineCrossNode = (key: string, build: CrossNode['build']): CrossNode => ({ key, build });

/** A fast or slow feature of each row, as the float32 that the panel holds. */
export const feature = (name: string): CrossNode =>
  defineCrossNode(`feature(${name})`, (stage) => {
    const column = stage.featureColumn(name);
    const out = stage.reserve();
    stage.onPanel((frame, columns) => {
      const target = columns[out] as Float64Array;
      for (let row = 0; row < frame.rows; row++) target[row] = at32(frame.values, row * frame.width + column);
    });
    return out;
  });

/** A value per row from two others of that row. */
export function combine(key: string, a: CrossNode, b: CrossNode, compute: (a: number, b: number) => number): CrossNode {
  return defineCrossNode(key, (stage) => {
    const columnA = stage.use(a);
    const columnB = stage.use(b);
    const out = stage.reserve();
    stage.onPanel((frame, columns) => {
      const valuesA = columns[columnA] as Float64Array;
      const valuesB = columns[columnB] as Float64Array;
      const target = columns[out] as Float64Array;
      for (let row = 0; row < frame.rows; row++) target[row] = compute(at64(valuesA, row), at64(valuesB, row));
    });
    return out;
  });
}
