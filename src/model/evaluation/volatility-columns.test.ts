import { describe, expect, it } from 'vitest';
import { CATALOGUE } from '../../features/index.ts';
import { volatilityColumns } from './volatility-columns.ts';

const names = CATALOGUE.map(({ name }) => name);
const picked = volatilityColumns(names).map((column) => names[column] ?? '');

describe('volatilityColumns', () => {
  it('picks every feature of volatility and the calendar', () => {
    const groups = CATALOGUE.filter(({ group }) => group === 'volatility' || group === 'calendar');
    expect(groups.length).toBeGreaterThan(30);
    expect(picked).toEqual(expect.arrayContaining(groups.map(({ name }) => name)));
  });

  it('picks what other groups hold of volatility, and nothing else of them', () => {
    const groupOf = new Map(CATALOGUE.map(({ name, group }) => [name, group]));
    const others = picked.filter((name) => !['volatility', 'calendar'].includes(groupOf.get(name) ?? ''));
    expect(others.sort()).toEqual([
      'market_vol_96',
      'market_vol_balance',
      'range_18_4h',
      'range_7_1d',
      'rank_vol_32',
      'rank_vol_336h',
      'rank_vol_balance_8_32',
      'score_vol_96',
      'vol_12_1d',
    ]);
  });

  it('picks nothing that has a direction', () => {
    expect(picked.filter((name) => /ret_|position|rsi|volume|distance|slope|drawdown|skew|beta/.test(name))).toEqual(
      [],
    );
  });

  it('gives columns of the names it is given', () => {
    expect(volatilityColumns(['ret_1', 'vol_96', 'unknown', 'weekend'])).toEqual([1, 3]);
  });
});
