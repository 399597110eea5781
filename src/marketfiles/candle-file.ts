import { open, readFile, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import { strFromU8, unzipSync } from 'fflate';
import { at64, type BarColumns, MinutehandError, messageOf } from '../core/index.ts';
import { type CandleTable, parseCandleCsv, type ReadingMode } from './candle-csv.ts';

const inflate = promisify(gunzip);
const deflate = promisify(gzip);

/**
 * Reads a candle file: CSV, gzip or a zip of one CSV (told apart by content, not by name); our own columns or those of the
 * exchange's archives, with or without a header; times in milliseconds or microseconds.
 * @throws MinutehandError naming file, line, column and remedy.
 */
export async function readCandleFile(path: string, mode: ReadingMode = 'strict'): Promise<CandleTable> {
  return parseCandleCsv(await unpack(await readBytes(path), path), path, mode);
}

async function readBytes(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    throw new MinutehandError(
      'CANDLE_FILE_UNREADABLE',
      `${path} cannot be read: ${code === 'ENOENT' ? 'there is no such file' : messageOf(error)}`,
      'Check the path and the permissions.',
      { cause: error },
    );
  }
}

async function unpack(bytes: Uint8Array, path: string): Promise<Uint8Array> {
  try {
    if (bytes[0] === 0x1f && bytes[1] === 0x8b) return await inflate(bytes);
    if (bytes[0] === 0x50 && bytes[1] === 0x4b) return onlyCsvOf(bytes);
  } catch (error) {
    throw new MinutehandError(
      'CANDLE_FILE_CORRUPT',
      `${path} cannot be unpacked: ${messageOf(error)}`,
      'The file is damaged or was cut off; download it again.',
      { cause: error },
    );
  }
  if (bytes.length > 0 && /\.(gz|zip)$/i.test(path) && !/^[\w\s",.+-]*$/.test(strFromU8(bytes.subarray(0, 64)))) {
    throw new MinutehandError(
      'CANDLE_FILE_CORRUPT',
      `${path} is neither packed nor plain text`,
      'The file is damaged or was cut off; download it again.',
    );
  }
  return bytes;
}

function onlyCsvOf(bytes: Uint8Array): Uint8Array {
  const entries = unzipSync(bytes, { filter: (entry) => entry.name.toLowerCase().endsWith('.csv') });
  const [content, ...others] = Object.values(entries);
  if (content === undefined) throw new Error('there is no CSV file in it');
  if (others.length > 0) throw new Error(`there are ${others.length + 1} CSV files in it, one is expected`);
  return content;
}

/**
 * Writes bars as `open_time_ms,open,high,low,close,volume` and the optional columns that hold numbers; packed when the path
 * ends in ".gz". The file appears whole or not at all: it is written beside its place, flushed and renamed.
 * @throws MinutehandError if a required value is not a finite number or the file cannot be written.
 */
export async function writeCandleFile(path: string, bars: BarColumns, trades?: Float64Array): Promise<void> {
  const text = Buffer.from(formatCandles(bars, trades, path));
  const content = path.endsWith('.gz') ? await deflate(text) : text;
  const temporary = join(dirname(path), `.${basename(path)}.${process.pid}.tmp`);
  try {
    const handle = await open(temporary, 'w');
    try {
      await handle.writeFile(content);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw new MinutehandError(
      'CANDLE_FILE_UNWRITABLE',
      `${path} cannot be written: ${messageOf(error)}`,
      'Check that the folder exists, is writable and has space left.',
      { cause: error },
    );
  }
}

function formatCandles(bars: BarColumns, trades: Float64Array | undefined, path: string): string {
  const required = [bars.openTime, bars.open, bars.high, bars.low, bars.close, bars.volume];
  const optional: [string, Float64Array | undefined][] = [
    ['quote_volume', bars.quoteVolume],
    ['trades', trades],
    ['taker_buy_base', bars.takerBuyVolume],
  ];
  const kept = optional.flatMap(([name, column]) =>
    column?.some((value) => !Number.isNaN(value)) ? [{ name, column }] : [],
  );
  const lines = [['open_time_ms,open,high,low,close,volume', ...kept.map(({ name }) => name)].join(',')];
  for (let i = 0; i < bars.length; i++) {
    let line = '';
    for (const column of required) {
      const value = at64(column, i);
      if (!Number.isFinite(value)) {
        throw new MinutehandError(
          'CANDLE_FILE_NUMBER',
          `${path} was not written: bar ${i + 1} of ${bars.length} holds ${value}`,
          'Only complete bars can be written; leave the bar out.',
        );
      }
      line += line === '' ? plainDecimal(value) : `,${plainDecimal(value)}`;
    }
    for (const { column } of kept) {
      const value = at64(column, i);
      line += Number.isFinite(value) ? `,${plainDecimal(value)}` : ',';
    }
    lines.push(line);
  }
  return `${lines.join('\n')}\n`;
}

/** The shortest text that reads back as the same double, without an exponent. */
function plainDecimal(value: number): string {
  const text = String(value);
  const match = /^(-?)(\d)(?:\.(\d+))?e([-+]\d+)$/.exec(text);
  if (!match) return text;
  const [, sign = '', whole = '', decimals = '', exponentText = '0'] = match;
  const exponent = Number(exponentText);
  const digits = whole + decimals;
  if (exponent < 0) return `${sign}0.${'0'.repeat(-exponent - 1)}${digits}`;
  return sign + digits.padEnd(exponent + 1, '0');
}
