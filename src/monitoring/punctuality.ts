import type { Metrics } from '../core/index.ts';

export interface Punctuality {
  /** Share of the window's cycles that were in time, 0 to 1. */
  readonly share: number;
  readonly cycles: number;
  /** The share is below the threshold, on a window that is full enough to tell. */
  readonly isAlert: boolean;
  /** The alert began or ended with this cycle: say so once. */
  readonly changed: boolean;
}

/** An hour of one-minute cycles. */
const WINDOW = 60;
/** Fewer cycles tell nothing. */
const FEWEST = 10;

/** Watches which share of the last {@link WINDOW} cycles was in time against `alert_threshold`. */
export class PunctualityWatch {
  readonly #threshold: number;
  readonly #metrics: Metrics;
  readonly #inTime: boolean[] = [];
  #isAlert = false;

  constructor(alertThreshold: number, metrics: Metrics) {
    this.#threshold = alertThreshold;
    this.#metrics = metrics;
  }

  record(inTime: boolean): Punctuality {
    this.#inTime.push(inTime);
    if (this.#inTime.length > WINDOW) this.#inTime.shift();
    const cycles = this.#inTime.length;
    const share = this.#inTime.filter(Boolean).length / cycles;
    const isAlert = cycles >= FEWEST && share < this.#threshold;
    const changed = isAlert !== this.#isAlert;
    this.#isAlert = isAlert;
    this.#metrics.gauge('minutehand_cycles_in_time_share', share);
    return { share, cycles, isAlert, changed };
  }
}
