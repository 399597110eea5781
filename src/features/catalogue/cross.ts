import { type CrossNode, combineWide, feature, minus } from '../cross-program.ts';
import type { CrossFeature } from '../feature.ts';
import { dayWave, fundingTimeLeft, session, weekend, weekWave } from '../kernels/cross/calendar.ts';
import { commonShare, comovement, marketReturn } from '../kernels/cross/comovement.ts';
import {
  panelDeviation,
  panelMean,
  panelShareAbove,
  panelSkewness,
  rank,
  referenceReturn,
  score,
  sectorExcess,
} from '../kernels/cross/panel.ts';
import { FAST_FEATURES } from './fast.ts';
import { SLOW_FEATURES } from './slow.ts';

/** Positions in the engine's list of references. */
const BTC = 0;
const ETH = 1;

interface WarmUp {
  readonly fast?: number;
  readonly slow?: number;
}

const cross =
  (group: string) =>
  (
    name: string,
    { fast = 1, slow }: WarmUp,
    range: readonly [number, number],
    formula: string,
    kernel: CrossNode,
  ): CrossFeature => ({
    name,
    group,
    stage: 'cross',
    formula,
    warmUp: fast,
    ...(slow === undefined ? {} : { slowWarmUp: slow }),
    range,
    kernel,
  });

const calendar = cross('calendar');
const market = cross('market');
const relative = cross('relative');
const sector = cross('sector');
const reference = cross('references');

/** When a feature of the fast or slow stage is warm. */
function warmUpOf(name: string): WarmUp {
  const fast = FAST_FEATURES.find((candidate) => candidate.name === name);
  if (fast) return { fast: fast.warmUp };
  const slow = SLOW_FEATURES.find((candidate) => candidate.name === name);
  if (slow) return { slow: slow.warmUp };
  throw new RangeError(`no fast or slow feature is named ${name}`);
}

const ret = (bars: number) => feature(`ret_${bars}`);
const wide = (bars: number): [number, number] => [-0.05 * Math.sqrt(bars), 0.05 * Math.sqrt(bars)];

/** Deviation of returns over the panel in units of the panel's mean volatility. */
const dispersion = (bars: number): CrossNode =>
  combineWide(
    `dispersion(${bars})`,
    [panelDeviation(ret(bars)), panelMean(feature('vol_96'))],
    (deviation = 0, sigma = 0) => (sigma === 0 ? 0 : deviation / (sigma * Math.sqrt(bars))),
  );

/** Return less what the reference's return and the 168 h beta explain. */
const residual = (bars: number): CrossNode =>
  minus(`residual(${bars})`, ret(bars), referenceReturn(BTC, bars), comovement('beta', 'slow', BTC, 168));
/** Return less what the panel's mean return and the beta to it explain. */
const marketResidual = (bars: number): CrossNode =>
  minus(`marketResidual(${bars})`, ret(bars), marketReturn('fast', bars, 96), comovement('beta', 'fast', 'market', 96));

/** Features whose rank within the panel is a feature. */
const RANKED: readonly string[] = [
  'ret_1',
  'ret_4',
  'ret_16',
  'ret_48',
  'ret_96',
  'ret_72h',
  'ret_168h',
  'ret_336h',
  'vol_32',
  'vol_336h',
  'vol_balance_8_32',
  'volume_balance_4_96',
  'volume_balance_24h_336h',
  'volume_seasonal_4',
  'position_96',
  'position_336h',
  'signed_volume_48',
  'signed_volume_168h',
  'money_flow_72h',
  'efficiency_168h',
  'skewness_96',
  'ema_distance_21',
  'illiquidity_24h_336h',
  'drawdown_336h',
  'vwap_distance_168h',
];

/** Cross-sectional features: over the symbols that have a bar at the minute. */
export const CROSS_FEATURES: readonly CrossFeature[] = [
  calendar('day_sin', {}, [-1, 1], 'sin(2π·share of the UTC day elapsed)', dayWave('sin')),
  calendar('day_cos', {}, [-1, 1], 'cos(2π·share of the UTC day elapsed)', dayWave('cos')),
  calendar('half_day_sin', {}, [-1, 1], 'sin(4π·share of the UTC day elapsed)', dayWave('sin', 2)),
  calendar('half_day_cos', {}, [-1, 1], 'cos(4π·share of the UTC day elapsed)', dayWave('cos', 2)),
  calendar('week_sin', {}, [-1, 1], 'sin(2π·share of the UTC week elapsed, from Monday)', weekWave('sin')),
  calendar('week_cos', {}, [-1, 1], 'cos(2π·share of the UTC week elapsed, from Monday)', weekWave('cos')),
  calendar('half_week_sin', {}, [-1, 1], 'sin(4π·share of the UTC week elapsed)', weekWave('sin', 2)),
  calendar('half_week_cos', {}, [-1, 1], 'cos(4π·share of the UTC week elapsed)', weekWave('cos', 2)),
  calendar('weekend', {}, [0, 1], '1 on Saturday and Sunday, UTC', weekend),
  calendar('session_asia', {}, [0, 1], '1 from 00:00 to 08:00 UTC', session(0, 8)),
  calendar('session_europe', {}, [0, 1], '1 from 07:00 to 16:00 UTC', session(7, 16)),
  calendar('session_america', {}, [0, 1], '1 from 13:00 to 22:00 UTC', session(13, 22)),
  calendar('session_overlap', {}, [0, 1], '1 from 13:00 to 16:00 UTC, Europe and America open', session(13, 16)),
  calendar('funding_left', {}, [0, 1], 'share of the 8 h funding period left', fundingTimeLeft),

  ...[1, 4, 16, 96].map((n) =>
    market(`market_ret_${n}`, { fast: n + 1 }, wide(n), `panel mean of ret_${n}`, panelMean(ret(n))),
  ),
  market('market_ret_168h', { slow: 169 }, [-1, 1], 'panel mean of ret_168h', panelMean(feature('ret_168h'))),
  market('market_vol_96', { fast: 97 }, [0, 0.04], 'panel mean of vol_96', panelMean(feature('vol_96'))),
  ...(
    [
      ['market_vol_balance', 'vol_balance_8_32'],
      ['market_volume_balance', 'volume_balance_4_96'],
      ['market_volume_seasonal', 'volume_seasonal_4'],
      ['market_efficiency', 'efficiency_32'],
      ['market_skewness', 'skewness_96'],
      ['market_signed_volume', 'signed_volume_24'],
      ['market_choppiness', 'choppiness_96'],
      ['market_drawdown', 'drawdown_scaled_96'],
    ] as const
  ).map(([name, source]) =>
    market(
      name,
      warmUpOf(source),
      name === 'market_skewness' ? [-6, 6] : name === 'market_drawdown' ? [-3, 0] : [-1, 1.1],
      `panel mean of ${source}`,
      panelMean(feature(source)),
    ),
  ),
  ...[1, 4, 16, 96].map((n) =>
    market(
      `breadth_${n}`,
      { fast: n + 1 },
      [0, 1],
      `share of the panel with ret_${n} > 0, ties half`,
      panelShareAbove(ret(n)),
    ),
  ),
  market(
    'breadth_trend',
    { fast: 192 },
    [0, 1],
    'share of the panel with ema_distance_21 > 0, ties half',
    panelShareAbove(feature('ema_distance_21')),
  ),
  market(
    'breadth_high_168h',
    { slow: 168 },
    [0, 1],
    'share of the panel with position_168h > 0.6, ties half',
    panelShareAbove(feature('position_168h'), 0.6),
  ),
  ...[4, 16, 96].map((n) =>
    market(
      `dispersion_${n}`,
      { fast: 97 },
      [0, 10],
      `panel deviation of ret_${n} / (market_vol_96·√${n})`,
      dispersion(n),
    ),
  ),
  ...[16, 96].map((n) =>
    market(
      `panel_skewness_${n}`,
      { fast: n + 1 },
      [-1, 1],
      `(q₉₀+q₁₀-2q₅₀)/(q₉₀-q₁₀) of ret_${n} over the panel, quantiles interpolated (Kelley)`,
      panelSkewness(ret(n)),
    ),
  ),
  market(
    'market_correlation_96',
    { fast: 98 },
    [-1, 1],
    'panel mean of btc_correlation_96',
    panelMean(comovement('correlation', 'fast', BTC, 96)),
  ),
  market(
    'common_share_96',
    { fast: 98 },
    [0, 1],
    'Σ₉₆m² / panel mean of Σ₉₆r², m = panel mean of r',
    commonShare('fast', 96),
  ),
  market('common_share_168h', { slow: 170 }, [0, 1], '1h: Σ₁₆₈m² / panel mean of Σ₁₆₈r²', commonShare('slow', 168)),

  ...RANKED.map((name) =>
    relative(
      `rank_${name}`,
      warmUpOf(name),
      [0, 1],
      `share of the panel's other symbols with a smaller ${name}, ties half`,
      rank(feature(name)),
    ),
  ),
  ...[1, 4, 16, 96].map((n) =>
    relative(`score_ret_${n}`, { fast: n + 1 }, [-6, 6], `(ret_${n} - panel mean) / panel deviation`, score(ret(n))),
  ),
  relative(
    'score_ret_168h',
    { slow: 169 },
    [-6, 6],
    '(ret_168h - panel mean) / panel deviation',
    score(feature('ret_168h')),
  ),
  relative(
    'score_volume',
    { fast: 96 },
    [-5, 5],
    '(volume_balance_4_96 - panel mean) / panel deviation',
    score(feature('volume_balance_4_96')),
  ),
  relative('score_vol_96', { fast: 97 }, [-5, 6], '(vol_96 - panel mean) / panel deviation', score(feature('vol_96'))),
  ...[4, 16, 96].map((n) =>
    relative(
      `excess_ret_${n}`,
      { fast: n + 1 },
      wide(n),
      `ret_${n} - market_ret_${n}`,
      minus(`excess(${n})`, ret(n), panelMean(ret(n))),
    ),
  ),

  ...[4, 16, 96].map((n) =>
    sector(
      `sector_excess_ret_${n}`,
      { fast: n + 1 },
      wide(n),
      `ret_${n} - mean of it over the others of the sector, masked without any`,
      sectorExcess(ret(n)),
    ),
  ),
  sector(
    'sector_excess_ret_168h',
    { slow: 169 },
    [-1, 1],
    'ret_168h - mean of it over the others of the sector, masked without any',
    sectorExcess(feature('ret_168h')),
  ),
  sector(
    'sector_excess_volume',
    { fast: 96 },
    [-1.5, 1.5],
    'volume_balance_4_96 - mean of it over the others of the sector, masked without any',
    sectorExcess(feature('volume_balance_4_96')),
  ),

  ...[1, 4, 16, 96].map((n) =>
    reference(
      `btc_ret_${n}`,
      { fast: n + 1 },
      [-0.03 * Math.sqrt(n), 0.03 * Math.sqrt(n)],
      `BTC's ret_${n}`,
      referenceReturn(BTC, n),
    ),
  ),
  ...[4, 16, 96].map((n) =>
    reference(
      `eth_over_btc_${n}`,
      { fast: n + 1 },
      [-0.03 * Math.sqrt(n), 0.03 * Math.sqrt(n)],
      `ETH's ret_${n} - BTC's`,
      combineWide(`ethOverBtc(${n})`, [referenceReturn(ETH, n), referenceReturn(BTC, n)], (e = 0, b = 0) => e - b),
    ),
  ),
  reference(
    'btc_beta_96',
    { fast: 98 },
    [-3, 6],
    'Σ₉₆ r·b / Σ₉₆ b², b = r of BTC',
    comovement('beta', 'fast', BTC, 96),
  ),
  reference(
    'btc_down_beta_96',
    { fast: 98 },
    [-3, 6],
    'Σ₉₆ r·b / Σ₉₆ b² over the bars with b < 0, b = r of BTC',
    comovement('downBeta', 'fast', BTC, 96),
  ),
  reference(
    'btc_beta_168h',
    { slow: 170 },
    [-1, 5],
    '1h: Σ₁₆₈ r·b / Σ₁₆₈ b², b = r of BTC',
    comovement('beta', 'slow', BTC, 168),
  ),
  reference(
    'btc_correlation_96',
    { fast: 98 },
    [-1, 1],
    'Σ₉₆ r·b / √(Σ₉₆r²·Σ₉₆b²), b = r of BTC',
    comovement('correlation', 'fast', BTC, 96),
  ),
  reference(
    'btc_correlation_168h',
    { slow: 170 },
    [-1, 1],
    '1h: Σ₁₆₈ r·b / √(Σ₁₆₈r²·Σ₁₆₈b²), b = r of BTC',
    comovement('correlation', 'slow', BTC, 168),
  ),
  reference(
    'btc_follow_96',
    { fast: 98 },
    [-1, 1],
    'Σ₉₆ r·b₋₁ / √(Σ₉₆r²·Σ₉₆b²), b = r of BTC: the symbol follows',
    comovement('follow', 'fast', BTC, 96),
  ),
  reference(
    'btc_lead_96',
    { fast: 98 },
    [-1, 1],
    'Σ₉₆ r₋₁·b / √(Σ₉₆r²·Σ₉₆b²), b = r of BTC: the symbol leads',
    comovement('lead', 'fast', BTC, 96),
  ),
  reference(
    'eth_beta_96',
    { fast: 98 },
    [-2, 5],
    'Σ₉₆ r·e / Σ₉₆ e², e = r of ETH',
    comovement('beta', 'fast', ETH, 96),
  ),
  reference(
    'eth_correlation_96',
    { fast: 98 },
    [-1, 1],
    'Σ₉₆ r·e / √(Σ₉₆r²·Σ₉₆e²), e = r of ETH',
    comovement('correlation', 'fast', ETH, 96),
  ),
  reference(
    'eth_follow_96',
    { fast: 98 },
    [-1, 1],
    'Σ₉₆ r·e₋₁ / √(Σ₉₆r²·Σ₉₆e²), e = r of ETH: the symbol follows',
    comovement('follow', 'fast', ETH, 96),
  ),
  reference(
    'market_beta_96',
    { fast: 98 },
    [-2, 4],
    'Σ₉₆ r·m / Σ₉₆ m², m = panel mean of r',
    comovement('beta', 'fast', 'market', 96),
  ),
  reference(
    'market_beta_168h',
    { slow: 170 },
    [-1, 4],
    '1h: Σ₁₆₈ r·m / Σ₁₆₈ m², m = panel mean of r',
    comovement('beta', 'slow', 'market', 168),
  ),
  reference(
    'own_correlation_96',
    { fast: 98 },
    [-1, 1],
    'Σ₉₆ r·m / √(Σ₉₆r²·Σ₉₆m²), m = panel mean of r',
    comovement('correlation', 'fast', 'market', 96),
  ),
  reference(
    'market_follow_96',
    { fast: 98 },
    [-1, 1],
    'Σ₉₆ r·m₋₁ / √(Σ₉₆r²·Σ₉₆m²): the symbol follows the panel',
    comovement('follow', 'fast', 'market', 96),
  ),
  reference(
    'market_lead_96',
    { fast: 98 },
    [-1, 1],
    'Σ₉₆ r₋₁·m / √(Σ₉₆r²·Σ₉₆m²): the symbol leads the panel',
    comovement('lead', 'fast', 'market', 96),
  ),
  ...[4, 16, 96].map((n) =>
    reference(
      `btc_residual_${n}`,
      { fast: n + 1, slow: 170 },
      wide(n),
      `ret_${n} - btc_beta_168h · BTC's ret_${n}`,
      residual(n),
    ),
  ),
  ...[1, 4, 16, 96].map((n) =>
    reference(`market_residual_${n}`, { fast: 98 }, wide(n), `ret_${n} - market_beta_96 · Σ${n} m`, marketResidual(n)),
  ),
];
