import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { DAY_MS, epochMs } from '../core/index.ts';
import { aggregateBars, createGeneratedMarket, writeCandleFile } from '../marketfiles/index.ts';
import { type CliContext, packageRoot } from './context.ts';
import { createProgram, runCli } from './main.ts';

function capture(env: Record<string, string> = {}) {
  const written = { stdout: '', stderr: '' };
  const stream = (name: 'stdout' | 'stderr') => ({
    write: (text: string, done?: (error?: Error | null) => void) => {
      written[name] += text;
      done?.();
    },
  });
  const context: CliContext = {
    terminal: { stdout: stream('stdout'), stderr: stream('stderr'), env },
    root: packageRoot(),
    invokedFrom: packageRoot(),
    signal: new AbortController().signal,
    exitCode: 0,
  };
  return { context, written };
}

/** The command a line of words names, and the words that follow it. */
function resolveCommand(program: Command, words: readonly string[]): { command: Command; rest: readonly string[] } {
  const next = program.commands.find((command) => command.name() === words[0]);
  return next ? resolveCommand(next, words.slice(1)) : { command: program, rest: words };
}

const DOCUMENTS = ['README.md', ...readdirSync(join(packageRoot(), 'docs')).map((name) => `docs/${name}`)];

describe('the documentation', () => {
  it.each(DOCUMENTS.filter((name) => name.endsWith('.md')))('%s names commands and flags that exist', (name) => {
    const { context } = capture();
    const program = createProgram(context);
    const blocks = readFileSync(join(packageRoot(), name), 'utf8').matchAll(/```[a-z]*\n([\s\S]*?)```/g);
    for (const [, block = ''] of blocks) {
      for (const line of block.split('\n')) {
        const called = /^(?:npx --no-install )?minutehand (.+)$/.exec(line.split('#')[0]?.trim() ?? '');
        const started = /^npm start (?:--silent )?-- (.+)$/.exec(line.split('#')[0]?.trim() ?? '');
        const words = (called?.[1] ?? (started ? `up ${started[1]}` : '')).split(/\s+/).filter((word) => word !== '');
        if (words.length === 0) continue;
        const { command, rest } = resolveCommand(program, words);
        expect(command.commands.length, `${line}: no such command`).toBe(0);
        const flags = command.options.map(({ long }) => long);
        for (const flag of rest.filter((word) => word.startsWith('--'))) expect(flags, line).toContain(flag);
      }
    }
  });
});

describe('the command line', () => {
  it('lists its commands with help, and an example for each', async () => {
    const { context, written } = capture();
    expect(await runCli(['--help'], context)).toBe(0);
    expect(written.stdout).toMatch(/up .*\n.*status/s);
    const visit = (command: Command) => {
      if (command.commands.length > 0) return command.commands.forEach(visit);
      if (command.parent?.name() === 'worker' || command.name() === 'engine') return;
      const help = capture();
      command.configureOutput({ writeOut: (text) => void help.context.terminal.stdout.write(text) });
      command.outputHelp();
      expect(help.written.stdout, command.name()).toMatch(/Examples?: /);
    };
    createProgram(capture().context).commands.forEach(visit);
  });

  it('refuses what it does not know with 2, as JSON too', async () => {
    const { context, written } = capture();
    expect(await runCli(['nonsense', '--json'], context)).toBe(2);
    expect(JSON.parse(written.stdout)).toMatchObject({ ok: false, error: { code: 'USAGE_INVALID' } });
    expect(written.stderr).toMatch(/^error: .*\nremedy: /);
  });

  it('shows the configuration with where each value comes from, and hides secrets', async () => {
    const { context, written } = capture({
      MINUTEHAND__RISK__MAX_POSITIONS: '4',
      DATABASE_URL: 'postgres://u:s3cret@h/d',
    });
    expect(await runCli(['config', 'show', '--json', '--set', 'universe.size=20'], context)).toBe(0);
    const { settings } = JSON.parse(written.stdout) as { settings: { key: string; value: unknown; source: string }[] };
    expect(settings).toContainEqual(
      expect.objectContaining({ key: 'risk.max_positions', value: 4, source: 'environment' }),
    );
    expect(settings).toContainEqual(expect.objectContaining({ key: 'universe.size', value: 20, source: 'flag' }));
    expect(written.stdout).not.toContain('s3cret');
  });

  it('checks the configuration, and refuses a wrong value with 2', async () => {
    const sound = capture();
    const nowhere = ['--data-dir', '/nonexistent/minutehand'];
    expect(await runCli(['config', 'check', ...nowhere], sound.context)).toBe(0);
    expect(sound.written.stdout).toMatch(/sound: \d+ settings\n.*not known yet: there is no store in \/nonexistent/);
    const wrong = capture();
    expect(await runCli(['config', 'check', '--set', 'risk.max_daily_loss=3'], wrong.context)).toBe(2);
    expect(wrong.written.stderr).toMatch(/max_daily_loss/);
  });

  it('lists the features with their hash', async () => {
    const { context, written } = capture();
    expect(await runCli(['features', 'list', '--json'], context)).toBe(0);
    const { hash, features } = JSON.parse(written.stdout) as {
      hash: string;
      features: { name: string; formula: string }[];
    };
    expect(hash).toMatch(/^[0-9a-f]{64}$/);
    expect(features.every(({ name, formula }) => name !== '' && formula !== '')).toBe(true);
  });

  it('says what a training takes without training', async () => {
    const { context, written } = capture();
    expect(await runCli(['model', 'train', '--data', 'none', '--dry-run', '--threads', '1', '--json'], context)).toBe(
      0,
    );
    expect(JSON.parse(written.stdout)).toMatchObject({
      dryRun: true,
      parameters: expect.any(Number),
      secondsPerStep: expect.any(Number),
      memoryMb: expect.any(Number),
    });
  });

  it('audits the features on a folder of candles, one JSON object with a verdict per audit', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'minutehand-check-'));
    const start = epochMs(Date.UTC(2024, 1, 1));
    const market = createGeneratedMarket({ seed: 1, symbols: 3, start });
    try {
      for (const { symbol } of market.instruments) {
        const minutes = market.bars(symbol, start, epochMs(start + 6 * DAY_MS));
        await writeCandleFile(join(folder, `${symbol}.csv`), aggregateBars(minutes, '1m', '15m'));
      }
      const { context, written } = capture();
      expect(await runCli(['features', 'check', '--data', folder, '--symbols', '2', '--json'], context)).toBe(0);
      const report = JSON.parse(written.stdout) as {
        ok: boolean;
        features: number;
        audits: { name: string; ok: boolean }[];
      };
      expect(Object.keys(report)).toEqual(['ok', 'features', 'audits']);
      expect(report.features).toBeGreaterThan(100);
      expect(report.audits.every(({ name, ok }) => name !== '' && ok)).toBe(true);
    } finally {
      rmSync(folder, { recursive: true });
    }
  }, 300_000);

  it.each([
    [['features', 'check'], 2, /--data/],
    [['features', 'check', '--data', '.', '--symbols', '0'], 2, /--symbols 0 is not a whole number/],
    [['features', 'check', '--data', '.', '--symbols', '2.5'], 2, /--symbols 2.5 is not a whole number/],
    [['features', 'check', '--data', '/nonexistent/candles'], 1, /cannot be read/],
    [['features', 'check', '--data', 'docs'], 1, /holds no candle file/],
    [['model', 'train'], 2, /--data/],
    [['model', 'train', '--data', 'docs', '--kind', 'oracle'], 2, /--kind oracle is unknown/],
    [
      ['model', 'train', '--data', 'docs', '--from', '2025-01-01'],
      2,
      /--early-stopping, --calibration, --test, --until is missing/,
    ],
    [['model', 'train', '--data', 'docs', '--settings', 'package.json'], 2, /training settings/],
    [['model', 'train', '--data', 'docs', '--dry-run', '--device', 'cuda'], 2, /there is no cuda to run on/],
    [['model', 'train', '--data', 'docs'], 1, /holds no candle file/],
    [['model', 'bench', 'docs'], 3, /model .*docs is refused: manifest/],
    [['model', 'bench', 'docs', '--batches', '8,x'], 2, /--batches x is not a whole number/],
    [['model', 'evaluate', 'models'], 2, /--data/],
    [['model', 'evaluate', 'docs', '--data', 'docs'], 3, /model .*docs is refused: manifest/],
    [['model', 'evaluate', 'docs', '--data', 'docs', '--from', 'yesterday'], 2, /--from yesterday is no time/],
    [['model', 'evaluate', 'docs', '--data', 'docs', '--symbols', '0'], 2, /--symbols 0 is not a whole number/],
  ])('refuses %j with %i', async (args, exitCode, message) => {
    const { context, written } = capture();
    expect(await runCli(args, context)).toBe(exitCode);
    expect(written.stderr).toMatch(message);
    expect(written.stderr).toMatch(/remedy: /);
  });

  it('says what is wrong with an option whether or not there is a store', async () => {
    for (const command of [
      ['trade', 'positions', '--limit', '0'],
      ['trade', 'orders', '--limit', 'x'],
      ['trade', 'fills', '--limit', '1.5'],
      ['trade', 'export', '--kind', 'bananas', '--output', 'x.csv'],
      ['trade', 'export', '--kind', 'fills', '--output', 'x.csv', '--from', 'yesterday'],
      ['signals', 'list', '--limit', '-1'],
      ['signals', 'tail', '--limit', 'x'],
    ]) {
      const { context, written } = capture();
      expect(await runCli([...command, '--json', '--data-dir', '/nonexistent/minutehand'], context)).toBe(2);
      expect(JSON.parse(written.stdout)).toMatchObject({ error: { code: 'USAGE_INVALID' } });
    }
  });

  it('says that there is no store yet instead of making one', async () => {
    for (const command of [
      ['status'],
      ['signals', 'list'],
      ['trade', 'positions'],
      ['trade', 'halt'],
      ['db', 'status'],
      ['data', 'gaps'],
      ['features', 'build'],
      ['model', 'list'],
      ['model', 'rollback'],
    ]) {
      const { context, written } = capture();
      expect(await runCli([...command, '--json', '--data-dir', '/nonexistent/minutehand'], context)).toBe(1);
      expect(JSON.parse(written.stdout)).toMatchObject({ error: { code: 'STORE_MISSING' } });
    }
  });
});
