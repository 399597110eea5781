import { epochMs, formatTime } from '../core/index.ts';
import { isModelInput, LEAST_KNOWN_SHARE } from '../features/index.ts';
import type { Manifest } from './manifest.ts';

/** The model card, Markdown: what it is, what it was judged on, every figure beside its baseline, and its limits. */
export function modelCard(manifest: Manifest): string {
  const { windows, metrics, market } = manifest;
  const leftOut = manifest.featureNames.filter((_, column) => !isModelInput(manifest.scaler, column));
  const period = (name: 'train' | 'calibration' | 'test') => {
    const { from, to, rows } = windows[name];
    return `| ${name} | ${formatTime(epochMs(from))} | ${formatTime(epochMs(to))} | ${rows} |`;
  };
  return [
    `# ${manifest.modelId}`,
    '',
    `**${marketLabel(market)}**`,
    '',
    `Linear baseline: ridge regression for returns, drawdown, rally and the 24 h rank, penalised logistic regression for directions and`,
    `levels, on ${manifest.featureNames.length - leftOut.length} features of ${symbolCount(manifest)}. Fitted on the first window, calibrated on the second, judged on the third.`,
    ...(leftOut.length === 0
      ? []
      : [
          '',
          `No inputs, as known in less than ${LEAST_KNOWN_SHARE * 100} % of the training rows: ${leftOut.join(', ')}.`,
        ]),
    '',
    '| window | from | to | rows |',
    '|---|---|---|---|',
    period('train'),
    period('calibration'),
    period('test'),
    '',
    '## Returns (test window)',
    '',
    '| horizon | rank IC per time, 95 % | blocks | sign right where it moved | commoner sign | MSE / MSE of zero |',
    '|---|---|---|---|---|---|',
    ...Object.entries(metrics.returns).map(
      ([horizon, score]) =>
        `| ${horizon} | ${interval(score.informationCoefficient)} | ${score.informationCoefficient.blocks} | ${percent(score.signAccuracy)} | ${percent(score.signAccuracyMajority)} | ${ratio(score.meanSquaredError, score.meanSquaredErrorOfZero)} |`,
    ),
    `| 24h rank | ${interval(metrics.rank24h.informationCoefficient)} | ${metrics.rank24h.informationCoefficient.blocks} | | | ${ratio(metrics.rank24h.meanSquaredError, metrics.rank24h.meanSquaredErrorOfBaseline)} |`,
    '',
    '## Probabilities (test window)',
    '',
    '| head | log-loss | of base rate | Brier | of base rate | ECE |',
    '|---|---|---|---|---|---|',
    ...Object.entries(metrics.directions).map(([horizon, score]) => probabilityRow(`direction_${horizon}`, score)),
    ...Object.entries(metrics.levels).map(([name, score]) => probabilityRow(name, score)),
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
    '- Intervals resample whole days (pairs of days for the rank); fewer than five blocks give none.',
    `- Expected returns were shrunk by ${Object.entries(manifest.calibration.returnShrinkage)
      .map(([horizon, factor]) => `${factor.toFixed(2)} (${horizon})`)
      .join(', ')}; a factor of 0 means that the calibration window saw no use in them.`,
    '- Much of the log-loss gain of directions and levels is volatility: knowing that a move comes, not which way.',
    '',
    '## Provenance',
    '',
    `Features ${manifest.featureSetHash}, scaler ${manifest.scaler.hash}, dataset ${manifest.provenance.datasetHash}, configuration ${manifest.provenance.configHash}, code ${manifest.provenance.codeVersion}, seed ${manifest.provenance.seed}.`,
    '',
  ].join('\n');
}

function marketLabel(market: Manifest['market']): string {
  const edge = market.plantedEdge ? ' with a planted edge: the figures say nothing of a real market' : '';
  const source = { generated: 'Generated market', replay: 'Replayed market data', real: 'Real market data' }[
    market.source
  ];
  return `${source}${edge}${market.description ? ` (${market.description})` : ''}.`;
}

const symbolCount = ({ universe }: Manifest): string =>
  universe === 'any' ? 'any symbols' : `${universe.symbols.length} symbols`;

const percent = (value: number | null): string => (value === null ? 'n/a' : `${(value * 100).toFixed(1)} %`);
const ratio = (value: number, baseline: number): string => (baseline > 0 ? (value / baseline).toFixed(4) : 'n/a');

function interval({ mean, low, high }: { mean: number | null; low: number | null; high: number | null }): string {
  if (mean === null || low === null || high === null) return 'n/a';
  return `${mean.toFixed(4)} [${low.toFixed(4)}, ${high.toFixed(4)}]`;
}

function probabilityRow(name: string, score: Manifest['metrics']['levels'][string]): string {
  const numbers = [score.logLoss, score.logLossOfBaseRate, score.brier, score.brierOfBaseRate, score.calibrationError];
  return `| ${name} | ${numbers.map((value) => value.toFixed(4)).join(' | ')} |`;
}
