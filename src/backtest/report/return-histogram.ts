import { escapeHtml, fix, niceReach, percentText, svgFigure } from '../../html/index.ts';
import { PLOT, scaleOf } from './time-chart.ts';

const BINS = 30;

/** How often daily returns were how large; their mean is the broken line. */
export function returnHistogram(title: string, returns: Float64Array): string {
  if (returns.length === 0) return `<figure><h3>${escapeHtml(title)}</h3><p class="quiet">n/a</p></figure>`;
  const plot = { ...PLOT, height: 230 };
  const lowest = returns.reduce((least, value) => Math.min(least, value), 0);
  const highest = returns.reduce((most, value) => Math.max(most, value), 0);
  const step = niceReach((highest - lowest || 0.01) / BINS);
  const binOf = (value: number) => Math.floor(value / step + 1e-9);
  const [first, last] = [binOf(lowest), binOf(highest)];
  const counts = new Array<number>(last - first + 1).fill(0);
  for (const value of returns) {
    const bin = binOf(value) - first;
    counts[bin] = (counts[bin] ?? 0) + 1;
  }
  const most = Math.max(...counts);
  const x = scaleOf([first * step, (last + 1) * step], [plot.left, plot.width - plot.right]);
  const y = scaleOf([0, most], [plot.height - plot.bottom, plot.top]);
  const bars = counts.map((count, index) => {
    if (count === 0) return '';
    const from = (first + index) * step;
    const text = `${percentText(from, 2)} to ${percentText(from + step, 2)}: ${count} days`;
    const colour = first + index >= 0 ? 'var(--up)' : 'var(--down)';
    return `<rect x="${fix(x(from) + 0.5)}" y="${fix(y(count))}" width="${fix(x(step) - x(0) - 1)}" height="${fix(y(0) - y(count))}" style="fill:${colour}" fill-opacity="0.7"><title>${text}</title></rect>`;
  });
  const mean = returns.reduce((sum, value) => sum + value, 0) / returns.length;
  const labelStep = niceReach(((last + 1 - first) * step) / 12);
  const labels: string[] = [];
  for (let mark = Math.ceil((first * step) / labelStep - 1e-9); mark * labelStep < (last + 1) * step; mark++) {
    const places = labelStep < 0.001 ? 2 : labelStep < 0.01 ? 1 : 0;
    labels.push(
      `<text x="${fix(x(mark * labelStep))}" y="${plot.height - 8}" text-anchor="middle">${percentText(mark === 0 ? 0 : mark * labelStep, places)}</text>`,
    );
  }
  const rules = [most, Math.round(most / 2)].map(
    (count) =>
      `<path class="rule" d="M${plot.left} ${fix(y(count))}H${plot.width - plot.right}"/><text x="${plot.left - 6}" y="${fix(y(count) + 4)}" text-anchor="end">${count}</text>`,
  );
  const line = `<path class="ideal" d="M${fix(x(mean))} ${plot.top}V${plot.height - plot.bottom}"><title>mean ${percentText(mean, 3)}</title></path>`;
  const base = `<path class="axis" d="M${plot.left} ${fix(y(0))}H${plot.width - plot.right}"/>`;
  return svgFigure(title, plot.width, plot.height, [...rules, ...bars, base, line, ...labels].join(''));
}
