import {
  at64,
  type BarColumns,
  type EpochMs,
  epochMs,
  type FeaturePanel,
  type FinalCandle,
  type FundingRates,
  MINUTE_MS,
  PHASES,
  type SymbolId,
} from '../core/index.ts';
import { NAMED_INDICATORS } from './catalogue/indicator-table.ts';
import type { CrossFrame, ReturnHistory } from './cross-program.ts';
import { type FeatureSet, featureSet } from './feature-set.ts';
import { FORMING_SLOTS, formHour, HourQueue, isHourCurrent } from './hours.ts';
import { compilePipeline, createFrame, type Pipeline, writeOutputs } from './pipeline.ts';
import {
  advance,
  BAR_SLOTS,
  CLOSE,
  COUNT,
  HIGH,
  LOW,
  OPEN,
  type Ring,
  TAKER_BUY_VOLUME,
  TIME,
  VOLUME,
} from './program.ts';
import { sectorOf } from './sectors.ts';
import { isUsable, referencePositions } from './series-input.ts';
import { readSnapshot, type SnapshotIdentity, writeSnapshot } from './snapshot.ts';

export interface FeatureEngineerOptions {
  /** By default the whole catalogue. */
  readonly featureSet?: FeatureSet;
  /** The universe, in canonical order. */
  readonly symbols: readonly SymbolId[];
  /** BTC, ETH, of the universe: features against a reference that is not named, or has no bar, are masked. */
  readonly references: readonly SymbolId[];
}

/** How far one symbol's history has come. */
export interface SymbolWarmUp {
  readonly symbol: SymbolId;
  readonly lastMinute: EpochMs | undefined;
  /** Bars of the least advanced of the fifteen phases. */
  readonly fastBars: number;
  readonly slowBars: number;
  /** Fast and slow features are warm in every phase. */
  readonly ready: boolean;
}

/** Where the warm-up stands: `ready` counts symbols. */
export interface WarmUpStatus {
  readonly fastWarmUp: number;
  readonly slowWarmUp: number;
  readonly ready: number;
  readonly symbols: readonly SymbolWarmUp[];
  /** Candles passed over since the start: known already, or not a usable bar. */
  readonly ignored: number;
}

/**
 * Holds the streaming state of every (symbol, phase) and of the 1h bars they share, in one flat array of numbers. The same candles
 * give the same bits, whether or not a snapshot was taken and restored in between. Not for use from several threads.
 */
export interface FeatureEngineer {
  readonly featureSetHash: string;
  readonly featureNames: readonly string[];
  readonly symbols: readonly SymbolId[];
  /**
   * Takes closed one-minute candles, per symbol oldest first. A symbol's candle at or before its last one is passed over. Fifteen
   * consecutive minutes make the phase bar that ends with the last of them; a minute left out leaves each phase without one bar,
   * which is carried flat (up to 3 in a row, more begin that phase anew).
   */
  push(candles: readonly FinalCandle[]): void;
  /**
   * Gives closed 1h bars, in any order and more than once. Each is used when the minutes have reached its close, if the four
   * quarters of it were not all seen by then.
   */
  pushHours(symbol: SymbolId, bars: BarColumns): void;
  /** Gives settled funding rates, in any order and more than once. Each is known to the hours that close after its time. */
  pushFunding(symbol: SymbolId, rates: FundingRates): void;
  /** Rows of those members whose newest minute is `minute` and that have a 15-minute bar ending there, in canonical order. */
  panel(minute: EpochMs, members: readonly SymbolId[]): FeaturePanel;
  /** Named indicator values of the bars that end at `minute`, in the order of `symbols`; those not warm are left out. */
  indicators(minute: EpochMs, symbols: readonly SymbolId[]): readonly Readonly<Record<string, number>>[];
  /** Close of a symbol's newest minute. */
  lastMinute(symbol: SymbolId): EpochMs | undefined;
  /** Drops all history of a symbol, to be rebuilt from repaired candles. */
  forget(symbol: SymbolId): void;
  warmUp(): WarmUpStatus;
  /** The whole state. */
  snapshot(): Uint8Array;
  /** @throws MinutehandError FEATURE_SNAPSHOT_MISMATCH when it was taken by another feature set, universe or version, or is damaged */
  restore(bytes: Uint8Array): void;
}

/** @throws MinutehandError FEATURE_REFERENCE_UNKNOWN when a reference is not among the symbols */
export function createFeatureEngineer(options: FeatureEngineerOptions): FeatureEngineer {
  return new StreamingEngineer(options.featureSet ?? featureSet(), options.symbols, options.references);
}

const QUARTER_MS = PHASES * MINUTE_MS;
/** Columns of the last fifteen minutes: open, high, low, close, volume, taker buy volume, at (minute mod 15). */
const MINUTE_COLUMNS = 6;
/** Before them: the newest minute's close, and how many consecutive minutes end with it (at most 15). */
const LAST_MINUTE = 0;
const RUN = 1;
const MINUTES = 2;
const FORMING = MINUTES + MINUTE_COLUMNS * PHASES;
const MINUTE_STATE_SIZE = FORMING + FORMING_SLOTS;

/** One symbol's numbers, views of the engineer's memory. */
interface SymbolState {
  readonly minutes: Float64Array;
  readonly slow: Float64Array;
  /** [PHASES] */
  readonly fast: readonly Float64Array[];
  hours: HourQueue;
}

class StreamingEngineer implements FeatureEngineer {
  readonly featureSetHash: string;
  readonly featureNames: readonly string[];
  readonly symbols: readonly SymbolId[];
  readonly #set: FeatureSet;
  readonly #references: readonly SymbolId[];
  readonly #referencePositions: readonly number[];
  readonly #pipeline: Pipeline;
  readonly #memory: Float64Array;
  readonly #states: readonly SymbolState[];
  readonly #positions: ReadonlyMap<SymbolId, number>;
  readonly #sectors: readonly number[];
  readonly #frame: CrossFrame;
  /** The phase bar in the making. */
  readonly #bar = new Float64Array(BAR_SLOTS);
  #ignored = 0;

  constructor(set: FeatureSet, symbols: readonly SymbolId[], references: readonly SymbolId[]) {
    this.#set = set;
    this.featureSetHash = set.hash;
    this.featureNames = set.names;
    this.symbols = [...symbols];
    this.#references = [...references];
    this.#referencePositions = referencePositions(symbols, references);
    this.#pipeline = compilePipeline(set.features, NAMED_INDICATORS);
    this.#sectors = symbols.map(sectorOf);
    const { fast, slow } = this.#pipeline;
    const stride = MINUTE_STATE_SIZE + slow.size + PHASES * fast.size;
    this.#memory = new Float64Array(symbols.length * stride);
    this.#states = symbols.map((_, index) => {
      const base = index * stride;
      const phases = base + MINUTE_STATE_SIZE + slow.size;
      return {
        minutes: this.#memory.subarray(base, base + MINUTE_STATE_SIZE),
        slow: this.#memory.subarray(base + MINUTE_STATE_SIZE, phases),
        fast: Array.from({ length: PHASES }, (__, phase) =>
          this.#memory.subarray(phases + phase * fast.size, phases + (phase + 1) * fast.size),
        ),
        hours: new HourQueue(),
      };
    });
    this.#positions = new Map(symbols.map((symbol, index) => [symbol, index]));
    this.#frame = createFrame(symbols.length, references.length);
  }

  push(candles: readonly FinalCandle[]): void {
    for (const candle of candles) {
      const state = this.#stateOf(candle.symbol);
      const minute = candle.openTime + MINUTE_MS;
      const usable = isUsable(candle.open, candle.high, candle.low, candle.close, candle.volume);
      if (
        !state ||
        !usable ||
        candle.timeframe !== '1m' ||
        minute % MINUTE_MS !== 0 ||
        minute <= at64(state.minutes, LAST_MINUTE)
      ) {
        this.#ignored++;
        continue;
      }
      this.#takeMinute(state, minute, candle);
    }
  }

  pushHours(symbol: SymbolId, bars: BarColumns): void {
    this.#stateOf(symbol)?.hours.push(bars);
  }

  pushFunding(symbol: SymbolId, rates: FundingRates): void {
    this.#stateOf(symbol)?.hours.pushRates(rates);
  }

  panel(minute: EpochMs, members: readonly SymbolId[]): FeaturePanel {
    const { width, seriesWidth, fastReturns, slowReturns, fastOutputs, slowOutputs, cross } = this.#pipeline;
    const frame = this.#frame;
    const rows = this.#rowsAt(minute, members);
    frame.rows = rows.length;
    frame.time = minute;
    const values = new Float32Array(rows.length * width).fill(Number.NaN);
    const slowAt = fastOutputs.slots.length;
    rows.forEach((position, row) => {
      const state = this.#states[position] as SymbolState;
      const bar = this.#barAt(position, minute);
      if (!bar) return;
      frame.blocks[row] = values;
      frame.offsets[row] = row * width;
      frame.sectors[row] = this.#sectors[position] as number;
      writeOutputs(bar, fastOutputs, values, row * width);
      pointTo(frame.fast[row], fastReturns, bar, true);
      const current = isHourCurrent(state.slow, minute);
      if (current) writeOutputs(state.slow, slowOutputs, values, row * width + slowAt);
      pointTo(frame.slow[row], slowReturns, state.slow, current);
    });
    this.#referencePositions.forEach((position, index) => {
      const state = this.#states[position] as SymbolState;
      const bar = this.#barAt(position, minute);
      pointTo(frame.referenceFast[index], fastReturns, bar ?? state.slow, bar !== undefined);
      pointTo(
        frame.referenceSlow[index],
        slowReturns,
        state.slow,
        bar !== undefined && isHourCurrent(state.slow, minute),
      );
    });
    if (seriesWidth < width) cross.compute(frame);
    const masked = new Uint8Array(values.length);
    for (let i = 0; i < values.length; i++) if (Number.isNaN(values[i])) masked[i] = 1;
    return {
      minute,
      symbols: rows.map((position) => this.symbols[position] as SymbolId),
      width,
      featureSetHash: this.featureSetHash,
      values,
      masked,
    };
  }

  indicators(minute: EpochMs, symbols: readonly SymbolId[]): readonly Readonly<Record<string, number>>[] {
    const { slots, warmUps } = this.#pipeline.indicatorOutputs;
    return symbols.map((symbol) => {
      const named: Record<string, number> = {};
      const position = this.#positions.get(symbol);
      const bar = position === undefined ? undefined : this.#barAt(position, minute);
      if (!bar) return named;
      const count = at64(bar, COUNT);
      NAMED_INDICATORS.forEach(({ name }, index) => {
        const value = at64(bar, slots[index] as number);
        if (count >= (warmUps[index] as number) && Number.isFinite(value)) named[name] = value;
      });
      return named;
    });
  }

  lastMinute(symbol: SymbolId): EpochMs | undefined {
    const state = this.#stateOf(symbol);
    const minute = state ? at64(state.minutes, LAST_MINUTE) : 0;
    return minute === 0 ? undefined : epochMs(minute);
  }

  forget(symbol: SymbolId): void {
    const state = this.#stateOf(symbol);
    if (!state) return;
    state.minutes.fill(0);
    state.slow.fill(0);
    for (const phase of state.fast) phase.fill(0);
    state.hours = new HourQueue();
    this.#frame.version++;
  }

  warmUp(): WarmUpStatus {
    const { fastWarmUp, slowWarmUp } = this.#set;
    const symbols = this.symbols.map((symbol, position) => {
      const state = this.#states[position] as SymbolState;
      const fastBars = Math.min(...state.fast.map((phase) => at64(phase, COUNT)));
      const slowBars = at64(state.slow, COUNT);
      const ready = fastBars >= fastWarmUp && slowBars >= slowWarmUp;
      return { symbol, lastMinute: this.lastMinute(symbol), fastBars, slowBars, ready };
    });
    return {
      fastWarmUp,
      slowWarmUp,
      ready: symbols.filter(({ ready }) => ready).length,
      symbols,
      ignored: this.#ignored,
    };
  }

  snapshot(): Uint8Array {
    return writeSnapshot(
      this.#identity(),
      this.#memory,
      this.#states.flatMap(({ hours }) => [hours.waiting, hours.rates]),
    );
  }

  restore(bytes: Uint8Array): void {
    const waiting = readSnapshot(bytes, this.#identity(), this.#memory);
    this.#frame.version++;
    this.#states.forEach((state, index) => {
      state.hours = new HourQueue(waiting[2 * index], waiting[2 * index + 1]);
    });
  }

  #identity(): SnapshotIdentity {
    return { featureSetHash: this.featureSetHash, symbols: this.symbols, references: this.#references };
  }

  #stateOf(symbol: SymbolId): SymbolState | undefined {
    const position = this.#positions.get(symbol);
    return position === undefined ? undefined : this.#states[position];
  }

  /** Positions, in canonical order, of members whose newest minute is `minute` and closed a phase bar. */
  #rowsAt(minute: EpochMs, members: readonly SymbolId[]): number[] {
    const asked = new Set(members);
    const rows: number[] = [];
    this.symbols.forEach((symbol, position) => {
      if (asked.has(symbol) && this.#barAt(position, minute)) rows.push(position);
    });
    return rows;
  }

  /** The phase state whose newest bar ends at `minute`, the symbol's newest minute. */
  #barAt(position: number, minute: EpochMs): Float64Array | undefined {
    const state = this.#states[position] as SymbolState;
    if (at64(state.minutes, LAST_MINUTE) !== minute) return undefined;
    const phase = state.fast[(minute / MINUTE_MS) % PHASES] as Float64Array;
    return at64(phase, TIME) === minute ? phase : undefined;
  }

  #takeMinute(state: SymbolState, minute: number, candle: FinalCandle): void {
    const { minutes } = state;
    const { fast, slow } = this.#pipeline;
    const consecutive = minute === at64(minutes, LAST_MINUTE) + MINUTE_MS;
    minutes[LAST_MINUTE] = minute;
    minutes[RUN] = consecutive ? Math.min(PHASES, at64(minutes, RUN) + 1) : 1;
    const phase = (minute / MINUTE_MS) % PHASES;
    const at = MINUTES + phase;
    minutes[at] = candle.open;
    minutes[at + PHASES] = candle.high;
    minutes[at + 2 * PHASES] = candle.low;
    minutes[at + 3 * PHASES] = candle.close;
    minutes[at + 4 * PHASES] = candle.volume;
    minutes[at + 5 * PHASES] = candle.takerBuyVolume ?? Number.NaN;
    let formed = false;
    if (at64(minutes, RUN) === PHASES) {
      const bar = this.#bar;
      joinMinutes(minutes, minute, phase, bar);
      advance(fast, state.fast[phase] as Float64Array, QUARTER_MS, bar);
      if (phase === 0) formed = formHour(minutes, FORMING, bar);
    }
    state.hours.advance(slow, state.slow, minute, formed, minutes, FORMING);
  }
}

/** Joins the fifteen minutes that end with `minute`, oldest first, into a bar. */
function joinMinutes(minutes: Float64Array, minute: number, phase: number, bar: Float64Array): void {
  let high = Number.NEGATIVE_INFINITY;
  let low = Number.POSITIVE_INFINITY;
  let volume = 0;
  let bought = 0;
  for (let k = 1; k <= PHASES; k++) {
    const at = MINUTES + ((phase + k) % PHASES);
    high = Math.max(high, at64(minutes, at + PHASES));
    low = Math.min(low, at64(minutes, at + 2 * PHASES));
    volume += at64(minutes, at + 4 * PHASES);
    bought += at64(minutes, at + 5 * PHASES);
  }
  bar[TIME] = minute;
  bar[OPEN] = at64(minutes, MINUTES + ((phase + 1) % PHASES));
  bar[HIGH] = high;
  bar[LOW] = low;
  bar[CLOSE] = at64(minutes, MINUTES + phase + 3 * PHASES);
  bar[VOLUME] = volume;
  bar[TAKER_BUY_VOLUME] = bought;
}

function pointTo(history: ReturnHistory | undefined, { base, mask }: Ring, state: Float64Array, known: boolean): void {
  if (!history) return;
  history.values = state;
  history.base = base;
  history.mask = mask;
  history.head = known ? at64(state, COUNT) : 0;
  history.count = history.head;
}
