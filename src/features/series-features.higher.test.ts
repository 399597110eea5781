import { describe, expect, it } from 'vitest';
import { type FundingRates, HOUR_MS, MINUTE_MS } from '../core/index.ts';
import { FAST_FEATURES } from './catalogue/fast.ts';
import { SLOW_FEATURES } from './catalogue/slow.ts';
import { computeColumns } from './columns.ts';
import { generateSelfTestMarket } from './generated-market.ts';
import {
  aroon,
  atr,
  balance,
  change,
  type Formula,
  last,
  mean,
  momentumBalance,
  now,
  onBars,
  over,
  position,
  type Series,
  score,
  volatility,
  type Windowed,
  zip,
} from './naive.fixture.ts';
import { expectFormulas, featuresOf, TOPICS } from './naive-market.fixture.ts';

/* Bars of four hours and of a day, and funding. */

const fourHours = (formula: Formula): Formula => onBars(4, formula);
const days = (formula: Formula): Formula => onBars(24, formula);
const logRange: Windowed = ({ H, L }, n) => mean(zip(last(H, n), last(L, n), (high, low) => Math.log(high / low)));
const rangeBalance: Windowed = (x, n) => balance(logRange(x, 1), logRange(x, n));
const volumeBalance: Windowed = ({ V }, n) => balance(now(V), mean(last(V, n)));
const sinceOpen: Windowed = ({ time, O, C }, hours) => {
  const begun = (now(time) / HOUR_MS) % hours;
  return begun === 0 ? 0 : Math.log(now(C) / (last(O, begun)[0] as number));
};
/** (C - level)/ATR₁₄ of hours, the level one of the newest closed day. */
const fromDay = (x: Series, level: Formula) => over(now(x.C) - days(level)(x), atr(x, 14));
/** Basis points. */
const rates = ({ rate }: Series, n: number) => last(rate, n).map((value) => value * 10_000);

const FORMULAS: Record<string, Formula> = {
  ret_closed_4h: fourHours((x) => change(x, 1)),
  position_60_4h: fourHours((x) => position(x, 60)),
  strength_14_4h: fourHours((x) => momentumBalance(x, 14)),
  score_20_4h: fourHours(({ C }) => score(C, 20)),
  cross_6_42_4h: fourHours(({ C }) => Math.log(mean(last(C, 6)) / mean(last(C, 42)))),
  aroon_25_4h: fourHours((x) => aroon(x, 25)),
  range_18_4h: fourHours((x) => rangeBalance(x, 18)),
  volume_18_4h: fourHours((x) => volumeBalance(x, 18)),
  since_open_4h: (x) => sinceOpen(x, 4),
  ret_closed_1d: days((x) => change(x, 1)),
  ret_closed_3d: days((x) => change(x, 3)),
  position_7_1d: days((x) => position(x, 7)),
  strength_7_1d: days((x) => momentumBalance(x, 7)),
  vol_12_1d: days((x) => volatility(x, 12)),
  range_7_1d: days((x) => rangeBalance(x, 7)),
  volume_7_1d: days((x) => volumeBalance(x, 7)),
  high_distance_1d: (x) => fromDay(x, ({ H }) => now(H)),
  low_distance_1d: (x) => fromDay(x, ({ L }) => now(L)),
  since_open_1d: (x) => sinceOpen(x, 24),
  funding_rate: (x) => now(rates(x, 1)),
  funding_mean_72h: (x) => mean(rates(x, 72)),
  funding_surprise_168h: (x) => now(rates(x, 1)) - mean(rates(x, 168)),
};

describe('features of higher bars and of funding', () => {
  it('equal their formulas from the first warm bar on, and are masked before', () => {
    expectFormulas('higher', FORMULAS);
  });

  it('each have a formula here', () => {
    expect(Object.keys(FORMULAS).sort()).toEqual(
      featuresOf('higher')
        .map(({ name }) => name)
        .sort(),
    );
  });
});

describe('features that need a source', () => {
  const list = [...FAST_FEATURES, ...SLOW_FEATURES].filter(({ source }) => source !== undefined);
  const start = Date.UTC(2024, 1, 1);
  const bars15m = generateSelfTestMarket(['A'], { bars: 4 * 200, barMs: 15 * MINUTE_MS, start, seed: 'sources' });
  const column = (name: string, funding?: FundingRates) => {
    const { values, width } = computeColumns(list, {
      bars15m,
      references: [],
      ...(funding ? { funding: new Map([['A', funding]]) } : {}),
    });
    const index = list.findIndex((feature) => feature.name === name);
    return (values.get('A') ?? new Float32Array()).filter((_, at) => at % width === index);
  };

  it('are masked where the source does not tell', () => {
    expect(list.length).toBeGreaterThan(0);
    for (const { name } of list) expect(column(name).every(Number.isNaN), name).toBe(true);
  });

  it('begin with the hour after the first settlement, not before', () => {
    const first = start + 100 * HOUR_MS;
    const funding = { times: Float64Array.of(first), rates: Float64Array.of(2e-4) };
    const knownFrom = (name: string) => column(name, funding).findIndex((value) => !Number.isNaN(value));
    // Rows are quarters; the hour that closes with the settlement is the hundredth, and the one that knows of it ends with row 403.
    expect(knownFrom('funding_rate')).toBe(403);
    expect(column('funding_rate', funding)[403]).toBe(2);
    expect(knownFrom('funding_mean_72h')).toBe(403 + 4 * 71);
  });
});

describe('the files of formulas', () => {
  it('hold the features of every group of fast and slow ones', () => {
    const groups = [...new Set([...FAST_FEATURES, ...SLOW_FEATURES].map(({ group }) => group))];
    expect(Object.values(TOPICS).flat().sort()).toEqual(groups.sort());
  });
});
