import { type ChildProcess, fork } from 'node:child_process';
import { bundle } from '../support/bundle.ts';

/** Chances that a process kills or stops itself at a point. */
interface Hazard {
  readonly kill?: number;
  readonly stop?: number;
}

export interface BookProcessOptions {
  readonly databaseUrl: string;
  readonly exchangeUrl: string;
  readonly credentials: { readonly key: string; readonly secret: string };
  readonly positionMode: 'one-way' | 'hedge';
  /** Of the strategies: the same for all processes of a book. */
  readonly seed: string;
  /** Tells apart the chances of the processes of a book. */
  readonly incarnation: number;
  /** Just after a commit with orders to send, and just after a request was signed. */
  readonly hazards: { readonly committed?: Hazard; readonly signed?: Hazard };
}

/** `go` starts the book, `calm` ends the hazards, `finish` ends the book once all has come to rest. */
export type BookProcessRequest = 'go' | 'calm' | 'finish';

export type BookProcessReport =
  | { readonly kind: 'ready' | 'running' | 'stopping' }
  | { readonly kind: 'failed'; readonly message: string }
  | { readonly kind: 'finished'; readonly differences: string };

let program: Promise<string> | undefined;

/** A book in a process of its own, seen from outside. */
export class BookProcess {
  readonly #child: ChildProcess;
  readonly #waiting: (() => void)[] = [];
  state: 'starting' | 'ready' | 'running' | 'stopped' | 'finished' | 'gone' = 'starting';
  /** Whether it was let go on after it had been stopped. */
  isContinued = false;
  failure: string | undefined;
  differences: string | undefined;

  private constructor(file: string, options: BookProcessOptions) {
    this.#child = fork(file, [JSON.stringify(options)], { execArgv: [] });
    this.#child.on('message', (message) => this.#hear(message as BookProcessReport));
    this.#child.on('exit', () => this.#become('gone'));
  }

  /** Starts one, which waits for `go`. */
  static async start(options: BookProcessOptions): Promise<BookProcess> {
    program ??= bundle('test/orders/book-process.ts');
    return new BookProcess(await program, options);
  }

  request(request: BookProcessRequest): void {
    if (this.state !== 'gone') this.#child.send(request, () => undefined);
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  /** Also one that has stopped itself. */
  stop(): void {
    this.#child.kill('SIGSTOP');
    this.#become('stopped');
  }

  continue(): void {
    this.isContinued = true;
    this.#child.kill('SIGCONT');
  }

  /** Resolves once `holds`; false where it does not within the time, or any more. */
  async waitFor(holds: (process: BookProcess) => boolean, patienceMs = 30_000): Promise<boolean> {
    const end = performance.now() + patienceMs;
    while (!holds(this)) {
      const left = end - performance.now();
      if (left <= 0 || this.state === 'gone') return holds(this);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#waiting.push(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
    return true;
  }

  #hear(message: BookProcessReport): void {
    if (message.kind === 'failed') this.failure = message.message;
    else if (message.kind === 'stopping') this.stop();
    else {
      if (message.kind === 'finished') this.differences = message.differences;
      this.#become(message.kind);
    }
  }

  #become(state: BookProcess['state']): void {
    if (this.state !== 'gone') this.state = state;
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}
