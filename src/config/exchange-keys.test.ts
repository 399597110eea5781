import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { messageOf } from '../core/index.ts';
import { type Environment, exchangeKeySources, readExchangeKeys, requireExchangeKeys } from './exchange-keys.ts';
import { configSchema } from './schema.ts';

const folder = mkdtempSync(join(tmpdir(), 'minutehand-keys-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
writeFileSync(join(folder, 'secret'), 'secret-from-a-file\n');
writeFileSync(join(folder, 'empty'), '\n');

const [KEY, SECRET] = ['key-of-the-account', 'secret-of-the-account'];
const BOTH = { MINUTEHAND_EXCHANGE_KEY: KEY, MINUTEHAND_EXCHANGE_SECRET: SECRET };
const refusal = (env: Environment): string => {
  try {
    readExchangeKeys(env, folder);
  } catch (error) {
    expect(error).toMatchObject({ code: 'EXCHANGE_KEYS_INVALID', exitCode: 2 });
    return messageOf(error);
  }
  throw new Error('the keys were accepted');
};

describe('keys of an exchange account', () => {
  it('come from the environment, each half also from a file', () => {
    expect(readExchangeKeys({}, folder)).toBeUndefined();
    expect(readExchangeKeys(BOTH, folder)).toEqual({ key: KEY, secret: SECRET });
    const mixed = { MINUTEHAND_EXCHANGE_KEY: KEY, MINUTEHAND_EXCHANGE_SECRET_FILE: 'secret' };
    expect(readExchangeKeys(mixed, folder)).toEqual({ key: KEY, secret: 'secret-from-a-file' });
    expect(exchangeKeySources(mixed)).toEqual([
      { variable: 'MINUTEHAND_EXCHANGE_KEY', where: 'MINUTEHAND_EXCHANGE_KEY' },
      { variable: 'MINUTEHAND_EXCHANGE_SECRET', where: 'MINUTEHAND_EXCHANGE_SECRET_FILE' },
    ]);
  });

  it('are refused by halves, doubled, unreadable or malformed, without being shown', () => {
    expect(refusal({ MINUTEHAND_EXCHANGE_KEY: KEY })).toContain('MINUTEHAND_EXCHANGE_SECRET is not');
    expect(refusal({ ...BOTH, MINUTEHAND_EXCHANGE_SECRET_FILE: 'secret' })).toContain('both set');
    expect(refusal({ ...BOTH, MINUTEHAND_EXCHANGE_SECRET: 'two words' })).not.toContain('two words');
    expect(refusal({ MINUTEHAND_EXCHANGE_KEY_FILE: 'absent' })).toContain('cannot be read');
    expect(refusal({ MINUTEHAND_EXCHANGE_KEY_FILE: 'empty' })).toContain('is empty');
  });

  it('are asked for where orders go to an exchange elsewhere', () => {
    const require = (given: object, env: Environment = {}) => {
      const config = configSchema.parse(given);
      return () => requireExchangeKeys(config, env, folder);
    };
    const missing = expect.objectContaining({ code: 'EXCHANGE_KEYS_MISSING', exitCode: 2 });
    expect(require({ mode: 'live', exchange: { real: true } })).toThrow(missing);
    expect(require({ mode: 'live', exchange: { url: 'https://exchange.example' } })).toThrow(missing);
    expect(require({ mode: 'live', exchange: { real: true } }, BOTH)).not.toThrow();
    // The simulated exchange has an account of its own, paper none.
    expect(require({ mode: 'live', exchange: { url: 'http://127.0.0.1:9000' } })).not.toThrow();
    expect(require({ mode: 'live' })).not.toThrow();
    expect(require({ mode: 'paper', exchange: { real: true } })).not.toThrow();
  });
});
