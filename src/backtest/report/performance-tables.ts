import { HOUR_MS, MINUTE_MS, REASON_CODES, type ReasonCode } from '../../core/index.ts';
import {
  amountText,
  escapeHtml,
  type HtmlCell,
  type HtmlColumn,
  htmlTable,
  type Interval,
  intervalCell,
  numberText,
  percentText,
} from '../../html/index.ts';
import { quantile } from '../../model/index.ts';
import type { BacktestReport } from '../backtest-report.ts';
import type { BreakdownRow, DailyReturns, MonthReturn, RoundTrip, TradeStatistics } from '../statistics/index.ts';
import { dateText } from './time-chart.ts';

export const NUMBER = (title: string): HtmlColumn => ({ title, numeric: true });

const ratioText = (value: number | null) => numberText(value, 2);
const sharePercent = (value: number | null) => percentText(value, 2);
export const basisPointsText = (value: number | null) => numberText(value === null ? null : value * 10_000, 1);

/** The figures that are looked for first, each with its interval. */
export function figureTiles({ performance, tradeStatistics }: BacktestReport): string {
  const { totalReturn, sharpe, sortino, cagr, maximumDrawdown, activity } = performance;
  const tiles: [string, Interval, (value: number) => string][] = [
    ['total return', totalReturn, sharePercent],
    ['CAGR', cagr, sharePercent],
    ['Sharpe', sharpe, ratioText],
    ['Sortino', sortino, ratioText],
    ['maximum drawdown', maximumDrawdown, sharePercent],
    ['win rate', tradeStatistics.winRate, sharePercent],
    ['payoff ratio', tradeStatistics.payoffRatio, ratioText],
    ['profit factor', tradeStatistics.profitFactor, ratioText],
    ['turnover per year', activity.turnover.perYear, (value) => `${numberText(value, 1)}x`],
  ];
  const parts = [
    ...tiles.map(([name, estimate, text]) => tile(name, intervalCell(estimate, text))),
    tile('closed trades', String(tradeStatistics.count)),
    tile('costs', {
      text: amountText(activity.costs.total.amount),
      note: `${percentText(activity.costs.total.ofGrossProfit)} of the profit before them`,
    }),
    tile('equity at the end', {
      text: amountText(performance.finalEquity),
      note: `of ${amountText(performance.initialEquity)}`,
    }),
  ];
  return `<div class="tiles">${parts.join('')}</div>`;
}

function tile(name: string, cell: HtmlCell): string {
  const { text, note = '' } = typeof cell === 'string' ? { text: cell } : cell;
  return `<div><span>${name}</span><strong>${escapeHtml(text)}</strong><small>${escapeHtml(note)}</small></div>`;
}

/** Every figure of returns, risk and activity: two tables. */
export function performanceTables({ performance, scaled }: BacktestReport, daily: DailyReturns): string[] {
  const { drawdown, activity, capacity } = performance;
  const days = Float64Array.from(daily.returns).sort();
  const best = days.length === 0 ? null : (days.at(-1) ?? null);
  const worst = days.length === 0 ? null : (days[0] ?? null);
  const columns = [{ title: 'figure' }, NUMBER('value')];
  const plain = (name: string, text: HtmlCell): HtmlCell[] => [name, text];
  const estimated = (name: string, estimate: Interval, text: (value: number) => string): HtmlCell[] => [
    name,
    intervalCell(estimate, text),
  ];
  const returns = htmlTable(columns, [
    estimated('total return', performance.totalReturn, sharePercent),
    estimated('CAGR', performance.cagr, sharePercent),
    estimated('volatility per year', performance.volatility, sharePercent),
    estimated('Sharpe ratio', performance.sharpe, ratioText),
    estimated('Sortino ratio', performance.sortino, ratioText),
    estimated('Calmar ratio', performance.calmar, ratioText),
    plain('probability that Sharpe is above 0', percentText(performance.probabilisticSharpe)),
    plain('track record needed for that, days', numberText(performance.minimumTrackRecordDays, 0)),
    plain('Sharpe at 10 % volatility', {
      text: ratioText(scaled.sharpe),
      note: `${scaled.days} days, ${percentText(scaled.totalReturn, 2)}`,
    }),
    plain('best day', sharePercent(best)),
    plain('worst day', sharePercent(worst)),
    plain('worst day of twenty', sharePercent(days.length < 20 ? null : quantile(days, 0.05))),
    plain('days with a profit', percentText(shareOf(days, (value) => value > 0))),
    plain('skewness of days', ratioText(performance.skewness)),
    plain('kurtosis of days', ratioText(performance.kurtosis)),
  ]);
  const { exposure, turnover } = activity;
  const risk = htmlTable(columns, [
    estimated('maximum drawdown', performance.maximumDrawdown, sharePercent),
    plain('from peak to trough', `${dateText(drawdown.peak)} to ${dateText(drawdown.trough)}`),
    plain('recovered', drawdown.recovery === null ? 'not yet' : dateText(drawdown.recovery)),
    plain('days of the deepest drawdown', numberText(drawdown.days, 1)),
    plain('longest time below a peak, days', numberText(drawdown.longestUnderWaterDays, 1)),
    plain('time below a peak', percentText(drawdown.timeUnderWater)),
    estimated('time in the market', exposure.inMarket, sharePercent),
    estimated('gross exposure', exposure.gross, sharePercent),
    estimated('net exposure', exposure.net, sharePercent),
    estimated('turnover per day', turnover.perDay, ratioText),
    estimated('turnover per year', turnover.perYear, ratioText),
    plain('mean equity', amountText(activity.meanEquity)),
    plain('capacity: costs twice as high', amountText(capacity.byCosts)),
    plain('capacity: liquidity', amountText(capacity.byLiquidity)),
    plain('whole days', String(performance.wholeDays)),
  ]);
  return [`<div class="grid wide">${returns}${risk}</div>`];
}

const shareOf = (values: Float64Array, holds: (value: number) => boolean): number | null =>
  values.length === 0 ? null : values.filter(holds).length / values.length;

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** Returns by year and month, the months of a year compounded at its end. */
export function monthTable(months: readonly MonthReturn[]): string {
  if (months.length === 0) return '<p class="quiet">n/a</p>';
  const years = [...new Set(months.map(({ year }) => year))];
  const largest = Math.max(...months.map(({ value }) => Math.abs(value)), 1e-9);
  const rows = years.map((year) => {
    const own = months.filter((month) => month.year === year);
    const cells = MONTHS.map((_, index): HtmlCell => {
      const found = own.find(({ month }) => month === index + 1);
      if (!found) return '';
      return { text: `${percentText(found.value)}${found.isPartial ? '*' : ''}`, heat: found.value / largest };
    });
    const whole = own.reduce((growth, { value }) => growth * (1 + value), 1) - 1;
    return [String(year), ...cells, percentText(whole)];
  });
  return [
    htmlTable([{ title: 'year' }, ...MONTHS.map(NUMBER), NUMBER('year')], rows),
    months.some(({ isPartial }) => isPartial) ? '<p class="quiet">* Not the whole month.</p>' : '',
  ].join('');
}

/** What was paid, by kind. */
export function costTable({ performance: { activity } }: BacktestReport): string {
  const { costs } = activity;
  const kinds = [
    ['fees', costs.fees],
    ['spread', costs.spread],
    ['impact', costs.impact],
    ['funding paid', costs.fundingPaid],
    ['funding received', costs.fundingReceived],
    ['all', costs.total],
  ] as const;
  return [
    htmlTable(
      [{ title: 'cost' }, NUMBER('amount'), NUMBER('of mean equity'), NUMBER('of the profit before costs')],
      kinds.map(([name, { amount, ofMeanEquity, ofGrossProfit }]) => [
        name,
        amountText(amount),
        intervalCell(ofMeanEquity, sharePercent),
        percentText(ofGrossProfit),
      ]),
    ),
    `<p class="quiet">Profit before all costs: ${amountText(costs.grossProfit)}. Of the funding ${costs.fundingAssumed === null ? 'n/a' : percentText(costs.fundingAssumed)} is assumed, as nobody knows its rate.</p>`,
  ].join('');
}

const TRADE_COLUMNS = [
  NUMBER('trades'),
  NUMBER('net profit'),
  NUMBER('win rate'),
  NUMBER('payoff ratio'),
  NUMBER('profit factor'),
  NUMBER('mean return, bp'),
  NUMBER('mean profit'),
  NUMBER('fees'),
  NUMBER('funding'),
  NUMBER('median holding'),
];

function tradeCells(statistics: TradeStatistics, largest: number): HtmlCell[] {
  const { count, netPnl, winRate, payoffRatio, profitFactor, meanReturn, expectancy, fees, funding } = statistics;
  return [
    String(count),
    { text: amountText(netPnl), heat: largest > 0 ? netPnl / largest : 0 },
    intervalCell(winRate, (value) => percentText(value)),
    intervalCell(payoffRatio, ratioText),
    intervalCell(profitFactor, ratioText),
    intervalCell(meanReturn, basisPointsText),
    intervalCell(expectancy, amountText),
    amountText(fees),
    amountText(funding),
    durationText(statistics.medianHoldingMs),
  ];
}

/** Round trips by what they have in common, with the profit shaded. */
export function breakdownTable(title: string, rows: readonly BreakdownRow[]): string {
  if (rows.length === 0) return '<p class="quiet">n/a</p>';
  const largest = Math.max(...rows.map(({ statistics }) => Math.abs(statistics.netPnl)));
  return htmlTable(
    [{ title }, ...TRADE_COLUMNS],
    rows.map(({ key, statistics }) => [key, ...tradeCells(statistics, largest)]),
  );
}

/** All round trips, longs and shorts. */
export function tradeTable({ tradeStatistics, breakdowns }: BacktestReport): string {
  const { winningStreak, losingStreak } = tradeStatistics;
  return [
    htmlTable(
      [{ title: '' }, ...TRADE_COLUMNS],
      [
        ['all', ...tradeCells(tradeStatistics, 0)],
        ...breakdowns.side.map(({ key, statistics }) => [key, ...tradeCells(statistics, 0)]),
      ],
    ),
    `<p class="quiet">In a row: at most ${winningStreak} with a profit, ${losingStreak} with a loss.</p>`,
  ].join('');
}

const EXTREMES = 5;

/** The round trips that brought most, and least. */
export function extremeTrades(trips: readonly RoundTrip[]): string {
  if (trips.length === 0) return '<p class="quiet">n/a</p>';
  const ordered = [...trips].sort((a, b) => b.netPnl - a.netPnl);
  const shown = ordered.length <= 2 * EXTREMES ? ordered : [...ordered.slice(0, EXTREMES), ...ordered.slice(-EXTREMES)];
  return htmlTable(
    [
      { title: 'symbol' },
      { title: 'strategy' },
      { title: 'side' },
      { title: 'opened' },
      { title: 'closed' },
      NUMBER('entry'),
      NUMBER('exit'),
      NUMBER('quantity'),
      NUMBER('costs'),
      NUMBER('net profit'),
      NUMBER('return'),
      { title: 'closed by' },
    ],
    shown.map((trip) => [
      trip.symbol,
      trip.strategy,
      trip.side,
      minuteText(trip.openedAt),
      minuteText(trip.closedAt),
      priceText(trip.entryPrice),
      priceText(trip.exitPrice),
      priceText(trip.quantity),
      amountText(trip.fees + trip.spread + trip.impact - trip.funding),
      { text: amountText(trip.netPnl), heat: Math.sign(trip.netPnl) / 2 },
      percentText(trip.netReturn, 2),
      trip.exitPurpose,
    ]),
  );
}

/** What is still held. */
export function openTable({ open }: BacktestReport): string {
  if (open.length === 0) return '<p class="quiet">Nothing was held at the end.</p>';
  return htmlTable(
    [
      { title: 'symbol' },
      { title: 'strategy' },
      NUMBER('quantity'),
      NUMBER('average price'),
      NUMBER('price'),
      NUMBER('unrealised profit'),
      { title: 'opened' },
      NUMBER('stop'),
      NUMBER('targets'),
    ],
    open.map((position) => [
      position.symbol,
      position.strategy,
      position.quantity,
      position.averagePrice,
      position.markPrice,
      position.unrealizedPnl,
      minuteText(position.openedAt),
      position.stopPrice ?? 'none',
      position.targetPrices?.join(', ') ?? 'none',
    ]),
  );
}

/** Why there were no more orders, most frequent first. */
export function reasonTable({ reasons, signals, orders }: BacktestReport): string {
  const found = (Object.entries(reasons) as [ReasonCode, number][]).sort((a, b) => b[1] - a[1]);
  return [
    `<p>Of ${signals.candidates} candidates ${signals.accepted} passed every gate; ${orders} orders were sent.</p>`,
    found.length === 0
      ? '<p class="quiet">Nothing was refused.</p>'
      : htmlTable(
          [{ title: 'reason' }, NUMBER('times'), { title: 'meaning', wraps: true }],
          found.map(([code, count]) => [code, String(count), REASON_CODES[code]]),
        ),
  ].join('');
}

/** "2025-06-01 12:15" */
export const minuteText = (time: number): string => new Date(time).toISOString().slice(0, 16).replace('T', ' ');

export const priceText = (value: number): string => String(Number(value.toPrecision(6)));

function durationText(ms: number | null): string {
  if (ms === null) return 'n/a';
  if (ms < HOUR_MS) return `${Math.round(ms / MINUTE_MS)} min`;
  return ms < 48 * HOUR_MS ? `${numberText(ms / HOUR_MS, 1)} h` : `${numberText(ms / HOUR_MS / 24, 1)} d`;
}
