import { createRandom, type EpochMs, epochMs, MINUTE_MS, type Random, type SymbolId } from '../core/index.ts';
import { BAR_FAULTS, type FaultKind, type FaultSpec, REQUEST_FAULTS, USER_EVENT_FAULTS } from './fault-spec.ts';

/** A fault as the admin endpoint shows it. */
export interface FaultStatus {
  readonly id: string;
  readonly kind: FaultKind;
  /** `'all'`, or the symbols concerned. */
  readonly symbols: 'all' | readonly SymbolId[];
  readonly from: EpochMs;
  /** Undefined: until deleted. */
  readonly to: EpochMs | undefined;
  /** Requests, sockets or candles it has hit so far. */
  readonly hits: number;
  /** Hits left, for faults that were given a count of requests or drops. */
  readonly left: number | undefined;
  readonly state: 'pending' | 'active' | 'over';
  readonly spec: FaultSpec;
}

/** What becomes of a REST request. */
export interface RequestVerdict {
  readonly delayMs: number;
  readonly answer:
    | { readonly kind: 'limited' | 'banned'; readonly retryAfterSeconds: number }
    | { readonly kind: 'error'; readonly status: number }
    | { readonly kind: 'silence' }
    /** Carried out, but the connection is cut instead of an answer. */
    | { readonly kind: 'lost' }
    | { readonly kind: 'rejected'; readonly code: number; readonly message: string }
    | { readonly kind: 'maintenance' }
    | undefined;
}

/** What a request is for: the market, which needs no account; or of an account: to read, to place an order, to change anything else. */
export type RequestPurpose = 'market' | 'read' | 'order' | 'change';

/** What becomes of an event of an account. */
export interface UserEventVerdict {
  readonly withheld: boolean;
  readonly copies: number;
  readonly afterSuccessor: boolean;
}

/** What becomes of a closed candle on the stream. */
export interface DeliveryVerdict {
  readonly withheld: boolean;
  readonly copies: number;
  readonly delayMs: number;
  /** Published only after the candle that follows it. */
  readonly afterSuccessor: boolean;
}

/** What the venue shows of a closed candle. */
export type BarVerdict =
  | { readonly kind: 'shown' }
  | { readonly kind: 'hidden' }
  | { readonly kind: 'flat' }
  | { readonly kind: 'corrected'; readonly basisPoints: number };

interface Fault {
  readonly id: string;
  readonly spec: FaultSpec;
  readonly symbols: ReadonlySet<SymbolId> | undefined;
  readonly from: number;
  readonly to: number;
  readonly random: Random;
  hits: number;
  left: number;
}

const SHOWN: BarVerdict = { kind: 'shown' };
const HIDDEN: BarVerdict = { kind: 'hidden' };
const FLAT: BarVerdict = { kind: 'flat' };
const TOLD: UserEventVerdict = { withheld: false, copies: 1, afterSuccessor: false };
const DELIVERED: DeliveryVerdict = { withheld: false, copies: 1, delayMs: 0, afterSuccessor: false };

/**
 * The faults in force. A candle is concerned when its close lies in `[from, to)`; a request or a socket when market time lies in
 * `[from, to]`.
 * Chance is drawn from the fault's seed: for a candle from its symbol and minute, so that every view of it agrees.
 */
export class FaultBoard {
  readonly #faults = new Map<string, Fault>();
  #added = 0;

  add(spec: FaultSpec, now: EpochMs): FaultStatus {
    const from = spec.from ?? now;
    const countsHits =
      REQUEST_FAULTS.has(spec.kind) || USER_EVENT_FAULTS.has(spec.kind) || spec.kind === 'drop-sockets';
    const minutes = spec.minutes ?? (countsHits ? undefined : spec.count);
    const fault: Fault = {
      id: `f${++this.#added}`,
      spec,
      symbols: spec.symbols ? new Set(spec.symbols) : undefined,
      from,
      to: spec.to ?? (minutes === undefined ? Number.POSITIVE_INFINITY : from + minutes * MINUTE_MS),
      random: createRandom(spec.seed),
      hits: 0,
      left: countsHits
        ? (spec.count ?? (spec.kind === 'drop-sockets' ? 1 : Number.POSITIVE_INFINITY))
        : Number.POSITIVE_INFINITY,
    };
    this.#faults.set(fault.id, fault);
    return statusOf(fault, now);
  }

  list(now: EpochMs): FaultStatus[] {
    return [...this.#faults.values()].map((fault) => statusOf(fault, now));
  }

  find(id: string, now: EpochMs): FaultStatus | undefined {
    const fault = this.#faults.get(id);
    return fault && statusOf(fault, now);
  }

  remove(id: string): boolean {
    return this.#faults.delete(id);
  }

  clear(): void {
    this.#faults.clear();
  }

  /** Judges a request for `path` about `symbol` (undefined: about all or none). Uses up counts. */
  request(
    path: string,
    symbol: SymbolId | undefined,
    now: EpochMs,
    purpose: RequestPurpose = 'market',
  ): RequestVerdict {
    let delayMs = 0;
    let answer: RequestVerdict['answer'];
    for (const fault of this.#faults.values()) {
      const { spec } = fault;
      if (!isRequestSpec(spec) || !isActive(fault, now) || !concernsPurpose(spec, purpose)) continue;
      if (spec.path !== undefined && !path.includes(spec.path)) continue;
      if (fault.symbols && (symbol === undefined || !fault.symbols.has(symbol))) continue;
      if (answer !== undefined && spec.kind !== 'latency') continue;
      if (!strikes(fault)) continue;
      if (spec.kind === 'latency') delayMs += spec.ms;
      else if (spec.kind === 'http-429') answer = { kind: 'limited', retryAfterSeconds: spec.retryAfterSeconds };
      else if (spec.kind === 'http-418') answer = { kind: 'banned', retryAfterSeconds: spec.retryAfterSeconds };
      else if (spec.kind === 'http-5xx') answer = { kind: 'error', status: spec.status };
      else if (spec.kind === 'lost-response') answer = { kind: 'lost' };
      else if (spec.kind === 'maintenance') answer = { kind: 'maintenance' };
      else if (spec.kind === 'reject-orders') answer = { kind: 'rejected', code: spec.code, message: spec.message };
      else answer = { kind: 'silence' };
    }
    return { delayMs, answer };
  }

  /** What a stream does with the candle of `symbol` that closed at `minute`. Counts a hit. */
  delivery(symbol: SymbolId, minute: EpochMs): DeliveryVerdict {
    if (this.#faults.size === 0) return DELIVERED;
    let { withheld, copies, delayMs, afterSuccessor } = DELIVERED;
    for (const fault of this.#faults.values()) {
      const { spec } = fault;
      if (BAR_FAULTS.has(spec.kind)) {
        if (concernsCandle(fault, symbol, minute)) fault.hits++;
        continue;
      }
      if (!['gap', 'duplicates', 'late', 'out-of-order'].includes(spec.kind)) continue;
      if (!concernsCandle(fault, symbol, minute)) continue;
      fault.hits++;
      if (spec.kind === 'gap') withheld = true;
      else if (spec.kind === 'duplicates') copies = Math.max(copies, spec.copies);
      else if (spec.kind === 'late') delayMs = Math.max(delayMs, spec.delayMs);
      else afterSuccessor = true;
    }
    return { withheld, copies, delayMs, afterSuccessor };
  }

  /** Closes of candles that may differ from the market's own lie in `[from, to)`; undefined where none does. */
  barSpan(symbol: SymbolId): { readonly from: number; readonly to: number } | undefined {
    let from = Number.POSITIVE_INFINITY;
    let to = Number.NEGATIVE_INFINITY;
    for (const fault of this.#faults.values()) {
      if (!BAR_FAULTS.has(fault.spec.kind) || (fault.symbols && !fault.symbols.has(symbol))) continue;
      from = Math.min(from, fault.from);
      to = Math.max(to, fault.spec.kind === 'delist' ? Number.POSITIVE_INFINITY : fault.to);
    }
    return from < to ? { from, to } : undefined;
  }

  /** What the venue shows at `now` of the candle of `symbol` that closes at `minute`. */
  bar(symbol: SymbolId, minute: number, now: EpochMs): BarVerdict {
    let verdict = SHOWN;
    for (const fault of this.#faults.values()) {
      const { spec } = fault;
      if (spec.kind === 'delist') {
        if (fault.from <= minute - 1 && (!fault.symbols || fault.symbols.has(symbol))) return HIDDEN;
      } else if (spec.kind === 'missing') {
        if (now < minute + spec.appearsAfterMinutes * MINUTE_MS && concernsCandle(fault, symbol, minute)) return HIDDEN;
      } else if (spec.kind === 'empty') {
        if (!concernsCandle(fault, symbol, minute)) continue;
        if (spec.form === 'none') return HIDDEN;
        verdict = FLAT;
      } else if (spec.kind === 'corrected' && verdict.kind !== 'flat') {
        if (now >= minute + spec.afterMinutes * MINUTE_MS && concernsCandle(fault, symbol, minute)) {
          verdict = { kind: 'corrected', basisPoints: spec.basisPoints };
        }
      }
    }
    return verdict;
  }

  /** Whether streams about `symbol` are dead silent; undefined: those about all symbols, silenced by a fault of all only. */
  silences(symbol: SymbolId | undefined, now: EpochMs): boolean {
    for (const fault of this.#faults.values()) {
      if (fault.spec.kind !== 'silent-sockets' || !isActive(fault, now)) continue;
      if (!fault.symbols || (symbol !== undefined && fault.symbols.has(symbol))) return true;
    }
    return false;
  }

  /**
   * Faults that drop sockets at this moment; each call uses up one of their drops. `undefined` in the answer drops every
   * socket, a set those that listen to one of its symbols.
   */
  drops(now: EpochMs): (ReadonlySet<SymbolId> | undefined)[] {
    const dropping: (ReadonlySet<SymbolId> | undefined)[] = [];
    for (const fault of this.#faults.values()) {
      if (fault.spec.kind === 'drop-sockets' && isActive(fault, now) && strikes(fault)) dropping.push(fault.symbols);
    }
    return dropping;
  }

  /** Whether new sockets are refused. */
  refusesSockets(now: EpochMs): boolean {
    for (const { spec, from, to } of this.#faults.values()) {
      if (spec.kind === 'drop-sockets' && spec.refuse && now >= from && now <= to) return true;
    }
    return false;
  }

  /** What becomes of an account's event about `symbol` (undefined: about none). Uses up counts. */
  userEvent(symbol: SymbolId | undefined, now: EpochMs): UserEventVerdict {
    if (this.#faults.size === 0) return TOLD;
    let { withheld, copies, afterSuccessor } = TOLD;
    for (const fault of this.#faults.values()) {
      const { spec } = fault;
      if (!USER_EVENT_FAULTS.has(spec.kind) || !isActive(fault, now)) continue;
      if (fault.symbols && (symbol === undefined || !fault.symbols.has(symbol))) continue;
      if (!strikes(fault)) continue;
      if (spec.kind === 'duplicate-events') copies = Math.max(copies, spec.copies);
      else if (spec.kind === 'stream-gap') withheld = true;
      else afterSuccessor = true;
    }
    return { withheld, copies, afterSuccessor };
  }

  /** Into how many executions a fill of `symbol` is cut. */
  slices(symbol: SymbolId, now: EpochMs): number {
    let slices = 1;
    for (const fault of this.#faults.values()) {
      if (fault.spec.kind !== 'partial-fills' || !isActive(fault, now)) continue;
      if (fault.symbols && !fault.symbols.has(symbol)) continue;
      if (strikes(fault)) slices = Math.max(slices, fault.spec.slices);
    }
    return slices;
  }

  /** How far the venue's clock is off. */
  skewMs(now: EpochMs): number {
    let skew = 0;
    for (const fault of this.#faults.values()) {
      if (fault.spec.kind === 'clock-skew' && isActive(fault, now)) skew += fault.spec.ms;
    }
    return skew;
  }

  /** When the instrument stops trading and when it is gone; undefined while it is not to be delisted. */
  delisting(symbol: SymbolId): { readonly endsAt: EpochMs; readonly goneAt: EpochMs } | undefined {
    for (const { spec, symbols, from } of this.#faults.values()) {
      if (spec.kind === 'delist' && (!symbols || symbols.has(symbol))) {
        return { endsAt: epochMs(from), goneAt: epochMs(from + spec.goneAfterMinutes * MINUTE_MS) };
      }
    }
    return undefined;
  }
}

type RequestSpec = Extract<
  FaultSpec,
  {
    kind:
      | 'latency'
      | 'http-429'
      | 'http-418'
      | 'http-5xx'
      | 'timeout'
      | 'lost-response'
      | 'reject-orders'
      | 'maintenance';
  }
>;
const isRequestSpec = (spec: FaultSpec): spec is RequestSpec => REQUEST_FAULTS.has(spec.kind);

function concernsPurpose({ kind }: RequestSpec, purpose: RequestPurpose): boolean {
  if (kind === 'lost-response') return purpose === 'order' || purpose === 'change';
  if (kind === 'reject-orders') return purpose === 'order';
  return kind !== 'maintenance' || purpose !== 'market';
}

/** The end counts: in lock-step, a fault of n minutes from now still holds while the clock stands past the n-th close. */
const isActive = (fault: Fault, now: number): boolean => now >= fault.from && now <= fault.to && fault.left > 0;

/** Draws a fault's chance; a hit uses up its count. */
function strikes(fault: Fault): boolean {
  if (fault.spec.probability < 1 && fault.random.uniform() >= fault.spec.probability) return false;
  fault.hits++;
  fault.left--;
  return true;
}

function concernsCandle(fault: Fault, symbol: SymbolId, minute: number): boolean {
  if (minute < fault.from || minute >= fault.to) return false;
  if (fault.symbols && !fault.symbols.has(symbol)) return false;
  const { probability, seed } = fault.spec;
  return probability >= 1 || createRandom(`${seed}/${symbol}/${minute}`).uniform() < probability;
}

function statusOf(fault: Fault, now: EpochMs): FaultStatus {
  return {
    id: fault.id,
    kind: fault.spec.kind,
    symbols: fault.symbols ? [...fault.symbols] : 'all',
    from: epochMs(fault.from),
    to: Number.isFinite(fault.to) ? epochMs(fault.to) : undefined,
    hits: fault.hits,
    left: Number.isFinite(fault.left) ? fault.left : undefined,
    state: now < fault.from ? 'pending' : isActive(fault, now) ? 'active' : 'over',
    spec: fault.spec,
  };
}
