import { escapeHtml } from '../../html/index.ts';
import type { EpochRecord } from './checkpoint.ts';

const WIDTH = 640;
const HEIGHT = 220;
const MARGIN = 44;

/** One self-contained HTML page: loss on training and early-stopping window, its parts, IC and log-loss, by epoch. */
export function trainingCurves(title: string, history: readonly EpochRecord[]): string {
  const of = (pick: (record: EpochRecord) => number) => history.map(pick);
  const parts = Object.keys(history[0]?.parts ?? {});
  const charts = [
    chart('Loss', [
      { name: 'training', values: of(({ trainingLoss }) => trainingLoss) },
      { name: 'early stopping', values: of(({ loss }) => loss) },
    ]),
    chart('Information coefficient, early-stopping window', [
      { name: 'mean of heads', values: of(({ informationCoefficient }) => informationCoefficient) },
    ]),
    chart('Log-loss of directions, early-stopping window, nats', [
      { name: 'mean of horizons', values: of(({ directionLogLoss }) => directionLogLoss) },
    ]),
    ...parts.map((part) =>
      chart(`Part: ${part}`, [{ name: 'early stopping', values: of((record) => record.parts[part] ?? Number.NaN) }]),
    ),
  ];
  return [
    '<!doctype html><html lang="en"><head><meta charset="utf-8">',
    `<title>${escapeHtml(title)}</title>`,
    '<style>:root{color-scheme:light dark}body{font:14px system-ui,sans-serif;max-width:1360px;margin:2rem auto;padding:0 1rem}',
    'figure{display:inline-block;margin:0 1rem 1rem 0}figcaption{font-weight:600;margin-bottom:.25rem}svg{max-width:100%;background:color-mix(in srgb,CanvasText 4%,Canvas)}',
    'text{fill:CanvasText;font-size:11px}.grid{stroke:CanvasText;stroke-opacity:.15}polyline{fill:none;stroke-width:2}</style></head><body>',
    `<h1>${escapeHtml(title)}</h1><p>${history.length} epochs.</p>`,
    ...charts,
    '</body></html>',
  ].join('\n');
}

const COLOURS = ['#2f7ed8', '#d8572f'];

function chart(
  caption: string,
  series: readonly { readonly name: string; readonly values: readonly number[] }[],
): string {
  const all = series.flatMap(({ values }) => values).filter(Number.isFinite);
  const low = Math.min(...all);
  const high = Math.max(...all);
  const span = high - low || Math.abs(high) || 1;
  const count = Math.max(1, ...series.map(({ values }) => values.length - 1));
  const x = (epoch: number) => MARGIN + (epoch / count) * (WIDTH - 2 * MARGIN);
  const y = (value: number) => HEIGHT - 24 - ((value - low) / span) * (HEIGHT - 48);
  const grid = [0, 0.5, 1].map((share) => {
    const value = low + share * span;
    return `<line class="grid" x1="${MARGIN}" x2="${WIDTH - MARGIN}" y1="${y(value)}" y2="${y(value)}"/><text x="4" y="${y(value) + 4}">${value.toPrecision(3)}</text>`;
  });
  const lines = series.map(({ name, values }, index) => {
    const points = values.map((value, epoch) => `${x(epoch).toFixed(1)},${y(value).toFixed(1)}`).join(' ');
    const label = `<text x="${WIDTH - MARGIN - 110}" y="${18 + 14 * index}" style="fill:${COLOURS[index]}">${escapeHtml(name)}</text>`;
    return `<polyline style="stroke:${COLOURS[index]}" points="${points}"/>${label}`;
  });
  return `<figure><figcaption>${escapeHtml(caption)}</figcaption><svg width="${WIDTH}" height="${HEIGHT}" viewBox="0 0 ${WIDTH} ${HEIGHT}">${grid.join('')}${lines.join('')}<text x="${MARGIN}" y="${HEIGHT - 6}">epoch 1</text><text x="${WIDTH - MARGIN - 50}" y="${HEIGHT - 6}">epoch ${count + 1}</text></svg></figure>`;
}
