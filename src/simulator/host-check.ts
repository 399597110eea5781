const LOOPBACK = new Set(['localhost', '127.0.0.1', '[::1]']);
const WILDCARDS = new Set(['0.0.0.0', '::']);

/**
 * Whether a request was meant for this server: a page in a browser that was tricked into asking a loopback address (DNS
 * rebinding, cross-site requests) names another host or origin. A server told to listen everywhere takes any Host, yet no
 * foreign Origin.
 */
export function isAllowedOrigin(
  listening: string,
  { host, origin }: { readonly host?: string | undefined; readonly origin?: string | undefined },
): boolean {
  const named = nameOf(host ?? '');
  const own = (name: string) => LOOPBACK.has(name) || name === listening || name === `[${listening}]`;
  if (!own(named) && !WILDCARDS.has(listening)) return false;
  if (origin === undefined) return true;
  try {
    const from = new URL(origin).hostname;
    return own(from) || from === named;
  } catch {
    return false;
  }
}

const nameOf = (host: string): string => host.replace(/:\d+$/, '').toLowerCase();
