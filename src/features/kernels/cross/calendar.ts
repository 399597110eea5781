import { DAY_MS, HOUR_MS } from '../../../core/index.ts';
import { type CrossNode, defineWideNode } from '../../cross-program.ts';

/** A value of the bar's close time alone: one for the whole panel. */
const ofTime = (key: string, compute: (time: number) => number): CrossNode =>
  defineWideNode(
    key,
    () =>
      ({ time }) =>
        compute(time),
  );

/** Share of a period that has passed at `time`, in [0, 1). `offset` shifts where the period begins. */
const elapsed = (time: number, period: number, offset = 0): number => ((time + offset) % period) / period;

/** 1970-01-01 was a Thursday: three days after a Monday. */
const WEEK_OFFSET = 3 * DAY_MS;
const WEEK_MS = 7 * DAY_MS;
/** Perpetuals of the venue settle funding at 00:00, 08:00 and 16:00 UTC. */
const FUNDING_MS = 8 * HOUR_MS;

export const dayWave = (wave: 'sin' | 'cos', turns = 1): CrossNode =>
  ofTime(`day(${wave},${turns})`, (time) => Math[wave](2 * Math.PI * turns * elapsed(time, DAY_MS)));

export const weekWave = (wave: 'sin' | 'cos', turns = 1): CrossNode =>
  ofTime(`week(${wave},${turns})`, (time) => Math[wave](2 * Math.PI * turns * elapsed(time, WEEK_MS, WEEK_OFFSET)));

/** 1 while `from` <= hour of day (UTC) < `to`. */
export const session = (from: number, to: number): CrossNode =>
  ofTime(`session(${from},${to})`, (time) => {
    const hour = (time % DAY_MS) / HOUR_MS;
    return hour >= from && hour < to ? 1 : 0;
  });

/** 1 on Saturdays and Sundays (UTC). */
export const weekend: CrossNode = ofTime('weekend', (time) => (elapsed(time, WEEK_MS, WEEK_OFFSET) >= 5 / 7 ? 1 : 0));

/** Share of the 8 h funding period that is left, in (0, 1]. */
export const fundingTimeLeft: CrossNode = ofTime('fundingTimeLeft', (time) => 1 - elapsed(time, FUNDING_MS));
