import { at64, atInt32 } from '../../core/index.ts';
import { after, bar, CLOSE, defineNode, HIGH, type Kind, LOW, type Node, output } from '../program.ts';
import { difference, distance, quotient } from './combine.ts';

/*
 * Recursive averages, seeded as TA-Lib seeds them: with the mean of the first `period` values. They are the same numbers as the
 * library's, see ../indicators.
 */

/**
 * Exponential moving average, α = 2 / (period + 1). `start`: the bar from which on values enter, so that averages of different
 * periods can begin together.
 */
export const ema = (source: Node, period: number, start = source.warmUp): Node =>
  average(`ema(${source.key},${period},${start})`, source, period, 2, start);

/** Wilder's average, α = 1 / period (New Concepts in Technical Trading Systems, 1978). */
export const wilder = (source: Node, period: number): Node =>
  average(`wilder(${source.key},${period})`, source, period, 1, source.warmUp);

function average(key: string, source: Node, period: number, weight: 1 | 2, start: number): Node {
  const seeded = start + period - 1;
  return defineNode(key, { warmUp: seeded, recursive: true }, (stage) => {
    const input = stage.use(source);
    const out = stage.reserve(1);
    stage.onBarTogether(averages, [input, out, start, seeded, period, weight]);
    return out;
  });
}

/** Source, result, first bar that counts, bar of the first value, period, and the numerator of α of each average. */
const averages: Kind = (s, parameters, count) => {
  for (let i = 0; i < parameters.length; i += 6) {
    const out = atInt32(parameters, i + 1);
    const value = at64(s, atInt32(parameters, i));
    const before = at64(s, out);
    const seeded = atInt32(parameters, i + 3);
    const period = atInt32(parameters, i + 4);
    if (count > seeded) {
      const weight = atInt32(parameters, i + 5);
      s[out] = before + (weight / (period + weight - 1)) * (value - before);
    } else if (count >= atInt32(parameters, i + 2)) {
      s[out] = count === seeded ? (before + value) / period : before + value;
    }
  }
};

/** max(high, previous close) - min(low, previous close), from the second bar on. */
export const trueRange: Node = defineNode('trueRange', { warmUp: 2 }, (stage) => {
  const out = stage.reserve(2);
  stage.onBar((s, count) => {
    const high = at64(s, HIGH);
    const low = at64(s, LOW);
    const before = count === 1 ? at64(s, CLOSE) : at64(s, out + 1);
    s[out] = (high > before ? high : before) - (low < before ? low : before);
    s[out + 1] = at64(s, CLOSE);
  });
  return out;
});

/** Average true range. */
export const atr = (period: number): Node => wilder(trueRange, period);

/**
 * Average true range as a unit to divide by: 0 where it is below 2^-40 of the close, that is in a series that has stood still for
 * so long that only rounding is left of it.
 */
export const atrUnit = (period: number): Node =>
  defineNode(`atrUnit(${period})`, after([atr(period)]), (stage) => {
    const input = stage.use(atr(period));
    const out = stage.reserve(1);
    stage.onBar((s) => {
      const value = at64(s, input);
      s[out] = value > at64(s, CLOSE) * 2 ** -40 ? value : 0;
    });
    return out;
  });

/** Gain and loss of a bar's close against the one before: max(±ΔC, 0), from the second bar on. */
const moves: Node = defineNode('moves', { warmUp: 2 }, (stage) => {
  const out = stage.reserve(3);
  stage.onBar((s, count) => {
    const close = at64(s, CLOSE);
    const change = count === 1 ? 0 : close - at64(s, out + 2);
    s[out] = change > 0 ? change : 0;
    s[out + 1] = change < 0 ? -change : 0;
    s[out + 2] = close;
  });
  return out;
});
export const gain: Node = output(moves, 0, 'gain');
export const loss: Node = output(moves, 1, 'loss');

/** Relative strength index, scaled to [-1, 1]: (G - L) / (G + L) of Wilder's averages of gains and losses; 0 without any. */
export function rsi(period: number): Node {
  return defineNode(`rsi(${period})`, after([wilder(gain, period)]), (stage) => {
    const gains = stage.use(wilder(gain, period));
    const losses = stage.use(wilder(loss, period));
    const out = stage.reserve(1);
    stage.onBar((s) => {
      const up = at64(s, gains);
      const down = at64(s, losses);
      const all = up + down;
      s[out] = all > at64(s, CLOSE) * 2 ** -40 ? (up - down) / all : 0;
    });
    return out;
  });
}

/** MACD line, signal and histogram in price. Both averages of the line begin on the bar on which the slow one's first value is seeded. */
export function macd(kind: 'line' | 'signal' | 'histogram', fast: number, slow: number, signal: number): Node {
  const close = bar('close');
  const line = difference(`macd(${fast},${slow})`, ema(close, fast, slow - fast + 1), ema(close, slow));
  if (kind === 'line') return line;
  const average = ema(line, signal);
  return kind === 'signal' ? average : difference(`macdHistogram(${fast},${slow},${signal})`, line, average);
}

/** (C - average) / ATR; 0 without range. */
export const averageDistance = (average: Node, unit: Node): Node =>
  distance(`distance(${average.key},${unit.key})`, bar('close'), average, unit);

/**
 * Wilder's directional movement: +DI and -DI as shares of the true range, their normalised difference DX with its sign, and ADX, the
 * average of |DX|. All in [0, 1] or [-1, 1]; 0 where the range is. Sums are seeded with one bar less than the period, as in TA-Lib.
 */
export function directional(kind: 'plus' | 'minus' | 'difference' | 'adx', period: number): Node {
  const first = period + 1;
  const base = defineNode(`directional(${period})`, { warmUp: first, recursive: true }, (stage) => {
    const out = stage.reserve(9);
    const ranges = out + 3;
    const pluses = out + 4;
    const minuses = out + 5;
    const before = out + 6;
    stage.onBar((s, count) => {
      const high = at64(s, HIGH);
      const low = at64(s, LOW);
      const close = at64(s, CLOSE);
      if (count > 1) {
        const rise = high - at64(s, before);
        const fall = at64(s, before + 1) - low;
        const last = at64(s, before + 2);
        const range = (high > last ? high : last) - (low < last ? low : last);
        // In the seed values add up; from the period's own bar on the oldest part decays.
        const kept = count <= period ? 1 : 1 - 1 / period;
        s[ranges] = at64(s, ranges) * kept + range;
        s[pluses] = at64(s, pluses) * kept + (rise > fall && rise > 0 ? rise : 0);
        s[minuses] = at64(s, minuses) * kept + (fall > rise && fall > 0 ? fall : 0);
      }
      s[before] = high;
      s[before + 1] = low;
      s[before + 2] = close;
      const unit = at64(s, ranges) > close * 2 ** -40 ? at64(s, ranges) : 0;
      const plus = at64(s, pluses);
      const minus = at64(s, minuses);
      s[out] = quotient(plus, unit);
      s[out + 1] = quotient(minus, unit);
      s[out + 2] = unit === 0 ? 0 : quotient(plus - minus, plus + minus);
    });
    return out;
  });
  if (kind === 'adx') {
    const strength = defineNode(`directionalStrength(${period})`, after([base]), (stage) => {
      const input = stage.use(base) + 2;
      const out = stage.reserve(1);
      stage.onBar((s) => {
        s[out] = Math.abs(at64(s, input));
      });
      return out;
    });
    return wilder(strength, period);
  }
  return output(base, ['plus', 'minus', 'difference'].indexOf(kind), kind);
}
