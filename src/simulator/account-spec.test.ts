import { describe, expect, it } from 'vitest';
import { accountsFromEnvironment, newAccount, readSimulatorAccount } from './account-spec.ts';
import { startBench } from './simulator-fixture.ts';

const KEY = 'an-account-key';
const SECRET = 'its-long-enough-secret';

describe('the accounts of a simulated venue', () => {
  it('come from the environment, with a balance of their own or the usual one', () => {
    const MINUTEHAND_SIM_ACCOUNTS = `${KEY}:${SECRET}:250.5, another-key:${SECRET}`;
    expect(accountsFromEnvironment({ MINUTEHAND_SIM_ACCOUNTS })).toEqual([
      { key: KEY, secret: SECRET, balance: '250.5' },
      { key: 'another-key', secret: SECRET, balance: '10000' },
    ]);
    expect(accountsFromEnvironment({})).toBeUndefined();
    expect(readSimulatorAccount(1, { MINUTEHAND_SIM_ACCOUNTS })).toEqual({ key: KEY, secret: SECRET });
  });

  it.each([
    ['a key without a secret', KEY],
    ['a short secret', `${KEY}:short`],
    ['a balance that is none', `${KEY}:${SECRET}:much`],
    ['a key twice', `${KEY}:${SECRET},${KEY}:${SECRET}`],
  ])('are refused for %s, without showing a secret', (_what, MINUTEHAND_SIM_ACCOUNTS) => {
    const refused = expect(() => accountsFromEnvironment({ MINUTEHAND_SIM_ACCOUNTS }));
    refused.toThrow(expect.objectContaining({ code: 'SIMULATOR_ACCOUNTS_INVALID', exitCode: 2 }));
    refused.toThrow(expect.not.objectContaining({ message: expect.stringContaining(SECRET) }));
  });

  it('are made up otherwise, never the same, and left for programs of the same user while it runs', async () => {
    expect(newAccount().secret).toMatch(/^[0-9a-f]{64}$/);
    expect(newAccount().secret).not.toBe(newAccount().secret);
    const bench = await startBench();
    const { port, accounts } = bench.simulator;
    const [account] = accounts;
    expect(readSimulatorAccount(port, {})).toEqual({ key: account?.key, secret: account?.secret });
    await bench.close();
    expect(readSimulatorAccount(port, {})).toBeUndefined();
  });
});
