import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { silentLog } from '../../src/core/index.ts';
import { marketFromOptions, type Simulator, startSimulator } from '../../src/simulator/index.ts';
import { runCommand } from '../support/command-line.ts';
import { temporaryDirectory } from '../support/minutehand.ts';

let simulator: Simulator;
let folder: ReturnType<typeof temporaryDirectory>;
beforeAll(async () => {
  folder = temporaryDirectory();
  const market = await marketFromOptions({ generate: 7, edge: false });
  simulator = await startSimulator({ market, port: 0, speed: 1, log: silentLog });
});
afterAll(async () => {
  await simulator?.close();
  folder?.remove();
});

const dryFire = (...args: string[]) =>
  runCommand(['trade', 'dry-fire', ...args], { folder: folder.path, databaseUrl: 'postgres://127.0.0.1:9/none' });

describe('minutehand trade dry-fire', () => {
  it('proves the account of a simulated exchange, without a store', async () => {
    const { code, stdout } = await dryFire('--exchange-url', simulator.url, '--json');
    const report = JSON.parse(stdout);
    expect(report, stdout).toMatchObject({ ok: true, symbol: 'BTCUSDT', left: null });
    expect(report.steps.map(({ name }: { name: string }) => name)).toContain('verify');
    expect(code).toBe(0);
    const shown = await dryFire('--exchange-url', simulator.url, '--symbol', 'ethusdt');
    expect(shown.stdout).toMatch(/ok {4}place +\d+ ms {2}buy .* post-only: accepted\n/);
    expect(shown.stdout).toMatch(/the account works: ETHUSDT placed in \d+ ms, cancelled in \d+ ms\n$/);
  });

  it('refuses where no exchange, no keys or no such symbol is named', async () => {
    expect(await dryFire()).toMatchObject({ code: 2, stderr: expect.stringContaining('no exchange is named') });
    expect(await dryFire('--real')).toMatchObject({ code: 2, stderr: expect.stringContaining('no keys') });
    expect(await dryFire('--exchange-url', 'http://exchange.example')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('unencrypted'),
    });
    expect((await dryFire('--exchange-url', simulator.url, '--symbol', 'NOUSDT')).code).toBe(1);
  });
});
