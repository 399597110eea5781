import { DAY_MS } from '../../core/index.ts';
import { amountText, escapeHtml, htmlDocument, htmlTable, numberText, percentText } from '../../html/index.ts';
import type { BacktestReport } from '../backtest-report.ts';
import type { BaselineCurve, EquityCurve } from '../record.ts';
import { dailyReturnsOf } from '../statistics/index.ts';
import { type ChartCandles, candleChart, tradeLegend } from './candle-chart.ts';
import { baselineTables, forecastTables, simulationTable } from './comparison-tables.ts';
import {
  breakdownTable,
  costTable,
  extremeTrades,
  figureTiles,
  minuteText,
  monthTable,
  openTable,
  performanceTables,
  reasonTable,
  tradeTable,
} from './performance-tables.ts';
import { returnHistogram } from './return-histogram.ts';
import { meansOf, rollingSharpe, underWater } from './series.ts';
import { type TimeLine, timeChart } from './time-chart.ts';

/** What the report draws that its figures do not hold. */
export interface BacktestCharts {
  readonly candles: readonly ChartCandles[];
  readonly curves: readonly BaselineCurve[];
}

export const NO_CHARTS: BacktestCharts = { candles: [], curves: [] };

const ROLLING_DAYS = 30;

/** The report of a backtest: one HTML file that needs nothing from outside. Equal reports, equal files. */
export function backtestHtml(report: BacktestReport, charts: BacktestCharts = NO_CHARTS): string {
  const { run, record, breakdowns, evaluation, assumptions, critiques, trips } = report;
  const isInSample = run.inSample.length > 0;
  const daily = dailyReturnsOf(record.equity);
  const sections: readonly (readonly [id: string, title: string, body: readonly string[]])[] = [
    ['critique', 'What speaks against it', [critiqueList(critiques)]],
    ['figures', 'Key figures', [figureTiles(report), ...performanceTables(report, daily)]],
    ['equity', 'Equity and drawdown', equityCharts(report, charts)],
    ['months', 'Returns by month', [monthTable(report.months)]],
    [
      'days',
      'Returns by day',
      [rollingChart(report), returnHistogram(`Returns of ${daily.returns.length} days`, daily.returns)],
    ],
    ['exposure', 'Exposure', [exposureChart(record.equity)]],
    ['costs', 'Costs', [costTable(report)]],
    ['trades', 'Trades', [tradeTable(report), '<h3>Largest profits and losses</h3>', extremeTrades(trips)]],
    ...(charts.candles.length === 0
      ? []
      : [
          [
            'candles',
            'Trades on candles',
            [tradeLegend(), ...charts.candles.map((candles) => candleChart(candles, trips))],
          ] as const,
        ]),
    [
      'breakdowns',
      'Where it comes from',
      [
        '<p class="quiet">Closed round trips, net of fees and funding. Figures of fewer than 20 round trips are left out (n/a). Hours and weekdays are those of opening, months those of closing, all UTC; confidence is a percentile.</p>',
        ...(
          [
            ['Symbol', breakdowns.symbol],
            ['Strategy', breakdowns.strategy],
            ['Month', breakdowns.month],
            ['Regime', breakdowns.regime],
            ['Confidence', breakdowns.confidence],
            ['Closed by', breakdowns.exitPurpose],
            ['Weekday', breakdowns.weekday],
            ['Hour', breakdowns.hour],
          ] as const
        ).flatMap(([title, rows]) => [`<h3>${title}</h3>`, breakdownTable(title.toLowerCase(), rows)]),
      ],
    ],
    [
      'forecasts',
      'Forecasts',
      [evaluation === null ? '<p class="quiet">n/a: no forecasts were judged.</p>' : forecastTables(evaluation)],
    ],
    ['baselines', 'Beside what needs no model', [baselineTables(report)]],
    [
      'luck',
      'Luck',
      [
        '<p class="quiet">Histories drawn from what happened: how else the same days and trades could have ended. Trades are taken for independent, days are not: the first line says most.</p>',
        simulationTable(report),
      ],
    ],
    ['reasons', 'Why it did not trade more', [reasonTable(report)]],
    ['open', 'Still open', [openTable(report)]],
    ['assumptions', 'Assumptions', [textList(assumptions)]],
    ['hashes', 'Made from', [hashTable(report)]],
  ];
  const mark = isInSample ? ' <b class="in-sample">IN-SAMPLE</b>' : '';
  return htmlDocument(
    `Backtest ${report.id}`,
    [
      ...(isInSample ? ['<div class="watermark" aria-hidden="true">IN-SAMPLE</div>'] : []),
      ...heading(report),
      `<nav>${sections.map(([id, title]) => `<a href="#${id}">${title}</a>`).join('')}</nav>`,
      ...sections.map(
        ([id, title, body]) => `<section id="${id}"><h2>${title}${mark}</h2>\n${body.join('\n')}\n</section>`,
      ),
      '<h2>How to read it</h2>',
      '<p class="quiet">Small figures below others are 95 % intervals from resampled UTC days (of the win rate, Wilson’s). "n/a": too little to say. Amounts are in quote currency; a year has 365 days.</p>',
    ],
    STYLE,
  );
}

function heading({ id, run, performance }: BacktestReport): string[] {
  const { symbols } = run;
  const shown = symbols.length <= 12 ? symbols : [...symbols.slice(0, 12), `and ${symbols.length - 12} more`];
  const facts = [
    [
      'when',
      `${minuteText(performance.from)} to ${minuteText(performance.to)} UTC, ${numberText(performance.days, 1)} days, ${run.bars} bars`,
    ],
    ['model', run.modelId === null ? 'none' : `${run.modelId}${run.modelKind === null ? '' : ` (${run.modelKind})`}`],
    ['strategies', run.strategies.join(', ') || 'none'],
    [`${symbols.length} symbols`, shown.join(', ')],
    ['candles', `${run.source}; ${run.minuteBars} bars worked on one-minute candles`],
    ['costs', run.costFactor === 1 ? 'as configured' : `${run.costFactor} times as configured`],
  ] as const;
  return [
    `<h1>Backtest ${escapeHtml(id)}</h1>`,
    ...(run.inSample.length === 0
      ? []
      : [
          `<div class="in-sample-note">IN-SAMPLE: the model was fitted on some of these days (${escapeHtml(run.inSample.join(', '))}). These figures say nothing of new ones.</div>`,
        ]),
    `<dl>${facts.map(([name, text]) => `<dt>${name}</dt><dd>${escapeHtml(text)}</dd>`).join('')}</dl>`,
  ];
}

const critiqueList = (critiques: readonly string[]): string =>
  critiques.length === 0
    ? '<p>Nothing of what is looked for: in-sample days, few trades, an interval that holds 0, one symbol or day that carries the result, costs that eat it, random books and momentum that do as well. That proves nothing.</p>'
    : `<ul class="critiques">${critiques.map((text) => `<li>${escapeHtml(text)}</li>`).join('')}</ul>`;

const textList = (texts: readonly string[]): string =>
  `<ul>${texts.map((text) => `<li>${escapeHtml(text)}</li>`).join('')}</ul>`;

function equityCharts({ record, performance }: BacktestReport, { curves }: BacktestCharts): string[] {
  const { times, equity } = record.equity;
  const { initialEquity } = performance;
  return [
    timeChart({
      title: curves.length === 0 ? 'Equity' : 'Equity, beside baselines that start with as much',
      lines: [
        ...curves.map(({ name, times: at, wealth }, index) => ({
          name,
          colour: CURVE_COLOURS[index % CURVE_COLOURS.length] ?? 'var(--flat)',
          times: at,
          values: wealth.map((value) => value * initialEquity),
        })),
        { name: 'this book', colour: 'var(--accent)', times, values: equity },
      ],
      text: axisAmount,
      height: 320,
      shows: [initialEquity],
    }),
    timeChart({
      title: 'Drawdown: loss from the highest equity so far',
      lines: [{ name: 'drawdown', colour: 'var(--down)', times, values: underWater(equity), isArea: true }],
      text: axisPercent,
      height: 180,
    }),
  ];
}

const CURVE_COLOURS = ['var(--flat)', 'var(--warning)', 'var(--up)', 'var(--down)'];

function rollingChart({ record }: BacktestReport): string {
  const daily = dailyReturnsOf(record.equity);
  const values = rollingSharpe(daily, ROLLING_DAYS);
  const times = Float64Array.from(values, (_, row) => (daily.firstDay + row + ROLLING_DAYS) * DAY_MS);
  return timeChart({
    title: `Sharpe ratio of the last ${ROLLING_DAYS} days, annual`,
    lines: [{ name: 'Sharpe', colour: 'var(--accent)', times, values }],
    text: (value) => String(Number(value.toPrecision(3))),
    height: 190,
    shows: [0],
  });
}

function exposureChart({ times, equity, long, short }: EquityCurve): string {
  const at = (column: Float64Array, row: number) => column[row] ?? 0;
  const line = (name: string, colour: string, amount: (row: number) => number): TimeLine => ({
    name,
    colour,
    ...meansOf(
      times,
      equity.map((value, row) => (value > 0 ? amount(row) / value : 0)),
    ),
  });
  return timeChart({
    title: 'Value of positions over equity: longs and shorts together (gross), longs less shorts (net)',
    lines: [
      { ...line('gross', 'var(--flat)', (row) => at(long, row) + at(short, row)), isArea: true },
      line('net', 'var(--accent)', (row) => at(long, row) - at(short, row)),
    ],
    text: axisPercent,
    height: 200,
  });
}

function hashTable({ hashes, id }: BacktestReport): string {
  return htmlTable(
    [{ title: '' }, { title: 'sha256' }],
    [
      ['id of the backtest', id],
      ['candles', hashes.data],
      ['configuration', hashes.config],
      ['features', hashes.featureSet],
      ['weights of the model', hashes.model ?? 'none'],
      ['executions', hashes.fills],
      ['decisions', hashes.decisions],
    ],
  );
}

const axisAmount = (value: number): string => amountText(value).replace(/\.00$/, '');
const axisPercent = (value: number): string => percentText(value, 2).replace(/\.?0+ %$/, ' %');

const STYLE = `
dl { display: grid; grid-template-columns: max-content 1fr; gap: 2px 16px; margin: 10px 0; }
dt { color: var(--quiet); }
dd { margin: 0; overflow-wrap: anywhere; }
nav { display: flex; flex-wrap: wrap; gap: 4px 14px; margin: 14px 0 0; font-size: 13.5px; }
nav a { color: var(--accent); text-decoration: none; }
section figure { margin-bottom: 14px; overflow-x: auto; }
section > figure > svg { min-width: 640px; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(165px, 1fr)); gap: 10px; margin: 8px 0 14px; }
.tiles div { background: var(--card); border: 1px solid var(--line); border-radius: 6px; padding: 8px 12px; }
.tiles span, .tiles small { display: block; color: var(--quiet); font-size: 12px; }
.tiles strong { font-size: 20px; font-variant-numeric: tabular-nums; }
.grid .table { margin: 0 0 14px; align-self: start; }
.critiques { list-style: none; padding: 0; margin: 8px 0; }
.critiques li { border: 1px solid var(--line); border-left: 4px solid var(--warning); background: var(--warning-page); padding: 8px 12px; margin: 0 0 8px; border-radius: 4px; }
.in-sample { color: #fff; background: #c21f1f; border-radius: 4px; padding: 2px 8px; font-size: 12px; letter-spacing: 0.06em; vertical-align: middle; }
.in-sample-note { color: #fff; background: #c21f1f; border-radius: 4px; padding: 10px 14px; margin: 12px 0; font-weight: 700; }
.watermark { position: fixed; inset: 0; display: grid; place-items: center; font-size: 15vw; font-weight: 800; color: #c21f1f; opacity: 0.14; transform: rotate(-28deg); pointer-events: none; z-index: 1; }
@media print { nav { display: none; } section > figure > svg { min-width: 0; } .table { overflow: visible; } table { font-size: 9.5px; } th, td { padding: 2px 4px; } }
`;
