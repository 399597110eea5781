import { at64, DAY_MS, HOUR_MS } from '../../core/index.ts';
import { defineNode, type Node, TIME } from '../program.ts';

/** A value of the bar's close time alone. */
const ofTime = (key: string, compute: (time: number) => number): Node =>
  defineNode(key, (stage) => {
    const out = stage.reserve(1);
    stage.onBar((s) => {
      s[out] = compute(at64(s, TIME));
    });
    return out;
  });

/** Share of a period that has passed at `time`, in [0, 1). `offset` shifts where the period begins. */
const elapsed = (time: number, period: number, offset = 0): number => ((time + offset) % period) / period;

/** 1970-01-01 was a Thursday: three days after a Monday. */
const WEEK_OFFSET = 3 * DAY_MS;
const WEEK_MS = 7 * DAY_MS;
/** Perpetuals of the venue settle funding at 00:00, 08:00 and 16:00 UTC. */
const FUNDING_MS = 8 * HOUR_MS;

export const dayWave = (wave: 'sin' | 'cos', turns = 1): Node =>
  ofTime(`day(${wave},${turns})`, (time) => Math[wave](2 * Math.PI * turns * elapsed(time, DAY_MS)));

export const weekWave = (wave: 'sin' | 'cos'): Node =>
  ofTime(`week(${wave})`, (time) => Math[wave](2 * Math.PI * elapsed(time, WEEK_MS, WEEK_OFFSET)));

/** 1 while `from` <= hour of day (UTC) < `to`. */
export const session = (from: number, to: number): Node =>
  ofTime(`session(${from},${to})`, (time) => {
    const hour = (time % DAY_MS) / HOUR_MS;
    return hour >= from && hour < to ? 1 : 0;
  });

/** 1 on Saturdays and Sundays (UTC). */
export const weekend: Node = ofTime('weekend', (time) => (elapsed(time, WEEK_MS, WEEK_OFFSET) >= 5 / 7 ? 1 : 0));

/** Share of the 8 h funding period that is left, in (0, 1]. */
export const fundingTimeLeft: Node = ofTime('fundingTimeLeft', (time) => 1 - elapsed(time, FUNDING_MS));
