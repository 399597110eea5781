import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { barsFrom, START, walk } from '../../src/backtest/replay-fixture.ts';
import { DAY_MS, epochMs } from '../../src/core/index.ts';
import { createTestDatabase } from '../../src/database/index.ts';
import { writeCandleFile } from '../../src/marketfiles/index.ts';
import { runCommand } from '../support/command-line.ts';

const HISTORY_DAYS = 17;
const SYMBOLS = ['BTCUSDT', 'ETHUSDT', 'SOLUSDT', 'XRPUSDT'];

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'backtest-'));
  await mkdir(join(folder, 'candles'));
  for (const symbol of SYMBOLS) {
    const bars = walk(symbol, (HISTORY_DAYS + 4) * 96);
    const first = epochMs(START - HISTORY_DAYS * DAY_MS);
    await writeCandleFile(join(folder, 'candles', `${symbol}.csv`), barsFrom(bars, first));
  }
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const backtest = (...args: string[]) =>
  runCommand(['backtest', 'run', '--data-dir', join(folder, 'data'), ...args], { folder, databaseUrl: '' });
const momentum = [
  ['--data', 'candles', '--model', 'none', '--strategy', 'time-series-momentum'],
  ['--from', '2025-01-06', '--to', '2025-01-08', '--universe', '4'],
].flat();
const resultOf = ({ stdout }: { stdout: string }) => JSON.parse(stdout.trimEnd()) as Record<string, unknown>;

describe('backtest run', () => {
  it('prints what others look for, and the same again', async () => {
    const run = await backtest(...momentum, '--json');
    expect(run.code, run.stderr).toBe(0);
    const result = resultOf(run);
    expect(Object.keys(result)).toEqual(
      expect.arrayContaining([
        ...['sharpe', 'sortino', 'cagr', 'maxDrawdown', 'winRate', 'payoffRatio', 'profitFactor', 'trades', 'turnover'],
        ...[
          'costs',
          'macroF1',
          'macroF1VolatilityOnly',
          'f1ByHorizon',
          'informationCoefficient',
          'hashes',
          'baselines',
        ],
      ]),
    );
    expect(result).toMatchObject({
      ok: true,
      sharpe: null,
      macroF1: null,
      isInSample: false,
      run: { from: '2025-01-06', to: '2025-01-08', bars: 288, symbols: SYMBOLS },
      baselines: { costs: { x0: { sharpe: null }, x3: { totalReturn: expect.any(Number) } } },
    });
    expect(result.trades).toBeGreaterThan(0);
    expect(result.maxDrawdown).toBeGreaterThan(0);
    const { costs } = result as { costs: Record<string, number> };
    expect(costs.fees).toBeGreaterThan(0);
    expect(costs.spread).toBeGreaterThan(0);
    const again = resultOf(await backtest(...momentum, '--json'));
    expect(again).toEqual(result);
  });

  it('trades stored candles as it trades those of a folder', async () => {
    const store = await createTestDatabase();
    try {
      const onStore = (...args: string[]) =>
        runCommand([...args, '--data-dir', join(folder, 'data'), '--json'], { folder, databaseUrl: store.url });
      const imported = await onStore('data', 'import', '--file', 'candles', '--timeframe', '15m');
      expect(imported.code, imported.stderr).toBe(0);
      const stored = await onStore('backtest', 'run', '--from-store', ...momentum.slice(2));
      expect(stored.code, stored.stderr).toBe(0);
      const { hashes: ofStore, trades } = resultOf(stored);
      const { hashes: ofFolder, ...folderRun } = resultOf(await backtest(...momentum, '--json'));
      expect(trades).toBe(folderRun.trades);
      // Older candles than the warm-up needs are not read from a store.
      expect(ofStore).toEqual({ ...(ofFolder as object), data: expect.any(String) });
    } finally {
      await store.drop();
    }
  });

  it('tells people what speaks against it', async () => {
    const { code, stdout } = await backtest(...momentum);
    expect(code).toBe(0);
    expect(stdout).toMatch(/Sharpe ratio +n\/a/);
    expect(stdout).toContain('Few trades');
    expect(stdout).toContain('fill at the open of the next bar');
  });

  it('refuses days that the model was fitted on, unless that is asked for', async () => {
    const asked = ['--data', 'candles', '--from', '2025-01-08', '--to', '2025-01-08', '--model'];
    const model = 'linear-baseline-077de450a4ee';
    const refused = await backtest(...asked, model, '--json');
    expect(refused.code).toBe(3);
    expect(resultOf(refused)).toMatchObject({ ok: false, error: { code: 'BACKTEST_IN_SAMPLE' } });
    const { code, stdout, stderr } = await backtest(...asked, model, '--in-sample', '--json');
    expect(code, stderr).toBe(0);
    expect(resultOf({ stdout })).toMatchObject({
      isInSample: true,
      macroF1: expect.any(Number),
      f1ByHorizon: { '4h': expect.any(Number) },
      critiques: expect.arrayContaining([expect.stringContaining('IN-SAMPLE')]),
    });
  }, 60_000);

  it.each([
    ['no candles', [], 'candles from one place'],
    ['a time for a day', ['--data', 'candles', '--from', '2025-01-06T10:00Z'], 'is no day'],
    ['an unknown strategy', ['--data', 'candles', '--strategy', 'magic'], 'there is no strategy magic'],
    ['an unknown model', ['--data', 'candles', '--model', 'gone'], 'there is no model gone'],
    ['a strange factor', ['--data', 'candles', '--model', 'none', '--costs', 'much'], '--costs much'],
    ['unknown symbols', ['--data', 'candles', '--model', 'none', '--universe', 'ABCUSDT'], 'ABCUSDT'],
    ['days without bars', ['--data', 'candles', '--model', 'none', '--from', '2026-01-06'], 'no bar is left'],
  ])('names %s', async (_, args, message) => {
    const { code, stderr } = await backtest(...args);
    expect(code).toBe(2);
    expect(stderr).toContain(message);
    expect(stderr).not.toMatch(/\n\s+at /);
  });
});
