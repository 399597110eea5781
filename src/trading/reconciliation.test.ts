import { describe, expect, it } from 'vitest';
import { type AccountSnapshot, epochMs } from '../core/index.ts';
import { parseCash, parseQuantity } from '../matching/index.ts';
import { openLedger } from './ledger/ledger.ts';
import { describeDifference, differencesOf } from './reconciliation.ts';

const AT = epochMs(Date.UTC(2025, 5, 19));

const position = (strategy: string, quantity: string, cost: string) =>
  [
    `${strategy}/BTCUSDT`,
    { strategy, symbol: 'BTCUSDT', quantity: parseQuantity(quantity), cost: parseCash(cost), openedAt: AT },
  ] as const;

const snapshot = (changes: Partial<AccountSnapshot>): AccountSnapshot => ({
  takenAt: AT,
  version: 1,
  positions: new Map(),
  isHedgeMode: true,
  balance: '10000',
  positionsCost: '0',
  foreignOrders: [],
  ...changes,
});

const ledgerOf = (...positions: ReturnType<typeof position>[]) => ({
  ...openLedger(parseCash('10000')),
  positions: new Map(positions),
});

const words = (...parts: Parameters<typeof differencesOf>) => differencesOf(...parts).map(describeDifference);

describe('an account held against its book', () => {
  it('agrees where positions and money do, by leg, whoever shares one', () => {
    const ledger = ledgerOf(position('a', '0.3', '300'), position('b', '0.2', '210'), position('c', '-0.1', '-100'));
    const positions = new Map([['BTCUSDT', { long: '0.5', short: '-0.1' }]]);
    expect(words(snapshot({ positions, positionsCost: '410' }), ledger)).toEqual([]);
    // Somebody's profit realised there and not here, or the other way round, is the same money.
    expect(words(snapshot({ positions, balance: '10020', positionsCost: '430' }), ledger)).toEqual([]);
  });

  it('compares one sum in one-way mode', () => {
    const ledger = ledgerOf(position('a', '0.3', '300'), position('c', '-0.1', '-100'));
    const one = snapshot({
      isHedgeMode: false,
      positions: new Map([['BTCUSDT', { long: '0.2', short: '0' }]]),
      positionsCost: '200',
    });
    expect(words(one, ledger)).toEqual([]);
  });

  it('allows for average prices that are told to eight decimals, of whatever quantity', () => {
    const ledger = ledgerOf(position('a', '10000000', '123.45'));
    const positions = new Map([['BTCUSDT', { long: '10000000', short: '0' }]]);
    expect(words(snapshot({ positions, positionsCost: '123.5' }), ledger)).toEqual([]);
    expect(words(snapshot({ positions, positionsCost: '123.6' }), ledger)).toEqual([
      'balance: book 9876.55, venue 9876.4',
    ]);
  });

  it('names each difference with both sides', () => {
    const ledger = ledgerOf(position('a', '0.3', '300'));
    const found = snapshot({
      positions: new Map([
        ['BTCUSDT', { long: '0.1', short: '0' }],
        ['ETHUSDT', { long: '0', short: '-2' }],
      ]),
      balance: '10000.02',
      positionsCost: '300',
      foreignOrders: ['BTCUSDT web-1'],
    });
    expect(words(found, ledger)).toEqual([
      'BTCUSDT long: book 0.3, venue 0.1',
      'ETHUSDT short: book 0, venue -2',
      'balance: book 9700, venue 9700.02',
      'open order not of this book: BTCUSDT web-1',
    ]);
  });
});
