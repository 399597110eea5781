import { describe, expect, it } from 'vitest';
import { ConfigInvalidError } from '../config/index.ts';
import { MinutehandError, TransientError } from '../core/index.ts';
import { asMinutehandError, reportFailure, reportResult, toJsonLine, usageError } from './output.ts';
import type { Terminal } from './terminal.ts';

function recordingTerminal(env: Record<string, string> = {}, fault?: NodeJS.ErrnoException) {
  const written = { stdout: '', stderr: '' };
  const stream = (name: 'stdout' | 'stderr') => ({
    write(text: string, done?: (error?: Error | null) => void) {
      written[name] += text;
      done?.(fault);
    },
  });
  const terminal: Terminal = { stdout: stream('stdout'), stderr: stream('stderr'), env };
  return { terminal, written };
}

const systemError = (code: string) => Object.assign(new Error(`something ${code}`), { code });

describe('reportResult', () => {
  it('writes one JSON object as the only line of stdout with --json', async () => {
    const { terminal, written } = recordingTerminal();
    await reportResult(terminal, { json: true }, { ok: true, totalMs: 12 }, () => ['for people']);
    expect(written).toEqual({ stdout: '{"ok":true,"totalMs":12}\n', stderr: '' });
  });

  it('writes lines for people without it', async () => {
    const { terminal, written } = recordingTerminal();
    await reportResult(terminal, { json: false }, { ok: true }, () => ['one', 'two']);
    expect(written.stdout).toBe('one\ntwo\n');
  });

  it('takes a reader that went away for no failure, and any other fault of the stream for one', async () => {
    const gone = recordingTerminal({}, systemError('EPIPE'));
    await reportResult(gone.terminal, { json: true }, {}, () => []);
    const full = recordingTerminal({}, systemError('ENOSPC'));
    await expect(reportResult(full.terminal, { json: true }, {}, () => [])).rejects.toThrow('ENOSPC');
  });
});

describe('reportFailure', () => {
  it('says what happened and what to do, without a stack trace', async () => {
    const { terminal, written } = recordingTerminal();
    const exitCode = await reportFailure(
      terminal,
      { json: false },
      new MinutehandError('PORT_IN_USE', 'port 8080 is taken', 'Choose another with --port.'),
    );
    expect(exitCode).toBe(1);
    expect(written).toEqual({ stdout: '', stderr: 'error: port 8080 is taken\nremedy: Choose another with --port.\n' });
  });

  it('reports the same as one JSON object with --json', async () => {
    const { terminal, written } = recordingTerminal();
    const error = new MinutehandError('LEASE_HELD', 'refused', 'Stop it first.', { exitCode: 3 });
    expect(await reportFailure(terminal, { json: true }, error)).toBe(3);
    expect(JSON.parse(written.stdout)).toEqual({
      ok: false,
      error: { code: 'LEASE_HELD', message: 'refused', remedy: 'Stop it first.' },
    });
    expect(written.stdout.trimEnd()).not.toContain('\n');
  });

  it('lists several faults one per line', async () => {
    const { terminal, written } = recordingTerminal();
    const problem = (key: string) => ({
      where: 'config/system.yaml:1',
      key,
      problem: 'no such key',
      remedy: 'drop it',
    });
    expect(await reportFailure(terminal, { json: false }, new ConfigInvalidError([problem('a'), problem('b')]))).toBe(
      2,
    );
    expect(written.stderr.split('\n').slice(0, 3)).toEqual([
      'error: the configuration has 2 faults',
      '  config/system.yaml:1: a: no such key; drop it',
      '  config/system.yaml:1: b: no such key; drop it',
    ]);
  });

  it('shows the stack and its causes when asked to', async () => {
    const { terminal, written } = recordingTerminal({ MINUTEHAND_DEBUG: '1' });
    const cause = new Error('the first fault');
    await reportFailure(terminal, { json: false }, new MinutehandError('X_FAILED', 'second', 'Retry.', { cause }));
    expect(written.stderr).toMatch(/output\.test\.ts/);
    expect(written.stderr).toContain('caused by: Error: the first fault');
  });
});

describe('asMinutehandError', () => {
  it.each([
    ['EADDRINUSE', 'PORT_IN_USE'],
    ['EACCES', 'PERMISSION_DENIED'],
    ['ENOSPC', 'DISK_FULL'],
    ['ECONNREFUSED', 'CONNECTION_REFUSED'],
  ])('knows the system failure %s as %s', (code, expected) => {
    const error = asMinutehandError(systemError(code));
    expect(error.code).toBe(expected);
    expect(error.exitCode).toBe(1);
    expect(error.remedy).not.toBe('');
  });

  it('calls what nobody foresaw an internal error, whatever was thrown', () => {
    for (const thrown of [new TypeError('x is undefined'), 'text', undefined, null, { code: 'EACCES' }]) {
      expect(asMinutehandError(thrown)).toMatchObject({ code: 'INTERNAL_ERROR', exitCode: 1 });
    }
  });

  it('leaves errors of our own as they are', () => {
    const error = new TransientError('SOURCE_UNAVAILABLE', 'no answer', 'Wait.');
    expect(asMinutehandError(error)).toBe(error);
    expect(usageError('unknown flag', 'See --help.')).toMatchObject({ code: 'USAGE_INVALID', exitCode: 2 });
  });
});

describe('toJsonLine', () => {
  it('writes what JSON has no form for', () => {
    const line = toJsonLine({
      cash: 12n,
      values: new Float32Array([1, 2]),
      map: new Map([['a', 1]]),
      set: new Set(['x']),
      notANumber: Number.NaN,
      absent: undefined,
    });
    expect(JSON.parse(line)).toEqual({ cash: '12', values: [1, 2], map: { a: 1 }, set: ['x'], notANumber: null });
  });
});
