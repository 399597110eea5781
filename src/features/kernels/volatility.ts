import { at64, atInt32 } from '../../core/index.ts';
import { after, bar, CLOSE, defineNode, HIGH, LOW, logReturn, type Node, OPEN } from '../program.ts';
import { atrUnit, trueRange } from './averages.ts';
import { balance, ratio, root } from './combine.ts';
import { realisedVolatility, scaled } from './returns.ts';
import { extreme, lagged, percentile, returnSum, windowMean, windowSum } from './windows.ts';

/** Logs of the newest bar: ln(H/L), ln(C/O), ln(H/C)·ln(H/O) + ln(L/C)·ln(L/O). */
const barLogs: Node = defineNode('barLogs', { warmUp: 1 }, (stage) => {
  const out = stage.reserve(3);
  stage.onBar((s) => {
    const open = at64(s, OPEN);
    const close = at64(s, CLOSE);
    const up = Math.log(at64(s, HIGH) / open);
    const down = Math.log(at64(s, LOW) / open);
    const body = Math.log(close / open);
    const range = up - down;
    s[out] = range * range;
    s[out + 1] = 0.5 * range * range - (2 * Math.LN2 - 1) * body * body;
    s[out + 2] = up * (up - body) + down * (down - body);
  });
  return out;
});
const barTerm = (name: string, index: number): Node =>
  defineNode(`barLogs.${name}`, barLogs, (stage) => stage.use(barLogs) + index);
/** ln(H/L)² of a bar. */
const squaredRange = barTerm('squaredRange', 0);
const garmanKlassTerm = barTerm('garmanKlass', 1);
const rogersSatchellTerm = barTerm('rogersSatchell', 2);

/** Parkinson 1980: root of mean ln(H/L)² / (4 ln 2), per bar. */
export const parkinson = (window: number): Node =>
  root(`parkinson(${window})`, windowSum(squaredRange, window), 1 / (4 * Math.LN2 * window));

/** Garman and Klass 1980: root of mean of ln(H/L)²/2 - (2 ln 2 - 1) ln(C/O)², per bar, at least 0. */
export const garmanKlass = (window: number): Node =>
  root(`garmanKlass(${window})`, windowSum(garmanKlassTerm, window), 1 / window);

/** Rogers and Satchell 1991: root of mean of ln(H/C) ln(H/O) + ln(L/C) ln(L/O), per bar: not moved by a trend. */
export const rogersSatchell = (window: number): Node =>
  root(`rogersSatchell(${window})`, windowSum(rogersSatchellTerm, window), 1 / window);

/** ATR / C. */
export const natr = (period: number): Node => ratio(`natr(${period})`, atrUnit(period), bar('close'));

/** Standard deviation of |r| over mean |r|: how uneven the size of moves is. */
export const volatilityOfVolatility = (window: number): Node => {
  const sums = [returnSum('square', window), returnSum('absolute', window)] as const;
  return defineNode(`volOfVol(${window})`, after(sums), (stage) => {
    const squares = stage.use(sums[0]);
    const absolutes = stage.use(sums[1]);
    const out = stage.reserve(1);
    stage.onBar((s) => {
      const absolute = at64(s, absolutes);
      s[out] = absolute === 0 ? 0 : Math.sqrt(Math.max(0, (window * at64(s, squares)) / (absolute * absolute) - 1));
    });
    return out;
  });
};

/** Share of the last `window` bars whose realised volatility over `over` bars was below today's, ties counting half. Needs over + window bars. */
export const volatilityPercentile = (over: number, window: number): Node =>
  percentile(realisedVolatility(over), window);

/** The newest true range against the mean of the window's, as (a - b) / (a + b). Needs window + 1 bars. */
export const rangeExpansion = (short: number, long: number): Node =>
  balance(`rangeExpansion(${short},${long})`, windowMean(trueRange, short), windowMean(trueRange, long));

/**
 * Choppiness (Dreiss): log of the path of true ranges over the span they covered, over the log of the window; 0 a straight line,
 * 1 no progress at all. 0 in a flat window. Needs window + 1 bars.
 */
export const choppiness = (window: number): Node => {
  const sources = [windowSum(trueRange, window), extreme('highest', window), extreme('lowest', window)] as const;
  return defineNode(`choppiness(${window})`, after(sources), (stage) => {
    const path = stage.use(sources[0]);
    const high = stage.use(sources[1]);
    const low = stage.use(sources[2]);
    const out = stage.reserve(1);
    stage.onBar((s) => {
      const span = at64(s, high) - at64(s, low);
      s[out] = span === 0 ? 0 : Math.log(Math.max(1, at64(s, path) / span)) / Math.log(window);
    });
    return out;
  });
};

/** Largest fall from a close to a later one within the window, as a log change, at most 0, in units of its expected size. */
export const scaledDrawdown = (window: number, over: number): Node =>
  scaled(`scaledDrawdown(${window},${over})`, largestFall(window), window, over);

/**
 * The lowest sum of successive log returns within the window, at most 0. In blocks, like sums: of the newest returns, of the oldest from their place on, or
 * of the lowest end of these and the lowest beginning of those together. Needs window + 1 bars.
 */
const largestFall = (window: number): Node =>
  defineNode(`largestFall(${window})`, after([logReturn], window), (stage) => {
    const input = stage.use(logReturn);
    const { places } = stage;
    const index = stage.place(window);
    const out = stage.reserve(5);
    const values = stage.reserveArray(window);
    const lowestEnds = stage.reserveArray(window);
    stage.onBar((s) => {
      const r = at64(s, input);
      const place = atInt32(places, index);
      // Of the block in the making: sum, lowest beginning, lowest end, lowest of all.
      const sum = place === 0 ? r : at64(s, out + 1) + r;
      const beginning = Math.min(place === 0 ? 0 : at64(s, out + 2), sum);
      const end = Math.min(0, (place === 0 ? 0 : at64(s, out + 3)) + r);
      const lowest = Math.min(place === 0 ? 0 : at64(s, out + 4), end);
      s[out + 1] = sum;
      s[out + 2] = beginning;
      s[out + 3] = end;
      s[out + 4] = lowest;
      s[values + place] = r;
      const now = place + 1;
      if (now < window) {
        s[out] = Math.min(lowest, at64(s, values + now), at64(s, lowestEnds + now) + beginning);
        return;
      }
      s[out] = lowest;
      // Of the full block from each place on: the lowest of all, and the lowest sum that ends with the block.
      let from = 0;
      let lowestEnd = 0;
      let start = 0;
      let all = 0;
      for (let k = window - 1; k >= 0; k--) {
        const one = at64(s, values + k);
        from += one;
        lowestEnd = Math.min(lowestEnd, from);
        start = Math.min(0, one + start);
        all = Math.min(all, start);
        s[values + k] = all;
        s[lowestEnds + k] = lowestEnd;
      }
    });
    return out;
  });

/** The newest return in units of the volatility of the window before it: a jump stands out. Needs window + 2 bars. */
export const surprise = (window: number): Node =>
  ratio(
    `surprise(${window})`,
    logReturn,
    root(`before(${window})`, lagged(returnSum('square', window), 1), 1 / window),
  );
