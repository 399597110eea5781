import type { CommandRecord, EventRecord, Instrument, SymbolId } from '../core/index.ts';
import { bookCommands, bookEvents, closePositions, closeUnprotected, haltUnreconciled } from './book-events.ts';
import type { BookState } from './book-state.ts';
import type { DecideInput, DecideSettings } from './decide-types.ts';
import type { BetweenInputs, MinuteInputs } from './step-inputs.ts';

/** What a minute is decided on besides the inputs that were recorded for it. */
export type StoredInputs = Pick<
  DecideInput,
  | 'minute'
  | 'members'
  | 'excluded'
  | 'candles'
  | 'forecasts'
  | 'instruments'
  | 'fundingRates'
  | 'modelEvidence'
  | 'edgeReference'
>;

/** What a recorded minute was decided on. */
export function decideInputOf(inputs: MinuteInputs, stored: StoredInputs): DecideInput {
  return {
    ...stored,
    coverage: inputs.coverage,
    referencesPresent: inputs.referencesPresent,
    modelReason: inputs.modelReason,
    ...(inputs.withheld ? { withheld: new Map(inputs.withheld) } : {}),
    brokerEvents: inputs.events ?? [],
    incomplete: new Set(inputs.incomplete),
    ended: new Set(inputs.ended),
    late: inputs.late,
    entriesBlocked: inputs.entriesBlocked,
    ...(inputs.commands ? { commands: inputs.commands } : {}),
  };
}

/** What a step between two minutes came to: commands order nothing and book nothing. */
export type RetakenStep = { readonly state: BookState } & (
  | { readonly kind: 'commands'; readonly record: Pick<CommandRecord, 'commands' | 'riskEvents'> }
  | { readonly kind: 'events'; readonly record: Omit<EventRecord, 'step'> }
);

/** Takes a recorded step between two minutes once more. */
export function retakeBetween(
  state: BookState,
  inputs: BetweenInputs,
  instruments: ReadonlyMap<SymbolId, Instrument>,
  settings: DecideSettings,
): RetakenStep {
  if (inputs.kind === 'commands') {
    const { state: next, ...record } = bookCommands(state, inputs.commands, inputs.at, settings);
    return { kind: 'commands', state: next, record };
  }
  const { state: next, record } = retakeEvents(state, inputs, instruments, settings);
  return { kind: 'events', state: next, record };
}

function retakeEvents(
  state: BookState,
  inputs: Exclude<BetweenInputs, { readonly kind: 'commands' }>,
  instruments: ReadonlyMap<SymbolId, Instrument>,
  settings: DecideSettings,
) {
  switch (inputs.kind) {
    case 'events':
      return bookEvents(state, inputs.events, instruments, settings);
    case 'unreconciled':
      return haltUnreconciled(state, inputs.at, inputs.text, settings);
    case 'unprotected':
      return closeUnprotected(state, inputs.keys, inputs.at, settings);
    case 'close':
      return closePositions(state, inputs.keys, inputs.at, inputs.reason, settings);
  }
}
