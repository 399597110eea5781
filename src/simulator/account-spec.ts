import { randomBytes } from 'node:crypto';
import { MinutehandError } from '../core/index.ts';
import { readSecret } from './token.ts';

/** Environment variable that names the accounts: KEY:SECRET[:BALANCE], several with commas between. */
const ACCOUNTS_VARIABLE = 'MINUTEHAND_SIM_ACCOUNTS';
/** What an account starts with unless told otherwise, quote currency. */
export const DEFAULT_BALANCE = '10000';

/** An account of the simulated venue as it is asked for. */
export interface AccountSpec {
  readonly key: string;
  readonly secret: string;
  /** Decimal string, quote currency. */
  readonly balance: string;
}

const ACCOUNT = /^([A-Za-z0-9_-]{8,64}):([A-Za-z0-9_-]{16,64})(?::(\d{1,12}(?:\.\d{1,8})?))?$/;

/**
 * The accounts that the environment names; undefined where it names none.
 * @throws MinutehandError SIMULATOR_ACCOUNTS_INVALID (exit 2); it never shows a secret.
 */
export function accountsFromEnvironment(environment: NodeJS.ProcessEnv = process.env): AccountSpec[] | undefined {
  const given = environment[ACCOUNTS_VARIABLE];
  if (!given) return undefined;
  const accounts = given.split(',').map((text, i) => {
    const [, key, secret, balance = DEFAULT_BALANCE] = ACCOUNT.exec(text.trim()) ?? [];
    if (key === undefined || secret === undefined)
      throw invalid(`account ${i + 1} of ${ACCOUNTS_VARIABLE} is malformed`);
    return { key, secret, balance };
  });
  if (new Set(accounts.map(({ key }) => key)).size < accounts.length) {
    throw invalid(`${ACCOUNTS_VARIABLE} names a key twice`);
  }
  return accounts;
}

/**
 * Key and secret of an account of the simulator on `port` of this machine: the first that MINUTEHAND_SIM_ACCOUNTS names, else the
 * one it made up, where its file is this user's alone.
 */
export function readSimulatorAccount(
  port: number,
  environment: NodeJS.ProcessEnv = process.env,
): Pick<AccountSpec, 'key' | 'secret'> | undefined {
  const [named] = accountsFromEnvironment(environment) ?? [];
  if (named) return { key: named.key, secret: named.secret };
  const [key, secret] = readSecret(port, 'account')?.split(':') ?? [];
  return key && secret ? { key, secret } : undefined;
}

/** An account with a random key and secret. */
export const newAccount = (): AccountSpec => ({
  key: randomBytes(32).toString('hex'),
  secret: randomBytes(32).toString('hex'),
  balance: DEFAULT_BALANCE,
});

const invalid = (message: string) =>
  new MinutehandError(
    'SIMULATOR_ACCOUNTS_INVALID',
    message,
    'Write KEY:SECRET or KEY:SECRET:BALANCE, several with commas between: a key of 8 to 64 and a secret of 16 to 64 letters, digits, - and _.',
    { exitCode: 2 },
  );
