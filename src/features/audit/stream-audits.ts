import { createRandom, MINUTE_MS, phaseOf, type SymbolId } from '../../core/index.ts';
import { phaseBars } from '../../data/index.ts';
import type { FeatureColumns } from '../batch.ts';
import type { FeatureEngineer } from '../feature-engineer.ts';
import { type Comparison, createComparison } from './comparison.ts';
import { type AuditContext, type AuditResult, computeStretch, verdictOf, withSymbols } from './context.ts';
import { longestHole, QUARTER_MS } from './market.ts';
import { lastStretch } from './scale.ts';
import {
  compareRows,
  createStream,
  engineerFor,
  type MinuteStream,
  rowsAt,
  runStream,
  type StreamObserver,
} from './stream.ts';

/** Of the fifteen phases, those compared with batch: clock-aligned bars, and others that lie across the hour's end. */
const PHASES_COMPARED = [0, 1, 8, 14];
/** Where a stream is interrupted: minutes before its end. */
const INTERRUPTED = [240, 157, 45];

/**
 * Three audits of streams of minutes, bit for bit. Their features are those of the batch: over the longest hole of the market, and at its
 * end. Taken up from a snapshot, a stream goes on as if nothing had been. In another order of the symbols, and of the candles within
 * a minute, it says the same, and so does the batch.
 */
export async function auditStreams(context: AuditContext): Promise<AuditResult[]> {
  const { market, set, span, symbols } = context;
  const [batch, restore, order] = [createComparison(set), createComparison(set), createComparison(set)];
  const hole = longestHole(market);
  const first = createStream(context, hole ?? (span.start + span.end) / 2);
  const last = createStream(context, span.end);
  await runStream(context, first, [await besideBatch(context, first, batch)]);
  const shuffled = withSymbols(context, shuffle(symbols));
  const restored: FeatureEngineer[] = [];
  const whole = await runStream(context, last, [
    await besideBatch(context, last, batch),
    interrupted(context, last, restored, restore),
    inAnotherOrder(shuffled, last, order),
  ]);
  const rows = await compareBatchOrder(context, shuffled, order);

  const panel = `${symbols.length} symbols`;
  const minutes = (last.to - last.from) / MINUTE_MS;
  const where = hole === undefined ? 'in the middle' : 'over the longest hole';
  return [
    verdictOf(
      'stream',
      context,
      batch,
      `2 x ${minutes} minutes, ${where} and at the end, x ${panel}, phases ${PHASES_COMPARED.join(', ')}`,
      'differ between stream and batch',
    ),
    sameState(
      verdictOf(
        'restore',
        context,
        restore,
        `snapshots ${INTERRUPTED.join(', ')} minutes before the end x ${panel}`,
        'differ after a snapshot is restored',
      ),
      whole,
      restored,
    ),
    verdictOf(
      'permutation',
      context,
      order,
      `${panel} in another order, ${rows} rows in batch and ${minutes} minutes of a stream`,
      'depend on the order of the symbols',
    ),
  ];
}

async function besideBatch(
  context: AuditContext,
  stream: MinuteStream,
  comparison: Comparison,
): Promise<StreamObserver> {
  const { compute, market, set } = context;
  const batches = new Map<number, FeatureColumns>();
  for (const phase of PHASES_COMPARED) {
    await context.step(`stream: batch of phase ${phase}`);
    const bars15m = new Map([...stream.minutes].map(([symbol, bars]) => [symbol, phaseBars(bars, phase)]));
    batches.set(phase, compute({ bars15m, bars1h: stream.hours, references: market.references, featureSet: set }));
  }
  return (minute, _, engineer) => {
    const columns = batches.get(phaseOf(minute));
    if (columns) compareRows(comparison, minute, batchRowsAt(columns, minute), rowsAt(engineer, minute));
  };
}

function batchRowsAt({ times, symbols, values, width }: FeatureColumns, minute: number): Map<SymbolId, Float32Array> {
  const row = (minute - (times[0] ?? Number.NaN)) / QUARTER_MS;
  if (!(row >= 0 && row < times.length)) return new Map();
  return new Map(
    symbols.map((symbol) => [
      symbol,
      (values.get(symbol) ?? new Float32Array()).subarray(row * width, (row + 1) * width),
    ]),
  );
}

/** Takes snapshots into new engineers, `restored`, and feeds them beside the uninterrupted one. */
function interrupted(
  context: AuditContext,
  stream: MinuteStream,
  restored: FeatureEngineer[],
  comparison: Comparison,
): StreamObserver {
  return (minute, candles, whole) => {
    for (const engineer of restored) {
      engineer.push(candles);
      compareRows(comparison, minute, rowsAt(whole, minute), rowsAt(engineer, minute));
    }
    if (!INTERRUPTED.some((minutes) => minute === stream.to - minutes * MINUTE_MS)) return;
    const engineer = engineerFor(context);
    engineer.restore(whole.snapshot());
    restored.push(engineer);
  };
}

/** A verdict that also asks that restored engineers keep the same state as the uninterrupted one, to be told by later values. */
function sameState(verdict: AuditResult, whole: FeatureEngineer, restored: readonly FeatureEngineer[]): AuditResult {
  const state = Buffer.from(whole.snapshot());
  if (!verdict.ok || restored.every((engineer) => state.equals(engineer.snapshot()))) return verdict;
  return { ...verdict, ok: false, detail: `no value differs, yet the state that is kept does (${verdict.detail})` };
}

function inAnotherOrder(shuffled: AuditContext, stream: MinuteStream, comparison: Comparison): StreamObserver {
  const other = engineerFor(shuffled, stream);
  return (minute, candles, engineer) => {
    other.push([...candles].reverse());
    if (phaseOf(minute) % 5 === 0) compareRows(comparison, minute, rowsAt(engineer, minute), rowsAt(other, minute));
  };
}

async function compareBatchOrder(
  context: AuditContext,
  shuffled: AuditContext,
  comparison: Comparison,
): Promise<number> {
  const stretch = lastStretch(context);
  await context.step('permutation: batch');
  const expected = computeStretch(context, stretch);
  await context.step('permutation: batch in another order');
  comparison.columns(expected, computeStretch(shuffled, stretch));
  return expected.times.length;
}

/** The symbols in another order, the same on each run. */
function shuffle(symbols: readonly SymbolId[]): SymbolId[] {
  const random = createRandom('feature-audit/order');
  return symbols
    .map((symbol) => ({ symbol, place: random.uniform() }))
    .sort((a, b) => a.place - b.place)
    .map(({ symbol }) => symbol);
}
