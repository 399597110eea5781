import ccxt from 'ccxt';

/** Unmodified ccxt, its addresses turned to the simulator: what a client has to do, and nothing else. */
export async function ccxtAt(url: string): Promise<InstanceType<typeof ccxt.pro.binanceusdm>> {
  const exchange = new ccxt.pro.binanceusdm({
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
  await exchange.loadHttpProxyAgent();
  return exchange;
}
