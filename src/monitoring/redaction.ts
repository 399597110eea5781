const REDACTED = '********';
const SECRET_NAME =
  /^(pass(word|wd|phrase)?|.*password|secret|.*secret|token|.*token|api_?key|.*private_?key|authorization|cookie)$/i;
const URL_PASSWORD = /\b([a-z][a-z0-9+.-]*:\/\/[^\s/:@]*):[^\s/@]+@/gi;
const QUERY_PASSWORD = /([?&](?:password|pass|secret|token|apikey|api_key|signature)=)[^\s&#"']+/gi;
const DEEPEST = 8;

/** A text without the passwords of the URLs in it. */
export function redactText(text: string): string {
  return text.replace(URL_PASSWORD, `$1:${REDACTED}@`).replace(QUERY_PASSWORD, `$1${REDACTED}`);
}

/**
 * A copy of a log entry's fields without secrets: values named like one are replaced, passwords in URLs are taken out, errors become
 * their message and code.
 */
export function redact(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return redactText(value);
  if (typeof value === 'bigint') return value.toString();
  if (typeof value !== 'object' || value === null) return value;
  if (depth >= DEEPEST) return '…';
  if (value instanceof Error) {
    const code = 'code' in value ? { code: value.code } : {};
    return { name: value.name, message: redactText(value.message), ...code };
  }
  if (value instanceof Map) return redact(Object.fromEntries(value), depth);
  if (value instanceof Set) return redact([...value], depth);
  if (value instanceof Date) return value.toISOString();
  if (ArrayBuffer.isView(value)) return `${value.constructor.name} of ${value.byteLength} bytes`;
  if (Array.isArray(value)) return value.map((item) => redact(item, depth + 1));
  return Object.fromEntries(
    Object.entries(value).map(([name, below]) => [
      name,
      SECRET_NAME.test(name) && below !== null && below !== undefined ? REDACTED : redact(below, depth + 1),
    ]),
  );
}
