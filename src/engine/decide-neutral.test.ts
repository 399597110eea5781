import { describe, expect, it } from 'vitest';
import { parseCash } from '../matching/index.ts';
import { MarketNeutralAdapter } from '../strategies/index.ts';
import { DEFAULT_PROTECTION_SETTINGS, DEFAULT_RISK_SETTINGS, exposureOf } from '../trading/index.ts';
import { initialBookState } from './book-state.ts';
import { decide } from './decide.ts';
import { runBook, START, TestMarket, testCandle, testForecast, testInput, testSettings } from './decide-fixtures.ts';

const neutral = new MarketNeutralAdapter({
  name: 'neutral',
  decideEvery: '15m',
  holdFor: '1h',
  cooldownMinutes: 15,
  positionsPerSide: 3,
  bandPositions: 2,
  weights: 'rank',
  grossExposure: 0.6,
  protection: { ...DEFAULT_PROTECTION_SETTINGS, fromSignal: false },
});

/** Forecast returns from -3 % to 3 % for seven symbols at 100. */
const inputAt = (minute: typeof START) => {
  const symbols = ['AUSDT', 'BUSDT', 'CUSDT', 'DUSDT', 'EUSDT', 'FUSDT', 'GUSDT'];
  return testInput(minute, {
    candles: new Map(symbols.map((symbol) => [symbol, testCandle(symbol, minute, { volume: 1e6 })])),
    forecasts: symbols.map((symbol, index) => testForecast(symbol, minute, (index - 3) / 100)),
  });
};

describe('a market-neutral book', () => {
  const worth = (intents: readonly { side: string; quantity: string }[], side: string) =>
    intents.filter((intent) => intent.side === side).reduce((sum, { quantity }) => sum + Number(quantity) * 100, 0);

  it('enters as much long as short, the better ranks larger', () => {
    const settings = testSettings({
      strategies: [neutral],
      risk: { ...DEFAULT_RISK_SETTINGS, maxPositionFraction: 0.5 },
    });
    const { intents, notes } = decide(initialBookState(settings.risk), inputAt(START), settings);
    expect(intents.map(({ symbol, side, quantity }) => [symbol, side, Math.round(Number(quantity))])).toEqual([
      ['GUSDT', 'buy', 15],
      ['AUSDT', 'sell', 15],
      ['FUSDT', 'buy', 10],
      ['BUSDT', 'sell', 10],
      ['EUSDT', 'buy', 5],
      ['CUSDT', 'sell', 5],
    ]);
    expect(notes).toEqual([]);
  });

  it('stays balanced where a limit cuts or refuses one side: the other is cut, too', () => {
    const settings = testSettings({
      strategies: [neutral],
      risk: { ...DEFAULT_RISK_SETTINGS, maxPositionFraction: 0.5, maxPositions: 5, maxSideExposure: 0.2 },
    });
    const { intents, reasonCounts, state } = decide(initialBookState(settings.risk), inputAt(START), settings);
    expect(intents).toHaveLength(4);
    expect(worth(intents, 'buy')).toBeCloseTo(2000, 6);
    expect(worth(intents, 'sell')).toBeCloseTo(2000, 6);
    expect(reasonCounts).toMatchObject({ SIZE_REDUCED_SIDE: 2 });
    expect(state.ledger.orders.size).toBe(4);
  });

  it('is as neutral as steps allow whenever it has decided, whatever the market did and filled', async () => {
    const settings = testSettings({ strategies: [neutral], risk: { ...DEFAULT_RISK_SETTINGS, maxPositions: 20 } });
    let decisions = 0;
    for (const seed of [1, 2, 3]) {
      const run = await runBook(new TestMarket(12, seed), 150, settings);
      for (const { state, intents } of run.decisions) {
        const entries = intents.filter(({ purpose }) => purpose === 'entry');
        if (entries.length === 0) continue;
        decisions++;
        const leaving = new Set(
          [...state.ledger.orders.values()]
            .filter(({ intent, endedAt }) => endedAt === undefined && intent.purpose === 'exit')
            .map(({ intent }) => `${intent.strategy}/${intent.symbol}`),
        );
        const staying = [...state.ledger.positions].filter(([key]) => !leaving.has(key));
        const { long, short } = exposureOf({ ...state.ledger, positions: new Map(staying) }, state.markets);
        const heavier = long > short ? 'buy' : 'sell';
        // Entries of the heavier side would have been cut; what is left is less than the smallest order.
        if (!entries.some(({ side }) => side === heavier)) continue;
        const off = long > short ? long - short : short - long;
        expect(off).toBeLessThan(parseCash('200'));
      }
    }
    expect(decisions).toBeGreaterThan(10);
  });
});
