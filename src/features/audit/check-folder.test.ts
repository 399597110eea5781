import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { durationOf } from '../../core/index.ts';
import { writeCandleFile } from '../../marketfiles/index.ts';
import { CATALOGUE, featureSet } from '../feature-set.ts';
import { generateSelfTestMarket } from '../generated-market.ts';
import { checkFolder, type FolderCheck } from './check-folder.ts';

const references = ['BTCUSDT', 'ETHUSDT'];
const set = featureSet(CATALOGUE.filter(({ name }) => ['ret_1', 'ret_4', 'bar_close', 'vol_32'].includes(name)));

let root = '';
beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'minutehand-audit-'));
  const market = generateSelfTestMarket(['BTCUSDT', 'ADAUSDT'], {
    bars: 600,
    barMs: durationOf('15m'),
    start: 1_706_745_600_000,
    seed: 'folder',
  });
  for (const [symbol, columns] of market) await writeCandleFile(join(root, `${symbol}.csv`), columns);
});
afterAll(() => rmSync(root, { recursive: true }));

const check = (options: Partial<FolderCheck> = {}) =>
  checkFolder({ directory: root, symbols: 2, references, featureSet: set, only: ['columns'], ...options });

describe('checkFolder', () => {
  it('audits the symbols that it read, with the references that are among them', async () => {
    expect(await check()).toMatchObject({ symbols: ['ADAUSDT', 'BTCUSDT'], features: 4 });
    expect((await check({ symbols: ['ADAUSDT'] })).symbols).toEqual(['ADAUSDT']);
  });

  it('refuses symbols that the folder does not hold', async () => {
    await expect(check({ symbols: 3 })).rejects.toMatchObject({ code: 'CANDLE_FOLDER_SYMBOLS', exitCode: 2 });
  });
});

const data = process.env.MINUTEHAND_MARKET_DATA;

describe.skipIf(!data)('on real bars', () => {
  // The other folders are checked by `npm run test:long`.
  it.each(process.env.MINUTEHAND_TEST_LONG ? ['15m', '1m-6day'] : ['1m-6day'])(
    'the catalogue stands the audits: %s',
    async (folder) => {
      const report = await checkFolder({
        directory: join(data ?? '', 'binance-usdm', folder),
        symbols: process.env.MINUTEHAND_TEST_LONG ? ['BTCUSDT', 'FILUSDT', '1000PEPEUSDT'] : ['BTCUSDT', 'FILUSDT'],
        references,
        only: ['lookAhead', 'warmUp', 'scale'],
      });
      expect(report.audits.filter(({ ok }) => !ok)).toEqual([]);
    },
    300_000,
  );
});
