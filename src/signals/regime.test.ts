import { describe, expect, it } from 'vitest';
import { createRandom, epochMs, MINUTE_MS, type Regime } from '../core/index.ts';
import {
  DEFAULT_REGIME_SETTINGS,
  measureRegime,
  nextRegime,
  noRegimes,
  type RegimeMeasure,
  type RegimeState,
  regimeEffect,
  updateRegimes,
} from './regime.ts';

const START = Date.UTC(2025, 5, 19);
const barAt = (index: number) => epochMs(START + index * 15 * MINUTE_MS);

const CALM: RegimeMeasure = { volatility: 1, fall: 0, drift: 0.5 };

/** The regimes of measures that follow each other bar by bar. */
function regimesOf(measures: readonly Partial<RegimeMeasure>[]): Regime[] {
  let state: RegimeState | undefined;
  return measures.map((measure, index) => {
    state = nextRegime(state, { ...CALM, ...measure }, barAt(index + 1));
    return state.regime;
  });
}

const times = <T>(count: number, value: T): T[] => Array.from({ length: count }, () => value);

describe('the measure of a regime', () => {
  it('is in units of the median size of the market’s own returns, whatever their size', () => {
    const random = createRandom(5);
    const calm = Float64Array.from({ length: 96 }, () => random.normal());
    const measure = measureRegime(calm);
    expect(measure?.volatility).toBeGreaterThan(0.6);
    expect(measure?.volatility).toBeLessThan(1.5);
    const larger = measureRegime(calm.map((value) => 50 * value));
    expect(larger?.volatility).toBeCloseTo(measure?.volatility ?? 0, 10);
    expect(larger?.drift).toBeCloseTo(measure?.drift ?? 0, 10);
  });

  it('sees a burst, a fall and a drift at the newest end', () => {
    const alternating = Array.from({ length: 96 }, (_, i) => (i % 2 ? 1 : -1));
    const unit = 0.674_489_75;
    const burst = [...alternating.slice(16), ...times(8, 5), ...times(8, -5)];
    expect(measureRegime(burst)?.volatility).toBeCloseTo(5 * unit, 6);
    expect(measureRegime([...alternating.slice(4), ...times(4, -4)])?.fall).toBeCloseTo(8 * unit, 6);
    expect(measureRegime([...alternating.slice(48), ...times(48, 1)])?.drift).toBeCloseTo(Math.sqrt(48) * unit, 6);
  });

  it('says nothing of a short or a motionless history', () => {
    expect(measureRegime(times(47, 1))).toBeUndefined();
    expect(measureRegime(times(96, 0))).toBeUndefined();
  });
});

describe('a regime', () => {
  it('begins at one threshold and ends at a lower one', () => {
    const between = { drift: 1.5 };
    expect(regimesOf([between, { drift: 2 }])).toEqual(['range', 'range']);
    expect(regimesOf([...times(4, {}), { drift: 2 }, ...times(5, between), { drift: 1 }])).toEqual([
      ...times(4, 'range'),
      ...times(6, 'trend'),
      'range',
    ]);
  });

  it('lasts an hour at least, unless it gets worse', () => {
    expect(regimesOf([{ drift: 3 }, ...times(4, {})])).toEqual([...times(4, 'trend'), 'range']);
    const crash = { fall: 6, volatility: 4 };
    expect(regimesOf([{ drift: 3 }, { volatility: 3 }, crash, ...times(3, { volatility: 4 })])).toEqual([
      'trend',
      'high-volatility',
      ...times(4, 'crash'),
    ]);
    expect(regimesOf([crash, ...times(5, { volatility: 4 })])).toEqual([
      ...times(4, 'crash'),
      ...times(2, 'high-volatility'),
    ]);
  });

  it('does not flicker around a threshold', () => {
    const measures = Array.from({ length: 40 }, (_, i) => ({ volatility: i % 2 ? 2.6 : 2.1 }));
    expect(new Set(regimesOf(measures).slice(1))).toEqual(new Set(['high-volatility']));
  });
});

describe('the regimes of a universe', () => {
  const calm = Int16Array.from({ length: 96 }, (_, i) => (i % 2 ? 10 : -10));
  const fallen = Int16Array.from([...calm.subarray(4), ...times(4, -80)]);
  const marketsOf = (returns: readonly Int16Array[], bar: number) =>
    new Map(returns.map((each, i) => [`S${i}`, { returns: each, sampledMinute: barAt(bar) }]));

  it('are judged per symbol and on the mean of all, once a bar', () => {
    const first = updateRegimes(noRegimes, marketsOf([calm, calm, fallen], 1));
    expect([...first.bySymbol.values()].map(({ regime }) => regime)).toEqual(['range', 'range', 'crash']);
    const all = updateRegimes(first, marketsOf([fallen, fallen, fallen], 2));
    expect(all.market).toEqual({ regime: 'crash', since: barAt(2), bar: barAt(2) });
    expect(updateRegimes(all, marketsOf([calm, calm, calm], 2))).toEqual(all);
  });

  it('leave symbols without a newest bar out of the market, and say nothing before there are enough bars', () => {
    const short = updateRegimes(noRegimes, marketsOf([calm.subarray(0, 20)], 1));
    expect(short).toEqual(noRegimes);
    const stale = { returns: fallen, sampledMinute: barAt(1) };
    const markets = new Map([...marketsOf([calm, calm], 9), ['STALE', stale] as const]);
    expect(updateRegimes(noRegimes, markets).market?.regime).toBe('range');
  });
});

describe('the effect of regimes', () => {
  it('is that of the stricter one, on the side it blocks', () => {
    expect(regimeEffect(['range', 'trend'], 'long')).toEqual({ sizeScale: 1, isBlocked: false });
    expect(regimeEffect(['high-volatility', 'range'], 'long')).toEqual({ sizeScale: 0.5, isBlocked: false });
    expect(regimeEffect(['range', 'crash'], 'long')).toEqual({ sizeScale: 0.5, isBlocked: true });
    expect(regimeEffect(['crash', undefined], 'short')).toEqual({ sizeScale: 0.5, isBlocked: false });
    expect(regimeEffect([undefined, undefined], 'long')).toEqual({ sizeScale: 1, isBlocked: false });
    const { effects } = DEFAULT_REGIME_SETTINGS;
    const settings = {
      ...DEFAULT_REGIME_SETTINGS,
      effects: { ...effects, range: { sizeScale: 0.2, blocks: 'both' as const } },
    };
    expect(regimeEffect(['range', 'crash'], 'short', settings)).toEqual({ sizeScale: 0.2, isBlocked: true });
  });
});
