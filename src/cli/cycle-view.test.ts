import { describe, expect, it } from 'vitest';
import { type EquityPoint, epochMs, type GateVerdict, type Position, type Signal } from '../core/index.ts';
import {
  type BannerInput,
  type CycleView,
  marketLabel,
  renderBanner,
  renderCycle,
  renderCycleLine,
} from './cycle-view.ts';
import { colourPaint, visibleWidth } from './terminal.ts';

const MINUTE = epochMs(Date.UTC(2025, 5, 19, 21, 0));

const passed = (gate: string): GateVerdict => ({ gate, passed: true });

function candidate(change: Partial<Signal>): Signal {
  return {
    id: `main/${MINUTE}/BTCUSDT`,
    symbol: 'BTCUSDT',
    minute: MINUTE,
    modelId: 'linear-1',
    side: 'long',
    horizon: '4h',
    expectedReturn: 0.0031,
    expectedCost: 0.0014,
    netEdge: 0.0017,
    probability: 0.55,
    confidence: 0.82,
    referencePrice: 100,
    verdicts: [passed('features-warm'), passed('confidence')],
    accepted: true,
    ...change,
  };
}

const position: Position = {
  book: 'main',
  strategy: 'ml',
  symbol: 'ETHUSDT',
  quantity: '-1.25',
  averagePrice: '2500.123456789012',
  openedAt: epochMs(MINUTE - 125 * 60_000),
  markPrice: '2510',
  unrealizedPnl: '-12.34',
  stopPrice: '2575',
  stopState: 'placing',
  targetPrices: ['2400', '2300'],
};

const equity: EquityPoint = {
  minute: MINUTE,
  equity: '10123.45',
  cash: '10135.79',
  unrealizedPnl: '-12.34',
  realizedPnl: '150.5',
  fees: '14.71',
  funding: '0',
  transfers: '0',
  grossExposure: '3137.5',
  openPositions: 1,
};

function view(change: Partial<CycleView> = {}): CycleView {
  return {
    minute: MINUTE,
    status: 'DECIDED',
    modelId: 'linear-1',
    universe: 50,
    members: 50,
    excluded: [],
    candles: 50,
    forecasts: 50,
    accepted: 1,
    candidates: [
      candidate({}),
      candidate({
        symbol: 'SOLUSDT',
        side: 'short',
        netEdge: -0.0004,
        accepted: false,
        verdicts: [
          passed('features-warm'),
          { gate: 'edge-covers-costs', passed: false, reason: 'SIGNAL_EDGE_BELOW_COSTS', value: -0.0004, threshold: 0 },
          { gate: 'history-complete', passed: false, reason: 'HISTORY_INCOMPLETE' },
        ],
      }),
    ],
    orders: 1,
    fills: 2,
    positions: [position],
    equity,
    risk: { mode: 'ACTIVE', latches: [] },
    reasonCounts: { SIGNAL_EDGE_BELOW_COSTS: 49 },
    stageMs: { candles: 3.21, features: 12, forecasts: 25.4, decision: 1.5, commit: 9, send: 0.02 },
    totalMs: 51.2,
    ...change,
  };
}

const banner = (change: Partial<BannerInput> = {}): string =>
  renderBanner({
    market: { kind: 'generated', seed: 1, edge: true, speed: 20 },
    mode: 'paper',
    exchange: 'binanceusdm',
    universe: 50,
    dataDir: '/home/me/.minutehand',
    alternatives: [
      { command: 'minutehand up --replay DIR', meaning: 'replays recorded candles' },
      { command: 'minutehand up --exchange-url URL', meaning: 'uses a running exchange' },
    ],
    ...change,
  }).join('\n');

describe('renderBanner', () => {
  it('says plainly that a generated market is generated, and whether an edge is planted', () => {
    expect(banner()).toContain('GENERATED, PLANTED EDGE: made-up prices from seed 1;');
    expect(banner()).toContain('20 times real time');
    expect(banner().replaceAll(/[│\s]+/g, ' ')).toContain('profits here say nothing about real markets');
    const none = banner({ market: { kind: 'generated', seed: 1, edge: false, speed: 'max' } });
    expect(none).toContain('GENERATED, NO EDGE');
    expect(none).not.toContain('planted');
  });

  it('names what a replay replays, and a real exchange as real', () => {
    const replay = banner({ market: { kind: 'replay', replay: '/data/1m', history: '/data/15m', speed: 1 } });
    expect(replay).toContain('REPLAY: recorded prices of /data/1m after /data/15m');
    expect(replay).toContain('in real time');
    expect(banner({ market: { kind: 'external', url: 'http://localhost:9' } })).toContain('http://localhost:9');
    expect(banner({ market: { kind: 'real' } })).toContain('REAL: live prices');
    expect(banner({ market: { kind: 'real' } })).not.toContain('simulated');
    expect(marketLabel({ kind: 'external', url: 'x' })).toBe('EXTERNAL');
  });

  it('says what is traded with, where data is kept, and how to reach another market', () => {
    const text = banner({ model: 'linear-20250619' });
    expect(text).toContain('paper trading: no order leaves this machine');
    expect(text).toContain('/home/me/.minutehand');
    expect(text).toContain('linear-20250619');
    expect(text).toContain('minutehand up --exchange-url URL');
    expect(banner()).toContain('none yet');
    expect(banner({ mode: 'live' })).toContain('LIVE trading');
    expect(banner({ mode: 'live', isRehearsal: true })).toContain('REHEARSAL of live trading');
    expect(banner({ mode: 'live', isRehearsal: true })).not.toContain('real money');
  });

  it('fits its width, with colours too', () => {
    for (const columns of [60, 80, 100]) {
      const lines = renderBanner(
        {
          market: { kind: 'replay', replay: '/a/very/long/folder/'.repeat(2), speed: 1 },
          mode: 'live',
          exchange: 'binanceusdm',
          universe: 50,
          dataDir: '/d',
          alternatives: [
            { command: 'minutehand up --exchange-url URL', meaning: 'a meaning that goes on and on'.repeat(3) },
          ],
        },
        { columns, paint: colourPaint },
      );
      expect(new Set(lines.map(visibleWidth)).size).toBe(1);
      expect(visibleWidth(lines[0] ?? '')).toBeLessThanOrEqual(columns);
    }
  });
});

describe('renderCycle', () => {
  it('says what restricts the book, since when, by whom and until when', () => {
    const since = epochMs(MINUTE - 60_000);
    const until = epochMs(Date.UTC(2025, 5, 20));
    const lines = renderCycle(
      view({
        risk: {
          mode: 'HALTED',
          latches: [
            { mode: 'HALTED', reason: 'RISK_HALTED', actor: 'cli:test', since, text: 'a look' },
            { mode: 'REDUCING', reason: 'RISK_DAILY_LOSS', actor: 'engine', since, until },
          ],
        },
      }),
    );
    expect(lines.join(' ').replaceAll(/\s+/g, ' ')).toContain(
      'risk HALTED: RISK_HALTED since 2025-06-19T20:59:00Z by cli:test (a look); RISK_DAILY_LOSS since 2025-06-19T20:59:00Z by engine until 2025-06-20T00:00:00Z',
    );
    expect(renderCycle(view()).join('\n')).not.toContain('ACTIVE');
  });

  it('shows the verdict, the stage times, candidates with their gates, positions and equity', () => {
    const text = renderCycle(view(), { quote: 'USDT', initialEquity: '10000', columns: 100 }).join('\n');
    expect(text).toContain(
      '2025-06-19 21:00 UTC  DECIDED  50/50 candles  50 forecasts  1 signal  1 order  2 fills  51 ms',
    );
    expect(text).toContain(
      'candles 3.2 · features 12 · forecasts 25 · decision 1.5 · commit 9.0 · send 0.0\nmodel        linear-1',
    );
    expect(text).toMatch(/BTCUSDT +long 4h +\+17\.0 bp +14\.0 +0\.55 +0\.82 +passed all 2/);
    expect(text).toMatch(
      /SOLUSDT +short 4h +-4\.0 bp .* stopped by edge-covers-costs -0\.0004 < 0,\n +history-complete$/m,
    );
    expect(text).toMatch(/ETHUSDT +ml +short +1\.25 +2500\.1235 +2510 +-12\.34 +2h 05m +2575 placing +2400/);
    expect(text).toContain('equity 10,123.45 USDT (+1.23 %)');
    expect(text).toContain('realised +150.50  fees 14.71  exposure 0.31x');
  });

  it('says why a minute was missed and who was left out', () => {
    const excluded = ['A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'I', 'J'].map((symbol) => ({
      symbol,
      reason: 'CANDLE_MISSING' as const,
    }));
    const text = renderCycle(view({ status: 'MISSED', reason: 'CYCLE_PAST_DEADLINE', excluded, members: 44 })).join(
      '\n',
    );
    expect(text).toContain('  MISSED  ');
    expect(text).toMatch(/^no orders {4}CYCLE_PAST_DEADLINE: The minute was decided after its deadline; .*\n {13}\S/m);
    expect(text).toContain('44 of 50 symbols are in; CANDLE_MISSING A, B, C');
    expect(text).toContain('G, H and 2 more');
  });

  it('says why there is nothing to see', () => {
    const text = renderCycle(
      view({ candidates: [], positions: [], reasonCounts: { MODEL_NOT_READY: 50, CANDLE_MISSING: 1 } }),
    ).join('\n');
    expect(text).toContain('no candidates: MODEL_NOT_READY ×50, CANDLE_MISSING ×1');
    expect(text).toContain('no open positions');
    expect(renderCycle(view({ candidates: [], reasonCounts: {} })).join('\n')).toMatch(/no candidates$/m);
  });

  it('says why a minute in time had no new entries, and by how much a gate was missed', () => {
    const stopped = candidate({
      accepted: false,
      verdicts: [
        { gate: 'entries-allowed', passed: false, reason: 'RISK_HALTED' },
        { gate: 'features-warm', passed: false, value: 0.5, threshold: 0.2, reason: 'FEATURES_NOT_WARM' },
      ],
    });
    const text = renderCycle(view({ reason: 'PANEL_BELOW_COVERAGE', candidates: [stopped] })).join('\n');
    expect(text).toContain('no entries   PANEL_BELOW_COVERAGE: Fewer symbols');
    expect(text.replaceAll(/\s+/g, ' ')).toContain('stopped by entries-allowed (RISK_HALTED), features-warm 0.5 > 0.2');
    expect(renderCycleLine(view({ reason: 'PANEL_BELOW_COVERAGE' }))).toMatch(/51 ms {2}PANEL_BELOW_COVERAGE$/);
  });

  it('shows only so many candidates and positions, and how many there are', () => {
    const many = view({ candidates: Array(9).fill(candidate({})), positions: Array(12).fill(position) });
    const text = renderCycle(many, { candidates: 3, positions: 4 }).join('\n');
    expect(text.match(/BTCUSDT/g)).toHaveLength(3);
    expect(text.match(/ETHUSDT/g)).toHaveLength(4);
    expect(text).toContain('8 more');
  });

  it('never exceeds the terminal, with colours too', () => {
    for (const columns of [60, 100]) {
      for (const line of renderCycle(view(), { columns, paint: colourPaint })) {
        expect(visibleWidth(line)).toBeLessThanOrEqual(columns);
      }
    }
  });

  it('has a form of one line', () => {
    expect(renderCycleLine(view())).toBe(
      '2025-06-19 21:00 UTC  DECIDED  50/50 candles  50 forecasts  1 signal  1 order  2 fills  51 ms',
    );
  });

  it('shows funding where there was any', () => {
    const textOf = (funding: string) => renderCycle(view({ equity: { ...equity, funding } })).join('\n');
    expect(textOf('0')).not.toContain('funding');
    expect(textOf('-1.234')).toContain('funding -1.23');
  });

  it('shows an empty account without nonsense', () => {
    const broke = { ...equity, equity: '0', unrealizedPnl: '-0.001', grossExposure: '0' };
    const text = renderCycle(view({ equity: broke }), { initialEquity: '100' }).join('\n');
    expect(text).toContain('equity 0.00 (-100.00 %)');
    expect(text).toContain('unrealised 0.00');
    expect(text).toContain('exposure n/a');
  });
});
