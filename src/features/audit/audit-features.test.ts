import { describe, expect, it } from 'vitest';
import { at64, type BarColumns, MINUTE_MS, type SymbolId } from '../../core/index.ts';
import { withoutBars, withTakerFlow } from '../bars.fixture.ts';
import { computeFeatures, type FeatureColumns, type FeatureRequest } from '../batch.ts';
import { defineCrossNode } from '../cross-program.ts';
import type { CrossFeature, Feature, SeriesFeature } from '../feature.ts';
import { CATALOGUE, featureSet } from '../feature-set.ts';
import { generateSelfTestMarket } from '../generated-market.ts';
import { ema } from '../kernels/averages.ts';
import { derive } from '../kernels/combine.ts';
import { bar, defineNode, logReturn, type Node } from '../program.ts';
import { auditFeatures, type FeatureAuditOptions } from './audit-features.ts';
import type { AuditMarket } from './market.ts';

const QUARTER_MS = 15 * MINUTE_MS;
const START = 1_706_745_600_000;
const SYMBOLS = ['BTC', 'ETH', 'A', 'B', 'C'];

const market = (bars: ReadonlyMap<SymbolId, BarColumns>, timeframe: AuditMarket['timeframe'] = '15m'): AuditMarket => ({
  timeframe,
  bars,
  references: ['BTC', 'ETH'],
});
const generated = (bars: number, barMs: number = QUARTER_MS) =>
  generateSelfTestMarket(SYMBOLS, { bars, barMs, start: START, seed: 'audit' });
const short = market(generated(600));

/** Sound features of all three stages that warm up fast. */
const SOUND = CATALOGUE.filter(({ name }) =>
  ['ret_1', 'ret_4', 'vol_32', 'bar_close', 'mfi_14', 'market_ret_4', 'rank_ret_4', 'btc_ret_4'].includes(name),
);

const planted = (name: string, kernel: Node, warmUp = 2): SeriesFeature => ({
  name,
  group: 'planted',
  stage: 'fast',
  formula: 'planted',
  warmUp,
  range: [-1, 1],
  kernel,
});
const plantedCross = (name: string, kernel: CrossFeature['kernel']): CrossFeature => ({
  name,
  group: 'planted',
  stage: 'cross',
  formula: 'planted',
  warmUp: 2,
  range: [-1, 1],
  kernel,
});

async function audit(features: readonly Feature[], options: Partial<FeatureAuditOptions> = {}) {
  const report = await auditFeatures({ market: short, featureSet: featureSet([...SOUND, ...features]), ...options });
  const failed = report.audits.filter(({ ok }) => !ok);
  return { report, failed: failed.map(({ name }) => name), detail: failed.map(({ detail }) => detail).join('\n') };
}

/** The names that a verdict accuses: each stands in front of its count of values. */
const accused = (detail: string) => [...detail.matchAll(/(\w+) \(\d+ values/g)].map(([, name]) => name);

describe('an audit of sound features', () => {
  it('finds nothing in any way of looking, and says what it looked at', async () => {
    const { report, failed } = await audit([]);
    expect(failed).toEqual([]);
    expect(report.ok).toBe(true);
    expect(report.features).toBe(SOUND.length);
    expect(report.audits.map(({ name }) => name)).toEqual([
      'look-ahead',
      'stream',
      'restore',
      'permutation',
      'warm-up',
      'scale',
      'columns',
    ]);
    for (const { name, detail } of report.audits)
      if (name !== 'columns') expect(detail).toContain('8 of 8 features known');
  });

  it('holds on minutes, with holes and a symbol that begins late', async () => {
    const minutes = new Map(
      [...generated(3_200, MINUTE_MS)].map(([symbol, bars]) => [
        symbol,
        symbol === 'A'
          ? withoutBars(bars, new Set(Array.from({ length: 90 }, (_, i) => 1_900 + i)))
          : symbol === 'C'
            ? withoutBars(bars, new Set(Array.from({ length: 1_200 }, (_, i) => i)))
            : bars,
      ]),
    );
    const { failed, detail } = await audit([], { market: market(minutes, '1m') });
    expect(failed, detail).toEqual([]);
  });

  it('covers what takers bought, where the market tells it', async () => {
    const taker = CATALOGUE.filter(({ name }) => ['taker_imbalance_4', 'taker_imbalance_24h'].includes(name));
    const names = ['look-ahead', 'stream', 'restore', 'permutation', 'warm-up', 'scale'];
    for (const [told, known] of [
      [market(withTakerFlow(generated(600))), 10],
      [market(withTakerFlow(generated(3_200, MINUTE_MS)), '1m'), 10],
      [short, 8],
    ] as const) {
      const { report, failed, detail } = await audit(taker, { market: told });
      expect(failed, detail).toEqual([]);
      for (const { name, detail } of report.audits)
        if (names.includes(name)) expect(detail, name).toContain(`${known} of 10 features known`);
    }
  });

  it('can be given up in the midst', async () => {
    const stopping = new AbortController();
    const audited = audit([], { signal: stopping.signal, onProgress: () => stopping.abort() });
    await expect(audited).rejects.toThrow(/given up/);
  });

  it('refuses a market that is too short for a verdict', async () => {
    await expect(audit([], { market: market(generated(100)) })).rejects.toThrow(/25 hours only/);
  });
});

describe('a planted leak', () => {
  it('is caught by name: a cross-sectional kernel that reads the next return of a column', async () => {
    const next = defineCrossNode('nextReturn', (stage) => {
      const out = stage.reserve();
      stage.onPanel((frame, columns) => {
        for (let row = 0; row < frame.rows; row++) {
          const history = frame.fast[row];
          const column = columns[out];
          if (history && column)
            column[row] = history.values[history.base + ((history.head + 1) & history.mask)] ?? Number.NaN;
        }
      });
      return out;
    });
    const { failed, detail } = await audit([plantedCross('next_return', next)], { only: ['lookAhead', 'streams'] });
    expect(failed).toEqual(['look-ahead', 'stream']);
    expect(new Set(accused(detail))).toEqual(new Set(['next_return']));
  });

  it('is caught by name: a computation that puts the next close into one column', async () => {
    const compute = withColumn('leak', (bars, i) => Math.log(at64(bars.close, i + 1) / at64(bars.close, i)));
    const { failed, detail } = await audit([planted('leak', derive('leak', [logReturn], Math.abs))], {
      compute,
      only: ['lookAhead'],
    });
    expect(failed).toEqual(['look-ahead']);
    expect(accused(detail)).toEqual(['leak']);
    expect(detail).toMatch(/leak \(\d+ values, first \w+ 2024-02-\d\dT\d\d:\d\d:00Z: \S+ became \S+\)/);
  });

  it('is caught by name: a computation that reads what takers buy next', async () => {
    const compute = withColumn('bought_next', (bars, i) => at64(bars.takerBuyVolume, i + 1) / at64(bars.volume, i));
    const { detail } = await audit([planted('bought_next', derive('boughtNext', [logReturn], Math.abs))], {
      market: market(withTakerFlow(generated(600))),
      compute,
      only: ['lookAhead'],
    });
    expect(accused(detail)).toEqual(['bought_next']);
  });

  it('is caught by name: a level taken from the whole of the history', async () => {
    const compute = withColumn('normalised', (bars, i) => {
      const mean = bars.volume.reduce((sum, volume) => sum + volume, 0) / bars.length;
      return Math.tanh(at64(bars.volume, i) / mean);
    });
    const { detail } = await audit([planted('normalised', derive('normalised', [logReturn], Math.abs))], {
      compute,
      only: ['lookAhead'],
    });
    expect(accused(detail)).toEqual(['normalised']);
  });

  it('is caught by name: an hour that has not closed', async () => {
    const hourClose = planted('hour_close', derive('hourClose', [logReturn], Math.abs));
    const compute = withColumn('hour_close', (bars, i) => {
      const last = i + 3 - ((at64(bars.openTime, i) / QUARTER_MS) % 4);
      return Math.log(at64(bars.close, last) / at64(bars.open, i));
    });
    const { detail } = await audit([hourClose], { compute, only: ['lookAhead'] });
    expect(accused(detail)).toEqual(['hour_close']);
  });
});

describe('a warm-up that is too short', () => {
  const distance = derive(
    'emaDistance',
    [bar('close'), ema(bar('close'), 21)],
    (close = 0, mean = 1) => close / mean - 1,
  );

  it('is caught by name, and one that is long enough is not', async () => {
    const hasty = await audit([planted('hasty', distance, 22)], { only: ['warmUp'] });
    expect(accused(hasty.detail)).toEqual(['hasty']);
    expect((await audit([planted('patient', distance, 192)], { only: ['warmUp'] })).failed).toEqual([]);
  });

  it('is caught on the phases of minutes', async () => {
    const minutes = market(generated(3_200, MINUTE_MS), '1m');
    expect(
      accused((await audit([planted('hasty', distance, 22)], { market: minutes, only: ['warmUp'] })).detail),
    ).toEqual(['hasty']);
  });

  it('is not seen in a panel that a symbol joins later because of a hole where the later series begins', async () => {
    const bars = generated(600);
    const a = bars.get('A');
    if (!a) throw new RangeError();
    // The later series begin at bars 405, 406 and 407; the earlier one carries A over two of them.
    bars.set('A', withoutBars(a, new Set([405, 406])));
    const { failed, detail } = await audit([], { market: market(bars), only: ['warmUp'] });
    expect(failed, detail).toEqual([]);
  });
});

describe('a level in disguise', () => {
  it('is caught by name, of what takers bought', async () => {
    const bought = planted(
      'bought',
      derive('bought', [bar('takerBuyVolume')], (volume) => Math.log1p(volume) / 20),
    );
    const { detail } = await audit([bought], { market: market(withTakerFlow(generated(600))), only: ['scale'] });
    expect(accused(detail)).toEqual(['bought']);
  });

  it('is caught by name, of prices and of volumes', async () => {
    const { failed, detail } = await audit(
      [
        planted(
          'log_price',
          derive('logPrice', [bar('close')], (close) => Math.log(close) / 10),
        ),
        planted(
          'small_price',
          derive('smallPrice', [bar('close')], (close) => Math.tanh(close / 1_000)),
        ),
        planted(
          'traded',
          derive('traded', [bar('volume')], (volume) => Math.log1p(volume) / 20),
        ),
        planted(
          'rounding',
          derive(
            'rounding',
            [bar('close'), bar('open')],
            (c = 0, o = 1) => Math.round(100 * c) / Math.round(100 * o) - 1,
          ),
        ),
      ],
      { only: ['scale'] },
    );
    expect(failed).toEqual(['scale']);
    expect(new Set(accused(detail))).toEqual(new Set(['log_price', 'small_price', 'traded', 'rounding']));
  });

  it('is caught by name where powers of two leave it as it is: in the digits', async () => {
    const { detail } = await audit(
      [
        planted(
          'mantissa',
          derive('mantissa', [bar('close')], (close) => Math.log2(close) - Math.floor(Math.log2(close))),
        ),
      ],
      { only: ['scale'] },
    );
    expect(accused(detail)).toEqual(['mantissa']);
  });
});

describe('a kernel that keeps something outside of its state', () => {
  it('is caught by name when it is restored', async () => {
    const remembering = defineNode('remembering', { warmUp: 2 }, (stage) => {
      const closes = new WeakMap<Float64Array, number>();
      const close = stage.use(bar('close'));
      const out = stage.reserve(1);
      stage.onBar((s) => {
        s[out] = Math.log(at64(s, close) / (closes.get(s) ?? 1));
        closes.set(s, at64(s, close));
      });
      return out;
    });
    const { failed, detail } = await audit([planted('remembering', remembering)], { only: ['streams'] });
    expect(failed).toEqual(['restore']);
    expect(accused(detail)).toEqual(['remembering']);
  });

  it('is caught by name when all series share it', async () => {
    const counting = defineNode('counting', { warmUp: 1 }, (stage) => {
      let bars = 0;
      const out = stage.reserve(1);
      stage.onBar((s) => {
        s[out] = Math.sin(++bars);
      });
      return out;
    });
    const { failed, detail } = await audit([planted('counting', counting)], { only: ['streams'] });
    expect(failed).toEqual(['stream', 'restore', 'permutation']);
    expect(new Set(accused(detail))).toEqual(new Set(['counting']));
  });
});

describe('a kernel that knows the order of the symbols', () => {
  it('is caught by name', async () => {
    const place = defineCrossNode('place', (stage) => {
      const out = stage.reserve();
      stage.onPanel((frame, columns) => {
        for (let row = 0; row < frame.rows; row++) (columns[out] ?? new Float64Array())[row] = row / frame.rows;
      });
      return out;
    });
    const { failed, detail } = await audit([plantedCross('place', place)], { only: ['streams'] });
    expect(failed).toEqual(['permutation']);
    expect(accused(detail)).toEqual(['place']);
  });
});

/** A batch computation in which one column holds what `value` says of a bar; NaN beyond the bars. */
function withColumn(name: string, value: (bars: BarColumns, index: number) => number) {
  return (request: FeatureRequest): FeatureColumns => {
    const columns = computeFeatures(request);
    const column = columns.names.indexOf(name);
    for (const [symbol, values] of columns.values) {
      const bars = request.bars15m.get(symbol);
      if (!bars) continue;
      for (let i = 0; i < bars.length; i++) {
        const row = (at64(bars.openTime, i) + QUARTER_MS - at64(columns.times, 0)) / QUARTER_MS;
        const known = value(bars, i);
        if (row >= 0 && row < columns.times.length) values[row * columns.width + column] = known;
      }
    }
    return columns;
  };
}
