import { at64 } from '../../core/index.ts';
import { bar, CLOSE, defineNode, derive1, HIGH, LOW, type Node, ring } from '../program.ts';

/** Exponential moving average, α = 2 / (period + 1), begun at the first value. */
export const ema = (source: Node, period: number): Node =>
  smooth(`ema(${source.key},${period})`, source, 2 / (period + 1));

/** Wilder's average, α = 1 / period (New Concepts in Technical Trading Systems, 1978), begun at the first value. */
export const wilder = (source: Node, period: number): Node =>
  smooth(`wilder(${source.key},${period})`, source, 1 / period);

/** Close of the bar before; the open on the first bar. */
const previousClose: Node = defineNode('previousClose', (stage) => {
  const close = stage.use(ring(bar('close')));
  const open = stage.use(bar('open'));
  const { mask } = stage;
  const out = stage.reserve(1);
  stage.onBar((s, count) => {
    s[out] = count > 1 ? at64(s, close + ((count - 1) & mask)) : at64(s, open);
  });
  return out;
});

/** max(high, previous close) - min(low, previous close). */
export const trueRange: Node = defineNode('trueRange', (stage) => {
  const previous = stage.use(previousClose);
  const out = stage.reserve(1);
  stage.onBar((s) => {
    const before = at64(s, previous);
    s[out] = Math.max(at64(s, HIGH), before) - Math.min(at64(s, LOW), before);
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
  defineNode(`atrUnit(${period})`, (stage) => {
    const input = stage.use(atr(period));
    const out = stage.reserve(1);
    stage.onBar((s) => {
      const value = at64(s, input);
      s[out] = value > at64(s, CLOSE) * 2 ** -40 ? value : 0;
    });
    return out;
  });

/** a / b, and 0 where b is 0. */
export const quotient = (a: number, b: number): number => (b === 0 ? 0 : a / b);

/** Relative strength index, scaled to [-1, 1]: (G - L) / (G + L) of Wilder's averages of gains and losses; 0 without any. */
export function rsi(period: number): Node {
  return defineNode(`rsi(${period})`, (stage) => {
    const gains = stage.use(wilder(gain, period));
    const losses = stage.use(wilder(loss, period));
    const out = stage.reserve(1);
    stage.onBar((s) => {
      const up = at64(s, gains);
      const down = at64(s, losses);
      s[out] = quotient(up - down, up + down);
    });
    return out;
  });
}

/** Close minus close of the bar before. */
const change: Node = defineNode('change', (stage) => {
  const previous = stage.use(previousClose);
  const out = stage.reserve(1);
  stage.onBar((s, count) => {
    s[out] = count > 1 ? at64(s, CLOSE) - at64(s, previous) : 0;
  });
  return out;
});
const gain = derive1('gain', change, (value) => Math.max(value, 0));
const loss = derive1('loss', change, (value) => Math.max(-value, 0));

/** MACD line, signal and histogram in price. */
export function macd(kind: 'line' | 'signal' | 'histogram', fast: number, slow: number, signal: number): Node {
  const close = bar('close');
  const line = defineNode(`macd(${fast},${slow})`, (stage) => {
    const short = stage.use(ema(close, fast));
    const long = stage.use(ema(close, slow));
    const out = stage.reserve(1);
    stage.onBar((s) => {
      s[out] = at64(s, short) - at64(s, long);
    });
    return out;
  });
  if (kind === 'line') return line;
  const average = ema(line, signal);
  if (kind === 'signal') return average;
  return defineNode(`macdHistogram(${fast},${slow},${signal})`, (stage) => {
    const value = stage.use(line);
    const mean = stage.use(average);
    const out = stage.reserve(1);
    stage.onBar((s) => {
      s[out] = at64(s, value) - at64(s, mean);
    });
    return out;
  });
}

/**
 * Wilder's directional movement: +DI and -DI as shares of the true range, their normalised difference DX with its sign, and ADX, the
 * average of |DX|. All in [0, 1] or [-1, 1]; 0 where the range is.
 */
export function directional(kind: 'plus' | 'minus' | 'difference' | 'adx', period: number): Node {
  const base = defineNode(`directional(${period})`, (stage) => {
    const high = stage.use(ring(bar('high')));
    const low = stage.use(ring(bar('low')));
    const range = stage.use(atrUnit(period));
    const { mask } = stage;
    const out = stage.reserve(6);
    const alpha = 1 / period;
    stage.onBar((s, count) => {
      const before = (count - 1) & mask;
      const rise = count > 1 ? at64(s, HIGH) - at64(s, high + before) : 0;
      const fall = count > 1 ? at64(s, low + before) - at64(s, LOW) : 0;
      const plusMove = rise > fall && rise > 0 ? rise : 0;
      const minusMove = fall > rise && fall > 0 ? fall : 0;
      const plus = at64(s, out + 4) + alpha * (plusMove - at64(s, out + 4));
      const minus = at64(s, out + 5) + alpha * (minusMove - at64(s, out + 5));
      const unit = at64(s, range);
      const difference = unit === 0 ? 0 : quotient(plus - minus, plus + minus);
      s[out] = quotient(plus, unit);
      s[out + 1] = quotient(minus, unit);
      s[out + 2] = difference;
      s[out + 3] = count === 1 ? 0 : at64(s, out + 3) + alpha * (Math.abs(difference) - at64(s, out + 3));
      s[out + 4] = plus;
      s[out + 5] = minus;
    });
    return out;
  });
  const offset = ['plus', 'minus', 'difference', 'adx'].indexOf(kind);
  return defineNode(`${kind}(${period})`, (stage) => stage.use(base) + offset);
}

function smooth(key: string, source: Node, alpha: number): Node {
  return defineNode(key, (stage) => {
    const input = stage.use(source);
    const out = stage.reserve(1);
    stage.onBar((s, count) => {
      const value = at64(s, input);
      const average = at64(s, out);
      s[out] = count === 1 ? value : average + alpha * (value - average);
    });
    return out;
  });
}
