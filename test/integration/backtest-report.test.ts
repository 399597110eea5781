import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { madeUpReport } from '../../src/backtest/backtest-report.fixture.ts';
import { saveBacktest } from '../../src/backtest/index.ts';
import { runCommand } from '../support/command-line.ts';

const folder = mkdtempSync(join(tmpdir(), 'minutehand-backtest-'));
const { report } = madeUpReport({ days: 35, trades: 30, id: 'aaa' });
const run = (...args: string[]) => runCommand(['backtest', ...args, '--data-dir', folder], { folder, databaseUrl: '' });
const pathOf = (id: string) => join(folder, 'backtests', id);

beforeAll(async () => {
  await saveBacktest(pathOf('aaa'), report);
  const fills = report.record.fills.slice(0, -1);
  const other = { ...report, id: 'bbb', orders: 1, record: { ...report.record, fills } };
  await saveBacktest(pathOf('bbb'), { ...other, run: { ...report.run, costFactor: 2 } });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('backtest list, report and compare', () => {
  it('lists what was saved', async () => {
    const { code, stdout } = await run('list');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^id .*\n(?:aaa|bbb) +2025-06-01 to 2025-07-05 /);
    const { backtests } = JSON.parse((await run('list', '--json')).stdout);
    expect(backtests.map(({ id }: { id: string }) => id).sort()).toEqual(['aaa', 'bbb']);
    expect(backtests[0]).toMatchObject({ trades: 30, from: '2025-06-01', to: '2025-07-05', inSample: [] });
  });

  it('writes a report again, of an id or a folder', async () => {
    const saved = readFileSync(join(pathOf('aaa'), 'report.html'), 'utf8');
    expect(await run('report', 'aaa', '--output', 'out/one.html')).toMatchObject({ code: 0, stderr: '' });
    expect(readFileSync(join(folder, 'out', 'one.html'), 'utf8')).toBe(saved);
    rmSync(join(pathOf('aaa'), 'report.html'));
    expect((await run('report', 'backtests/aaa')).code).toBe(0);
    expect(readFileSync(join(pathOf('aaa'), 'report.html'), 'utf8')).toBe(saved);
  });

  it('compares two', async () => {
    const { code, stdout } = await run('compare', 'aaa', 'bbb');
    expect(code).toBe(0);
    expect(stdout).toMatch(/total return .*%.*%/);
    expect(stdout).toContain('bbb less aaa, 35 days\n  return per year 0.00 % [0.00 %, 0.00 %]');
    expect(stdout).toContain('first trade that differs: no further one');
    expect(stdout).toContain('warning: the costs differ: 1 times as configured, and 2 times');
    const { backtests } = JSON.parse((await run('compare', 'aaa', 'bbb', '--json')).stdout);
    expect(backtests[1].comparison).toMatchObject({ isEqual: { data: true }, firstDifferingTrade: { other: null } });
  });

  it('says what is missing, and what to do', async () => {
    const { code, stderr } = await run('report', 'none');
    expect(code).toBe(2);
    expect(stderr).toMatch(/^error: there is no saved backtest in .*none/);
    expect(stderr).toContain('remedy: See "minutehand backtest list"');
    expect((await run('compare', 'aaa')).code).toBe(2);
  });
});
