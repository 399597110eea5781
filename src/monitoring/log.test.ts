import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { Log } from '../core/index.ts';
import { createLog, type LogOptions } from './log.ts';

const folder = mkdtempSync(join(tmpdir(), 'minutehand-log-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let files = 0;
/** What `write` leaves in a log file. */
function written(options: Partial<LogOptions>, write: (log: Log) => void): string {
  const file = join(folder, 'logs', `${files++}.log`);
  const log = createLog({ level: 'info', format: 'json', ...options, destination: { file } });
  write(log);
  log.flush();
  expect(statSync(file).mode & 0o077).toBe(0);
  return readFileSync(file, 'utf8');
}

describe('createLog', () => {
  it('writes one JSON object per entry, with the fields of its parents', () => {
    const text = written({ fields: { process: 'engine' } }, (log) => {
      log.child({ book: 'main' }).warn({ symbol: 'BTCUSDT', reason: 'CANDLE_MISSING' }, 'left out');
    });
    expect(JSON.parse(text)).toEqual({
      level: 'warn',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
      process: 'engine',
      book: 'main',
      symbol: 'BTCUSDT',
      reason: 'CANDLE_MISSING',
      message: 'left out',
    });
  });

  it('writes readable lines', () => {
    const text = written({ format: 'text' }, (log) => log.info({ n: 3, name: 'two words', plain: 'x' }, 'started'));
    expect(text).toMatch(/^\S+Z INFO {2}started n=3 name="two words" plain=x\n$/);
  });

  it('leaves out what is below its level', () => {
    const text = written({ level: 'warn' }, (log) => {
      log.debug({}, 'one');
      log.info({}, 'two');
      log.error({}, 'three');
    });
    expect(text.trim().split('\n')).toHaveLength(1);
    expect(text).toContain('three');
  });

  it('never writes a secret', () => {
    const text = written({}, (log) => {
      log.child({ apiKey: 'hunter2' }).error(
        {
          password: 'hunter2',
          nested: { token: 'hunter2', list: [{ clientSecret: 'hunter2' }] },
          url: 'postgres://me:hunter2@db:5432/x',
          query: 'https://x/y?a=1&signature=hunter2&b=2',
          error: new Error('cannot reach postgres://me:hunter2@db/x'),
          env: new Map([['simulatorToken', 'hunter2']]),
        },
        'failed at postgres://me:hunter2@db/x',
      );
    });
    expect(text).not.toContain('hunter2');
    expect(text).toContain('postgres://me:********@db:5432/x');
    expect(text).toContain('cannot reach');
  });

  it('writes what JSON cannot hold', () => {
    const cyclic: Record<string, unknown> = { big: 12n, bytes: new Uint8Array(4), at: new Date(0), set: new Set([1]) };
    cyclic.self = cyclic;
    const entry = JSON.parse(written({}, (log) => log.info({ cyclic, nothing: null }, 'odd')));
    expect(entry.cyclic).toMatchObject({
      big: '12',
      bytes: 'Uint8Array of 4 bytes',
      at: '1970-01-01T00:00:00.000Z',
      set: [1],
    });
    expect(entry.nothing).toBeNull();
  });

  it('keeps standard output free', () => {
    const program = `
      import { createLog } from ${JSON.stringify(join(import.meta.dirname, 'log.ts'))};
      createLog({ level: 'debug', destination: 'stderr', format: 'text' }).debug({}, 'to stderr');
    `;
    const { stdout, stderr } = spawnSync(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', program], {
      encoding: 'utf8',
    });
    expect(stdout).toBe('');
    expect(stderr).toContain('to stderr');
  });
});
