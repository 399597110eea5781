import { at64, type SymbolId } from '../../core/index.ts';
import type { FeatureColumns } from '../batch.ts';
import { type AuditContext, computeStretch } from './context.ts';
import { QUARTER_MS } from './market.ts';

/** Rows computed at once. */
const CHUNK_MS = 2_048 * QUARTER_MS;
/** Phases sampled where there are minutes. */
const PHASES_SAMPLED = [0, 5, 10];

/**
 * Rows of the whole span, of every symbol: every n-th time, in the order of time, such that they are about `most` together, and at least as
 * many where the span has them. It is computed chunk by chunk, so that memory grows with the sample, not with the span.
 */
export async function sampleColumns(context: AuditContext, most: number): Promise<FeatureColumns> {
  const { span, symbols, set, market } = context;
  const phases = market.timeframe === '15m' ? [0] : PHASES_SAMPLED;
  const available = ((span.end - span.start) / QUARTER_MS) * phases.length;
  const stride = strideFor(Math.floor((available * symbols.length) / most));
  const rows: { time: number; values: Map<SymbolId, Float32Array> }[] = [];
  let count = 0;
  for (let start = span.start; start < span.end; start += CHUNK_MS) {
    await context.step(`columns: ${Math.round((100 * (start - span.start)) / (span.end - span.start))} %`);
    const from = start - span.fastMs;
    for (const phase of phases) {
      const stretch = { from, to: Math.min(start + CHUNK_MS, span.end), phase, hoursFrom: from - span.slowMs };
      const columns = computeStretch(context, stretch, undefined, { from: start + 1 });
      for (let row = 0; row < columns.times.length; row++) {
        if (count++ % stride !== 0) continue;
        const values = new Map(
          [...columns.values].map(([symbol, all]) => [symbol, all.slice(row * set.width, (row + 1) * set.width)]),
        );
        rows.push({ time: at64(columns.times, row), values });
      }
    }
  }
  rows.sort((a, b) => a.time - b.time);
  return {
    featureSetHash: set.hash,
    names: set.names,
    width: set.width,
    symbols,
    times: Float64Array.from(rows, ({ time }) => time),
    values: new Map(
      symbols.map((symbol) => [
        symbol,
        joined(
          rows.map(({ values }) => values.get(symbol)),
          set.width,
        ),
      ]),
    ),
  };
}

/** A step of at most `most` that visits every quarter of the day and of the week alike. */
function strideFor(most: number): number {
  for (let stride = most; stride > 1; stride--)
    if (stride % 2 !== 0 && stride % 3 !== 0 && stride % 7 !== 0) return stride;
  return 1;
}

function joined(rows: readonly (Float32Array | undefined)[], width: number): Float32Array {
  const all = new Float32Array(rows.length * width).fill(Number.NaN);
  rows.forEach((row, index) => {
    if (row) all.set(row, index * width);
  });
  return all;
}
