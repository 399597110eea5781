import type { EpochMs, OrderPurpose, SignalSide, SymbolId } from '../../core/index.ts';
import type { BacktestRecord, FundingFlow, TradeFill } from '../record.ts';

/** What one strategy held in one symbol from flat to flat. Amounts in quote currency. */
export interface RoundTrip {
  readonly strategy: string;
  readonly symbol: SymbolId;
  readonly side: SignalSide;
  readonly openedAt: EpochMs;
  readonly closedAt: EpochMs;
  /** Volume-weighted over all entries and all exits. */
  readonly entryPrice: number;
  readonly exitPrice: number;
  /** Base units entered in all. */
  readonly quantity: number;
  /** Realised at the prices of the fills: after spread and impact, before fees and funding. */
  readonly grossPnl: number;
  readonly fees: number;
  /** What of `grossPnl` the fills lost to them. */
  readonly spread: number;
  readonly impact: number;
  /** Received less paid. */
  readonly funding: number;
  /** `grossPnl` less fees, with funding. */
  readonly netPnl: number;
  /** `netPnl` over `quantity x entryPrice`. */
  readonly netReturn: number;
  /** Of the first entry that has one. */
  readonly confidence?: number;
  readonly regime?: string;
  /** Purpose of the fill that closed it. */
  readonly exitPurpose: OrderPurpose;
}

/** A position that is still held at the end: what it has come to without its unrealised profit. */
export interface OpenTrip
  extends Omit<RoundTrip, 'closedAt' | 'exitPrice' | 'exitPurpose' | 'netPnl' | 'netReturn' | 'grossPnl'> {
  /** Base units left. */
  readonly held: number;
  readonly realizedPnl: number;
}

export interface RoundTrips {
  /** In order of closing. */
  readonly closed: readonly RoundTrip[];
  readonly open: readonly OpenTrip[];
  /** Funding of symbols that no strategy held then. */
  readonly unallottedFunding: number;
}

/** Of the largest quantity a trip held, what counts as nothing: the rounding of sums of steps. */
const FLAT_SHARE = 1e-9;

interface Building {
  readonly strategy: string;
  readonly symbol: SymbolId;
  readonly openedAt: EpochMs;
  /** 1 long, -1 short. */
  readonly sign: number;
  held: number;
  largest: number;
  entered: number;
  entryValue: number;
  left: number;
  exitValue: number;
  grossPnl: number;
  fees: number;
  spread: number;
  impact: number;
  funding: number;
  confidence: number | undefined;
  regime: string | undefined;
}

/**
 * Round trips of each strategy in each symbol. A fill that turns a position round closes one trip and opens the next, its costs shared by
 * quantity. A funding flow is shared among the strategies by what they held just before it, against each other where they held opposite
 * sides; a fill at the same moment comes after it.
 */
export function roundTripsOf({ fills, funding }: Pick<BacktestRecord, 'fills' | 'funding'>): RoundTrips {
  const closed: RoundTrip[] = [];
  const bySymbol = new Map<SymbolId, Map<string, Building>>();
  let unallottedFunding = 0;
  let next = 0;
  const flows = [...funding].sort((a, b) => a.time - b.time);
  const settleUntil = (time: number) => {
    for (let flow = flows[next]; flow && flow.time <= time; flow = flows[++next]) {
      if (!allot(flow, bySymbol.get(flow.symbol))) unallottedFunding += flow.amount;
    }
  };
  for (const fill of fills) {
    settleUntil(fill.time);
    const trips = bySymbol.get(fill.symbol) ?? new Map<string, Building>();
    bySymbol.set(fill.symbol, trips);
    take(fill, trips, closed);
  }
  settleUntil(Number.POSITIVE_INFINITY);
  const open = [...bySymbol.values()].flatMap((trips) => [...trips.values()].map(openTrip));
  return { closed, open, unallottedFunding };
}

function allot({ amount }: FundingFlow, trips: Map<string, Building> | undefined): boolean {
  let net = 0;
  let gross = 0;
  for (const { held, sign } of trips?.values() ?? []) {
    net += sign * held;
    gross += held;
  }
  if (!trips || Math.abs(net) <= FLAT_SHARE * gross) return false;
  for (const trip of trips.values()) trip.funding += (amount * trip.sign * trip.held) / net;
  return true;
}

function take(fill: TradeFill, trips: Map<string, Building>, closed: RoundTrip[]): void {
  const sign = fill.side === 'buy' ? 1 : -1;
  const current = trips.get(fill.strategy);
  let opening = fill.quantity;
  if (current && current.sign !== sign) {
    const closing = Math.min(fill.quantity, current.held);
    opening = fill.quantity - closing;
    addCosts(current, fill, closing / fill.quantity);
    current.grossPnl += fill.realizedPnl;
    current.left += closing;
    current.exitValue += closing * fill.price;
    current.held -= closing;
    if (current.held <= FLAT_SHARE * current.largest) {
      trips.delete(fill.strategy);
      closed.push(closedTrip(current, fill));
    }
    if (opening <= FLAT_SHARE * current.largest) return;
  }
  const trip = trips.get(fill.strategy) ?? newTrip(fill, sign);
  trips.set(fill.strategy, trip);
  addCosts(trip, fill, opening / fill.quantity);
  trip.entered += opening;
  trip.entryValue += opening * fill.price;
  trip.held += opening;
  trip.largest = Math.max(trip.largest, trip.held);
  trip.confidence ??= fill.confidence;
  trip.regime ??= fill.regime;
}

const newTrip = ({ strategy, symbol, time }: TradeFill, sign: number): Building => ({
  strategy,
  symbol,
  openedAt: time,
  sign,
  held: 0,
  largest: 0,
  entered: 0,
  entryValue: 0,
  left: 0,
  exitValue: 0,
  grossPnl: 0,
  fees: 0,
  spread: 0,
  impact: 0,
  funding: 0,
  confidence: undefined,
  regime: undefined,
});

function addCosts(trip: Building, { fee, spread, impact }: TradeFill, share: number): void {
  trip.fees += fee * share;
  trip.spread += spread * share;
  trip.impact += impact * share;
}

const commonOf = (trip: Building) => ({
  strategy: trip.strategy,
  symbol: trip.symbol,
  side: trip.sign > 0 ? ('long' as const) : ('short' as const),
  openedAt: trip.openedAt,
  entryPrice: trip.entryValue / trip.entered,
  quantity: trip.entered,
  fees: trip.fees,
  spread: trip.spread,
  impact: trip.impact,
  funding: trip.funding,
  ...(trip.confidence === undefined ? {} : { confidence: trip.confidence }),
  ...(trip.regime === undefined ? {} : { regime: trip.regime }),
});

function closedTrip(trip: Building, { time, purpose }: TradeFill): RoundTrip {
  const netPnl = trip.grossPnl - trip.fees + trip.funding;
  return {
    ...commonOf(trip),
    closedAt: time,
    exitPrice: trip.exitValue / trip.left,
    grossPnl: trip.grossPnl,
    netPnl,
    netReturn: netPnl / trip.entryValue,
    exitPurpose: purpose,
  };
}

const openTrip = (trip: Building): OpenTrip => ({ ...commonOf(trip), held: trip.held, realizedPnl: trip.grossPnl });
