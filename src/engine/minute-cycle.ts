import type {
  Broker,
  BrokerEvent,
  Clock,
  CycleRecord,
  CycleStage,
  Exclusion,
  FeaturePanel,
  FinalCandle,
  Forecast,
  Instrument,
  Journal,
  Log,
  Metrics,
  MinuteCandles,
  OrderIntent,
  Predictor,
  ReasonCode,
  SymbolId,
} from '../core/index.ts';
import { type EpochMs, formatTime, HOUR_MS, MinutehandError, messageOf, RISK_MODES } from '../core/index.ts';
import { panelAt } from '../data/index.ts';
import { type FeatureEngineer, rowsOfMinute } from '../features/index.ts';
import type { PredictorSlot } from '../model/index.ts';
import { applyCommands, pendingCancels, riskModeOf, valueLedger } from '../trading/index.ts';
import { type BookState, encodeBookState, withEntriesCancelled } from './book-state.ts';
import type { ChallengerForecasts } from './challenger-forecasts.ts';
import { type DecideSettings, type Decision, decide } from './decide.ts';
import { MinuteQueue } from './minute-queue.ts';
import { type RiskStanding, riskStandingOf } from './risk-standing.ts';

/** What one book's minutes need; every part that differs between backtest, paper and live is a port. */
export interface MinuteCycleParts {
  readonly book: string;
  /** Canonical order. */
  readonly universe: readonly SymbolId[];
  readonly references: readonly SymbolId[];
  readonly instruments: () => ReadonlyMap<SymbolId, Instrument>;
  /** Symbols whose instrument has ended. */
  readonly ended: () => ReadonlySet<SymbolId>;
  /** Why no new entries are allowed although the minute is in time. */
  readonly entriesBlocked: (minute: EpochMs) => ReasonCode | undefined;
  readonly clock: Clock;
  readonly journal: Journal;
  readonly broker: Broker;
  /** Holds the model that serves; one cycle uses one model throughout, whatever is put in meanwhile. */
  readonly predictors: Pick<PredictorSlot, 'use'>;
  /** Told of each minute once its orders have left; nothing comes back. */
  readonly challenger?: Pick<ChallengerForecasts, 'take'>;
  readonly settings: CycleSettings;
  readonly log: Log;
  readonly metrics: Metrics;
}

export interface CycleSettings {
  readonly enabled: boolean;
  readonly intervalMs: number;
  readonly deadlineMs: number;
  readonly minimumCoverage: number;
  /** Minutes after which an unknown minute is given up and carried as a hole. */
  readonly holePatienceMinutes: number;
  readonly decide: DecideSettings;
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
  readonly #parts: MinuteCycleParts;
  readonly #queue: MinuteQueue;
  #state: BookState;
  #features: FeatureEngineer;
  #lastMinute: EpochMs | undefined;
  #unsent: BrokerEvent[] = [];
  #stored: Promise<void> = Promise.resolve();
  /** Minutes and commands change the state one at a time. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(parts: MinuteCycleParts, start: { state: BookState; features: FeatureEngineer; lastMinute?: EpochMs }) {
    this.#parts = parts;
    this.#state = start.state;
    this.#features = start.features;
    this.#lastMinute = start.lastMinute;
    this.#queue = new MinuteQueue(parts.universe, parts.settings.holePatienceMinutes);
  }

  /** The newest minute decided. */
  get lastMinute(): EpochMs | undefined {
    return this.#lastMinute;
  }

  get features(): FeatureEngineer {
    return this.#features;
  }

  /** Replaces the feature state by one that has seen the same minutes from further back; between two cycles. */
  exchangeFeatures(next: FeatureEngineer): void {
    this.#features = next;
  }

  /**
   * Runs the minute whose candles these are. `late` marks a minute that is caught up: forecasts, no orders.
   * @throws whatever the journal throws: then nothing of the minute counts, and the caller restarts from the journal.
   */
  run(input: MinuteCandles, late?: ReasonCode): Promise<CycleReport> {
    return this.#inTurn(() => this.#parts.predictors.use((predictor) => this.#run(input, late, predictor)));
  }

  /**
   * Lets commands that have come in take effect between two minutes; those of a book without a minute wait for its first.
   * @returns where the book stands, if there were any
   */
  applyCommands(): Promise<RiskStanding | undefined> {
    return this.#inTurn(async () => {
      const { book, clock, journal, log, metrics } = this.#parts;
      const minute = this.#lastMinute;
      const commands = minute === undefined ? [] : await journal.pendingCommands(book);
      if (minute === undefined || commands.length === 0) return undefined;
      const { ledger, markets, risk } = this.#state;
      const { equity } = valueLedger(ledger, markets);
      const changed = applyCommands(risk, commands, { at: clock.now(), equity });
      const isResumed = commands.some(({ command }) => command === 'resume');
      const drawdowns = isResumed ? new Map() : this.#state.drawdowns;
      const state = withEntriesCancelled({ ...this.#state, risk: changed.risk, drawdowns });
      await journal.commitCommands({
        book,
        minute,
        commands: changed.applied,
        riskEvents: changed.events,
        bookState: encodeBookState(state),
      });
      this.#state = state;
      log.warn({ commands, outcomes: changed.applied }, 'commands took effect');
      for (const { action, reason } of changed.events) {
        if (action === 'risk.latch') metrics.count('minutehand_reasons_total', { reason });
      }
      await this.#parts.broker.cancel(pendingCancels(state.ledger));
      return riskStandingOf(state);
    });
  }

  #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = this.#turn.then(work);
    this.#turn = result.catch(() => undefined);
    return result;
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

    const brokerEvents = [...this.#unsent, ...(await broker.events(minute, candles))];
    const lateness = late ?? (clock.now() > minute + settings.deadlineMs ? 'CYCLE_PAST_DEADLINE' : undefined);
    const decision = decide(
      this.#state,
      {
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
        brokerEvents,
        late: lateness,
        instruments: this.#parts.instruments(),
        incomplete: due.waiting,
        ended: this.#parts.ended(),
        entriesBlocked: this.#parts.entriesBlocked(minute),
        commands,
      },
      settings.decide,
    );
    const bookState = encodeBookState(decision.state);
    lap('decision');

    const record: CycleRecord = {
      book,
      minute,
      status: decision.status,
      ...(decision.reason ? { reason: decision.reason } : {}),
      ...(predictor && forecasts.length > 0 ? { modelId: predictor.modelId } : {}),
      members: panel.members,
      excluded: panel.excluded,
      candles: input.candles.length,
      forecasts,
      signals: decision.signals,
      notes: decision.notes,
      intents: decision.intents,
      orders: decision.orders,
      orderEvents: decision.orderEvents,
      fills: decision.fills,
      positions: decision.positions,
      equity: decision.equity,
      commands: decision.commands,
      riskEvents: decision.riskEvents,
      reasonCounts: decision.reasonCounts,
      stageMs: {
        candles: stageMs.candles,
        features: stageMs.features,
        forecasts: stageMs.forecasts,
        decision: stageMs.decision,
      },
      startedAt,
      bookState,
    };
    await this.#stored;
    await journal.commitCycle(record);
    this.#state = decision.state;
    this.#lastMinute = minute;
    lap('commit');

    this.#unsent = await this.#send(decision, minute);
    lap('send');
    const totalMs = clock.elapsed() - began;
    this.#count(record, stageMs, totalMs);
    this.#storeAfterwards(record, featurePanel, stageMs);
    if (settings.enabled) {
      this.#parts.challenger?.take({
        minute,
        panel: () => featurePanel ?? this.#features.panel(minute, panel.members),
        servedBy: predictor?.modelId,
        isDue: forecastsDue,
        isLate: record.status === 'MISSED',
      });
    }
    return { record, stageMs, totalMs, universe: this.#parts.universe.length, risk: riskStandingOf(decision.state) };
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
  async #send({ intents, cancels }: Decision, minute: EpochMs): Promise<BrokerEvent[]> {
    const { clock, broker, settings, log, metrics } = this.#parts;
    const isInTime = clock.now() <= minute + settings.deadlineMs;
    const isDue = ({ purpose }: OrderIntent) => isInTime || purpose === 'stop' || purpose === 'target';
    const due = intents.filter(isDue);
    const expired = intents.filter((intent) => !isDue(intent));
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
    const mode = riskModeOf(this.#state.risk);
    for (const each of RISK_MODES) metrics.gauge('minutehand_risk_mode', each === mode ? 1 : 0, { mode: each });
    metrics.gauge('minutehand_last_minute_seconds', record.minute / 1000);
  }

  /**
   * T3, behind the commit: the next minute commits only after it, so that at most the newest minute's rows can be missing after a
   * crash. A failure is logged and counted, never lost in silence.
   */
  #storeAfterwards(record: CycleRecord, panel: FeaturePanel | undefined, stageMs: Record<CycleStage, number>): void {
    const { journal, book, log, metrics } = this.#parts;
    const features = this.#features;
    const { minute } = record;
    const rows = panel && rowsOfMinute(features, panel);
    const snapshot = minute % SNAPSHOT_EVERY_MS === 0 ? features.snapshot() : undefined;
    this.#stored = (async () => {
      await journal.commitTimings(book, minute, { commit: stageMs.commit, send: stageMs.send });
      if (rows) await journal.commitFeatures(rows);
      if (snapshot) {
        await journal.saveFeatureState({ book, minute, featureSetHash: features.featureSetHash, bytes: snapshot });
      }
    })().catch((error: unknown) => {
      metrics.count('minutehand_store_failures_total');
      log.error({ minute: formatTime(minute), error: messageOf(error) }, 'features of the minute could not be stored');
    });
  }
}

/** The feature state is stored this often; a restart replays at most this much. */
const SNAPSHOT_EVERY_MS = 6 * HOUR_MS;
