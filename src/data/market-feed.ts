import {
  type Candle,
  type CandleCorrection,
  type Clock,
  type EpochMs,
  epochMs,
  type FinalCandle,
  formatTime,
  type Log,
  type MarketFeed,
  type Metrics,
  MINUTE_MS,
  type MinuteCandles,
  messageOf,
  milliseconds,
  type Random,
  type ReasonCode,
  type SymbolId,
  waitReal,
} from '../core/index.ts';
import { type CandlePage, type ExchangeGateway, PRIORITY, THRIFTY_PAGE } from './exchange-gateway.ts';
import { withEmptyBars } from './kline.ts';
import { MinuteLedger } from './minute-ledger.ts';
import { MinuteWaiters } from './minute-waiters.ts';
import { DEAF_MINUTES, StreamSession, SuccessorBars } from './stream-session.ts';

export interface MarketFeedOptions {
  readonly gateway: ExchangeGateway;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly metrics: Metrics;
  /** Told of each closed candle for which the venue later says something else; the first values stay in use. */
  onCorrection?(correction: CandleCorrection): void;
  /** Market milliseconds after a close before REST is asked for what the stream has not brought. Default 2 000. */
  readonly restAfterMs?: number;
  /** Market milliseconds between two REST rounds of one minute. Default 2 000. */
  readonly restEveryMs?: number;
  /** Market milliseconds in which each symbol's recent minutes are audited once. Default 15 minutes. */
  readonly auditEveryMs?: number;
  /** Recent minutes an audit compares. Default 20. */
  readonly auditMinutes?: number;
  /** Market milliseconds without any message after which a stream counts as silent. Default 90 000. */
  readonly silentAfterMs?: number;
}

/** What the feed says of its health. */
export interface FeedState {
  readonly connected: boolean;
  /** Market milliseconds since the last message; undefined before the first. */
  readonly lastMessageAgeMs: number | undefined;
  /** Streams opened since the start, the first included. */
  readonly sessions: number;
  /** Why the last stream ended, if one did. */
  readonly lastLoss: string | undefined;
  /** Symbols with an unknown minute: no new entries until repaired. */
  readonly incomplete: readonly SymbolId[];
  /** How often each reason occurred. */
  readonly counts: Readonly<Partial<Record<ReasonCode, number>>>;
}

export interface LiveMarketFeed extends MarketFeed {
  stateOf(): FeedState;
}

/**
 * Closed one-minute candles: the stream first, REST for what it does not bring, an audit by REST off the critical path. In the
 * normal case a minute is complete within milliseconds of its close and nothing else is asked.
 */
export function createMarketFeed(options: MarketFeedOptions): LiveMarketFeed {
  return new StreamedMarketFeed(options);
}

/** Bars asked for before the minute wanted, so that the answer shows whether the venue skipped it. */
const CONTEXT_BARS = 5;
const REOPEN_MAX_MS = 15_000;
/** Real time a stream has for a minute however fast the market runs: this process may be busy itself. */
const STREAM_MIN_REAL_MS = 300;
/** Real time `start` waits for the stream at most; the minutes until then come by REST. */
const OPENING_MS = 5_000;

class StreamedMarketFeed implements LiveMarketFeed {
  readonly #options: MarketFeedOptions;
  readonly #gateway: ExchangeGateway;
  readonly #clock: Clock;
  readonly #stopping = new AbortController();
  readonly #counts: Partial<Record<ReasonCode, number>> = {};
  readonly #bySuccessor = new SuccessorBars();
  readonly #asking = new Map<SymbolId, Promise<void>>();
  readonly #background = new Set<Promise<unknown>>();
  #ledger = new MinuteLedger({ symbols: [], firstMinute: epochMs(0) });
  readonly #waiters: MinuteWaiters;
  #session = new StreamSession();
  #sessionEnd = new AbortController();
  #loops: Promise<unknown>[] = [];
  #openSince: EpochMs | undefined;
  #lastMessageAt: number | undefined;
  #sessions = 0;
  #lastLoss: string | undefined;
  #repairing = false;

  constructor(options: MarketFeedOptions) {
    this.#options = options;
    this.#gateway = options.gateway;
    this.#clock = options.clock;
    this.#waiters = new MinuteWaiters(options.clock);
  }

  async start(symbols: readonly SymbolId[], firstMinute: EpochMs): Promise<void> {
    this.#ledger = new MinuteLedger({ symbols, firstMinute });
    const opening = new AbortController();
    this.#loops = [this.#streamLoop(() => opening.abort()), this.#auditLoop(), this.#silenceLoop()];
    await waitReal(OPENING_MS, opening.signal);
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#sessionEnd.abort();
    this.#waiters.wakeAll();
    await Promise.allSettled([...this.#loops, ...this.#background]);
  }

  stateOf(): FeedState {
    return {
      connected: this.#openSince !== undefined,
      lastMessageAgeMs: this.#lastMessageAt === undefined ? undefined : this.#clock.now() - this.#lastMessageAt,
      sessions: this.#sessions,
      lastLoss: this.#lastLoss,
      incomplete: this.#ledger.incompleteSymbols(),
      counts: { ...this.#counts },
    };
  }

  async awaitMinute(minute: EpochMs, graceMs: number, signal: AbortSignal): Promise<MinuteCandles> {
    if (!this.#ledger.isComplete(minute)) await this.#gather(minute, graceMs, signal);
    const late = this.#ledger.missingAt(minute);
    for (const symbol of late) {
      const candle = this.#bySuccessor.get(symbol, minute);
      if (candle !== undefined) this.#accept(candle);
    }
    const delivered = this.#ledger.deliver(minute);
    this.#bySuccessor.forgetUpTo(minute);
    for (const { symbol, reason } of delivered.missing) {
      this.#count(reason);
      this.#options.log.warn({ reason, symbol, minute }, `${symbol} has no final candle of ${formatTime(minute)}`);
    }
    if (this.#ledger.incompleteSymbols().length > 0) this.#inBackground(this.#repairUnknown());
    return delivered;
  }

  /** Waits for the stream, then asks REST in rounds, until the minute is complete or its grace is used up. */
  async #gather(minute: EpochMs, graceMs: number, signal: AbortSignal): Promise<void> {
    const { restAfterMs = 2_000, restEveryMs = 2_000 } = this.#options;
    // A frozen clock does not use the grace up by itself: what was slept counts, too.
    let budgetMs = minute + graceMs - this.#clock.now();
    const pause = async (durationMs: number, atLeastRealMs = 0) => {
      if (this.#ledger.isComplete(minute) || signal.aborted || this.#stopping.signal.aborted) return;
      await this.#waiters.wait(minute, Math.max(0, Math.min(durationMs, budgetMs)), atLeastRealMs, signal);
      budgetMs = Math.min(budgetMs - durationMs, minute + graceMs - this.#clock.now());
    };
    const untilClose = Math.max(0, minute - this.#clock.now());
    const streamCanBring = this.#openSince !== undefined && this.#openSince < minute;
    if (untilClose > 0 || streamCanBring) await pause(untilClose + restAfterMs, STREAM_MIN_REAL_MS);
    if (!signal.aborted && streamCanBring && !this.#ledger.isComplete(minute)) this.#judgeSilence(minute);
    while (!signal.aborted && !this.#stopping.signal.aborted && !this.#ledger.isComplete(minute)) {
      const asked = this.#ledger.missingAt(minute);
      await Promise.race([
        Promise.all(asked.map((symbol) => this.#ask(symbol, minute, PRIORITY.live))),
        this.#waiters.completion(minute, signal),
      ]);
      if (streamCanBring) this.#judgeDeafness(asked, minute);
      if (this.#ledger.isComplete(minute) || budgetMs <= 0) return;
      await pause(restEveryMs);
    }
  }

  /** Keeps a stream open: each session is uninterrupted, the pauses between them grow while none brings anything. */
  async #streamLoop(onFirst: () => void): Promise<void> {
    const { signal } = this.#stopping;
    let failures = 0;
    while (!signal.aborted) {
      this.#session = new StreamSession();
      this.#sessionEnd = new AbortController();
      this.#sessions += 1;
      let brought = false;
      const reopened = this.#sessions > 1;
      const reason = await this.#gateway.watchClosedCandles(
        this.#ledger.symbols,
        {
          onOpen: () => {
            this.#openSince = this.#clock.now();
            onFirst();
            this.#options.metrics.gauge('minutehand_feed_connected', 1);
            if (reopened) this.#inBackground(this.#catchUp());
          },
          onMessage: () => {
            this.#lastMessageAt = this.#clock.now();
          },
          onCandle: (candle) => {
            brought = true;
            this.#onStreamCandle(candle);
          },
          onMalformed: (symbol) => {
            this.#options.metrics.count('minutehand_feed_malformed_total');
            this.#options.log.warn({ symbol }, `a stream message of ${symbol} is no bar; REST is asked instead`);
          },
        },
        this.#sessionEnd.signal,
      );
      onFirst();
      this.#openSince = undefined;
      this.#options.metrics.gauge('minutehand_feed_connected', 0);
      if (signal.aborted) return;
      const reopenedByUs = this.#sessionEnd.signal.aborted;
      if (!reopenedByUs) {
        this.#count('FEED_DISCONNECTED');
        this.#lastLoss = reason;
        this.#options.log.warn({ reason: 'FEED_DISCONNECTED' }, `the stream was lost: ${reason}`);
      }
      failures = brought || reopenedByUs ? 0 : failures + 1;
      const ceiling = Math.min(REOPEN_MAX_MS, 250 * 2 ** Math.min(failures, 10));
      await waitReal(failures === 0 ? 0 : ceiling * (0.5 + this.#options.random.uniform() / 2), signal);
    }
  }

  #onStreamCandle(candle: Candle): void {
    const closed = this.#session.observe(candle);
    if (candle.state === 'final') this.#accept(candle);
    if (closed === undefined) return;
    const minute = epochMs(closed.openTime + MINUTE_MS);
    if (this.#ledger.knows(closed.symbol, minute) || minute <= this.#ledger.delivered) return;
    // The flag of the bar's end was lost, so its last update may have been, too: REST has the better word, this one is kept.
    this.#bySuccessor.keep(closed);
    this.#inBackground(this.#ask(closed.symbol, minute, PRIORITY.live));
  }

  /** Asks REST for a symbol from a few bars before `minute` up to now. Never throws; one request per symbol at a time. */
  #ask(symbol: SymbolId, minute: EpochMs, priority: number, minimumBars = 0): Promise<void> {
    const running = this.#asking.get(symbol);
    if (running !== undefined) return running;
    const from = epochMs(minute - (CONTEXT_BARS + 1) * MINUTE_MS);
    const bars = Math.ceil((this.#clock.now() - from) / MINUTE_MS) + 2;
    const limit = Math.min(Math.max(bars, minimumBars, CONTEXT_BARS + 2), THRIFTY_PAGE);
    const asking = this.#gateway
      .fetchCandlePage(symbol, '1m', { from, limit, priority, settle: priority === PRIORITY.live })
      .then((page) => this.#absorb(symbol, page))
      .catch((error: unknown) => {
        this.#count('SOURCE_UNAVAILABLE');
        this.#options.log.warn({ reason: 'SOURCE_UNAVAILABLE', symbol }, messageOf(error));
      })
      .finally(() => this.#asking.delete(symbol));
    this.#asking.set(symbol, asking);
    return asking;
  }

  /** Takes an answer in, oldest first. What the stream has brought and REST does not have is no empty minute. */
  #absorb(symbol: SymbolId, page: CandlePage): void {
    const sent = new Set<number>(page.candles.map(({ openTime }) => openTime));
    for (const candle of withEmptyBars(page)) {
      const minute = epochMs(candle.openTime + MINUTE_MS);
      if (sent.has(candle.openTime) || !this.#ledger.knows(symbol, minute)) this.#accept(candle);
    }
  }

  #accept(candle: FinalCandle): void {
    const acceptance = this.#ledger.accept(candle);
    const { metrics, log } = this.#options;
    switch (acceptance.kind) {
      case 'new':
      case 'repaired':
        metrics.count('minutehand_feed_candles_total', { finality: candle.finality });
        if (candle.finality === 'confirmed-empty') this.#count('CANDLE_EMPTY');
        if (acceptance.kind === 'repaired') {
          metrics.count('minutehand_feed_repaired_total');
          log.info({ symbol: candle.symbol, minute: acceptance.minute }, `${candle.symbol} is repaired`);
        } else if (this.#ledger.isComplete(acceptance.minute)) this.#waiters.wake(acceptance.minute);
        return;
      case 'correction':
        this.#count('CANDLE_CORRECTED');
        log.warn(
          { reason: 'CANDLE_CORRECTED', symbol: candle.symbol, openTime: candle.openTime },
          `the venue now reports other values for ${candle.symbol} ${formatTime(candle.openTime)}; the first stay in use`,
        );
        this.#options.onCorrection?.(acceptance.correction);
        return;
      case 'duplicate':
      case 'outside':
        return;
    }
  }

  /** After a reconnect: what closed while nobody listened, and the recent minutes besides. */
  async #catchUp(): Promise<void> {
    const { auditMinutes = 20 } = this.#options;
    const from = this.#ledger.delivered - auditMinutes * MINUTE_MS;
    await Promise.all(this.#ledger.symbols.map((symbol) => this.#ask(symbol, epochMs(from), PRIORITY.live)));
  }

  async #repairUnknown(): Promise<void> {
    if (this.#repairing) return;
    this.#repairing = true;
    try {
      for (const symbol of this.#ledger.incompleteSymbols()) {
        const [oldest] = this.#ledger.unknownOf(symbol);
        if (oldest !== undefined && !this.#stopping.signal.aborted) await this.#ask(symbol, oldest, PRIORITY.audit);
      }
    } finally {
      this.#repairing = false;
    }
  }

  /** Compares each symbol's recent minutes with REST once in `auditEveryMs`, one symbol after the other, evenly spread. */
  async #auditLoop(): Promise<void> {
    const { auditEveryMs = 15 * MINUTE_MS, auditMinutes = 20 } = this.#options;
    const { signal } = this.#stopping;
    const { symbols } = this.#ledger;
    if (symbols.length === 0) return;
    const stepMs = auditEveryMs / symbols.length;
    let last = this.#clock.now() as number;
    for (let next = 0; ; ) {
      await this.#clock.sleep(milliseconds(stepMs), signal);
      // The clock may have jumped, as it does in lock-step: all that has fallen due meanwhile, each symbol once at most.
      const due = Math.min(symbols.length, Math.floor((this.#clock.now() - last) / stepMs));
      for (let i = 0; i < due && !signal.aborted; i++) {
        const symbol = symbols[next % symbols.length];
        next += 1;
        if (symbol === undefined) return;
        await this.#ask(symbol, epochMs(this.#ledger.delivered - auditMinutes * MINUTE_MS), PRIORITY.audit);
      }
      if (due > 0) last = this.#clock.now();
      if (signal.aborted) return;
    }
  }

  async #silenceLoop(): Promise<void> {
    const { silentAfterMs = 90_000 } = this.#options;
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      await this.#clock.sleep(milliseconds(silentAfterMs / 6), signal);
      if (signal.aborted || this.#openSince === undefined) continue;
      const lastSign = Math.max(this.#lastMessageAt ?? 0, this.#openSince);
      if (this.#clock.now() - lastSign > silentAfterMs) this.#reopen(`no message for ${silentAfterMs / 1_000} s`);
    }
  }

  /** No bar of a minute that has closed, and none of a later one: the socket is open and dead. */
  #judgeSilence(minute: EpochMs): void {
    if (this.#session.latestMinute < minute && this.#openSince !== undefined && this.#openSince < minute) {
      this.#reopen(`nothing arrived of ${formatTime(minute)}`);
    }
  }

  /** Some symbols' subscriptions may be gone while others go on: REST knows their bars, the stream does not bring them. */
  #judgeDeafness(asked: readonly SymbolId[], minute: EpochMs): void {
    const deaf = this.#session.noteUnheard(asked.filter((symbol) => this.#ledger.knows(symbol, minute)));
    if (deaf > 0) this.#reopen(`${deaf} symbols did not arrive for ${DEAF_MINUTES} minutes`);
  }

  #reopen(why: string): void {
    if (this.#sessionEnd.signal.aborted) return;
    this.#count('FEED_SILENT');
    this.#lastLoss = why;
    this.#options.log.warn({ reason: 'FEED_SILENT' }, `the stream is silent (${why}); it is reopened`);
    this.#sessionEnd.abort();
  }

  #inBackground(work: Promise<unknown>): void {
    const tracked = work.finally(() => this.#background.delete(tracked));
    this.#background.add(tracked);
  }

  #count(reason: ReasonCode): void {
    this.#counts[reason] = (this.#counts[reason] ?? 0) + 1;
    this.#options.metrics.count('minutehand_feed_events_total', { reason });
  }
}
