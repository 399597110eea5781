import { describe, expect, it } from 'vitest';
import { epochMs, HOUR_MS } from '../../core/index.ts';
import { evaluationWindow } from './evaluation-window.ts';

const time = (day: string) => epochMs(Date.parse(day));
const window = (from: string, to: string) => ({ from: time(from), to: time(to), rows: 1000 });
const manifest = {
  modelId: 'm-1',
  windows: {
    train: window('2025-01-01', '2025-03-01'),
    calibration: window('2025-03-02', '2025-04-01'),
    test: window('2025-04-02', '2025-05-01'),
  },
};
const ask = (from?: string, to?: string, inSample = false) =>
  evaluationWindow(manifest, { from: from ? time(from) : undefined, to: to ? time(to) : undefined, inSample });

describe('evaluationWindow', () => {
  it('begins an embargo after what the model was fitted on, by default', () => {
    expect(ask()).toEqual({ from: time('2025-04-01') + 4 * HOUR_MS, to: undefined, overlaps: [] });
  });

  it('takes any time after, and before; the test window is nobody’s training', () => {
    expect(ask('2025-04-10', '2025-06-01').overlaps).toEqual([]);
    expect(ask('2025-04-01').overlaps).toEqual([]);
    expect(ask('2024-11-01', '2025-01-01').overlaps).toEqual([]);
  });

  it.each([
    ['2025-03-31', '2025-06-01', 'calibration'],
    ['2025-02-27', undefined, 'train, calibration'],
    ['2024-11-01', '2025-01-02', 'train'],
  ])('refuses from %s to %s as it overlaps %s, unless that is asked for', (from, to, names) => {
    expect(() => ask(from, to)).toThrow(
      expect.objectContaining({
        code: 'EVALUATION_IN_SAMPLE',
        exitCode: 2,
        message: expect.stringContaining(`m-1 was fitted on (${names})`),
      }),
    );
    expect(ask(from, to, true).overlaps.join(', ')).toBe(names);
  });

  it('refuses an end before the beginning', () => {
    expect(() => ask('2025-06-02', '2025-06-01')).toThrow(
      expect.objectContaining({ code: 'EVALUATION_WINDOW_INVALID', exitCode: 2 }),
    );
  });
});
