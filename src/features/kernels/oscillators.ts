import { at64 } from '../../core/index.ts';
import { after, CLOSE, defineNode, HIGH, LOW, type Node, output } from '../program.ts';
import { atrUnit, ema, gain, loss, rsi } from './averages.ts';
import { balance, distance, quotient } from './combine.ts';
import { typicalPrice } from './position.ts';
import { windowMean, windowSum } from './windows.ts';

/** Place of the newest RSI within the range of the window's (Chande and Kroll 1994), -1 to 1; 0 where they are equal. */
export const stochasticRsi = (period: number, window: number): Node => {
  const source = rsi(period);
  return defineNode(`stochasticRsi(${period},${window})`, after([source], window), (stage) => {
    const { base, mask } = stage.ring(source, window);
    const out = stage.reserve(1);
    stage.onBar((s, count) => {
      const now = at64(s, base + (count & mask));
      let low = now;
      let high = now;
      for (let k = 1; k < window; k++) {
        const value = at64(s, base + ((count - k) & mask));
        if (value < low) low = value;
        if (value > high) high = value;
      }
      // Closer together than rounding can tell: no range.
      s[out] = high - low > 2 ** -30 ? (now - low - (high - now)) / (high - low) : 0;
    });
    return out;
  });
};

/** Buying pressure C - min(L, C₋₁) of a bar, and its true range. */
const pressure: Node = defineNode('pressure', { warmUp: 2 }, (stage) => {
  const out = stage.reserve(3);
  stage.onBar((s, count) => {
    const c = at64(s, CLOSE);
    const before = count === 1 ? c : at64(s, out + 2);
    const low = Math.min(at64(s, LOW), before);
    s[out] = c - low;
    s[out + 1] = Math.max(at64(s, HIGH), before) - low;
    s[out + 2] = c;
  });
  return out;
});

/** Ultimate oscillator (Williams 1976), scaled to [-1, 1]: weights 4, 2, 1 of ΣBP/ΣTR over three windows; a window without range counts as 0. */
export const ultimate = (windows: readonly [number, number, number]): Node => {
  const sums = windows.flatMap((window) => [
    windowSum(output(pressure, 0, 'buying'), window),
    windowSum(output(pressure, 1, 'range'), window),
  ]);
  return defineNode(`ultimate(${windows})`, after(sums), (stage) => {
    const slots = sums.map((sum) => stage.use(sum));
    const out = stage.reserve(1);
    stage.onBar((s) => {
      let value = 0;
      for (let i = 0; i < 3; i++) {
        const bought = at64(s, slots[2 * i] as number);
        const range = at64(s, slots[2 * i + 1] as number);
        value += (4 >> i) * quotient(2 * bought - range, range);
      }
      s[out] = value / 7;
    });
    return out;
  });
};

/** Change of the close and its size, smoothed twice: Blau's true strength index (1991), -1 to 1; 0 without movement. */
export const tsi = (long: number, short: number): Node => {
  const change = defineNode('signedMove', after([gain, loss]), (stage) => {
    const up = stage.use(gain);
    const down = stage.use(loss);
    const out = stage.reserve(2);
    stage.onBar((s) => {
      s[out] = at64(s, up) - at64(s, down);
      s[out + 1] = at64(s, up) + at64(s, down);
    });
    return out;
  });
  const smooth = (source: Node) => ema(ema(source, long), short);
  const parts = [smooth(output(change, 0, 'move')), smooth(output(change, 1, 'size'))] as const;
  return defineNode(`tsi(${long},${short})`, after(parts), (stage) => {
    const move = stage.use(parts[0]);
    const size = stage.use(parts[1]);
    const out = stage.reserve(1);
    stage.onBar((s) => {
      const unit = at64(s, size);
      s[out] = unit > at64(s, CLOSE) * 2 ** -40 ? at64(s, move) / unit : 0;
    });
    return out;
  });
};

/** (H + L) / 2. */
const middle: Node = defineNode('middle', { warmUp: 1 }, (stage) => {
  const out = stage.reserve(1);
  stage.onBar((s) => {
    s[out] = (at64(s, HIGH) + at64(s, LOW)) / 2;
  });
  return out;
});

/** Awesome oscillator (Williams 1998) in ATRs: mean middle of `short` less that of `long` bars; 0 without range. */
export const awesome = (short: number, long: number, atrPeriod: number): Node =>
  distance(
    `awesome(${short},${long},${atrPeriod})`,
    windowMean(middle, short),
    windowMean(middle, long),
    atrUnit(atrPeriod),
  );

/** Chande's momentum oscillator (1994) by plain sums, (ΣG - ΣL) / (ΣG + ΣL), -1 to 1; 0 without movement. Needs window + 1 bars. */
export const momentumBalance = (window: number): Node =>
  balance(`momentumBalance(${window})`, windowSum(gain, window), windowSum(loss, window));

/** Change of the typical price against the bar before. */
export const typicalMoves: Node = defineNode('typicalMoves', after([typicalPrice], 2), (stage) => {
  const price = stage.use(typicalPrice);
  const out = stage.reserve(2);
  stage.onBar((s, count) => {
    const now = at64(s, price);
    s[out] = count === 1 ? 0 : now - at64(s, out + 1);
    s[out + 1] = now;
  });
  return out;
});
