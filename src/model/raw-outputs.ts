import {
  at32,
  DIRECTION_PROBABILITY_NAMES,
  FORECAST_WIDTH,
  HORIZON_NAMES,
  outputIndex,
  TARGET_NAMES,
} from '../core/index.ts';

/**
 * Columns of what every model computes before its links, in order: 4 returns, 12 direction logits (3 per horizon), 8 level logits,
 * 4 drawdowns and rallies, and the rank.
 */
export const RAW_COLUMNS = { returns: 0, directions: 4, levels: 16, risks: 24, rank: 28, count: 29 } as const;

/** A named output of a model graph and where its columns go in a forecast. */
export interface OutputGroup {
  readonly name: string;
  /** `FORECAST_OUTPUTS` in the order of the group's flattened columns. */
  readonly columns: readonly string[];
  /** Per row; the batch comes before. */
  readonly shape: readonly number[];
}

/** Named outputs of every model graph: one per group of heads. */
export const OUTPUT_GROUPS: readonly OutputGroup[] = [
  { name: 'future_return', columns: TARGET_NAMES.slice(0, 4), shape: [4] },
  { name: 'direction', columns: TARGET_NAMES.slice(4, 8), shape: [4] },
  { name: 'direction_probability', columns: DIRECTION_PROBABILITY_NAMES, shape: [4, 3] },
  { name: 'level_probability', columns: TARGET_NAMES.slice(8, 16), shape: [8] },
  { name: 'risk', columns: TARGET_NAMES.slice(16, 20), shape: [4] },
  { name: 'rank24h', columns: ['rank24h'], shape: [1] },
];

/** Forecast rows [rows, FORECAST_WIDTH] of raw outputs [rows, RAW_COLUMNS.count]: what a model's graph computes from them. */
export function applyLinks(raw: Float32Array): Float32Array {
  const rows = raw.length / RAW_COLUMNS.count;
  const values = new Float32Array(rows * FORECAST_WIDTH);
  const risk = outputIndex('max_drawdown_1h');
  const level = outputIndex('long_will_reach_1pct_4h');
  const direction = outputIndex('direction_15m');
  const probability = outputIndex('direction_15m_up');
  const rank = outputIndex('rank24h');
  for (let row = 0; row < rows; row++) {
    const from = row * RAW_COLUMNS.count;
    const to = row * FORECAST_WIDTH;
    const z = (column: number) => at32(raw, from + column);
    for (let h = 0; h < HORIZON_NAMES.length; h++) {
      values[to + h] = z(RAW_COLUMNS.returns + h);
      const shares = softmax([0, 1, 2].map((k) => z(RAW_COLUMNS.directions + h * 3 + k)));
      shares.forEach((share, k) => {
        values[to + probability + h * 3 + k] = share;
      });
      values[to + direction + h] = shares.indexOf(Math.max(...shares));
    }
    for (let k = 0; k < 8; k++) values[to + level + k] = sigmoid(z(RAW_COLUMNS.levels + k));
    for (let k = 0; k < 4; k++) values[to + risk + k] = Math.max(0, z(RAW_COLUMNS.risks + k));
    values[to + rank] = Math.min(1, Math.max(0, z(RAW_COLUMNS.rank)));
  }
  return values;
}

/** The heads that rank symbols: four returns and the 24 h rank. */
export const RANKING_HEADS = 5;

/** The ranking heads of raw outputs [rows, RAW_COLUMNS.count]: [rows, RANKING_HEADS]. */
export function rankingHeads(raw: Float32Array): Float32Array {
  const rows = raw.length / RAW_COLUMNS.count;
  const heads = new Float32Array(rows * RANKING_HEADS);
  for (let row = 0; row < rows; row++) {
    const from = row * RAW_COLUMNS.count;
    heads.set(raw.subarray(from + RAW_COLUMNS.returns, from + RAW_COLUMNS.returns + 4), row * RANKING_HEADS);
    heads[row * RANKING_HEADS + 4] = at32(raw, from + RAW_COLUMNS.rank);
  }
  return heads;
}

export const sigmoid = (z: number): number => 1 / (1 + Math.exp(-z));

export function softmax(logits: readonly number[]): number[] {
  const largest = Math.max(...logits);
  const exponentials = logits.map((z) => Math.exp(z - largest));
  const sum = exponentials.reduce((total, value) => total + value, 0);
  return exponentials.map((value) => value / sum);
}
