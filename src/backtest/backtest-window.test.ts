import { describe, expect, it } from 'vitest';
import { DAY_MS, type EpochMs, epochMs, HOUR_MS } from '../core/index.ts';
import type { Manifest } from '../model/index.ts';
import { backtestWindow } from './backtest-window.ts';

const day = (text: string): EpochMs => epochMs(Date.parse(`${text}T00:00Z`));
const window = (from: string, to: string) => ({ from: day(from), to: day(to), rows: 1_000 });
const windows = {
  train: window('2024-11-01', '2024-12-01'),
  calibration: window('2024-12-02', '2024-12-20'),
  test: window('2024-12-21', '2025-01-01'),
} as Manifest['windows'];
const manifest = { windows, modelId: 'm-1' };
const data = { first: day('2024-10-23'), last: epochMs(day('2025-03-01') + 5 * HOUR_MS) };
const QUARTER = 15 * 60_000;

describe('backtestWindow', () => {
  it('takes the bars that open on the days named, the last one included', () => {
    const asked = { from: day('2025-01-05'), to: day('2025-01-06'), inSample: false };
    expect(backtestWindow(manifest, asked, data)).toEqual({
      from: day('2025-01-05') + QUARTER,
      to: day('2025-01-07'),
      overlaps: [],
      isOnTestWindow: false,
    });
  });

  it('begins by itself behind everything that the model was fitted on, and ends with the last whole day', () => {
    const { from, to, isOnTestWindow } = backtestWindow(manifest, { inSample: false }, data);
    expect(from - QUARTER).toBeGreaterThan(day('2024-12-20'));
    expect((from - QUARTER) % DAY_MS).toBe(0);
    expect(to).toBe(day('2025-03-01'));
    expect(isOnTestWindow).toBe(true);
  });

  it('refuses days that the model was fitted on, an embargo included', () => {
    const asked = (from: string) => ({ from: day(from), to: day('2025-01-31'), inSample: false });
    for (const from of ['2024-11-20', '2024-12-19', '2024-12-20']) {
      expect(() => backtestWindow(manifest, asked(from), data)).toThrow(
        expect.objectContaining({ code: 'BACKTEST_IN_SAMPLE', exitCode: 3 }),
      );
    }
    expect(backtestWindow(manifest, asked('2024-12-23'), data).overlaps).toEqual([]);
    expect(backtestWindow(manifest, { ...asked('2024-12-19'), inSample: true }, data).overlaps).toEqual([
      'calibration',
    ]);
  });

  it('allows days before the model’s', () => {
    const asked = { from: day('2024-10-24'), to: day('2024-10-30'), inSample: false };
    expect(backtestWindow(manifest, asked, data).overlaps).toEqual([]);
  });

  it('names days without bars', () => {
    const asked = { from: day('2025-04-01'), to: day('2025-04-02'), inSample: false };
    expect(() => backtestWindow(manifest, asked, data)).toThrow(
      expect.objectContaining({
        code: 'BACKTEST_WINDOW_INVALID',
        exitCode: 2,
        message: expect.stringContaining('2025-04-01'),
      }),
    );
    expect(() => backtestWindow(undefined, { ...asked, to: day('2025-03-01') }, data)).toThrow(/no bar is left/);
  });
});
