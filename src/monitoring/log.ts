import { pino } from 'pino';
import type { Log, LogFields } from '../core/index.ts';
import { redact, redactText } from './redaction.ts';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

export interface LogOptions {
  readonly level: LogLevel;
  /** Standard error, or the path of a file that is appended to (created with mode 0600). Never standard output. */
  readonly destination: 'stderr' | { readonly file: string };
  /** `json`: one object per line; `text`: one readable line. */
  readonly format: 'json' | 'text';
  /** Stands in every entry, such as `{ process: 'engine' }`. */
  readonly fields?: LogFields;
}

/** A log whose destination can be closed. */
export interface OpenLog extends Log {
  /** Writes out what is buffered. */
  flush(): void;
}

/**
 * The log of a process: synchronous, so that nothing is lost when it dies; entries carry the real time, secrets are
 * replaced by asterisks.
 * @throws when the file cannot be opened.
 */
export function createLog(options: LogOptions): OpenLog {
  const stream =
    options.destination === 'stderr'
      ? pino.destination({ dest: 2, sync: true })
      : pino.destination({ dest: options.destination.file, sync: true, append: true, mkdir: true, mode: 0o600 });
  const logger = pino(
    {
      level: options.level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      messageKey: 'message',
      formatters: { level: (label) => ({ level: label }) },
    },
    options.format === 'json' ? stream : { write: (line: string) => void stream.write(formatLine(line)) },
  );
  return { ...wrap(logger.child(redact(options.fields ?? {}) as object)), flush: () => stream.flushSync() };
}

type PinoLogger = ReturnType<typeof pino>;

function wrap(logger: PinoLogger): Log {
  const writeAt = (level: LogLevel) => (fields: LogFields, message: string) => {
    if (logger.isLevelEnabled(level)) logger[level](redact(fields) as object, redactText(message));
  };
  return {
    debug: writeAt('debug'),
    info: writeAt('info'),
    warn: writeAt('warn'),
    error: writeAt('error'),
    child: (fields) => wrap(logger.child(redact(fields) as object)),
  };
}

/** `2026-01-02T03:04:05.678Z WARN  symbol left out symbol=BTCUSDT reason=CANDLE_MISSING` */
function formatLine(json: string): string {
  const { time, level, message, ...fields } = JSON.parse(json) as Record<string, unknown>;
  const rest = Object.entries(fields).map(([name, value]) => ` ${name}=${textOf(value)}`);
  return `${time} ${String(level).toUpperCase().padEnd(5)} ${message}${rest.join('')}\n`;
}

const textOf = (value: unknown): string =>
  typeof value === 'string' && /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value);
