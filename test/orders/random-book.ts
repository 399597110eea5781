import {
  type BookSnapshot,
  type Broker,
  type Clock,
  type EpochMs,
  epochMs,
  type Instrument,
  type Journal,
  MINUTE_MS,
  noMetrics,
  type Random,
  type Signal,
  type SymbolId,
  silentLog,
  type waitReal,
} from '../../src/core/index.ts';
import { type BookState, initialBookState } from '../../src/engine/book-state.ts';
import { decodeBookState } from '../../src/engine/book-state-text.ts';
import type { DecideSettings } from '../../src/engine/decide.ts';
import { MinuteCycle } from '../../src/engine/minute-cycle.ts';
import type { FeatureEngineer } from '../../src/features/index.ts';
import { DEFAULT_COST_SETTINGS, formatCash } from '../../src/matching/index.ts';
import { DEFAULT_SIGNAL_SETTINGS } from '../../src/signals/index.ts';
import type { Strategy, StrategyInput, Target } from '../../src/strategies/index.ts';
import {
  bookedFills,
  DEFAULT_PROTECTION_SETTINGS,
  DEFAULT_RISK_SETTINGS,
  DEFAULT_SIZING_SETTINGS,
  lastCashFlowAt,
  positionsOf,
} from '../../src/trading/index.ts';

import { retakingJournal } from './retaken-journal.ts';

export const BOOK = 'main';

/**
 * Settings of a book whose strategies enter and close at random; in hedge mode two of them share the account.
 * @param closeShare how many of its positions a strategy closes in a minute
 */
export function randomBookSettings(isHedgeMode: boolean, random: Random, closeShare = 0.2): DecideSettings {
  const names = isHedgeMode ? ['one', 'two'] : ['one'];
  return {
    book: BOOK,
    signals: DEFAULT_SIGNAL_SETTINGS,
    costs: DEFAULT_COST_SETTINGS,
    sizing: DEFAULT_SIZING_SETTINGS,
    risk: { ...DEFAULT_RISK_SETTINGS, maxPositionFraction: 0.3, maxLosingStreak: null, duplicateWindowMinutes: 1 },
    areStrategiesNetted: true,
    // In hedge mode the venue holds both sides: what crossed here would be missing there.
    areLegsSeparate: isHedgeMode,
    strategies: names.map((name) => randomStrategy(name, random.fork(name), closeShare)),
    sectorOf: () => 0,
  };
}

/** Where a book goes on from: what was committed of it, or its beginning. */
export function bookStart(book: BookSnapshot | undefined, settings: DecideSettings) {
  const state = book ? decodeBookState(book.bookState) : initialBookState(settings.risk);
  const flow = lastCashFlowAt(state.ledger);
  return {
    state,
    restored: {
      openOrders: book?.openOrders ?? [],
      bookedFills: bookedFills(state.ledger),
      positions: positionsOf(BOOK, state.ledger, state.markets),
      cash: formatCash(state.ledger.cash),
      ...(flow === undefined ? {} : { lastCashFlowAt: flow }),
    },
  };
}

/** The minutes of a book without forecasts and features; each step is also taken once more from its record. */
export function createBookCycle(parts: {
  readonly instruments: ReadonlyMap<SymbolId, Instrument>;
  readonly clock: Clock;
  readonly journal: Journal;
  readonly broker: Broker;
  readonly settings: DecideSettings;
  readonly state: BookState;
  readonly book: BookSnapshot | undefined;
  readonly wait?: typeof waitReal;
  readonly onBroken?: () => void;
}): MinuteCycle {
  const { instruments, clock, journal, broker, settings, state, book, wait, onBroken } = parts;
  const symbols = [...instruments.keys()];
  return new MinuteCycle(
    {
      book: BOOK,
      universe: symbols,
      references: [],
      instruments: () => instruments,
      ended: () => new Set(),
      entriesBlocked: () => undefined,
      clock,
      journal: retakingJournal(journal, state, settings, instruments),
      broker,
      predictors: { use: (work) => work(undefined) },
      settings: {
        enabled: false,
        intervalMs: MINUTE_MS,
        deadlineMs: 30_000,
        minimumCoverage: 0.5,
        holePatienceMinutes: 5,
        decide: settings,
        text: '{}',
      },
      log: silentLog,
      metrics: noMetrics,
      ...(wait === undefined ? {} : { wait }),
      ...(onBroken === undefined ? {} : { onBroken }),
    },
    { state, features: noFeatures(symbols), ...(book ? { lastMinute: book.lastMinute } : {}) },
  );
}

/** Enters and closes at random, as a function of seed and minute alone. */
function randomStrategy(name: string, random: Random, closeShare: number): Strategy {
  return {
    name,
    decideEvery: '1m',
    holdFor: '1h',
    cooldownMinutes: 0,
    protection: {
      ...DEFAULT_PROTECTION_SETTINGS,
      minStopFraction: 0.002,
      ...(random.uniform() < 0.5
        ? {
            targetLevels: [
              { at: 0.5, share: 0.5 },
              { at: 1, share: 0.5 },
            ],
          }
        : {}),
      ...(random.uniform() < 0.5 ? { trailing: { activationFraction: 0.001, distance: { fraction: 0.002 } } } : {}),
      minRewardToRisk: 0.1,
    },
    decide({ minute, portfolio }: StrategyInput) {
      const targets = [...portfolio.markets].flatMap(([symbol, { price }]): Target[] => {
        const draw = random.fork(`${minute}/${symbol}`);
        const holding = portfolio.holdings.get(symbol);
        if (holding) {
          return draw.uniform() < closeShare ? [{ kind: 'close', symbol, reason: 'STRATEGY_HOLDING_ENDED' }] : [];
        }
        if (draw.uniform() < 0.4) return [];
        const side = draw.uniform() < 0.5 ? 'long' : 'short';
        const signal: Signal = {
          id: `${BOOK}/${minute}/${symbol}/${name}`,
          symbol,
          minute,
          modelId: 'random',
          side,
          horizon: '4h',
          expectedReturn: 0.05,
          expectedCost: 0.001,
          netEdge: 0.049,
          probability: 0.5,
          confidence: 0.9,
          referencePrice: price,
          verdicts: [],
          accepted: true,
          stopDistance: 0.002 + 0.006 * draw.uniform(),
          targetDistance: 0.003 + 0.006 * draw.uniform(),
          expiresAt: epochMs(minute + (1 + draw.integer(5)) * MINUTE_MS),
        };
        return [{ kind: 'enter', symbol, side, signal, holdUntil: epochMs(minute + 60 * MINUTE_MS) }];
      });
      return { targets, refusals: [] };
    },
  };
}

/** Features are of no concern here; only that each symbol's newest minute is known. */
function noFeatures(symbols: readonly SymbolId[]): FeatureEngineer {
  const last = new Map<SymbolId, EpochMs>();
  const none = () => {
    throw new Error('no features here');
  };
  return {
    featureSetHash: 'none',
    featureNames: [],
    symbols,
    push: (candles) => {
      for (const { symbol, openTime } of candles) last.set(symbol, epochMs(openTime + MINUTE_MS));
    },
    pushHours: none,
    pushFunding: none,
    panel: none,
    indicators: none,
    lastMinute: (symbol) => last.get(symbol),
    forget: none,
    warmUp: none,
    snapshot: () => new Uint8Array(),
    restore: none,
  };
}
