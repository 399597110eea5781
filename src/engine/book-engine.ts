import { setMaxListeners } from 'node:events';
import {
  type BookSnapshot,
  createRandom,
  DAY_MS,
  type EpochMs,
  epochMs,
  type FinalCandle,
  formatTime,
  type Journal,
  MINUTE_MS,
  MinutehandError,
  messageOf,
  type ReasonCode,
  waitReal,
} from '../core/index.ts';
import { createMarketFeed, DataLoader, type LiveMarketFeed } from '../data/index.ts';
import {
  COMMANDS_CHANNEL,
  createPostgresJournal,
  type Database,
  listen,
  listFills,
  openDatabase,
} from '../database/index.ts';
import { type FeatureEngineer, featureSet } from '../features/index.ts';
import { formatCash } from '../matching/index.ts';
import { bookedFills, lastCashFlowAt, pendingCancels, positionsOf } from '../trading/index.ts';
import { AccountTrading } from './account-trading.ts';
import { BackgroundTasks } from './background-tasks.ts';
import { createBookBroker } from './book-broker.ts';
import { BookHistory } from './book-history.ts';
import { holdLease } from './book-lease.ts';
import { BookModels, type ModelChoice } from './book-models.ts';
import { type BookRun, beginRun, enterOpenRun, finishRun, type RunSummary, requireSameMarket } from './book-run.ts';
import { type BookState, initialBookState, warmBookState } from './book-state.ts';
import { decodeBookState } from './book-state-text.ts';
import { BookUniverse } from './book-universe.ts';
import { BookUpkeep } from './book-upkeep.ts';
import { ChallengerForecasts } from './challenger-forecasts.ts';
import { summarizeCycle } from './cycle-summary.ts';
import type { EngineOptions, EnginePorts } from './engine-options.ts';
import { entriesBlockedBy } from './entry-conditions.ts';
import { FundingFeed } from './funding-feed.ts';
import { MinuteCycle } from './minute-cycle.ts';
import { fitModel, fitWindow } from './model-supply.ts';
import { describeRisk } from './risk-standing.ts';
import { cycleSettings, decideSettings } from './settings.ts';
import { SignalScheduler } from './signal-scheduler.ts';
import { connectVenue, describeMarket, type MarketDescription, type Venue } from './venue.ts';

export const BOOK = 'main';
/** Real time between two looks whether a running replay has ended. */
const END_CHECK_MS = 1_000;

/**
 * Runs one book until the signal stops it or the asked number of minutes is done. Start and recovery are one path: whatever was
 * committed is gone on from.
 * @returns the summary of the run when `minutes` was given and reached
 * @throws MinutehandError REPLAY_ENDED when the market has no further minute, MARKET_DIFFERS, MODE_DIFFERS, LEASE_HELD, LEASE_LOST, and what the
 * store and the exchange throw
 */
export async function runBookEngine(options: EngineOptions, ports: EnginePorts): Promise<RunSummary | undefined> {
  const stopping = new AbortController();
  // One listener per request under way: as many as run in parallel.
  setMaxListeners(0, stopping.signal);
  const stop = () => stopping.abort();
  ports.signal.addEventListener('abort', stop, { once: true });
  if (ports.signal.aborted) stop();
  const database = await openDatabase({
    url: options.databaseUrl,
    applicationName: 'minutehand-engine',
    log: ports.log,
    maxConnections: options.config.database.max_connections,
  });
  let lost: MinutehandError | undefined;
  const held = await holdLease(database, BOOK, {
    log: ports.log,
    signal: stopping.signal,
    onLost: (error) => {
      lost = error;
      stop();
    },
  }).catch(async (error: unknown) => {
    await database.close();
    throw error;
  });
  let venue: Venue | undefined;
  try {
    venue = await connectVenue(options.config, {
      url: options.exchangeUrl,
      simulatorToken: options.simulatorToken,
      log: ports.log,
      metrics: ports.metrics,
    });
    const engine = new BookEngine(options, ports, database, venue, held.lease.epoch, stopping);
    const summary = await engine.run();
    if (lost) throw lost;
    return summary;
  } finally {
    stop();
    ports.signal.removeEventListener('abort', stop);
    await venue?.close();
    await held
      .release()
      .catch((error: unknown) => ports.log.warn({ error: messageOf(error) }, 'the lease was not given back'));
    await database.close();
  }
}

class BookEngine {
  readonly #options: EngineOptions;
  readonly #ports: EnginePorts;
  readonly #database: Database;
  readonly #venue: Venue;
  readonly #epoch: number;
  readonly #stopping: AbortController;
  readonly #loader: DataLoader;
  readonly #universe: BookUniverse;
  readonly #feed: LiveMarketFeed;
  readonly #models: BookModels;
  readonly #challenger: ChallengerForecasts;
  readonly #funding: FundingFeed;
  readonly #journal: Journal;
  readonly #tasks: BackgroundTasks;
  readonly #upkeep: BookUpkeep;
  #failure: unknown;
  #isQuickFit = false;
  #cycle: MinuteCycle | undefined;
  /** Of a book that trades at an account. */
  #trading: AccountTrading | undefined;
  /** Applied between two minutes. */
  #exchange: (() => Promise<void>)[] = [];

  constructor(
    options: EngineOptions,
    ports: EnginePorts,
    database: Database,
    venue: Venue,
    epoch: number,
    stopping: AbortController,
  ) {
    this.#options = options;
    this.#ports = ports;
    this.#database = database;
    this.#venue = venue;
    this.#epoch = epoch;
    this.#stopping = stopping;
    const shared = { gateway: venue.gateway, clock: venue.clock, log: ports.log, metrics: ports.metrics };
    this.#universe = new BookUniverse({
      ...shared,
      book: BOOK,
      config: options.config,
      database,
      onNotice: (text) => ports.onEvent({ kind: 'notice', text }),
    });
    this.#models = new BookModels({
      book: BOOK,
      config: options.config,
      database,
      featureSetHash: featureSet().hash,
      universe: () => this.#universe.symbols,
      modelsDirectory: options.modelsDirectory,
      clock: venue.clock,
      log: ports.log,
      metrics: ports.metrics,
      onEvent: ports.onEvent,
      signal: stopping.signal,
    });
    const { max_parallel } = options.config.ml_integration.scheduler;
    this.#journal = createPostgresJournal({
      database,
      venue: venue.gateway.exchangeId,
      lease: { book: BOOK, epoch },
      clock: venue.clock,
    });
    this.#challenger = new ChallengerForecasts({
      ...shared,
      slot: this.#models.challengerSlot,
      journal: this.#journal,
    });
    this.#funding = new FundingFeed({
      ...shared,
      venue: venue.gateway.exchangeId,
      symbols: () => this.#universe.symbols,
      database,
      signal: stopping.signal,
      onRates: (rates) => {
        for (const [symbol, some] of rates) this.#cycle?.pushFunding(symbol, some);
      },
    });
    this.#tasks = new BackgroundTasks(stopping.signal, ports.log, (text) => ports.onEvent({ kind: 'notice', text }));
    this.#upkeep = new BookUpkeep({
      book: BOOK,
      options,
      ports,
      database,
      venue,
      universe: this.#universe,
      models: this.#models,
      funding: this.#funding,
      tasks: this.#tasks,
      signal: stopping.signal,
    });
    this.#loader = new DataLoader({ ...shared, database, random: createRandom('loader'), maxParallel: max_parallel });
    this.#feed = createMarketFeed({
      ...shared,
      random: createRandom('feed'),
      // Storing it again is refused and recorded as a correction: the first values stay.
      onCorrection: ({ reported }) =>
        this.#tasks.run('correction', async () => void (await this.#journal.commitCandles([reported]))),
    });
  }

  async run(): Promise<RunSummary | undefined> {
    const { clock, gateway } = this.#venue;
    const { config, minutes } = this.#options;
    const { signal } = this.#stopping;
    const market = describeMarket(clock, gateway.exchangeId);
    await requireSameMarket(this.#database, BOOK, market, config.mode);
    await this.#universe.open();

    const journal = this.#journal;
    const book = await journal.loadBook(BOOK);
    // Where nothing runs away, or where a fixed number of minutes is to be reproducible, history is complete first.
    const complete = market.speed === 'max' || minutes !== undefined;
    // The first signals of a generated market are waited for on a screen.
    this.#isQuickFit = market.kind === 'generated' && !complete;
    const isModelled = config.ml_integration.enabled;
    // A generated market is no market that the packaged models know; its planted edge is found by a fit of its own.
    if (isModelled && market.kind !== 'generated') await this.#models.adopt(this.#options.packagedModels, clock.now());
    const model = isModelled ? await this.#models.choose() : undefined;
    this.#ports.onEvent({
      kind: 'market',
      market,
      universe: this.#universe.symbols,
      exchange: gateway.address,
      ...(model?.predictor ? { modelId: model.predictor.modelId } : {}),
    });
    const history = new BookHistory({
      book: BOOK,
      venue: gateway.exchangeId,
      isQuickFit: this.#isQuickFit,
      config,
      universe: this.#universe.symbols,
      references: this.#universe.references,
      database: this.#database,
      loader: this.#loader,
      funding: this.#funding,
      clock,
      signal,
      onEvent: this.#ports.onEvent,
    });
    const needsModel = isModelled && model?.predictor === undefined;
    await this.#funding.fetch(epochMs(history.originOf(book?.lastMinute ?? clock.now()).hours - DAY_MS));
    let supplied = Promise.resolve();
    const warm = await history.warmFeatures(journal, book?.lastMinute, {
      complete,
      withTraining: complete && needsModel,
      // The first signals wait for the model: it is fitted while the first minutes are shown.
      onFetched: (minute) => {
        if (!complete && needsModel) supplied = this.#tasks.run('model', () => this.#supplyModel(history, minute));
      },
    });
    if (signal.aborted) return undefined;
    const choice = complete && needsModel ? await this.#fitAndChoose(warm.minute) : model;
    if (signal.aborted) return undefined;
    const { features } = warm;
    let state = book ? decodeBookState(book.bookState) : await this.#newBookState(history, warm.minute);
    const minute = book ? warm.minute : await history.followMarket(features, warm.minute);
    if (!book) state = this.#observe(state, await history.candles(warm.minute, minute));
    if (complete && !warm.restored) await history.save(journal, features, minute);

    const cycle = await this.#createCycle({ state, features, isOrigin: complete && !warm.restored }, book);
    if (book) {
      await cycle.storeAgain(book.lastMinute);
      await this.#applyCommands();
    }
    this.#tasks.run('commands', () =>
      listen(this.#database, COMMANDS_CHANNEL, () => this.#tasks.run('commands', () => this.#applyCommands()), {
        log: this.#ports.log,
        signal,
      }),
    );
    if (choice?.predictor && choice.predictor.contextBars > 1 && !complete) {
      this.#tasks.run('warm-up of the model', () => this.#models.serve(choice, needsModel));
    } else if (choice) await this.#models.serve(choice, needsModel);
    // Where nothing runs away, the challenger is there from the first minute on, too.
    if (isModelled && complete) await this.#models.follow(minute);
    const run = await this.#enterRun(market, minute);
    await this.#feed.start(this.#universe.symbols, epochMs(minute + MINUTE_MS));
    if (!complete && !warm.restored)
      this.#tasks.run('deeper history', () => supplied.then(() => this.#deepen(history, minute)));
    this.#tasks.run('end of the market', () => this.#watchMarketEnd());
    let done: EpochMs | undefined = minute;
    try {
      if (book && clock.simulation?.lockstep && clock.simulation.minute <= minute) await clock.acknowledge(minute);
      done = await this.#schedule(cycle, history, run).run(minute, signal, run?.until);
      await cycle.settled();
    } finally {
      this.#stopping.abort();
      await this.#feed.stop();
      await this.#trading?.stop();
      await this.#tasks.settled();
      await cycle.settled();
      await this.#challenger.settled();
      await this.#models.close();
    }
    if (this.#failure !== undefined) throw this.#failure;
    return run && done !== undefined && done >= run.until
      ? finishRun(this.#database, run, history.backfilled)
      : undefined;
  }

  async #createCycle(
    start: { readonly state: BookState; readonly features: FeatureEngineer; readonly isOrigin: boolean },
    book: BookSnapshot | undefined,
  ): Promise<MinuteCycle> {
    const { state } = start;
    const { clock } = this.#venue;
    const settings = cycleSettings(this.#options.config, BOOK);
    const { broker, account } = await createBookBroker({
      book: BOOK,
      config: this.#options.config,
      costs: settings.decide.costs,
      instrumentOf: (symbol) => this.#universe.instruments.get(symbol),
      funding: this.#funding,
      exchangeUrl: this.#options.exchangeUrl,
      clock,
      database: this.#database,
      epoch: this.#epoch,
      accountKeys: this.#ports.accountKeys,
      outcomes: this.#venue.outcomes,
      log: this.#ports.log,
      metrics: this.#ports.metrics,
    });
    const lastFlow = lastCashFlowAt(state.ledger);
    const lastDay = book && { book: BOOK, from: epochMs(book.lastMinute - DAY_MS) };
    await broker.restore({
      ...(book && lastDay ? { minute: book.lastMinute, recentFills: await listFills(this.#database, lastDay) } : {}),
      openOrders: book?.openOrders ?? [],
      bookedFills: bookedFills(state.ledger),
      positions: positionsOf(BOOK, state.ledger, state.markets),
      cash: formatCash(state.ledger.cash),
      ...(lastFlow === undefined ? {} : { lastCashFlowAt: lastFlow }),
    });
    const cycle = new MinuteCycle(
      {
        book: BOOK,
        universe: this.#universe.symbols,
        references: this.#universe.references,
        instruments: () => this.#universe.instruments,
        ended: () => this.#universe.ended,
        entriesBlocked: (minute) => this.#entriesBlocked(minute),
        modelEvidence: () => this.#upkeep.modelEvidence,
        fundingRates: (minute) => this.#funding.ratesPerPeriod(minute),
        knownFunding: () => this.#funding.rates,
        clock,
        journal: this.#journal,
        broker,
        predictors: this.#models.slot,
        challenger: this.#challenger,
        settings,
        log: this.#ports.log,
        metrics: this.#ports.metrics,
        onBroken: (error) => this.#fail(error),
      },
      { ...start, ...(book ? { lastMinute: book.lastMinute } : {}) },
    );
    this.#cycle = cycle;
    if (account !== undefined) {
      this.#trading = new AccountTrading({
        account,
        broker,
        book: cycle.book,
        clock,
        stopConfirmMs: this.#options.config.risk.stop_confirm_seconds * 1_000,
        log: this.#ports.log,
        signal: this.#stopping.signal,
        notify: (text) => this.#ports.onEvent({ kind: 'notice', text }),
        inBackground: (task, work) => void this.#tasks.run(task, work),
        onRefused: (error) => this.#fail(error),
      });
      await this.#trading.start();
    }
    await broker.cancel(pendingCancels(state.ledger));
    return cycle;
  }

  async #applyCommands(): Promise<void> {
    const standing = await this.#cycle?.book.applyCommands();
    if (standing) this.#ports.onEvent({ kind: 'notice', text: `by command: ${describeRisk(standing)}` });
  }

  #entriesBlocked(minute: EpochMs): ReasonCode | undefined {
    const restriction = this.#trading?.restriction;
    if (restriction !== undefined) return restriction;
    const { max_exchange_errors, max_model_age_days } = this.#options.config.risk;
    const dataUntil = this.#models.slot.current?.manifest.windows.test.to;
    return entriesBlockedBy(
      {
        minute,
        clockSkewMs: this.#venue.clock.skewMs,
        requests: this.#venue.outcomes.recent(),
        modelDataUntil: dataUntil === undefined ? undefined : epochMs(dataUntil),
      },
      { maxExchangeErrors: max_exchange_errors, maxModelAgeDays: max_model_age_days },
    );
  }

  async #enterRun(market: MarketDescription, after: EpochMs): Promise<BookRun | undefined> {
    const { minutes, config } = this.#options;
    const { mode } = config;
    if (minutes !== undefined) {
      return beginRun(this.#database, BOOK, { venue: this.#venue.gateway.exchangeId, market, mode, minutes, after });
    }
    await enterOpenRun(this.#database, BOOK, { market, mode, after });
    return undefined;
  }

  #schedule(cycle: MinuteCycle, history: BookHistory, run: BookRun | undefined): SignalScheduler {
    const { clock } = this.#venue;
    const { scheduler } = this.#options.config.ml_integration;
    return new SignalScheduler({
      clock,
      feed: this.#feed,
      runMinute: async (input, late) => {
        for (const exchange of this.#exchange.splice(0)) await exchange();
        const report = await cycle.run(input, late);
        await this.#trading?.follow();
        // In lock-step nothing runs away: every minute has the challenger's forecasts, however fast the machine.
        if (clock.simulation?.lockstep) await this.#challenger.settled();
        this.#ports.onEvent({ kind: 'cycle', summary: summarizeCycle(report) });
        await this.#upkeep.step(input.minute);
        return report;
      },
      recover: (from, to, signal) => history.recover(from, to, signal),
      acknowledge: async (minute) => {
        if (run && minute >= run.until) return;
        const simulation = await clock.acknowledge(minute);
        if (simulation?.lockstep && simulation.ended && minute >= simulation.minute) this.#fail(replayEnded(minute));
      },
      settings: {
        deadlineMs: scheduler.deadline_seconds * 1_000,
        graceMs: scheduler.grace_seconds * 1_000,
        catchUpMs: scheduler.catch_up_hours * 3_600_000,
      },
      log: this.#ports.log,
    });
  }

  /** Behind the first minutes of a quick start: what was left out of the history. */
  async #deepen(history: BookHistory, first: EpochMs): Promise<void> {
    const origin = history.originOf(first);
    await history.fetch(origin, first);
    if (this.#stopping.signal.aborted) return;
    const built = this.#cycle?.book.lastMinute ?? first;
    const features = await history.build(origin, built);
    this.#exchange.push(async () => {
      const minute = this.#cycle?.book.lastMinute ?? built;
      await history.advance(features, built, minute);
      await history.save(this.#journal, features, minute);
      this.#cycle?.exchangeFeatures(features);
      this.#ports.onEvent({ kind: 'notice', text: 'the history is complete' });
    });
  }

  async #supplyModel(history: BookHistory, minute: EpochMs): Promise<void> {
    await history.fetchTraining(minute);
    const choice = await this.#fitAndChoose(minute);
    if (choice) await this.#models.serve(choice, true);
  }

  async #newBookState(history: BookHistory, minute: EpochMs): Promise<BookState> {
    const { risk, sizing } = decideSettings(this.#options.config, BOOK);
    return this.#observe(initialBookState(risk), await history.lookBack(minute, sizing.returnSamples));
  }

  /** The state with the volatilities and volumes of minutes that were not decided on. */
  #observe(state: BookState, candles: readonly FinalCandle[]): BookState {
    const { sizing, signals } = decideSettings(this.#options.config, BOOK);
    return warmBookState(state, candles, sizing, signals.regimes);
  }

  async #fitAndChoose(minute: EpochMs): Promise<ModelChoice | undefined> {
    const { config, databaseUrl, modelsDirectory, codeVersion, binary, logDirectory } = this.#options;
    if (this.#stopping.signal.aborted) return undefined;
    const market = describeMarket(this.#venue.clock, this.#venue.gateway.exchangeId);
    await fitModel(
      {
        databaseUrl,
        venue: this.#venue.gateway.exchangeId,
        universe: this.#universe.symbols,
        references: this.#universe.references,
        ...fitWindow(minute, config.ml_integration.model.training_days, this.#isQuickFit),
        outputDirectory: modelsDirectory,
        logDirectory,
        market: { source: market.kind, plantedEdge: market.edge, description: market.label },
        codeVersion,
        quick: this.#isQuickFit,
      },
      { binary, log: this.#ports.log, signal: this.#stopping.signal, onEvent: this.#ports.onEvent },
    );
    return this.#models.choose();
  }

  async #watchMarketEnd(): Promise<void> {
    const { clock } = this.#venue;
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      await waitReal(END_CHECK_MS, signal);
      const { simulation } = clock;
      const last = this.#cycle?.book.lastMinute;
      if (simulation?.ended && !simulation.lockstep && last !== undefined && last >= simulation.minute) {
        this.#fail(replayEnded(last));
      }
    }
  }

  #fail(error: unknown): void {
    this.#failure ??= error;
    this.#stopping.abort();
  }
}

function replayEnded(minute: EpochMs): MinutehandError {
  return new MinutehandError(
    'REPLAY_ENDED',
    `the replay has no minute after ${formatTime(minute)}`,
    'Replay a folder that reaches further, or start over with another --data-dir.',
  );
}
