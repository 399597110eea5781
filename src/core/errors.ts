/** What the process exits with: 1 failed, 2 wrong usage or configuration, 3 refused for safety. */
export type FailureExitCode = 1 | 2 | 3;

/** An error a user can act on: what happened, to what, and what to do next. It never shows a stack trace. */
export class MinutehandError extends Error {
  /** Stable, upper case, `CATEGORY_CONDITION`. */
  readonly code: string;
  readonly remedy: string;
  readonly exitCode: FailureExitCode;

  constructor(
    code: string,
    message: string,
    remedy: string,
    options: { exitCode?: FailureExitCode; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'MinutehandError';
    this.code = code;
    this.remedy = remedy;
    this.exitCode = options.exitCode ?? 1;
  }
}

/** Retry with back-off and a deadline: the request had no effect, and a later one may succeed. */
export class TransientError extends MinutehandError {
  /** How long the other side asked to wait, if it did. */
  readonly retryAfterMs: number | undefined;

  constructor(code: string, message: string, remedy: string, options: { cause?: unknown; retryAfterMs?: number } = {}) {
    super(code, message, remedy, options.cause === undefined ? {} : { cause: options.cause });
    this.name = 'TransientError';
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** Definite refusal: repeating the same request is refused again. */
export class RejectedError extends MinutehandError {
  override name = 'RejectedError';
}

/** The request may or may not have had its effect: find out before acting. */
export class UnknownOutcomeError extends MinutehandError {
  override name = 'UnknownOutcomeError';
}

/** The message of anything thrown, on one line; of several errors in one, those of each. */
export function messageOf(error: unknown): string {
  const text = error instanceof Error ? error.message || messageWithin(error) : String(error);
  return text.replace(/\s*\n\s*/g, ' ').trim();
}

/** A refused connection to a name with two addresses has no message of its own. */
function messageWithin(error: Error): string {
  const parts = error instanceof AggregateError ? (error.errors as unknown[]).map(messageOf) : [];
  return [...new Set(parts)].join('; ') || error.name;
}
