import {
  type CycleRecord,
  type EpochMs,
  epochMs,
  type Fill,
  type FinalCandle,
  FORECAST_WIDTH,
  type Forecast,
  MINUTE_MS,
  type Order,
  type OrderIntent,
  type Position,
  type Signal,
  type StepRecord,
  UNTIL_CANCELLED,
} from '../core/index.ts';

/** Invented facts for this folder's tests and benchmark; every number follows from the arguments. */

export const SOME_MINUTE: EpochMs = epochMs(Date.UTC(2025, 5, 20, 12, 0));

export const someSymbols = (count: number): string[] =>
  Array.from({ length: count }, (_, index) => `SYM${String(index).padStart(2, '0')}USDT`);

export function someCandle(changes: Partial<FinalCandle> = {}): FinalCandle {
  return {
    state: 'final',
    finality: 'venue-flag',
    symbol: 'BTCUSDT',
    timeframe: '1m',
    openTime: epochMs(SOME_MINUTE - MINUTE_MS),
    open: 100,
    high: 101.5,
    low: 99.25,
    close: 100.1,
    volume: 12.3,
    quoteVolume: 1230.7,
    trades: 41,
    takerBuyVolume: 6.1,
    ...changes,
  };
}

export const someForecast = (symbol: string, minute: EpochMs): Forecast => ({
  symbol,
  minute,
  modelId: 'linear-1',
  values: Float32Array.from({ length: FORECAST_WIDTH }, (_, index) => (index - 7) / 100),
  maskedShare: 0.125,
});

export const someSignal = (symbol: string, minute: EpochMs, changes: Partial<Signal> = {}): Signal => ({
  id: `main/${minute}/${symbol}`,
  symbol,
  minute,
  modelId: 'linear-1',
  side: 'long',
  horizon: '4h',
  expectedReturn: 0.0123,
  expectedCost: 0.0011,
  netEdge: 0.0112,
  probability: 0.61,
  confidence: 0.7,
  referencePrice: 100.1,
  verdicts: [
    { gate: 'confidence', passed: true, value: 0.7, threshold: 0.6 },
    { gate: 'costs', passed: true, value: 0.0112, threshold: 0 },
    { gate: 'rank', passed: false, reason: 'SIGNAL_RANK_DISAGREES', value: 0.4, threshold: 0.5 },
  ],
  accepted: false,
  ...changes,
});

export const someIntent = (symbol: string, minute: EpochMs, changes: Partial<OrderIntent> = {}): OrderIntent => ({
  clientOrderId: `main-ml-${symbol}-${minute}`,
  book: 'main',
  strategy: 'ml',
  symbol,
  side: 'buy',
  purpose: 'entry',
  type: 'market',
  quantity: '0.0150',
  reduceOnly: false,
  decidedAt: minute,
  validUntil: epochMs(minute + 30_000),
  signalId: `main/${minute}/${symbol}`,
  referencePrice: '100.10',
  protection: { stopPrice: '95.1', targets: [{ price: '110.3', share: 0.5 }], quantityStep: '0.001' },
  ...changes,
});

/** The stop of {@link someIntent}. */
export function someStop(symbol: string, minute: EpochMs, changes: Partial<OrderIntent> = {}): OrderIntent {
  const { signalId: _signal, protection: _protection, clientOrderId: parent, ...entry } = someIntent(symbol, minute);
  return {
    ...entry,
    clientOrderId: `stop-of-${parent}`,
    side: 'sell',
    purpose: 'stop',
    type: 'stopMarket',
    triggerPrice: '95.1',
    parent,
    reduceOnly: true,
    validUntil: UNTIL_CANCELLED,
    ...changes,
  };
}

export const someOrder = (symbol: string, minute: EpochMs, changes: Partial<Order> = {}): Order => ({
  ...someIntent(symbol, minute),
  status: 'FILLED',
  filledQuantity: '0.0150',
  averagePrice: '100.15',
  ...changes,
});

export const someFill = (symbol: string, minute: EpochMs): Fill => ({
  fillId: `fill-${symbol}-${minute}`,
  clientOrderId: `main-ml-${symbol}-${minute}`,
  book: 'main',
  strategy: 'ml',
  symbol,
  side: 'buy',
  quantity: '0.0150',
  price: '100.15',
  fee: '0.00075',
  realizedPnl: '0',
  time: epochMs(minute + MINUTE_MS),
});

export const somePosition = (symbol: string, minute: EpochMs): Position => ({
  book: 'main',
  strategy: 'ml',
  symbol,
  quantity: '-0.0150',
  averagePrice: '100.15',
  openedAt: minute,
  markPrice: '100.20',
  unrealizedPnl: '-0.00075',
  stopPrice: '95.1',
  stopState: 'working',
  targetPrices: ['110.3', '120'],
});

export const SOME_STEP: StepRecord = {
  inputs: '{"kind":  "minute"}',
  stateDigest: 'digest',
  texts: new Map([['name', 'text']]),
};

export function someCycle(minute: EpochMs, changes: Partial<CycleRecord> = {}): CycleRecord {
  return {
    book: 'main',
    minute,
    status: 'DECIDED',
    modelId: 'linear-1',
    members: [],
    excluded: [],
    candles: 0,
    forecasts: [],
    signals: [],
    notes: [],
    intents: [],
    orders: [],
    orderEvents: [],
    fills: [],
    cashFlows: [],
    positions: [],
    equity: {
      minute,
      equity: '10000.12',
      cash: '9000.10',
      unrealizedPnl: '1000.02',
      realizedPnl: '-3.5',
      fees: '1.25',
      funding: '0',
      transfers: '0',
      grossExposure: '2000',
      openPositions: 0,
    },
    commands: [],
    riskEvents: [],
    reasonCounts: {},
    stageMs: { candles: 3.5, features: 4.25, forecasts: 20, decision: 1 },
    startedAt: epochMs(minute + 250),
    bookState: '{"b": 1,  "a":2}',
    step: SOME_STEP,
    ...changes,
  };
}
