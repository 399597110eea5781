import { NAMED_INDICATORS } from './catalogue/indicator-table.ts';
import { describeFeature, type FeatureSet, featureSet } from './feature-set.ts';

/** `docs/features.md`: every feature and named indicator, as Markdown. */
export function featureTable(set: FeatureSet = featureSet()): string {
  const features = set.features.map(describeFeature);
  const count = (stage: string) => features.filter((feature) => feature.stage === stage).length;
  const rows = features.map(
    ({ name, group, stage, formula, warmUp, slowWarmUp, range }) =>
      `| \`${name}\` | ${group} | ${stage} | ${formula.replaceAll('|', '\\|')} | ${warmUpText(warmUp, slowWarmUp)} | ${rangeText(range)} |`,
  );
  return `${[
    '<!-- Generated from the catalogue: UPDATE_DOCS=1 npx vitest run src/features/feature-table.test.ts -->',
    '# Features',
    '',
    `${features.length} features: ${count('fast')} fast, ${count('slow')} slow, ${count('cross')} cross-sectional. Feature set \`${set.hash.slice(0, 16)}\`.`,
    '',
    '- **fast**: on 15-minute bars that end at the minute of the forecast; fifteen phases are fifteen series.',
    '- **slow**: on closed, clock-aligned 1h bars that all phases share.',
    '- **cross**: over the symbols that have a bar at the minute, after the other two.',
    '- **warm-up**: bars, the newest included, from which on the value holds (15-minute bars; hours where marked h). Before, and where a',
    '  source or a reference is absent, the value is masked. A row whose newest hour is unknown has its slow features masked.',
    '- **range**: hard where the formula bounds the value, else where all but about one in a thousand lie.',
    '- r = ln(C/C₋₁); Σₙ and meanₙ run over the last n bars of the stage; deviations are of the population. A quotient whose denominator is 0',
    '  is 0, and so is its logarithm; an oscillator without movement stands in its middle: flat bars without volume give finite values. Of',
    '  equal extremes the newest counts. Recursive averages (EMA, ATR, RSI, ADX, MACD) are seeded as TA-Lib seeds them. Every value is unchanged,',
    '  to the last bit, when prices or volumes are multiplied by a power of two.',
    '- A funding rate is known to the hours that close after it was settled.',
    '- Up to 3 missing bars in a row are carried as flat bars without volume, at the funding rate known before them; the rows of missing bars',
    '  themselves are masked. More begin the series anew.',
    '',
    '| name | group | stage | formula | warm-up | range |',
    '|---|---|---|---|---|---|',
    ...rows,
    '',
    '## Named indicators',
    '',
    'Stored in `technical_indicators` for charts and people, on the 15-minute bar that ends at the minute, in the units charts show. Price levels',
    'are among them; no model reads them.',
    '',
    '| name | warm-up |',
    '|---|---|',
    ...NAMED_INDICATORS.map(({ name, warmUp }) => `| \`${name}\` | ${warmUp} |`),
  ].join('\n')}\n`;
}

/** Bars of 15 minutes, and hours marked h. */
export const warmUpText = (fast: number, slow: number): string =>
  [fast > 0 ? String(fast) : '', slow > 0 ? `${slow} h` : ''].filter(Boolean).join(', ');

export const rangeText = ([low, high]: readonly [number, number]): string => `${number(low)} to ${number(high)}`;

const number = (value: number): string => String(Number(value.toPrecision(3)));
