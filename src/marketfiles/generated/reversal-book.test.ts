import { describe, expect, it } from 'vitest';
import { at64, DAY_MS, epochMs } from '../../core/index.ts';
import { drawInstruments } from './generated-instruments.ts';
import { createGeneratedMarket, createPaths } from './generated-market.ts';
import { PLANTED } from './planted-edge.ts';

const SYMBOLS = 12;
const DAYS = 20_000;
const START = epochMs(Date.UTC(2025, 0, 6));

describe('the book that trades the planted edge', () => {
  it('earns by the day what the parameters say, and varies as they say', () => {
    const book = createGeneratedMarket({ seed: 1, symbols: SYMBOLS, start: START, edge: true }).edge?.reversalBook;
    const { mean, deviation } = momentsOf(simulated(PLANTED, DAYS));
    if (book === undefined) throw new Error('no edge was planted');
    const sharpe = book.meanReturn / book.volatility;
    // As a share of it: what luck may do to so many days, and what the formula leaves out.
    const tolerance = 2 / (sharpe * Math.sqrt(DAYS)) + 0.02;
    expect(Math.abs(deviation / book.volatility - 1)).toBeLessThan(0.03);
    expect(Math.abs(mean / book.meanReturn - 1)).toBeLessThan(tolerance + 0.03);
    expect(Math.abs(mean / deviation / sharpe - 1)).toBeLessThan(tolerance);
  });

  it('earns nothing where none was planted', () => {
    const { mean, deviation } = momentsOf(simulated({ revertingShare: 0, reversionRate: 0 }, DAYS / 4));
    expect(Math.abs(mean)).toBeLessThan((3 * deviation) / Math.sqrt(DAYS / 4));
  });
});

/** Returns of the book from the daily values alone, from midnight to midnight. */
function simulated(reverting: { revertingShare: number; reversionRate: number }, days: number): Float64Array {
  const profiles = drawInstruments('1/edge', SYMBOLS);
  const paths = createPaths('days', Math.floor(START / DAY_MS), profiles, reverting);
  const returnsOf = (index: number): number[] => {
    const change = ({ startLevel, endLevel, startDeviation, endDeviation }: ReturnType<typeof paths.market.day>) =>
      endLevel + endDeviation - startLevel - startDeviation;
    const market = change(paths.market.day(index));
    return profiles.map(({ beta, sector, sectorBeta }, i) => {
      const [own, ofSector] = [paths.own[i]?.day(index), paths.sectors[sector]?.day(index)];
      if (own === undefined || ofSector === undefined) throw new RangeError(`no path ${i}`);
      return change(own) + beta * market + sectorBeta * change(ofSector);
    });
  };
  let past = returnsOf(0);
  return Float64Array.from({ length: days }, (_, day) => {
    const next = returnsOf(day + 1);
    const order = [...past.keys()].sort((a, b) => (past[a] ?? 0) - (past[b] ?? 0));
    past = next;
    return order.reduce((sum, i, rank) => sum + (rank < SYMBOLS / 2 ? 1 : -1) * Math.expm1(next[i] ?? 0), 0) / SYMBOLS;
  });
}

function momentsOf(values: Float64Array): { mean: number; deviation: number } {
  let [sum, squares] = [0, 0];
  for (let i = 0; i < values.length; i++) {
    sum += at64(values, i);
    squares += at64(values, i) ** 2;
  }
  const mean = sum / values.length;
  return { mean, deviation: Math.sqrt(squares / values.length - mean ** 2) };
}
