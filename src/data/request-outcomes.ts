import { type Clock, MINUTE_MS } from '../core/index.ts';

/** Real time that is looked back over. */
const WINDOW_MS = 5 * MINUTE_MS;

/** How requests to a venue went over the last five minutes of real time. */
export class RequestOutcomes {
  readonly #clock: Pick<Clock, 'elapsed'>;
  #outcomes: { readonly at: number; readonly isFailure: boolean }[] = [];

  constructor(clock: Pick<Clock, 'elapsed'>) {
    this.#clock = clock;
  }

  record(isFailure: boolean): void {
    this.#outcomes.push({ at: this.#clock.elapsed(), isFailure });
  }

  recent(): { readonly all: number; readonly failed: number } {
    const from = this.#clock.elapsed() - WINDOW_MS;
    this.#outcomes = this.#outcomes.filter(({ at }) => at > from);
    return { all: this.#outcomes.length, failed: this.#outcomes.filter(({ isFailure }) => isFailure).length };
  }
}
