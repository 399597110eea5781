import { z } from 'zod';
import { type Config, parseDecisionConfig } from '../../config/index.ts';
import { epochMs, HORIZON_NAMES, type Instrument, messageOf } from '../../core/index.ts';
import { type Database, readStepText } from '../../database/index.ts';
import { type DecideInput, type DecideSettings, decideSettings, unreadable } from '../../engine/index.ts';
import { missing } from './recorded-past.ts';

/** What decisions were made with. */
export interface RecordedSettings {
  readonly config: Config;
  readonly decide: DecideSettings;
}

type Parts = Pick<DecideInput, 'instruments' | 'modelEvidence' | 'edgeReference'> &
  Required<Pick<DecideInput, 'fundingRates'>>;

/** What many steps have in common, by digest. Every reader throws MinutehandError REPLAY_MISSING, REPLAY_UNREADABLE. */
export class StepTexts {
  readonly settings: (digest: string) => Promise<RecordedSettings>;
  readonly instruments: (digest: string) => Promise<Parts['instruments']>;
  readonly fundingRates: (digest: string) => Promise<Parts['fundingRates']>;
  readonly evidence: (digest: string) => Promise<Parts['modelEvidence']>;
  readonly edgeReference: (digest: string) => Promise<Parts['edgeReference']>;

  constructor(database: Database, book: string) {
    this.settings = reader(database, (text) => {
      const config = parseDecisionConfig(text);
      return { config, decide: decideSettings(config, book) };
    });
    this.instruments = reader(
      database,
      (text) => new Map(INSTRUMENTS.parse(JSON.parse(text)).map((instrument) => [instrument.symbol, instrument])),
    );
    this.fundingRates = reader(database, (text) => new Map(RATES.parse(JSON.parse(text))));
    this.evidence = reader(database, (text) => EVIDENCE.parse(JSON.parse(text)));
    this.edgeReference = reader(database, (text) => EDGES.parse(JSON.parse(text)));
  }
}

/** Reads and parses each text once. */
function reader<Value>(database: Database, parse: (text: string) => Value): (digest: string) => Promise<Value> {
  const known = new Map<string, Promise<Value>>();
  const read = async (digest: string) => {
    const text = await readStepText(database, digest);
    if (text === undefined) throw missing(`what many minutes had in common (${digest})`);
    try {
      return parse(text);
    } catch (error) {
      throw unreadable('what many minutes had in common', messageOf(error));
    }
  };
  return (digest) => {
    const value = known.get(digest) ?? read(digest);
    known.set(digest, value);
    return value;
  };
}

const time = z.number().int().transform(epochMs);
const INSTRUMENTS: z.ZodType<Instrument[]> = z.array(
  z.strictObject({
    venue: z.string(),
    symbol: z.string(),
    base: z.string(),
    quote: z.string(),
    tickSize: z.string(),
    stepSize: z.string(),
    minQuantity: z.string(),
    minNotional: z.string(),
    status: z.enum(['trading', 'halted', 'delisted']),
    listedAt: time.exactOptional(),
    delistedAt: time.exactOptional(),
  }),
);
const RATES = z.array(z.tuple([z.string(), z.number()]));
const figure = z.number().nullable();
const EVIDENCE = z.strictObject({
  modelId: z.string(),
  from: time,
  days: z.number(),
  informationCoefficient: z.strictObject({ value: figure, low: figure, high: figure }),
  isDegraded: z.boolean(),
});
const EDGES = z.partialRecord(z.enum(HORIZON_NAMES), z.array(z.number()));
