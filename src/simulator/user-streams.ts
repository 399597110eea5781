import { randomBytes } from 'node:crypto';
import { type EpochMs, epochMs, HOUR_MS, type SymbolId } from '../core/index.ts';
import type { FaultBoard } from './fault-board.ts';

/** Market time for which a listen key is valid unless it is kept alive. */
const KEY_LIFE_MS = HOUR_MS;

interface ListenKey {
  readonly name: string;
  readonly accountKey: string;
  expiresAt: EpochMs;
  /** A message kept back until its successor has gone out. */
  held: string | undefined;
}

/** Streams of what happens to an account, each under a listen key that has to be kept alive. */
export class UserStreams {
  readonly #faults: FaultBoard;
  readonly #send: (name: string, payload: string) => void;
  readonly #byAccount = new Map<string, ListenKey>();

  constructor(faults: FaultBoard, send: (name: string, payload: string) => void) {
    this.#faults = faults;
    this.#send = send;
  }

  /** The account's listen key, valid for an hour from now: the one it has, or a new one. */
  open(accountKey: string, now: EpochMs): string {
    let key = this.#byAccount.get(accountKey);
    if (!key) {
      key = { name: randomBytes(32).toString('hex'), accountKey, expiresAt: now, held: undefined };
      this.#byAccount.set(accountKey, key);
    }
    key.expiresAt = epochMs(now + KEY_LIFE_MS);
    return key.name;
  }

  has(accountKey: string): boolean {
    return this.#byAccount.has(accountKey);
  }

  close(accountKey: string): void {
    this.#byAccount.delete(accountKey);
  }

  /** Ends the keys whose time is over; `farewell` is the last message of each. */
  expire(now: EpochMs, farewell: (name: string) => string): void {
    for (const key of this.#byAccount.values()) {
      if (now < key.expiresAt) continue;
      this.#send(key.name, farewell(key.name));
      this.#byAccount.delete(key.accountKey);
    }
  }

  /** Sends what happened to an account about `symbol`, as the faults in force let it. */
  tell(accountKey: string, symbol: SymbolId | undefined, payload: string, now: EpochMs): void {
    const key = this.#byAccount.get(accountKey);
    if (!key) return;
    const { withheld, copies, afterSuccessor } = this.#faults.userEvent(symbol, now);
    if (withheld) return;
    if (afterSuccessor && key.held === undefined) {
      key.held = payload;
      return;
    }
    for (let i = 0; i < copies; i++) this.#send(key.name, payload);
    this.#release(key);
  }

  /** Sends what was kept back and had no successor. */
  flush(): void {
    for (const key of this.#byAccount.values()) this.#release(key);
  }

  #release(key: ListenKey): void {
    if (key.held === undefined) return;
    this.#send(key.name, key.held);
    key.held = undefined;
  }
}
