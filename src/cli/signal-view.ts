import {
  FORECAST_OUTPUTS,
  type ForecastOutput,
  formatTime,
  type Horizon,
  MINUTE_MS,
  type Order,
  type Signal,
} from '../core/index.ts';
import type { RejectedAlternative, RollingAccuracy, SignalExplanation } from '../signals/index.ts';
import { formatTable } from './terminal.ts';

/** Inputs shown; all of them are in the JSON. */
const INPUTS_SHOWN = 12;

const percent = (value: number): string => `${(value * 100).toFixed(2)} %`;
const number = (value: number): string => Number(value.toPrecision(4)).toString();
const figure = (value: number | undefined): string => (value === undefined ? '' : number(value));

export function signalLine(signal: Signal): string {
  const stopped = signal.verdicts.filter(({ passed }) => !passed).map(({ gate, reason }) => reason ?? gate);
  return [
    formatTime(signal.minute),
    signal.symbol.padEnd(12),
    signal.side.padEnd(5),
    signal.horizon.padEnd(3),
    `edge ${percent(signal.netEdge)}`,
    `P ${signal.probability.toFixed(2)}`,
    `confidence ${signal.confidence.toFixed(2)}`,
    signal.accepted ? 'SIGNAL' : stopped.join(' '),
  ].join('  ');
}

/** Everything about one candidate, part by part. */
export function explanationLines(explanation: SignalExplanation): string[] {
  const { signal } = explanation;
  return [
    signalLine(signal),
    `id ${signal.id}, model ${signal.modelId}`,
    ...judgementLines(signal),
    '',
    'Gates',
    ...formatTable(
      [
        { title: 'gate' },
        { title: '' },
        { title: 'value', align: 'right' },
        { title: 'threshold', align: 'right' },
        { title: 'reason' },
      ],
      signal.verdicts.map(({ gate, passed, value, threshold, reason }) => [
        gate,
        passed ? 'passed' : 'STOPPED',
        figure(value),
        figure(threshold),
        reason ?? '',
      ]),
    ),
    '',
    'What became of it',
    ...consequenceLines(explanation),
    '',
    'Inputs',
    ...inputLines(explanation),
    '',
    'Outputs of the forecast',
    ...outputLines(explanation),
    '',
    'Nearest rejected alternatives of the minute',
    ...alternativeLines(explanation.alternatives),
  ];
}

function judgementLines(signal: Signal): string[] {
  const { costs, agreement, uncertainty, stopDistance, targetDistance, rewardToRisk, expiresAt, sizeScale } = signal;
  const funding = costs?.funding ?? null;
  const split = costs
    ? ` (fees ${percent(costs.fees)}, spread ${percent(costs.spread)}, impact ${percent(costs.impact)}, funding ${funding === null ? 'unknown' : percent(funding)})`
    : '';
  const lines = [
    `expected return ${percent(signal.expectedReturn)} less costs ${percent(signal.expectedCost)}${split}: net edge ${percent(signal.netEdge)}`,
  ];
  if (agreement === undefined || uncertainty === undefined)
    return [...lines, 'decided by an older version: no more is known'];
  const [stop, target] = [stopDistance ?? Number.NaN, targetDistance ?? Number.NaN];
  const sign = signal.side === 'long' ? -1 : 1;
  return [
    ...lines,
    `horizons that agree ${percent(agreement)}, uncertainty ${uncertainty.toFixed(3)}, P ${signal.probability.toFixed(3)}, confidence ${signal.confidence.toFixed(2)}`,
    `at ${number(signal.referencePrice)}: stop ${number(signal.referencePrice * (1 + sign * stop))} (${percent(stop)}), target ${number(signal.referencePrice * (1 - sign * target))} (${percent(target)}), reward to risk ${figure(rewardToRisk)}`,
    `regime: market ${signal.marketRegime ?? 'not known yet'}, symbol ${signal.symbolRegime ?? 'not known yet'}; size x ${figure(sizeScale)}`,
    ...(expiresAt === undefined
      ? []
      : [`expires ${formatTime(expiresAt)} (${(expiresAt - signal.minute) / MINUTE_MS} minutes)`]),
  ];
}

function consequenceLines({ signal, orders, notes, outcomes }: SignalExplanation): string[] {
  const lines = [
    ...orders.map(orderLine),
    ...(notes ?? []).map(({ strategy, reason }) => `strategy ${strategy}: ${reason}`),
  ];
  if (lines.length === 0) {
    const nothing = signal.accepted ? 'no order' : 'no order: a gate stopped it';
    lines.push(notes === null ? `${nothing}; the notes of the minute are not stored` : nothing);
  }
  const realized = Object.entries(outcomes).map(([horizon, value]) => `${horizon} ${percent(value)}`);
  return [...lines, `the market since: ${realized.length === 0 ? 'no horizon has ended' : realized.join(', ')}`];
}

const orderLine = (order: Order): string =>
  `order ${order.clientOrderId}: ${order.purpose} ${order.side} ${order.quantity}, ${order.status}, filled ${order.filledQuantity}${order.averagePrice === undefined ? '' : ` at ${order.averagePrice}`}`;

function inputLines({ inputs, inputsMissing }: SignalExplanation): string[] {
  if (inputs === null) return [inputsMissing ?? 'not stored'];
  const { base, masked } = inputs;
  const isLinear = base !== undefined;
  return [
    `${inputs.inputs.length} known, ${masked} masked; the largest${isLinear ? ` contributions to the forecast return, beside ${percent(base)} of none` : ' of the newest bar, in units of their spread'}`,
    ...formatTable(
      [
        { title: 'feature' },
        { title: 'value', align: 'right' },
        { title: 'scaled', align: 'right' },
        ...(isLinear ? [{ title: 'contribution', align: 'right' } as const] : []),
      ],
      inputs.inputs
        .slice(0, INPUTS_SHOWN)
        .map(({ name, value, scaled, contribution }) => [
          name,
          number(value),
          scaled.toFixed(2),
          ...(contribution === undefined ? [] : [`${(contribution * 100).toFixed(4)} %`]),
        ]),
    ),
  ];
}

function outputLines({ outputs, realized }: SignalExplanation): string[] {
  if (outputs === null) return ['the forecast is no longer stored'];
  const known: Readonly<Partial<Record<ForecastOutput, number>>> = realized;
  return formatTable(
    [{ title: 'output' }, { title: 'value', align: 'right' }, { title: 'came true', align: 'right' }],
    FORECAST_OUTPUTS.map((name) => [name, number(outputs[name]), figure(known[name])]),
  );
}

function alternativeLines(alternatives: readonly RejectedAlternative[]): string[] {
  if (alternatives.length === 0) return ['none'];
  return formatTable(
    [
      { title: 'symbol' },
      { title: 'side' },
      { title: 'horizon' },
      { title: 'net edge', align: 'right' },
      { title: 'stopped by' },
    ],
    alternatives.map(({ signal, failed }) => [
      signal.symbol,
      signal.side,
      signal.horizon,
      percent(signal.netEdge),
      failed
        .map(({ gate, value, threshold }) =>
          value === undefined ? gate : `${gate} ${figure(value)} to ${figure(threshold)}`,
        )
        .join(', '),
    ]),
  );
}

/** Rolling accuracy, a line per horizon and model; figures of too few forecasts are n/a. */
export function accuracyLines(
  accuracies: readonly RollingAccuracy[],
  horizons: readonly Horizon[],
  days: number,
): string[] {
  if (accuracies.length === 0)
    return [`no forecast of the last ${days} days for ${horizons.join(', ')} has an outcome yet`];
  const right = (title: string) => ({ title, align: 'right' }) as const;
  return formatTable(
    [
      { title: 'horizon' },
      { title: 'model' },
      ...['n', 'unknown', 'stretches', 'hits', 'base', 'log-loss', 'base', 'Brier', 'base', 'ECE'].map(right),
      ...['levels', 'base', 'drawdown', 'base', 'rally', 'base'].map(right),
    ],
    accuracies.map(({ horizon, modelId, isJudged, extremes, ...figures }) => {
      const judged = (text: string) => (isJudged ? text : 'n/a');
      return [
        horizon,
        modelId,
        String(figures.forecasts),
        String(figures.unknown),
        String(figures.stretches),
        judged(percent(figures.hitRate)),
        judged(percent(figures.baseHitRate)),
        ...[figures.logLoss, figures.baseLogLoss, figures.brier, figures.baseBrier, figures.calibrationError].map(
          (value) => judged(value.toFixed(4)),
        ),
        ...extremeFigures(extremes),
      ];
    }),
  );
}

/** Brier score of the levels, then the errors of drawdown and rally, each with its base; empty where the horizon has none. */
function extremeFigures(extremes: RollingAccuracy['extremes']): string[] {
  if (extremes === null) return Array.from({ length: 6 }, () => '');
  const figureOf = (value: number | null, text: (value: number) => string): string =>
    value === null ? '' : extremes.isJudged ? text(value) : 'n/a';
  return [
    ...[extremes.levelBrier, extremes.baseLevelBrier].map((value) => figureOf(value, (score) => score.toFixed(4))),
    ...[extremes.drawdownError, extremes.baseDrawdownError, extremes.rallyError, extremes.baseRallyError].map((value) =>
      figureOf(value, percent),
    ),
  ];
}
