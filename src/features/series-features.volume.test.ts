import { describe, expect, it } from 'vitest';
import {
  atr,
  balance,
  before,
  bodies,
  correlation,
  deviation,
  ema,
  type Formula,
  family,
  last,
  lowerWicks,
  mean,
  middle,
  minus,
  now,
  over,
  places,
  rolling,
  type Series,
  score,
  slope,
  square,
  successive,
  sum,
  times,
  typical,
  upperWicks,
  volatility,
  type Windowed,
  zip,
} from './naive.fixture.ts';
import { expectFormulas, featuresOf } from './naive-market.fixture.ts';

/* Volume, taker flow and microstructure. */

const meanVolume: Windowed = ({ V }, n) => mean(last(V, n));
const volumeBalance = (x: Series, short: number, long: number) => balance(meanVolume(x, short), meanVolume(x, long));
const seasonal = ({ V }: Series, n: number, season: number) =>
  balance(sum(last(V, n)), sum(last(before(V, season), n)));
const concentration: Windowed = ({ V }, n) => over(Math.max(...last(V, n)), sum(last(V, n)));
const trend: Windowed = (x, n) => over(n * slope(last(x.V, n)), meanVolume(x, n));
/** Mean of values over the last n bars, weighted by volume; 0 without any. */
const byVolume = (values: readonly number[], { V }: Series, n: number) =>
  over(sum(zip(last(values, n), last(V, n), times)), sum(last(V, n)));
const signedVolume: Windowed = (x, n) => byVolume(x.r.map(Math.sign), x, n);
const moneyFlow: Windowed = (x, n) => byVolume(places(x), x, n);
const chaikinOscillator: Formula = (x) => {
  const placed = zip(places(x), x.V, times);
  return over(now(ema(placed, 3)) - now(ema(placed, 10)), now(ema(x.V, 10)));
};
/** What VWAP less something is in ranges; 0 without volume. */
const fromVwap = (x: Series, price: number, n: number, range: number) =>
  sum(last(x.V, n)) === 0 ? 0 : over(byVolume(typical(x), x, n) - price, atr(x, range));
const vwapDistance = (x: Series, n: number, range: number) => -fromVwap(x, now(x.C), n, range);
const volumeSkew = (x: Series, n: number, range: number) => fromVwap(x, mean(last(typical(x), n)), n, range);
const force: Formula = ({ C, V }) => {
  const moves = successive(C, minus);
  const of = (sign: number) =>
    now(
      ema(
        zip(moves, V, (move, volume) => Math.max(sign * move, 0) * volume),
        13,
      ),
    );
  return balance(of(1), of(-1));
};
const easeOfMovement: Windowed = (x, n) => {
  const boxes = zip(zip(x.H, x.L, minus), x.V, over);
  const ease = last(zip(successive(middle(x), minus), boxes, times), n);
  return over(sum(ease), sum(ease.map(Math.abs)));
};
const takerImbalance: Windowed = ({ bought, V }, n) =>
  over(sum(zip(last(bought, n), last(V, n), (b, v) => 2 * b - v)), sum(last(V, n)));
const values = ({ C, V }: Series) => zip(C, V, times);
const illiquidity: Windowed = (x, n) => mean(last(zip(x.r.map(Math.abs), values(x), over), n));
const impact: Windowed = (x, n) =>
  over(sum(last(zip(x.r.map(Math.abs), values(x), times), n)), sum(last(values(x), n).map(square)));
const rangePerVolume: Windowed = ({ H, L, C, V }, n) =>
  over(sum(last(zip(zip(H, L, minus), C, over), n)), sum(last(V, n)));
const rollSpread: Windowed = ({ r }, n) => {
  const covariance = sum(zip(last(r, n), last(before(r), n), times));
  return 2 * Math.sqrt(Math.max(0, -over(covariance, sum(last(r, n).map(square)))));
};
/** β of the two bars' ranges, γ of the range of both. */
const corwinSchultz: Windowed = (x, n) => {
  const ranges = zip(x.H, x.L, (high, low) => Math.log(high / low) ** 2);
  const betas = rolling(ranges, 2, sum);
  const gammas = zip(
    rolling(x.H, 2, (two) => Math.max(...two)),
    rolling(x.L, 2, (two) => Math.min(...two)),
    (high, low) => Math.log(high / low) ** 2,
  );
  const k = 3 - 2 * Math.sqrt(2);
  const alphas = zip(betas, gammas, (b, g) => (Math.sqrt(2 * b) - Math.sqrt(b)) / k - Math.sqrt(g / k));
  const spreads = alphas.map((alpha) => Math.max(0, (2 * (Math.exp(alpha) - 1)) / (1 + Math.exp(alpha))));
  return over(mean(last(spreads, n)), volatility(x, n));
};
const informedTrading: Windowed = (x, n) => {
  const sigmas = rolling(x.r.map(square), n, (squares) => Math.sqrt(mean(squares)));
  return byVolume(
    zip(x.r, sigmas, (r, sigma) => Math.abs(Math.tanh(0.851 * over(r, sigma)))),
    x,
    n,
  );
};

const FORMULAS: Record<string, Formula> = {
  volume_score_96: ({ V }) => score(V, 96),
  volume_balance_1_16: (x) => volumeBalance(x, 1, 16),
  volume_balance_4_96: (x) => volumeBalance(x, 4, 96),
  volume_balance_32_144: (x) => volumeBalance(x, 32, 144),
  volume_seasonal_4: (x) => seasonal(x, 4, 96),
  volume_variation_96: ({ V }) => over(deviation(last(V, 96)), mean(last(V, 96))),
  volume_concentration_32: (x) => concentration(x, 32),
  volume_trend_24: (x) => trend(x, 24),
  ...family('signed_volume_*', [8, 24, 48], signedVolume),
  ...family('money_flow_*', [20, 96], moneyFlow),
  chaikin_oscillator: chaikinOscillator,
  ...family('vwap_distance_*', [32, 96], (x, n) => vwapDistance(x, n, 12)),
  volume_skew_48: (x) => volumeSkew(x, 48, 12),
  force_13: force,
  ease_of_movement_24: (x) => easeOfMovement(x, 24),
  volume_move_96: ({ r, V }) => correlation(last(r, 96).map(Math.abs), last(V, 96)),
  volume_direction_48: ({ r, V }) => correlation(last(r, 48), last(V, 48)),
  ...family('taker_imbalance_*', [4, 48], takerImbalance),
  illiquidity_16_96: (x) => balance(illiquidity(x, 16), illiquidity(x, 96)),
  impact_16_144: (x) => balance(impact(x, 16), impact(x, 144)),
  range_per_volume_8_64: (x) => balance(rangePerVolume(x, 8), rangePerVolume(x, 64)),
  roll_spread_96: (x) => rollSpread(x, 96),
  corwin_schultz_24: (x) => corwinSchultz(x, 24),
  quiet_share_48: ({ r }) =>
    mean(
      Array.from({ length: 48 }, (_, age) => {
        const upTo = r.slice(0, r.length - age);
        return Number(Math.abs(now(upTo)) <= Math.sqrt(mean(last(upTo, 96).map((move) => move * move))) / 4);
      }),
    ),
  informed_trading_48: (x) => informedTrading(x, 48),
  close_pressure_24: (x) => mean(last(places(x), 24)),
  body_pressure_48: (x) => mean(last(bodies(x), 48)),
  wick_balance_24: (x) => mean(last(lowerWicks(x), 24)) - mean(last(upperWicks(x), 24)),

  volume_balance_24h_336h: (x) => volumeBalance(x, 24, 336),
  volume_seasonal_168h: (x) => seasonal(x, 24, 168),
  volume_trend_168h: (x) => trend(x, 168),
  volume_concentration_168h: (x) => concentration(x, 168),
  ...family('signed_volume_*h', [72, 168], signedVolume),
  money_flow_72h: (x) => moneyFlow(x, 72),
  vwap_distance_168h: (x) => vwapDistance(x, 168, 14),
  volume_skew_168h: (x) => volumeSkew(x, 168, 14),
  volume_direction_168h: ({ r, V }) => correlation(last(r, 168), last(V, 168)),
  ...family('taker_imbalance_*h', [24, 168], takerImbalance),
  illiquidity_24h_336h: (x) => balance(illiquidity(x, 24), illiquidity(x, 336)),
  impact_72h_336h: (x) => balance(impact(x, 72), impact(x, 336)),
  informed_trading_168h: (x) => informedTrading(x, 168),
};

describe('features of volume, taker flow and microstructure', () => {
  it('equal their formulas from the first warm bar on, and are masked before', () => {
    expectFormulas('volume', FORMULAS);
  });

  it('each have a formula here', () => {
    expect(Object.keys(FORMULAS).sort()).toEqual(
      featuresOf('volume')
        .map(({ name }) => name)
        .sort(),
    );
  });
});
