import { at64, type BarColumns, DAY_MS, firstAtOrAfter, HOUR_MS, MINUTE_MS, type SymbolId } from '../../core/index.ts';
import { svgFigure } from '../../html/index.ts';
import type { RoundTrip } from '../statistics/index.ts';
import { PLOT, rangeOf, scaleOf, timeAxis, valueAxis } from './time-chart.ts';

/** Candles as they are drawn: few, and so long that they cover the time. */
export interface ChartCandles {
  readonly symbol: SymbolId;
  /** Epoch milliseconds, ascending, and the length of each. */
  readonly openTime: Float64Array;
  readonly barMs: number;
  readonly open: Float64Array;
  readonly high: Float64Array;
  readonly low: Float64Array;
  readonly close: Float64Array;
}

const MOST_CANDLES = 200;
const LENGTHS = [15 * MINUTE_MS, 30 * MINUTE_MS, HOUR_MS, 2 * HOUR_MS, 4 * HOUR_MS, 8 * HOUR_MS, 12 * HOUR_MS, DAY_MS];

/**
 * Candles of the most traded symbols, longer than the bars so that at most 200 cover the time.
 * @param bars 15-minute bars by symbol
 */
export function chartCandlesOf(
  trips: readonly RoundTrip[],
  bars: ReadonlyMap<SymbolId, BarColumns>,
  window: { readonly from: number; readonly to: number },
  symbols = 4,
): ChartCandles[] {
  const counts = new Map<SymbolId, number>();
  for (const { symbol } of trips) counts.set(symbol, (counts.get(symbol) ?? 0) + 1);
  const mostTraded = [...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1)).slice(0, symbols);
  const span = window.to - window.from;
  const barMs =
    LENGTHS.find((length) => span / length <= MOST_CANDLES) ?? DAY_MS * Math.ceil(span / DAY_MS / MOST_CANDLES);
  return mostTraded.flatMap(([symbol]) => {
    const columns = bars.get(symbol);
    return columns ? [lengthened(symbol, columns, barMs, window)] : [];
  });
}

function lengthened(
  symbol: SymbolId,
  bars: BarColumns,
  barMs: number,
  { from, to }: { readonly from: number; readonly to: number },
): ChartCandles {
  const candles: { time: number; open: number; high: number; low: number; close: number }[] = [];
  for (let row = firstAtOrAfter(bars.openTime, from - 15 * MINUTE_MS); row < bars.length; row++) {
    const time = Math.floor(at64(bars.openTime, row) / barMs) * barMs;
    if (at64(bars.openTime, row) >= to) break;
    const [high, low, close] = [at64(bars.high, row), at64(bars.low, row), at64(bars.close, row)];
    const last = candles.at(-1);
    if (last?.time === time) {
      last.high = Math.max(last.high, high);
      last.low = Math.min(last.low, low);
      last.close = close;
    } else candles.push({ time, open: at64(bars.open, row), high, low, close });
  }
  return {
    symbol,
    barMs,
    openTime: Float64Array.from(candles, ({ time }) => time),
    open: Float64Array.from(candles, ({ open }) => open),
    high: Float64Array.from(candles, ({ high }) => high),
    low: Float64Array.from(candles, ({ low }) => low),
    close: Float64Array.from(candles, ({ close }) => close),
  };
}

/** What marks a trade on candles: entries by side, exits by what they brought. */
export const tradeLegend = (): string =>
  `<div class="legend">${[
    ['var(--up)', '▲', 'long entry'],
    ['var(--down)', '▼', 'short entry'],
    ['var(--up)', '●', 'exit with a profit'],
    ['var(--down)', '●', 'exit with a loss'],
  ]
    .map(([colour, mark, name]) => `<span><b style="color:${colour}">${mark}</b> ${name}</span>`)
    .join('')}</div>`;

/** Candles with the entry and the exit of each of the symbol's round trips, joined by a broken line. */
export function candleChart(candles: ChartCandles, trips: readonly RoundTrip[]): string {
  const { symbol, openTime, barMs, open, high, low, close } = candles;
  const own = trips.filter((trip) => trip.symbol === symbol);
  const title = `${symbol}: ${own.length} round trips, candles of ${lengthText(barMs)}`;
  const rows = openTime.length;
  if (rows === 0) return '';
  const plot = { ...PLOT, height: 300 };
  const times: readonly [number, number] = [at64(openTime, 0), at64(openTime, rows - 1) + barMs];
  const range = rangeOf([...high, ...low, ...own.flatMap(({ entryPrice, exitPrice }) => [entryPrice, exitPrice])]);
  const x = scaleOf(times, [plot.left, plot.width - plot.right]);
  const y = scaleOf(range, [plot.height - plot.bottom, plot.top]);
  const half = Math.max(0.6, (x(times[0] + barMs) - x(times[0])) * 0.34);
  const bodies = { rising: '', falling: '' };
  const wicks = { rising: '', falling: '' };
  for (let row = 0; row < rows; row++) {
    const kind = at64(close, row) >= at64(open, row) ? 'rising' : 'falling';
    const middle = x(at64(openTime, row) + barMs / 2);
    const [top, bottom] = [y(at64(high, row)), y(at64(low, row))];
    const [a, b] = [y(at64(open, row)), y(at64(close, row))];
    wicks[kind] += `M${tenth(middle)} ${tenth(top)}V${tenth(bottom)}`;
    bodies[kind] +=
      `M${tenth(middle - half)} ${tenth(Math.min(a, b))}h${tenth(2 * half)}v${tenth(Math.max(0.6, Math.abs(a - b)))}h${tenth(-2 * half)}z`;
  }
  const marks = { long: '', short: '', profit: '', loss: '', way: '' };
  for (const { side, openedAt, closedAt, entryPrice, exitPrice, netPnl } of own) {
    const [x0, y0, x1, y1] = [x(openedAt), y(entryPrice), x(closedAt), y(exitPrice)].map(tenth);
    marks.way += `M${x0} ${y0}L${x1} ${y1}`;
    marks[side] += side === 'long' ? `M${x0} ${y0}m0-3.5l3.5 7h-7z` : `M${x0} ${y0}m0 3.5l3.5-7h-7z`;
    marks[netPnl > 0 ? 'profit' : 'loss'] += `M${x1} ${y1}m-2.6 0a2.6 2.6 0 1 0 5.2 0a2.6 2.6 0 1 0-5.2 0z`;
  }
  const filled = (path: string, colour: string, opacity: number) =>
    `<path d="${path}" style="fill:${colour}" fill-opacity="${opacity}"/>`;
  const edged = (path: string, colour: string) =>
    `<path d="${path}" style="fill:${colour};stroke:var(--card)" stroke-width="0.7"/>`;
  return svgFigure(
    title,
    plot.width,
    plot.height,
    [
      valueAxis(plot, range, y, (value) => String(Number(value.toPrecision(6)))),
      timeAxis(plot, times[0], times[1], x),
      `<path d="${wicks.rising}${wicks.falling}" style="stroke:var(--flat)" stroke-opacity="0.45" fill="none"/>`,
      filled(bodies.rising, 'var(--up)', 0.32),
      filled(bodies.falling, 'var(--down)', 0.32),
      `<path d="${marks.way}" style="stroke:var(--text)" stroke-opacity="0.5" stroke-width="0.8" stroke-dasharray="2 2" fill="none"/>`,
      edged(marks.long, 'var(--up)'),
      edged(marks.short, 'var(--down)'),
      edged(marks.profit, 'var(--up)'),
      edged(marks.loss, 'var(--down)'),
    ].join(''),
  );
}

const lengthText = (ms: number): string =>
  ms >= DAY_MS ? `${ms / DAY_MS} d` : ms >= HOUR_MS ? `${ms / HOUR_MS} h` : `${ms / MINUTE_MS} min`;

const tenth = (value: number): string => String(Math.round(value * 10) / 10);
