import { beforeAll, describe, expect, it } from 'vitest';
import { at64, type BarColumns, type EpochMs, firstAtOrAfter } from '../../core/index.ts';
import { BAR_MS } from '../../model/index.ts';
import type { Strategy } from '../../strategies/index.ts';
import { DEFAULT_PROTECTION_SETTINGS } from '../../trading/index.ts';
import { auditBacktest, type BacktestAuditOptions, type BacktestAuditReport } from './audit-backtest.ts';
import type { ForecastMaker } from './context.ts';
import { auditConfig, dayAt, forecastsFrom, generatedMarket } from './market.fixture.ts';

const market = generatedMarket(4, { hasMinutes: true });
const bySecondDay = { market: { ...market, minutes: undefined }, config: auditConfig(), to: dayAt(3), workers: 1 };
const audit = (options: BacktestAuditOptions, request = bySecondDay) => auditBacktest(request, { days: 2, ...options });
const reverting = forecastsFrom(-4, -2);

const momentum = JSON.stringify([
  {
    kind: 'time-series-momentum',
    name: 'momentum',
    decide_every: '1h',
    hold_for: '1h',
    look_back: '4h',
    cooldown: '15m',
  },
]);

describe('a sound backtest', () => {
  let report: BacktestAuditReport;
  beforeAll(async () => {
    report = await audit({ forecastsOf: reverting, permutations: 4 });
  });
  const auditOf = (name: string) => report.audits.find((one) => one.name === name);

  it('passes every audit over the last days of its range', () => {
    expect(report.audits.filter(({ ok }) => !ok)).toEqual([]);
    expect(report).toMatchObject({ ok: true, bars: 192, from: dayAt(2) + BAR_MS, to: dayAt(4) });
    expect(report.audits.map(({ name }) => name)).toEqual([
      'poison',
      'start-shift',
      'permutation',
      'delay',
      'fill-realism',
    ]);
  });

  it('says what each was tried on', () => {
    expect(auditOf('poison')?.figures).toMatchObject({ points: 3, faults: 0, powerless: 0 });
    expect(auditOf('start-shift')?.figures).toMatchObject({ forecastsDifferent: 0, starts: 3 });
    expect(auditOf('permutation')?.figures).toMatchObject({ seeds: 4, pValue: expect.any(Number) });
    expect(auditOf('delay')?.figures.delayedReturn).not.toBe(auditOf('delay')?.figures.return);
    expect(auditOf('fill-realism')?.figures.fills).toBeGreaterThan(50);
    expect(report.critiques.join('\n')).toContain('Short: 2 whole days');
  });

  it('comes out the same for the same seed', async () => {
    const options = { forecastsOf: reverting, only: ['poison'] } as const;
    expect((await audit(options)).audits).toEqual([auditOf('poison')]);
    expect((await audit({ ...options, seed: 2 })).audits).not.toEqual([auditOf('poison')]);
  });

  it('passes without forecasts, on one-minute bars', async () => {
    const config = auditConfig({ strategies: momentum });
    const { audits } = await audit({ only: ['poison', 'start-shift', 'delay', 'fill-realism'] }, {
      ...bySecondDay,
      market,
      config,
    } as typeof bySecondDay);
    expect(audits.map(({ ok }) => ok)).toEqual([true, true, true, true]);
    expect(audits[3]?.figures.fills).toBeGreaterThan(10);
  });
});

describe('a future that is known', () => {
  const poisoned = async (options: BacktestAuditOptions) => (await audit({ only: ['poison'], ...options })).audits[0];

  it('is found in forecasts, with bar, symbol and both values', async () => {
    const found = await poisoned({ forecastsOf: forecastsFrom(1, 1) });
    expect(found?.ok).toBe(false);
    expect(found?.detail).toMatch(
      /T\d\d:\d\d:00Z forecast \w+USDT\.future_return_4h: -?[\d.e-]+ became -?[\d.e-]+ \(poisoned/,
    );
  });

  it('is found in a strategy, which acts on it at the very bar', async () => {
    const found = await poisoned({ strategiesOf: ({ bars }) => [peeking(bars)] });
    expect(found?.ok).toBe(false);
    expect(found?.detail).toMatch(/(intents|notes)\.\w+USDT.*became/);
  });

  it('is found where only what the whole range tells is used', async () => {
    const normalised: ForecastMaker = async (given, range) => {
      const forecasts = await reverting(given, range);
      const mean = Math.max(...[...given.bars.values()].map(({ close }) => close.at(-1) ?? 0));
      return {
        ...forecasts,
        at: (minute) =>
          forecasts.at(minute).map((one) => ({ ...one, values: one.values.map((value) => value * mean) })),
      };
    };
    expect((await poisoned({ forecastsOf: normalised }))?.ok).toBe(false);
  });

  it('cannot be denied where nothing changes whatever comes', async () => {
    const found = await poisoned({ strategiesOf: () => [idle] });
    expect(found).toMatchObject({ ok: false, figures: { powerless: 3 } });
    expect(found?.detail).toContain('nothing could be told');
  });
});

describe('forecasts that depend on where they begin', () => {
  it('are a fault', async () => {
    const forecastsOf: ForecastMaker = async (given, range) => {
      const forecasts = await reverting(given, range);
      const scale = 1 + (range.from % 7_200_000) / 1e9;
      return {
        ...forecasts,
        at: (minute) =>
          forecasts.at(minute).map((one) => ({ ...one, values: one.values.map((value) => value * scale) })),
      };
    };
    const { audits } = await audit({ only: ['start-shift'], forecastsOf });
    expect(audits[0]).toMatchObject({ ok: false, detail: expect.stringMatching(/depend on the start: first \w+USDT/) });
  });
});

describe('a result that is made in the first bar', () => {
  it('is found by a delay of one, and owes everything to its forecasts', async () => {
    const config = auditConfig({
      strategies: JSON.stringify([
        { kind: 'directional', name: 'ml', decide_every: '15m', hold_for: '15m', cooldown: '15m' },
      ]),
    });
    const { ok, audits, critiques } = await auditBacktest(
      { ...bySecondDay, config },
      { days: 2, permutations: 4, only: ['permutation', 'delay'], forecastsOf: forecastsFrom(1, 2) },
    );
    expect(ok).toBe(false);
    expect(audits[0]).toMatchObject({ ok: true, figures: { pValue: 1 / 5 } });
    expect(audits[1]).toMatchObject({ ok: false, name: 'delay' });
    expect(critiques.join('\n')).toContain('Mostly the first bar');
  });
});

const idle: Strategy = {
  name: 'idle',
  decideEvery: '1h',
  holdFor: '1h',
  cooldownMinutes: 0,
  protection: DEFAULT_PROTECTION_SETTINGS,
  decide: () => ({ targets: [], refusals: [] }),
};

/** Knows the next bar, and takes its side. */
const peeking = (bars: ReadonlyMap<string, BarColumns>): Strategy => ({
  ...idle,
  name: 'peeking',
  decide: ({ minute, portfolio }) => ({
    targets: [...portfolio.markets].map(([symbol, { price }]) => ({
      kind: 'enter',
      symbol,
      side: nextClose(bars.get(symbol), minute) > price ? 'long' : 'short',
      holdUntil: minute,
    })),
    refusals: [],
  }),
});

function nextClose(bars: BarColumns | undefined, minute: EpochMs): number {
  return bars ? at64(bars.close, firstAtOrAfter(bars.openTime, minute)) : Number.NaN;
}
