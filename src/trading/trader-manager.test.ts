import { describe, expect, it } from 'vitest';
import { type Broker, epochMs, silentLog, systemClock } from '../core/index.ts';
import { type Trader, TraderManager } from './trader-manager.ts';

const NOW = epochMs(1_750_000_000_000);
const clock = { ...systemClock, now: () => NOW };

const idleBroker: Broker = {
  restore: async () => undefined,
  submit: async () => undefined,
  cancel: async () => undefined,
  events: async () => [],
};

class TestTrader implements Trader {
  readonly account: string;
  readonly broker = idleBroker;
  isReconciled = false;
  readonly calls: string[] = [];
  /** What the next call throws. */
  fault: Error | undefined;

  constructor(account: string) {
    this.account = account;
  }

  async start() {
    this.calls.push('start');
    this.#fail();
    this.isReconciled = true;
  }

  async stop() {
    this.calls.push('stop');
    this.isReconciled = false;
    this.#fail();
  }

  #fail() {
    const { fault } = this;
    this.fault = undefined;
    if (fault) throw fault;
  }
}

function setUp() {
  const [first, second] = [new TestTrader('first'), new TestTrader('second')];
  const manager = new TraderManager([first, second], { clock, log: silentLog });
  const reasons = (account: string) => manager.standing(account).latches.map(({ mode, reason }) => `${mode} ${reason}`);
  return { first, second, manager, reasons };
}

describe('the trader manager', () => {
  it('lets nothing be ordered before an account is connected and reconciled', async () => {
    const { manager, first, reasons } = setUp();
    expect(reasons('first')).toEqual(['HALTED TRADER_NOT_RECONCILED']);
    expect(await manager.run('first', async () => 'done')).toBeUndefined();
    await manager.start();
    expect(manager.standings.map(({ account, state }) => `${account} ${state}`)).toEqual([
      'first running',
      'second running',
    ]);
    expect(reasons('first')).toEqual([]);
    expect(await manager.run('first', async ({ account }) => account)).toBe('first');
    first.isReconciled = false;
    expect(reasons('first')).toEqual(['HALTED TRADER_NOT_RECONCILED']);
    await manager.stop();
    await manager.stop();
    expect(first.calls).toEqual(['start', 'stop']);
    expect(manager.standing('first').state).toBe('stopped');
  });

  it('halts the one that fails, with the reason, and leaves the others running', async () => {
    const { manager, first, second, reasons } = setUp();
    first.fault = new Error('the key is refused');
    await manager.start();
    expect(manager.standing('first')).toMatchObject({
      state: 'halted',
      latches: [{ mode: 'HALTED', reason: 'TRADER_FAILED', actor: 'trader', since: NOW, text: 'the key is refused' }],
    });
    expect(manager.standing('second').state).toBe('running');
    const broken = async () => {
      throw new Error('an answer nobody understands');
    };
    expect(await manager.run('second', broken)).toBeUndefined();
    expect(manager.standing('second').latches[0]?.text).toBe('an answer nobody understands');
    await manager.start('first');
    expect(reasons('first')).toEqual([]);
    expect(first.calls).toEqual(['start', 'stop', 'start']);
    second.fault = new Error('the socket is gone');
    await manager.stop();
    expect(manager.standing('first').state).toBe('stopped');
  });

  it('pauses an account, which then only reduces, over stop and start', async () => {
    const { manager, reasons } = setUp();
    await manager.start();
    manager.pause('first', 'maintenance');
    manager.pause('first', 'later');
    await manager.stop('first');
    await manager.start('first');
    expect(reasons('first')).toEqual(['REDUCING TRADER_PAUSED']);
    expect(manager.standing('first').latches[0]?.text).toBe('maintenance');
    expect(reasons('second')).toEqual([]);
    manager.resume('first');
    expect(reasons('first')).toEqual([]);
  });

  it('brings starts and stops that cross into order', async () => {
    const { manager, first } = setUp();
    await Promise.all([manager.start('first'), manager.stop('first'), manager.start('first')]);
    expect(first.calls).toEqual(['start', 'stop', 'start']);
    expect(manager.standing('first').state).toBe('running');
  });

  it('refuses two traders of one account, and accounts it does not know', () => {
    const twice = [new TestTrader('same'), new TestTrader('same')];
    expect(() => new TraderManager(twice, { clock, log: silentLog })).toThrow('two traders share an account');
    expect(() => setUp().manager.standing('third')).toThrow('no trader of account third');
  });
});
