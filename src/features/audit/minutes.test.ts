import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { allocateBars, MINUTE_MS } from '../../core/index.ts';
import { phaseBars } from '../../data/index.ts';
import { withTakerFlow } from '../bars.fixture.ts';
import { generateSelfTestMarket } from '../generated-market.ts';
import { splitIntoMinutes } from './minutes.ts';

const START = 1_706_745_600_000;
const COLUMNS = ['openTime', 'open', 'high', 'low', 'close', 'volume', 'takerBuyVolume'] as const;

describe('minutes made of 15-minute bars', () => {
  it('join to exactly those bars', () => {
    const market = generateSelfTestMarket(['A'], { bars: 300, barMs: 15 * MINUTE_MS, start: START, seed: 'split' });
    const bars = withTakerFlow(market).get('A');
    if (!bars) throw new RangeError();
    const minutes = splitIntoMinutes(bars);
    expect(minutes.length).toBe(15 * 300);
    const joined = phaseBars(minutes, 0);
    for (const column of COLUMNS) expect(joined[column], column).toEqual(bars[column]);
  });

  it('join to the last bit of any volume and price', () => {
    const positive = fc.double({ min: 1e-9, max: 1e12, noNaN: true });
    fc.assert(
      fc.property(fc.tuple(positive, positive, positive, positive), positive, positive, (prices, volume, bought) => {
        const bar = allocateBars(1);
        bar.openTime[0] = START;
        bar.open[0] = prices[0];
        bar.close[0] = prices[1];
        bar.high[0] = Math.max(...prices);
        bar.low[0] = Math.min(...prices);
        bar.volume[0] = volume;
        bar.takerBuyVolume[0] = bought;
        const joined = phaseBars(splitIntoMinutes(bar), 0);
        for (const column of COLUMNS) expect(joined[column][0], column).toBe(bar[column][0]);
      }),
    );
  });

  it('do not tell what takers bought where the bar does not', () => {
    const [bars] = generateSelfTestMarket(['A'], { bars: 1, barMs: 15 * MINUTE_MS, start: START, seed: 'x' }).values();
    const { takerBuyVolume, volume } = splitIntoMinutes(bars ?? allocateBars(0));
    expect(volume.length).toBe(15);
    expect(takerBuyVolume.every(Number.isNaN)).toBe(true);
  });

  it('are none for a bar that is unusable', () => {
    const bar = allocateBars(1);
    bar.openTime[0] = START;
    expect(splitIntoMinutes(bar).length).toBe(0);
  });
});
