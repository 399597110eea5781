import { createHash } from 'node:crypto';
import {
  DAY_MS,
  type EpochMs,
  type FeaturePanel,
  type FundingRates,
  type Horizon,
  type Instrument,
  type StepRecord,
  type SymbolId,
} from '../core/index.ts';
import type { ModelEvidence } from '../signals/index.ts';
import { type BetweenInputs, encodeStepInputs, type KnownRate, type MinuteInputs } from './step-inputs.ts';

/** What is the same in many minutes, as it stands in one. */
export interface SharedInputs {
  readonly instruments: ReadonlyMap<SymbolId, Instrument>;
  readonly fundingRates: ReadonlyMap<SymbolId, number> | undefined;
  readonly evidence: ModelEvidence | undefined;
  readonly edgeReference: Readonly<Partial<Record<Horizon, readonly number[]>>> | undefined;
}

type WithoutTexts<Inputs> = Inputs extends unknown ? Omit<Inputs, 'settings' | 'instruments'> : never;
/** What changed a book between two minutes, without what every step names. */
export type BetweenCause = WithoutTexts<BetweenInputs>;

/**
 * Writes down what each step of a book is made of. Texts that many steps have in common are handed over once a UTC day, and named by
 * digest.
 */
export class StepRecorder {
  readonly #universe: readonly SymbolId[];
  readonly #settings: string;
  /** The UTC day of the last step that handed a text over, by digest. */
  readonly #handedOver = new Map<string, number>();
  readonly #texts = new WeakMap<object, string>();

  /** @param settings what decisions are made with, as text */
  constructor(universe: readonly SymbolId[], settings: string) {
    this.#universe = universe;
    this.#settings = settings;
  }

  minute(
    minute: EpochMs,
    inputs: Omit<MinuteInputs, 'kind' | 'settings' | keyof SharedInputs>,
    shared: SharedInputs,
    bookState: string,
  ): StepRecord {
    const { fundingRates, evidence, edgeReference } = shared;
    const texts = new Map<string, string>();
    const name = (text: string) => this.#name(text, minute, texts);
    const encoded = encodeStepInputs({
      kind: 'minute',
      settings: name(this.#settings),
      instruments: name(this.#instruments(shared.instruments)),
      ...(fundingRates ? { fundingRates: name(JSON.stringify([...fundingRates])) } : {}),
      ...(evidence ? { evidence: name(this.#once(evidence, JSON.stringify)) } : {}),
      ...(edgeReference ? { edgeReference: name(this.#once(edgeReference, JSON.stringify)) } : {}),
      ...inputs,
    });
    return { inputs: encoded, stateDigest: digestOf(bookState), texts };
  }

  /** @param minute the last one decided */
  between(
    minute: EpochMs,
    cause: BetweenCause,
    instruments: ReadonlyMap<SymbolId, Instrument>,
    bookState: string,
  ): StepRecord {
    const texts = new Map<string, string>();
    const name = (text: string) => this.#name(text, minute, texts);
    const settings = name(this.#settings);
    const inputs: BetweenInputs =
      cause.kind === 'events'
        ? { ...cause, settings, instruments: name(this.#instruments(instruments)) }
        : { ...cause, settings };
    return { inputs: encodeStepInputs(inputs), stateDigest: digestOf(bookState), texts };
  }

  /** Those that the book can have to do with; the others are of no minute. */
  #instruments(instruments: ReadonlyMap<SymbolId, Instrument>): string {
    return this.#once(instruments, () =>
      JSON.stringify(this.#universe.flatMap((symbol) => instruments.get(symbol) ?? [])),
    );
  }

  #once<Value extends object>(value: Value, encode: (value: Value) => string): string {
    const known = this.#texts.get(value) ?? encode(value);
    this.#texts.set(value, known);
    return known;
  }

  #name(text: string, minute: EpochMs, texts: Map<string, string>): string {
    const digest = digestOf(text);
    const day = Math.floor(minute / DAY_MS);
    if (this.#handedOver.get(digest) !== day) texts.set(digest, text);
    this.#handedOver.set(digest, day);
    return digest;
  }
}

/** Names a text, also one of a state: SHA-256. */
export const digestOf = (text: string): string => createHash('sha256').update(text).digest('base64url');

/** Names the rows of a panel, to the bit. */
export function digestOfPanel({ symbols, values }: FeaturePanel): string {
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  return createHash('sha256').update(symbols.join(' ')).update(bytes).digest('base64url');
}

/** Rates settled after `after`, of each symbol oldest first. */
export const ratesAfter = (known: ReadonlyMap<SymbolId, FundingRates>, after: number): KnownRate[] =>
  [...known].flatMap(([symbol, { times, rates }]) =>
    Array.from(times, (time, index): KnownRate => [symbol, time as EpochMs, rates[index] ?? Number.NaN]).filter(
      ([, time]) => time > after,
    ),
  );
