import { DAY_MS, epochMs, formatTime } from '../../core/index.ts';
import { escapeHtml, fix, niceReach, svgFigure } from '../../html/index.ts';
import { drawnRows } from './series.ts';

/** A line over time. */
export interface TimeLine {
  readonly name: string;
  /** CSS. */
  readonly colour: string;
  /** Epoch milliseconds, ascending. */
  readonly times: Float64Array;
  /** NaN: nothing is drawn. */
  readonly values: Float64Array;
  /** Filled down, or up, to 0. */
  readonly isArea?: boolean;
}

export interface TimeChart {
  readonly title: string;
  readonly lines: readonly TimeLine[];
  /** How the scale's numbers are written. */
  readonly text: (value: number) => string;
  readonly height?: number;
  /** Values that the scale shows at least. */
  readonly shows?: readonly number[];
}

/** What is drawn in: units of the SVG. */
export interface Plot {
  readonly width: number;
  readonly height: number;
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

export const PLOT: Plot = { width: 960, height: 250, left: 66, right: 14, top: 10, bottom: 24 };

/** Lines over one scale of time, with a legend where there are several. */
export function timeChart({ title, lines, text, height = PLOT.height, shows = [] }: TimeChart): string {
  const drawn = lines.map((line) => ({ ...line, rows: drawnRows(line.values) }));
  const values = drawn.flatMap(({ rows, values }) => rows.map((row) => values[row] ?? Number.NaN));
  const finite = [...values, ...shows, ...(lines.some(({ isArea }) => isArea) ? [0] : [])].filter(Number.isFinite);
  const times = lines.flatMap(({ times }) => (times.length > 0 ? [times[0] ?? 0, times[times.length - 1] ?? 0] : []));
  if (!values.some(Number.isFinite)) return `<figure><h3>${escapeHtml(title)}</h3><p class="quiet">n/a</p></figure>`;
  const plot = { ...PLOT, height };
  const x = scaleOf([Math.min(...times), Math.max(...times)], [plot.left, plot.width - plot.right]);
  const [low, high] = rangeOf(finite);
  const y = scaleOf([low, high], [height - plot.bottom, plot.top]);
  const paths = drawn.map(({ colour, times, values, rows, isArea }) => {
    let path = '';
    let isOpen = false;
    for (const row of rows) {
      const value = values[row] ?? Number.NaN;
      if (Number.isFinite(value)) path += `${isOpen ? 'L' : 'M'}${tenth(x(times[row] ?? 0))} ${tenth(y(value))}`;
      isOpen = Number.isFinite(value);
    }
    const line = `<path d="${path}" fill="none" style="stroke:${colour}" stroke-width="1.4" stroke-linejoin="round"/>`;
    if (!isArea || rows.length === 0) return line;
    const [first, last] = [times[rows[0] ?? 0] ?? 0, times[rows.at(-1) ?? 0] ?? 0];
    const area = `${path}L${tenth(x(last))} ${tenth(y(0))}L${tenth(x(first))} ${tenth(y(0))}Z`;
    return `<path d="${area}" style="fill:${colour}" fill-opacity="0.22"/>${line}`;
  });
  const legend =
    lines.length < 2
      ? ''
      : `<div class="legend">${lines.map(({ name, colour }) => `<span><i style="background:${colour}"></i>${escapeHtml(name)}</span>`).join('')}</div>`;
  const axes = valueAxis(plot, [low, high], y, text) + timeAxis(plot, Math.min(...times), Math.max(...times), x);
  return svgFigure(title, plot.width, height, axes + paths.join(''), legend);
}

/** Linear map from values to units. */
export function scaleOf([low, high]: readonly [number, number], [from, to]: readonly [number, number]) {
  const span = high - low || 1;
  return (value: number): number => from + ((value - low) / span) * (to - from);
}

/** The least and the largest of values with a little room, and never nothing between them. */
export function rangeOf(values: readonly number[]): [number, number] {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of values) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  const room = (high - low || Math.abs(high) || 1) * 0.05;
  // A scale that ends at 0 ends there.
  return [low === 0 && high > 0 ? 0 : low - room, high === 0 && low < 0 ? 0 : high + room];
}

/** Rules at four to ten round values, labelled on the left; the one at 0 is stronger. */
export function valueAxis(
  { width, left, right }: Plot,
  [low, high]: readonly [number, number],
  y: (value: number) => number,
  text: (value: number) => string,
): string {
  const step = niceReach((high - low) / 10);
  const marks: string[] = [];
  for (let mark = Math.ceil(low / step - 1e-9); mark * step <= high + 1e-9 * step; mark++) {
    const value = mark === 0 ? 0 : mark * step;
    const at = fix(y(value));
    marks.push(
      `<path class="${mark === 0 ? 'axis' : 'rule'}" d="M${left} ${at}H${width - right}"/><text x="${left - 6}" y="${fix(y(value) + 4)}" text-anchor="end">${escapeHtml(text(value))}</text>`,
    );
  }
  return marks.join('');
}

const MOST_DATES = 9;

/** Dates along the bottom, at starts of UTC days, months or years. */
export function timeAxis({ height, bottom, top }: Plot, from: number, to: number, x: (time: number) => number): string {
  const marks = datesBetween(from, to).map(
    (date) =>
      `<path class="rule" d="M${fix(x(date))} ${top}V${height - bottom}"/><text x="${fix(x(date))}" y="${height - 8}" text-anchor="middle">${dateText(date)}</text>`,
  );
  return marks.join('');
}

/** At most nine starts of days or months, at even distances. */
export function datesBetween(from: number, to: number): number[] {
  const days = (to - from) / DAY_MS;
  const dayStep = [1, 2, 4, 7].find((step) => days / step < MOST_DATES);
  if (dayStep !== undefined) {
    const dates: number[] = [];
    for (let day = Math.ceil(from / DAY_MS); day * DAY_MS <= to; day += dayStep) dates.push(day * DAY_MS);
    return dates;
  }
  const monthOf = (time: number) => new Date(time).getUTCFullYear() * 12 + new Date(time).getUTCMonth();
  const months = monthOf(to) - monthOf(from);
  const step = [1, 2, 3, 6, 12].find((one) => months / one < MOST_DATES) ?? 12 * Math.ceil(months / 12 / MOST_DATES);
  const dates: number[] = [];
  for (let month = Math.ceil(monthOf(from) / step) * step; month <= monthOf(to); month += step) {
    const time = Date.UTC(Math.floor(month / 12), month % 12);
    if (time >= from && time <= to) dates.push(time);
  }
  return dates;
}

export const dateText = (time: number): string => formatTime(epochMs(time)).slice(0, 'yyyy-mm-dd'.length);

const tenth = (value: number): string => String(Math.round(value * 10) / 10);
