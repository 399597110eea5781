import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { appendToHistory, emptyHistory, quantize } from './bounded-history.ts';
import { allocateBars, sliceBars } from './candle.ts';
import {
  DIRECTION_PROBABILITY_NAMES,
  FORECAST_OUTPUTS,
  FORECAST_WIDTH,
  type Forecast,
  HORIZON_NAMES,
  HORIZONS,
  outputIndex,
  outputOf,
  TARGET_NAMES,
} from './forecast.ts';
import { noMetrics, silentLog } from './observability.ts';
import { isTerminal, ORDER_STATUSES } from './order.ts';
import { at32, at64, atByte, atInt32 } from './typed-array.ts';
import { epochMs } from './units.ts';

describe('forecast outputs', () => {
  it('are the twenty targets, three probabilities per horizon, and the rank', () => {
    expect(TARGET_NAMES).toHaveLength(20);
    expect(FORECAST_WIDTH).toBe(20 + 3 * HORIZON_NAMES.length + 1);
    expect(new Set(FORECAST_OUTPUTS).size).toBe(FORECAST_WIDTH);
    expect(HORIZON_NAMES).toEqual(Object.keys(HORIZONS));
    expect(DIRECTION_PROBABILITY_NAMES).toEqual(
      HORIZON_NAMES.flatMap((horizon) => ['up', 'down', 'flat'].map((side) => `direction_${horizon}_${side}`)),
    );
  });

  it('are found by name', () => {
    const values = Float32Array.from({ length: FORECAST_WIDTH }, (_, index) => index);
    const forecast: Forecast = { symbol: 'BTCUSDT', minute: epochMs(0), modelId: 'm', values, maskedShare: 0 };
    for (const [index, name] of FORECAST_OUTPUTS.entries()) {
      expect(outputIndex(name)).toBe(index);
      expect(outputOf(forecast, name)).toBe(index);
    }
    expect(outputOf({ ...forecast, values: new Float32Array(0) }, 'rank24h')).toBeNaN();
  });
});

describe('bars', () => {
  it('are not numbers until they are written', () => {
    const bars = allocateBars(3);
    for (const column of Object.values(bars)) {
      if (typeof column !== 'number') expect([...column]).toEqual([Number.NaN, Number.NaN, Number.NaN]);
    }
  });

  it('are sliced as views of the same memory, within their length', () => {
    const bars = allocateBars(4);
    bars.close.set([1, 2, 3, 4]);
    const middle = sliceBars(bars, 1, 3);
    expect([middle.length, ...middle.close]).toEqual([2, 2, 3]);
    middle.close[0] = 9;
    expect(bars.close[1]).toBe(9);
    expect(sliceBars(bars, 2, 99).length).toBe(2);
    expect(sliceBars(bars, 3, 1).length).toBe(0);
    for (const column of Object.values(sliceBars(bars, 2, 99))) {
      if (typeof column !== 'number') expect(column).toHaveLength(2);
    }
  });
});

describe('bounded history', () => {
  it('keeps the newest values, oldest first, and leaves the given one as it is', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: -32_768, max: 32_767 })),
        fc.integer({ min: 1, max: 8 }),
        (values, capacity) => {
          let history = emptyHistory();
          for (const value of values) {
            const before = [...history];
            const next = appendToHistory(history, value, 1, capacity);
            expect([...history]).toEqual(before);
            history = next;
          }
          expect([...history]).toEqual(values.slice(-capacity));
        },
      ),
    );
  });

  it('rounds to its unit and holds what is too large at its bounds', () => {
    expect([0.00126, -0.00124, 1e9, -1e9].map((value) => quantize(value, 0.0001))).toEqual([13, -12, 32_767, -32_768]);
  });
});

describe('orders', () => {
  it('have ended when nothing can happen to them any more', () => {
    expect(ORDER_STATUSES.filter(isTerminal)).toEqual(['FILLED', 'CANCELLED', 'REJECTED', 'EXPIRED']);
  });
});

describe('typed-array access', () => {
  it('reads the element', () => {
    expect(at64(new Float64Array([1, 2]), 1)).toBe(2);
    expect(at32(new Float32Array([1, 2]), 0)).toBe(1);
    expect(atInt32(new Int32Array([-3]), 0)).toBe(-3);
    expect(atByte(new Uint8Array([255]), 0)).toBe(255);
  });
});

describe('silent ports', () => {
  it('take everything and do nothing', () => {
    const child = silentLog.child({ book: 'main' });
    for (const level of ['debug', 'info', 'warn', 'error'] as const) expect(child[level]({}, 'x')).toBeUndefined();
    expect([noMetrics.count('x'), noMetrics.gauge('x', 1), noMetrics.observe('x', 1)]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });
});
