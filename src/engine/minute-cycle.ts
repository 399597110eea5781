import type {
  BrokerEvent,
  CycleRecord,
  CycleStage,
  Exclusion,
  FeaturePanel,
  FinalCandle,
  Forecast,
  FundingRates,
  MinuteCandles,
  OrderIntent,
  Predictor,
  ReasonCode,
  ReplayState,
  StepRecord,
  SymbolId,
} from '../core/index.ts';
import { DAY_MS, type EpochMs, formatTime, HOUR_MS, MinutehandError, messageOf, RISK_MODES } from '../core/index.ts';
import { panelAt } from '../data/index.ts';
import { type FeatureEngineer, rowsOfMinute } from '../features/index.ts';
import type { PredictorSlot } from '../model/index.ts';
import type { ModelEvidence } from '../signals/index.ts';
import { riskModeOf } from '../trading/index.ts';
import { BookKeeper, type BookKeeperParts, type KeeperSettings } from './book-keeper.ts';
import type { BookState } from './book-state.ts';
import { encodeBookState } from './book-state-text.ts';
import type { ChallengerForecasts } from './challenger-forecasts.ts';
import { type DecideInput, type Decision, decide } from './decide.ts';
import { decidedPartsOf } from './decide-types.ts';
import { MinuteQueue } from './minute-queue.ts';
import { type RiskStanding, riskStandingOf } from './risk-standing.ts';
import type { KnownRate, MinuteInputs } from './step-inputs.ts';
import { digestOfPanel, ratesAfter, type SharedInputs } from './step-recorder.ts';

/** What one book's minutes need; every part that differs between backtest, paper and live is a port. */
export interface MinuteCycleParts extends BookKeeperParts {
  readonly references: readonly SymbolId[];
  /** Symbols whose instrument has ended. */
  readonly ended: () => ReadonlySet<SymbolId>;
  /** Why no new entries are allowed although the minute is in time. */
  readonly entriesBlocked: (minute: EpochMs) => ReasonCode | undefined;
  /** What longs last paid shorts, a share of the notional per 8 hours, as known to a minute. */
  readonly fundingRates?: (minute: EpochMs) => ReadonlyMap<SymbolId, number>;
  /** Settled funding rates at hand. */
  readonly knownFunding?: () => ReadonlyMap<SymbolId, FundingRates>;
  /** What the outcomes of the serving model's forecasts say. */
  readonly modelEvidence?: () => ModelEvidence | undefined;
  /** Holds the model that serves; one cycle uses one model throughout, whatever is put in meanwhile. */
  readonly predictors: Pick<PredictorSlot, 'use'>;
  /** Told of each minute once its orders have left; nothing comes back. */
  readonly challenger?: Pick<ChallengerForecasts, 'take'>;
  readonly settings: CycleSettings;
}

export interface CycleSettings extends KeeperSettings {
  readonly enabled: boolean;
  readonly intervalMs: number;
  readonly deadlineMs: number;
  readonly minimumCoverage: number;
  /** Minutes after which an unknown minute is given up and carried as a hole. */
  readonly holePatienceMinutes: number;
}

/** A finished minute, as shown and counted. */
export interface CycleReport {
  readonly record: CycleRecord;
  readonly stageMs: Readonly<Record<CycleStage, number>>;
  /** From the candles at hand to the orders sent. */
  readonly totalMs: number;
  readonly universe: number;
  readonly risk: RiskStanding;
}

/** The thin asynchronous shell around `decide`: feeds it one minute, commits what it says, sends what it ordered. */
export class MinuteCycle {
  /** The book that the minutes are of, and what happens to it between them. */
  readonly book: BookKeeper;
  readonly #parts: MinuteCycleParts;
  readonly #queue: MinuteQueue;
  #features: FeatureEngineer;
  /** Funding rates that the features were given since the last minute. */
  #learned: KnownRate[] = [];
  #isFirst = true;
  /** Whether the features come from elsewhere than the minute before. */
  #isOrigin: boolean;
  #stored: Promise<void> = Promise.resolve();

  /** @param start `isOrigin` where the features do not go on from those of the last minute; their state is then stored with it */
  constructor(
    parts: MinuteCycleParts,
    start: { state: BookState; features: FeatureEngineer; lastMinute?: EpochMs; isOrigin?: boolean },
  ) {
    this.#parts = parts;
    this.book = new BookKeeper(parts, start);
    this.#features = start.features;
    this.#isOrigin = start.isOrigin ?? false;
    this.#queue = new MinuteQueue(parts.universe, parts.settings.holePatienceMinutes);
  }

  get features(): FeatureEngineer {
    return this.#features;
  }

  /** Replaces the feature state by one that has seen the same minutes from further back, and is stored; between two cycles. */
  exchangeFeatures(next: FeatureEngineer): void {
    this.#features = next;
    this.#isOrigin = true;
  }

  /** Gives the features funding rates that have come to hand. */
  pushFunding(symbol: SymbolId, rates: FundingRates): void {
    this.#features.pushFunding(symbol, rates);
    this.#learned.push(...ratesAfter(new Map([[symbol, rates]]), 0));
  }

  /**
   * Runs the minute whose candles these are. `late` marks a minute that is caught up: forecasts, no orders.
   * @throws whatever the journal throws: then nothing of the minute counts, and the caller restarts from the journal.
   */
  run(input: MinuteCandles, late?: ReasonCode): Promise<CycleReport> {
    return this.book.inTurn(() => this.#parts.predictors.use((predictor) => this.#run(input, late, predictor)));
  }

  async #run(
    input: MinuteCandles,
    late: ReasonCode | undefined,
    predictor: Predictor | undefined,
  ): Promise<CycleReport> {
    const { clock, journal, broker, settings, book, log, metrics } = this.#parts;
    const { minute } = input;
    const stageMs: Record<CycleStage, number> = {
      candles: 0,
      features: 0,
      forecasts: 0,
      decision: 0,
      commit: 0,
      send: 0,
    };
    const began = clock.elapsed();
    let mark = began;
    const lap = (stage: CycleStage) => {
      const now = clock.elapsed();
      stageMs[stage] += now - mark;
      mark = now;
    };
    const startedAt = clock.now();
    const origin = this.#isOrigin ? encodeBookState(this.book.state) : undefined;
    this.#isOrigin = false;

    const arrived = [...input.repaired, ...input.candles];
    const [{ corrections }, commands] = await Promise.all([
      journal.commitCandles(arrived),
      journal.pendingCommands(book),
    ]);
    for (const { stored, reported } of corrections) {
      metrics.count('minutehand_reasons_total', { reason: 'CANDLE_CORRECTED' });
      log.warn(
        { symbol: stored.symbol, openTime: stored.openTime, stored, reported },
        'a closed candle was reported with other values',
      );
    }
    lap('candles');

    const due = this.#queue.take(arrived, minute, (symbol) => this.#features.lastMinute(symbol));
    this.#features.push(due.candles);
    const learned = this.#isFirst ? this.#knownFundingSince(minute) : this.#learned;
    this.#learned = [];
    const excluded = this.#exclusions(input, due.waiting);
    const candles = new Map<SymbolId, FinalCandle>();
    for (const candle of input.candles) candles.set(candle.symbol, candle);
    const present = new Set(this.#parts.universe.filter((symbol) => this.#features.lastMinute(symbol) === minute));
    const panel = panelAt({
      minute,
      universe: this.#parts.universe,
      references: this.#parts.references,
      present,
      exclusions: excluded,
      minimumCoverage: settings.minimumCoverage,
    });
    const forecastsDue = settings.enabled && minute % settings.intervalMs === 0;
    const featurePanel = forecastsDue ? this.#features.panel(minute, panel.members) : undefined;
    lap('features');

    const { forecasts, modelReason, withheld } = await this.#forecast(predictor, featurePanel, forecastsDue);
    if (!featurePanel && settings.enabled) await this.#observe(predictor, minute, panel.members);
    lap('forecasts');

    const unsent = this.book.unbooked;
    const brokerEvents = [...unsent, ...(await broker.events(minute, candles))];
    const lateness = late ?? (clock.now() > minute + settings.deadlineMs ? 'CYCLE_PAST_DEADLINE' : undefined);
    const decideInput: DecideInput = {
      minute,
      members: panel.members,
      excluded: panel.excluded,
      candles,
      coverage: panel.coverage,
      referencesPresent: panel.referencesPresent,
      forecasts,
      edgeReference: predictor?.edgeReference,
      modelReason,
      withheld,
      ...(this.#parts.fundingRates ? { fundingRates: this.#parts.fundingRates(minute) } : {}),
      brokerEvents,
      late: lateness,
      instruments: this.#parts.instruments(),
      incomplete: due.waiting,
      // What an account holds of an instrument that ends the venue settles, and tells of.
      ended: broker.account === undefined ? this.#parts.ended() : NONE_ENDED,
      entriesBlocked: broker.account?.blocked ?? this.#parts.entriesBlocked(minute),
      modelEvidence: this.#parts.modelEvidence?.(),
      commands,
    };
    const decision = decide(this.book.state, decideInput, settings.decide);
    const bookState = encodeBookState(decision.state);
    const step = this.#recordStep(decideInput, bookState, {
      ...(this.#isFirst ? { isFirst: true } : {}),
      ...(origin === undefined ? {} : { isOrigin: true }),
      ...(learned.length > 0 ? { funding: learned } : {}),
      ...this.#recordCandles(input, due.candles),
      ...(corrections.length > 0 ? { corrected: corrections.map(({ reported }) => reported) } : {}),
      ...(featurePanel ? { panel: digestOfPanel(featurePanel) } : {}),
      ...(predictor ? { model: predictor.modelId } : {}),
      ...(unsent.length > 0 ? { unsent: unsent.length } : {}),
    });
    lap('decision');

    const record: CycleRecord = {
      book,
      minute,
      ...decidedPartsOf(decision),
      ...(predictor && forecasts.length > 0 ? { modelId: predictor.modelId } : {}),
      members: panel.members,
      excluded: panel.excluded,
      candles: input.candles.length,
      forecasts,
      stageMs: {
        candles: stageMs.candles,
        features: stageMs.features,
        forecasts: stageMs.forecasts,
        decision: stageMs.decision,
      },
      startedAt,
      bookState,
      step,
    };
    await this.#stored;
    await this.book.decided(minute, decision.state, () => journal.commitCycle(record));
    this.#isFirst = false;
    lap('commit');

    this.book.report(await this.#send(decision, minute));
    lap('send');
    const totalMs = clock.elapsed() - began;
    this.#count(record, stageMs, totalMs);
    this.#storeAfterwards(record, featurePanel, stageMs, origin);
    if (settings.enabled) {
      this.#parts.challenger?.take({
        minute,
        panel: () => featurePanel ?? this.#features.panel(minute, panel.members),
        servedBy: predictor?.modelId,
        isDue: forecastsDue,
        isLate: record.status === 'MISSED',
      });
    }
    const risk = riskStandingOf(decision.state, settings.decide.risk);
    return { record, stageMs, totalMs, universe: this.#parts.universe.length, risk };
  }

  /** Resolves when what is stored after the commit (T3) is stored. */
  settled(): Promise<void> {
    return this.#stored;
  }

  /** Stores the rows of the newest minute once more: a crash may have come between its commit and them. */
  async storeAgain(minute: EpochMs): Promise<void> {
    const { journal, settings, universe } = this.#parts;
    if (!settings.enabled || minute % settings.intervalMs !== 0) return;
    const members = universe.filter((symbol) => this.#features.lastMinute(symbol) === minute);
    const panel = this.#features.panel(minute, members);
    await journal.commitFeatures(rowsOfMinute(this.#features, panel));
  }

  async #forecast(
    predictor: Predictor | undefined,
    panel: FeaturePanel | undefined,
    due: boolean,
  ): Promise<{
    forecasts: readonly Forecast[];
    modelReason: ReasonCode | undefined;
    withheld?: ReadonlyMap<SymbolId, ReasonCode>;
  }> {
    if (!this.#parts.settings.enabled) return { forecasts: [], modelReason: 'MODEL_DISABLED' };
    if (!due || !panel) return { forecasts: [], modelReason: 'CYCLE_OFF_INTERVAL' };
    if (!predictor) return { forecasts: [], modelReason: 'MODEL_NOT_READY' };
    if (panel.symbols.length === 0) return { forecasts: [], modelReason: undefined };
    try {
      const forecasts = await predictor.predict(panel);
      return { forecasts, modelReason: undefined, withheld: predictor.withheld(panel) };
    } catch (error) {
      const reason =
        error instanceof MinutehandError && error.code === 'MODEL_REFUSED' ? 'MODEL_REFUSED' : 'MODEL_OUTPUT_INVALID';
      this.#parts.log.error({ minute: panel.minute, reason, error: messageOf(error) }, 'no forecasts for the minute');
      return { forecasts: [], modelReason: reason };
    }
  }

  /** Gives a model that reads more than the newest bar a minute in which no forecasts are due. */
  async #observe(predictor: Predictor | undefined, minute: EpochMs, members: readonly SymbolId[]): Promise<void> {
    if (!predictor || predictor.contextBars === 1) return;
    try {
      await predictor.observe(this.#features.panel(minute, members));
    } catch (error) {
      this.#parts.log.error({ minute, error: messageOf(error) }, 'the model could not take the minute in');
    }
  }

  /** Rates that a broker may still pay, and a restart has learnt meanwhile. */
  #knownFundingSince(minute: EpochMs): KnownRate[] {
    const known = this.#parts.knownFunding?.();
    return known === undefined ? [] : ratesAfter(known, minute - 2 * DAY_MS);
  }

  /** What arrived and what went into the features, where it is not simply the candles of every symbol. */
  #recordCandles(input: MinuteCandles, pushed: readonly FinalCandle[]): Pick<MinuteInputs, 'arrived' | 'pushed'> {
    const { universe } = this.#parts;
    const arrived = input.candles.map(({ symbol }) => symbol);
    const isWhole = arrived.length === universe.length && arrived.every((symbol, index) => symbol === universe[index]);
    const own = new Map(input.candles.map((candle) => [candle.symbol, candle]));
    const expected = universe.flatMap((symbol) => own.get(symbol) ?? []);
    const isExpected = pushed.length === expected.length && pushed.every((candle, index) => candle === expected[index]);
    return {
      ...(isWhole ? {} : { arrived }),
      ...(isExpected ? {} : { pushed: pushed.map(({ symbol, openTime }) => [symbol, openTime] as const) }),
    };
  }

  #recordStep(
    input: DecideInput,
    bookState: string,
    known: Partial<Omit<MinuteInputs, 'kind' | 'settings' | keyof SharedInputs>>,
  ): StepRecord {
    const { minute, coverage, referencesPresent, withheld, brokerEvents, incomplete, ended, commands = [] } = input;
    const { modelReason, late, entriesBlocked, instruments, fundingRates, edgeReference, modelEvidence } = input;
    const inputs = {
      ...known,
      ...(incomplete.size > 0 ? { incomplete: [...incomplete] } : {}),
      ...(ended.size > 0 ? { ended: [...ended] } : {}),
      coverage,
      referencesPresent,
      ...(modelReason === undefined ? {} : { modelReason }),
      ...(withheld && withheld.size > 0 ? { withheld: [...withheld] } : {}),
      ...(brokerEvents.length > 0 ? { events: brokerEvents } : {}),
      ...(late === undefined ? {} : { late }),
      ...(entriesBlocked === undefined ? {} : { entriesBlocked }),
      ...(commands.length > 0 ? { commands } : {}),
    };
    const shared = { instruments, fundingRates, evidence: modelEvidence, edgeReference };
    return this.book.recorder.minute(minute, inputs, shared, bookState);
  }

  #exclusions(input: MinuteCandles, waiting: ReadonlySet<SymbolId>): Exclusion[] {
    const excluded = new Map<SymbolId, ReasonCode>();
    for (const symbol of waiting) excluded.set(symbol, 'HISTORY_INCOMPLETE');
    for (const { symbol, reason } of input.missing) excluded.set(symbol, reason);
    for (const symbol of this.#parts.ended()) excluded.set(symbol, 'INSTRUMENT_DELISTED');
    for (const [symbol, reason] of excluded) {
      this.#parts.log.warn({ minute: input.minute, symbol, reason }, 'symbol left out of the minute');
    }
    return [...excluded].map(([symbol, reason]) => ({ symbol, reason }));
  }

  /**
   * Sends within the deadline; an intent that is too late expires and is reported so with the next minute. What protects a position
   * is never too late; only then is cancelled what it replaces.
   */
  async #send({ intents, cancels, netted }: Decision, minute: EpochMs): Promise<BrokerEvent[]> {
    const { clock, broker, settings, log, metrics } = this.#parts;
    const isInTime = clock.now() <= minute + settings.deadlineMs;
    const isDue = ({ purpose }: OrderIntent) => isInTime || purpose === 'stop' || purpose === 'target';
    const due = intents.filter(isDue);
    const expired = intents.filter((intent) => !isDue(intent));
    if (netted.length > 0) await broker.settle?.(netted);
    if (due.length > 0) await broker.submit(due);
    if (cancels.length > 0) await broker.cancel(cancels);
    if (expired.length === 0) return [];
    metrics.count('minutehand_reasons_total', { reason: 'ORDER_EXPIRED' }, expired.length);
    log.warn(
      { minute, orders: expired.length, reason: 'ORDER_EXPIRED' },
      'orders were committed past the deadline and are not sent',
    );
    return expired.map((intent) => ({
      kind: 'status',
      clientOrderId: intent.clientOrderId,
      status: 'EXPIRED',
      time: minute,
      reason: 'ORDER_EXPIRED',
    }));
  }

  #count(record: CycleRecord, stageMs: Record<CycleStage, number>, totalMs: number): void {
    const { log, metrics } = this.#parts;
    for (const event of record.riskEvents)
      log.warn({ minute: record.minute, ...event }, 'what the book may do changed');
    metrics.count('minutehand_cycles_total', { status: record.status });
    metrics.observe('minutehand_cycle_milliseconds', totalMs);
    for (const [stage, value] of Object.entries(stageMs))
      metrics.observe('minutehand_cycle_stage_milliseconds', value, { stage });
    for (const [reason, count] of Object.entries(record.reasonCounts))
      metrics.count('minutehand_reasons_total', { reason }, count);
    metrics.count('minutehand_candles_total', {}, record.candles);
    metrics.count('minutehand_forecasts_total', {}, record.forecasts.length);
    metrics.count('minutehand_signals_total', {}, record.signals.filter((signal) => signal.accepted).length);
    metrics.count('minutehand_orders_total', {}, record.intents.length);
    metrics.count('minutehand_fills_total', {}, record.fills.length);
    metrics.gauge('minutehand_equity', Number(record.equity.equity));
    metrics.gauge('minutehand_open_positions', record.positions.length);
    const mode = riskModeOf(this.book.state.risk);
    for (const each of RISK_MODES) metrics.gauge('minutehand_risk_mode', each === mode ? 1 : 0, { mode: each });
    metrics.gauge('minutehand_last_minute_seconds', record.minute / 1000);
  }

  /**
   * T3, behind the commit: the next minute commits only after it, so that at most the newest minute's rows can be missing after a
   * crash. A failure is logged and counted, never lost in silence.
   */
  #storeAfterwards(
    record: CycleRecord,
    panel: FeaturePanel | undefined,
    stageMs: Record<CycleStage, number>,
    origin: string | undefined,
  ): void {
    const { journal, book, log, metrics } = this.#parts;
    const features = this.#features;
    const { minute } = record;
    const rows = panel && rowsOfMinute(features, panel);
    const snapshot = minute % SNAPSHOT_EVERY_MS === 0 ? features.snapshot() : undefined;
    const { featureSetHash } = features;
    const begins: ReplayState[] = [];
    if (origin !== undefined || snapshot) {
      const common = { book, minute, featureSetHash, funding: JSON.stringify(this.#knownFundingSince(minute)) };
      if (origin !== undefined) begins.push({ ...common, place: 'before', bookState: origin });
      if (snapshot) begins.push({ ...common, place: 'after', bookState: record.bookState });
    }
    this.#stored = (async () => {
      await journal.commitTimings(book, minute, { commit: stageMs.commit, send: stageMs.send });
      if (rows) await journal.commitFeatures(rows);
      for (const begin of begins) await journal.saveReplayState(begin);
      if (snapshot) await journal.saveFeatureState({ book, minute, featureSetHash, bytes: snapshot });
    })().catch((error: unknown) => {
      metrics.count('minutehand_store_failures_total');
      log.error({ minute: formatTime(minute), error: messageOf(error) }, 'features of the minute could not be stored');
    });
  }
}

const NONE_ENDED: ReadonlySet<SymbolId> = new Set();

/** The feature state is stored this often; a restart replays at most this much. */
const SNAPSHOT_EVERY_MS = 6 * HOUR_MS;
