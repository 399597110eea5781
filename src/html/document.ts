import { type Interval, numberText } from './figure-text.ts';

/** Text that is safe inside HTML, SVG and quoted attributes. */
export function escapeHtml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
}

export interface HtmlColumn {
  readonly title: string;
  /** Numbers stand on the right. */
  readonly numeric?: boolean;
  /** Long text, on several lines. */
  readonly wraps?: boolean;
}

/** A cell's text, what stands small below it, and its shade: from -1, full red, to 1, full green. */
export type HtmlCell = string | { readonly text: string; readonly note?: string; readonly heat?: number };

/** A table that scrolls by itself where the page is narrow. Titles, cells and notes are text. */
export function htmlTable(columns: readonly HtmlColumn[], rows: readonly (readonly HtmlCell[])[]): string {
  const cell = (tag: 'th' | 'td', content: HtmlCell, index: number) => {
    const { text, note = '', heat = 0 } = typeof content === 'string' ? { text: content } : content;
    const small = note === '' ? '' : `<small>${escapeHtml(note)}</small>`;
    const { numeric, wraps } = columns[index] ?? {};
    const kind = numeric ? ' class="number"' : wraps ? ' class="prose"' : '';
    return `<${tag}${kind}${shade(heat)}>${escapeHtml(text)}${small}</${tag}>`;
  };
  const head = columns.map(({ title }, index) => cell('th', title, index)).join('');
  const body = rows.map((row) => `<tr>${row.map((text, index) => cell('td', text, index)).join('')}</tr>`).join('\n');
  return `<div class="table"><table><thead><tr>${head}</tr></thead><tbody>\n${body}\n</tbody></table></div>`;
}

function shade(heat: number): string {
  const share = Math.round(60 * Math.min(1, Math.abs(heat)));
  if (!(share > 0)) return '';
  return ` style="background:color-mix(in srgb,var(--${heat > 0 ? 'up' : 'down'}) ${share}%,transparent)"`;
}

/** A figure with its interval below it. */
export function intervalCell(
  estimate: Interval | null | undefined,
  text: (value: number) => string = numberText,
): HtmlCell {
  if (!estimate || estimate.value === null) return 'n/a';
  const { value, low, high } = estimate;
  return { text: text(value), note: low === null || high === null ? '' : `${text(low)} to ${text(high)}` };
}

/**
 * A document that needs nothing from outside: its style is within, it has no script, and its policy lets it load nothing.
 * @param style CSS behind that of every document
 */
export function htmlDocument(title: string, body: readonly string[], style = ''): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="color-scheme" content="light dark">
<title>${escapeHtml(title)}</title>
<style>${STYLE}${style}</style>
</head>
<body>
<main>
${body.join('\n')}
</main>
</body>
</html>
`;
}

const STYLE = `
:root {
  --page: #fbfbfa; --card: #ffffff; --text: #1d2327; --quiet: #5c6770; --line: #dde1e4; --grid: #e9ecee;
  --up: #1a7f5a; --down: #c0392b; --flat: #5d6d7e; --accent: #2463a8; --warning: #8a5a00; --warning-page: #fff4d6;
  --heat: 36, 99, 168;
}
@media screen and (prefers-color-scheme: dark) {
  :root {
    --page: #14181b; --card: #1c2226; --text: #e6e9eb; --quiet: #9aa6af; --line: #333c42; --grid: #2a3237;
    --up: #4fc08d; --down: #ef7b6c; --flat: #a9b7c3; --accent: #79b0ea; --warning: #ffd479; --warning-page: #3a2f12;
    --heat: 121, 176, 234;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--text); font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 1180px; margin: 0 auto; padding: 24px 20px 64px; }
h1 { font-size: 24px; margin: 0 0 4px; overflow-wrap: anywhere; }
h2 { font-size: 18px; margin: 36px 0 8px; }
h3 { font-size: 14px; margin: 16px 0 4px; font-weight: 600; }
figure h3 { margin-top: 0; }
p { margin: 6px 0 10px; max-width: 78ch; }
.quiet { color: var(--quiet); }
.market, .warning { border: 1px solid var(--line); border-left: 4px solid var(--accent); background: var(--card); padding: 8px 12px; margin: 12px 0; border-radius: 4px; }
.warning { border-left-color: var(--warning); background: var(--warning-page); color: var(--warning); font-weight: 600; }
.grid { display: grid; grid-template-columns: repeat(auto-fit, minmax(250px, 1fr)); gap: 14px; }
.wide { grid-template-columns: repeat(auto-fit, minmax(420px, 1fr)); }
figure { margin: 0; background: var(--card); border: 1px solid var(--line); border-radius: 6px; padding: 10px 12px; min-width: 0; }
svg { display: block; width: 100%; height: auto; }
svg text { fill: var(--quiet); font: 11px system-ui, sans-serif; }
svg .axis { stroke: var(--line); fill: none; }
svg .rule { stroke: var(--grid); fill: none; }
svg .ideal { stroke: var(--quiet); stroke-dasharray: 3 3; fill: none; }
.table { overflow-x: auto; background: var(--card); border: 1px solid var(--line); border-radius: 6px; margin: 8px 0 14px; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; font-size: 13.5px; }
th, td { padding: 5px 10px; text-align: left; border-bottom: 1px solid var(--grid); white-space: nowrap; vertical-align: top; }
th { color: var(--quiet); font-weight: 600; white-space: normal; vertical-align: bottom; }
td small { display: block; color: var(--quiet); font-size: 11px; line-height: 1.2; }
tbody tr:last-child td { border-bottom: 0; }
.number { text-align: right; }
.prose { white-space: normal; min-width: 260px; }
.legend { display: flex; flex-wrap: wrap; gap: 14px; color: var(--quiet); font-size: 13px; margin: 2px 0 8px; }
.legend i { display: inline-block; width: 10px; height: 10px; border-radius: 50%; margin-right: 5px; }
@media print { figure, tr { break-inside: avoid; } h2, h3 { break-after: avoid; } * { print-color-adjust: exact; } }
@media (max-width: 480px) { .wide { grid-template-columns: 1fr; } }
`;
