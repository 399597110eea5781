import { type Log, messageOf } from '../core/index.ts';

/** Work beside the minutes of a book: what fails is reported, and the book goes on. */
export class BackgroundTasks {
  readonly #signal: AbortSignal;
  readonly #log: Log;
  readonly #notify: (text: string) => void;
  readonly #running = new Set<Promise<void>>();

  /** @param signal once it aborts, failures are of no interest */
  constructor(signal: AbortSignal, log: Log, notify: (text: string) => void) {
    this.#signal = signal;
    this.#log = log;
    this.#notify = notify;
  }

  /** Resolves when the work has ended, also when it failed. */
  run(task: string, work: () => Promise<void>): Promise<void> {
    const running = work()
      .catch((error: unknown) => {
        if (this.#signal.aborted) return;
        this.#log.error({ task, error: messageOf(error) }, 'background work failed');
        this.#notify(`${task} failed: ${messageOf(error)}`);
      })
      .finally(() => this.#running.delete(running));
    this.#running.add(running);
    return running;
  }

  /** Resolves when everything that is under way has ended. */
  async settled(): Promise<void> {
    await Promise.all(this.#running);
  }
}
