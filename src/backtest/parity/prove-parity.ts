import {
  type EpochMs,
  type EquityPoint,
  epochMs,
  type FeaturePanel,
  type FinalCandle,
  formatTime,
  type Log,
  MINUTE_MS,
  MinutehandError,
  type OrderIntent,
  type Signal,
  type SymbolId,
  yieldToEventLoop,
} from '../../core/index.ts';
import {
  type BookedFacts,
  type CycleSummary,
  type Database,
  findReplayStart,
  readBookedFacts,
  readFeatureState,
  type StoredReplayState,
  type StoredStep,
  universeAt,
} from '../../database/index.ts';
import {
  type BetweenInputs,
  type BookState,
  type Decision,
  decide,
  decidedPartsOf,
  decideInputOf,
  decodeBookState,
  digestOf,
  digestOfPanel,
  encodeBookState,
  type MinuteInputs,
  parseKnownRates,
  parseStepInputs,
  retakeBetween,
} from '../../engine/index.ts';
import { createFeatureEngineer, type FeatureEngineer, featureSet } from '../../features/index.ts';
import { BrokerReplay } from './broker-replay.ts';
import { firstDifference, firstDifferentBit } from './difference.ts';
import { ModelReplay } from './model-replay.ts';
import { RecordedFunding } from './recorded-funding.ts';
import { missing, type PastMinutes, type PastOptions, readPast } from './recorded-past.ts';
import { StepTexts } from './step-texts.ts';
import { type Divergence, type ParityStage, type StageTally, Tally } from './tally.ts';

export interface ParityOptions {
  readonly database: Database;
  readonly book: string;
  readonly venue: string;
  /** First and last minute (closes). */
  readonly from: EpochMs;
  readonly to: EpochMs;
  /** Where the artefacts of the models lie. */
  readonly modelsFolder: string;
  readonly log: Log;
  readonly signal: AbortSignal;
  /** Minutes that were gone through, of those that are to be. */
  readonly onProgress?: (done: number, total: number) => void;
}

export interface ParityReport {
  /** Nothing diverged. */
  readonly ok: boolean;
  /** The first and the last minute that count. */
  readonly from: string;
  readonly to: string;
  /** Minutes that count. */
  readonly minutes: number;
  readonly stages: Readonly<Record<ParityStage, StageTally>>;
  readonly firstDivergence: Divergence | null;
}

/** So many minutes are read at a time. */
const PIECE_MINUTES = 60;

/**
 * Goes through a book's past once more and holds it against what happened. Each stage gets what was recorded of the one before it:
 * features the candles, models the stored features, decisions the stored forecasts and what the broker reported, the paper broker the
 * stored orders. The book's state alone goes on from the replayed one. The replay begins at the newest stored state from which `from` can
 * be reached, or at the first after it; minutes before `from` do not count.
 * @throws MinutehandError REPLAY_MISSING, REPLAY_UNREADABLE, PARITY_STOPPED; ModelRefusedError where a model cannot be served any more
 */
export async function proveParity(options: ParityOptions): Promise<ParityReport> {
  const { database, book, to, signal, onProgress } = options;
  const start = await findReplayStart(database, { book, minute: options.from, to });
  if (start === undefined) throw missing(`a state of ${book} from which ${formatTime(to)} can be reached`);
  const first = epochMs(start.place === 'before' ? start.minute : start.minute + MINUTE_MS);
  const from = epochMs(Math.max(first, options.from));
  const tally = new Tally(from);
  const replay = await Replay.begin(options, start, tally);
  let minutes = 0;
  try {
    for (let begin: number = start.minute; begin <= to; begin += PIECE_MINUTES * MINUTE_MS) {
      const end = epochMs(Math.min(to, begin + (PIECE_MINUTES - 1) * MINUTE_MS));
      minutes += await replay.piece(epochMs(begin), end, from);
      onProgress?.((end - start.minute) / MINUTE_MS + 1, (to - start.minute) / MINUTE_MS + 1);
    }
  } finally {
    await replay.close();
  }
  if (signal.aborted) throw stopped();
  const { stages, first: firstDivergence } = tally;
  return { ok: firstDivergence === null, from: formatTime(from), to: formatTime(to), minutes, stages, firstDivergence };
}

/** What a step brought, to be held against what is stored. */
type Booked = BookedFacts & { readonly minute: EpochMs };

class Replay {
  readonly #options: ParityOptions;
  readonly #past: PastOptions;
  readonly #start: StoredReplayState;
  readonly #tally: Tally;
  readonly #texts: StepTexts;
  readonly #funding: RecordedFunding;
  readonly #models: ModelReplay;
  readonly #broker: BrokerReplay;
  readonly #corrected = new Map<string, FinalCandle>();
  #features: FeatureEngineer | undefined;
  #state: BookState;
  #booked: Booked[] = [];

  private constructor(options: ParityOptions, past: PastOptions, start: StoredReplayState, tally: Tally) {
    const { database, book, venue } = options;
    this.#options = options;
    this.#past = past;
    this.#start = start;
    this.#tally = tally;
    this.#texts = new StepTexts(database, book);
    this.#funding = new RecordedFunding(database, venue);
    this.#models = new ModelReplay({ ...options, ...past });
    this.#broker = new BrokerReplay(database, book, this.#funding);
    this.#state = decodeBookState(start.bookState);
    this.#funding.learn(parseKnownRates(start.funding));
  }

  static async begin(options: ParityOptions, start: StoredReplayState, tally: Tally): Promise<Replay> {
    const { database, book, venue } = options;
    const universe = await universeAt(database, book, start.minute);
    if (universe === undefined) throw missing(`the universe of ${book}`);
    const featureSetHash = featureSet().hash;
    if (start.featureSetHash !== featureSetHash) {
      throw new MinutehandError(
        'REPLAY_UNREADABLE',
        `${book} had other features at ${formatTime(start.minute)} than this version of Minutehand`,
        'Replay it with the version that recorded it, or later minutes, with --from.',
      );
    }
    return new Replay(options, { database, book, venue, universe, featureSetHash }, start, tally);
  }

  /** Goes through the minutes from `begin` to `end`. @returns how many of them count */
  async piece(begin: EpochMs, end: EpochMs, from: EpochMs): Promise<number> {
    const past = await readPast(this.#past, begin, end);
    const isBehind = ({ minute, step }: StoredStep) =>
      minute > this.#start.minute || this.#start.place === 'before' || step > 0;
    let minutes = 0;
    for (const step of past.steps.filter(isBehind)) {
      if (this.#options.signal.aborted) throw stopped();
      const inputs = parseStepInputs(step.inputs);
      if (inputs.kind === 'minute') await this.#minute(step, inputs, past);
      else await this.#between(step, inputs, past);
      if (step.step === 0 && step.minute >= from) minutes++;
      await yieldToEventLoop();
    }
    await this.#compareBooked();
    for (const event of past.riskEvents) {
      const minute = epochMs(Math.floor(Number(event.time) / MINUTE_MS) * MINUTE_MS);
      if (minute <= this.#start.minute) continue;
      this.#tally.count('decisions', { minute }, { field: 'riskEvents', recorded: event, replayed: null });
    }
    return minutes;
  }

  close(): Promise<void> {
    return this.#models.close();
  }

  async #minute(step: StoredStep, inputs: MinuteInputs, past: PastMinutes): Promise<void> {
    const { minute } = step;
    const tally = this.#tally;
    const cycle = past.cycles.get(minute);
    if (cycle === undefined) throw missing(`the minute ${formatTime(minute)}`);
    const { config, decide: settings } = await this.#texts.settings(inputs.settings);
    if (inputs.isOrigin) this.#compareStates(past, minute, 'before');
    const features = await this.#featuresAt(minute, inputs, config.universe.references);
    this.#funding.learn(inputs.funding ?? []);
    const candles = this.#push(features, minute, inputs, past);

    const panel = features.panel(minute, cycle.members);
    await this.#models.use(inputs.model, minute, config);
    const recordedForecasts =
      inputs.model === undefined || inputs.panel === undefined ? [] : past.forecastsAt(minute, inputs.model);
    if (inputs.panel === undefined) await this.#models.observe(panel);
    else {
      const stored = past.panels.get(minute);
      this.#comparePanels(panel, stored, inputs.panel);
      const rows = stored?.symbols.length === panel.symbols.length ? stored : panel;
      if (inputs.modelReason === undefined) await this.#models.compare(rows, recordedForecasts, tally);
      else await this.#models.observe(rows);
    }

    const { events = [], unsent = 0 } = inputs;
    const instruments = await this.#texts.instruments(inputs.instruments);
    if (config.mode === 'paper') {
      const turn = { minute, state: this.#state, candles, instruments, costs: settings.costs, events, unsent };
      await this.#broker.compare({ ...turn, isFirst: inputs.isFirst ?? false }, tally);
    }

    const input = decideInputOf(inputs, {
      minute,
      members: cycle.members,
      excluded: cycle.excluded,
      candles,
      forecasts: inPanelOrder(recordedForecasts, this.#past.universe),
      instruments,
      ...(inputs.edgeReference ? { edgeReference: await this.#texts.edgeReference(inputs.edgeReference) } : {}),
      ...(inputs.fundingRates ? { fundingRates: await this.#texts.fundingRates(inputs.fundingRates) } : {}),
      ...(inputs.evidence ? { modelEvidence: await this.#texts.evidence(inputs.evidence) } : {}),
    });
    const decision = decide(this.#state, input, settings);
    this.#compareSignals(minute, past.signalsAt(minute), decision.signals, cycle);
    this.#compareDecision(minute, cycle, past, decision);
    this.#advance(step, decision.state);
    this.#broker.send(this.#compareIntents(minute, decision.intents, past), decision.netted);
    this.#booked.push({ minute, ...decidedPartsOf(decision) });
    this.#compareStates(past, minute, 'after');
  }

  async #between(step: StoredStep, inputs: BetweenInputs, past: PastMinutes): Promise<void> {
    const { minute } = step;
    const { decide: settings } = await this.#texts.settings(inputs.settings);
    const instruments = inputs.kind === 'events' ? await this.#texts.instruments(inputs.instruments) : new Map();
    const retaken = retakeBetween(this.#state, inputs, instruments, settings);
    this.#advance(step, retaken.state);
    this.#compareRisk(minute, retaken.record.riskEvents, past);
    if (retaken.kind === 'commands') return;
    this.#broker.send(this.#compareIntents(minute, retaken.record.intents, past));
    this.#booked.push(retaken.record);
  }

  async #featuresAt(minute: EpochMs, inputs: MinuteInputs, references: readonly SymbolId[]): Promise<FeatureEngineer> {
    if (this.#features !== undefined && !inputs.isOrigin) return this.#features;
    const { database, book } = this.#options;
    const { universe, featureSetHash } = this.#past;
    const at = epochMs(inputs.isOrigin ? minute - MINUTE_MS : this.#start.minute);
    const bytes = await readFeatureState(database, { book, featureSetHash, minute: at });
    if (bytes === undefined) throw missing(`the state of the features at ${formatTime(at)}`);
    const features = createFeatureEngineer({
      symbols: universe,
      references: references.filter((symbol) => universe.includes(symbol)),
    });
    features.restore(bytes);
    this.#features = features;
    return features;
  }

  /** Gives the features what they were given. @returns the minute's own candles */
  #push(
    features: FeatureEngineer,
    minute: EpochMs,
    inputs: MinuteInputs,
    past: PastMinutes,
  ): ReadonlyMap<SymbolId, FinalCandle> {
    const { universe } = this.#past;
    for (const [symbol, time, rate] of inputs.funding ?? []) {
      features.pushFunding(symbol, { times: Float64Array.of(time), rates: Float64Array.of(rate) });
    }
    for (const candle of inputs.corrected ?? []) this.#corrected.set(`${candle.symbol}/${candle.openTime}`, candle);
    const candleAt = (symbol: SymbolId, openTime: EpochMs) =>
      this.#corrected.get(`${symbol}/${openTime}`) ?? past.candle(symbol, openTime);
    const opened = epochMs(minute - MINUTE_MS);
    const arrived = (inputs.arrived ?? universe).map((symbol) => candleAt(symbol, opened));
    const candles = new Map(arrived.map((candle) => [candle.symbol, candle]));
    const pushed =
      inputs.pushed?.map(([symbol, openTime]) => candleAt(symbol, openTime)) ??
      universe.flatMap((symbol) => candles.get(symbol) ?? []);
    features.push(pushed);
    return candles;
  }

  #comparePanels(replayed: FeaturePanel, stored: FeaturePanel | undefined, digest: string): void {
    const { minute, symbols, width } = replayed;
    const rowOf = ({ values }: FeaturePanel, row: number) => values.subarray(row * width, (row + 1) * width);
    const hasSameDigest = digestOfPanel(replayed) === digest;
    const names = featureSet().names;
    let isFound = false;
    symbols.forEach((symbol, row) => {
      const at = stored?.symbols.indexOf(symbol) ?? -1;
      const own = rowOf(replayed, row);
      // Rows are not stored for as long as what they were, as a digest.
      const recorded = stored === undefined || at < 0 ? undefined : rowOf(stored, at);
      const column = recorded === undefined ? -1 : firstDifferentBit(recorded, own);
      if (column >= 0) isFound = true;
      const difference =
        column < 0 ? undefined : { field: names[column] ?? '', recorded: recorded?.[column], replayed: own[column] };
      this.#tally.count('features', { minute, symbol }, difference);
    });
    if (!hasSameDigest && !isFound) {
      const difference = { field: 'digest of the rows', recorded: digest, replayed: digestOfPanel(replayed) };
      this.#tally.count('features', { minute }, difference);
    }
  }

  #compareSignals(
    minute: EpochMs,
    recorded: readonly Signal[],
    replayed: readonly Signal[],
    { candidates }: CycleSummary,
  ): void {
    const known = new Map(recorded.map((signal) => [signal.id, signal]));
    const made = new Map(replayed.map((signal) => [signal.id, signal]));
    // Candidates that a gate stopped may have been removed: retention.rejected_signal_days.
    const isThinned = recorded.length < candidates && replayed.length === candidates;
    for (const id of new Set([...known.keys(), ...made.keys()])) {
      const [own, other] = [known.get(id), made.get(id)];
      if (own === undefined && other?.accepted === false && isThinned) continue;
      const symbol = own?.symbol ?? other?.symbol;
      const place = { minute, subject: id, ...(symbol === undefined ? {} : { symbol }) };
      this.#tally.count('signals', place, firstDifference(own, asStored(other)));
    }
  }

  #compareDecision(minute: EpochMs, cycle: CycleSummary, past: PastMinutes, decision: Decision): void {
    const recorded = {
      status: cycle.status,
      reason: cycle.reason,
      reasonCounts: cycle.reasonCounts,
      notes: cycle.notes,
      intents: cycle.intents,
      equity: past.equity.get(minute) satisfies EquityPoint | undefined,
    };
    const { status, reason, reasonCounts, notes, intents, equity } = decision;
    const replayed = asStored({ status, reason, reasonCounts, notes, intents: intents.length, equity });
    this.#tally.count('decisions', { minute }, firstDifference(recorded, replayed));
    this.#tally.count('orders', { minute }, firstDifference({ fills: cycle.fills }, { fills: decision.fills.length }));
    this.#compareRisk(minute, decision.riskEvents, past);
  }

  /** @returns the intents as recorded */
  #compareIntents(minute: EpochMs, replayed: readonly OrderIntent[], past: PastMinutes): OrderIntent[] {
    return replayed.map((intent) => {
      const order = past.orders.get(intent.clientOrderId);
      const place = { minute, symbol: intent.symbol, subject: intent.clientOrderId };
      if (order === undefined) {
        this.#tally.count('decisions', place, { field: '', recorded: null, replayed: 'an order' });
        return intent;
      }
      const { status: _, filledQuantity: _filled, averagePrice: _average, ...recorded } = order;
      this.#tally.count('decisions', place, firstDifference(recorded, asStored(intent)));
      return recorded;
    });
  }

  #compareRisk(minute: EpochMs, replayed: Decision['riskEvents'], past: PastMinutes): void {
    for (const event of replayed) {
      const own = asStored(event);
      const at = past.riskEvents.findIndex((recorded) => firstDifference(recorded, own) === undefined);
      if (at >= 0) past.riskEvents.splice(at, 1);
      const difference = at >= 0 ? undefined : { field: 'riskEvents', recorded: null, replayed: own };
      this.#tally.count('decisions', { minute }, difference);
    }
  }

  /** Goes on from the replayed state, which is held against the digest of the recorded one. */
  #advance({ minute, stateDigest }: StoredStep, state: BookState): void {
    this.#state = state;
    const digest = digestOf(encodeBookState(state));
    const difference = { field: 'digest of the state', recorded: stateDigest, replayed: digest };
    this.#tally.count('decisions', { minute }, digest === stateDigest ? undefined : difference);
  }

  /** Holds the state against one that is stored, and where the features go on by themselves, theirs too. */
  #compareStates(past: PastMinutes, minute: EpochMs, place: 'before' | 'after'): void {
    const stored = past.states.find((state) => state.minute === minute && state.place === place);
    if (stored === undefined) return;
    const difference = firstDifference(JSON.parse(stored.bookState), JSON.parse(encodeBookState(this.#state)), 'state');
    this.#tally.count('decisions', { minute }, difference);
  }

  /** Holds what was booked against what is stored. */
  async #compareBooked(): Promise<void> {
    const booked = this.#booked;
    this.#booked = [];
    const { database, book } = this.#options;
    const stored = await readBookedFacts(database, {
      book,
      clientOrderIds: booked.flatMap(({ orderEvents }) => orderEvents.map(({ clientOrderId }) => clientOrderId)),
      fillIds: booked.flatMap(({ fills }) => fills.map(({ fillId }) => fillId)),
      flowIds: booked.flatMap(({ cashFlows }) => cashFlows.map(({ flowId }) => flowId)),
    });
    const eventKey = ({ clientOrderId, sequence }: BookedFacts['orderEvents'][number]) =>
      `${clientOrderId}/${sequence}`;
    const events = new Map(stored.orderEvents.map((event) => [eventKey(event), event]));
    const fills = new Map(stored.fills.map((fill) => [fill.fillId, fill]));
    const flows = new Map(stored.cashFlows.map((flow) => [flow.flowId, flow]));
    for (const { minute, orderEvents, fills: ownFills, cashFlows } of booked) {
      for (const event of orderEvents) {
        const place = { minute, subject: event.clientOrderId };
        this.#tally.count('orders', place, firstDifference(events.get(eventKey(event)), event));
      }
      for (const fill of ownFills) {
        const place = { minute, symbol: fill.symbol, subject: fill.fillId };
        this.#tally.count('orders', place, firstDifference(fills.get(fill.fillId), fill));
      }
      for (const flow of cashFlows) {
        this.#tally.count('orders', { minute, subject: flow.flowId }, firstDifference(flows.get(flow.flowId), flow));
      }
    }
  }
}

/** As JSON keeps it: what is not finite is null there. */
const asStored = (value: unknown): unknown => (value === undefined ? undefined : JSON.parse(JSON.stringify(value)));

/** The forecasts in the order in which they were made. */
function inPanelOrder<Row extends { readonly symbol: SymbolId }>(
  rows: readonly Row[],
  universe: readonly SymbolId[],
): Row[] {
  const bySymbol = new Map(rows.map((row) => [row.symbol, row]));
  return universe.flatMap((symbol) => bySymbol.get(symbol) ?? []);
}

const stopped = (): MinutehandError =>
  new MinutehandError('PARITY_STOPPED', 'the proof was stopped', 'Start it again; it changes nothing.');
