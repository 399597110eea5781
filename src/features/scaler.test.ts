import { describe, expect, it } from 'vitest';
import { createRandom } from '../core/index.ts';
import { applyScaler, fitScaler, isModelInput, parseScaler, SCALER_VERSION } from './scaler.ts';

const random = createRandom('scaler');
const ROWS = 4_000;
/** Columns: N(3, 2²), the same with 1 % of outliers, constant 5, never known. */
const WIDTH = 4;
const rows = new Float32Array(ROWS * WIDTH);
for (let row = 0; row < ROWS; row++) {
  const value = 3 + 2 * random.normal();
  rows.set([value, row % 100 === 0 ? 1e6 : value, 5, Number.NaN], row * WIDTH);
}
const options = { featureSetHash: 'abc', width: WIDTH };

describe('a scaler', () => {
  it('estimates centre and deviation, of either kind', () => {
    for (const kind of ['standard', 'robust'] as const) {
      const { center, scale } = fitScaler([rows], { ...options, kind });
      expect(center[0]).toBeCloseTo(3, 0);
      expect(Math.abs((scale[0] ?? 0) - 2)).toBeLessThan(0.15);
    }
  });

  it('of kind robust is not moved by outliers', () => {
    const { center, scale } = fitScaler([rows], { ...options, kind: 'robust' });
    expect(Math.abs((center[1] ?? 0) - (center[0] ?? 0))).toBeLessThan(0.1);
    expect(Math.abs((scale[1] ?? 0) - (scale[0] ?? 0))).toBeLessThan(0.2);
  });

  it('keeps constant and unknown columns finite and says how much was known', () => {
    const { scale, knownShare } = fitScaler([rows], { ...options, kind: 'robust' });
    expect(scale.slice(2)).toEqual([1, 1]);
    expect(knownShare).toEqual([1, 1, 1, 0]);
  });

  it('reads the rows of the training window only', () => {
    const poisoned = rows.slice();
    poisoned.fill(Number.POSITIVE_INFINITY, 1_000 * WIDTH);
    const window = [0, 1_000] as const;
    const fitted = (values: Float32Array) => fitScaler([values], { ...options, kind: 'robust', rows: window });
    expect(fitted(poisoned)).toEqual(fitted(rows));
  });

  it('lets evenly spaced rows stand for all when there are many', () => {
    const few = fitScaler([rows, rows], { ...options, kind: 'standard', sampleRows: 1_000 });
    expect(Math.abs((few.center[0] ?? 0) - 3)).toBeLessThan(0.3);
    expect(few.knownShare).toEqual([1, 1, 1, 0]);
  });

  it('scales, clips, and gives 0 where masked', () => {
    const scaler = {
      ...fitScaler([rows], { ...options, kind: 'standard' }),
      center: [3, 3, 3, 3],
      scale: [2, 2, 2, 2],
      knownShare: [1, 1, 1, 1],
    };
    const out = new Float32Array(8);
    const values = new Float32Array([5, 1e9, -1e9, Number.NaN, 3, 3, 3, 7]);
    applyScaler(values, new Uint8Array([0, 0, 0, 1, 0, 0, 0, 1]), scaler, out);
    expect([...out]).toEqual([1, 8, -8, 0, 0, 0, 0, 0]);
  });

  it('gives 0 in columns that were known in less than 80 % of the fitted rows', () => {
    const sparse = Float32Array.from({ length: 1_000 * 2 }, (_, at) =>
      at < 2 * (at % 2 === 0 ? 200 : 201) ? Number.NaN : random.normal(),
    );
    const scaler = fitScaler([sparse], { featureSetHash: 'abc', width: 2, kind: 'robust' });
    expect(scaler.knownShare).toEqual([0.8, 0.799]);
    expect([isModelInput(scaler, 0), isModelInput(scaler, 1)]).toEqual([true, false]);
    const out = new Float32Array(2);
    applyScaler(Float32Array.of(1, 1), new Uint8Array(2), scaler, out);
    expect(out[0]).not.toBe(0);
    expect(out[1]).toBe(0);
  });

  it('survives a round trip through JSON and refuses a changed or foreign one', () => {
    const scaler = fitScaler([rows], { ...options, kind: 'robust', clip: 6 });
    const json = JSON.stringify(scaler);
    expect(parseScaler(json)).toEqual(scaler);
    expect(() => parseScaler(json.replace('"clip":6', '"clip":7'))).toThrow(/hash differs/);
    expect(() => parseScaler('{')).toThrow(/not JSON/);
    expect(() => parseScaler(`{"version":${SCALER_VERSION},"kind":"robust"}`)).toThrow(/featureSetHash/);
    expect(() => parseScaler(JSON.stringify({ ...scaler, scale: [1] }))).toThrow(/length/);
  });

  it('is refused when it has no version or another one, and names both', () => {
    const { version, ...rest } = fitScaler([rows], { ...options, kind: 'robust' });
    expect(version).toBe(SCALER_VERSION);
    expect(() => parseScaler(JSON.stringify(rest))).toThrow(/has no version, this program reads 1/);
    expect(() => parseScaler(JSON.stringify({ version: 2, ...rest }))).toThrow(/has version 2, this program reads 1/);
    expect(() => parseScaler('null')).toThrow(/no version/);
  });

  it('refuses a block that is not whole rows', () => {
    expect(() => fitScaler([new Float32Array(5)], { ...options, kind: 'robust' })).toThrow(/not rows of 4/);
  });
});
