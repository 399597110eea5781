import {
  cashToNumber,
  type DecisionNote,
  durationOf,
  isTerminal,
  MINUTE_MS,
  type OrderIntent,
  type ReasonCode,
  type SignalSide,
  type SymbolId,
} from '../core/index.ts';
import {
  ceilToMultiple,
  floorToMultiple,
  formatQuantity,
  parsePrice,
  priceOf,
  roundTripCosts,
  shareUp,
  tradingRulesOf,
} from '../matching/index.ts';
import type { Strategy } from '../strategies/index.ts';
import {
  clientOrderIdOf,
  coveredBy,
  coverOf,
  DEFAULT_PROTECTION_SETTINGS,
  enterIntents,
  isConfirmed,
  isStopOf,
  isStopPlaceable,
  isTriggered,
  keysWithLegs,
  type Ledger,
  type LedgerChange,
  type LedgerOrder,
  type LedgerPosition,
  type LegOwner,
  type MarketState,
  magnitude,
  type PositionProtection,
  type PositionProtectionSettings,
  requestCancels,
  stopLeg,
  stopPriceOf,
  targetLegs,
  tighterStop,
  unchanged,
  volatilityOf,
  type WorkingLegs,
  workingLegsOf,
  workingOrderOf,
  workingOrders,
} from '../trading/index.ts';
import type { BookState } from './book-state.ts';
import type { DecideInput, DecideSettings } from './decide-types.ts';

/** A stop that trails moves by a tenth of its distance at least: less is not worth two orders. */
const LEAST_TRAILING_MOVE = 0.1;
/** Stops of one quantity that are placed within one minute, each after the one before did not come to be. */
const MOST_STOP_ATTEMPTS = 3;

type ProtectedState = Pick<BookState, 'ledger' | 'markets' | 'protections' | 'drawdowns'>;

/** A position that must be closed whatever its strategy says. */
export interface ForcedClosing {
  readonly strategy: string;
  readonly symbol: SymbolId;
  readonly reason: ReasonCode;
}

export interface ProtectedBook {
  /** The legs placed now, as SUBMITTING; its ledger holds the cancels asked for too. */
  readonly entered: LedgerChange;
  readonly intents: readonly OrderIntent[];
  readonly protections: ReadonlyMap<string, PositionProtection>;
  readonly closings: readonly ForcedClosing[];
  /** Whether a position without a confirmed stop halts trading. */
  readonly mustHalt: boolean;
  readonly notes: readonly DecisionNote[];
}

/**
 * Holds the legs of every position against what they should be, once a minute: one confirmed stop of exactly its quantity, moved
 * towards the market by trailing and break-even; targets placed once. A stop is replaced by placing the new one, and cancelling the
 * old one only when the new one is confirmed, so that there is no moment without one; both reduce only, so the pair does no harm.
 * Nothing but the ledger says how far that is: a restart goes on where it was. In a missed minute stops are placed, not moved.
 */
export function protectPositions(
  state: ProtectedState,
  input: Pick<DecideInput, 'minute' | 'instruments' | 'late'>,
  settings: DecideSettings,
): ProtectedBook {
  if (state.ledger.positions.size === 0 && workingOrders(state.ledger).length === 0) return nothingHeld(state.ledger);
  const round = new ProtectionRound(state, input, settings);
  for (const [key, position] of state.ledger.positions) round.protect(key, position);
  return round.finish();
}

const nothingHeld = (ledger: Ledger): ProtectedBook => ({
  entered: unchanged(ledger),
  intents: NONE,
  protections: NONE_PROTECTED,
  closings: NONE,
  mustHalt: false,
  notes: NONE,
});

const NONE: readonly never[] = [];
const NONE_PROTECTED: ProtectedBook['protections'] = new Map();

/** One minute's round; lives for one call of {@link protectPositions}. */
class ProtectionRound {
  readonly #state: ProtectedState;
  readonly #input: Pick<DecideInput, 'minute' | 'instruments' | 'late'>;
  readonly #settings: DecideSettings;
  readonly #legsOf: (key: string) => WorkingLegs;
  /** Of the positions of these keys. */
  readonly #protections: PositionProtection[] = [];
  readonly #keys: string[] = [];
  readonly #intents: OrderIntent[] = [];
  readonly #cancels: string[] = [];
  readonly #closings: ForcedClosing[] = [];
  readonly #notes: DecisionNote[] = [];
  #mustHalt = false;

  constructor(
    state: ProtectedState,
    input: Pick<DecideInput, 'minute' | 'instruments' | 'late'>,
    settings: DecideSettings,
  ) {
    this.#state = state;
    this.#input = input;
    this.#settings = settings;
    this.#legsOf = workingLegsOf(state.ledger);
  }

  protect(key: string, position: LedgerPosition): void {
    const { minute, instruments, late } = this.#input;
    const instrument = instruments.get(position.symbol);
    const market = this.#state.markets.get(position.symbol);
    const remembered = this.#state.protections.get(key);
    const known = remembered?.openedAt === position.openedAt ? remembered : undefined;
    if (position.isOvershoot) return;
    if (instrument === undefined || market === undefined) {
      if (known !== undefined) this.#keep(key, known);
      return;
    }
    const { tick } = tradingRulesOf(instrument);
    const entry = known?.areTargetsPlaced ? undefined : this.#entryOf(position);
    const begun = known ?? this.#begin(position, entry, market, tick);
    const moved =
      late === undefined && market.lastMinute === minute ? this.#move(begun, position, market, tick) : begun;
    const owner = this.#ownerOf(position, moved.parent);
    const quantity = magnitude(position.quantity);
    const stop = this.#holdStop(key, quantity, moved, owner);
    const areTargetsPlaced = moved.areTargetsPlaced || this.#placeTargets(entry, owner);
    this.#keep(key, withPlaced(moved, areTargetsPlaced, quantity));
    const isConfirmedInFull = stop !== undefined && isConfirmed(stop);
    if (known !== undefined && late === undefined && !isConfirmedInFull) this.#requireConfirmed(key, position, known);
  }

  #keep(key: string, protection: PositionProtection): void {
    this.#keys.push(key);
    this.#protections.push(protection);
  }

  /** Legs of positions that are gone or were replaced, and entries whose stop, or whose strategy's, was reached, are cancelled. */
  #cancelLeftovers(protections: ReadonlyMap<string, PositionProtection>): void {
    const { ledger, drawdowns } = this.#state;
    for (const key of keysWithLegs(ledger)) {
      const isHeld = ledger.positions.has(key);
      const parent = protections.get(key)?.parent;
      const { stops, targets } = this.#legsOf(key);
      for (const legs of [stops, targets]) {
        for (const { intent } of legs) {
          const isOwn = isHeld && intent.parent === (parent ?? intent.parent);
          if (!isOwn) this.#cancels.push(intent.clientOrderId);
        }
      }
    }
    for (const { intent } of workingOrders(ledger)) {
      const { purpose, clientOrderId, strategy } = intent;
      if (purpose !== 'entry') continue;
      if (drawdowns.get(strategy)?.isStopped || this.#isStopped(clientOrderId)) this.#cancels.push(clientOrderId);
    }
  }

  /** Whether a stop of the entry was reached. */
  #isStopped(entry: string): boolean {
    for (const order of this.#state.ledger.orders.values()) {
      if (order.intent.purpose === 'stop' && order.intent.parent === entry && isTriggered(order)) return true;
    }
    return false;
  }

  finish(): ProtectedBook {
    const protections = this.#protectionsOf();
    this.#cancelLeftovers(protections);
    const entered = enterIntents(this.#state.ledger, this.#intents);
    return {
      entered:
        this.#cancels.length === 0 ? entered : { ...entered, ledger: requestCancels(entered.ledger, this.#cancels) },
      intents: this.#intents,
      protections,
      closings: this.#closings,
      mustHalt: this.#mustHalt,
      notes: this.#notes,
    };
  }

  /** The state's own where nothing has changed. */
  #protectionsOf(): ReadonlyMap<string, PositionProtection> {
    const before = this.#state.protections;
    const isSame =
      before.size === this.#keys.length && this.#keys.every((key, at) => before.get(key) === this.#protections[at]);
    if (isSame) return before;
    const protections = new Map<string, PositionProtection>();
    for (const [at, protection] of this.#protections.entries()) protections.set(this.#keys[at] ?? '', protection);
    return protections;
  }

  #begin(
    position: LedgerPosition,
    entry: LedgerOrder | undefined,
    market: MarketState,
    tick: bigint,
  ): PositionProtection {
    const { strategy, symbol, openedAt } = position;
    const best = market.lastPrice;
    const quantity = magnitude(position.quantity);
    const protection = entry?.intent.protection;
    if (entry !== undefined && protection !== undefined) {
      const stop = parsePrice(protection.stopPrice);
      return { parent: entry.intent.clientOrderId, openedAt, stop, best, areTargetsPlaced: false, quantity };
    }
    this.#note(position, 'PROTECTION_ADOPTED');
    const { catastropheStopFraction } = this.#protectionOf(strategy);
    const stop = stopPriceOf(sideOf(position), market.lastPrice, catastropheStopFraction, tick) || tick;
    const { book } = this.#settings;
    const parent =
      entry?.intent.clientOrderId ?? clientOrderIdOf({ book, strategy, symbol, minute: openedAt, purpose: 'entry' });
    return { parent, openedAt, stop, best, areTargetsPlaced: true, quantity };
  }

  /** Trailing and break-even: whichever is tightest, never looser than what is there, and never within a few ticks of the price. */
  #move(known: PositionProtection, position: LedgerPosition, market: MarketState, tick: bigint): PositionProtection {
    const settings = this.#protectionOf(position.strategy);
    if (settings.kind === 'book') return known;
    const side = sideOf(position);
    const { lastPrice } = market;
    const best = (side === 'long') === lastPrice > known.best ? lastPrice : known.best;
    const stop = this.#tightest(settings, { known, position, market, best, tick });
    if (best === known.best && stop === known.stop) return known;
    const { parent, openedAt, areTargetsPlaced, quantity } = known;
    return { parent, openedAt, stop, best, areTargetsPlaced, quantity };
  }

  #tightest(
    settings: PositionProtectionSettings,
    at: { known: PositionProtection; position: LedgerPosition; market: MarketState; best: bigint; tick: bigint },
  ): bigint {
    const { known, position, market, best, tick } = at;
    if (settings.trailing === undefined && settings.breakEvenFraction === undefined) return known.stop;
    const side = sideOf(position);
    const { lastPrice } = market;
    const average = priceOf(magnitude(position.cost), magnitude(position.quantity));
    const profit = Number(side === 'long' ? best - average : average - best) / Number(average);
    const stops = [
      this.#trailingStop(settings, { known, position, market, best, profit, tick }),
      this.#breakEvenStop(settings, { position, market, average, profit, tick }),
    ];
    return stops.reduce<bigint>(
      (tightest, wanted) =>
        wanted !== undefined && isStopPlaceable(side, wanted, lastPrice, tick)
          ? tighterStop(side, tightest, wanted)
          : tightest,
      known.stop,
    );
  }

  #trailingStop(
    { trailing }: PositionProtectionSettings,
    at: {
      known: PositionProtection;
      position: LedgerPosition;
      market: MarketState;
      best: bigint;
      profit: number;
      tick: bigint;
    },
  ): bigint | undefined {
    const { known, position, market, best, tick } = at;
    if (trailing === undefined || at.profit < trailing.activationFraction) return undefined;
    const distance =
      'fraction' in trailing.distance
        ? trailing.distance.fraction
        : trailing.distance.volatilities *
          volatilityOf(market, this.#holdMinutesOf(position.strategy), this.#settings.sizing);
    const stop = stopPriceOf(sideOf(position), best, distance, tick);
    const move = Number(magnitude(stop - known.stop));
    return move < LEAST_TRAILING_MOVE * distance * Number(best) ? undefined : stop;
  }

  #breakEvenStop(
    { breakEvenFraction }: PositionProtectionSettings,
    at: { position: LedgerPosition; market: MarketState; average: bigint; profit: number; tick: bigint },
  ): bigint | undefined {
    const { position, market, average, tick } = at;
    if (breakEvenFraction === undefined || at.profit < breakEvenFraction) return undefined;
    const { fees, spread, impact } = roundTripCosts(this.#settings.costs, {
      price: average,
      tick,
      notional: cashToNumber(magnitude(position.cost)),
      minuteNotional: market.minuteNotional,
    });
    const costs = shareUp(average, fees + spread + impact);
    return sideOf(position) === 'long'
      ? ceilToMultiple(average + costs, tick)
      : floorToMultiple(average > costs ? average - costs : tick, tick);
  }

  /** @returns the stop of the whole position, if it is the only one */
  #holdStop(key: string, quantity: bigint, { stop }: PositionProtection, owner: LegOwner): LedgerOrder | undefined {
    const { stops, targets } = this.#legsOf(key);
    const isOwn = ({ intent }: LedgerOrder) => intent.parent === owner.parent && intent.side === owner.side;
    const wanted = stops.find((leg) => isOwn(leg) && isStopOf(leg, stop, quantity));
    if (wanted !== undefined && stops.length === 1) return wanted;
    // While something closes the position its quantity changes all the time: its stops are fitted when that has ended.
    const isClosing = stops.some(isTriggered) || targets.some(isTriggered) || this.#isExiting(key);
    if (wanted === undefined) {
      if (isClosing && coverOf(stops.filter(isOwn)) >= quantity) return undefined;
      this.#placeStop(owner, stop, quantity);
    } else if (isConfirmed(wanted) && !isClosing) {
      for (const other of stops) if (other !== wanted) this.#cancels.push(other.intent.clientOrderId);
    }
    return undefined;
  }

  /** A stop that the venue did not take is tried again, a few times within a minute: each attempt is an order of its own. */
  #placeStop(owner: LegOwner, stop: bigint, quantity: bigint): void {
    const { minute } = this.#input;
    const revision = `m${minute}q${formatQuantity(quantity)}`;
    for (let attempt = 0; attempt < MOST_STOP_ATTEMPTS; attempt++) {
      const leg = stopLeg(owner, stop, quantity, minute, attempt === 0 ? revision : `${revision}r${attempt}`);
      if (this.#state.ledger.orders.has(leg.clientOrderId)) continue;
      this.#intents.push(leg);
      return;
    }
  }

  /** @returns whether they are placed now: as long as the entry works, what they would take is not known */
  #placeTargets(entry: LedgerOrder | undefined, owner: LegOwner): boolean {
    if (entry?.intent.protection === undefined) return true;
    if (!isTerminal(entry.status)) return false;
    const opened = coveredBy(entry.intent, entry.filled);
    const legs = targetLegs(owner, entry.intent.protection, opened, this.#input.minute);
    // Those of an entry that filled in full came with its last fill.
    this.#intents.push(...legs.filter((leg) => !this.#state.ledger.orders.has(leg.clientOrderId)));
    return true;
  }

  #requireConfirmed(key: string, position: LedgerPosition, known: PositionProtection): void {
    const open = magnitude(position.quantity);
    const due = known.quantity < open ? known.quantity : open;
    if (coverOf(this.#legsOf(key).stops.filter(isConfirmed)) >= due) return;
    this.#note(position, 'PROTECTION_UNCONFIRMED');
    const { strategy, symbol } = position;
    if (this.#protectionOf(strategy).whenUnconfirmed === 'halt') this.#mustHalt = true;
    else this.#closings.push({ strategy, symbol, reason: 'PROTECTION_UNCONFIRMED' });
  }

  /** The newest entry of the position's strategy and symbol that filled; where a part of it crossed inside the book, the one with the legs. */
  #entryOf({ strategy, symbol }: LedgerPosition): LedgerOrder | undefined {
    const { orders } = this.#state.ledger;
    const found: { newest?: LedgerOrder } = {};
    orders.each((order) => {
      const { intent, filled } = order;
      const isEntry = intent.purpose === 'entry' && intent.strategy === strategy && intent.symbol === symbol;
      if (!isEntry || filled === 0n) return;
      if (found.newest === undefined || found.newest.intent.decidedAt <= intent.decidedAt) found.newest = order;
    });
    const { newest } = found;
    return newest?.intent.parent === undefined ? newest : (orders.get(newest.intent.parent) ?? newest);
  }

  #ownerOf(position: LedgerPosition, parent: string): LegOwner {
    const { strategy, symbol } = position;
    return { book: this.#settings.book, strategy, symbol, parent, side: position.quantity > 0n ? 'sell' : 'buy' };
  }

  #isExiting(key: string): boolean {
    return workingOrderOf(this.#state.ledger, 'exit', key) !== undefined;
  }

  #strategyOf(name: string): Strategy | undefined {
    for (const strategy of this.#settings.strategies) if (strategy.name === name) return strategy;
    return undefined;
  }

  #protectionOf(strategy: string) {
    return this.#strategyOf(strategy)?.protection ?? DEFAULT_PROTECTION_SETTINGS;
  }

  #holdMinutesOf(strategy: string): number {
    return durationOf(this.#strategyOf(strategy)?.holdFor ?? '1d') / MINUTE_MS;
  }

  #note({ strategy, symbol }: LedgerPosition, reason: ReasonCode): void {
    this.#notes.push({ strategy, symbol, reason });
  }
}

function withPlaced(protection: PositionProtection, areTargetsPlaced: boolean, quantity: bigint): PositionProtection {
  if (protection.areTargetsPlaced === areTargetsPlaced && protection.quantity === quantity) return protection;
  const { parent, openedAt, stop, best } = protection;
  return { parent, openedAt, stop, best, areTargetsPlaced, quantity };
}

const sideOf = ({ quantity }: LedgerPosition): SignalSide => (quantity > 0n ? 'long' : 'short');
