import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CliContext, packageRoot } from '../../src/cli/context.ts';
import { runCli } from '../../src/cli/main.ts';
import { DAY_MS, epochMs } from '../../src/core/index.ts';
import { aggregateBars, createGeneratedMarket, writeCandleFile } from '../../src/marketfiles/index.ts';

const START = epochMs(Date.UTC(2025, 0, 6));
const SETTINGS = {
  network: { context: 16, patch: 8, stride: 4, width: 8, heads: 2, hidden: 16, layers: 1, headWidth: 8, dropout: 0 },
  timesPerStep: 4,
  symbolsPerTime: 6,
  sampleEvery: 4,
  epochs: 1,
};

let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'minutehand-train-'));
  mkdirSync(join(folder, 'candles'));
  const market = createGeneratedMarket({ seed: 3, symbols: 6, start: START });
  for (const { symbol } of market.instruments) {
    const minutes = market.bars(symbol, START, epochMs(START + 36 * DAY_MS));
    await writeCandleFile(join(folder, 'candles', `${symbol}.csv`), aggregateBars(minutes, '1m', '15m'));
  }
  writeFileSync(join(folder, 'settings.json'), JSON.stringify(SETTINGS));
}, 120_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function run(args: readonly string[]): Promise<{ code: number; json: Record<string, unknown>; stderr: string }> {
  const written = { stdout: '', stderr: '' };
  const stream = (name: 'stdout' | 'stderr') => ({
    write: (text: string, done?: (error?: Error | null) => void) => {
      written[name] += text;
      done?.();
    },
  });
  const context: CliContext = {
    terminal: { stdout: stream('stdout'), stderr: stream('stderr'), env: {} },
    root: packageRoot(),
    invokedFrom: folder,
    signal: new AbortController().signal,
    exitCode: 0,
  };
  const code = await runCli([...args, '--json', '--data-dir', join(folder, 'data')], context);
  return { code, json: JSON.parse(written.stdout.trimEnd().split('\n').at(-1) ?? '{}'), stderr: written.stderr };
}

const date = (day: number): string => new Date(START + day * DAY_MS).toISOString();

describe('model train', () => {
  it('trains a network on candles, which can then be evaluated on later ones, listed and shown', async () => {
    const windows = [
      '--from',
      date(16),
      '--early-stopping',
      date(24),
      '--calibration',
      date(27),
      '--test',
      date(30),
      '--until',
      date(36),
    ];
    const trained = await run([
      'model',
      'train',
      '--data',
      'candles',
      '--symbols',
      '6',
      '--settings',
      'settings.json',
      '--threads',
      '1',
      '--output',
      'models',
      '--work',
      'work',
      ...windows,
    ]);
    expect(trained.code, JSON.stringify(trained.json)).toBe(0);
    expect(trained.json).toMatchObject({
      kind: 'unified-patchtst',
      modelId: expect.stringContaining('unified-patchtst-'),
      epochs: 1,
    });
    expect(readFileSync(join(folder, 'work', 'curves.html'), 'utf8')).toContain('<svg');
    expect(
      readFileSync(join(folder, 'work', 'history.jsonl'), 'utf8')
        .trimEnd()
        .split('\n'),
    ).toHaveLength(1);
    const directory = String(trained.json.directory);
    expect(readFileSync(join(directory, 'card.md'), 'utf8')).toContain('minutehand model train --data DIR');

    const judged = await run([
      'model',
      'evaluate',
      directory,
      '--data',
      'candles',
      '--from',
      date(31),
      '--report',
      'report.html',
    ]);
    expect(judged.code, JSON.stringify(judged.json)).toBe(0);
    expect(judged.json).toMatchObject({ modelId: trained.json.modelId, macroF1: expect.any(Number), inSample: false });
    expect(readFileSync(join(folder, 'report.html'), 'utf8')).toContain(String(trained.json.modelId));

    const timed = await run(['model', 'bench', directory, '--batches', '8,16', '--threads', '1', '--runs', '2']);
    expect(timed.json).toMatchObject({
      modelId: trained.json.modelId,
      results: [
        { batch: 8, threads: 1, precision: 'fp32', p50Ms: expect.any(Number) },
        { batch: 16, rowsPerSecond: expect.any(Number) },
      ],
    });
  }, 600_000);
});
