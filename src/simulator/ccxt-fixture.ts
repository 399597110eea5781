import ccxt from 'ccxt';

export type Ccxt = InstanceType<typeof ccxt.pro.binanceusdm>;

/**
 * Unmodified ccxt, its addresses turned to the simulator: what a client has to do, and nothing else. With an account its requests
 * are signed at the time that `now` gives.
 */
export async function ccxtAt(
  url: string,
  account?: { readonly key: string; readonly secret: string; readonly now: () => number },
): Promise<Ccxt> {
  const exchange = new ccxt.pro.binanceusdm({
    ...(account ? { apiKey: account.key, secret: account.secret } : {}),
    options: { fetchMargins: false, fetchCurrencies: false },
    enableRateLimit: false,
  });
  const { host } = new URL(url);
  const turned = (value: unknown): unknown => {
    if (typeof value === 'string') {
      return value.replace(/^(https?|wss?):\/\/[^/]+/, (_, scheme: string) =>
        scheme.startsWith('ws') ? `ws://${host}` : `http://${host}`,
      );
    }
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, turned(inner)]));
  };
  exchange.urls.api = turned(exchange.urls.api) as (typeof exchange.urls)['api'];
  if (account) exchange.nonce = account.now;
  await exchange.loadHttpProxyAgent();
  return exchange;
}
