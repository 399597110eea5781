import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { DAY_MS, epochMs, MINUTE_MS } from '../../src/core/index.ts';
import { aggregateBars, createGeneratedMarket, writeCandleFile } from '../../src/marketfiles/index.ts';
import {
  lastLine,
  ROOT,
  runMinutehand,
  SMALL,
  SMALL_SYMBOLS,
  startMinutehand,
  temporaryDirectory,
  until,
} from '../support/minutehand.ts';

const cleanUp: (() => unknown)[] = [];
afterEach(async () => {
  for (const step of cleanUp.splice(0).reverse()) await step();
});

function dataDirectory(): string {
  const { path, remove } = temporaryDirectory();
  cleanUp.push(remove);
  return join(path, 'data');
}

/** One that the tests of a group have in common, so that only the first of them waits for a new database. */
function sharedDataDirectory(): string {
  const { path, remove } = temporaryDirectory();
  afterAll(remove);
  return join(path, 'data');
}

const isRunning = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

/** Processes whose command line or environment names the directory: nothing of a system may be left behind. */
async function processesOf(directory: string): Promise<string[]> {
  const { readdirSync, readFileSync } = await import('node:fs');
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry) && Number(entry) !== process.pid)
    .flatMap((entry) => {
      try {
        const line = readFileSync(`/proc/${entry}/cmdline`, 'utf8').replaceAll('\0', ' ');
        return line.includes(directory) ? [line] : [];
      } catch {
        return [];
      }
    });
}

describe('minutehand up', () => {
  it('decides the minutes asked for, reports them on one line, and goes on where it stopped at the next start', async () => {
    const dataDir = dataDirectory();
    const args = ['up', ...SMALL, '--speed', 'max', '--minutes', '6', '--json', '--data-dir', dataDir];
    const first = await runMinutehand(args);
    expect(first.code, first.stderr).toBe(0);
    expect(first.stdout.trimEnd().split('\n')).toHaveLength(1);
    expect(lastLine(first)).toMatchObject({
      cycles: 6,
      missed: 0,
      candles: 6 * SMALL_SYMBOLS,
      predictions: 6 * SMALL_SYMBOLS,
      challengerPredictions: 0,
      models: { champion: expect.stringContaining('linear-baseline-'), challenger: null, reason: null },
      signals: expect.any(Number),
      orders: expect.any(Number),
      fills: expect.any(Number),
      backfilled: expect.any(Number),
      rssMb: expect.any(Number),
      from: '2025-03-01T00:00:00Z',
      to: '2025-03-01T00:05:00Z',
      market: expect.stringContaining('generated'),
    });
    const { latencyMs } = lastLine(first) as { latencyMs: { total: object; stages: object } };
    expect(Object.keys(latencyMs.total)).toEqual(['p50', 'p99', 'max']);
    expect(Object.keys(latencyMs.stages)).toEqual(['candles', 'features', 'forecasts', 'decision', 'commit', 'send']);

    const second = await runMinutehand(args);
    expect(lastLine(second)).toMatchObject({
      cycles: 6,
      missed: 0,
      from: '2025-03-01T00:06:00Z',
      to: '2025-03-01T00:11:00Z',
    });

    const status = await runMinutehand(['status', '--json', '--data-dir', dataDir]);
    expect(lastLine(status)).toMatchObject({
      running: false,
      models: { champion: expect.stringContaining('linear-baseline-'), challenger: null },
      lastCycle: { minute: '2025-03-01T00:11:00Z', status: 'DECIDED' },
    });

    const other = await runMinutehand([
      'up',
      '--generate',
      '8',
      '--speed',
      'max',
      '--minutes',
      '1',
      '--json',
      '--data-dir',
      dataDir,
    ]);
    expect(other.code).toBe(2);
    expect(lastLine(other)).toMatchObject({ ok: false, error: { code: 'MARKET_DIFFERS' } });
    expect(await processesOf(dataDir)).toEqual([]);
  }, 240_000);

  const signalled = sharedDataDirectory();
  it.each(['SIGINT', 'SIGTERM'] as const)(
    'ends with 0 within five seconds of a %s to the npm process alone, and refuses a second start meanwhile',
    async (signal) => {
      const dataDir = signalled;
      const small = [...SMALL, ...(signal === 'SIGTERM' ? ['--set', 'ml_integration.enabled=false'] : [])];
      const system = startMinutehand([...small, '--data-dir', dataDir, '--speed', '20'], { npm: true });
      cleanUp.push(() => system.process.kill('SIGKILL'));
      await until(
        () => /engine ready/.test(system.stdout()) || /universe|market/.test(system.stdout()),
        'the engine',
        120_000,
      );
      const second = await runMinutehand(['up', ...SMALL, '--json', '--data-dir', dataDir]);
      expect(second.code).toBe(1);
      const { error } = lastLine(second) as { error: { code: string; message: string } };
      expect(error.code).toBe('DATA_DIRECTORY_IN_USE');
      const owner = Number(/process (\d+)/.exec(error.message)?.[1]);
      expect(isRunning(owner)).toBe(true);

      const asked = performance.now();
      system.process.kill(signal);
      const { code } = await system.finished;
      expect(performance.now() - asked).toBeLessThan(5_000);
      expect(code, system.stderr()).toBe(0);
      expect(isRunning(owner)).toBe(false);
      expect(await processesOf(dataDir)).toEqual([]);
    },
    240_000,
  );
});

describe('a replay', () => {
  it('ends with its last minute: exit 1 names it, and what was decided stays', async () => {
    const { path, remove } = temporaryDirectory();
    cleanUp.push(remove);
    const start = epochMs(Date.UTC(2025, 1, 20));
    const market = createGeneratedMarket({ seed: 3, symbols: 4, start: epochMs(start - 20 * DAY_MS), edge: true });
    const end = epochMs(start + 3 * DAY_MS + 5 * MINUTE_MS);
    mkdirSync(join(path, '1m'));
    mkdirSync(join(path, '15m'));
    for (const { symbol } of market.instruments) {
      await writeCandleFile(join(path, '1m', `${symbol}.csv.gz`), market.bars(symbol, start, end));
      const minutes = market.bars(symbol, epochMs(start - 18 * DAY_MS), end);
      await writeCandleFile(join(path, '15m', `${symbol}.csv.gz`), aggregateBars(minutes, '1m', '15m'));
    }
    const args = ['--replay', '1m', '--history', '15m', '--speed', 'max', '--no-ui', '--json', '--data-dir', 'data'];
    const small = ['--set', 'universe.size=4', '--set', 'ml_integration.enabled=false'];
    const within = await runMinutehand(['up', ...args, ...small, '--minutes', '3'], { cwd: path });
    expect(within.code, within.stderr).toBe(0);
    expect(lastLine(within)).toMatchObject({
      cycles: 3,
      missed: 0,
      candles: 12,
      from: '2025-02-23T00:00:00Z',
    });
    const beyond = await runMinutehand(['up', ...args, ...small, '--minutes', '30'], { cwd: path });
    expect(beyond.code).toBe(1);
    expect(lastLine(beyond)).toMatchObject({
      ok: false,
      error: { code: 'REPLAY_ENDED', message: expect.stringContaining('2025-02-23T00:05:00Z') },
    });
    const status = await runMinutehand(['status', '--json', '--data-dir', 'data'], { cwd: path });
    expect(lastLine(status)).toMatchObject({ lastCycle: { minute: '2025-02-23T00:05:00Z' } });
    const verdict = await runMinutehand(
      ['data', 'verify', '--file', '1m/BTCUSDT.csv.gz', '--against', '15m', '--json'],
      { cwd: path },
    );
    expect(verdict.code, verdict.stdout).toBe(0);
    expect(lastLine(verdict)).toMatchObject({ ok: true, bars: 3 * 1_440 + 5, faults: [] });
  }, 240_000);
});

describe('bad input to minutehand up', () => {
  const used = sharedDataDirectory();
  const refused = async (args: readonly string[], env: Record<string, string> = {}) => {
    const finished = await runMinutehand(['up', '--json', '--minutes', '1', ...args], { env });
    expect(finished.stderr + finished.stdout).not.toMatch(/\n\s+at .*:\d+:\d+/);
    const { ok, error } = lastLine(finished) as {
      ok: boolean;
      error: { code: string; message: string; remedy: string };
    };
    expect(ok).toBe(false);
    expect(error.remedy).not.toBe('');
    return { code: finished.code, error };
  };

  it('names a wrong key with its file, line and remedy', async () => {
    const dataDir = dataDirectory();
    mkdirSync(dataDir, { recursive: true });
    const file = join(dataDir, 'system.yaml');
    writeFileSync(file, 'mode: paper\nrisk:\n  max_position: 4\n');
    const { code, error } = await refused(['--config', file, '--data-dir', dataDir]);
    expect(code).toBe(2);
    expect(error.message).toMatch(/system\.yaml:3.*max_position/);
  });

  it('names an occupied port', async () => {
    const blocker = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => blocker.once('listening', resolve));
    cleanUp.push(() => blocker.close());
    const address = blocker.address();
    const port = typeof address === 'object' && address ? address.port : 0;
    const { code, error } = await refused([...SMALL, '--data-dir', used, '--set', `simulator.port=${port}`]);
    expect({ code, error: error.code }).toEqual({ code: 1, error: 'PORT_IN_USE' });
    expect(error.message).toContain(String(port));
  }, 120_000);

  it('names an exchange that cannot be reached', async () => {
    const { code, error } = await refused(['--exchange-url', 'http://127.0.0.1:9', '--data-dir', used]);
    expect({ code, error: error.code }).toEqual({ code: 1, error: 'EXCHANGE_UNREACHABLE' });
  }, 120_000);

  it('names a corrupt file of a replay', async () => {
    const dataDir = dataDirectory();
    const replay = join(dataDir, 'replay');
    mkdirSync(replay, { recursive: true });
    const rows = Array.from(
      { length: 6_000 },
      (_, index) => `${1_750_107_600_000 + index * 60_000},1,2,${index === 5_000 ? 'x' : 1},1,1\n`,
    ).join('');
    writeFileSync(join(replay, 'BTCUSDT.csv'), `open_time_ms,open,high,low,close,volume\n${rows}`);
    const { code, error } = await refused(['--replay', replay, '--data-dir', used]);
    expect([1, 2]).toContain(code);
    expect(error.message).toContain('BTCUSDT.csv');
  }, 120_000);

  it('names a database that cannot be reached, without its password', async () => {
    const env = { DATABASE_URL: 'postgres://trader:s3cret-word@127.0.0.1:9/none' };
    const { code, error } = await refused([...SMALL, '--data-dir', dataDirectory()], env);
    expect({ code, error: error.code }).toEqual({ code: 1, error: 'DATABASE_UNREACHABLE' });
    expect(JSON.stringify(error)).not.toContain('s3cret-word');
  }, 120_000);

  it('names a data directory that cannot be written to', async () => {
    const dataDir = dataDirectory();
    mkdirSync(dataDir, { recursive: true });
    const file = join(dataDir, 'a-file');
    writeFileSync(file, '');
    const { code, error } = await refused([...SMALL, '--data-dir', join(file, 'below')]);
    expect({ code, error: error.code }).toEqual({ code: 1, error: 'DATA_DIRECTORY_UNWRITABLE' });
    expect(existsSync(file)).toBe(true);
  });

  it('refuses live trading without keys', async () => {
    const { code, error } = await refused(['--real', '--set', 'mode=live', '--data-dir', dataDirectory()]);
    expect({ code, error: error.code }).toEqual({ code: 2, error: 'EXCHANGE_KEYS_MISSING' });
  });

  it('refuses a flag it does not know', async () => {
    const { code, error } = await refused(['--sped', '20']);
    expect({ code, error: error.code }).toEqual({ code: 2, error: 'USAGE_INVALID' });
  });
});

describe('the package', () => {
  it('starts from another working directory', async () => {
    const finished = await runMinutehand(['features', 'list', '--json'], { cwd: '/' });
    const { hash, features } = lastLine(finished) as { hash: string; features: unknown[] };
    expect(hash).toMatch(/^[0-9a-f]{64}$/);
    expect(features.length).toBeGreaterThanOrEqual(60);
    expect(existsSync(join(ROOT, 'dist'))).toBe(true);
  });
});
