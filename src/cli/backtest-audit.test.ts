import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { DAY_MS, epochMs } from '../core/index.ts';
import { aggregateBars, createGeneratedMarket, writeCandleFile } from '../marketfiles/index.ts';
import { type CliContext, packageRoot } from './context.ts';
import { runCli } from './main.ts';

const folder = mkdtempSync(join(tmpdir(), 'minutehand-audit-'));
afterAll(() => rmSync(folder, { recursive: true }));

it('audits a backtest, one JSON object with a verdict per audit', async () => {
  const start = epochMs(Date.UTC(2025, 0, 1));
  const market = createGeneratedMarket({ seed: 1, symbols: 3, start });
  for (const { symbol } of market.instruments) {
    const bars = market.bars(symbol, start, epochMs(start + 3 * DAY_MS));
    await writeCandleFile(join(folder, `${symbol}.csv`), aggregateBars(bars, '1m', '15m'));
  }
  let stdout = '';
  const context: CliContext = {
    terminal: {
      stdout: {
        write: (text: string, done?: (error?: Error | null) => void) => {
          stdout += text;
          done?.();
        },
      },
      stderr: { write: () => undefined },
      env: {},
    },
    root: packageRoot(),
    invokedFrom: packageRoot(),
    signal: new AbortController().signal,
    exitCode: 0,
  };
  const audit = ['backtest', 'audit', '--data', folder, '--model', 'none', '--days', '1', '--workers', '1', '--json'];
  const strategy = ['--strategy', 'buy-and-hold'];
  expect(await runCli([...audit, ...strategy], context)).toBe(0);
  const { ok, audits, critiques, from, bars } = JSON.parse(stdout) as Record<string, unknown>;
  expect({ ok, from, bars }).toEqual({ ok: true, from: '2025-01-03', bars: 96 });
  expect(audits).toHaveLength(5);
  expect(audits).toContainEqual(expect.objectContaining({ name: 'poison', ok: true, detail: expect.any(String) }));
  expect(critiques).toContainEqual(expect.stringContaining('Few trades: '));
  // Nothing that waits for forecasts changes with the bars: the audit says that it has no power.
  stdout = '';
  expect(await runCli([...audit, '--strategy', 'directional'], context)).toBe(1);
  expect(JSON.parse(stdout)).toMatchObject({ ok: false, audits: [{ name: 'poison', ok: false }, {}, {}, {}, {}] });
});
