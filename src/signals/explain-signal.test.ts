import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type EpochMs,
  epochMs,
  FORECAST_WIDTH,
  type GateVerdict,
  milliseconds,
  outputIndex,
  type Signal,
} from '../core/index.ts';
import { acquireLease, createPostgresJournal, createTestDatabase, type TestDatabase } from '../database/index.ts';
import { explainSignal, nearestRejected } from './explain-signal.ts';

const MINUTE: EpochMs = epochMs(Date.UTC(2025, 5, 20, 12));

const passed: GateVerdict = { gate: 'regime', passed: true };
const missed = (gate: string, value: number, threshold: number): GateVerdict => ({
  gate,
  passed: false,
  reason: 'SIGNAL_CONFIDENCE_LOW',
  value,
  threshold,
});

const signalOf = (symbol: string, verdicts: readonly GateVerdict[], changes: Partial<Signal> = {}): Signal => ({
  id: `main/${MINUTE}/${symbol}`,
  symbol,
  minute: MINUTE,
  modelId: 'model-1',
  side: 'long',
  horizon: '4h',
  expectedReturn: 0.01,
  expectedCost: 0.002,
  netEdge: 0.008,
  probability: 0.5,
  confidence: 0.7,
  referencePrice: 100,
  verdicts,
  accepted: verdicts.every((verdict) => verdict.passed),
  ...changes,
});

describe('the nearest rejected candidates', () => {
  it('failed the fewest gates, by the least', () => {
    const far = signalOf('FAR', [missed('confidence', 0.3, 0.6)]);
    const near = signalOf('NEAR', [missed('confidence', 0.59, 0.6)]);
    const two = signalOf('TWO', [missed('confidence', 0.59, 0.6), missed('rank', 0.49, 0.5)]);
    const unmeasured = signalOf('UNMEASURED', [{ gate: 'regime', passed: false, reason: 'SIGNAL_REGIME_BLOCKED' }]);
    const accepted = signalOf('ACCEPTED', [passed]);
    const order = nearestRejected([two, unmeasured, far, accepted, near], 9).map(({ signal }) => signal.symbol);
    expect(order).toEqual(['NEAR', 'FAR', 'UNMEASURED', 'TWO']);
    expect(nearestRejected([two, far, near], 1).map(({ signal }) => signal.symbol)).toEqual(['NEAR']);
  });
});

describe('a candidate explained', () => {
  const book = 'main';
  const request = { book, venue: 'v', featureSetHash: 'hash', modelsFolder: '/nowhere' };
  let test: TestDatabase;
  beforeAll(async () => {
    test = await createTestDatabase();
    const { database } = test;
    const held = await acquireLease(database, { book, holder: 'test', now: MINUTE, duration: milliseconds(1e6) });
    if (!held.acquired) throw new Error('the lease is held');
    const journal = createPostgresJournal({ database, venue: 'v', lease: held.lease });
    const values = new Float32Array(FORECAST_WIDTH);
    values[outputIndex('future_return_4h')] = 0.5;
    const entered = signalOf('AUSDT', [passed], {
      costs: { fees: 0.001, spread: 0.0005, impact: 0.0005, funding: null },
      agreement: 0.75,
      uncertainty: 0.9,
      stopDistance: 0.02,
      targetDistance: 0.03,
      rewardToRisk: 1.5,
      expiresAt: epochMs(MINUTE + 900_000),
      marketRegime: 'trend',
      sizeScale: 1,
    });
    const signals = [entered, signalOf('BUSDT', [missed('confidence', 0.5, 0.6)]), signalOf('CUSDT', [passed])];
    await journal.commitCycle({
      book,
      minute: MINUTE,
      status: 'DECIDED',
      members: signals.map(({ symbol }) => symbol),
      excluded: [],
      candles: 3,
      forecasts: signals.map(({ symbol, modelId }) => ({ symbol, modelId, minute: MINUTE, values, maskedShare: 0 })),
      signals,
      notes: [
        { strategy: 'ml', symbol: 'AUSDT', reason: 'SIZE_REDUCED_LIQUIDITY', signalId: entered.id },
        { strategy: 'ml', symbol: 'CUSDT', reason: 'STRATEGY_COOLDOWN', signalId: signals[2]?.id ?? '' },
      ],
      intents: [
        {
          clientOrderId: 'order-1',
          book,
          strategy: 'ml',
          symbol: 'AUSDT',
          side: 'buy',
          purpose: 'entry',
          type: 'market',
          quantity: '1',
          reduceOnly: false,
          decidedAt: MINUTE,
          validUntil: epochMs(MINUTE + 900_000),
          signalId: entered.id,
          referencePrice: '100',
        },
      ],
      commands: [],
      riskEvents: [],
      orders: [],
      orderEvents: [],
      fills: [],
      cashFlows: [],
      positions: [],
      equity: {
        minute: MINUTE,
        equity: '1',
        cash: '1',
        unrealizedPnl: '0',
        realizedPnl: '0',
        fees: '0',
        funding: '0',
        transfers: '0',
        grossExposure: '0',
        openPositions: 0,
      },
      reasonCounts: {},
      stageMs: {},
      startedAt: MINUTE,
      bookState: '{}',
      step: { inputs: '{}', stateDigest: 'none', texts: new Map() },
    });
  });
  afterAll(() => test.drop());

  it('shows its outputs, its order, its notes and the nearest rejected ones, and why its inputs are not known', async () => {
    const found = await explainSignal(test.database, { ...request, id: `main/${MINUTE}/AUSDT` });
    expect(found).toMatchObject({
      signal: { symbol: 'AUSDT', agreement: 0.75, marketRegime: 'trend', costs: { funding: null } },
      inputs: null,
      inputsMissing: expect.stringContaining('not stored'),
      outputs: { future_return_4h: 0.5, rank24h: 0 },
      orders: [{ clientOrderId: 'order-1', status: 'SUBMITTING' }],
      notes: [{ reason: 'SIZE_REDUCED_LIQUIDITY' }],
      outcomes: {},
      realized: {},
      alternatives: [{ signal: { symbol: 'BUSDT' }, failed: [{ gate: 'confidence' }] }],
    });
    expect(found.signal).not.toHaveProperty('symbolRegime');
    const other = await explainSignal(test.database, { ...request, id: `main/${MINUTE}/CUSDT` });
    expect([other.orders, other.notes?.map(({ reason }) => reason)]).toEqual([[], ['STRATEGY_COOLDOWN']]);
  });

  it('is refused where there is none of that id', async () => {
    for (const id of [`main/${MINUTE}/XUSDT`, 'nonsense', `other/${MINUTE}/AUSDT`, 'main/1e999/AUSDT']) {
      await expect(explainSignal(test.database, { ...request, id })).rejects.toMatchObject({
        code: 'SIGNAL_UNKNOWN',
        exitCode: 2,
      });
    }
  });
});
