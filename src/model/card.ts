import { epochMs, formatTime, HORIZON_NAMES } from '../core/index.ts';
import { isModelInput, LEAST_KNOWN_SHARE } from '../features/index.ts';
import type { Estimate } from './evaluation/day-resampling.ts';
import type { Manifest } from './manifest.ts';

/** The model card, Markdown: what it is, what it was judged on, every figure beside its baseline, and its limits. */
export function modelCard(manifest: Manifest): string {
  const { windows, metrics, market } = manifest;
  const { command } = manifest.provenance;
  const isRawKnown = metrics.mean.rawInformationCoefficient !== undefined;
  const leftOut = manifest.featureNames.filter((_, column) => !isModelInput(manifest.scaler, column));
  const periods = (['train', 'earlyStopping', 'calibration', 'test'] as const).flatMap((name) => {
    const window = windows[name];
    return window
      ? [`| ${name} | ${formatTime(epochMs(window.from))} | ${formatTime(epochMs(window.to))} | ${window.rows} |`]
      : [];
  });
  return [
    `# ${manifest.modelId}`,
    '',
    `**${marketText(market)}**`,
    '',
    ...describe(manifest, manifest.featureNames.length - leftOut.length),
    ...(leftOut.length === 0
      ? []
      : [
          '',
          `No inputs, as known in less than ${LEAST_KNOWN_SHARE * 100} % of the training rows: ${leftOut.join(', ')}.`,
        ]),
    '',
    '| window | from | to | rows |',
    '|---|---|---|---|',
    ...periods,
    '',
    '## Classes and returns (test window)',
    '',
    ...comparison(manifest),
    '',
    `| horizon | macro-F1, 95 % | volatility-only | log-loss | volatility-only | sign right where it moved | rank IC per time, 95 % |${isRawKnown ? ' before calibration |' : ''} MSE / MSE of zero | ECE |`,
    `|---|---|---|---|---|---|---|---|---|${isRawKnown ? '---|' : ''}`,
    ...HORIZON_NAMES.map((horizon) => {
      const score = metrics.horizons[horizon];
      const other = metrics.baselines.volatilityOnly?.horizons[horizon];
      const cells = [
        interval(score.macroF1),
        interval(other?.macroF1),
        figure(score.logLoss),
        figure(other?.logLoss),
        percent(score.signAccuracy),
        interval(score.informationCoefficient),
        ...(isRawKnown ? [interval(score.rawInformationCoefficient)] : []),
        ratio(score.meanSquaredError, score.meanSquaredErrorOfZero),
        figure(score.calibrationError),
      ];
      return `| ${horizon} | ${cells.join(' | ')} |`;
    }),
    '',
    `Rank of the 24 h return: IC ${interval(metrics.rank24h.informationCoefficient)}${isRawKnown ? `, before calibration ${interval(metrics.rank24h.rawInformationCoefficient)}` : ''}, MSE / MSE of the middle ${ratio(metrics.rank24h.meanSquaredError, metrics.rank24h.meanSquaredErrorOfBaseline)}.`,
    '',
    '## Levels (test window)',
    '',
    '| head | log-loss | of base rate | Brier | of base rate | ECE |',
    '|---|---|---|---|---|---|',
    ...Object.entries(metrics.levels).map(
      ([name, score]) =>
        `| ${name} | ${[figure(score.logLoss), number(score.logLossOfBaseRate), figure(score.brier), number(score.brierOfBaseRate), figure(score.calibrationError)].join(' | ')} |`,
    ),
    '',
    '## Drawdown and rally (test window)',
    '',
    '| head | MSE / MSE of the training mean |',
    '|---|---|',
    ...Object.entries(metrics.risks).map(
      ([name, score]) => `| ${name} | ${ratio(score.meanSquaredError, score.meanSquaredErrorOfBaseline)} |`,
    ),
    '',
    '## Limits',
    '',
    '- Labels know no costs: an expected return is before fees, spread and impact.',
    `- Intervals are of ${metrics.days} days, ${metrics.runLengthDays} resampled in a row, all symbols together; fewer than five give none.`,
    `- Expected returns were shrunk by ${Object.entries(manifest.calibration.returnShrinkage)
      .map(([horizon, factor]) => `${factor.toFixed(2)} (${horizon})`)
      .join(', ')}; a factor of 0 means that the calibration window saw no use in them.`,
    '- Much of the log-loss gain of directions and levels is volatility: knowing that a move comes, not which way.',
    '',
    '## Provenance',
    '',
    ...(command === undefined ? [] : [`Made by: \`${command}\``, '']),
    `Features ${manifest.featureSetHash}, scaler ${manifest.scaler.hash}, dataset ${manifest.provenance.datasetHash}, configuration ${manifest.provenance.configHash}, code ${manifest.provenance.codeVersion}, seed ${manifest.provenance.seed}.`,
    '',
  ].join('\n');
}

export function marketText(market: Manifest['market']): string {
  const edge = market.plantedEdge ? ' with a planted edge: the figures say nothing of a real market' : '';
  const source = { generated: 'Generated market', replay: 'Replayed market data', real: 'Real market data' }[
    market.source
  ];
  return `${source}${edge}${market.description ? ` (${market.description})` : ''}.`;
}

const symbolCount = ({ universe }: Manifest): string =>
  universe === 'any' ? 'any symbols' : `${universe.symbols.length} symbols`;

const number = (value: number | null): string => (value === null ? 'n/a' : value.toFixed(4));
const figure = (estimate: Estimate | undefined): string => number(estimate?.value ?? null);
const percent = ({ value }: Estimate): string => (value === null ? 'n/a' : `${(value * 100).toFixed(1)} %`);
const ratio = (value: number, baseline: number): string => (baseline > 0 ? (value / baseline).toFixed(4) : 'n/a');

function interval(estimate: Estimate | undefined): string {
  if (!estimate || estimate.value === null) return 'n/a';
  const { value, low, high } = estimate;
  return low === null || high === null
    ? value.toFixed(4)
    : `${value.toFixed(4)} [${low.toFixed(4)}, ${high.toFixed(4)}]`;
}

/** Means of the four horizons beside those of simpler models on the same rows, and what to make of the linear one's. */
function comparison({ kind, metrics }: Manifest): string[] {
  const { mean, baselines } = metrics;
  const names = {
    linear: 'linear',
    volatilityOnly: 'volatility-only',
    persistence: 'persistence',
    majority: 'majority',
  };
  const others = Object.entries(names).flatMap(([key, name]) => {
    const other = baselines[key as keyof typeof baselines];
    return other && !(kind === 'linear-baseline' && key === 'linear') ? [{ name, ...other }] : [];
  });
  const row = (name: string, of: typeof mean, difference?: Estimate) =>
    `| ${[name, interval(of.macroF1), figure(of.logLoss), interval(difference), interval(of.rawInformationCoefficient ?? of.informationCoefficient)].join(' | ')} |`;
  const linear = others.find(({ name }) => name === 'linear');
  return [
    'Means of the four horizons, all models on the same rows:',
    '',
    '| model | macro-F1, 95 % | log-loss | the model less it, 95 % | rank IC before calibration, 95 % |',
    '|---|---|---|---|---|',
    row('**this model**', mean),
    ...others.map((other) => row(other.name, other.mean, other.difference.logLoss)),
    ...(linear ? ['', verdict(mean, linear)] : []),
  ];
}

type Means = Manifest['metrics']['mean'];

function verdict(own: Means, linear: { mean: Means; difference: { logLoss: Estimate } }): string {
  const { value, low, high } = linear.difference.logLoss;
  const isKnown = low !== null && high !== null && (low > 0 || high < 0);
  const loss = `${(value ?? 0) < 0 ? 'better' : 'worse'} than the linear model by log-loss (${isKnown ? 'the interval of the difference leaves out 0' : 'the interval of the difference holds 0'})`;
  const [mine, other] = [own, linear.mean].map(
    (of) => (of.rawInformationCoefficient ?? of.informationCoefficient).value,
  );
  if (mine == null || other == null) return `It is ${loss}.`;
  const wins = (value ?? 0) < 0 && mine > other;
  return `It is ${loss}, and ${mine > other ? 'better' : 'worse'} by the information coefficient (${mine.toFixed(4)} to ${other.toFixed(4)})${wins ? '.' : ': it does not win by both.'}`;
}

function describe(manifest: Manifest, inputs: number): string[] {
  const { kind, network } = manifest;
  if (kind === 'linear-baseline' || !network) {
    return [
      `Linear baseline: ridge regression for returns, drawdown, rally and the 24 h rank, penalised logistic regression for directions and`,
      `levels, on ${inputs} features of ${symbolCount(manifest)}. Fitted on the first window, calibrated on the second, judged on the third.`,
    ];
  }
  const { shape, weights, epochs, bestEpoch } = network;
  return [
    `UnifiedPatchTST: windows of ${shape.context} bars of ${inputs} features of ${symbolCount(manifest)} in patches of ${shape.patch} (stride ${shape.stride}), ${shape.layers} layers of width ${shape.width},`,
    `${weights} weights; ${epochs} epochs trained, weights of epoch ${bestEpoch + 1}. Trained on the first window, stopped by the second, calibrated on the third, judged on the fourth.`,
  ];
}
