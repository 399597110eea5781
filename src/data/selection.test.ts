import { describe, expect, it } from 'vitest';
import { allocateBars, epochMs, type Instrument, MINUTE_MS } from '../core/index.ts';
import { gapsBetween, missingRanges } from './gaps.ts';
import { compareInstruments } from './instrument-lifecycle.ts';
import { panelAt } from './panel.ts';
import { selectUniverse } from './universe.ts';

const instrument = (symbol: string, rules: Partial<Instrument> = {}): Instrument => ({
  venue: 'binanceusdm',
  symbol,
  base: symbol.replace('USDT', ''),
  quote: 'USDT',
  tickSize: '0.10',
  stepSize: '0.001',
  minQuantity: '0.001',
  minNotional: '5',
  status: 'trading',
  ...rules,
});
const ticker = (symbol: string, quoteVolume24h: number) => ({ symbol, quoteVolume24h, lastPrice: 1 });
const INSTRUMENTS = [
  instrument('BTCUSDT'),
  instrument('ETHUSDT'),
  instrument('AAAUSDT'),
  instrument('BBBUSDT'),
  instrument('HALTUSDT', { status: 'halted' }),
  instrument('GONEUSDT', { status: 'delisted' }),
];
const TICKERS = [
  ticker('AAAUSDT', 5),
  ticker('BBBUSDT', 5),
  ticker('HALTUSDT', 99),
  ticker('BTCUSDT', 1),
  ticker('ETHUSDT', 2),
];
const ranked = { instruments: INSTRUMENTS, tickers: TICKERS, references: ['BTCUSDT', 'ETHUSDT'] };

describe('universe', () => {
  it('puts references first, then the largest that trade, equal ones by name', () => {
    expect(selectUniverse({ ...ranked, size: 3 }).symbols).toEqual(['BTCUSDT', 'ETHUSDT', 'AAAUSDT']);
    expect(selectUniverse({ ...ranked, size: 50 }).symbols).toEqual(['BTCUSDT', 'ETHUSDT', 'AAAUSDT', 'BBBUSDT']);
  });

  it('takes a list as it is and reports what does not trade', () => {
    const symbols = ['BBBUSDT', 'HALTUSDT', 'BTCUSDT', 'GONEUSDT', 'NEWUSDT'];
    expect(selectUniverse({ ...ranked, size: 1, symbols })).toEqual({
      symbols: ['BBBUSDT', 'BTCUSDT'],
      excluded: [
        { symbol: 'HALTUSDT', reason: 'INSTRUMENT_NOT_TRADING' },
        { symbol: 'GONEUSDT', reason: 'INSTRUMENT_DELISTED' },
        { symbol: 'NEWUSDT', reason: 'INSTRUMENT_NOT_TRADING' },
      ],
    });
  });

  it('refuses a list with a repeated symbol or without one that trades', () => {
    expect(() => selectUniverse({ ...ranked, size: 2, symbols: ['BTCUSDT', 'BTCUSDT'] })).toThrow(/twice/);
    expect(() => selectUniverse({ ...ranked, size: 2, symbols: ['NOUSDT'] })).toThrow(/none of the symbols/);
  });
});

describe('panel', () => {
  const universe = ['BTCUSDT', 'ETHUSDT', 'AAAUSDT', 'BBBUSDT', 'CCCUSDT'];
  const base = { minute: epochMs(0), universe, references: ['BTCUSDT', 'ETHUSDT'] };

  it('keeps members in canonical order and allows entries at full coverage', () => {
    const panel = panelAt({ ...base, present: new Set([...universe].reverse()) });
    expect(panel).toMatchObject({
      members: universe,
      coverage: 1,
      referencesPresent: true,
      refusals: [],
      excluded: [],
    });
  });

  it('refuses entries below the coverage, not at it', () => {
    expect(panelAt({ ...base, present: new Set(universe.slice(0, 4)) }).refusals).toEqual([]);
    const thin = panelAt({ ...base, present: new Set(universe.slice(0, 3)) });
    expect(thin.refusals).toEqual(['PANEL_BELOW_COVERAGE']);
    expect(thin.excluded.map(({ symbol }) => symbol)).toEqual(['BBBUSDT', 'CCCUSDT']);
  });

  it('refuses entries without a reference and says why a symbol is out', () => {
    const exclusions = [{ symbol: 'ETHUSDT', reason: 'INSTRUMENT_DELISTED' as const }];
    const panel = panelAt({ ...base, exclusions, present: new Set(universe.filter((symbol) => symbol !== 'ETHUSDT')) });
    expect(panel.refusals).toEqual(['PANEL_REFERENCE_MISSING']);
    expect(panel.excluded).toEqual(exclusions);
  });
});

describe('gaps', () => {
  it('finds what is missing in front, between and behind', () => {
    const at = (index: number) => epochMs(index * MINUTE_MS);
    expect(missingRanges([at(2), at(3), at(6)], '1m', { from: at(0), until: at(8) })).toEqual([
      { from: at(0), until: at(2) },
      { from: at(4), until: at(6) },
      { from: at(7), until: at(8) },
    ]);
    expect(missingRanges([], '1m', { from: at(0), until: at(2) })).toEqual([{ from: at(0), until: at(2) }]);
    expect(missingRanges([at(0), at(1)], '1m', { from: at(0), until: at(2) })).toEqual([]);
  });

  it('finds holes of a series with their length', () => {
    const bars = allocateBars(3);
    bars.openTime.set([0, MINUTE_MS, 5 * MINUTE_MS]);
    expect(gapsBetween(bars, 'BTCUSDT', '1m')).toEqual([
      { symbol: 'BTCUSDT', from: 2 * MINUTE_MS, until: 5 * MINUTE_MS, bars: 3 },
    ]);
    expect(gapsBetween(allocateBars(0), 'BTCUSDT', '1m')).toEqual([]);
  });
});

describe('instrument lifecycle', () => {
  it('tells listed, ended, suspended and changed instruments apart', () => {
    const before = [
      instrument('AUSDT'),
      instrument('BUSDT'),
      instrument('CUSDT'),
      instrument('DUSDT'),
      instrument('EUSDT', { status: 'halted' }),
      instrument('FUSDT', { status: 'delisted' }),
    ];
    const after = [
      instrument('AUSDT', { tickSize: '0.1' }),
      instrument('BUSDT', { tickSize: '0.01' }),
      instrument('CUSDT', { status: 'delisted' }),
      instrument('EUSDT'),
      instrument('GUSDT'),
    ];
    const changes = compareInstruments(before, after);
    expect(changes.listed).toEqual(['EUSDT', 'GUSDT']);
    expect(changes.delisted).toEqual(['CUSDT', 'DUSDT']);
    expect(changes.halted).toEqual([]);
    expect(changes.tickChanged.map(({ symbol }) => symbol)).toEqual(['BUSDT']);
    expect(compareInstruments(after, [instrument('GUSDT', { status: 'halted' })]).halted).toEqual(['GUSDT']);
  });
});
