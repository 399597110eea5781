import { describe, expect, it } from 'vitest';
import { createRandom } from '../../core/index.ts';
import { shapeOf } from './sample.ts';
import { scaleToVolatility } from './volatility-target.ts';

const seriesOf = (returns: Float64Array) => ({ firstDay: 20_000, returns, before: 0, after: 0 });
const noise = (days: number, deviation: number) => {
  const random = createRandom('scaled');
  return Float64Array.from({ length: days }, () => deviation * random.normal());
};
const flat = (days: number, gross: number) => new Float64Array(days).fill(gross);

describe('scaleToVolatility', () => {
  it('brings a series to ten per cent a year', () => {
    const { returns } = scaleToVolatility(seriesOf(noise(2000, 0.03)), flat(2000, 1));
    expect(returns.firstDay).toBe(20_030);
    expect(returns.returns).toHaveLength(1970);
    expect(shapeOf(returns.returns).deviation * Math.sqrt(365)).toBeCloseTo(0.1, 1.7);
  });

  it('scales a day by the days before it alone', () => {
    const series = noise(80, 0.02);
    const { scales } = scaleToVolatility(seriesOf(series), flat(80, 1));
    const window = shapeOf(series.subarray(20, 50));
    expect(scales[20]).toBeCloseTo(0.1 / (window.deviation * Math.sqrt(365)), 12);
    const changed = Float64Array.from(series);
    changed.fill(0.5, 50);
    const after = scaleToVolatility(seriesOf(changed), flat(80, 1));
    expect(after.scales.subarray(0, 21)).toEqual(scales.subarray(0, 21));
    expect(after.scales[21]).toBeLessThan(scales[21] ?? 0);
  });

  it('never passes the gross exposure allowed', () => {
    const calm = scaleToVolatility(seriesOf(noise(60, 0.0001)), flat(60, 0.8));
    expect(calm.scales.every((scale) => scale === 2.5)).toBe(true);
    const loaded = scaleToVolatility(seriesOf(noise(60, 0.0001)), flat(60, 4));
    expect(loaded.scales.every((scale) => scale === 0.5)).toBe(true);
  });

  it('leaves a day as it is where nothing varied before, and has none of a short series', () => {
    const late = new Float64Array(40);
    late[35] = -0.04;
    const { returns } = scaleToVolatility(seriesOf(late), flat(40, 0));
    expect(returns.returns[5]).toBe(-0.04);
    expect(scaleToVolatility(seriesOf(noise(20, 0.01)), flat(20, 1)).returns.returns).toHaveLength(0);
  });
});
