import {
  at64,
  type BarColumns,
  firstAtOrAfter,
  formatTime,
  type Instrument,
  type OrderIntent,
  type Position,
  type SymbolId,
} from '../../core/index.ts';
import { type CostSettings, halfSpreadOf, impactOf, priceFromNumber, tradingRulesOf } from '../../matching/index.ts';
import type { BacktestMarket } from '../run-backtest.ts';
import type { BookTrace, TracedFill } from './book-trace.ts';
import { type AuditContext, type AuditResult, countText, percentText } from './context.ts';

/** What executions are held against. */
export interface RealismInput {
  readonly trace: BookTrace;
  readonly market: Pick<BacktestMarket, 'bars' | 'minutes'>;
  readonly instruments: ReadonlyMap<SymbolId, Instrument>;
  readonly costs: CostSettings;
  readonly initialEquity: number;
  /** What the book says it holds at the end. */
  readonly open: readonly Position[];
}

interface Bar {
  readonly open: number;
  readonly high: number;
  readonly low: number;
  readonly volume: number;
  /** Volume of a mean minute of it. */
  readonly minuteVolume: number;
}

/** Decimals of a candle as floats. */
const ROUNDING = 1e-9;

export const auditFills = ({ backtest, trace, result }: AuditContext, costs: CostSettings): AuditResult =>
  judgeFills({
    trace,
    market: backtest.market,
    instruments: backtest.instruments,
    costs,
    initialEquity: result.equity.equity[0] ?? 0,
    open: result.open,
  });

/**
 * Whether every execution could have happened: of an order, after its decision and within its validity, in a bar that traded, within its range widened by
 * spread and impact, no better than the open or the trigger and half the spread beyond, with its fee, and with no more of the volume than is allowed;
 * exits never open or turn a position; and executions, fees and flows alone, at the closes, give the equity of every bar and the positions of the last.
 */
export function judgeFills(input: RealismInput): AuditResult {
  const { trace, costs } = input;
  const faults: string[] = [];
  const taken = new Map<string, number>();
  let largestShare = 0;
  for (const fill of trace.fills) {
    const order = trace.orders.get(fill.clientOrderId);
    if (order === undefined) {
      faults.push(`${fill.symbol} ${formatTime(fill.time)}: an execution of no order`);
      continue;
    }
    const bar = fill.isInside ? undefined : barOf(fill, input.market);
    for (const fault of fill.isInside ? insideFaults(fill, input) : venueFaults(fill, order, bar, input)) {
      faults.push(`${fill.symbol} ${formatTime(fill.time)} ${order.side} ${order.purpose}: ${fault}`);
    }
    if (bar === undefined) continue;
    const key = `${fill.symbol} ${fill.time} ${fill.isOnMinutes}`;
    const sum = (taken.get(key) ?? 0) + Number(fill.quantity);
    taken.set(key, sum);
    const share = sum / bar.volume;
    largestShare = Math.max(largestShare, share);
    if (share > costs.maxParticipation * (1 + ROUNDING)) {
      faults.push(`${fill.symbol} ${formatTime(fill.time)}: ${percentText(share)} of the volume of its bar`);
    }
  }
  faults.push(...bookFaults(input));
  const figures = { fills: trace.fills.length, faults: faults.length, largestShare };
  const scope = `${countText(trace.fills.length, 'fill')}, ${countText(trace.equity.length, 'bar')}, at most ${percentText(largestShare)} of a bar's volume`;
  const detail = faults.length === 0 ? scope : `${namedFaults(faults)} (${scope})`;
  return { name: 'fill-realism', ok: faults.length === 0, detail, figures };
}

/** Faults named in a verdict. */
const NAMED = 3;

function namedFaults(faults: readonly string[]): string {
  const more = faults.length > NAMED ? ` and ${faults.length - NAMED} more` : '';
  return `${countText(faults.length, 'fault')}: ${faults.slice(0, NAMED).join('; ')}${more}`;
}

function venueFaults(fill: TracedFill, order: OrderIntent, bar: Bar | undefined, input: RealismInput): string[] {
  const { costs } = input;
  const faults: string[] = [];
  if (fill.time < order.decidedAt) faults.push(`filled before it was decided at ${formatTime(order.decidedAt)}`);
  if (fill.time >= order.validUntil) faults.push(`filled after its end at ${formatTime(order.validUntil)}`);
  if (fill.time >= fill.knownAt) faults.push('known before it happened');
  if (bar === undefined) return [...faults, 'there is no bar'];
  if (!(bar.volume > 0)) return [...faults, 'nothing traded in its bar'];
  const price = Number(fill.price);
  const isBuy = fill.side === 'buy';
  const { reference, isReached } = referenceOf(fill, order, bar, input.trace);
  if (!isReached) faults.push(`its bar did not reach the trigger at ${order.triggerPrice}`);
  const instrument = input.instruments.get(fill.symbol);
  if (instrument === undefined) return [...faults, 'an instrument that nobody knows'];
  const { tick } = tradingRulesOf(instrument);
  const halfSpread = halfSpreadOf(costs, priceFromNumber(reference), tick);
  const worse = (isBuy ? price - reference : reference - price) / reference;
  const tickSize = Number(instrument.tickSize);
  // A sale at the smallest price there is has nowhere to slip to.
  if (worse < halfSpread - ROUNDING && price > tickSize) {
    faults.push(`at ${price}, better than ${reference} less half the spread`);
  }
  const slip = reference * (halfSpread + impactOf(costs, Number(fill.quantity) / bar.minuteVolume)) + tickSize;
  if (price < bar.low - slip * (1 + ROUNDING) || price > bar.high + slip * (1 + ROUNDING)) {
    faults.push(`at ${price}, outside of ${bar.low} to ${bar.high} and the costs of it`);
  }
  const fee = (Number(fill.quantity) * price * costs.takerFeeBps) / 10_000;
  if (Number(fill.fee) < fee * (1 - ROUNDING) - 1e-8) faults.push(`a fee of ${fill.fee} instead of ${fee.toFixed(8)}`);
  return faults;
}

/** What an order is filled at before costs: its bar's open, or the trigger where that was reached within the bar. */
function referenceOf(fill: TracedFill, order: OrderIntent, { open, high, low }: Bar, trace: BookTrace) {
  const { type, side, triggerPrice } = order;
  const isTriggeredHere = triggerPrice !== undefined && trace.triggeredAt.get(fill.clientOrderId) === fill.time;
  if (!isTriggeredHere) {
    const wasTriggered = (trace.triggeredAt.get(fill.clientOrderId) ?? Number.POSITIVE_INFINITY) < fill.time;
    return { reference: open, isReached: triggerPrice === undefined || wasTriggered };
  }
  const trigger = Number(triggerPrice);
  const rises = (side === 'buy') === (type === 'stopMarket');
  const isAtOpen = rises ? open >= trigger : open <= trigger;
  return { reference: isAtOpen ? open : trigger, isReached: rises ? high >= trigger : low <= trigger };
}

/** What crosses inside the book, or ends with its instrument, does so at the last close. */
function insideFaults(fill: TracedFill, { market }: RealismInput): string[] {
  const close = closeBefore(market.bars.get(fill.symbol), fill.time);
  return Number(fill.price) === close ? [] : [`inside the book at ${fill.price} instead of the last close, ${close}`];
}

function barOf({ symbol, time, isOnMinutes }: TracedFill, { bars, minutes }: RealismInput['market']): Bar | undefined {
  const columns = (isOnMinutes ? minutes : bars)?.get(symbol);
  if (columns === undefined) return undefined;
  const at = firstAtOrAfter(columns.openTime, time);
  if (at >= columns.length || at64(columns.openTime, at) !== time) return undefined;
  const volume = at64(columns.volume, at);
  return {
    open: at64(columns.open, at),
    high: at64(columns.high, at),
    low: at64(columns.low, at),
    volume,
    minuteVolume: isOnMinutes ? volume : volume / 15,
  };
}

function closeBefore(bars: BarColumns | undefined, time: number): number {
  const at = bars === undefined ? -1 : firstAtOrAfter(bars.openTime, time) - 1;
  return bars === undefined || at < 0 ? Number.NaN : at64(bars.close, at);
}

/** Goes through the executions anew, in floats: positions and money. */
function bookFaults({ trace, market, initialEquity, open }: RealismInput): string[] {
  const faults: string[] = [];
  const positions = new Map<string, { readonly symbol: SymbolId; readonly quantity: number }>();
  let cash = initialEquity;
  let [nextFill, nextFlow] = [0, 0];
  const tolerance = ROUNDING * initialEquity + 1e-7 * trace.fills.length;
  for (const { minute, equity } of trace.equity) {
    for (let fill = trace.fills[nextFill]; fill && fill.knownAt <= minute; fill = trace.fills[++nextFill]) {
      const { strategy, symbol } = fill;
      const key = `${strategy} ${symbol}`;
      const signed = fill.side === 'buy' ? Number(fill.quantity) : -Number(fill.quantity);
      const before = positions.get(key)?.quantity ?? 0;
      const after = Math.abs(before + signed) < 5e-9 ? 0 : before + signed;
      cash -= signed * Number(fill.price) + Number(fill.fee);
      const order = trace.orders.get(fill.clientOrderId);
      const isReducing = before * signed < 0 && after * before >= 0;
      if (order && order.purpose !== 'entry' && !isReducing) {
        faults.push(
          `${symbol} ${formatTime(fill.time)} ${order.side} ${order.purpose}: it makes ${before} of ${strategy} ${after}`,
        );
      }
      if (after === 0) positions.delete(key);
      else positions.set(key, { symbol, quantity: after });
    }
    for (let flow = trace.cashFlows[nextFlow]; flow && flow.knownAt <= minute; flow = trace.cashFlows[++nextFlow]) {
      cash += Number(flow.amount);
    }
    let worth = cash;
    for (const { symbol, quantity } of positions.values()) {
      worth += quantity * closeBefore(market.bars.get(symbol), minute);
    }
    if (Math.abs(worth - Number(equity)) <= tolerance) continue;
    faults.push(
      `${formatTime(minute)}: executions and flows make an equity of ${worth.toFixed(8)}, the book says ${equity}`,
    );
    break;
  }
  const said = new Map(open.map(({ strategy, symbol, quantity }) => [`${strategy} ${symbol}`, Number(quantity)]));
  for (const key of new Set([...said.keys(), ...positions.keys()])) {
    const [own, other] = [positions.get(key)?.quantity ?? 0, said.get(key) ?? 0];
    if (Math.abs(own - other) > 5e-9 * Math.max(1, Math.abs(own))) {
      faults.push(`${key}: executions make a position of ${own}, the book says ${other}`);
    }
  }
  return faults;
}
