import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { epochMs, type FundingRate, MINUTE_MS, MinutehandError, messageOf, type SymbolId } from '../core/index.ts';

/**
 * Funding rates of a folder of SYMBOL.csv[.gz] files, `funding_time_ms,funding_rate`, read when first asked for. A symbol
 * without a file has none.
 */
export function openFundingFolder(directory: string): (symbol: SymbolId) => readonly FundingRate[] {
  const read = new Map<SymbolId, readonly FundingRate[]>();
  return (symbol) => {
    let rates = read.get(symbol);
    if (!rates) {
      const path = [`${symbol}.csv.gz`, `${symbol}.csv`].map((name) => join(directory, name)).find(existsSync);
      rates = path === undefined ? [] : readRates(path, symbol);
      read.set(symbol, rates);
    }
    return rates;
  };
}

function readRates(path: string, symbol: SymbolId): FundingRate[] {
  let lines: string[];
  try {
    const bytes = readFileSync(path);
    lines = (path.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8').split(/\r?\n/);
  } catch (error) {
    throw unreadable(path, messageOf(error));
  }
  const rates: FundingRate[] = [];
  lines.forEach((line, index) => {
    if (line === '' || (index === 0 && /[a-z]/i.test(line))) return;
    const [time, rate] = line.split(',').map(Number);
    if (time === undefined || rate === undefined || !Number.isFinite(time) || !Number.isFinite(rate)) {
      throw unreadable(path, `line ${index + 1} is not "time,rate"`);
    }
    rates.push({ symbol, time: epochMs(time), rate });
  });
  // Files that were put together from several downloads tell some settlements twice, milliseconds apart.
  return rates
    .sort((a, b) => a.time - b.time)
    .filter(({ time }, index, all) => time - (all[index - 1]?.time ?? Number.NEGATIVE_INFINITY) >= MINUTE_MS);
}

const unreadable = (path: string, reason: string) =>
  new MinutehandError(
    'FUNDING_FILE_UNREADABLE',
    `${path} cannot be read: ${reason}`,
    'Correct the file, or move the folder "funding" away.',
  );
