import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { lastLine, runMinutehand, startMinutehand, temporaryDirectory, until } from '../support/minutehand.ts';

const cleanUp: (() => unknown)[] = [];
afterEach(async () => {
  for (const step of cleanUp.splice(0).reverse()) await step();
});

const freePort = () =>
  new Promise<number>((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });

/** Positions that need no model, so that nothing has to be fitted. */
const CONFIGURATION = (port: number, dataDir: string) => `
mode: live
data_dir: ${dataDir}
universe: { size: 6 }
exchange: { url: "http://127.0.0.1:${port}" }
strategies:
  - { name: hold, kind: buy-and-hold, decide_every: 1m, hold_for: 1d, cooldown: 1m, gross_exposure: 0.2 }
risk:
  ramp: { applies: never }
`;

describe('live trading, rehearsed at a simulated exchange', () => {
  it('only reduces until it is armed; then account and book agree, also after the engine was killed, until all is closed', async () => {
    const { path, remove } = temporaryDirectory();
    cleanUp.push(remove);
    const port = await freePort();
    const file = join(path, 'system.yaml');
    writeFileSync(file, CONFIGURATION(port, join(path, 'data')));
    const common = ['--config', file, '--set', 'ml_integration.enabled=false'];
    const call = async (...args: string[]) => {
      const finished = await runMinutehand([...args, '--json', ...common]);
      return { code: finished.code, ...lastLine(finished) };
    };
    const exchange = startMinutehand(['sim', 'serve', '--generate', '5', '--speed', '60', '--port', String(port)]);
    cleanUp.push(() => exchange.process.kill('SIGKILL'));
    await until(() => /listening|http:/.test(exchange.stdout() + exchange.stderr()), 'the exchange', 60_000);

    const system = startMinutehand(['up', ...common]);
    cleanUp.push(() => system.process.kill('SIGKILL'));
    await until(() => /RISK_NOT_ARMED/.test(system.stdout()), 'a minute that is not armed', 150_000);
    expect(system.stdout()).toMatch(/account at .*: agrees with the book/);
    expect((await runMinutehand(['trade', 'arm', '--capital', '5000', '--for', '1d', ...common])).code).toBe(3);
    expect(
      await call('trade', 'arm', '--capital', '5000', '--for', '1d', '--confirm', 'arm main for 5000 USDT'),
    ).toMatchObject({ code: 0, state: 'applied', outcome: 'ACTIVE' });

    const stops = async () => {
      const { orders } = (await call('trade', 'orders', '--open')) as unknown as {
        orders: { purpose: string; status: string }[];
      };
      return orders.filter(({ purpose, status }) => purpose === 'stop' && status === 'ACCEPTED').length;
    };
    await until(async () => (await stops()) > 1, 'positions under stops', 120_000);
    const looked = await call('trade', 'reconcile');
    expect(looked, JSON.stringify(looked)).toMatchObject({ code: 0, agrees: true, differences: [] });

    const { lease } = (await call('status')) as unknown as { lease: { holder: string } };
    process.kill(Number(lease.holder.split('/')[1]), 'SIGKILL');
    await call('trade', 'close-all', '--yes');
    await until(
      async () => {
        const found = (await call('trade', 'reconcile')) as { agrees?: boolean; positions?: object };
        return found.agrees === true && Object.keys(found.positions ?? { none: 0 }).length === 0;
      },
      'an account without positions that agrees with the book',
      120_000,
    );
    system.process.kill('SIGTERM');
    expect((await system.finished).code).toBe(0);
  }, 300_000);
});
