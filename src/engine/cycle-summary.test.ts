import { describe, expect, it } from 'vitest';
import { summarizeLatency } from './cycle-summary.ts';

describe('summarizeLatency', () => {
  it('gives nearest-rank percentiles', () => {
    const sample = Array.from({ length: 200 }, (_, index) => 200 - index);
    expect(summarizeLatency(sample)).toEqual({ p50: 100, p99: 198, max: 200 });
  });

  it('is zero without a sample', () => {
    expect(summarizeLatency([])).toEqual({ p50: 0, p99: 0, max: 0 });
  });
});
