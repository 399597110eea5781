import { describe, expect, it } from 'vitest';
import { standingLines } from './standing-view.ts';

describe('the line of champion and challenger', () => {
  it('names both and why', () => {
    const standing = { champion: 'a', challenger: 'b', reason: 'log-loss 1.05 to 1.06: the champion is better' };
    expect(standingLines(standing)).toEqual([
      'champion a, challenger b: log-loss 1.05 to 1.06: the champion is better',
    ]);
  });

  it('is not there without a challenger, and says where there is no champion', () => {
    expect(standingLines({ champion: 'a', challenger: null, reason: null })).toEqual([]);
    expect(standingLines({ champion: null, challenger: 'b', reason: null })).toEqual(['champion none, challenger b']);
  });
});
