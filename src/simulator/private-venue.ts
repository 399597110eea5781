import { type EpochMs, epochMs, floorTo, MINUTE_MS, type SymbolId } from '../core/index.ts';
import {
  type AccountEvent,
  ExchangeAccount,
  type ExchangeSettings,
  parseCash,
  priceFromNumber,
} from '../matching/index.ts';
import type { AccountSpec } from './account-spec.ts';
import type { Bar } from './bar.ts';
import { pathWithin } from './price-path.ts';
import type { Venue } from './venue.ts';

/** An account of the venue and what it takes to act for it. */
export interface VenueAccount {
  readonly key: string;
  readonly secret: string;
  readonly exchange: ExchangeAccount;
}

interface Followed extends VenueAccount {
  /** Symbols whose prices it is told. */
  readonly symbols: Set<SymbolId>;
}

/**
 * The accounts of a venue, brought along with its time: resting and conditional orders meet each minute's price path, funding is
 * settled, instruments end. Everything is worked off up to a moment by {@link sync}; nothing of the time after it shows.
 */
export class PrivateVenue {
  readonly #venue: Venue;
  readonly #accounts = new Map<string, Followed>();
  #at: EpochMs;
  #clientIds = 0;

  constructor(options: {
    readonly venue: Venue;
    readonly accounts: readonly AccountSpec[];
    readonly settings: ExchangeSettings;
    /** Hears at once what happens to an account. */
    readonly tell: (account: VenueAccount, event: AccountEvent) => void;
  }) {
    const { venue, settings, tell } = options;
    this.#venue = venue;
    this.#at = venue.now();
    for (const { key, secret, balance } of options.accounts) {
      const account: Followed = {
        key,
        secret,
        symbols: new Set(),
        exchange: new ExchangeAccount({
          settings,
          balance: parseCash(balance),
          instrumentOf: (symbol) => venue.instrument(symbol),
          emit: (event) => tell(account, event),
          slicesOf: (symbol) => venue.faults.slices(symbol, venue.now()),
        }),
      };
      this.#accounts.set(key, account);
    }
  }

  find(key: string): VenueAccount | undefined {
    return this.#accounts.get(key);
  }

  /** An order's client id where its sender named none. */
  newClientId(): string {
    return `venue-${++this.#clientIds}`;
  }

  /** Works off everything up to the venue's present. */
  sync(): void {
    const to = this.#venue.now();
    while (this.#at < to) {
      const minute = floorTo(this.#at, '1m');
      const end = epochMs(Math.min(to, minute + MINUTE_MS));
      this.#walk(minute, this.#at - minute, end - minute);
      this.#at = end;
      if (end === minute + MINUTE_MS) this.#open(end);
    }
  }

  /** Lets an account know the present price of a symbol, from now on for as long as it matters to it. */
  follow({ key }: VenueAccount, symbol: SymbolId): void {
    const account = this.#accounts.get(key);
    if (!account || account.symbols.has(symbol) || this.#phaseOf(symbol) !== 'trading') return;
    account.symbols.add(symbol);
    const minute = floorTo(this.#at, '1m');
    const bar = this.#venue.wholeMinute(symbol, minute);
    const steps = this.#venue.steps(symbol);
    if (bar && steps) {
      this.#openFor(account, symbol, bar);
      const [now] = pathWithin(symbol, bar, this.#at - minute, this.#at - minute, steps);
      if (now) account.exchange.walk(symbol, priceFromNumber(now.price), this.#at);
    } else {
      const last = this.#venue.lastPrice(symbol);
      if (last === undefined) account.symbols.delete(symbol);
      else account.exchange.openMinute(symbol, { price: priceFromNumber(last), volume: 0 }, this.#at);
    }
  }

  #walk(minute: EpochMs, fromMs: number, toMs: number): void {
    const paths = new Map<SymbolId, ReturnType<typeof pathWithin>>();
    for (const symbol of this.#followed()) {
      const bar = this.#venue.wholeMinute(symbol, minute);
      const steps = this.#venue.steps(symbol);
      if (bar && steps && bar.volume > 0) paths.set(symbol, pathWithin(symbol, bar, fromMs, toMs, steps));
    }
    // Symbol by symbol from corner to corner, so that positions that share a margin see each other's prices of the time.
    const corners = Math.max(0, ...[...paths.values()].map(({ length }) => length));
    for (let corner = 0; corner < corners; corner++) {
      for (const [symbol, path] of paths) {
        const point = path[corner];
        if (!point) continue;
        for (const { exchange, symbols } of this.#accounts.values()) {
          if (symbols.has(symbol)) exchange.walk(symbol, priceFromNumber(point.price), epochMs(minute + point.atMs));
        }
      }
    }
  }

  /** A minute begins: funding at the price that stands, then the jump to the open. */
  #open(minute: EpochMs): void {
    for (const account of this.#accounts.values()) {
      account.exchange.expireOrders(minute);
      for (const symbol of [...account.symbols].sort()) {
        for (const { rate } of this.#venue.fundingRates(symbol, minute, minute)) {
          account.exchange.settleFunding(symbol, rate, minute);
        }
        if (this.#phaseOf(symbol) !== 'trading') account.exchange.settleInstrument(symbol, minute);
        else this.#openFor(account, symbol, this.#venue.wholeMinute(symbol, minute));
      }
      const used = account.exchange.symbolsInUse();
      for (const symbol of account.symbols) if (!used.has(symbol)) account.symbols.delete(symbol);
    }
  }

  /** Where nothing trades the price stands and nothing may be taken. */
  #openFor({ exchange }: Followed, symbol: SymbolId, bar: Bar | undefined): void {
    const price = bar && bar.volume > 0 ? priceFromNumber(bar.open) : exchange.priceOf(symbol);
    if (price > 0n) exchange.openMinute(symbol, { price, volume: bar?.volume ?? 0 }, this.#at);
    else if (bar) exchange.openMinute(symbol, { price: priceFromNumber(bar.open), volume: 0 }, this.#at);
  }

  #followed(): Set<SymbolId> {
    const symbols = new Set<SymbolId>();
    for (const account of this.#accounts.values()) for (const symbol of account.symbols) symbols.add(symbol);
    return new Set([...symbols].sort());
  }

  #phaseOf(symbol: SymbolId): 'trading' | 'settling' | undefined {
    return this.#venue.find(symbol)?.phase;
  }
}
