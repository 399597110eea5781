import type { WebSocket } from '@fastify/websocket';
import { durationOf, type EpochMs, floorTo, SECOND_MS, type SymbolId } from '../core/index.ts';
import type { Dialect, KlineEvent, MarkEvent, StreamSession, Topic } from './dialect.ts';
import type { Venue } from './venue.ts';

/** A client further behind than this is cut off, as a venue does with slow readers. */
const MOST_BUFFERED_BYTES = 16 * 1024 * 1024;
/** Streams one socket may have. */
const MOST_STREAMS = 1_024;
/** Market time between two looks at bars under way. */
const FORMING_EVERY_MS = SECOND_MS;
/** Market time between two book tickers of one stream. */
const BOOK_EVERY_MS = SECOND_MS;

interface Client {
  readonly socket: WebSocket;
  readonly names: Set<string>;
  combined: boolean;
}

interface Stream {
  readonly name: string;
  readonly topic: Topic;
  readonly clients: Set<Client>;
  /** Market time it last spoke, for streams with a rhythm of their own. */
  spokeAt: number;
}

/** A closed candle kept back. */
interface Delayed {
  readonly due: number;
  /** Delivered only after what closes at `due`. */
  readonly afterSuccessor: boolean;
  readonly name: string;
  readonly event: Omit<KlineEvent, 'eventTime'>;
  readonly copies: number;
}

/** Who listens to what, and what they are told as time goes on. */
export class StreamHub {
  readonly #dialect: Dialect['streams'];
  readonly #venue: Venue;
  readonly #clients = new Set<Client>();
  readonly #streams = new Map<string, Stream>();
  #delayed: Delayed[] = [];
  #minute: number;
  #formingAt = 0;

  constructor(dialect: Dialect['streams'], venue: Venue, minute: EpochMs) {
    this.#dialect = dialect;
    this.#venue = venue;
    this.#minute = minute;
  }

  get sockets(): number {
    return this.#clients.size;
  }

  /** Streams that someone listens to. */
  get streams(): number {
    return this.#streams.size;
  }

  add(socket: WebSocket, names: readonly string[], combined: boolean): void {
    const client: Client = { socket, names: new Set(), combined };
    this.#clients.add(client);
    const session: StreamSession = {
      get combined() {
        return client.combined;
      },
      set combined(value) {
        client.combined = value;
      },
      names: () => [...client.names],
      subscribe: (added) => this.#subscribe(client, added),
      unsubscribe: (removed) => this.#unsubscribe(client, removed),
    };
    this.#subscribe(client, names);
    socket.on('message', (data) => {
      const reply = this.#dialect.receive(session, String(data));
      if (!this.#venue.faults.silences(undefined, this.#venue.now())) socket.send(reply);
    });
    socket.on('close', () => {
      this.#unsubscribe(client, [...client.names]);
      this.#clients.delete(client);
    });
    socket.on('error', () => socket.terminate());
  }

  /** A minute has closed: the bars that end with it, then prices. */
  minute(minute: EpochMs): void {
    this.#minute = minute;
    this.dropSockets();
    this.#deliverDelayed((one) => !one.afterSuccessor && one.due <= minute);
    for (const stream of this.#streams.values()) {
      const { topic } = stream;
      if (topic.kind === 'kline' && minute % durationOf(topic.timeframe) === 0) this.#publishClosed(stream, minute);
    }
    this.#deliverDelayed((one) => one.due <= minute);
    this.#publishPrices();
  }

  /** Time has moved within a minute: late candles, bars under way, prices. */
  tick(now: EpochMs): void {
    this.#deliverDelayed((one) => !one.afterSuccessor && one.due <= now);
    // Between a close and its publication nothing of the next bar may go out.
    if (floorTo(this.#venue.now(), '1m') !== this.#minute) return;
    if (now - this.#formingAt >= FORMING_EVERY_MS) {
      this.#formingAt = now;
      for (const stream of this.#streams.values()) this.#publishForming(stream);
    }
    this.#publishPrices();
  }

  /** When the next candle kept back is due. */
  nextDue(): number | undefined {
    let next: number | undefined;
    for (const { due, afterSuccessor } of this.#delayed) {
      if (!afterSuccessor && (next === undefined || due < next)) next = due;
    }
    return next;
  }

  /** Cuts the sockets that a fault in force wants cut, without a closing handshake. */
  dropSockets(): void {
    for (const symbols of this.#venue.faults.drops(this.#venue.now())) {
      for (const { socket, names } of this.#clients) {
        if (symbols === undefined || [...names].some((name) => this.#isAbout(name, symbols))) socket.terminate();
      }
    }
  }

  /** Sends an account's message to those who listen under its name. */
  tell(name: string, payload: string): void {
    this.#send(name, payload);
  }

  close(): void {
    for (const { socket } of this.#clients) socket.terminate();
  }

  #subscribe(client: Client, names: readonly string[]): void {
    for (const name of names) {
      if (client.names.size >= MOST_STREAMS && !client.names.has(name)) {
        client.socket.close(1008, 'too many streams');
        return;
      }
      client.names.add(name);
      const topic = this.#dialect.topic(name);
      if (!topic) continue;
      // Coarser bars need older ones first; a file that cannot be read shows itself on REST.
      if (topic.kind === 'kline') this.#venue.market.load(topic.symbol, topic.timeframe)?.catch(() => {});
      const stream = this.#streams.get(name) ?? { name, topic, clients: new Set(), spokeAt: 0 };
      stream.clients.add(client);
      this.#streams.set(name, stream);
    }
  }

  #unsubscribe(client: Client, names: readonly string[]): void {
    for (const name of names) {
      client.names.delete(name);
      const stream = this.#streams.get(name);
      stream?.clients.delete(client);
      if (stream?.clients.size === 0) this.#streams.delete(name);
    }
  }

  #isAbout(name: string, symbols: ReadonlySet<SymbolId>): boolean {
    const symbol = this.#streams.get(name)?.topic.symbol;
    return symbol !== undefined && symbols.has(symbol);
  }

  #publishClosed({ name, topic }: Stream, minute: EpochMs): void {
    if (topic.kind !== 'kline') return;
    const { symbol, timeframe } = topic;
    const verdict = this.#venue.faults.delivery(symbol, minute);
    const event = this.#klineEvent(symbol, timeframe, this.#venue.closedBar(symbol, timeframe, minute), true);
    if (!event || verdict.withheld) return;
    const { copies, afterSuccessor } = verdict;
    const due = afterSuccessor ? minute + durationOf(timeframe) : minute + verdict.delayMs;
    if (due > minute) this.#delayed.push({ due, afterSuccessor, name, event, copies });
    else this.#sendKline(name, event, copies);
  }

  #publishForming({ name, topic }: Stream): void {
    if (topic.kind !== 'kline') return;
    const { symbol, timeframe } = topic;
    const event = this.#klineEvent(symbol, timeframe, this.#venue.forming(symbol, timeframe), false);
    if (event) this.#sendKline(name, event, 1);
  }

  #klineEvent(
    symbol: SymbolId,
    timeframe: KlineEvent['timeframe'],
    bar: KlineEvent['bar'] | undefined,
    closed: boolean,
  ): Omit<KlineEvent, 'eventTime'> | undefined {
    const listed = this.#venue.find(symbol);
    if (!listed || !bar) return undefined;
    return { symbol, timeframe, bar, closed, quantityDecimals: listed.steps.quantityDecimals };
  }

  #sendKline(name: string, event: Omit<KlineEvent, 'eventTime'>, copies: number): void {
    const payload = this.#dialect.kline({ ...event, eventTime: this.#venue.clock() });
    for (let i = 0; i < copies; i++) this.#send(name, payload);
  }

  #deliverDelayed(isDue: (one: Delayed) => boolean): void {
    if (this.#delayed.length === 0) return;
    const due = this.#delayed.filter(isDue);
    this.#delayed = this.#delayed.filter((one) => !due.includes(one));
    for (const { name, event, copies } of due) this.#sendKline(name, event, copies);
  }

  #publishPrices(): void {
    const now = this.#venue.now();
    for (const stream of this.#streams.values()) {
      const { topic, name } = stream;
      if (topic.kind === 'kline' || topic.kind === 'user') continue;
      if (now - stream.spokeAt < (topic.kind === 'mark' ? topic.everyMs : BOOK_EVERY_MS)) continue;
      stream.spokeAt = now;
      const symbols =
        topic.symbol === undefined ? this.#venue.market.instruments.map(({ symbol }) => symbol) : [topic.symbol];
      if (topic.kind === 'mark') {
        const events = symbols.map((symbol) => this.#markEvent(symbol)).filter((event) => event !== undefined);
        const [first] = events;
        if (topic.symbol === undefined) this.#send(name, this.#dialect.marks(events));
        else if (first) this.#send(name, this.#dialect.mark(first));
        continue;
      }
      for (const symbol of symbols) {
        const book = this.#venue.find(symbol) && this.#venue.book(symbol, 1);
        if (book && book.bids.length > 0) {
          this.#send(name, this.#dialect.book({ ...book, eventTime: this.#venue.clock() }));
        }
      }
    }
  }

  #markEvent(symbol: SymbolId): MarkEvent | undefined {
    const price = this.#venue.find(symbol) && this.#venue.lastPrice(symbol);
    if (price === undefined) return undefined;
    return {
      eventTime: this.#venue.clock(),
      symbol,
      price,
      fundingRate: this.#venue.lastFundingRate(symbol) ?? 0,
      nextFundingTime: this.#venue.nextFundingTime(),
    };
  }

  #send(name: string, payload: string): void {
    const stream = this.#streams.get(name);
    if (!stream || this.#venue.faults.silences(stream.topic.symbol, this.#venue.now())) return;
    for (const client of stream.clients) {
      if (client.socket.bufferedAmount > MOST_BUFFERED_BYTES) client.socket.terminate();
      else client.socket.send(client.combined ? this.#dialect.wrap(name, payload) : payload);
    }
  }
}
