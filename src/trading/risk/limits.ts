import {
  type EpochMs,
  MINUTE_MS,
  type Notional,
  notionalAmount,
  type ReasonCode,
  type SignalSide,
  type SymbolId,
} from '../../core/index.ts';
import { priceToNumber, shareDown } from '../../matching/index.ts';
import { correlationOf } from '../correlation.ts';
import { priceAge } from '../market-state.ts';
import type { Exposure, Markets } from '../portfolio.ts';
import type { RiskSettings } from '../settings.ts';

/** A share of the equity, rounded down; nothing of an equity that is used up. */
export const shareOfEquity = (equity: bigint, share: number): Notional =>
  notionalAmount(equity > 0n ? shareDown(equity, share) : 0n);

/** An entry that is wanted. */
export interface WantedEntry {
  readonly strategy: string;
  readonly symbol: SymbolId;
  readonly side: SignalSide;
  /** Price units: the limit, or for an order at market the price its signal was made at. */
  readonly price: bigint;
}

/** What the entry would meet: the exposure includes what is pending and what the minute has decided so far. */
export interface PreTradeContext {
  readonly minute: EpochMs;
  /** Why there are no entries at all. */
  readonly restriction: ReasonCode | undefined;
  /** Cash units. */
  readonly equity: bigint;
  /** Largest gross exposure that arming and capital ramp allow, cash units; undefined where neither bounds it. */
  readonly grossCap?: bigint | undefined;
  readonly exposure: Exposure;
  readonly markets: Markets;
  /** Number of a symbol's sector; 0 where none is known, which is no sector. */
  readonly sectorOf: (symbol: SymbolId) => number;
  /** Orders decided in this minute, and on this UTC day, so far. */
  readonly ordersOfMinute: number;
  readonly ordersOfDay: number;
  /** When the strategy last entered the symbol on that side. */
  readonly lastEntryAt: (entry: WantedEntry) => EpochMs | undefined;
}

/** Why an entry must not be placed, or undefined. */
type Check = (entry: WantedEntry, context: PreTradeContext, settings: RiskSettings) => ReasonCode | undefined;

const CHECKS: readonly Check[] = [
  (_, { restriction }) => restriction,
  priceIsCurrent,
  priceIsWithinCollar,
  isNoDuplicate,
  isNotOpposed,
  ordersAreLeft,
  positionsAreLeft,
  exposureIsLeft,
];

/** The first reason for which an entry must not be placed, or undefined. How large it may be is sizing's, by the same limits. */
export function refuseEntry(
  entry: WantedEntry,
  context: PreTradeContext,
  settings: RiskSettings,
): ReasonCode | undefined {
  for (const check of CHECKS) {
    const reason = check(entry, context, settings);
    if (reason !== undefined) return reason;
  }
  return undefined;
}

function priceIsCurrent({ symbol }: WantedEntry, { markets, minute }: PreTradeContext, settings: RiskSettings) {
  const market = markets.get(symbol);
  const isCurrent = market !== undefined && priceAge(market, minute) < settings.maxPriceAgeMinutes * MINUTE_MS;
  return isCurrent ? undefined : 'RISK_STALE_PRICE';
}

function priceIsWithinCollar({ symbol, price }: WantedEntry, { markets }: PreTradeContext, settings: RiskSettings) {
  const last = markets.get(symbol)?.lastPrice ?? 0n;
  const deviation = Math.abs(priceToNumber(price - last)) / priceToNumber(last);
  return deviation <= settings.maxPriceDeviation ? undefined : 'RISK_PRICE_COLLAR';
}

function isNoDuplicate(entry: WantedEntry, { minute, lastEntryAt }: PreTradeContext, settings: RiskSettings) {
  const last = lastEntryAt(entry);
  const isFar = last === undefined || minute - last >= settings.duplicateWindowMinutes * MINUTE_MS;
  return isFar ? undefined : 'RISK_DUPLICATE_ORDER';
}

/** What is short of a symbol is half of its absolute values less their sum; what is long, half of both together. */
function isNotOpposed({ symbol, side }: WantedEntry, { exposure }: PreTradeContext, settings: RiskSettings) {
  if (settings.allowOppositePositions) return undefined;
  const net = exposure.netBySymbol.get(symbol) ?? 0n;
  const opposed = (exposure.bySymbol.get(symbol) ?? 0n) - (side === 'long' ? net : -net);
  return opposed > 0n ? 'RISK_OPPOSITE_POSITION' : undefined;
}

function ordersAreLeft(_: WantedEntry, { ordersOfMinute, ordersOfDay }: PreTradeContext, settings: RiskSettings) {
  if (ordersOfMinute >= settings.maxOrdersPerMinute) return 'RISK_ORDERS_PER_MINUTE';
  return ordersOfDay >= settings.maxOrdersPerDay ? 'RISK_ORDERS_PER_DAY' : undefined;
}

function positionsAreLeft(_: WantedEntry, { exposure }: PreTradeContext, settings: RiskSettings) {
  return exposure.positions >= settings.maxPositions ? 'RISK_MAX_POSITIONS' : undefined;
}

function exposureIsLeft(entry: WantedEntry, context: PreTradeContext, settings: RiskSettings) {
  return EXPOSURE_LIMITS.find((limit) => limit.room(entry, context, settings) <= 0n)?.refusal;
}

type Place = Pick<WantedEntry, 'symbol' | 'side'>;
/** What limits of exposure look at. */
export type ExposureContext = Pick<PreTradeContext, 'equity' | 'grossCap' | 'exposure' | 'markets' | 'sectorOf'>;

/** A limit of what is held: refuses an entry where it leaves nothing, and cuts one to what it leaves. */
export interface ExposureLimit {
  readonly refusal: ReasonCode;
  readonly reduction: ReasonCode;
  /** Cash units that may be added; 0 or less where nothing may. */
  readonly room: (entry: Place, context: ExposureContext, settings: RiskSettings) => bigint;
}

/** More cash than there is. */
const NO_BOUND = 1n << 120n;

/** In the order in which they cut. */
export const EXPOSURE_LIMITS: readonly ExposureLimit[] = [
  {
    refusal: 'RISK_MAX_CAPITAL',
    reduction: 'SIZE_REDUCED_CAPITAL',
    room: (_, { exposure, grossCap }) => (grossCap ?? NO_BOUND) - exposure.gross,
  },
  {
    refusal: 'RISK_MAX_POSITION',
    reduction: 'SIZE_REDUCED_POSITION_LIMIT',
    room: ({ symbol }, { equity, exposure }, { maxPositionFraction }) =>
      shareOfEquity(equity, maxPositionFraction) - (exposure.bySymbol.get(symbol) ?? 0n),
  },
  {
    refusal: 'RISK_MAX_EXPOSURE',
    reduction: 'SIZE_REDUCED_EXPOSURE',
    room: (_, { equity, exposure }, { maxGrossExposure }) => shareOfEquity(equity, maxGrossExposure) - exposure.gross,
  },
  {
    refusal: 'RISK_MAX_CORRELATION',
    reduction: 'SIZE_REDUCED_CORRELATION',
    room: (entry, context, settings) =>
      shareOfEquity(context.equity, settings.maxCorrelatedExposure) - correlatedExposure(entry, context, settings),
  },
  {
    refusal: 'RISK_MAX_SECTOR_EXPOSURE',
    reduction: 'SIZE_REDUCED_SECTOR',
    room: ({ symbol }, context, { maxSectorExposure, maxGrossExposure }) => {
      const sector = context.sectorOf(symbol);
      const share = sector === 0 ? maxGrossExposure : maxSectorExposure;
      const held = sector === 0 ? 0n : sectorExposure(sector, context);
      return shareOfEquity(context.equity, share) - held;
    },
  },
  {
    refusal: 'RISK_MAX_SIDE_EXPOSURE',
    reduction: 'SIZE_REDUCED_SIDE',
    room: ({ side }, { equity, exposure }, { maxSideExposure, maxGrossExposure }) =>
      shareOfEquity(equity, maxSideExposure ?? maxGrossExposure) - exposure[side],
  },
  {
    refusal: 'RISK_MAX_NET_EXPOSURE',
    reduction: 'SIZE_REDUCED_NET',
    room: ({ side }, { equity, exposure: { long, short } }, { maxNetExposure, maxGrossExposure }) =>
      shareOfEquity(equity, maxNetExposure ?? maxGrossExposure) - (side === 'long' ? long - short : short - long),
  },
];

function sectorExposure(sector: number, { exposure, sectorOf }: ExposureContext): bigint {
  let sum = 0n;
  for (const [symbol, value] of exposure.bySymbol) if (sectorOf(symbol) === sector) sum += value;
  return sum;
}

/**
 * What is held that moves with the entry: the symbol itself on the entry's side, and others whose returns correlate with its own, with
 * the sign of the sides, by the limit or more. A correlation that is not known yet does not count.
 */
function correlatedExposure({ symbol, side }: Place, { exposure, markets }: ExposureContext, settings: RiskSettings) {
  const market = markets.get(symbol);
  let sum = 0n;
  for (const [other, net] of exposure.netBySymbol) {
    const isSameSide = net > 0n === (side === 'long');
    const value = net > 0n ? net : -net;
    if (other === symbol) {
      if (isSameSide) sum += value;
      continue;
    }
    const correlation = correlationOf(market, markets.get(other));
    if (correlation !== undefined && (isSameSide ? correlation : -correlation) >= settings.maxCorrelation) sum += value;
  }
  return sum;
}
