import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { madeUpReport } from './backtest-report.fixture.ts';
import { backtestHtml } from './report/backtest-html.ts';
import { chartCandlesOf } from './report/candle-chart.ts';
import { listBacktests, loadBacktest, saveBacktest } from './saved-backtest.ts';

const root = mkdtempSync(join(tmpdir(), 'minutehand-backtests-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const { report, bars } = madeUpReport({ trades: 40, days: 40 });
const charts = {
  candles: chartCandlesOf(report.trips, bars, report.run),
  curves: [{ name: 'equal weight', times: Float64Array.of(0, 1), wealth: Float64Array.of(1, 1.01) }],
};

describe('a saved backtest', () => {
  it('is read back as it was, and its report is the same', async () => {
    const directory = join(root, 'kept', report.id);
    expect(await saveBacktest(directory, report, charts)).toBe(directory);
    expect(readdirSync(directory).sort()).toEqual(['report.html', 'report.json']);
    const loaded = await loadBacktest(directory);
    expect(loaded).toEqual({ report, charts });
    expect(loaded.report.record.equity.equity).toBeInstanceOf(Float64Array);
    expect(loaded.report.record.equity.positions).toBeInstanceOf(Int32Array);
    const html = readFileSync(join(directory, 'report.html'), 'utf8');
    expect(backtestHtml(loaded.report, loaded.charts)).toBe(html);
  });

  it('is replaced by a later one of its name, and leaves nothing beside it', async () => {
    const directory = join(root, 'again', report.id);
    await saveBacktest(directory, report);
    await saveBacktest(directory, { ...report, orders: 7 });
    expect((await loadBacktest(directory)).report.orders).toBe(7);
    expect(readdirSync(join(root, 'again'))).toEqual([report.id]);
  });

  it('is refused where it is missing, damaged, of another format or too large', async () => {
    await expect(loadBacktest(join(root, 'none'))).rejects.toMatchObject({ code: 'BACKTEST_NOT_FOUND', exitCode: 2 });
    const directory = join(root, 'bad', report.id);
    await saveBacktest(directory, report);
    const file = join(directory, 'report.json');
    const whole = readFileSync(file, 'utf8');
    const refusedWith = async (text: string, message: RegExp) => {
      writeFileSync(file, text);
      await expect(loadBacktest(directory)).rejects.toMatchObject({
        code: 'BACKTEST_UNREADABLE',
        message: expect.stringMatching(message),
      });
    };
    await refusedWith(whole.slice(0, 1_000), /report\.json is not a backtest/);
    await refusedWith(whole.replace('"formatVersion":1', '"formatVersion":2'), /formatVersion/);
    await refusedWith(whole.replace('"orders":', '"orders":"'.concat('","before":')), /report\.orders/);
    await refusedWith(whole.replace('"times":[', '"times":[1,'), /report\.record\.equity/);
    await refusedWith(whole.replace(/"openedAt":\d+/, '"openedAt":1e300'), /openedAt/);
    await refusedWith('[]', /expected object/i);
    truncateSync(file, 300 * 1024 * 1024);
    await expect(loadBacktest(directory)).rejects.toMatchObject({ message: expect.stringMatching(/larger than/) });
  });

  it('stands in the list, and what cannot be read beside it', async () => {
    const folder = join(root, 'list');
    expect(await listBacktests(folder)).toEqual({ backtests: [], unreadable: [] });
    await saveBacktest(join(folder, 'one'), { ...report, id: 'one' });
    await saveBacktest(join(folder, 'two'), { ...report, id: 'two' });
    writeFileSync(join(folder, 'two', 'report.json'), '{');
    const { backtests, unreadable } = await listBacktests(folder);
    expect(backtests.map(({ report: { id } }) => id)).toEqual(['one']);
    expect(unreadable.map(({ code }) => code)).toEqual(['BACKTEST_UNREADABLE']);
  });
});
