import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import {
  lastLine,
  runMinutehand,
  SMALL,
  SMALL_SYMBOLS,
  startMinutehand,
  temporaryDirectory,
  until,
} from '../support/minutehand.ts';

const cleanUp: (() => unknown)[] = [];
afterEach(async () => {
  for (const step of cleanUp.splice(0).reverse()) await step();
});

describe('commands to the engine', () => {
  it('take effect at the next start where none runs, and at once where one does; a halt outlives restarts', async () => {
    const { path, remove } = temporaryDirectory();
    cleanUp.push(remove);
    const dataDir = join(path, 'data');
    const call = async (...args: string[]) => {
      const finished = await runMinutehand([...args, '--json', '--data-dir', dataDir]);
      return { code: finished.code, ...lastLine(finished) };
    };
    // What a book obeys does not depend on a model, which would have to be fitted first.
    const small = [...SMALL.filter((flag) => flag !== '--no-ui'), '--set', 'ml_integration.enabled=false'];
    const minutes = ['up', ...small, '--speed', 'max', '--minutes', '3'];
    expect(await call(...minutes)).toMatchObject({ code: 0, cycles: 3 });
    expect(await call('status')).toMatchObject({ risk: { mode: 'ACTIVE' }, capital: { priced: SMALL_SYMBOLS } });
    expect(await call('config', 'check')).toMatchObject({ code: 0, ok: true, capital: { priced: SMALL_SYMBOLS } });

    expect(await call('trade', 'halt', '--reason', 'maintenance')).toMatchObject({
      state: 'pending',
      engine: 'stopped',
    });
    expect(await call(...minutes)).toMatchObject({ code: 0, cycles: 3 });
    expect(await call('status')).toMatchObject({
      risk: { mode: 'HALTED', latches: [{ reason: 'RISK_HALTED', text: 'maintenance' }] },
    });

    const system = startMinutehand(['up', ...small, '--speed', '20', '--data-dir', dataDir]);
    cleanUp.push(() => system.process.kill('SIGKILL'));
    await until(() => /risk +HALTED: RISK_HALTED/.test(system.stdout()), 'a minute of the halted book', 150_000);
    expect(await call('trade', 'resume')).toMatchObject({ code: 0, state: 'applied', outcome: 'ACTIVE' });
    expect(await call('trade', 'close-all', '--yes')).toMatchObject({ code: 0, state: 'applied', outcome: 'HALTED' });
    system.process.kill('SIGTERM');
    expect((await system.finished).code).toBe(0);
    expect(await call('status')).toMatchObject({
      risk: { mode: 'HALTED', latches: [{ reason: 'RISK_CLOSE_ALL', actor: expect.stringMatching(/^cli:/) }] },
    });
  }, 300_000);
});
