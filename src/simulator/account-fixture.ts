import { createHmac } from 'node:crypto';
import type { AccountSpec } from './account-spec.ts';
import { type Ccxt, ccxtAt } from './ccxt-fixture.ts';
import { fixtureMarket } from './market-fixture.ts';
import type { SimulatorOptions } from './server.ts';
import { startBench, type TestBench } from './simulator-fixture.ts';
import { type Listener, listenTo } from './websocket-fixture.ts';

export const TEST_ACCOUNT: AccountSpec = { key: 'key-of-a-test', secret: 'secret-of-a-test', balance: '10000' };

type Fields = Readonly<Record<string, string | number | boolean | undefined>>;

export interface AccountBench extends TestBench {
  /** A signed request; `parameters` may override `timestamp`. Answers status and body; throws if the connection is cut. */
  signed(
    method: string,
    path: string,
    parameters?: Fields,
    credentials?: { key?: string; secret?: string },
  ): Promise<{ status: number; body: Record<string, unknown> & { code?: number } }>;
  ccxt(): Promise<Ccxt>;
  /** A listener on the account's own stream. */
  userStream(): Promise<Listener>;
}

/** A venue with one account on a walk of three symbols, each bar trading 10 to 100. */
export async function startAccountBench(options: Partial<SimulatorOptions> = {}): Promise<AccountBench> {
  const bench = await startBench({ market: fixtureMarket({}), accounts: [TEST_ACCOUNT], ...options });
  const { url } = bench.simulator;
  const signed: AccountBench['signed'] = async (method, path, parameters = {}, credentials = {}) => {
    const { key = TEST_ACCOUNT.key, secret = TEST_ACCOUNT.secret } = credentials;
    const fields = Object.entries({ timestamp: bench.simulator.status().now, ...parameters });
    const sent = fields.filter(([, value]) => value !== undefined);
    const text = new URLSearchParams(sent.map(([name, value]): [string, string] => [name, String(value)])).toString();
    const signature = createHmac('sha256', secret).update(text).digest('hex');
    const whole = `${text}&signature=${signature}`;
    const isInUrl = method === 'GET' || method === 'DELETE';
    const response = await fetch(`${url}${path}${isInUrl ? `?${whole}` : ''}`, {
      method,
      headers: { 'x-mbx-apikey': key, 'content-type': 'application/x-www-form-urlencoded' },
      ...(isInUrl ? {} : { body: whole }),
    });
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  };
  return {
    ...bench,
    signed,
    ccxt: () => ccxtAt(url, { ...TEST_ACCOUNT, now: () => bench.simulator.status().now }),
    userStream: async () => {
      const { body } = await signed('POST', '/fapi/v1/listenKey');
      return listenTo(url, `/private/ws?listenKey=${String(body.listenKey)}`);
    },
  };
}
