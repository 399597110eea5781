import { describe, expect, it } from 'vitest';
import { MinutehandError } from '../core/index.ts';
import { DEFAULT_REGIME_SETTINGS, noRegimes, updateRegimes } from '../signals/index.ts';
import { DEFAULT_RISK_SETTINGS, DEFAULT_SIZING_SETTINGS, MarketStates } from '../trading/index.ts';
import { initialBookState, warmBookState } from './book-state.ts';
import { decodeBookState, encodeBookState } from './book-state-text.ts';
import { minuteAt, runBook, TestMarket, testCandle, testSettings } from './decide-fixtures.ts';

describe('a book state as text', () => {
  it('reads back to the same state and the same text after any minute', async () => {
    const { decisions } = await runBook(new TestMarket(10, 3), 400, testSettings());
    expect(decisions.flatMap((decision) => decision.fills).length).toBeGreaterThan(5);
    for (const { state } of decisions.filter((_, index) => index % 7 === 0)) {
      const text = encodeBookState(state);
      const decoded = decodeBookState(text);
      expect(decoded).toEqual(state);
      expect(encodeBookState(decoded)).toBe(text);
    }
  });

  it('is small for 50 symbols with full histories', () => {
    const { risk } = testSettings();
    const markets = MarketStates.of(
      Array.from({ length: 50 }, (_, i) => [
        `COIN${i}USDT`,
        {
          lastPrice: 107_253_100_000_000_000n,
          lastMinute: minuteAt(1),
          sampledPrice: 107_253.1,
          sampledMinute: minuteAt(1),
          returns: new Int16Array(96).fill(i),
          minuteNotional: 123_456.789_012_345_6,
        },
      ]),
    );
    const bySymbol = new Map([...markets.keys()].map((symbol) => [`${symbol}/4h`, new Int16Array(360).fill(77)]));
    const text = encodeBookState({ ...initialBookState(risk), markets, edges: { modelId: 'm', bySymbol } });
    expect(text.length).toBeLessThan(100_000);
  });

  it('refuses what is no state of this version, in one line with a remedy', () => {
    const valid = encodeBookState(initialBookState(DEFAULT_RISK_SETTINGS));
    const faulty = [
      '',
      '{"version":3',
      '[]',
      valid.replace('"version":3', '"version":4'),
      valid.replace('"latches":[]', '"latches":"no"'),
      valid.replace('"cash":"1', '"cash":"1.'),
      valid.replace('"cooldowns"', '"foreign":1,"cooldowns"'),
    ];
    for (const text of faulty) {
      expect(() => decodeBookState(text)).toThrow(MinutehandError);
      expect(() => decodeBookState(text)).toThrow(/^the stored state of the book cannot be read: [^\n]+$/);
    }
  });
});

describe('a state of before there were regimes', () => {
  it('is still read, and has its regimes with the next bar', async () => {
    const market = new TestMarket(3, 3);
    const { state } = await runBook(market, 900, testSettings());
    const { regimes, ...older } = JSON.parse(encodeBookState(state));
    expect(regimes.bySymbol).toHaveLength(3);
    const decoded = decodeBookState(JSON.stringify(older));
    expect(decoded.regimes).toEqual(noRegimes);
    expect(updateRegimes(decoded.regimes, decoded.markets).bySymbol.size).toBe(3);
  });
});

describe('a new book', () => {
  it('starts with the configured cash and learns volatility from earlier candles without deciding', () => {
    const fresh = initialBookState({ ...DEFAULT_RISK_SETTINGS, initialEquity: '2500.5' });
    expect(fresh.ledger.cash).toBe(250_050_000_000n);
    const candles = Array.from({ length: 61 }, (_, i) => testCandle('XUSDT', minuteAt(i), { close: 100 + (i % 2) }));
    const warm = warmBookState(fresh, candles, DEFAULT_SIZING_SETTINGS, DEFAULT_REGIME_SETTINGS);
    expect(warm.markets.get('XUSDT')?.returns).toHaveLength(4);
    expect(warm.minute).toBe(fresh.minute);
    expect(fresh.markets.size).toBe(0);
  });

  it('takes over the halt of a state that was stored before there were latches', () => {
    const stored = JSON.parse(encodeBookState(initialBookState(DEFAULT_RISK_SETTINGS)));
    const flags = (halted: boolean) => ({ day: 20_000, dayStartEquity: '9900', dailyLossReached: true, halted });
    const { risk } = decodeBookState(JSON.stringify({ ...stored, risk: flags(true) }));
    expect(risk).toMatchObject({ day: 20_000, dayStartEquity: 9900n, latches: [{ reason: 'RISK_HALTED' }] });
    expect(decodeBookState(JSON.stringify({ ...stored, risk: flags(false) })).risk.latches).toEqual([]);
  });
});
