import { type Clock, type Log, MINUTE_MS, messageOf, milliseconds, waitReal } from '../../../core/index.ts';
import { type BinanceUsdmSession, VenueAnswerError } from '../../../data/index.ts';
import type { VenueEvent, VenueFill, VenueOrder } from './account-client.ts';
import { type PaidFill, readAlgoUpdate, readMessage, readOrderUpdate, wordsOf } from './binance-usdm-words.ts';

/** Market time between two prolongations of a listen key, which lives for an hour, and until the next try where one failed. */
const PROLONG_EVERY_MS = milliseconds(20 * MINUTE_MS);
const PROLONG_AGAIN_MS = milliseconds(MINUTE_MS);
/** Real time before a stream is opened again, doubled with each failure in a row. */
const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 30_000;
/** A stream that held for so long, real time, was no failure. */
const SOUND_AFTER_MS = 60_000;
/** Triggered conditional orders of which it is remembered which order they became. */
const MOST_TRIGGERED = 1_000;

interface UserStreamOptions {
  readonly session: BinanceUsdmSession;
  readonly clock: Clock;
  readonly log: Log;
  /** What an execution costs in the quote currency. */
  readonly fillOf: (paid: PaidFill) => VenueFill;
  readonly listener: (event: VenueEvent) => void;
  readonly signal: AbortSignal;
}

/**
 * Keeps an account's stream open until the signal aborts, under new listen keys as they run out.
 * @returns once the first attempt has succeeded, or failed and been told as `disconnected`; the attempts go on.
 */
export function keepUserStream(options: UserStreamOptions): Promise<void> {
  const { session, clock, log, signal } = options;
  const readEvents = userEvents(options.fillOf);
  const tell = (event: VenueEvent) => {
    try {
      options.listener(event);
    } catch (error) {
      log.error({ event: event.kind, error: messageOf(error) }, 'an event of the account could not be taken');
    }
  };
  return new Promise((attempted) => {
    void (async () => {
      for (let failures = 0; !signal.aborted; failures++) {
        const startedAt = clock.elapsed();
        const cause = await attempt();
        if (signal.aborted) break;
        if (clock.elapsed() - startedAt > SOUND_AFTER_MS) failures = 0;
        log.warn({ cause }, `the account's stream at ${session.address} ended; it is opened again`);
        tell({ kind: 'disconnected', cause });
        attempted();
        await waitReal(Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** failures), signal);
      }
      attempted();
    })();

    /** One stream, from its listen key to its end. @returns why it ended. */
    async function attempt(): Promise<string> {
      const ending = new AbortController();
      const either = AbortSignal.any([signal, ending.signal]);
      let cause: string | undefined;
      const end = (why: string) => {
        cause = why;
        ending.abort();
      };
      try {
        const listenKey = await session.listenKey('POST');
        void prolong(listenKey, either, end);
        const told = await session.stream(
          listenKey,
          {
            onOpen() {
              tell({ kind: 'connected' });
              attempted();
            },
            onMessage(message) {
              try {
                const events = readEvents(message);
                if (events === 'expired') end('its listen key has run out');
                else events.forEach(tell);
              } catch (error) {
                // Something happened that only asking can tell now, as after any other interruption.
                end(`a message is not understood: ${wordsOf(error)}`);
              }
            },
          },
          either,
        );
        return cause ?? told;
      } catch (error) {
        return messageOf(error);
      } finally {
        ending.abort();
      }
    }

    async function prolong(listenKey: string, until: AbortSignal, end: (why: string) => void): Promise<void> {
      let waitMs = PROLONG_EVERY_MS;
      for (;;) {
        await clock.sleep(waitMs, until);
        if (until.aborted) return;
        try {
          if ((await session.listenKey('PUT')) !== listenKey) end('the account has another listen key now');
          waitMs = PROLONG_EVERY_MS;
        } catch (error) {
          if (error instanceof VenueAnswerError) end(error.detail);
          else waitMs = PROLONG_AGAIN_MS;
        }
      }
    }
  });
}

/**
 * Turns messages into events. The order that a conditional one became may have a client id of the venue's own: its events are told
 * under the conditional order's id, as soon as the venue has named the two together.
 */
export function userEvents(fillOf: UserStreamOptions['fillOf']): (raw: unknown) => readonly VenueEvent[] | 'expired' {
  const triggered = new Map<string, string>();
  return (raw) => {
    const message = readMessage(raw);
    switch (message.kind) {
      case 'expired':
        return 'expired';
      case 'other':
        return [];
      case 'algo': {
        const { order, actualOrderId } = readAlgoUpdate(message.body, message.time);
        if (actualOrderId !== undefined) {
          triggered.set(actualOrderId, order.clientOrderId);
          const [oldest] = triggered.keys();
          if (triggered.size > MOST_TRIGGERED && oldest !== undefined) triggered.delete(oldest);
        }
        return [{ kind: 'order', order }];
      }
      case 'order': {
        const { order, paid } = readOrderUpdate(message.body);
        const conditionalId = triggered.get(order.venueId);
        const told = conditionalId === undefined ? order : asConditional(order, conditionalId);
        // What filled goes first: that an order is filled follows from its executions.
        const fill = paid && { ...fillOf(paid), clientOrderId: told.clientOrderId };
        return [...(fill ? [{ kind: 'fill', fill } as const] : []), { kind: 'order', order: told }];
      }
    }
  };
}

/** An order under the name of the conditional one that became it. */
export const asConditional = (made: VenueOrder, clientOrderId: string): VenueOrder => ({
  ...made,
  clientOrderId,
  isConditional: true,
  status: made.status === 'ACCEPTED' ? 'TRIGGERED' : made.status,
});
