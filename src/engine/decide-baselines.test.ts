import { describe, expect, it } from 'vitest';
import {
  buyAndHold,
  crossSectionalMomentum,
  randomPositions,
  type Strategy,
  timeSeriesMomentum,
} from '../strategies/index.ts';
import { DEFAULT_PROTECTION_SETTINGS, DEFAULT_RISK_SETTINGS } from '../trading/index.ts';
import { encodeBookState } from './book-state-text.ts';
import { runBook, TestMarket, testSettings } from './decide-fixtures.ts';

const declared = (name: string) => ({
  name,
  decideEvery: '15m' as const,
  holdFor: '1h' as const,
  cooldownMinutes: 15,
  protection: DEFAULT_PROTECTION_SETTINGS,
});

const BASELINES: Strategy[] = [
  buyAndHold({ ...declared('hold'), symbols: ['COIN0USDT', 'COIN1USDT'], grossExposure: 0.1 }),
  timeSeriesMomentum({ ...declared('trend'), lookBackMinutes: 30, allowShort: true }),
  crossSectionalMomentum({
    ...declared('cross'),
    lookBackMinutes: 30,
    positionsPerSide: 2,
    bandPositions: 1,
    weights: 'equal',
    grossExposure: 0.2,
  }),
  randomPositions({
    ...declared('coin'),
    allowShort: true,
    turnover: { positions: 2, perDay: 24, grossExposure: 0.1 },
  }),
  randomPositions({ ...declared('copy'), allowShort: true, turnover: { of: 'coin' } }),
];

describe('baselines in a book without a model', () => {
  const settings = testSettings({
    strategies: BASELINES,
    risk: {
      ...DEFAULT_RISK_SETTINGS,
      maxPositions: 40,
      maxGrossExposure: 5,
      maxCorrelatedExposure: 5,
      maxPositionFraction: 0.5,
    },
  });
  const silent = { input: <T extends object>(input: T) => ({ ...input, forecasts: [] }) };

  it('trade, each in its own account, and the same again', async () => {
    const run = await runBook(new TestMarket(12, 4), 150, settings, silent);
    const entered = (name: string) =>
      run.decisions
        .flatMap(({ intents }) => intents)
        .filter(({ purpose, strategy }) => purpose === 'entry' && strategy === name);
    for (const { name } of BASELINES) expect(entered(name).length, name).toBeGreaterThan(1);
    expect(entered('hold').every(({ side }) => side === 'buy')).toBe(true);
    // As many entries as the one it copies, one decision later.
    expect(Math.abs(entered('copy').length - entered('coin').length)).toBeLessThanOrEqual(3);
    const again = await runBook(new TestMarket(12, 4), 150, settings, silent);
    expect(encodeBookState(again.state)).toBe(encodeBookState(run.state));
  });
});
