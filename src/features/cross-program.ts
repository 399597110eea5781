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
  /** Close of the bars. */
  time: number;
  /** Another one whenever histories were altered otherwise than by their next bars. */
  version: number;
  /** [rows] Where each row's values lie: `blocks[row]` from `offsets[row]` on; NaN = masked. */
  readonly blocks: Float32Array[];
  readonly offsets: Int32Array;
  /** [rows] Number of the row's sector. */
  readonly sectors: Int32Array;
  /** [rows] */
  readonly fast: ReturnHistory[];
  /** [rows] */
  readonly slow: ReturnHistory[];
  /** Of the reference symbols, by their order. */
  readonly referenceFast: ReturnHistory[];
  readonly referenceSlow: ReturnHistory[];
}

/** Index of a column of the panel's scratch: [rows] of float64, NaN = masked; of a panel-wide value the first number alone. */
export type Column = number;
export type CrossUpdate = (frame: CrossFrame, columns: readonly Float64Array[]) => void;

/** One cross-sectional definition; computed once per key and minute. It keeps nothing from minute to minute. */
export interface CrossNode {
  readonly key: string;
  /** One value for all rows. */
  readonly wide: boolean;
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
  const targets = outputs.map(({ node, column }) => ({ source: builder.use(node), column, wide: node.wide }));
  const perRow = targets.filter(({ wide }) => !wide);
  const forAll = targets.filter(({ wide }) => wide);
  const rowSources = Int32Array.from(perRow, ({ source }) => source);
  const rowTargets = Int32Array.from(perRow, ({ column }) => column);
  const wideTargets = Int32Array.from(forAll, ({ column }) => column);
  const wideValues = new Float32Array(forAll.length);
  let columns: Float64Array[] = [];
  let capacity = 0;
  return {
    compute(frame) {
      const { rows, blocks, offsets } = frame;
      if (rows === 0) return;
      if (rows > capacity) {
        capacity = rows;
        columns = Array.from({ length: reserved }, () => new Float64Array(capacity));
      }
      for (let i = 0; i < updates.length; i++) (updates[i] as CrossUpdate)(frame, columns);
      for (let f = 0; f < forAll.length; f++) {
        wideValues[f] = finite(at64(columns[(forAll[f] as { source: number }).source] as Float64Array, 0));
      }
      for (let row = 0; row < rows; row++) {
        const block = blocks[row] as Float32Array;
        const offset = offsets[row] as number;
        for (let f = 0; f < wideTargets.length; f++) block[offset + (wideTargets[f] as number)] = at32(wideValues, f);
        for (let f = 0; f < rowTargets.length; f++) {
          const value = at64(columns[rowSources[f] as number] as Float64Array, row);
          block[offset + (rowTargets[f] as number)] = finite(value);
        }
      }
    },
  };
}

/** A value as float32 can hold it, else NaN: masked. */
function finite(value: number): number {
  const rounded = Math.fround(value);
  return rounded - rounded === 0 ? rounded : Number.NaN;
}

export const defineCrossNode = (key: string, build: CrossNode['build']): CrossNode => ({ key, wide: false, build });

/** A value for all rows. */
export const defineWideNode = (
  key: string,
  build: (stage: CrossBuilder) => (frame: CrossFrame, columns: readonly Float64Array[]) => number,
): CrossNode => ({
  key,
  wide: true,
  build(stage) {
    const compute = build(stage);
    const out = stage.reserve();
    stage.onPanel((frame, columns) => {
      (columns[out] as Float64Array)[0] = compute(frame, columns);
    });
    return out;
  },
});

/** A fast or slow feature of each row, as the float32 that the panel holds. */
export const feature = (name: string): CrossNode =>
  defineCrossNode(`feature(${name})`, (stage) => {
    const column = stage.featureColumn(name);
    const out = stage.reserve();
    stage.onPanel(({ rows, blocks, offsets }, columns) => {
      const target = columns[out] as Float64Array;
      for (let row = 0; row < rows; row++) {
        target[row] = at32(blocks[row] as Float32Array, (offsets[row] as number) + column);
      }
    });
    return out;
  });

/** a - factor · b of each row; either may be panel-wide. */
export function minus(key: string, a: CrossNode, b: CrossNode, factor?: CrossNode): CrossNode {
  return defineCrossNode(key, (stage) => {
    const columnA = stage.use(a);
    const columnB = stage.use(b);
    const columnFactor = factor && stage.use(factor);
    const out = stage.reserve();
    stage.onPanel(({ rows }, columns) => {
      const valuesA = columns[columnA] as Float64Array;
      const valuesB = columns[columnB] as Float64Array;
      const factors = columnFactor === undefined ? undefined : (columns[columnFactor] as Float64Array);
      const target = columns[out] as Float64Array;
      for (let row = 0; row < rows; row++) {
        const product = at64(valuesB, b.wide ? 0 : row) * (factors ? at64(factors, factor?.wide ? 0 : row) : 1);
        target[row] = at64(valuesA, a.wide ? 0 : row) - product;
      }
    });
    return out;
  });
}

/** A panel-wide value from others. */
export const combineWide = (key: string, sources: readonly CrossNode[], compute: (...values: number[]) => number) =>
  defineWideNode(key, (stage) => {
    const inputs = sources.map((source) => stage.use(source));
    return (_, columns) => compute(...inputs.map((input) => at64(columns[input] as Float64Array, 0)));
  });
