import type { Instrument, Log, SymbolId } from '../core/index.ts';
import { type Database, listInstruments, saveInstruments } from '../database/index.ts';
import type { ExchangeGateway } from './exchange-gateway.ts';

export interface InstrumentChanges {
  /** Trading now, and not before. */
  readonly listed: readonly SymbolId[];
  /** Known before, and ended or gone now: positions are closed at the last price. */
  readonly delisted: readonly SymbolId[];
  /** Trading before, and suspended now. */
  readonly halted: readonly SymbolId[];
  /** Same contract, other rules: orders must be rounded to the new ones. */
  readonly tickChanged: readonly {
    readonly symbol: SymbolId;
    readonly before: Instrument;
    readonly after: Instrument;
  }[];
}

/** What became of a venue's instruments between two looks at its list. */
export function compareInstruments(before: readonly Instrument[], after: readonly Instrument[]): InstrumentChanges {
  const earlier = new Map(before.map((instrument) => [instrument.symbol, instrument]));
  const later = new Map(after.map((instrument) => [instrument.symbol, instrument]));
  const isAlive = (instrument: Instrument | undefined) => instrument !== undefined && instrument.status !== 'delisted';
  return {
    listed: after
      .filter(({ symbol, status }) => status === 'trading' && earlier.get(symbol)?.status !== 'trading')
      .map(({ symbol }) => symbol),
    delisted: before.filter((old) => isAlive(old) && !isAlive(later.get(old.symbol))).map(({ symbol }) => symbol),
    halted: after
      .filter(({ symbol, status }) => status === 'halted' && earlier.get(symbol)?.status === 'trading')
      .map(({ symbol }) => symbol),
    tickChanged: after.flatMap((now) => {
      const old = earlier.get(now.symbol);
      return old !== undefined && rulesDiffer(old, now) ? [{ symbol: now.symbol, before: old, after: now }] : [];
    }),
  };
}

/**
 * Reads the venue's list, stores it and reports what changed since the last look. A symbol that is gone from the list is stored as
 * delisted; on a first look nothing has changed.
 */
export async function refreshInstruments(options: {
  readonly gateway: ExchangeGateway;
  readonly database: Database;
  readonly log: Log;
}): Promise<{ readonly instruments: readonly Instrument[]; readonly changes: InstrumentChanges }> {
  const { gateway, database, log } = options;
  const instruments = await gateway.loadInstruments();
  const known = await listInstruments(database, gateway.exchangeId);
  const changes = compareInstruments(known.length === 0 ? instruments : known, instruments);
  const present = new Set(instruments.map(({ symbol }) => symbol));
  const gone = known
    .filter(({ symbol, status }) => status !== 'delisted' && !present.has(symbol))
    .map((instrument): Instrument => ({ ...instrument, status: 'delisted' }));
  await saveInstruments(database, [...instruments, ...gone]);
  for (const symbol of changes.delisted) log.warn({ reason: 'INSTRUMENT_DELISTED', symbol }, `${symbol} has ended`);
  for (const symbol of changes.halted) log.warn({ reason: 'INSTRUMENT_NOT_TRADING', symbol }, `${symbol} is suspended`);
  for (const { symbol } of changes.tickChanged) log.warn({ symbol }, `the rules of ${symbol} changed`);
  return { instruments, changes };
}

function rulesDiffer(a: Instrument, b: Instrument): boolean {
  return (['tickSize', 'stepSize', 'minQuantity', 'minNotional'] as const).some(
    (rule) => canonical(a[rule]) !== canonical(b[rule]),
  );
}

/** "0.10" and "0.1" are the same rule. */
const canonical = (decimal: string): string => (decimal.includes('.') ? decimal.replace(/\.?0+$/, '') : decimal);
