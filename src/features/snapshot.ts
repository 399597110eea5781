import { MinutehandError, type SymbolId } from '../core/index.ts';

/** What a snapshot must have in common with the engineer that takes it up. */
export interface SnapshotIdentity {
  readonly featureSetHash: string;
  readonly symbols: readonly SymbolId[];
  readonly references: readonly SymbolId[];
}

const MAGIC = 'MINUTEHAND FEATURES';
const VERSION = 2;
const LENGTH_BYTES = 4;

interface Header extends SnapshotIdentity {
  readonly magic: string;
  readonly version: number;
  /** Numbers of streaming state. */
  readonly state: number;
  /** Numbers of waiting hours, and of funding rates, of each symbol in turn. */
  readonly waiting: readonly number[];
}

/**
 * Layout: length of the header (uint32, little-endian), header (JSON, padded with blanks so that the rest is 8-aligned), state, waiting
 * hours and funding rates of each symbol in turn; numbers as little-endian float64.
 */
export function writeSnapshot(
  identity: SnapshotIdentity,
  state: Float64Array,
  waiting: readonly Float64Array[],
): Uint8Array {
  const header: Header = {
    magic: MAGIC,
    version: VERSION,
    ...identity,
    state: state.length,
    waiting: waiting.map(({ length }) => length),
  };
  const json = new TextEncoder().encode(JSON.stringify(header));
  const start = Math.ceil((LENGTH_BYTES + json.length) / 8) * 8;
  const numbers = waiting.reduce((sum, { length }) => sum + length, state.length);
  const bytes = new Uint8Array(start + numbers * 8);
  new DataView(bytes.buffer).setUint32(0, start, true);
  bytes.fill(0x20, LENGTH_BYTES, start);
  bytes.set(json, LENGTH_BYTES);
  const target = new Float64Array(bytes.buffer, start);
  target.set(state);
  let at = state.length;
  for (const values of waiting) {
    target.set(values, at);
    at += values.length;
  }
  return bytes;
}

/**
 * Copies a snapshot's state into `state`, which stays as it is on failure, and returns what waits: hours and funding rates of each symbol.
 * @throws MinutehandError FEATURE_SNAPSHOT_MISMATCH
 */
export function readSnapshot(bytes: Uint8Array, identity: SnapshotIdentity, state: Float64Array): Float64Array[] {
  const { header, start } = readHeader(bytes);
  if (header.version !== VERSION) throw mismatch(`it has version ${header.version}, this program reads ${VERSION}`);
  if (header.featureSetHash !== identity.featureSetHash) throw mismatch('it was taken by another feature set');
  if (!sameList(header.symbols, identity.symbols)) throw mismatch('it was taken for another universe');
  if (!sameList(header.references, identity.references)) throw mismatch('it was taken for other reference symbols');
  const numbers = header.waiting.reduce((sum, length) => sum + length, header.state);
  if (
    header.state !== state.length ||
    header.waiting.length !== 2 * identity.symbols.length ||
    bytes.length !== start + numbers * 8
  ) {
    throw mismatch('its length is not what its header says');
  }
  // Copied, for alignment; `slice` would not copy where the bytes are a Buffer, as a database driver hands them over.
  const copy = new Uint8Array(bytes.length - start);
  copy.set(bytes.subarray(start));
  const source = new Float64Array(copy.buffer);
  state.set(source.subarray(0, state.length));
  let at = state.length;
  return header.waiting.map((length) => {
    at += length;
    return source.slice(at - length, at);
  });
}

function readHeader(bytes: Uint8Array): { header: Header; start: number } {
  if (bytes.length > LENGTH_BYTES) {
    const start = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
    if (start % 8 === 0 && start <= bytes.length) {
      try {
        const header: unknown = JSON.parse(new TextDecoder().decode(bytes.subarray(LENGTH_BYTES, start)));
        if (isHeader(header)) return { header, start };
      } catch {
        // Not JSON: refused below like any other bytes that are not a snapshot.
      }
    }
  }
  throw mismatch('these bytes are no snapshot');
}

function isHeader(value: unknown): value is Header {
  const header = value as Partial<Header> | null;
  return (
    typeof header === 'object' &&
    header !== null &&
    header.magic === MAGIC &&
    typeof header.version === 'number' &&
    typeof header.featureSetHash === 'string' &&
    typeof header.state === 'number' &&
    [header.symbols, header.references, header.waiting].every(Array.isArray)
  );
}

const sameList = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((value, index) => value === b[index]);

const mismatch = (why: string) =>
  new MinutehandError(
    'FEATURE_SNAPSHOT_MISMATCH',
    `the stored feature state cannot be taken up: ${why}`,
    'Build the feature state from stored candles instead; it replaces the stored one.',
  );
