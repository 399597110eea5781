import {
  CYCLE_STAGES,
  type CycleStage,
  type CycleStatus,
  type EpochMs,
  type EquityPoint,
  type Exclusion,
  formatTime,
  type GateVerdict,
  MINUTE_MS,
  type Position,
  REASON_CODES,
  type ReasonCode,
  type Signal,
} from '../core/index.ts';
import { describeRisk, type RiskStanding } from '../engine/index.ts';
import { DEFAULT_COLUMNS, formatBox, formatTable, type Paint, plainPaint, truncate, wrapText } from './terminal.ts';

/** Which market the banner speaks of. */
export type BannerMarket =
  | { readonly kind: 'generated'; readonly seed: number; readonly edge: boolean; readonly speed: number | 'max' }
  | { readonly kind: 'replay'; readonly replay: string; readonly history?: string; readonly speed: number | 'max' }
  | { readonly kind: 'external'; readonly url: string }
  | { readonly kind: 'real' };

export interface BannerInput {
  readonly market: BannerMarket;
  readonly mode: 'paper' | 'live';
  /** Whether live trading meets a simulated exchange. */
  readonly isRehearsal?: boolean;
  /** The venue's id. */
  readonly exchange: string;
  readonly universe: number;
  readonly dataDir: string;
  /** The served model; absent while none serves. */
  readonly model?: string;
  /** Commands that lead to other markets, each with what it does. */
  readonly alternatives: readonly { readonly command: string; readonly meaning: string }[];
}

export interface ViewStyle {
  readonly columns?: number;
  readonly paint?: Paint;
}

/** What kind of market this is, in a word that stands wherever its results show. */
export function marketLabel(market: BannerMarket): string {
  if (market.kind === 'generated') return market.edge ? 'GENERATED, PLANTED EDGE' : 'GENERATED, NO EDGE';
  if (market.kind === 'replay') return 'REPLAY';
  return market.kind === 'external' ? 'EXTERNAL' : 'REAL';
}

/** The frame at the start: which market this is, what trades there, where it is kept, and how to get to another market. */
export function renderBanner(input: BannerInput, style: ViewStyle = {}): string[] {
  const { columns = DEFAULT_COLUMNS, paint = plainPaint } = style;
  const width = Math.max(30, columns - 4);
  const row = (title: string, text: string): string[] =>
    wrapText(text, width - 11).map((line, index) => `${(index === 0 ? title : '').padEnd(11)}${line}`);
  const commandWidth = Math.max(0, ...input.alternatives.map(({ command }) => command.length)) + 2;
  return formatBox([
    `${paint.bold('Minutehand')}  ${describeMoney(input, paint)}`,
    '',
    ...row('market', `${marketLabel(input.market)}: ${describeMarket(input.market)}`).map((line, index) =>
      index === 0 && input.market.kind !== 'real' ? paint.yellow(line) : line,
    ),
    ...row('exchange', `${input.exchange}${describeExchange(input.market)}, ${input.universe} symbols`),
    ...row('model', input.model ?? 'none yet: forecasts begin when it is fitted'),
    ...row('data', input.dataDir),
    ...(input.alternatives.length > 0 ? ['', 'other markets:'] : []),
    ...input.alternatives.map(({ command, meaning }) => truncate(`  ${command.padEnd(commandWidth)}${meaning}`, width)),
  ]);
}

function describeMoney({ mode, isRehearsal }: BannerInput, paint: Paint): string {
  if (mode === 'paper') return 'paper trading: no order leaves this machine';
  return isRehearsal
    ? paint.yellow('REHEARSAL of live trading: orders go to a simulated exchange')
    : paint.red('LIVE trading: orders cost real money');
}

function describeMarket(market: BannerMarket): string {
  if (market.kind === 'generated') {
    const edge = market.edge
      ? 'a weak, documented edge is planted, so profits here say nothing about real markets'
      : 'there is no edge to find, so a profit here is luck';
    return `made-up prices from seed ${market.seed}; ${edge}; ${describeSpeed(market.speed)}`;
  }
  if (market.kind === 'replay') {
    const history = market.history === undefined ? '' : ` after ${market.history}`;
    return `recorded prices of ${market.replay}${history}; ${describeSpeed(market.speed)}`;
  }
  return market.kind === 'external' ? `what the exchange at ${market.url} serves` : 'live prices of the exchange';
}

const describeExchange = (market: BannerMarket): string =>
  market.kind === 'generated' || market.kind === 'replay' ? ' (simulated)' : '';

function describeSpeed(speed: number | 'max'): string {
  if (speed === 'max') return 'as fast as the engine, minute by minute';
  return speed === 1 ? 'in real time' : `${speed} times real time`;
}

/** What the screen shows of one minute. */
export interface CycleView {
  readonly minute: EpochMs;
  readonly status: CycleStatus;
  readonly reason?: ReasonCode;
  readonly modelId?: string;
  readonly universe: number;
  readonly members: number;
  readonly excluded: readonly Exclusion[];
  readonly candles: number;
  readonly forecasts: number;
  /** Candidates that passed every gate. */
  readonly accepted: number;
  /** The strongest ones first. */
  readonly candidates: readonly Signal[];
  readonly orders: number;
  readonly fills: number;
  readonly positions: readonly Position[];
  readonly equity: EquityPoint;
  readonly risk: RiskStanding;
  readonly reasonCounts: Readonly<Partial<Record<ReasonCode, number>>>;
  readonly stageMs: Readonly<Record<CycleStage, number>>;
  readonly totalMs: number;
}

export interface CycleStyle extends ViewStyle {
  /** Quote currency of the money shown. */
  readonly quote?: string;
  /** Equity the account began with, decimal string: the return is shown against it. */
  readonly initialEquity?: string;
  readonly candidates?: number;
  readonly positions?: number;
}

/** One minute as a block of lines: its verdict and stage times, the strongest candidates and their gates, positions, equity. */
export function renderCycle(view: CycleView, style: CycleStyle = {}): string[] {
  const { columns = DEFAULT_COLUMNS, paint = plainPaint } = style;
  return [
    paint.bold(renderCounts(view, paint)),
    renderStages(view),
    ...(view.modelId === undefined ? [] : [labelled('model', view.modelId)]),
    ...renderReason(view, columns).map(paint.yellow),
    ...renderRisk(view, columns).map(view.risk.mode === 'HALTED' ? paint.red : paint.yellow),
    ...renderExclusions(view).map(paint.yellow),
    '',
    ...renderCandidates(view, style),
    '',
    ...renderPositions(view, style),
    renderEquity(view.equity, style),
  ].map((line) => truncate(line, columns));
}

/** One minute on one line. */
export function renderCycleLine(view: CycleView, style: ViewStyle = {}): string {
  const line = renderCounts(view, style.paint ?? plainPaint);
  return view.reason === undefined ? line : `${line}  ${view.reason}`;
}

function renderCounts(view: CycleView, paint: Paint): string {
  const verdict = view.status === 'MISSED' ? paint.red('MISSED') : paint.green('DECIDED');
  return [
    `${formatMinute(view.minute)}  ${verdict}`,
    `${view.candles}/${view.universe} candles`,
    counted(view.forecasts, 'forecast'),
    counted(view.accepted, 'signal'),
    counted(view.orders, 'order'),
    counted(view.fills, 'fill'),
    `${formatMs(view.totalMs)} ms`,
  ].join('  ');
}

const labelled = (label: string, text: string): string => `${label.padEnd(11)}  ${text}`;

const renderStages = ({ stageMs }: CycleView): string =>
  labelled('stages (ms)', CYCLE_STAGES.map((stage) => `${stage} ${formatMs(stageMs[stage])}`).join(' · '));

function renderReason({ status, reason }: CycleView, columns: number): string[] {
  if (reason === undefined) return [];
  const label = status === 'MISSED' ? 'no orders' : 'no entries';
  const lines = wrapText(`${reason}: ${REASON_CODES[reason]}`, columns - labelled('', '').length);
  return lines.map((line, index) => labelled(index === 0 ? label : '', line));
}

function renderRisk({ risk }: CycleView, columns: number): string[] {
  if (risk.mode === 'ACTIVE' && risk.arming === undefined && risk.ramp === undefined) return [];
  const lines = wrapText(describeRisk(risk), columns - labelled('', '').length);
  return lines.map((line, index) => labelled(index === 0 ? 'risk' : '', line));
}

const MOST_EXCLUDED = 8;

function renderExclusions({ excluded, members, universe }: CycleView): string[] {
  if (excluded.length === 0) return [];
  const byReason = new Map<ReasonCode, string[]>();
  for (const { symbol, reason } of excluded.slice(0, MOST_EXCLUDED)) {
    byReason.set(reason, [...(byReason.get(reason) ?? []), symbol]);
  }
  const named = [...byReason].map(([reason, symbols]) => `${reason} ${symbols.join(', ')}`);
  const more = excluded.length > MOST_EXCLUDED ? ` and ${excluded.length - MOST_EXCLUDED} more` : '';
  return [labelled('left out', `${members} of ${universe} symbols are in; ${named.join('; ')}${more}`)];
}

function renderCandidates(view: CycleView, style: CycleStyle): string[] {
  const { columns: width = DEFAULT_COLUMNS, paint = plainPaint } = style;
  const shown = view.candidates.slice(0, style.candidates ?? 5);
  if (shown.length === 0) return [`no candidates${reasonsOf(view)}`];
  const columns = [
    { title: 'candidate' },
    { title: 'side' },
    { title: 'net edge', align: 'right' },
    { title: 'cost', align: 'right' },
    { title: 'prob', align: 'right' },
    { title: 'conf', align: 'right' },
  ] as const;
  const rows = shown.map((signal) => [
    signal.symbol,
    `${signal.side} ${signal.horizon}`,
    `${signed(signal.netEdge * 10_000, 1)} bp`,
    (signal.expectedCost * 10_000).toFixed(1),
    signal.probability.toFixed(2),
    signal.confidence.toFixed(2),
  ]);
  const [titles = '', ...lines] = formatTable(columns, rows);
  const indent = ' '.repeat(titles.length + 2);
  const gates = shown.map(({ accepted, verdicts }) =>
    wrapText(describeGates(verdicts), Math.max(20, width - indent.length)).map(accepted ? paint.green : paint.dim),
  );
  return [
    paint.dim(`${titles}  gates`),
    ...lines.flatMap((line, index) => {
      const [first = '', ...rest] = gates[index] ?? [];
      return [`${line}  ${first}`, ...rest.map((more) => indent + more)];
    }),
  ];
}

function describeGates(verdicts: readonly GateVerdict[]): string {
  const stopped = verdicts.filter(({ passed }) => !passed);
  if (stopped.length === 0) return `passed all ${verdicts.length}`;
  return `stopped by ${stopped.map(describeStop).join(', ')}`;
}

function describeStop({ gate, value, threshold, reason }: GateVerdict): string {
  if (value !== undefined && threshold !== undefined) {
    const comparison = value > threshold ? '>' : value < threshold ? '<' : '=';
    return `${gate} ${short(value)} ${comparison} ${short(threshold)}`;
  }
  return gate === 'entries-allowed' && reason !== undefined ? `${gate} (${reason})` : gate;
}

function reasonsOf({ reasonCounts }: CycleView): string {
  const reasons = Object.entries(reasonCounts)
    .sort((a, b) => (b[1] ?? 0) - (a[1] ?? 0))
    .slice(0, 3)
    .map(([reason, count]) => `${reason} ×${count}`);
  return reasons.length === 0 ? '' : `: ${reasons.join(', ')}`;
}

function renderPositions({ positions, minute }: CycleView, style: CycleStyle): string[] {
  const { paint = plainPaint } = style;
  if (positions.length === 0) return ['no open positions'];
  const columns = [
    { title: 'position' },
    { title: 'strategy' },
    { title: 'side' },
    { title: 'quantity', align: 'right' },
    { title: 'entry', align: 'right' },
    { title: 'mark', align: 'right' },
    { title: 'unrealised', align: 'right' },
    { title: 'held', align: 'right' },
    { title: 'stop', align: 'right' },
    { title: 'target', align: 'right' },
  ] as const;
  const most = style.positions ?? 8;
  const rows = positions.slice(0, most).map((position) => {
    const profit = Number(position.unrealizedPnl);
    return [
      position.symbol,
      position.strategy,
      position.quantity.startsWith('-') ? 'short' : 'long',
      position.quantity.replace('-', ''),
      trimDecimals(position.averagePrice),
      position.markPrice,
      (profit < 0 ? paint.red : paint.green)(signed(profit, 2)),
      formatHeld(minute - position.openedAt),
      formatStop(position),
      position.targetPrices?.[0] ?? '-',
    ];
  });
  const [titles = '', ...lines] = formatTable(columns, rows);
  const more = positions.length > most ? [`${positions.length - most} more`] : [];
  return [paint.dim(titles), ...lines, ...more];
}

/** Where the stop of a position lies, and how it stands unless it works. */
export function formatStop({ stopPrice, stopState }: Position): string {
  if (stopPrice === undefined) return stopState ?? '-';
  return stopState === undefined || stopState === 'working' ? stopPrice : `${stopPrice} ${stopState}`;
}

function renderEquity(point: EquityPoint, style: CycleStyle): string {
  const { quote = '', initialEquity, paint = plainPaint } = style;
  const equity = Number(point.equity);
  const initial = initialEquity === undefined ? 0 : Number(initialEquity);
  const gain = initial > 0 ? ` (${signed((equity / initial - 1) * 100, 2)} %)` : '';
  const exposure = equity > 0 ? `${(Number(point.grossExposure) / equity).toFixed(2)}x` : 'n/a';
  return [
    paint.bold(`equity ${formatMoney(equity)} ${quote}`.trimEnd() + gain),
    `unrealised ${signed(Number(point.unrealizedPnl), 2)}`,
    `realised ${signed(Number(point.realizedPnl), 2)}`,
    `fees ${formatMoney(Number(point.fees))}`,
    ...(Number(point.funding) === 0 ? [] : [`funding ${signed(Number(point.funding), 2)}`]),
    `exposure ${exposure}`,
  ].join('  ');
}

/** "2025-06-19 21:00 UTC" */
export function formatMinute(minute: EpochMs): string {
  return `${formatTime(minute).slice(0, 16).replace('T', ' ')} UTC`;
}

const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;

const signed = (value: number, digits: number): string => {
  const text = value.toFixed(digits);
  return Number(text) === 0 ? (0).toFixed(digits) : value > 0 ? `+${text}` : text;
};

const short = (value: number): string =>
  Number.isFinite(value) ? String(Number(value.toPrecision(2))) : String(value);

const formatMs = (value: number): string => (value < 10 ? value.toFixed(1) : value.toFixed(0));

const formatMoney = (value: number): string =>
  value.toLocaleString('en-US', { minimumFractionDigits: 2, maximumFractionDigits: 2 });

/** A volume-weighted price may have many decimals: eight significant digits say enough on a screen. */
const trimDecimals = (price: string): string =>
  price.length <= 10 ? price : String(Number(Number(price).toPrecision(8)));

function formatHeld(durationMs: number): string {
  const minutes = Math.max(0, Math.floor(durationMs / MINUTE_MS));
  const hours = Math.floor(minutes / 60);
  return hours === 0 ? `${minutes}m` : `${hours}h ${String(minutes % 60).padStart(2, '0')}m`;
}
