import type { CandleCommit, FinalCandle, Instrument, Journal, StepRecord, SymbolId } from '../../src/core/index.ts';
import type { BookState } from '../../src/engine/book-state.ts';
import { encodeBookState } from '../../src/engine/book-state-text.ts';
import { type DecideSettings, decide } from '../../src/engine/decide.ts';
import { decideInputOf, retakeBetween } from '../../src/engine/retake-step.ts';
import { parseStepInputs } from '../../src/engine/step-inputs.ts';
import { digestOf } from '../../src/engine/step-recorder.ts';

/**
 * A journal that takes every step once more from what is recorded of it before it is committed.
 * @throws Error where the book's state comes out otherwise
 */
export function retakingJournal(
  journal: Journal,
  start: BookState,
  settings: DecideSettings,
  instruments: ReadonlyMap<SymbolId, Instrument>,
): Journal {
  let state = start;
  let candles: readonly FinalCandle[] = [];
  const goOn = (next: BookState, { stateDigest, inputs }: StepRecord) => {
    if (digestOf(encodeBookState(next)) !== stateDigest) throw new Error(`a replay comes to another state: ${inputs}`);
    state = next;
  };
  const between = (step: StepRecord) => {
    const inputs = parseStepInputs(step.inputs);
    if (inputs.kind === 'minute') throw new Error('a minute between two minutes');
    goOn(retakeBetween(state, inputs, instruments, settings).state, step);
  };
  return {
    ...journal,
    commitCandles: async (arrived): Promise<CandleCommit> => {
      candles = arrived;
      return journal.commitCandles(arrived);
    },
    commitCycle: async (record) => {
      const { minute, members, excluded, step } = record;
      const inputs = parseStepInputs(step.inputs);
      if (inputs.kind !== 'minute') throw new Error('no minute');
      const own = new Map(
        candles.filter(({ openTime }) => openTime === minute - 60_000).map((each) => [each.symbol, each]),
      );
      const stored = { minute, members, excluded, candles: own, forecasts: [], instruments };
      goOn(decide(state, decideInputOf(inputs, stored), settings).state, step);
      await journal.commitCycle(record);
    },
    commitEvents: async (record) => {
      between(record.step);
      await journal.commitEvents(record);
    },
    commitCommands: async (record) => {
      between(record.step);
      await journal.commitCommands(record);
    },
  };
}
