import { describe, expect, it } from 'vitest';
import { MinutehandError, messageOf, RejectedError, TransientError, UnknownOutcomeError } from './errors.ts';

describe('errors', () => {
  it('carry what happened, what to do next and how the process ends', () => {
    const cause = new Error('socket closed');
    const error = new MinutehandError('DATABASE_UNREACHABLE', 'no answer', 'Start it.', { cause });
    expect(error).toMatchObject({
      code: 'DATABASE_UNREACHABLE',
      message: 'no answer',
      remedy: 'Start it.',
      exitCode: 1,
    });
    expect(error.cause).toBe(cause);
    expect(new MinutehandError('X_Y', 'm', 'r', { exitCode: 3 }).exitCode).toBe(3);
    expect('cause' in new MinutehandError('X_Y', 'm', 'r')).toBe(false);
  });

  it('tell the three kinds apart', () => {
    const transient = new TransientError('SOURCE_RATE_LIMITED', 'slow down', 'Wait.', { retryAfterMs: 500 });
    const rejected = new RejectedError('ORDER_REJECTED', 'no', 'Correct it.');
    const unknown = new UnknownOutcomeError('ORDER_UNKNOWN', 'no answer', 'Ask.');
    expect([transient, rejected, unknown].map(({ name }) => name)).toEqual([
      'TransientError',
      'RejectedError',
      'UnknownOutcomeError',
    ]);
    expect([transient, rejected, unknown].every((error) => error instanceof MinutehandError)).toBe(true);
    expect(rejected).not.toBeInstanceOf(TransientError);
    expect(transient.retryAfterMs).toBe(500);
    expect(new TransientError('X_Y', 'm', 'r').retryAfterMs).toBeUndefined();
  });
});

describe('messageOf', () => {
  it('gives one line for anything thrown', () => {
    expect(messageOf(new Error(' two\n  lines '))).toBe('two lines');
    expect(messageOf('text')).toBe('text');
    expect(messageOf(undefined)).toBe('undefined');
    expect(messageOf(new TypeError())).toBe('TypeError');
  });

  it('looks into errors that hold others and say nothing themselves', () => {
    const refused = ['::1', '127.0.0.1'].map((host) => new Error(`connect ECONNREFUSED ${host}:5432`));
    expect(messageOf(new AggregateError(refused))).toBe(
      'connect ECONNREFUSED ::1:5432; connect ECONNREFUSED 127.0.0.1:5432',
    );
    expect(messageOf(new AggregateError(refused, 'no database'))).toBe('no database');
    expect(messageOf(new AggregateError([]))).toBe('AggregateError');
  });
});
