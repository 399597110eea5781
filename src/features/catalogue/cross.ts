import { type CrossNode, combine, feature } from '../cross-program.ts';
import type { CrossFeature } from '../feature.ts';
import {
  comovement,
  panelDeviation,
  panelMean,
  panelShareAbove,
  rank,
  referenceReturn,
  score,
} from '../kernels/cross-section.ts';

/** Positions in the engineer's list of references. */
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

const market = cross('market');
const relative = cross('relative');
const reference = cross('references');

const ret = (bars: number) => feature(`ret_${bars}`);
const wide = (bars: number): [number, number] => [-0.05 * Math.sqrt(bars), 0.05 * Math.sqrt(bars)];
const minus = (a: number, b: number) => a - b;

/** Deviation of returns over the panel in units of the panel's mean volatility. */
const dispersion = (bars: number): CrossNode =>
  combine(`dispersion(${bars})`, panelDeviation(ret(bars)), panelMean(feature('vol_96')), (deviation, sigma) =>
    sigma === 0 ? 0 : deviation / (sigma * Math.sqrt(bars)),
  );

/** Return less what the reference's return and the 168 h beta explain. */
const residual = (bars: number): CrossNode =>
  combine(
    `residual(${bars})`,
    ret(bars),
    combine(
      `explained(${bars})`,
      comovement('beta', 'slow', BTC, 168),
      referenceReturn(BTC, bars),
      (beta, change) => beta * change,
    ),
    minus,
  );

/** Names of features whose rank within the panel is a feature. */
const RANKED: readonly (readonly [name: string, warmUp: WarmUp])[] = [
  ['ret_1', { fast: 2 }],
  ['ret_4', { fast: 5 }],
  ['ret_16', { fast: 17 }],
  ['ret_96', { fast: 97 }],
  ['ret_72h', { slow: 73 }],
  ['ret_168h', { slow: 169 }],
  ['ret_336h', { slow: 337 }],
  ['vol_96', { fast: 97 }],
  ['vol_336h', { slow: 337 }],
  ['vol_balance_8_32', { fast: 33 }],
  ['volume_balance_4_96', { fast: 96 }],
  ['volume_balance_24h_336h', { slow: 336 }],
  ['position_96', { fast: 96 }],
  ['signed_volume_48', { fast: 49 }],
  ['money_flow_72h', { slow: 72 }],
  ['efficiency_168h', { slow: 169 }],
  ['skewness_96', { fast: 97 }],
  ['ema_distance_21', { fast: 192 }],
];

/** Cross-sectional features: over the symbols that have a bar at the minute. */
export const CROSS_FEATURES: readonly CrossFeature[] = [
  ...[1, 4, 16, 96].map((n) =>
    market(`market_ret_${n}`, { fast: n + 1 }, wide(n), `panel mean of ret_${n}`, panelMean(ret(n))),
  ),
  market('market_ret_168h', { slow: 169 }, [-1, 1], 'panel mean of ret_168h', panelMean(feature('ret_168h'))),
  market('market_vol_96', { fast: 97 }, [0, 0.04], 'panel mean of vol_96', panelMean(feature('vol_96'))),
  market(
    'market_vol_balance',
    { fast: 33 },
    [-1, 1],
    'panel mean of vol_balance_8_32',
    panelMean(feature('vol_balance_8_32')),
  ),
  market(
    'market_volume_balance',
    { fast: 96 },
    [-1, 1],
    'panel mean of volume_balance_4_96',
    panelMean(feature('volume_balance_4_96')),
  ),
  ...[4, 16, 96].map((n) =>
    market(`breadth_${n}`, { fast: n + 1 }, [0, 1], `share of the panel with ret_${n} > 0`, panelShareAbove(ret(n))),
  ),
  market(
    'breadth_trend',
    { fast: 192 },
    [0, 1],
    'share of the panel with ema_distance_21 > 0',
    panelShareAbove(feature('ema_distance_21')),
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
  market(
    'market_correlation_96',
    { fast: 98 },
    [-1, 1],
    'panel mean of btc_correlation_96',
    panelMean(comovement('correlation', 'fast', BTC, 96)),
  ),

  ...RANKED.map(([name, warmUp]) =>
    relative(
      `rank_${name}`,
      warmUp,
      [0, 1],
      `share of the panel's other symbols with a smaller ${name}, ties half`,
      rank(feature(name)),
    ),
  ),
  ...[4, 16, 96].map((n) =>
    relative(`score_ret_${n}`, { fast: n + 1 }, [-6, 6], `(ret_${n} - panel mean) / panel deviation`, score(ret(n))),
  ),
  relative(
    'score_volume',
    { fast: 96 },
    [-5, 5],
    '(volume_balance_4_96 - panel mean) / panel deviation',
    score(feature('volume_balance_4_96')),
  ),
  ...[4, 16, 96].map((n) =>
    relative(
      `excess_ret_${n}`,
      { fast: n + 1 },
      wide(n),
      `ret_${n} - market_ret_${n}`,
      combine(`excess(${n})`, ret(n), panelMean(ret(n)), minus),
    ),
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
      combine(`ethOverBtc(${n})`, referenceReturn(ETH, n), referenceReturn(BTC, n), minus),
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
    'eth_beta_96',
    { fast: 98 },
    [-2, 5],
    'Σ₉₆ r·e / Σ₉₆ e², e = r of ETH',
    comovement('beta', 'fast', ETH, 96),
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
];
