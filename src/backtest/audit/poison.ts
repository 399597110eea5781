import {
  at64,
  type BarColumns,
  type EpochMs,
  epochMs,
  FORECAST_OUTPUTS,
  firstAtOrAfter,
  floorTo,
  formatTime,
  type Random,
} from '../../core/index.ts';
import { BAR_MS } from '../../model/index.ts';
import { firstDifference } from '../parity/difference.ts';
import type { ForecastSource } from '../replay.ts';
import type { BacktestMarket } from '../run-backtest.ts';
import { type Decided, decidedOf, digestOf } from './book-trace.ts';
import { type AuditContext, type AuditResult, countText } from './context.ts';

const POINTS = 3;
/** Bars replayed behind a point: what is decided there must differ. */
const BARS_AFTER = 96;

/**
 * Whether anything that is decided up to a bar follows from what comes after it. At seeded bars, where there are any such in which the book entered
 * something, all later prices, volumes and rates are replaced by noise; features, forecasts and decisions are made again. Up to the bar everything
 * must be the same to the bit; and after it something must differ, or nothing was tried.
 */
export async function auditPoison(context: AuditContext): Promise<AuditResult> {
  const { backtest, random, trace, forecasts, forecastsOf } = context;
  const { from, to } = backtest.window;
  const own = random.fork('poison');
  const points = poisonPoints(context, own);
  const faults: string[] = [];
  let powerless = 0;
  let bars = 0;
  for (const [index, point] of points.entries()) {
    await context.step(`poison: point ${index + 1} of ${points.length}`);
    const market = poisonMarket(backtest.market, point, own.fork(index));
    const poisoned = forecastsOf && (await forecastsOf(market, { from, to }));
    const fault = forecastFault(forecasts, poisoned, from, point);
    let first: { minute: EpochMs; decided: Decided } | undefined;
    let isAfterEqual = true;
    const end = epochMs(Math.min(to, point + BARS_AFTER * BAR_MS));
    await context.again({
      market,
      ...(poisoned ? { forecasts: poisoned } : {}),
      to: end,
      onDecision: (minute, decision) => {
        if (digestOf(decision) === trace.digests.get(minute)) return;
        if (minute > point) isAfterEqual = false;
        else first ??= { minute, decided: decidedOf(decision) };
      },
    });
    bars += (point - from) / BAR_MS + 1;
    if (first !== undefined) {
      const { minute, decided } = first;
      const difference = differenceOf(named(await decidedAt(context, minute)), named(decided)) ?? 'something';
      faults.push(`${formatTime(minute)} ${fault ?? difference} (poisoned from ${formatTime(point)} on)`);
    } else if (fault !== undefined) faults.push(`${fault} (poisoned from ${formatTime(point)} on)`);
    else if (isAfterEqual) powerless++;
  }
  const figures = { points: points.length, bars, faults: faults.length, powerless };
  const scope = `${countText(points.length, 'point')}, ${countText(bars, 'bar')} compared`;
  const name = 'poison';
  if (faults.length > 0) {
    return { name, ok: false, detail: `what is decided follows from later bars: ${faults[0]} (${scope})`, figures };
  }
  if (powerless === points.length) {
    const detail = `nothing could be told: what was decided after the poisoned bars did not change either (${scope})`;
    return { name, ok: false, detail, figures };
  }
  const power = powerless === 0 ? '' : `; after ${countText(powerless, 'point')} nothing changed`;
  return { name, ok: true, detail: `${scope}, none differs; later ones do${power}`, figures };
}

/** One bar in each equal part of the stretch: of those that sent entries, else one at which a strategy decides. */
function poisonPoints({ backtest, strategies, trace }: AuditContext, random: Random): EpochMs[] {
  const { from, to } = backtest.window;
  const bars = Math.floor((to - from) / BAR_MS);
  // The last bars of the stretch have too few behind them for anything to differ.
  const usable = Math.max(1, bars - Math.min(BARS_AFTER, Math.ceil(bars / 4)));
  const count = Math.min(POINTS, usable);
  const points = Array.from({ length: count }, (_, part) => {
    const low = from + Math.floor((part * usable) / count) * BAR_MS;
    const high = from + Math.floor(((part + 1) * usable) / count) * BAR_MS;
    const within = trace.entryBars.filter((bar) => bar >= low && bar < high);
    const chosen = within[random.integer(Math.max(1, within.length))];
    if (chosen !== undefined) return chosen;
    const drawn = epochMs(low + random.integer((high - low) / BAR_MS) * BAR_MS);
    const cadence = strategies[part % Math.max(1, strategies.length)]?.decideEvery ?? '15m';
    const due = floorTo(drawn, cadence);
    return due >= from ? due : drawn;
  });
  return [...new Set(points)];
}

/** What another run of the true bars decided at a bar. */
async function decidedAt({ again }: AuditContext, at: EpochMs): Promise<Decided | undefined> {
  let found: Decided | undefined;
  await again({
    to: at,
    onDecision: (minute, decision) => {
      if (minute === at) found = decidedOf(decision);
    },
  });
  return found;
}

/** Where forecasts of two sources first differ, to the bit, up to a bar. */
function forecastFault(
  expected: ForecastSource | undefined,
  actual: ForecastSource | undefined,
  from: EpochMs,
  until: EpochMs,
): string | undefined {
  if (expected === undefined || actual === undefined) return undefined;
  for (let minute = from; minute <= until; minute = epochMs(minute + BAR_MS)) {
    const found = differenceOf(valuesOf(expected, minute), valuesOf(actual, minute));
    if (found !== undefined) return `${formatTime(minute)} forecast ${found}`;
  }
  return undefined;
}

const valuesOf = (source: ForecastSource, minute: EpochMs) =>
  Object.fromEntries(
    source
      .at(minute)
      .map(({ symbol, values, maskedShare }) => [
        symbol,
        { maskedShare, ...Object.fromEntries(FORECAST_OUTPUTS.map((name, index) => [name, values[index]])) },
      ]),
  );

/** What was decided by kind and symbol, so that a difference names both. */
function named(decided: Decided | undefined): Readonly<Record<string, unknown>> {
  if (decided === undefined) return {};
  const { cancels, equity, ...bySymbol } = decided;
  const kinds = Object.entries(bySymbol).map(([kind, all]) => {
    const symbols = [...new Set(all.map(({ symbol }) => symbol ?? ''))];
    return [kind, Object.fromEntries(symbols.map((symbol) => [symbol, all.filter((one) => one.symbol === symbol)]))];
  });
  return { ...Object.fromEntries(kinds), cancels, equity };
}

/** "signals.BTCUSDT[0].expectedReturn: 0.01 became 0.02". */
function differenceOf(expected: unknown, actual: unknown): string | undefined {
  const found = firstDifference(expected, actual);
  const text = (value: unknown) =>
    value === null ? 'nothing' : typeof value === 'object' ? JSON.stringify(value) : value;
  return found && `${found.field}: ${text(found.recorded)} became ${text(found.replayed)}`;
}

/**
 * The market with noise in place of everything that is not known at the close of a bar: bars that open at `after` or later, each with its prices times
 * one factor from a half to two and its volumes times another, and later funding rates. Times stay.
 */
export function poisonMarket(market: BacktestMarket, after: EpochMs, random: Random): BacktestMarket {
  const each = (all: BacktestMarket['bars'], label: string) =>
    new Map([...all].map(([symbol, bars]) => [symbol, poisonBars(bars, after, random.fork(`${label}/${symbol}`))]));
  const { minutes, fundingOf } = market;
  return {
    ...market,
    bars: each(market.bars, '15m'),
    ...(minutes ? { minutes: each(minutes, '1m') } : {}),
    fundingOf: (symbol) => {
      const own = random.fork(`funding/${symbol}`);
      return fundingOf(symbol).map((rate) =>
        rate.time > after ? { ...rate, rate: rate.rate + 0.002 * own.normal() } : rate,
      );
    },
  };
}

function poisonBars(bars: BarColumns, after: EpochMs, random: Random): BarColumns {
  const copy = Object.fromEntries(POISONED.map((column) => [column, Float64Array.from(bars[column])])) as Record<
    (typeof POISONED)[number],
    Float64Array
  >;
  const factor = () => 2 ** (2 * random.uniform() - 1);
  for (let i = firstAtOrAfter(bars.openTime, after); i < bars.length; i++) {
    const [price, volume] = [factor(), factor()];
    for (const column of PRICES) copy[column][i] = at64(bars[column], i) * price;
    copy.volume[i] = at64(bars.volume, i) * volume;
    copy.quoteVolume[i] = at64(bars.quoteVolume, i) * volume * price;
    copy.takerBuyVolume[i] = at64(bars.takerBuyVolume, i) * volume * random.uniform();
  }
  return { length: bars.length, openTime: bars.openTime, ...copy };
}

const PRICES = ['open', 'high', 'low', 'close'] as const;
const POISONED = [...PRICES, 'volume', 'quoteVolume', 'takerBuyVolume'] as const;
