import { epochMs, formatTime } from '../../core/index.ts';
import { escapeHtml, fix, niceReach, percentText, shortNumber, svgFigure } from '../../html/index.ts';
import type { ConfidenceDecile } from '../evaluation/confidence.ts';
import type { DailyCoefficient, ReliabilityBin } from '../evaluation/detail.ts';
import { FEWEST_ROWS_JUDGED } from '../evaluation/score-sums.ts';

export const CLASS_NAMES = ['up', 'down', 'flat'] as const;
const CLASS_COLOURS = ['var(--up)', 'var(--down)', 'var(--flat)'] as const;

/** The classes and their colours. */
export const classLegend = (): string =>
  `<div class="legend">${CLASS_NAMES.map((name, label) => `<span><i style="background:${CLASS_COLOURS[label]}"></i>${name}</span>`).join('')}</div>`;

/**
 * Frequency over forecast probability per class; larger points are more rows, and those of hardly any are left out. The broken line is perfect
 * calibration.
 */
export function reliabilityChart(title: string, all: readonly (readonly ReliabilityBin[])[]): string {
  const classes = all.map((bins) => bins.filter(({ rows }) => rows >= FEWEST_ROWS_JUDGED));
  const size = 260;
  const left = 34;
  const bottom = 26;
  const top = 6;
  const side = size - left - 8;
  const height = side + top + bottom;
  const x = (p: number) => left + p * side;
  const y = (p: number) => top + (1 - p) * side;
  const ticks = [0, 0.25, 0.5, 0.75, 1];
  const most = Math.max(1, ...classes.flat().map(({ rows }) => rows));
  const rules = ticks.map(
    (tick) =>
      `<path class="rule" d="M${x(0)} ${fix(y(tick))}H${x(1)}"/><text x="${left - 5}" y="${fix(y(tick) + 4)}" text-anchor="end">${tick}</text><text x="${fix(x(tick))}" y="${height - 9}" text-anchor="middle">${tick}</text>`,
  );
  const series = classes.map((bins, label) => {
    const colour = CLASS_COLOURS[label] ?? 'currentColor';
    const line = bins.map((bin, i) => `${i === 0 ? 'M' : 'L'}${fix(x(bin.meanProbability))} ${fix(y(bin.frequency))}`);
    const points = bins.map((bin) => {
      const text = `${CLASS_NAMES[label]}: forecast ${percentText(bin.meanProbability)}, came ${percentText(bin.frequency)}, ${bin.rows} rows`;
      const radius = 1.5 + 4 * Math.sqrt(bin.rows / most);
      return `<circle cx="${fix(x(bin.meanProbability))}" cy="${fix(y(bin.frequency))}" r="${fix(radius)}" fill="${colour}" fill-opacity="0.75"><title>${escapeHtml(text)}</title></circle>`;
    });
    return `<path d="${line.join('')}" fill="none" stroke="${colour}" stroke-width="1.3" stroke-opacity="0.7"/>${points.join('')}`;
  });
  return svgFigure(
    title,
    size,
    height,
    `${rules.join('')}<path class="ideal" d="M${x(0)} ${y(0)}L${x(1)} ${y(1)}"/>${series.join('')}`,
  );
}

/** Rows by realised class (down the side) and named class (across), as shares of the realised class. */
export function confusionChart(title: string, confusion: readonly (readonly number[])[]): string {
  const left = 44;
  const top = 22;
  const cell = { width: 70, height: 44 };
  const total = confusion.map((row) => row.reduce((sum, count) => sum + count, 0));
  const parts = confusion.flatMap((row, truth) => [
    `<text x="${left - 6}" y="${top + truth * cell.height + 26}" text-anchor="end">${CLASS_NAMES[truth]}</text>`,
    `<text x="${left + (truth + 0.5) * cell.width}" y="${top - 8}" text-anchor="middle">${CLASS_NAMES[truth]}</text>`,
    ...row.map((count, named) => {
      const share = (total[truth] ?? 0) > 0 ? count / (total[truth] ?? 1) : 0;
      const x = left + named * cell.width;
      const y = top + truth * cell.height;
      return `<rect x="${x + 1}" y="${y + 1}" width="${cell.width - 2}" height="${cell.height - 2}" rx="3" style="fill:rgba(var(--heat),${fix(0.06 + 0.74 * share)})"/><text x="${x + cell.width / 2}" y="${y + 20}" text-anchor="middle" style="fill:var(--text);font-weight:600">${percentText(share)}</text><text x="${x + cell.width / 2}" y="${y + 34}" text-anchor="middle" style="fill:var(--text)">${count}</text>`;
    }),
  ]);
  return svgFigure(title, left + 3 * cell.width + 4, top + 3 * cell.height + 4, parts.join(''));
}

/** Bars of each day's coefficient, and the line of their running sum. Each has its own scale. */
export function coefficientChart(title: string, days: readonly DailyCoefficient[]): string {
  const size = { width: 520, height: 190 };
  const area = { left: 40, right: 42, top: 16, bottom: 22 };
  const width = size.width - area.left - area.right;
  const height = size.height - area.top - area.bottom;
  let sum = 0;
  const sums = days.map(({ value }) => {
    sum += value ?? 0;
    return sum;
  });
  const reach = niceReach(Math.max(...days.map(({ value }) => Math.abs(value ?? 0)), 1e-6));
  const sumReach = niceReach(Math.max(...sums.map(Math.abs), 1e-6));
  const slot = width / Math.max(1, days.length);
  const y = (value: number, of: number) => area.top + (height / 2) * (1 - value / of);
  const bars = days.map(({ day, value }, index) => {
    if (value === null) return '';
    const from = Math.min(y(value, reach), y(0, reach));
    const text = `${dayText(day)}: ${value.toFixed(4)}, sum ${(sums[index] ?? 0).toFixed(3)}`;
    return `<rect x="${fix(area.left + index * slot + slot * 0.12)}" y="${fix(from)}" width="${fix(slot * 0.76)}" height="${fix(Math.max(0.5, Math.abs(y(value, reach) - y(0, reach))))}" style="fill:${value >= 0 ? 'var(--up)' : 'var(--down)'}" fill-opacity="0.55"><title>${escapeHtml(text)}</title></rect>`;
  });
  const line = sums.map(
    (value, index) => `${index === 0 ? 'M' : 'L'}${fix(area.left + (index + 0.5) * slot)} ${fix(y(value, sumReach))}`,
  );
  const labels = [reach, 0, -reach].map(
    (value) =>
      `<path class="rule" d="M${area.left} ${fix(y(value, reach))}H${size.width - area.right}"/><text x="${area.left - 5}" y="${fix(y(value, reach) + 4)}" text-anchor="end">${shortNumber(value)}</text><text x="${size.width - area.right + 5}" y="${fix(y(value, reach) + 4)}" style="fill:var(--accent)">${shortNumber((value / reach) * sumReach)}</text>`,
  );
  const first = days[0];
  const last = days[days.length - 1];
  const dates =
    first && last
      ? `<text x="${area.left}" y="${size.height - 6}">${dayText(first.day)}</text><text x="${size.width - area.right}" y="${size.height - 6}" text-anchor="end">${dayText(last.day)}</text>`
      : '';
  return svgFigure(
    title,
    size.width,
    size.height,
    `${labels.join('')}${bars.join('')}<path d="${line.join('')}" fill="none" stroke="var(--accent)" stroke-width="1.6"/>${dates}`,
  );
}

/** Hit rate by tenth of confidence with its interval; the broken line is a coin. */
export function confidenceChart(title: string, deciles: readonly ConfidenceDecile[]): string {
  const size = { width: 260, height: 180 };
  const area = { left: 40, right: 8, top: 10, bottom: 24 };
  const width = size.width - area.left - area.right;
  const height = size.height - area.top - area.bottom;
  const values = deciles
    .flatMap(({ hitRate: { value, low, high } }) => [value, low, high])
    .filter((one) => one !== null);
  const reach = Math.max(0.05, ...values.map((value) => Math.abs(value - 0.5) * 1.1));
  const slot = width / deciles.length;
  const y = (value: number) => area.top + (height / 2) * (1 - (value - 0.5) / reach);
  const marks = deciles.map(({ hitRate: { value, low, high }, rows }, index) => {
    const x = area.left + (index + 0.5) * slot;
    const label = `<text x="${fix(x)}" y="${size.height - 8}" text-anchor="middle">${index + 1}</text>`;
    if (value === null) return label;
    const bar =
      low === null || high === null
        ? ''
        : `<path d="M${fix(x)} ${fix(y(low))}V${fix(y(high))}" stroke="var(--accent)" stroke-width="2" stroke-opacity="0.45"/>`;
    const text = `tenth ${index + 1}: ${percentText(value)}${low === null ? '' : `, ${percentText(low)} to ${percentText(high)}`}, ${rows} rows`;
    return `${bar}<circle cx="${fix(x)}" cy="${fix(y(value))}" r="3.5" fill="var(--accent)"><title>${escapeHtml(text)}</title></circle>${label}`;
  });
  const rules = [0.5 + reach, 0.5 - reach].map(
    (value) =>
      `<path class="rule" d="M${area.left} ${fix(y(value))}H${size.width - area.right}"/><text x="${area.left - 5}" y="${fix(y(value) + 4)}" text-anchor="end">${percentText(value, 0)}</text>`,
  );
  const coin = `<path class="ideal" d="M${area.left} ${fix(y(0.5))}H${size.width - area.right}"/><text x="${area.left - 5}" y="${fix(y(0.5) + 4)}" text-anchor="end">50 %</text>`;
  return svgFigure(title, size.width, size.height, `${rules.join('')}${coin}${marks.join('')}`);
}

const dayText = (day: number): string => formatTime(epochMs(day)).slice(0, 'yyyy-mm-dd'.length);
